import { description, isComputed, isImmutable, longDescription, permissions } from '../../csdl/core.ts'
import type {
  EnumType,
  NavigationProperty,
  PrimitiveTypeName,
  Property,
  StructuredType,
  Type,
  TypeReference,
} from '../../edm/model.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'

/** A schema object of OpenAPI 3.0. */
export type Schema = { readonly [keyword: string]: unknown }

/** What a schema is of: what is read, the body of a POST, the body of a PATCH or PUT. */
export type Use = 'read' | 'create' | 'update'

const suffix: Readonly<Record<Use, string>> = { read: '', create: '-create', update: '-update' }

/** What OpenAPI says of a primitive type's JSON (JSON Format 7.1); `format` as in the OData mapping to JSON Schema. */
const primitives: Readonly<Partial<Record<PrimitiveTypeName, Schema>>> = {
  'Edm.Binary': { type: 'string', format: 'base64url' },
  'Edm.Boolean': { type: 'boolean' },
  'Edm.Byte': { type: 'integer', format: 'uint8', minimum: 0, maximum: 255 },
  'Edm.Date': { type: 'string', format: 'date', example: '2017-04-13' },
  'Edm.DateTimeOffset': { type: 'string', format: 'date-time', example: '2017-04-13T15:51:04Z' },
  'Edm.Decimal': { type: 'number', format: 'decimal' },
  'Edm.Double': { type: 'number', format: 'double' },
  'Edm.Duration': { type: 'string', format: 'duration', example: 'P4DT15H51M4S' },
  'Edm.Guid': { type: 'string', format: 'uuid' },
  'Edm.Int16': { type: 'integer', format: 'int16', minimum: -32768, maximum: 32767 },
  'Edm.Int32': { type: 'integer', format: 'int32' },
  'Edm.Int64': { type: 'integer', format: 'int64' },
  'Edm.SByte': { type: 'integer', format: 'int8', minimum: -128, maximum: 127 },
  'Edm.Single': { type: 'number', format: 'float' },
  'Edm.String': { type: 'string' },
  'Edm.TimeOfDay': { type: 'string', format: 'time', example: '15:51:04' },
}

const geometry: Schema = {
  type: 'object',
  description: 'A geometry as GeoJSON (RFC 7946).',
  required: ['type'],
  properties: { type: { type: 'string' }, coordinates: { type: 'array', items: {} } },
}

/** The schemas of the types that paths refer to, made as they are referred to. */
export class Schemas {
  readonly #made = new Map<string, Schema>()
  readonly #names = new Map<string, string>()
  readonly #taken = new Set<string>()
  readonly #typeControl: string

  /** @param typeControl `@odata.type` or `@type`, as the service writes it */
  constructor(typeControl: string) {
    this.#typeControl = typeControl
  }

