import { Binary, Decimal128, Int32, Long, ObjectId, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareCodePoints } from '../../../src/base/text.ts'
import { keyOfId, keyOfRow, keyRange, maxKeyBytes } from '../../../src/embedded/key.ts'

const key = (id: unknown): Uint8Array => keyOfId(7, id)
const compare = (a: unknown, b: unknown): number => Math.sign(Buffer.compare(key(a), key(b)))

/** A decimal as coefficient * 10 ** exponent, and its value as a fraction over 10 ** 40. */
const decimals = fc
  .record({
    coefficient: fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }),
    exponent: fc.integer({ min: -40, max: 20 }),
  })
  .map(({ coefficient, exponent }) => ({
    stored: Decimal128.fromString(`${coefficient}E${exponent}`),
    scaled: coefficient * 10n ** BigInt(exponent + 40),
  }))
const small = fc
  .record({ coefficient: fc.bigInt({ min: -999n, max: 999n }), exponent: fc.integer({ min: -3, max: 1 }) })
  .map(({ coefficient, exponent }) => ({
    stored: Decimal128.fromString(`${coefficient}E${exponent}`),
    scaled: coefficient * 10n ** BigInt(exponent + 40),
  }))

describe('key', () => {
  it('orders strings by code point, NUL and prefixes included', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({
        unit: fc.constantFrom(
          '\0',
          '\u0001',
          'a',
          '\u{ff}',
          '\u{d7ff}',
          '\u{e000}',
          '\u{ffff}',
          '\u{10000}',
          '\u{10ffff}',
        ),
        maxLength: 4,
      }),
    )
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(compare(a, b)).toBe(Math.sign(compareCodePoints(a, b)))
      }),
    )
  })

  it('orders numbers by value, whatever their type', () => {
    const integers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({
      stored: Long.fromBigInt(value) as unknown,
      scaled: value * 10n ** 40n,
    }))
    const ints = fc
      .integer()
      .map((value) => ({ stored: new Int32(value) as unknown, scaled: BigInt(value) * 10n ** 40n }))
    const near = fc
      .integer({ min: -12, max: 12 })
      .map((value) => ({ stored: value as unknown, scaled: BigInt(value) * 10n ** 40n }))
    const number = fc.oneof(integers, ints, near, decimals, small)
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(compare(a.stored, b.stored)).toBe(a.scaled < b.scaled ? -1 : a.scaled > b.scaled ? 1 : 0)
      }),
      { numRuns: 2_000 },
    )
  })

  it('gives equal numbers of all types one form', () => {
    for (const five of [
      5,
      5n,
      new Int32(5),
      Long.fromNumber(5),
      Decimal128.fromString('5.00'),
      Decimal128.fromString('0.5E1'),
    ])
      expect(key(five)).toEqual(key(5))
    expect(key(Decimal128.fromString('-0'))).toEqual(key(0))
    expect(key(Decimal128.fromString('9223372036854775807'))).toEqual(key(2n ** 63n - 1n))
  })

  it('orders documents field by field', () => {
    const pair = fc.tuple(fc.string({ unit: 'binary', maxLength: 3 }), fc.integer({ min: -2, max: 2 }))
    fc.assert(
      fc.property(pair, pair, ([a1, a2], [b1, b2]) => {
        const expected = Math.sign(compareCodePoints(a1, b1)) || Math.sign(a2 - b2)
        expect(compare({ x: a1, y: a2 }, { x: b1, y: b2 })).toBe(expected)
      }),
    )
  })

  it('orders Guids by byte, false before true, dates by time', () => {
    const guid = (first: number) => new Binary(Buffer.from([first, ...Array(15).fill(0)]), 4)
    expect(compare(guid(0x10), guid(0xf0))).toBe(-1)
    expect(compare(false, true)).toBe(-1)
    expect(compare(new Date(-5), new Date(3))).toBe(-1)
    expect(compare(new ObjectId('0'.repeat(24)), new ObjectId('f'.repeat(24)))).toBe(-1)
  })

  it('tells nested documents apart by the names of their fields', () => {
    expect(key({ p: { a: 1 }, k: 2 })).not.toEqual(key({ p: { b: 1 }, k: 2 }))
    expect(key({ p: { a: 1, b: 2 }, k: 2 })).not.toEqual(key({ p: { a: 1 }, k: 2 }))
  })

  it('is the same from a row as from the id', () => {
    for (const id of [
      'a\0b',
      12,
      2n ** 40n,
      true,
      { a: 1, b: 'x' },
      new Binary(Buffer.alloc(16), 4),
      Decimal128.fromString('1.5'),
    ])
      expect(keyOfRow(7, serialize({ name: 'x', _id: id }))).toEqual(key(id))
  })

  it('lies within the range of its collection, and of no other', () => {
    const range = keyRange(7)
    for (const id of ['', '\u{10ffff}', -1, null, true]) {
      expect(Buffer.compare(range.start, key(id))).toBe(-1)
      expect(Buffer.compare(key(id), range.end)).toBe(-1)
    }
    expect(range.end).toEqual(keyRange(8).start)
  })

  it('refuses what is too long or no key', () => {
    expect(key('x'.repeat(maxKeyBytes - 6))).toHaveLength(maxKeyBytes)
    const invalid = expect.objectContaining({ code: 'keyInvalid' })
    for (const id of [
      'x'.repeat(maxKeyBytes - 5),
      '\u{ffff}'.repeat(1_000),
      '\0'.repeat(1_200),
      'x'.repeat(100_000),
      /x/,
      undefined,
    ])
      expect(() => key(id)).toThrow(invalid)
    expect(() => key(Decimal128.fromString('1E-6000'))).toThrow(invalid)
    expect(() => keyOfRow(7, serialize({ name: 'x' }))).toThrow(invalid)
  })
})
