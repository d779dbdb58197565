import { computedDefaultValue, description, isComputed, isImmutable, permissions } from '../../csdl/core.ts'
import type {
  EnumType,
  NavigationProperty,
  PrimitiveTypeName,
  Property,
  StructuredType,
  Type,
  TypeDefinition,
  TypeReference,
} from '../../edm/model.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import { memberName, quoted, type TypeNames } from './names.ts'

/** What a shape is of: an entity as it is read, the body that creates one, the body that changes one (PATCH). */
export type Shape = 'read' | 'create' | 'update'

const shapes: readonly Shape[] = ['read', 'create', 'update']
const suffix: Readonly<Record<Shape, string>> = { read: '', create: 'Create', update: 'Update' }

/** What a primitive value is in a hook or handler (docs/controllers.md); the rest of the geo types are GeoJSON. */
const primitives: Readonly<Partial<Record<PrimitiveTypeName, string>>> = {
  'Edm.Binary': 'Uint8Array',
  'Edm.Boolean': 'boolean',
  'Edm.Byte': 'number',
  'Edm.Date': 'string',
  'Edm.DateTimeOffset': 'string',
  'Edm.Decimal': 'string',
  'Edm.Double': 'number',
  'Edm.Duration': 'string',
  'Edm.Guid': 'string',
  'Edm.Int16': 'number',
  'Edm.Int32': 'number',
  'Edm.Int64': 'bigint',
  'Edm.SByte': 'number',
  'Edm.Single': 'number',
  'Edm.String': 'string',
  'Edm.TimeOfDay': 'string',
}

/** Writes the shapes of one model's types. */
export class ShapeWriter {
  readonly #names: TypeNames
  readonly #shapeNames = new Map<StructuredType, Readonly<Record<Shape, string>>>()

  constructor(names: TypeNames, types: Iterable<Type>) {
    this.#names = names
    for (const type of types) if (isStructured(type)) this.#shapeNames.set(type, this.#takeNames(type))
  }

  #takeNames(type: StructuredType): Readonly<Record<Shape, string>> {
    const name = this.#names.of(type)
    return { read: name, create: this.#names.take(`${name}Create`), update: this.#names.take(`${name}Update`) }
  }

  /** The name of a structured type's shape. Where it has derived types that is a union. */
  shapeName(type: StructuredType, shape: Shape): string {
    return this.#shapeNames.get(type)?.[shape] ?? 'object'
  }

  /** A reference as it is used by a parameter or result: null included where it may be. */
  reference(reference: TypeReference, shape: Shape): string {
    const single = this.#single(reference.type, shape)
    const nullable = reference.nullable ? orNull(single) : single
    return reference.collection ? `readonly ${/[|&]/.test(nullable) ? `(${nullable})` : nullable}[]` : nullable
  }

