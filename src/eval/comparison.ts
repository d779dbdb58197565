import type { BinaryExpression, Expression } from '../bind/tree.ts'
import { isOrdered as isOrderedProperty } from '../csdl/core.ts'
import { isIntegral } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { Value } from '../edm/value.ts'
import { compareValues, equalUnordered, equalValues, isCollectionValue } from './values.ts'

export type ComparisonOperator = Extract<BinaryExpression['operator'], 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'>

/** A comparison of two values: never null (URL Conventions 5.1.1.1). */
export type Comparison = (a: Value, b: Value) => boolean

const equalItems: Comparison = (a, b) =>
  isCollectionValue(a) && isCollectionValue(b) ? equalUnordered(a, b) : equalValues(a, b)

const comparisons: Readonly<Record<ComparisonOperator, Comparison>> = {
  eq: equalValues,
  ne: (a, b) => !equalValues(a, b),
  // undefined (null, NaN, other kinds) is neither above nor below
  gt: (a, b) => (compareValues(a, b) ?? 0) > 0,
  lt: (a, b) => (compareValues(a, b) ?? 0) < 0,
  ge: (a, b) => (compareValues(a, b) ?? -1) >= 0,
  le: (a, b) => (compareValues(a, b) ?? 1) <= 0,
}

/** What an operator says about values; collections without an order compare as bags. */
export function comparison(operator: ComparisonOperator, left: Expression, right: Expression): Comparison {
  const collections = mayBeCollection(left) || mayBeCollection(right)
  if (!collections || isOrdered(left) || isOrdered(right)) return comparisons[operator]
  return operator === 'ne' ? (a, b) => !equalItems(a, b) : operator === 'eq' ? equalItems : comparisons[operator]
}

/** A literal without a type (JSON beside a dynamic property) may be one. */
function mayBeCollection({ type }: Expression): boolean {
  return type !== undefined && (type.collection || type.type.name === 'Edm.Untyped')
}

/** The equality of `in`. */
export function membership(operand: Expression, items: Expression): Comparison {
  return comparison('eq', operand, items)
}

/** Whether a three-way result fulfils an operator. */
export function accepts(operator: ComparisonOperator, order: number): boolean {
  switch (operator) {
    case 'eq':
      return order === 0
    case 'ne':
      return order !== 0
    case 'gt':
      return order > 0
    case 'ge':
      return order >= 0
    case 'lt':
      return order < 0
    case 'le':
      return order <= 0
  }
}

/** The operator that says the same with its operands exchanged. */
export const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  eq: 'eq',
  ne: 'ne',
  gt: 'lt',
  ge: 'le',
  lt: 'gt',
  le: 'ge',
}

export function isComparison(operator: BinaryExpression['operator']): operator is ComparisonOperator {
  return operator in mirrored
}

/**
 * An operand without its implicit promotion from an integer type: such numbers compare exactly with all others ("types
 * of sufficient size", URL Conventions 5.1.1.18; MongoDB does the same).
 */
export function comparand(expression: Expression): Expression {
  if (expression.kind !== 'convert' || expression.explicit) return expression
  const { type } = expression.operand
  const name = type === undefined || type.collection ? undefined : primitiveOf(type.type)?.name
  return name !== undefined && isIntegral(name) ? expression.operand : expression
}

/** Whether a collection is ordered: a list of expressions; a property or navigation property annotated Core.Ordered. */
export function isOrdered(expression: Expression): boolean {
  if (expression.kind === 'list') return true
  if (expression.kind !== 'member') return false
  const step = expression.steps.at(-1)
  return step !== undefined && (step.kind === 'property' || step.kind === 'navigation')
    ? isOrderedProperty(step.property)
    : false
}
