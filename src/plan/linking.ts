import { follow, isContained, type Place, placeBehind } from '../bind/binding-targets.ts'
import type { MemberStep } from '../bind/tree.ts'
import type { EntitySet, EntityType, Model, NavigationProperty, Singleton } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import { containedCollection } from './contained.ts'
import type { ContainedCollection, ListedKeys, SourceRoot } from './plan.ts'
import { type Pair, type Partner, partnerPathOf, type Relation, relationOf, storageOf } from './relation.ts'
import { ownerSuffix, propertiesOf } from './suffix.ts'

/**
 * How the relation of a navigation property is written (docs/decisions/0007-deep-writes.md): the other side of `relation.ts`, which
 * says how it is read.
 */
export type Linking = Contained | Linked

interface LinkingBase {
  readonly property: NavigationProperty
  /** declared type where the entity stands that has the property */
  readonly from: EntityType
  /** complex properties and casts between the entity and the property */
  readonly via: readonly MemberStep[]
  /** declared type of the related entities */
  readonly type: EntityType
  /** where the related entities stand, for bindings */
  readonly place: Place
}

/** The entity owns the related ones: they come and go with it, and are never linked. */
export interface Contained extends LinkingBase {
  readonly kind: 'contained'
  readonly root: ContainedCollection
  /** behind the owner's path (bson/layout.ts) */
  readonly suffix: string
}

export interface Linked extends LinkingBase {
  readonly kind: 'dependent' | 'principal' | 'links'
  readonly root: EntitySet | Singleton
  /** how the related entities are found; its parameters count from 0 */
  readonly relation: Relation
  /** foreign keys: `from` in the entity that has the property, `to` in the related one; of links none */
  readonly pairs: readonly Pair[]
  /** of links: how the entity lists the keys of the related ones */
  readonly listed: ListedKeys | undefined
  /** the property that leads back, where it leads to where the entity stands */
  readonly partner: NavigationProperty | undefined
  /** complex properties of the related entity before the partner */
  readonly partnerVia: readonly MemberStep[]
}

/** As `linkingOf`; undefined where it refuses: what cannot be written has never related anything. */
export function knownLinking(...of: Parameters<typeof linkingOf>): Linking | undefined {
  try {
    return linkingOf(...of)
  } catch (error) {
    if (error instanceof ODataError && error.code === 'notImplemented') return undefined
    throw error
  }
}

/**
 * How a navigation property of an entity is written.
 * @param root where the entity stands @param place the same, for bindings
 * @throws ODataError notImplemented where nothing says which entities are meant, or where a link cannot be kept
 */
export function linkingOf(
  model: Model,
  root: SourceRoot,
  place: Place,
  via: readonly MemberStep[],
  property: NavigationProperty,
): Linking {
  let from = place
  for (const step of via) {
    if (step.kind === 'cast') from = placeBehind(from, step.type.name)
    if (step.kind === 'property') from = placeBehind(from, step.property.name)
  }
  const next = follow(model, from, property)
  if (isContained(model, property)) {
    const collection = containedCollection(property)
    const suffix = ownerSuffix(root.type, via, property)
    return {
      kind: 'contained',
      property,
      from: root.type,
      via,
      type: collection.type,
      place: next,
      root: collection,
      suffix,
    }
  }
  const relation = relationOf(property, next.root, via, 0)
  const storage = storageOf(property)
  const kind = storage.kind === 'links' ? 'links' : storage.dependent ? 'dependent' : 'principal'
  if (kind === 'links') requireList(property, via, relation)
  if (kind === 'dependent' && property.collection)
    throw notWritten(property, 'is a collection with a referential constraint of its own')
  const back = wayBack(property, via, root.type)
  const partner = back !== undefined && leadsBack(model, next, root, back, kind) ? back : undefined
  const pairs = storage.kind === 'links' ? [] : storage.pairs
  const [first] = relation.values
  return {
    kind,
    property,
    from: root.type,
    via,
    type: relation.type,
    place: next,
    root: relation.target,
    relation,
    pairs,
    listed: first?.kind === 'links' ? first : undefined,
    partner: partner?.property,
    partnerVia: (partner?.via ?? []).map((step) => ({ kind: 'property', property: step })),
  }
}

function requireList(property: NavigationProperty, via: readonly MemberStep[], { target }: Relation): void {
  if (target.kind === 'singleton') throw notWritten(property, `always leads to the singleton ${target.name}`)
  if (via.some(({ kind }) => kind === 'ordinal'))
    throw notWritten(property, 'has no referential constraint and lies in an item of a collection')
}

/** The property that leads back from what a property leads to; of one in a complex value only the other side may say it (CSDL 8.4). */
function wayBack(property: NavigationProperty, via: readonly MemberStep[], from: EntityType): Partner | undefined {
  const path = [...propertiesOf(via), property].map(({ name }) => name).join('/')
  if (path === property.name) return partnerPathOf(property)
  if (property.type.kind !== 'entity') return undefined
  for (const candidate of property.type.allNavigationProperties.values()) {
    const { partner, type } = candidate
    if (partner === undefined || type.kind !== 'entity' || !isSubtypeOf(from, type)) continue
    const names = partner.split('/').filter((name) => !name.includes('.'))
    if (names.join('/') === path) return { via: [], property: candidate }
  }
  return undefined
}

function notWritten({ name, declaringType }: NavigationProperty, why: string): ODataError {
  return new ODataError('notImplemented', `${declaringType.name}/${name} ${why}: it cannot be changed.`, {
    target: name,
  })
}

/** Whether the partner of a property leads from the related entities to where the entity stands. */
function leadsBack(
  model: Model,
  target: Place,
  root: SourceRoot,
  { via, property }: Partner,
  kind: Linked['kind'],
): boolean {
  let from = target
  for (const { name } of via) from = placeBehind(from, name)
  if (isContained(model, property) || follow(model, from, property).root !== root) return false
  if (kind !== 'links') return true
  // a list of what is alone in its place says nothing
  return root.kind === 'entitySet' && root.type.key.every(({ path }) => path.length === 1)
}
