import { Decimal128 } from 'bson'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decimal } from '../../../src/edm/decimal.ts'
import { decimal } from './arbitraries.ts'

const d = (text: string): Decimal => {
  const value = Decimal.parse(text)
  if (value === undefined) throw new Error(text)
  return value
}

describe('Decimal', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['+1.50', '1.50'],
    ['007', '7'],
    ['1e3', '1000'],
    ['1.5E-3', '0.0015'],
    ['-12345678901234567890.123456789', '-12345678901234567890.123456789'],
    ['INF', 'INF'],
    ['-INF', '-INF'],
    ['NaN', 'NaN'],
  ])('reads %s and prints %s', (text, printed) => {
    expect(d(text).toString()).toBe(printed)
  })

  it.each(['', '.1', '1.', '1e', '--1', '1 ', 'inf', '0x1', '1e99999', '1e-7000', '1,5', '１'])(
    'refuses %j',
    (text) => {
      expect(Decimal.parse(text)).toBeUndefined()
    },
  )

  it('refuses a text of a million digits at once', () => {
    expect(Decimal.parse('9'.repeat(1_000_000))).toBeUndefined()
  })

  it('reads what it prints, in both forms', () => {
    fc.assert(
      fc.property(decimal, (value) => {
        expect(d(value.toString()).equals(value)).toBe(true)
        const exponential = d(value.toString(true))
        expect([exponential.coefficient, exponential.scale]).toEqual([value.coefficient, value.scale])
      }),
    )
  })

  it('prints with an exponent as decimal128 does', () => {
    fc.assert(
      fc.property(decimal, (value) => {
        const text = value.toString(true)
        expect(Decimal128.fromString(text).toString()).toBe(text)
      }),
    )
  })

  it('orders like the integers it is made of', () => {
    const small = fc.record({ n: fc.bigInt({ min: -5000n, max: 5000n }), zeros: fc.nat(30) })
    fc.assert(
      fc.property(small, small, (a, b) => {
        const left = Decimal.of(a.n * 10n ** BigInt(a.zeros), a.zeros)
        const right = Decimal.of(b.n * 10n ** BigInt(b.zeros), b.zeros)
        expect(Math.sign(left.compare(right))).toBe(Math.sign(Number(a.n - b.n)))
      }),
    )
  })

  it('is ordered totally: antisymmetric, and transitive by sorting', () => {
    fc.assert(
      fc.property(fc.array(decimal, { minLength: 3, maxLength: 6 }), (values) => {
        const sorted = [...values, Decimal.nan, Decimal.infinity, Decimal.negativeInfinity].sort((a, b) => a.compare(b))
        for (const [i, a] of sorted.entries())
          for (const b of sorted.slice(i)) expect(a.compare(b)).toBeLessThanOrEqual(0)
        expect(sorted[0]).toBe(Decimal.nan)
        expect(sorted[1]).toBe(Decimal.negativeInfinity)
        expect(sorted.at(-1)).toBe(Decimal.infinity)
      }),
    )
  })

  it('adds, subtracts and multiplies exactly within 34 digits', () => {
    const n = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n })
    fc.assert(
      fc.property(n, n, fc.nat(8), fc.nat(8), (a, b, s, t) => {
        const x = Decimal.of(a, s)
        const y = Decimal.of(b, t)
        const scaled = (value: Decimal) => value.multiply(d('1e16')).toBigInt()
        const wide = (value: bigint, scale: number) => value * 10n ** BigInt(16 - scale)
        expect(scaled(x.add(y))).toBe(wide(a, s) + wide(b, t))
        expect(scaled(x.subtract(y))).toBe(wide(a, s) - wide(b, t))
        expect(scaled(x.multiply(y))).toBe(a * b * 10n ** BigInt(16 - s - t))
      }),
    )
  })

  it('divides and takes remainders so that quotient * divisor + remainder is the dividend', () => {
    const n = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n })
    fc.assert(
      fc.property(
        n,
        n.filter((value) => value !== 0n),
        (a, b) => {
          const quotient = Decimal.fromBigInt(a).divide(Decimal.fromBigInt(b))
          const remainder = Decimal.fromBigInt(a).modulo(Decimal.fromBigInt(b))
          expect(quotient?.toBigInt()).toBe(a / b)
          expect(remainder?.toBigInt()).toBe(a % b)
        },
      ),
    )
  })

  it.each([
    ['1', '3', '0.3333333333333333333333333333333333'],
    ['2', '3', '0.6666666666666666666666666666666667'],
    ['-2', '3', '-0.6666666666666666666666666666666667'],
    ['10', '4', '2.5'],
    ['1.00', '2', '0.50'],
    ['100', '10', '10'],
    ['1', '8', '0.125'],
    ['1', 'INF', '0'],
    ['1e6144', '1e-10', 'INF'],
  ])('%s / %s = %s', (a, b, quotient) => {
    expect(d(a).divide(d(b))?.toString()).toBe(quotient)
  })

  it('has no quotient by zero, and NaN where doubles have it', () => {
    expect(d('1').divide(d('0.0'))).toBeUndefined()
    expect(d('1').modulo(d('0'))).toBeUndefined()
    expect(d('INF').subtract(d('INF'))).toBe(Decimal.nan)
    expect(d('INF').add(d('-1e6144'))).toBe(Decimal.infinity)
    expect(d('5').modulo(d('INF'))?.toString()).toBe('5')
  })

  it('rounds the 35th digit half to even', () => {
    const one = d(`1${'0'.repeat(33)}`)
    expect(one.add(d('0.5')).toString()).toBe(one.toString())
    expect(one.add(d('1.5')).toString()).toBe(one.add(d('2')).toString())
    expect(d('9'.repeat(34)).add(d('0.5')).toString()).toBe(d('1e34').toString())
    expect(d('1e6000').add(d('1e-6000')).equals(d('1e6000'))).toBe(true)
  })

  it.each([
    ['2.5', '3', '2', '3'],
    ['-2.5', '-3', '-3', '-2'],
    ['2.4999', '2', '2', '3'],
    ['-0.5', '-1', '-1', '0'],
    ['0.4', '0', '0', '1'],
    ['7', '7', '7', '7'],
    ['1E+3', '1000', '1000', '1000'],
  ])('%s rounds to %s, floor %s, ceiling %s', (text, round, floor, ceiling) => {
    expect([d(text).round(), d(text).floor(), d(text).ceiling()].map(String)).toEqual([round, floor, ceiling])
  })

  it('comes from a double as the double prints, and goes back to the same', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(Decimal.fromNumber(value).toNumber()).toBe(Object.is(value, -0) ? 0 : value)
      }),
    )
    expect(Decimal.fromNumber(0.1).toString()).toBe('0.1')
    expect(d('1e6144').toNumber()).toBe(Number.POSITIVE_INFINITY)
    expect(d('NaN').toBigInt()).toBeUndefined()
    expect(d('12.9').toBigInt()).toBe(12n)
  })

  it('drops zeros right of the point only', () => {
    expect([d('1.500').trimmed(), d('100').trimmed(), d('0.00').trimmed()].map(String)).toEqual(['1.5', '100', '0'])
  })
})
