import { type Document, deserialize, Long, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChange, newRow, prepareChange, versionOfRow } from '../../../src/embedded/patch.ts'

const merge = (row: Document, set: Document, unset: readonly string[] = []): Document =>
  deserialize(applyChange(serialize(row), prepareChange({ kind: 'merge', set, unset }, [])))

describe('newRow', () => {
  it('puts key and version first', () => {
    expect(Object.entries(deserialize(newRow({ name: 'x', '@version': 9, _id: 'a' })))).toEqual([
      ['_id', 'a'],
      ['@version', 1],
      ['name', 'x'],
    ])
  })
})

describe('merge', () => {
  it('replaces in place, appends, and takes away', () => {
    const row = { _id: 1, '@version': 3, a: 1, b: 'x', c: [1, 2] }
    expect(Object.entries(merge(row, { b: { y: 1 }, d: true }, ['a', 'none']))).toEqual([
      ['_id', 1],
      ['@version', 4],
      ['b', { y: 1 }],
      ['c', [1, 2]],
      ['d', true],
    ])
  })

  it('patches inside documents, and makes those that are missing or null', () => {
    const row = { _id: 1, '@version': 1, in: { a: 1, deep: { x: 1, y: 2 } }, nothing: null }
    const set = { 'in.deep.x': 9, 'in.b': 2, 'new.deep.z': 1, 'nothing.a': 1 }
    expect(merge(row, set, ['in.a', 'in.none', 'gone.x'])).toEqual({
      _id: 1,
      '@version': 2,
      in: { deep: { x: 9, y: 2 }, b: 2 },
      nothing: { a: 1 },
      new: { deep: { z: 1 } },
    })
  })

  it('leaves the key alone and counts any version on', () => {
    expect(merge({ _id: 1 }, { _id: 2, '@version': 77 }, ['_id'])).toEqual({ _id: 1, '@version': 1 })
    expect(merge({ _id: 1, '@version': Long.fromNumber(2 ** 33) }, {})['@version']).toBe(2 ** 33 + 1)
  })

  it('does what a decoded merge does', () => {
    const value = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.integer(),
      fc.constant(null),
      fc.boolean(),
      fc.array(fc.integer(), { maxLength: 2 }),
    )
    const name = fc.constantFrom('a', 'b', 'c', 'ä', 'long name')
    const inner = fc.dictionary(name, value, { maxKeys: 3 })
    const row = fc.dictionary(name, fc.oneof(value, inner), { maxKeys: 5 })
    const change = fc.record({
      set: fc.dictionary(name, value, { maxKeys: 3 }),
      unset: fc.uniqueArray(name, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(row, change, (before, { set, unset }) => {
        const expected: Document = { ...before }
        for (const field of unset) delete expected[field]
        Object.assign(expected, set)
        const { _id, '@version': version, ...rest } = merge({ _id: 'k', ...before }, set, unset)
        expect([_id, version]).toEqual(['k', 1])
        expect(rest).toEqual(deserialize(serialize(expected)))
      }),
    )
  })

  it('leaves the row it was given as it was', () => {
    const row = serialize({ _id: 1, a: 1 })
    const before = Buffer.from(row)
    applyChange(row, prepareChange({ kind: 'merge', set: { a: 2 }, unset: [] }, []))
    expect(Buffer.compare(row, before)).toBe(0)
  })
})

describe('replace', () => {
  const replace = (row: Document, document: Document, keep: readonly string[], keyFields: readonly string[] = []) =>
    deserialize(applyChange(serialize(row), prepareChange({ kind: 'replace', document, keep }, keyFields)))

  it('keeps key, version, and what it is told to', () => {
    const row = { _id: 1, '@version': 6, '@type': 't', a: 1, b: 2, 'k@exact': { offset: 60 } }
    expect(replace(row, { _id: 9, b: 3, '@type': 'u', c: 4 }, ['@type', 'none'], ['k@exact'])).toEqual({
      _id: 1,
      '@version': 7,
      '@type': 't',
      'k@exact': { offset: 60 },
      b: 3,
      c: 4,
    })
  })
})

describe('replace with parts inside', () => {
  it('keeps what is inside a document that takes the place of another', () => {
    const row = { _id: 1, '@version': 1, home: { a: 1, s: { id: 'x' }, in: { s: 'y', b: 1 } }, other: { s: 'z' } }
    const document = { home: { a: 2, in: {} }, other: { c: 1 } }
    const change = { kind: 'replace', document, keep: [], keepInside: ['home.s', 'home.in.s', 'home.none'] } as const
    expect(deserialize(applyChange(serialize(row), prepareChange(change, [])))).toEqual({
      _id: 1,
      '@version': 2,
      home: { a: 2, in: { s: 'y' }, s: { id: 'x' } },
      other: { c: 1 },
    })
  })
})

describe('versionOfRow', () => {
  it('is 0 where nobody has counted', () => {
    expect(versionOfRow(serialize({ _id: 1 }))).toBe(0)
    expect(versionOfRow(serialize({ '@version': 'x' }))).toBe(0)
  })
})
