import { permit } from '../../auth/permit.ts'
import type { Parameters } from '../../bind/tree.ts'
import { isStructuredValue, type PrimitiveValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { equalValues } from '../../eval/values.ts'
import type { Linked, Linking } from '../../plan/linking.ts'
import { type NestedPlan, nestedAccess, refused } from '../../plan/nested.ts'
import type { CreatePlan, SourceRoot } from '../../plan/plan.ts'
import { createInStep } from '../controller.ts'
import { type Core, contextOf, sessionOf } from '../core.ts'
import { letGoOld, type StreamFiles, saysStreams } from '../inline-streams.ts'
import { updateJudged } from '../judged-update.ts'
import {
  type Acting,
  fullIdentity,
  isSame,
  parametersOfRow,
  plansOfRow,
  readAgain,
  type StoredEntity,
  typeOf,
  valueAt,
} from '../links/entity.ts'
import { checkForeignKeys } from '../links/foreign-keys.ts'
import { lookBack } from '../links/late.ts'
import { link, partFromOthers, relatedTo, unlink, viaOf } from '../links/link.ts'
import { losingLinks } from '../links/lost.ts'
import { noteNew, noteOwners } from '../links/noting.ts'
import { referredTo } from '../links/reference.ts'
import { containedIn, pathOf, type Removed, removeAlong } from '../links/removal.ts'
import { membersOf, noteMade, type PropertyValue } from '../links/stored-links.ts'
import { isPlain, type MadeRows } from '../made-rows.ts'
import type { ContentId, ExistingEntity, NewEntity, Related, Relating, RemovedEntity } from './tree.ts'

/**
 * Writes a write set in one transaction, in the order in which the entities need each other: those that a foreign key points to, the
 * entity itself, then those that point to it, that it contains and that it is linked to.
 */

/**
 * Whether creating an entity, and what it relates, does nothing but store the entities in the body: nothing that was there is related to another
 * one, and no hook or controller has a part in it.
 */
export function isPlainTree(core: Core, root: SourceRoot, relations: readonly Relating[]): boolean {
  return (
    isPlain(core, root) &&
    relations.every(({ plan: { linking }, items }) =>
      items.every((item) => {
        if (linking.kind === 'links' || item.kind === 'existing') return false
        if (item.kind === 'new') return isPlainTree(core, item.entity.where.root, item.entity.relations)
        return linking.kind === 'dependent' && linking.partner?.collection !== false
      }),
    )
  )
}

/** Who writes, and what is noted of it. */
export interface Writing extends Acting {
  /** Core.ContentID of the entities that have one, by `fullIdentity` */
  readonly contentIds: Map<string, ContentId>
  readonly removed: Removed
  /** of a new entity that changes nothing that was there: what is made; undefined: what else happens is not known */
  readonly made: MadeRows | undefined
  /** of what nested entities give by value */
  readonly streams: StreamFiles
}

/** The foreign keys of an entity, from what it relates: made or looked up before it is written itself. */
export interface Before {
  readonly members: ReadonlyMap<string, Value>
  readonly related: readonly { readonly relating: Relating; readonly entity: StoredEntity }[]
}

/** Writes what has to be there before the entity itself. */
export async function writeBefore(writing: Writing, relations: readonly Relating[]): Promise<Before> {
  const values: PropertyValue[] = []
  const related: { relating: Relating; entity: StoredEntity }[] = []
  for (const relating of relations) {
    const { linking } = relating.plan
    if (linking.kind !== 'dependent') continue
    const [item] = relating.items
    const entity = item === undefined ? undefined : await entityOf(writing, relating, item)
    if (entity !== undefined) related.push({ relating, entity })
    for (const { from, to } of linking.pairs) {
      const value = entity === undefined ? null : valueAt(writing.core, entity, to)
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
  writing: Writing,
  entity: StoredEntity,
  relations: readonly Relating[],
  before: Before,
  isNew: boolean,
): Promise<StoredEntity> {
  for (const { relating, entity: to } of before.related)
    if (relating.plan.linking.kind === 'dependent') await partFromOthers(writing, entity, relating.plan.linking, to)
  let touched = false
  for (const relating of relations) {
    const { linking } = relating.plan
    if (linking.kind === 'dependent') continue
    touched = true
    const kept: StoredEntity[] = []
    const lonely = linking.kind === 'contained' && !linking.property.collection
    // the only one of its place must go before another one can come
    if (lonely && !isNew) await removeRest(writing, entity, relating, existingOf(relating))
    for (const item of relating.items) kept.push(await behind(writing, entity, relating, item, isNew))
    for (const removed of relating.removed ?? []) await remove(writing, entity, relating.plan, removed)
    if (!isNew && relating.form === 'all' && !lonely) await removeRest(writing, entity, relating, kept)
  }
  return touched ? ((await readAgain(writing, entity)) ?? entity) : entity
}

function existingOf({ items }: Relating): readonly StoredEntity[] {
  return items.flatMap((item) => (item.kind === 'existing' ? [item.entity.stored] : []))
}

/** What was related before and is not named any more is related no longer; what cannot be without it is deleted. */
async function removeRest(
  writing: Writing,
  entity: StoredEntity,
  { plan }: Relating,
  kept: readonly StoredEntity[],
): Promise<void> {
  const { linking } = plan
  const now = (await readAgain(writing, entity)) ?? entity
  const related =
    linking.kind === 'contained' ? await containedIn(writing, now, linking) : await relatedTo(writing, now, linking)
  for (const stored of related) {
    if (kept.some((to) => isSame(writing.core, stored, to))) continue
    if (plan.kept !== undefined && linking.kind !== 'contained') throw refused(linking.property, plan.kept)
    if (linking.kind !== 'contained' && !livesByOwner(linking))
      await unlink(writing, entity, kept.length > 0 ? anyway(linking) : linking, stored)
    else {
      requireRemovable(writing, plan)
      await removeAlong(writing, stored, writing.removed)
    }
  }
}

/**
 * Whether entities cannot be without the one that they are related to: it is part of their key, or they must be related to one and go
 * with it (OnDelete Cascade).
 */
function livesByOwner({ kind, property, partner, pairs, type }: Linked): boolean {
  if (kind !== 'principal') return false
  const foreign = pairs.flatMap(({ to }) => to.slice(-1))
  if (foreign.some((part) => type.key.some((key) => key.property === part))) return true
  const required = partner?.nullable === false || foreign.some((part) => !part.type.nullable)
  return required && property.onDelete === 'Cascade'
}

function requireRemovable({ core, exchange }: Acting, plan: NestedPlan): void {
  const { refusal, requires } = nestedAccess(core.model, plan, 'DELETE')
  if (refusal !== undefined)
    throw new ODataError('valueInvalid', refusal.message, { target: plan.linking.property.name })
  if (core.enforcePermissions) permit(exchange.principal, requires)
}

async function remove(
  writing: Writing,
  entity: StoredEntity,
  { linking }: NestedPlan,
  { stored, reason }: RemovedEntity,
): Promise<void> {
  if (reason === 'deleted' || linking.kind === 'contained') await removeAlong(writing, stored, writing.removed)
  else await unlink(writing, entity, linking, stored)
}

async function behind(
  writing: Writing,
  entity: StoredEntity,
  relating: Relating,
  item: Related,
  isNew: boolean,
): Promise<StoredEntity> {
  const { linking } = relating.plan
  if (item.kind === 'reference') {
    const to = await entityOf(writing, relating, item)
    if (linking.kind !== 'contained') await link(writing, entity, linking, to)
    return to
  }
  if (linking.kind === 'contained') {
    if (item.kind === 'existing') return changeTree(writing, item.entity, new Map(), item.target)
    return createTree(writing, item.entity, new Map(), [pathOf(writing.core, entity, linking)], item.target, isNew)
  }
  if (linking.kind === 'principal') {
    const keys = linking.pairs.map(({ from, to }) => ({
      path: to,
      value: valueAt(writing.core, entity, [...viaOf(linking), ...from]),
    }))
    if (item.kind === 'new') return createTree(writing, item.entity, membersOf(keys), [], item.target, isNew)
    const { stored } = item.entity
    // a part of a key says for good whose the entity is
    const fixed = keys.filter(({ path }) => linking.type.key.some(({ property }) => property === path.at(-1)))
    if (fixed.some(({ path, value }) => !isEqual(valueAt(writing.core, stored, path), value)))
      throw new ODataError(
        'valueInvalid',
        `'${linking.property.name}' cannot lead to this entity: its key says another one.`,
        {
          target: item.target,
        },
      )
    const changed = keys.filter(({ path, value }) => !isEqual(valueAt(writing.core, stored, path), value))
    if (!linking.property.collection) {
      const { core } = writing
      for (const other of await relatedTo(writing, entity, linking))
        if (!isSame(core, other, stored)) await unlink(writing, entity, anyway(linking), other)
    }
    return changeTree(writing, item.entity, membersOf(changed), item.target)
  }
  const made =
    item.kind === 'new'
      ? await createTree(writing, item.entity, new Map(), [], item.target, isNew)
      : await changeTree(writing, item.entity, new Map(), item.target)
  await link(writing, entity, linking, made)
  return made
}

/** A relation that is made anew at once: its entity need not stay related. */
function anyway(linking: Linked): Linked {
  return { ...linking, property: { ...linking.property, nullable: true } }
}

function isEqual(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b
  return equalValues(a as PrimitiveValue, b as PrimitiveValue)
}

function entityOf(writing: Writing, { plan: { linking } }: Relating, item: Related): Promise<StoredEntity> {
  if (item.kind === 'new') return createTree(writing, item.entity, new Map(), [], item.target, false)
  if (item.kind === 'existing') return changeTree(writing, item.entity, new Map(), item.target)
  if (linking.kind === 'contained') throw new Error('invariant: contained entities are never referred to')
  return referredTo(writing, item.url, linking, item.target)
}

/**
 * Creates a nested entity and all that it relates.
 * @param belongsToNew it belongs to an entity of the same write, which nobody else can have deleted before
 */
async function createTree(
  writing: Writing,
  { where, plan, value, made, relations, contentId, named }: NewEntity,
  fixed: ReadonlyMap<string, Value>,
  parameters: Parameters,
  target: string,
  belongsToNew: boolean,
): Promise<StoredEntity> {
  const before = await writeBefore(writing, relations)
  const entity = merged({ ...value, members: new Map([...made, ...value.members]) }, before.members, fixed)
  const seen = await checkForeignKeys(writing, where.root, where.place, value, named, target)
  const row = await createRow(writing, plan, parameters, await writing.streams.pointing(where.root, entity), target)
  writing.streams.stored(entity, row)
  const stored = { root: where.root, place: where.place, row }
  noteNew(writing, stored)
  await noteOwners(writing, stored)
  const { core, exchange } = writing
  const session = sessionOf(exchange, core.limits.storeTime)
  const tied = belongsToNew ? relations.flatMap(({ plan: { linking }, items }) => leadsToOld(linking, items)) : named
  await lookBack(core, exchange, session, stored, new Set([...seen, ...tied]), !belongsToNew)
  if (contentId) writing.contentIds.set(fullIdentity(writing.core, stored), contentId)
  const now = await writeBehind(writing, stored, relations, before, true)
  writing.made?.add(now.root, now.row)
  return now
}

/** Changes an entity that is there, and what it relates. @param fixed members that go before its own: foreign keys */
async function changeTree(
  writing: Writing,
  { stored, change, relations, contentId, named }: ExistingEntity,
  fixed: ReadonlyMap<string, Value>,
  target: string,
): Promise<StoredEntity> {
  const { core, exchange } = writing
  if (contentId) writing.contentIds.set(fullIdentity(core, stored), contentId)
  const before = await writeBefore(writing, relations)
  const empty = { kind: 'structured', type: typeOf(core, stored), members: new Map() } as const
  const value = merged(change?.value ?? empty, before.members, fixed)
  let { row } = stored
  const seen = change && (await checkForeignKeys(writing, stored.root, stored.place, change.value, named, target))
  if (change?.replace || value.members.size > 0 || saysStreams(value)) {
    const plans = plansOfRow(core, stored.root)
    const plan = change?.replace ? plans.replace : plans.merge
    const { controller, context } = contextOf(core, exchange, plan, parametersOfRow(core, stored))
    await noteOwners(writing, stored)
    const pointing = await writing.streams.pointing(stored.root, value)
    const after = await losingLinks(writing, stored, value, plan.replace, async () => {
      const outcome = await updateJudged(controller, context, pointing)
      return outcome.kind === 'updated' ? outcome.row : undefined
    })
    if (after === undefined) throw new ODataError('conflict', 'A nested entity has been deleted or changed by others.')
    row = after
    await noteMade(writing, stored, row, context.session)
    writing.streams.stored(value, row)
    if (saysStreams(value)) await letGoOld(core, context.session, stored.root, stored.row, row)
    await noteOwners(writing, { ...stored, row })
    const session = sessionOf(exchange, core.limits.storeTime)
    const tied = new Set([...(seen ?? []), ...named])
    await lookBack(core, exchange, session, { ...stored, row }, tied, false)
  }
  return writeBehind(writing, { ...stored, row }, relations, before, false)
}

async function createRow(
  { core, exchange }: Acting,
  plan: CreatePlan,
  parameters: Parameters,
  entity: StructuredValue,
  target: string,
): Promise<Uint8Array> {
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const late = (failure: unknown) => {
    const error = isTaken(failure) ? taken(target) : failure
    return exchange.part?.late ? exchange.part.late(error) : error
  }
  const outcome = await createInStep(controller, context, entity, late)
  if (outcome.kind === 'created') return outcome.row
  throw taken(target)
}

/** The name of a property whose foreign key leads to an entity that was there. */
function leadsToOld({ kind, property }: Linking, items: readonly Related[]): readonly string[] {
  return kind === 'dependent' && items.some((item) => item.kind !== 'new') ? [property.name] : []
}

function isTaken(failure: unknown): boolean {
  return failure instanceof ODataError && failure.code === 'entityExists'
}

function taken(target: string): ODataError {
  return new ODataError('entityExists', 'There is an entity with this key already.', { target })
}

/** An entity with members that go before its own; those of complex values are put into what is there. */
export function merged(entity: StructuredValue, ...more: readonly ReadonlyMap<string, Value>[]): StructuredValue {
  const members = new Map(entity.members)
  for (const [name, value] of more.flatMap((map) => [...map])) {
    const before = members.get(name)
    members.set(name, isStructuredValue(value) && isStructuredValue(before) ? merged(before, value.members) : value)
  }
  return { ...entity, members }
}
