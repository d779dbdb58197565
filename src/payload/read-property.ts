import type { Model, TypeReference } from '../edm/model.ts'
import { isAbstract, isStructured } from '../edm/types.ts'
import { isStructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Faults } from './faults.ts'
import { type JsonNode, type JsonObject, jsonKinds, parseJson } from './json.ts'
import { type BodyMode, readDynamicMember, readStructured, valueReader } from './read-structured.ts'
import { propertyType } from './read-type.ts'

/** A value, and the type that a dynamic one was given. */
export interface PropertyValue {
  readonly value: Value
  readonly type?: TypeReference
}

export interface ReadPropertyOptions {
  readonly model: Model
  readonly mode: BodyMode
  /** path of the property from the entity, for messages */
  readonly name: string
  /** the body, where streams may be given in it by value (JSON Format 9) */
  readonly body?: Uint8Array | undefined
}

/**
 * Parses the body that writes a single property (Protocol 11.4.9; JSON Format 11): the object itself for a complex value, else
 * `{"value": ...}`.
 * @throws ODataError bodySyntax, bodyInvalid
 */
export function parseProperty(body: Uint8Array | undefined): JsonObject | undefined {
  if (body === undefined || body.length === 0) throw new ODataError('bodySyntax', 'The request has no body.')
  const node = parseJson(body)
  if (node.kind === 'object') return node
  // there is no other way to say that a complex value is null (JSON Format 11)
  if (node.kind === 'null') return undefined
  throw new ODataError('bodyInvalid', `The body must be a JSON object, not ${jsonKinds[node.kind]}.`, {
    position: { offset: node.offset, length: node.end - node.offset },
  })
}

/**
 * Reads the value in a parsed body.
 * @param node undefined: null
 * @param reference its type; undefined: a dynamic property, which may say its own
 * @throws ODataError as `readEntity`; `propertyNull` where the value must not be null
 */
export function readProperty(
  node: JsonObject | undefined,
  reference: TypeReference | undefined,
  { model, mode, name, body }: ReadPropertyOptions,
): PropertyValue {
  const reading = { model, faults: new Faults(), keyIgnored: false, body }
  const { faults } = reading
  for (const duplicate of node?.duplicates ?? [])
    faults.add(
      'propertyDuplicate',
      `The member ${JSON.stringify(duplicate.name)} occurs twice.`,
      duplicate.name,
      duplicate,
    )
  const dynamic = reference === undefined || isUntyped(reference, node)
  const whole = node && (dynamic ? isStructuredBody(node, model) : isOneObject(reference))
  if (whole && reference && isStructured(reference.type)) {
    const value = readStructured(withoutDuplicates(node), reference.type, '', reading, mode)
    return { value: finished(value, faults) }
  }
  if (dynamic) {
    const found = node && readDynamicMember('value', whole ? node : node.members.get('value'), node, reading)
    if (node && !whole && !node.members.has('value')) missing(node, faults)
    if (found === undefined || found.value === null) {
      faults.throwIfAny()
      requireNullable(reference, name)
    } else if (node && reference && !isOf(found.value, reference)) {
      faults.add('typeNotAllowed', `The property ${name} is of ${reference.type.name}.`, '@odata.type', node)
    }
    return finished(node ? found : { value: null }, faults)
  }
  const member = node?.members.get('value')
  if (node && member === undefined) missing(node, faults)
  if (member !== undefined && member.kind !== 'null')
    return { value: finished(valueReader(reference)(member, 'value', reading, mode), faults) }
  faults.throwIfAny()
  requireNullable(reference, name)
  return { value: null }
}

/** @throws ODataError propertyNull where a value must not be null (Protocol 11.4.9.2) */
export function requireNullable(reference: TypeReference | undefined, name: string): void {
  if (reference === undefined || (reference.nullable && !reference.collection)) return
  const why = reference.collection ? 'is a collection, which is empty rather than null' : 'must not be null'
  throw new ODataError('propertyNull', `The property ${name} ${why}.`, { target: name })
}

function missing(node: JsonNode, faults: Faults): void {
  faults.add('propertyRequired', 'The body has no member "value".', 'value', node)
}

/** A declared property whose values say themselves what they are, like dynamic ones: of other types than Edm.Untyped if they do. */
function isUntyped({ type, collection }: TypeReference, node: JsonObject | undefined): boolean {
  if (collection || !isAbstract(type)) return false
  return type.name === 'Edm.Untyped' || node?.members.has('@odata.type') || node?.members.has('@type') || false
}

/** Whether a value is of a built-in abstract type (CSDL 4.5). */
function isOf(value: Value, { type }: TypeReference): boolean {
  if (type.name === 'Edm.Untyped') return true
  const structured = isStructuredValue(value)
  return type.name === 'Edm.ComplexType' ? structured : !structured && !Array.isArray(value)
}

function isOneObject({ type, collection }: TypeReference): boolean {
  return !collection && isStructured(type)
}

/** Whether a body is a dynamic complex value: it says its type, which is structured. */
function isStructuredBody(node: JsonObject, model: Model): boolean {
  const type = node.members.get('@odata.type') ?? node.members.get('@type')
  const named = type?.kind === 'string' ? propertyType(model, type.value) : undefined
  return named !== undefined && isOneObject(named)
}

/** Duplicates are told once. */
function withoutDuplicates(node: JsonObject): JsonObject {
  return node.duplicates.length === 0 ? node : { ...node, duplicates: [] }
}

function finished<T>(value: T | undefined, faults: Faults): T {
  faults.throwIfAny()
  if (value === undefined) throw new Error('invariant: a body without value and without fault')
  return value
}
