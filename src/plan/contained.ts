import type { NavigationProperty } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { ContainedCollection } from './plan.ts'

const known = new WeakMap<NavigationProperty, ContainedCollection>()

/**
 * The contained collection of a navigation property: one object for each.
 * @throws ODataError notImplemented where it holds entities of any type
 */
export function containedCollection(property: NavigationProperty): ContainedCollection {
  let found = known.get(property)
  if (found === undefined) {
    const { type, declaringType, annotations } = property
    const name = `${declaringType.name}/${property.name}`
    if (type.kind !== 'entity')
      throw new ODataError('notImplemented', `${name} holds entities of any type, which is not implemented.`)
    found = Object.freeze({ kind: 'contained', name, type, property, annotations })
    known.set(property, found)
  }
  return found
}
