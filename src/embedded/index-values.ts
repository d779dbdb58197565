import { decodePrimitive } from '../bson/decode.ts'
import { fields } from '../bson/layout.ts'
import { bsonType, elementType, findPath, stringEnd, stringStart, valueOffset } from '../bson/reader.ts'
import { Decimal } from '../edm/decimal.ts'
import { guidToBytes } from '../edm/guid.ts'
import type { PrimitiveTypeName } from '../edm/model.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import type { IndexedField } from './index-catalog.ts'
import { tag, writeNull } from './key.ts'
import type { KeyBuffer } from './key-buffer.ts'
import { writeSortedDecimal, writeSortedDouble, writeSortedInteger } from './sorted-numbers.ts'

/**
 * Values in index entries: their bytes have the order of `$orderby` (eval/order.ts). What is long is cut; a cut value ends
 * with 01 where others end with 00, so that equal bytes are all of the same value or all of values that were cut there.
 */

/** Bytes of a text or binary value that an entry holds. */
export const maxTextBytes = 250

/** Types whose bytes in an entry have the order of their values. */
export const orderedTypes: ReadonlySet<PrimitiveTypeName> = new Set<PrimitiveTypeName>([
  'Edm.Boolean',
  'Edm.Byte',
  'Edm.Date',
  'Edm.DateTimeOffset',
  'Edm.Decimal',
  'Edm.Double',
  'Edm.Duration',
  'Edm.Guid',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.SByte',
  'Edm.Single',
  'Edm.String',
  'Edm.TimeOfDay',
])

/**
 * Writes what a row has in a field of an index: what it is read as, so that entries have the order of what is read.
 * @returns whether it was cut
 */
export function writeField(out: KeyBuffer, field: IndexedField, row: Uint8Array): boolean {
  const from = out.length
  const cut = writeStored(out, field, row)
  if (field.descending) out.invert(from)
  return cut
}

function writeStored(out: KeyBuffer, { path, type }: IndexedField, row: Uint8Array): boolean {
  const at = findPath(row, path.split('.'))
  if (at < 0) {
    writeNull(out)
    return false
  }
  if (type === null) {
    // A list, a document: nothing is known but that there is something.
    writeNull(out)
    return true
  }
  if (type === 'Edm.String' && elementType(row, at) === bsonType.string) {
    const offset = valueOffset(row, at)
    return writeText(out, tag.string, row, stringStart(offset), stringEnd(row, offset))
  }
  const exactAt = type === 'Edm.DateTimeOffset' ? findPath(row, `${path}${fields.exact}`.split('.')) : -1
  return writeValue(out, type, decodePrimitive(row, at, type, exactAt))
}

/**
 * Writes a value as entries have it.
 * @param type of the field; the value is of it or of another numeric type
 * @returns whether it was cut
 */
export function writeValue(out: KeyBuffer, type: PrimitiveTypeName, value: PrimitiveValue | null): boolean {
  if (value === null) {
    writeNull(out)
    return false
  }
  switch (typeof value) {
    case 'string': {
      if (type === 'Edm.Guid') {
        out.byte(tag.guid)
        out.raw(guidToBytes(value), 0, 16)
        return false
      }
      const bytes = Buffer.from(value, 'utf8')
      return writeText(out, tag.string, bytes, 0, bytes.length)
    }
    case 'boolean':
      out.byte(value ? tag.true : tag.false)
      return false
    case 'number':
      return writeSortedDouble(out, value)
    case 'bigint':
      return writeSortedInteger(out, value)
  }
  if (value instanceof Decimal) return writeSortedDecimal(out, value)
  if (value instanceof Uint8Array) return writeText(out, tag.binary, value, 0, value.length)
  if (value.kind === 'duration') return writeSortedInteger(out, value.ps)
  if (value.kind === 'geo') {
    writeNull(out)
    return true
  }
  out.byte(tag.date)
  out.int64(BigInt(value.ms))
  out.uint32(value.sub)
  return false
}

/** What all texts begin with that begin with this one. */
export function writePrefix(out: KeyBuffer, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  out.byte(tag.string)
  out.escaped(bytes, 0, Math.min(bytes.length, maxTextBytes))
  // Without the byte that ends the text.
  out.reset(out.length - 1)
}

function writeText(out: KeyBuffer, kind: number, bytes: Uint8Array, start: number, end: number): boolean {
  const cut = end - start > maxTextBytes
  out.byte(kind)
  out.escaped(bytes, start, cut ? start + maxTextBytes : end)
  if (cut) out.markCut()
  return cut
}
