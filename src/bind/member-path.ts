import { isOrdered } from '../csdl/core.ts'
import type { StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured, isSubtypeOf, typeName } from '../edm/types.ts'
import {
  type ArgumentNode,
  type ExpressionNode,
  noAliases,
  type PathNode,
  type PathStep,
  type QueryOptions,
  type Span,
} from '../url/ast.ts'
import { annotationValue } from './annotation-value.ts'
import { presenceAt, requireAvailable } from './apply/availability.ts'
import { modelTypeOf } from './apply/dynamic.ts'
import { type BindContext, notFound, type Scope, shown, unaliased, type Variable } from './context.ts'
import { functionNames } from './functions.ts'
import { argumentsIn, invocationOf, type Position, type Start } from './invocation.ts'
import { mightBe } from './may-implement.ts'
import { bindBoundOperation, bindUnboundFunction } from './operations.ts'
import { bindBoolean } from './operators.ts'
import { bindRoot, refuseFollowing, unboundCall } from './root.ts'
import type { Expression, InvocationExpression, MemberExpression, MemberStep } from './tree.ts'
import { booleanReference, int64Reference, itemReference, navigationReference } from './type-references.ts'

/** Paths in expressions (URL Conventions 5.1.1.15) with what may end them: any, all, $count. */

/**
 * Binds a path.
 * @throws ODataError nameNotFound with the type and a near name, typeMismatch where a step does not fit the type before it,
 * functionNotFound, notImplemented
 */
export function bindMemberPath(context: BindContext, node: PathNode, scope: Scope): Expression {
  const own = context.aggregation?.hierarchy(context, node, scope)
  if (own !== undefined) return own
  const start = pathStart(context, node, scope)
  if ('kind' in start) return start
  const { position } = start
  const filters: ExpressionNode[] = []
  const { steps } = node
  if (position.call !== undefined && start.next < steps.length) mustCompose(context, position.call, node)
  for (let i = start.next; i < steps.length; i++) {
    const step = steps[i]
    if (step === undefined) break
    switch (step.kind) {
      case 'name':
        if (filters.length > 0) context.notImplemented('A path after $filter(...)', step)
        if (step.arguments === undefined) nameStep(context, position, step.name, step)
        else {
          const isFirst = i === 0 && node.root === undefined
          const called = callStep(context, position, step, step.arguments, isFirst ? node : undefined, scope)
          if ('kind' in called) return called
          position.call = called.position.call
          position.steps = []
          position.type = called.position.type
          if (position.call !== undefined && i < steps.length - 1) mustCompose(context, position.call, step)
        }
        break
      case 'any':
      case 'all':
        mustEnd(context, steps, i)
        return lambda(context, step, position, filters, scope)
      case '$count':
        mustEnd(context, steps, i)
        return count(context, step, position, filters, scope)
      case '$filter':
        mustBeCollection(context, position, '$filter', step)
        filters.push(step.predicate)
        break
      case 'aggregate':
        mustEnd(context, steps, i)
        if (filters.length > 0) context.notImplemented('aggregate after $filter(...)', step)
        return aggregated(context, step, position, scope)
      case 'annotation':
        mustEnd(context, steps, i)
        if (context.roots === undefined || position.call !== undefined)
          context.notImplemented('An annotation value here', step)
        return annotationValue(context, step, position.variable, position.steps)
      case 'ordinal':
        ordinalStep(context, position, step.index, step)
        break
      case '$value':
      case '$ref':
      case '*':
        return context.fail('typeMismatch', `'${step.kind}' has no meaning in an expression.`, step)
    }
  }
  if (filters.length > 0) context.notImplemented('A filtered collection as a value', node)
  return memberOf(position)
}

function memberOf({ variable, call, steps, type }: Position): MemberExpression | InvocationExpression {
  return call === undefined ? { kind: 'member', variable: variable.id, steps, type } : { ...call, steps, type }
}

function mustCompose(context: BindContext, { operation }: InvocationExpression, node: Span): void {
  if (!operation.composable) refuseFollowing(context, operation.name, node)
}

/**
 * A function bound to what the path has come to; at its start perhaps an unbound one.
 * @param node the path, where nothing stands before the call
 * @returns where the path goes on, or what all of it stands for
 */
