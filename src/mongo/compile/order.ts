import type { OrderByItem, Parameters } from '../../bind/tree.ts'
import type { ModelLayout } from '../../bson/layout.ts'
import type { Keyset } from '../../store/port.ts'
import { atPlace, comesAfter } from './comparison.ts'
import { conjunction, disjunction, type Filter } from './condition.ts'
import { type Field, fieldOf, type QueryContext } from './field.ts'

/** An order that MongoDB sorts by itself. */
export interface FieldOrder {
  /** paths and directions for `sort` */
  readonly sort: ReadonlyMap<string, 1 | -1>
  /**
   * The rows after a position, nulls and NaN in their places.
   * @returns undefined where MongoDB cannot tell exactly
   */
  after(keyset: Keyset, layout: ModelLayout, parameters: Parameters): Filter | boolean | undefined
}

export interface FieldItem {
  readonly field: Field
  readonly descending: boolean
}

/** MongoDB takes no more fields in a sort. */
const mostSortFields = 32

/** Compiles an order by stored fields; undefined where an item is something else. */
export function compileFieldOrder(orderby: readonly OrderByItem[], context: QueryContext): FieldOrder | undefined {
  const items: FieldItem[] = []
  const sort = new Map<string, 1 | -1>()
  for (const { expression, descending } of orderby) {
    const field = fieldOf(expression, context)
    if (field === undefined) return undefined
    items.push({ field, descending })
    const direction = descending ? -1 : 1
    // a field named again decides nothing
    if (sort.has(field.path)) continue
    sort.set(field.path, direction)
    if (field.kind === 'instant') sort.set(field.subPath, direction)
  }
  if (sort.size > mostSortFields) return undefined
  return { sort, after: (keyset, layout) => positionFilter(items, keyset, layout) }
}

/**
 * (a > x) or (a = x and b > y) or (a = x and b = y and c > z) ..., and before it the widest range of the first field, so
 * that an index on it is entered at the right place.
 */
export function positionFilter(
  items: readonly FieldItem[],
  keyset: Keyset,
  layout: ModelLayout,
): Filter | boolean | undefined {
  const branches: (Filter | boolean)[] = []
  const places: (Filter | boolean)[] = []
  for (const [i, { field, descending }] of items.entries()) {
    const value = keyset[i] ?? null
    const after = comesAfter(field, descending, value, layout)
    const place = atPlace(field, value, layout)
    if (after === undefined || place === undefined) return undefined
    branches.push(conjunction([...places, after]))
    places.push(place)
  }
  const position = disjunction(branches)
  const [first] = items
  const value = keyset[0] ?? null
  if (items.length === 1 || first === undefined || first.descending || value === null) return position
  const place = atPlace(first.field, value, layout)
  const { path } = first.field
  if (typeof place !== 'object' || Number.isNaN(place[path])) return position
  return conjunction([{ [path]: { $gte: place[path] } }, position])
}
