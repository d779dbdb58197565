import type { Expression, InvocationExpression } from '../bind/tree.ts'
import { visit } from './capabilities/references.ts'

/** The calls of functions in expressions, each once: those that others take as arguments come first. */
export function callsIn(expressions: Iterable<Expression>): readonly InvocationExpression[] {
  const found = new Set<InvocationExpression>()
  const node = (one: Expression): void => {
    if (one.kind !== 'invocation') return
    found.delete(one)
    found.add(one)
  }
  for (const expression of expressions) visit(expression, new Map(), { reference: () => {}, node })
  return [...found].reverse()
}
