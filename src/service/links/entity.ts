import type { Place } from '../../bind/binding-targets.ts'
import type { Parameters } from '../../bind/tree.ts'
import { decodeField, typeOfDocument } from '../../bson/decode.ts'
import { exactFieldPathOf, fieldPathOf } from '../../bson/field-path.ts'
import { fields, ownerPath } from '../../bson/layout.ts'
import { type LinkKey, linkKeyOf } from '../../bson/link-keys.ts'
import { bsonType, elementType, findPath, readString, valueOffset } from '../../bson/reader.ts'
import type { EntityType, Property } from '../../edm/model.ts'
import type { PrimitiveValue, Value } from '../../edm/value.ts'
import type { DeletePlan, ReadPlan, Source, SourceRoot, UpdatePlan } from '../../plan/plan.ts'
import { hopPlan } from '../../plan/source.ts'
import type { Core } from '../core.ts'
import { collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import type { Touched } from './touched.ts'

/** Who changes relations: all of it in the transaction of the exchange, where it has one. */
export interface Acting {
  readonly core: Core
  readonly exchange: Exchange
  /** where what has rules is noted, to be judged at the end; undefined: it is not judged */
  readonly touched?: Touched | undefined
}

/** A stored entity: where it stands, and its row as it was read. */
export interface StoredEntity {
  readonly root: SourceRoot
  /** the same, for bindings */
  readonly place: Place
  readonly row: Uint8Array
}

/** The entity of a root whose owner and key are the parameters, in this order. */
export interface RowPlans {
  readonly read: ReadPlan
  readonly merge: UpdatePlan
  readonly replace: UpdatePlan
  readonly remove: DeletePlan
}

const rowPlans = new WeakMap<SourceRoot, RowPlans>()

/** Plans that name one row of a root by its own key; made once, as stores compile plans once. */
export function plansOfRow(core: Core, root: SourceRoot): RowPlans {
  let plans = rowPlans.get(root)
  if (plans === undefined) {
    const { contained, key } = collectionOf(core.layout, root)
    const first = contained === undefined ? 0 : 1
    const parts = root.type.key.slice(0, key.parts.length)
    const predicate = { key: parts, parameters: parts.map((_, i) => first + i) }
    const source: Source = {
      root,
      ...(contained === undefined ? {} : { owner: 0 }),
      steps: parts.length === 0 ? [] : [{ kind: 'key', predicate }],
      type: root.type,
      single: true,
    }
    const common = { requires: [], slots: [], source }
    const merge: UpdatePlan = {
      kind: 'update',
      ...common,
      replace: false,
      upsert: false,
      select: undefined,
      expand: [],
    }
    plans = {
      read: hopPlan(source),
      merge,
      replace: { ...merge, replace: true },
      remove: { kind: 'delete', ...common },
    }
    rowPlans.set(root, plans)
  }
  return plans
}

/** The parameters of `plansOfRow` that name a row. */
export function parametersOfRow(core: Core, { root, row }: Pick<StoredEntity, 'root' | 'row'>): Parameters {
  const { contained, key } = collectionOf(core.layout, root)
  const values = key.parts.map(({ path, property, alias }) =>
    primitive(decodeField(row, findPath(row, path), property.type, findPath(row, [alias + fields.exact]), core.layout)),
  )
  return contained === undefined ? values : [ownerOf(row), ...values]
}

const owner = ownerPath.split('.')

/** The path of the owner of a contained entity. */
export function ownerOf(row: Uint8Array): string {
  const at = findPath(row, owner)
  return at >= 0 && elementType(row, at) === bsonType.string ? readString(row, valueOffset(row, at)) : ''
}

/** The key of an entity as others list it in their links; undefined where a part of it is missing. */
export function keyOf(core: Core, entity: Pick<StoredEntity, 'root' | 'row'>): LinkKey | undefined {
  const { type } = entity.root
  return linkKeyOf(
    type,
    type.key.map(({ property }) => valueAt(core, entity, [property])),
  )
}

/** The value of a path of properties in an entity. */
export function valueAt(
  core: Core,
  { root, row }: Pick<StoredEntity, 'root' | 'row'>,
  path: readonly Property[],
): Value {
  const collection = collectionOf(core.layout, root)
  const last = path.at(-1)
  return decodeField(
    row,
    findPath(row, fieldPathOf(core.layout, collection, path)),
    last?.type,
    findPath(row, exactFieldPathOf(core.layout, collection, path)),
    core.layout,
  )
}

/** The type of a stored entity. */
export function typeOf(core: Core, { root, row }: Pick<StoredEntity, 'root' | 'row'>): EntityType {
  const type = typeOfDocument(row, 0, core.layout.structured(root.type))
  return type.kind === 'entity' ? type : root.type
}

/** Whether two entities are the same one. */
export function isSame(core: Core, a: StoredEntity, b: StoredEntity): boolean {
  return a.root === b.root && identity(core, a) === identity(core, b)
}

/** What tells an entity of a root from the others. */
export function identity(core: Core, entity: Pick<StoredEntity, 'root' | 'row'>): string {
  return JSON.stringify(parametersOfRow(core, entity), (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
}

/** An entity by the parameters of `plansOfRow`; undefined where it is not there, or not for this caller. */
export async function readByKey(
  { core, exchange }: Acting,
  root: SourceRoot,
  place: Place,
  parameters: Parameters,
): Promise<StoredEntity | undefined> {
  const { controller, context } = contextOf(core, exchange, plansOfRow(core, root).read, parameters)
  const row = await controller.read(context)
  return row === undefined ? undefined : { root, place, row }
}

/** The entity as it is now; undefined where it is gone, or not for this caller. */
export function readAgain(acting: Acting, entity: StoredEntity): Promise<StoredEntity | undefined> {
  return readByKey(acting, entity.root, entity.place, parametersOfRow(acting.core, entity))
}

/** A text that tells an entity from those of all roots. */
export function fullIdentity(core: Core, entity: Pick<StoredEntity, 'root' | 'row'>): string {
  return `${entity.root.name} ${identity(core, entity)}`
}

function primitive(value: Value): PrimitiveValue | null {
  if (value === null || Array.isArray(value)) return null
  return typeof value === 'object' && 'kind' in value && value.kind === 'structured' ? null : (value as PrimitiveValue)
}
