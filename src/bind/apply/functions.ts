import type { Property, TypeReference } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import type { ArgumentNode, PathNode, PathStep, Span } from '../../url/ast.ts'
import { type AggregationBinder, type BindContext, type Scope, shown, unaliased, type Variable } from '../context.ts'
import type { Expression } from '../tree.ts'
import { booleanReference, int64Reference } from '../type-references.ts'
import { instancesOf } from './aliases.ts'
import { bindAggregateOver, bindSequence } from './bind-apply.ts'
import { customsIn } from './custom-aggregate.ts'
import { recursiveHierarchy } from './hierarchy.ts'
import { scopeOf } from './scope.ts'
import type { Aggregate, CalculatedParameter, HierarchyTest, RecursiveHierarchy } from './tree.ts'

/** What Data Aggregation adds to expressions (Aggregation 3.6, 5.5.2.1). */

export const aggregation: AggregationBinder = {
  sequence: (context, nodes, type) => bindSequence(context, nodes, instancesOf(type), undefined),
  these: bindThese,
  aggregate: bindAggregateFunction,
  hierarchy: bindFunction,
}

/** `$these/aggregate(...)` and `$these/$count`: one value for all instances of the current collection. */
function bindThese(context: BindContext, node: PathNode, scope: Scope): Expression {
  const { these } = scope
  if (these === undefined) return context.notImplemented('$these here', node)
  const [step, more] = node.steps
  if (more !== undefined || (step?.kind !== 'aggregate' && step?.kind !== '$count'))
    return context.fail('typeMismatch', "Only 'aggregate(...)' or '$count' can follow '$these'.", node)
  if (step.kind === '$count' && step.options !== undefined)
    return context.notImplemented('Options of $these/$count', step)
  const operand: PathNode = step.kind === '$count' ? { ...node, root: undefined } : node
  const expression =
    step.kind === 'aggregate'
      ? step.expression
      : { operand, method: undefined, from: [], alias: undefined, offset: node.offset, length: node.length }
  const { shape, set, calculated } = these
  const inner: CalculatedParameter[] = []
  const bound = bindAggregateOver(context, expression, shape, set, scopeOf(shape, set, inner))
  if (inner.length > 0) return context.notImplemented('$these inside $these/aggregate(...)', node)
  refuseCustom(context, bound, node)
  const aggregate: Aggregate = step.kind === '$count' ? { ...bound, type: int64Reference } : bound
  const parameter = context.calculatedParameter(aggregate.type)
  calculated.push({ index: parameter.index, from: { kind: 'these', aggregate } })
  return parameter
}

/** `collection/aggregate(...)`: for each instance the value of a collection of its own. */
function bindAggregateFunction(
  context: BindContext,
  node: Parameters<AggregationBinder['aggregate']>[1],
  collection: Expression,
  variable: Variable,
  scope: Scope,
): Expression {
  const type = variable.type?.type
  if (type === undefined || !isStructured(type))
    return context.notImplemented('aggregate over values that are no instances', node)
  const { computed: _, ...rest } = scope
  const inner: Scope = { ...rest, implicit: variable, outerImplicit: undefined, computed: undefined }
  const aggregate: Aggregate = bindAggregateOver(context, node, instancesOf(type), undefined, inner)
  refuseCustom(context, aggregate, node)
  return { kind: 'aggregate', collection, variable: variable.id, aggregate, type: aggregate.type }
}

/** Code of the service may take its time: transformations wait for it, expressions cannot. */
function refuseCustom(context: BindContext, aggregate: Aggregate, node: Span): void {
  const custom = customsIn(aggregate)[0]
  if (custom !== undefined)
    context.notImplemented(`The custom aggregate '${shown(custom.name)}' in an expression`, node)
}

const namespace = 'Org.OData.Aggregation.V1.'
const functions = ['isnode', 'isroot', 'isleaf', 'issibling', 'isancestor', 'isdescendant', 'rollupnode'] as const
type FunctionName = (typeof functions)[number]

function functionNamed(context: BindContext, name: string): FunctionName | undefined {
  const full = unaliased(context.model, name)
  const short = full.startsWith(namespace)
    ? full.slice(namespace.length)
    : name.startsWith('Aggregation.')
      ? name.slice('Aggregation.'.length)
      : undefined
  return functions.find((candidate) => candidate === short)
}

/** A hierarchy function at the start of a path; undefined: the path starts with something else. */
function bindFunction(context: BindContext, node: PathNode, scope: Scope): Expression | undefined {
  const [step, ...rest] = node.steps
  if (node.root !== undefined || step?.kind !== 'name' || step.arguments === undefined || !step.name.includes('.'))
    return undefined
  const name = functionNamed(context, step.name)
  if (name === undefined) return undefined
  const given = argumentsOf(context, step)
  if (name === 'rollupnode') return rollupNode(context, given, node, rest, scope)
  if (rest.length > 0) return context.fail('typeMismatch', `Nothing can follow ${name}().`, node)
  return hierarchyTest(context, name, given, step, scope)
}

type NamedStep = PathStep & { kind: 'name' }
type Given = ReadonlyMap<string, ArgumentNode>

function argumentsOf(context: BindContext, step: NamedStep): Given {
  const given = new Map<string, ArgumentNode>()
  for (const argument of step.arguments ?? []) {
    const { name } = argument
    if (name === undefined || given.has(name))
      return context.fail('typeMismatch', `${shown(step.name)} takes named parameters, each once.`, argument)
    given.set(name, argument)
  }
  return given
}

