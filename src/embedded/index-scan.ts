import { entryRange, keyOfEntry } from './index-entries.ts'
import type { KeyRange } from './key.ts'
import { clockStride, type RowWalk, sliceTime } from './scan.ts'
import { type Lent, lendKey, type Tables } from './tables.ts'

/** A walk over the rows that ranges of index entries lead to, in pieces as `Scan`. */
export class IndexScan implements RowWalk {
  readonly #tables: Tables
  readonly #ranges: readonly KeyRange[]
  readonly #reverse: boolean
  #at = 0
  #after: Uint8Array | undefined
  rows = 0

  /**
   * @param ranges disjoint, in the order of the walk
   * @param after an entry in the first range: walk on behind it
   */
  constructor(tables: Tables, ranges: readonly KeyRange[], reverse: boolean, after: Uint8Array | undefined) {
    this.#tables = tables
    this.#ranges = ranges
    this.#reverse = reverse
    this.#after = after
  }

  /** @param prefix of the entries: all values of the index; @param after key of a row: walk on behind it */
  static ofPrefix(tables: Tables, prefix: Uint8Array, reverse: boolean, after: Uint8Array | undefined): IndexScan {
    return new IndexScan(tables, [entryRange(prefix)], reverse, after && Buffer.concat([prefix, after]))
  }

  walk(visit: (row: Lent) => boolean): 'stopped' | 'paused' | 'ended' {
    const deadline = performance.now() + sliceTime
    let count = 0
    for (; this.#at < this.#ranges.length; this.#at++, this.#after = undefined) {
      for (const { key: entry, value } of this.#entries()) {
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
    }
    this.rows += count
    return 'ended'
  }

  #entries(): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const { start, end } = this.#ranges[this.#at] ?? { start: none, end: none }
    return entriesOf(this.#tables, { start, end }, this.#reverse, this.#after)
  }
}

const none = new Uint8Array(0)

/** Index entries in a range. @param after walk on behind this place */
export function entriesOf(
  tables: Tables,
  { start, end }: KeyRange,
  reverse: boolean,
  after: Uint8Array | undefined,
): Iterable<{ key: Uint8Array; value: Uint8Array }> {
  return tables.indexes.getRange({
    start: after ?? (reverse ? end : start),
    end: reverse ? start : end,
    reverse,
    exclusiveStart: after !== undefined,
  })
}
