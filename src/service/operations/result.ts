import { serialize } from 'bson'
import { encodeEntity } from '../../bson/encode.ts'
import type { CollectionLayout } from '../../bson/layout.ts'
import { isDelta } from '../../csdl/core.ts'
import type { EntityType, TypeReference } from '../../edm/model.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { RemovedReason } from '../../payload/delta.ts'
import type { OperationResult } from '../../plan/plan.ts'
import { positionField } from '../../plan/result.ts'
import { type Core, collectionOf } from '../core.ts'
import { fromPlain } from '../plain.ts'
import { plainDocument } from '../plain-rows.ts'

/**
 * What a handler gave back, as rows in the stored form: of entities one each, of anything else one that holds it.
 * @throws Error where it is nothing that the result type can hold: the handler's fault, not the client's;
 *   ODataError entityNotFound where there must be a result and is none (Protocol 11.5.4.1)
 */
export function rowsOfResult(core: Core, result: OperationResult, given: unknown): readonly Uint8Array[] {
  const { call, value, type, name } = result
  const reference = call.operation.returnType
  if (reference === undefined) return []
  const nothing = given === undefined || given === null
  if (nothing && !reference.collection && !reference.nullable)
    throw new ODataError('entityNotFound', `${name} has no result.`)
  const what = `the handler of ${name}`
  const collection = collectionOf(core.layout, result)
  if (value !== undefined) {
    const held = nothing ? (reference.collection ? [] : null) : fromPlain(core.model, reference, given, what)
    return [serialize(encodeEntity(core.layout, collection, structured(type, new Map([['value', held]]))))]
  }
  if (!reference.collection) return nothing ? [] : [entityRow(core, collection, reference, given, what, 0)]
  if (nothing) return []
  if (!isIterable(given)) throw new Error(`${what} gave back something else than a collection`)
  const item = { ...reference, collection: false }
  if (isDelta(reference, reference))
    return Array.from(given, (entity, i) => removedRow(core, collection, item, entity, what, i))
  return Array.from(given, (entity, i) => entityRow(core, collection, item, entity, what, i))
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && !(value instanceof Uint8Array)
}

function structured(type: EntityType, members: ReadonlyMap<string, Value>): StructuredValue {
  return { kind: 'structured', type, members }
}

function entityRow(
  core: Core,
  collection: CollectionLayout,
  reference: TypeReference,
  given: unknown,
  what: string,
  position: number,
): Uint8Array {
  if (given instanceof Uint8Array) return withPosition(given, position)
  const document = plainDocument({ model: core.model, layout: core.layout, collection }, reference, given, what)
  document[positionField] = position
  return serialize(document)
}

/** A row with one field more, which is put in at its end. */
function withPosition(row: Uint8Array, position: number): Uint8Array {
  const name = Buffer.from(`\x10${positionField}\0`, 'latin1')
  const bytes = Buffer.alloc(row.length + name.length + 4)
  bytes.set(row.subarray(0, row.length - 1))
  bytes.set(name, row.length - 1)
  bytes.writeInt32LE(position, row.length - 1 + name.length)
  bytes.writeInt32LE(bytes.length, 0)
  return bytes
}

/** Field of a row of a delta that is removed: the reason. No property can have this name. */
export const removedField = '@removed'

/** An entity of a delta (Core.IsDelta), or a row with the key and the reason where it is removed: `{ '@removed': { reason }, ID: 1 }`. */
function removedRow(
  core: Core,
  collection: CollectionLayout,
  item: TypeReference,
  given: unknown,
  what: string,
  position: number,
): Uint8Array {
  const removed = given instanceof Uint8Array ? undefined : removedIn(given)
  if (removed === undefined) return entityRow(core, collection, item, given, what, position)
  const { key } = collection.entityType
  const entity = given as Readonly<Record<string, unknown>>
  const names = key.map(({ path: [name = ''] }) => name)
  const missing = names.find((name) => entity[name] === undefined || entity[name] === null)
  if (missing !== undefined) throw new Error(`${what} gave back a removed entity without ${missing}`)
  const keys = Object.fromEntries(names.map((name) => [name, entity[name]]))
  const value = fromPlain(core.model, { ...item, type: collection.entityType }, keys, what, 'merge')
  const document = encodeEntity(core.layout, collection, value as StructuredValue)
  document[removedField] = removed
  document[positionField] = position
  return serialize(document)
}

function removedIn(given: unknown): RemovedReason | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const { '@removed': short, '@odata.removed': long } = given as { readonly [name: string]: unknown }
  const removed = short ?? long
  if (removed === undefined || removed === null) return undefined
  return (removed as { readonly reason?: unknown }).reason === 'changed' ? 'changed' : 'deleted'
}
