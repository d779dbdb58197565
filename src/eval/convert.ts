import { parseDateTimeOffset, printDateTimeOffset } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import type { EnumType, PrimitiveTypeName, TypeReference } from '../edm/model.ts'
import { convertNumber, fitsInt64 } from '../edm/numbers.ts'
import {
  checkFacets,
  facetsOf,
  isNumeric,
  isPrimitiveValue,
  parsePrimitive,
  printPrimitive,
} from '../edm/primitives.ts'
import { isStructured, primitiveOf } from '../edm/types.ts'
import { isStructuredValue, type PrimitiveValue, type Value } from '../edm/value.ts'
import { isInstanceOf } from './member.ts'
import { isCollectionValue, isDuration, isGeo, isInstant, isNumericValue } from './values.ts'

/**
 * cast(), isof() and numeric promotion (URL Conventions 5.1.1.10.1): the assignment rules. A cast that fails is null.
 * Rounding: integers cut the fraction off, Decimals with a scale round half away from zero.
 */

/**
 * A function that converts values to a type.
 * @param source static type of the value: how strings are to be read (Guid, Date and TimeOfDay are strings too)
 */
export function conversion(source: TypeReference | undefined, target: TypeReference): (value: Value) => Value {
  if (target.collection) {
    const item = conversion(itemOf(source), { ...target, collection: false })
    return (value) => {
      if (value === null || !isCollectionValue(value)) return null
      const items = value.map((one) => item(one))
      return items.every((one, i) => one !== null || value[i] === null) ? items : null
    }
  }
  const { type } = target
  if (isStructured(type)) return (value) => (isInstanceOf(value, type) ? value : null)
  if (type.kind === 'enum') return (value) => toEnum(value, type)
  const name = primitiveOf(type)?.name
  if (name === undefined) return abstractConversion(type.name)
  const sourceName = source === undefined || source.collection ? undefined : primitiveOf(source.type)?.name
  const sourceEnum = source?.type.kind === 'enum' ? source.type : undefined
  return (value) => {
    if (value === null || isCollectionValue(value) || isStructuredValue(value)) return null
    const converted = toPrimitive(value, sourceName, sourceEnum, name, target)
    return converted === undefined || checkFacets(target, converted) !== undefined ? null : converted
  }
}

/** isof: assignable by the rules of cast, which says whether that would succeed (URL Conventions 5.1.1.10.2); null for null, as all functions. */
export function typeTest(source: TypeReference | undefined, target: TypeReference): (value: Value) => Value {
  const convert = conversion(source, target)
  return (value) => (value === null ? null : convert(value) !== null)
}

function itemOf(type: TypeReference | undefined): TypeReference | undefined {
  return type === undefined ? undefined : { ...type, collection: false }
}

/** Edm.PrimitiveType, Edm.ComplexType, Edm.EntityType, Edm.Untyped take what they stand for. */
function abstractConversion(name: string): (value: Value) => Value {
  return (value) => {
    if (value === null || name === 'Edm.Untyped') return value
    if (name === 'Edm.PrimitiveType') return isCollectionValue(value) || isStructuredValue(value) ? null : value
    const kind = name === 'Edm.EntityType' ? 'entity' : name === 'Edm.ComplexType' ? 'complex' : undefined
    return isStructuredValue(value) && value.type.kind === kind ? value : null
  }
}

function toEnum(value: Value, type: EnumType): bigint | null {
  if (typeof value === 'string') {
    const member = type.memberByName.get(value)
    return member === undefined ? null : member.value
  }
  if (value === null || !isNumericValue(value)) return null
  if (value instanceof Decimal ? !value.isInteger : !Number.isInteger(Number(value))) return null
  const number = value instanceof Decimal ? value.toBigInt() : BigInt(value)
  if (number === undefined) return null
  if (!type.flags) return type.members.some((member) => member.value === number) ? number : null
  return convertTo(type.underlying.name, number) === undefined ? null : number
}

/** A number as a numeric type holds it; integers must lie in its range. */
function convertTo(type: PrimitiveTypeName, value: number | bigint | Decimal): number | bigint | Decimal | undefined {
  return isNumeric(type) ? convertNumber(type, value) : undefined
}

