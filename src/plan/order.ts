import type { Expression, MemberStep, OrderByItem } from '../bind/tree.ts'
import type { EntityType, KeyProperty, Property, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'

/** Adds the key properties that the client's order does not hold, so that paging meets every row once. */
export function totalOrder(orderby: readonly OrderByItem[], type: EntityType): readonly OrderByItem[] {
  const missing = type.key.filter((part) => !orderby.some(({ expression }) => isKey(expression, part)))
  return [
    ...orderby,
    ...missing.map((part): OrderByItem => ({ expression: keyExpression(type, part), descending: false })),
  ]
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
