import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decimal } from '../../../src/edm/decimal.ts'
import {
  compareNumbers,
  convertNumber,
  parseDouble,
  parseInt64,
  parseSingle,
  parseSmallInteger,
  printDouble,
  printSingle,
  promoteNumeric,
} from '../../../src/edm/numbers.ts'

describe('integers', () => {
  it.each([
    ['Edm.Byte', '0', '255', '-1', '256'],
    ['Edm.SByte', '-128', '127', '-129', '128'],
    ['Edm.Int16', '-32768', '32767', '-32769', '32768'],
    ['Edm.Int32', '-2147483648', '+2147483647', '-2147483649', '2147483648'],
  ] as const)('%s lies between %s and %s', (type, low, high, below, above) => {
    expect(parseSmallInteger(type, low)).toBe(Number(low))
    expect(parseSmallInteger(type, high)).toBe(Number(high))
    expect(parseSmallInteger(type, below)).toBeUndefined()
    expect(parseSmallInteger(type, above)).toBeUndefined()
  })

  it('reads Int64 to the last digit', () => {
    expect(parseInt64('9223372036854775807')).toBe(9_223_372_036_854_775_807n)
    expect(parseInt64('-9223372036854775808')).toBe(-9_223_372_036_854_775_808n)
    expect(parseInt64('+5')).toBe(5n)
    expect(parseInt64('9223372036854775808')).toBeUndefined()
    expect(parseInt64('-9223372036854775809')).toBeUndefined()
  })

  it.each(['', '1.0', '1e0', '0x1', ' 1', '1 ', '+', '--1', '１', '1_0', '9'.repeat(100_000)])('refuses %j', (text) => {
    expect(parseSmallInteger('Edm.Int32', text)).toBeUndefined()
    expect(parseInt64(text)).toBeUndefined()
  })

  it('has no negative zero', () => expect(Object.is(parseSmallInteger('Edm.Int32', '-0'), 0)).toBe(true))
})

describe('doubles', () => {
  it('print the shortest text that reads as the same', () => {
    fc.assert(fc.property(fc.double(), (value) => void expect(parseDouble(printDouble(value))).toBe(value)))
    expect([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0, 1e21].map(printDouble)).toEqual([
      'INF',
      '-INF',
      'NaN',
      '-0',
      '1e+21',
    ])
  })

  it.each(['', '.1', '1.', '1e', 'Infinity', 'inf', '0x1', '1e400', '-1e400', '1e9999999', '-0.314e1e2'])(
    'refuse %j',
    (text) => void expect(parseDouble(text)).toBeUndefined(),
  )

  it('are float32 for Single, and print so', () => {
    fc.assert(
      fc.property(fc.float(), (value) => {
        expect(parseSingle(printSingle(value))).toBe(value)
        expect(printSingle(value).length).toBeLessThanOrEqual(printDouble(value).length)
      }),
    )
    expect(printSingle(Math.fround(0.1))).toBe('0.1')
    expect(parseSingle('0.1')).toBe(Math.fround(0.1))
    expect(parseSingle('1e39')).toBeUndefined()
    expect(parseSingle('INF')).toBe(Number.POSITIVE_INFINITY)
  })

  it('sort NaN first and know one zero', () => {
    expect([1, Number.NaN, Number.NEGATIVE_INFINITY, 0].sort(compareNumbers)).toEqual([
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      0,
      1,
    ])
    expect([compareNumbers(-0, 0), compareNumbers(Number.NaN, Number.NaN)]).toEqual([0, 0])
  })
})

describe('conversion', () => {
  const d = Decimal.parse('300.75') as Decimal
  it.each([
    ['Edm.Byte', 255.9, 255],
    ['Edm.Byte', 300, undefined],
    ['Edm.Int32', Number.NaN, undefined],
    ['Edm.Int32', -0.5, 0],
    ['Edm.Int16', d, 300],
    ['Edm.Int32', 2n ** 53n, undefined],
    ['Edm.Int64', 1e18, 10n ** 18n],
    ['Edm.Int64', 1e19, undefined],
    ['Edm.Int64', Decimal.infinity, undefined],
    ['Edm.Double', 2n ** 60n, 2 ** 60],
    ['Edm.Double', d, 300.75],
    ['Edm.Double', Decimal.parse('1e400'), undefined],
    ['Edm.Double', Decimal.infinity, Number.POSITIVE_INFINITY],
    ['Edm.Single', 0.1, Math.fround(0.1)],
    ['Edm.Single', 1e39, undefined],
    ['Edm.Single', Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ] as const)('to %s: %s gives %s', (target, value, result) => {
    expect(convertNumber(target, value as number)).toBe(result)
  })

  it('to Decimal keeps what the number prints', () => {
    expect(String(convertNumber('Edm.Decimal', 0.1))).toBe('0.1')
    expect(String(convertNumber('Edm.Decimal', 2n ** 63n - 1n))).toBe('9223372036854775807')
  })

  it('promotes to the wider type', () => {
    expect(promoteNumeric('Edm.Byte', 'Edm.SByte')).toBe('Edm.Int16')
    expect(promoteNumeric('Edm.Byte', 'Edm.Byte')).toBe('Edm.Byte')
    expect(promoteNumeric('Edm.Int64', 'Edm.Int32')).toBe('Edm.Int64')
    expect(promoteNumeric('Edm.Int64', 'Edm.Decimal')).toBe('Edm.Decimal')
    expect(promoteNumeric('Edm.Decimal', 'Edm.Single')).toBe('Edm.Single')
    expect(promoteNumeric('Edm.Single', 'Edm.Double')).toBe('Edm.Double')
  })
})
