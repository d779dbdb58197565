import { assertNever } from '../base/assert.ts'
import { daysToDate, parseDate, parseTimeOfDay } from '../edm/date-and-time.ts'
import { fractionDigits, isPrintableInstant, parseDateTimeOffset } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import { isGeo } from '../edm/geo.ts'
import { guidFromBytes, parseGuid } from '../edm/guid.ts'
import type { EnumType, PrimitiveTypeName, Property, StructuredType, TypeReference } from '../edm/model.ts'
import { convertNumber } from '../edm/numbers.ts'
import { primitiveType, untypedObject } from '../edm/primitives.ts'
import { isAbstract, isStructured, primitiveOf } from '../edm/types.ts'
import type { DateTimeOffset, PrimitiveValue, StreamReference, StructuredValue, Value } from '../edm/value.ts'
import { plainKeysOf } from './encode.ts'
import { durationOfTicks, readExactNumber, readExactPart, readInstant, readInstantItem } from './exact.ts'
import { decodeGeo } from './geo-json.ts'
import { type CollectionLayout, fields, type ModelLayout, type StructuredLayout } from './layout.ts'
import {
  binaryStart,
  bsonType,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  readDouble,
  readInt32,
  readInt64AsNumber,
  readString,
  valueOffset,
} from './reader.ts'
import { streamAt } from './stream.ts'
import { type ScalarType, typedValueAt } from './typed-value.ts'
import { untypedName } from './untyped-name.ts'

/**
 * The value of an element. Lenient without loss: whatever numeric type holds a number that the declared type can hold,
 * an ObjectId for a String, text for a Guid, DateTimeOffset, Date; everything else reads as null. Never throws.
 * @param at the element, or -1: null
 * @param reference its declared type; undefined for a dynamic property
 * @param exactAt the `name@exact` element beside it, or -1 (only DateTimeOffset looks at it)
 */
export function decodeField(
  row: Uint8Array,
  at: number,
  reference: TypeReference | undefined,
  exactAt: number,
  layout: ModelLayout,
): Value {
  if (at < 0) return null
  if (reference === undefined) return decodeDynamic(layout, row, at, exactAt, 0)
  if (!reference.collection) return decodeOne(layout, row, at, reference, exactAt, 0)
  return decodeItems(layout, row, at, reference, 0)
}

/**
 * A whole document of a collection: its type, then the key members, then the others as stored. Members that are not stored
 * are left out (they are null); fields of no property are members only of an open type.
 */
export function decodeEntity(layout: ModelLayout, collection: CollectionLayout, row: Uint8Array): StructuredValue {
  const declared = layout.structured(collection.entityType)
  const type = typeOfDocument(row, 0, declared)
  const members = new Map<string, Value>()
  for (const { names, path, alias, property } of collection.key.parts) {
    const name = names[0]
    if (names.length !== 1 || name === undefined) continue
    const exactAt = findField(row, alias + fields.exact)
    members.set(name, decodeField(row, findPath(row, path), property.type, exactAt, layout))
  }
  const more = readMembers(layout, row, 0, type, members, 0)
  for (const { name, type: reference } of plainKeysOf(collection)) {
    const at = findField(row, name)
    if (at >= 0) members.set(name, decodeField(row, at, reference, findField(row, name + fields.exact), layout))
  }
  return { kind: 'structured', type, members, ...more }
}

/**
 * The actual type of a document.
 * @param start offset of the document's length
 * @param declared layout of the type it is declared with; a `@type` that does not derive from it is not believed
 */
export function typeOfDocument(row: Uint8Array, start: number, declared: StructuredLayout): StructuredType {
  const at = findField(row, fields.type, start)
  if (at < 0 || elementType(row, at) !== bsonType.string) return declared.withoutType
  return declared.instantiable.get(readString(row, valueOffset(row, at))) ?? declared.withoutType
}

/**
 * The structured type of an embedded document without a declared type: the one that it names, or where it names none and is no
 * value of another kind `untypedObject`. Undefined where it names none of the model.
 */
export function namedTypeOf(row: Uint8Array, start: number, layout: ModelLayout): StructuredType | undefined {
  const at = findField(row, fields.type, start)
  if (at < 0) return isPlainDocument(row, start) ? untypedObject : undefined
  if (elementType(row, at) !== bsonType.string) return undefined
  return layout.typeNamed(readString(row, valueOffset(row, at)))
}

