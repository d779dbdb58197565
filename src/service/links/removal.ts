import { invariant } from '../../base/assert.ts'
import { isContained, type Place } from '../../bind/binding-targets.ts'
import type { MemberStep } from '../../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../../bson/layout.ts'
import type { EntityType, Model, NavigationProperty, Property, StructuredType } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { defaultValues } from '../../payload/read-structured.ts'
import { rowPath } from '../../payload/row-path.ts'
import { deepest, navigationsOf, type ReachedNavigation } from '../../plan/complex-navigation.ts'
import { type Contained, knownLinking, type Linked, linkingOf } from '../../plan/linking.ts'
import type { ContainedCollection, ReadPlan, SourceRoot } from '../../plan/plan.ts'
import { partnerPathOf } from '../../plan/relation.ts'
import { hopPlan } from '../../plan/source.ts'
import { containedCollections, containmentsOf } from '../containment.ts'
import { ODataController } from '../controller.ts'
import { type Core, collectionOf, contextOf, sessionOf } from '../core.ts'
import { allRows } from '../row-filter.ts'
import { filesOf, mayHaveStreams } from '../streams.ts'
import { type Acting, fullIdentity, keyOf, parametersOfRow, plansOfRow, type StoredEntity, typeOf } from './entity.ts'
import { listBack, relatedTo } from './link.ts'
import { noteOwners } from './noting.ts'
import { changeList, setProperties, withoutKey } from './stored-links.ts'

/** What the deletion of an entity does to related ones: OnDelete (CSDL 8.6), and links to it in their lists. */

const reacting = new WeakMap<EntityType, readonly ReachedNavigation[]>()

/**
 * The navigation properties of a type, and of those derived from it, whose related entities a deletion changes: they say
 * OnDelete, or their partner keeps a list.
 */
export function reactionsOf(model: Model, type: EntityType): readonly ReachedNavigation[] {
  let found = reacting.get(type)
  if (found === undefined) {
    found = navigationsOf(type).filter(
      ({ via, property }) =>
        !isContained(model, property) &&
        (property.onDelete !== undefined ||
          (property.referentialConstraints.length === 0 && (via.length > 0 || partnerPathOf(property) !== undefined))),
    )
    reacting.set(type, found)
  }
  return found
}

/** What a deletion of an entity takes along or changes, whatever its row says. */
export interface Belongings {
  readonly any: boolean
  /** whether OnDelete, of the entity or of what it contains, may change entities elsewhere */
  readonly reacting: boolean
  readonly contained: readonly CollectionLayout[]
  /** containing properties behind which there is more to be done than to remove rows: OnDelete, links, files */
  readonly walked: ReadonlySet<NavigationProperty>
}

const belongings = new WeakMap<SourceRoot, Belongings>()

/** What belongs to the entities of a root. */
export function belongingsOf({ model, layout }: Core, root: SourceRoot): Belongings {
  let found = belongings.get(root)
  if (found === undefined) {
    const contained = containedCollections(model, layout, root.type)
    const reactions = [root.type, ...contained.map(({ entityType }) => entityType)].flatMap((type) =>
      reactionsOf(model, type),
    )
    found = {
      any: contained.length > 0 || reactions.length > 0,
      reacting: reactions.some(({ property }) => property.onDelete !== undefined),
      contained,
      walked: new Set(walkedOf(model, layout, root.type)),
    }
    belongings.set(root, found)
  }
  return found
}

/** Containing properties that lead, at any depth, to entities with reactions or streams. */
function walkedOf(model: Model, layout: ModelLayout, type: EntityType): readonly NavigationProperty[] {
  const properties = containmentsOf(model, type)
  const counts = (each: EntityType): boolean => reactionsOf(model, each).length > 0 || mayHaveStreams(each)
  return properties.filter(({ type: target }) => {
    if (target.kind !== 'entity') return false
    return counts(target) || containedCollections(model, layout, target).some(({ entityType }) => counts(entityType))
  })
}

/**
 * Removes what a deleted entity contained, with the files and by the OnDelete of each, and does to related ones what the model says.
 * @throws ODataError conflict where the entity must not be deleted as long as others lead to it
 */
