import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join, relative } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Authenticate } from '../auth/principal.ts'
import { readModel } from '../csdl/read-model.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { createService, type ListeningService } from '../http/create-service.ts'
import { explainListener } from '../http/explain-listener.ts'
import type { Finished } from '../http/listener.ts'
import type { Store } from '../store/port.ts'
import { UsageError } from './flags.ts'
import { Log } from './log.ts'
import type { ServeOptions } from './serve-options.ts'

/** Milliseconds that running requests are given when the process is told to stop. */
const grace = 10_000

/** Bytes of request headers; node's own 16 KiB answers 431 before odatum can say which limit was met. */
const headerBytes = 65_536

/** `odatum serve`: runs until it is told to stop. @returns the exit code */
export async function serve(given: ServeOptions, version: string): Promise<number> {
  const options = given.port === 0 ? { ...given, port: await freePort(given.host) } : given
  const log = new Log(options.logLevel, options.workers > 1 ? { pid: process.pid } : {})
  if (options.workers > 1 && cluster.isPrimary) return superviseWorkers(options, version, log)
  const model = await readModel(options.file)
  const store = await storeOf(options)
  const service = await createService({
    model,
    store,
    basePath: options.basePath,
    root: options.publicUrl ?? `http://localhost:${options.port}${options.basePath}`,
    ...authenticationOf(options, await authenticate(options)),
    protocol: options.protocol,
    lookUpForeignKeys: options.lookUpForeignKeys,
    limits: options.limits,
    log,
    serverTiming: options.serverTiming,
    explain: options.explain,
    compress: options.compress,
    ...(options.cors ? { cors: options.cors } : {}),
    ...(log.isEnabled('info')
      ? {
          onFinished: (request: IncomingMessage, response: ServerResponse, finished: Finished) =>
            logRequest(log, request, response, finished),
        }
      : {}),
  }).catch((error: unknown) => {
    throw unreachable(options, error)
  })
  const server = createServer(
    // an upload may take as long as it keeps coming: bodies have limits of their own (http/body.ts)
    { maxHeaderSize: headerBytes, requestTimeout: 0, headersTimeout: 60_000 },
    front(service, log, () => openApiText(model, options)),
  )
  // of silence, either way
  server.setTimeout(120_000)
  server.on('clientError', refuseUnreadable)
  const stopped = stopSignal()
  await listen(server, options)
  if (!cluster.isWorker) await announce(options, version, model.container?.children.keys().next().value)
  // so that the first request does not wait for it
  setImmediate(() => log.open())
  await stopped
  await shutDown(server, service, log)
  return 0
}

function authenticationOf(options: ServeOptions, authenticate: Authenticate | undefined) {
  return { enforcePermissions: options.auth.kind !== 'none', ...(authenticate ? { authenticate } : {}) }
}

/** Loads the code that checks tokens only where tokens are checked. */
async function authenticate(options: ServeOptions): Promise<Authenticate | undefined> {
  const { auth } = options
  if (auth.kind === 'none') return undefined
  const { bearerAuthentication } = await import('../auth/bearer.ts')
  if (auth.kind === 'bearer') return bearerAuthentication(auth.options)
  const { localKey, localKeyOptions } = await import('../auth/local-key.ts')
  return bearerAuthentication(localKeyOptions(await localKey(options.data)))
}

/** What a store that is not there means at the start, when nothing was asked of it yet. */
function unreachable({ mongodb }: ServeOptions, error: unknown): unknown {
  if (mongodb === undefined || !(error instanceof ODataError) || error.code !== 'storeUnavailable') return error
  const reason = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return new UsageError(`MongoDB cannot be reached at ${withoutPassword(mongodb)}${reason}`)
}

/** Loads the code of the store in use only: a driver that nobody asked for would be a fifth of the start. */
async function storeOf({ mongodb, data }: ServeOptions): Promise<Store> {
  if (mongodb !== undefined) return (await import('../mongo/store.ts')).mongoStore(mongodb)
  return (await import('../embedded/store.ts')).embeddedStore({ path: join(data, 'store') })
}

/** The service has the socket first; what is not below its path goes to Express: health, and whatever else stands beside it. */
function front(service: ListeningService, log: Log, openApi: () => Promise<string>) {
  // made when it is first asked for: the service does not wait for it
  let app: ReturnType<typeof besides> | undefined
  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    app ??= besides(service, log, openApi)
    app.then(
      (answer) => answer(request, response),
      (error: unknown) => {
        log.error({ err: error }, 'express could not be loaded')
        response.writeHead(500).end()
      },
    )
  }
  const own = new Set(['/healthz', '/readyz', '/openapi.json'])
  const explained = service.explain && explainListener(service.explain)
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (explained && request.url?.split('?', 1)[0] === '/explain') explained(request, response)
    else if (own.has(request.url ?? '')) pass(request, response)
    else service.listener(request, response, () => pass(request, response))
  }
}

async function besides(service: ListeningService, log: Log, openApi: () => Promise<string>) {
  const { default: express } = await import('express')
  const app = express()
  let document: Promise<string> | undefined
  app.disable('x-powered-by')
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok')
  })
  app.get('/readyz', async (_request, response) => {
    try {
      await service.ready()
      response.type('text/plain').send('ready')
    } catch (error) {
      log.warn({ err: error }, 'not ready')
      response.status(503).type('text/plain').send('not ready')
    }
  })
  // Open to everybody, like $metadata.
  app.get('/openapi.json', async (_request, response) => {
    document ??= openApi()
    response.type('application/json').send(await document)
  })
  return app
}

