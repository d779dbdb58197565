import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeSet, multipart, type ReadPart, readMultipart } from '../support/multipart.ts'
import { bookshopModel, embeddedForTests, type RunningService, startService } from '../support/running-service.ts'
import { type HostileRequest, hostileRequest, mutated } from './hostile.ts'

const long = process.env.ODATUM_TEST_LONG === '1'
const seed = Number(process.env.ODATUM_TEST_SEED ?? randomInt(2 ** 31))
const numRuns = long ? 10_000 : 400

describe(`hostile batches, seed ${seed}`, () => {
  let running: RunningService
  const faults: unknown[] = []
  const met = new Map<number, number>()
  const note = (status: number): void => {
    met.set(status, (met.get(status) ?? 0) + 1)
    expect(status === 501 || status < 500, String(status)).toBe(true)
  }

  beforeAll(async () => {
    const log = { error: (fields: object) => faults.push(fields), warn: () => undefined }
    running = await startService(bookshopModel, embeddedForTests(), { enforcePermissions: false, log })
    await running.send('POST', '/Authors', { ID: 1, Name: 'n' })
  })
  afterAll(() => running?.stop())

  /** a URL, or a reference to another request */
  const url = (target: string, n: number): string =>
    n < 3 ? `$${n}${target.replace(/^\/\w*/, '')}` : target.replace(/^\//, '')
  const lawful = fc.nat(1_000_000).map(
    (id): HostileRequest => ({
      service: 'bookshop',
      method: 'POST',
      target: '/Authors',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(JSON.stringify({ ID: id, Name: 'lawful' })),
    }),
  )
  const steps = fc.array(
    fc.record({
      request: fc.oneof({ weight: 4, arbitrary: hostileRequest }, { weight: 1, arbitrary: lawful }),
      reference: fc.nat(12),
      group: fc.nat(4),
      depends: fc.array(fc.nat(6), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  const settings = { seed, numRuns }

  it('of JSON are never answered with a fault of the service', { timeout: 1_200_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(9), fc.gen(), async (all, breaking, gen) => {
        const requests = all.map(({ request, reference, group, depends }, i) => ({
          id: String(i),
          method: request.method,
          url: url(request.target, reference),
          headers: request.headers,
          ...(request.body === undefined || ['GET', 'HEAD', 'DELETE'].includes(request.method)
            ? {}
            : { body: bodyOf(request) }),
          ...(group === 0 ? { atomicityGroup: `g${i}` } : {}),
          ...(depends.every((id) => id < i) ? { dependsOn: depends.map(String) } : {}),
        }))
        const whole = JSON.stringify({ requests })
        const text = breaking === 0 ? gen(mutated, fc.constant(whole)) : whole
        const answer = await running.send('POST', '/$batch', text)
        const body = await answer.text()
        expect(faults.splice(0)).toEqual([])
        note(answer.status)
        if (answer.status !== 200) return
        for (const { status } of (JSON.parse(body) as { responses: { status: number }[] }).responses) note(status)
      }),
      settings,
    )
    const seen = JSON.stringify([...met])
    for (const status of [200, 201, 400, 404, 424])
      expect(met.get(status) ?? 0, `${status} of ${seen}`).toBeGreaterThan(3)
  })

  it('of multipart are never answered with a fault of the service', { timeout: 1_200_000 }, async () => {
    met.clear()
    const part = (request: HostileRequest, reference: number, id: number): string =>
      [
        'Content-Type: application/http',
        `Content-ID: ${id}`,
        '',
        `${request.method} ${url(request.target, reference)} HTTP/1.1`,
        ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`),
        '',
        request.body?.toString('latin1') ?? '',
      ].join('\r\n')
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(6), fc.gen(), async (all, breaking, gen) => {
        const parts = all.map(({ request, reference, group }, i) => {
          const one = part(request, reference, i)
          return group === 0 ? changeSet(one) : one
        })
        const whole = multipart('b', ...parts)
        const text = breaking === 0 ? gen(mutated, fc.constant(whole)) : whole
        const answer = await fetch(`${running.root}/$batch`, {
          method: 'POST',
          body: Buffer.from(text, 'latin1'),
          headers: { 'Content-Type': 'multipart/mixed;boundary=b', Prefer: 'continue-on-error' },
        })
        const bytes = Buffer.from(await answer.arrayBuffer())
        expect(faults.splice(0)).toEqual([])
        note(answer.status)
        if (answer.status !== 200) return
        const read = readMultipart(answer.headers.get('Content-Type'), bytes.toString('utf8'))
        for (const answered of read.flatMap((one: ReadPart) => one)) note(answered.status)
      }),
      settings,
    )
    const seen = JSON.stringify([...met])
    for (const status of [200, 201, 400, 404]) expect(met.get(status) ?? 0, `${status} of ${seen}`).toBeGreaterThan(3)
  })
})

/** A body as JSON where it is some. */
function bodyOf({ body }: HostileRequest): unknown {
  const text = body?.toString('utf8') ?? ''
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