function isPlainDocument(row: Uint8Array, start: number): boolean {
  return findField(row, '@date', start) < 0 && decodeGeo(row, start, 'Edm.Geography') === null
}

/** The name of the dynamic property that a field holds. @param type of the document */
export function dynamicNameOf(type: StructuredType, field: string): string {
  return type === untypedObject ? untypedName(field) : field
}

/** Deeper documents read as null: nothing odatum writes comes near, and the stack must not end. */
const maxDepth = 100

/** @returns what a value has beside its members, so that it is stored again as it was */
function readMembers(
  layout: ModelLayout,
  row: Uint8Array,
  start: number,
  type: StructuredType,
  members: Map<string, Value>,
  depth: number,
): Pick<StructuredValue, 'dynamicTypes' | 'streams'> {
  const { propertyOf } = layout.structured(type)
  let dynamicTypes: Map<string, TypeReference> | undefined
  let streams: Map<string, StreamReference> | undefined
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    const field = elementName(row, at)
    const name = propertyOf.get(field)
    const property = name === undefined ? undefined : type.allProperties.get(name)
    if (property === undefined) {
      if (field.includes('@')) {
        const stream = streamOf(layout, row, at, field, type)
        if (stream) streams = (streams ?? new Map<string, StreamReference>()).set(...stream)
        continue
      }
      if (!type.open || field === fields.id) continue
      const dynamic = dynamicNameOf(type, field)
      members.set(dynamic, decodeDynamic(layout, row, at, findField(row, field + fields.exact, start), depth))
      const given = dynamicTypeAt(layout, row, at)
      if (given) dynamicTypes = (dynamicTypes ?? new Map<string, TypeReference>()).set(dynamic, given)
    } else {
      members.set(property.name, decodeProperty(layout, row, start, at, field, property, depth))
      const given = isAbstract(property.type.type) ? dynamicTypeAt(layout, row, at) : undefined
      if (given) dynamicTypes = (dynamicTypes ?? new Map<string, TypeReference>()).set(property.name, given)
    }
  }
  return { ...(dynamicTypes ? { dynamicTypes } : {}), ...(streams ? { streams } : {}) }
}

/** The stream property whose pointer an element is. */
function streamOf(
  layout: ModelLayout,
  row: Uint8Array,
  at: number,
  field: string,
  type: StructuredType,
): [string, StreamReference] | undefined {
  if (!field.endsWith(fields.stream)) return undefined
  const name = layout.structured(type).propertyOf.get(field.slice(0, -fields.stream.length))
  const stream = name === undefined ? undefined : streamAt(row, at)
  return name === undefined || stream === undefined ? undefined : [name, stream]
}

/** The type of a dynamic value that the value in memory does not tell; of a collection the one of all its items. */
function dynamicTypeAt(layout: ModelLayout, row: Uint8Array, at: number): TypeReference | undefined {
  const own = untoldTypeAt(layout, row, at)
  if (own !== undefined) return singleOf(own)
  if (elementType(row, at) !== bsonType.array) return undefined
  let type: ScalarType | undefined
  for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item)) {
    if (elementType(row, item) === bsonType.null) continue
    const found = untoldTypeAt(layout, row, item)
    if (found === undefined || (type !== undefined && found !== type)) return undefined
    type = found
  }
  return type && { ...singleOf(type), collection: true }
}

/** What the value says of itself, and what only BSON tells: in memory a Guid is a string, and a whole Double like an Int32. */
function untoldTypeAt(layout: ModelLayout, row: Uint8Array, at: number): ScalarType | undefined {
  const bson = elementType(row, at)
  if (bson === bsonType.double && isInt32(readDouble(row, valueOffset(row, at)))) return primitiveType('Edm.Double')
  if (bson === bsonType.binary && row[valueOffset(row, at) + 4] === 4) return primitiveType('Edm.Guid')
  return typedValueAt(row, at, layout)?.type
}

function isInt32(value: number): boolean {
  return Object.is(value, value | 0)
}

function decodeProperty(
  layout: ModelLayout,
  row: Uint8Array,
  start: number,
  at: number,
  field: string,
  property: Property,
  depth: number,
): Value {
  const reference = property.type
  if (reference.collection) return decodeItems(layout, row, at, reference, depth)
  const exactAt =
    primitiveOf(reference.type)?.name === 'Edm.DateTimeOffset' ? findField(row, field + fields.exact, start) : -1
  return decodeOne(layout, row, at, reference, exactAt, depth)
}

