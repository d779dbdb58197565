import { choosesItems } from '../bind/select.ts'
import type { BoundPath } from '../bind/tree.ts'
import { bool, member } from '../edm/annotations.ts'
import type { Model } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { capabilityOf } from './capabilities/capability.ts'
import { positionsOf } from './capabilities/references.ts'
import type { Hop, ReadPlan } from './plan.ts'

/**
 * Why the changes of a result cannot be tracked (Protocol 11.3); undefined: they can. What is tracked is a collection of entities of one stored collection, whose members are decided by
 * their own values: nothing else than a write to one of them then changes the result.
 */
export function trackingRefusal(model: Model, path: BoundPath, plan: ReadPlan): string | undefined {
  const { root, single } = plan.source
  if (path.resource !== 'entityCollection' || single || plan.member.length > 0)
    return 'only changes of collections of entities can be tracked'
  if (root.kind === 'result') return 'the result of an operation cannot be tracked'
  if (root.kind === 'singleton' || root.type.key.length === 0) return `${root.name} cannot be tracked`
  if (root.type.key.some(({ path: names }) => names.length > 1))
    return `${root.name} has a key inside a complex property, which cannot be tracked`
  // their `_id` does not hold all of the value
  if (root.type.key.some(({ property }) => primitiveOf(property.type.type)?.name === 'Edm.DateTimeOffset'))
    return `${root.name} has a DateTimeOffset in its key, which cannot be tracked`
  if (plan.related !== undefined) return 'a $filter or $orderby that follows navigation properties cannot be tracked'
  if (plan.expand.length > 0) return '$expand cannot be tracked: changes of related entities are not reported'
  if (plan.streams !== undefined) return 'streams in $expand cannot be tracked'
  if (choosesItems(plan.select)) return 'options of collections inside $select cannot be tracked'
  if (plan.top !== undefined || plan.skip !== undefined) return '$top and $skip cannot be tracked'
  if (!(plan.hops ?? []).every(isSteady))
    return 'what entities are related to by links, or by way of a single-valued navigation property, cannot be tracked'
  const place = positionsOf(model, path).at(-1)?.place
  if (place !== undefined && bool(member(capabilityOf(place, 'ChangeTracking'), 'Supported')) === false)
    return `${place.name} is not tracked (Capabilities.ChangeTracking)`
  return undefined
}

/** Whether no write to another entity than those tracked changes what a step of navigation leads to. */
function isSteady({ plan, property, values }: Hop): boolean {
  if (property?.collection === false) return false
  const { type } = plan.source
  return values.every((value) => {
    if (value.kind !== 'member') return value.kind === 'owner'
    const { expression } = value
    const step = expression.kind === 'member' && expression.steps.length === 1 ? expression.steps[0] : undefined
    return step?.kind === 'property' && type.key.some((part) => part.property === step.property)
  })
}
