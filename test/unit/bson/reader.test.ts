import {
  Binary,
  BSONRegExp,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  serialize,
  Timestamp,
} from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEntity } from '../../../src/bson/decode.ts'
import { layoutOf } from '../../../src/bson/layout-of-model.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  readDouble,
  readInt32,
  readInt64,
  readInt64AsNumber,
  readNumber,
  readString,
  valueOffset,
} from '../../../src/bson/reader.ts'
import { complexType, entitySet, entityType, modelOf, ref } from './models.ts'

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.double().map((value) => new Double(value)),
  fc.integer().map((value) => new Int32(value)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => Long.fromBigInt(value)),
  fc.string({ unit: 'grapheme' }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => new Binary(bytes)),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(
    new ObjectId('0123456789abcdef01234567'),
    Decimal128.fromString('1.50'),
    new BSONRegExp('a.b', 'i'),
    new Code('x'),
    new Code('x', { y: 1 }),
    new Timestamp({ t: 1, i: 2 }),
    new MaxKey(),
    new MinKey(),
    new DBRef('c', new ObjectId('0123456789abcdef01234567')),
  ),
)
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
  .filter((text) => !text.includes('\0') && text !== '__proto__')
const document = fc.letrec<{ value: unknown; document: Record<string, unknown> }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, tie('document'), fc.array(tie('value'), { maxLength: 4 })),
  document: fc.dictionary(name, tie('value'), { maxKeys: 6 }),
})).document

