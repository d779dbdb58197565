import { permit } from '../../auth/permit.ts'
import type { NavigationProperty, StructuredType } from '../../edm/model.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { contentIdNames } from '../../payload/content-id.ts'
import type { Faults } from '../../payload/faults.ts'
import type { JsonObject } from '../../payload/json.ts'
import { readStructured } from '../../payload/read-structured.ts'
import { type RelatedItem, type RelatedMember, stepsTo } from '../../payload/related-body.ts'
import { checkBody } from '../../payload/validation/body-rules.ts'
import { keyMadeByService } from '../../plan/build.ts'
import { type NestedPlan, type NestingPlace, nestedPlan, refused } from '../../plan/nested.ts'
import type { Core } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { noteStreamFaults } from '../inline-streams.ts'
import { makeKey } from '../keys.ts'
import type { StoredEntity } from '../links/entity.ts'
import { lonelyKey } from '../singleton.ts'
import { checkRequired } from './required.ts'

/**
 * The write set of a body: the entities in it, checked, as a tree. What one entity needs of another (a foreign key, the path of an
 * owner) is not in it: it is read from the row once that is stored (`write-tree.ts`).
 */

/** A related entity: referred to, to be created, or to be changed. */
export type Related =
  | Extract<RelatedItem, { kind: 'reference' }>
  | { readonly kind: 'new'; readonly entity: NewEntity; readonly target: string }
  | { readonly kind: 'existing'; readonly entity: ExistingEntity; readonly target: string }

export interface Relating {
  readonly plan: NestedPlan
  readonly form: RelatedMember['form']
  readonly items: readonly Related[]
  /** of a delta: what is no part of the collection any more */
  readonly removed?: readonly RemovedEntity[]
  readonly target: string
}

export interface NewEntity {
  readonly where: NestingPlace
  readonly plan: NestedPlan['create']
  readonly value: StructuredValue
  /** key properties that the service makes: the value's own go before */
  readonly made: ReadonlyMap<string, Value>
  readonly relations: readonly Relating[]
  readonly contentId: ContentId | undefined
  /** navigation properties that the body relates, and the one that leads back */
  readonly named: ReadonlySet<string>
}

/** An entity that is there, and what the body says of it. */
export interface ExistingEntity {
  readonly stored: StoredEntity
  /** undefined: nothing but that it is related */
  readonly change: { readonly value: StructuredValue; readonly replace: boolean } | undefined
  readonly relations: readonly Relating[]
  readonly contentId: ContentId | undefined
  readonly named: ReadonlySet<string>
}

export interface RemovedEntity {
  readonly stored: StoredEntity
  /** deleted: not only parted */
  readonly reason: 'changed' | 'deleted'
  readonly target: string
}

/** Core.ContentID, by the name that the client gave it. */
export interface ContentId {
  readonly name: string
  readonly value: string
}

/** How deep entities nest in a body, and how many there are (docs/limits.md). */
export const nestingLimits = { depth: 5, entities: 1_000 } as const

/** Whether something in a body needs to know what is stored before it can be read: content, or a delta. */
export function isDeepUpdate(members: readonly RelatedMember[]): boolean {
  return members.some(({ form, items }) => form === 'delta' || items.some(({ kind }) => kind !== 'reference'))
}

/** Reads the entities that a body nests, all faults told. @throws ODataError accessDenied, badRequest where they are too many */
export class TreeReader {
  readonly core: Core
  readonly exchange: Exchange
  readonly faults: Faults
  /** UTF-8 JSON that the nested entities stand in */
  readonly body: Uint8Array
  #entities = 0

  constructor(core: Core, exchange: Exchange, faults: Faults, body: Uint8Array) {
    this.core = core
    this.exchange = exchange
    this.faults = faults
    this.body = body
  }

  /**
   * What an entity at a place relates, as far as nothing stored has to be looked at: all new entities, or references only.
   * @param purpose insert: the entity itself is new
   */
  relations(
    where: NestingPlace,
    type: StructuredType,
    members: readonly RelatedMember[],
    purpose: 'insert' | 'update',
    depth = 1,
  ): readonly Relating[] {
    this.checkDepth(members, depth)
    return members.flatMap((member) => {
      const plan = this.planOf(where, type, member, purpose)
      if (plan === undefined) return []
      if (member.form === 'delta') {
        this.faults.add('valueInvalid', 'Only a PATCH may have a delta.', member.target)
        return []
      }
      const items = member.items.flatMap((item): Related[] => {
        if (item.kind === 'removed') return []
        if (item.kind === 'reference') {
          if (plan.linking.kind !== 'contained') return [item]
          this.faults.add(
            'valueInvalid',
            `'${member.property.name}' contains its entities: another entity cannot be put there.`,
            item.target,
          )
          return []
        }
        if (item.id !== undefined) {
          this.faults.add('valueInvalid', 'A create has no content for entities that are there already.', item.target)
          return []
        }
        const read = this.newEntity(plan, item, purpose)
        if (read === undefined) return []
        const relations = this.relations(plan.where, read.type, read.related, purpose, depth + 1)
        if (read.entity === undefined) return []
        return [{ kind: 'new', entity: { ...read.entity, relations }, target: item.target }]
      })
      return [{ plan, form: member.form, items, target: member.target }]
    })
  }

  /** @throws ODataError badRequest where entities nest too deep */
  checkDepth(members: readonly RelatedMember[], depth: number): void {
    if (members.length > 0 && depth > nestingLimits.depth)
      throw new ODataError('badRequest', `Entities nest more than ${nestingLimits.depth} deep (limit nestedDepth).`)
  }

