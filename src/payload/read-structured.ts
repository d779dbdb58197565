import { nearestName } from '../base/text.ts'
import { computedDefaultValue, isComputed, isImmutable, isWritable } from '../csdl/core.ts'
import { sequenceOf } from '../csdl/sequence.ts'
import type { Model, Property, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { parsePrimitive, untypedObject } from '../edm/primitives.ts'
import { isAbstract, isMedia, isStream, isStructured, primitiveOf } from '../edm/types.ts'
import { type InlineStream, mediaMember, type StructuredValue, type Value } from '../edm/value.ts'
import type { Faults } from './faults.ts'
import { type JsonNode, type JsonObject, jsonKinds } from './json.ts'
import { readStream } from './read-stream.ts'
import { actualType, propertyType } from './read-type.ts'
import { scalarReader } from './read-value.ts'
import { givenBy, type RelatedMember, readRelated, relatedForm } from './related-body.ts'
import { checkConstraints } from './validation/constraints.ts'
import { streamCheckOf } from './validation/json-schema.ts'
import { dynamicTypeFault } from './validation/type-constraints.ts'

/** What the body is for: all of a new value, a part of an existing one (PATCH), all of an existing one (PUT). */
export type BodyMode = 'create' | 'merge' | 'replace'

/** What holds while one body is read. */
export interface Reading {
  readonly model: Model
  readonly faults: Faults
  /** the service, or the URL, says the key: key properties of the body's entity are ignored */
  readonly keyIgnored: boolean
  /** properties of the body's entity that need not be there, as the service knows their values */
  readonly given?: ReadonlySet<string> | undefined
  /** where navigation properties of the body go; undefined: it has none to have */
  readonly related?: RelatedMember[] | undefined
  /** path of the entity in the body; undefined: it is the body */
  readonly at?: string | undefined
  /** the body, where streams may be given in it by value (JSON Format 9); undefined: they may not */
  readonly body?: Uint8Array | undefined
  /** the values come from an operator, not from a client: computed ones are taken as they are */
  readonly trusted?: boolean | undefined
  /** a literal of a URL: what is missing is null, nothing is required, facets are no matter */
  readonly literal?: boolean | undefined
}

/** Reads a non-null JSON value of a declared type. @returns undefined where a fault was found */
type ValueReader = (node: JsonNode, target: string, reading: Reading, mode: BodyMode) => Value | undefined

/** What is known of one declared property before any body comes. */
interface PropertyReader {
  readonly property: Property
  readonly nullable: boolean
  readonly key: boolean
  /** Core.Computed, or Core.Permissions without Write: the client's value is ignored (Protocol 11.4.2) */
  readonly computed: boolean
  /** Core.Immutable: ignored in updates */
  readonly immutable: boolean
  /** must be in the body of a create */
  readonly required: boolean
  readonly defaultValue: Value | undefined
  readonly read: ValueReader
}

interface TypeReader {
  readonly properties: ReadonlyMap<string, PropertyReader>
  readonly list: readonly PropertyReader[]
}

const typeReaders = new WeakMap<StructuredType, TypeReader>()

/**
 * Reads a JSON object as a value of a structured type or of one derived from it (JSON Format 6 and 7.2).
 * @param target path of the object in the body; empty for the body itself
 * @returns undefined where its type could not be told; other faults leave their members out
 */
export function readStructured(
  node: JsonObject,
  declared: StructuredType,
  target: string,
  reading: Reading,
  mode: BodyMode,
): StructuredValue | undefined {
  const { faults } = reading
  const lenient = mode !== 'create' && declared.kind === 'entity'
  const type =
    declared === untypedObject ? declared : actualType(reading.model, node, declared, target, faults, lenient)
  if (type === undefined) return undefined
  const reader = readerOf(type)
  const members = new Map<string, Value>()
  const inline = new Map<string, InlineStream>()
  const dynamicTypes = new Map<string, TypeReference>()
  for (const duplicate of node.duplicates)
    faults.add(
      'propertyDuplicate',
      `The member ${JSON.stringify(duplicate.name)} occurs twice.`,
      join(target, duplicate.name),
      duplicate,
    )

  for (const [name, member] of node.members) {
    const property = reader.properties.get(name)
    if (isInline(name, property, member, type, reading)) {
      if (property !== undefined && isIgnored(property, reading, mode, target)) continue
      const of = property?.property
      const stream = readStream(member, of, node, type, reading.body, join(target, name), faults)
      if (stream === undefined) continue
      inline.set(name, stream)
      const check = streamCheckOf(of, type.kind === 'entity' ? type : undefined, stream.contentType)
      for (const fault of check?.(stream.bytes) ?? [])
        faults.add('valueInvalid', `The value of ${join(target, name)} ${fault}.`, join(target, name), member)
    } else if (property === undefined) readOther(name, member, node, type, target, reading, members, dynamicTypes)
    else if (!isIgnored(property, reading, mode, target)) {
      const typed = isAbstract(property.property.type.type) && member.kind !== 'null' && typeAnnotation(name, node)
      const given = typed ? declaredType(name, node, reading.model) : undefined
      if (given !== undefined) dynamicTypes.set(name, given)
      const value = typed
        ? readTyped(property.property, member, node, join(target, name), reading)
        : readMember(property, member, join(target, name), reading, mode)
      if (value !== undefined) members.set(name, value)
    }
  }
  if (mode !== 'merge' && !reading.literal) {
    const given = givenOf(reading, target)
    for (const property of reader.list) {
      if (node.members.has(property.property.name) || isIgnored(property, reading, mode, target)) continue
      if (property.defaultValue !== undefined) members.set(property.property.name, property.defaultValue)
      else if (property.required && !given.has(property.property.name))
        faults.add(
          'propertyRequired',
          `The property ${property.property.name} of ${type.name} is required.`,
          join(target, property.property.name),
          node,
        )
    }
  }
  const value: StructuredValue = {
    kind: 'structured',
    type,
    members,
    ...(dynamicTypes.size > 0 ? { dynamicTypes } : {}),
    ...(inline.size > 0 ? { inline } : {}),
  }
  if (!reading.literal) checkConstraints(reading.model, value, target, faults, node, mode !== 'merge')
  return value
}

/** Whether a member is a stream given by value: of a stream property, or the media of its entity (JSON Format 9, 10). */
function isInline(
  name: string,
  property: PropertyReader | undefined,
  member: JsonNode,
  type: StructuredType,
  reading: Reading,
): reading is Reading & { readonly body: Uint8Array } {
  if (reading.body === undefined || member.kind === 'null') return false
  if (property !== undefined) return isStream(property.property)
  return name === mediaMember && type.kind === 'entity' && isMedia(type)
}

/** Properties that a value need not say: those that the service gives, and foreign keys to the entities that it relates. */
function givenOf({ given, related, at = '' }: Reading, target: string): ReadonlySet<string> {
  if (target !== at) return none
  const foreign = related?.flatMap(givenBy) ?? []
  return foreign.length === 0 ? (given ?? none) : new Set([...(given ?? []), ...foreign])
}

const none: ReadonlySet<string> = new Set()

function isIgnored(property: PropertyReader, reading: Reading, mode: BodyMode, target: string): boolean {
  if (reading.trusted || reading.literal) return false
  if (property.computed) return true
  if (mode !== 'create' && property.immutable) return true
  return property.key && target === (reading.at ?? '') && (reading.keyIgnored || mode !== 'create')
}

function readMember(
  { property, nullable, read }: PropertyReader,
  node: JsonNode,
  target: string,
  reading: Reading,
  mode: BodyMode,
): Value | undefined {
  if (node.kind !== 'null') return read(node, target, reading, mode)
  if (nullable || (reading.literal && !property.type.collection)) return null
  const why = property.type.collection ? 'is a collection, which is empty rather than null' : 'must not be null'
  reading.faults.add('propertyNull', `The property ${property.name} ${why}.`, target, node)
  return undefined
}

/** A member that is no declared structural property: control information, annotation, navigation, dynamic or unknown. */
function readOther(
  name: string,
  node: JsonNode,
  object: JsonObject,
  type: StructuredType,
  target: string,
  reading: Reading,
  members: Map<string, Value>,
  dynamicTypes: Map<string, TypeReference>,
): void {
  const { faults } = reading
  // Unknown control information and annotations must not be an error (JSON Format 4.5); `#...` advertises operations.
  const at = name.indexOf('@')
  if (at === 0 || name.startsWith('#')) return
  const bare = at < 0 ? name : name.slice(0, at)
  const navigation = type.allNavigationProperties.has(bare)
  if (at > 0) {
    const annotation = name.slice(at)
    const form = relatedForm(annotation)
    if (form === undefined) return
    if (!navigation) {
      if (form === 'bind') unknownProperty(bare, type, target, faults, node)
    } else if (reading.related) readNavigation(bare, node, join(target, name), type, target, reading, form)
    else faults.add('notImplemented', `Relating entities (${name}) is not implemented here.`, join(target, name), node)
    return
  }
  if (navigation && reading.related) {
    readNavigation(name, node, join(target, name), type, target, reading, undefined)
    return
  }
  if (navigation && reading.literal) {
    faults.add('valueInvalid', `A literal has no related entities (${name}).`, join(target, name), node)
    return
  }
  if (navigation) {
    faults.add(
      'notImplemented',
      `Writing related entities (${name}) with the entity is not implemented.`,
      join(target, name),
      node,
    )
    return
  }
  // objects without a type have members of any name
  if (type !== untypedObject && (!type.open || !dynamicName.test(name) || reservedNames.has(name))) {
    unknownProperty(name, type, target, faults, node)
    return
  }
  const value = readDynamic(name, node, object, join(target, name), reading)
  if (value === undefined) return
  const reference = declaredType(name, object, reading.model)
  if (reference !== undefined) dynamicTypes.set(name, reference)
  const fault = dynamicTypeFault(reading.model, type, value, reference)
  if (fault !== undefined) faults.add('valueInvalid', `The value of ${name} ${fault}.`, join(target, name), node)
  members.set(name, value)
}

/** What the body says of a navigation property: kept for those who write it. */
function readNavigation(
  name: string,
  node: JsonNode,
  target: string,
  type: StructuredType,
  owner: string,
  { faults, related, at = '' }: Reading,
  form: 'bind' | 'delta' | undefined,
): void {
  const property = type.allNavigationProperties.get(name)
  if (property === undefined || related === undefined) return
  const via = owner.slice(at === '' ? 0 : at.length + 1)
  if (related.some((other) => other.property === property && other.via === via)) {
    faults.add('propertyDuplicate', `The entities of ${name} are said twice.`, target, node)
    return
  }
  const read = readRelated(property, node, target, via, form, faults)
  if (read !== undefined) related.push(read)
}

function unknownProperty(name: string, type: StructuredType, target: string, faults: Faults, node: JsonNode): void {
  const shown = JSON.stringify(name.slice(0, 200))
  const near = nearestName(name.slice(0, 200), [...type.allProperties.keys(), ...type.allNavigationProperties.keys()])
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  faults.add('propertyUnknown', `The type ${type.name} has no property ${shown}.${hint}`, join(target, name), node)
}

/** ABNF odataIdentifier. */
const dynamicName = /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}\p{Cf}]{0,127}$/u
/** Identifiers that cannot be stored as dynamic properties: the key's field, and what objects of JavaScript treat specially. */
const reservedNames: ReadonlySet<string> = new Set(['_id', '__proto__'])

