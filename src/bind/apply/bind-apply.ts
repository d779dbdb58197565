import type { EntitySet, StructuredType, TypeReference } from '../../edm/model.ts'
import { isNumeric } from '../../edm/primitives.ts'
import { typeName } from '../../edm/types.ts'
import type {
  AggregateNode,
  ApplyNode,
  ComputeNode,
  ExpressionNode,
  FromNode,
  GroupingNode,
  NestedApplyNode,
  PathNode,
  Span,
  TransformationNode,
} from '../../url/ast.ts'
import { bindOrderBy, bindSearch, isDeclared } from '../bind-options.ts'
import { type BindContext, type Scope, shown } from '../context.ts'
import { bindBoolean } from '../operators.ts'
import { stepName } from '../print.ts'
import type { Expression, MemberStep } from '../tree.ts'
import { singlePrimitive } from '../type-references.ts'
import { type Aggregated, bindAggregate, ownName } from './aggregates.ts'
import {
  instancesOf,
  isSameAlias,
  mergedAlias,
  nestedAlias,
  ownerType,
  propertyAlias,
  withAliasesInside,
  withProperties,
} from './aliases.ts'
import { bindDataPath, hasCollection } from './data-path.ts'
import { type Alias, aliasesOf, modelTypeOf, withAliases } from './dynamic.ts'
import { bindFunction } from './function-call.ts'
import { groupKey, readsInstance } from './group-key.ts'
import { bindHierarchyReference, withNode } from './hierarchy.ts'
import { leveledPaths } from './leveled.ts'
import { aggregatedType } from './methods.ts'
import { scopeOf } from './scope.ts'
import { emptyShape, presenceOfPaths, present, presentInBoth, structuredType, withPresent } from './shape.ts'
import type {
  Aggregate,
  AggregateItem,
  AggregationMethod,
  CalculatedParameter,
  DataPath,
  HierarchyReference,
  NestedSequence,
  Sequence,
  Shape,
  Transformation,
} from './tree.ts'

/** `$apply` (Aggregation 3, 6): names and types of every transformation, against what the one before it gives. */

/** Groupings that the rollups of one groupby stand for, and names in one sequence, at the most. */
const mostGroupings = 100

/**
 * Binds a transformation sequence.
 * @param input the instances of the resource
 * @param set the entity set that they stand in, where they do
 * @throws ODataError with the place of what is wrong
 */
export function bindSequence(
  context: BindContext,
  nodes: ApplyNode,
  input: Shape,
  set: EntitySet | undefined,
): Sequence {
  return new Binder(context, set).sequence(nodes, input)
}

/** $compute, $search and $filter of a resource, as the transformations that they are like. */
export function bindFollowing(
  context: BindContext,
  options: {
    readonly compute?: readonly ComputeNode[]
    readonly search?: Parameters<typeof bindSearch>[1]
    readonly filter?: ExpressionNode
  },
  sequence: Sequence,
  set: EntitySet | undefined,
): Sequence {
  const binder = new Binder(context, set)
  const steps = [...sequence.steps]
  let shape = sequence.output
  const add = (node: TransformationNode, target: string): void => {
    context.target = target
    const [step, output] = binder.transformation(node, shape)
    if (step !== undefined) steps.push(step)
    shape = output
  }
  if (options.compute !== undefined) add({ kind: 'compute', items: options.compute, ...nowhere }, '$compute')
  if (options.search !== undefined) add({ kind: 'search', search: options.search, ...nowhere }, '$search')
  if (options.filter !== undefined) add({ kind: 'filter', predicate: options.filter, ...nowhere }, '$filter')
  return { steps, input: sequence.input, output: shape }
}

const nowhere: Span = { offset: 0, length: 0 }

/**
 * Binds an aggregate expression over the instances of a shape, with its `from` clauses.
 * @param scope what its operand is bound in
 */
export function bindAggregateOver(
  context: BindContext,
  node: AggregateNode,
  shape: Shape,
  set: EntitySet | undefined,
  scope: Scope,
): Aggregate {
  return new Binder(context, set).aggregate(node, { type: shape.type, set, scope }, shape)
}

class Binder {
  readonly #context: BindContext
  readonly #set: EntitySet | undefined
  #nodes = 0

