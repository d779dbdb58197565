import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { callbackProtocols } from '../csdl/capabilities.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Plan } from '../plan/plan.ts'
import { printMessage } from '../protocol/http-message.ts'
import { parseAccept } from '../protocol/media-type.ts'
import { type HttpRequest, type HttpResponse, requestLike } from '../protocol/message.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import { whole } from '../protocol/whole.ts'
import type { Core } from './core.ts'
import { type Exchange, ownerOf } from './exchange.ts'
import { failure } from './failure.ts'
import { decodeResponse, encodeResponse, type WholeResponse } from './stored-response.ts'

/**
 * Asynchronous requests (Protocol 11.6): a client that prefers respond-async is answered 202 with the URL of a status monitor, which gives
 * the answer once it is there. Answers are records of the store, so that any process can give them; only who asked gets them.
 */

/** Seconds for which an answer can be fetched, from the request on. */
const keptSeconds = 86_400
/** Seconds that a client should wait between two looks. */
const retryAfter = '1'
const pathPrefix = '/$monitor/'
/** Bytes of an answer at the most: it must fit a document of the store. */
const largestAnswer = 12_582_912

/** Protocols of callbacks that are made. */
export const madeCallbacks: readonly string[] = ['http', 'https']

const started = 'async'
const answered = 'async-answer'

/** What is known of a request from its beginning. */
interface Begun {
  readonly owner: string
  /** milliseconds since 1970 after which nobody works on it any more */
  readonly deadline: number
}

/** Requests of this process that are being executed. */
export class AsyncRequests {
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>()
  readonly #hosts: ReadonlySet<string>

  /** @param callbackHosts `host` or `host:port` that may be told of results */
  constructor(callbackHosts: readonly string[] = []) {
    this.#hosts = new Set(callbackHosts.map((host) => host.toLowerCase()))
  }

  /**
   * Whether a URL may be called back (Protocol 8.2.8.2): nobody makes this service ask whom its operator did not name.
   * @param protocols that the model says (Capabilities.CallbackSupported)
   */
  mayCall(url: string | undefined, protocols: readonly string[] = madeCallbacks): url is string {
    if (url === undefined || !URL.canParse(url)) return false
    const { protocol, host, username, password } = new URL(url)
    const scheme = protocol.slice(0, -1)
    const spoken = madeCallbacks.includes(scheme) && protocols.includes(scheme)
    return spoken && username + password === '' && this.#hosts.has(host)
  }

  add(id: string, abort: AbortController, done: Promise<void>): void {
    this.#running.set(id, { abort, done })
    done.finally(() => this.#running.delete(id))
  }

  cancel(id: string): void {
    this.#running.get(id)?.abort.abort()
  }

  /** Gives up what is running; who waits for it is told so. */
  async close(): Promise<void> {
    const running = [...this.#running.values()]
    for (const { abort } of running) abort.abort()
    await Promise.all(running.map(({ done }) => done))
  }
}

/** Whether a request is to be answered later; requests of a batch, and uploads, never are. */
export function prefersAsync({ request, part }: Exchange, plan: Plan): boolean {
  if (part !== undefined || request.headers.prefer === undefined) return false
  return parsePrefer(request.headers.prefer).respondAsync && !('stream' in plan && plan.stream !== undefined)
}

/**
 * Executes a request behind the answer to it.
 * @param run executes it, with an exchange that does not end with the client's connection
 * @param finish adds the headers of every answer
 * @returns 202, or the answer itself where it is there before the client's `wait` is over
 */
export async function respondLater(
  core: Core,
  exchange: Exchange,
  plan: Plan,
  run: (exchange: Exchange) => Promise<HttpResponse> | HttpResponse,
  finish: (exchange: Exchange, response: HttpResponse) => HttpResponse,
): Promise<HttpResponse> {
  const { wait, callback } = parsePrefer(exchange.request.headers.prefer)
  const { bodyBytes, batchBytes, asyncTime } = core.limits
  const body =
    exchange.request.method === 'GET'
      ? undefined
      : await exchange.request.body(plan.kind === 'batch' ? batchBytes : bodyBytes)
  const abort = new AbortController()
  const request = requestLike(exchange.request, { body: () => Promise.resolve(body), signal: abort.signal })
  const inner: Exchange = { ...exchange, request }
  const answer = async (): Promise<WholeResponse> => {
    let response: WholeResponse
    try {
      response = await within(
        Promise.resolve(run(inner)).then((found) => whole(finish(inner, found))),
        abort,
        asyncTime,
      )
      if ((response.body?.length ?? 0) > largestAnswer)
        throw new ODataError(
          'payloadTooLarge',
          `The answer is larger than the ${largestAnswer} bytes that can be kept.`,
        )
    } catch (thrown) {
      response = await whole(finish(inner, failure(core, inner, thrown)))
    }
    return exchange.request.method === 'HEAD' ? { ...response, body: undefined } : response
  }
  const answering = answer()
  if (wait !== undefined && wait > 0) {
    const early = await Promise.race([answering, pause(Math.min(wait * 1000, asyncTime))])
    if (early) return early
  }

  const id = randomUUID()
  const owner = ownerOf(exchange)
  const begun: Begun = { owner, deadline: Date.now() + asyncTime + 5_000 }
  await core.records.create(started, id, Buffer.from(JSON.stringify(begun)), keptSeconds)
  const calls = core.asyncRequests.mayCall(callback, protocolsOf(core, plan)) ? callback : undefined
  core.asyncRequests.add(id, abort, keep(core, id, answering, calls))
  const headers: Record<string, string> = {
    Location: exchange.root + pathPrefix.slice(1) + id,
    'Retry-After': retryAfter,
    'Preference-Applied': calls === undefined ? 'respond-async' : 'respond-async, callback',
  }
  return { status: 202, headers, body: undefined }
}

/** What the model says of callbacks, of the entity set before that of all. */
function protocolsOf({ model }: Core, plan: Plan): readonly string[] | undefined {
  const root = 'source' in plan ? plan.source?.root : undefined
  const ofSet = root?.kind === 'entitySet' ? callbackProtocols(root) : undefined
  return ofSet ?? (model.container && callbackProtocols(model.container))
}

/** Stores an answer once it is there, unless it has been cancelled. Never rejects. */
async function keep(
  core: Core,
  id: string,
  answering: Promise<WholeResponse>,
  callback: string | undefined,
): Promise<void> {
  try {
    const value = encodeResponse(await answering, {})
    if ((await core.records.read(started, id)) === undefined) return
    await core.records.create(answered, id, value, keptSeconds)
  } catch (error) {
    core.log?.error({ err: error }, 'the answer to an asynchronous request could not be kept')
  }
  if (callback !== undefined)
    await fetch(callback, { redirect: 'error', signal: AbortSignal.timeout(10_000) }).then(
      (response) => response.body?.cancel(),
      (error: unknown) => core.log?.warn({ err: error }, 'a callback could not be made'),
    )
}

/** @throws ODataError storeUnavailable where it takes longer, or is given up */
async function within<T>(work: Promise<T>, abort: AbortController, milliseconds: number): Promise<T> {
  const timer = setTimeout(() => abort.abort(), milliseconds)
  const over = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () =>
      reject(new ODataError('storeUnavailable', 'The asynchronous request was given up before it was done.')),
    )
  })
  over.catch(() => {})
  work.catch(() => {})
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, undefined).unref())
}

