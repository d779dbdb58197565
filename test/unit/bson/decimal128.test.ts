import { Decimal128 } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDecimal128, toDecimal128 } from '../../../src/bson/decimal128.ts'
import { Decimal } from '../../../src/edm/decimal.ts'
import { decimal } from '../edm/arbitraries.ts'

describe('decimal128', () => {
  it('has the bytes that the BSON library makes of the same text', () => {
    fc.assert(
      fc.property(decimal, (value) => {
        const mine = toDecimal128(value)
        expect(Buffer.from(mine!.bytes)).toEqual(Buffer.from(Decimal128.fromString(value.toString(true)).bytes))
        const back = readDecimal128(mine!.bytes, 0)
        expect([back.coefficient, back.scale]).toEqual([value.coefficient, value.scale])
      }),
      { numRuns: 500 },
    )
  })

  it('reads any 16 bytes as the library does, but for the forms that IEEE 754 says are zero', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const top = bytes[15]! & 0x78
        if (top >= 0x60 && top < 0x78) return void expect(readDecimal128(bytes, 0).isZero).toBe(true)
        const theirs = new Decimal128(bytes).toString().replace('Infinity', 'INF')
        const mine = readDecimal128(bytes, 0)
        const expected = Decimal.parse(theirs)!
        return void expect(mine.equals(expected.precision > 34 ? Decimal.zero : expected)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['INF', 'Infinity'],
    ['-INF', '-Infinity'],
    ['NaN', 'NaN'],
    ['0', '0'],
    ['1e6111', '1E+6111'],
    ['1e-6176', '1E-6176'],
    ['1E+6112', '1.0E+6112'],
  ])('%s is stored as %s', (text, stored) => {
    const value = toDecimal128(Decimal.parse(text)!)!
    expect(value.toString()).toBe(stored)
    expect(readDecimal128(value.bytes, 0).equals(Decimal.parse(text)!)).toBe(true)
  })

  it('cannot hold more than 34 digits', () => {
    expect(toDecimal128(Decimal.parse('1'.repeat(35))!)).toBeUndefined()
    expect(toDecimal128(Decimal.of(123n, 6177))).toBeUndefined()
    expect(toDecimal128(Decimal.of(120n, 6177))?.toString()).toBe('1.2E-6175')
    expect(toDecimal128(Decimal.of(11n, -6144))).toBeUndefined()
  })
})
