import type { OrderByItem, Parameters } from '../bind/tree.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { type EvalContext, type ExecutionOptions, prepareValue } from './compile.ts'
import { compareKeys, sortable } from './sort-values.ts'

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
  const compare = keysetComparison(items)
  return (parameters, options) => {
    const evaluators = values.map((value) => value(parameters, options))
    return { keyset: (row, outer) => evaluators.map((evaluate) => sortable(evaluate(row, outer))), compare }
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
    compare: keysetComparison(items),
  }
}

function keysetComparison(items: readonly OrderByItem[]): (a: Keyset, b: Keyset) => number {
  const descending = items.map((item) => item.descending)
  return (a, b) => compareKeys(a, b, descending)
}
