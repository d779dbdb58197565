import { serialize } from 'bson'
import { expect, it } from 'vitest'
import { changedFields, fieldBits } from '../../../src/embedded/changed-fields.ts'

const changed = (before: Record<string, unknown>, after: Record<string, unknown>): number =>
  changedFields(serialize({ _id: 1, '@version': 1, ...before }), serialize({ _id: 1, '@version': 2, ...after }))

it('has the bits of fields that were set, changed or taken away, whatever their order', () => {
  expect(changed({ a: 1, b: 'x' }, { a: 1, b: 'x' })).toBe(0)
  expect(changed({ a: 1, b: 'x' }, { b: 'x', a: 1 })).toBe(0)
  expect(changed({ a: 1, b: 'x' }, { a: 2, b: 'x' })).toBe(fieldBits(['a']))
  expect(changed({ a: 1, b: 'x' }, { b: 'x' })).toBe(fieldBits(['a']))
  expect(changed({ b: 'x' }, { a: 1, b: 'x' })).toBe(fieldBits(['a']))
  expect(changed({ a: 1, b: 'x', c: { d: 1 } }, { c: { d: 2 }, a: '1' })).toBe(fieldBits(['a', 'b', 'c']))
  expect(changed({}, {})).toBe(0)
})

it('does not take a longer document for an equal one', () => {
  expect(changed({ a: 'x' }, { a: 'x', b: 1 })).toBe(fieldBits(['b']))
  expect(changed({ a: 'xy' }, { a: 'x' })).toBe(fieldBits(['a']))
})
