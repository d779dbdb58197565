import type { StructuredType, TypeReference } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { stepName } from '../print.ts'
import type { Expression, MemberStep } from '../tree.ts'
import { modelTypeOf } from './dynamic.ts'
import type { Presence, PresentProperty, Shape } from './tree.ts'

/** What the instances between transformations have (Aggregation 3.1.1). */

const none: Presence = Object.freeze({ all: false, properties: new Map() })
const nothingHidden: ReadonlySet<string> = new Set()

/** The rows of a resource, as they are stored. */
export function storedShape(type: StructuredType, key: readonly Expression[] | undefined): Shape {
  return { type, presence: { all: true, properties: new Map() }, key, ordered: false, hidden: nothingHidden }
}

/** Instances without properties, one or none. */
export function emptyShape(type: StructuredType): Shape {
  return { type: modelTypeOf(type), presence: none, key: [], ordered: false, hidden: nothingHidden }
}

/** One value of the type of a shape. */
export function referenceOf({ type }: Pick<Shape, 'type'>): TypeReference {
  return { type, collection: false, nullable: false, facets: {} }
}

export function present(navigation: boolean, inside?: Presence, cast?: StructuredType): PresentProperty {
  return { inside, navigation, cast }
}

/** Adds properties that all instances have. */
export function withPresent(presence: Presence, more: Iterable<readonly [string, PresentProperty]>): Presence {
  const properties = new Map(presence.properties)
  for (const [name, property] of more) {
    const before = properties.get(name)
    properties.set(name, before === undefined ? property : joined(before, property))
  }
  return { all: presence.all, properties }
}

function joined(a: PresentProperty, b: PresentProperty): PresentProperty {
  if (a.inside === undefined || b.inside === undefined) return { ...a, inside: undefined }
  return { ...a, inside: unionOf(a.inside, b.inside) }
}

function unionOf(a: Presence, b: Presence): Presence {
  const both = withPresent(a, b.properties)
  return { all: a.all || b.all, properties: both.properties }
}

/** What grouping by some paths gives to every instance. */
export function presenceOfPaths(paths: readonly (readonly MemberStep[])[]): Presence {
  return paths.reduce<Presence>((found, steps) => unionOf(found, presenceOfPath(steps)), none)
}

/** What one path gives: its properties, one inside the other. */
export function presenceOfPath(steps: readonly MemberStep[]): Presence {
  const [first, ...rest] = steps
  if (first === undefined) return none
  if (first.kind === 'cast') {
    const inner = presenceOfPath(rest)
    const cast = first.type
    return {
      all: false,
      properties: new Map([...inner.properties].map(([name, property]) => [name, { ...property, cast }])),
    }
  }
  const name = stepName(first)
  const deeper = rest.some(({ kind }) => kind !== 'cast')
  const inside = deeper ? presenceOfPath(rest) : undefined
  return { all: false, properties: new Map([[name, present(first.kind === 'navigation', inside)]]) }
}

/** What instances of both kinds have. */
export function presentInBoth(a: Presence, b: Presence, type: StructuredType): Presence {
  const properties = new Map<string, PresentProperty>()
  for (const [name, property] of a.properties) {
    const other = b.properties.get(name) ?? declared(b, type, name)
    if (other !== undefined) properties.set(name, narrower(property, other))
  }
  for (const [name, property] of b.properties) {
    const other = a.properties.has(name) ? undefined : declared(a, type, name)
    if (other !== undefined) properties.set(name, narrower(property, other))
  }
  return { all: a.all && b.all, properties }
}

/** A structural property of instances that have all of them. */
function declared(presence: Presence, type: StructuredType, name: string): PresentProperty | undefined {
  const has = presence.all && modelTypeOf(type).allProperties.has(name)
  return has ? present(false) : undefined
}

function narrower(a: PresentProperty, b: PresentProperty): PresentProperty {
  if (a.inside === undefined) return b
  if (b.inside === undefined) return a
  const properties = new Map<string, PresentProperty>()
  for (const [name, property] of a.inside.properties) {
    const other = b.inside.properties.get(name)
    if (other !== undefined) properties.set(name, narrower(property, other))
  }
  return { ...a, inside: { all: a.inside.all && b.inside.all, properties } }
}

/** The structured type of the values that a path ends at; undefined where they are none. */
export function structuredType(reference: TypeReference | undefined): StructuredType | undefined {
  return reference !== undefined && isStructured(reference.type) ? reference.type : undefined
}
