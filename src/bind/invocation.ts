import type { TypeReference } from '../edm/model.ts'
import { isIntegral, isNumeric, promotedType } from '../edm/primitives.ts'
import { isStructured, isSubtypeOf, primitiveOf, typeName } from '../edm/types.ts'
import type { ArgumentNode, Span } from '../url/ast.ts'
import { type BindContext, type Scope, shown, type Variable } from './context.ts'
import { convertTo } from './literals.ts'
import type { ArgumentBinder, OperationCall } from './operations.ts'
import { mapOperands } from './rewrite.ts'
import type { Expression, InvocationExpression, MemberStep } from './tree.ts'

/** Calls of the service's own functions in expressions (Protocol 11.5.4.1; ABNF: functionExpr). */

/** Where a path stands while its steps are read. */
export interface Position {
  readonly variable: Variable
  /** what the steps start from instead of the variable */
  call: InvocationExpression | undefined
  steps: MemberStep[]
  type: TypeReference | undefined
}

/** A path that starts somewhere, and the index of its first step that is not read yet. */
export interface Start {
  readonly position: Position
  readonly next: number
}

/**
 * A call whose result depends on the row, and may be followed by a path.
 * @throws ODataError typeMismatch (actions, arguments), notImplemented where it depends on the items of a collection, or on nothing that
 * can be compared
 */
export function invocationOf(
  context: BindContext,
  { operation, arguments: args }: OperationCall,
  binding: Expression | undefined,
  node: Span,
): InvocationExpression {
  const { name, returnType: type } = operation
  if (type === undefined || type.type.kind === 'abstract' || primitiveOf(type.type)?.name === 'Edm.Stream')
    return context.notImplemented(
      `Calling '${shown(name)}', which gives ${type === undefined ? 'nothing' : typeName(type)}, in an expression`,
      node,
    )
  const invocation: InvocationExpression = { kind: 'invocation', operation, binding, arguments: args, steps: [], type }
  for (const variable of freeVariables(invocation))
    if (variable !== '$it' && variable !== '$this')
      context.notImplemented(`Calling '${shown(name)}' for each item of a collection`, node)
  return invocation
}

/** The variables that an expression looks at and does not bring itself. */
function freeVariables(expression: Expression): ReadonlySet<string> {
  const used = new Set<string>()
  const own = new Set<string>()
  const walk = (one: Expression): Expression => {
    if (one.kind === 'member' || one.kind === 'defined') used.add(one.variable)
    if (one.kind === 'lambda' || one.kind === 'count' || one.kind === 'aggregate') own.add(one.variable)
    return mapOperands(one, walk)
  }
  walk(expression)
  return new Set([...used].filter((variable) => !own.has(variable)))
}

/**
 * Binds arguments as values of their parameters: of the type, of a derived one, or promoted to it.
 * @throws ODataError typeMismatch
 */
export function argumentsIn(context: BindContext, scope: Scope): ArgumentBinder {
  return (type, argument) => bindArgument(context, type, argument, scope)
}

function bindArgument(context: BindContext, to: TypeReference, argument: ArgumentNode, scope: Scope): Expression {
  const bound = context.bind(context, argument.value, scope)
  const { type: from } = bound
  if (bound.kind === 'constant' && bound.value === null) return bound
  if (from === undefined) {
    if (isStructured(to.type) || to.collection)
      return context.notImplemented('A dynamic value as such a parameter of a function', argument)
    const target = { ...to, nullable: true }
    return { kind: 'convert', operand: bound, target, explicit: true, type: target }
  }
  const fitting = fittingArgument(from, to, bound)
  if (fitting !== undefined) return fitting
  return context.fail(
    'typeMismatch',
    `The parameter '${shown(argument.name ?? '')}' is ${typeName(to)}, not ${typeName(from)}.`,
    argument,
  )
}

function fittingArgument(from: TypeReference, to: TypeReference, bound: Expression): Expression | undefined {
  if (from.collection !== to.collection) return undefined
  if (from.type === to.type || to.type.kind === 'abstract') return bound
  if (isStructured(from.type) || isStructured(to.type))
    return isStructured(from.type) && isStructured(to.type) && isSubtypeOf(from.type, to.type) ? bound : undefined
  const [p, q] = [primitiveOf(from.type)?.name, primitiveOf(to.type)?.name]
  if (p === undefined || q === undefined) return undefined
  if (p === q) return bound
  if (from.collection || !isNumeric(p) || !isNumeric(q)) return undefined
  if (promotedType(p, q) === q) return convertTo(bound, q)
  // arithmetic makes integers of a greater type; a value that does not fit is null
  return isIntegral(p) && isIntegral(q)
    ? { kind: 'convert', operand: bound, target: to, explicit: true, type: to }
    : undefined
}
