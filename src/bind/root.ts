import type { EntitySet, OperationImport, Singleton, TypeReference } from '../edm/model.ts'
import { isStructured, typeName } from '../edm/types.ts'
import type { ExpressionNode, PathNode, PathStep, Span } from '../url/ast.ts'
import { type BindContext, notFound, type Scope } from './context.ts'
import { argumentsIn, invocationOf, type Start } from './invocation.ts'
import { alternateKeys } from './keys.ts'
import { meetingType } from './literals.ts'
import { bindImport, type OperationCall } from './operations.ts'
import { bindBoolean } from './operators.ts'
import { valueResource } from './resource-kind.ts'
import type { BoundPath, BoundSegment, Expression, ParameterExpression } from './tree.ts'
import { int64Reference } from './type-references.ts'

/**
 * `$root` in expressions (URL Conventions 5.1.1.16.5): a value of an entity, a singleton or a function's result named by its resource path, or
 * how many entities a set has. It depends on no row: it is read once a request, before the rows, and is a parameter then.
 */

/** What a parameter stands for: a value that is read before everything else. */
export interface RootReference {
  /** the entity or singleton; what a function gives; of a count what is counted */
  readonly path: BoundPath
  /** of its row, of a function's result that is no entity of the result; undefined: how many there are */
  readonly expression: Expression | undefined
  readonly parameter: number
}

/** Values of `$root` in one request: each is a read. */
const mostRoots = 20

/**
 * @returns a call whose arguments look at the row is none: a path starts there
 * @throws ODataError nameNotFound (set, singleton or function), typeMismatch (a set without a key), keyInvalid, urlLimitExceeded, notImplemented
 * (structured values, `any` and `all` of sets)
 */
export function bindRoot(context: BindContext, node: PathNode, scope: Scope): ParameterExpression | Start {
  const roots = rootsOf(context, node)
  const [first, ...rest] = node.steps
  if (first?.kind !== 'name') return context.fail('typeMismatch', "'$root' needs an entity set or singleton.", node)
  const { children } = context.model.container ?? { children: new Map() }
  const child = children.get(first.name)
  if (child === undefined)
    return context.fail('nameNotFound', notFound('entity set or singleton', first.name, children.keys()), first)
  if (child.kind !== 'entitySet' && child.kind !== 'singleton') return imported(context, child, node, first, scope)
  if (child.kind === 'entitySet' && first.arguments === undefined) return counted(context, child, rest, first, roots)
  const segments: BoundSegment[] = [startOf(child)]
  if (first.arguments !== undefined) segments.push(keyOf(context, child, first))
  const type: TypeReference = { type: child.type, collection: false, nullable: false, facets: {} }
  if (rest.length === 0) return context.notImplemented('An entity as a value of $root', node)
  const kind = child.kind === 'entitySet' ? 'entity' : 'singleton'
  return valueBehind(context, pathOf(kind, segments, type), type, rest, node)
}

function rootsOf(context: BindContext, node: PathNode): RootReference[] {
  const { roots } = context
  if (roots === undefined) return context.notImplemented('$root here', node)
  if (roots.length >= mostRoots)
    context.fail(
      'urlLimitExceeded',
      `A request has more than ${mostRoots} paths that start with $root or call unbound functions.`,
      node,
    )
  return roots
}

/** What stands behind the one row of a path. */
function valueBehind(
  context: BindContext,
  of: BoundPath,
  type: TypeReference,
  steps: readonly PathStep[],
  node: PathNode,
): ParameterExpression {
  const path: PathNode = { ...node, root: '$this', steps }
  const variable = { name: '$it', id: '$it', type, outer: undefined }
  const expression = context.bind(context, path, scopeOf(variable))
  const { type: found } = expression
  if (found === undefined || isStructured(found.type) || found.type.kind === 'abstract')
    return context.notImplemented(
      `A value of ${found === undefined ? 'a dynamic property' : typeName(found)} behind $root`,
      node,
    )
  const parameter = context.calculatedParameter(found)
  context.roots?.push({ path: of, expression, parameter: parameter.index })
  return parameter
}

/** `$root/Import(...)`. */
function imported(
  context: BindContext,
  child: OperationImport,
  node: PathNode,
  first: PathStep & { kind: 'name' },
  scope: Scope,
): ParameterExpression | Start {
  if (first.arguments === undefined)
    return context.fail(
      'typeMismatch',
      `'${child.name}' is no set or singleton: write $root/${child.name}(...).`,
      first,
    )
  const call = bindImport(context, child, first.arguments, first, argumentsIn(context, scope))
  return unboundCall(context, call, child, node, first, scope)
}

/**
 * A call of an unbound function. Where its arguments do not look at the row, it is called once a request.
 * @param node the path that starts with it
 */
