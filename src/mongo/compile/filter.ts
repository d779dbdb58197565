import type { BinaryExpression, CallExpression, ConvertExpression, Expression, InExpression } from '../../bind/tree.ts'
import { primitiveOf } from '../../edm/types.ts'
import { type ComparisonOperator, comparand, isComparison, mirrored } from '../../eval/comparison.ts'
import { isCollectionValue } from '../../eval/values.ts'
import { compareField, isOneOf } from './comparison.ts'
import {
  allOf,
  anyOf,
  type Condition,
  complementOf,
  exactOf,
  type Filter,
  type Placement,
  unsure,
} from './condition.ts'
import { type Constant, constantOf } from './constant.ts'
import { type Field, fieldOf, type QueryContext } from './field.ts'
import { compileLambda } from './lambda.ts'
import { exprCondition } from './native/expression.ts'
import { equalsStructured } from './structured.ts'
import { textPattern } from './text.ts'

/**
 * Filters as match operators. The logic is three-valued (URL Conventions 5.1.1.1): an expression has the rows where it is
 * true and those where it is false; where it is null, neither. `not` exchanges the two, `and` and `or` combine them, so a
 * negation never meets a null at the leaves. What is not known here is `unsure`: all rows, tested again by `eval/`.
 */

/** The rows where the expression is true (`wanted`) or false: by match operators, else by `$expr`, else more widely. */
export function compileFilter(expression: Expression, context: QueryContext, wanted = true): Condition {
  const matching = compileMatch(expression, context, wanted)
  const { kind } = expression
  // the parts of `not`, `and`, `or` are compiled each for itself; `$elemMatch` takes no `$expr`
  const whole =
    (kind !== 'unary' || expression.operator !== 'not') && !(kind === 'binary' && isLogic(expression.operator))
  return whole && context.item === undefined
    ? exactOf(matching, () => exprCondition(expression, context, wanted))
    : matching
}

function isLogic(operator: BinaryExpression['operator']): boolean {
  return operator === 'and' || operator === 'or'
}

function compileMatch(expression: Expression, context: QueryContext, wanted: boolean): Condition {
  switch (expression.kind) {
    case 'constant':
    case 'parameter':
      return constantCondition(expression, context, wanted)
    case 'unary':
      return expression.operator === 'not' ? compileFilter(expression.operand, context, !wanted) : unsure
    case 'binary':
      return compileBinary(expression, context, wanted)
    case 'in':
      return twoValued(compileIn(expression, context), wanted)
    case 'member': {
      const field = fieldOf(expression, context)
      return field?.kind === 'boolean' ? () => ({ [field.path]: wanted }) : unsure
    }
    case 'call':
      return compileCall(expression, context, wanted)
    case 'lambda':
      return compileLambda(expression, context, wanted, compileFilter)
    default:
      return isConstantBoolean(expression, context, wanted)
  }
}

/** Of an expression that is true or false and nothing else: where it is false it is not true. */
function twoValued(condition: Condition, wanted: boolean): Condition {
  return wanted || condition === unsure ? condition : complementOf(condition)
}

function isConstantBoolean(expression: Expression, context: QueryContext, wanted: boolean): Condition {
  return constantOf(expression, context) === undefined ? unsure : constantCondition(expression, context, wanted)
}

function constantCondition(expression: Expression, context: QueryContext, wanted: boolean): Condition {
  const constant = constantOf(expression, context)
  return constant === undefined ? unsure : (placement) => constant(placement) === wanted
}

function compileBinary(expression: BinaryExpression, context: QueryContext, wanted: boolean): Condition {
  const { operator } = expression
  if (operator === 'and' || operator === 'or') {
    const sides = [expression.left, expression.right].map((side) => compileFilter(side, context, wanted))
    return (operator === 'and') === wanted ? allOf(sides) : anyOf(sides)
  }
  if (isComparison(operator)) return twoValued(compileComparison(expression, operator, context), wanted)
  if (operator === 'has') return compileHas(expression, context, wanted)
  return unsure
}

