import type { KeyRange } from './key.ts'
import { type Lent, lastKey, type Tables } from './tables.ts'

/** How long one piece of a scan may hold the event loop, in milliseconds. */
export const sliceTime = 4

/** Rows between two looks at the clock. */
export const clockStride = 32

/** A walk over rows in pieces. */
export interface RowWalk {
  /** rows met so far */
  readonly rows: number
  /**
   * Walks on until the visitor stops it, time is up or there is no more.
   * @param visit takes a row that is lent: to be copied where it outlives the call. Returns whether to go on
   * @returns 'stopped' by the visitor, 'paused' by the clock, 'ended' at the end
   */
  walk(visit: (row: Lent) => boolean): 'stopped' | 'paused' | 'ended'
}

/**
 * A walk over the rows of a key range. Between two pieces it holds nothing of lmdb's, so that a slow consumer
 * never keeps a read transaction open: each piece is a snapshot of its own, taken up behind the last key seen. A row that is
 * there during the whole walk is met exactly once, as keys never change.
 */
export class Scan implements RowWalk {
  readonly #tables: Tables
  readonly #range: KeyRange
  readonly #reverse: boolean
  #after: Uint8Array | undefined
  done = false
  rows = 0

  /** @param after walk on behind this key, which may be gone by now */
  constructor(tables: Tables, range: KeyRange, reverse: boolean, after: Uint8Array | undefined) {
    this.#tables = tables
    this.#range = range
    this.#reverse = reverse
    this.#after = after
  }

  walk(visit: (row: Lent) => boolean): 'stopped' | 'paused' | 'ended' {
    if (this.done) return 'ended'
    const { start, end } = this.#range
    const first = this.#after ?? (this.#reverse ? end : start)
    // A reverse range of lmdb runs down to its end, exclusive; no row has the bare start of the range as its key.
    const rows = this.#tables.lentDocuments.getRange({
      start: first,
      end: this.#reverse ? start : end,
      reverse: this.#reverse,
      exclusiveStart: this.#after !== undefined,
    })
    const deadline = performance.now() + sliceTime
    let count = 0
    for (const { value } of rows) {
      count++
      const goOn = visit(value)
      const late = count % clockStride === 0 && performance.now() > deadline
      if (goOn && !late) continue
      this.rows += count
      this.#after = currentKey()
      return goOn ? 'paused' : 'stopped'
    }
    this.rows += count
    this.done = true
    return 'ended'
  }
}

/** The key of the row that is lent at the moment: a copy. */
export function currentKey(): Uint8Array {
  return Uint8Array.prototype.slice.call(lastKey.bytes, 0, lastKey.length)
}

/** The key of the row that is lent at the moment, as a string of its bytes. */
export function currentKeyText(): string {
  return lastKey.bytes.toString('latin1', 0, lastKey.length)
}

/** A copy of a lent row that may be kept. */
export function keep(row: Lent): Uint8Array {
  const { length } = row
  const copy = Buffer.allocUnsafe(length)
  // Not `row.copy`, which takes the memory's length for the row's.
  copy.set(new Uint8Array(row.buffer, row.byteOffset, length))
  return copy
}

/** Lets others have the event loop. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
