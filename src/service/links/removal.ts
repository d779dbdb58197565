import { isContained, placeOf } from '../../bind/binding-targets.ts'
import type { EntityType, Model, NavigationProperty, Property } from '../../edm/model.ts'
import type { PrimitiveValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { defaultValues } from '../../payload/read-structured.ts'
import { rowPath } from '../../payload/row-path.ts'
import { type Linked, linkingOf } from '../../plan/linking.ts'
import { keyProperty, partnerOf } from '../../plan/relation.ts'
import { containedCollections } from '../containment.ts'
import { collectionOf, contextOf } from '../core.ts'
import { filesOf } from '../streams.ts'
import { type Acting, fullIdentity, keyOf, parametersOfRow, plansOfRow, type StoredEntity, typeOf } from './entity.ts'
import { relatedTo } from './link.ts'
import { changeList, setProperties, withoutKey } from './stored-links.ts'

/** What the deletion of an entity does to related ones: OnDelete (CSDL 8.6), and links to it in their lists. */

const reacting = new WeakMap<EntityType, readonly NavigationProperty[]>()

/**
 * The navigation properties of a type, and of those derived from it, whose related entities a deletion changes: they say
 * OnDelete, or their partner keeps a list.
 */
export function reactionsOf(model: Model, type: EntityType): readonly NavigationProperty[] {
  let found = reacting.get(type)
  if (found === undefined) {
    const all = new Set([type, ...type.derivedTypes].flatMap((each) => [...each.allNavigationProperties.values()]))
    found = [...all].filter(
      (property) =>
        !isContained(model, property) &&
        (property.onDelete !== undefined ||
          (property.referentialConstraints.length === 0 && partnerOf(property) !== undefined)),
    )
    reacting.set(type, found)
  }
  return found
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
export async function settleRelated(acting: Acting, entity: StoredEntity, removed: Removed): Promise<void> {
  const { core } = acting
  removed.seen.add(fullIdentity(core, entity))
  const type = typeOf(core, entity)
  for (const property of reactionsOf(core.model, entity.root.type)) {
    if (type.allNavigationProperties.get(property.name) !== property) continue
    const linking = linkedBy(acting, entity, property)
    if (linking === undefined) continue
    if (linking.kind === 'principal' ? property.onDelete === undefined : linking.kind === 'dependent') continue
    for (const to of await relatedTo(acting, entity, linking)) {
      if (removed.seen.has(fullIdentity(core, to))) continue
      await settle(acting, entity, linking, to, removed)
    }
  }
}

async function settle(
  acting: Acting,
  entity: StoredEntity,
  { property, kind, partner, pairs }: Linked,
  to: StoredEntity,
  removed: Removed,
): Promise<void> {
  if (property.onDelete === 'Cascade') {
    await removeAlong(acting, to, removed)
    return
  }
  if (property.onDelete === 'None')
    throw new ODataError('conflict', `The entity cannot be deleted as long as '${property.name}' leads to others.`, {
      target: property.name,
    })
  if (kind === 'links') {
    const key = keyProperty(entity.root.type)
    const own = keyOf(acting.core, entity)
    if (partner === undefined || key === undefined || own === null) return
    if (!partner.collection && !partner.nullable) throw stillNeeded(property)
    await changeList(acting, to, partner, key.type, (keys: readonly PrimitiveValue[]) => withoutKey(keys, own))
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

/** Deletes a related entity, what it contains, and so on. The hooks of its set run. */
export async function removeAlong(acting: Acting, entity: StoredEntity, removed: Removed): Promise<void> {
  const { core, exchange } = acting
  const { remove } = plansOfRow(core, entity.root)
  const { controller, context } = contextOf(core, exchange, remove, parametersOfRow(core, entity))
  const { kind } = await controller.delete(context)
  if (kind !== 'deleted') return
  removed.files.push(...(filesOf(remove.source)?.(entity.row) ?? []))
  const contained = containedCollections(core.model, core.layout, entity.root.type)
  if (contained.length > 0) {
    const path = rowPath(collectionOf(core.layout, entity.root), entity.root.name, core.layout)(entity.row)
    await core.store.deleteContained(path, contained, context.session)
  }
  await settleRelated(acting, entity, removed)
}

function linkedBy({ core }: Acting, { root }: StoredEntity, property: NavigationProperty): Linked | undefined {
  if (root.kind !== 'entitySet' && root.kind !== 'singleton') return undefined
  try {
    const linking = linkingOf(core.model, root, placeOf(root), [], property)
    return linking.kind === 'contained' ? undefined : linking
  } catch (error) {
    // what cannot be written has never related anything
    if (error instanceof ODataError && error.code === 'notImplemented') return undefined
    throw error
  }
}
