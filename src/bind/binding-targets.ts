import type { EntityContainer, EntitySet, EntityType, Model, NavigationProperty, Singleton } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import { unaliased } from './context.ts'

/** Where the rows of a path stand: the last entity set or singleton, and the path walked from it. */
export interface Place {
  /** undefined: nothing says where the entities are */
  readonly root: EntitySet | Singleton | undefined
  /** names of complex and containment properties and of casts since the root, as binding paths write them */
  readonly path: readonly string[]
}

/** Root and empty path of a container's child. */
export function placeOf(root: EntitySet | Singleton): Place {
  return { root, path: [] }
}

/** The place behind a complex property or a cast. */
export function placeBehind(place: Place, name: string): Place {
  return { root: place.root, path: [...place.path, name] }
}

/**
 * Where a navigation property leads (CSDL 13.4): a contained one stays in its root, any other goes to the target that the
 * root binds it to, without a binding to the only entity set of its type (or of a base type).
 */
export function follow(model: Model, place: Place, property: NavigationProperty): Place {
  if (isContained(model, property)) return placeBehind(place, property.name)
  const target = boundTarget(model, place, property) ?? onlySet(model, property)
  return { root: target, path: [] }
}

/**
 * Whether the entities of a navigation property belong to the one that has it: it says so (CSDL 8.5), or no entity set can hold
 * them and nothing else contains entities of their type, so that they could not exist otherwise.
 */
export function isContained(model: Model, property: NavigationProperty): boolean {
  if (property.containsTarget) return true
  const { type } = property
  if (type.kind !== 'entity' || type.key.length === 0 || property.referentialConstraints.length > 0) return false
  let places = placesOf.get(model)
  if (places === undefined) {
    places = typesWithPlace(model)
    placesOf.set(model, places)
  }
  return !places.has(type)
}

const placesOf = new WeakMap<Model, ReadonlySet<EntityType>>()

/** Entity types of which some entity can stand in a set or singleton, or is contained somewhere. */
function typesWithPlace(model: Model): ReadonlySet<EntityType> {
  const found = new Set<EntityType>()
  const add = (type: EntityType): void => {
    for (let base: EntityType | undefined = type; base !== undefined; base = base.baseType) found.add(base)
    for (const derived of type.derivedTypes) found.add(derived)
  }
  for (const child of model.container?.children.values() ?? [])
    if (child.kind === 'entitySet' || child.kind === 'singleton') add(child.type)
  for (const type of model.types.values()) {
    if (type.kind !== 'entity' && type.kind !== 'complex') continue
    for (const { containsTarget, type: target } of type.navigationProperties)
      if (containsTarget && target.kind === 'entity') add(target)
  }
  return found
}

const onlySets = new WeakMap<NavigationProperty, { readonly set: EntitySet | undefined }>()

/** The only entity set that can have the targets of a property: one of their own type, else of a base type. */
function onlySet(model: Model, property: NavigationProperty): EntitySet | undefined {
  const { type } = property
  if (type.kind !== 'entity') return undefined
  const known = onlySets.get(property)
  if (known) return known.set
  const sets = [...(model.container?.children.values() ?? [])].filter((child) => child.kind === 'entitySet')
  const own = sets.filter((set) => set.type === type)
  const [set, another] = own.length > 0 ? own : sets.filter((candidate) => isSubtypeOf(type, candidate.type))
  const found = { set: another === undefined ? set : undefined }
  onlySets.set(property, found)
  return found.set
}

function boundTarget(model: Model, place: Place, property: NavigationProperty): EntitySet | Singleton | undefined {
  const { root } = place
  if (root === undefined) return undefined
  // the binding may say the casts of the path, or some, or none
  const wanted = withoutCasts([...place.path, property.name])
  for (const binding of root.navigationPropertyBindings) {
    const steps = binding.path.split('/')
    if (withoutCasts(steps) !== wanted) continue
    if (castsMatch(model, steps, place.path)) return targetOf(model, binding.target)
  }
  return undefined
}

function withoutCasts(steps: readonly string[]): string {
  return steps.filter((step) => !step.includes('.')).join('/')
}

/** Whether every cast that a binding's path has is in the path walked, or declares what follows it anyway. */
function castsMatch(model: Model, steps: readonly string[], walked: readonly string[]): boolean {
  const casts = steps.filter((step) => step.includes('.')).map((step) => unaliased(model, step))
  if (casts.length === 0) return true
  const walkedCasts = walked.filter((step) => step.includes('.'))
  if (walkedCasts.length === 0) return true
  return casts.every((cast) => walkedCasts.includes(cast) || derivesFromAny(model, walkedCasts, cast))
}

function derivesFromAny(model: Model, names: readonly string[], base: string): boolean {
  return names.some((name) => {
    const type = model.types.get(name)
    if (type === undefined || (type.kind !== 'entity' && type.kind !== 'complex')) return false
    for (let current: typeof type | undefined = type; current !== undefined; current = current.baseType)
      if (current.name === base) return true
    return false
  })
}

/** `Set`, `Singleton`, `Container/Set`; a contained target has none of its own. */
function targetOf(model: Model, target: string): EntitySet | Singleton | undefined {
  const { container } = model
  if (container === undefined) return undefined
  const steps = target.split('/')
  if (steps.length === 1) return child(container, target)
  const [first = '', second = ''] = steps
  return steps.length === 2 && unaliased(model, first) === container.name ? child(container, second) : undefined
}

function child(container: EntityContainer, name: string): EntitySet | Singleton | undefined {
  const found = container.children.get(name)
  return found?.kind === 'entitySet' || found?.kind === 'singleton' ? found : undefined
}
