import { Buffer } from 'node:buffer'
import { Decimal } from '../edm/decimal.ts'
import { isGeo } from '../edm/geo.ts'
import type { EntityType, Model, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { printPrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import { isStructuredValue, type PrimitiveValue, type StructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { enumText } from '../payload/enum-text.ts'
import { Faults } from '../payload/faults.ts'
import { printGeoJson } from '../payload/geo-json.ts'
import type { JsonNode } from '../payload/json.ts'
import { readStructured, valueReader } from '../payload/read-structured.ts'

/**
 * Plain objects: what hooks are given and give back. Edm values are JavaScript's where those lose nothing, else the text that
 * OData JSON has: Int64 is a bigint, Binary a Uint8Array, Decimal, dates, times and durations are strings, enumerations
 * names, geo values GeoJSON (docs/controllers.md).
 */
export type PlainObject = { readonly [name: string]: unknown }

/**
 * An entity or complex value as a plain object; where its type is one of a hierarchy with its `@odata.type`.
 * @param whole every declared property is there, null where it has no value; else only those that are present
 */
export function toPlain(value: StructuredValue, whole: boolean): PlainObject {
  const { type, members } = value
  const plain: Record<string, unknown> = {}
  if (type.baseType !== undefined || type.derivedTypes.length > 0) plain['@odata.type'] = `#${type.name}`
  if (whole)
    for (const { name, type: reference } of type.allProperties.values())
      if (!members.has(name) && primitiveOf(reference.type)?.name !== 'Edm.Stream')
        set(plain, name, reference.collection ? [] : null)
  for (const [name, member] of members) set(plain, name, plainValue(type.allProperties.get(name)?.type, member, whole))
  return plain
}

/** Members may have any name, `__proto__` too. */
function set(plain: object, name: string, value: unknown): void {
  Object.defineProperty(plain, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Any value as a plain one. @param whole as for `toPlain` */
export function plainValue(reference: TypeReference | undefined, value: Value, whole: boolean): unknown {
  if (value === null) return null
  if (Array.isArray(value)) {
    const item = reference && { ...reference, collection: false }
    return value.map((each: Value) => plainValue(item, each, whole))
  }
  if (typeof value === 'object' && 'kind' in value && value.kind === 'structured') return toPlain(value, whole)
  return plainScalar(reference?.type, value as PrimitiveValue)
}

function plainScalar(type: Type | undefined, value: PrimitiveValue): unknown {
  if (type?.kind === 'enum' && typeof value === 'bigint') return enumText(type, value)
  if (typeof value !== 'object' || value instanceof Uint8Array) return value
  if (value instanceof Decimal) return value.toString()
  const name = type === undefined ? undefined : primitiveOf(type)?.name
  switch (value.kind) {
    case 'geo':
      return JSON.parse(printGeoJson(name !== undefined && isGeo(name) ? name : 'Edm.Geography', value))
    case 'dateTimeOffset':
      return printPrimitive('Edm.DateTimeOffset', value)
    case 'duration':
      return printPrimitive('Edm.Duration', value)
  }
}

/**
 * The entity with the members that a hook gave back. What the hook passes through unchanged stays as it was; what is new is
 * held to the model like a body's value, except that the hook may set what clients may not.
 * @param given the plain object the hook was called with
 * @param returned what it gave back, members of the entity; undefined: nothing changes
 * @throws Error that names all members which do not fit: the hook's fault, not the client's
 */
export function withReturned(
  model: Model,
  entity: StructuredValue,
  given: PlainObject,
  returned: unknown,
  mode: 'create' | 'merge' | 'replace',
): StructuredValue {
  if (returned === undefined || returned === null || returned === given) return entity
  if (typeof returned !== 'object') throw new Error(`a hook gave back a ${typeof returned} instead of members`)
  const { type } = entity
  const changed = Object.entries(returned).filter(([name, value]) => value !== undefined && value !== given[name])
  if (changed.length === 0) return entity
  const members = new Map(entity.members)
  const reading = { model, faults: new Faults(), keyIgnored: false, given: nothingGiven }
  for (const [name, value] of changed) {
    const reference = type.allProperties.get(name)?.type
    if (value === null && (reference === undefined || (reference.nullable && !reference.collection)))
      members.set(name, null)
    else {
      const read = reference
        ? valueReader(reference)(nodeOf(value), name, reading, mode)
        : dynamicValue(type, name, value, reading)
      if (read !== undefined) members.set(name, isWhole(entity.members.get(name)) ? whole(read) : read)
    }
  }
  orBlame(reading.faults, `a hook gave back what ${type.name} cannot hold`)
  return { ...entity, members }
}

function isWhole(value: Value | undefined): boolean {
  return isStructuredValue(value) && !!value.whole
}

/** What a hook gives in place of a value that replaces another replaces it, too. */
function whole(value: Value): Value {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'structured') return value
  return { ...value, whole: true }
}

/**
 * What code of the service made, as a value of a type. Members of entities that are no structural properties do not count.
 * @param what made it: `the handler of Namespace.Name`
 * @param mode merge: required members may be missing
 * @throws Error that names all that does not fit: the code's fault, not the client's
 */
export function fromPlain(
  model: Model,
  reference: TypeReference,
  plain: unknown,
  what: string,
  mode: 'create' | 'merge' = 'create',
): Value {
  const reading = { model, faults: new Faults(), keyIgnored: false, trusted: true }
  const node = nodeOf(reference.type.kind === 'entity' ? withoutRelated(reference.type, plain) : plain)
  const read = node.kind === 'null' ? null : valueReader(reference)(node, 'value', reading, mode)
  orBlame(reading.faults, `${what} gave back what ${reference.type.name} cannot hold`)
  if (read === undefined) throw new Error(`invariant: ${what} gave back no value`)
  return read
}

function withoutRelated({ allNavigationProperties, derivedTypes }: EntityType, plain: unknown): unknown {
  if (typeof plain !== 'object' || plain === null) return plain
  const related = (name: string): boolean =>
    allNavigationProperties.has(name) || derivedTypes.some((type) => type.allNavigationProperties.has(name))
  return Object.fromEntries(Object.entries(plain).filter(([name]) => !related(name)))
}

/** Faults of what code of the service made are no errors of the client. */
function orBlame(faults: Faults, message: string): void {
  try {
    faults.throwIfAny()
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    const details = error.details.length > 0 ? error.details.map(({ message }) => message) : [error.message]
    throw new Error(`${message}: ${details.join(' ')}`, { cause: error })
  }
}

/** A member that the type does not declare: a dynamic property of an open type, else a fault. */
function dynamicValue(
  type: StructuredType,
  name: string,
  value: unknown,
  reading: Parameters<typeof readStructured>[3],
): Value | undefined {
  const node = { kind: 'object', members: new Map([[name, nodeOf(value)]]), duplicates: [], ...nowhere } as const
  if (name.startsWith('@')) {
    reading.faults.add('controlInformationInvalid', `${name} cannot be changed.`, name)
    return undefined
  }
  return readStructured(node, type, '', reading, 'merge')?.members.get(name)
}

const nothingGiven: ReadonlySet<string> = new Set()
const nowhere = { offset: 0, end: 0 } as const

/** A plain value as the JSON that would say it, so that one reader judges both. */
function nodeOf(value: unknown): JsonNode {
  if (value === null || value === undefined) return { kind: 'null', ...nowhere }
  if (typeof value === 'boolean') return { kind: 'boolean', value, ...nowhere }
  if (typeof value === 'string') return { kind: 'string', value, ...nowhere }
  if (typeof value === 'bigint') return { kind: 'number', text: String(value), ...nowhere }
  if (typeof value === 'number') return numberNode(value)
  if (value instanceof Decimal) return { kind: 'number', text: value.toString(), ...nowhere }
  if (value instanceof Date) return { kind: 'string', value: value.toISOString(), ...nowhere }
  if (value instanceof Uint8Array)
    return { kind: 'string', value: Buffer.from(value).toString('base64url'), ...nowhere }
  if (Array.isArray(value)) return { kind: 'array', items: value.map(nodeOf), ...nowhere }
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return {
      kind: 'object',
      members: new Map(members.map(([name, member]) => [name, nodeOf(member)])),
      duplicates: [],
      ...nowhere,
    }
  }
  throw new Error(`a hook gave back a ${typeof value}`)
}

function numberNode(value: number): JsonNode {
  if (Number.isNaN(value)) return { kind: 'string', value: 'NaN', ...nowhere }
  if (!Number.isFinite(value)) return { kind: 'string', value: value > 0 ? 'INF' : '-INF', ...nowhere }
  return { kind: 'number', text: Object.is(value, -0) ? '-0' : String(value), ...nowhere }
}
