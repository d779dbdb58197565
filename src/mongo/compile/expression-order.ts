import type { Document } from 'mongodb'
import type { OrderByItem, Parameters } from '../../bind/tree.ts'
import type { Keyset } from '../../store/port.ts'
import type { Filter, Placement } from './condition.ts'
import { type FieldKind, fieldOf, type QueryContext } from './field.ts'
import { exprValue } from './native/expression.ts'
import { type Term, type TermKind, whole } from './native/term.ts'
import { type FieldItem, positionFilter } from './order.ts'

/** An order by expressions that MongoDB calculates: a pipeline puts their values into the rows, sorts, and takes them out. */
export interface ExpressionOrder {
  /**
   * The stages behind `$match`, without skip and limit.
   * @param after rows behind these sort values
   * @returns undefined where MongoDB cannot tell exactly
   */
  place(parameters: Parameters, after: Keyset | undefined): PlacedOrder | undefined
}

export interface PlacedOrder {
  readonly sorting: readonly Document[]
  /** takes out what the others put in */
  readonly cleaning: readonly Document[]
}

const kinds: Readonly<Record<TermKind, FieldKind | undefined>> = {
  integer: 'integer',
  double: 'floating',
  single: 'floating',
  decimal: 'decimal',
  text: 'string',
  date: 'string',
  time: 'string',
  boolean: 'boolean',
  guid: 'binary',
  binary: 'binary',
  enum: 'enum',
  duration: 'duration',
  null: undefined,
}

/** MongoDB takes no more fields in a sort; an instant takes two. */
const mostItems = 16

/** @returns undefined where an item is neither a stored field nor an expression that MongoDB evaluates exactly */
export function compileExpressionOrder(
  orderby: readonly OrderByItem[],
  context: QueryContext,
): ExpressionOrder | undefined {
  if (context.collection.sharedWrites || orderby.length > mostItems) return undefined
  const items: FieldItem[] = []
  const values: { readonly path: string; readonly term: Term }[] = []
  for (const [i, { expression, descending }] of orderby.entries()) {
    const stored = fieldOf(expression, context)
    if (stored !== undefined) {
      items.push({ field: stored, descending })
      continue
    }
    const { type } = expression
    const term = exprValue(expression, context)
    const kind = term && kinds[term.kind]
    if (term === undefined || kind === undefined || type === undefined) return undefined
    const path = `@order${i}`
    values.push({ path, term })
    items.push({ field: { path, subPath: '', kind, type, key: false }, descending })
  }
  const sort = new Map<string, 1 | -1>()
  for (const { field, descending } of items) {
    if (sort.has(field.path)) continue
    sort.set(field.path, descending ? -1 : 1)
    if (field.kind === 'instant') sort.set(field.subPath, descending ? -1 : 1)
  }
  return {
    place: (parameters, after) => {
      const ms = Date.now()
      const placement: Placement = {
        parameters,
        now: { kind: 'dateTimeOffset', ms, sub: 0, offset: 0, digits: 3 },
        exact: true,
      }
      const added = values.map(({ path, term }) => [path, whole(term.parts(placement))])
      const position: Filter | boolean | undefined = after ? positionFilter(items, after, context.layout) : true
      if (!placement.exact || position === undefined) return undefined
      const behind = position === true ? [] : [{ $match: position === false ? { $expr: false } : position }]
      return {
        sorting: [{ $addFields: Object.fromEntries(added) }, ...behind, { $sort: Object.fromEntries(sort) }],
        cleaning: [{ $unset: values.map(({ path }) => path) }],
      }
    },
  }
}
