import { texts } from '../../csdl/core.ts'
import { annotationOf } from '../../edm/annotations.ts'
import type { Annotatable, Model, StructuredType, Type, TypeReference } from '../../edm/model.ts'
import { isStructured, isSubtypeOf, typeName } from '../../edm/types.ts'
import { isStructuredValue, type Value } from '../../edm/value.ts'

const validation = 'Org.OData.Validation.V1.'

/**
 * Validation.DerivedTypeConstraint of a property, entity set, singleton or navigation property.
 * @returns the names of the types that values may have (or derive from); undefined where nothing is said
 */
export function derivedTypesOf(element: Annotatable): readonly string[] | undefined {
  return texts(annotationOf(element, `${validation}DerivedTypeConstraint`)?.value)
}

/** Whether a type is one of some types, named without alias, or derives from one. */
export function isOneOf(model: Model, type: StructuredType, names: readonly string[]): boolean {
  return names.some((name) => {
    const listed = typeByName(model, name)
    return listed !== undefined && isStructured(listed) && isSubtypeOf(type, listed)
  })
}

/**
 * What Validation.OpenPropertyTypeConstraint of an open type, or of one of its base types, says of a dynamic property.
 * @param reference its declared type in the body; undefined: told from the value
 * @returns what is wrong; undefined: nothing
 */
export function dynamicTypeFault(
  model: Model,
  type: StructuredType,
  value: Value,
  reference: TypeReference | undefined,
): string | undefined {
  for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType) {
    const names = texts(annotationOf(current, `${validation}OpenPropertyTypeConstraint`)?.value)
    if (names === undefined || value === null) continue
    const actual = reference === undefined ? guessed(value) : typeName(reference)
    const structured = !Array.isArray(value) && isStructuredValue(value) ? value.type : undefined
    const allowed = names.some((name) => name === actual || unaliased(model, name) === actual)
    if (!allowed && !(structured && isOneOf(model, structured, names)))
      return `must be of ${names.join(' or ')} (Validation.OpenPropertyTypeConstraint)`
  }
  return undefined
}

/** The type that a value without a declared one has (JSON Format 4.5.3). */
function guessed(value: Value): string {
  if (Array.isArray(value))
    return value.length === 0 ? 'Collection(Edm.Untyped)' : `Collection(${guessed(value[0] ?? null)})`
  if (typeof value === 'boolean') return 'Edm.Boolean'
  if (typeof value === 'number') return 'Edm.Double'
  if (typeof value === 'string') return 'Edm.String'
  return isStructuredValue(value) ? value.type.name : 'Edm.Untyped'
}

function typeByName(model: Model, name: string): Type | undefined {
  return model.types.get(unaliased(model, name))
}

function unaliased(model: Model, name: string): string {
  const dot = name.lastIndexOf('.')
  const namespace = dot < 0 ? undefined : model.aliases.get(name.slice(0, dot))
  return namespace === undefined ? name : namespace + name.slice(dot)
}
