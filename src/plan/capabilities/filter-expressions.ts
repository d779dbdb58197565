import type { BinaryExpression, Expression } from '../../bind/tree.ts'

/**
 * The forms of Capabilities.FilterExpressionType. All conditions given look at one property only; here is decided
 * whether together they are of the form.
 */

/** The operands of `and`, at any depth. */
export function conjunctsOf(condition: Expression): readonly Expression[] {
  return operandsOf(condition, 'and')
}

function operandsOf(condition: Expression, operator: 'and' | 'or'): readonly Expression[] {
  if (condition.kind === 'binary' && condition.operator === operator)
    return [...operandsOf(condition.left, operator), ...operandsOf(condition.right, operator)]
  return [condition]
}

/**
 * Whether the conditions on one property, joined by `and`, are of a form.
 * @param form `SingleValue`, `MultiValue`, ...; an unknown one allows nothing
 */
export function isAllowed(form: string, conditions: readonly Expression[]): boolean {
  const [only, ...more] = conditions
  if (only === undefined) return true
  const alternatives = more.length === 0 ? operandsOf(only, 'or') : []
  const each = (test: (condition: Expression) => boolean): boolean =>
    alternatives.length > 0 && alternatives.every(test)
  switch (form) {
    case 'SingleValue':
      return alternatives.length === 1 && each((condition) => isComparison(condition, ['eq']))
    case 'MultiValue':
      return each(isValue)
    case 'SingleRange':
      return isInterval(conditions)
    case 'MultiRange':
      return (
        isInterval(conditions) ||
        each((condition) => isValue(condition) || isInterval(conjunctsOf(condition))) ||
        conditions.every((condition) => isComparison(condition, ['ne']))
      )
    case 'SearchExpression':
      return each(isTextTest)
    case 'MultiRangeOrSearchExpression':
      return (
        isAllowed('MultiRange', conditions) ||
        each((condition) => isTextTest(condition) || isValue(condition) || isInterval(conjunctsOf(condition)))
      )
    default:
      return false
  }
}

function isValue(condition: Expression): boolean {
  if (condition.kind === 'in') return isProperty(condition.operand) && condition.items.every(isLiteral)
  return isComparison(condition, ['eq'])
}

/** One comparison, or a lower and an upper bound. */
function isInterval(conditions: readonly Expression[]): boolean {
  const [first, second, ...more] = conditions
  if (first === undefined || more.length > 0) return false
  if (second === undefined) return isComparison(first, ['eq', 'le', 'lt', 'ge', 'gt'])
  const lower = ['ge', 'gt']
  const upper = ['le', 'lt']
  return (
    (isComparison(first, lower) && isComparison(second, upper)) ||
    (isComparison(first, upper) && isComparison(second, lower))
  )
}

const mirrored: Readonly<Record<string, string>> = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' }

/** `property op literal`, or the same with its sides exchanged. */
function isComparison(condition: Expression, operators: readonly string[]): condition is BinaryExpression {
  if (condition.kind !== 'binary') return false
  const { operator, left, right } = condition
  if (isProperty(left) && isLiteral(right)) return operators.includes(operator)
  return isLiteral(left) && isProperty(right) && operators.includes(mirrored[operator] ?? '')
}

function isTextTest(condition: Expression): boolean {
  if (condition.kind !== 'call') return false
  const [property, text] = condition.arguments
  return (
    (condition.function === 'startswith' || condition.function === 'endswith' || condition.function === 'contains') &&
    property !== undefined &&
    text !== undefined &&
    isProperty(property) &&
    isLiteral(text)
  )
}

function isProperty(expression: Expression): boolean {
  return plain(expression).kind === 'member'
}

function isLiteral(expression: Expression): boolean {
  const { kind } = plain(expression)
  return kind === 'parameter' || kind === 'constant'
}

/** Without the conversions that binding puts in. */
function plain(expression: Expression): Expression {
  return expression.kind === 'convert' && !expression.explicit ? plain(expression.operand) : expression
}
