import type { PrimitiveTypeName } from '../edm/model.ts'
import { comparePrimitive } from '../edm/primitives.ts'
import type { DateTimeOffset } from '../edm/value.ts'
import { decodePrimitive } from './decode.ts'
import { readMs, readSub } from './exact.ts'
import { bsonType, elementType, stringEnd, stringStart, valueOffset } from './reader.ts'

/**
 * Comparing stored values where they lie. Nothing is allocated for instants, strings and int32; other types are decoded.
 * The order is that of `comparePrimitive`, with null (and whatever reads as null) first.
 */

/**
 * Order of two stored values of one primitive type.
 * @param at the elements, or -1: null
 * @param exactAt their `name@exact` elements, or -1
 */
export function compareFields(
  type: PrimitiveTypeName,
  rowA: Uint8Array,
  atA: number,
  exactAtA: number,
  rowB: Uint8Array,
  atB: number,
  exactAtB: number,
): number {
  if (type === 'Edm.String' && isText(rowA, atA) && isText(rowB, atB)) {
    const offsetA = valueOffset(rowA, atA)
    const offsetB = valueOffset(rowB, atB)
    return compareBytes(
      rowA,
      stringStart(offsetA),
      stringEnd(rowA, offsetA),
      rowB,
      stringStart(offsetB),
      stringEnd(rowB, offsetB),
    )
  }
  const a = atA < 0 ? null : decodePrimitive(rowA, atA, type, exactAtA)
  const b = atB < 0 ? null : decodePrimitive(rowB, atB, type, exactAtB)
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1)
  return comparePrimitive(type, a, b)
}

/**
 * Order of a stored instant and a value: by the pair (date, sub). Not for key properties, whose instants are text.
 * @returns NaN where there is no date in the field; every comparison with it is then false
 */
export function compareInstantField(row: Uint8Array, at: number, exactAt: number, value: DateTimeOffset): number {
  const ms = readMs(row, at)
  if (ms === value.ms) return readSub(row, exactAt) - value.sub
  return ms - value.ms
}

/**
 * Order of a stored string and text as UTF-8, byte by byte: the order of code points.
 * @returns NaN where the field holds no string
 */
export function compareStringField(row: Uint8Array, at: number, text: Uint8Array): number {
  if (!isText(row, at)) return Number.NaN
  const offset = valueOffset(row, at)
  return compareBytes(row, stringStart(offset), stringEnd(row, offset), text, 0, text.length)
}

function isText(row: Uint8Array, at: number): boolean {
  return at >= 0 && elementType(row, at) === bsonType.string
}

/** Order of two ranges of bytes. */
export function compareBytes(
  a: Uint8Array,
  startA: number,
  endA: number,
  b: Uint8Array,
  startB: number,
  endB: number,
): number {
  const length = Math.min(endA - startA, endB - startB)
  for (let i = 0; i < length; i++) {
    const difference = (a[startA + i] as number) - (b[startB + i] as number)
    if (difference !== 0) return difference
  }
  return endA - startA - (endB - startB)
}
