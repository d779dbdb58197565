import type { Expression, MemberStep, OrderByItem } from '../bind/tree.ts'
import { keepsOrder } from '../csdl/core.ts'
import type { EntityType, KeyProperty, Property, StructuredType, TypeReference } from '../edm/model.ts'
import { primitiveType } from '../edm/primitives.ts'
import { isStructured } from '../edm/types.ts'
import { orderField } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { SourceRoot } from './plan.ts'

/**
 * The order that contained entities are kept in (bson/entity-order.ts), where the model says that they have one; of entities with the same, or
 * with none, their keys decide.
 */
export function keptOrder(root: SourceRoot, descending = false): readonly OrderByItem[] {
  const { type } = root
  if (root.kind !== 'contained' || !keepsOrder(root.property)) return totalOrder([], type)
  let kept = orders.get(root)
  if (kept === undefined) {
    const property: Property = {
      kind: 'property',
      name: orderField,
      type: text,
      defaultValue: undefined,
      declaringType: type,
      annotations: [],
    }
    const expression: Expression = {
      kind: 'member',
      variable: '$it',
      steps: [{ kind: 'property', property }],
      type: text,
    }
    kept = [{ expression, descending: false }, ...totalOrder([], type)]
    orders.set(root, kept)
  }
  return descending ? kept.map((item) => ({ ...item, descending: true })) : kept
}

const orders = new WeakMap<SourceRoot, readonly OrderByItem[]>()
const text: TypeReference = { type: primitiveType('Edm.String'), collection: false, nullable: true, facets: {} }

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
