import type { Duration } from './value.ts'

const pattern =
  /^([+-]?)[Pp](?:(\d{1,15})[Dd])?(?:([Tt])(?:(\d{1,15})[Hh])?(?:(\d{1,15})[Mm])?(?:(\d{1,15})(?:\.(\d{1,12}))?[Ss])?)?$/
const second = 1_000_000_000_000n
const minute = 60n * second
const hour = 60n * minute
const day = 24n * hour

/**
 * ABNF durationValue (xs:dayTimeDuration), with or without a sign; up to 15 digits each, up to 12 fraction digits.
 * @param text what stands between the quotes of `duration'...'`
 * @returns undefined where the text is something else.
 */
export function parseDuration(text: string): Duration | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const timed = match[4] !== undefined || match[5] !== undefined || match[6] !== undefined
  if (timed !== (match[3] !== undefined) || (!timed && match[2] === undefined)) return undefined
  const ps =
    BigInt(match[2] ?? 0) * day +
    BigInt(match[4] ?? 0) * hour +
    BigInt(match[5] ?? 0) * minute +
    BigInt(match[6] ?? 0) * second +
    BigInt((match[7] ?? '').padEnd(12, '0'))
  return { kind: 'duration', ps: match[1] === '-' ? -ps : ps }
}

/** Canonical text (XML Schema 1.1, 3.4.27.2): `P1DT12H0.5S`, `-PT90S` as `-PT1M30S`, `PT0S`. */
export function printDuration(value: Duration): string {
  const negative = value.ps < 0n
  let rest = negative ? -value.ps : value.ps
  if (rest === 0n) return 'PT0S'
  const days = rest / day
  rest -= days * day
  const hours = rest / hour
  rest -= hours * hour
  const minutes = rest / minute
  rest -= minutes * minute
  const seconds = rest / second
  const fraction = rest - seconds * second
  let text = negative ? '-P' : 'P'
  if (days > 0n) text += `${days}D`
  if (hours > 0n || minutes > 0n || rest > 0n) text += 'T'
  if (hours > 0n) text += `${hours}H`
  if (minutes > 0n) text += `${minutes}M`
  if (rest > 0n) text += `${seconds}${fractionText(fraction)}S`
  return text
}

function fractionText(fraction: bigint): string {
  if (fraction === 0n) return ''
  const digits = fraction.toString().padStart(12, '0')
  let end = 12
  while (digits.charCodeAt(end - 1) === 48) end--
  return `.${digits.slice(0, end)}`
}

/** Fraction digits of the seconds, 0 to 12. */
export function durationDigits(value: Duration): number {
  let fraction = value.ps % second
  if (fraction === 0n) return 0
  let digits = 12
  while (fraction % 10n === 0n) {
    fraction /= 10n
    digits--
  }
  return digits
}