/** A dynamic property of an open type: by its `type` control information, else by the heuristics of JSON Format 4.5.3. */
function readDynamic(
  name: string,
  node: JsonNode,
  object: JsonObject,
  target: string,
  reading: Reading,
): Value | undefined {
  const { faults, model } = reading
  const annotation = typeAnnotation(name, object)
  if (annotation === undefined) return readUntyped(node, target, reading)
  const reference = declaredType(name, object, model)
  if (reference === undefined) {
    const shown =
      annotation.kind === 'string' ? JSON.stringify(annotation.value.slice(0, 200)) : jsonKinds[annotation.kind]
    faults.add('typeUnknown', `This service has no type ${shown}.`, `${target}@odata.type`, annotation)
    return undefined
  }
  if (reference.type.kind === 'entity') return refuseEntity(reference.type, target, faults, node)
  return node.kind === 'null' ? null : valueReader(reference)(node, target, reading, 'create')
}

/**
 * The value of a dynamic property that stands alone in a body (`{"value": ...}`), its type beside it or at the object.
 * @param node undefined: it is not there
 * @returns undefined where a fault was found
 */
export function readDynamicMember(
  name: string,
  node: JsonNode | undefined,
  object: JsonObject,
  reading: Reading,
): { readonly value: Value; readonly type?: TypeReference } | undefined {
  if (node === undefined) return undefined
  const own = node === object ? undefined : (object.members.get('@odata.type') ?? object.members.get('@type'))
  const described: JsonObject =
    own === undefined || typeAnnotation(name, object)
      ? object
      : { ...object, members: new Map([...object.members, [`${name}@type`, own]]) }
  const value = readDynamic(name, node, described, name, reading)
  const type = declaredType(name, described, reading.model)
  return value === undefined ? undefined : { value, ...(type === undefined ? {} : { type }) }
}

