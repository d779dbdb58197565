import type { Expression, MemberStep, OrderByItem } from '../bind/tree.ts'
import type { EntityType, KeyProperty, Property, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'

/**
 * The client's order made total, so that paging meets every row once: key properties that it does not hold are added, and what
 * stands behind the last of them decides nothing and is left out, so that no store evaluates it.
 */
export function totalOrder(orderby: readonly OrderByItem[], type: EntityType): readonly OrderByItem[] {
  const missing = new Set(type.key)
  const items: OrderByItem[] = []
  for (const item of orderby) {
    if (type.key.length > 0 && missing.size === 0) break
    items.push(item)
    for (const part of missing) if (isKey(item.expression, part)) missing.delete(part)
  }
  for (const part of missing) items.push({ expression: keyExpression(type, part), descending: false })
  return items
}

function isKey(expression: Expression, part: KeyProperty): boolean {
  return (
    expression.kind === 'member' &&
    expression.variable === '$it' &&
    expression.steps.length === part.path.length &&
    expression.steps.every((step, i) => step.kind === 'property' && step.property.name === part.path[i])
  )
}

function keyExpression(type: EntityType, part: KeyProperty): Expression {
  const steps: MemberStep[] = []
  let owner: StructuredType | undefined = type
  for (const name of part.path) {
    const property: Property | undefined = owner?.allProperties.get(name)
    if (property === undefined)
      throw new ODataError('notImplemented', 'Keys over navigation properties are not implemented by this service.')
    steps.push({ kind: 'property', property })
    owner = isStructured(property.type.type) ? property.type.type : undefined
  }
  return { kind: 'member', variable: '$it', steps, type: part.property.type }
}
