import type { StructuredType, TypeReference } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import type { Expression, MemberStep } from '../tree.ts'
import { untypedReference } from '../type-references.ts'
import { type Alias, withAliases, withPropertyType } from './dynamic.ts'
import { present, withPresent } from './shape.ts'
import type { NestedSequence, Shape } from './tree.ts'

/** What aliases add to shapes (Aggregation 3.1.1). */

/** @param from what `compute` makes it of */
export function propertyAlias(name: string, type: TypeReference | undefined, from?: Expression): Alias {
  return { kind: 'property', name, type: type ?? untypedReference, ...(from === undefined ? {} : { from: [from] }) }
}

/** One alias for two that are the same (`isSameAlias`): it is made of what either is made of. */
export function mergedAlias(a: Alias, b: Alias): Alias {
  if (a.kind === 'navigation' || b.kind === 'navigation') return a
  return { ...a, from: [...(a.from ?? []), ...(b.from ?? [])] }
}

/** A shape whose instances all have further properties. */
export function withProperties(shape: Shape, aliases: readonly Alias[]): Shape {
  return {
    ...shape,
    type: withAliases(shape.type, aliases),
    presence: withPresent(
      shape.presence,
      aliases.map((alias) => [alias.name, present(alias.kind === 'navigation')]),
    ),
  }
}

export function nestedAlias(
  { alias, sequence }: NestedSequence,
  navigation: boolean,
  collection: boolean,
  origin: readonly MemberStep[],
): Alias {
  const { type, presence } = sequence.output
  return navigation
    ? { kind: 'navigation', name: alias, type, collection, origin, presence }
    : { kind: 'property', name: alias, type: { type, collection, nullable: true, facets: {} } }
}

export function isSameAlias(a: Alias, b: Alias): boolean {
  if (a.kind === 'navigation' || b.kind === 'navigation') return a === b
  return a.type.type === b.type.type && a.type.collection === b.type.collection
}

/** The instances of an entity or complex type that a path leads to. */
export function instancesOf(type: StructuredType): Shape {
  return {
    type,
    presence: { all: true, properties: new Map() },
    key: undefined,
    ordered: false,
    hidden: new Set(),
  }
}

export function ownerType(type: StructuredType, via: readonly MemberStep[]): StructuredType {
  let owner = type
  for (const step of via) {
    const inner = step.kind === 'property' ? step.property.type.type : undefined
    if (inner !== undefined && isStructured(inner)) owner = inner
  }
  return owner
}

export function withAliasesInside(
  type: StructuredType,
  [first, ...rest]: readonly MemberStep[],
  aliases: readonly Alias[],
): StructuredType {
  if (first?.kind !== 'property') return withAliases(type, aliases)
  const inner = first.property.type.type
  if (!isStructured(inner)) return type
  return withPropertyType(type, first.property.name, withAliasesInside(inner, rest, aliases))
}