/** The `type` control information of a member. */
function typeAnnotation(name: string, object: JsonObject): JsonNode | undefined {
  return object.members.get(`${name}@odata.type`) ?? object.members.get(`${name}@type`)
}

function declaredType(name: string, object: JsonObject, model: Model): TypeReference | undefined {
  const annotation = typeAnnotation(name, object)
  return annotation?.kind === 'string' ? propertyType(model, annotation.value) : undefined
}

/** A value without a declared type (JSON Format 7.5): numbers are doubles, arrays collections, objects what they say, else open. */
function readUntyped(node: JsonNode, target: string, reading: Reading): Value | undefined {
  const { faults, model } = reading
  switch (node.kind) {
    case 'null':
      return null
    case 'boolean':
    case 'string':
      return node.value
    case 'number': {
      const value = Number(node.text)
      if (Number.isFinite(value)) return value
      faults.add('valueInvalid', 'The number lies beyond the range of Edm.Double.', target, node)
      return undefined
    }
    case 'array': {
      const items: Value[] = []
      node.items.forEach((item, i) => {
        const value = readUntyped(item, join(target, String(i)), reading)
        if (value !== undefined) items.push(value)
      })
      return items
    }
    case 'object': {
      const annotation = node.members.get('@odata.type') ?? node.members.get('@type')
      const given = annotation?.kind === 'string' ? propertyType(model, annotation.value) : undefined
      const type = given?.type
      if (type?.kind === 'entity' && !reading.literal) return refuseEntity(type, target, faults, node)
      if (annotation === undefined || (type?.name === 'Edm.Untyped' && !given?.collection))
        return readStructured(node, untypedObject, target, reading, 'create')
      if (type !== undefined && isStructured(type)) return readStructured(node, type, target, reading, 'create')
      const shown = annotation.kind === 'string' ? JSON.stringify(annotation.value.slice(0, 200)) : 'by @odata.type'
      faults.add(
        'typeUnknown',
        `This service has no type of objects ${shown}.`,
        join(target, '@odata.type'),
        annotation,
      )
      return undefined
    }
  }
}

