import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { ODataError } from '../../src/errors/odata-error.ts'
import { ODataController } from '../../src/service/controller.ts'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

interface Row {
  readonly '@etag': string
  readonly id?: string
  readonly no?: number
  readonly code?: string | null
  readonly tx: string
  readonly parts?: readonly Row[]
}
interface Request {
  readonly id: string
  readonly url: Sets | 'MakeTwo'
  readonly body: { readonly id?: string; readonly code?: string; readonly things?: readonly { readonly id: string }[] }
}
interface Answer {
  readonly id: string
  readonly status: number
  readonly body?: Row & { readonly error?: { readonly code: string } }
}
const sets = ['owners', 'things', 'tickets', 'guarded'] as const
type Sets = (typeof sets)[number]

/** A change set or a single create: what it has sent, what became of it, and how many entities it should have made. */
interface Sent {
  readonly tx: string
  readonly requests: readonly Request[]
  /** undefined: the client has not waited */
  readonly answers: readonly Answer[] | undefined
  readonly makes: Readonly<Record<string, number>>
}

class Guard extends ODataController {
  override async beforeCreate({ id }: { id: string }): Promise<void> {
    if (id.endsWith('!')) throw new ODataError('valueInvalid', 'Not this one.')
  }
}

let insisted = 0

const v401 = { 'OData-Version': '4.01', 'OData-MaxVersion': '4.01' }
const settings = {
  controllers: { guarded: Guard },
  operations: {
    'par.MakeTwo': async ({ id, tx, reads }: Record<string, unknown>, { send }: { send: Send }) => {
      if (reads) await send('GET', 'guarded?$top=1')
      await send('POST', 'guarded', { id, tx })
      await send('POST', 'guarded', { id: `${id}-2`, tx })
    },
    'par.Insist': async ({ code }: Record<string, unknown>, { send }: { send: Send }) => {
      insisted++
      await send('POST', 'owners', { id: 'again', code }).catch(() => undefined)
      await send('POST', 'things', { id: 'instead' })
    },
  },
}
type Send = (method: string, path: string, body?: unknown) => Promise<unknown>

