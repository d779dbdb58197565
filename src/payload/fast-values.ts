import { bsonType, readDouble, readInt32, readInt64, readInt64AsNumber } from '../bson/reader.ts'
import { civilFromDays } from '../edm/calendar.ts'
import { fractionDigits, isPrintableInstant } from '../edm/datetimeoffset.ts'
import type { EnumType, Type } from '../edm/model.ts'
import { fitsSmallInteger } from '../edm/numbers.ts'
import { primitiveOf } from '../edm/types.ts'
import { enumText } from './enum-text.ts'
import type { ByteSink, JsonDialect } from './writer.ts'

/**
 * Writes the JSON of a value straight from its BSON bytes, in the stored form that odatum itself writes.
 * @param type BSON type byte
 * @param offset where the value starts
 * @param exactAt element of what a date cannot hold, or -1
 * @returns false where the value is of another form: then nothing counts as written, and the plain way decides
 */
export type FastValue = (row: Uint8Array, type: number, offset: number, exactAt: number, sink: ByteSink) => boolean

/** The fast way for a type, where there is one. */
export function fastValue(type: Type, dialect: JsonDialect): FastValue | undefined {
  if (type.kind === 'enum') return enumValue(type)
  const name = primitiveOf(type)?.name
  switch (name) {
    case 'Edm.String':
      return stringValue
    case 'Edm.Boolean':
      return booleanValue
    case 'Edm.Int32':
      return int32Value
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
      return (row, type, offset, _exactAt, sink) => {
        if (type !== bsonType.int32) return false
        const value = readInt32(row, offset)
        if (!fitsSmallInteger(name, value)) return false
        sink.integer(value)
        return true
      }
    case 'Edm.Int64':
      return dialect.ieee754Compatible ? quoted(int64Value) : int64Value
    case 'Edm.Double':
      return doubleValue
    case 'Edm.Decimal':
      return decimalValue(dialect)
    case 'Edm.Guid':
      return guidValue
    case 'Edm.Binary':
      return binaryValue(dialect.plainBase64 ?? false, !dialect.unpaddedBinary)
    case 'Edm.Date':
      return dateValue
    case 'Edm.TimeOfDay':
      return timeValue
    case 'Edm.DateTimeOffset':
      return instantValue
    default:
      return undefined
  }
}

const trueText = bytesOf('true')
const falseText = bytesOf('false')

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

const stringValue: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.string) return false
  sink.jsonStringFromUtf8(row, offset + 4, offset + 3 + readInt32(row, offset))
  return true
}

const booleanValue: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.boolean) return false
  sink.raw(row[offset] === 0 ? falseText : trueText)
  return true
}

const int32Value: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.int32) return false
  sink.integer(readInt32(row, offset))
  return true
}

const int64Value: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.int64) return false
  const value = readInt64AsNumber(row, offset)
  if (Number.isSafeInteger(value)) sink.integer(value)
  else sink.ascii(String(readInt64(row, offset)))
  return true
}

function quoted(write: FastValue): FastValue {
  return (row, type, offset, exactAt, sink) => {
    sink.byte(0x22)
    if (!write(row, type, offset, exactAt, sink)) return false
    sink.byte(0x22)
    return true
  }
}

const doubleValue: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.double) return false
  const value = readDouble(row, offset)
  if (Number.isSafeInteger(value) && (value !== 0 || !Object.is(value, -0))) sink.integer(value)
  else if (Number.isFinite(value)) sink.ascii(value === 0 ? '-0' : String(value))
  else return false
  return true
}

/** Coefficients below 2 ** 53 with a few digits behind the point: prices, quantities, measures. */
function decimalValue({ exponentialDecimals, ieee754Compatible }: JsonDialect): FastValue {
  // with up to 6 digits behind the point no exponent is ever written
  const maxScale = exponentialDecimals ? 6 : 15
  const write: FastValue = (row, type, offset, _exactAt, sink) => {
    if (type !== bsonType.decimal128) return false
    const high = readInt32(row, offset + 12)
    const upper = readInt32(row, offset + 4) >>> 0
    if (readInt32(row, offset + 8) !== 0 || (high & 0x1_ffff) !== 0 || upper >= 0x20_0000) return false
    const scale = 6176 - ((high >>> 17) & 0x3fff)
    if ((high & 0x6000_0000) === 0x6000_0000 || scale < 0 || scale > maxScale) return false
    const coefficient = upper * 4_294_967_296 + (readInt32(row, offset) >>> 0)
    if (coefficient === 0 && high < 0) return false
    if (high < 0) sink.byte(0x2d)
    if (scale === 0) {
      sink.integer(coefficient)
      return true
    }
    const unit = 10 ** scale
    const fraction = coefficient % unit
    sink.integer((coefficient - fraction) / unit)
    sink.byte(0x2e)
    sink.padded(fraction, scale)
    return true
  }
  return ieee754Compatible ? quoted(write) : write
}

const guidValue: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.binary || row[offset + 4] !== 4 || readInt32(row, offset) !== 16) return false
  sink.jsonGuid(row, offset + 5)
  return true
}

const binaryValue =
  (plain: boolean, padded: boolean): FastValue =>
  (row, type, offset, _exactAt, sink) => {
    if (type !== bsonType.binary || row[offset + 4] !== 0) return false
    sink.jsonBinary(row, offset + 5, offset + 5 + readInt32(row, offset), plain, padded)
    return true
  }

