import { fields } from '../bson/layout.ts'
import { bsonType, elementType, findField, findPath, readString, valueEnd, valueOffset } from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { StoredIndex } from './index-catalog.ts'
import { writeField } from './index-values.ts'
import { type KeyRange, maxKeyBytes } from './key.ts'
import { KeyBuffer, KeyTooLong } from './key-buffer.ts'

/**
 * Index entries: number of the index, the indexed values in a form whose bytes have the order of `$orderby`
 * (index-values.ts), the key of the row. Long values are cut, so an entry says which rows may have a value; the row itself
 * decides. Behind an entry stands where each value ends in it, and whether it was cut.
 */

const buffer = new KeyBuffer(maxKeyBytes)

/** Of the two bytes behind an entry for each value: the value was cut. The others are where it ends. */
const cutBit = 0x8000

/** Where the entries of one list of values stand. */
export interface EntryValues {
  /** number of the index and the values */
  readonly prefix: Uint8Array
  /** where each value ends, with `cutBit` */
  readonly ends: readonly number[]
  /** a value was cut: equal entries may be of different values */
  readonly cut: boolean
}

/** The values of a row in an index. @throws ODataError keyInvalid where they are longer than lmdb holds */
export function valuesOf(index: StoredIndex, row: Uint8Array): EntryValues {
  try {
    buffer.reset()
    buffer.uint32(index.number)
    let cut = false
    const ends = index.fields.map((field) => {
      const isCut = writeField(buffer, field, row)
      cut ||= isCut
      return buffer.length | (isCut ? cutBit : 0)
    })
    return { prefix: buffer.take(), ends, cut }
  } catch (error) {
    if (error instanceof KeyTooLong) throw noRoom()
    throw error
  }
}

/** Whether the values of a row have to be unique: all are there, and the index is one for its type. */
export function countsAsUnique(index: StoredIndex, row: Uint8Array): boolean {
  if (!index.unique || index.state === 'broken') return false
  if (index.required.some((path) => findPath(row, path.split('.')) < 0)) return false
  if (index.types.length === 0) return true
  const at = findField(row, fields.type)
  if (at < 0 || elementType(row, at) !== bsonType.string) return false
  return index.types.includes(readString(row, valueOffset(row, at)))
}

/**
 * The entry of a row.
 * @param key the key of the row
 * @throws ODataError keyInvalid where key and values together are longer than lmdb holds
 */
export function entryOf(values: EntryValues, key: Uint8Array): Uint8Array {
  const { prefix } = values
  if (prefix.length + key.length > maxKeyBytes) throw noRoom()
  const entry = new Uint8Array(prefix.length + key.length)
  entry.set(prefix)
  entry.set(key, prefix.length)
  return entry
}

function noRoom(): ODataError {
  return new ODataError('keyInvalid', 'The key is longer than the store can hold beside the indexed values.')
}

/** What stands behind an entry. */
export function entryValue({ ends }: EntryValues): Uint8Array {
  const value = new Uint8Array(2 * ends.length)
  for (const [i, end] of ends.entries()) {
    value[2 * i] = end >> 8
    value[2 * i + 1] = end & 0xff
  }
  return value
}

/** The row's key in an entry. */
export function keyOfEntry(entry: Uint8Array, value: Uint8Array): Uint8Array {
  return entry.subarray(endAt(value, value.length / 2 - 1) & ~cutBit)
}

/** Where the first values of an entry end; negative where one of them was cut. @param count of values, at least 1 */
export function endOfValues(value: Uint8Array, count: number): number {
  let cut = false
  for (let i = 0; i < count; i++) cut ||= (endAt(value, i) & cutBit) !== 0
  const end = endAt(value, count - 1) & ~cutBit
  return cut ? -end : end
}

function endAt(value: Uint8Array, at: number): number {
  return ((value[2 * at] ?? 0) << 8) | (value[2 * at + 1] ?? 0)
}

/** The range of the entries that begin with a prefix: none goes on with FF FF (a value that ends inverted does with one FF). */
export function entryRange(prefix: Uint8Array): KeyRange {
  return { start: prefix, end: behind(prefix) }
}

/** The place behind all entries that begin with a prefix. */
export function behind(prefix: Uint8Array): Uint8Array {
  const end = new Uint8Array(prefix.length + 2).fill(0xff)
  end.set(prefix)
  return end
}

/** Whether two rows have the same values, uncut, in an index. */
export function sameValues(index: StoredIndex, a: Uint8Array, b: Uint8Array): boolean {
  return index.fields.every(({ path }) => {
    const [left, right] = [valueBytes(a, path), valueBytes(b, path)]
    return left === undefined || right === undefined ? left === right : Buffer.compare(left, right) === 0
  })
}

function valueBytes(row: Uint8Array, path: string): Uint8Array | undefined {
  const at = findPath(row, path.split('.'))
  if (at < 0) return undefined
  const offset = valueOffset(row, at)
  return row.subarray(offset, valueEnd(row, elementType(row, at), offset))
}
