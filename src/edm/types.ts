import type { EntityType, EnumType, PrimitiveType, Property, StructuredType, Type, TypeReference } from './model.ts'

/** Whether a structured type is another one or derives from it at any depth (CSDL 6.2, 9.2). */
export function isSubtypeOf(type: StructuredType, of: StructuredType): boolean {
  for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType)
    if (current === of) return true
  return false
}

/** The name of a type as it is used: `Edm.String`, `Collection(Edm.String)`. */
export function typeName(reference: TypeReference): string {
  return reference.collection ? `Collection(${reference.type.name})` : reference.type.name
}

/** The primitive type of values of a type, through type definitions; undefined for all other kinds, enumerations too. */
export function primitiveOf(type: Type): PrimitiveType | undefined {
  if (type.kind === 'primitive') return type
  return type.kind === 'typeDefinition' && type.underlying.kind === 'primitive' ? type.underlying : undefined
}

/** Whether a property's values are streams, which stand outside their entity (CSDL 7.1). */
export function isStream({ type }: Property): boolean {
  return primitiveOf(type.type)?.name === 'Edm.Stream'
}

/** Whether entities of a type are media entities (CSDL 6.4); a type derived from a media type is one too. */
export function isMedia(type: EntityType): boolean {
  for (let current: EntityType | undefined = type; current !== undefined; current = current.baseType)
    if (current.hasStream) return true
  return false
}

/** Whether values of the type have members. */
export function isStructured(type: Type): type is StructuredType {
  return type.kind === 'entity' || type.kind === 'complex'
}

/** Whether only a value itself says its type: built-in abstract types, and in 4.01 type definitions over Edm.PrimitiveType (CSDL 3.5). */
export function isAbstract(type: Type): boolean {
  return type.kind === 'abstract' || (type.kind === 'typeDefinition' && type.underlying.kind === 'abstract')
}

/** Whether values are of an enumeration type. */
export function isEnum(type: Type): type is EnumType {
  return type.kind === 'enum'
}

/**
 * The types a value of a declared type may have: itself unless abstract, and every derived type that is not.
 * @returns declared first, then as in the document.
 */
export function instantiableTypes<T extends StructuredType>(type: T): readonly T[] {
  const all: readonly StructuredType[] = [type, ...type.derivedTypes]
  return all.filter((candidate): candidate is T => !candidate.abstract)
}
