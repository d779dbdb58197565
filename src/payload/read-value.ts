import { Decimal } from '../edm/decimal.ts'
import { checkFacets } from '../edm/facets.ts'
import { isGeo } from '../edm/geo.ts'
import type { EnumType, PrimitiveTypeName, TypeReference } from '../edm/model.ts'
import { fitsInt64, fitsSmallInteger, integerRanges, parseDouble, parseSingle } from '../edm/numbers.ts'
import { parsePrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { readGeo } from './geo-json.ts'
import { type JsonNode, jsonKinds } from './json.ts'

/** A value, or why the JSON is none of the type, for a person. */
export type ReadResult = { readonly value: PrimitiveValue } | { readonly fault: string }

/** Reads a non-null JSON value as one primitive or enumeration value, facets checked. */
export type ScalarReader = (node: JsonNode) => ReadResult

/**
 * The reader of values of a primitive type, type definition or enumeration (JSON Format 7.1), made once for a type
 * reference; collections: of their items.
 * @returns undefined where the type has no values in JSON of their own (structured, abstract, streams)
 */
export function scalarReader(reference: TypeReference): ScalarReader | undefined {
  const { type } = reference
  if (type.kind === 'enum') return (node) => readEnum(type, node)
  const name = primitiveOf(type)?.name
  if (name === undefined || name === 'Edm.Stream') return undefined
  const read = primitiveReader(name)
  return (node) => {
    const result = read(node)
    if ('fault' in result) return result
    const fault = checkFacets(reference, result.value)
    return fault === undefined ? result : { fault }
  }
}

function primitiveReader(name: PrimitiveTypeName): ScalarReader {
  switch (name) {
    case 'Edm.Boolean':
      return (node) => (node.kind === 'boolean' ? { value: node.value } : expected('true or false', node))
    case 'Edm.String':
      return (node) => (node.kind === 'string' ? { value: node.value } : expected('a string', node))
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32': {
      const [smallest, largest] = integerRanges[name]
      return (node) => {
        if (node.kind !== 'number') return expected('a whole number', node)
        const value = Number(node.text) + 0
        if (Number.isInteger(value) && fitsSmallInteger(name, value)) return { value }
        return { fault: `${shown(node.text)} is no ${name}: whole numbers from ${smallest} to ${largest} are` }
      }
    }
    case 'Edm.Int64':
      return readInt64
    case 'Edm.Decimal':
      return readDecimal
    case 'Edm.Double':
      return (node) => readFloat(name, node, parseDouble)
    case 'Edm.Single':
      return (node) => readFloat(name, node, parseSingle)
    default:
      if (isGeo(name)) {
        return (node) => {
          const value = readGeo(name, node)
          return typeof value === 'string' ? { fault: `it is no ${name}: ${value}` } : { value }
        }
      }
      return (node) => {
        if (node.kind !== 'string') return expected(`a string with a value of ${name}`, node)
        const value = parsePrimitive(name, node.value)
        return value === undefined ? { fault: `${shown(JSON.stringify(node.value))} is no ${name}` } : { value }
      }
  }
}

/** Number or string whatever `IEEE754Compatible` says (JSON Format 3.2): liberal in. `5.0` and `5e0` are 5. */
function readInt64(node: JsonNode): ReadResult {
  const text = numberText(node)
  if (text === undefined) return expected('a whole number', node)
  const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : wholeNumber(text)
  if (value !== undefined && fitsInt64(value)) return { value }
  return { fault: `${shown(text)} is no Edm.Int64: whole numbers from -2^63 to 2^63-1 are` }
}

function wholeNumber(text: string): bigint | undefined {
  const decimal = Decimal.parse(text)
  // the exponent is limited first: 1e6000 is no reason to make a number of 6000 digits
  if (decimal === undefined || !decimal.isFinite || decimal.scale < -19 || !decimal.isInteger) return undefined
  return decimal.toBigInt()
}

function readDecimal(node: JsonNode): ReadResult {
  const text = numberText(node)
  if (text === undefined) return expected('a number', node)
  const value = Decimal.parse(text)
  return value === undefined ? { fault: `${shown(text)} is no Edm.Decimal` } : { value }
}

function readFloat(name: PrimitiveTypeName, node: JsonNode, parse: (text: string) => number | undefined): ReadResult {
  const special = node.kind === 'string' && (node.value === 'INF' || node.value === '-INF' || node.value === 'NaN')
  if (node.kind !== 'number' && !special) return expected('a number, "INF", "-INF" or "NaN"', node)
  const text = node.kind === 'number' ? node.text : node.value
  const value = parse(text)
  if (value !== undefined && (special || Number.isFinite(value))) return { value }
  return { fault: `${shown(text)} lies beyond the range of ${name}` }
}

function numberText(node: JsonNode): string | undefined {
  return node.kind === 'number' ? node.text : node.kind === 'string' ? node.value : undefined
}

/**
 * Member names joined by commas, or their numbers, as a string; also a JSON number, which older clients send. Without
 * IsFlags exactly one member is meant; with it any combination within the underlying type (CSDL 10.3).
 */
function readEnum(type: EnumType, node: JsonNode): ReadResult {
  const text = numberText(node)
  if (text === undefined) return expected(`the name of a member of ${type.name}`, node)
  let value = 0n
  const parts = text.split(',', 65)
  if (parts.length > 64) return { fault: `${type.name} takes 64 members at the most` }
  for (const part of parts) {
    const name = part.trim()
    const member = type.memberByName.get(name)?.value ?? (/^-?\d{1,19}$/.test(name) ? BigInt(name) : undefined)
    if (member === undefined) return { fault: `${shown(JSON.stringify(name))} is no member of ${type.name}` }
    value |= member
  }
  if (parts.length > 1 && !type.flags) return { fault: `${type.name} takes one member at a time` }
  if (!type.flags && !type.members.some((member) => member.value === value))
    return { fault: `${shown(text)} is no member of ${type.name}` }
  const fits = value >= 0n || !type.flags || type.members.some((member) => member.value < 0n)
  return fits && fitsUnderlying(type, value) ? { value } : { fault: `${shown(text)} is no value of ${type.name}` }
}

function fitsUnderlying(type: EnumType, value: bigint): boolean {
  const { name } = type.underlying
  if (name === 'Edm.Byte' || name === 'Edm.SByte' || name === 'Edm.Int16' || name === 'Edm.Int32')
    return fitsInt64(value) && fitsSmallInteger(name, Number(value))
  return fitsInt64(value)
}

function expected(what: string, node: JsonNode): ReadResult {
  return { fault: `${what} is expected, not ${jsonKinds[node.kind]}` }
}

/** A client's text in a message, cut to a length that helps. */
function shown(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}
