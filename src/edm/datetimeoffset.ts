import { civilFromDays, daysFromCivil, fourDigits, isCivil, twoDigits } from './calendar.ts'
import type { DateTimeOffset } from './value.ts'

const minute = 60_000
const day = 86_400_000
/** 0001-01-01T00:00:00Z and the last millisecond of 9999 */
const firstMs = -62_135_596_800_000
const lastMs = 253_402_300_799_999
const psPerMs = 1_000_000_000

/** `mindatetime()` and `maxdatetime()` (URL Conventions 5.1.1.8). */
export const minDateTimeOffset: DateTimeOffset = { kind: 'dateTimeOffset', ms: firstMs, sub: 0, offset: 0, digits: 0 }
export const maxDateTimeOffset: DateTimeOffset = {
  kind: 'dateTimeOffset',
  ms: lastMs,
  sub: psPerMs - 1,
  offset: 0,
  digits: 12,
}

const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/**
 * ABNF dateTimeOffsetValue: years 0001 to 9999, seconds may be missing, up to 12 fraction digits, offsets up to 14 hours.
 * No leap second, no hour 24.
 * @returns undefined where the text is something else.
 */
export function parseDateTimeOffset(text: string): DateTimeOffset | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const year = Number(match[1])
  const month = Number(match[2])
  const dayOfMonth = Number(match[3])
  const hour = Number(match[4])
  const minutes = Number(match[5])
  const second = Number(match[6] ?? 0)
  if (year < 1 || !isCivil(year, month, dayOfMonth) || hour > 23 || minutes > 59 || second > 59) return undefined
  let offset = 0
  if (match[8] !== undefined) {
    const offsetHours = Number(match[9])
    const offsetMinutes = Number(match[10])
    offset = offsetHours * 60 + offsetMinutes
    if (offset > 840 || offsetMinutes > 59) return undefined
    if (match[8] === '-' && offset !== 0) offset = -offset
  }
  const fraction = match[7] ?? ''
  const padded = fraction === '' ? 0 : Number(fraction.padEnd(12, '0'))
  const fractionMs = Math.floor(padded / psPerMs)
  const local =
    daysFromCivil(year, month, dayOfMonth) * day + hour * 3_600_000 + minutes * minute + second * 1000 + fractionMs
  return {
    kind: 'dateTimeOffset',
    ms: local - offset * minute,
    sub: padded - fractionMs * psPerMs,
    offset,
    digits: fraction.length,
  }
}

/** The text that `parseDateTimeOffset` read, letter for letter (an offset of 0 is written `Z`, seconds always). */
export function printDateTimeOffset(value: DateTimeOffset): string {
  const local = value.ms + value.offset * minute
  const days = Math.floor(local / day)
  let rest = local - days * day
  const { year, month, day: dayOfMonth } = civilFromDays(days)
  const hour = Math.floor(rest / 3_600_000)
  rest -= hour * 3_600_000
  const minutes = Math.floor(rest / minute)
  rest -= minutes * minute
  const second = Math.floor(rest / 1000)
  const text = `${fourDigits(year)}-${twoDigits(month)}-${twoDigits(dayOfMonth)}T${twoDigits(hour)}:${twoDigits(minutes)}:${twoDigits(second)}`
  return text + fractionText(rest - second * 1000, value.sub, value.digits) + offsetText(value.offset)
}

function fractionText(ms: number, sub: number, digits: number): string {
  if (digits === 0) return ''
  const upper = String(ms).padStart(3, '0')
  if (digits <= 3) return `.${upper.slice(0, digits)}`
  return `.${upper}${String(sub)
    .padStart(9, '0')
    .slice(0, digits - 3)}`
}

function offsetText(offset: number): string {
  if (offset === 0) return 'Z'
  const magnitude = Math.abs(offset)
  return `${offset < 0 ? '-' : '+'}${twoDigits(Math.floor(magnitude / 60))}:${twoDigits(magnitude % 60)}`
}

/** Order of the instants, whatever their offsets. */
export function compareInstants(a: DateTimeOffset, b: DateTimeOffset): number {
  return a.ms === b.ms ? a.sub - b.sub : a.ms < b.ms ? -1 : 1
}

/** Whether an instant has a text: its local year lies between 1 and 9999. */
export function isPrintableInstant(ms: number, offset: number): boolean {
  const local = ms + offset * minute
  return local >= firstMs && local <= lastMs
}

/** Fewest fraction digits that say ms and sub without loss. */
export function fractionDigits(ms: number, sub: number): number {
  if (sub === 0) {
    const fraction = ms - Math.floor(ms / 1000) * 1000
    return fraction === 0 ? 0 : fraction % 100 === 0 ? 1 : fraction % 10 === 0 ? 2 : 3
  }
  let digits = 12
  for (let rest = sub; rest % 10 === 0; rest /= 10) digits--
  return digits
}

/** Calendar and clock of a value in its own offset (URL Conventions 5.1.1.8). */
export interface LocalParts {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  /** picoseconds below the second, 0 to 999,999,999,999 */
  readonly fraction: number
}

/** The parts of a value as its text shows them: local to its offset, not UTC. */
export function localParts(value: DateTimeOffset): LocalParts {
  const local = value.ms + value.offset * minute
  const days = Math.floor(local / day)
  const rest = local - days * day
  return {
    ...civilFromDays(days),
    hour: Math.floor(rest / 3_600_000),
    minute: Math.floor(rest / minute) % 60,
    second: Math.floor(rest / 1000) % 60,
    fraction: (rest % 1000) * psPerMs + value.sub,
  }
}

/**
 * A value moved by picoseconds; it keeps its offset, and its digits where they suffice.
 * @returns undefined where the result lies outside the years 0001 to 9999.
 */
export function addToInstant(value: DateTimeOffset, ps: bigint): DateTimeOffset | undefined {
  const total = BigInt(value.sub) + ps
  let ms = total / 1_000_000_000n
  let sub = total - ms * 1_000_000_000n
  if (sub < 0n) {
    sub += 1_000_000_000n
    ms -= 1n
  }
  if (ms > 1_000_000_000_000_000n || ms < -1_000_000_000_000_000n) return undefined
  const moved = value.ms + Number(ms)
  if (!isPrintableInstant(moved, value.offset)) return undefined
  const digits = Math.max(value.digits, fractionDigits(moved, Number(sub)))
  return { kind: 'dateTimeOffset', ms: moved, sub: Number(sub), offset: value.offset, digits }
}

/** The span from `b` to `a` in picoseconds. */
export function instantDifference(a: DateTimeOffset, b: DateTimeOffset): bigint {
  return (BigInt(a.ms) - BigInt(b.ms)) * 1_000_000_000n + BigInt(a.sub - b.sub)
}
