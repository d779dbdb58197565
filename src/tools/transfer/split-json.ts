/** One JSON object of a file, and the line it starts in, from 1. */
export interface JsonPiece {
  readonly bytes: Uint8Array
  readonly line: number
}

/** Bytes of one entity: as much as a store takes, in JSON's wider form. */
const largestPiece = 67_108_864

const open = 0x7b
const close = 0x7d
const quote = 0x22
const backslash = 0x5c
const newline = 0x0a

/** What may stand between the objects: blanks, and the signs of an array. */
const between: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d, newline, 0x5b, 0x5d, 0x2c])

/**
 * Cuts a stream of JSON into the objects of its outermost level: of a JSON array, or of lines (NDJSON). Only as much is kept as
 * one object takes; whether each is well-formed is for its reader to say.
 * @throws Error with the line where something else than an object begins, an object is too large, or the file ends within one
 */
export async function* splitJson(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<JsonPiece> {
  let line = 1
  let startLine = 1
  let depth = 0
  let inString = false
  let escaped = false
  let first = true
  let kept: Uint8Array[] = []
  let keptBytes = 0
  for await (const chunk of chunks) {
    let start = 0
    // a byte order mark says nothing
    let i = first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0
    first = false
    for (; i < chunk.length; i++) {
      const byte = chunk[i]
      if (byte === newline) line++
      if (inString) {
        if (escaped) escaped = false
        else if (byte === backslash) escaped = true
        else if (byte === quote) inString = false
      } else if (byte === quote && depth > 0) inString = true
      else if (byte === open) {
        if (depth === 0) {
          start = i
          startLine = line
        }
        depth++
      } else if (byte === close && depth > 0) {
        depth--
        if (depth > 0) continue
        yield { bytes: joined([...kept, chunk.subarray(start, i + 1)]), line: startLine }
        kept = []
        keptBytes = 0
      } else if (depth === 0 && (byte === undefined || !between.has(byte)))
        throw new Error(`line ${line}: entities are JSON objects, one behind the other or in an array`)
    }
    if (depth > 0) {
      kept.push(chunk.slice(start))
      keptBytes += chunk.length - start
      if (keptBytes > largestPiece)
        throw new Error(`line ${startLine}: the object is larger than ${largestPiece} bytes`)
    }
  }
  if (depth > 0) throw new Error(`line ${startLine}: the file ends within this object`)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = parts
  if (only !== undefined && others.length === 0) return only
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
