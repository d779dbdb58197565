import { createTurns } from '../../base/turns.ts'
import { originOf } from '../../bind/apply/dynamic.ts'
import type { CustomAggregate, RecursiveHierarchy, Sequence } from '../../bind/apply/tree.ts'
import { follow, type Place, placeBehind } from '../../bind/binding-targets.ts'
import type { Expression, InvocationExpression, MemberStep, Parameters } from '../../bind/tree.ts'
import { typeOfDocument } from '../../bson/decode.ts'
import { fields } from '../../bson/layout.ts'
import { findField, nextElement } from '../../bson/reader.ts'
import type { NavigationProperty } from '../../edm/model.ts'
import { type DateTimeOffset, isStructuredValue, type Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { HierarchyNodes } from '../../eval/apply/hierarchy.ts'
import { entityInstance, type Instance, isInstance, type StoredEntity } from '../../eval/apply/instance.ts'
import { reach } from '../../eval/apply/paths.ts'
import {
  type ApplyEnvironment,
  evaluateFor,
  type FunctionStep,
  type InstanceSet,
  limitExceeded,
} from '../../eval/apply/run.ts'
import { navigationExpansion } from '../../plan/expansion.ts'
import { followPath, type NavigationBranch, type NavigationTree, navigationTree } from '../../plan/navigation-tree.ts'
import type { ApplyPlan, Expansion, GroupPlan, ReadPlan, Source, SourceRoot } from '../../plan/plan.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { relatedEntities } from '../expand-lists.ts'
import { boundEntity, boundValue } from '../operations/binding.ts'
import { transformation } from './functions.ts'
import { groupedRows } from './grouped.ts'
import { applyLimits, tooManyRows } from './limits.ts'

/** Reads what transformations need: rows as instances, related entities in batches, nodes of hierarchies. */

/** Where stored entities stand: what their navigation properties are followed from. */
export interface Origin {
  readonly place: Place
  readonly source: Source
}

const expansions = new WeakMap<ApplyPlan, Map<string, Expansion>>()

/** The stored entities of one request. */
export class Entities implements ApplyEnvironment {
  readonly layout: ApplyEnvironment['layout']
  readonly parameters: Parameters
  readonly now: DateTimeOffset = { kind: 'dateTimeOffset', ms: Date.now(), sub: 0, offset: 0, digits: 3 }
  readonly limits = applyLimits
  readonly #core: Core
  readonly #exchange: Exchange
  readonly #plan: ApplyPlan
  readonly #known = new Map<string, StoredEntity>()
  readonly #hierarchies = new Map<RecursiveHierarchy, Promise<HierarchyNodes>>()

  constructor(core: Core, exchange: Exchange, plan: ApplyPlan, parameters: Parameters) {
    this.#core = core
    this.#exchange = exchange
    this.#plan = plan
    this.layout = core.layout
    this.parameters = parameters
  }

  /** All rows of a plan. @throws ODataError urlLimitExceeded where there are too many */
  async rows(plan: ReadPlan, origin: Origin): Promise<readonly Instance[]> {
    const { controller, context } = contextOf(this.#core, this.#exchange, plan, this.parameters)
    const rows = await controller.list(context)
    const instances: Instance[] = []
    const turns = createTurns()
    try {
      for await (const batch of rows.batches) {
        if (instances.length + batch.length > applyLimits.applyRows) throw tooManyRows()
        for (const row of batch) instances.push(entityInstance(this.layout, this.#entity(row, origin)))
        if (turns.due()) await turns.pass()
      }
    } finally {
      if (!rows.complete) await rows.close()
    }
    return instances
  }

  /** The groups of the rows, where they can be made without instances of the rows. */
  grouped(group: GroupPlan, sequence: Sequence): Promise<readonly Instance[] | undefined> {
    return groupedRows(this.#core, this.#exchange, group, sequence, this.parameters, this.now)
  }

  #entity(row: Uint8Array, origin: Origin): StoredEntity {
    const collection = collectionOf(this.layout, origin.source.root)
    const at = findField(row, fields.id)
    const end = at < 0 ? row.length : nextElement(row, at)
    const key = Buffer.from(row.subarray(Math.max(at, 0), end < 0 ? row.length - 1 : end)).toString('latin1')
    const id = `${collection.name} ${key}`
    let entity = this.#known.get(id)
    if (entity === undefined) {
      const type = typeOfDocument(row, 0, this.layout.structured(collection.entityType))
      entity = { row, type, collection, id, origin, related: new Map(), decoded: new Map() }
      this.#known.set(id, entity)
    }
    return entity
  }

  async load(values: readonly Value[], tree: NavigationTree): Promise<void> {
    for (const branch of tree.children.values()) {
      const { via, property } = branch
      if (originOf(property) === undefined) await this.#loadProperty(values, branch)
      const next = reach(values, [...via, { kind: 'navigation', property }])
      if (next.length > applyLimits.applyRows * 10)
        throw limitExceeded(`${property.name} leads to too many entities (limit applyRows).`)
      if (branch.children.size > 0) await this.load(next, branch)
    }
  }

  /** Reads the entities behind a navigation property of all stored entities that have not been asked yet. */
  async #loadProperty(values: readonly Value[], { via, property }: NavigationBranch): Promise<void> {
    const byOrigin = new Map<Origin, Set<StoredEntity>>()
    for (const value of values) {
      if (!isInstance(value) || value.entity === undefined || value.own.has(property.name)) continue
      const { entity } = value
      if (via.length === 0 ? entity.related.has(property.name) : this.#isLoaded(entity, via, property)) continue
      const origin = entity.origin as Origin
      const waiting = byOrigin.get(origin)
      if (waiting === undefined) byOrigin.set(origin, new Set([entity]))
      else waiting.add(entity)
    }
    for (const [origin, waiting] of byOrigin) await this.#read(origin, [...waiting], via, property)
  }

  #isLoaded(entity: StoredEntity, via: readonly MemberStep[], property: NavigationProperty): boolean {
    const owners = reach([entityInstance(this.layout, entity)], via)
    return owners.every((owner) => owner === null || !isStructuredValue(owner) || owner.members.has(property.name))
  }

  async #read(
    origin: Origin,
    entities: readonly StoredEntity[],
    via: readonly MemberStep[],
    property: NavigationProperty,
  ): Promise<void> {
    const { expansion, next } = this.#expansion(origin, via, property)
    const rows = entities.map(({ row }) => row)
    const found = await relatedEntities(this.#core, this.#exchange, origin.source, expansion, this.parameters, rows)
    for (const entity of entities) {
      const list = (found.get(entity.row) ?? []).map((row) => entityInstance(this.layout, this.#entity(row, next)))
      const value: Value = property.collection ? list : (list[0] ?? null)
      if (via.length === 0) entity.related.set(property.name, value)
      else
        for (const owner of reach([entityInstance(this.layout, entity)], via))
          if (owner !== null && isStructuredValue(owner))
            (owner.members as Map<string, Value>).set(property.name, value)
    }
  }

  readonly #nexts = new Map<Expansion, Origin>()

  #expansion(
    { place, source }: Origin,
    via: readonly MemberStep[],
    property: NavigationProperty,
  ): { readonly expansion: Expansion; readonly next: Origin } {
    let known = expansions.get(this.#plan)
    if (known === undefined) {
      known = new Map()
      expansions.set(this.#plan, known)
    }
    const names = via.map((step) => (step.kind === 'property' ? step.property.name : ''))
    const key = [source.root.name, ...place.path, ...names, `${property.declaringType.name}/${property.name}`].join('|')
    let from = place
    for (const name of names) if (name !== '') from = placeBehind(from, name)
    const declaring = property.declaringType
    if (declaring.kind === 'entity') from = placeBehind(from, declaring.name)
    let expansion = known.get(key)
    if (expansion === undefined) {
      const { model } = this.#core
      expansion = navigationExpansion(model, from, source.root, via, property, this.parameters.length)
      known.set(key, expansion)
    }
    let next = this.#nexts.get(expansion)
    if (next === undefined) {
      next = { place: follow(this.#core.model, from, property), source: expansion.one.source }
      this.#nexts.set(expansion, next)
    }
    return { expansion, next }
  }

  custom(aggregate: CustomAggregate): ((instances: readonly Value[]) => Promise<Value>) | undefined {
    return this.#core.customAggregates.calculation(aggregate, {
      model: this.#core.model,
      principal: this.#exchange.principal,
      request: this.#exchange.request,
      signal: this.#exchange.request.signal,
    })
  }

  async call(
    calls: readonly InvocationExpression[],
    instances: readonly Value[],
    evaluatorOf: (expression: Expression) => (instance: Value) => Value,
  ): Promise<void> {
    const core = this.#core
    const callers = instances.filter(isInstance)
    await core.operations.forRows<Instance>(core, this.#exchange, calls, this.parameters, {
      valueFor: evaluatorOf,
      boundOf: ({ binding, operation }) => {
        if (binding === undefined) return () => undefined
        const valueFor = evaluatorOf(binding)
        const other = boundValue<Instance>(operation, binding, valueFor)
        return (instance) => {
          const value = valueFor(instance)
          const entity = isInstance(value ?? undefined) ? (value as Instance).entity : undefined
          return entity
            ? boundEntity(core, operation, (entity.origin as Origin).source.root, entity.row)
            : other(instance)
        }
      },
    })(callers)
  }

  function(step: FunctionStep): (set: InstanceSet) => Promise<InstanceSet> {
    return transformation(this.#core, this.#exchange, step, this.parameters)
  }

  nodes(hierarchy: RecursiveHierarchy): Promise<HierarchyNodes> {
    let nodes = this.#hierarchies.get(hierarchy)
    if (nodes === undefined) {
      nodes = this.#readNodes(hierarchy)
      this.#hierarchies.set(hierarchy, nodes)
    }
    return nodes
  }

  async #readNodes({ set, node, nodePath, parents, qualifier }: RecursiveHierarchy): Promise<HierarchyNodes> {
    const root: SourceRoot = set
    const source: Source = { root, steps: [], type: set.type, single: false }
    const plan: ReadPlan = {
      ...this.#plan.base,
      source,
      filter: undefined,
      search: undefined,
      orderby: keyOrder(set.type),
    }
    const instances = await this.rows(plan, { place: { root: set, path: [] }, source })
    const tree = navigationTree()
    followPath(nodePath, tree)
    followPath(parents.steps, tree)
    await this.load(instances, tree)
    // the identifiers of the parents may lie behind navigation, too
    const behind = navigationTree()
    followPath(nodePath, behind)
    await this.load(reach(instances, parents.steps), behind)
    const type = { type: set.type, collection: false, nullable: false, facets: {} }
    const identifier = evaluateFor(this, node, type, this.parameters)
    return new HierarchyNodes(instances, identifier, (instance) => reach([instance], parents.steps), qualifier)
  }
}

function keyOrder(type: Source['type']): ReadPlan['orderby'] {
  return type.key.map(({ path, property }) => {
    if (path.length !== 1)
      throw new ODataError('notImplemented', 'Hierarchies of entities with such keys are not implemented.')
    return {
      expression: { kind: 'member', variable: '$it', steps: [{ kind: 'property', property }], type: property.type },
      descending: false,
    }
  })
}
