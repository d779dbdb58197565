import type { AggregationMethod } from '../../bind/apply/tree.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { TypeReference } from '../../edm/model.ts'
import { toDouble } from '../../edm/numbers.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { Value } from '../../edm/value.ts'
import { toDecimal } from '../arithmetic.ts'
import { compareSortValues } from '../sort-values.ts'
import { isNumericValue, type NumericValue } from '../values.ts'
import { sameness } from './same.ts'

/**
 * The standard aggregation methods (Aggregation 3.2.1.3) over values without nulls. Integers and decimals are summed exactly, doubles with
 * compensation for what addition loses; the smallest number is NaN, as it is in an order.
 * @param type of the values
 */
export function aggregateValues(
  method: AggregationMethod,
  values: readonly Value[],
  type: TypeReference | undefined,
): Value {
  switch (method) {
    case 'count':
      return Decimal.fromBigInt(BigInt(values.length))
    case 'countdistinct':
      return Decimal.fromBigInt(BigInt(new Set(values.map(sameness)).size))
    case 'min':
      return values.reduce<Value>(
        (least, value) => (least === null || compareSortValues(value, least) < 0 ? value : least),
        null,
      )
    case 'max':
      return values.reduce<Value>(
        (most, value) => (most === null || compareSortValues(value, most) > 0 ? value : most),
        null,
      )
    case 'sum':
      return sumOf(numbers(values), spaceOf(type))
    case 'average':
      return averageOf(numbers(values), spaceOf(type))
  }
}

/** How numbers of a type are added up. */
export type SumSpace = 'double' | 'integer' | 'decimal'

/** @param type of the numbers */
export function spaceOf(type: TypeReference | undefined): SumSpace {
  switch (type === undefined ? undefined : primitiveOf(type.type)?.name) {
    case 'Edm.Double':
    case 'Edm.Single':
      return 'double'
    case 'Edm.Int64':
    case 'Edm.Decimal':
    case undefined:
      return 'decimal'
    default:
      return 'integer'
  }
}

function numbers(values: readonly Value[]): readonly NumericValue[] {
  return values.filter(isNumericValue)
}

/** The sum; null of no values. */
export function sumOf(values: readonly NumericValue[], space: SumSpace): Value {
  if (values.length === 0) return null
  switch (space) {
    case 'double':
      return doubleSum(values)
    case 'integer':
      return values.reduce<bigint>((sum, value) => sum + (toDecimal(value).toBigInt() ?? 0n), 0n)
    case 'decimal':
      return values.reduce<Decimal>((sum, value) => sum.add(toDecimal(value)), Decimal.zero)
  }
}

/** Neumaier's sum: what an addition rounds off is kept and added at the end. */
function doubleSum(values: readonly NumericValue[]): number {
  let sum = 0
  let lost = 0
  for (const value of values) {
    const next = toDouble(value)
    const total = sum + next
    lost += Math.abs(sum) >= Math.abs(next) ? sum - total + next : next - total + sum
    sum = total
  }
  const compensated = sum + lost
  return Number.isNaN(compensated) ? sum : compensated
}

function averageOf(values: readonly NumericValue[], space: SumSpace): Value {
  if (values.length === 0) return null
  if (space === 'double') return doubleSum(values) / values.length
  const sum = sumOf(values, 'decimal')
  return sum instanceof Decimal ? (sum.divide(Decimal.fromBigInt(BigInt(values.length))) ?? null) : null
}
