import { enumMembers } from '../../csdl/core.ts'
import { annotationOf, member } from '../../edm/annotations.ts'
import { capabilityOf } from './capability.ts'
import type { Place } from './place.ts'

const term = 'Org.OData.Capabilities.V1.NavigationRestrictions'

/**
 * Why a navigation property must not be followed (Capabilities.NavigationRestrictions: `None`, or a second step behind
 * `Single`); undefined where it may.
 */
export function navigationRefusal(from: Place, to: Place): string | undefined {
  if (navigabilityOf(to) === 'None') return `'${to.name}' cannot be followed`
  if (navigabilityOf(from) === 'Single') return `'${from.name}' can be followed for one level only, not to '${to.name}'`
  return undefined
}

function navigabilityOf(place: Place): string | undefined {
  const own = enumMembers(capabilityOf(place, 'Navigability'))?.[0]
  if (own !== undefined) return own
  for (const { root, path } of place.ways) {
    if (path.length === 0) continue
    const general = enumMembers(member(annotationOf(root, term)?.value, 'Navigability'))?.[0]
    if (general !== undefined) return general
  }
  return undefined
}
