import { readInt32 } from '../bson/reader.ts'

/**
 * Comparisons straight on the bytes of a document: no decoding, no allocation. Offsets are those of values, not of
 * elements; a string's value starts with its length in bytes (its closing NUL counted), as BSON has it.
 */

/** Bytes of a BSON string without its closing NUL. */
export function stringSize(row: Uint8Array, at: number): number {
  return readInt32(row, at) - 1
}

/** Byte order of `row[from, from + size)` and `other`: code point order of UTF-8. */
export function compareBytes(row: Uint8Array, from: number, size: number, other: Uint8Array): number {
  const common = Math.min(size, other.length)
  for (let i = 0; i < common; i++) {
    const difference = (row[from + i] ?? 0) - (other[i] ?? 0)
    if (difference !== 0) return difference
  }
  return size - other.length
}

/** Whether `other` stands at an offset. */
export function equalBytes(row: Uint8Array, from: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i++) if (row[from + i] !== other[i]) return false
  return true
}

/** Needles from this length on are searched by Node's Boyer-Moore, which has no bad inputs. */
const longNeedle = 12

/** Whether `needle` occurs in `row[from, from + size)`. */
export function includesBytes(row: Uint8Array, from: number, size: number, needle: Uint8Array): boolean {
  const { length } = needle
  if (length === 0) return true
  if (length > size) return false
  if (length >= longNeedle) return Buffer.from(row.buffer, row.byteOffset + from, size).indexOf(needle) >= 0
  const first = needle[0]
  for (let at = from, last = from + size - length; at <= last; at++) {
    if (row[at] === first && equalBytes(row, at, needle)) return true
  }
  return false
}

/** Order of a little-endian int64 against one split into its signed high and unsigned low half. */
export function compareInt64(row: Uint8Array, at: number, high: number, low: number): number {
  const difference = readInt32(row, at + 4) - high
  return difference !== 0 ? difference : (readInt32(row, at) >>> 0) - low
}
