import { Decimal } from '../edm/decimal.ts'
import { printGeo } from '../edm/geo.ts'
import { isStructuredValue, type PrimitiveValue, type Value } from '../edm/value.ts'
import { compareValues, isCollectionValue, isGeo, kindOf } from './values.ts'

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

/** The order of two lists of sort values. @param descending which of them */
export function compareKeys(a: readonly Value[], b: readonly Value[], descending: readonly boolean[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareSortValues(a[i] ?? null, b[i] ?? null)
    if (order !== 0) return descending[i] ? -order : order
  }
  return 0
}

/** Sorts without changing the order of what the keys do not tell apart. @param descending which of them */
export function sortedBy<T>(
  list: readonly T[],
  keysOf: (item: T) => readonly Value[],
  descending: readonly boolean[] = [],
): readonly T[] {
  if (list.length < 2) return list
  return list
    .map((item) => ({ item, keys: keysOf(item).map(sortable) }))
    .sort((a, b) => compareKeys(a.keys, b.keys, descending))
    .map(({ item }) => item)
}

/** Structured values and collections have no order: they sort as null. */
export function sortable(value: Value): PrimitiveValue | null {
  return value === null || isCollectionValue(value) || isStructuredValue(value) ? null : value
}

function isNaNValue(value: Value): boolean {
  return typeof value === 'number' ? Number.isNaN(value) : value instanceof Decimal && value.special === 'NaN'
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
