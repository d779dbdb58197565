import { Decimal } from '../edm/decimal.ts'
import { printGeo } from '../edm/geo.ts'
import type { Value } from '../edm/value.ts'
import { compareValues, isGeo, kindOf } from './values.ts'

/** MongoDB's order of types, for dynamic properties whose values are of several kinds. */
const ranks: Readonly<Record<ReturnType<typeof kindOf>, number>> = {
  null: 0,
  number: 1,
  duration: 2,
  string: 3,
  structured: 4,
  geo: 5,
  collection: 6,
  binary: 7,
  boolean: 8,
  dateTimeOffset: 9,
}

/** The ascending order of two sort values: total, NaN and null in their places. */
export function compareSortValues(a: Value, b: Value): number {
  const order = compareValues(a, b)
  if (order !== undefined) return order
  const kind = kindOf(a)
  const other = kindOf(b)
  if (kind !== other) return ranks[kind] - ranks[other]
  if (kind === 'number') return Number(isNaNValue(b)) - Number(isNaNValue(a))
  if (kind === 'geo' && a !== null && b !== null && isGeo(a) && isGeo(b)) return compareTexts(printGeo(a), printGeo(b))
  return 0
}

function isNaNValue(value: Value): boolean {
  return typeof value === 'number' ? Number.isNaN(value) : value instanceof Decimal && value.special === 'NaN'
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
