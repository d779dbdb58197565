import type { Parameters } from '../bind/tree.ts'
import { orderBetween } from '../bson/entity-order.ts'
import { fields } from '../bson/layout.ts'
import { bsonType, elementType, findField, readString, valueOffset } from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import { keptOrder } from '../plan/order.ts'
import type { CreatePlan, ReadPlan } from '../plan/plan.ts'
import { hopPlan } from '../plan/source.ts'
import { type Core, contextOf } from './core.ts'
import type { Exchange } from './exchange.ts'

/**
 * The order of a new entity that is put at a position (Protocol 11.4.11), among those that the caller may see.
 * @param index counted from the end where negative (-1: as the last)
 * @throws ODataError queryOptionInvalid where the collection has no such position; notImplemented among entities without an order
 */
export async function orderAt(
  core: Core,
  exchange: Exchange,
  { source }: CreatePlan,
  parameters: Parameters,
  index: number,
): Promise<string> {
  const fromEnd = index < 0
  // entities on the side that is counted from
  const passed = fromEnd ? -1 - index : index
  const skip = Math.max(0, passed - 1)
  const plan: ReadPlan = { ...hopPlan({ ...source, single: false }), orderby: keptOrder(source.root, fromEnd), skip }
  const { controller, context } = contextOf(core, exchange, plan, parameters, { limit: passed === 0 ? 1 : 2 })
  const rows: Uint8Array[] = []
  for await (const batch of (await controller.list(context)).batches) rows.push(...batch)
  const [near, far] = passed === 0 ? [undefined, rows[0]] : rows
  if (passed > 0 && near === undefined)
    throw new ODataError('queryOptionInvalid', `The collection has no position ${index}.`, { target: '$index' })
  const [before, after] = fromEnd ? [far, near] : [near, far]
  if (after !== undefined && orderOf(after) === undefined)
    throw new ODataError(
      'notImplemented',
      'Entities that were stored before the collection kept an order come first, in the order of their keys: none can be put among them.',
      { target: '$index' },
    )
  return orderBetween(before && orderOf(before), after && orderOf(after))
}

function orderOf(row: Uint8Array): string | undefined {
  const at = findField(row, fields.order)
  return at >= 0 && elementType(row, at) === bsonType.string ? readString(row, valueOffset(row, at)) : undefined
}
