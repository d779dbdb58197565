import type { Expression, MemberStep } from '../tree.ts'
import { itemReference, singlePrimitive } from '../type-references.ts'

/**
 * What tells groups apart: single primitive properties of the instances, and keys of related entities. Paths into what may be null
 * do not: null and a null inside are two groups.
 */
export function groupKey(
  paths: readonly (readonly MemberStep[])[],
  inner: readonly Expression[] | undefined,
): readonly Expression[] | undefined {
  if (inner === undefined) return undefined
  const key: Expression[] = []
  for (const [first, ...rest] of paths) {
    if (first === undefined || rest.length > 0) return undefined
    if (first.kind === 'property') {
      if (singlePrimitive(first.property.type) === undefined && first.property.type.type.kind !== 'enum')
        return undefined
      key.push({ kind: 'member', variable: '$it', steps: [first], type: first.property.type })
    } else if (first.kind === 'navigation' && first.property.type.kind === 'entity') {
      const { type } = first.property
      for (const part of type.key) {
        if (part.path.length !== 1) return undefined
        const steps: readonly MemberStep[] = [first, { kind: 'property', property: part.property }]
        key.push({ kind: 'member', variable: '$it', steps, type: itemReference(part.property.type) })
      }
      if (type.key.length === 0) return undefined
    } else return undefined
  }
  return [...key, ...inner]
}

/** Whether an expression looks at the instance it is evaluated for. */
export function readsInstance(expression: Expression): boolean {
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
      return false
    case 'binary':
      return readsInstance(expression.left) || readsInstance(expression.right)
    case 'unary':
    case 'convert':
    case 'isOf':
      return readsInstance(expression.operand)
    case 'list':
      return expression.items.some(readsInstance)
    case 'call':
      return expression.arguments.some(readsInstance)
    case 'case':
      return expression.branches.some(({ condition, value }) => readsInstance(condition) || readsInstance(value))
    case 'in':
      return readsInstance(expression.operand) || expression.items.some(readsInstance)
    default:
      return true
  }
}
