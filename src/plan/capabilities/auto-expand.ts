import { noQuery } from '../../bind/no-query.ts'
import type { ExpandItem } from '../../bind/tree.ts'
import { isAutoExpanded, isAutoExpandedAsReference } from '../../csdl/core.ts'
import type { NavigationProperty } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Requirements } from './access.ts'
import { behindItem, type CheckedQuery, checkQuery } from './query.ts'

/** Up to how many properties are expanded, and how deep, with what the model adds: it must not break the limits of $expand. */
const most = { items: 20, depth: 4 }

/**
 * What is expanded: what the client asks for, and navigation properties with Core.AutoExpand or AutoExpandReferences, inside the entities
 * of other expansions too (there each property once on its way). One is left out where it is restricted, cannot be expanded, or asks more of
 * the caller than the rows themselves do: a request must not fail of what it does not name.
 * @param expand what the client asks for, as checked
 * @param requirements of the request without what is added
 * @param canExpand whether it is known where the entities are
 */
export function withAutoExpanded(
  checked: CheckedQuery,
  expand: readonly ExpandItem[],
  requirements: Requirements,
  canExpand: (item: ExpandItem) => boolean,
): readonly ExpandItem[] {
  const budget = { items: countOf(expand) }
  return inside(checked, expand, canExpand, [], 1)

  function inside(
    from: CheckedQuery,
    asked: readonly ExpandItem[],
    can: (item: ExpandItem) => boolean,
    way: readonly NavigationProperty[],
    // how often it is repeated by $levels of what it stands in
    times: number,
  ): readonly ExpandItem[] {
    if (way.length >= most.depth) return asked
    const all = [...asked]
    for (const property of from.position.place.type?.allNavigationProperties.values() ?? []) {
      if (budget.items + times > most.items) break
      const item =
        way.includes(property) || asked.some((other) => other.property === property) ? undefined : itemOf(property)
      if (item === undefined || !isAllowed(from, item, requirements) || !can(item)) continue
      budget.items += times
      all.push(item)
    }
    const nested = all.map((item) => {
      if (item.as !== 'entities' || item.apply !== undefined) return item
      const behind = behindItem(from, item)
      const canInside = (inner: ExpandItem) =>
        can({ ...item, query: { ...item.query, expand: [...item.query.expand, inner] } })
      const inner = inside(behind, item.query.expand, canInside, [...way, item.property], times * levelsOf(item))
      return inner === item.query.expand ? item : { ...item, query: { ...item.query, expand: inner } }
    })
    return nested.length === asked.length && nested.every((item, i) => item === asked[i]) ? asked : nested
  }
}

/** As plan/expansion.ts counts them: each level is one. */
function countOf(items: readonly ExpandItem[]): number {
  return items.reduce((sum, item) => sum + levelsOf(item) * (1 + countOf(item.query.expand)), 0)
}

function levelsOf({ levels }: ExpandItem): number {
  return levels === 'max' ? most.depth + 1 : levels
}

function itemOf(property: NavigationProperty): ExpandItem | undefined {
  const whole = isAutoExpanded(property)
  if (!whole && !isAutoExpandedAsReference(property)) return undefined
  return { path: [], property, as: whole ? 'entities' : 'references', levels: 1, query: noQuery }
}

function isAllowed(checked: CheckedQuery, item: ExpandItem, requirements: Requirements): boolean {
  const own = new Requirements()
  try {
    checkQuery({ ...checked, query: { ...checked.query, expand: [item] } }, own)
  } catch (error) {
    if (error instanceof ODataError) return false
    throw error
  }
  return requirements.cover(own)
}