/** An entity in a dynamic property is related, not embedded (JSON Format 8): nothing could say where it stands. */
function refuseEntity(type: StructuredType, target: string, faults: Faults, node: JsonNode): undefined {
  faults.add(
    'notImplemented',
    `Entities (${type.name}) in properties that are not declared are not implemented.`,
    target,
    node,
  )
}

/**
 * The value of a property of a built-in abstract type, by what the body says of its type (`prop@odata.type`, JSON Format 4.5.3).
 * @returns undefined where a fault was found
 */
function readTyped(
  { name, type: declared }: Property,
  node: JsonNode,
  object: JsonObject,
  target: string,
  reading: Reading,
): Value | undefined {
  const given = declaredType(name, object, reading.model)
  if (given === undefined || isOf(given, declared)) return readDynamic(name, node, object, target, reading)
  const shown = (reference: TypeReference) =>
    reference.collection ? `Collection(${reference.type.name})` : reference.type.name
  const message = `The property ${name} is of ${shown(declared)}, which ${shown(given)} is not.`
  reading.faults.add('typeNotAllowed', message, `${target}@odata.type`, node)
  return undefined
}

/** Whether values of a type are of a built-in abstract one (CSDL 4.5). */
function isOf({ type, collection }: TypeReference, declared: TypeReference): boolean {
  if (declared.type.name === 'Edm.Untyped') return collection || !declared.collection
  if (collection !== declared.collection || isAbstract(type)) return false
  return declared.type.name === 'Edm.ComplexType' ? type.kind === 'complex' : !isStructured(type)
}

const valueReaders = new WeakMap<TypeReference, ValueReader>()

/** The reader of non-null values of a type reference, made once. */
export function valueReader(reference: TypeReference): ValueReader {
  let reader = valueReaders.get(reference)
  if (reader === undefined) {
    const item = singleReader(reference)
    reader = reference.collection ? collectionReader(item, reference.nullable) : item
    valueReaders.set(reference, reader)
  }
  return reader
}

function singleReader(reference: TypeReference): ValueReader {
  const { type } = reference
  if (isStructured(type)) {
    return (node, target, reading, mode) => {
      if (node.kind === 'object') return readStructured(node, type, target, reading, mode)
      reading.faults.add(
        'valueInvalid',
        `An object of ${type.name} is expected, not ${jsonKinds[node.kind]}.`,
        target,
        node,
      )
      return undefined
    }
  }
  const read = scalarReader(reference)
  if (read !== undefined) {
    const bare = scalarReader(withoutFacets(reference)) ?? read
    return (node, target, reading) => {
      const result = (reading.literal ? bare : read)(node)
      if ('value' in result) return result.value
      reading.faults.add('valueInvalid', `The value of ${target} is invalid: ${result.fault}.`, target, node)
      return undefined
    }
  }
  if (isAbstract(type) && type.name !== 'Edm.EntityType') return abstractReader(type)
  return (node, target, reading) => {
    reading.faults.add('notImplemented', `Values of ${type.name} in a body are not implemented.`, target, node)
    return undefined
  }
}