export function unboundCall(
  context: BindContext,
  call: OperationCall,
  origin: OperationImport | undefined,
  node: PathNode,
  first: PathStep & { kind: 'name' },
  scope: Scope,
): ParameterExpression | Start {
  const { operation } = call
  const invocation = invocationOf(context, call, undefined, first)
  const { type } = invocation
  const rest = node.steps.slice(1)
  if (first.key !== undefined) return context.notImplemented('A key behind the result of a function', first)
  if (type === undefined || context.roots === undefined || ![...call.arguments.values()].every(isGiven(context)))
    return { position: { variable: scope.implicit, call: invocation, steps: [], type }, next: 1 }
  if (rest.length > 0 && !operation.composable) refuseFollowing(context, operation.name, node)
  const roots = rootsOf(context, node)
  const found = origin?.entitySet === undefined ? undefined : context.model.container?.children.get(origin.entitySet)
  const target = found?.kind === 'entitySet' || found?.kind === 'singleton' ? found : undefined
  const segments: BoundSegment[] = [{ kind: 'operation', ...call, import: origin, target }]
  if (type.collection && isEntity(type))
    return countedEntities(context, segments, type, operation.name, rest, node, roots)
  return valueBehind(context, pathOf(valueResource(type.type, type.collection), segments, type), type, rest, node)
}

/** Nothing follows a function that is not composable (CSDL 12.4). */
export function refuseFollowing(context: BindContext, name: string, node: Span): never {
  return context.fail('typeMismatch', `Nothing can follow the function '${name}', which is not composable.`, node)
}

function isEntity({ type }: TypeReference): boolean {
  return type.kind === 'entity'
}

/** Values that are known before anything is read: literals, but not what `$root` stands for. */
function isGiven({ roots = [] }: BindContext): (argument: Expression) => boolean {
  const calculated = new Set(roots.map(({ parameter }) => parameter))
  return ({ kind, ...argument }) =>
    kind === 'constant' || (kind === 'parameter' && 'index' in argument && !calculated.has(argument.index))
}

function startOf(child: EntitySet | Singleton): BoundSegment {
  return child.kind === 'entitySet' ? { kind: 'entitySet', entitySet: child } : { kind: 'singleton', singleton: child }
}

function scopeOf(implicit: Scope['implicit']): Scope {
  return { implicit, outerImplicit: undefined, it: undefined, lambdas: undefined, computed: undefined }
}

function pathOf(resource: BoundPath['resource'], segments: readonly BoundSegment[], type: TypeReference): BoundPath {
  // a path without a place in a cache: the plan around it is cached
  return { resource, segments, type, signature: '' }
}

/** `$root/set/$count`, filtered or not. */
function counted(
  context: BindContext,
  child: EntitySet,
  steps: readonly PathStep[],
  node: PathStep,
  roots: RootReference[],
): ParameterExpression {
  const type: TypeReference = { type: child.type, collection: true, nullable: false, facets: {} }
  return countedEntities(context, [startOf(child)], type, child.name, steps, node, roots)
}

function countedEntities(
  context: BindContext,
  start: readonly BoundSegment[],
  type: TypeReference,
  name: string,
  steps: readonly PathStep[],
  node: Span,
  roots: RootReference[],
): ParameterExpression {
  const segments = [...start]
  const filter = (predicate: ExpressionNode): void => {
    const variable = { name: '$it', id: '$it', type: { ...type, collection: false }, outer: undefined }
    segments.push({ kind: '$filter', predicate: bindBoolean(context, predicate, scopeOf(variable), '$filter') })
  }
  for (const [i, step] of steps.entries()) {
    if (step.kind === '$filter') filter(step.predicate)
    else if (step.kind === '$count' && i === steps.length - 1) {
      const { options } = step
      if (options?.search !== undefined) context.notImplemented('$search inside $count', step)
      if (options?.filter !== undefined) filter(options.filter)
      segments.push({ kind: '$count' })
      const parameter = context.calculatedParameter(int64Reference)
      roots.push({ path: pathOf('count', segments, type), expression: undefined, parameter: parameter.index })
      return parameter
    } else if (step.kind === 'any' || step.kind === 'all')
      return context.notImplemented(`'${step.kind}' of an entity set behind $root`, step)
    else break
  }
  return context.fail(
    'typeMismatch',
    `'${name}' is a collection: write $root/${name}(key)/... or $root/${name}/$count.`,
    node,
  )
}

/** The primary key or an alternate one, whose values are parameters. */
function keyOf(context: BindContext, child: EntitySet | Singleton, step: PathStep & { kind: 'name' }): BoundSegment {
  const given = step.arguments ?? []
  const names = new Set(given.map(({ name }) => name))
  const key =
    alternateKeys(context, child.type, child).find(
      (parts) => parts.length === given.length && parts.every(({ alias }) => names.has(alias)),
    ) ?? child.type.key
  const refuse = (): never =>
    context.fail(
      'keyInvalid',
      `The key of '${child.name}' is (${child.type.key.map(({ alias }) => `${alias}=...`).join(',')}).`,
      step,
    )
  if (child.kind === 'singleton' || given.length !== key.length || key.length === 0) return refuse()
  const parameters = key.map((part, i): number => {
    const named = given.find(({ name }) => name === part.alias)
    const argument = named ?? (key.length === 1 ? given[i] : undefined)
    if (argument === undefined || (named === undefined && argument.name !== undefined)) return refuse()
    const literal = context.literalOf(argument.value)
    const { type } = part.property
    if (literal === undefined || meetingType(context, literal, type) === undefined)
      return context.fail(
        'keyInvalid',
        `The key property '${part.alias}' is ${typeName(type)}: it needs a literal of that type.`,
        argument,
      )
    return context.parameter(literal, { ...type, nullable: false }).index
  })
  return { kind: 'key', predicate: { key, parameters } }
}