function callStep(
  context: BindContext,
  position: Position,
  step: PathStep & { kind: 'name' },
  args: readonly ArgumentNode[],
  node: PathNode | undefined,
  scope: Scope,
): Start | Expression {
  const { type } = position
  if (type !== undefined) {
    const declared = isStructured(type.type) ? { ...type, type: modelTypeOf(type.type) } : type
    const call = bindBoundOperation(context, step.name, declared, args, step, [], argumentsIn(context, scope))
    if (call !== undefined) {
      if (step.key !== undefined) context.notImplemented('A key behind the result of a function', step)
      if (position.call === undefined && position.variable.id === scope.it?.id && isStructured(type.type))
        requireAvailable(
          context,
          call.operation,
          presenceAt(scope.these?.shape.presence, position.steps),
          step.name,
          step,
        )
      if (position.call !== undefined && type.type.kind === 'entity')
        context.notImplemented('A function bound to what another one gives', step)
      const invocation = invocationOf(context, call, memberOf(position), step)
      return { position: { ...position, call: invocation, type: invocation.type }, next: 0 }
    }
  }
  if (node !== undefined) {
    const call = bindUnboundFunction(context, step.name, args, step, argumentsIn(context, scope))
    if (call !== undefined) return unboundCall(context, call, undefined, node, step, scope)
  }
  return refuseArguments(context, step.name, position, step)
}

function pathStart(context: BindContext, node: PathNode, scope: Scope): Start | Expression {
  if (node.root === '$root') return bindRoot(context, node, scope)
  if (node.root === '$these')
    return context.aggregation?.these(context, node, scope) ?? context.notImplemented('$these here', node)
  if (node.root === '$this') return at(scope.implicit, 0)
  if (node.root === '$it') {
    if (scope.it === undefined) return context.notImplemented('$it here', node)
    return at(scope.it, 0)
  }
  const first = node.steps[0]
  if (first === undefined) return at(scope.implicit, 0)
  if (first.kind === 'annotation' && first.qualifier === undefined && !first.term.includes('.')) {
    const value = context.aliases.get(first.term)
    if (value !== undefined) return continued(context, node, context.bind(context, value, scope), scope)
  }
  if (first.kind !== 'name' || first.arguments !== undefined) return at(scope.implicit, 0)
  const { name } = first
  for (let variable = scope.lambdas; variable !== undefined; variable = variable.outer)
    if (variable.name === name) return at(variable, 1)
  const computed = scope.computed?.get(name)
  if (computed !== undefined) return continued(context, first, computed, scope, node.steps.length)
  const { implicit, outerImplicit } = scope
  if (outerImplicit !== undefined && !name.includes('.') && !mayHave(implicit, name) && declares(outerImplicit, name))
    return at(outerImplicit, 0)
  return at(scope.implicit, 0)
}

function at(variable: Variable, next: number): Start {
  return { position: { variable, call: undefined, steps: [], type: variable.type }, next }
}

/** An expression that a name stands for (a computed property, an alias), perhaps with a path behind it. */
function continued(context: BindContext, node: Span, value: Expression, scope: Scope, steps = 2): Start | Expression {
  context.countNodes(sizeOf(value), node)
  if (steps === 1) return value
  if (value.kind === 'invocation')
    return {
      position: { variable: scope.implicit, call: value, steps: [...value.steps], type: value.type },
      next: 1,
    }
  if (value.kind !== 'member') return context.notImplemented('A path behind a calculated value', node)
  const variable = variableOf(scope, value.variable)
  if (variable === undefined) return context.notImplemented('A path behind a calculated value here', node)
  return { position: { variable, call: undefined, steps: [...value.steps], type: value.type }, next: 1 }
}

function variableOf(scope: Scope, id: string): Variable | undefined {
  if (scope.implicit.id === id) return scope.implicit
  if (scope.outerImplicit?.id === id) return scope.outerImplicit
  if (scope.it?.id === id) return scope.it
  for (let variable = scope.lambdas; variable !== undefined; variable = variable.outer)
    if (variable.id === id) return variable
  return undefined
}

