import { describe, expect, it } from 'vitest'
import { aggregatedType } from '../../../../src/bind/apply/methods.ts'
import type { AggregationMethod } from '../../../../src/bind/apply/tree.ts'
import { primitiveReference } from '../../../../src/bind/type-references.ts'
import { Decimal } from '../../../../src/edm/decimal.ts'
import type { PrimitiveTypeName } from '../../../../src/edm/model.ts'
import type { Value } from '../../../../src/edm/value.ts'
import { aggregateValues } from '../../../../src/eval/apply/methods.ts'
import { sameness } from '../../../../src/eval/apply/same.ts'

const shown = (value: Value): string =>
  value instanceof Decimal ? `${value} decimal` : typeof value === 'bigint' ? `${value}n` : String(value)
const run = (method: AggregationMethod, type: PrimitiveTypeName, values: readonly Value[]): string =>
  shown(aggregateValues(method, values, primitiveReference(type)))
const decimals = (...texts: string[]): Value[] => texts.map((text) => Decimal.parse(text) ?? null)

describe('aggregation methods', () => {
  it('sum integers and decimals exactly', () => {
    const most = 2_147_483_647
    expect(run('sum', 'Edm.Int32', [most, most, most])).toBe('6442450941n')
    expect(run('sum', 'Edm.Int64', [9_223_372_036_854_775_807n, 1n])).toBe('9223372036854775808 decimal')
    expect(run('sum', 'Edm.Decimal', decimals('0.1', '0.2', '1234567890123456789012'))).toBe(
      '1234567890123456789012.3 decimal',
    )
  })

  it('compensate sums of doubles, and keep INF and NaN', () => {
    expect(run('sum', 'Edm.Double', [1, 1e100, 1, -1e100])).toBe('2')
    expect(run('sum', 'Edm.Double', [1, Number.POSITIVE_INFINITY])).toBe('Infinity')
    expect(run('sum', 'Edm.Double', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe('NaN')
    expect(run('average', 'Edm.Double', [0.5, Number.NaN])).toBe('NaN')
  })

  it('give averages of integers as decimals', () => {
    expect(run('average', 'Edm.Int32', [1, 2])).toBe('1.5 decimal')
    expect(run('average', 'Edm.Int64', [9_007_199_254_740_993n, 9_007_199_254_740_995n])).toBe(
      '9007199254740994 decimal',
    )
    expect(run('average', 'Edm.Int32', [1, 1, 2])).toBe('1.333333333333333333333333333333333 decimal')
  })

  it('find the least and the most in the order of the values', () => {
    expect(run('min', 'Edm.String', ['\u{1f600}', '\uffee'])).toBe('\uffee')
    expect(run('max', 'Edm.Decimal', decimals('2.5', '10', '9.99'))).toBe('10 decimal')
    expect(run('min', 'Edm.Double', [1, Number.NaN])).toBe('NaN')
    expect(run('max', 'Edm.Boolean', [false, true])).toBe('true')
  })

  it('count, and give null where there is nothing', () => {
    expect(run('count', 'Edm.String', ['a', 'a'])).toBe('2 decimal')
    expect(run('countdistinct', 'Edm.Double', [0, -0, 1, Number.NaN, Number.NaN])).toBe('3 decimal')
    for (const method of ['sum', 'min', 'max', 'average'] as const) expect(run(method, 'Edm.Int32', [])).toBe('null')
    expect(run('count', 'Edm.Int32', [])).toBe('0 decimal')
  })

  it('have a type that holds every result', () => {
    const typeOf = (method: AggregationMethod, type: PrimitiveTypeName) =>
      aggregatedType(method, primitiveReference(type))?.type.name
    expect(typeOf('sum', 'Edm.Byte')).toBe('Edm.Int64')
    expect(typeOf('sum', 'Edm.Int64')).toBe('Edm.Decimal')
    expect(typeOf('sum', 'Edm.Single')).toBe('Edm.Double')
    expect(typeOf('average', 'Edm.Int16')).toBe('Edm.Decimal')
    expect(typeOf('max', 'Edm.Date')).toBe('Edm.Date')
    expect(typeOf('countdistinct', 'Edm.String')).toBe('Edm.Decimal')
    expect(typeOf('sum', 'Edm.String')).toBeUndefined()
    expect(typeOf('min', 'Edm.GeographyPoint')).toBeUndefined()
  })
})

describe('sameness', () => {
  const instant = (ms: number, sub: number, offset: number): Value => ({
    kind: 'dateTimeOffset',
    ms,
    sub,
    offset,
    digits: 3,
  })

  it('goes by what values are', () => {
    expect(sameness(1)).toBe(sameness(1n))
    expect(sameness(Decimal.parse('1.50') ?? null)).toBe(sameness(Decimal.parse('1.5') ?? null))
    expect(sameness(instant(5, 0, 0))).toBe(sameness(instant(5, 0, 120)))
    expect(sameness(instant(5, 0, 0))).not.toBe(sameness(instant(5, 1, 0)))
    expect(sameness(0)).toBe(sameness(-0))
  })

  it('keeps texts apart, whatever stands in them', () => {
    expect(sameness('1')).not.toBe(sameness(1))
    expect(sameness(['a', 'b'])).not.toBe(sameness(['a,s1:b']))
    expect(sameness(null)).not.toBe(sameness('null'))
    expect(sameness(true)).not.toBe(sameness('true'))
  })
})
