import type { PrimitiveTypeName, TypeReference } from '../edm/model.ts'
import { isNumeric, promotedType } from '../edm/primitives.ts'
import { isStructured, isSubtypeOf, typeName } from '../edm/types.ts'
import type { CallNode, CaseNode, ExpressionNode } from '../url/ast.ts'
import { type BindContext, notFound, type Scope } from './context.ts'
import {
  type CanonicalFunction,
  canonicalFunctions,
  describeSignatures,
  type FunctionSignature,
  functionNames,
  type ParameterType,
} from './functions.ts'
import { convertTo, type LiteralLike, meetingPrimitive, meetingType, naturalParameter } from './literals.ts'
import { mightBe } from './may-implement.ts'
import { castTo } from './member-path.ts'
import { bindBoolean } from './operators.ts'
import type { Expression, MemberExpression, MemberStep } from './tree.ts'
import { booleanReference, joinedType, primitiveReference, singlePrimitive } from './type-references.ts'

/** Canonical functions, cast, isof and case (URL Conventions 5.1.1.4 to 5.1.1.12). */

/**
 * Binds a call of a canonical function.
 * @throws ODataError functionNotFound with a near name, typeMismatch that lists the signatures
 */
export function bindCall(context: BindContext, node: CallNode, scope: Scope): Expression {
  const name = node.name.toLowerCase()
  if (name === 'cast' || name === 'isof') return bindTypeCall(context, node, name, scope)
  if (name === 'isdefined') return bindIsDefined(context, node, scope)
  const entry = canonicalFunctions.get(name)
  if (entry === undefined) return context.fail('functionNotFound', notFound('function', node.name, functionNames), node)

  // what is no literal has its type; literals take theirs from the signature
  const bound: (Expression | undefined)[] = []
  const literals: (LiteralLike | undefined)[] = []
  for (const argument of node.arguments) {
    const literal = context.literalOf(argument)
    literals.push(literal)
    if (literal === undefined) bound.push(context.bind(context, argument, scope))
    else {
      context.countNodes(1, argument)
      bound.push(undefined)
    }
  }

  let best: FunctionSignature | undefined
  let bestCost = impossible
  for (const signature of entry.signatures) {
    const cost = signatureCost(signature, bound, literals)
    if (cost < bestCost) {
      best = signature
      bestCost = cost
    }
  }
  if (best === undefined) return refuseArguments(context, node, entry, bound, literals)

  const collection = collectionType(bound, best)
  const args = best.parameters.map((parameter, i): Expression => {
    const literal = literals[i]
    const expression = bound[i]
    if (literal !== undefined) return literalArgument(context, literal, parameter, collection)
    if (expression === undefined) return context.notImplemented(`This argument of ${entry.name}`, node)
    return parameter === 'Collection' ? expression : convertTo(expression, parameter)
  })
  const type = best.result === 'first' ? (args[0]?.type ?? collection) : primitiveReference(best.result)
  return { kind: 'call', function: entry.name, arguments: args, type }
}

const impossible = 1_000

/** What the conversions to a signature cost: 0 for an exact fit, `impossible` where it does not fit. */
function signatureCost(
  signature: FunctionSignature,
  bound: readonly (Expression | undefined)[],
  literals: readonly (LiteralLike | undefined)[],
): number {
  const { parameters } = signature
  if (parameters.length !== bound.length) return impossible
  let cost = 0
  for (let i = 0; i < parameters.length; i++) {
    const parameter = parameters[i]
    if (parameter === undefined) return impossible
    const literal = literals[i]
    cost += literal === undefined ? argumentCost(bound[i]?.type, parameter) : literalCost(literal, parameter)
  }
  return cost
}

function literalCost(literal: LiteralLike, parameter: ParameterType): number {
  if (parameter === 'Collection') return literal.kind === 'json' ? 0 : impossible
  // a literal that takes another type than the parameter's does not fit it
  return meetingPrimitive(literal, parameter) === parameter ? 0 : impossible
}