export async function removeBelongings(acting: Acting, entity: StoredEntity, removed: Removed): Promise<void> {
  const { core, exchange } = acting
  const { contained, any } = belongingsOf(core, entity.root)
  if (!any) return
  removed.seen.add(fullIdentity(core, entity))
  if (contained.length > 0) {
    await settleContained(acting, entity, removed)
    const path = rowPath(collectionOf(core.layout, entity.root), entity.root.name, core.layout)(entity.row)
    await core.store.deleteContained(path, contained, sessionOf(exchange, core.limits.storeTime))
  }
  if (core.store.capabilities.transactions) await settleRelated(acting, entity, removed)
}

/** What has to be done for entities that go with their owner: their rows are removed all at once. */
async function settleContained(acting: Acting, owner: StoredEntity, removed: Removed): Promise<void> {
  const { core } = acting
  for (const property of belongingsOf(core, owner.root).walked) {
    for (const linking of containingsOf(core, owner, property))
      for (const entity of await containedIn(acting, owner, linking)) {
        removed.files.push(...(filesOf({ root: entity.root })?.(entity.row) ?? []))
        removed.seen.add(fullIdentity(core, entity))
        await settleContained(acting, entity, removed)
        if (core.store.capabilities.transactions) await settleRelated(acting, entity, removed)
      }
  }
}

/** How an entity contains others by a property: its own, or that of a complex value in it. */
function containingsOf({ model }: Core, owner: StoredEntity, property: NavigationProperty): readonly Contained[] {
  return pathsTo(owner.root.type, property).map((via) => {
    const linking = linkingOf(model, owner.root, owner.place, via, property)
    invariant(linking.kind === 'contained', 'the property contains its entities')
    return linking
  })
}

/** Paths of complex properties from a type, and from those derived from it, to what has a navigation property. */
function pathsTo(type: StructuredType, property: NavigationProperty, depth = 0): readonly (readonly MemberStep[])[] {
  const paths: (readonly MemberStep[])[] = []
  const all = [type, ...type.derivedTypes]
  if (all.some((each) => each.allNavigationProperties.get(property.name) === property)) paths.push([])
  if (depth > deepest) return paths
  for (const member of new Set(all.flatMap((each) => [...each.allProperties.values()]))) {
    const { type: inner, collection } = member.type
    if (collection || !isStructured(inner)) continue
    for (const path of pathsTo(inner, property, depth + 1))
      paths.push([{ kind: 'property', property: member }, ...path])
  }
  return paths
}

const containedPlans = new WeakMap<ContainedCollection, ReadPlan>()

/** What an entity contains by a property. */
export function containedIn(acting: Acting, owner: StoredEntity, linking: Contained): Promise<readonly StoredEntity[]> {
  return containedAt(acting, linking.root, pathOf(acting.core, owner, linking), linking.place)
}

/** What stands in a contained collection. @param path of its owner (bson/layout.ts) @param atMost so many are enough */
export async function containedAt(
  { core, exchange }: Acting,
  root: ContainedCollection,
  path: string,
  place: Place = { root: undefined, path: [] },
  atMost?: number,
): Promise<readonly StoredEntity[]> {
  let plan = containedPlans.get(root)
  if (plan === undefined) {
    plan = hopPlan({ root, owner: 0, steps: [], type: root.type, single: false })
    containedPlans.set(root, plan)
  }
  const { controller, context } = contextOf(core, exchange, plan, [path], atMost === undefined ? {} : { limit: atMost })
  const rows = await controller.list(context)
  const found: StoredEntity[] = []
  for await (const batch of rows.batches) for (const row of batch) found.push({ root, place, row })
  return found
}

/** The path that what an entity contains by a property has as its owner's (bson/layout.ts). */
export function pathOf(core: Core, owner: StoredEntity, { suffix }: Contained): string {
  return rowPath(collectionOf(core.layout, owner.root), owner.root.name, core.layout)(owner.row) + suffix
}

/** What a deletion has taken along. */
export interface Removed {
  /** stored files that nobody needs any more */
  readonly files: string[]
  readonly seen: Set<string>
}

