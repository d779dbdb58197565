import { entryRange, keyOfEntry } from './index-entries.ts'
import { clockStride, type RowWalk, sliceTime } from './scan.ts'
import { type Lent, lendKey, type Tables } from './tables.ts'

/** A walk over the rows that the entries of an index lead to, in pieces as `Scan`. */
export class IndexScan implements RowWalk {
  readonly #tables: Tables
  readonly #range: { readonly start: Uint8Array; readonly end: Uint8Array }
  readonly #reverse: boolean
  #after: Uint8Array | undefined
  done = false
  rows = 0

  /**
   * @param prefix what the entries begin with
   * @param after key of a row: walk on behind it; only where the prefix holds all values of the index
   */
  constructor(tables: Tables, prefix: Uint8Array, reverse: boolean, after: Uint8Array | undefined) {
    this.#tables = tables
    this.#range = entryRange(prefix)
    this.#reverse = reverse
    this.#after = after && Buffer.concat([prefix, after])
  }

  walk(visit: (row: Lent) => boolean): 'stopped' | 'paused' | 'ended' {
    if (this.done) return 'ended'
    const { start, end } = this.#range
    const entries = this.#tables.indexes.getRange({
      start: this.#after ?? (this.#reverse ? end : start),
      end: this.#reverse ? start : end,
      reverse: this.#reverse,
      exclusiveStart: this.#after !== undefined,
    })
    const deadline = performance.now() + sliceTime
    let count = 0
    for (const { key: entry, value } of entries) {
      count++
      const key = keyOfEntry(entry, value)
      const row = this.#tables.lentDocuments.get(key)
      lendKey(key)
      const goOn = row === undefined || visit(row)
      const late = count % clockStride === 0 && performance.now() > deadline
      if (goOn && !late) continue
      this.rows += count
      this.#after = entry
      return goOn ? 'paused' : 'stopped'
    }
    this.rows += count
    this.done = true
    return 'ended'
  }
}
