import { countRestrictionsIn } from '../../csdl/capabilities.ts'
import { restrictionsOf, withoutCasts } from './capability.ts'
import { namesOf, type Place } from './place.ts'
import { checkReadable } from './readable.ts'
import type { Position, Reference } from './references.ts'
import { type OptionName, refuse } from './refuse.ts'

const term = 'Capabilities.CountRestrictions'

/**
 * A collection inside an expression that is counted (`Books/$count gt 3`) against Capabilities.CountRestrictions.
 * @throws ODataError queryOptionNotAllowed
 */
export function checkCounted(option: OptionName, reference: Reference): void {
  checkReadable(option, reference)
  for (const { place, path } of reference.views) checkPath(option, place, path)
  const own = reference.steps.length === 0 ? reference.views.at(-1)?.place : undefined
  if (own !== undefined) checkPlace(option, own)
}

/**
 * `/$count`, `$count=true` and `$expand=.../$count` of a resource against Capabilities.CountRestrictions.
 * @throws ODataError queryOptionNotAllowed
 */
export function checkCount(option: OptionName, { place, steps, outer }: Position): void {
  checkPlace(option, place)
  const names = namesOf(steps)
  for (const view of outer) checkPath(option, view.place, [...view.names, ...names].join('/'))
  if (names.length > 0) checkPath(option, place, names.join('/'))
}

function checkPlace(option: OptionName, place: Place): void {
  if (restrictionsOf(place, 'CountRestrictions', countRestrictionsIn).countable === false)
    refuse(option, `cannot count '${place.name}'`, `${term}/Countable`)
}

function checkPath(option: OptionName, place: Place, path: string): void {
  const { nonCountableProperties, nonCountableNavigationProperties } = restrictionsOf(
    place,
    'CountRestrictions',
    countRestrictionsIn,
  )
  if (nonCountableProperties.some((name) => withoutCasts(name) === path))
    refuse(option, `cannot count '${path}' of '${place.name}'`, `${term}/NonCountableProperties`)
  if (nonCountableNavigationProperties.some((name) => withoutCasts(name) === path))
    refuse(option, `cannot count '${path}' of '${place.name}'`, `${term}/NonCountableNavigationProperties`)
}