/**
 * Does to the related entities of a deleted one what the model says.
 * @throws ODataError conflict where it must not be deleted as long as there are any
 */
async function settleRelated(acting: Acting, entity: StoredEntity, removed: Removed): Promise<void> {
  const { core } = acting
  const type = typeOf(core, entity)
  for (const { via, property } of reactionsOf(core.model, entity.root.type)) {
    if (via.length === 0 && type.allNavigationProperties.get(property.name) !== property) continue
    const linking = linkedBy(acting, entity, via, property)
    if (linking === undefined) continue
    if (linking.kind === 'principal' ? property.onDelete === undefined : linking.kind === 'dependent') continue
    for (const to of await relatedTo(acting, entity, linking)) {
      if (removed.seen.has(fullIdentity(core, to))) continue
      await settle(acting, entity, linking, to, removed)
    }
  }
}

/** Does to one related entity what the deletion of the other says. */
export async function settle(
  acting: Acting,
  entity: StoredEntity,
  linking: Linked,
  to: StoredEntity,
  removed: Removed,
): Promise<void> {
  const { property, kind, pairs } = linking
  if (property.onDelete === 'Cascade') {
    await removeAlong(acting, to, removed)
    return
  }
  if (property.onDelete === 'None')
    throw new ODataError('conflict', `The entity cannot be deleted as long as '${property.name}' leads to others.`, {
      target: property.name,
    })
  if (kind === 'links') {
    const back = listBack(acting, linking)
    const own = keyOf(acting.core, entity)
    if (back === undefined || own === undefined) return
    if (!back.property.collection && !back.property.nullable) throw stillNeeded(property)
    acting.touched?.add(acting.core, to, back)
    await changeList(acting, to, back, (keys) => withoutKey(keys, own))
    return
  }
  const defaults = property.onDelete === 'SetDefault' ? defaultValues(typeOf(acting.core, to)) : undefined
  const values = pairs.map(({ to: path }) => ({
    path,
    value: (path.length === 1 && defaults?.get(nameOf(path))) || null,
  }))
  if (values.some(({ path, value }) => value === null && path.at(-1)?.type.nullable === false))
    throw stillNeeded(property)
  await setProperties(acting, to, values)
}

function nameOf(path: readonly Property[]): string {
  return path[0]?.name ?? ''
}

function stillNeeded({ name }: NavigationProperty): ODataError {
  return new ODataError('conflict', `The entity cannot be deleted: those that '${name}' leads to need it.`, {
    target: name,
  })
}

/**
 * Whether a controller that deletes in its own way has left the entity where it was, marked or otherwise: then it has all that belongs to it,
 * too. Its row filter may hide it, so all rows are looked at.
 */
export async function isKept(acting: Acting, controller: ODataController, entity: StoredEntity): Promise<boolean> {
  if (controller.delete === ODataController.prototype.delete) return false
  const { core, exchange } = acting
  const { read } = plansOfRow(core, entity.root)
  const { context } = contextOf(core, allRows(exchange), read, parametersOfRow(core, entity))
  return (await core.store.readOne(read, context.session)) !== undefined
}

/** Deletes a related entity, what belongs to it, and so on. The hooks of its set run. */
export async function removeAlong(acting: Acting, entity: StoredEntity, removed: Removed): Promise<void> {
  const { core, exchange } = acting
  await noteOwners(acting, entity)
  const { remove } = plansOfRow(core, entity.root)
  const { controller, context } = contextOf(core, exchange, remove, parametersOfRow(core, entity))
  const { kind } = await controller.delete(context)
  if (kind !== 'deleted' || (await isKept(acting, controller, entity))) return
  removed.files.push(...(filesOf(remove.source)?.(entity.row) ?? []))
  await removeBelongings(acting, entity, removed)
}

function linkedBy(
  { core }: Acting,
  { root, place }: StoredEntity,
  via: readonly MemberStep[],
  property: NavigationProperty,
): Linked | undefined {
  const linking = knownLinking(core.model, root, place, via, property)
  return linking?.kind === 'contained' ? undefined : linking
}
