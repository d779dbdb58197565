import type { MemberStep } from '../bind/tree.ts'
import type { NavigationProperty, StructuredType } from '../edm/model.ts'

/** A navigation property, and the complex properties that lead to it from the entity. */
export interface ReachedNavigation {
  readonly via: readonly MemberStep[]
  readonly property: NavigationProperty
}

/** The navigation properties of a type and of those derived from it, and those in single complex values. */
export function navigationsOf(type: StructuredType, depth = 0): readonly ReachedNavigation[] {
  const all = [type, ...type.derivedTypes]
  const own = new Set(all.flatMap((each) => [...each.allNavigationProperties.values()]))
  const found: ReachedNavigation[] = [...own].map((property) => ({ via: [], property }))
  if (depth > deepest) return found
  for (const member of new Set(all.flatMap((each) => [...each.allProperties.values()]))) {
    const { type: inner, collection } = member.type
    if (collection || inner.kind !== 'complex') continue
    for (const { via, property } of navigationsOf(inner, depth + 1))
      found.push({ via: [{ kind: 'property', property: member }, ...via], property })
  }
  return found
}

/** Complex values within each other that are looked through for navigation properties. */
export const deepest = 4
