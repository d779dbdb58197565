import { type Document, Long, ObjectId } from 'bson'
import type { StreamReference } from '../edm/value.ts'
import { fields } from './layout.ts'
import { bsonType, elementType, findField, readNumber, readString, valueOffset } from './reader.ts'

/** Pointers to files, as they are stored: `{id: ObjectId, type: string, length: long}`. */

export function encodeStream({ file, contentType, length }: StreamReference): Document {
  return { id: ObjectId.createFromHexString(file), type: contentType, length: Long.fromNumber(length) }
}

/**
 * The pointer that an element holds.
 * @param at the element, or -1
 * @returns undefined where there is none: the stream has no value
 */
export function streamAt(row: Uint8Array, at: number): StreamReference | undefined {
  if (at < 0 || elementType(row, at) !== bsonType.document) return undefined
  const start = valueOffset(row, at)
  const file = fileAt(row, start)
  const type = findField(row, 'type', start)
  const length = findField(row, 'length', start)
  if (file === undefined || type < 0 || elementType(row, type) !== bsonType.string || length < 0) return undefined
  return {
    file,
    contentType: readString(row, valueOffset(row, type)),
    length: readNumber(row, length) ?? 0,
  }
}

/** The media of an entity. */
export function mediaOf(row: Uint8Array): StreamReference | undefined {
  return streamAt(row, findField(row, fields.media))
}

/** The file that a pointer names. @param start offset of the pointer's length */
function fileAt(row: Uint8Array, start: number): string | undefined {
  const at = findField(row, 'id', start)
  if (at < 0 || elementType(row, at) !== bsonType.objectId) return undefined
  const offset = valueOffset(row, at)
  return Buffer.from(row.buffer, row.byteOffset + offset, 12).toString('hex')
}
