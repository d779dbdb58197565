import type { Decimal } from '../edm/decimal.ts'
import type { KeyBuffer } from './key-buffer.ts'
import { complement, isLong, tag } from './key-numbers.ts'

/**
 * Numbers in index entries: as in keys (key-numbers.ts), but doubles stand by their value among all the others, and long runs
 * of digits are cut (01 behind them). What is cut stands between the numbers it lies between.
 */

/** Digits of a fraction, or of a number beyond the longs, that an entry holds. */
const maxDigits = 60

/** @returns whether it was cut */
export function writeSortedDouble(out: KeyBuffer, value: number): boolean {
  if (Number.isSafeInteger(value)) return writeSortedInteger(out, BigInt(value))
  if (Number.isNaN(value)) out.byte(tag.notANumber)
  else if (!Number.isFinite(value)) out.byte(value < 0 ? tag.minusInfinity : tag.infinity)
  else if (Number.isInteger(value)) return writeSortedInteger(out, BigInt(value))
  else return writeDigits(out, value < 0, ...exactDigits(Math.abs(value)))
  return false
}

/** @returns whether it was cut */
export function writeSortedInteger(out: KeyBuffer, value: bigint): boolean {
  if (!isLong(value)) return writeDigits(out, value < 0n, value < 0n ? -value : value, 0)
  out.byte(tag.long)
  out.int64(value)
  out.byte(0)
  return false
}

/** @returns whether it was cut */
export function writeSortedDecimal(out: KeyBuffer, { special, coefficient, scale }: Decimal): boolean {
  if (special !== undefined) {
    out.byte({ NaN: tag.notANumber, INF: tag.infinity, '-INF': tag.minusInfinity }[special])
    return false
  }
  return writeDigits(out, coefficient < 0n, coefficient < 0n ? -coefficient : coefficient, -scale)
}

/** A positive double that is not whole, as coefficient and exponent of ten: each has a finite number of digits. */
function exactDigits(value: number): [bigint, number] {
  let places = 0
  let scaled = value
  // Multiplying by two loses nothing.
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    places++
  }
  return [BigInt(scaled) * 5n ** BigInt(places), -places]
}

/** coefficient * 10 ** exponent, the coefficient not negative */
function writeDigits(out: KeyBuffer, negative: boolean, coefficient: bigint, exponent: number): boolean {
  if (coefficient === 0n) return writeSortedInteger(out, 0n)
  const all = coefficient.toString()
  const digits = all.replace(/0+$/, '')
  /** digits in front of the point; below 0: zeros behind it */
  const point = all.length + exponent
  if (point > 20) return writeBeyond(out, negative, digits, point)
  const whole = point > 0 ? BigInt(digits.slice(0, point).padEnd(point, '0')) : 0n
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(Math.min(-point, maxDigits + 1)) + digits
  const floor = negative ? -whole - (fraction === '' ? 0n : 1n) : whole
  if (!isLong(floor)) return writeBeyond(out, negative, digits, point)
  out.byte(tag.long)
  out.int64(floor)
  const cut = fraction.length > maxDigits
  // A fraction that goes on behind the cut is no whole number of its last digits: 9 minus each of them.
  const kept = cut ? fraction.slice(0, maxDigits) : fraction
  writeText(out, !negative || kept === '' ? kept : cut ? complement(`${kept}1`).slice(0, -1) : complement(kept), cut)
  return cut
}

function writeBeyond(out: KeyBuffer, negative: boolean, digits: string, point: number): boolean {
  out.byte(negative ? tag.belowLong : tag.aboveLong)
  const from = out.length
  out.uint16(Math.min(point, 0xffff))
  const cut = digits.length > maxDigits
  writeText(out, digits.slice(0, maxDigits), cut)
  if (negative) out.invert(from)
  return cut
}

function writeText(out: KeyBuffer, digits: string, cut: boolean): void {
  for (let i = 0; i < digits.length; i++) out.byte(digits.charCodeAt(i))
  out.byte(cut ? 1 : 0)
}