/** `yyyy-mm-dd` that is surely a date: the last days of months are left to the plain way. */
const dateValue: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.string || readInt32(row, offset) !== 11) return false
  const at = offset + 4
  const month = twoDigits(row, at + 5, 0x2d)
  const day = twoDigits(row, at + 8, 0x2d)
  const century = twoDigits(row, at, 0)
  if (century < 1 || twoDigits(row, at + 2, 0) < 0 || month < 1 || month > 12 || day < 1 || day > 28) return false
  sink.jsonStringFromUtf8(row, at, at + 10)
  return true
}

/** `hh:mm:ss` without fraction. */
const timeValue: FastValue = (row, type, offset, _exactAt, sink) => {
  if (type !== bsonType.string || readInt32(row, offset) !== 9) return false
  const at = offset + 4
  const hour = twoDigits(row, at, 0)
  const minute = twoDigits(row, at + 3, 0x3a)
  const second = twoDigits(row, at + 6, 0x3a)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false
  sink.jsonStringFromUtf8(row, at, at + 8)
  return true
}

/** The number of two digits with the given byte before them (0: whatever); -1 where they are none. */
function twoDigits(row: Uint8Array, at: number, before: number): number {
  if (before !== 0 && row[at - 1] !== before) return -1
  const tens = (row[at] ?? 0) - 0x30
  const ones = (row[at + 1] ?? 0) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1
}

/** What was read of a `name@exact` document last; the writer runs to its end between two of them. */
const exact = { sub: 0, offset: 0, digits: -1 }

/** A date, with its exact part in the form `{digits, sub, offset}` of int32 (each may be missing). */
const instantValue: FastValue = (row, type, offset, exactAt, sink) => {
  if (type !== bsonType.date) return false
  exact.sub = 0
  exact.offset = 0
  exact.digits = -1
  if (exactAt >= 0 && !readExact(row, exactAt)) return false
  const ms = readInt64AsNumber(row, offset)
  if (!isPrintableInstant(ms, exact.offset)) return false
  const plain = exact.digits < 0 && exact.sub === 0
  const digits = plain ? (ms % 1000 === 0 ? 0 : 3) : Math.max(exact.digits, fractionDigits(ms, exact.sub))
  writeInstant(sink, ms, exact.sub, exact.offset, digits)
  return true
}

function readExact(row: Uint8Array, at: number): boolean {
  if (row[at] !== bsonType.document) return false
  let i = at + 1
  while (row[i] !== 0) i++
  i += 5
  while (row[i] !== 0) {
    if (row[i] !== bsonType.int32) return false
    if (isNamed(row, i + 1, digitsName)) {
      const digits = readInt32(row, i + 8)
      if (digits < 0 || digits > 12) return false
      exact.digits = digits
      i += 12
    } else if (isNamed(row, i + 1, subName)) {
      const sub = readInt32(row, i + 5)
      if (sub < 0 || sub > 999_999_999) return false
      exact.sub = sub
      i += 9
    } else if (isNamed(row, i + 1, offsetName)) {
      const offset = readInt32(row, i + 8)
      if (offset < -840 || offset > 840) return false
      exact.offset = offset
      i += 12
    } else return false
  }
  return true
}

const digitsName = bytesOf('digits\0')
const subName = bytesOf('sub\0')
const offsetName = bytesOf('offset\0')

function isNamed(row: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (row[at + i] !== name[i]) return false
  return true
}

const dayMs = 86_400_000
/** Rows lie close together in time: the calendar of the day written last is kept. */
const calendar = { days: Number.NaN, year: 0, month: 0, day: 0 }

function writeInstant(sink: ByteSink, ms: number, sub: number, offset: number, digits: number): void {
  const local = ms + offset * 60_000
  const days = Math.floor(local / dayMs)
  if (days !== calendar.days) {
    const { year, month, day } = civilFromDays(days)
    calendar.days = days
    calendar.year = year
    calendar.month = month
    calendar.day = day
  }
  const rest = local - days * dayMs
  const second = (rest / 1000) | 0
  sink.byte(0x22)
  sink.dateAndTime(calendar.year, calendar.month, calendar.day, second)
  if (digits > 0) {
    sink.byte(0x2e)
    const fraction = rest - second * 1000
    if (digits <= 3) sink.padded(Math.floor(fraction / 10 ** (3 - digits)), digits)
    else {
      sink.padded(fraction, 3)
      sink.padded(Math.floor(sub / 10 ** (12 - digits)), digits - 3)
    }
  }
  if (offset === 0) sink.byte(0x5a)
  else {
    const magnitude = Math.abs(offset)
    const offsetHours = (magnitude / 60) | 0
    sink.byte(offset < 0 ? 0x2d : 0x2b)
    sink.padded(offsetHours, 2)
    sink.byte(0x3a)
    sink.padded(magnitude - offsetHours * 60, 2)
  }
  sink.byte(0x22)
}

/** Values of an enumeration by number; combinations of flags are kept as they come, up to a limit. */
function enumValue(type: EnumType): FastValue {
  const texts = new Map<number, Uint8Array>()
  return (row, bson, offset, _exactAt, sink) => {
    if (bson !== bsonType.int32) return false
    const value = readInt32(row, offset)
    let text = texts.get(value)
    if (text === undefined) {
      text = bytesOf(JSON.stringify(enumText(type, BigInt(value))))
      if (texts.size < 1000) texts.set(value, text)
    }
    sink.raw(text)
    return true
  }
}
