import type { PrimitiveTypeName, StructuredType, TypeReference } from '../edm/model.ts'
import { isIntegral, isNumeric, promotedType } from '../edm/primitives.ts'
import { isSubtypeOf, typeName } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { BinaryNode, BinaryOperator, ExpressionNode, ListNode, Span, UnaryNode } from '../url/ast.ts'
import type { BindContext, Scope } from './context.ts'
import {
  convertTo,
  describeLiteral,
  type LiteralLike,
  meetingPrimitive,
  meetingType,
  naturalParameter,
  quotesHint,
} from './literals.ts'
import type { Expression } from './tree.ts'
import {
  booleanReference,
  isSingleEnum,
  itemReference,
  primitiveReference,
  singlePrimitive,
  untypedReference,
} from './type-references.ts'

/** The operators of expressions (URL Conventions 5.1.1.1, 5.1.1.2): their operands come together in one type. */

interface Operands {
  readonly left: Expression
  readonly right: Expression
}

/** Binds `left operator right`. @throws ODataError typeMismatch naming both types */
export function bindBinary(context: BindContext, node: BinaryNode, scope: Scope): Expression {
  switch (node.operator) {
    case 'and':
    case 'or':
      return {
        kind: 'binary',
        operator: node.operator,
        left: bindBoolean(context, node.left, scope, `'${node.operator}'`),
        right: bindBoolean(context, node.right, scope, `'${node.operator}'`),
        type: booleanReference,
      }
    case 'eq':
    case 'ne':
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
      return bindComparison(context, node, node.operator, scope)
    case 'has':
      return bindHas(context, node, scope)
    case 'in':
      return bindIn(context, node, scope)
    default:
      return bindArithmetic(context, node, node.operator, scope)
  }
}

/** Binds what must be true or false: null and dynamic properties may be. @throws ODataError typeMismatch */
export function bindBoolean(context: BindContext, node: ExpressionNode, scope: Scope, where: string): Expression {
  const expression = context.bind(context, node, scope)
  const { type } = expression
  if (type !== undefined && (type.collection || singlePrimitive(type) !== 'Edm.Boolean'))
    context.fail('typeMismatch', `${where} needs Edm.Boolean, but this is ${typeName(type)}.`, node)
  return expression
}

/** Binds `not` and `-`. */
export function bindUnary(context: BindContext, node: UnaryNode, scope: Scope): Expression {
  if (node.operator === 'not')
    return {
      kind: 'unary',
      operator: 'not',
      operand: bindBoolean(context, node.operand, scope, "'not'"),
      type: booleanReference,
    }
  const operand = context.bind(context, node.operand, scope)
  const { type } = operand
  if (type === undefined) return { kind: 'unary', operator: 'negate', operand, type }
  const primitive = singlePrimitive(type)
  if (primitive === 'Edm.Duration') return { kind: 'unary', operator: 'negate', operand, type }
  if (primitive === undefined || !isNumeric(primitive))
    return context.fail('typeMismatch', `'-' cannot be applied to ${typeName(type)}.`, node)
  const target = isIntegral(primitive) ? 'Edm.Int64' : primitive
  return { kind: 'unary', operator: 'negate', operand: convertTo(operand, target), type: primitiveReference(target) }
}

type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'

function bindComparison(context: BindContext, node: BinaryNode, operator: Comparison, scope: Scope): Expression {
  const { left, right } = comparedOperands(context, node, scope)
  const type = left.type ?? right.type
  if (type !== undefined && operator !== 'eq' && operator !== 'ne' && !isOrdered(type))
    context.fail('typeMismatch', `'${operator}' cannot be applied to ${typeName(type)}.`, node)
  return { kind: 'binary', operator, left, right, type: booleanReference }
}

/** Binds two operands and brings them to one type: a literal takes the type of what it meets. */
function comparedOperands(context: BindContext, node: BinaryNode, scope: Scope): Operands {
  const leftLiteral = context.literalOf(node.left)
  const rightLiteral = context.literalOf(node.right)
  if (rightLiteral !== undefined && leftLiteral === undefined) {
    const left = context.bind(context, node.left, scope)
    const meeting = meetLiteral(context, node, rightLiteral, left)
    return { left: convertToMeeting(left, meeting), right: context.parameter(rightLiteral, meeting) }
  }
  if (leftLiteral !== undefined && rightLiteral === undefined) {
    const right = context.bind(context, node.right, scope)
    const meeting = meetLiteral(context, node, leftLiteral, right)
    return { left: context.parameter(leftLiteral, meeting), right: convertToMeeting(right, meeting) }
  }
  const left = context.bind(context, node.left, scope)
  return promote(context, node, left, rightOperand(context, node.right, scope))
}

