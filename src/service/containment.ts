import { isContained } from '../bind/binding-targets.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { EntityType, Model, NavigationProperty, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'

const known = new WeakMap<EntityType, readonly NavigationProperty[]>()

/** The collections that entities contained in one of a type, at any depth, may stand in. */
export function containedCollections(model: Model, layout: ModelLayout, type: EntityType): readonly CollectionLayout[] {
  return containmentsOf(model, type).map((property) => layout.contained(property))
}

/** Every containment navigation property that a path from an entity of a type can go through. */
export function containmentsOf(model: Model, type: EntityType): readonly NavigationProperty[] {
  let properties = known.get(type)
  if (properties === undefined) {
    properties = containmentsFrom(model, type)
    known.set(type, properties)
  }
  return properties
}

function containmentsFrom(model: Model, type: EntityType): readonly NavigationProperty[] {
  const found = new Set<NavigationProperty>()
  const seen = new Set<StructuredType>()
  const todo: StructuredType[] = [type]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const current of [next, ...next.derivedTypes]) {
      if (seen.has(current)) continue
      seen.add(current)
      for (const property of current.allNavigationProperties.values()) {
        if (property.type.kind !== 'entity' || !isContained(model, property)) continue
        // without a key nothing can have been stored
        if (property.collection && property.type.key.length === 0) continue
        found.add(property)
        todo.push(property.type)
      }
      for (const { type: reference } of current.allProperties.values())
        if (isStructured(reference.type) && !reference.collection) todo.push(reference.type)
    }
  }
  return [...found]
}
