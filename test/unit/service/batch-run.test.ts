import { describe, expect, it } from 'vitest'
import type { BatchPart, BatchUnit, UnitAnswer } from '../../../src/protocol/batch.ts'
import type { HttpRequest, HttpResponse } from '../../../src/protocol/message.ts'
import { BatchRun, type Stages } from '../../../src/service/batch-run.ts'
import type { Core } from '../../../src/service/core.ts'
import { beginExchange, type Exchange } from '../../../src/service/exchange.ts'
import { defaultLimits } from '../../../src/service/options.ts'
import type { Session } from '../../../src/store/port.ts'

const root = 'http://host/odata/'
const principal = {
  subject: 's',
  tenant: undefined,
  scheme: 'Delegated',
  scopes: new Set<string>(),
  expires: 0,
} as const

const part = (method: string, url: string, more: Partial<BatchPart> = {}): BatchPart => ({
  id: undefined,
  method,
  url,
  headers: new Map(),
  body: undefined,
  dependsOn: [],
  condition: undefined,
  fault: undefined,
  ...more,
})
const one = (method: string, url: string, more: Partial<BatchPart> = {}): BatchUnit => ({
  group: undefined,
  parts: [part(method, url, more)],
  fault: undefined,
})

type Answer = (exchange: Exchange) => Promise<HttpResponse>
type Transaction = <T>(session: Session, work: (session: Session) => Promise<T>) => Promise<T>

const plainTransaction: Transaction = (session, work) => work({ ...session, transaction: 'open' })

function run(
  units: readonly BatchUnit[],
  answer: Answer,
  settings: { continueOnError?: boolean; batchTime?: number; transaction?: Transaction | undefined } = {},
): AsyncGenerator<UnitAnswer> {
  const request: HttpRequest = {
    method: 'POST',
    target: '/$batch',
    headers: { authorization: 'Bearer x', host: 'host' },
    body: async () => undefined,
    async *content() {},
    signal: new AbortController().signal,
    loopback: false,
  }
  const outer = beginExchange(request, { version: '4.0', root, timing: false, principal })
  const transaction = 'transaction' in settings ? settings.transaction : plainTransaction
  const core = {
    protocol: { graph: false, defaultVersion: '4.0', keyAsSegment: undefined },
    limits: { ...defaultLimits, ...(settings.batchTime === undefined ? {} : { batchTime: settings.batchTime }) },
    log: undefined,
    store: { capabilities: { transactions: transaction !== undefined }, transaction },
  } as unknown as Core
  const stages: Stages = { answer: (_, exchange) => answer(exchange), finish: (_core, _exchange, response) => response }
  return new BatchRun(core, outer, stages, settings.continueOnError ?? true).run(units)
}

async function all(answers: AsyncGenerator<UnitAnswer>): Promise<readonly UnitAnswer[]> {
  const found: UnitAnswer[] = []
  for await (const answer of answers) found.push(answer)
  return found
}
const statuses = async (answers: AsyncGenerator<UnitAnswer>) =>
  (await all(answers)).map((unit) => unit.answers.map(({ response }) => response.status))

const ok: HttpResponse = { status: 200, headers: {}, body: undefined }

