/** Says that a key grew past what lmdb holds. */
export class KeyTooLong extends Error {}

/** Where a key is put together; used again and again, so that a key costs one allocation. */
export class KeyBuffer {
  readonly #bytes: Buffer
  readonly #limit: number
  #length = 0

  /** @param limit the longest key, in bytes */
  constructor(limit: number) {
    this.#limit = limit
    // A string of `limit` UTF-16 units takes up to three bytes each before its length is checked.
    this.#bytes = Buffer.alloc(4 * limit + 64)
  }

  get length(): number {
    return this.#length
  }

  reset(length = 0): void {
    this.#length = length
  }

  /** A copy of what has been written. */
  take(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length)
  }

  #reserve(count: number): number {
    const at = this.#length
    if (at + count > this.#limit) throw new KeyTooLong()
    this.#length = at + count
    return at
  }

  byte(value: number): void {
    this.#bytes[this.#reserve(1)] = value
  }

  uint16(value: number): void {
    this.#bytes.writeUInt16BE(value, this.#reserve(2))
  }

  uint32(value: number): void {
    this.#bytes.writeUInt32BE(value, this.#reserve(4))
  }

  /** A signed integer so that byte order is its order. */
  int64(value: bigint): void {
    this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value + 0x8000_0000_0000_0000n), this.#reserve(8))
  }

  float64(value: number): void {
    this.#bytes.writeDoubleBE(value, this.#reserve(8))
  }

  /** Bytes as they are: only for values of one fixed length. */
  raw(source: Uint8Array, start: number, end: number): void {
    const at = this.#reserve(end - start)
    for (let i = start; i < end; i++) this.#bytes[at + i - start] = source[i] ?? 0
  }

  /** Bytes of any length: 00 becomes 00 FF and the end is 00, so that a shorter value comes first. */
  escaped(source: Uint8Array, start: number, end: number): void {
    if (this.#length + end - start > this.#limit) throw new KeyTooLong()
    for (let i = start; i < end; i++) {
      const value = source[i] ?? 0
      this.byte(value)
      if (value === 0) this.byte(0xff)
    }
    this.byte(0)
  }

  /** The text that was written last was cut: it ends with 01, behind the same text that ends there. */
  markCut(): void {
    this.#bytes[this.#length - 1] = 1
  }

  /** UTF-8, whose byte order is the order of code points, escaped as above. */
  text(text: string): void {
    const at = this.#length
    if (at + text.length > this.#limit) throw new KeyTooLong()
    const written = this.#bytes.write(text, at, 'utf8')
    if (this.#bytes.subarray(at, at + written).includes(0)) {
      const bytes = Buffer.from(text, 'utf8')
      this.escaped(bytes, 0, bytes.length)
      return
    }
    this.#reserve(written)
    this.byte(0)
  }

  /** Inverts what was written from `from` on: the order turns round. */
  invert(from: number): void {
    for (let i = from; i < this.#length; i++) this.#bytes[i] = ~(this.#bytes[i] ?? 0)
  }
}
