/**
 * Walking BSON documents (bsonspec.org 1.1) as bytes, without decoding what is not asked for. An element is named by the
 * offset of its type byte; -1 stands for "there is none". No function throws or reads on for ever, whatever the bytes: a
 * damaged document looks as if it ended where the damage is.
 */

/** Type bytes of the elements. */
export const bsonType = {
  double: 1,
  string: 2,
  document: 3,
  array: 4,
  binary: 5,
  undefined: 6,
  objectId: 7,
  boolean: 8,
  date: 9,
  null: 10,
  regex: 11,
  dbPointer: 12,
  code: 13,
  symbol: 14,
  codeWithScope: 15,
  int32: 16,
  timestamp: 17,
  int64: 18,
  decimal128: 19,
  maxKey: 127,
  minKey: 255,
} as const

/**
 * The first element of a document.
 * @param start offset of the document's length: 0, or the value offset of a document or array element
 */
export function firstElement(row: Uint8Array, start = 0): number {
  const at = start + 4
  return at < row.length && row[at] !== 0 ? whole(row, at) : -1
}

/** The element after this one; -1 at the end of its document. */
export function nextElement(row: Uint8Array, at: number): number {
  const end = valueEnd(row, row[at] as number, valueOffset(row, at))
  return end >= 0 && end < row.length && row[end] !== 0 ? whole(row, end) : -1
}

/** The element if its value lies within the row, else -1. */
function whole(row: Uint8Array, at: number): number {
  return valueEnd(row, row[at] as number, valueOffset(row, at)) < 0 ? -1 : at
}

/** The type byte of an element (`bsonType`). */
/**
 * The element of an array at a position, counted from the end where negative.
 * @param start of the array
 * @returns -1 where there is none
 */
export function elementAt(row: Uint8Array, start: number, index: number): number {
  let left = index
  if (index < 0) {
    for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) left++
    if (left < 0) return -1
  }
  let at = firstElement(row, start)
  for (; at >= 0 && left > 0; at = nextElement(row, at)) left--
  return at
}

export function elementType(row: Uint8Array, at: number): number {
  return row[at] as number
}

/** Where the value of an element starts: behind its name. */
export function valueOffset(row: Uint8Array, at: number): number {
  const length = row.length
  let i = at + 1
  while (i < length && row[i] !== 0) i++
  return i + 1
}

/** The name of an element. */
export function elementName(row: Uint8Array, at: number): string {
  return utf8(row, at + 1, valueOffset(row, at) - 1)
}

/**
 * The first element of that name.
 * @param start offset of the document's length
 * @returns the element's offset; -1 where the document has none, or is damaged before it
 */
export function findField(row: Uint8Array, name: string, start = 0): number {
  const length = row.length
  // the last character tells names apart that begin alike; of an empty name, or one that does not end in ASCII, it says nothing
  const last = name.charCodeAt(name.length - 1)
  const ascii = last < 0x80
  let at = start + 4
  while (at < length) {
    const type = row[at] as number
    if (type === 0) return -1
    const named = at + 1
    let i = named
    while (i < length && row[i] !== 0) i++
    const end = valueEnd(row, type, i + 1)
    if (end < 0) return -1
    if ((!ascii || row[i - 1] === last) && isNamed(row, named, i, name)) return at
    at = end
  }
  return -1
}

/**
 * Follows field names into sub-documents (never into arrays).
 * @returns the last element's offset, or -1 where a step is missing or no document
 */
export function findPath(row: Uint8Array, path: readonly string[], start = 0): number {
  let document = start
  let at = -1
  for (let i = 0; i < path.length; i++) {
    if (i > 0) {
      if (row[at] !== bsonType.document) return -1
      document = valueOffset(row, at)
    }
    at = findField(row, path[i] as string, document)
    if (at < 0) return -1
  }
  return at
}

/** Whether the bytes from `from` to `to` are the UTF-8 form of the name. */
function isNamed(row: Uint8Array, from: number, to: number, name: string): boolean {
  let at = from
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code >= 0x80) return isRestNamed(row, at, to, name, i)
    if (row[at++] !== code) return false
  }
  return at === to
}

/** The same from the first character on that is not ASCII. */
function isRestNamed(row: Uint8Array, from: number, to: number, name: string, first: number): boolean {
  let at = from
  for (let i = first; i < name.length && at < to; i++) {
    const code = name.codePointAt(i) ?? 0
    if (code > 0xffff) i++
    const continuations = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3
    const lead = continuations === 0 ? code : ((0xff00 >> (continuations + 1)) & 0xff) | (code >> (6 * continuations))
    if (row[at++] !== lead) return false
    for (let shift = 6 * (continuations - 1); shift >= 0; shift -= 6) {
      if (row[at++] !== (0x80 | ((code >> shift) & 0x3f))) return false
    }
    if (i === name.length - 1) return at === to
  }
  return false
}