function compileComparison(
  { left, right }: BinaryExpression,
  operator: ComparisonOperator,
  context: QueryContext,
): Condition {
  const leftField = comparableField(left, context)
  if (leftField) return compareWith(leftField, operator, constantOf(comparand(right), context), context)
  const rightField = comparableField(right, context)
  if (rightField) return compareWith(rightField, mirrored[operator], constantOf(comparand(left), context), context)
  if (operator !== 'eq' && operator !== 'ne') return unsure
  const equal =
    equalsStructured(left, constantOf(right, context), context) ??
    equalsStructured(right, constantOf(left, context), context)
  if (equal === undefined) return unsure
  return operator === 'eq' ? equal : complementOf(equal)
}

function compareWith(
  field: Field,
  operator: ComparisonOperator,
  constant: Constant | undefined,
  context: QueryContext,
): Condition {
  if (constant === undefined) return unsure
  return (placement) => compareField(field, operator, constant(placement), context.layout) ?? unsure(placement)
}

/** The field of an operand, through promotions that lose nothing: those from integers, and from Single to Double. */
function comparableField(expression: Expression, context: QueryContext): Field | undefined {
  const plain = comparand(expression)
  return fieldOf(plain.kind === 'convert' && isSingleToDouble(plain) ? plain.operand : plain, context)
}

function isSingleToDouble({ operand, target, explicit }: ConvertExpression): boolean {
  if (explicit || operand.type === undefined || operand.type.collection) return false
  return primitiveOf(operand.type.type)?.name === 'Edm.Single' && primitiveOf(target.type)?.name === 'Edm.Double'
}

function compileIn(expression: InExpression, context: QueryContext): Condition {
  const field = comparableField(expression.operand, context)
  if (field === undefined) return unsure
  const [first] = expression.items
  if (expression.items.length === 1 && first?.type?.collection) {
    const list = constantOf(first, context)
    if (list === undefined) return unsure
    return (placement) => {
      const values = list(placement)
      if (values === null) return unsure(placement)
      if (!isCollectionValue(values)) return unsure(placement)
      return isOneOf(field, values, context.layout) ?? unsure(placement)
    }
  }
  const items = expression.items.map((item) => constantOf(comparand(item), context))
  const constants = items.filter((item) => item !== undefined)
  if (constants.length < items.length) return unsure
  return (placement) => {
    const values = constants.map((constant) => constant(placement))
    return isOneOf(field, values, context.layout) ?? unsure(placement)
  }
}

/** `has`: all bits of the flags; null where the field is null. */
function compileHas({ left, right }: BinaryExpression, context: QueryContext, wanted: boolean): Condition {
  const field = fieldOf(left, context)
  const flags = constantOf(right, context)
  if (field?.kind !== 'enum' || flags === undefined) return unsure
  return (placement) => {
    const value = flags(placement)
    if (value === null) return false
    if (typeof value !== 'bigint' || value < 0n || value >= 2n ** 31n) return unsure(placement)
    return { [field.path]: { $ne: null, [wanted ? '$bitsAllSet' : '$bitsAnyClear']: Number(value) } }
  }
}

function compileCall(expression: CallExpression, context: QueryContext, wanted: boolean): Condition {
  const { function: name, arguments: args } = expression
  if (name !== 'contains' && name !== 'startswith' && name !== 'endswith')
    return isConstantBoolean(expression, context, wanted)
  const [operand, part] = args
  const field = operand && fieldOf(operand, context)
  const constant = part && constantOf(part, context)
  if (!constant) return unsure
  if (field?.kind !== 'string' || primitiveOf(field.type.type)?.name !== 'Edm.String')
    return isConstantBoolean(expression, context, wanted)
  return (placement: Placement): Filter | boolean => {
    const text = constant(placement)
    if (typeof text !== 'string') return text === null ? false : unsure(placement)
    // every text has the empty one in it
    if (text === '') return wanted ? { [field.path]: { $type: 'string' } } : false
    const pattern = textPattern(name, text)
    if (!pattern.exact) {
      placement.exact = false
      if (!wanted) return true
    }
    const regex = { $regex: pattern.source, $options: pattern.options }
    return { [field.path]: wanted ? regex : { $type: 'string', $not: regex } }
  }
}
