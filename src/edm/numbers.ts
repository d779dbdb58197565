import { assertNever } from '../base/assert.ts'
import { Decimal } from './decimal.ts'

/** Names of the numeric primitive types (URL Conventions 5.1.1.15). */
export type NumericTypeName =
  | 'Edm.Byte'
  | 'Edm.SByte'
  | 'Edm.Int16'
  | 'Edm.Int32'
  | 'Edm.Int64'
  | 'Edm.Decimal'
  | 'Edm.Single'
  | 'Edm.Double'

/** Types whose values are whole numbers held as a double. */
export type SmallIntegerTypeName = 'Edm.Byte' | 'Edm.SByte' | 'Edm.Int16' | 'Edm.Int32'

/** Lowest and highest value (CSDL 4.4). */
export const integerRanges: Readonly<Record<SmallIntegerTypeName, readonly [number, number]>> = {
  'Edm.Byte': [0, 255],
  'Edm.SByte': [-128, 127],
  'Edm.Int16': [-32_768, 32_767],
  'Edm.Int32': [-2_147_483_648, 2_147_483_647],
}

export const minInt64 = -9_223_372_036_854_775_808n
export const maxInt64 = 9_223_372_036_854_775_807n

const integerPattern = /^[+-]?\d{1,40}$/
const doublePattern = /^[+-]?\d{1,800}(?:\.\d{1,800})?(?:[eE][+-]?\d{1,6})?$/

/** An integer in its range; undefined where the text is none or lies outside. */
export function parseSmallInteger(type: SmallIntegerTypeName, text: string): number | undefined {
  if (!integerPattern.test(text)) return undefined
  const value = Number(text)
  return fitsSmallInteger(type, value) ? value + 0 : undefined
}

/** Whether a double is a whole number in the type's range. */
export function fitsSmallInteger(type: SmallIntegerTypeName, value: number): boolean {
  const [low, high] = integerRanges[type]
  return Number.isInteger(value) && value >= low && value <= high
}

/** ABNF int64Value. */
export function parseInt64(text: string): bigint | undefined {
  if (!integerPattern.test(text)) return undefined
  const value = BigInt(text.charCodeAt(0) === 43 ? text.slice(1) : text)
  return fitsInt64(value) ? value : undefined
}

export function fitsInt64(value: bigint): boolean {
  return value >= minInt64 && value <= maxInt64
}

/** ABNF doubleValue with `INF`, `-INF`, `NaN`; a number beyond the doubles is undefined, never an infinity. */
export function parseDouble(text: string): number | undefined {
  if (!doublePattern.test(text)) return parseSpecial(text)
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** ABNF singleValue: the nearest float32; undefined where the text is none or lies beyond them. */
export function parseSingle(text: string): number | undefined {
  const value = parseDouble(text)
  if (value === undefined) return undefined
  const single = Math.fround(value)
  return Number.isFinite(single) || !Number.isFinite(value) ? single : undefined
}

function parseSpecial(text: string): number | undefined {
  if (text === 'INF') return Number.POSITIVE_INFINITY
  if (text === '-INF') return Number.NEGATIVE_INFINITY
  return text === 'NaN' ? Number.NaN : undefined
}

/** The shortest text that reads as the same double; `-0` keeps its sign. */
export function printDouble(value: number): string {
  if (Number.isFinite(value)) return value === 0 && Object.is(value, -0) ? '-0' : String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'INF' : '-INF'
}

/** The shortest text that reads as the same float32: `0.1`, where the double would print `0.10000000149011612`. */
export function printSingle(value: number): string {
  if (Number.isFinite(value) && !Number.isInteger(value)) {
    for (let precision = 6; precision < 10; precision++) {
      const short = Number(value.toPrecision(precision))
      if (Math.fround(short) === value) return String(short)
    }
  }
  return printDouble(value)
}

/** Order of doubles: NaN (equal to itself) first, then the numbers; both zeros are equal. */
export function compareNumbers(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : 1
}

/**
 * A number as another numeric type holds it (implicit promotion and `cast()`, URL Conventions 5.1.1.15 and 5.1.1.10.1):
 * fractions are cut off for integral types, Single and Double round to the nearest.
 * @returns undefined where the value does not fit the target's range, and for NaN and the infinities in integral types.
 */
export function convertNumber(
  target: NumericTypeName,
  value: number | bigint | Decimal,
): number | bigint | Decimal | undefined {
  switch (target) {
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32': {
      const whole = truncated(value)
      return whole !== undefined && fitsSmallInteger(target, whole) ? whole : undefined
    }
    case 'Edm.Int64': {
      const whole = toBigInt(value)
      return whole !== undefined && fitsInt64(whole) ? whole : undefined
    }
    case 'Edm.Decimal':
      if (typeof value === 'number') return Decimal.fromNumber(value)
      return typeof value === 'bigint' ? Decimal.fromBigInt(value) : value
    case 'Edm.Single': {
      const double = toDouble(value)
      const single = Math.fround(double)
      return Number.isFinite(single) || !Number.isFinite(double) ? single : undefined
    }
    case 'Edm.Double': {
      const double = toDouble(value)
      return Number.isFinite(double) || typeof value === 'number' || isSpecial(value) ? double : undefined
    }
    default:
      return assertNever(target, 'numeric type')
  }
}

function isSpecial(value: bigint | Decimal): boolean {
  return typeof value !== 'bigint' && value.special !== undefined
}

/** The nearest double of a number of any form. */
export function toDouble(value: number | bigint | Decimal): number {
  if (typeof value === 'number') return value
  return typeof value === 'bigint' ? Number(value) : value.toNumber()
}

/** The integer part as a double where it is surely exact. */
function truncated(value: number | bigint | Decimal): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) + 0 : undefined
  const whole = toBigInt(value)
  return whole === undefined || !fitsInt64(whole) ? undefined : Number(whole)
}

function toBigInt(value: number | bigint | Decimal): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined
  return value.toBigInt()
}

const rank: Readonly<Record<NumericTypeName, number>> = {
  'Edm.SByte': 0,
  'Edm.Byte': 0,
  'Edm.Int16': 1,
  'Edm.Int32': 2,
  'Edm.Int64': 3,
  'Edm.Decimal': 4,
  'Edm.Single': 5,
  'Edm.Double': 6,
}

/** The type both operands are promoted to (URL Conventions 5.1.1.15); Byte and SByte meet in Int16. */
export function promoteNumeric(a: NumericTypeName, b: NumericTypeName): NumericTypeName {
  if (a === b) return a
  if (rank[a] === rank[b]) return 'Edm.Int16'
  return rank[a] > rank[b] ? a : b
}
