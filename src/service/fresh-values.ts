import { computedDefaultValue } from '../csdl/core.ts'
import { facetsOf } from '../edm/facets.ts'
import type { Property, StructuredType } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { type CollectionValue, isStructuredValue, type StructuredValue, type Value } from '../edm/value.ts'
import { isCollectionValue } from '../eval/values.ts'
import { timeOrderedUuid } from './keys.ts'

/** Values that are made where nobody gives one: something new, and now. */

/** @returns undefined for types of which there is no such value */
export function freshValue({ type }: Property): Value | undefined {
  switch (primitiveOf(type.type)?.name) {
    case 'Edm.Guid':
      return timeOrderedUuid()
    case 'Edm.DateTimeOffset': {
      const digits = Math.min(facetsOf(type).precision ?? 3, 3)
      const unit = 10 ** (3 - digits)
      return { kind: 'dateTimeOffset', ms: Math.floor(Date.now() / unit) * unit, sub: 0, offset: 0, digits }
    }
    case 'Edm.Date':
      return new Date().toISOString().slice(0, 10)
    default:
      return undefined
  }
}

const made = new WeakMap<StructuredType, readonly Property[]>()

/** Properties that the service makes a value for (Core.ComputedDefaultValue): no keys, which have their own ways, and no foreign keys. */
function madeOf(type: StructuredType): readonly Property[] {
  let found = made.get(type)
  if (found === undefined) {
    const foreign = new Set(
      [...type.allNavigationProperties.values()].flatMap(({ referentialConstraints }) =>
        referentialConstraints.map(({ property }) => property),
      ),
    )
    const key = new Set(type.kind === 'entity' ? type.key.map(({ property }) => property) : [])
    found = [...type.allProperties.values()].filter(
      (property) =>
        computedDefaultValue(property) &&
        !property.type.collection &&
        freshValue(property) !== undefined &&
        !key.has(property) &&
        !foreign.has(property.name),
    )
    made.set(type, found)
  }
  return found
}

/**
 * A new entity with the computed defaults that it lacks, inside its complex values too. Hooks have run before: what they give counts, and a
 * null that is said stays, where there may be one.
 */
export function withComputedDefaults(value: StructuredValue): StructuredValue {
  const { type, members: given } = value
  let members: Map<string, Value> | undefined
  const set = (name: string, found: Value): void => {
    members ??= new Map(given)
    members.set(name, found)
  }
  for (const property of madeOf(type)) {
    const { name } = property
    if (property.type.nullable ? given.has(name) : (given.get(name) ?? null) !== null) continue
    const fresh = freshValue(property)
    if (fresh !== undefined) set(name, fresh)
  }
  for (const [name, inner] of given) {
    const filled = isCollectionValue(inner)
      ? filledItems(inner)
      : isStructuredValue(inner)
        ? withComputedDefaults(inner)
        : inner
    if (filled !== inner) set(name, filled)
  }
  return members === undefined ? value : { ...value, members }
}

function filledItems(items: CollectionValue): CollectionValue {
  const filled = items.map((item) => (isStructuredValue(item) ? withComputedDefaults(item) : item))
  return filled.some((item, i) => item !== items[i]) ? (filled as CollectionValue) : items
}
