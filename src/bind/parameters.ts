import { nearestName } from '../base/text.ts'
import type { EnumType, PrimitiveTypeName, TypeReference } from '../edm/model.ts'
import { isIntegral, isNumeric, parsePrimitive } from '../edm/primitives.ts'
import { isStructured, primitiveOf, typeName } from '../edm/types.ts'
import type { CollectionValue, PrimitiveValue, StructuredValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { LiteralToken } from '../url/ast.ts'
import { calculatedSlot, shown } from './context.ts'
import { type JsonScalar, readJsonArray } from './json-array.ts'
import type { ParameterSlot, Parameters, ParameterValue } from './tree.ts'

/**
 * Reads the JSON of a literal whose type is structured, a collection of such or untyped (URL Conventions 5.1.1.14.3): the room that
 * reads bodies does it.
 * @param each the JSON is an array of such values
 * @returns the value, or what is wrong with the JSON, for a person
 */
export type StructuredLiterals = (
  type: TypeReference,
  json: string,
  each: boolean,
) => { readonly value: ParameterValue } | { readonly fault: string }

/**
 * Reads the values of a request: the text of each literal as the type of its slot.
 * @param literalSlots which literal each slot takes; one literal may serve several
 * @param structured reads literals of structured types; undefined: there are none
 * @throws ODataError literalInvalid with the option as target
 */
export function readParameters(
  slots: readonly ParameterSlot[],
  literalSlots: readonly number[],
  literals: readonly LiteralToken[],
  structured?: StructuredLiterals,
): Parameters {
  const values: ParameterValue[] = new Array(slots.length)
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]
    if (literalSlots[i] === calculatedSlot) {
      values[i] = slot?.constant ?? null
      continue
    }
    const literal = literals[literalSlots[i] ?? -1]
    if (slot === undefined || literal === undefined) throw new Error('invariant: a slot without a literal')
    values[i] = readLiteral(slot, literal, structured)
  }
  return values
}

/**
 * The value of one literal.
 * @throws ODataError literalInvalid
 */
export function readLiteral(
  slot: ParameterSlot,
  literal: LiteralToken,
  structured?: StructuredLiterals,
): PrimitiveValue | StructuredValue | CollectionValue {
  const { type } = slot
  if (structured !== undefined && (slot.each || isStructured(type.type) || type.type.kind === 'abstract')) {
    const read = structured(type, literal.text, slot.each === true)
    if ('value' in read && read.value !== null) return read.value
    return invalid(slot, literal, 'fault' in read ? ` ${read.fault}` : '')
  }
  const value = type.collection ? readCollection(slot, literal) : readSingle(slot, literal)
  if (value !== undefined) return value
  const said = type.type.kind === 'enum' ? enumHint(type.type, literal.text) : ''
  return invalid(slot, literal, said)
}

function invalid({ type, target }: ParameterSlot, literal: LiteralToken, said: string): never {
  throw new ODataError('literalInvalid', `'${shown(literal.text)}' is no valid ${typeName(type)}.${said}`, {
    ...(target === undefined ? {} : { target }),
    position: { offset: literal.offset, length: literal.length },
  })
}

function readSingle({ type }: ParameterSlot, literal: LiteralToken): PrimitiveValue | undefined {
  if (type.type.kind === 'enum') return readEnum(type.type, literal.text)
  const primitive = primitiveOf(type.type)?.name
  if (primitive === undefined) return undefined
  if (primitive === 'Edm.DateTimeOffset' && literal.literal === 'date')
    return parsePrimitive(primitive, `${literal.text}T00:00:00Z`)
  return parsePrimitive(primitive, literal.text)
}

/**
 * An enumeration value from its text: member names with commas between (flags), or a number (ABNF: enumValue).
 * @returns undefined where a name is no member, or several stand for a type without flags
 */
export function readEnum(type: EnumType, text: string): bigint | undefined {
  const single = type.memberByName.get(text)
  if (single !== undefined) return single.value
  const names = text.split(',')
  if (names.length > 1 && !type.flags) return undefined
  let value = 0n
  for (const part of names) {
    const name = part.trim()
    const member = type.memberByName.get(name)?.value ?? enumNumber(type, name)
    if (member === undefined) return undefined
    value |= member
  }
  return value
}

function enumNumber(type: EnumType, text: string): bigint | undefined {
  const number = parsePrimitive(type.underlying.name, text)
  return typeof number === 'bigint' ? number : typeof number === 'number' ? BigInt(number) : undefined
}

function enumHint(type: EnumType, text: string): string {
  const near = nearestName(text, type.memberByName.keys())
  if (near !== undefined) return ` Did you mean '${near}'?`
  return type.members.length > 12 ? '' : ` Its members are ${type.members.map(({ name }) => name).join(', ')}.`
}

function readCollection({ type }: ParameterSlot, literal: LiteralToken): CollectionValue | undefined {
  const items = readJsonArray(literal.text)
  if (items === undefined) return undefined
  const values: (PrimitiveValue | null)[] = []
  for (const item of items) {
    const value = item.kind === 'null' ? null : jsonItem(type, item)
    if (value === undefined) return undefined
    values.push(value)
  }
  return values
}

/** A JSON scalar as an item of a collection (JSON Format 7.1). */
function jsonItem({ type }: TypeReference, item: JsonScalar): PrimitiveValue | undefined {
  if (type.kind === 'enum') return item.kind === 'boolean' ? undefined : readEnum(type, item.text)
  const primitive = primitiveOf(type)?.name
  if (primitive === undefined || !fitsJson(primitive, item.kind)) return undefined
  return parsePrimitive(primitive, item.text)
}

function fitsJson(type: PrimitiveTypeName, kind: JsonScalar['kind']): boolean {
  if (type === 'Edm.Boolean') return kind === 'boolean'
  if (!isNumeric(type)) return kind === 'string'
  // IEEE754Compatible numbers, INF and NaN are strings
  return kind === 'number' || (kind === 'string' && (!isIntegral(type) || type === 'Edm.Int64'))
}
