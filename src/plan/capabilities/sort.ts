import { computedFrom } from '../../bind/apply/dynamic.ts'
import type { Expression, OrderByItem } from '../../bind/tree.ts'
import { sortRestrictionsIn } from '../../csdl/capabilities.ts'
import { restrictionsOf } from './capability.ts'
import { checkCounted } from './count.ts'
import type { Place } from './place.ts'
import { checkReadable } from './readable.ts'
import { coveredBy, type Variables, type View, visit } from './references.ts'
import { type OptionName, refuse } from './refuse.ts'

/**
 * $orderby against Capabilities.SortRestrictions and Core.Permissions.
 * @throws ODataError queryOptionNotAllowed
 */
export function checkSort(
  option: OptionName,
  place: Place,
  orderby: readonly OrderByItem[],
  variables: Variables,
): void {
  if (orderby.length === 0) return
  for (const { expression, descending } of orderby) {
    const direct = isDirect(expression)
    visit(expression, variables, {
      reference: (found) => {
        checkReadable(option, found)
        for (const view of found.views) checkView(option, view, place, descending, direct)
      },
      counted: (found) => checkCounted(option, found),
    })
  }
  if (restrictionsOf(place, 'SortRestrictions', sortRestrictionsIn).sortable === false)
    refuse(option, `cannot be applied to '${place.name}'`, `${term}/Sortable`)
}

/** Whether an order is that of a property itself, if by another name. */
function isDirect(expression: Expression): boolean {
  if (expression.kind !== 'member') return false
  return expression.steps.every((step) => step.kind !== 'property' || computedFrom(step.property).every(isDirect))
}

const term = 'Capabilities.SortRestrictions'

function checkView(option: OptionName, { place, path }: View, of: Place, descending: boolean, direct: boolean): void {
  const restrictions = restrictionsOf(place, 'SortRestrictions', sortRestrictionsIn)
  const { nonSortableProperties, ascendingOnlyProperties, descendingOnlyProperties } = restrictions
  if (restrictions.sortable === false && path !== '' && place.levels >= of.levels)
    refuse(option, `cannot look at '${path}' of '${place.name}'`, `${term}/Sortable`)
  if (coveredBy(path, nonSortableProperties) !== undefined)
    refuse(option, `cannot look at '${path}' of '${place.name}'`, `${term}/NonSortableProperties`)
  // what is calculated from the property may run the other way
  if (coveredBy(path, ascendingOnlyProperties) !== undefined && (descending || !direct))
    refuse(option, `can sort by '${path}' of '${place.name}' ascending only`, `${term}/AscendingOnlyProperties`)
  if (coveredBy(path, descendingOnlyProperties) !== undefined && (!descending || !direct))
    refuse(option, `can sort by '${path}' of '${place.name}' descending only`, `${term}/DescendingOnlyProperties`)
}