function argumentCost(type: TypeReference | undefined, parameter: ParameterType): number {
  if (type === undefined || type.type.kind === 'abstract') return 1
  if (parameter === 'Collection') return type.collection ? 0 : impossible
  const primitive = singlePrimitive(type)
  if (primitive === undefined) return impossible
  if (primitive === parameter) return 0
  if (isNumeric(primitive) && isNumeric(parameter) && promotedType(primitive, parameter) === parameter) return 1
  return isGeneral(primitive, parameter) ? 1 : impossible
}

/** Edm.Geography and Edm.Geometry may hold what the function needs. */
function isGeneral(type: PrimitiveTypeName, parameter: PrimitiveTypeName): boolean {
  return (type === 'Edm.Geography' || type === 'Edm.Geometry') && parameter.startsWith(type)
}

/** Type of the collections a function works on, as its arguments that are no literals tell it. */
function collectionType(
  bound: readonly (Expression | undefined)[],
  signature: FunctionSignature,
): TypeReference | undefined {
  if (!signature.parameters.includes('Collection')) return undefined
  for (const expression of bound) if (expression?.type?.collection) return expression.type
  return undefined
}

function literalArgument(
  context: BindContext,
  literal: LiteralLike,
  parameter: ParameterType,
  collection: TypeReference | undefined,
): Expression {
  if (parameter !== 'Collection') return context.parameter(literal, primitiveReference(parameter))
  const meeting = collection === undefined ? undefined : meetingType(context, literal, collection)
  if (meeting === undefined) return context.notImplemented('A JSON literal beside nothing that tells its type', literal)
  return context.parameter(literal, meeting)
}

function refuseArguments(
  context: BindContext,
  node: CallNode,
  entry: CanonicalFunction,
  bound: readonly (Expression | undefined)[],
  literals: readonly (LiteralLike | undefined)[],
): never {
  const given = bound.map((expression, i) => {
    const literal = literals[i]
    if (literal?.kind === 'json') return 'JSON'
    if (literal !== undefined) return `${literal.token.literal} literal`
    return expression?.type === undefined ? 'null' : typeName(expression.type)
  })
  return context.fail(
    'typeMismatch',
    `${entry.name}(${given.join(', ')}) has no meaning; the function is ${describeSignatures(entry)}.`,
    node,
  )
}

/** `isdefined(path)` (Aggregation 3.7): the path is single-valued. */
function bindIsDefined(context: BindContext, node: CallNode, scope: Scope): Expression {
  const [first, second] = node.arguments
  const path = first?.kind === 'path' && second === undefined ? context.bind(context, first, scope) : undefined
  if (path?.kind !== 'member' || path.steps.length === 0 || path.type?.collection === true || hasPosition(path.steps))
    return context.fail('typeMismatch', 'isdefined takes the path of one single-valued property.', node)
  return { kind: 'defined', variable: path.variable, steps: path.steps, type: booleanReference }
}

/** Whether a path ends in a cast or picks an item by its position: there is no property to ask for then. */
function hasPosition(steps: readonly MemberStep[]): boolean {
  return steps.some(({ kind }) => kind === 'ordinal') || steps.at(-1)?.kind === 'cast'
}

/** `cast(type)`, `cast(expression,type)` and the same for isof. */
function bindTypeCall(context: BindContext, node: CallNode, name: 'cast' | 'isof', scope: Scope): Expression {
  const [first, second] = node.arguments
  const typeNode = second ?? first
  if (typeNode === undefined || node.arguments.length > 2)
    return context.fail('typeMismatch', `The function is ${name}(type) or ${name}(expression,type).`, node)
  const target = typeArgument(context, typeNode, name)
  const operand = second === undefined || first === undefined ? current(scope) : castOperand(context, first, scope)
  // what could never be of the type is just not of it (URL Conventions 5.1.1.10.2: "otherwise it returns false")
  if (name === 'isof') return { kind: 'isOf', operand, target, type: booleanReference }
  if (isStructured(target.type) && operand.kind === 'member' && operand.type?.collection === target.collection) {
    const steps = [...operand.steps]
    const type = castTo(context, operand.type, target.type, steps, node)
    return { kind: 'member', variable: operand.variable, steps, type }
  }
  refuseUnrelated(context, operand.type, target, node)
  return { kind: 'convert', operand, target, explicit: true, type: target }
}

