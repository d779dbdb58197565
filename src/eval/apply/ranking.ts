import type { Transformation } from '../../bind/apply/tree.ts'
import { Decimal } from '../../edm/decimal.ts'
import { toDouble } from '../../edm/numbers.ts'
import type { Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { toDecimal } from '../arithmetic.ts'
import { compareSortValues } from '../sort-values.ts'
import { isNumericValue, type NumericValue } from '../values.ts'
import type { Instance } from './instance.ts'
import { spaceOf, sumOf } from './methods.ts'

type Ranking = Extract<Transformation, { kind: 'ranking' }>

/**
 * topcount, bottomcount, toppercent and their kin (Aggregation 3.3.1): instances in the order of the measure until the condition is met. What
 * has no measure comes last from the top and first from the bottom, as in an order, and counts for nothing in sums.
 * @throws ODataError queryOptionInvalid for a quantity that makes no sense
 */
export function ranked(
  ranking: Ranking,
  set: readonly Instance[],
  quantity: Value,
  measureOf: (instance: Value) => Value,
): readonly Instance[] {
  const { end, by, measure } = ranking
  const wanted = quantityOf(ranking, quantity)
  const sorted = set
    .map((instance) => ({ instance, value: measureOf(instance) }))
    .sort((a, b) => (end === 'top' ? compareSortValues(b.value, a.value) : compareSortValues(a.value, b.value)))
  if (by === 'count') return sorted.slice(0, Number(wanted.toBigInt() ?? 0n)).map(({ instance }) => instance)
  const doubles = spaceOf(measure.type) === 'double'
  const numbers = sorted.map(({ value }) => (isNumericValue(value) ? value : 0n))
  const target = by === 'sum' ? wanted : targetOf(numbers, wanted, doubles)
  const reached = doubles ? doublesReach(toDouble(target)) : decimalsReach(target)
  const chosen: Instance[] = []
  for (const [i, { instance }] of sorted.entries()) {
    if (reached(undefined)) break
    chosen.push(instance)
    reached(numbers[i])
  }
  return chosen
}

/** Adds a number, if one is given, and says whether the target is reached. */
type Reach = (next: NumericValue | undefined) => boolean

function decimalsReach(target: Decimal): Reach {
  let sum = Decimal.zero
  return (next) => {
    if (next !== undefined) sum = sum.add(toDecimal(next))
    return sum.compare(target) >= 0
  }
}

function doublesReach(target: number): Reach {
  let sum = 0
  return (next) => {
    if (next !== undefined) sum += toDouble(next)
    return sum >= target
  }
}

/** The part of the whole that a percentage is; nothing is part of a whole of 0, so that all instances are taken. */
function targetOf(numbers: readonly NumericValue[], percent: Decimal, doubles: boolean): Decimal {
  const total = sumOf(numbers, doubles ? 'double' : 'decimal')
  const whole = isNumericValue(total) ? toDecimal(total) : Decimal.zero
  if (whole.isZero) return Decimal.infinity
  return whole.multiply(percent).divide(Decimal.fromBigInt(100n)) ?? Decimal.infinity
}

function quantityOf({ end, by }: Ranking, value: Value): Decimal {
  const name = end + by
  const fail = (what: string): never => {
    throw new ODataError('queryOptionInvalid', `The first parameter of ${name} must be ${what}.`, { target: '$apply' })
  }
  if (!isNumericValue(value)) return fail('a number')
  const quantity = toDecimal(value)
  if (!quantity.isFinite) return fail('a finite number')
  if (by === 'count' && (!quantity.isInteger || quantity.compare(Decimal.zero) <= 0)) return fail('a positive integer')
  const hundred = Decimal.fromBigInt(100n)
  if (by === 'percent' && (quantity.compare(Decimal.zero) <= 0 || quantity.compare(hundred) > 0))
    return fail('greater than 0 and at most 100')
  return quantity
}