function toPrimitive(
  value: PrimitiveValue,
  source: PrimitiveTypeName | undefined,
  sourceEnum: EnumType | undefined,
  target: PrimitiveTypeName,
  reference: TypeReference,
): PrimitiveValue | undefined {
  if (target === 'Edm.String') return toText(value, source, sourceEnum)
  if (isNumericValue(value)) {
    if (sourceEnum !== undefined && typeof value === 'bigint' && !fitsInt64(value)) return undefined
    const number = convertTo(target, value)
    return number instanceof Decimal ? rescaled(number, reference) : number
  }
  if (typeof value === 'string') {
    if (source === target) return value
    // Guid, Date and TimeOfDay are cast to themselves and to String only
    if (source !== undefined && source !== 'Edm.String') return undefined
    const parsed = parseText(target, value)
    return parsed instanceof Decimal ? rescaled(parsed, reference) : parsed
  }
  if (isInstant(value)) return target === 'Edm.DateTimeOffset' ? withPrecision(value, reference) : undefined
  return isPrimitiveValue(target, value) && (source === undefined || source === target || isGeo(value))
    ? value
    : undefined
}

function toText(
  value: PrimitiveValue,
  source: PrimitiveTypeName | undefined,
  sourceEnum: EnumType | undefined,
): string | undefined {
  if (typeof value === 'string') return value
  if (sourceEnum !== undefined && typeof value === 'bigint') return enumText(value, sourceEnum)
  return printPrimitive(source ?? naturalType(value), value)
}

/** The primitive type a value has where nothing else says it. */
function naturalType(value: PrimitiveValue): PrimitiveTypeName {
  if (typeof value === 'boolean') return 'Edm.Boolean'
  if (typeof value === 'number') return 'Edm.Double'
  if (typeof value === 'bigint') return 'Edm.Int64'
  if (value instanceof Decimal) return 'Edm.Decimal'
  if (value instanceof Uint8Array) return 'Edm.Binary'
  if (typeof value === 'string') return 'Edm.String'
  if (isInstant(value)) return 'Edm.DateTimeOffset'
  if (isDuration(value)) return 'Edm.Duration'
  return value.srid === 0 ? 'Edm.Geometry' : 'Edm.Geography'
}

/** Member names as payloads write them: of flags, those that make up the value, largest first. */
function enumText(value: bigint, type: EnumType): string {
  const exact = type.members.find((member) => member.value === value)
  if (exact !== undefined) return exact.name
  if (!type.flags || value <= 0n) return String(value)
  const names: string[] = []
  let rest = value
  for (const member of [...type.members].sort((a, b) => (a.value === b.value ? 0 : a.value < b.value ? 1 : -1))) {
    if (member.value > 0n && (rest & member.value) === member.value) {
      names.unshift(member.name)
      rest &= ~member.value
    }
  }
  return rest === 0n ? names.join(',') : String(value)
}

const withoutOffset = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?$/

function parseText(target: PrimitiveTypeName, text: string): PrimitiveValue | undefined {
  if (target === 'Edm.DateTimeOffset' && withoutOffset.test(text)) return parseDateTimeOffset(`${text}Z`)
  return parsePrimitive(target, text)
}

function rescaled(value: Decimal, target: TypeReference): Decimal {
  const { scale } = facetsOf(target)
  if (typeof scale !== 'number' || !value.isFinite || value.scale <= scale) return value
  return Decimal.of(Decimal.of(value.coefficient, value.scale - scale).round().coefficient, scale)
}

/** The same instant with fewer fraction digits, rounded down (what lies after them never happened yet). */
function withPrecision(value: PrimitiveValue, target: TypeReference): PrimitiveValue | undefined {
  const { precision } = facetsOf(target)
  if (!isInstant(value) || precision === undefined || value.digits <= precision) return value
  return parseDateTimeOffset(cut(printDateTimeOffset(value), precision))
}

function cut(text: string, digits: number): string {
  return text.replace(/\.(\d+)/, (_, fraction: string) => (digits === 0 ? '' : `.${fraction.slice(0, digits)}`))
}
