import type { EntityType, NavigationProperty, Property, StructuredType, TypeReference } from '../../edm/model.ts'
import type { Expression, MemberStep } from '../tree.ts'
import type { Presence } from './tree.ts'

/**
 * Types of the instances between transformations: the input type and the dynamic properties that aliases name. Such a type is
 * none of the model's: instances keep the type of the model that they have, and nothing is stored or cast by it.
 */

const models = new WeakMap<StructuredType, StructuredType>()
const aliasLists = new WeakMap<StructuredType, readonly Alias[]>()
const sources = new WeakMap<Property, readonly Expression[]>()
const origins = new WeakMap<NavigationProperty, Extract<Alias, { kind: 'navigation' }>>()

/** The type of the model that a type with dynamic properties extends; any other type is its own. */
export function modelTypeOf<T extends StructuredType>(type: T): T {
  return (models.get(type) as T | undefined) ?? type
}

/** The path of the model that leads to the entities behind a navigation alias; undefined: the property is the model's. */
export function originOf(property: NavigationProperty): readonly MemberStep[] | undefined {
  return origins.get(property)?.origin
}

/** What the transformation `compute` makes a dynamic property of, seen from the instances that have it; none for all others. */
export function computedFrom(property: Property): readonly Expression[] {
  return sources.get(property) ?? nothing
}

const nothing: readonly Expression[] = []

/** What all entities behind a navigation alias have. */
export function presenceBehind(property: NavigationProperty): Presence | undefined {
  return origins.get(property)?.presence
}

/** What an alias stands for. */
export type Alias =
  | {
      readonly kind: 'property'
      readonly name: string
      readonly type: TypeReference
      /** what `compute` makes it of */
      readonly from?: readonly Expression[]
    }
  | {
      readonly kind: 'navigation'
      readonly name: string
      readonly type: StructuredType
      readonly collection: boolean
      /** how the model leads to the entities */
      readonly origin: readonly MemberStep[]
      /** what all of them have */
      readonly presence: Presence
    }

/** The dynamic properties that a type has beside those of the model. */
export function aliasesOf(type: StructuredType): readonly Alias[] {
  return aliasLists.get(type) ?? []
}

/** A type with further dynamic properties. */
export function withAliases<T extends StructuredType>(type: T, aliases: readonly Alias[]): T {
  if (aliases.length === 0) return type
  const extended: T & {
    allProperties: Map<string, Property>
    allNavigationProperties: Map<string, NavigationProperty>
  } = {
    ...type,
    allProperties: new Map(type.allProperties),
    allNavigationProperties: new Map(type.allNavigationProperties),
  }
  models.set(extended, modelTypeOf(type))
  const names = new Set(aliases.map(({ name }) => name))
  aliasLists.set(extended, [...aliasesOf(type).filter(({ name }) => !names.has(name)), ...aliases])
  for (const alias of aliases) {
    const { name } = alias
    if (alias.kind === 'property') {
      const property: Property = {
        kind: 'property',
        name,
        type: alias.type,
        defaultValue: undefined,
        declaringType: extended,
        annotations: [],
      }
      if (alias.from !== undefined) sources.set(property, alias.from)
      extended.allProperties.set(name, property)
      continue
    }
    const property: NavigationProperty = {
      kind: 'navigationProperty',
      name,
      type: alias.type as EntityType,
      collection: alias.collection,
      nullable: true,
      containsTarget: false,
      partner: undefined,
      referentialConstraints: [],
      onDelete: undefined,
      onDeleteAnnotations: [],
      declaringType: extended,
      annotations: [],
    }
    origins.set(property, alias)
    extended.allNavigationProperties.set(name, property)
  }
  return extended
}

/** A type whose property has another one, with more dynamic properties, inside. */
export function withPropertyType<T extends StructuredType>(type: T, name: string, inner: StructuredType): T {
  const property = type.allProperties.get(name)
  if (property === undefined) return type
  const from = computedFrom(property)
  return withAliases(type, [{ kind: 'property', name, type: { ...property.type, type: inner }, from }])
}
