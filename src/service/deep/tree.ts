import { permit } from '../../auth/permit.ts'
import type { StructuredType } from '../../edm/model.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { Faults } from '../../payload/faults.ts'
import { readStructured } from '../../payload/read-structured.ts'
import { type RelatedItem, type RelatedMember, stepsTo } from '../../payload/related-body.ts'
import { checkBody } from '../../payload/validation/body-rules.ts'
import { keyMadeByService } from '../../plan/build.ts'
import { type NestedPlan, type NestingPlace, nestedPlan, refused } from '../../plan/nested.ts'
import type { Core } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { makeKey } from '../keys.ts'
import { lonelyKey } from '../singleton.ts'

/**
 * The write set of a body: the entities in it, checked, as a tree. What one entity needs of another (a foreign key, the path of an
 * owner) is not in it: it is read from the row once that is stored (`write-tree.ts`).
 */

/** A related entity: one that is there already, or one to be created. */
export type Related =
  | Extract<RelatedItem, { kind: 'reference' }>
  | { readonly kind: 'new'; readonly entity: NewEntity; readonly target: string }

export interface Relating {
  readonly plan: NestedPlan
  readonly form: RelatedMember['form']
  readonly items: readonly Related[]
  readonly target: string
}

export interface NewEntity {
  readonly where: NestingPlace
  readonly plan: NestedPlan['create']
  readonly value: StructuredValue
  /** key properties that the service makes: the value's own go before */
  readonly made: ReadonlyMap<string, Value>
  readonly relations: readonly Relating[]
}

/** How deep entities nest in a body, and how many there are (docs/limits.md). */
export const nestingLimits = { depth: 5, entities: 1_000 } as const

/** Reads the entities that a body nests, all faults told. @throws ODataError accessDenied, badRequest where they are too many */
export class TreeReader {
  readonly #core: Core
  readonly #exchange: Exchange
  readonly #faults: Faults
  #entities = 0

  constructor(core: Core, exchange: Exchange, faults: Faults) {
    this.#core = core
    this.#exchange = exchange
    this.#faults = faults
  }

  /**
   * What the entity at a place relates.
   * @param inserting whether entities may be nested: the entity itself is new
   */
  relations(
    where: NestingPlace,
    type: StructuredType,
    members: readonly RelatedMember[],
    inserting: boolean,
    depth = 1,
  ): readonly Relating[] {
    if (members.length > 0 && depth > nestingLimits.depth)
      throw new ODataError('badRequest', `Entities nest more than ${nestingLimits.depth} deep (limit nestedDepth).`)
    return members.flatMap((member) => {
      const plan = this.#plan(where, type, member)
      if (plan === undefined) return []
      const term = inserting ? plan.relating.insert : plan.relating.update
      if (term !== undefined) {
        this.#faults.add('valueInvalid', refused(member.property, term).message, member.target)
        return []
      }
      const items = member.items.flatMap((item): Related[] => {
        if (item.kind === 'reference') {
          if (plan.linking.kind !== 'contained') return [item]
          this.#faults.add(
            'valueInvalid',
            `'${member.property.name}' contains its entities: another entity cannot be put there.`,
            item.target,
          )
          return []
        }
        if (!inserting) {
          this.#faults.add(
            'notImplemented',
            'Changing related entities with the entity is not implemented.',
            item.target,
          )
          return []
        }
        const entity = this.#entity(plan, item, depth)
        return entity === undefined ? [] : [{ kind: 'new', entity, target: item.target }]
      })
      return [{ plan, form: member.form, items, target: member.target }]
    })
  }

  #plan(where: NestingPlace, type: StructuredType, { via, property, target }: RelatedMember): NestedPlan | undefined {
    const steps = stepsTo(type, via)
    if (steps === undefined) {
      this.#faults.add(
        'notImplemented',
        `Relating entities inside a collection (${target}) is not implemented.`,
        target,
      )
      return undefined
    }
    try {
      return nestedPlan(this.#core.model, where, steps, property)
    } catch (error) {
      if (!(error instanceof ODataError)) throw error
      this.#faults.add(error.code, error.message, target)
      return undefined
    }
  }

  #entity(
    plan: NestedPlan,
    { node, target }: Extract<RelatedItem, { kind: 'entity' }>,
    depth: number,
  ): NewEntity | undefined {
    const { linking, where, create, refusal, requires, conditions } = plan
    this.#entities++
    if (this.#entities > nestingLimits.entities)
      throw new ODataError('badRequest', `More than ${nestingLimits.entities} nested entities (limit nestedEntities).`)
    if (refusal !== undefined) {
      this.#faults.add('valueInvalid', refusal.message, target, node)
      return undefined
    }
    if (this.#core.enforcePermissions) permit(this.#exchange.principal, requires)
    const { type } = linking
    const lonely = linking.kind === 'contained' && !linking.property.collection
    const made = new Map([
      ...(lonely ? lonelyKey(type, linking.property.name) : []),
      ...makeKey(type, this.#core.keyGeneration === 'when-missing'),
    ])
    const foreign = linking.kind === 'principal' ? linking.pairs.flatMap(({ to }) => to.slice(0, 1)) : []
    const related: RelatedMember[] = []
    const reading = {
      model: this.#core.model,
      faults: this.#faults,
      keyIgnored: keyMadeByService(type) && made.size === type.key.length,
      given: new Set([...made.keys(), ...foreign.map(({ name }) => name)]),
      related,
      at: target,
    }
    const value = readStructured(node, type, target, reading, 'create')
    checkBody(
      { rules: conditions.body, grants: conditions.grants, purpose: 'create' },
      node,
      value,
      this.#core.model,
      this.#faults,
    )
    const relations = this.relations(where, value?.type ?? type, related, true, depth + 1)
    return value === undefined ? undefined : { where, plan: create, value, made, relations }
  }
}
