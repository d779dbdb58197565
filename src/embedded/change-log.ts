import { fields } from '../bson/layout.ts'
import { elementType, findField, readInt32, valueEnd, valueOffset } from '../bson/reader.ts'
import { changedFields, everyField } from './changed-fields.ts'
import type { CollectionHandle } from './registry.ts'
import type { Tables } from './tables.ts'
import type { RowChange } from './write-batch.ts'

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

/** Bytes in front of the documents: seconds since 1970, what there was before (`was`), and which fields have changed. */
const headLength = 9
/** that of entries which older versions have written, without the fields */
const oldHeadLength = 5

const was = { nothing: 0, notKept: 1, kept: 2, mask: 3 } as const
/** says, beside `was`, that the entry tells which fields have changed */
const withFields = 4

/** Notes a write; only inside a write transaction. @param number count of writes to the collection, this one included */
export function logChange(
  tables: Tables,
  { number: collection, layout }: CollectionHandle,
  number: number,
  { before, after }: Pick<RowChange, 'before' | 'after'>,
  now: number,
): void {
  if (before === undefined && after === undefined) return
  const kept = before === undefined ? was.nothing : tables.imaged.has(layout.name) ? was.kept : was.notKept
  tables.changes.putSync(keyOf(collection, number), entryOf(now, kept, before, after))
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

/** Head, a document of nothing but the `_id` of the row, and the row as it was where it is kept. */
function entryOf(now: number, kept: number, before: Uint8Array | undefined, after: Uint8Array | undefined): Uint8Array {
  const row = (after ?? before) as Uint8Array
  const at = findField(row, fields.id)
  const end = valueEnd(row, elementType(row, at), valueOffset(row, at))
  const image = kept === was.kept ? before : undefined
  const length = 4 + end - at + 1
  const entry = Buffer.alloc(headLength + length + (image?.length ?? 0))
  entry.writeUInt32BE(Math.floor(now / 1_000))
  entry[4] = kept | withFields
  entry.writeUInt32BE(before === undefined ? 0 : after === undefined ? everyField : changedFields(before, after), 5)
  entry.writeInt32LE(length, headLength)
  entry.set(row.subarray(at, end), headLength + 4)
  if (image) entry.set(image, headLength + length)
  return entry
}

function headOf(entry: Uint8Array): number {
  return ((entry[4] ?? 0) & withFields) === 0 ? oldHeadLength : headLength
}

/** The `_id` of an entry, as a document of its own: a copy. */
export function idOf(entry: Uint8Array): Uint8Array {
  const head = headOf(entry)
  return Uint8Array.prototype.slice.call(entry, head, head + readInt32(entry, head))
}

/** The fields that the write may have changed, as bits (changed-fields.ts). */
export function fieldsOf(entry: Uint8Array): number {
  return headOf(entry) === oldHeadLength
    ? everyField
    : Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).readUInt32BE(5)
}

/** The row as it was before the write: a copy; `unknown` where it was not kept. */
export function imageOf(entry: Uint8Array): Uint8Array | undefined | 'unknown' {
  const kept = (entry[4] ?? 0) & was.mask
  if (kept === was.nothing) return undefined
  if (kept !== was.kept) return 'unknown'
  const head = headOf(entry)
  return Uint8Array.prototype.slice.call(entry, head + readInt32(entry, head))
}
