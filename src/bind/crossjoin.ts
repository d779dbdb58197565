import type { ComplexType, EntitySet, NavigationProperty } from '../edm/model.ts'

/** The virtual type of the rows of `$crossjoin`: a navigation property for each entity set, of its name (U 4.15). */
export function crossjoinType(sets: readonly EntitySet[]): ComplexType {
  const navigation = new Map<string, NavigationProperty>()
  const type: ComplexType = {
    kind: 'complex',
    name: 'Edm.ComplexType',
    abstract: false,
    open: false,
    properties: [],
    navigationProperties: [],
    allProperties: new Map(),
    allNavigationProperties: navigation,
    baseType: undefined,
    derivedTypes: [],
    annotations: [],
  }
  for (const { name, type: target } of sets)
    navigation.set(name, {
      kind: 'navigationProperty',
      name,
      type: target,
      collection: false,
      nullable: false,
      containsTarget: false,
      partner: undefined,
      referentialConstraints: [],
      onDelete: undefined,
      onDeleteAnnotations: [],
      declaringType: type,
      annotations: [],
    })
  return type
}