/** The right operand of a comparison: a lone name that is no property may be a text without its quotes. */
function rightOperand(context: BindContext, node: ExpressionNode, scope: Scope): Expression {
  try {
    return context.bind(context, node, scope)
  } catch (error) {
    const lone = node.kind === 'path' && node.steps.length === 1
    if (!(error instanceof ODataError) || error.code !== 'nameNotFound' || !lone) throw error
    return context.fail('nameNotFound', `${error.message} Strings stand in single quotes.`, node)
  }
}

function meetLiteral(context: BindContext, node: BinaryNode, literal: LiteralLike, other: Expression): TypeReference {
  const meeting = meetingType(context, literal, other.type)
  if (meeting !== undefined) return meeting
  const { type } = other
  return context.fail(
    'typeMismatch',
    type === undefined
      ? `'${node.operator}' cannot compare ${describeLiteral(literal)} here.`
      : `'${node.operator}' cannot compare ${typeName(type)} with ${describeLiteral(literal)}.${quotesHint(literal, type)}`,
    literal,
  )
}

/** The operand beside a literal, as the type in which the two come together; enumerations are that type already. */
function convertToMeeting(expression: Expression, meeting: TypeReference): Expression {
  const target = singlePrimitive(meeting)
  return target === undefined ? expression : convertTo(expression, target)
}

function promote(context: BindContext, node: BinaryNode, left: Expression, right: Expression): Operands {
  const a = left.type
  const b = right.type
  if (a === undefined || b === undefined) return { left, right }
  const p = singlePrimitive(a)
  const q = singlePrimitive(b)
  if (p !== undefined && q !== undefined) {
    if (p === q) return { left, right }
    const common = promotedType(p, q)
    if (common !== undefined) return { left: convertTo(left, common), right: convertTo(right, common) }
  } else if (areComparable(a, b)) return { left, right }
  return context.fail('typeMismatch', `'${node.operator}' cannot compare ${typeName(a)} with ${typeName(b)}.`, node)
}

/** Whether two types that are not both single and primitive can be equal. */
function areComparable(a: TypeReference, b: TypeReference): boolean {
  if (a.type.kind === 'abstract' || b.type.kind === 'abstract') return true
  if (a.collection !== b.collection) return false
  if (a.type === b.type) return true
  const p = singlePrimitive(itemReference(a))
  const q = singlePrimitive(itemReference(b))
  if (p !== undefined && q !== undefined) return promotedType(p, q) !== undefined
  if (a.type.kind === 'entity' && b.type.kind === 'entity') return related(a.type, b.type)
  if (a.type.kind === 'complex' && b.type.kind === 'complex') return related(a.type, b.type)
  return false
}

function related(a: StructuredType, b: StructuredType): boolean {
  return isSubtypeOf(a, b) || isSubtypeOf(b, a)
}

/** Whether gt, ge, lt, le mean something (URL Conventions 5.1.1.1): not for Binary, Stream, Geo, structures, collections. */
export function isOrdered(type: TypeReference): boolean {
  if (isSingleEnum(type) || type.type.kind === 'abstract') return !type.collection
  const primitive = singlePrimitive(type)
  if (primitive === undefined || primitive === 'Edm.Binary' || primitive === 'Edm.Stream') return false
  return !primitive.startsWith('Edm.Geo')
}

function bindHas(context: BindContext, node: BinaryNode, scope: Scope): Expression {
  const left = context.bind(context, node.left, scope)
  const { type } = left
  if (type !== undefined && !isSingleEnum(type) && type.type.kind !== 'abstract')
    context.fail('typeMismatch', `'has' needs an enumeration on its left, but this is ${typeName(type)}.`, node)
  const literal = context.literalOf(node.right)
  const right =
    literal === undefined
      ? context.bind(context, node.right, scope)
      : context.parameter(literal, meetLiteral(context, node, literal, left))
  if (right.type !== undefined && (!isSingleEnum(right.type) || (isEnumOf(type) && right.type.type !== type?.type)))
    context.fail(
      'typeMismatch',
      `'has' needs ${type === undefined ? 'an enumeration value' : typeName(type)} on its right, but this is ${typeName(right.type)}.`,
      node,
    )
  return { kind: 'binary', operator: 'has', left, right, type: booleanReference }
}

function isEnumOf(type: TypeReference | undefined): boolean {
  return type !== undefined && isSingleEnum(type)
}

