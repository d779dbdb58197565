import { paths } from '../../csdl/core.ts'
import { type Access, restrictionMember } from './access.ts'
import { withoutCasts } from './capability.ts'
import type { Place } from './place.ts'
import type { BodyRule, BodyRules } from './verdict.ts'

/**
 * What InsertRestrictions or UpdateRestrictions say of the members of a body: properties that must not, and that must, be
 * there.
 * @returns undefined where they say nothing
 */
export function bodyRulesOf(place: Place, access: 'insert' | 'update'): BodyRules | undefined {
  const none = access === 'insert' ? 'NonInsertableProperties' : 'NonUpdatableProperties'
  const rules: BodyRules = {
    refused: rulesOf(place, access, none),
    required: rulesOf(place, access, 'RequiredProperties'),
  }
  return rules.refused.length + rules.required.length === 0 ? undefined : rules
}

function rulesOf(place: Place, access: Access, name: string): readonly BodyRule[] {
  const term = `Capabilities.${access === 'insert' ? 'Insert' : 'Update'}Restrictions/${name}`
  return (paths(restrictionMember(place, access, name)) ?? []).map((path) => ({
    path: withoutCasts(path).split('/'),
    term,
  }))
}
