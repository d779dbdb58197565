import type { Expression } from '../../bind/tree.ts'
import type { Value } from '../../edm/value.ts'
import { prepareValue } from '../../eval/compile.ts'
import type { Placement } from './condition.ts'
import type { QueryContext } from './field.ts'

/** The value of an expression that depends on no row. @throws ODataError what evaluating a constant throws (400) */
export type Constant = (placement: Placement) => Value

/** The empty BSON document. */
const noRow = Uint8Array.of(5, 0, 0, 0, 0)

/** An expression without members of a row, as a function of the parameters; undefined where it needs a row. */
export function constantOf(expression: Expression, context: QueryContext): Constant | undefined {
  if (!isConstant(expression)) return undefined
  if (expression.kind === 'parameter') {
    const { index } = expression
    return (placement) => placement.parameters[index] ?? null
  }
  if (expression.kind === 'constant') {
    const { value } = expression
    return () => value
  }
  const prepared = prepareValue(expression, context)
  return (placement) => prepared(placement.parameters, { now: placement.now })(noRow)
}

/** Whether no part of an expression reads a row. */
export function isConstant(expression: Expression): boolean {
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
      return true
    case 'member':
    case 'lambda':
    case 'count':
    case 'aggregate':
    case 'defined':
    case 'invocation':
      return false
    case 'binary':
      return isConstant(expression.left) && isConstant(expression.right)
    case 'unary':
    case 'convert':
    case 'isOf':
      return isConstant(expression.operand)
    case 'in':
      return isConstant(expression.operand) && expression.items.every(isConstant)
    case 'list':
      return expression.items.every(isConstant)
    case 'call':
      return expression.arguments.every(isConstant)
    case 'case':
      return expression.branches.every(({ condition, value }) => isConstant(condition) && isConstant(value))
  }
}
