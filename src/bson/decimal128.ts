import { Decimal128 } from 'bson'
import { Decimal, decimalPrecision } from '../edm/decimal.ts'
import { readInt64 } from './reader.ts'

/** IEEE 754-2008 decimal128, binary integer form: sign, 14 bits of exponent, 113 bits of coefficient. */

const bias = 6176
const maxExponent = 6111
const maxCoefficient = 10n ** 34n - 1n
const mask64 = 0xffff_ffff_ffff_ffffn
const infinityBits = 0x7800n << 48n
const nanBits = 0x7c00n << 48n
const signBit = 1n << 63n

/** Reads the 16 bytes of a decimal128 value. Negative zero reads as zero, forms that are not canonical as IEEE says. */
export function readDecimal128(row: Uint8Array, offset: number): Decimal {
  const low = readInt64(row, offset) & mask64
  const high = readInt64(row, offset + 8) & mask64
  const negative = high >= signBit
  const combination = (high >> 58n) & 0x1fn
  if (combination === 0x1fn) return Decimal.nan
  if (combination === 0x1en) return negative ? Decimal.negativeInfinity : Decimal.infinity
  if ((combination & 0x18n) === 0x18n) return Decimal.zero
  const exponent = Number((high >> 49n) & 0x3fffn)
  const coefficient = ((high & 0x1_ffff_ffff_ffffn) << 64n) | low
  if (coefficient === 0n || coefficient > maxCoefficient) {
    return Decimal.of(0n, Math.min(Math.max(bias - exponent, 0), bias))
  }
  return Decimal.of(negative ? -coefficient : coefficient, bias - exponent)
}

/**
 * A decimal as decimal128, trailing zeros kept where they fit.
 * @returns undefined where it has more than 34 significant digits or lies outside the exponents
 */
export function toDecimal128(value: Decimal): Decimal128 | undefined {
  if (value.special !== undefined) {
    return fromBits(value.special === 'NaN' ? nanBits : infinityBits | (value.special === 'INF' ? 0n : signBit), 0n)
  }
  const negative = value.coefficient < 0n
  let coefficient = negative ? -value.coefficient : value.coefficient
  let exponent = -value.scale
  while ((coefficient > maxCoefficient || exponent < -bias) && coefficient % 10n === 0n && coefficient !== 0n) {
    coefficient /= 10n
    exponent++
  }
  if (coefficient > maxCoefficient || exponent < -bias) return undefined
  if (exponent > maxExponent) {
    if (exponent - maxExponent > decimalPrecision) return undefined
    coefficient *= 10n ** BigInt(exponent - maxExponent)
    if (coefficient > maxCoefficient) return undefined
    exponent = maxExponent
  }
  const high = (negative ? signBit : 0n) | (BigInt(exponent + bias) << 49n) | (coefficient >> 64n)
  return fromBits(high, coefficient & mask64)
}

function fromBits(high: bigint, low: bigint): Decimal128 {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, low, true)
  view.setBigUint64(8, high, true)
  return new Decimal128(bytes)
}
