import { bool, items, member, text } from '../../edm/annotations.ts'
import type { AnnotationExpression, Model } from '../../edm/model.ts'
import { type Access, restrictionMember } from './access.ts'
import { containerCapability } from './capability.ts'
import type { Place } from './place.ts'
import type { Demands } from './verdict.ts'

/**
 * Headers and custom query options that a request must carry: Capabilities.CustomHeaders and CustomQueryOptions of the
 * container and of the access's restrictions, those with `Required`.
 * @returns undefined where there are none
 */
export function demandsOf(model: Model, place: Place, access: Access, byKey: boolean): Demands | undefined {
  const special = byKey && access === 'read' ? restrictionMember(place, 'read', 'ReadByKeyRestrictions') : undefined
  const listed = (name: string): readonly string[] => {
    const own = member(special, name) ?? restrictionMember(place, access, name)
    return [...new Set([...requiredNames(containerCapability(model, name)), ...requiredNames(own)])]
  }
  const headers = listed('CustomHeaders').map((name) => name.toLowerCase())
  const queryOptions = listed('CustomQueryOptions')
  return headers.length + queryOptions.length === 0 ? undefined : { headers, queryOptions }
}

/** The names that a collection of custom parameters requires. */
export function requiredNames(parameters: AnnotationExpression | undefined): readonly string[] {
  return items(parameters).flatMap((parameter) => {
    const name = text(member(parameter, 'Name'))
    return name !== undefined && bool(member(parameter, 'Required')) === true ? [name] : []
  })
}
