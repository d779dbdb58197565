import type { Document } from 'mongodb'
import type { Parameters } from '../../bind/tree.ts'
import type { DateTimeOffset } from '../../edm/value.ts'

/** A query document for `$match` or `find`. */
export type Filter = Document

/** One execution of a compiled condition. */
export interface Placement {
  readonly parameters: Parameters
  /** the instant of `now()`, one for the whole execution */
  readonly now: DateTimeOffset
  /** set to false by a condition that says less than it should: the rows have to be tested once more */
  exact: boolean
}

/**
 * A compiled condition: puts the parameters of a request into a query document. `true` and `false` stand for all rows and
 * no row. What it cannot say exactly it says more widely and clears `placement.exact`; it never leaves out a row.
 */
export type Condition = (placement: Placement) => Filter | boolean

export const everything: Condition = () => true
export const nothing: Condition = () => false

/** All rows, for want of a better answer. */
export const unsure: Condition = (placement) => {
  placement.exact = false
  return true
}

/** Rows that fulfil every condition. */
export function allOf(conditions: readonly Condition[]): Condition {
  const [only, ...others] = conditions
  if (only === undefined) return everything
  if (others.length === 0) return only
  return (placement) => conjunction(conditions.map((condition) => condition(placement)))
}

/** Rows that fulfil at least one condition. */
export function anyOf(conditions: readonly Condition[]): Condition {
  const [only, ...others] = conditions
  if (only === undefined) return nothing
  if (others.length === 0) return only
  return (placement) => disjunction(conditions.map((condition) => condition(placement)))
}

/**
 * Rows that do not fulfil a condition. The complement of a wider condition would leave out rows: where the condition is not
 * exact, the answer is every row.
 */
export function complementOf(condition: Condition): Condition {
  return (placement) => {
    const own: Placement = { parameters: placement.parameters, now: placement.now, exact: true }
    const placed = condition(own)
    if (!own.exact) return unsure(placement)
    if (typeof placed === 'boolean') return !placed
    return { $nor: [placed] }
  }
}

/**
 * A condition said in two ways, the second only where the first says too much: then both, so that an index serves the first
 * and the second is exact.
 */
export function exactOf(first: Condition, second: () => Condition): Condition {
  if (first === unsure) return second()
  let other: Condition | undefined
  return (placement) => {
    const own: Placement = { parameters: placement.parameters, now: placement.now, exact: true }
    const placed = first(own)
    if (own.exact) return placed
    other ??= second()
    return conjunction([placed, other(placement)])
  }
}

/** `and` over placed conditions. */
export function conjunction(placed: readonly (Filter | boolean)[]): Filter | boolean {
  const filters: Filter[] = []
  for (const one of placed) {
    if (one === false) return false
    if (one !== true) filters.push(...(isOnly(one, '$and') ? (one.$and as Filter[]) : [one]))
  }
  return filters.length === 0 ? true : filters.length === 1 ? (filters[0] as Filter) : { $and: filters }
}

/** `or` over placed conditions. */
export function disjunction(placed: readonly (Filter | boolean)[]): Filter | boolean {
  const filters: Filter[] = []
  for (const one of placed) {
    if (one === true) return true
    if (one !== false) filters.push(...(isOnly(one, '$or') ? (one.$or as Filter[]) : [one]))
  }
  return filters.length === 0 ? false : filters.length === 1 ? (filters[0] as Filter) : { $or: filters }
}

function isOnly(filter: Filter, operator: string): boolean {
  return operator in filter && Object.keys(filter).length === 1
}
