import type { KeyBuffer } from './key-buffer.ts'

/**
 * Numbers in keys: one order over int, long, decimal and double. Within the range of a long: the floor as eight bytes, then
 * the digits of the fraction; beyond it: sign, number of digits, digits.
 */

/** One byte in front of each number. */
export const tag = {
  notANumber: 0x16,
  minusInfinity: 0x17,
  belowLong: 0x18,
  long: 0x20,
  aboveLong: 0x22,
  infinity: 0x23,
  /** doubles that are no whole number within the range of a long: ordered among themselves only */
  double: 0x24,
} as const

const minLong = -0x8000_0000_0000_0000n
const maxLong = 0x7fff_ffff_ffff_ffffn

export function isLong(value: bigint): boolean {
  return value >= minLong && value <= maxLong
}

/** A whole number of any size. */
export function writeInteger(out: KeyBuffer, value: bigint): void {
  if (!isLong(value)) writeBeyond(out, value < 0n, (value < 0n ? -value : value).toString(), 0)
  else {
    out.byte(tag.long)
    out.int64(value)
    out.byte(0)
  }
}

export function writeDouble(out: KeyBuffer, value: number): void {
  if (Number.isNaN(value)) out.byte(tag.notANumber)
  else if (value === Number.NEGATIVE_INFINITY) out.byte(tag.minusInfinity)
  else if (value === Number.POSITIVE_INFINITY) out.byte(tag.infinity)
  else if (Number.isInteger(value) && isLong(BigInt(value))) writeInteger(out, BigInt(value))
  else {
    out.byte(tag.double)
    const from = out.length
    out.byte(0xff)
    out.float64(Math.abs(value))
    if (value < 0) out.invert(from)
  }
}

/**
 * A decimal128 in binary integer form (IEEE 754-2008 3.5.2).
 * @param low the lower eight bytes, high the upper ones
 */
export function writeDecimal(out: KeyBuffer, low: bigint, high: bigint): void {
  const negative = high >> 63n === 1n
  const kind = (high >> 58n) & 0x1fn
  if (kind === 0x1fn) out.byte(tag.notANumber)
  else if (kind === 0x1en) out.byte(negative ? tag.minusInfinity : tag.infinity)
  else {
    // The other coefficient form (bits 61 and 62 set) only holds values out of range, which count as zero.
    const large = ((high >> 61n) & 3n) === 3n
    const coefficient = large ? 0n : ((high & 0x1_ffff_ffff_ffffn) << 64n) | low
    writeScaled(out, negative, coefficient, Number((high >> 49n) & 0x3fffn) - 6176)
  }
}

/** coefficient * 10 ** exponent */
function writeScaled(out: KeyBuffer, negative: boolean, coefficient: bigint, exponent: number): void {
  const all = coefficient.toString()
  const digits = all.replace(/0+$/, '')
  // Without trailing zeros equal numbers have one form.
  const scale = exponent + all.length - digits.length
  if (coefficient === 0n) writeInteger(out, 0n)
  else if (digits.length + scale > 20) writeBeyond(out, negative, digits, scale)
  else if (scale >= 0) {
    const whole = BigInt(digits) * 10n ** BigInt(scale)
    writeInteger(out, negative ? -whole : whole)
  } else writeFraction(out, negative, digits, -scale)
}

/** A number that is not whole: digits with the last `places` of them behind the point. */
function writeFraction(out: KeyBuffer, negative: boolean, digits: string, places: number): void {
  const whole = digits.length > places ? BigInt(digits.slice(0, -places)) : 0n
  const floor = negative ? -whole - 1n : whole
  if (!isLong(floor)) {
    writeBeyond(out, negative, digits, -places)
    return
  }
  out.byte(tag.long)
  out.int64(floor)
  const fraction = digits.slice(-places).padStart(places, '0')
  writeDigits(out, negative ? complement(fraction) : fraction)
}

/** 1 minus a fraction, digit by digit; the last digit is no zero. */
export function complement(fraction: string): string {
  const last = fraction.length - 1
  let result = ''
  for (let i = 0; i < last; i++) result += 9 - Number(fraction[i])
  return result + (10 - Number(fraction[last]))
}

function writeDigits(out: KeyBuffer, digits: string): void {
  for (let i = 0; i < digits.length; i++) out.byte(digits.charCodeAt(i))
  out.byte(0)
}

function writeBeyond(out: KeyBuffer, negative: boolean, digits: string, exponent: number): void {
  const significant = digits.replace(/0+$/, '')
  out.byte(negative ? tag.belowLong : tag.aboveLong)
  const from = out.length
  out.uint16(digits.length + exponent)
  writeDigits(out, significant)
  if (negative) out.invert(from)
}
