import { invariant } from '../../base/assert.ts'
import { fieldPathOf } from '../../bson/field-path.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../../bson/layout.ts'
import { encodeLinks, type LinkKey, partsOfKey } from '../../bson/link-keys.ts'
import { bsonType, elementType, findPath } from '../../bson/reader.ts'
import type { NavigationProperty, Property } from '../../edm/model.ts'
import type { PrimitiveValue, StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { equalValues } from '../../eval/values.ts'
import type { Linked } from '../../plan/linking.ts'
import type { ListedKeys } from '../../plan/plan.ts'
import type { Change, Session } from '../../store/port.ts'
import { sessionLike } from '../../store/session.ts'
import { versionOf } from '../conditions.ts'
import { collectionOf, contextOf } from '../core.ts'
import { linksReader } from '../hops.ts'
import { initialMembers, lastingSingleton } from '../singleton.ts'
import { onceCommitted } from '../transact.ts'
import { type Acting, fullIdentity, parametersOfRow, plansOfRow, type StoredEntity, typeOf } from './entity.ts'

/** How links are stored: lists of keys in `@links`, and foreign keys. */

/** Attempts to change a list that others change, too. */
const attempts = 5

/**
 * Changes the keys that an entity lists for a navigation property, in the state they were read in.
 * @returns the keys before
 * @throws ODataError conflict, entityNotFound
 */
export async function changeList(
  acting: Acting,
  entity: StoredEntity,
  { listed, property }: Linked,
  change: (keys: readonly LinkKey[]) => readonly LinkKey[],
): Promise<readonly LinkKey[]> {
  const { core, exchange } = acting
  invariant(listed, `${property.name} is kept as a list`)
  const { layout, store } = core
  const { read, merge } = plansOfRow(core, entity.root)
  const parameters = parametersOfRow(core, entity)
  const collection = collectionOf(layout, entity.root)
  const listOf = linksReader(layout, collection, { ...listed, within: [] })
  const isThere = holderTest(layout, collection, listed)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { context } = contextOf(core, exchange, read, parameters)
    const row = await store.readOne(read, context.session)
    if (row === undefined) {
      await makeSingleton(acting, entity)
      continue
    }
    const before = listOf(row)
    const after = change(before)
    if (after.length === before.length && after.every((item, i) => item === before[i])) return before
    if (after.length > before.length && !isThere(row)) throw nothingThere(listed, property)
    const version = versionOf(row)
    const session =
      version === undefined
        ? context.session
        : sessionLike(context.session, { precondition: { kind: 'versions', anyOf: [version] } })
    const place = `${fields.links}.${listed.list}`
    const value = encodeLinks(layout, listed.type, after)
    const changes: Change =
      after.length === 0
        ? { kind: 'merge', set: {}, unset: [place] }
        : { kind: 'merge', set: { [place]: value }, unset: [] }
    const outcome = await store.update(merge, session, changes)
    if (outcome.kind === 'updated') {
      await noteMade(acting, entity, outcome.row, context.session)
      return before
    }
    if (outcome.kind === 'missing') throw gone()
  }
  throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
}

/** Notes a change of an entity, once it stands, for further changes of the request that hold for the state before it. @param after its row */
export async function noteMade(
  { core, exchange: { made } }: Acting,
  { root }: Pick<StoredEntity, 'root'>,
  after: Uint8Array,
  session: Session,
): Promise<void> {
  const version = versionOf(after)
  if (made === undefined || version === undefined) return
  await onceCommitted(session, core.log, () =>
    made.note(fullIdentity(core, { root, row: after }), version - 1, version),
  )
}

/** Whether the complex value that has the property is there. */
function holderTest(layout: ModelLayout, collection: CollectionLayout, { within }: ListedKeys) {
  if (within.length === 0) return () => true
  const path = fieldPathOf(layout, collection, within)
  return (row: Uint8Array): boolean => {
    const at = findPath(row, path)
    return at >= 0 && elementType(row, at) === bsonType.document
  }
}

function nothingThere({ within }: ListedKeys, { name }: NavigationProperty): ODataError {
  const path = within.map((step) => step.name).join('/')
  return new ODataError('valueInvalid', `'${path}' is null, so '${name}' in it can lead to nothing.`, { target: path })
}

/** A list with a key in it, once. */
export function withKey(keys: readonly LinkKey[], key: LinkKey): readonly LinkKey[] {
  return keys.some((other) => isSameKey(other, key)) ? keys : [...keys, key]
}

/** A list without a key. */
export function withoutKey(keys: readonly LinkKey[], key: LinkKey): readonly LinkKey[] {
  const left = keys.filter((other) => !isSameKey(other, key))
  return left.length === keys.length ? keys : left
}

function isSameKey(a: LinkKey, b: LinkKey): boolean {
  const parts = partsOfKey(b)
  return partsOfKey(a).every((value, i) => equalValues(value as PrimitiveValue, parts[i] as PrimitiveValue))
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
    if (outcome.kind === 'updated') {
      await noteMade(acting, entity, outcome.row, context.session)
      return { ...entity, row: outcome.row }
    }
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