function decodeItems(layout: ModelLayout, row: Uint8Array, at: number, reference: TypeReference, depth: number): Value {
  if (elementType(row, at) !== bsonType.array) return null
  const items: Value[] = []
  for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item)) {
    items.push(decodeOne(layout, row, item, reference, -1, depth))
  }
  return items
}

function decodeOne(
  layout: ModelLayout,
  row: Uint8Array,
  at: number,
  reference: TypeReference,
  exactAt: number,
  depth: number,
): Value {
  const { type } = reference
  if (type.kind === 'enum') return decodeEnum(type, row, elementType(row, at), valueOffset(row, at))
  if (isStructured(type)) return decodeStructured(layout, row, at, layout.structured(type), depth)
  const name = primitiveOf(type)?.name
  return name === undefined ? decodeDynamic(layout, row, at, exactAt, depth) : decodePrimitive(row, at, name, exactAt)
}

function decodeStructured(
  layout: ModelLayout,
  row: Uint8Array,
  at: number,
  declared: StructuredLayout,
  depth: number,
): StructuredValue | null {
  if (elementType(row, at) !== bsonType.document || depth > maxDepth) return null
  const start = valueOffset(row, at)
  const type = typeOfDocument(row, start, declared)
  const members = new Map<string, Value>()
  const more = readMembers(layout, row, start, type, members, depth + 1)
  return { kind: 'structured', type, members, ...more }
}

function decodeEnum(type: EnumType, row: Uint8Array, bson: number, offset: number): bigint | null {
  const value = decodeNumber(row, bson, offset, type.underlying.name === 'Edm.Int64' ? 'Edm.Int64' : 'Edm.Int32')
  return value === null ? null : BigInt(value as number | bigint)
}

/**
 * A value of a primitive type, lenient as `decodeField`.
 * @param at an element (not -1)
 * @param exactAt the `name@exact` element beside it, or -1
 */
export function decodePrimitive(
  row: Uint8Array,
  at: number,
  name: PrimitiveTypeName,
  exactAt: number,
): PrimitiveValue | null {
  const bson = elementType(row, at)
  const offset = valueOffset(row, at)
  switch (name) {
    case 'Edm.String':
      if (bson === bsonType.string || bson === bsonType.symbol) return readString(row, offset)
      return bson === bsonType.objectId ? hex(row, offset, 12) : null
    case 'Edm.Boolean':
      return bson === bsonType.boolean ? row[offset] !== 0 : null
    case 'Edm.Int32':
      if (bson === bsonType.int32) return readInt32(row, offset)
      return decodeNumber(row, bson, offset, name)
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int64':
    case 'Edm.Decimal':
    case 'Edm.Double':
    case 'Edm.Single':
      return decodeNumber(row, bson, offset, name)
    case 'Edm.Guid':
      if (bson === bsonType.string) return parseGuid(readString(row, offset)) ?? null
      return bson === bsonType.binary && row[offset + 4] === 4 && readInt32(row, offset) === 16
        ? guidFromBytes(row, binaryStart(offset))
        : null
    case 'Edm.Binary':
      return bson === bsonType.binary ? decodeBinary(row, offset) : null
    case 'Edm.DateTimeOffset':
      if (bson === bsonType.date) return readInstant(row, at, exactAt)
      if (bson === bsonType.document) return readInstantItem(row, offset)
      return bson === bsonType.string ? decodeInstantText(row, offset, exactAt) : null
    case 'Edm.Date':
      if (bson === bsonType.string) return parseDate(readString(row, offset)) ?? null
      return bson === bsonType.date ? decodeMidnight(readInt64AsNumber(row, offset)) : null
    case 'Edm.TimeOfDay':
      return bson === bsonType.string ? (parseTimeOfDay(readString(row, offset)) ?? null) : null
    case 'Edm.Duration': {
      const ticks = readExactNumber(row, bson, offset)
      if (ticks === undefined) return null
      return durationOfTicks(typeof ticks === 'number' ? Decimal.fromNumber(ticks) : ticks)
    }
    case 'Edm.Stream':
      return null
    default:
      if (isGeo(name)) return bson === bsonType.document ? decodeGeo(row, offset, name) : null
      return assertNever(name, 'primitive type')
  }
}

/** A number of any BSON type, where the target holds the very same number. */
function decodeNumber(
  row: Uint8Array,
  bson: number,
  offset: number,
  target: Parameters<typeof convertNumber>[0],
): number | bigint | Decimal | null {
  const stored = readExactNumber(row, bson, offset)
  if (stored === undefined) return null
  if (typeof stored === 'number' && target === 'Edm.Double') return stored
  const value = convertNumber(target, stored)
  return value !== undefined && isSameNumber(stored, value) ? value : null
}

