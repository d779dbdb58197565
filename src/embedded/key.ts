import { serialize } from 'bson'
import {
  binaryStart,
  bsonType,
  elementType,
  findField,
  firstElement,
  nextElement,
  readDouble,
  readInt32,
  readInt64,
  stringEnd,
  stringStart,
  valueOffset,
} from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import { KeyBuffer, KeyTooLong } from './key-buffer.ts'
import { writeDecimal, writeDouble, writeInteger } from './key-numbers.ts'

/**
 * Keys of lmdb: an order-preserving byte form of `_id` behind the number of the collection. Byte order is the order of
 * `$orderby` on the key: numbers by value whatever their BSON type, strings by code point, Guids and binaries by byte,
 * false before true, dates by time, documents field by field. Equal values have one form: int 5, long 5 and decimal 5.0.
 */

/** What lmdb takes as a key at the most, in bytes. */
export const maxKeyBytes = 1_978

/** One byte in front of each value: values of different types never compare equal. */
export const tag = {
  null: 0x10,
  string: 0x30,
  document: 0x40,
  array: 0x41,
  guid: 0x50,
  binary: 0x51,
  objectId: 0x52,
  false: 0x60,
  true: 0x61,
  date: 0x68,
} as const

const buffer = new KeyBuffer(maxKeyBytes)

/**
 * The lmdb key of a document.
 * @param collection number of the stored collection, 0 to 2^32 - 1
 * @param id the value of `_id`, as `encodeKey` (bson/encode.ts) makes it
 * @throws ODataError keyInvalid where the key is longer than lmdb holds, or of a type that is no key
 */
export function keyOfId(collection: number, id: unknown): Uint8Array {
  return guarded(() => {
    buffer.reset()
    buffer.uint32(collection)
    if (typeof id === 'string') writeString(buffer, id)
    else if (typeof id === 'number' && Number.isSafeInteger(id)) writeInteger(buffer, BigInt(id))
    else if (typeof id === 'bigint') writeInteger(buffer, id)
    else writeId(serialize({ _id: id }))
    return buffer.take()
  })
}

/**
 * The lmdb key of a document in its stored form.
 * @throws ODataError keyInvalid
 */
export function keyOfRow(collection: number, row: Uint8Array): Uint8Array {
  return guarded(() => {
    buffer.reset()
    buffer.uint32(collection)
    writeId(row)
    return buffer.take()
  })
}

/** Keys from `start` to `end`, exclusive; no row has either as its key. */
export interface KeyRange {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

/**
 * The keys of the contained entities of one owner: those whose `_id` begins with its path.
 * @throws ODataError keyInvalid
 */
export function ownerRange(collection: number, owner: string): KeyRange {
  const start = guarded(() => {
    buffer.reset()
    buffer.uint32(collection)
    buffer.byte(tag.document)
    writeString(buffer, owner)
    return buffer.take()
  })
  return { start, end: Buffer.concat([start, Uint8Array.of(0xff)]) }
}

/**
 * The keys of what an entity contains: of the owners whose path is this one, and of those whose path goes on from it.
 * @throws ODataError keyInvalid
 */
export function containedRanges(collection: number, path: string): readonly KeyRange[] {
  const own = ownerRange(collection, path)
  const start = guarded(() => {
    buffer.reset()
    buffer.uint32(collection)
    buffer.byte(tag.document)
    writeString(buffer, `${path}/`)
    // Without the byte that ends the text.
    buffer.reset(buffer.length - 1)
    return buffer.take()
  })
  return [own, { start, end: Buffer.concat([start, Uint8Array.of(0xff)]) }]
}

/** The keys of a number (a collection's). */
export function keyRange(collection: number): KeyRange {
  const bound = (number: number): Uint8Array => {
    buffer.reset()
    buffer.uint32(number)
    return buffer.take()
  }
  return { start: bound(collection), end: bound(collection + 1) }
}

function guarded(write: () => Uint8Array): Uint8Array {
  try {
    return write()
  } catch (error) {
    if (error instanceof KeyTooLong)
      throw new ODataError(
        'keyInvalid',
        `The key is longer than the store can hold (${maxKeyBytes} bytes in stored form).`,
      )
    throw error
  }
}

function writeId(row: Uint8Array): void {
  const at = findField(row, '_id')
  if (at < 0) throw new ODataError('keyInvalid', 'The entity has no key.')
  writeElement(buffer, row, at, 0)
}

/**
 * Writes the order-preserving form of one BSON element's value.
 * @param at offset of the element's type byte
 * @param depth how deep the element stands in a key: names of fields count only below the key's own
 * @throws ODataError keyInvalid for a type that is no key
 */
export function writeElement(out: KeyBuffer, row: Uint8Array, at: number, depth: number): void {
  const offset = valueOffset(row, at)
  switch (elementType(row, at)) {
    case bsonType.double:
      writeDouble(out, readDouble(row, offset))
      break
    case bsonType.string:
      writeTextBytes(out, row, stringStart(offset), stringEnd(row, offset))
      break
    case bsonType.document:
      writeDocument(out, row, offset, tag.document, depth)
      break
    case bsonType.array:
      writeDocument(out, row, offset, tag.array, depth)
      break
    case bsonType.binary:
      writeBinary(out, row, offset)
      break
    case bsonType.objectId:
      out.byte(tag.objectId)
      out.raw(row, offset, offset + 12)
      break
    case bsonType.boolean:
      out.byte(row[offset] === 0 ? tag.false : tag.true)
      break
    case bsonType.date:
      out.byte(tag.date)
      out.int64(readInt64(row, offset))
      break
    case bsonType.null:
    case bsonType.undefined:
      writeNull(out)
      break
    case bsonType.int32:
      writeInteger(out, BigInt(readInt32(row, offset)))
      break
    case bsonType.int64:
      writeInteger(out, readInt64(row, offset))
      break
    case bsonType.decimal128:
      writeDecimal(out, BigInt.asUintN(64, readInt64(row, offset)), BigInt.asUintN(64, readInt64(row, offset + 8)))
      break
    default:
      throw new ODataError('keyInvalid', 'The key holds a value that the store cannot use as a key.')
  }
}

/** Writes the form of a string whose UTF-8 bytes stand from `start` to `end`. */
export function writeTextBytes(out: KeyBuffer, row: Uint8Array, start: number, end: number): void {
  out.byte(tag.string)
  out.escaped(row, start, end)
}

function writeBinary(out: KeyBuffer, row: Uint8Array, offset: number): void {
  const start = binaryStart(offset)
  const end = start + readInt32(row, offset)
  const guid = row[start - 1] === 4 && end - start === 16
  out.byte(guid ? tag.guid : tag.binary)
  if (guid) out.raw(row, start, end)
  else out.escaped(row, start, end)
}

/** Writes the form of null, which is also that of a missing value. */
export function writeNull(out: KeyBuffer): void {
  out.byte(tag.null)
}

function writeString(out: KeyBuffer, text: string): void {
  out.byte(tag.string)
  out.text(text)
}

function writeDocument(out: KeyBuffer, row: Uint8Array, start: number, kind: number, depth: number): void {
  out.byte(kind)
  // A collection's keys all have the same fields; references inside them (contained entities) need not.
  const named = kind === tag.document && depth > 0
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    if (named) out.escaped(row, at + 1, valueOffset(row, at) - 1)
    writeElement(out, row, at, depth + 1)
  }
  out.byte(0)
}