describe('reader', () => {
  it('visits the elements that the BSON library wrote, in order', () => {
    fc.assert(
      fc.property(document, (value) => {
        const row = serialize(value)
        const names: string[] = []
        for (let at = firstElement(row); at >= 0; at = nextElement(row, at)) names.push(elementName(row, at))
        expect(names).toEqual(Object.keys(value))
        for (const wanted of names) expect(elementName(row, findField(row, wanted))).toBe(wanted)
        expect(findField(row, `${names[0] ?? ''}x`)).toBe(
          names.indexOf(`${names[0] ?? ''}x`) < 0 ? -1 : expect.any(Number),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('reads numbers and strings as the library does', () => {
    fc.assert(
      fc.property(
        fc.double(),
        fc.integer(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        (d, i, l, s) => {
          const row = serialize({ d: new Double(d), i, l, s })
          const offset = (field: string) => valueOffset(row, findField(row, field))
          expect(readDouble(row, offset('d'))).toBe(d)
          expect(readInt32(row, offset('i'))).toBe(i)
          expect(readInt64(row, offset('l'))).toBe(l)
          expect(readInt64AsNumber(row, offset('l'))).toBe(Number(l))
          expect(readString(row, offset('s'))).toBe(s)
          expect(readString(new Uint8Array(row), offset('s'))).toBe(s)
          expect(['d', 'i', 'l', 's'].map((field) => readNumber(row, findField(row, field)))).toEqual([
            d,
            i,
            Number(l),
            undefined,
          ])
        },
      ),
    )
  })

  it('tells names apart that begin alike, in any script', () => {
    const names = ['a', 'ab', 'é', 'éa', 'aé', 'ß', '漢', '漢字', '😀', 'a😀b', '', '\ud7ff', '\ue000']
    const row = serialize(Object.fromEntries(names.map((key, i) => [key, i])))
    for (const [i, key] of names.entries()) expect(readNumber(row, findField(row, key))).toBe(i)
    for (const key of ['b', 'abc', 'éé', '漢字x', '😁', 'a😀', '\ud83d', '\ude00']) expect(findField(row, key)).toBe(-1)
  })

  it('follows paths into documents, not into arrays', () => {
    const row = serialize({ a: { b: { c: 7 } }, d: [{ e: 1 }], f: 1 })
    expect(readNumber(row, findPath(row, ['a', 'b', 'c']))).toBe(7)
    expect(elementType(row, findPath(row, ['a', 'b']))).toBe(bsonType.document)
    expect(findPath(row, ['a', 'x', 'c'])).toBe(-1)
    expect(findPath(row, ['d', 'e'])).toBe(-1)
    expect(findPath(row, ['d', '0', 'e'])).toBe(-1)
    expect(findPath(row, ['f', 'g'])).toBe(-1)
    expect(findPath(row, [])).toBe(-1)
  })

  it('finds a field behind a value of every type', () => {
    fc.assert(
      fc.property(leaf, (value) => {
        const row = serialize({ before: value, wanted: 5 })
        expect(readNumber(row, findField(row, 'wanted'))).toBe(5)
      }),
    )
  })
})

const address = complexType('T.A', { city: ref('Edm.String'), at: ref('Edm.DateTimeOffset') })
const thing = entityType(
  'T.Thing',
  {
    id: ref('Edm.String'),
    a: ref(address),
    as: ref(address, true),
    n: ref('Edm.Decimal'),
    when: ref('Edm.DateTimeOffset'),
    place: ref('Edm.Geography'),
    blob: ref('Edm.Binary'),
    guid: ref('Edm.Guid'),
  },
  { key: ['id'], open: true },
)
const layout = layoutOf(modelOf(entitySet('things', thing)))
const things = layout.collections.get('things')!
const whole = serialize({
  _id: 'key',
  '@type': 'T.Thing',
  a: { city: 'Bonn', at: new Date(0), 'at@exact': { sub: 1, digits: 12 } },
  as: [{ city: 'Bonn' }, null],
  n: Decimal128.fromString('1.5'),
  when: new Date(1),
  'when@exact': { sub: 5, offset: 60, digits: 12 },
  place: {
    type: 'Polygon',
    coordinates: [
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 0],
      ],
    ],
  },
  blob: new Binary(new Uint8Array(3), 2),
  guid: new Binary(new Uint8Array(16), 4),
  dynamic: [1, 'x', { '@type': 'T.A', city: 'x' }],
})

describe('damaged documents', () => {
  const survives = (row: Uint8Array): void => {
    const value = decodeEntity(layout, things, row)
    expect(value.type).toBe(thing)
    for (const path of [['_id'], ['a', 'city'], ['zz'], ['as', '0']])
      expect(findPath(row, path)).toBeLessThan(row.length)
  }

  it('are read without throwing when cut anywhere', () => {
    for (let length = 0; length <= whole.length; length++) survives(whole.subarray(0, length))
  })

  it('are read without throwing, and to an end, with any bytes changed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const row = new Uint8Array(whole)
          for (const [at, byte] of changes) row[at] = byte
          survives(row)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('are read without throwing from noise', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 3000 })
  })

  it('end where a length is too great, negative, or the type unknown', () => {
    const row = serialize({ a: 'text', b: 1 })
    const broken = (at: number, ...bytes: number[]) => {
      const copy = new Uint8Array(row)
      copy.set(bytes, at)
      return copy
    }
    const length = valueOffset(row, findField(row, 'a'))
    expect(findField(broken(length, 255, 255, 255, 127), 'b')).toBe(-1)
    expect(findField(broken(length, 255, 255, 255, 255), 'b')).toBe(-1)
    expect(findField(broken(length, 0, 0, 0, 0), 'b')).toBe(-1)
    expect(findField(broken(4, 99), 'b')).toBe(-1)
    expect(findField(row, 'b')).toBeGreaterThan(0)
  })

  it('nested a hundred thousand deep do not end the stack', () => {
    const depth = 100_000
    const row = Buffer.alloc(depth * 8 + 5)
    for (let i = 0; i <= depth; i++) {
      row.writeInt32LE(row.length - i * 8, i * 7)
      if (i < depth) row.write('\x04d\0', i * 7 + 4, 'latin1')
    }
    let value = decodeEntity(layout, things, row).members.get('d')
    let levels = 0
    for (; Array.isArray(value); levels++) value = value[0]
    expect(levels).toBeGreaterThan(50)
    expect(levels).toBeLessThan(1000)
    expect(value).toBeNull()
  })
})
