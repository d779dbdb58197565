import { follow, isContained, type Place, placeBehind } from '../bind/binding-targets.ts'
import type { MemberStep } from '../bind/tree.ts'
import type { EntitySet, EntityType, Model, NavigationProperty, Singleton } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { containedCollection } from './contained.ts'
import type { ContainedCollection, SourceRoot } from './plan.ts'
import { keyProperty, type Pair, partnerOf, type Relation, relationOf, storageOf } from './relation.ts'
import { ownerSuffix } from './source.ts'

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
  /** the property that leads back, where it leads to where the entity stands */
  readonly partner: NavigationProperty | undefined
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
  const back = partnerOf(property)
  const partner = back !== undefined && leadsBack(model, next, root, back, kind) ? back : undefined
  const pairs = storage.kind === 'links' ? [] : storage.pairs
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
    partner,
  }
}

function requireList(property: NavigationProperty, via: readonly MemberStep[], { target }: Relation): void {
  if (target.kind === 'singleton') throw notWritten(property, `always leads to the singleton ${target.name}`)
  if (via.some(({ kind }) => kind === 'property'))
    throw notWritten(property, 'has no referential constraint and lies in a complex property')
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
  partner: NavigationProperty,
  kind: Linked['kind'],
): boolean {
  if (isContained(model, partner) || follow(model, target, partner).root !== root) return false
  return kind !== 'links' || keyProperty(root.type) !== undefined
}