  #single(type: Type, shape: Shape): string {
    if (isStructured(type)) return this.shapeName(type, shape)
    if (type.kind === 'enum') return type.flags ? `Flags<${this.#names.of(type)}>` : this.#names.of(type)
    if (type.kind === 'typeDefinition') return this.#names.of(type)
    return builtIn(type)
  }

  /** The three shapes of a structured type. */
  structured(type: StructuredType): string {
    return shapes.map((shape) => this.#structured(type, shape)).join('\n')
  }

  #structured(type: StructuredType, shape: Shape): string {
    const name = this.shapeName(type, shape)
    if (type.derivedTypes.length === 0 && !type.abstract) return this.#object(type, shape, name)
    const direct: readonly StructuredType[] = type.derivedTypes.filter(({ baseType }) => baseType === type)
    const parts = direct.map((derived) => this.shapeName(derived, shape))
    if (type.abstract) return `${comment(type, shape)}export type ${name} = ${parts.join(' | ') || 'never'}\n`
    const itself = this.#names.take(`${this.#names.of(type)}Itself${suffix[shape]}`)
    return `${comment(type, shape)}export type ${name} = ${[itself, ...parts].join(' | ')}\n\n${this.#object(type, shape, itself)}`
  }

  #object(type: StructuredType, shape: Shape, name: string): string {
    const lines = [...typeMember(type, shape)]
    for (const property of type.allProperties.values()) lines.push(...this.#property(type, property, shape))
    if (shape === 'read')
      for (const property of type.allNavigationProperties.values()) lines.push(...this.#navigation(property))
    if (type.open) lines.push('readonly [dynamicProperty: string]: unknown')
    const body = lines.length === 0 ? '{}' : `{\n${lines.map((line) => `  ${line}\n`).join('')}}`
    return `${comment(type, shape)}export type ${name} = ${body}\n`
  }

  #property(type: StructuredType, property: Property, shape: Shape): readonly string[] {
    const { name, type: reference } = property
    if (primitiveOf(reference.type)?.name === 'Edm.Stream' || !isPartOf(type, property, shape)) return []
    // The items of a collection are whole values in every body.
    const inner: Shape = shape === 'update' && reference.collection ? 'create' : shape
    const mark = isOptional(property, shape) ? '?' : ''
    return [...memberComment(property), `readonly ${memberName(name)}${mark}: ${this.reference(reference, inner)}`]
  }

  #navigation(property: NavigationProperty): readonly string[] {
    const { type, collection, nullable, name } = property
    const target = type.kind === 'entity' ? this.shapeName(type, 'read') : 'object'
    const value = collection ? `readonly ${target}[]` : nullable ? orNull(target) : target
    return [...memberComment(property), `readonly ${memberName(name)}?: ${value}`]
  }

  /** The union of an enumeration's names. */
  enumeration(type: EnumType): string {
    const members = type.members.map(({ name }) => quoted(name)).join(' | ')
    return `${comment(type, 'read')}export type ${this.#names.of(type)} = ${members || 'never'}\n`
  }

  /** A type definition as another name of its underlying type. */
  definition(type: TypeDefinition): string {
    return `${comment(type, 'read')}export type ${this.#names.of(type)} = ${builtIn(type.underlying)}\n`
  }
}

/**
 * Whether a client may say the property in a body of that kind: computed values and what is only read are left out, keys
 * and immutable values of updates too (Protocol 11.4.2, 11.4.3).
 */
export function isPartOf(type: StructuredType, property: Property, shape: Shape): boolean {
  if (shape === 'read') return true
  const allowed = permissions(property)
  const writable = allowed === undefined || allowed.includes('Write') || allowed.includes('ReadWrite')
  if (isComputed(property) || !writable) return false
  if (shape === 'create') return true
  const key = type.kind === 'entity' && type.key.some(({ path }) => path.length === 1 && path[0] === property.name)
  return !isImmutable(property) && !key
}

/** Whether the property may be left out: of a body what has a default or may be null; nothing of what is read. */
export function isOptional(property: Property, shape: Shape): boolean {
  if (shape === 'read') return false
  const { collection, nullable } = property.type
  return (
    shape === 'update' ||
    collection ||
    nullable ||
    property.defaultValue !== undefined ||
    computedDefaultValue(property)
  )
}

function builtIn(type: Type): string {
  const name = primitiveOf(type)?.name
  if (name === undefined)
    return type.name === 'Edm.ComplexType' || type.name === 'Edm.EntityType' ? 'object' : 'unknown'
  return primitives[name] ?? (name === 'Edm.Stream' ? 'never' : 'GeoJson')
}

/** In a hierarchy every value says its type, so that TypeScript can tell them apart. */
function typeMember(type: StructuredType, shape: Shape): readonly string[] {
  if (type.baseType === undefined && type.derivedTypes.length === 0) return []
  const optional = shape === 'update' || (shape === 'create' && type.baseType === undefined)
  return [`readonly '@odata.type'${optional ? '?' : ''}: ${quoted(`#${type.name}`)}`]
}

function orNull(type: string): string {
  return type === 'unknown' || type.endsWith('| null') ? type : `${type} | null`
}

const of: Readonly<Record<Shape, string>> = {
  read: '',
  create: 'What creates one: ',
  update: 'What changes one: ',
}

function comment(type: StructuredType | EnumType | TypeDefinition, shape: Shape): string {
  const told = description(type)
  return `/** ${of[shape]}${type.name}${told === undefined ? '' : `: ${inComment(told)}`} */\n`
}

function memberComment(element: Property | NavigationProperty): readonly string[] {
  const told = description(element)
  return told === undefined ? [] : [`/** ${inComment(told)} */`]
}

function inComment(text: string): string {
  return text.replaceAll('*/', '* /').replace(/\s+/g, ' ').trim()
}
