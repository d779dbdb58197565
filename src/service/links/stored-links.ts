import { encodeValue } from '../../bson/encode.ts'
import { fields } from '../../bson/layout.ts'
import type { NavigationProperty, Property, TypeReference } from '../../edm/model.ts'
import type { CollectionValue, PrimitiveValue, StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { equalValues } from '../../eval/values.ts'
import type { Change } from '../../store/port.ts'
import { sessionLike } from '../../store/session.ts'
import { versionOf } from '../conditions.ts'
import { collectionOf, contextOf } from '../core.ts'
import { linksReader } from '../hops.ts'
import { initialMembers, lastingSingleton } from '../singleton.ts'
import { type Acting, parametersOfRow, plansOfRow, type StoredEntity, typeOf } from './entity.ts'

/** How links are stored: lists of keys in `@links`, and foreign keys. */

/** Attempts to change a list that others change, too. */
const attempts = 5

/**
 * Changes the keys that an entity lists for a navigation property, in the state they were read in.
 * @param key type of the keys
 * @returns the keys before
 * @throws ODataError conflict, entityNotFound
 */
export async function changeList(
  acting: Acting,
  entity: StoredEntity,
  property: NavigationProperty,
  key: TypeReference,
  change: (keys: readonly PrimitiveValue[]) => readonly PrimitiveValue[],
): Promise<readonly PrimitiveValue[]> {
  const { core, exchange } = acting
  const { layout, store } = core
  const { read, merge } = plansOfRow(core, entity.root)
  const parameters = parametersOfRow(core, entity)
  const collection = collectionOf(layout, entity.root)
  const listOf = linksReader(layout, collection, [{ kind: 'navigation', property }], key, true)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { context } = contextOf(core, exchange, read, parameters)
    const row = await store.readOne(read, context.session)
    if (row === undefined) {
      await makeSingleton(acting, entity)
      continue
    }
    const before = listOf(row) as readonly PrimitiveValue[]
    const after = change(before)
    if (after.length === before.length && after.every((item, i) => item === before[i])) return before
    const version = versionOf(row)
    const session =
      version === undefined
        ? context.session
        : sessionLike(context.session, { precondition: { kind: 'versions', anyOf: [version] } })
    const place = `${fields.links}.${property.name}`
    const { value } = encodeValue(layout, { ...key, collection: true }, [...after] as CollectionValue)
    const changes: Change =
      after.length === 0
        ? { kind: 'merge', set: {}, unset: [place] }
        : { kind: 'merge', set: { [place]: value }, unset: [] }
    const { kind } = await store.update(merge, session, changes)
    if (kind === 'updated') return before
    if (kind === 'missing') throw gone()
  }
  throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
}

/** A list with a key in it, once. */
export function withKey(keys: readonly PrimitiveValue[], key: PrimitiveValue): readonly PrimitiveValue[] {
  return keys.some((other) => equalValues(other, key)) ? keys : [...keys, key]
}

/** A list without a key. */
export function withoutKey(keys: readonly PrimitiveValue[], key: PrimitiveValue): readonly PrimitiveValue[] {
  const left = keys.filter((other) => !equalValues(other, key))
  return left.length === keys.length ? keys : left
}

/** A property of an entity, or of a complex value in it, and what it is set to. */
export interface PropertyValue {
  readonly path: readonly Property[]
  readonly value: Value
}

/** Sets properties of an entity as a client's PATCH would: foreign keys. The hooks of its set run. */
export async function setProperties(
  acting: Acting,
  entity: StoredEntity,
  values: readonly PropertyValue[],
): Promise<StoredEntity> {
  const { core, exchange } = acting
  const members = membersOf(values)
  const { merge } = plansOfRow(core, entity.root)
  for (let attempt = 0; attempt < 2; attempt++) {
    const { controller, context } = contextOf(core, exchange, merge, parametersOfRow(core, entity))
    const outcome = await controller.update(context, { kind: 'structured', type: typeOf(core, entity), members })
    if (outcome.kind === 'updated') return { ...entity, row: outcome.row }
    await makeSingleton(acting, entity)
  }
  throw gone()
}

/** Members of an entity by their paths. */
export function membersOf(values: readonly PropertyValue[]): ReadonlyMap<string, Value> {
  const members = new Map<string, Value>()
  for (const { path, value } of values) {
    const [first, ...rest] = path
    if (first === undefined) continue
    if (rest.length === 0) {
      members.set(first.name, value)
      continue
    }
    const { type } = first.type
    if (type.kind !== 'complex') continue
    const before = members.get(first.name) as StructuredValue | undefined
    const inner = membersOf([{ path: rest, value }])
    members.set(first.name, { kind: 'structured', type, members: new Map([...(before?.members ?? []), ...inner]) })
  }
  return members
}

/** A singleton is there before anybody has written it (singleton.ts); to be changed it has to be stored. */
async function makeSingleton(acting: Acting, entity: StoredEntity): Promise<void> {
  const { core, exchange } = acting
  const { merge } = plansOfRow(core, entity.root)
  const singleton = lastingSingleton(merge.source)
  if (singleton === undefined) throw gone()
  const { type, name } = singleton
  const { controller, context } = contextOf(core, exchange, merge, [])
  await controller.create(context, { kind: 'structured', type, members: initialMembers(type, name) })
}

function gone(): ODataError {
  return new ODataError('conflict', 'An entity that the request relates has been deleted by others.')
}
