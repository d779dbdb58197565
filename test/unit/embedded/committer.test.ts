import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Committer } from '../../../src/embedded/committer.ts'
import { keyOfId, keyRange } from '../../../src/embedded/key.ts'
import type { CollectionHandle } from '../../../src/embedded/registry.ts'
import { openTables, type Tables } from '../../../src/embedded/tables.ts'
import type { WriteBatch } from '../../../src/embedded/write-batch.ts'
import { freshFolder, layout } from './support.ts'

let folder: ReturnType<typeof freshFolder>
let tables: Tables
let committer: Committer

beforeEach(() => {
  folder = freshFolder()
  tables = openTables({ path: folder.path, mapSize: undefined, maxReaders: 10 })
  committer = new Committer(tables.root, tables)
})
afterEach(async () => {
  await committer.idle()
  await tables.root.close()
  folder.remove()
})

const items = layout.collections.get('items')
if (!items) throw new Error('no collection')
const collection: CollectionHandle = { layout: items, number: 1, ...keyRange(1) }
const row = Uint8Array.of(5, 0, 0, 0, 0)

const put = (name: string) => (batch: WriteBatch) => {
  const key = keyOfId(1, name)
  batch.apply({ collection, key, before: batch.get(key), after: row })
  return name
}
const has = (name: string): boolean => tables.documents.getBinary(keyOfId(1, name)) !== undefined

describe('Committer', () => {
  it('puts what waits into one transaction, in the order it came', async () => {
    const transactions = new Set<number>()
    const order: number[] = []
    const work = (i: number) => (batch: WriteBatch) => {
      put(`k${i}`)(batch)
      transactions.add(tables.root.getWriteTxnId())
      return order.push(i)
    }
    await Promise.all(Array.from({ length: 100 }, (_, i) => committer.run(work(i), 10_000)))
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i))
    // One, or some more where the machine is slow.
    expect(transactions.size).toBeLessThan(20)
  })

  it('rejects alone what fails before its first write', async () => {
    const fails = committer.run(() => {
      throw new Error('no')
    }, 10_000)
    const [, outcome] = await Promise.allSettled([
      committer.run(put('a'), 10_000),
      fails,
      committer.run(put('b'), 10_000),
    ])
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.objectContaining({ message: 'no' }) })
    expect([has('a'), has('b')]).toEqual([true, true])
  })

  it('takes everything back where something fails behind its first write', async () => {
    const half = (batch: WriteBatch): never => {
      put('half')(batch)
      throw new Error('no')
    }
    const outcomes = await Promise.allSettled([committer.run(put('a'), 10_000), committer.run(half, 10_000)])
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: expect.objectContaining({ code: 'storeUnavailable' }),
      })
    expect([has('a'), has('half')]).toEqual([false, false])
    await committer.run(put('later'), 10_000)
    expect(has('later')).toBe(true)
    const counted = await committer.run((batch) => batch.counters(collection).rows, 10_000)
    expect(counted).toBe(1)
  })

  it('does not begin what has waited too long', async () => {
    const late = committer.run(put('late'), -1)
    await expect(late).rejects.toMatchObject({ code: 'storeTimeout' })
    expect(has('late')).toBe(false)
  })

  it('lets others wait only a short time for the write lock', async () => {
    const busy = (i: number) => (batch: WriteBatch) => {
      const end = performance.now() + 4
      while (performance.now() < end);
      put(`k${i}`)(batch)
      return tables.root.getWriteTxnId()
    }
    const ids = await Promise.all(Array.from({ length: 12 }, (_, i) => committer.run(busy(i), 10_000)))
    expect(new Set(ids).size).toBeGreaterThanOrEqual(4)
  })
})
