import type { Parameters } from '../bind/tree.ts'
import { prepareItems, type SelectedItems } from '../eval/items.ts'
import { contextUrl } from '../payload/context.ts'
import { compileItemsWriter } from '../payload/items-writer.ts'
import { memberPlace } from '../payload/member-place.ts'
import type { ByteSink, JsonDialect } from '../payload/writer.ts'
import type { ItemsQuery, ReadPlan } from '../plan/plan.ts'
import { type Core, collectionOf } from './core.ts'

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
  return select(parameters)(row, place(row).at)
}

/** Writes the items that a plan asks for, of one row. */
export function writeItems(
  core: Core,
  plan: ReadPlan,
  items: ItemsQuery,
  parameters: Parameters,
  dialect: JsonDialect,
  row: Uint8Array,
  sink: ByteSink,
): void {
  const write = core.writers.get(items, dialect, () =>
    compileItemsWriter(items.type, plan.select, dialect, core.layout),
  )
  const { elements, total } = itemsOfRow(core, plan, items, parameters, row)
  const context = dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters)
  write(row, elements, sink, context, items.count ? total : undefined)
}

/** Whether a path names an item by a position that the row does not have. */
export function lacksPosition(core: Core, plan: ReadPlan, row: Uint8Array): boolean {
  const last = plan.member.findLastIndex(({ kind }) => kind === 'ordinal')
  if (last < 0) return false
  const { type, root } = plan.source
  const owner = { type, collection: collectionOf(core.layout, root) }
  return memberPlace(plan.member.slice(0, last + 1), core.layout, owner)(row).at < 0
}