/** Nodes of a bound expression, roughly: what using it once more costs. */
export function sizeOf(expression: Expression): number {
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
      return 1
    case 'member':
      return 1 + expression.steps.length
    case 'binary':
      return 1 + sizeOf(expression.left) + sizeOf(expression.right)
    case 'unary':
    case 'convert':
    case 'isOf':
      return 1 + sizeOf(expression.operand)
    case 'in':
      return 1 + sizeOf(expression.operand) + sizeOfAll(expression.items)
    case 'call':
      return 1 + sizeOfAll(expression.arguments)
    case 'list':
      return 1 + sizeOfAll(expression.items)
    case 'invocation':
      return 1 + (expression.binding ? sizeOf(expression.binding) : 0) + sizeOfAll([...expression.arguments.values()])
    case 'lambda':
      return 1 + sizeOf(expression.collection) + (expression.predicate ? sizeOf(expression.predicate) : 0)
    case 'count':
      return 1 + sizeOf(expression.collection) + (expression.filter ? sizeOf(expression.filter) : 0)
    case 'defined':
      return 1 + expression.steps.length
    case 'aggregate': {
      const { aggregate, collection } = expression
      const operand = aggregate.kind === 'values' ? aggregate.operand : undefined
      return 2 + sizeOf(collection) + (operand?.kind === 'expression' ? sizeOf(operand.expression) : 0)
    }
    case 'case': {
      let size = 1
      for (const { condition, value } of expression.branches) size += sizeOf(condition) + sizeOf(value)
      return size
    }
  }
}

function sizeOfAll(expressions: readonly Expression[]): number {
  let size = 0
  for (const expression of expressions) size += sizeOf(expression)
  return size
}

function declares(variable: Variable, name: string): boolean {
  const type = variable.type?.type
  return (
    type !== undefined && isStructured(type) && (type.allProperties.has(name) || type.allNavigationProperties.has(name))
  )
}

function mayHave(variable: Variable, name: string): boolean {
  const type = variable.type?.type
  return type === undefined || (isStructured(type) && type.open) || declares(variable, name)
}

/** Takes one name: a property, a navigation property, a dynamic property, or a type cast. */
function nameStep(context: BindContext, position: Position, name: string, node: Span): void {
  const reference = position.type
  if (context.isCast(name, reference?.type)) {
    castStep(context, position, name, node)
    return
  }
  if (reference === undefined) {
    // behind a dynamic property everything is one
    position.steps.push({ kind: 'dynamic', name })
    return
  }
  if (reference.collection)
    context.fail(
      'typeMismatch',
      `'${shown(name)}' cannot follow a collection (${typeName(reference)}): use any, all or $count.`,
      node,
    )
  const { type } = reference
  if (!isStructured(type)) {
    if (type.kind === 'abstract') {
      position.steps.push({ kind: 'dynamic', name })
      position.type = undefined
      return
    }
    context.fail('nameNotFound', `'${shown(name)}' cannot follow ${type.name}, which has no properties.`, node)
  }
  const property = type.allProperties.get(name)
  if (property !== undefined) {
    position.steps.push({ kind: 'property', property })
    position.type = property.type
    return
  }
  const navigation = type.allNavigationProperties.get(name)
  if (navigation !== undefined) {
    if (position.call !== undefined)
      context.notImplemented(`Following '${shown(name)}' from the result of a function`, node)
    position.steps.push({ kind: 'navigation', property: navigation })
    position.type = navigationReference(navigation)
    return
  }
  if (!type.open) context.fail('nameNotFound', memberNotFound(type, name), node)
  position.steps.push({ kind: 'dynamic', name })
  position.type = undefined
}

/** A position in an ordered collection of primitive or complex values (U 4.11). */
function ordinalStep(context: BindContext, position: Position, index: number, node: Span): void {
  const { type, steps } = position
  const last = steps.at(-1)
  if (type === undefined || !type.collection || last?.kind !== 'property')
    context.fail('typeMismatch', `'${index}' is a position, and there is no collection before it.`, node)
  if (!isOrdered(last.property))
    context.fail('typeMismatch', `'${last.property.name}' has no positions: it is not ordered (Core.Ordered).`, node)
  steps.push({ kind: 'ordinal', index })
  position.type = { ...itemReference(type), nullable: true }
}

