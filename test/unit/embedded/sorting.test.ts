import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detached, MergedRuns, SmallestFew } from '../../../src/embedded/sorting.ts'
import type { Keyset } from '../../../src/eval/order.ts'

const compare = (a: Keyset, b: Keyset): number => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1])
const numbers = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 })
const drain = (from: { next(): number | undefined }): number[] => {
  const all: number[] = []
  for (let item = from.next(); item !== undefined; item = from.next()) all.push(item)
  return all
}
const sorted = (items: readonly number[]): number[] => [...items].sort((a, b) => a - b)

describe('SmallestFew', () => {
  it('keeps the first few of the order', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 0, max: 70 }), (items, limit) => {
        const few = new SmallestFew<number>(limit, compare)
        for (const [i, item] of items.entries()) few.offer([item, i], () => item, false)
        few.finish()
        expect(drain(few)).toEqual(sorted(items).slice(0, limit))
      }),
    )
  })

  it('makes only what it keeps', () => {
    const few = new SmallestFew<number>(2, compare)
    let made = 0
    for (let i = 0; i < 100; i++) few.offer([i, 0], () => ++made, false)
    expect(made).toBe(2)
  })
})

describe('MergedRuns', () => {
  it('sorts any number of items', () => {
    fc.assert(
      fc.property(numbers, (items) => {
        const runs = new MergedRuns<number>(compare)
        for (const [i, item] of items.entries()) runs.add([item, i], item)
        expect(drain(runs)).toEqual(sorted(items))
      }),
    )
  })

  it('merges many runs', () => {
    const items = Array.from({ length: 20_000 }, (_, i) => (i * 7_919) % 20_011)
    const runs = new MergedRuns<number>(compare)
    for (const [i, item] of items.entries()) runs.add([item, i], item)
    expect(drain(runs)).toEqual(sorted(items))
  })
})

describe('detached', () => {
  it('copies bytes and leaves the rest', () => {
    const memory = Uint8Array.of(1, 2, 3)
    const kept = detached([memory.subarray(1), 'x', null])
    memory.fill(9)
    expect(kept).toEqual([Uint8Array.of(2, 3), 'x', null])
  })
})
