import { paths, texts } from '../../csdl/core.ts'
import { annotationOf } from '../../edm/annotations.ts'
import { type Access, restrictionMember } from './access.ts'
import { withoutCasts } from './capability.ts'
import { ownSet, type Place } from './place.ts'
import type { BodyRule, BodyRules } from './verdict.ts'

/**
 * What InsertRestrictions or UpdateRestrictions say of the members of a body: properties that must not, and that must, be
 * there.
 * @returns undefined where they say nothing
 */
export function bodyRulesOf(place: Place, access: 'insert' | 'update'): BodyRules | undefined {
  const none = access === 'insert' ? 'NonInsertableProperties' : 'NonUpdatableProperties'
  const refused = rulesOf(place, access, none)
  const required = rulesOf(place, access, 'RequiredProperties')
  const types = access === 'insert' ? typesOf(place) : undefined
  if (refused.length + required.length === 0 && types === undefined) return undefined
  return { refused, required, ...(types === undefined ? {} : { types }) }
}

/** Validation.DerivedTypeConstraint of the navigation property and of the set. */
function typesOf(place: Place): readonly string[] | undefined {
  for (const element of [place.element, ownSet(place)]) {
    const types = element && texts(annotationOf(element, 'Org.OData.Validation.V1.DerivedTypeConstraint')?.value)
    if (types !== undefined) return types
  }
  return undefined
}

function rulesOf(place: Place, access: Access, name: string): readonly BodyRule[] {
  const term = `Capabilities.${access === 'insert' ? 'Insert' : 'Update'}Restrictions/${name}`
  return (paths(restrictionMember(place, access, name)) ?? []).map((path) => ({
    path: withoutCasts(path).split('/'),
    term,
  }))
}
