import type { EntityType, Property, TypeReference } from './model.ts'

/** A type that is none of the model: what wraps values that are no entities, so that they are read like members of one. */
export function madeType(name: string, members: readonly (readonly [name: string, type: TypeReference])[]): EntityType {
  const properties: Property[] = []
  const allProperties = new Map<string, Property>()
  const type: EntityType = {
    kind: 'entity',
    name,
    abstract: false,
    open: false,
    hasStream: false,
    baseType: undefined,
    derivedTypes: [],
    key: [],
    properties,
    navigationProperties: [],
    allProperties,
    allNavigationProperties: new Map(),
    annotations: [],
  }
  for (const [member, reference] of members) {
    const property: Property = {
      kind: 'property',
      name: member,
      type: reference,
      defaultValue: undefined,
      declaringType: type,
      annotations: [],
    }
    properties.push(property)
    allProperties.set(member, property)
  }
  return Object.freeze(type)
}