function bindIn(context: BindContext, node: BinaryNode, scope: Scope): Expression {
  const literal = context.literalOf(node.left)
  const operand = literal === undefined ? context.bind(context, node.left, scope) : naturalParameter(context, literal)
  if (node.right.kind !== 'list') return inCollection(context, node, operand, scope)
  return inList(context, node, node.right, operand, scope)
}

/** `operand in collection`. */
function inCollection(context: BindContext, node: BinaryNode, operand: Expression, scope: Scope): Expression {
  const { type } = operand
  const literal = context.literalOf(node.right)
  if (literal !== undefined) {
    const each = type?.collection === true
    const untyped = type === undefined || type.type.kind === 'abstract'
    const meeting =
      untyped && literal.kind === 'json'
        ? { ...untypedReference, collection: true }
        : meetingType(context, literal, type === undefined ? undefined : { ...type, collection: true })
    if (meeting === undefined || !meeting.collection)
      return context.fail('typeMismatch', `'in' needs a list or a collection on its right.`, node.right)
    return { kind: 'in', operand, items: [context.parameter(literal, meeting, each)], type: booleanReference }
  }
  const right = context.bind(context, node.right, scope)
  if (right.type !== undefined && right.type.type.kind !== 'abstract') {
    if (!right.type.collection)
      context.fail(
        'typeMismatch',
        `'in' needs a list or a collection, but this is ${typeName(right.type)}.`,
        node.right,
      )
    // the item type decides; the operand is converted, items are compared as they are
    const item = itemReference(right.type)
    const p = type === undefined ? undefined : singlePrimitive(type)
    const q = singlePrimitive(item)
    const fits =
      type === undefined ||
      (p !== undefined && q !== undefined ? promotedType(p, q) !== undefined : areComparable(type, item))
    if (!fits) context.fail('typeMismatch', `'in' cannot look for ${typeName(type)} in ${typeName(right.type)}.`, node)
  }
  return { kind: 'in', operand, items: [right], type: booleanReference }
}

/** `operand in (items)`: all come together in one type. */
function inList(context: BindContext, node: BinaryNode, list: ListNode, operand: Expression, scope: Scope): Expression {
  let common = operand.type === undefined ? undefined : singlePrimitive(operand.type)
  const bound: (Expression | undefined)[] = []
  for (const item of list.items) {
    const literal = context.literalOf(item)
    if (literal !== undefined) {
      context.countNodes(1, item)
      const meeting = meetLiteral(context, node, literal, operand)
      if (common !== undefined) common = promotedOrSame(common, singlePrimitive(meeting))
      bound.push(undefined)
    } else {
      const expression = context.bind(context, item, scope)
      const { type } = expression
      if (type !== undefined && operand.type !== undefined) {
        promote(context, node, operand, expression)
        if (common !== undefined) common = promotedOrSame(common, singlePrimitive(type))
      }
      bound.push(expression)
    }
  }
  const target = common === undefined ? undefined : primitiveReference(common)
  const items = list.items.map((item, i): Expression => {
    const expression = bound[i]
    if (expression !== undefined) return common === undefined ? expression : convertTo(expression, common)
    const literal = context.literalOf(item)
    if (literal === undefined) return context.notImplemented('This item of a list', item)
    return context.parameter(literal, target ?? meetLiteral(context, node, literal, operand))
  })
  const [only] = items
  // one collection is what the operand equals, not where it is looked for
  if (only?.type?.collection && items.length === 1)
    return { kind: 'binary', operator: 'eq', left: operand, right: only, type: booleanReference }
  return {
    kind: 'in',
    operand: common === undefined ? operand : convertTo(operand, common),
    items,
    type: booleanReference,
  }
}

function promotedOrSame(a: PrimitiveTypeName, b: PrimitiveTypeName | undefined): PrimitiveTypeName {
  return b === undefined ? a : (promotedType(a, b) ?? a)
}

type Arithmetic = 'add' | 'sub' | 'mul' | 'div' | 'divby' | 'mod'

/**
 * Arithmetic (URL Conventions 5.1.1.2). Integers of all sizes are calculated as Int64, whose range their sums do not
 * leave by accident; `divby` of integers as Decimal.
 */
