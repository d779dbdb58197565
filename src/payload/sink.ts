import { Buffer, isUtf8 } from 'node:buffer'
import type { ByteSink } from './writer.ts'

/** What a backing buffer starts with; most answers to single reads fit. */
const defaultSize = 16 * 1024
/** Buffers kept for the next sinks, and the largest of them. */
const pooledBuffers = 16
const pooledSize = 256 * 1024
/** Where copying natively beats copying byte by byte. */
const nativeCopy = 48

const pool: Buffer[] = []
const empty = Buffer.alloc(0)
const quote = 0x22
const backslash = 0x5c

/** 0: written as it is; 1: part of a longer UTF-8 sequence; otherwise the letter after the backslash (`u`: \u00XX). */
const escapes = new Uint8Array(256)
for (let i = 0; i < 0x20; i++) escapes[i] = 0x75
escapes[0x08] = 0x62
escapes[0x09] = 0x74
escapes[0x0a] = 0x6e
escapes[0x0c] = 0x66
escapes[0x0d] = 0x72
escapes[quote] = quote
escapes[backslash] = backslash
for (let i = 0x80; i < 0x100; i++) escapes[i] = 1

const hexDigits = Buffer.from('0123456789abcdef', 'latin1')
/** Both hexadecimal digits of a byte, high one in the upper eight bits. */
const hexPairs = new Uint16Array(256)
for (let i = 0; i < 256; i++) hexPairs[i] = ((hexDigits[i >> 4] ?? 0) << 8) | (hexDigits[i & 15] ?? 0)
const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const base64UrlDigits = Buffer.from(`${alphanumeric}-_`, 'latin1')
const base64PlainDigits = Buffer.from(`${alphanumeric}+/`, 'latin1')

/** Both digits of 0 to 99. */
const decimalPairs = new Uint16Array(100)
for (let i = 0; i < 100; i++) decimalPairs[i] = ((0x30 + Math.floor(i / 10)) << 8) | (0x30 + (i % 10))

function putPair(buffer: Uint8Array, to: number, value: number): void {
  const pair = decimalPairs[value] as number
  buffer[to] = pair >> 8
  buffer[to + 1] = pair & 0xff
}

function putHex(buffer: Uint8Array, to: number, source: Uint8Array, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const pair = hexPairs[source[start + i] as number] as number
    buffer[to + 2 * i] = pair >> 8
    buffer[to + 2 * i + 1] = pair & 0xff
  }
}

/**
 * A growing UTF-8 buffer (JSON is written into it by the writers of this room). The backing buffer comes from a pool at the
 * first byte and goes back with `take`, unless its content is large enough to be handed over.
 */
export class Sink implements ByteSink {
  #buffer: Buffer = empty
  #length = 0
  readonly #initialSize: number

  constructor(initialSize: number) {
    this.#initialSize = initialSize
  }

  get length(): number {
    return this.#length
  }

  /** The backing buffer with at least `size` free bytes. */
  #reserve(size: number): Buffer {
    if (this.#length + size > this.#buffer.length) this.#grow(size)
    return this.#buffer
  }

  rewind(length: number): void {
    this.#length = length
  }

  at(place: number): number {
    return this.#buffer[place] ?? 0
  }

  patch(at: number, value: number): void {
    this.#buffer[at] = value
  }

