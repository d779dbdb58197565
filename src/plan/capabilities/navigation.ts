import type { MemberStep } from '../../bind/tree.ts'
import { enumMembers, isWritable, paths } from '../../csdl/core.ts'
import { annotationOf, member } from '../../edm/annotations.ts'
import type { NavigationProperty } from '../../edm/model.ts'
import { restrictionMember, restrictionTerms } from './access.ts'
import { capabilityOf, withoutCasts } from './capability.ts'
import { namesOf, type Place } from './place.ts'

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

const lists = {
  insert: 'NonInsertableNavigationProperties',
  update: 'NonUpdatableNavigationProperties',
  delete: 'NonDeletableNavigationProperties',
} as const

/**
 * The term that forbids to relate entities by a navigation property; undefined where none does.
 * @param tail structural steps between the rows of the place and the property
 * @param access insert: together with a new entity; delete: to part what is related
 */
export function relatingRefusal(
  place: Place,
  tail: readonly MemberStep[],
  property: NavigationProperty,
  access: 'insert' | 'update' | 'delete',
): string | undefined {
  if (!isWritable(property)) return 'Core.Permissions'
  const path = [...namesOf(tail), property.name].join('/')
  const name = lists[access]
  const listed = paths(restrictionMember(place, access, name)) ?? []
  return listed.some((text) => withoutCasts(text) === path)
    ? `Capabilities.${restrictionTerms[access]}/${name}`
    : undefined
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
