import { type Place as BindingPlace, isContained, placeBehind, placeOf } from '../../bind/binding-targets.ts'
import type { OrderByItem, Parameters } from '../../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../../bson/layout.ts'
import type { EntityType, Model, NavigationProperty, Property, StructuredType } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { containedCollection } from '../../plan/contained.ts'
import type { CreatePlan, ReadPlan, SourceRoot, UpdatePlan } from '../../plan/plan.ts'
import { ownerSuffix } from '../../plan/suffix.ts'
import type { Session } from '../../store/port.ts'

/** Where entities stand: an entity set, a singleton, or what one owner contains. */
export interface Place {
  readonly root: SourceRoot
  readonly collection: CollectionLayout
  /** path of the owner (bson/layout.ts); undefined: no contained collection */
  readonly owner: string | undefined
  /** the same as paths of bindings say it */
  readonly binding: BindingPlace
}

/** Entity sets and singletons of a model, in document order. */
export function rootPlaces(model: Model, layout: ModelLayout): readonly Place[] {
  const places: Place[] = []
  for (const root of model.container?.children.values() ?? []) {
    const collection = layout.collections.get(root.name)
    if ((root.kind === 'entitySet' || root.kind === 'singleton') && collection)
      places.push({ root, collection, owner: undefined, binding: placeOf(root) })
  }
  return places
}

/** A navigation property by which an entity contains others, and what stands between its path and theirs. */
export interface Containment {
  readonly property: NavigationProperty
  readonly suffix: string
  /** names of the complex properties on the way */
  readonly via: readonly string[]
}

/** Containments of one model by declared and actual type of the owner, made once. */
export class Containments {
  readonly #model: Model
  readonly #known = new Map<StructuredType, Map<StructuredType, readonly Containment[]>>()

  constructor(model: Model) {
    this.#model = model
  }

  /** Those of a type, through single complex properties too. */
  of(declared: EntityType, type: StructuredType): readonly Containment[] {
    let byType = this.#known.get(declared)
    if (byType === undefined) {
      byType = new Map()
      this.#known.set(declared, byType)
    }
    let found = byType.get(type)
    if (found === undefined) {
      found = [...this.#walk(declared, type, [])]
      byType.set(type, found)
    }
    return found
  }

  *#walk(declared: EntityType, type: StructuredType, via: readonly Property[]): Generator<Containment> {
    const steps = via.map((property) => ({ kind: 'property', property }) as const)
    for (const property of type.allNavigationProperties.values())
      if (property.type.kind === 'entity' && isContained(this.#model, property))
        yield { property, suffix: ownerSuffix(declared, steps, property), via: via.map(({ name }) => name) }
    for (const property of type.allProperties.values()) {
      const inner = property.type.type
      // a type within itself could go on for ever
      if (property.type.collection || inner.kind !== 'complex' || via.some((step) => step.type.type === inner)) continue
      yield* this.#walk(declared, inner, [...via, property])
    }
  }
}

/** The place of what an owner contains by a navigation property. */
export function containedPlace(
  layout: ModelLayout,
  property: NavigationProperty,
  owner: string,
  binding: BindingPlace,
): Place {
  return { root: containedCollection(property), collection: layout.contained(property), owner, binding }
}

/** `#Books`, `#People('x')/Notes`: how the context of an entity names its place. */
export function contextOfPlace({ root, owner }: Place): string {
  const path = root.kind === 'contained' ? `${owner}/${root.property.name}` : root.name
  return `#${encodeURI(path)}${root.kind === 'singleton' ? '' : '/$entity'}`
}

/**
 * The place that a context URL names.
 * @returns undefined where the model has none such
 */
export function placeOfContext(model: Model, layout: ModelLayout, context: string): Place | undefined {
  const hash = context.indexOf('#')
  const path = decoded(context.slice(hash + 1).replace(/\/\$entity$/, ''))
  if (path === undefined) return undefined
  const [first = '', ...rest] = segmentsOf(path)
  const root = model.container?.children.get(withoutKey(first))
  if (root?.kind !== 'entitySet' && root?.kind !== 'singleton') return undefined
  if (rest.length === 0) {
    const collection = layout.collections.get(root.name)
    return collection && { root, collection, owner: undefined, binding: placeOf(root) }
  }
  let type: StructuredType | undefined = root.type
  let property: NavigationProperty | undefined
  let binding = placeOf(root)
  for (const segment of rest) {
    const name = withoutKey(segment)
    binding = placeBehind(binding, name)
    property = type?.allNavigationProperties.get(name)
    const next: { readonly kind: string } | undefined = name.includes('.')
      ? model.types.get(name)
      : (property?.type ?? type?.allProperties.get(name)?.type.type)
    type = next !== undefined && isStructured(next as never) ? (next as StructuredType) : undefined
  }
  if (property === undefined || property.type.kind !== 'entity' || !isContained(model, property)) return undefined
  return containedPlace(layout, property, path.slice(0, path.lastIndexOf(`/${property.name}`)), binding)
}

function decoded(path: string): string | undefined {
  try {
    return decodeURI(path)
  } catch {
    return undefined
  }
}

/** Steps of a path; slashes within quotes of a key are none. */
function segmentsOf(path: string): readonly string[] {
  return path.match(/(?:[^/']|'[^']*')+/g) ?? []
}

function withoutKey(segment: string): string {
  const at = segment.indexOf('(')
  return at < 0 ? segment : segment.slice(0, at)
}

/** Reads all rows of a place, in the order of their keys. */
export function readPlan(place: Place): ReadPlan {
  return {
    kind: 'read',
    requires: [],
    slots: [],
    source: sourceOf(place),
    member: [],
    memberType: undefined,
    raw: false,
    filter: undefined,
    search: undefined,
    compute: [],
    orderby: keyOrder(place),
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
  }
}

export function createPlan(place: Place): CreatePlan {
  return { kind: 'create', requires: [], slots: [], source: sourceOf(place), select: undefined, expand: [] }
}

/** Replaces the entity of a place that the key among the parameters names, behind the owner's. */
export function replacePlan(place: Place): UpdatePlan {
  const { root, collection, owner } = place
  const first = owner === undefined ? 0 : 1
  const key = root.type.key.slice(0, collection.key.parts.length)
  const predicate = { key, parameters: key.map((_, i) => first + i) }
  return {
    kind: 'update',
    requires: [],
    slots: [],
    source: { ...sourceOf(place), steps: key.length === 0 ? [] : [{ kind: 'key', predicate }], single: true },
    replace: true,
    upsert: false,
    select: undefined,
    expand: [],
  }
}

function sourceOf({ root, owner }: Place): ReadPlan['source'] {
  return { root, ...(owner === undefined ? {} : { owner: 0 }), steps: [], type: root.type, single: false }
}

function keyOrder({ root, collection }: Place): readonly OrderByItem[] {
  if (collection.key.parts.length === 0) return []
  return root.type.key.flatMap(({ path, property }) =>
    path.length > 1
      ? []
      : [
          {
            expression: {
              kind: 'member',
              variable: '$it',
              steps: [{ kind: 'property', property }],
              type: property.type,
            },
            descending: false,
          },
        ],
  )
}

/** Milliseconds that one question to the store may take: whole collections are read. */
const patience = 86_400_000

/** A session that sees everything. */
export function wholeSession({ owner }: Place): Session {
  const parameters: Parameters = owner === undefined ? [] : [owner]
  return {
    parameters,
    scope: '',
    rowFilters: new Map(),
    signal: undefined,
    timeLimit: patience,
    after: undefined,
    limit: undefined,
    precondition: undefined,
    transaction: undefined,
  }
}
