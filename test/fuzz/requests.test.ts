import { randomInt } from 'node:crypto'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { payload } from '../support/payloads.ts'
import {
  bookshopModel,
  embeddedForTests,
  graphModel,
  type RunningService,
  type ServiceSettings,
  startService,
} from '../support/running-service.ts'
import { type HostileRequest, hostileRequest } from './hostile.ts'

const long = process.env.ODATUM_TEST_LONG === '1'
const seed = Number(process.env.ODATUM_TEST_SEED ?? randomInt(2 ** 31))

/** Milliseconds after which a request counts as hanging; the slowest lawful one takes a fraction, on a loaded machine too. */
const patience = 15_000

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

describe(`hostile requests, seed ${seed}`, () => {
  const running = {} as Record<HostileRequest['service'], RunningService>
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const faults: unknown[] = []
  const met = new Map<number, number>()

  beforeAll(async () => {
    const log = { error: (fields: object) => faults.push(fields), warn: () => undefined }
    const settings: ServiceSettings = { enforcePermissions: false, log, compress: true, limits: { pageSize: 20 } }
    running.payloads = await startService(graphModel, embeddedForTests(), settings)
    running.bookshop = await startService(bookshopModel, embeddedForTests(), settings)
    running.measurements = await startService('test/differential/measurements.xml', embeddedForTests(), settings)
    for (let i = 0; i < 8; i++) {
      await running.payloads.send('POST', '/onPremEncryptedPayloads', payload({ status: i }))
      await running.bookshop.send('POST', '/Books', { Title: `t${i}`, Price: i, Tags: ['new'] })
      await running.bookshop.send('POST', '/Authors', { ID: i, Name: `n${i}` })
      await running.bookshop.send('POST', '/StockLevels', { Shop: 'a', Shelf: i, Copies: i, Place: { City: 'c' } })
      await running.measurements.send('POST', '/Measurements', { Number: i, Double: i / 2, Text: 'ab', Places: [{}] })
    }
  })
  afterAll(async () => {
    agent.destroy()
    for (const service of Object.values(running)) await service.stop()
  })

  const send = ({ service, method, target, headers, body }: HostileRequest): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const { hostname, port, pathname } = new URL(running[service].root)
      const length = body === undefined ? {} : { 'Content-Length': String(body.length) }
      const request = httpRequest(
        { agent, hostname, port, method, path: pathname + target, headers: { ...headers, ...length } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
          )
        },
      )
      request.setTimeout(patience, () => request.destroy(new Error(`no answer within ${patience} ms`)))
      request.on('error', reject)
      request.end(body)
    })

  it(`are never answered with a fault of the service (${long ? 50_000 : 2_000})`, { timeout: 1_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(hostileRequest, async (request) => {
        const answer = await send(request)
        met.set(answer.status, (met.get(answer.status) ?? 0) + 1)
        const unforeseen = faults.splice(0)
        checkAnswer(request, answer, unforeseen)
        expect(unforeseen).toEqual([])
      }),
      { seed, numRuns: long ? 50_000 : 2_000 },
    )
    for (const service of Object.values(running)) expect((await service.get('/')).status).toBe(200)
    // not vacuous: a good part was understood, a good part refused, and bodies were read
    const all = [...met].join(' ')
    expect(met.get(200) ?? 0, all).toBeGreaterThan(50)
    expect(met.get(201) ?? 0, all).toBeGreaterThan(10)
    expect(met.get(400) ?? 0, all).toBeGreaterThan(200)
  })

  it('survives bytes that are no HTTP', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }))
        .map(([path, header]) =>
          Buffer.concat([
            Buffer.from('GET /beta/'),
            path,
            Buffer.from(' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: '),
            header,
            Buffer.from('\r\n\r\n'),
          ]),
        ),
      fc
        .constantFrom('Content-Length: 5', 'Transfer-Encoding: chunked', 'Content-Length: 99999999999')
        .map((header) =>
          Buffer.from(
            `POST /beta/onPremEncryptedPayloads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${header}\r\n\r\n{"a`,
          ),
        ),
    )
    await fc.assert(
      fc.asyncProperty(line, async (bytes) => {
        const text = await exchange(running.payloads, bytes)
        // node refuses what is no HTTP before the service sees it, by a bare 400; nothing else answers without OData-Version
        const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 'none'
        expect(Number(status === 'none' ? 400 : status), text).toBeLessThan(500)
        if (status !== 'none' && !/^HTTP\/1\.1 4\d\d [^\r]*\r\nConnection: close\r\n\r\n/.test(text))
          expect(text).toMatch(/\r\nOData-Version: 4\.0\r\n/i)
      }),
      { seed, numRuns: long ? 2_000 : 100 },
    )
    expect((await running.payloads.get('/')).status).toBe(200)
  })
})

/** Sends bytes, ends its side, and gives what comes back. */
function exchange(service: RunningService, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(service.root).port), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.setTimeout(patience, () => socket.destroy(new Error(`no end within ${patience} ms`)))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.end(bytes)
  })
}

function unpacked(body: Buffer, encoding: unknown): Buffer {
  if (body.length === 0) return body
  return encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body
}

function checkAnswer({ method }: HostileRequest, { status, headers, body: sent }: Answer, faults: unknown): void {
  const body = unpacked(sent, headers['content-encoding'])
  const text = body.toString('utf8')
  const shown = `${status} ${text.slice(0, 500)} ${inspect(faults)}`
  expect(status === 501 || status < 500, shown).toBe(true)
  expect(['4.0', '4.01'], shown).toContain(headers['odata-version'])
  if (method === 'HEAD' || status === 204 || status === 304) {
    expect(body.length).toBe(0)
    return
  }
  const json = String(headers['content-type']).startsWith('application/json')
  if (status < 300) {
    if (json) JSON.parse(text)
    return
  }
  expect(json, shown).toBe(true)
  const { error, ...rest } = JSON.parse(text) as { error: Record<string, unknown> }
  expect(rest).toEqual({})
  expect(error.code, shown).toMatch(/^\w+$/)
  expect(String(error.message), shown).toMatch(/\S/)
  expect(Object.keys(error).filter((name) => !errorMembers.includes(name))).toEqual([])
  if (error.target !== undefined) expect(typeof error.target).toBe('string')
  if (status === 501) expect(String(error.message)).toMatch(/[$\w]+.* (?:not implemented|cannot)/)
}

/** JSON Format 21.1 */
const errorMembers = ['code', 'message', 'target', 'details', 'innererror', 'innerError']