function bindArithmetic(
  context: BindContext,
  node: BinaryNode,
  operator: Exclude<BinaryOperator, Comparison | 'and' | 'or' | 'has' | 'in'>,
  scope: Scope,
): Expression {
  const leftLiteral = context.literalOf(node.left)
  const rightLiteral = context.literalOf(node.right)
  let left: Expression
  let right: Expression
  if (rightLiteral !== undefined && leftLiteral === undefined) {
    left = context.bind(context, node.left, scope)
    right = literalOperand(context, rightLiteral, left, operator)
  } else if (leftLiteral !== undefined && rightLiteral === undefined) {
    right = context.bind(context, node.right, scope)
    left = literalOperand(context, leftLiteral, right, operator)
  } else {
    left = context.bind(context, node.left, scope)
    right = context.bind(context, node.right, scope)
  }
  const p = operandPrimitive(context, node, left, operator)
  const q = operandPrimitive(context, node, right, operator)
  if (p === undefined || q === undefined) {
    // null and dynamic values: the type is known when the row is
    return { kind: 'binary', operator, left, right, type: undefined }
  }
  if (isNumeric(p) && isNumeric(q)) {
    const target = arithmeticType(operator, promotedType(p, q) ?? 'Edm.Double')
    return {
      kind: 'binary',
      operator,
      left: convertTo(left, target),
      right: convertTo(right, target),
      type: primitiveReference(target),
    }
  }
  const temporal = temporalResult(operator, p, q)
  if (temporal === undefined)
    return context.fail('typeMismatch', `'${operator}' cannot be applied to ${p} and ${q}.`, node)
  return {
    kind: 'binary',
    operator,
    left: factor(left, p),
    right: factor(right, q),
    type: primitiveReference(temporal),
  }
}

function operandPrimitive(
  context: BindContext,
  node: Span,
  operand: Expression,
  operator: Arithmetic,
): PrimitiveTypeName | undefined {
  const { type } = operand
  if (type === undefined || (type.type.kind === 'abstract' && !type.collection)) return undefined
  return (
    singlePrimitive(type) ?? context.fail('typeMismatch', `'${operator}' cannot be applied to ${typeName(type)}.`, node)
  )
}

/** What a duration is multiplied with or divided by: Decimal, or Double where it is a floating number. */
function factor(expression: Expression, type: PrimitiveTypeName): Expression {
  if (!isNumeric(type)) return expression
  return convertTo(expression, type === 'Edm.Single' || type === 'Edm.Double' ? 'Edm.Double' : 'Edm.Decimal')
}

/** A literal beside another operand: its slot takes the type in which the two are calculated. */
function literalOperand(
  context: BindContext,
  literal: LiteralLike,
  other: Expression,
  operator: Arithmetic,
): Expression {
  const p = other.type === undefined ? undefined : singlePrimitive(other.type)
  if (p !== undefined && literal.kind === 'literal') {
    const kind = literal.token.literal
    const meeting = isNumeric(p) ? meetingPrimitive(literal, p) : undefined
    if (meeting !== undefined && isNumeric(p))
      return context.parameter(
        literal,
        primitiveReference(arithmeticType(operator, promotedType(p, meeting) ?? meeting)),
      )
    // 4.01 writes durations as plain strings too
    if (kind === 'string' && (operator === 'add' || operator === 'sub') && isTemporal(p))
      return context.parameter(literal, primitiveReference('Edm.Duration'))
    if (p === 'Edm.Duration' && (kind === 'integer' || kind === 'decimal'))
      return context.parameter(literal, primitiveReference('Edm.Decimal'))
  }
  return naturalParameter(context, literal)
}

/** The type in which numbers of a common type are calculated. */
function arithmeticType(operator: Arithmetic, common: PrimitiveTypeName): PrimitiveTypeName {
  if (!isIntegral(common)) return common
  return operator === 'divby' ? 'Edm.Decimal' : 'Edm.Int64'
}

function isTemporal(type: PrimitiveTypeName): boolean {
  return type === 'Edm.DateTimeOffset' || type === 'Edm.Date' || type === 'Edm.Duration'
}

function temporalResult(
  operator: Arithmetic,
  left: PrimitiveTypeName,
  right: PrimitiveTypeName,
): PrimitiveTypeName | undefined {
  switch (operator) {
    case 'add':
      return right === 'Edm.Duration' && isTemporal(left) ? left : undefined
    case 'sub':
      if (right === 'Edm.Duration') return isTemporal(left) ? left : undefined
      return left === right && isTemporal(left) ? 'Edm.Duration' : undefined
    case 'mul':
      return (left === 'Edm.Duration' && isNumeric(right)) || (isNumeric(left) && right === 'Edm.Duration')
        ? 'Edm.Duration'
        : undefined
    case 'div':
    case 'divby':
      return left === 'Edm.Duration' && isNumeric(right) ? 'Edm.Duration' : undefined
    default:
      return undefined
  }
}
