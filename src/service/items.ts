import { propertyNames } from '../bind/print.ts'
import type { Parameters } from '../bind/tree.ts'
import { bsonType, elementType, firstElement, nextElement, valueOffset } from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareItems, type SelectedItems } from '../eval/items.ts'
import { contextUrl } from '../payload/context.ts'
import { compileItemsWriter, type ItemsWriter } from '../payload/items-writer.ts'
import { type MemberPlace, memberPlace } from '../payload/member-place.ts'
import type { ByteSink, JsonDialect, Related } from '../payload/writer.ts'
import type { ItemsQuery, ReadPlan } from '../plan/plan.ts'
import { type Core, collectionOf } from './core.ts'
import { expandedShapes } from './expand.ts'

/** Items of a collection-valued property: which are wanted, how they are written. */

/** The items that a plan asks for, of one row. */
export function itemsOfRow(
  core: Core,
  plan: ReadPlan,
  items: ItemsQuery,
  parameters: Parameters,
  row: Uint8Array,
): SelectedItems {
  const { layout } = core
  const { type } = plan.source
  const collection = collectionOf(layout, plan.source.root)
  const { place, select } = core.writers.once(items, () => ({
    place: memberPlace(plan.member, layout, { type, collection }),
    select: prepareItems(items, { layout, type, collection }),
  }))
  const { at } = place(row)
  if (items.undeclared && at >= 0 && elementType(row, at) !== bsonType.array)
    throw new ODataError('resourceNotFound', 'The value is no collection: it has no items to count.', {
      target: '$count',
    })
  return select(parameters)(row, at)
}

/** The positions of the items that a plan asks for, in one row. */
export function positionsOfRow(
  core: Core,
  plan: ReadPlan,
  items: ItemsQuery,
  parameters: Parameters,
  row: Uint8Array,
): ReadonlySet<number> {
  const chosen = new Set(itemsOfRow(core, plan, items, parameters, row).elements)
  const positions = new Set<number>()
  const { at } = placeOf(core, plan)(row)
  if (at < 0 || elementType(row, at) !== bsonType.array) return positions
  let position = 0
  for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item)) {
    if (chosen.has(item)) positions.add(position)
    position++
  }
  return positions
}

function placeOf(core: Core, { member, source: { type, root } }: ReadPlan): (row: Uint8Array) => MemberPlace {
  return core.writers.once(member, () =>
    memberPlace(member, core.layout, { type, collection: collectionOf(core.layout, root) }),
  )
}

function writerOf(core: Core, plan: ReadPlan, items: ItemsQuery, dialect: JsonDialect): ItemsWriter {
  const { select, member, expansions } = plan
  const path = propertyNames(member)
  return core.writers.get(items, dialect, () =>
    compileItemsWriter(items.type, select, dialect, core.layout, path, expandedShapes(core, expansions)),
  )
}

/** What is expanded of some items, in their order. */
function relatedOfItems(
  core: Core,
  plan: ReadPlan,
  row: Uint8Array,
  elements: readonly number[],
  related: Related,
): Related {
  const places: number[] = []
  const { at } = placeOf(core, plan)(row)
  if (at >= 0 && elementType(row, at) === bsonType.array)
    for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item)) places.push(item)
  const positions = elements.map((element) => places.indexOf(element))
  return related.map(
    (found) => found?.items && { ...found, items: positions.map((position) => found.items?.[position]) },
  )
}

/** Writes the items at some positions of one row. */
export function writePositions(
  core: Core,
  plan: ReadPlan,
  items: ItemsQuery,
  parameters: Parameters,
  dialect: JsonDialect,
  row: Uint8Array,
  positions: ReadonlySet<number>,
  sink: ByteSink,
): void {
  const write = writerOf(core, plan, items, dialect)
  const elements: number[] = []
  const { at } = placeOf(core, plan)(row)
  let position = 0
  if (at >= 0 && elementType(row, at) === bsonType.array)
    for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item))
      if (positions.has(position++)) elements.push(item)
  write(row, elements, sink, dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters), undefined)
}

/** Writes the items that a plan asks for, of one row. @param related what is expanded of the row */
export function writeItems(
  core: Core,
  plan: ReadPlan,
  items: ItemsQuery,
  parameters: Parameters,
  dialect: JsonDialect,
  row: Uint8Array,
  sink: ByteSink,
  related: Related | undefined,
): void {
  const write = writerOf(core, plan, items, dialect)
  const { elements, total } = itemsOfRow(core, plan, items, parameters, row)
  const context = dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters)
  const own = related && relatedOfItems(core, plan, row, elements, related)
  write(row, elements, sink, context, items.count ? total : undefined, own)
}

/** Whether a path names an item by a position that the row does not have. */
export function lacksPosition(core: Core, plan: ReadPlan, row: Uint8Array): boolean {
  const last = plan.member.findLastIndex(({ kind }) => kind === 'ordinal')
  if (last < 0) return false
  const { type, root } = plan.source
  const owner = { type, collection: collectionOf(core.layout, root) }
  return memberPlace(plan.member.slice(0, last + 1), core.layout, owner)(row).at < 0
}
