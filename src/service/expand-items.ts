import type { Parameters } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import { bsonType, elementType, firstElement, nextElement, valueOffset } from '../bson/reader.ts'
import { isSubtypeOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareDocumentValue } from '../eval/compile.ts'
import { memberPlace } from '../payload/member-place.ts'
import type { RelatedRows } from '../payload/writer.ts'
import type { ExpandedItems, Expansion, Source } from '../plan/plan.ts'
import { type Core, collectionOf } from './core.ts'
import type { HopReader } from './hops.ts'

/** $expand of navigation properties inside collections of complex values: each item of a row is a parent of its own. */

/** An item of a row. */
export interface RowItem {
  readonly row: Uint8Array
  /** which of the rows */
  readonly of: number
  readonly position: number
  /** offset of its document in the row */
  readonly start: number
}

/** Items of one answer whose entities are read. */
const mostItems = 10_000

/** The items of some rows that can have the property. @throws ODataError urlLimitExceeded where they are too many */
export function itemsOfRows(
  core: Core,
  { root, type }: Source,
  { path, declared, casts }: ExpandedItems,
  rows: readonly Uint8Array[],
): readonly RowItem[] {
  if (core.controllers.get(root.name)?.afterRead !== undefined)
    throw new ODataError(
      'notImplemented',
      `$expand inside collections of ${root.name} is not implemented, as its controller changes what is read.`,
      { target: '$expand' },
    )
  const place = memberPlace(path, core.layout, { type, collection: collectionOf(core.layout, root) })
  const layout = core.layout.structured(declared)
  const items: RowItem[] = []
  rows.forEach((row, of) => {
    const { at } = place(row)
    if (at < 0 || elementType(row, at) !== bsonType.array) return
    let position = 0
    for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item), position++) {
      if (elementType(row, item) !== bsonType.document) continue
      const start = valueOffset(row, item)
      const actual = typeOfDocument(row, start, layout)
      if (casts.every((cast) => isSubtypeOf(actual, cast))) items.push({ row, of, position, start })
    }
  })
  if (items.length > mostItems)
    throw new ODataError('urlLimitExceeded', `$expand looks at more than ${mostItems} items (limit expandItemsRead).`, {
      target: '$expand',
    })
  return items
}

/** Makes the function that reads from an item what its navigation property needs; `start` is its place in the row. */
export function itemReader(
  core: Core,
  { root, type }: Source,
  { values, items }: Expansion,
): (row: Uint8Array, start: number, parameters: Parameters) => ReturnType<HopReader> {
  const context = { layout: core.layout, collection: collectionOf(core.layout, root), type }
  const item = { type: items?.declared ?? type, collection: false, nullable: false, facets: {} }
  const readers = values.map((value) => {
    if (value.kind !== 'member') throw new Error('invariant: items relate by foreign keys')
    return { required: value.required, prepared: prepareDocumentValue(value.expression, item, context) }
  })
  return (row, start, parameters) => {
    const found = readers.map(({ prepared }) => prepared(parameters)(row, start))
    return readers.some(({ required }, i) => required && found[i] === null) ? undefined : found
  }
}

/** What the items of each row have, by their positions. */
export function byRow(
  count: number,
  items: readonly RowItem[],
  found: readonly (RelatedRows | undefined)[],
): readonly RelatedRows[] {
  const rows = Array.from({ length: count }, (): (RelatedRows | undefined)[] => [])
  items.forEach(({ of, position }, i) => {
    const own = rows[of]
    if (own !== undefined) own[position] = found[i]
  })
  return rows.map((own) => ({ rows: [], count: undefined, nextLink: undefined, items: own }))
}
