import type { BinaryOperator } from './ast.ts'

/** Words of the grammar, in the standard's spelling. */

/**
 * Canonical functions (URL Conventions 5.1.1.5 to 5.1.1.12) but `case`, `cast` and `isof`, which have rules of their own.
 * The keys are lower case: 4.01 takes names in any case.
 */
export const canonicalFunctions: ReadonlySet<string> = new Set([
  'concat',
  'contains',
  'endswith',
  'indexof',
  'length',
  'startswith',
  'substring',
  'hassubset',
  'hassubsequence',
  'matchespattern',
  'tolower',
  'toupper',
  'trim',
  'date',
  'day',
  'fractionalseconds',
  'hour',
  'maxdatetime',
  'mindatetime',
  'minute',
  'month',
  'now',
  'second',
  'time',
  'totaloffsetminutes',
  'totalseconds',
  'year',
  'ceiling',
  'floor',
  'round',
  'geo.distance',
  'geo.intersects',
  'geo.length',
])

/** Binary operators, for near names. */
export const operatorNames: readonly BinaryOperator[] = [
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
  'has',
  'in',
  'and',
  'or',
  'add',
  'sub',
  'mul',
  'div',
  'divby',
  'mod',
]

/** System query options by their name in `QueryOptions`, in the canonical order in which they are parsed and shaped. */
export const optionNames = [
  'apply',
  'compute',
  'search',
  'filter',
  'orderby',
  'select',
  'expand',
  'top',
  'skip',
  'count',
  'levels',
  'index',
  'schemaversion',
  'id',
  'format',
  'skiptoken',
  'deltatoken',
] as const

/** A system query option, without its `$`. */
export type OptionKey = (typeof optionNames)[number]

const optionKeys: ReadonlyMap<string, OptionKey> = new Map(optionNames.map((name) => [name, name]))

/** The system query option of that name without `$`, in any case. */
export function optionKey(name: string): OptionKey | undefined {
  return optionKeys.get(name) ?? optionKeys.get(name.toLowerCase())
}

/** The names with their `$`, for near names. */
export const dollarNames: readonly string[] = optionNames.map((name) => `$${name}`)
