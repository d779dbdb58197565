import type { NavigationProperty, PrimitiveTypeName, Type, TypeReference } from '../edm/model.ts'
import { abstractTypes, primitiveType, primitiveTypes, promotedType } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'

/** The built-in types by name (CSDL 4.4 to 4.7). */
export const builtInTypes: ReadonlyMap<string, Type> = new Map<string, Type>([...primitiveTypes, ...abstractTypes])

const references = new Map<PrimitiveTypeName, TypeReference>()

/** The one reference to single, nullable values of a primitive type without facets. */
export function primitiveReference(name: PrimitiveTypeName): TypeReference {
  let reference = references.get(name)
  if (reference === undefined) {
    reference = Object.freeze({ type: primitiveType(name), collection: false, nullable: true, facets: {} })
    references.set(name, reference)
  }
  return reference
}

export const booleanReference: TypeReference = primitiveReference('Edm.Boolean')
export const stringReference: TypeReference = primitiveReference('Edm.String')
export const int32Reference: TypeReference = primitiveReference('Edm.Int32')
export const int64Reference: TypeReference = primitiveReference('Edm.Int64')
/** Of values whose type is known when they are. */
export const untypedReference: TypeReference = Object.freeze<TypeReference>({
  type: { kind: 'abstract', name: 'Edm.Untyped' },
  collection: false,
  nullable: true,
  facets: {},
})

/**
 * The primitive type of single values, through type definitions.
 * @returns undefined for collections, enumerations, structured and abstract types.
 */
export function singlePrimitive(reference: TypeReference): PrimitiveTypeName | undefined {
  return reference.collection ? undefined : primitiveOf(reference.type)?.name
}

/** Whether the values are single, of an enumeration type. */
export function isSingleEnum(reference: TypeReference): boolean {
  return !reference.collection && reference.type.kind === 'enum'
}

/** The type of the items of a collection; a single type is its own. */
export function itemReference(reference: TypeReference): TypeReference {
  if (!reference.collection) return reference
  return { type: reference.type, collection: false, nullable: reference.nullable, facets: reference.facets }
}

/** The type in which values of two types come together; undefined: there is none. */
export function joinedType(a: TypeReference, b: TypeReference): TypeReference | undefined {
  if (a.type === b.type && a.collection === b.collection) return a
  const p = singlePrimitive(a)
  const q = singlePrimitive(b)
  const promoted = p === undefined || q === undefined ? undefined : promotedType(p, q)
  return promoted === undefined ? undefined : primitiveReference(promoted)
}

const navigationReferences = new WeakMap<NavigationProperty, TypeReference>()

/** The type of a navigation property as a type reference. */
export function navigationReference(property: NavigationProperty): TypeReference {
  let reference = navigationReferences.get(property)
  if (reference === undefined) {
    const { type, collection, nullable } = property
    reference = Object.freeze({ type, collection, nullable, facets: {} })
    navigationReferences.set(property, reference)
  }
  return reference
}