async function openApiText(model: Model, options: ServeOptions): Promise<string> {
  const { describeInTurns } = await import('./openapi.ts')
  const root = options.publicUrl ?? `http://localhost:${options.port}${options.basePath}`
  const { graph = false, defaultVersion = '4.0' } = options.protocol
  // the command line has no handlers of operations
  return JSON.stringify(await describeInTurns(model, { root, graph, version: defaultVersion, operations: false }))
}

/** What node cannot read as HTTP never reaches the service; its answer is OData all the same (Protocol 9.5). */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headerTooLarge', `The headers are larger than ${headerBytes} bytes.`]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'requestTimeout', 'The request did not arrive in time.']
        : ['400 Bad Request', 'badRequest', 'The request is not readable as HTTP.']
  const body = JSON.stringify({ error: { code, message } })
  socket.end(
    `HTTP/1.1 ${status}\r\nOData-Version: 4.0\r\nContent-Type: application/json;charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** One line a request: never a query string, a token or a payload; keys in the path are part of it. */
function logRequest(
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
  { milliseconds, requestId }: Finished,
): void {
  log.info(
    {
      requestId,
      method: request.method,
      path: (request.url ?? '').split('?', 1)[0],
      status: response.statusCode,
      ms: Math.round(milliseconds * 100) / 100,
      ...(response.writableFinished ? {} : { aborted: true }),
    },
    'request',
  )
}

/** Links name the port, so it is chosen before the service is made; workers are told which one. */
const chosenPort = 'ODATUM_CHOSEN_PORT'

async function freePort(host: string): Promise<number> {
  const chosen = Number(process.env[chosenPort])
  if (cluster.isWorker && chosen > 0) return chosen
  const probe = createServer()
  await listen(probe, { port: 0, host })
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function listen(server: Server, { port, host }: Pick<ServeOptions, 'port' | 'host'>): Promise<void> {
  try {
    server.listen({ port, host, ...(host === '::' ? { ipv6Only: false } : {}) })
    await once(server, 'listening')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE') throw new UsageError(`port ${port} is in use: choose another with --port`)
    if (code === 'EACCES')
      throw new UsageError(`port ${port} may not be opened by this user: choose one above 1023 with --port`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new UsageError(`this machine has no address '${host}'`)
    throw error
  }
}

async function announce(options: ServeOptions, version: string, firstChild: string | undefined): Promise<void> {
  const root = options.publicUrl ?? `http://localhost:${options.port}${options.basePath}`
  const store =
    options.mongodb === undefined ? `embedded, in ${options.data}` : `MongoDB, ${withoutPassword(options.mongodb)}`
  const data = relative(process.cwd(), options.data)
  const token = `$(npx odatum token${data === 'data' ? '' : ` --data ${data}`} --all ${options.file})`
  const header = options.auth.kind === 'local' ? ` -H "Authorization: Bearer ${token}"` : ''
  process.stdout.write(
    `odatum ${version} serves ${options.file}\n` +
      `  service  ${root}\n` +
      `  store    ${store}\n` +
      (options.auth.kind === 'local' ? `  sign-in  local development key (this machine only)\n` : '') +
      (options.auth.kind === 'none' ? `  sign-in  none: everybody who reaches this address may read and write\n` : '') +
      `  try      curl${header} ${root}/${firstChild ?? ''}\n`,
  )
}

/** Passwords of connection strings never reach a log. */
function withoutPassword(uri: string): string {
  return uri.replace(/\/\/[^@/]*@/, '//***@')
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
    if (cluster.isWorker) process.once('disconnect', resolve)
  })
}

/** Takes no new requests, lets running ones finish, closes the store. */
async function shutDown(server: Server, service: ListeningService, log: Log): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  const cut = setTimeout(() => {
    log.warn({}, 'requests still running are cut off')
    server.closeAllConnections()
  }, grace)
  await closed
  clearInterval(idle)
  clearTimeout(cut)
  await service.close()
}

async function superviseWorkers(options: ServeOptions, version: string, log: Log): Promise<number> {
  const model = await readModel(options.file)
  if (options.auth.kind === 'local') await (await import('../auth/local-key.ts')).localKey(options.data)
  const fork = (): void => void cluster.fork({ [chosenPort]: String(options.port) })
  let stopping = false
  let failed = 0
  let listening = 0
  const stopped = stopSignal()
  cluster.on('listening', () => {
    listening++
    if (listening === options.workers) void announce(options, version, model.container?.children.keys().next().value)
  })
  const ended = new Promise<void>((resolve) => {
    cluster.on('exit', (worker, code, signal) => {
      if (!stopping && listening >= options.workers) {
        log.error({ worker: worker.process.pid, code, signal }, 'a worker ended; another takes its place')
        fork()
        return
      }
      if (!stopping && code !== 0) failed = code || 1
      if (Object.keys(cluster.workers ?? {}).length === 0) resolve()
      else if (failed) for (const other of Object.values(cluster.workers ?? {})) other?.process.kill('SIGTERM')
    })
  })
  for (let i = 0; i < options.workers; i++) fork()
  await Promise.race([
    stopped.then(() => {
      stopping = true
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
    }),
    ended,
  ])
  await ended
  return failed
}
