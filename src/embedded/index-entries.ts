import { fields } from '../bson/layout.ts'
import {
  bsonType,
  elementType,
  findField,
  findPath,
  readString,
  stringEnd,
  stringStart,
  valueEnd,
  valueOffset,
} from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { StoredIndex } from './index-catalog.ts'
import { maxKeyBytes, writeElement, writeNull, writeTextBytes } from './key.ts'
import { KeyBuffer, KeyTooLong } from './key-buffer.ts'

/**
 * Index entries: number of the index, the indexed values in the order-preserving form of keys, the key of the row. Long
 * texts are cut, so an entry says which rows may have a value; the row itself decides.
 */

/** Bytes of a text or binary value that an entry holds. */
const maxTextBytes = 250

const buffer = new KeyBuffer(maxKeyBytes)

/** Where the entries of one list of values stand. */
export interface EntryValues {
  /** number of the index and the values */
  readonly prefix: Uint8Array
  /** a value was cut: equal entries may be of different values */
  readonly cut: boolean
}

/** The values of a row in an index. */
export function valuesOf(index: StoredIndex, row: Uint8Array): EntryValues {
  buffer.reset()
  buffer.uint32(index.number)
  let cut = false
  for (const path of index.fields) {
    const at = findPath(row, path.split('.'))
    if (at < 0) writeNull(buffer)
    else if (writeIndexed(buffer, row, at)) cut = true
  }
  return { prefix: buffer.take(), cut }
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
  if (prefix.length + key.length > maxKeyBytes)
    throw new ODataError('keyInvalid', 'The key is longer than the store can hold beside the indexed values.')
  const entry = new Uint8Array(prefix.length + key.length)
  entry.set(prefix)
  entry.set(key, prefix.length)
  return entry
}

/** What stands behind an entry: where in it the row's key begins. */
export function entryValue(values: EntryValues): Uint8Array {
  return Uint8Array.of(values.prefix.length >> 8, values.prefix.length & 0xff)
}

/** The row's key in an entry. */
export function keyOfEntry(entry: Uint8Array, value: Uint8Array): Uint8Array {
  return entry.subarray(((value[0] ?? 0) << 8) | (value[1] ?? 0))
}

/** The range of the entries that begin with a prefix: no value, and no key of a row, begins with FF. */
export function entryRange(prefix: Uint8Array): { readonly start: Uint8Array; readonly end: Uint8Array } {
  const end = new Uint8Array(prefix.length + 1)
  end.set(prefix)
  end[prefix.length] = 0xff
  return { start: prefix, end }
}

/** The prefix of the entries whose first values are those of these elements, each in a document of its own under `v`. */
export function prefixOf(index: StoredIndex, documents: readonly (Uint8Array | undefined)[]): Uint8Array {
  buffer.reset()
  buffer.uint32(index.number)
  for (const document of documents) {
    const at = document ? findPath(document, ['v']) : -1
    if (document && at >= 0) writeIndexed(buffer, document, at)
    else writeNull(buffer)
  }
  return buffer.take()
}

/** Whether two rows have the same values, uncut, in an index. */
export function sameValues(index: StoredIndex, a: Uint8Array, b: Uint8Array): boolean {
  return index.fields.every((path) => {
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

/** @returns whether the value was cut */
function writeIndexed(out: KeyBuffer, row: Uint8Array, at: number): boolean {
  const offset = valueOffset(row, at)
  switch (elementType(row, at)) {
    case bsonType.string: {
      const [start, end] = [stringStart(offset), stringEnd(row, offset)]
      writeTextBytes(out, row, start, Math.min(end, start + maxTextBytes))
      return end - start > maxTextBytes
    }
    case bsonType.objectId: {
      // Reads as its text where a String is declared.
      const text = Buffer.from(Buffer.from(row.subarray(offset, offset + 12)).toString('hex'), 'latin1')
      writeTextBytes(out, text, 0, text.length)
      return false
    }
    case bsonType.boolean:
    case bsonType.date:
    case bsonType.int32:
    case bsonType.int64:
    case bsonType.decimal128:
    case bsonType.double:
      return !tryWrite(out, row, at)
    case bsonType.binary: {
      if (valueEnd(row, bsonType.binary, offset) - offset - 5 <= maxTextBytes) return !tryWrite(out, row, at)
      writeNull(out)
      return true
    }
    default:
      writeNull(out)
      return true
  }
}

/** Decimals may have thousands of digits: those stand as null, which no condition asks for. */
function tryWrite(out: KeyBuffer, row: Uint8Array, at: number): boolean {
  const from = out.length
  try {
    writeElement(out, row, at, 0)
    if (out.length - from <= maxTextBytes + 16) return true
  } catch (error) {
    if (!(error instanceof KeyTooLong)) throw error
  }
  out.reset(from)
  writeNull(out)
  return false
}
