import { deserialize } from 'bson'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { embeddedStore } from '../../../src/embedded/store.ts'
import type { ReadPlan, Source } from '../../../src/plan/plan.ts'
import type { Store } from '../../../src/store/port.ts'
import {
  collect,
  compare,
  countPlan,
  createPlan,
  deletePlan,
  freshFolder,
  layout,
  member,
  model,
  orderItem,
  readPlan,
  session,
  source,
  updatePlan,
} from './support.ts'

let folder: ReturnType<typeof freshFolder>
let store: Store

beforeEach(async () => {
  folder = freshFolder()
  store = embeddedStore({ path: folder.path })
  await store.open(layout)
})

afterEach(async () => {
  await store.close()
  folder.remove()
})

const items = source('items')
const item = source('items', { single: true })

async function seed(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      store.create(createPlan('items'), session(), { _id: `k${String(i).padStart(5, '0')}`, rank: (i * 7) % count }),
    ),
  )
}

const ids = (rows: readonly Uint8Array[]): unknown[] => rows.map((row) => deserialize(row)._id)
const ranks = (rows: readonly Uint8Array[]): unknown[] => rows.map((row) => deserialize(row).rank)

describe('create, readOne, update, delete', () => {
  it('stores a document with version 1 and finds it by its key', async () => {
    const outcome = await store.create(createPlan('items'), session(), { _id: 'a', rank: 1 })
    expect(outcome.kind).toBe('created')
    const row = await store.readOne(readPlan(item), session(['a']))
    expect(row && deserialize(row)).toEqual({ _id: 'a', '@version': 1, rank: 1 })
    expect(await store.readOne(readPlan(item), session(['b']))).toBeUndefined()
    expect((await store.create(createPlan('items'), session(), { _id: 'a' })).kind).toBe('exists')
  })

  it('merges by dotted paths and raises the version', async () => {
    await store.create(createPlan('items'), session(), { _id: 'a', rank: 1, note: 'n', place: { city: 'X', zip: '1' } })
    const outcome = await store.update(updatePlan(item), session(['a']), {
      kind: 'merge',
      set: { 'place.city': 'Y', rank: 2 },
      unset: ['note'],
    })
    expect(outcome.kind === 'updated' && deserialize(outcome.row)).toEqual({
      _id: 'a',
      '@version': 2,
      rank: 2,
      place: { city: 'Y', zip: '1' },
    })
  })

  it('replaces all but the key and the fields kept', async () => {
    await store.create(createPlan('items'), session(), { _id: 'a', rank: 1, note: 'n' })
    const change = { kind: 'replace', document: { place: { city: 'Z' } }, keep: ['note'] } as const
    const outcome = await store.update(updatePlan(item, true), session(['a']), change)
    expect(outcome.kind === 'updated' && deserialize(outcome.row)).toEqual({
      _id: 'a',
      '@version': 2,
      note: 'n',
      place: { city: 'Z' },
    })
  })

  it('checks preconditions in the write itself', async () => {
    await store.create(createPlan('items'), session(), { _id: 'a', rank: 1 })
    const change = { kind: 'merge', set: { rank: 2 }, unset: [] } as const
    const attempt = async (precondition: NonNullable<ReturnType<typeof session>['precondition']>, id = 'a') =>
      (await store.update(updatePlan(item), session([id], { precondition }), change)).kind
    expect(await attempt({ kind: 'versions', anyOf: [2, 3] })).toBe('preconditionFailed')
    expect(await attempt({ kind: 'versions', anyOf: [1] })).toBe('updated')
    expect(await attempt({ kind: 'notVersions', noneOf: [2] })).toBe('preconditionFailed')
    expect(await attempt({ kind: 'notVersions', noneOf: [1] })).toBe('updated')
    expect(await attempt({ kind: 'absent' })).toBe('preconditionFailed')
    expect(await attempt({ kind: 'exists' })).toBe('updated')
    expect(await attempt({ kind: 'exists' }, 'b')).toBe('missing')
    const remove = async (version: number) =>
      (await store.delete(deletePlan(item), session(['a'], { precondition: { kind: 'versions', anyOf: [version] } })))
        .kind
    expect(await remove(1)).toBe('preconditionFailed')
    expect(await remove(4)).toBe('deleted')
    expect(await remove(4)).toBe('missing')
  })

  it('lets 50 updates that arrive together all count', async () => {
    await store.create(createPlan('items'), session(), { _id: 'a', rank: 0 })
    const raise = async (): Promise<void> => {
      for (;;) {
        const row = await store.readOne(readPlan(item), session(['a']))
        const { rank, '@version': version } = deserialize(row ?? new Uint8Array())
        const precondition = { kind: 'versions', anyOf: [version] } as const
        const change = { kind: 'merge', set: { rank: rank + 1 }, unset: [] } as const
        const outcome = await store.update(updatePlan(item), session(['a'], { precondition }), change)
        if (outcome.kind === 'updated') return
      }
    }
    await Promise.all(Array.from({ length: 50 }, raise))
    const row = await store.readOne(readPlan(item), session(['a']))
    expect(row && deserialize(row)).toEqual({ _id: 'a', '@version': 51, rank: 50 })
  })

  it('refuses a document over 16 MB and keys that lmdb cannot hold', async () => {
    const huge = { _id: 'a', note: 'x'.repeat(16_777_216) }
    await expect(store.create(createPlan('items'), session(), huge)).rejects.toMatchObject({ code: 'payloadTooLarge' })
    const long = { _id: 'x'.repeat(2_000) }
    await expect(store.create(createPlan('items'), session(), long)).rejects.toMatchObject({ code: 'keyInvalid' })
    await expect(store.readOne(readPlan(item), session(['x'.repeat(2_000)]))).rejects.toMatchObject({
      code: 'keyInvalid',
    })
    const longest = { _id: 'x'.repeat(1_972) }
    expect((await store.create(createPlan('items'), session(), longest)).kind).toBe('created')
    expect(await store.readOne(readPlan(item), session([longest._id]))).toBeDefined()
  })

  it('keeps large rows whole, read one by one and together', async () => {
    const notes = Array.from({ length: 32 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(1_000_000 + i))
    await Promise.all(notes.map((note, i) => store.create(createPlan('items'), session(), { _id: `b${i}`, note })))
    const rows = await Promise.all(notes.map((_, i) => store.readOne(readPlan(item), session([`b${i}`]))))
    expect(rows.map((row) => row && deserialize(row).note)).toEqual(notes)
    const streamed = await collect(await store.read(readPlan(items), session()))
    expect(new Set(streamed.map((row) => deserialize(row).note))).toEqual(new Set(notes))
  })
})

describe('read', () => {
  it('streams in key order, both ways, from a position on', async () => {
    await seed(1_000)
    const up = await collect(await store.read(readPlan(items), session()))
    expect(ids(up)).toEqual(Array.from({ length: 1_000 }, (_, i) => `k${String(i).padStart(5, '0')}`))
    const orderby = [orderItem(items.type, 'id', true)]
    const down = await collect(await store.read(readPlan(items, { orderby }), session()))
    expect(ids(down)).toEqual(ids(up).reverse())
    const page = await store.read(readPlan(items), session([], { after: ['k00499'], limit: 3 }))
    expect(ids(page.first)).toEqual(['k00500', 'k00501', 'k00502'])
    expect(page.complete).toBe(true)
    const back = await store.read(readPlan(items, { orderby }), session([], { after: ['k00499x'], limit: 2 }))
    expect(ids(back.first)).toEqual(['k00499', 'k00498'])
  })

  it('goes on behind a row that is gone', async () => {
    await seed(600)
    const rows = await store.read(readPlan(items), session())
    expect(rows.complete).toBe(false)
    const last = ids(rows.first).at(-1)
    await store.delete(deletePlan(item), session([String(last)]))
    expect(ids(await collect(rows))).toHaveLength(600)
    const orderby = [orderItem(items.type, 'id', true)]
    const down = await store.read(readPlan(items, { orderby }), session())
    await store.delete(deletePlan(item), session([String(ids(down.first).at(-1))]))
    expect(ids(await collect(down))).toHaveLength(599)
  })

  it('sorts by any property, with and without a limit, and pages through', async () => {
    await seed(500)
    const orderby = [orderItem(items.type, 'rank', true), orderItem(items.type, 'id')]
    const plan = readPlan(items, { orderby })
    const expected = Array.from({ length: 500 }, (_, i) => 499 - i)
    expect(ranks(await collect(await store.read(plan, session())))).toEqual(expected)
    expect(ranks(await collect(await store.read(plan, session([], { limit: 7 }))))).toEqual(expected.slice(0, 7))
    const paged: unknown[] = []
    let after: (string | number)[] | undefined
    for (;;) {
      const rows = await collect(await store.read(plan, session([], { after, limit: 60 })))
      paged.push(...ranks(rows))
      const last = rows.at(-1)
      if (!last) break
      const { rank, _id } = deserialize(last)
      after = [rank, _id]
    }
    expect(paged).toEqual(expected)
  })

  it('filters, skips, limits and counts', async () => {
    await seed(400)
    const filter = compare(items, 'rank', 'lt', 0)
    const rows = await collect(await store.read(readPlan(items, { filter, skip: 5, top: 10 }), session([100])))
    expect(rows).toHaveLength(10)
    expect((ranks(rows) as number[]).every((rank) => rank < 100)).toBe(true)
    expect(await store.count(countPlan(items, filter), session([100]))).toBe(100)
    expect(await store.count(countPlan(items), session())).toBe(400)
    await store.delete(deletePlan(item), session(['k00000']))
    expect(await store.count(countPlan(items), session())).toBe(399)
  })

  it('reads rows of a derived type only behind a cast', async () => {
    await store.create(createPlan('items'), session(), { _id: 'a', rank: 1 })
    await store.create(createPlan('items'), session(), { _id: 'b', '@type': 't.Special', extra: 'e' })
    const special = model.types.get('t.Special')
    if (special?.kind !== 'entity') throw new Error('no type')
    const cast = source('items', { cast: special })
    expect(ids(await collect(await store.read(readPlan(cast), session())))).toEqual(['b'])
    const single = source('items', { single: true, cast: special })
    expect(await store.readOne(readPlan(single), session(['a']))).toBeUndefined()
    expect(await store.readOne(readPlan(single), session(['b']))).toBeDefined()
  })

  it('hides what a row filter leaves out from every way in', async () => {
    await store.create(createPlan('items'), session(), { _id: 'a', rank: 1 })
    await store.create(createPlan('items'), session(), { _id: 'b', rank: 2 })
    const rowFilters = new Map([['items', compare(items, 'rank', 'lt', 1)]])
    const as = (id: string | null, more = {}) => session([id, 2], { rowFilters, ...more })
    expect(ids(await collect(await store.read(readPlan(items), as(null))))).toEqual(['a'])
    expect(await store.count(countPlan(items), as(null))).toBe(1)
    expect(await store.readOne(readPlan(item), as('b'))).toBeUndefined()
    expect((await store.update(updatePlan(item), as('b'), { kind: 'merge', set: { rank: 0 }, unset: [] })).kind).toBe(
      'missing',
    )
    expect((await store.delete(deletePlan(item), as('b'))).kind).toBe('missing')
    expect((await store.delete(deletePlan(item), as('a'))).kind).toBe('deleted')
  })

  it('finds, changes and deletes the one row that a relation names by a value', async () => {
    await seed(300)
    const related: Source = { ...source('items', { filter: compare(items, 'rank', 'eq', 0) }), single: true }
    const row = await store.readOne(readPlan(related), session([7]))
    expect(row && deserialize(row)._id).toBe('k00001')
    expect(await store.readOne(readPlan(related), session([1_000]))).toBeUndefined()
    const change = { kind: 'merge', set: { note: 'x' }, unset: [] } as const
    expect((await store.update(updatePlan(related), session([7]), change)).kind).toBe('updated')
    expect((await store.update(updatePlan(related), session([1_000]), change)).kind).toBe('missing')
    await store.transaction(session(), async (inside) => {
      const found = await store.readOne(readPlan(related), { ...inside, parameters: [7] })
      expect(found && deserialize(found).note).toBe('x')
      expect((await store.delete(deletePlan(related), { ...inside, parameters: [7] })).kind).toBe('deleted')
      expect(await store.readOne(readPlan(related), { ...inside, parameters: [7] })).toBeUndefined()
      await store.create(createPlan('items'), inside, { _id: 'own', rank: 7 })
      const own = await store.readOne(readPlan(related), { ...inside, parameters: [7] })
      expect(own && deserialize(own)._id).toBe('own')
    })
    expect((await store.delete(deletePlan(related), session([7]))).kind).toBe('deleted')
    expect(await store.count(countPlan(items), session())).toBe(299)
  })

  it('gives rows with what $compute defines: filters and orders have its expression in place of the name', async () => {
    await seed(3)
    const compute = [{ alias: 'double', expression: member(items.type, 'rank') }]
    const rows = await store.read(readPlan(items, { compute }), session())
    await rows.close()
    expect(rows.first.length).toBe(3)
  })

  it('stops at the scan limit, at the time limit and when the caller goes', async () => {
    await store.close()
    store = embeddedStore({ path: folder.path, scanLimit: 100 })
    await store.open(layout)
    await seed(300)
    const filter = compare(items, 'rank', 'lt', 0)
    await expect(store.read(readPlan(items, { filter }), session([-1]))).rejects.toMatchObject({
      code: 'urlLimitExceeded',
    })
    await expect(store.count(countPlan(items, filter), session([-1]))).rejects.toMatchObject({
      code: 'urlLimitExceeded',
    })
    expect(await collect(await store.read(readPlan(items), session()))).toHaveLength(300)
    await expect(store.read(readPlan(items), session([], { timeLimit: -1 }))).rejects.toMatchObject({
      code: 'storeTimeout',
    })
    const gone = new AbortController()
    const rows = await store.read(readPlan(items), session([], { signal: gone.signal }))
    gone.abort()
    await expect(collect(rows)).rejects.toMatchObject({ code: 'storeTimeout' })
  })

  it('reads a key-less singleton', async () => {
    const config = source('config')
    expect(await store.readOne(readPlan(config), session())).toBeUndefined()
    await store.create(createPlan('config'), session(), { _id: 'config', mode: 'x' })
    const row = await store.readOne(readPlan(config), session())
    expect(row && deserialize(row).mode).toBe('x')
    const outcome = await store.update(updatePlan(config), session(), { kind: 'merge', set: { mode: 'y' }, unset: [] })
    expect(outcome.kind === 'updated' && deserialize(outcome.row).mode).toBe('y')
  })

  it('orders composite keys part by part', async () => {
    const lines = source('lines')
    const keys: [bigint, number][] = [
      [2n, 1],
      [10n, -1],
      [10n, 2],
      [-3n, 9],
      [2n ** 60n, 0],
    ]
    for (const [order, number] of keys) await store.create(createPlan('lines'), session(), { _id: { order, number } })
    const rows = await collect(await store.read(readPlan(lines), session()))
    expect(rows.map((row) => deserialize(row, { useBigInt64: true })._id)).toEqual([
      { order: -3n, number: 9 },
      { order: 2n, number: 1 },
      { order: 10n, number: -1 },
      { order: 10n, number: 2 },
      { order: 2n ** 60n, number: 0 },
    ])
    const after = await store.read(readPlan(lines), session([], { after: [10n, -1], limit: 1 }))
    expect(after.first.map((row) => deserialize(row, { useBigInt64: true })._id.number)).toEqual([2])
    const one = await store.readOne(readPlan(source('lines', { single: true })), session([10n, 2]))
    expect(one).toBeDefined()
  })
})

describe('contained entities', () => {
  const parts = (owner: number, key?: number): Source => {
    const property = items.type.allNavigationProperties.get('parts')
    if (property?.type.kind !== 'entity') throw new Error('no property')
    const { type } = property
    const root = { kind: 'contained', name: 't.Item/parts', type, property, annotations: [] } as const
    if (key === undefined) return { root, owner, steps: [], type, single: false }
    const step = { kind: 'key', predicate: { key: type.key, parameters: [key] } } as const
    return { root, owner, steps: [step], type, single: true }
  }
  const all = parts(0)
  const one = parts(0, 1)
  const create = (p: string, k: number, within = session()) =>
    store.create(
      { ...createPlan('items'), source: all },
      { ...within, parameters: [p] },
      { _id: { p, k }, name: `${p}${k}` },
    )
  const names = async (plan: ReadPlan, within = session()): Promise<unknown[]> =>
    (await collect(await store.read(plan, within))).map((row) => deserialize(row).name)

  it('are those of one owner, in the order of their keys', async () => {
    expect(await names(readPlan(all), session([`items('a')`]))).toEqual([])
    for (const owner of ['a', 'a\0', 'ab', 'b']) for (const key of [10, -1, 2]) await create(`items('${owner}')`, key)
    const owner = [`items('a')`]
    expect(await names(readPlan(all), session(owner))).toEqual([`items('a')-1`, `items('a')2`, `items('a')10`])
    const orderby = [orderItem(all.type, 'id', true)]
    expect(await names(readPlan(all, { orderby }), session(owner, { after: [10], limit: 1 }))).toEqual([`items('a')2`])
    expect(await store.count(countPlan(all), session(owner))).toBe(3)
    expect(await store.count(countPlan(all), session([`items('none')`]))).toBe(0)
    expect(await store.readOne(readPlan(one), session([`items('ab')`, 2]))).toBeDefined()
    expect(await store.readOne(readPlan(one), session([`items('ab')`, 3]))).toBeUndefined()
    expect((await store.delete(deletePlan(one), session([`items('ab')`, 2]))).kind).toBe('deleted')
    expect(await store.count(countPlan(all), session([`items('ab')`]))).toBe(2)
    expect(await store.count(countPlan(all), session(owner))).toBe(3)
  })

  it('stay with their owner inside a transaction', async () => {
    await create(`items('a')`, 1)
    await store.transaction(session(), async (inside) => {
      await create(`items('a')`, 2, inside)
      await create(`items('b')`, 3, inside)
      const within = { ...inside, parameters: [`items('a')`] }
      expect(await names(readPlan(all), within)).toEqual([`items('a')1`, `items('a')2`])
      expect(await store.count(countPlan(all), within)).toBe(2)
    })
    expect(await names(readPlan(all), session([`items('b')`]))).toEqual([`items('b')3`])
  })
})

describe('the store as a whole', () => {
  it('keeps everything over a restart', async () => {
    await seed(10)
    const secret = await store.secret('tokens')
    expect(secret).toHaveLength(32)
    await store.close()
    await expect(store.readOne(readPlan(item), session(['k00001']))).rejects.toMatchObject({ code: 'storeUnavailable' })
    store = embeddedStore({ path: folder.path })
    await store.open(layout)
    await store.ready()
    expect(await store.count(countPlan(items), session())).toBe(10)
    expect(await store.secret('tokens')).toEqual(secret)
    expect(await store.secret('others')).not.toEqual(secret)
  })

  it('waits for running requests when it closes', async () => {
    await seed(600)
    const rows = await store.read(readPlan(items), session())
    const writing = store.create(createPlan('items'), session(), { _id: 'late' })
    const closing = store.close()
    expect((await collect(rows)).length).toBeGreaterThanOrEqual(600)
    expect((await writing).kind).toBe('created')
    await closing
    await expect(store.ready()).rejects.toMatchObject({ code: 'storeUnavailable' })
  })
})
