import { isReadable } from '../../csdl/core.ts'
import type { Reference } from './references.ts'
import { type OptionName, refuse } from './refuse.ts'

/**
 * Core.Permissions: what cannot be read cannot be asked for either, or its value could be guessed step by step.
 * @throws ODataError queryOptionNotAllowed
 */
export function checkReadable(option: OptionName, { views, steps }: Reference): void {
  const last = views.at(-1)
  for (const step of steps)
    if (step.kind === 'property' && !isReadable(step.property))
      refuse(option, `cannot look at '${last?.path}' of '${last?.place.name}'`, 'Core.Permissions')
  for (const { place } of views)
    if (place.element !== undefined && !isReadable(place.element))
      refuse(option, `cannot follow '${place.name}'`, 'Core.Permissions')
}
