import { permit } from '../../auth/permit.ts'
import type { StructuredType } from '../../edm/model.ts'
import { isSubtypeOf } from '../../edm/types.ts'
import type { PrimitiveValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { equalValues } from '../../eval/values.ts'
import { Faults } from '../../payload/faults.ts'
import type { JsonObject } from '../../payload/json.ts'
import { readStructured, valueReader } from '../../payload/read-structured.ts'
import type { RelatedItem, RelatedMember, RemovedItem } from '../../payload/related-body.ts'
import { checkBody } from '../../payload/validation/body-rules.ts'
import type { Contained } from '../../plan/linking.ts'
import { type NestedPlan, type NestingPlace, nestedAccess } from '../../plan/nested.ts'
import { bodyTagHolds, versionOf } from '../conditions.ts'
import { type Core, collectionOf } from '../core.ts'
import { noteStreamFaults, saysStreams } from '../inline-streams.ts'
import {
  type Acting,
  fullIdentity,
  isSame,
  ownerOf,
  readByKey,
  type StoredEntity,
  typeOf,
  valueAt,
} from '../links/entity.ts'
import { relatedTo, viaOf } from '../links/link.ts'
import { locate, refused } from '../links/reference.ts'
import { pathOf } from '../links/removal.ts'
import {
  type ExistingEntity,
  foreignKeys,
  namesOf,
  type Related,
  type Relating,
  type RemovedEntity,
  type TreeReader,
} from './tree.ts'

type EntityItem = Extract<RelatedItem, { kind: 'entity' }>

/**
 * Reads the entities that an update nests (Protocol 11.4.3.1): those that are there already, by their id or key, are changed as the request
 * itself changes its entity; the others are created. Runs inside the transaction of the write, so that what it found holds.
 */
export class Resolver {
  readonly #acting: Acting
  readonly #reader: TreeReader
  readonly #replace: boolean
  readonly #seen: Set<string>

  /**
   * @param top the entity of the request; undefined: a new one
   * @param replace PUT
   */
  constructor(acting: Acting, reader: TreeReader, top: StoredEntity | undefined, replace: boolean) {
    this.#acting = acting
    this.#reader = reader
    this.#replace = replace
    this.#seen = new Set(top && [fullIdentity(acting.core, top)])
  }

  /** What an entity relates. @param owner undefined: it is new */
  async relations(
    owner: StoredEntity | undefined,
    where: NestingPlace,
    type: StructuredType,
    members: readonly RelatedMember[],
    depth = 1,
  ): Promise<readonly Relating[]> {
    this.#reader.checkDepth(members, depth)
    const all: Relating[] = []
    for (const member of members) {
      const plan = this.#reader.planOf(where, type, member, 'update')
      if (plan === undefined) continue
      if (member.form === 'delta' && this.#replace) {
        this.#reader.faults.add('valueInvalid', 'Only a PATCH may have a delta.', member.target)
        continue
      }
      const items: Related[] = []
      const removed: RemovedEntity[] = []
      for (const item of member.items) {
        if (item.kind === 'removed') removed.push(...(await this.#removed(plan, item, owner)))
        else items.push(...(await this.#item(plan, member, item, owner, depth)))
      }
      all.push({ plan, form: member.form, items, removed, target: member.target })
    }
    return all
  }

  async #item(
    plan: NestedPlan,
    { form, property }: RelatedMember,
    item: Exclude<RelatedItem, RemovedItem>,
    owner: StoredEntity | undefined,
    depth: number,
  ): Promise<readonly Related[]> {
    const { target } = item
    if (item.kind === 'entity') return this.#entity(plan, item, owner, depth)
    if (plan.linking.kind !== 'contained') return [item]
    // what is contained here already stays
    const stored = form === 'add' ? undefined : (await this.#byId(plan, item.url, owner, target)).stored
    if (stored !== undefined)
      return [
        {
          kind: 'existing',
          entity: { stored, change: undefined, relations: [], contentId: undefined, named: new Set() },
          target,
        },
      ]
    this.#reader.faults.add(
      'valueInvalid',
      `'${property.name}' contains its entities: another entity cannot be put there.`,
      target,
    )
    return []
  }

  async #entity(
    plan: NestedPlan,
    item: EntityItem,
    owner: StoredEntity | undefined,
    depth: number,
  ): Promise<readonly Related[]> {
    const { node, target, id } = item
    const located = id === undefined ? undefined : await this.#byId(plan, id, owner, target)
    const keyed = await this.#byKey(plan, node, owner)
    if (located !== undefined && keyed !== undefined && !isSameFound(this.#acting.core, located.stored, keyed)) {
      this.#reader.faults.add('valueInvalid', 'The id and the key say different entities.', target, node)
      return []
    }
    const stored = located?.stored ?? keyed?.stored
    if (!bodyTagHolds(node, stored === undefined ? undefined : versionOf(stored.row)))
      throw new ODataError('preconditionFailed', 'The entity is not in the state that its ETag in the body asks for.', {
        target: `${target}/@odata.etag`,
      })
    if (stored !== undefined) return this.#existing(plan, item, stored, depth)
    const read = this.#reader.newEntity(plan, item, 'update', located?.key)
    if (read === undefined) return []
    const relations = await this.relations(undefined, plan.where, read.type, read.related, depth + 1)
    return read.entity === undefined ? [] : [{ kind: 'new', entity: { ...read.entity, relations }, target }]
  }

  async #existing(
    plan: NestedPlan,
    { node, target }: EntityItem,
    stored: StoredEntity,
    depth: number,
  ): Promise<readonly Related[]> {
    const { core, exchange } = this.#acting
    const { faults } = this.#reader
    if (!this.#reader.admit(plan, 'update', node, target) || !this.#first(stored, node, target)) return []
    const { refusal, requires, conditions } = nestedAccess(core.model, plan, this.#replace ? 'PUT' : 'PATCH')
    if (refusal !== undefined) {
      faults.add('valueInvalid', refusal.message, target, node)
      return []
    }
    if (core.enforcePermissions) permit(exchange.principal, requires)
    if (conditions.preconditionRequired) requireTag(node, target)
    const type = typeOf(core, stored)
    if (!isSubtypeOf(type, plan.linking.type)) {
      faults.add('valueInvalid', `The entity is not of the type ${plan.linking.type.name}.`, target, node)
      return []
    }
    const related: RelatedMember[] = []
    const reading = {
      model: core.model,
      faults,
      keyIgnored: true,
      given: new Set(foreignKeys(plan)),
      related,
      at: target,
      body: this.#reader.body,
    }
    const value = readStructured(node, type, target, reading, this.#replace ? 'replace' : 'merge')
    checkBody({ rules: conditions.body, grants: conditions.grants, purpose: 'update' }, node, value, core.model, faults)
    if (value !== undefined && !isSubtypeOf(type, value.type))
      faults.add(
        'typeNotAllowed',
        `The entity is a ${type.name}; an update cannot make it a ${value.type.name}.`,
        target,
      )
    if (value !== undefined) noteStreamFaults(core, value, target, faults)
    const relations = await this.relations(stored, plan.where, type, related, depth + 1)
    if (value === undefined) return []
    const contentId = this.#reader.contentIdOf(plan, 'update', node, target)
    const touched = this.#replace || value.members.size > 0 || saysStreams(value)
    const entity: ExistingEntity = {
      stored,
      change: touched ? { value, replace: this.#replace } : undefined,
      relations,
      contentId,
      named: namesOf(related, plan.linking.kind === 'contained' ? undefined : plan.linking.partner),
    }
    return [{ kind: 'existing', entity, target }]
  }

  /** A deleted entity of a delta. What is not there, or is only to be parted and not related, is as the client wants it. */
  async #removed(
    plan: NestedPlan,
    item: RemovedItem,
    owner: StoredEntity | undefined,
  ): Promise<readonly RemovedEntity[]> {
    const { node, target, id, reason } = item
    const { faults } = this.#reader
    const { core, exchange } = this.#acting
    const { linking } = plan
    if (!this.#reader.admit(plan, 'update', node, target)) return []
    const keyed = await this.#byKey(plan, node, owner)
    if (id === undefined && keyed === undefined) {
      faults.add('valueInvalid', 'A removed entity is named by its id or by its key properties.', target, node)
      return []
    }
    const stored = id === undefined ? keyed?.stored : (await this.#byId(plan, id, owner, target)).stored
    if (stored === undefined || owner === undefined) return []
    if (!this.#first(stored, node, target)) return []
    const related = linking.kind === 'contained' || (await isRelated(this.#acting, owner, linking, stored))
    if (!related) {
      if (reason === 'changed') return []
      faults.add('valueInvalid', `'${linking.property.name}' does not lead to this entity.`, target, node)
      return []
    }
    if (!bodyTagHolds(node, versionOf(stored.row)))
      throw new ODataError('preconditionFailed', 'The entity is not in the state that its ETag in the body asks for.', {
        target: `${target}/@odata.etag`,
      })
    if (reason === 'deleted' || linking.kind === 'contained') {
      const { refusal, requires, conditions } = nestedAccess(core.model, plan, 'DELETE')
      if (refusal !== undefined) {
        faults.add('valueInvalid', refusal.message, target, node)
        return []
      }
      if (core.enforcePermissions) permit(exchange.principal, requires)
      if (conditions.preconditionRequired) requireTag(node, target)
    }
    return [{ stored, reason, target }]
  }

  /** Whether this is the first time that a body says something of an entity: what changes itself inside itself has no order. */
  #first(stored: StoredEntity, node: JsonObject, target: string): boolean {
    const name = fullIdentity(this.#acting.core, stored)
    if (!this.#seen.has(name)) {
      this.#seen.add(name)
      return true
    }
    this.#reader.faults.add(
      'valueInvalid',
      'The body changes this entity twice: a second time it can only be referred to.',
      target,
      node,
    )
    return false
  }

  /** The entity of an id, and the key that the id says. @throws ODataError valueInvalid where no such entity can stand here */
  async #byId(
    { linking }: NestedPlan,
    id: string,
    owner: StoredEntity | undefined,
    target: string,
  ): Promise<{ readonly stored: StoredEntity | undefined; readonly key: ReadonlyMap<string, Value> }> {
    const { row, root, key } = await locate(this.#acting, id, target)
    if (root !== linking.root) throw refused(id, `is not where '${linking.property.name}' leads`, target)
    if (row === undefined) return { stored: undefined, key }
    const stored = { root, place: linking.place, row }
    if (
      linking.kind === 'contained' &&
      (owner === undefined || ownerOf(row) !== pathOf(this.#acting.core, owner, linking))
    )
      throw refused(id, `is contained in another entity`, target)
    if (!isSubtypeOf(typeOf(this.#acting.core, stored), linking.type))
      throw refused(id, `is not of the type ${linking.type.name}`, target)
    return { stored, key }
  }

  /** The entity with the key properties of a body, where it has all of them. @returns undefined where it has not */
  async #byKey(
    plan: NestedPlan,
    node: JsonObject,
    owner: StoredEntity | undefined,
  ): Promise<{ readonly stored: StoredEntity | undefined } | undefined> {
    const { core } = this.#acting
    const { linking } = plan
    if (linking.root.kind === 'singleton') return undefined
    const { contained, key } = collectionOf(core.layout, linking.root)
    if (contained !== undefined && owner === undefined) return undefined
    const values: PrimitiveValue[] = []
    for (const { path, property } of linking.root.type.key) {
      const pair =
        linking.kind === 'principal' ? linking.pairs.find(({ to }) => to.length === 1 && to[0] === property) : undefined
      let value: Value | undefined
      if (pair !== undefined)
        value =
          owner && linking.kind === 'principal' ? valueAt(core, owner, [...viaOf(linking), ...pair.from]) : undefined
      else if (path.length === 1) value = readPart(node, property, core)
      if (value === undefined || value === null) break
      values.push(value as PrimitiveValue)
    }
    const whole = values.length === linking.root.type.key.length
    const parent = owner && linking.kind === 'contained' ? [pathOf(core, owner, linking)] : []
    if (key.parts.length > 0 && !whole) return undefined
    const stored = await readByKey(this.#acting, linking.root, linking.place, [
      ...parent,
      ...(key.parts.length > 0 ? values : []),
    ])
    if (stored === undefined || key.parts.length > 0 || !whole) return { stored }
    // the only one of its place; with another key it is another one
    const same = linking.root.type.key.every(({ property }, i) => {
      const before = valueAt(core, stored, [property])
      return before !== null && equalValues(before as PrimitiveValue, values[i] as PrimitiveValue)
    })
    return { stored: same ? stored : undefined }
  }
}

function readPart(node: JsonObject, property: Parameters<typeof valueAt>[2][number], core: Core): Value | undefined {
  const member = node.members.get(property.name)
  if (member === undefined || member.kind === 'null') return undefined
  // its faults are told where the entity is read
  return valueReader(property.type)(
    member,
    property.name,
    { model: core.model, faults: new Faults(), keyIgnored: false },
    'create',
  )
}

function isSameFound(
  core: Core,
  a: StoredEntity | undefined,
  { stored: b }: { readonly stored: StoredEntity | undefined },
): boolean {
  return a === undefined || b === undefined ? a === b : isSame(core, a, b)
}

async function isRelated(
  acting: Acting,
  owner: StoredEntity,
  linking: Exclude<NestedPlan['linking'], Contained>,
  to: StoredEntity,
): Promise<boolean> {
  const related = await relatedTo(acting, owner, linking)
  return related.some((other) => isSame(acting.core, other, to))
}

function requireTag(node: JsonObject, target: string): void {
  if (node.members.has('@odata.etag') || node.members.has('@etag')) return
  throw new ODataError(
    'preconditionRequired',
    'Changing this entity needs its ETag in the body (Core.OptimisticConcurrency).',
    { target: `${target}/@odata.etag` },
  )
}
