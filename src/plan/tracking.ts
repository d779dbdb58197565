import { choosesItems } from '../bind/select.ts'
import type { BoundPath, ExpandItem } from '../bind/tree.ts'
import { paths } from '../csdl/core.ts'
import { bool, member } from '../edm/annotations.ts'
import type { AnnotationExpression, Model } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { capabilityOf, withoutCasts } from './capabilities/capability.ts'
import { namesOf } from './capabilities/place.ts'
import { coveredBy, type PathPosition, positionsOf, visit } from './capabilities/references.ts'
import type { Expansion, Hop, ReadPlan, SourceRoot } from './plan.ts'
import { reverseOf } from './reverse.ts'

/**
 * Why the changes of a result cannot be tracked (Protocol 11.3); undefined: they can. What is tracked is a collection of entities of one stored collection, whose members are decided by
 * their own values, and what is expanded of them, at each level, if it can be found from either side.
 */
export function trackingRefusal(model: Model, path: BoundPath, plan: ReadPlan): string | undefined {
  const { root, single } = plan.source
  if (path.resource !== 'entityCollection' || single || plan.member.length > 0)
    return 'only changes of collections of entities can be tracked'
  if (root.kind === 'singleton') return `${root.name} cannot be tracked`
  const ofRoot = rootRefusal(root)
  if (ofRoot !== undefined) return ofRoot
  if (plan.related !== undefined)
    return 'a $filter or $orderby that follows navigation properties or calls functions cannot be tracked'
  if (plan.computed?.related !== undefined)
    return 'what $compute defines by navigation properties or functions cannot be tracked'
  if (choosesItems(plan.select)) return 'options of collections inside $select cannot be tracked'
  if (plan.top !== undefined || plan.skip !== undefined) return '$top and $skip cannot be tracked'
  if (!(plan.hops ?? []).every(isSteady))
    return 'what entities are related to by links, or by way of a single-valued navigation property, cannot be tracked'
  const position = positionsOf(model, path).at(-1)
  const record = position && capabilityOf(position.place, 'ChangeTracking')
  if (position !== undefined && bool(member(record, 'Supported')) === false)
    return `${position.place.name} is not tracked (Capabilities.ChangeTracking)`
  for (const expansion of plan.expansions ?? []) {
    const refusal = expansionRefusal(expansion)
    if (refusal !== undefined) return refusal
  }
  return position && listedRefusal(position, record, plan)
}

/** ChangeTracking/FilterableProperties and ExpandableProperties, where they name any. */
function listedRefusal(
  position: PathPosition,
  record: AnnotationExpression | undefined,
  { filter, expand }: ReadPlan,
): string | undefined {
  const expandable = (paths(member(record, 'ExpandableProperties')) ?? []).map(withoutCasts)
  const other = expandable.length === 0 ? undefined : expandedPaths(expand).find((one) => !expandable.includes(one))
  if (other !== undefined)
    return `$expand of ${other} is not tracked (Capabilities.ChangeTracking/ExpandableProperties)`
  const filterable = paths(member(record, 'FilterableProperties')) ?? []
  if (filterable.length === 0) return undefined
  let found: string | undefined
  for (const expression of [...position.conditions, ...(filter === undefined ? [] : [filter])])
    visit(expression, new Map([['$it', { ...position, steps: [] }]]), {
      reference: ({ views }) => {
        for (const view of views)
          if (view.place === position.place && view.path !== '' && coveredBy(view.path, filterable) === undefined)
            found ??= view.path
      },
    })
  return found && `a $filter on ${found} is not tracked (Capabilities.ChangeTracking/FilterableProperties)`
}

/** The paths of what is expanded, at all levels, from the row. */
function expandedPaths(items: readonly ExpandItem[]): readonly string[] {
  return items.flatMap(({ path, property, query }) => {
    const own = [...namesOf(path), property.name].join('/')
    return [own, ...expandedPaths(query.expand).map((one) => `${own}/${one}`)]
  })
}

/** Why the rows of a stored collection cannot be tracked. */
function rootRefusal(root: SourceRoot): string | undefined {
  if (root.kind === 'result') return 'the result of an operation cannot be tracked'
  // of an owner's only entity the key is not needed
  const key = root.kind === 'contained' && !root.property.collection ? [] : root.type.key
  if (key.length === 0 && root.kind !== 'contained') return `${root.name} cannot be tracked`
  if (key.some(({ path: names }) => names.length > 1))
    return `${root.name} has a key inside a complex property, which cannot be tracked`
  // their `_id` does not hold all of the value
  if (key.some(({ property }) => primitiveOf(property.type.type)?.name === 'Edm.DateTimeOffset'))
    return `${root.name} has a DateTimeOffset in its key, which cannot be tracked`
  return undefined
}

/** Why the changes of what is expanded cannot be tracked. */
function expansionRefusal(expansion: Expansion): string | undefined {
  const { item, items, one, outer } = expansion
  const { property, as, levels, path, query } = item
  const refused = (what: string) => `${what} in $expand of ${property.name} cannot be tracked`
  if (as === 'count') return refused('$count')
  if (items !== undefined) return refused('a collection of complex values')
  if (path.some(({ kind }) => kind !== 'property')) return refused('a type cast')
  if (levels !== 1) return refused('$levels')
  if (query.top !== undefined || query.skip !== undefined) return refused('$top or $skip')
  if (query.orderby.length > 0) return refused('$orderby')
  if (query.count) return refused('$count')
  if (query.compute.length > 0) return refused('$compute')
  if (outer.length > 0) return refused('$it')
  if (one.related !== undefined) return refused('a $filter that follows navigation properties or calls functions')
  if (choosesItems(query.select)) return refused('an option inside $select')
  if (reverseOf(expansion) === undefined || one.source.root.kind === 'singleton')
    return `$expand of ${property.name} cannot be tracked: its entities do not say which they are related to`
  const ofRoot = rootRefusal(one.source.root)
  if (ofRoot !== undefined) return ofRoot
  for (const nested of expansion.expansions) {
    const refusal = expansionRefusal(nested)
    if (refusal !== undefined) return refusal
  }
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
