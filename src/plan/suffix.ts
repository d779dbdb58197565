import { invariant } from '../base/assert.ts'
import type { MemberStep } from '../bind/tree.ts'
import type { EntityType, NavigationProperty, Property, StructuredType } from '../edm/model.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'

/** Names in the stored form of navigation properties that lie in complex values. */

/**
 * What stands between an owner's path and a contained navigation property: complex properties, and casts where the declared
 * type lacks the next step (bson/layout.ts).
 */
export function ownerSuffix(declared: EntityType, via: readonly MemberStep[], property: NavigationProperty): string {
  return suffixFrom(declared, propertiesOf(via), property)
}

/**
 * The name of the list in `@links` that holds the keys of the entities of a navigation property: its own name, and before it the
 * complex properties that lead to it (`home/agency`, with a cast `home/ns:Derived/agency`: a dot would be a path).
 */
export function listName(via: readonly MemberStep[], property: NavigationProperty): string {
  const properties = propertiesOf(via)
  const [first] = properties
  if (first === undefined) return property.name
  const path = `${suffixFrom(first.declaringType, properties, property)}/${property.name}`
  return path.slice(1).replaceAll('.', ':')
}

/** The complex properties on a path. */
export function propertiesOf(via: readonly MemberStep[]): readonly Property[] {
  return via.flatMap((step) => (step.kind === 'property' ? [step.property] : []))
}

function suffixFrom(declared: StructuredType, via: readonly Property[], property: NavigationProperty): string {
  let current = declared
  let suffix = ''
  for (const step of via) {
    suffix += `${castTo(step.declaringType, current)}/${step.name}`
    const { type } = step.type
    invariant(isStructured(type), 'a path to a navigation property goes through complex values')
    current = type
  }
  return suffix + castTo(property.declaringType, current)
}

function castTo(declaring: StructuredType, current: StructuredType): string {
  return isSubtypeOf(current, declaring) ? '' : `/${declaring.name}`
}
