import type { Parameters } from '../../bind/tree.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { rowPath } from '../../payload/row-path.ts'
import type { Linked } from '../../plan/linking.ts'
import type { CreatePlan } from '../../plan/plan.ts'
import { collectionOf, contextOf } from '../core.ts'
import { type Acting, isSame, readAgain, type StoredEntity, valueAt } from '../links/entity.ts'
import { link, partFromOthers, relatedTo, unlink, viaOf } from '../links/link.ts'
import { referredTo } from '../links/reference.ts'
import { membersOf, type PropertyValue } from '../links/stored-links.ts'
import type { NewEntity, Related, Relating } from './tree.ts'

/**
 * Writes a write set in one transaction, in the order in which the entities need each other: those that a foreign key points to, the
 * entity itself, then those that point to it, that it contains and that it is linked to.
 */

/** The foreign keys of an entity, from what it relates: made or looked up before it is written itself. */
export interface Before {
  readonly members: ReadonlyMap<string, Value>
  readonly related: readonly { readonly relating: Relating; readonly entity: StoredEntity }[]
}

/** Writes what has to be there before the entity itself. */
export async function writeBefore(acting: Acting, relations: readonly Relating[]): Promise<Before> {
  const values: PropertyValue[] = []
  const related: { relating: Relating; entity: StoredEntity }[] = []
  for (const relating of relations) {
    const { linking } = relating.plan
    if (linking.kind !== 'dependent') continue
    const [item] = relating.items
    const entity = item === undefined ? undefined : await entityOf(acting, relating, item)
    if (entity !== undefined) related.push({ relating, entity })
    for (const { from, to } of linking.pairs) {
      const value = entity === undefined ? null : valueAt(acting.core, entity, to)
      if (value === null && from.at(-1)?.type.nullable === false)
        throw new ODataError('propertyNull', `'${linking.property.name}' must lead to an entity.`, {
          target: relating.target,
        })
      values.push({ path: [...viaOf(linking), ...from], value })
    }
  }
  return { members: membersOf(values), related }
}

/** Writes what needs the entity. @returns the entity as it is then */
export async function writeBehind(
  acting: Acting,
  entity: StoredEntity,
  relations: readonly Relating[],
  before: Before,
  isNew: boolean,
): Promise<StoredEntity> {
  for (const { relating, entity: to } of before.related)
    if (relating.plan.linking.kind === 'dependent') await partFromOthers(acting, entity, relating.plan.linking, to)
  let touched = false
  for (const relating of relations) {
    const { linking } = relating.plan
    if (linking.kind === 'dependent') continue
    touched = true
    const kept: StoredEntity[] = []
    for (const item of relating.items) kept.push(await behind(acting, entity, relating, item))
    if (!isNew && linking.kind !== 'contained' && relating.form === 'all')
      await partFromRest(acting, entity, linking, kept)
  }
  return touched ? ((await readAgain(acting, entity)) ?? entity) : entity
}

/** What was related before and is not named any more is related no longer. */
async function partFromRest(
  acting: Acting,
  entity: StoredEntity,
  linking: Linked,
  kept: readonly StoredEntity[],
): Promise<void> {
  const now = (await readAgain(acting, entity)) ?? entity
  for (const other of await relatedTo(acting, now, linking))
    if (!kept.some((to) => isSame(acting.core, other, to))) await unlink(acting, entity, linking, other)
}

async function behind(acting: Acting, entity: StoredEntity, relating: Relating, item: Related): Promise<StoredEntity> {
  const { linking } = relating.plan
  if (item.kind === 'reference') {
    const to = await entityOf(acting, relating, item)
    if (linking.kind !== 'contained') await link(acting, entity, linking, to)
    return to
  }
  if (linking.kind === 'contained') {
    const path = rowPath(collectionOf(acting.core.layout, entity.root), entity.root.name, acting.core.layout)
    return createTree(acting, item.entity, new Map(), [path(entity.row) + linking.suffix], item.target)
  }
  if (linking.kind === 'principal') {
    const keys = linking.pairs.map(({ from, to }) => ({
      path: to,
      value: valueAt(acting.core, entity, [...viaOf(linking), ...from]),
    }))
    return createTree(acting, item.entity, membersOf(keys), [], item.target)
  }
  const made = await createTree(acting, item.entity, new Map(), [], item.target)
  await link(acting, entity, linking, made)
  return made
}

function entityOf(acting: Acting, { plan: { linking } }: Relating, item: Related): Promise<StoredEntity> {
  if (item.kind === 'new') return createTree(acting, item.entity, new Map(), [], item.target)
  if (linking.kind === 'contained') throw new Error('invariant: contained entities are never referred to')
  return referredTo(acting, item.url, linking, item.target)
}

/** Creates a nested entity and all that it relates. */
async function createTree(
  acting: Acting,
  { where, plan, value, made, relations }: NewEntity,
  fixed: ReadonlyMap<string, Value>,
  parameters: Parameters,
  target: string,
): Promise<StoredEntity> {
  const before = await writeBefore(acting, relations)
  const entity = merged({ ...value, members: new Map([...made, ...value.members]) }, before.members, fixed)
  const row = await createRow(acting, plan, parameters, entity, target)
  return writeBehind(acting, { root: where.root, place: where.place, row }, relations, before, true)
}

async function createRow(
  { core, exchange }: Acting,
  plan: CreatePlan,
  parameters: Parameters,
  entity: StructuredValue,
  target: string,
): Promise<Uint8Array> {
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const outcome = await controller.create(context, entity)
  if (outcome.kind === 'created') return outcome.row
  throw new ODataError('entityExists', 'There is an entity with this key already.', { target })
}

/** An entity with members that go before its own; those of complex values are put into what is there. */
export function merged(entity: StructuredValue, ...more: readonly ReadonlyMap<string, Value>[]): StructuredValue {
  const members = new Map(entity.members)
  for (const [name, value] of more.flatMap((map) => [...map])) {
    const before = members.get(name)
    members.set(name, isStructured(value) && isStructured(before) ? merged(before, value.members) : value)
  }
  return { ...entity, members }
}

function isStructured(value: Value | undefined): value is StructuredValue {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'structured'
}