/**
 * Where a value ends, from its type and start.
 * @returns -1 where the type is unknown or the value reaches past the row
 */
export function valueEnd(row: Uint8Array, type: number, offset: number): number {
  let end: number
  switch (type) {
    case bsonType.double:
    case bsonType.date:
    case bsonType.timestamp:
    case bsonType.int64:
      end = offset + 8
      break
    case bsonType.string:
    case bsonType.code:
    case bsonType.symbol:
      end = lengthPrefixed(row, offset, 4, 1)
      break
    case bsonType.document:
    case bsonType.array:
    case bsonType.codeWithScope:
      end = lengthPrefixed(row, offset, 0, 5)
      break
    case bsonType.binary:
      end = lengthPrefixed(row, offset, 5, 0)
      break
    case bsonType.int32:
      end = offset + 4
      break
    case bsonType.boolean:
      end = offset + 1
      break
    case bsonType.null:
    case bsonType.undefined:
    case bsonType.maxKey:
    case bsonType.minKey:
      end = offset
      break
    case bsonType.objectId:
      end = offset + 12
      break
    case bsonType.decimal128:
      end = offset + 16
      break
    case bsonType.regex:
      end = valueOffset(row, valueOffset(row, offset - 1) - 1)
      break
    case bsonType.dbPointer:
      end = lengthPrefixed(row, offset, 4, 1)
      if (end >= 0) end += 12
      break
    default:
      return -1
  }
  return end > row.length ? -1 : end
}

/** End of a value that starts with its length; `extra` bytes are not counted in it; -1 where it is below `least`. */
function lengthPrefixed(row: Uint8Array, offset: number, extra: number, least: number): number {
  const length = readInt32(row, offset)
  return length < least ? -1 : offset + extra + length
}

export function readInt32(row: Uint8Array, offset: number): number {
  return (
    (row[offset] as number) |
    ((row[offset + 1] as number) << 8) |
    ((row[offset + 2] as number) << 16) |
    ((row[offset + 3] as number) << 24)
  )
}

/** One shared buffer to turn bytes into numbers: nothing is allocated. Little endian, as every platform Node runs on. */
const scratch = new Uint8Array(8)
const scratchDouble = new Float64Array(scratch.buffer)
const scratchInt64 = new BigInt64Array(scratch.buffer)

function load(row: Uint8Array, offset: number): void {
  scratch[0] = row[offset] as number
  scratch[1] = row[offset + 1] as number
  scratch[2] = row[offset + 2] as number
  scratch[3] = row[offset + 3] as number
  scratch[4] = row[offset + 4] as number
  scratch[5] = row[offset + 5] as number
  scratch[6] = row[offset + 6] as number
  scratch[7] = row[offset + 7] as number
}

export function readDouble(row: Uint8Array, offset: number): number {
  load(row, offset)
  return scratchDouble[0] as number
}

export function readInt64(row: Uint8Array, offset: number): bigint {
  load(row, offset)
  return scratchInt64[0] as bigint
}

/** An int64 as a double: exact within 2 ** 53 (dates always are), else the nearest. */
export function readInt64AsNumber(row: Uint8Array, offset: number): number {
  return readInt32(row, offset + 4) * 4_294_967_296 + (readInt32(row, offset) >>> 0)
}

/** The number in an element of type int32, int64 (exact within 2 ** 53) or double; undefined for every other type. */
export function readNumber(row: Uint8Array, at: number): number | undefined {
  switch (row[at]) {
    case bsonType.int32:
      return readInt32(row, valueOffset(row, at))
    case bsonType.double:
      return readDouble(row, valueOffset(row, at))
    case bsonType.int64:
      return readInt64AsNumber(row, valueOffset(row, at))
    default:
      return undefined
  }
}

/** First byte of a string value (types string, symbol, code). */
export function stringStart(offset: number): number {
  return offset + 4
}

/** Byte behind the last one of a string value: where its closing 0 stands. */
export function stringEnd(row: Uint8Array, offset: number): number {
  return offset + 3 + readInt32(row, offset)
}

/** The text of a string value. */
export function readString(row: Uint8Array, offset: number): string {
  return utf8(row, offset + 4, stringEnd(row, offset))
}

/** First byte of a binary value's content; its length is `readInt32(row, offset)`, its subtype the byte before. */
export function binaryStart(offset: number): number {
  return offset + 5
}

/** Text of a range of UTF-8 bytes; damaged sequences read as U+FFFD. */
export function utf8(row: Uint8Array, start: number, end: number): string {
  if (end - start <= 6) {
    let text = ''
    for (let i = start; i < end; i++) {
      const byte = row[i] as number
      if (byte >= 0x80) return decodeUtf8(row, start, end)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decodeUtf8(row, start, end)
}

function decodeUtf8(row: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(row) ? row : Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  return buffer.toString('utf8', start, end)
}