  constructor(context: BindContext, set: EntitySet | undefined) {
    this.#context = context
    this.#set = set
  }

  sequence(nodes: ApplyNode, input: Shape): Sequence {
    const steps: Transformation[] = []
    let shape = input
    for (const node of nodes) {
      const [step, output] = this.transformation(node, shape)
      if (step !== undefined) steps.push(step)
      shape = output
    }
    return { steps, input, output: shape }
  }

  /** @returns nothing to do for `identity`, and the shape of the output set */
  transformation(node: TransformationNode, input: Shape): readonly [Transformation | undefined, Shape] {
    this.#context.countNodes(1, node)
    switch (node.kind) {
      case 'identity':
        return [undefined, input]
      case 'filter': {
        const calculated: CalculatedParameter[] = []
        const predicate = bindBoolean(this.#context, node.predicate, this.#scope(input, calculated), 'filter')
        return [{ kind: 'filter', predicate, calculated }, input]
      }
      case 'search':
        return [{ kind: 'search', search: bindSearch(this.#context, node.search) }, input]
      case 'orderby': {
        const calculated: CalculatedParameter[] = []
        const items = bindOrderBy(this.#context, node.items, this.#scope(input, calculated))
        return [
          { kind: 'orderby', items, calculated },
          { ...input, ordered: true },
        ]
      }
      case 'top':
      case 'skip':
        return [{ kind: node.kind, count: node.count }, input]
      case 'compute':
        return this.#compute(node.items, input)
      case 'aggregate':
        return this.#aggregate(node.expressions, input)
      case 'concat':
        return this.#concat(
          node.sequences.map((sequence) => this.sequence(sequence, input)),
          input,
          node,
        )
      case 'groupby':
        return this.#withoutNodes(node.elements, () => this.#groupby(node.elements, node.each, input, node))
      case 'ranking':
        return this.#ranking(node, input)
      case 'join':
      case 'outerjoin':
        return this.#join(node, input)
      case 'nest':
        return this.#nest(node.nested, input)
      case 'addnested':
        return this.#addNested(node.path, node.nested, input)
      case 'ancestors':
      case 'descendants': {
        const reference = this.#reference(node.hierarchy, input)
        const start = this.sequence(node.start, input)
        const { kind: direction, distance, keepStart } = node
        return [{ kind: 'relatives', direction, reference, start, distance, keepStart }, input]
      }
      case 'traverse': {
        const reference = this.#reference(node.hierarchy, input)
        const nodes = this.#nodesOf(reference)
        const start = node.start && this.#elsewhere(node.start, nodes, reference.hierarchy.set)
        const orderby = bindOrderBy(this.#context, node.orderby, { ...this.#scope(nodes, []), these: undefined })
        const step: Transformation = { kind: 'traverse', reference, order: node.order, start, orderby }
        return [step, { ...withNode(input, reference), ordered: true, key: undefined }]
      }
      case 'function':
        return bindFunction(this.#context, node, input, this.#set)
    }
  }

  #scope(shape: Shape, calculated: CalculatedParameter[]): Scope {
    return scopeOf(shape, this.#set, calculated)
  }

  #aggregated(shape: Shape, calculated: CalculatedParameter[]): Aggregated {
    return { type: shape.type, set: this.#set, scope: this.#scope(shape, calculated) }
  }

  /** Aliases differ from all that the instances have, and from each other (Aggregation 3.1.1). */
  #checkAlias(alias: string, type: StructuredType, node: Span, taken: Set<string>): void {
    const clash = taken.has(alias) || isDeclared(type, alias)
    if (clash) this.#context.fail('queryOptionInvalid', `'${shown(alias)}' is the name of a property already.`, node)
    taken.add(alias)
  }

  #compute(nodes: readonly ComputeNode[], input: Shape): readonly [Transformation, Shape] {
    const calculated: CalculatedParameter[] = []
    const taken = new Set<string>()
    const computed = new Map<string, Expression>()
    const scope: Scope = { ...this.#scope(input, calculated), computed }
    const items = nodes.map(({ expression: node, alias, ...place }) => {
      this.#checkAlias(alias, input.type, place, taken)
      const expression = this.#context.bind(this.#context, node, scope)
      computed.set(alias, expression)
      return { alias, expression }
    })
    const aliases = items.map(({ alias, expression }) => propertyAlias(alias, expression.type, expression))
    return [{ kind: 'compute', items, calculated }, withProperties(input, aliases)]
  }

  #aggregate(nodes: readonly AggregateNode[], input: Shape): readonly [Transformation, Shape] {
    const calculated: CalculatedParameter[] = []
    const over = this.#aggregated(input, calculated)
    const taken = new Set<string>()
    const items = nodes.map((node): AggregateItem => {
      const alias = node.alias ?? ownName(node)
      if (alias === undefined) return this.#context.fail('queryOptionInvalid', 'An aggregate needs a name.', node)
      const aggregate = this.aggregate(node, over, input)
      if (this.#isOfProperty(node, aggregate, input) && !taken.has(alias)) taken.add(alias)
      else this.#checkAlias(alias, modelTypeOf(input.type), node, taken)
      return { alias, aggregate }
    })
    const aliases = items.map(({ alias, aggregate }) => propertyAlias(alias, aggregate.type))
    return [{ kind: 'aggregate', items, calculated }, withProperties(emptyShape(input.type), aliases)]
  }

  /** A custom aggregate that is named like a property is that property of what aggregate gives (Aggregation 5.2). */
  #isOfProperty({ alias }: AggregateNode, aggregate: Aggregate, { type }: Shape): boolean {
    return aggregate.kind === 'custom' && alias === undefined && modelTypeOf(type).allProperties.has(aggregate.name)
  }

  /** An aggregate expression with its `from` clauses (Aggregation 3.2.1.5). */
  aggregate(node: AggregateNode, over: Aggregated, input: Shape): Aggregate {
    const last = node.from.at(-1)
    if (last === undefined) return bindAggregate(this.#context, node, over)
    return this.#from({ ...node, from: node.from.slice(0, -1) }, last, input)
  }

  /** `a from p with g` is `groupby((p),aggregate(a as D))/aggregate(D with g as D)`. */
  #from(inner: AggregateNode, { properties, method, ...place }: FromNode, input: Shape): Aggregate {
    if (method === undefined) return this.#context.notImplemented('A custom aggregate of custom aggregates', place)
    const paths = properties.map((path) => this.#groupingPath(path, input))
    const calculated: CalculatedParameter[] = []
    const aggregate = this.aggregate(inner, this.#aggregated(input, calculated), input)
    if (calculated.length > 0) this.#context.notImplemented("$these before 'from'", place)
    const name = fromProperty
    const grouped = withProperties(emptyShape(input.type), [propertyAlias(name, aggregate.type)])
    const perGroup: Sequence = {
      steps: [{ kind: 'aggregate', items: [{ alias: name, aggregate }], calculated }],
      input,
      output: grouped,
    }
    if (method.includes('.')) return this.#context.notImplemented(`The aggregation method '${shown(method)}'`, place)
    const standard = method as AggregationMethod
    const type = aggregatedType(standard, aggregate.type)
    if (type === undefined)
      return this.#context.fail('typeMismatch', `'${standard}' cannot aggregate ${typeName(aggregate.type)}.`, place)
    const property = grouped.type.allProperties.get(name)
    if (property === undefined) throw new Error('invariant: the alias is a property')
    const path: DataPath = { steps: [{ kind: 'property', property }], type: aggregate.type }
    const outer: Aggregate = {
      kind: 'values',
      method: standard,
      operand: { kind: 'path', path },
      operandType: aggregate.type,
      type,
    }
    return {
      kind: 'sequence',
      sequence: {
        steps: [
          { kind: 'groupby', paths, each: perGroup },
          { kind: 'aggregate', items: [{ alias: name, aggregate: outer }], calculated: [] },
        ],
        input,
        output: withProperties(emptyShape(input.type), [propertyAlias(name, type)]),
      },
      property: name,
      type,
    }
  }

  #concat(sequences: readonly Sequence[], input: Shape, node: Span): readonly [Transformation, Shape] {
    const [first, ...rest] = sequences
    if (first === undefined) throw new Error('invariant: concat has sequences')
    const output = rest.reduce((shape, sequence) => this.#both(shape, sequence.output, node), first.output)
    return [
      { kind: 'concat', sequences },
      { ...output, type: output.type ?? input.type, ordered: true, key: undefined },
    ]
  }

  /** What instances of two kinds are together. */
  #both(a: Shape, b: Shape, node: Span): Shape {
    const known = new Map(aliasesOf(a.type).map((alias) => [alias.name, alias]))
    const added: Alias[] = []
    for (const alias of aliasesOf(b.type)) {
      const other = known.get(alias.name)
      if (other === undefined) added.push(alias)
      else if (!isSameAlias(other, alias))
        this.#context.notImplemented(`'${shown(alias.name)}' of two types in the parameters of concat`, node)
      else if (alias !== other) added.push(mergedAlias(other, alias))
    }
    return {
      type: withAliases(a.type, added),
      presence: presentInBoth(a.presence, b.presence, a.type),
      key: undefined,
      ordered: true,
      hidden: new Set([...a.hidden, ...b.hidden]),
    }
  }

  #groupingPath(node: PathNode, input: Shape): readonly MemberStep[] {
    const { steps, type } = bindDataPath(this.#context, node, input.type, false)
    const primitive = type === undefined ? undefined : singlePrimitive(type)
    if (primitive === 'Edm.Stream' || primitive?.startsWith('Edm.Geo'))
      this.#context.notImplemented(`Grouping by ${primitive}`, node)
    return steps
  }

  #groupby(
    elements: readonly GroupingNode[],
    each: ApplyNode | undefined,
    input: Shape,
    node: Span,
  ): readonly [Transformation, Shape] {
    const recursive = elements.find((element) => element.kind === 'rolluprecursive')
    if (recursive !== undefined) return this.#rollupRecursive(recursive, elements, each, input, node)
    const groupings = this.#groupings(elements, input)
    const all = groupings.map((paths) => this.#simpleGroupby(paths, each, input, node))
    const [only] = all
    if (only === undefined) throw new Error('invariant: groupby has a grouping')
    if (all.length === 1) return only
    return this.#concat(
      all.map(([step, output]) => ({ steps: [step], input, output })),
      input,
      node,
    )
  }

  /** The groupings that rollups stand for, the finest first (Aggregation 3.2.3.2). */
  #groupings(elements: readonly GroupingNode[], input: Shape): readonly (readonly (readonly MemberStep[])[])[] {
    let all: readonly (readonly (readonly MemberStep[])[])[] = [[]]
    for (const element of elements) {
      const options = this.#levels(element, input)
      all = all.flatMap((before) => options.map((levels) => [...before, ...levels]))
      if (all.length > mostGroupings)
        this.#context.fail(
          'urlLimitExceeded',
          `The rollups stand for more than ${mostGroupings} groupings (limit applyGroupings).`,
          element,
        )
    }
    return all
  }

  #levels(element: GroupingNode, input: Shape): readonly (readonly (readonly MemberStep[])[])[] {
    if (element.kind === 'property') return [[this.#groupingPath(element.path, input)]]
    // rolluprecursive operators have been taken out before
    if (element.kind === 'rolluprecursive') return [[]]
    const [first] = element.levels
    const named = !element.all && element.levels.length === 1 && first !== undefined
    const levels = named
      ? leveledPaths(this.#context, first, modelTypeOf(input.type), this.#set).map((path) =>
          this.#groupingPath(path, input),
        )
      : element.levels.map((path) => this.#groupingPath(path, input))
    const least = element.all ? 0 : 1
    return Array.from({ length: levels.length - least + 1 }, (_, i) => levels.slice(0, levels.length - i))
  }

  #simpleGroupby(
    paths: readonly (readonly MemberStep[])[],
    each: ApplyNode | undefined,
    input: Shape,
    node: Span,
  ): readonly [Transformation, Shape] {
    const inner = each && this.sequence(each, input)
    const grouped = presenceOfPaths(paths)
    const base = inner?.output ?? emptyShape(input.type)
    const kept = new Set(paths.flatMap(([first]) => (first === undefined ? [] : [stepName(first)])))
    const known = new Set(aliasesOf(base.type).map(({ name }) => name))
    const type = withAliases(
      base.type,
      aliasesOf(input.type).filter(({ name }) => kept.has(name) && !known.has(name)),
    )
    const output: Shape = {
      type,
      presence: withPresent(base.presence, grouped.properties),
      key: base.presence.all ? base.key : groupKey(paths, base.key),
      ordered: base.ordered || input.ordered,
      hidden: new Set([...base.hidden].filter((name) => !kept.has(name))),
    }
    // what is made of a group stands beside its grouping properties (Aggregation 3.2.3.1)
    const own = new Set(aliasesOf(input.type))
    const clash = aliasesOf(base.type).find((alias) => kept.has(alias.name) && !own.has(alias))
    if (clash !== undefined)
      this.#context.fail('queryOptionInvalid', `'${shown(clash.name)}' is the name of a grouping property.`, node)
    return [{ kind: 'groupby', paths, each: inner }, output]
  }

  /** The nodes of rolluprecursive operators further out are not those of a groupby that has such operators itself. */
  #withoutNodes<T>(elements: readonly GroupingNode[], bind: () => T): T {
    const before = this.#context.rollupNodes
    if (elements.some(({ kind }) => kind === 'rolluprecursive')) this.#context.rollupNodes = []
    const bound = bind()
    this.#context.rollupNodes = before
    return bound
  }

  /** A sequence over other instances than these: of another set, and without the nodes of rolluprecursive operators. */
  #elsewhere(nodes: ApplyNode, input: Shape, set: EntitySet | undefined): Sequence {
    const before = this.#context.rollupNodes
    this.#context.rollupNodes = []
    const sequence = new Binder(this.#context, set).sequence(nodes, input)
    this.#context.rollupNodes = before
    return sequence
  }

  #rollupRecursive(
    element: Extract<GroupingNode, { kind: 'rolluprecursive' }>,
    elements: readonly GroupingNode[],
    each: ApplyNode | undefined,
    input: Shape,
    node: Span,
  ): readonly [Transformation, Shape] {
    const reference = this.#reference(element.hierarchy, input)
    const start = element.start && this.#elsewhere(element.start, this.#nodesOf(reference), reference.hierarchy.set)
    this.#nodes++
    const nodeName = `@node${this.#nodes}`
    const context = this.#context
    const before = context.rollupNodes
    context.rollupNodes = [...before, { name: nodeName, type: reference.hierarchy.set.type }]
    const others = elements.filter((other) => other !== element)
    let inner: Sequence | undefined
    if (others.length > 0) {
      const [step, output] = this.#groupby(others, each, input, node)
      inner = { steps: [step], input, output }
    } else inner = each && this.sequence(each, input)
    context.rollupNodes = before
    const output = inner?.output ?? emptyShape(input.type)
    const step: Transformation = { kind: 'rolluprecursive', reference, start, nodeName, each: inner }
    return [step, { ...withNode(output, reference), ordered: true, key: undefined }]
  }

  #ranking(node: Extract<TransformationNode, { kind: 'ranking' }>, input: Shape): readonly [Transformation, Shape] {
    const calculated: CalculatedParameter[] = []
    const scope = this.#scope(input, calculated)
    const name = node.end + node.by
    const quantity = this.#context.bind(this.#context, node.quantity, scope)
    if (readsInstance(quantity))
      this.#context.fail(
        'typeMismatch',
        `The first parameter of ${name} cannot depend on single instances: $these stands for all of them.`,
        node.quantity,
      )
    this.#requireNumber(quantity.type, `The first parameter of ${name}`, node.quantity)
    const measure = this.#context.bind(this.#context, node.measure, scope)
    if (node.by !== 'count') this.#requireNumber(measure.type, `The second parameter of ${name}`, node.measure)
    else if (measure.type !== undefined && aggregatedType('min', measure.type) === undefined)
      this.#context.fail('typeMismatch', `${name} cannot sort by ${typeName(measure.type)}.`, node.measure)
    const { end, by } = node
    return [
      { kind: 'ranking', end, by, quantity, measure, calculated },
      { ...input, ordered: true },
    ]
  }

  #requireNumber(type: TypeReference | undefined, what: string, node: Span): void {
    const primitive = type === undefined ? undefined : singlePrimitive(type)
    if (primitive === undefined || !isNumeric(primitive))
      this.#context.fail(
        'typeMismatch',
        `${what} must be a number, not ${type === undefined ? 'a value of no known type' : typeName(type)}.`,
        node,
      )
  }

  #join(
    { kind, path: node, alias, each }: Extract<TransformationNode, { kind: 'join' | 'outerjoin' }>,
    input: Shape,
  ): readonly [Transformation, Shape] {
    const path = bindDataPath(this.#context, node, input.type, true)
    const [property, ...rest] = path.steps
    const isCollection =
      property !== undefined && hasCollection([property]) && rest.every((step) => step.kind === 'cast')
    const target = structuredType(path.type)
    if (!isCollection || target === undefined)
      return this.#context.fail(
        'typeMismatch',
        `${kind} needs a collection of entities or complex values, and a name for each of them.`,
        node,
      )
    this.#checkAlias(alias, input.type, node, new Set())
    const sequence = each && this.#elsewhere(each, instancesOf(target), undefined)
    const type = sequence?.output.type ?? target
    const navigation = property.kind === 'navigation'
    const added: Alias = navigation
      ? {
          kind: 'navigation',
          name: alias,
          type,
          collection: false,
          origin: path.steps,
          presence: sequence?.output.presence ?? instancesOf(target).presence,
        }
      : { kind: 'property', name: alias, type: { type, collection: false, nullable: true, facets: {} } }
    const output: Shape = {
      type: withAliases(input.type, [added]),
      presence: navigation ? input.presence : withPresent(input.presence, [[alias, present(false)]]),
      key: undefined,
      ordered: input.ordered,
      hidden: navigation ? new Set([...input.hidden, alias]) : input.hidden,
    }
    return [{ kind: 'join', outer: kind === 'outerjoin', path, alias, each: sequence }, output]
  }

  #nest(nodes: readonly NestedApplyNode[], input: Shape): readonly [Transformation, Shape] {
    const taken = new Set<string>()
    const nested = nodes.map(({ alias, sequence, ...place }): NestedSequence => {
      this.#checkAlias(alias, modelTypeOf(input.type), place, taken)
      return { alias, sequence: this.sequence(sequence, input) }
    })
    const aliases = nested.map((item) => nestedAlias(item, input.type.kind === 'entity', true, []))
    return [{ kind: 'nest', nested }, withProperties(emptyShape(input.type), aliases)]
  }

  #addNested(node: PathNode, nodes: readonly NestedApplyNode[], input: Shape): readonly [Transformation, Shape] {
    const whole = bindDataPath(this.#context, node, input.type, true)
    const last = whole.steps.findLastIndex(({ kind }) => kind !== 'cast')
    const via = whole.steps.slice(0, last)
    const path: DataPath = { steps: whole.steps.slice(last), type: whole.type }
    const [property] = path.steps
    const target = structuredType(path.type)
    if (property === undefined || target === undefined || via.some(({ kind }) => kind === 'navigation'))
      return this.#context.fail(
        'typeMismatch',
        'addnested needs a navigation property or a complex one, with nothing but complex properties before it.',
        node,
      )
    if (via.some(({ kind }) => kind !== 'property'))
      return this.#context.notImplemented('A cast before the last property of addnested', node)
    const collection = hasCollection([property])
    const owner = ownerType(input.type, via)
    const taken = new Set<string>()
    const nested = nodes.map(({ alias, sequence: transformations, ...place }): NestedSequence => {
      this.#checkAlias(alias, owner, place, taken)
      const sequence = this.#elsewhere(transformations, instancesOf(target), undefined)
      if (!collection && sequence.steps.some(({ kind }) => kind !== 'compute' && kind !== 'addnested'))
        this.#context.fail(
          'typeMismatch',
          `'${stepName(property)}' is a single value: only identity, compute and addnested can be applied to it.`,
          place,
        )
      return { alias, sequence }
    })
    const navigation = property.kind === 'navigation'
    const aliases = nested.map((item) => nestedAlias(item, navigation, collection, whole.steps))
    const step: Transformation = { kind: 'addnested', via, path, collection, nested }
    const output =
      via.length === 0
        ? withProperties(input, aliases)
        : { ...input, type: withAliasesInside(input.type, via, aliases) }
    return [step, output]
  }

  #reference(node: Parameters<typeof bindHierarchyReference>[1], input: Shape): HierarchyReference {
    return bindHierarchyReference(this.#context, node, input, this.#set)
  }

  #nodesOf({ hierarchy }: HierarchyReference): Shape {
    return instancesOf(hierarchy.set.type)
  }
}

/** No client can name it. */
const fromProperty = '@from'
