import type { Model, NavigationProperty, Property, StructuredType, Type } from '../../edm/model.ts'
import { isSubtypeOf } from '../../edm/types.ts'

/** One segment of a model path, resolved. */
export type Step =
  | { readonly kind: 'property'; readonly property: Property }
  | { readonly kind: 'navigation'; readonly property: NavigationProperty }
  | { readonly kind: 'cast'; readonly type: StructuredType }

/**
 * Follows a path of properties, navigation properties and casts (CSDL XML 14.4.1.1) from a type.
 * @returns the steps, or the segment that cannot be followed
 */
export function followPath(
  model: Model,
  start: StructuredType,
  path: string,
): { readonly steps: readonly Step[]; readonly fault: string | undefined } {
  const steps: Step[] = []
  let current: Type = start
  for (const segment of path.split('/')) {
    const step: Step | undefined = isStructured(current) ? stepOf(model, current, segment) : undefined
    if (!step) return { steps, fault: segment }
    steps.push(step)
    current = step.kind === 'cast' ? step.type : step.kind === 'property' ? step.property.type.type : step.property.type
  }
  return { steps, fault: undefined }
}

const isStructured = (type: Type): type is StructuredType => type.kind === 'entity' || type.kind === 'complex'

function stepOf(model: Model, type: StructuredType, segment: string): Step | undefined {
  if (segment.includes('.')) {
    const cast = model.types.get(segment)
    if (!cast || !isStructured(cast) || cast.kind !== type.kind) return undefined
    return isSubtypeOf(cast, type) || isSubtypeOf(type, cast) ? { kind: 'cast', type: cast } : undefined
  }
  const property = type.allProperties.get(segment)
  if (property) return { kind: 'property', property }
  const navigation = type.allNavigationProperties.get(segment)
  return navigation && { kind: 'navigation', property: navigation }
}

/** The type at the end of steps, or the start's where there are none. */
export function typeAfter(start: Type, steps: readonly Step[]): Type {
  const last = steps[steps.length - 1]
  if (!last) return start
  if (last.kind === 'cast') return last.type
  return last.kind === 'property' ? last.property.type.type : last.property.type
}
