import { civilFromDays, daysFromCivil, fourDigits, isCivil, twoDigits } from './calendar.ts'

const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/
const timePattern = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?$/
const psPerDay = 86_400_000_000_000_000n

/**
 * ABNF dateValue, years 0000 to 9999 (a documented limit: the standard also knows negative and longer years).
 * @returns the same text, which sorts as the dates do; undefined where it is none.
 */
export function parseDate(text: string): string | undefined {
  const match = datePattern.exec(text)
  if (match === null || !isCivil(Number(match[1]), Number(match[2]), Number(match[3]))) return undefined
  return text
}

/**
 * ABNF timeOfDayValue, seconds may be missing, up to 12 fraction digits.
 * @returns `hh:mm:ss[.f]` without trailing zeros, which sorts as the times do; undefined where the text is none.
 */
export function parseTimeOfDay(text: string): string | undefined {
  const match = timePattern.exec(text)
  if (match === null) return undefined
  if (Number(match[1]) > 23 || Number(match[2]) > 59 || Number(match[3] ?? 0) > 59) return undefined
  return `${match[1]}:${match[2]}:${match[3] ?? '00'}${trimFraction(match[4] ?? '')}`
}

function trimFraction(digits: string): string {
  let end = digits.length
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--
  return end === 0 ? '' : `.${digits.slice(0, end)}`
}

/** Days since 1970-01-01 of an Edm.Date in its text form. */
export function dateToDays(date: string): number {
  return daysFromCivil(Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8, 10)))
}

/** The Edm.Date that lies `days` after 1970-01-01; undefined outside the years 0000 to 9999. */
export function daysToDate(days: number): string | undefined {
  if (!(days >= -719_528 && days <= 2_932_896)) return undefined
  const { year, month, day } = civilFromDays(days)
  return `${fourDigits(year)}-${twoDigits(month)}-${twoDigits(day)}`
}

/** A date moved by a span: whole days count, the rest is cut off (URL Conventions 5.1.1.2.1). */
export function addToDate(date: string, ps: bigint): string | undefined {
  const days = ps / psPerDay
  return days > 10_000_000n || days < -10_000_000n ? undefined : daysToDate(dateToDays(date) + Number(days))
}

/** Picoseconds since midnight of an Edm.TimeOfDay in its text form. */
export function timeOfDayToPs(time: string): bigint {
  const seconds = Number(time.slice(0, 2)) * 3600 + Number(time.slice(3, 5)) * 60 + Number(time.slice(6, 8))
  return BigInt(seconds) * 1_000_000_000_000n + BigInt(time.slice(9).padEnd(12, '0'))
}

/** The Edm.TimeOfDay of a clock. @param fraction picoseconds below the second */
export function timeOfDayOf(hour: number, minute: number, second: number, fraction: number): string {
  const digits = fraction === 0 ? '' : String(fraction).padStart(12, '0')
  return `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(second)}${trimFraction(digits)}`
}
