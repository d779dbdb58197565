import { fractionDigits, isPrintableInstant } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import type { DateTimeOffset, Duration } from '../edm/value.ts'
import { readDecimal128 } from './decimal128.ts'
import {
  bsonType,
  elementType,
  findField,
  readDouble,
  readInt32,
  readInt64,
  readInt64AsNumber,
  readNumber,
  valueOffset,
} from './reader.ts'

/**
 * The codec of instants: a BSON date (floor of the millisecond) and, where that alone would lose something, a document
 * `{sub, offset, digits}` beside it. Eq, order, keyset, grouping and indexes all go by the pair (date, sub).
 */

/** The part of a DateTimeOffset that a date cannot hold: `sub` absent for 0, `offset` absent for UTC. */
export interface ExactPart {
  sub?: number
  offset?: number
  digits: number
}

/** Fraction digits that a plain date is read with: 0 for whole seconds, else 3. */
export function plainDigits(ms: number): number {
  return ms % 1000 === 0 ? 0 : 3
}

/** What has to stand beside the date; undefined where a plain date reads as the same text. */
export function exactPart(value: DateTimeOffset): ExactPart | undefined {
  if (value.sub === 0 && value.offset === 0 && value.digits === plainDigits(value.ms)) return undefined
  const part: ExactPart = { digits: value.digits }
  if (value.sub !== 0) part.sub = value.sub
  if (value.offset !== 0) part.offset = value.offset
  return part
}

/** Milliseconds of a date element; NaN where it is no date, or one that has no text in any offset. */
export function readMs(row: Uint8Array, at: number): number {
  if (at < 0 || elementType(row, at) !== bsonType.date) return Number.NaN
  const ms = readInt64AsNumber(row, valueOffset(row, at))
  return isPrintableInstant(ms, 840) || isPrintableInstant(ms, -840) ? ms : Number.NaN
}

/**
 * Picoseconds below the millisecond.
 * @param exactAt the `name@exact` element, or -1
 */
export function readSub(row: Uint8Array, exactAt: number): number {
  if (exactAt < 0 || elementType(row, exactAt) !== bsonType.document) return 0
  return smallInteger(row, findField(row, 'sub', valueOffset(row, exactAt)), 0, 0, 999_999_999)
}

/**
 * The whole value of a date element.
 * @param exactAt the `name@exact` element, or -1
 * @returns null where there is no date, or one without a text (years before 1 or after 9999)
 */
export function readInstant(row: Uint8Array, at: number, exactAt: number): DateTimeOffset | null {
  const ms = readMs(row, at)
  if (exactAt < 0 || elementType(row, exactAt) !== bsonType.document) return instantOf(ms, 0, 0, -1)
  return instantFrom(row, ms, valueOffset(row, exactAt), '')
}

/** An item of a collection: `{@date, @sub, @offset, @digits}`. */
export function readInstantItem(row: Uint8Array, start: number): DateTimeOffset | null {
  return instantFrom(row, readMs(row, findField(row, '@date', start)), start, '@')
}

function instantFrom(row: Uint8Array, ms: number, start: number, prefix: '' | '@'): DateTimeOffset | null {
  const { sub, offset, digits } = readExactPart(row, start, prefix)
  return instantOf(ms, sub, offset, digits)
}

/**
 * The members of an exact part, whatever stands there brought into range.
 * @param start offset of the document's length
 * @param prefix `@` in items of collections
 * @returns digits -1 where they are not said
 */
export function readExactPart(row: Uint8Array, start: number, prefix: '' | '@'): Required<ExactPart> {
  return {
    sub: smallInteger(row, findField(row, `${prefix}sub`, start), 0, 0, 999_999_999),
    offset: smallInteger(row, findField(row, `${prefix}offset`, start), 0, -840, 840),
    digits: smallInteger(row, findField(row, `${prefix}digits`, start), -1, 0, 12),
  }
}

function instantOf(ms: number, sub: number, offset: number, digits: number): DateTimeOffset | null {
  if (!isPrintableInstant(ms, offset)) return null
  if (digits < 0 && sub === 0) return { kind: 'dateTimeOffset', ms, sub, offset, digits: plainDigits(ms) }
  const least = fractionDigits(ms, sub)
  return { kind: 'dateTimeOffset', ms, sub, offset, digits: Math.max(digits, least) }
}

/** A whole number of any numeric type within a range, else the fallback. */
function smallInteger(row: Uint8Array, at: number, fallback: number, low: number, high: number): number {
  const value = at < 0 ? undefined : readNumber(row, at)
  return value !== undefined && Number.isInteger(value) && value >= low && value <= high ? value : fallback
}

/** Durations are stored as a count of 100 nanoseconds: a long, or a decimal128 where that cannot hold it. */
const psPerTick = 100_000n
const tickScale = 5

/** The count of 100 nanoseconds. */
export function ticksOf(value: Duration): bigint | Decimal {
  const ticks = value.ps / psPerTick
  return ticks * psPerTick === value.ps && ticks === BigInt.asIntN(64, ticks)
    ? ticks
    : Decimal.of(value.ps, tickScale).trimmed()
}

/** A duration from its count of 100 nanoseconds; null where it is no whole number of picoseconds. */
export function durationOfTicks(ticks: bigint | Decimal): Duration | null {
  if (typeof ticks === 'bigint') return { kind: 'duration', ps: ticks * psPerTick }
  const ps = Decimal.of(ticks.coefficient, ticks.scale - tickScale)
  const whole = ticks.isFinite && ticks.precision - ticks.scale < 40 && ps.isInteger ? ps.toBigInt() : undefined
  return whole === undefined ? null : { kind: 'duration', ps: whole }
}

/** A numeric element as an exact number; undefined for other types. */
export function readExactNumber(row: Uint8Array, type: number, offset: number): number | bigint | Decimal | undefined {
  switch (type) {
    case bsonType.int32:
      return readInt32(row, offset)
    case bsonType.int64:
      return readInt64(row, offset)
    case bsonType.double:
      return readDouble(row, offset)
    case bsonType.decimal128:
      return readDecimal128(row, offset)
    default:
      return undefined
  }
}
