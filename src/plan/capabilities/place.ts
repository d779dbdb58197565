import {
  type Place as BindingPlace,
  placeBehind as bindingBehind,
  placeOf as bindingOf,
  follow,
} from '../../bind/binding-targets.ts'
import { stepName } from '../../bind/print.ts'
import type { MemberStep } from '../../bind/tree.ts'
import type {
  Annotatable,
  EntitySet,
  Model,
  NavigationProperty,
  Operation,
  Singleton,
  StructuredType,
} from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'

/** A path of properties from an entity set or singleton that a request comes by; casts are left out. */
export interface Way {
  readonly root: EntitySet | Singleton
  readonly path: readonly string[]
}

/**
 * A resource that Capabilities annotations are asked of: an entity set, a singleton, what a navigation property leads to, or a
 * collection-valued property. What counts for it may stand in several places (`capability.ts`).
 */
export interface Place {
  readonly model: Model
  /** for messages: `Books`, `Authors/Books` */
  readonly name: string
  /** every set and singleton that was passed, with the path from there to here; the longest path first */
  readonly ways: readonly Way[]
  /** the navigation or collection-valued property that it is; undefined for a set or singleton by its own name */
  readonly element: (Annotatable & { readonly name: string }) | undefined
  readonly type: StructuredType | undefined
  readonly collection: boolean
  /** navigation properties passed */
  readonly levels: number
  /** where the rows stand, for bindings */
  readonly binding: BindingPlace
}

/** The places of a model that are kept for later requests, with what has been read of their annotations. */
interface KeptPlaces {
  readonly roots: Map<EntitySet | Singleton, Place>
  count: number
}

/** Places kept for a model at the most: clients choose the paths. */
export const keptAtMost = 10_000

const kept = new WeakMap<Model, KeptPlaces>()

/** Counts a new place of a model; past the limit all are given up. */
function countPlace(model: Model): KeptPlaces {
  let places = kept.get(model)
  if (places === undefined || places.count >= keptAtMost) {
    places = { roots: new Map(), count: 0 }
    kept.set(model, places)
  }
  places.count++
  return places
}

/** The place of a set or singleton by its own name. */
export function placeOfRoot(model: Model, root: EntitySet | Singleton): Place {
  const known = kept.get(model)?.roots.get(root)
  if (known !== undefined) return known
  const place = makeRoot(model, root)
  countPlace(model).roots.set(root, place)
  return place
}

function makeRoot(model: Model, root: EntitySet | Singleton): Place {
  return {
    model,
    name: root.name,
    ways: [{ root, path: [] }],
    element: undefined,
    type: root.type,
    collection: root.kind === 'entitySet',
    levels: 0,
    binding: bindingOf(root),
  }
}

/** What an operation gives: no annotation of a set is about it, only those of its type and of where it leads. */
export function placeOfResult(
  model: Model,
  { name, returnType }: Operation,
  target: EntitySet | Singleton | undefined,
): Place {
  const type = returnType?.type
  return {
    model,
    name,
    ways: [],
    element: undefined,
    type: type !== undefined && isStructured(type) ? type : undefined,
    collection: returnType?.collection === true,
    levels: 0,
    binding: target === undefined ? { root: undefined, path: [] } : bindingOf(target),
  }
}

/** The set or singleton whose own annotations count for a place, if any. */
export function ownSet(place: Place): EntitySet | Singleton | undefined {
  const last = place.ways.at(-1)
  return last?.path.length === 0 ? last.root : undefined
}

/** Places behind a place: expressions come by the same ones again and again. They live as long as the place itself. */
const behind = new WeakMap<Place, Map<string, Place>>()

/**
 * The place behind a navigation property.
 * @param path complex properties and casts between the rows of `place` and the property
 */
export function placeBehind(place: Place, path: readonly MemberStep[], property: NavigationProperty): Place {
  let places = behind.get(place)
  if (places === undefined) {
    places = new Map()
    behind.set(place, places)
  }
  const key = path.length === 0 ? property.name : [...path.map(stepName), property.name].join('/')
  let found = places.get(key)
  if (found === undefined) {
    found = makePlace(place, path, property)
    places.set(key, found)
  }
  return found
}

function makePlace(place: Place, path: readonly MemberStep[], property: NavigationProperty): Place {
  countPlace(place.model)
  let binding = place.binding
  const names: string[] = []
  for (const step of path) {
    const name = stepName(step)
    binding = bindingBehind(binding, name)
    if (step.kind !== 'cast' && step.kind !== 'ordinal') names.push(name)
  }
  binding = follow(place.model, binding, property)
  const ways: Way[] = place.ways.map((way) => ({ root: way.root, path: [...way.path, ...names, property.name] }))
  if (binding.root !== undefined && binding.path.length === 0) ways.push({ root: binding.root, path: [] })
  return {
    model: place.model,
    name: `${place.name}/${[...names, property.name].join('/')}`,
    ways,
    element: property,
    type: property.type.kind === 'entity' ? property.type : undefined,
    collection: property.collection,
    levels: place.levels + 1,
    binding,
  }
}

/** The place of a collection-valued structural property of the rows of `place`; undefined where the path is no such property. */
export function placeOfMember(place: Place, path: readonly MemberStep[]): Place | undefined {
  const last = path.findLast((step) => step.kind !== 'cast')
  if (last?.kind !== 'property' || !last.property.type.collection) return undefined
  const names = namesOf(path)
  const { type } = last.property.type
  return {
    ...place,
    name: `${place.name}/${names.join('/')}`,
    ways: place.ways.map((way) => ({ root: way.root, path: [...way.path, ...names] })),
    element: last.property,
    type: type.kind === 'entity' || type.kind === 'complex' ? type : undefined,
    collection: true,
  }
}

/** The names of a path, without its casts and positions. */
export function namesOf(path: readonly MemberStep[]): readonly string[] {
  const names: string[] = []
  for (const step of path) if (step.kind !== 'cast' && step.kind !== 'ordinal') names.push(stepName(step))
  return names
}
