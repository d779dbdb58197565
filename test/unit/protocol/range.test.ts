import { expect, it } from 'vitest'
import { rangeOf } from '../../../src/protocol/range.ts'

it.each([
  ['bytes=0-4', { start: 0, end: 5 }],
  ['bytes=5-', { start: 5, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-30', { start: 0, end: 10 }],
  ['bytes=9-99', { start: 9, end: 10 }],
  ['Bytes = 1 - 2', { start: 1, end: 3 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=3-2', undefined],
  ['bytes=0-1,3-4', undefined],
  ['bytes=-', undefined],
  ['lines=0-1', undefined],
  ['bytes=99999999999999999999-', 'unsatisfiable'],
  ['', undefined],
] as const)('reads %s', (range, expected) => {
  expect(rangeOf({ range }, 10, '"a"')).toEqual(expected)
})

it('answers the whole where If-Range names another state, and to ranges of nothing', () => {
  expect(rangeOf({ range: 'bytes=0-1', 'if-range': '"a"' }, 10, '"a"')).toEqual({ start: 0, end: 2 })
  expect(rangeOf({ range: 'bytes=0-1', 'if-range': '"b"' }, 10, '"a"')).toBeUndefined()
  expect(rangeOf({ range: 'bytes=0-1', 'if-range': 'Thu, 01 Jan 2026 00:00:00 GMT' }, 10, '"a"')).toBeUndefined()
  expect(rangeOf({ range: 'bytes=0-' }, 0, '"a"')).toBe('unsatisfiable')
  // RFC 9110 14.1.2: satisfiable, but no Content-Range can say it
  expect(rangeOf({ range: 'bytes=-5' }, 0, '"a"')).toBe(undefined)
})
