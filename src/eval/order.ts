import type { OrderByItem, Parameters } from '../bind/tree.ts'
import { Decimal } from '../edm/decimal.ts'
import { printGeo } from '../edm/geo.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'
import { type EvalContext, type ExecutionOptions, prepareValue } from './compile.ts'
import { compareValues, isCollectionValue, isGeo, isStructuredValue, kindOf } from './values.ts'

/** The sort values of a row, one for each item of the order: what a skiptoken holds. */
export type Keyset = readonly (PrimitiveValue | null)[]

/** An order of rows, by their sort values. */
export interface RowOrder {
  /** The sort values of a row. Never throws. */
  keyset(row: Uint8Array, parameters: Parameters): Keyset
  /** Negative where `a` comes first. Total over sort values; rows are told apart as far as the items do (the last ones are the key). */
  compare(a: Keyset, b: Keyset): number
}

/** An order bound to the parameters of a request. */
export interface BoundOrder {
  keyset(row: Uint8Array, outer?: Uint8Array): Keyset
  compare(a: Keyset, b: Keyset): number
}

/**
 * Compiles `$orderby` (Protocol 11.2.6.2), once for a plan. Ascending: null, then NaN, then numbers from -INF, strings by code
 * point, Guids by their bytes (the order of their text), binary by length and then bytes, false before true, instants to the
 * last digit; descending is the exact reverse. MongoDB sorts the stored form alike.
 */
export function prepareOrder(
  items: readonly OrderByItem[],
  context: EvalContext,
): (parameters: Parameters, options?: ExecutionOptions) => BoundOrder {
  const values = items.map((item) => prepareValue(item.expression, context))
  const compare = keysetComparison(items.map((item) => item.descending))
  return (parameters, options) => {
    const evaluators = values.map((value) => value(parameters, options))
    return { keyset: (row, outer) => evaluators.map((evaluate) => sortValue(evaluate(row, outer))), compare }
  }
}

/** The same as functions of row and parameters; it keeps what it made for the parameters it saw last. */
export function compileOrder(items: readonly OrderByItem[], context: EvalContext): RowOrder {
  const prepare = prepareOrder(items, context)
  let known: Parameters | undefined
  let bound: BoundOrder | undefined
  return {
    keyset(row, parameters) {
      if (bound === undefined || known !== parameters) {
        bound = prepare(parameters)
        known = parameters
      }
      return bound.keyset(row)
    },
    compare: keysetComparison(items.map((item) => item.descending)),
  }
}

/** Structured values and collections have no order: they sort as null. */
function sortValue(value: Value): PrimitiveValue | null {
  return value === null || isCollectionValue(value) || isStructuredValue(value) ? null : value
}

function keysetComparison(descending: readonly boolean[]): (a: Keyset, b: Keyset) => number {
  return (a, b) => {
    for (let i = 0; i < descending.length; i++) {
      const order = compareSortValues(a[i] ?? null, b[i] ?? null)
      if (order !== 0) return descending[i] ? -order : order
    }
    return 0
  }
}

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
