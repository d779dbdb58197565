import type { BoundPath } from '../../bind/tree.ts'
import { bool, member } from '../../edm/annotations.ts'
import type { Method } from '../methods.ts'
import { propertyRestrictions } from './capability.ts'
import { placeOfMember } from './place.ts'
import type { PathPosition } from './references.ts'

/**
 * What Capabilities.CollectionPropertyRestrictions denies of a collection-valued property: items to come (Insertable), and to be changed
 * (Updatable) or taken away (Deletable) one by one.
 * @returns the term; undefined where the method is none of these, or allowed
 */
export function itemRefusal(
  { resource, segments }: BoundPath,
  method: Method,
  { place, tail }: PathPosition,
): string | undefined {
  const name = changeOf(resource, segments, method)
  const items = name && placeOfMember(place, tail)
  if (!items) return undefined
  const denied = propertyRestrictions(items).some((entry) => bool(member(entry, name)) === false)
  return denied ? `Capabilities.CollectionPropertyRestrictions/${name}` : undefined
}

function changeOf(resource: BoundPath['resource'], segments: BoundPath['segments'], method: Method) {
  if (method === 'GET') return undefined
  if (method === 'POST')
    return resource === 'primitiveCollection' || resource === 'complexCollection' ? 'Insertable' : undefined
  if (resource !== 'eachItem' && segments.at(-1)?.kind !== 'ordinal') return undefined
  return method === 'DELETE' ? 'Deletable' : 'Updatable'
}
