import { annotationOf, items, member, text } from '../edm/annotations.ts'
import type { Annotatable, EntityType, KeyProperty, Property, Type, TypeReference } from '../edm/model.ts'
import { parsePrimitive } from '../edm/primitives.ts'
import { isStructured, primitiveOf, typeName } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { ArgumentNode, Span } from '../url/ast.ts'
import { type BindContext, shown, unaliased } from './context.ts'
import { meetingType } from './literals.ts'
import { readEnum, readLiteral } from './parameters.ts'
import { singlePrimitive } from './type-references.ts'

/** Key predicates of the resource path (URL Conventions 4.3): which key they name, and the typed values. */

/** A key with its values, in key order. */
export interface KeyValues {
  readonly key: readonly KeyProperty[]
  readonly values: readonly PrimitiveValue[]
  /** an alternate key (Core.AlternateKeys), which is always named */
  readonly alternate: boolean
}

/**
 * Reads `(value)` or `(name=value,...)`: the primary key or an alternate one.
 * @param set the entity set or singleton that the rows are of, whose annotations may hold alternate keys
 * @throws ODataError keyInvalid naming the key property
 */
export function readKeyPredicate(
  context: BindContext,
  type: EntityType,
  set: Annotatable | undefined,
  args: readonly ArgumentNode[],
  node: Span,
): KeyValues {
  const { key } = type
  const [first] = args
  if (key.length === 0) return refuse(`Entities of type '${type.name}' have no key.`, type.name, node)
  if (args.length === 1 && first !== undefined && first.name === undefined) {
    const part = key[0]
    if (part === undefined || key.length > 1)
      return refuse(`The key of '${type.name}' has ${key.length} parts: ${formOf(key)}.`, type.name, node)
    return { key, values: [argumentValue(context, part, first)], alternate: false }
  }
  const named = namedArguments(type, args)
  if (isKeyOf(key, named)) return { key, values: keyValues(context, key, named), alternate: false }
  for (const alternate of alternateKeys(context, type, set))
    if (isKeyOf(alternate, named))
      return { key: alternate, values: keyValues(context, alternate, named), alternate: true }
  return refuse(`The key of '${type.name}' is ${formOf(key)}.`, firstStranger(key, named), node)
}

/** Reads a whole path segment as the value of a single-part key (URL Conventions 4.3.6). @throws ODataError keyInvalid */
export function readKeySegment(type: EntityType, segment: string, node: Span): KeyValues {
  const { key } = type
  const part = key[0]
  if (part === undefined) return refuse(`Entities of type '${type.name}' have no key.`, type.name, node)
  if (key.length > 1)
    return refuse(`The key of '${type.name}' must stand in parentheses: ${formOf(key)}.`, type.name, node)
  const value = textKeyValue(part.property.type, segment)
  if (value === undefined) return refuseValue(part, `'${shown(segment)}'`, node, '')
  return { key, values: [value], alternate: false }
}

/** Whether a path segment can be the key of entities of a type. */
export function isKeyText(type: Type, segment: string): boolean {
  const part = type.kind === 'entity' && type.key.length === 1 ? type.key[0] : undefined
  return part !== undefined && textKeyValue(part.property.type, segment) !== undefined
}

/** The value of a key property in its text form, without quotes; undefined where it is none. */
export function textKeyValue(reference: TypeReference, value: string): PrimitiveValue | undefined {
  if (reference.type.kind === 'enum') return readEnum(reference.type, value)
  const primitive = primitiveOf(reference.type)?.name
  return primitive === undefined ? undefined : parsePrimitive(primitive, value)
}

function refuse(message: string, target: string, node: Span): never {
  throw new ODataError('keyInvalid', message, { target, position: { offset: node.offset, length: node.length } })
}

function refuseValue(part: KeyProperty, value: string, node: Span, hint: string): never {
  return refuse(
    `The key property '${part.alias}' is ${typeName(part.property.type)}, and ${value} is none.${hint}`,
    part.alias,
    node,
  )
}

/** `(a=...,b=...)` */
function formOf(key: readonly KeyProperty[]): string {
  return key.length === 1
    ? `(value) or (${key[0]?.alias}=value)`
    : `(${key.map(({ alias }) => `${alias}=...`).join(',')})`
}

