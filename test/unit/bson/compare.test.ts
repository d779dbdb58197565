import { serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareFields, compareInstantField, compareStringField } from '../../../src/bson/compare.ts'
import { encodeValue } from '../../../src/bson/encode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { findField } from '../../../src/bson/reader.ts'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import { comparePrimitive, primitiveTypes } from '../../../src/edm/primitives.ts'
import type { DateTimeOffset, Value } from '../../../src/edm/value.ts'
import { anyValue } from '../edm/arbitraries.ts'
import { modelOf, ref } from './models.ts'

const layout = layoutOf(modelOf())
const names = [...primitiveTypes.keys()].filter((name) => name !== 'Edm.Stream')

function row(name: PrimitiveTypeName, stored: Value): Uint8Array {
  const { value, exact } = encodeValue(layout, ref(name), stored)
  return serialize({ x: value, ...(exact && { 'x@exact': exact }) })
}

const compare = (name: PrimitiveTypeName, a: Uint8Array, b: Uint8Array): number =>
  Math.sign(
    compareFields(name, a, findField(a, 'x'), findField(a, 'x@exact'), b, findField(b, 'x'), findField(b, 'x@exact')),
  )

describe('comparing stored values', () => {
  it.each(names)('%s: as their values compare, null first', (name) => {
    fc.assert(
      fc.property(anyValue(name), anyValue(name), (a, b) => {
        expect(compare(name, row(name, a), row(name, b))).toBe(Math.sign(comparePrimitive(name, a, b)))
        expect(compare(name, row(name, a), row(name, a))).toBe(0)
        expect(compare(name, row(name, null), row(name, a))).toBe(-1)
        expect(compare(name, row(name, a), serialize({}))).toBe(1)
        expect(compare(name, serialize({}), row(name, null))).toBe(0)
      }),
    )
  })

  it('instants where they lie: as their values compare', () => {
    fc.assert(
      fc.property(anyValue('Edm.DateTimeOffset'), anyValue('Edm.DateTimeOffset'), (a, b) => {
        const stored = row('Edm.DateTimeOffset', a)
        const order = (value: Value) =>
          Math.sign(
            compareInstantField(stored, findField(stored, 'x'), findField(stored, 'x@exact'), value as DateTimeOffset),
          )
        expect(order(b)).toBe(Math.sign(comparePrimitive('Edm.DateTimeOffset', a, b)))
        expect(order(a)).toBe(0)
        expect(order({ ...(a as DateTimeOffset), sub: ((a as DateTimeOffset).sub + 1) % 1e9 })).not.toBe(0)
      }),
    )
    for (const other of [{}, { x: 'text' }, { x: new Date(8e15) }]) {
      const stored = serialize(other)
      expect(
        compareInstantField(stored, findField(stored, 'x'), -1, {
          kind: 'dateTimeOffset',
          ms: 0,
          sub: 0,
          offset: 0,
          digits: 0,
        }),
      ).toBeNaN()
    }
  })

  it('strings where they lie: by code point', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 6 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        const stored = serialize({ x: a })
        expect(Math.sign(compareStringField(stored, findField(stored, 'x'), Buffer.from(b)))).toBe(
          Math.sign(comparePrimitive('Edm.String', a, b)),
        )
        expect(compareStringField(stored, findField(stored, 'x'), Buffer.from(a))).toBe(0)
      }),
    )
    expect(compareStringField(serialize({ x: 5 }), 4, Buffer.from('a'))).toBeNaN()
    expect(compareStringField(serialize({}), -1, Buffer.from('a'))).toBeNaN()
  })
})
