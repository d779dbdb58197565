import { Binary, Decimal128, Double, Int32, Long, ObjectId, serialize } from 'bson'
import { describe, expect, it } from 'vitest'
import { decodeEntity, decodeField } from '../../../src/bson/decode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import { findField } from '../../../src/bson/reader.ts'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import { printPrimitive } from '../../../src/edm/primitives.ts'
import { complexType, entitySet, entityType, enumType, modelOf, ref, singleton } from './models.ts'

const base = complexType('T.Base', { x: ref('Edm.Int32') }, { abstract: true })
const only = complexType('T.Only', { y: ref('Edm.Int32') }, { base })
const thing = entityType('T.Thing', { id: ref('Edm.String'), base: ref(base) }, { key: ['id'] })
const layout = layoutOf(modelOf(entitySet('things', thing)))
const long = (value: bigint) => Long.fromBigInt(value)
const decimal = (text: string) => Decimal128.fromString(text)

function read(name: PrimitiveTypeName, stored: unknown): string | null {
  const row = serialize({ x: stored })
  const value = decodeField(row, findField(row, 'x'), ref(name), -1, layout)
  return value === null ? null : printPrimitive(name, value as never)
}

describe('lenient reading', () => {
  it.each<[PrimitiveTypeName, unknown, string | null]>([
    ['Edm.Int32', new Double(5), '5'],
    ['Edm.Int32', new Double(-0), '0'],
    ['Edm.Int32', new Double(5.5), null],
    ['Edm.Int32', long(5n), '5'],
    ['Edm.Int32', long(2n ** 40n), null],
    ['Edm.Int32', decimal('5.0'), '5'],
    ['Edm.Int32', decimal('5.5'), null],
    ['Edm.Int32', '5', null],
    ['Edm.Int32', true, null],
    ['Edm.Byte', new Int32(256), null],
    ['Edm.Byte', new Int32(255), '255'],
    ['Edm.Int16', new Int32(70_000), null],
    ['Edm.Int64', new Int32(-5), '-5'],
    ['Edm.Int64', new Double(2 ** 60), '1152921504606846976'],
    ['Edm.Int64', new Double(1e19), null],
    ['Edm.Int64', new Double(Number.NaN), null],
    ['Edm.Int64', decimal('9223372036854775807'), '9223372036854775807'],
    ['Edm.Double', new Int32(5), '5'],
    ['Edm.Double', long(2n ** 60n), '1152921504606847000'],
    ['Edm.Double', long(2n ** 60n + 1n), null],
    ['Edm.Double', decimal('0.1'), '0.1'],
    ['Edm.Double', decimal('0.10000000000000000000001'), null],
    ['Edm.Double', decimal('Infinity'), 'INF'],
    ['Edm.Double', new Double(-0), '-0'],
    ['Edm.Single', new Double(0.5), '0.5'],
    ['Edm.Single', new Double(0.1), null],
    ['Edm.Single', new Double(Number.NaN), 'NaN'],
    ['Edm.Decimal', new Double(0.1), '0.1'],
    ['Edm.Decimal', new Int32(7), '7'],
    ['Edm.Decimal', long(7n), '7'],
    ['Edm.Decimal', decimal('-1.50E+3'), '-1500'],
    ['Edm.Decimal', decimal('-0'), '0'],
    ['Edm.Decimal', '1', null],
    ['Edm.String', new ObjectId('0123456789abcdef01234567'), '0123456789abcdef01234567'],
    ['Edm.String', new Int32(5), null],
    ['Edm.Boolean', false, 'false'],
    ['Edm.Boolean', new Int32(1), null],
    ['Edm.Guid', '01234567-89AB-cdef-0123-456789abcdef', '01234567-89ab-cdef-0123-456789abcdef'],
    ['Edm.Guid', 'x', null],
    ['Edm.Guid', new Binary(new Uint8Array(16), 3), null],
    ['Edm.Guid', new Binary(new Uint8Array(16), 0), null],
    ['Edm.Binary', new Binary(new Uint8Array([1, 2]), 2), 'AQI'],
    ['Edm.Binary', new Binary(new Uint8Array([1, 2]), 128), 'AQI'],
    ['Edm.Binary', 'AQI', null],
    ['Edm.Date', new Date('2012-01-02'), '2012-01-02'],
    ['Edm.Date', new Date('2012-01-02T01:00Z'), null],
    ['Edm.Date', '2012-01-02', '2012-01-02'],
    ['Edm.Date', '2012-01-32', null],
    ['Edm.TimeOfDay', '11:22', '11:22:00'],
    ['Edm.TimeOfDay', new Int32(5), null],
    ['Edm.DateTimeOffset', new Date('2012-01-02T01:00Z'), '2012-01-02T01:00:00Z'],
    ['Edm.DateTimeOffset', new Date('2012-01-02T01:00:00.1Z'), '2012-01-02T01:00:00.100Z'],
    ['Edm.DateTimeOffset', '2012-01-02T01:00:00.10+01:00', '2012-01-02T01:00:00.10+01:00'],
    ['Edm.DateTimeOffset', 'yesterday', null],
    ['Edm.DateTimeOffset', new Date(8.64e15), null],
    ['Edm.DateTimeOffset', new Date(-8.64e15), null],
    ['Edm.DateTimeOffset', {}, null],
    ['Edm.Duration', new Int32(10_000_000), 'PT1S'],
    ['Edm.Duration', decimal('0.00001'), 'PT0.000000000001S'],
    ['Edm.Duration', decimal('0.000001'), null],
    ['Edm.Duration', decimal('1E+6000'), null],
    ['Edm.Duration', decimal('NaN'), null],
    ['Edm.Duration', new Double(0.5), 'PT0.00000005S'],
    ['Edm.Duration', new Double(Number.NaN), null],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [1, 2.5] }, 'SRID=4326;Point(1 2.5)'],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [1] }, null],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: ['1', '2'] }, null],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [[1, 2]] }, null],
    [
      'Edm.GeographyPoint',
      {
        type: 'LineString',
        coordinates: [
          [1, 2],
          [3, 4],
        ],
      },
      null,
    ],
    ['Edm.GeographyPoint', { type: 'constructor', coordinates: [1, 2] }, null],
    ['Edm.GeographyPoint', [1, 2], null],
    ['Edm.Stream', 'x', null],
  ])('%s from %o is %s', (name, stored, text) => {
    expect(read(name, stored)).toBe(text)
  })

  it('believes no damaged exact part', () => {
    const print = (exact: unknown) => {
      const row = serialize({ x: new Date(1000), 'x@exact': exact })
      const value = decodeField(row, findField(row, 'x'), ref('Edm.DateTimeOffset'), findField(row, 'x@exact'), layout)
      return printPrimitive('Edm.DateTimeOffset', value as never)
    }
    expect(print({ sub: -1, offset: 5000, digits: 99 })).toBe('1970-01-01T00:00:01Z')
    expect(print('x')).toBe('1970-01-01T00:00:01Z')
    expect(print({ sub: 1.5, digits: new Double(2) })).toBe('1970-01-01T00:00:01.00Z')
    expect(print({ sub: 7, digits: 1 })).toBe('1970-01-01T00:00:01.000000000007Z')
    expect(print({ offset: long(60n) })).toBe('1970-01-01T01:00:01+01:00')
  })

  it('reads enumerations from any integer', () => {
    const color = enumType('T.Color', 'Edm.Int32', { red: 0n })
    const get = (stored: unknown) => {
      const row = serialize({ x: stored })
      return decodeField(row, findField(row, 'x'), ref(color), -1, layout)
    }
    expect([get(new Int32(1)), get(new Double(1)), get(long(1n)), get('red'), get(new Double(1.5))]).toEqual([
      1n,
      1n,
      1n,
      null,
      null,
    ])
  })

  it('gives items that do not fit as null, and no collection where there is no array', () => {
    const row = serialize({ x: [1, 'a', null, 2], y: 5 })
    expect(decodeField(row, findField(row, 'x'), ref('Edm.Int32', true), -1, layout)).toEqual([1, null, null, 2])
    expect(decodeField(row, findField(row, 'y'), ref('Edm.Int32', true), -1, layout)).toBeNull()
    expect(decodeField(row, -1, ref('Edm.Int32'), -1, layout)).toBeNull()
  })

  it('takes the only concrete type where the declared one is abstract, and believes no foreign @type', () => {
    const things = layout.collections.get('things')!
    for (const document of [
      { y: 5 },
      { '@type': 'T.Thing', y: 5 },
      { '@type': 'T.Base', y: 5 },
      { '@type': 'T.Only', y: 5 },
    ]) {
      const row = serialize({ _id: 'a', base: document, unknown: 1 })
      expect(decodeEntity(layout, things, row)).toEqual({
        kind: 'structured',
        type: thing,
        members: new Map<string, unknown>([
          ['id', 'a'],
          ['base', { kind: 'structured', type: only, members: new Map([['y', 5]]) }],
        ]),
      })
    }
  })

  it('reads a singleton without a key', () => {
    const settings = entityType('T.Settings', { name: ref('Edm.String') })
    const other = layoutOf(modelOf(singleton('settings', settings)))
    const row = serialize({ _id: 'settings', name: 'x' })
    expect(decodeEntity(other, other.collections.get('settings')!, row).members).toEqual(new Map([['name', 'x']]))
  })
})