  /** How what a member relates is written; undefined where a fault was found. */
  planOf(
    where: NestingPlace,
    type: StructuredType,
    member: RelatedMember,
    purpose: 'insert' | 'update',
  ): NestedPlan | undefined {
    const { via, property, target } = member
    const steps = stepsTo(type, via)
    if (steps === undefined) {
      this.faults.add(
        'notImplemented',
        `Relating entities inside a collection, or behind a property of a derived complex type, is not implemented (${target}).`,
        target,
      )
      return undefined
    }
    try {
      const plan = nestedPlan(this.core.model, where, steps, property)
      const parts = purpose === 'update' && plan.linking.kind !== 'contained' && isParting(member)
      const term = plan.relating[purpose] ?? (parts ? plan.kept : undefined)
      if (term !== undefined) throw refused(property, term)
      return plan
    } catch (error) {
      if (!(error instanceof ODataError)) throw error
      this.faults.add(error.code, error.message, target)
      return undefined
    }
  }

  /** Counts an entity with content, and says whether it may be nested here. @throws ODataError badRequest: too many */
  admit({ deep }: NestedPlan, purpose: 'insert' | 'update', node: JsonObject, target: string): boolean {
    this.#entities++
    if (this.#entities > nestingLimits.entities)
      throw new ODataError('badRequest', `More than ${nestingLimits.entities} nested entities (limit nestedEntities).`)
    const { refusal } = deep[purpose]
    if (refusal === undefined) return true
    this.faults.add('valueInvalid', refusal.message, target, node)
    return false
  }

  /**
   * Reads an entity to be created.
   * @param given key properties that are known already: by the id that the body says
   * @returns undefined where it must not be created; without `entity` where it has faults
   */
  newEntity(
    plan: NestedPlan,
    { node, target }: Extract<RelatedItem, { kind: 'entity' }>,
    purpose: 'insert' | 'update',
    given: ReadonlyMap<string, Value> = new Map(),
  ):
    | {
        readonly entity: Omit<NewEntity, 'relations'> | undefined
        readonly type: StructuredType
        readonly related: readonly RelatedMember[]
      }
    | undefined {
    if (!this.admit(plan, purpose, node, target)) return undefined
    const { linking, where, create, access } = plan
    const { refusal, requires, conditions } = access
    if (refusal !== undefined) {
      this.faults.add('valueInvalid', refusal.message, target, node)
      return undefined
    }
    if (this.core.enforcePermissions) permit(this.exchange.principal, requires)
    const { type } = linking
    const lonely = linking.kind === 'contained' && !linking.property.collection
    const made = new Map([
      ...(lonely ? lonelyKey(type, linking.property.name) : []),
      ...given,
      ...makeKey(type, this.core.keyGeneration === 'when-missing'),
    ])
    const related: RelatedMember[] = []
    const reading = {
      model: this.core.model,
      faults: this.faults,
      keyIgnored: keyMadeByService(type) && made.size === type.key.length,
      given: new Set([...made.keys(), ...foreignKeys(plan)]),
      related,
      at: target,
      body: this.body,
    }
    const value = readStructured(node, type, target, reading, 'create')
    if (value !== undefined) noteStreamFaults(this.core, value, target, this.faults)
    checkBody(
      { rules: conditions.body, grants: conditions.grants, purpose: 'create' },
      node,
      value,
      this.core.model,
      this.faults,
    )
    const contentId = this.contentIdOf(plan, purpose, node, target)
    const partner = linking.kind === 'contained' ? undefined : linking.partner
    if (value !== undefined)
      checkRequired(this.core, where, value, related, { partner, given: reading.given }, target, this.faults)
    return {
      entity: value && { where, plan: create, value, made, contentId, named: namesOf(related, partner) },
      type: value?.type ?? type,
      related,
    }
  }

  /** Core.ContentID of a nested entity, where it is to come back in the answer (Protocol 11.4.2.2, 11.4.3.1). */
  contentIdOf(
    { deep }: NestedPlan,
    purpose: 'insert' | 'update',
    node: JsonObject,
    target: string,
  ): ContentId | undefined {
    if (!deep[purpose].contentIds) return undefined
    for (const name of contentIdNames(this.core.model)) {
      const value = node.members.get(name)
      if (value === undefined || value.kind === 'null') continue
      if (value.kind === 'string') return { name, value: value.value }
      this.faults.add('valueInvalid', `${name} must be a string.`, `${target}/${name}`, value)
    }
    return undefined
  }
}

/** Whether a member parts related entities, whatever is stored: a null, or a removed entity that is not deleted. */
function isParting({ property, form, items }: RelatedMember): boolean {
  if (form === 'all') return !property.collection && items.length === 0
  return items.some((item) => item.kind === 'removed' && item.reason === 'changed')
}

/** Navigation properties of which a body says more than their foreign keys do. */
export function namesOf(
  related: readonly RelatedMember[],
  partner: NavigationProperty | undefined,
): ReadonlySet<string> {
  return new Set([...related.map(({ property }) => property.name), ...(partner ? [partner.name] : [])])
}

/** Foreign keys of the related entities that the relation itself gives. */
export function foreignKeys({ linking }: NestedPlan): readonly string[] {
  return linking.kind === 'principal' ? linking.pairs.flatMap(({ to }) => to.slice(0, 1).map(({ name }) => name)) : []
}
