import { serialize } from 'bson'
import { readDecimal128 } from '../bson/decimal128.ts'
import { fields } from '../bson/layout.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  firstElement,
  nextElement,
  readDouble,
  readInt32,
  readInt64,
  readString,
  valueEnd,
  valueOffset,
} from '../bson/reader.ts'

/**
 * A text that equal keys share, as MongoDB compares `_id`: numbers by value, whatever their type. It tells which of the
 * rows that came back together belongs to which request.
 */

/** The token of an `_id` as `encodeKey` makes it. */
export function tokenOfKey(id: unknown): string {
  return typeof id === 'string' ? `s${id}` : tokenOfRow(serialize({ [fields.id]: id }))
}

/** The token of a row's own `_id`; empty where it has none. */
export function tokenOfRow(row: Uint8Array): string {
  const at = findField(row, fields.id)
  return at < 0 ? '' : tokenOfElement(row, at)
}

function tokenOfElement(row: Uint8Array, at: number): string {
  const type = elementType(row, at)
  const offset = valueOffset(row, at)
  switch (type) {
    case bsonType.string:
      return `s${readString(row, offset)}`
    case bsonType.int32:
      return `n${readInt32(row, offset)}`
    case bsonType.int64:
      return `n${readInt64(row, offset)}`
    case bsonType.double: {
      const value = readDouble(row, offset)
      return `n${Number.isInteger(value) ? BigInt(value) : value}`
    }
    case bsonType.decimal128: {
      const value = readDecimal128(row, offset)
      return `n${value.isInteger ? value.toBigInt() : value.trimmed()}`
    }
    case bsonType.document: {
      const parts: string[] = []
      for (let inner = firstElement(row, offset); inner >= 0; inner = nextElement(row, inner)) {
        const token = tokenOfElement(row, inner)
        parts.push(`${elementName(row, inner)}:${token.length}:${token}`)
      }
      return `{${parts.join(',')}}`
    }
    default: {
      const end = valueEnd(row, type, offset)
      return `${type}:${Buffer.from(row.buffer, row.byteOffset + offset, end - offset).toString('latin1')}`
    }
  }
}
