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
  /** of types that others derive from: what those inherit, each but its `@odata.type` */
  readonly #memberNames = new Map<StructuredType, Readonly<Record<Shape, string>>>()

  constructor(names: TypeNames, types: Iterable<Type>) {
    this.#names = names
    const structured = [...types].filter(isStructured)
    for (const type of structured) this.#shapeNames.set(type, this.#takeNames(names.of(type)))
    for (const type of structured)
      if (type.derivedTypes.length > 0)
        this.#memberNames.set(type, this.#takeNames(names.take(`${names.of(type)}Members`)))
  }

  #takeNames(name: string): Readonly<Record<Shape, string>> {
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
    const told = comment(type, shape)
    const members = this.#memberNames.get(type)?.[shape]
    if (members === undefined) {
      if (type.abstract) return `${told}export type ${name} = never\n`
      const body = inBraces([...typeMember(type, shape), ...this.#members(type, shape)])
      return type.baseType === undefined
        ? `${told}export type ${name} = ${body}\n`
        : `${told}export interface ${name}${this.#heritage(type, shape)} ${body}\n`
    }
    const direct: readonly StructuredType[] = type.derivedTypes.filter(({ baseType }) => baseType === type)
    const parts = direct.map((derived) => this.shapeName(derived, shape))
    const inherited = `/** What ${type.name} and the types derived from it share. */\nexport interface ${members}${this.#heritage(type, shape)} ${inBraces(this.#members(type, shape))}\n`
    if (type.abstract) return `${told}export type ${name} = ${parts.join(' | ')}\n\n${inherited}`
    const itself = this.#names.take(`${this.#names.of(type)}Itself${suffix[shape]}`)
    const own = inBraces(typeMember(type, shape))
    return `${told}export type ${name} = ${[itself, ...parts].join(' | ')}\n\n${inherited}\n${told}export interface ${itself} extends ${members} ${own}\n`
  }

  #heritage(type: StructuredType, shape: Shape): string {
    const base = inherits(type, shape) ? type.baseType && this.#memberNames.get(type.baseType)?.[shape] : undefined
    return base === undefined ? '' : ` extends ${base}`
  }

  /** The lines of the members that the type adds; of all where it cannot extend its base type. */
  #members(type: StructuredType, shape: Shape): readonly string[] {
    const own = inherits(type, shape)
    const lines: string[] = []
    const properties = own ? type.properties : type.allProperties.values()
    for (const property of properties) lines.push(...this.#property(type, property, shape))
    const navigation = own ? type.navigationProperties : type.allNavigationProperties.values()
    if (shape === 'read') for (const property of navigation) lines.push(...this.#navigation(property))
    if (type.open && !(own && type.baseType?.open)) lines.push('readonly [dynamicProperty: string]: unknown')
    return lines
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
 * Whether the shape of a type can extend that of its base type: bodies have the same inherited members, and what the type
 * declares again is narrower. A key that only the derived type has, for example, leaves the bodies of updates.
 */
function inherits(type: StructuredType, shape: Shape): boolean {
  const base: StructuredType | undefined = type.baseType
  if (base === undefined) return false
  for (const inherited of base.allProperties.values()) {
    const property = type.allProperties.get(inherited.name) ?? inherited
    const part = isPartOf(base, inherited, shape)
    if (part !== isPartOf(type, property, shape)) return false
    if (part && property !== inherited && isWider(property, inherited, shape)) return false
  }
  if (shape !== 'read') return true
  for (const inherited of base.allNavigationProperties.values()) {
    const property = type.allNavigationProperties.get(inherited.name) ?? inherited
    if (property.collection !== inherited.collection || (property.nullable && !inherited.nullable)) return false
  }
  return true
}

function isWider(property: Property, inherited: Property, shape: Shape): boolean {
  const [{ type }, { type: before }] = [property, inherited]
  if (type.collection !== before.collection || (type.nullable && !before.nullable)) return true
  return isOptional(property, shape) && !isOptional(inherited, shape)
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

function inBraces(lines: readonly string[]): string {
  return lines.length === 0 ? '{}' : `{\n${lines.map((line) => `  ${line}\n`).join('')}}`
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
