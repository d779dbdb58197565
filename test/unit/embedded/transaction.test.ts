import { deserialize } from 'bson'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { embeddedStore } from '../../../src/embedded/store.ts'
import type { Session, Store } from '../../../src/store/port.ts'
import {
  collect,
  compare,
  countPlan,
  createPlan,
  deletePlan,
  freshFolder,
  layout,
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
const counter = source('counters', { single: true })
const set = (more: object) => ({ kind: 'merge', set: more, unset: [] }) as const

const create = (_id: string, rank: number, within: Session = session()) =>
  store.create(createPlan('items'), within, { _id, rank })
const as = (within: Session, ...parameters: Session['parameters']): Session => ({ ...within, parameters })
const readValue = async (id: number, within = session()): Promise<number> => {
  const row = await store.readOne(readPlan(counter), as(within, id))
  return row ? deserialize(row).value : Number.NaN
}

describe('transaction', () => {
  it('sees its own writes, others see them at the end', async () => {
    await create('a', 1)
    await create('b', 2)
    await create('c', 3)
    const result = await store.transaction(session(), async (inside) => {
      expect((await create('d', 0, inside)).kind).toBe('created')
      expect((await create('d', 0, inside)).kind).toBe('exists')
      expect((await store.update(updatePlan(item), as(inside, 'a'), set({ rank: 9 }))).kind).toBe('updated')
      expect((await store.delete(deletePlan(item), as(inside, 'b'))).kind).toBe('deleted')
      expect((await store.delete(deletePlan(item), as(inside, 'b'))).kind).toBe('missing')
      const row = await store.readOne(readPlan(item), as(inside, 'a'))
      expect(row && deserialize(row)).toMatchObject({ rank: 9, '@version': 2 })
      const byKey = await collect(await store.read(readPlan(items), inside))
      expect(byKey.map((found) => deserialize(found)._id)).toEqual(['a', 'c', 'd'])
      const orderby = [orderItem(items.type, 'rank', true), orderItem(items.type, 'id')]
      const byRank = await collect(await store.read(readPlan(items, { orderby }), { ...inside, limit: 2 }))
      expect(byRank.map((found) => deserialize(found)._id)).toEqual(['a', 'c'])
      expect(await store.count(countPlan(items), inside)).toBe(3)
      expect(await store.count(countPlan(items, compare(items, 'rank', 'gt', 0)), as(inside, 5))).toBe(1)
      expect(await store.count(countPlan(items), session())).toBe(3)
      expect(await store.readOne(readPlan(item), session(['d']))).toBeUndefined()
      return 'done'
    })
    expect(result).toBe('done')
    const rows = await collect(await store.read(readPlan(items), session()))
    expect(rows.map((row) => deserialize(row)._id)).toEqual(['a', 'c', 'd'])
    expect(await store.count(countPlan(items), session())).toBe(3)
  })

  it('leaves nothing behind when the work fails', async () => {
    const work = store.transaction(session(), async (inside) => {
      await create('a', 1, inside)
      throw new Error('no')
    })
    await expect(work).rejects.toThrow('no')
    expect(await store.count(countPlan(items), session())).toBe(0)
  })

  it('runs again after a conflict on a row it has read, with what is there then', async () => {
    await store.create(createPlan('counters'), session(), { _id: 1, value: 1 })
    const seen: number[] = []
    await store.transaction(session(), async (inside) => {
      const value = await readValue(1, inside)
      seen.push(value)
      if (seen.length === 1) await store.update(updatePlan(counter), session([1]), set({ value: 10 }))
      await store.update(updatePlan(counter), as(inside, 1), set({ value: value + 1 }))
    })
    expect(seen).toEqual([1, 10])
    expect(await readValue(1)).toBe(11)
  })

  it('meets a conflict with rows that appear where it has looked', async () => {
    let runs = 0
    const count = await store.transaction(session(), async (inside) => {
      runs++
      const found = await store.count(countPlan(items), inside)
      if (runs === 1) await create('phantom', 1)
      await create(`mine${found}`, 1, inside)
      return found
    })
    expect([runs, count]).toEqual([2, 1])
  })

  it('does not take a deleted and recreated row for the one it has read', async () => {
    await create('a', 1)
    let runs = 0
    await store.transaction(session(), async (inside) => {
      runs++
      await store.readOne(readPlan(item), as(inside, 'a'))
      if (runs === 1) {
        await store.delete(deletePlan(item), session(['a']))
        await create('a', 2)
      }
      await create(`b${runs}`, 1, inside)
    })
    expect(runs).toBe(2)
  })

  it('blames no work for rows that never stood together', async () => {
    await store.create(createPlan('counters'), session(), { _id: 1, value: 1 })
    await store.create(createPlan('counters'), session(), { _id: 2, value: 1 })
    let runs = 0
    const sum = await store.transaction(session(), async (inside) => {
      runs++
      const first = await readValue(1, inside)
      if (runs === 1)
        await store.transaction(session(), async (other) => {
          await store.update(updatePlan(counter), as(other, 1), set({ value: 2 }))
          await store.update(updatePlan(counter), as(other, 2), set({ value: 2 }))
        })
      const second = await readValue(2, inside)
      if (first !== second) throw new Error('the invariant is broken')
      return first + second
    })
    expect([runs, sum]).toEqual([2, 4])
  })

  it('keeps sums through 40 transfers at once', async () => {
    for (let i = 0; i < 4; i++) await store.create(createPlan('counters'), session(), { _id: i, value: 100 })
    const transfer = (from: number, to: number) =>
      store.transaction(session(), async (inside) => {
        const [a, b] = [await readValue(from, inside), await readValue(to, inside)]
        await store.update(updatePlan(counter), as(inside, from), set({ value: a - 1 }))
        await store.update(updatePlan(counter), as(inside, to), set({ value: b + 1 }))
      })
    await Promise.all(Array.from({ length: 40 }, (_, i) => transfer(i % 4, (i + 1 + (i % 3)) % 4)))
    const values = await Promise.all([0, 1, 2, 3].map((id) => readValue(id)))
    expect(values.reduce((sum, value) => sum + value, 0)).toBe(400)
  })

  it('joins a transaction begun inside another', async () => {
    const work = store.transaction(session(), async (inside) => {
      await store.transaction(inside, (inner) => create('a', 1, inner))
      throw new Error('no')
    })
    await expect(work).rejects.toThrow('no')
    expect(await store.count(countPlan(items), session())).toBe(0)
  })

  it('gives up, nothing written, where conflicts do not end', async () => {
    await store.create(createPlan('counters'), session(), { _id: 1, value: 0 })
    const work = store.transaction(session(), async (inside) => {
      const value = await readValue(1, inside)
      await store.update(updatePlan(counter), session([1]), set({ value: value + 1 }))
      await create('a', 1, inside)
    })
    await expect(work).rejects.toMatchObject({ code: 'storeUnavailable' })
    expect(await store.count(countPlan(items), session())).toBe(0)
  })
})
