import { computedDefaultValue } from '../csdl/core.ts'
import { facetsOf } from '../edm/facets.ts'
import type { Property, StructuredType } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import type { StructuredValue, Value } from '../edm/value.ts'
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

/** Properties that must have a value and that the service makes one for (Core.ComputedDefaultValue): no keys, which have their own ways, and no foreign keys. */
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
        !property.type.nullable &&
        !property.type.collection &&
        !key.has(property) &&
        !foreign.has(property.name),
    )
    made.set(type, found)
  }
  return found
}

/** A new entity with the computed defaults that it lacks. Hooks have run before: what they give counts. */
export function withComputedDefaults(entity: StructuredValue): StructuredValue {
  const missing = madeOf(entity.type).filter(({ name }) => (entity.members.get(name) ?? null) === null)
  if (missing.length === 0) return entity
  const members = new Map(entity.members)
  for (const property of missing) {
    const value = freshValue(property)
    if (value !== undefined) members.set(property.name, value)
  }
  return { ...entity, members }
}