/** `The property 'x' does not exist on type 'y'.`, with a near name. */
export function memberNotFound(type: StructuredType, name: string): string {
  return notFound(
    'property',
    name,
    [...type.allProperties.keys(), ...type.allNavigationProperties.keys()],
    `type '${type.name}'`,
  )
}

function castStep(context: BindContext, position: Position, name: string, node: Span): void {
  const type = context.namedType(name)
  if (type === undefined) {
    if (context.model.operations.has(unaliased(context.model, name)))
      context.fail('functionNotFound', `Expressions call functions with parentheses: '${shown(name)}(...)'.`, node)
    context.fail('nameNotFound', notFound('type', name, context.model.types.keys()), node)
  }
  if (!isStructured(type))
    context.notImplemented(`A cast to ${type.name} in a path (write cast(value,${type.name}))`, node)
  position.type = castTo(context, position.type, type, position.steps, node)
}

/**
 * Adds a cast to a path, unless it says nothing new.
 * @returns the type after it
 * @throws ODataError typeMismatch where the type is not derived from the one before
 */
export function castTo(
  context: BindContext,
  from: TypeReference | undefined,
  type: StructuredType,
  steps: MemberStep[],
  node: Span,
): TypeReference {
  const named = from?.type
  const declared = named !== undefined && isStructured(named) ? modelTypeOf(named) : named
  if (declared !== undefined && isStructured(declared)) {
    if (isSubtypeOf(declared, type))
      return { ...from, type, collection: from?.collection ?? false, nullable: true, facets: {} }
    if (!isSubtypeOf(type, declared) && !mightBe(context.model, declared, type))
      context.fail('typeMismatch', `'${type.name}' is not derived from '${declared.name}'.`, node)
  } else if (declared !== undefined && declared.kind !== 'abstract')
    context.fail('typeMismatch', `${declared.name} cannot be cast to '${type.name}'.`, node)
  steps.push({ kind: 'cast', type })
  return { type, collection: from?.collection ?? false, nullable: true, facets: {} }
}

/** Parentheses behind a name: a key, a bound function, or a function that does not exist. */
function refuseArguments(context: BindContext, name: string, position: Position, node: Span): never {
  const type = position.type?.type
  if (type !== undefined && isStructured(type)) {
    if (type.allNavigationProperties.has(name)) context.notImplemented('A key predicate in an expression', node)
    if (type.allProperties.has(name))
      context.fail('functionNotFound', `'${shown(name)}' is a property, not a function.`, node)
  }
  const { operations } = context.model
  const isOperation = name.includes('.')
    ? operations.has(unaliased(context.model, name))
    : [...operations.keys()].some((qualified) => qualified.endsWith(`.${name}`))
  if (context.model.container?.children.get(name) !== undefined)
    context.fail('functionNotFound', `'${shown(name)}' is no function here: write $root/${shown(name)}(...).`, node)
  if (isOperation)
    context.fail(
      'functionNotFound',
      `The function '${shown(name)}' is not bound to ${position.type === undefined ? 'dynamic values' : typeName(position.type)}.`,
      node,
    )
  return context.fail('functionNotFound', notFound('function', name, functionNames), node)
}

function mustEnd(context: BindContext, steps: readonly PathStep[], index: number): void {
  const following = steps[index + 1]
  if (following !== undefined)
    context.fail('typeMismatch', `Nothing can follow '${steps[index]?.kind}' in an expression.`, following)
}

function mustBeCollection(context: BindContext, position: Position, what: string, node: Span): void {
  const { type } = position
  if (type !== undefined && !type.collection && type.type.kind !== 'abstract')
    context.fail('typeMismatch', `'${what}' needs a collection, but this is ${typeName(type)}.`, node)
}

/** A variable for the items of a collection, under a name that no variable in scope has. */
function itemVariable(scope: Scope, name: string, collection: TypeReference | undefined): Variable {
  let id = name
  for (let n = 2; variableOf(scope, id) !== undefined; n++) id = `${name}#${n}`
  return { name, id, type: collection === undefined ? undefined : itemReference(collection), outer: scope.lambdas }
}

