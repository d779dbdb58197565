import { createTurns } from '../../base/turns.ts'
import { customsIn } from '../../bind/apply/custom-aggregate.ts'
import { modelTypeOf } from '../../bind/apply/dynamic.ts'
import type {
  Aggregate,
  CalculatedParameter,
  CustomAggregate,
  RecursiveHierarchy,
  Sequence,
  Shape,
  Transformation,
} from '../../bind/apply/tree.ts'
import { stepName } from '../../bind/print.ts'
import type {
  Expression,
  InvocationExpression,
  MemberStep,
  OrderByItem,
  Parameters,
  SearchExpression,
} from '../../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../../bson/layout.ts'
import type { TypeReference } from '../../edm/model.ts'
import { type DateTimeOffset, isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { callsIn } from '../../plan/calls.ts'
import {
  followAggregate,
  followPath,
  follows,
  type NavigationTree,
  navigationTree,
} from '../../plan/navigation-tree.ts'
import { type EvalContext, prepareItemValue, type RowTest } from '../compile.ts'
import { conversion } from '../convert.ts'
import { prepareSearch, prepareTextSearch } from '../search.ts'
import { sortedBy } from '../sort-values.ts'
import { isCollectionValue } from '../values.ts'
import { aggregateOf, type CustomOf, customAggregateOf, type ValuesOf } from './aggregate.ts'
import { groupsOf, inject } from './group.ts'
import { type HierarchyNodes, relativesOf, rollups, traversed } from './hierarchy.ts'
import { type Instance, isInstance, transient, withMembers } from './instance.ts'
import { reach } from './paths.ts'
import { ranked } from './ranking.ts'
import { textsOf } from './texts.ts'

/**
 * Runs transformation sequences over instances in memory: the exact meaning of `$apply` in code. A sequence takes many input sets at once
 * (the groups of a groupby, the related entities of many rows), so that what it has to read is read for all of them together.
 */

/** What a sequence needs beside its instances. */
export interface ApplyEnvironment {
  readonly layout: ModelLayout
  readonly parameters: Parameters
  readonly now: DateTimeOffset
  readonly limits: ApplyLimits
  /** Reads what navigation properties of instances lead to (`StoredEntity.related`). */
  load(instances: readonly Value[], tree: NavigationTree): Promise<void>
  /**
   * Calls functions of the service for instances, so that expressions can be evaluated for them.
   * @param calls those that others take as arguments first
   * @param valueFor evaluates their arguments
   * @throws ODataError notImplemented where a function has no handler
   */
  call(
    calls: readonly InvocationExpression[],
    instances: readonly Value[],
    valueFor: (expression: Expression) => (instance: Value) => Value,
  ): Promise<void>
  /** The nodes of a hierarchy, all that the caller may see, in the order of their keys. */
  nodes(hierarchy: RecursiveHierarchy): Promise<HierarchyNodes>
  /**
   * How code of the service calculates a custom aggregate; undefined: there is none.
   * @returns takes the instances that it is about
   */
  custom(aggregate: CustomAggregate): ((instances: readonly Value[]) => Promise<Value>) | undefined
  /**
   * A function of the service as a transformation.
   * @throws ODataError notImplemented where nothing says what it does
   */
  function(step: FunctionStep): (set: InstanceSet) => Promise<InstanceSet>
}

export interface ApplyLimits {
  /** instances of all sets together, between transformations */
  readonly applyRows: number
  /** groups of one groupby */
  readonly applyGroups: number
}

export type InstanceSet = readonly Instance[]

export type FunctionStep = Extract<Transformation, { kind: 'function' }>

/** Applies a sequence to each of some sets. @throws ODataError urlLimitExceeded, queryOptionInvalid, and what reading throws */
export async function runSequence(
  environment: ApplyEnvironment,
  sequence: Sequence,
  sets: readonly InstanceSet[],
): Promise<readonly InstanceSet[]> {
  let current = sets
  const run = new Run(environment, sequence.input)
  for (const step of sequence.steps) {
    current = await run.transform(step, current)
    run.check(current)
  }
  return current
}

/** Evaluators by expression: expressions are those of plans, which are kept. */
const prepared = new WeakMap<Expression, ReturnType<typeof prepareItemValue>>()

/** The values of an expression for instances. */
export function evaluateFor(
  environment: Pick<ApplyEnvironment, 'layout' | 'now'>,
  expression: Expression,
  type: TypeReference,
  parameters: Parameters,
): (instance: Value) => Value {
  let prepare = prepared.get(expression)
  if (prepare === undefined) {
    prepare = prepareItemValue(expression, type, itemContext(environment.layout, type))
    prepared.set(expression, prepare)
  }
  return prepare(parameters, { now: environment.now })
}

function itemContext(layout: ModelLayout, { type }: TypeReference): EvalContext {
  if (type.kind !== 'entity' && type.kind !== 'complex') throw new Error('invariant: instances have members')
  return {
    layout,
    type,
    collection: undefined,
    calls: true,
    related: { collectionOf: () => undefined, read: () => [] },
  }
}

/** Sorts without changing the order of what the items do not tell apart. */
export function stableSort<T>(
  list: readonly T[],
  items: readonly OrderByItem[],
  valueFor: (item: OrderByItem) => (value: T) => Value,
): readonly T[] {
  const evaluators = items.map(valueFor)
  return sortedBy(
    list,
    (item) => evaluators.map((evaluate) => evaluate(item)),
    items.map(({ descending }) => descending),
  )
}

type AggregateStep = Extract<Transformation, { kind: 'aggregate' }>

/** The evaluator of an expression for one input set. */
type ValueFor = (expression: Expression) => (instance: Value) => Value

class Run {
  readonly #environment: ApplyEnvironment
  readonly #type: TypeReference

  constructor(environment: ApplyEnvironment, shape: Shape) {
    this.#environment = environment
    this.#type = { type: shape.type, collection: false, nullable: false, facets: {} }
  }

  /** @throws ODataError where there are too many instances */
  check(sets: readonly InstanceSet[]): void {
    const total = sets.reduce((sum, set) => sum + set.length, 0)
    const { applyRows } = this.#environment.limits
    if (total > applyRows) throw limitExceeded(`$apply makes more than ${applyRows} instances (limit applyRows).`)
  }

  async transform(step: Transformation, sets: readonly InstanceSet[]): Promise<readonly InstanceSet[]> {
    switch (step.kind) {
      case 'filter':
        return this.#perSet(step.calculated, [step.predicate], sets, (set, value) => {
          const test = value(step.predicate)
          return set.filter((instance) => test(instance) === true)
        })
      case 'search': {
        return this.#search(step.search, sets)
      }
      case 'orderby':
        return this.#perSet(
          step.calculated,
          step.items.map(({ expression }) => expression),
          sets,
          (set, value) => stableSort(set, step.items, ({ expression }) => value(expression)),
        )
      case 'top':
        return sets.map((set) => set.slice(0, step.count))
      case 'skip':
        return sets.map((set) => set.slice(step.count))
      case 'compute': {
        const expressions = step.items.map(({ expression }) => expression)
        return this.#perSet(step.calculated, expressions, sets, (set, value) => {
          const evaluators = step.items.map(({ alias, expression }) => ({ alias, evaluate: value(expression) }))
          return set.map((instance) =>
            this.#with(
              instance,
              evaluators.map(({ alias, evaluate }) => [alias, evaluate(instance)]),
            ),
          )
        })
      }
      case 'aggregate': {
        const tree = navigationTree()
        for (const { aggregate } of step.items) followAggregate(aggregate, tree)
        const customOf = this.#customsOf(step)
        return this.#perSet(
          step.calculated,
          [],
          sets,
          customOf === undefined
            ? (set, value) => [this.#aggregated(step, set, value)]
            : async (set, value) => [await this.#customAggregated(step, set, value, customOf)],
          tree,
        )
      }
      case 'concat': {
        const parts: (readonly InstanceSet[])[] = []
        for (const sequence of step.sequences) parts.push(await runSequence(this.#environment, sequence, sets))
        return sets.map((_, i) => parts.flatMap((part) => part[i] ?? []))
      }
      case 'function': {
        const call = this.#environment.function(step)
        const results: InstanceSet[] = []
        for (const set of sets) results.push(await call(set))
        return results
      }
      case 'groupby':
        return this.#groupby(step, sets)
      case 'ranking':
        return this.#perSet(step.calculated, [step.quantity, step.measure], sets, (set, value) =>
          ranked(step, set, value(step.quantity)(null), value(step.measure)),
        )
      case 'join':
        return this.#join(step, sets)
      case 'nest':
        return this.#nest(step, sets)
      case 'addnested':
        return this.#addNested(step, sets)
      case 'relatives':
      case 'traverse':
      case 'rolluprecursive':
        return this.#hierarchical(step, sets)
    }
  }

  /** Stored entities are searched like rows; transient instances in all their strings. */
  #search(search: SearchExpression, sets: readonly InstanceSet[]): readonly InstanceSet[] {
    const { layout, parameters } = this.#environment
    const transientTest = prepareTextSearch(search)(parameters)
    const tests = new Map<CollectionLayout, RowTest>()
    const matches = (instance: Instance): boolean => {
      const { entity } = instance
      if (entity === undefined) return transientTest(textsOf(instance))
      let test = tests.get(entity.collection)
      if (test === undefined) {
        const { collection } = entity
        test = prepareSearch(search, { layout, type: collection.entityType, collection })(parameters)
        tests.set(collection, test)
      }
      return test(entity.row)
    }
    return sets.map((set) => set.filter(matches))
  }

  #with(instance: Instance, members: Iterable<readonly [string, Value]>): Instance {
    return withMembers(this.#environment.layout, instance, members)
  }

  /** Loads what expressions follow, calculates the parameters of each set, and transforms each. */
  async #perSet(
    calculated: readonly CalculatedParameter[],
    expressions: readonly Expression[],
    sets: readonly InstanceSet[],
    transform: (set: InstanceSet, value: ValueFor) => InstanceSet | Promise<InstanceSet>,
    tree: NavigationTree = navigationTree(),
  ): Promise<readonly InstanceSet[]> {
    for (const expression of expressions) follows(expression, tree)
    for (const { from } of calculated) if (from.kind === 'these') followAggregate(from.aggregate, tree)
    await this.#load(sets, tree)
    const shared = await this.#sharedParameters(calculated)
    const turns = createTurns()
    const results: InstanceSet[] = []
    const calls = callsIn(expressions)
    for (const set of sets) {
      const parameters = this.#parametersOf(set, calculated, shared)
      const valueFor: ValueFor = (expression) => evaluateFor(this.#environment, expression, this.#type, parameters)
      if (calls.length > 0) await this.#environment.call(calls, set, valueFor)
      const made = transform(set, valueFor)
      results.push(made instanceof Promise ? await made : made)
      if (turns.due()) await turns.pass()
    }
    return results
  }

  async #load(sets: readonly (readonly Value[])[], tree: NavigationTree): Promise<void> {
    if (tree.children.size > 0) await this.#environment.load(sets.flat(), tree)
  }

  /** What is the same for all sets: the nodes that hierarchy functions are true for. */
  async #sharedParameters(calculated: readonly CalculatedParameter[]): Promise<Parameters> {
    const { parameters } = this.#environment
    if (calculated.every(({ from }) => from.kind !== 'nodes')) return parameters
    const all = [...parameters]
    for (const { index, from } of calculated) {
      if (from.kind !== 'nodes') continue
      const nodes = await this.#environment.nodes(from.hierarchy)
      const value = (expression: Expression | undefined): Value =>
        expression === undefined ? null : evaluateFor(this.#environment, expression, this.#type, parameters)(null)
      all[index] = nodes.passing(from.test, value) as Parameters[number]
    }
    return all
  }

  #parametersOf(set: InstanceSet, calculated: readonly CalculatedParameter[], shared: Parameters): Parameters {
    if (calculated.every(({ from }) => from.kind !== 'these')) return shared
    const all = [...shared]
    for (const { index, from } of calculated)
      if (from.kind === 'these') all[index] = this.#aggregate(from.aggregate, set, shared) as Parameters[number]
    return all
  }

  #aggregate(aggregate: Aggregate, set: readonly Value[], parameters: Parameters): Value {
    return aggregateOf(aggregate, set, (expression, instances) =>
      instances.map(evaluateFor(this.#environment, expression, this.#type, parameters)),
    )
  }

  #aggregated(step: AggregateStep, set: InstanceSet, value: ValueFor): Instance {
    const own = new Map<string, Value>()
    for (const { alias, aggregate } of step.items)
      own.set(
        alias,
        aggregateOf(aggregate, set, (expression, instances) => instances.map(value(expression))),
      )
    return transient(this.#modelType(), own)
  }

  /** How the custom aggregates of a step are calculated, known before any is; undefined where there are none. */
  #customsOf({ items }: AggregateStep): CustomOf | undefined {
    const customs = items.flatMap(({ aggregate }) => customsIn(aggregate))
    if (customs.length === 0) return undefined
    const calculations = new Map(customs.map((custom) => [custom, this.#calculation(custom)]))
    return (custom) => {
      const calculate = calculations.get(custom)
      if (calculate === undefined) throw new Error('invariant: all custom aggregates of a step are known')
      return calculate
    }
  }

  /** @throws ODataError notImplemented where neither the service nor the model says what a custom aggregate is */
  #calculation(custom: CustomAggregate): ReturnType<CustomOf> {
    const { name, recommended, type } = custom
    const code = this.#environment.custom(custom)
    if (code !== undefined) return code
    if (recommended === undefined)
      throw new ODataError(
        'notImplemented',
        `Calculating the custom aggregate '${name}' is not implemented by this service.`,
        { target: '$apply' },
      )
    const convert = conversion(recommended.type, type)
    return (instances) => {
      const value = aggregateOf(recommended, instances, () => [])
      const converted = convert(value)
      if (value !== null && converted === null)
        throw new ODataError('valueInvalid', `The value of '${name}' does not fit ${type.type.name}.`, {
          target: '$apply',
        })
      return converted
    }
  }

  async #customAggregated(
    step: AggregateStep,
    set: InstanceSet,
    value: ValueFor,
    customOf: CustomOf,
  ): Promise<Instance> {
    const own = new Map<string, Value>()
    const valuesOf: ValuesOf = (expression, instances) => instances.map(value(expression))
    for (const { alias, aggregate } of step.items)
      own.set(alias, await customAggregateOf(aggregate, set, valuesOf, customOf))
    return transient(this.#modelType(), own)
  }

  #modelType() {
    const { type } = this.#type
    if (type.kind !== 'entity' && type.kind !== 'complex') throw new Error('invariant: instances have members')
    return modelTypeOf(type)
  }

  async #groupby(
    step: Extract<Transformation, { kind: 'groupby' }>,
    sets: readonly InstanceSet[],
  ): Promise<readonly InstanceSet[]> {
    const tree = navigationTree()
    for (const path of step.paths) followPath(path, tree)
    await this.#load(sets, tree)
    const { layout, limits } = this.#environment
    const grouped = sets.map((set) => groupsOf(set, step.paths, this.#modelType()))
    const groups = grouped.flat()
    if (groups.length > limits.applyGroups)
      throw limitExceeded(`groupby makes more than ${limits.applyGroups} groups (limit applyGroups).`)
    const { each } = step
    if (each === undefined) return grouped.map((some) => some.map(({ projection }) => projection))
    const results = await runSequence(
      this.#environment,
      each,
      groups.map(({ instances }) => instances.filter(isInstance)),
    )
    let next = 0
    return grouped.map((some) =>
      some.flatMap(({ projection }) => (results[next++] ?? []).map((instance) => inject(layout, instance, projection))),
    )
  }

  async #join(
    step: Extract<Transformation, { kind: 'join' }>,
    sets: readonly InstanceSet[],
  ): Promise<readonly InstanceSet[]> {
    const tree = navigationTree()
    followPath(step.path.steps, tree)
    await this.#load(sets, tree)
    const collections = sets.flatMap((set) => set.map((instance) => this.#instancesAt(instance, step.path.steps)))
    const results = step.each ? await runSequence(this.#environment, step.each, collections) : collections
    let next = 0
    return sets.map((set) =>
      set.flatMap((instance): readonly Instance[] => {
        const found = results[next++] ?? []
        if (found.length === 0 && step.outer) return [this.#with(instance, [[step.alias, null]])]
        return found.map((value) => this.#with(instance, [[step.alias, value]]))
      }),
    )
  }

  #instancesAt(value: Value, steps: readonly MemberStep[]): readonly Instance[] {
    return reach([value], steps).map(asInstance)
  }

  async #nest(
    step: Extract<Transformation, { kind: 'nest' }>,
    sets: readonly InstanceSet[],
  ): Promise<readonly InstanceSet[]> {
    const results: { alias: string; sets: readonly InstanceSet[] }[] = []
    for (const { alias, sequence } of step.nested)
      results.push({ alias, sets: await runSequence(this.#environment, sequence, sets) })
    return sets.map((_, i) => [
      transient(this.#modelType(), new Map(results.map((result) => [result.alias, result.sets[i] ?? []]))),
    ])
  }

  async #addNested(
    step: Extract<Transformation, { kind: 'addnested' }>,
    sets: readonly InstanceSet[],
  ): Promise<readonly InstanceSet[]> {
    const tree = navigationTree()
    followPath([...step.via, ...step.path.steps], tree)
    await this.#load(sets, tree)
    const owners = sets.flatMap((set) => set.flatMap((instance) => reach([instance], step.via)))
    const inputs = owners.map((owner) => this.#instancesAt(owner, step.path.steps))
    const results: { alias: string; sets: readonly InstanceSet[] }[] = []
    for (const { alias, sequence } of step.nested)
      results.push({ alias, sets: await runSequence(this.#environment, sequence, inputs) })
    let next = 0
    const added = (owner: Value): Instance => {
      const i = next++
      const members: [string, Value][] = []
      for (const { alias, sets: found } of results) {
        const values = found[i] ?? []
        if (step.collection) members.push([alias, values])
        else if (values[0] !== undefined) members.push([alias, values[0]])
      }
      return this.#with(asInstance(owner), members)
    }
    return sets.map((set) => set.map((instance) => this.#replaced(instance, step.via.map(stepName), added)))
  }

  /** An instance with what stands at a path of complex properties replaced; in the order in which `reach` meets it. */
  #replaced(value: Value, [name, ...rest]: readonly string[], replace: (owner: Value) => Instance): Instance {
    if (name === undefined) return replace(value)
    const instance = asInstance(value)
    const member = instance.members.get(name)
    if (member === undefined || member === null) return instance
    const next = (item: Value): Value => (item === null ? null : this.#replaced(item, rest, replace))
    return this.#with(instance, [[name, isCollectionValue(member) ? member.map(next) : next(member)]])
  }

  async #hierarchical(
    step: Extract<Transformation, { kind: 'relatives' | 'traverse' | 'rolluprecursive' }>,
    sets: readonly InstanceSet[],
  ): Promise<readonly InstanceSet[]> {
    const { hierarchy, path } = step.reference
    const nodes = await this.#environment.nodes(hierarchy)
    const tree = navigationTree()
    followPath(path.steps, tree)
    await this.#load(sets, tree)
    const { layout } = this.#environment
    if (step.kind === 'relatives') {
      const starts = await runSequence(this.#environment, step.start, sets)
      return sets.map((set, i) => relativesOf(step, nodes, set, starts[i] ?? []))
    }
    const [start] = step.start ? await runSequence(this.#environment, step.start, [nodes.instances]) : []
    if (step.kind === 'traverse') {
      const sorting = navigationTree()
      for (const { expression } of step.orderby) follows(expression, sorting)
      await this.#load([nodes.instances], sorting)
      const type: TypeReference = { type: hierarchy.set.type, collection: false, nullable: false, facets: {} }
      const sort = (list: readonly Instance[]) =>
        stableSort(list, step.orderby, ({ expression }) =>
          evaluateFor(this.#environment, expression, type, this.#environment.parameters),
        )
      return sets.map((set) => traversed(layout, step, nodes, set, start, sort))
    }
    const portions = sets.map((set) => rollups(layout, step, nodes, set, start))
    const inputs = portions.flatMap((some) => some.map(({ instances }) => instances))
    this.check(inputs)
    const results = step.each
      ? await runSequence(this.#environment, step.each, inputs)
      : inputs.map(() => [this.#empty()])
    let next = 0
    return portions.map((some) =>
      some.flatMap(({ finish }) => (results[next++] ?? []).map((instance) => finish(instance))),
    )
  }

  #empty(): Instance {
    return transient(this.#modelType(), new Map())
  }
}

/** Complex values of stored rows become instances with the same members. */
function asInstance(value: Value): Instance {
  if (isInstance(value)) return value
  const structured: StructuredValue | undefined = value !== null && isStructuredValue(value) ? value : undefined
  if (structured === undefined) throw new Error('invariant: instances are structured')
  // what is not stored of a complex value is null, not absent
  const own = new Map(structured.members)
  for (const [name, property] of structured.type.allProperties)
    if (!own.has(name)) own.set(name, property.type.collection ? [] : null)
  return transient(structured.type, own)
}

export function limitExceeded(message: string): ODataError {
  return new ODataError('urlLimitExceeded', message, { target: '$apply' })
}
