import { isGeo } from '../edm/geo.ts'
import type { EnumType, PrimitiveType, Type, TypeDefinition } from '../edm/model.ts'
import { fields, type ModelLayout } from './layout.ts'
import { bsonType, elementType, findField, readString, valueOffset } from './reader.ts'

/**
 * A dynamic value of a type that BSON's own types do not tell: `{@type: 'Edm.Date', @value: '2020-02-29'}`.
 */
export const typedValueField = '@value'

/** A type of values that are neither structured nor collections. */
export type ScalarType = PrimitiveType | EnumType | TypeDefinition

/** Whether what BSON stores for a type is read back as that type where no type is declared. */
export function isToldByBson(type: Type): boolean {
  if (type.kind !== 'primitive') return false
  switch (type.name) {
    case 'Edm.Binary':
    case 'Edm.Boolean':
    case 'Edm.DateTimeOffset':
    case 'Edm.Decimal':
    case 'Edm.Double':
    case 'Edm.Guid':
    case 'Edm.Int32':
    case 'Edm.Int64':
    case 'Edm.String':
      return true
    default:
      return isGeo(type.name) && type.name.startsWith('Edm.Geography')
  }
}

/**
 * The type and the element of a dynamic value that says its type.
 * @param at an element
 * @returns undefined where it does not, or names no type of the model
 */
export function typedValueAt(
  row: Uint8Array,
  at: number,
  layout: ModelLayout,
): { readonly type: ScalarType; readonly at: number } | undefined {
  if (elementType(row, at) !== bsonType.document) return undefined
  const start = valueOffset(row, at)
  const valueAt = findField(row, typedValueField, start)
  if (valueAt < 0) return undefined
  const typeAt = findField(row, fields.type, start)
  if (typeAt < 0 || elementType(row, typeAt) !== bsonType.string) return undefined
  const type = layout.scalarNamed(readString(row, valueOffset(row, typeAt)))
  return type === undefined ? undefined : { type, at: valueAt }
}