  byte(value: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1)
    this.#buffer[this.#length++] = value
  }

  ascii(text: string): void {
    const size = text.length
    const buffer = this.#reserve(size)
    if (size > nativeCopy) buffer.write(text, this.#length, size, 'latin1')
    else for (let i = 0, to = this.#length; i < size; i++, to++) buffer[to] = text.charCodeAt(i)
    this.#length += size
  }

  raw(bytes: Uint8Array): void {
    const buffer = this.#reserve(bytes.length)
    buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  bytes(source: Uint8Array, start: number, end: number): void {
    const size = end - start
    const buffer = this.#reserve(size)
    if (size > nativeCopy) buffer.set(source.subarray(start, end), this.#length)
    else for (let from = start, to = this.#length; from < end; from++, to++) buffer[to] = source[from] ?? 0
    this.#length += size
  }

  jsonString(text: string): void {
    const size = text.length
    const buffer = this.#reserve(size + 2)
    let to = this.#length
    buffer[to++] = quote
    for (let i = 0; i < size; i++, to++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f || escapes[unit] !== 0) {
        this.#slowString(text)
        return
      }
      buffer[to] = unit
    }
    buffer[to++] = quote
    this.#length = to
  }

  jsonStringFromUtf8(source: Uint8Array, start: number, end: number): void {
    const buffer = this.#reserve(end - start + 2)
    let to = this.#length
    let from = start
    buffer[to++] = quote
    // four at a time: most texts are plain
    for (; from + 4 <= end; from += 4, to += 4) {
      const first = source[from] as number
      const second = source[from + 1] as number
      const third = source[from + 2] as number
      const fourth = source[from + 3] as number
      if (
        ((escapes[first] as number) |
          (escapes[second] as number) |
          (escapes[third] as number) |
          (escapes[fourth] as number)) !==
        0
      )
        break
      buffer[to] = first
      buffer[to + 1] = second
      buffer[to + 2] = third
      buffer[to + 3] = fourth
    }
    for (; from < end; from++, to++) {
      const value = source[from] as number
      if (escapes[value] !== 0) {
        this.#length = to
        this.#escapedRest(source, from, end)
        return
      }
      buffer[to] = value
    }
    buffer[to++] = quote
    this.#length = to
  }

  integer(value: number): void {
    const buffer = this.#reserve(17)
    let rest = value
    if (rest < 0) {
      buffer[this.#length++] = 0x2d
      rest = -rest
    }
    let digits = 1
    for (let power = 10; power <= rest && digits < 16; power *= 10) digits++
    const end = this.#length + digits
    let to = end
    while (rest > 0x7fffffff) {
      const quotient = Math.floor(rest / 10)
      buffer[--to] = 0x30 + (rest - quotient * 10)
      rest = quotient
    }
    while (to > this.#length) {
      const quotient = (rest / 10) | 0
      buffer[--to] = 0x30 + (rest - quotient * 10)
      rest = quotient
    }
    this.#length = end
  }

  padded(value: number, width: number): void {
    const buffer = this.#reserve(width)
    const end = this.#length + width
    let rest = value
    for (let to = end - 1; to >= this.#length; to--) {
      const quotient = Math.floor(rest / 10)
      buffer[to] = 0x30 + (rest - quotient * 10)
      rest = quotient
    }
    this.#length = end
  }

  dateAndTime(year: number, month: number, day: number, second: number): void {
    const buffer = this.#reserve(19)
    const to = this.#length
    const minute = (second / 60) | 0
    const hour = (minute / 60) | 0
    const century = (year / 100) | 0
    putPair(buffer, to, century)
    putPair(buffer, to + 2, year - century * 100)
    buffer[to + 4] = 0x2d
    putPair(buffer, to + 5, month)
    buffer[to + 7] = 0x2d
    putPair(buffer, to + 8, day)
    buffer[to + 10] = 0x54
    putPair(buffer, to + 11, hour)
    buffer[to + 13] = 0x3a
    putPair(buffer, to + 14, minute - hour * 60)
    buffer[to + 16] = 0x3a
    putPair(buffer, to + 17, second - minute * 60)
    this.#length = to + 19
  }

  jsonGuid(source: Uint8Array, start: number): void {
    const buffer = this.#reserve(38)
    const to = this.#length
    buffer[to] = quote
    putHex(buffer, to + 1, source, start, 4)
    buffer[to + 9] = 0x2d
    putHex(buffer, to + 10, source, start + 4, 2)
    buffer[to + 14] = 0x2d
    putHex(buffer, to + 15, source, start + 6, 2)
    buffer[to + 19] = 0x2d
    putHex(buffer, to + 20, source, start + 8, 2)
    buffer[to + 24] = 0x2d
    putHex(buffer, to + 25, source, start + 10, 6)
    buffer[to + 37] = quote
    this.#length = to + 38
  }

  jsonBinary(source: Uint8Array, start: number, end: number, plain: boolean, padded: boolean): void {
    const digits = plain ? base64PlainDigits : base64UrlDigits
    const buffer = this.#reserve(4 * Math.ceil((end - start) / 3) + 2)
    let to = this.#length
    buffer[to++] = quote
    let from = start
    for (; from + 2 < end; from += 3) {
      const group = ((source[from] ?? 0) << 16) | ((source[from + 1] ?? 0) << 8) | (source[from + 2] ?? 0)
      buffer[to++] = digits[group >> 18] ?? 0
      buffer[to++] = digits[(group >> 12) & 63] ?? 0
      buffer[to++] = digits[(group >> 6) & 63] ?? 0
      buffer[to++] = digits[group & 63] ?? 0
    }
    if (from < end) {
      const two = from + 1 < end
      const group = ((source[from] ?? 0) << 16) | (two ? (source[from + 1] ?? 0) << 8 : 0)
      buffer[to++] = digits[group >> 18] ?? 0
      buffer[to++] = digits[(group >> 12) & 63] ?? 0
      if (two) buffer[to++] = digits[(group >> 6) & 63] ?? 0
      else if (padded) buffer[to++] = 0x3d
      if (padded) buffer[to++] = 0x3d
    }
    buffer[to++] = quote
    this.#length = to
  }

  take(): Uint8Array {
    const buffer = this.#buffer
    const length = this.#length
    this.#buffer = empty
    this.#length = 0
    // a large and well filled buffer is handed over; all else is copied, and the buffer serves the next answer
    if (length > pooledSize / 2 && length > buffer.length / 2) return buffer.subarray(0, length)
    const copy = Buffer.allocUnsafe(length)
    copy.set(buffer.subarray(0, length))
    if (buffer.length > 0 && buffer.length <= pooledSize && pool.length < pooledBuffers) pool.push(buffer)
    return copy
  }

  /** From the first byte that is not plain ASCII: what came before it, its quote included, is written. */
  #escapedRest(source: Uint8Array, start: number, end: number): void {
    if (!isUtf8(source.subarray(start, end))) {
      // other writers' bytes: what is no UTF-8 becomes U+FFFD, so that the answer stays UTF-8
      const repaired = Buffer.from(Buffer.from(source.buffer, source.byteOffset + start, end - start).toString('utf8'))
      this.#escaped(repaired, 0, repaired.length)
    } else this.#escaped(source, start, end)
    this.byte(quote)
  }

  /** Valid UTF-8 with the escapes of JSON, without quotes. */
  #escaped(source: Uint8Array, start: number, end: number): void {
    const buffer = this.#reserve(6 * (end - start) + 1)
    let to = this.#length
    for (let from = start; from < end; from++) {
      const value = source[from] ?? 0
      const letter = escapes[value] ?? 0
      if (letter <= 1) {
        buffer[to++] = value
        continue
      }
      buffer[to++] = backslash
      buffer[to++] = letter
      if (letter === 0x75) {
        const pair = hexPairs[value] ?? 0
        buffer[to++] = 0x30
        buffer[to++] = 0x30
        buffer[to++] = pair >> 8
        buffer[to++] = pair & 0xff
      }
    }
    this.#length = to
  }

  #slowString(text: string): void {
    const json = JSON.stringify(text)
    const buffer = this.#reserve(3 * json.length)
    this.#length += buffer.write(json, this.#length, 'utf8')
  }

  #grow(size: number): void {
    const needed = this.#length + size
    const pooled = this.#buffer === empty ? pool.pop() : undefined
    if (pooled !== undefined && pooled.length >= needed) {
      this.#buffer = pooled
      return
    }
    let capacity = Math.max(this.#initialSize, this.#buffer.length * 2)
    while (capacity < needed) capacity *= 2
    const larger = Buffer.allocUnsafeSlow(capacity)
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/**
 * A sink for one answer, or for its chunks one after another: `take` empties it.
 * @param initialSize bytes it starts with where the pool has no buffer
 */
export function createSink(initialSize = defaultSize): Sink {
  return new Sink(Math.max(initialSize, 64))
}