/** Whether a conversion lost nothing; a double stands for the decimal it prints as. */
function isSameNumber(a: number | bigint | Decimal, b: number | bigint | Decimal): boolean {
  if (a === b) return true
  if (typeof a === 'bigint' && typeof b === 'number') return Number.isInteger(b) && BigInt(b) === a
  if (typeof a === 'number' && typeof b === 'bigint') return Number.isInteger(a) && BigInt(a) === b
  return asDecimal(a).equals(asDecimal(b))
}

function asDecimal(value: number | bigint | Decimal): Decimal {
  if (typeof value === 'number') return Decimal.fromNumber(value)
  return typeof value === 'bigint' ? Decimal.fromBigInt(value) : value
}

function decodeBinary(row: Uint8Array, offset: number): Uint8Array {
  const start = binaryStart(offset)
  const end = start + readInt32(row, offset)
  // subtype 2 repeats its length inside
  return new Uint8Array(row.subarray(row[offset + 4] === 2 ? Math.min(start + 4, end) : start, end))
}

/** A key, or text that others wrote; `exactAt` says in which offset and digits a key was written. */
function decodeInstantText(row: Uint8Array, offset: number, exactAt: number): DateTimeOffset | null {
  const stored = parseDateTimeOffset(readString(row, offset))
  if (stored === undefined) return null
  // only keys have 12 digits and UTC: they are read in their fewest digits
  const isKey = stored.digits === 12 && stored.offset === 0
  if (!isKey) return stored
  const least = fractionDigits(stored.ms, stored.sub)
  if (exactAt < 0 || elementType(row, exactAt) !== bsonType.document) return { ...stored, digits: least }
  const written = readExactPart(row, valueOffset(row, exactAt), '')
  if (!isPrintableInstant(stored.ms, written.offset)) return { ...stored, digits: least }
  return { ...stored, offset: written.offset, digits: Math.max(written.digits, least) }
}

function decodeMidnight(ms: number): string | null {
  return ms % 86_400_000 === 0 ? (daysToDate(ms / 86_400_000) ?? null) : null
}

function hex(row: Uint8Array, offset: number, length: number): string {
  let text = ''
  for (let i = offset; i < offset + length; i++) text += (row[i] as number).toString(16).padStart(2, '0')
  return text
}

/** A value without a declared type: what BSON says it is; documents by their `@type`, else GeoJSON, else objects without a type. */
function decodeDynamic(layout: ModelLayout, row: Uint8Array, at: number, exactAt: number, depth: number): Value {
  const bson = elementType(row, at)
  const offset = valueOffset(row, at)
  switch (bson) {
    case bsonType.array: {
      if (depth > maxDepth) return null
      const items: Value[] = []
      for (let item = firstElement(row, offset); item >= 0; item = nextElement(row, item)) {
        items.push(decodeDynamic(layout, row, item, -1, depth + 1))
      }
      return items
    }
    case bsonType.document:
      return decodeDynamicDocument(layout, row, at, offset, depth)
    case bsonType.binary:
      return decodePrimitive(row, at, row[offset + 4] === 4 ? 'Edm.Guid' : 'Edm.Binary', -1)
    case bsonType.date:
      return readInstant(row, at, exactAt)
    case bsonType.boolean:
      return row[offset] !== 0
    case bsonType.string:
    case bsonType.symbol:
    case bsonType.objectId:
      return decodePrimitive(row, at, 'Edm.String', -1)
    default:
      return readExactNumber(row, bson, offset) ?? null
  }
}

function singleOf(type: TypeReference['type']): TypeReference {
  return { type, collection: false, nullable: true, facets: {} }
}

function decodeDynamicDocument(layout: ModelLayout, row: Uint8Array, at: number, start: number, depth: number): Value {
  if (findField(row, '@date', start) >= 0) return readInstantItem(row, start)
  const scalar = typedValueAt(row, at, layout)
  if (scalar !== undefined) return decodeOne(layout, row, scalar.at, singleOf(scalar.type), -1, depth)
  const type = namedTypeOf(row, start, layout)
  if (type !== undefined) return decodeStructured(layout, row, at, layout.structured(type), depth)
  return findField(row, fields.type, start) < 0 ? decodeGeo(row, start, 'Edm.Geography') : null
}
