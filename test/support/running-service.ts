import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { afterAll, beforeAll, describe } from 'vitest'
import { readModel } from '../../src/csdl/read-model.ts'
import { embeddedStore } from '../../src/embedded/store.ts'
import { createService, type ListeningService } from '../../src/http/create-service.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import type { Store } from '../../src/store/port.ts'
import { freshDatabase, mongodb } from './mongod.ts'

/** A service of a test, over sockets. */
export interface RunningService {
  /** absolute service root, without trailing slash */
  readonly root: string
  readonly service: ListeningService
  /** fetch below the root */
  get(path: string, headers?: Record<string, string>): Promise<Response>
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  /** closes the service and starts another on the same data */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** `root`: the public URL of the service where it is another than the one the test asks, as behind a proxy. */
export type ServiceSettings = Omit<Parameters<typeof createService>[0], 'model' | 'store'>

export const graphModel = 'metadata/microsoft.graph.xml'
export const bookshopModel = 'examples/bookshop.xml'
export const graphSettings: ServiceSettings = { protocol: { graph: true }, enforcePermissions: false }

/** Where the data of a test's service lies, and how a store is opened on it, again and again. */
export interface StoreForTests {
  open(): Store
  remove(): Promise<void> | void
}

export function embeddedForTests(): StoreForTests {
  const folder = mkdtempSync(join(tmpdir(), 'odatum-test-'))
  return { open: () => embeddedStore({ path: folder }), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** @param database where the data are; one of its own where not said */
export function mongoForTests(uri: string, database = freshDatabase(uri)): StoreForTests {
  return { open: () => mongoStore(database), remove: () => undefined }
}

/** Starts a service on a free port, through the plain listener or inside an Express app. */
export async function startService(
  file: string,
  data: StoreForTests,
  settings: ServiceSettings,
  mount: 'plain' | 'express' = 'plain',
): Promise<RunningService> {
  let current: ListeningService
  // as the command line does: what is too long is refused by the service, in its own words
  const server = createServer({ maxHeaderSize: 65_536 })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const root = `http://127.0.0.1:${port}/beta`
  const model = await readModel(file)
  const open = async (): Promise<void> => {
    // most tests make rows whose foreign keys lead nowhere; foreign-keys.test.ts asks for what services do by themselves
    current = await createService({ root, lookUpForeignKeys: false, ...settings, model, store: data.open() })
    await current.ready()
    server.removeAllListeners('request')
    server.on('request', mount === 'plain' ? current.listener : express().use('/beta', current.listener))
  }
  await open()
  const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(root + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  return {
    root,
    get service() {
      return current
    },
    get: (path, headers) => send('GET', path, undefined, headers),
    send,
    restart: async () => {
      await current.close()
      await open()
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await current.close()
      await data.remove()
    },
  }
}

/** Runs the tests of a feature on both stores, through the plain listener and through Express. */
export function onEveryService(
  name: string,
  file: string,
  settings: ServiceSettings,
  tests: (running: () => RunningService) => void,
  mounts: readonly ('plain' | 'express')[] = ['plain', 'express'],
): void {
  const { uri, reason } = mongodb()
  for (const store of ['embedded', 'mongodb'] as const)
    for (const mount of mounts) {
      const missing = store === 'mongodb' && uri === undefined
      describe.skipIf(missing)(`${name} (${store}, ${mount}${missing ? `: ${reason}` : ''})`, () => {
        let running: RunningService
        beforeAll(async () => {
          const data = store === 'embedded' ? embeddedForTests() : mongoForTests(uri ?? '')
          running = await startService(file, data, settings, mount)
        })
        afterAll(() => running?.stop())
        tests(() => running)
      })
    }
}

/** The same on both stores, through the plain listener: for what the way into the service makes no difference to. */
export function onEveryStore(
  name: string,
  file: string,
  settings: ServiceSettings,
  tests: (running: () => RunningService) => void,
): void {
  onEveryService(name, file, settings, tests, ['plain'])
}

/** A request exactly as written: fetch would tidy paths and refuse some headers. */
export function rawRequest(
  root: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<{
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  trailers: NodeJS.Dict<string>
}> {
  const url = new URL(root)
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: url.hostname,
        port: url.port,
        path: url.pathname + path,
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString('utf8'),
            trailers: response.trailers,
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(options.body)
  })
}