/** ABNF: anyExpr, allExpr. Paths in the predicate without a prefix start where the collection's path does. */
function lambda(
  context: BindContext,
  step: PathStep & { kind: 'any' | 'all' },
  position: Position,
  filters: readonly ExpressionNode[],
  scope: Scope,
): Expression {
  mustBeCollection(context, position, step.kind, step)
  const collection = memberOf(position)
  const variable = itemVariable(scope, step.variable ?? '$item', position.type)
  const inner: Scope = {
    ...scope,
    implicit: position.variable,
    outerImplicit: position.variable === scope.implicit ? scope.outerImplicit : scope.implicit,
    lambdas: variable,
  }
  const own = step.predicate === undefined ? undefined : bindBoolean(context, step.predicate, inner, `'${step.kind}'`)
  const filter = bindFilters(context, filters, variable, scope)
  const isAll = step.kind === 'all'
  let predicate = own ?? filter
  if (own !== undefined && filter !== undefined) {
    // all: outside the filter or true; any: inside it and true
    const inside: Expression = isAll
      ? { kind: 'unary', operator: 'not', operand: isTrue(filter), type: booleanReference }
      : filter
    predicate = { kind: 'binary', operator: isAll ? 'or' : 'and', left: inside, right: own, type: booleanReference }
  }
  return {
    kind: 'lambda',
    operator: isAll ? 'all' : 'any',
    collection,
    variable: variable.id,
    predicate,
    type: booleanReference,
  }
}

/** Null (which a filter leaves out) as false. */
function isTrue(expression: Expression): Expression {
  const yes: Expression = { kind: 'constant', value: true, type: booleanReference }
  return { kind: 'binary', operator: 'eq', left: expression, right: yes, type: booleanReference }
}

/** All of several filters on the items that `variable` names; undefined where there is none. */
function bindFilters(
  context: BindContext,
  filters: readonly ExpressionNode[],
  variable: Variable,
  scope: Scope,
): Expression | undefined {
  let all: Expression | undefined
  for (const node of filters) {
    const inner: Scope = { ...scope, implicit: variable, outerImplicit: undefined, computed: undefined }
    const filter = bindBoolean(context, node, inner, '$filter')
    all =
      all === undefined ? filter : { kind: 'binary', operator: 'and', left: all, right: filter, type: booleanReference }
  }
  return all
}

/** ABNF: collectionPathExpr: `aggregate(...)` behind a collection. */
function aggregated(
  context: BindContext,
  step: PathStep & { kind: 'aggregate' },
  position: Position,
  scope: Scope,
): Expression {
  mustBeCollection(context, position, 'aggregate', step)
  if (position.call !== undefined) context.notImplemented('aggregate over what a function gives', step)
  const variable = itemVariable(scope, '$item', position.type)
  const bound = context.aggregation?.aggregate(context, step.expression, memberOf(position), variable, scope)
  return bound ?? context.notImplemented('The function aggregate here', step)
}

function count(
  context: BindContext,
  step: PathStep & { kind: '$count' },
  position: Position,
  filters: readonly ExpressionNode[],
  scope: Scope,
): Expression {
  mustBeCollection(context, position, '$count', step)
  const variable = itemVariable(scope, '$item', position.type)
  const own = step.options === undefined ? undefined : countFilter(context, step.options, step)
  const filter = context.within(step.options?.aliases ?? noAliases, () =>
    bindFilters(context, own === undefined ? filters : [...filters, own], variable, scope),
  )
  return { kind: 'count', collection: memberOf(position), filter, variable: variable.id, type: int64Reference }
}

/** ABNF: expandCountOption. */
function countFilter(context: BindContext, options: QueryOptions, node: Span): ExpressionNode | undefined {
  if (options.search !== undefined) context.notImplemented('$search inside $count', node)
  for (const name of ['orderby', 'select', 'expand', 'compute', 'apply', 'top', 'skip', 'count', 'levels'] as const)
    if (options[name] !== undefined)
      context.fail('queryOptionNotAllowed', `$${name} has no meaning inside $count.`, node)
  return options.filter
}