function namedArguments(type: EntityType, args: readonly ArgumentNode[]): ReadonlyMap<string, ArgumentNode> {
  const named = new Map<string, ArgumentNode>()
  for (const argument of args) {
    if (argument.name === undefined)
      return refuse(`The key of '${type.name}' is ${formOf(type.key)}.`, type.name, argument)
    if (named.has(argument.name))
      return refuse(`The key property '${shown(argument.name)}' must not be given twice.`, argument.name, argument)
    named.set(argument.name, argument)
  }
  return named
}

function isKeyOf(key: readonly KeyProperty[], named: ReadonlyMap<string, ArgumentNode>): boolean {
  return key.length === named.size && key.every(({ alias }) => named.has(alias))
}

function firstStranger(key: readonly KeyProperty[], named: ReadonlyMap<string, ArgumentNode>): string {
  for (const name of named.keys()) if (!key.some(({ alias }) => alias === name)) return name
  return key.find(({ alias }) => !named.has(alias))?.alias ?? ''
}

function keyValues(
  context: BindContext,
  key: readonly KeyProperty[],
  named: ReadonlyMap<string, ArgumentNode>,
): readonly PrimitiveValue[] {
  return key.map((part) => {
    const argument = named.get(part.alias)
    if (argument === undefined) throw new Error('invariant: a key part without a value')
    return argumentValue(context, part, argument)
  })
}

/** A literal, an alias of one, or a Boolean. Strings need quotes; a Guid may have them. */
function argumentValue(context: BindContext, part: KeyProperty, argument: ArgumentNode): PrimitiveValue {
  const type = part.property.type
  const literal = context.literalOf(argument.value)
  if (literal === undefined) {
    const value = argument.value.kind === 'alias' ? context.aliasValue(argument.value) : argument.value
    if (value.kind === 'constant' && value.value !== null && singlePrimitive(type) === 'Edm.Boolean') return value.value
    const said = value.kind === 'constant' ? String(value.value) : 'this'
    return refuseValue(part, said, argument, singlePrimitive(type) === 'Edm.String' ? ' Strings need quotes.' : '')
  }
  const said = literal.kind === 'json' ? 'JSON' : `'${shown(literal.token.text)}'`
  if (literal.kind === 'json' || meetingType(context, literal, type) === undefined)
    return refuseValue(part, said, literal, singlePrimitive(type) === 'Edm.String' ? ' Strings need quotes.' : '')
  let value: ReturnType<typeof readLiteral>
  try {
    value = readLiteral({ type }, literal.token)
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    return refuseValue(part, said, literal, '')
  }
  return isSingle(value) ? value : refuseValue(part, said, literal, '')
}

function isSingle(value: ReturnType<typeof readLiteral>): value is PrimitiveValue {
  return !Array.isArray(value)
}

const alternateKeysTerm = 'Org.OData.Core.V1.AlternateKeys'

/** Alternate keys that annotations of the entity set or of the type (or its base types) give (Core.AlternateKeys). */
export function alternateKeys(
  context: BindContext,
  type: EntityType,
  set: Annotatable | undefined,
): readonly (readonly KeyProperty[])[] {
  const keys: (readonly KeyProperty[])[] = []
  if (set !== undefined) addKeys(context, type, set, keys)
  for (let current: EntityType | undefined = type; current !== undefined; current = current.baseType)
    addKeys(context, type, current, keys)
  return keys
}

function addKeys(context: BindContext, type: EntityType, target: Annotatable, into: (readonly KeyProperty[])[]): void {
  for (const key of items(annotationOf(target, alternateKeysTerm)?.value)) {
    const parts: KeyProperty[] = []
    const described = items(member(key, 'Key'))
    for (const part of described) {
      const name = member(part, 'Name')
      const path = (name !== undefined && 'value' in name && typeof name.value === 'string' ? name.value : '').split(
        '/',
      )
      const property = propertyAt(context, type, path)
      const alias = text(member(part, 'Alias')) ?? path.at(-1)
      if (property !== undefined && alias !== undefined) parts.push({ path, alias, property })
    }
    if (parts.length > 0 && parts.length === described.length) into.push(parts)
  }
}

function propertyAt(context: BindContext, type: EntityType, path: readonly string[]): Property | undefined {
  let properties = type.allProperties
  let property: Property | undefined
  for (const name of path) {
    if (name.includes('.')) {
      const cast = context.model.types.get(unaliased(context.model, name))
      if (cast === undefined || !isStructured(cast)) return undefined
      properties = cast.allProperties
      continue
    }
    property = properties.get(name)
    if (property === undefined) return undefined
    const next = property.type.type
    properties = isStructured(next) ? next.allProperties : new Map()
  }
  return property
}