/** Numbers that are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}

onEveryStore('creates of many clients at once', 'test/models/parallel.xml', settings, (running) => {
  const { ask } = jsonClient(running)

  it('are stored whole or not at all, each told what became of it', async () => {
    const random = numbers(20_261_127)
    let last = 0
    const keyOf = (tx: string, i: number) => (random(3) === 0 ? `k${random(120)}` : `${tx}-${i}`)

    const request = (tx: string, i: number): Request => {
      const id = String(i)
      const key = keyOf(tx, i)
      switch (random(6)) {
        case 0:
          return { id, url: 'owners', body: { id: key, tx, code: `c${random(60)}` } as Request['body'] }
        case 1: {
          const things = [{ id: keyOf(tx, i + 100), tx }]
          return { id, url: 'owners', body: { id: key, tx, parts: [{ tx }, { tx }], things } as Request['body'] }
        }
        case 2:
          return { id, url: 'things', body: { id: key, tx } as Request['body'] }
        case 3:
          return { id, url: 'tickets', body: { tx } as Request['body'] }
        case 4:
          return { id, url: 'guarded', body: { id: random(5) === 0 ? `${key}!` : key, tx } as Request['body'] }
        default:
          return { id, url: 'MakeTwo', body: { id: key, tx, reads: random(2) === 0 } as Request['body'] }
      }
    }
    const madeBy = (requests: readonly Request[]) => {
      const makes: Record<string, number> = {}
      const add = (set: string, count: number) => {
        makes[set] = (makes[set] ?? 0) + count
      }
      for (const { url, body } of requests) {
        add(url === 'MakeTwo' ? 'guarded' : url, url === 'MakeTwo' ? 2 : 1)
        if (body.things) add('things', body.things.length)
        if (body.things) add('parts', 2)
      }
      return makes
    }

    const changeSet = async (leaving: boolean): Promise<Sent> => {
      const tx = `t${++last}`
      const requests = Array.from({ length: 1 + random(5) }, (_, i) => request(tx, i))
      const makes = madeBy(requests)
      const grouped = requests.map((one) => ({ ...one, method: 'POST', atomicityGroup: 'g' }))
      if (leaving) {
        const signal = AbortSignal.timeout(1 + random(20))
        const body = JSON.stringify({ requests: grouped })
        const headers = { 'Content-Type': 'application/json', ...v401 }
        await fetch(`${running().root}/$batch`, { method: 'POST', headers, body, signal }).then(
          (answer) => answer.text(),
          () => undefined,
        )
        return { tx, requests, answers: undefined, makes }
      }
      const answer = await ask('POST', '/$batch', { requests: grouped }, v401)
      expect(answer.status, answer.text).toBe(200)
      return { tx, requests, answers: answer.json?.responses as Answer[], makes }
    }
    const single = async (): Promise<Sent> => {
      const tx = `t${++last}`
      const one = request(tx, 0)
      const repeatable = {
        'Repeatability-Request-ID': randomUUID(),
        'Repeatability-First-Sent': new Date().toUTCString(),
      }
      const times = random(3) === 0 ? 3 : 1
      const sent = await Promise.all(
        Array.from({ length: times }, () =>
          ask('POST', `/${one.url}`, one.body, times === 1 ? v401 : { ...v401, ...repeatable }),
        ),
      )
      const done = sent.filter(({ status }) => status < 300)
      expect(new Set(done.map(({ text }) => text)).size, 'one answer, however often it is sent').toBeLessThan(2)
      const [answer = sent[0]] = done
      const body = answer?.json as unknown as Answer['body']
      return {
        tx,
        requests: [one],
        answers: [{ id: one.id, status: answer?.status ?? 0, ...(body ? { body } : {}) }],
        makes: madeBy([one]),
      }
    }

    const deltas = new Map<Sets, string>()
    for (const set of sets) {
      const tracked = await ask('GET', `/${set}`, undefined, { ...v401, Prefer: 'track-changes' })
      deltas.set(set, String(tracked.json?.['@deltaLink']))
    }
    const seen = new Map<Sets, Row[]>(sets.map((set) => [set, []]))
    const follow = async () => {
      for (const [set, from] of deltas)
        for (let link = from; ; ) {
          const { json, text } = await ask('GET', link.slice(running().root.length), undefined, v401)
          expect(json?.value, text).toBeDefined()
          seen.get(set)?.push(...((json?.value ?? []) as unknown as Row[]))
          const next = json?.['@nextLink'] as string | undefined
          link = next ?? String(json?.['@deltaLink'])
          if (next !== undefined) continue
          deltas.set(set, link)
          break
        }
    }

    const all: Sent[] = []
    for (let round = 0; round < 4; round++) {
      const clients = Array.from({ length: 60 }, () => {
        const kind = random(10)
        return kind < 3 ? single() : changeSet(kind === 9)
      })
      await follow()
      all.push(...(await Promise.all(clients)))
    }

    // those that nobody has waited for may still be on their way
    const rows = new Map<string, readonly Row[]>()
    const read = async () => {
      for (const set of sets) {
        const options = set === 'owners' ? '?$expand=parts' : ''
        const { json } = await ask('GET', `/${set}${options}`, undefined, { ...v401, Prefer: 'maxpagesize=10000' })
        expect(json?.['@nextLink']).toBeUndefined()
        rows.set(set, json?.value as unknown as Row[])
      }
      rows.set(
        'parts',
        (rows.get('owners') ?? []).flatMap(({ parts = [] }) => parts),
      )
    }
    await ask('POST', '/tickets', { tx: 'last' })
    await read()
    const made = (tx: string) => {
      const found: Record<string, number> = {}
      for (const [set, each] of rows) for (const row of each) if (row.tx === tx) found[set] = (found[set] ?? 0) + 1
      return found
    }
    const whole = ({ tx, makes, answers }: Sent) => {
      const found = made(tx)
      return (
        JSON.stringify(found) === '{}' ||
        (answers === undefined && Object.keys(makes).every((set) => found[set] === makes[set]))
      )
    }
    await expect
      .poll(async () => {
        await read()
        return all.filter((sent) => sent.answers === undefined && !whole(sent)).map(({ tx }) => tx)
      })
      .toEqual([])

    const refusals = new Set<string>()
    for (const { tx, requests, answers, makes } of all) {
      if (answers === undefined) continue
      const failed = answers.filter(({ status }) => status >= 400)
      if (failed.length === 0) {
        expect(made(tx), `${tx} is answered as done`).toEqual(makes)
        for (const { id, body } of answers) {
          const { url } = requests.find((one) => one.id === id) as Request
          if (body === undefined || url === 'MakeTwo') continue
          const row = rows.get(url)?.find((each) => (url === 'tickets' ? each.no === body.no : each.id === body.id))
          expect(body, `the answer to ${tx}`).toMatchObject({ '@etag': row?.['@etag'], tx })
          if (body.parts) expect(body.parts).toEqual(row?.parts)
        }
        continue
      }
      expect(made(tx), `${tx} is answered as refused`).toEqual({})
      expect(failed.length, 'all of a change set').toBe(requests.length)
      const told = failed.filter(({ status }) => status !== 424)
      expect(told.length, `${tx}: one request is at fault`).toBe(1)
      for (const { id, status, body } of told) {
        refusals.add(`${status} ${body?.error?.code}`)
        if (status !== 409) continue
        const at = requests.find((one) => one.id === id) as Request
        expect(meets(at, requests, rows), `${tx}: what is told to be at fault is: ${JSON.stringify(at)}`).toBe(true)
      }
    }
    expect([...refusals].filter((told) => !told.startsWith('503')).sort()).toEqual([
      '400 valueInvalid',
      '409 conflict',
      '409 entityExists',
    ])

    const codes = (rows.get('owners') ?? []).flatMap(({ code }) => code ?? [])
    expect(new Set(codes).size, 'values that must be unique').toBe(codes.length)

    await expect
      .poll(async () => {
        await follow()
        return sets.map((set) => seen.get(set)?.length)
      })
      .toEqual(sets.map((set) => rows.get(set)?.length))
    for (const set of sets)
      expect(new Set(seen.get(set)?.map(({ id, no }) => id ?? no)), `changes of ${set}`).toEqual(
        new Set(rows.get(set)?.map(({ id, no }) => id ?? no)),
      )
  }, 60_000)

  it('tell which request of a change set gives a value that is taken, though only the commit finds it', async () => {
    await ask('POST', '/owners', { id: 'first', code: 'taken' })
    await ask('POST', '/owners', { id: 'second', code: 'free' })
    const group = (...requests: readonly object[]) =>
      ask(
        'POST',
        '/$batch',
        { requests: requests.map((one, i) => ({ id: String(i), method: 'POST', atomicityGroup: 'g', ...one })) },
        v401,
      )
    const other = { url: 'things', body: { id: 'other' } }
    for (const fault of [
      { url: 'owners', body: { id: 'third', code: 'taken' } },
      { url: 'owners', body: { id: 'third', code: 'taken', things: [{ id: 'nested' }] } },
      { method: 'PATCH', url: "owners('second')", body: { code: 'taken' } },
    ]) {
      const { json } = await group(other, fault, { url: 'tickets', body: {} })
      expect((json?.responses as Answer[] | undefined)?.map(({ status }) => status)).toEqual([424, 409, 424])
    }
  })

  it('fail by a value that is taken where a handler goes on all the same', async () => {
    await ask('POST', '/owners', { id: 'here', code: 'kept' })
    insisted = 0
    const { status, error } = await ask('POST', '/Insist', { code: 'kept' })
    expect([status, error?.code, insisted]).toEqual([409, 'conflict', 1])
    expect((await ask('GET', "/things('instead')")).status).toBe(404)
  })
})

/** Whether a request may have met a key or a value of others, or of its own change set. */
function meets(
  { id, url, body }: Request,
  requests: readonly Request[],
  rows: ReadonlyMap<string, readonly Row[]>,
): boolean {
  const others = requests.filter((other) => other.id !== id)
  const keys = (set: string) => [
    ...(rows.get(set) ?? []).map((row) => row.id),
    ...others.filter((other) => other.url === set).map((other) => other.body.id),
    ...(set === 'things' ? others.flatMap((other) => other.body.things?.map((thing) => thing.id) ?? []) : []),
    ...(set === 'guarded' ? others.filter((other) => other.url === 'MakeTwo').map((other) => other.body.id) : []),
  ]
  const taken = (set: string, key: string | undefined) => key !== undefined && keys(set).includes(key)
  const codes = [...(rows.get('owners') ?? []).map((row) => row.code), ...others.map((other) => other.body.code)]
  return (
    taken(url === 'MakeTwo' ? 'guarded' : url, body.id) ||
    (url === 'MakeTwo' && taken('guarded', `${body.id}-2`)) ||
    (body.things ?? []).some((thing) => taken('things', thing.id)) ||
    (body.code !== undefined && codes.includes(body.code))
  )
}
