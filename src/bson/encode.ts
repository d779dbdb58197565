import { Binary, type Document, Double } from 'bson'
import { assertNever, invariant } from '../base/assert.ts'
import { fractionDigits, printDateTimeOffset } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import { isGeo } from '../edm/geo.ts'
import { guidToBytes } from '../edm/guid.ts'
import type { PrimitiveTypeName, Property, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { isPrimitiveValue, untypedObject } from '../edm/primitives.ts'
import { isAbstract, isStream, isStructured, isSubtypeOf, primitiveOf } from '../edm/types.ts'
import {
  type DateTimeOffset,
  type Duration,
  type GeoValue,
  isStructuredValue,
  mediaMember,
  type PrimitiveValue,
  type StructuredValue,
  type Value,
} from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { toDecimal128 } from './decimal128.ts'
import { type ExactPart, exactPart, ticksOf } from './exact.ts'
import { isDynamicName } from './field-path.ts'
import { encodeGeo } from './geo-json.ts'
import { type CollectionLayout, containedId, fields, type ModelLayout, type StructuredLayout } from './layout.ts'
import { isObjectIdType, toObjectId } from './object-id.ts'
import { encodeStream } from './stream.ts'
import { isToldByBson, typedValueField } from './typed-value.ts'
import { untypedField } from './untyped-name.ts'

/** A value in stored form; `exact` is what goes beside it as `name@exact`. */
export interface EncodedValue {
  readonly value: unknown
  readonly exact?: ExactPart
}

/** What changes some members of a document: dotted field paths, as `Change` (store/port.ts) wants them. */
export interface EncodedMembers {
  readonly set: Document
  readonly unset: readonly string[]
}

/**
 * A new document of a collection: `_id` from the key members, `@type` where the value's type derives from the declared
 * one, the members under their stored names. Null members are left out: absent and null are the same.
 * @param owner path of the owner, in a contained collection (layout.ts)
 * @param version of a document that is to be stored as it is: 1; undefined: the document has none
 * @throws ODataError `keyInvalid` where a key member is missing or null; `valueInvalid` for a value that cannot be stored
 */
export function encodeEntity(
  layout: ModelLayout,
  collection: CollectionLayout,
  value: StructuredValue,
  owner?: string,
  version?: 1,
): Document {
  const document = newDocument()
  const keys = collection.key.parts.map(({ names }) => memberAt(value, names))
  document[fields.id] = encodeKey(collection, keys, owner)
  if (version !== undefined) document[fields.version] = version
  writeType(document, value.type, collection.entityType)
  for (const [i, { alias, property }] of collection.key.parts.entries()) {
    const exact = keyExact(property, keys[i])
    if (exact !== undefined) document[alias + fields.exact] = exact
  }
  for (const { name, type } of plainKeysOf(collection)) {
    const member = value.members.get(name)
    if (member === undefined || member === null) continue
    const { value: stored, exact } = encodeValue(layout, type, member)
    document[name] = stored
    if (exact !== undefined) document[name + fields.exact] = exact
  }
  writeMembers(layout, document, value)
  return document
}

/** A new document as it is stored: key and version first. */
export function firstVersion(document: Document): Document {
  if (document[fields.version] === 1) return document
  const stored = newDocument()
  stored[fields.id] = document[fields.id]
  stored[fields.version] = 1
  for (const name in document) if (name !== fields.id && name !== fields.version) stored[name] = document[name]
  return stored
}

/** Key properties that are fields like all others: where one row for each owner needs no key (layout.ts, `KeyLayout`). */
export function plainKeysOf({ key, entityType }: CollectionLayout): readonly Property[] {
  if (key.parts.length > 0) return []
  return entityType.key.flatMap(({ path, property }) => (path.length === 1 ? [property] : []))
}

/**
 * The change that sets some members and leaves the others (PATCH, Protocol 11.4.3). Key properties are left out. Members of
 * a single complex value are set one by one, so that those not named stay; collections, and values that are `whole`, are set as a whole.
 * @param type declared or actual type of the document
 * @param more types that dynamic members were given, and streams
 * @returns `set` and `unset` by dotted field path; null members are unset
 */
export function encodeMembers(
  layout: ModelLayout,
  type: StructuredType,
  members: ReadonlyMap<string, Value>,
  more: Pick<StructuredValue, 'dynamicTypes' | 'streams'> = {},
): EncodedMembers {
  const set = newDocument()
  const unset: string[] = []
  mergeMembers(layout, { ...more, type, members }, '', set, unset)
  return { set, unset }
}

/** The members of a document that replaces another (PUT, Protocol 11.4.4): neither `_id` nor `@type`; null members are left out. */
export function encodeReplacement(layout: ModelLayout, value: StructuredValue): Document {
  const document = newDocument()
  writeMembers(layout, document, value)
  return document
}

/** Fields a property takes in its document: its own, and `name@exact` of a single DateTimeOffset. */
export function storedFieldsOf(layout: ModelLayout, property: Property): readonly string[] {
  const field = layout.structured(property.declaringType).fieldOf.get(property.name)
  if (field === undefined) return []
  if (isStream(property)) return [field + fields.stream]
  return isSingleInstant(property.type) ? [field, field + fields.exact] : [field]
}

/**
 * A value of a type in stored form.
 * @param reference the declared type; undefined for a dynamic property: the value's form decides
 * @throws ODataError `valueInvalid` where the value cannot be stored (a decimal of more than 34 digits)
 */
export function encodeValue(layout: ModelLayout, reference: TypeReference | undefined, value: Value): EncodedValue {
  if (value === null) return { value: null }
  if (reference === undefined || isAbstract(reference.type)) return encodeDynamic(layout, value)
  if (reference.collection) {
    invariant(Array.isArray(value), `a collection of ${reference.type.name} is an array`)
    return { value: value.map((item: Value) => encodeItem(layout, reference.type, item)) }
  }
  const { type } = reference
  if (isStructured(type)) return { value: encodeStructured(layout, value, type) }
  return encodeScalar(type, value)
}

/**
 * The `_id` of an entity.
 * @param values key values in key order; equal keys give equal bytes (decimals without trailing zeros, instants in UTC)
 * @param owner path of the owner, in a contained collection
 * @returns one value, a document in key order, for a singleton the collection's name; in a contained collection {p, k}
 * @throws ODataError `keyInvalid` where a value is missing or null
 */
export function encodeKey(
  collection: CollectionLayout,
  values: readonly (Value | undefined)[],
  owner?: string,
): unknown {
  if (collection.contained === undefined)
    return collection.key.parts.length === 0 ? collection.name : keyValue(collection, values)
  invariant(owner !== undefined, `an entity in ${collection.name} has an owner`)
  const id = newDocument()
  id[containedId.owner] = owner
  id[containedId.key] = collection.key.parts.length === 0 ? '' : keyValue(collection, values)
  return id
}

function keyValue(collection: CollectionLayout, values: readonly (Value | undefined)[]): unknown {
  const { composite, parts } = collection.key
  const document = newDocument()
  for (const [i, { alias, property }] of parts.entries()) {
    const value = values[i]
    if (value === undefined || value === null) {
      throw new ODataError('keyInvalid', `The key property ${alias} has no value.`, { target: alias })
    }
    const encoded = encodeKeyPart(property.type.type, value)
    if (!composite) return encoded
    document[alias] = encoded
  }
  return document
}

/** One key value as it stands in `_id`; a filter on a key property compares with it. */
export function encodeKeyPart(type: Type, value: Value): unknown {
  switch (primitiveOf(type)?.name) {
    case 'Edm.DateTimeOffset': {
      const instant = value as DateTimeOffset
      return printDateTimeOffset({ ...instant, offset: 0, digits: 12 })
    }
    case 'Edm.Decimal':
      return encodeScalar(type, value instanceof Decimal ? value.trimmed() : value).value
    default:
      return encodeScalar(type, value).value
  }
}

/** How a key's instant was written, where that is not UTC in its fewest digits. */
function keyExact(property: Property, value: Value | undefined): ExactPart | undefined {
  if (primitiveOf(property.type.type)?.name !== 'Edm.DateTimeOffset' || value === undefined) return undefined
  const { ms, sub, offset, digits } = value as DateTimeOffset
  if (offset === 0 && digits === fractionDigits(ms, sub)) return undefined
  return offset === 0 ? { digits } : { offset, digits }
}

/** Keys that a client names must not reach a prototype. */
export function newDocument(): Document {
  return Object.create(null) as Document
}

function memberAt(value: StructuredValue, names: readonly string[]): Value | undefined {
  let current: Value | undefined = value
  for (const name of names) {
    current = isStructuredValue(current) ? current.members.get(name) : undefined
  }
  return current
}

function writeType(document: Document, type: StructuredType, declared: StructuredType): void {
  invariant(isSubtypeOf(type, declared), `${type.name} derives from ${declared.name}`)
  if (type !== declared || declared.abstract) document[fields.type] = type.name
}

function writeMembers(layout: ModelLayout, document: Document, value: StructuredValue): void {
  const declared = placesOf(layout, value.type)
  for (const [name, member] of value.members) {
    if (member === null) {
      // what an object without a type says is kept to the letter: no model tells what it could have
      if (value.type === untypedObject) document[untypedField(name)] = null
      continue
    }
    const place = declared.get(name) ?? placeOf(layout, value.type, name)
    if (place === undefined) continue
    const encoded = encodeMember(layout, place.reference, member, value.dynamicTypes?.get(name))
    document[place.field] = encoded.value
    if (encoded.exact !== undefined) document[place.field + fields.exact] = encoded.exact
  }
  for (const [name, stream] of value.streams ?? [])
    if (stream !== null) document[streamField(layout, value.type, name)] = encodeStream(stream)
}

function streamField(layout: ModelLayout, type: StructuredType, name: string): string {
  if (name === mediaMember) return fields.media
  return (layout.structured(type).fieldOf.get(name) ?? name) + fields.stream
}

interface MemberPlace {
  readonly field: string
  /** undefined: a dynamic property */
  readonly reference: TypeReference | undefined
}

const places = new WeakMap<StructuredLayout, ReadonlyMap<string, MemberPlace>>()

/** Where the declared properties of a type are stored, but for key properties. */
function placesOf(layout: ModelLayout, type: StructuredType): ReadonlyMap<string, MemberPlace> {
  const structured = layout.structured(type)
  let found = places.get(structured)
  if (found === undefined) {
    const made = new Map<string, MemberPlace>()
    for (const [name, property] of type.allProperties) {
      const field = structured.fieldOf.get(name)
      if (field !== undefined) made.set(name, { field, reference: storedAs(property) })
    }
    found = made
    places.set(structured, found)
  }
  return found
}

/**
 * Where a member is stored.
 * @returns undefined for key properties, which `_id` holds
 * @throws ODataError `propertyUnknown` for a name that is neither declared nor a dynamic property's
 */
function placeOf(layout: ModelLayout, type: StructuredType, name: string): MemberPlace | undefined {
  if (type.allProperties.has(name)) return placesOf(layout, type).get(name)
  if (type.allNavigationProperties.has(name)) {
    throw new ODataError('notImplemented', `The navigation property ${name} cannot be written here.`, { target: name })
  }
  if (type === untypedObject) return { field: untypedField(name), reference: undefined }
  if (type.open && isDynamicName(layout, type, name)) return { field: name, reference: undefined }
  throw new ODataError('propertyUnknown', `The type ${type.name} has no property ${name}.`, { target: name })
}

/**
 * The type that a value's stored form starts from. Where a derived type redefines a property with a narrower type it is the first
 * declaration's: the value is read through base types too, and must say what it is.
 */
function storedAs(property: Property): TypeReference {
  if (!isStructured(property.type.type)) return property.type
  let { declaringType, type } = property
  while (declaringType.baseType !== undefined) {
    const inherited: Property | undefined = declaringType.baseType.allProperties.get(property.name)
    if (inherited === undefined || !isStructured(inherited.type.type)) return type
    ;({ declaringType, type } = inherited)
  }
  return type
}

/** A declared member, or one without a declared type of the type that it was given. */
function encodeMember(
  layout: ModelLayout,
  reference: TypeReference | undefined,
  value: Value,
  given: TypeReference | undefined,
): EncodedValue {
  const declared = reference !== undefined && !isAbstract(reference.type)
  if (declared || value === null) return encodeValue(layout, reference, value)
  if (given === undefined || !Array.isArray(value)) {
    const encoded = given ? encodeTyped(layout, given.type, value) : encodeValue(layout, reference, value)
    // beside a declared property only a DateTimeOffset has what a date cannot hold
    return reference ? { value: withExact(encoded) } : encoded
  }
  return { value: value.map((item: Value) => withExact(encodeTyped(layout, given.type, item))) }
}

function encodeTyped(layout: ModelLayout, type: Type, value: Value): EncodedValue {
  if (value === null) return { value }
  if (isStructured(type) || isAbstract(type)) return encodeDynamic(layout, value)
  const encoded = encodeScalar(type, value)
  return isToldByBson(type) ? encoded : { value: typed(type.name, withExact(encoded)) }
}

function typed(type: string, value: unknown): Document {
  return { [fields.type]: type, [typedValueField]: value }
}

function mergeMembers(
  layout: ModelLayout,
  { type, members, dynamicTypes, streams }: Pick<StructuredValue, 'type' | 'members' | 'dynamicTypes' | 'streams'>,
  prefix: string,
  set: Document,
  unset: string[],
): void {
  for (const [name, member] of members) {
    const place = placeOf(layout, type, name)
    if (place === undefined) continue
    const path = prefix + place.field
    const { reference } = place
    if (member === null) {
      unset.push(reference !== undefined && isStreamType(reference) ? path + fields.stream : path)
      if (reference === undefined || isSingleInstant(reference)) unset.push(path + fields.exact)
      continue
    }
    if (
      reference !== undefined &&
      !reference.collection &&
      isStructured(reference.type) &&
      isStructuredValue(member) &&
      !member.whole
    ) {
      invariant(isSubtypeOf(member.type, reference.type), `${member.type.name} derives from ${reference.type.name}`)
      if (member.type !== reference.type) set[`${path}.${fields.type}`] = member.type.name
      mergeMembers(layout, member, `${path}.`, set, unset)
      continue
    }
    const encoded = encodeMember(layout, reference, member, dynamicTypes?.get(name))
    set[path] = encoded.value
    if (encoded.exact !== undefined) set[path + fields.exact] = encoded.exact
    else if (reference === undefined || isSingleInstant(reference)) unset.push(path + fields.exact)
  }
  for (const [name, stream] of streams ?? []) {
    const path = prefix + streamField(layout, type, name)
    if (stream === null) unset.push(path)
    else set[path] = encodeStream(stream)
  }
}

function isStreamType({ type }: TypeReference): boolean {
  return primitiveOf(type)?.name === 'Edm.Stream'
}

function isSingleInstant(reference: TypeReference): boolean {
  return !reference.collection && primitiveOf(reference.type)?.name === 'Edm.DateTimeOffset'
}

function encodeStructured(layout: ModelLayout, value: Value, declared: StructuredType): Document {
  invariant(isStructuredValue(value), `a value of ${declared.name} has members`)
  const document = newDocument()
  writeType(document, value.type, declared)
  writeMembers(layout, document, value)
  return document
}

function encodeItem(layout: ModelLayout, type: Type, value: Value): unknown {
  if (value === null) return null
  if (isStructured(type)) return encodeStructured(layout, value, type)
  const encoded = isAbstract(type) ? encodeDynamic(layout, value) : encodeScalar(type, value)
  return withExact(encoded)
}

/** An item of a collection has no field beside it: what a date cannot hold goes with it. */
function withExact({ value, exact }: EncodedValue): unknown {
  if (exact === undefined) return value
  const item: Document = { '@date': value, '@digits': exact.digits }
  if (exact.sub !== undefined) item['@sub'] = exact.sub
  if (exact.offset !== undefined) item['@offset'] = exact.offset
  return item
}

function encodeScalar(type: Type, value: Value): EncodedValue {
  if (type.kind === 'enum') {
    invariant(typeof value === 'bigint', `a value of ${type.name} is a bigint`)
    return { value: type.underlying.name === 'Edm.Int64' ? value : Number(value) }
  }
  const name = primitiveOf(type)?.name
  invariant(name !== undefined && isPrimitiveValue(name, value), `a value of ${type.name} in its form in memory`)
  if (type.kind === 'typeDefinition' && typeof value === 'string' && isObjectIdType(type))
    return { value: toObjectId(value) }
  return encodePrimitive(name, value)
}

function encodePrimitive(name: PrimitiveTypeName, value: PrimitiveValue): EncodedValue {
  switch (name) {
    case 'Edm.Boolean':
    case 'Edm.Date':
    case 'Edm.Int64':
    case 'Edm.String':
    case 'Edm.TimeOfDay':
      return { value }
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32':
      return { value: (value as number) + 0 }
    case 'Edm.Double':
    case 'Edm.Single':
      return { value: new Double(value as number) }
    case 'Edm.Decimal':
      return { value: storableDecimal(value as Decimal) }
    case 'Edm.Guid':
      return { value: new Binary(guidToBytes(value as string), Binary.SUBTYPE_UUID) }
    case 'Edm.Binary':
      return { value: new Binary(value as Uint8Array, Binary.SUBTYPE_DEFAULT) }
    case 'Edm.DateTimeOffset':
      return encodeInstant(value as DateTimeOffset)
    case 'Edm.Duration': {
      const ticks = ticksOf(value as Duration)
      return { value: typeof ticks === 'bigint' ? ticks : storableDecimal(ticks) }
    }
    case 'Edm.Stream':
      throw new ODataError('notImplemented', 'A stream is not stored with its entity.')
    default:
      if (isGeo(name)) return { value: encodeGeo(name, value as GeoValue) }
      return assertNever(name, 'primitive type')
  }
}

function encodeInstant(value: DateTimeOffset): EncodedValue {
  const exact = exactPart(value)
  const date = new Date(value.ms)
  return exact === undefined ? { value: date } : { value: date, exact }
}

function storableDecimal(value: Decimal): unknown {
  const stored = toDecimal128(value)
  if (stored === undefined) throw new ODataError('valueInvalid', 'A decimal of more than 34 digits cannot be stored.')
  return stored
}

/** A dynamic property: BSON's own types say what it is. */
function encodeDynamic(layout: ModelLayout, value: Value): EncodedValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return { value }
    case 'number':
      return {
        value: Number.isInteger(value) && !Object.is(value, -0) && value === (value | 0) ? value : new Double(value),
      }
    default:
      break
  }
  if (value === null) return { value }
  if (value instanceof Decimal) return { value: storableDecimal(value) }
  if (value instanceof Uint8Array) return { value: new Binary(value, Binary.SUBTYPE_DEFAULT) }
  if ('kind' in value) {
    switch (value.kind) {
      case 'dateTimeOffset':
        return encodeInstant(value)
      case 'duration':
        return { value: typed('Edm.Duration', encodePrimitive('Edm.Duration', value).value) }
      case 'geo':
        return { value: encodeGeo('Edm.Geography', value) }
      case 'structured': {
        const document = encodeStructured(layout, value, value.type)
        // an object without a type is a plain document, as others write them, unless that would be read as GeoJSON
        if (value.type === untypedObject && !('type' in document)) return { value: document }
        return { value: { [fields.type]: value.type.name, ...document } }
      }
      default:
        return assertNever(value, 'dynamic value')
    }
  }
  return { value: value.map((item) => withExact(encodeDynamic(layout, item))) }
}