function withoutFacets({ type, ...reference }: TypeReference): TypeReference {
  return { ...reference, type: primitiveOf(type) ?? type, facets: {} }
}

/** Values that say themselves what they are: structured ones by `@odata.type`, primitive ones by their form in JSON. */
function abstractReader(type: Type): ValueReader {
  const complex = type.name === 'Edm.ComplexType'
  return (node, target, reading) => {
    if (complex && node.kind === 'object' && !node.members.has('@odata.type') && !node.members.has('@type')) {
      reading.faults.add(
        'typeAbstract',
        'The type Edm.ComplexType is abstract: say by @odata.type which type is meant.',
        join(target, '@odata.type'),
        node,
      )
      return undefined
    }
    const structured = node.kind === 'object' || node.kind === 'array'
    if (type.name === 'Edm.Untyped' || (complex ? node.kind === 'object' : !structured))
      return readUntyped(node, target, reading)
    const wanted = complex ? 'an object' : 'a primitive value'
    reading.faults.add('valueInvalid', `The value of ${target} is invalid: ${wanted} is expected.`, target, node)
    return undefined
  }
}

/** Items are whole values whatever the mode: a collection is replaced, never merged (Protocol 11.4.3). */
function collectionReader(readItem: ValueReader, nullable: boolean): ValueReader {
  return (node, target, reading) => {
    if (node.kind !== 'array') {
      reading.faults.add(
        'valueInvalid',
        `The value of ${target} is invalid: an array is expected, not ${jsonKinds[node.kind]}.`,
        target,
        node,
      )
      return undefined
    }
    const items: Value[] = []
    node.items.forEach((item, i) => {
      const place = join(target, String(i))
      if (item.kind === 'null') {
        if (nullable || reading.literal) items.push(null)
        else reading.faults.add('propertyNull', `The items of ${target} must not be null.`, place, item)
        return
      }
      const value = readItem(item, place, reading, 'create')
      if (value !== undefined) items.push(value)
    })
    return items
  }
}

function readerOf(type: StructuredType): TypeReader {
  let reader = typeReaders.get(type)
  if (reader === undefined) {
    const properties = new Map<string, PropertyReader>()
    for (const [name, property] of type.allProperties) properties.set(name, propertyReader(type, property))
    reader = { properties, list: [...properties.values()] }
    typeReaders.set(type, reader)
  }
  return reader
}

function propertyReader(type: StructuredType, property: Property): PropertyReader {
  const reference = property.type
  const nullable = !reference.collection && reference.nullable
  const key =
    type.kind === 'entity' && type.key.some(({ path, property: part }) => path.length === 1 && part === property)
  // what clients must not write is ignored like what the service makes (Protocol 11.4.3); a key must come from somewhere
  const computed = isComputed(property) || (!key && !isWritable(property))
  const defaultValue = defaultOf(property)
  const stream = primitiveOf(reference.type)?.name === 'Edm.Stream'
  const made = computed || computedDefaultValue(property) || sequenceOf(property) !== undefined
  return {
    property,
    nullable,
    key,
    computed,
    immutable: isImmutable(property),
    required: !nullable && !reference.collection && !stream && !made && defaultValue === undefined,
    defaultValue,
    read: valueReader(reference),
  }
}

/** The default values of a type's properties, by name (CSDL 7.2.7). */
export function defaultValues(type: StructuredType): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>()
  for (const { property, defaultValue } of readerOf(type).list)
    if (defaultValue !== undefined) values.set(property.name, defaultValue)
  return values
}

/** The typed DefaultValue (CSDL 7.2.7); a text that is no value of the type counts as none (csdl/ warns of it). */
export function defaultOf(property: Property): Value | undefined {
  const text = property.defaultValue
  const { type, collection } = property.type
  if (text === undefined || collection) return undefined
  if (type.kind === 'enum') {
    const read = scalarReader(property.type)?.({ kind: 'string', value: text, offset: 0, end: 0 })
    return read !== undefined && 'value' in read ? read.value : undefined
  }
  const primitive = primitiveOf(type)
  return primitive === undefined ? undefined : parsePrimitive(primitive.name, text)
}

function join(target: string, step: string): string {
  return target === '' ? step : `${target}/${step}`
}