/** The current instance (URL Conventions 5.1.1.10.1). */
function current(scope: Scope): MemberExpression {
  return { kind: 'member', variable: scope.implicit.id, steps: [], type: scope.implicit.type }
}

function castOperand(context: BindContext, node: ExpressionNode, scope: Scope): Expression {
  const literal = context.literalOf(node)
  return literal === undefined ? context.bind(context, node, scope) : naturalParameter(context, literal)
}

/** Refuses a cast that can only fail: between structures of different trees, or between structures and values. */
function refuseUnrelated(
  context: BindContext,
  from: TypeReference | undefined,
  to: TypeReference,
  node: CallNode,
): void {
  if (from === undefined || from.type.kind === 'abstract' || to.type.kind === 'abstract') return
  const a = from.type
  const b = to.type
  const related =
    isStructured(a) && isStructured(b)
      ? isSubtypeOf(a, b) || isSubtypeOf(b, a) || mightBe(context.model, a, b)
      : !isStructured(a) && !isStructured(b) && from.collection === to.collection
  if (!related) context.fail('typeMismatch', `${typeName(from)} cannot be ${typeName(to)}.`, node)
}

function typeArgument(context: BindContext, node: ExpressionNode, name: string): TypeReference {
  if (node.kind === 'typeName')
    return { type: context.typeOf(node.name, node), collection: node.collection, nullable: true, facets: {} }
  const step = node.kind === 'path' && node.steps.length === 1 && node.root === undefined ? node.steps[0] : undefined
  if (step?.kind !== 'name' || step.arguments !== undefined)
    return context.fail('typeMismatch', `The last argument of ${name} is the name of a type.`, node)
  return { type: context.typeOf(step.name, step), collection: false, nullable: true, facets: {} }
}

/** `case(condition:value,...)`: the values come together in one type, or the result has none. */
export function bindCase(context: BindContext, node: CaseNode, scope: Scope): Expression {
  const conditions: Expression[] = []
  const values: (Expression | undefined)[] = []
  let common: TypeReference | undefined
  let mixed = false
  for (const { condition, value } of node.branches) {
    conditions.push(bindBoolean(context, condition, scope, "The condition of 'case'"))
    const literal = context.literalOf(value)
    const bound = literal === undefined ? context.bind(context, value, scope) : undefined
    values.push(bound)
    if (bound === undefined || bound.type === undefined) {
      if (bound !== undefined && bound.kind !== 'constant') mixed = true
      continue
    }
    const joined: TypeReference | undefined = common === undefined ? bound.type : joinedType(common, bound.type)
    if (joined === undefined) mixed = true
    else common = joined
  }
  for (const { value } of node.branches) {
    const literal = context.literalOf(value)
    if (literal === undefined) continue
    const meeting = meetingType(context, literal, common)
    const joined: TypeReference | undefined =
      meeting === undefined || common === undefined ? meeting : (joinedType(common, meeting) ?? undefined)
    if (joined === undefined) mixed = true
    else common = joined
  }
  const primitive = mixed || common === undefined ? undefined : singlePrimitive(common)
  const branches = node.branches.map(({ value }, i) => {
    const condition = conditions[i]
    const literal = context.literalOf(value)
    const bound = values[i] ?? (literal === undefined ? undefined : literalValue(context, literal, common, mixed))
    if (condition === undefined || bound === undefined) return context.notImplemented("This branch of 'case'", value)
    return { condition, value: primitive === undefined ? bound : convertTo(bound, primitive) }
  })
  return { kind: 'case', branches, type: mixed ? undefined : common }
}

function literalValue(
  context: BindContext,
  literal: LiteralLike,
  common: TypeReference | undefined,
  mixed: boolean,
): Expression {
  const type = mixed ? undefined : meetingType(context, literal, common)
  return type === undefined ? naturalParameter(context, literal) : context.parameter(literal, type)
}
