import type { Expression } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'

/** The conditions that must all hold. */
export function conjuncts(expression: Expression | undefined): readonly Expression[] {
  if (expression === undefined) return []
  if (expression.kind !== 'binary' || expression.operator !== 'and') return [expression]
  return [...conjuncts(expression.left), ...conjuncts(expression.right)]
}

/** One condition of several; undefined of none. */
export function conjunction(parts: readonly Expression[]): Expression | undefined {
  return parts.reduce<Expression | undefined>(
    (left, right) =>
      left === undefined ? right : { kind: 'binary', operator: 'and', left, right, type: booleanReference },
    undefined,
  )
}
