import { expect, it } from 'vitest'
import { LruMap } from '../../../src/base/lru.ts'

it('never holds more than its limit, and keeps what is used', () => {
  const map = new LruMap<number, string>(10)
  map.set(-1, 'used')
  for (let i = 0; i < 100; i++) {
    map.set(i, String(i))
    expect(map.get(-1)).toBe('used')
    expect(map.get(i)).toBe(String(i))
    // the last few are there whatever comes
    for (let last = Math.max(0, i - 3); last <= i; last++) expect(map.get(last)).toBe(String(last))
  }
  const held = Array.from({ length: 100 }, (_, i) => map.get(i)).filter((value) => value !== undefined)
  expect(held.length).toBeLessThanOrEqual(10)
  expect(map.get(0)).toBeUndefined()
})

it('gives what was set last', () => {
  const map = new LruMap<string, number>(4)
  map.set('a', 1)
  for (const other of ['b', 'c']) map.set(other, 0)
  map.set('a', 2)
  expect(map.get('a')).toBe(2)
  for (const other of ['d', 'e', 'f', 'g', 'h']) map.set(other, 0)
  expect(map.get('a')).toBeUndefined()
})
