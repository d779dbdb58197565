import { decodeField, namedTypeOf } from '../bson/decode.ts'
import type { ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, firstElement, nextElement, readDouble, valueOffset } from '../bson/reader.ts'
import { type ScalarType, typedValueAt } from '../bson/typed-value.ts'
import type { PrimitiveTypeName, StructuredType, TypeReference } from '../edm/model.ts'
import { primitiveType } from '../edm/primitives.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { typeText } from './control.ts'
import { isStoredNull, maxDepth } from './members.ts'
import { valueText } from './value-text.ts'
import type { JsonDialect } from './writer.ts'

/** Writes an embedded document of a type, its type always said. */
export type ObjectText = (row: Uint8Array, start: number, type: StructuredType, depth: number) => string

/**
 * The JSON of a value without a declared type, as BSON types it: a dynamic property of an open type, or Edm.Untyped.
 * @param at a non-null element
 * @returns undefined where BSON's value is none of Edm
 */
export function dynamicText(
  row: Uint8Array,
  at: number,
  exactAt: number,
  layout: ModelLayout,
  dialect: JsonDialect,
  objectText: ObjectText,
  depth: number,
): string | undefined {
  if (depth >= maxDepth) return undefined
  if (elementType(row, at) === bsonType.array) {
    const items: string[] = []
    for (let i = firstElement(row, valueOffset(row, at)); i >= 0; i = nextElement(row, i))
      items.push(
        (isStoredNull(row, i) ? undefined : dynamicText(row, i, -1, layout, dialect, objectText, depth + 1)) ?? 'null',
      )
    return `[${items.join(',')}]`
  }
  const scalar = typedValueAt(row, at, layout)
  if (scalar !== undefined) {
    const typed = decodeField(row, scalar.at, singleOf(scalar.type), -1, layout)
    return typed === null ? undefined : valueText(scalar.type, typed as PrimitiveValue, dialect)
  }
  const structured = typeAt(row, at, layout)
  if (structured !== undefined) return objectText(row, valueOffset(row, at), structured, depth + 1)
  const value = decodeField(row, at, undefined, exactAt, layout)
  if (value === null) return undefined
  const name = primitiveAt(row, at, value as PrimitiveValue)
  return name === undefined ? undefined : valueText(primitiveType(name), value as PrimitiveValue, dialect)
}

/**
 * The type annotation that a dynamic value needs (JSON Format 4.5.3); undefined where JSON tells the type or the value
 * says it itself.
 */
export function dynamicTypeText(
  row: Uint8Array,
  at: number,
  dialect: JsonDialect,
  layout: ModelLayout,
): string | undefined {
  if (isStoredNull(row, at)) return undefined
  if (elementType(row, at) === bsonType.array) {
    let common: string | undefined
    for (let i = firstElement(row, valueOffset(row, at)); i >= 0; i = nextElement(row, i)) {
      if (isStoredNull(row, i)) continue
      const name =
        typedValueAt(row, i, layout)?.type.name ??
        typeAt(row, i, layout)?.name ??
        primitiveName(row, i, layout) ??
        'Edm.Untyped'
      if (common !== undefined && common !== name)
        return typeText({ kind: 'abstract', name: 'Edm.Untyped' }, true, dialect)
      common = name
    }
    if (common === undefined) return undefined
    const short = common.startsWith('Edm.') ? common.slice(4) : common
    return `#Collection(${short})`
  }
  const scalar = typedValueAt(row, at, layout)
  if (scalar !== undefined) return typeText(scalar.type, false, dialect)
  if (typeAt(row, at, layout) !== undefined) return undefined
  const name = primitiveName(row, at, layout)
  if (name === undefined || name === 'Edm.String' || name === 'Edm.Boolean') return undefined
  if (name === 'Edm.Double' && Number.isFinite(readDouble(row, valueOffset(row, at)))) return undefined
  return typeText(primitiveType(name), false, dialect)
}

/**
 * The same for the value of a declared property of a built-in abstract type, like Edm.Untyped.
 * @returns undefined also where it is what the model says of a collection, but at full metadata
 */
export function untypedTypeText(
  row: Uint8Array,
  at: number,
  reference: TypeReference,
  dialect: JsonDialect,
  layout: ModelLayout,
): string | undefined {
  const told = dynamicTypeText(row, at, dialect, layout)
  if (!reference.collection) return told
  const declared = typeText(reference.type, true, dialect)
  if (told !== undefined && told !== declared) return told
  return dialect.metadata === 'full' ? declared : undefined
}

function singleOf(type: ScalarType): TypeReference {
  return { type, collection: false, nullable: true, facets: {} }
}

/** The structured type of an embedded document that names one of the model. */
function typeAt(row: Uint8Array, at: number, layout: ModelLayout): StructuredType | undefined {
  return elementType(row, at) === bsonType.document ? namedTypeOf(row, valueOffset(row, at), layout) : undefined
}

function primitiveName(row: Uint8Array, at: number, layout: ModelLayout): PrimitiveTypeName | undefined {
  const value = decodeField(row, at, undefined, -1, layout)
  return value === null ? undefined : primitiveAt(row, at, value as PrimitiveValue)
}

function primitiveAt(row: Uint8Array, at: number, value: PrimitiveValue): PrimitiveTypeName | undefined {
  switch (elementType(row, at)) {
    case bsonType.int32:
      return 'Edm.Int32'
    case bsonType.int64:
      return 'Edm.Int64'
    case bsonType.double:
      return 'Edm.Double'
    case bsonType.decimal128:
      return 'Edm.Decimal'
    case bsonType.boolean:
      return 'Edm.Boolean'
    case bsonType.date:
      return 'Edm.DateTimeOffset'
    case bsonType.binary:
      return typeof value === 'string' ? 'Edm.Guid' : 'Edm.Binary'
    case bsonType.document:
      if (typeof value !== 'object' || !('kind' in value)) return undefined
      if (value.kind === 'dateTimeOffset') return 'Edm.DateTimeOffset'
      return value.kind === 'geo' ? geoName(value.shape.type) : undefined
    default:
      return typeof value === 'string' ? 'Edm.String' : undefined
  }
}

function geoName(shape: string): PrimitiveTypeName {
  return shape === 'GeometryCollection' ? 'Edm.GeographyCollection' : (`Edm.Geography${shape}` as PrimitiveTypeName)
}
