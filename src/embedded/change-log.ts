import { fields } from '../bson/layout.ts'
import { elementType, findField, valueEnd, valueOffset } from '../bson/reader.ts'
import type { Tables } from './tables.ts'

/**
 * The change log: for each write to a collection an entry under the number of the collection and its count of writes
 * (`Counters.changes`), which has no gaps. The entry says when, and the row's `_id`. Written in the transaction that changes the row.
 * A history that begins later than somebody asks for is seen by the missing entry.
 */

/** What a collection's log keeps. */
export const logLimits = {
  /** the last changes, at least this many if they are not older than `age` */
  entries: 100_000,
  /** milliseconds; older ones go when the collection is written to */
  age: 30 * 24 * 3_600_000,
  /** writes between two looks for what can go */
  interval: 256,
} as const

/** Bytes in front of the document: seconds since 1970. */
export const headLength = 4

/** Notes a write; only inside a write transaction. @param number count of writes to the collection, this one included */
export function logChange(tables: Tables, collection: number, number: number, row: Uint8Array, now: number): void {
  tables.changes.putSync(keyOf(collection, number), entryOf(row, now))
  if (number % logLimits.interval === 0) prune(tables, collection, number, now)
}

function prune(tables: Tables, collection: number, number: number, now: number): void {
  const gone: Uint8Array[] = []
  const oldest = (now - logLimits.age) / 1_000
  // twice as many as come in between two looks, so that a long log gets shorter
  const range = { start: keyOf(collection, 0), end: keyOf(collection, number), limit: 2 * logLimits.interval }
  for (const { key, value } of tables.changes.getRange(range)) {
    if (numberOf(key) > number - logLimits.entries && secondsOf(value) >= oldest) break
    gone.push(Uint8Array.prototype.slice.call(key))
  }
  for (const key of gone) tables.changes.removeSync(key)
}

/** Where the entry of a collection's write stands. */
export function keyOf(collection: number, number: number): Uint8Array {
  const key = Buffer.alloc(12)
  key.writeUInt32BE(collection)
  key.writeBigUInt64BE(BigInt(number), 4)
  return key
}

/** Which write of its collection an entry is about. */
export function numberOf(key: Uint8Array): number {
  return Number(Buffer.from(key.buffer, key.byteOffset, key.byteLength).readBigUInt64BE(4))
}

function secondsOf(entry: Uint8Array): number {
  return Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).readUInt32BE()
}

/** The time, and a document of nothing but the `_id` of a row. */
function entryOf(row: Uint8Array, now: number): Uint8Array {
  const at = findField(row, fields.id)
  const end = valueEnd(row, elementType(row, at), valueOffset(row, at))
  const entry = Buffer.alloc(headLength + 4 + end - at + 1)
  entry.writeUInt32BE(Math.floor(now / 1_000))
  entry.writeInt32LE(4 + end - at + 1, headLength)
  entry.set(row.subarray(at, end), headLength + 4)
  return entry
}