/** Of each function, its parameters; a question mark: it may be left out. */
const parameters: Readonly<Record<Exclude<FunctionName, 'rollupnode'>, readonly string[]>> = {
  isnode: ['HierarchyNodes', 'HierarchyQualifier', 'Node'],
  isroot: ['HierarchyNodes', 'HierarchyQualifier', 'Node'],
  isleaf: ['HierarchyNodes', 'HierarchyQualifier', 'Node'],
  issibling: ['HierarchyNodes', 'HierarchyQualifier', 'Node', 'Other'],
  isancestor: ['HierarchyNodes', 'HierarchyQualifier', 'Node', 'Descendant', 'MaxDistance?', 'IncludeSelf?'],
  isdescendant: ['HierarchyNodes', 'HierarchyQualifier', 'Node', 'Ancestor', 'MaxDistance?', 'IncludeSelf?'],
}

/** `isdescendant(...)` and its kin: whether a node identifier is one of those that the function is true for. */
function hierarchyTest(
  context: BindContext,
  name: Exclude<FunctionName, 'rollupnode'>,
  given: Given,
  step: NamedStep,
  scope: Scope,
): Expression {
  const { these } = scope
  if (these === undefined) return context.notImplemented(`${name} here`, step)
  const known = parameters[name]
  for (const argument of given.values())
    if (!known.some((parameter) => parameter.replace('?', '') === argument.name))
      context.fail('functionNotFound', `${name} has no parameter '${shown(argument.name ?? '')}'.`, argument)
  for (const parameter of known)
    if (!parameter.endsWith('?') && !given.has(parameter))
      context.fail('functionNotFound', `${name} needs the parameter ${parameter}.`, step)
  const nodes = given.get('HierarchyNodes')
  const qualifier = given.get('HierarchyQualifier')?.value
  const operand = given.get('Node')
  if (
    nodes === undefined ||
    operand === undefined ||
    qualifier?.kind !== 'literal' ||
    qualifier.token.literal !== 'string'
  )
    return context.fail('typeMismatch', `${name} needs the qualifier of a hierarchy as a string.`, step)
  const hierarchy = recursiveHierarchy(context, nodes.value, qualifier.token.text, step)
  const identifier = hierarchy.node.type
  if (identifier === undefined) return context.notImplemented(`${name} of nodes without a type`, step)
  const test = testOf(context, name, given, identifier, scope)
  const parameter = context.calculatedParameter({ ...identifier, collection: true })
  these.calculated.push({ index: parameter.index, from: { kind: 'nodes', hierarchy, test } })
  return {
    kind: 'in',
    operand: context.bind(context, operand.value, scope),
    items: [parameter],
    type: booleanReference,
  }
}

function testOf(
  context: BindContext,
  name: Exclude<FunctionName, 'rollupnode'>,
  given: Given,
  identifier: NonNullable<RecursiveHierarchy['node']['type']>,
  scope: Scope,
): HierarchyTest {
  const constant = (parameter: string, type: TypeReference | undefined): Expression | undefined => {
    const argument = given.get(parameter)
    if (argument === undefined) return undefined
    const literal = context.literalOf(argument.value)
    if (literal !== undefined && type !== undefined) return context.parameter(literal, type)
    const expression = context.bind(context, argument.value, scope)
    if (expression.kind !== 'parameter' && expression.kind !== 'constant')
      context.notImplemented(`A parameter ${parameter} that depends on the instance`, argument)
    return expression
  }
  const nothing: Expression = { kind: 'constant', value: null, type: undefined }
  switch (name) {
    case 'isnode':
    case 'isroot':
    case 'isleaf':
      return { kind: name }
    case 'issibling':
      return { kind: name, other: constant('Other', identifier) ?? nothing }
    default:
      return {
        kind: name,
        other: constant(name === 'isancestor' ? 'Descendant' : 'Ancestor', identifier) ?? nothing,
        distance: constant('MaxDistance', undefined),
        includeSelf: constant('IncludeSelf', undefined),
      }
  }
}

/** `rollupnode(Position=n)` (Aggregation 6.3): the node that a rolluprecursive around the place is at. */
function rollupNode(
  context: BindContext,
  given: Given,
  node: PathNode,
  rest: readonly PathStep[],
  scope: Scope,
): Expression {
  const position = given.get('Position')
  for (const argument of given.values())
    if (argument !== position)
      context.fail('functionNotFound', `rollupnode has no parameter '${shown(argument.name ?? '')}'.`, argument)
  const literal = position?.value
  if (literal !== undefined && (literal.kind !== 'literal' || literal.token.literal !== 'integer'))
    return context.fail('typeMismatch', 'The Position of rollupnode is a number from 1 on.', node)
  const holder = context.rollupNodes[literal === undefined ? 0 : Number(literal.token.text) - 1]
  if (holder === undefined)
    return context.fail(
      'typeMismatch',
      'rollupnode() has a value inside rolluprecursive only, for each of these operators one.',
      node,
    )
  let type: TypeReference['type'] = holder.type
  const steps: { kind: 'dynamic'; name: string }[] = [{ kind: 'dynamic', name: holder.name }]
  let reference: TypeReference | undefined = { type, collection: false, nullable: true, facets: {} }
  for (const step of rest) {
    const property: Property | undefined =
      step.kind === 'name' && isStructured(type) ? type.allProperties.get(step.name) : undefined
    if (property === undefined || property.type.collection)
      return context.notImplemented('This path behind rollupnode()', step)
    steps.push({ kind: 'dynamic', name: property.name })
    reference = property.type
    type = property.type.type
  }
  const it = scope.it ?? scope.implicit
  return { kind: 'member', variable: it.id, steps, type: reference }
}