/** The id in the URL of a status monitor; undefined: it is another URL. */
export function monitorOf({ target }: HttpRequest): string | undefined {
  if (!target.startsWith(pathPrefix)) return undefined
  const mark = target.indexOf('?')
  return target.slice(pathPrefix.length, mark < 0 ? undefined : mark)
}

/**
 * GET and DELETE of a status monitor.
 * @throws ODataError resourceNotFound: there is none, it was cancelled, its time is over, or it is somebody else's
 */
export async function monitor(core: Core, exchange: Exchange, id: string): Promise<HttpResponse> {
  const { request } = exchange
  const record = /^[0-9a-f-]{36}$/.test(id) ? await core.records.read(started, id) : undefined
  const begun = record && (JSON.parse(Buffer.from(record).toString('utf8')) as Begun)
  if (begun?.owner !== ownerOf(exchange)) throw new ODataError('resourceNotFound', 'There is no such status monitor.')
  if (request.method === 'DELETE') {
    await core.records.remove(started, id)
    core.asyncRequests.cancel(id)
    await core.records.remove(answered, id)
    return { status: 204, headers: {}, body: undefined }
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new ODataError('methodNotAllowed', 'A status monitor can be read and deleted.', {
      headers: { Allow: 'GET, HEAD, DELETE' },
    })
  const value = await core.records.read(answered, id)
  if (value !== undefined) return asResult(exchange, decodeResponse(value).response)
  if (Date.now() > begun.deadline) {
    // whoever worked on it is gone
    const lost = new ODataError('storeUnavailable', 'The asynchronous request was given up before it was done.')
    return asResult(exchange, await whole(failure(core, exchange, lost)))
  }
  const headers = { Location: exchange.root + pathPrefix.slice(1) + id, 'Retry-After': retryAfter }
  return { status: 202, headers, body: undefined }
}

/**
 * The answer as an HTTP message for who wants one, or by itself with its status in AsyncResult (Protocol 8.3.1, 11.6). Without an
 * Accept the version of the answer decides: clients of 4.0 like Olingo send no header at all.
 */
function asResult({ request, version }: Exchange, response: WholeResponse): HttpResponse {
  const { accept } = request.headers
  const asMessage =
    accept === undefined
      ? version === '4.0'
      : parseAccept(accept).some(({ type, subtype }) => type === 'application' && subtype === 'http')
  if (asMessage)
    return {
      status: 200,
      headers: { 'Content-Type': 'application/http', 'Content-Transfer-Encoding': 'binary' },
      body: printMessage(response),
    }
  return { status: 200, headers: { ...response.headers, AsyncResult: String(response.status) }, body: response.body }
}