  /** All schemas by name, those of use in alphabetical order. */
  all(): { readonly [name: string]: Schema } {
    return Object.fromEntries([...this.#made].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** A reference to the schema of a structured or enumeration type. */
  ref(type: StructuredType | EnumType, use: Use): Schema {
    const name = this.#nameOf(type.kind === 'enum' ? type.name : type.name + suffix[use])
    if (!this.#made.has(name)) {
      this.#made.set(name, {})
      this.#made.set(name, type.kind === 'enum' ? enumeration(type) : this.#structured(type, use))
      // A polymorphic value may be of any derived type, which then has to be told too.
      if (type.kind !== 'enum') for (const derived of type.derivedTypes) this.ref(derived, use)
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  /** Names of components take ASCII only; what is lost is made up by a number. */
  #nameOf(name: string): string {
    let safe = this.#names.get(name)
    if (safe === undefined) {
      const plain = name.replace(/[^A-Za-z0-9._-]/g, '_')
      safe = plain
      for (let i = 2; this.#taken.has(safe); i++) safe = `${plain}-${i}`
      this.#taken.add(safe)
      this.#names.set(name, safe)
    }
    return safe
  }

  #structured(type: StructuredType, use: Use): Schema {
    const base: StructuredType | undefined = type.baseType
    const own: Record<string, unknown> = {}
    const required: string[] = []
    const properties = base === undefined ? [...type.allProperties.values()] : type.properties
    if (base === undefined && type.derivedTypes.length > 0) own[this.#typeControl] = { type: 'string' }
    for (const property of properties) {
      if (primitiveOf(property.type.type)?.name === 'Edm.Stream' || !isWritten(type, property, use)) continue
      own[property.name] = this.#property(property, use)
      if (use === 'create' && isRequired(property)) required.push(property.name)
    }
    if (use === 'read') for (const property of type.navigationProperties) own[property.name] = this.#related(property)
    const told = longDescription(type) ?? description(type)
    const schema: Schema = {
      type: 'object',
      title: type.name.slice(type.name.lastIndexOf('.') + 1),
      ...(told === undefined ? {} : { description: told }),
      ...(Object.keys(own).length === 0 ? {} : { properties: own }),
      ...(required.length === 0 ? {} : { required }),
      ...(type.open ? { additionalProperties: true } : {}),
      ...(base === undefined && type.derivedTypes.length > 0 ? { discriminator: this.#discriminator(type, use) } : {}),
    }
    return base === undefined ? schema : { allOf: [this.ref(base, use), schema] }
  }

  #discriminator(type: StructuredType, use: Use): Schema {
    const all: readonly StructuredType[] = [type, ...type.derivedTypes]
    const mapping = all
      .filter(({ abstract }) => !abstract)
      .map((each) => [`#${each.name}`, `#/components/schemas/${this.#nameOf(each.name + suffix[use])}`])
    return { propertyName: this.#typeControl, mapping: Object.fromEntries(mapping) }
  }

  #property(property: Property, use: Use): Schema {
    const told = longDescription(property) ?? description(property)
    const inner: Use = use === 'update' && property.type.collection ? 'create' : use
    const schema = this.reference(property.type, inner)
    const more: Record<string, unknown> = {}
    if (told !== undefined) more.description = told
    if (use === 'read' && isComputed(property)) more.readOnly = true
    return Object.keys(more).length === 0 ? schema : withMore(schema, more)
  }

  #related({ type, collection }: NavigationProperty): Schema {
    const target = type.kind === 'entity' ? this.ref(type, 'read') : { type: 'object' }
    return collection ? { type: 'array', items: target } : nullable(target)
  }

  /** The schema of values of a type as a property, parameter or key has it. */
  reference(reference: TypeReference, use: Use): Schema {
    const single = this.#single(reference.type, reference, use)
    const item = reference.nullable ? nullable(single) : single
    return reference.collection ? { type: 'array', items: item } : item
  }

  #single(type: Type, { facets }: TypeReference, use: Use): Schema {
    if (isStructured(type)) return this.ref(type, use)
    if (type.kind === 'enum') return type.flags ? flags(type) : this.ref(type, use)
    const name = primitiveOf(type)?.name
    if (name === undefined) return type.name === 'Edm.ComplexType' ? { type: 'object' } : {}
    const all = type.kind === 'typeDefinition' ? { ...type.facets, ...facets } : facets
    const schema = primitives[name] ?? geometry
    const { maxLength, scale } = all
    if (name === 'Edm.String' && typeof maxLength === 'number') return { ...schema, maxLength }
    if (name === 'Edm.Decimal' && typeof scale === 'number' && scale > 0 && scale <= 15)
      return { ...schema, multipleOf: Number(`1e-${scale}`) }
    return schema
  }
}

function isWritten(type: StructuredType, property: Property, use: Use): boolean {
  if (use === 'read') return true
  const allowed = permissions(property)
  if (isComputed(property) || (allowed !== undefined && !allowed.some((name) => name.endsWith('Write')))) return false
  if (use === 'create') return true
  const key = type.kind === 'entity' && type.key.some(({ path }) => path.length === 1 && path[0] === property.name)
  return !isImmutable(property) && !key
}

function isRequired({ type, defaultValue, annotations }: Property): boolean {
  const made = annotations.some(({ term }) => term === 'Org.OData.Core.V1.ComputedDefaultValue')
  return !type.nullable && !type.collection && defaultValue === undefined && !made
}

/** OpenAPI 3.0: nothing may stand beside a `$ref`. */
function withMore(schema: Schema, more: Schema): Schema {
  return '$ref' in schema ? { allOf: [schema], ...more } : { ...schema, ...more }
}

function nullable(schema: Schema): Schema {
  return Object.keys(schema).length === 0 ? schema : withMore(schema, { nullable: true })
}

function enumeration(type: EnumType): Schema {
  const told = description(type)
  return {
    type: 'string',
    title: type.name.slice(type.name.lastIndexOf('.') + 1),
    enum: type.members.map(({ name }) => name),
    ...(told === undefined ? {} : { description: told }),
  }
}

function flags(type: EnumType): Schema {
  const names = type.members.map(({ name }) => name).join(', ')
  return { type: 'string', description: `Names joined by commas, of: ${names}.`, example: type.members[0]?.name ?? '0' }
}
