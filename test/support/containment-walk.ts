import { isContained } from '../../src/bind/binding-targets.ts'
import type {
  EntitySet,
  EntityType,
  Model,
  NavigationProperty,
  Singleton,
  StructuredType,
} from '../../src/edm/model.ts'
import { instantiableTypes, isStructured } from '../../src/edm/types.ts'

/** A place where entities can be created: a set, or a contained navigation property of an entity of another place. */
export interface WalkPlace {
  readonly root: EntitySet | Singleton
  readonly parent: WalkPlace | undefined
  /** path from the parent's entity: casts, complex properties, the navigation property; or the root's name */
  readonly path: string
  readonly declared: EntityType
  readonly collection: boolean
  /** the type that the parent's entity must have for this place */
  readonly parentType: EntityType | undefined
}

/** One non-abstract entity type, and the shortest way to a place that can hold it. */
export interface WalkTarget {
  readonly type: EntityType
  readonly place: WalkPlace
}

/** Every non-abstract entity type that can be created in a set, a singleton, or by containment below them, breadth first. */
export function creatableTypes(model: Model): readonly WalkTarget[] {
  const found = new Map<EntityType, WalkPlace>()
  const queue: { readonly type: EntityType; readonly place: WalkPlace }[] = []
  const enter = (place: WalkPlace): void => {
    for (const type of instantiableTypes(place.declared)) {
      if (found.has(type)) continue
      found.set(type, place)
      queue.push({ type, place })
    }
  }
  for (const child of model.container?.children.values() ?? [])
    if (child.kind === 'entitySet' || child.kind === 'singleton')
      enter({
        root: child,
        parent: undefined,
        path: child.name,
        declared: child.type,
        collection: child.kind === 'entitySet',
        parentType: undefined,
      })
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { type, place } = next
    for (const { property, path } of containments(model, type, type === place.declared ? '' : `/${type.name}`, [])) {
      if (property.type.kind !== 'entity' || (property.collection && property.type.key.length === 0)) continue
      enter({
        root: place.root,
        parent: place,
        path: `${path}/${property.name}`,
        declared: property.type,
        collection: property.collection,
        parentType: type,
      })
    }
  }
  return [...found].map(([type, place]) => ({ type, place }))
}

function containments(
  model: Model,
  type: StructuredType,
  path: string,
  within: readonly StructuredType[],
): readonly { readonly property: NavigationProperty; readonly path: string }[] {
  if (within.includes(type)) return []
  const own = [...type.allNavigationProperties.values()]
    .filter((property) => isContained(model, property))
    .map((property) => ({ property, path }))
  const below = [...type.allProperties.values()].flatMap(({ name, type: reference }) =>
    isStructured(reference.type) && !reference.collection && !reference.type.abstract
      ? containments(model, reference.type, `${path}/${name}`, [...within, type])
      : [],
  )
  return [...own, ...below]
}