describe('BatchRun', () => {
  it('starts reads that stand together in one turn, 20 at the most, and writes one after the other', async () => {
    const events: string[] = []
    const answer: Answer = async ({ request }) => {
      events.push(`+${request.target}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      events.push(`-${request.target}`)
      return ok
    }
    await all(run([one('GET', 'a'), one('GET', 'b'), one('PATCH', 'c'), one('PATCH', 'd'), one('GET', 'e')], answer))
    expect(events).toEqual(['+/a', '+/b', '-/a', '-/b', '+/c', '-/c', '+/d', '-/d', '+/e', '-/e'])
    events.length = 0
    await all(
      run(
        Array.from({ length: 25 }, () => one('GET', 'x')),
        answer,
      ),
    )
    expect(events.slice(0, 21).filter((event) => event === '+/x')).toHaveLength(20)
    expect(events[20]).toBe('-/x')
  })

  it.each([
    ['dependsOn', { dependsOn: ['1'] }],
    ['if', { condition: '$1/$succeeded' }],
    ['If-None-Match', { headers: new Map([['if-none-match', '$1']]) }],
  ] as const)('does not start a read before one that it refers to by %s', async (_, more) => {
    const events: string[] = []
    const answer: Answer = async ({ request }) => {
      events.push(`+${request.target}`)
      await Promise.resolve()
      events.push(`-${request.target}`)
      return { ...ok, headers: { ETag: 'W/"1"' } }
    }
    expect(await statuses(run([one('GET', 'a', { id: '1' }), one('GET', 'b', more)], answer))).toEqual([[200], [200]])
    expect(events).toEqual(['+/a', '-/a', '+/b', '-/b'])
  })

  it('closes what nobody reads', async () => {
    let closed = 0
    const body = (): AsyncIterable<Uint8Array> =>
      (async function* () {
        try {
          yield Buffer.from('a')
          yield Buffer.from('b')
        } finally {
          closed++
        }
      })()
    const answer: Answer = async ({ request }) =>
      request.target === '/bad' ? { status: 404, headers: {}, body: undefined } : { ...ok, body: body() }
    const answers = run([one('GET', 'bad'), one('GET', 'a'), one('GET', 'b')], answer, { continueOnError: false })
    expect(await all(answers)).toHaveLength(1)
    expect(closed).toBe(2)
  })

  it('answers HEAD without a body, closed', async () => {
    let closed = 0
    async function* body() {
      try {
        yield Buffer.from('a')
      } finally {
        closed++
      }
    }
    const [unit] = await all(run([one('HEAD', 'a')], async () => ({ ...ok, body: body() })))
    expect(unit?.answers[0]?.response).toEqual({ ...ok, body: undefined })
    expect(closed).toBe(1)
  })

  it('gives each request the principal, the transaction of its change set, and no credentials of its own', async () => {
    const seen: unknown[] = []
    const answer: Answer = async ({ request, principal, part }) => {
      seen.push([request.headers.authorization, principal?.subject, part?.transaction])
      return ok
    }
    const headers = new Map([['authorization', 'Bearer forged']])
    await all(
      run(
        [one('GET', 'a', { headers }), { group: 'g', parts: [part('POST', 'b', { headers })], fault: undefined }],
        answer,
      ),
    )
    expect(seen).toEqual([
      ['Bearer x', 's', undefined],
      ['Bearer x', 's', 'open'],
    ])
  })

  it('forgets what an attempt at a transaction gave when the store runs it again', async () => {
    let attempts = 0
    const transaction: Transaction = async (session, work) => {
      await work({ ...session, transaction: 1 }).catch(() => undefined)
      return work({ ...session, transaction: 2 })
    }
    const targets: string[] = []
    const answer: Answer = async ({ request }) => {
      targets.push(request.target)
      if (request.method === 'POST')
        return { status: 201, headers: { Location: `${root}Things(${++attempts})` }, body: undefined }
      if (attempts === 1) throw new Error('conflict')
      return ok
    }
    const group = { group: 'g', fault: undefined, parts: [part('POST', 'Things', { id: '1' }), part('PATCH', '$1')] }
    expect(await statuses(run([group], answer, { transaction }))).toEqual([[201, 200]])
    expect(targets).toEqual(['/Things', '/Things(1)', '/Things', '/Things(2)'])
  })

  it('fails all of a group whose commit fails', async () => {
    const transaction: Transaction = async (session, work) => {
      await work(session)
      throw new Error('commit')
    }
    const group = {
      group: 'g',
      fault: undefined,
      parts: [part('POST', 'a', { id: '1' }), part('POST', 'b', { id: '2' })],
    }
    const [unit] = await all(run([group], async () => ok, { transaction }))
    expect(unit?.failed?.response.status).toBe(500)
    expect(unit?.answers.map(({ id, response }) => [id, response.status])).toEqual([
      ['1', 500],
      ['2', 424],
    ])
  })

  it('fails a group whose answer says so without being thrown, and reads bodies while the transaction is open', async () => {
    let open = false
    const transaction: Transaction = async (session, work) => {
      open = true
      try {
        return await work(session)
      } finally {
        open = false
      }
    }
    async function* body() {
      yield Buffer.from(String(open))
    }
    const answer: Answer = async ({ request }) =>
      request.target === '/bad' ? { status: 409, headers: {}, body: undefined } : { ...ok, body: body() }
    const group = (...urls: readonly string[]): BatchUnit => ({
      group: 'g',
      fault: undefined,
      parts: urls.map((url) => part('POST', url)),
    })
    const [good, bad] = await all(run([group('a'), group('a', 'bad')], answer, { transaction }))
    expect(String(good?.answers[0]?.response.body)).toBe('true')
    expect(bad?.answers.map(({ response }) => response.status)).toEqual([424, 409])
    expect(bad?.failed?.response.status).toBe(409)
  })

  it('answers 501 for a group where the store has no transactions, and executes nothing of it', async () => {
    let executed = 0
    const answer: Answer = async () => {
      executed++
      return ok
    }
    const group = { group: 'g', fault: undefined, parts: [part('POST', 'a')] }
    expect(await statuses(run([group], answer, { transaction: undefined }))).toEqual([[501]])
    expect(executed).toBe(0)
  })

  it('starts nothing after its time', async () => {
    let executed = 0
    const answer: Answer = async () => {
      executed++
      await new Promise((resolve) => setTimeout(resolve, 20))
      return ok
    }
    const units = [one('PATCH', 'a'), one('PATCH', 'b'), { group: 'g', fault: undefined, parts: [part('PATCH', 'c')] }]
    expect(await statuses(run(units, answer, { batchTime: 10 }))).toEqual([[200], [503], [503]])
    expect(executed).toBe(1)
  })

  it.each([
    ['a request that failed', '$bad', 424],
    ['a request that gave no entity', '$action', 424],
    ['a request that is not there', '$other', 200],
  ])('answers a reference to %s', async (_, url, status) => {
    const answer: Answer = async ({ request }) =>
      request.target === '/bad' ? { status: 404, headers: {}, body: undefined } : ok
    const units = [one('GET', 'bad', { id: 'bad' }), one('POST', 'act', { id: 'action' }), one('GET', url)]
    expect((await statuses(run(units, answer))).at(-1)).toEqual([status])
  })
})
