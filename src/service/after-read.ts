import { deserialize, serialize } from 'bson'
import { decodeEntity } from '../bson/decode.ts'
import { encodeReplacement, storedFieldsOf } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import type { StructuredValue } from '../edm/value.ts'
import type { SourceRoot } from '../plan/plan.ts'
import type { ODataController } from './controller.ts'
import { type Core, collectionOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { toPlain, withReturned } from './plain.ts'

/**
 * Rows as they are shown: with the members that the controller's `afterRead` gives. The store, filters, orders and page positions
 * know the stored ones only.
 */
export async function shownRows(
  core: Core,
  exchange: Exchange,
  root: SourceRoot,
  rows: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const controller = controllerShowing(core, root)
  if (controller?.afterRead === undefined) return rows
  const collection = collectionOf(core.layout, root)
  const context = { model: core.model, principal: exchange.principal, request: exchange.request }
  const shown: Uint8Array[] = []
  for (const row of rows) {
    const entity = decodeEntity(core.layout, collection, row)
    const plain = toPlain(entity, true)
    const returned = await controller.afterRead(plain, context)
    const changed = withReturned(core.model, entity, plain, returned, 'replace')
    shown.push(changed === entity ? row : replaced(core.layout, collection, row, entity, changed))
  }
  return shown
}

/** The controller whose `afterRead` shows the rows of a root: what an operation gives is shown as the set that it stands in. */
export function controllerShowing({ controllers }: Core, root: SourceRoot): ODataController | undefined {
  const set = root.kind === 'result' ? root.set : root
  return set && controllers.get(set.name)
}

/** One row as it is shown. */
export async function shownRow(core: Core, exchange: Exchange, root: SourceRoot, row: Uint8Array): Promise<Uint8Array> {
  const [shown = row] = await shownRows(core, exchange, root, [row])
  return shown
}

/** A row with other members; its key, type, version and links stay. */
function replaced(
  layout: ModelLayout,
  collection: CollectionLayout,
  row: Uint8Array,
  before: StructuredValue,
  after: StructuredValue,
): Uint8Array {
  const { type } = after
  const keys = new Set(collection.entityType.key.map(({ property }) => property.name))
  const members = new Map(
    [...after.members].filter(([name, value]) => value !== before.members.get(name) && !keys.has(name)),
  )
  const document = deserialize(row, { promoteValues: false, promoteBuffers: false })
  for (const name of members.keys()) {
    const property = type.allProperties.get(name)
    const stored = property ? storedFieldsOf(layout, property) : [name, name + fields.exact]
    for (const field of stored) delete document[field]
  }
  return serialize(Object.assign(document, encodeReplacement(layout, { ...after, members })))
}
