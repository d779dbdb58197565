import { noQuery } from '../../bind/no-query.ts'
import type { ExpandItem } from '../../bind/tree.ts'
import { isAutoExpanded, isAutoExpandedAsReference } from '../../csdl/core.ts'
import type { NavigationProperty } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Requirements } from './access.ts'
import { type CheckedQuery, checkQuery } from './query.ts'

/**
 * What is expanded though the client does not ask for it: navigation properties with Core.AutoExpand or AutoExpandReferences. One is
 * left out where it is restricted, cannot be expanded, or asks more of the caller than the rows themselves do: a request must not fail
 * of what it does not name.
 * @param requirements of the request without them
 * @param canExpand whether it is known where the entities are
 */
export function autoExpanded(
  checked: CheckedQuery,
  requirements: Requirements,
  canExpand: (item: ExpandItem) => boolean,
): readonly ExpandItem[] {
  const { type } = checked.position.place
  const items: ExpandItem[] = []
  for (const property of type?.allNavigationProperties.values() ?? []) {
    const named = checked.query.expand.some((item) => item.property === property)
    const item = named ? undefined : itemOf(property)
    if (item !== undefined && isAllowed(checked, item, requirements) && canExpand(item)) items.push(item)
  }
  return items
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
