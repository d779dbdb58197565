import type { RowTest } from '../eval/compile.ts'
import type { BoundOrder, Keyset } from '../eval/order.ts'
import { storeFailure } from '../store/failures.ts'
import type { FirstItem } from './first-item.ts'
import { currentKey, currentKeyText, keep, type RowWalk } from './scan.ts'
import { detached, MergedRuns, SmallestFew } from './sorting.ts'

/** Rows of one batch, and their bytes. */
export const batchLimits = { rows: 256, bytes: 1_048_576 } as const

/** Where batches come from; each call holds the event loop for a few milliseconds at the most. */
export interface RowSource {
  /**
   * Adds rows to a batch.
   * @returns 'full': the batch may be handed on; 'paused': call again after others had the event loop; 'ended': no more rows
   */
  fill(batch: RowBatch): 'full' | 'paused' | 'ended'
}

/** A batch while it is being filled. */
export class RowBatch {
  readonly rows: Uint8Array[] = []
  #bytes = 0

  /** @returns whether the batch is full */
  add(row: Uint8Array): boolean {
    this.rows.push(row)
    this.#bytes += row.length
    return this.rows.length >= batchLimits.rows || this.#bytes >= batchLimits.bytes
  }
}

/** What both sources know of a request. */
export interface RowQuery {
  readonly scan: RowWalk
  readonly test: RowTest | undefined
  /** rows to leave out at the front */
  readonly skip: number
  /** rows wanted behind those; Infinity: all */
  readonly limit: number
  /** rows that may be met without being delivered */
  readonly scanLimit: number
  /** rows of a transaction's own that take the place of those with these keys */
  readonly overlay: Overlay | undefined
}

/** What a transaction has changed in one collection. */
export interface Overlay {
  /** keys (as strings of their bytes) whose stored rows do not count */
  readonly hidden: ReadonlySet<string>
  /** its own rows, in no order */
  readonly rows: readonly Uint8Array[]
}

/** Rows in the order of their keys: nothing is collected, nothing sorted. Not for transactions. */
export class KeyOrderSource implements RowSource {
  readonly #query: RowQuery
  #met = 0
  #delivered = 0

  constructor(query: RowQuery) {
    this.#query = query
  }

  fill(batch: RowBatch): 'full' | 'paused' | 'ended' {
    const { scan, test, skip, limit, scanLimit } = this.#query
    if (limit === 0) return 'ended'
    const before = scan.rows
    let seen = 0
    const outcome = scan.walk((row) => {
      seen++
      if (test && !test(row)) return before + seen - this.#delivered <= scanLimit
      this.#met++
      if (this.#met <= skip) return true
      this.#delivered++
      return !batch.add(keep(row)) && this.#delivered < limit
    })
    if (this.#delivered === limit) return 'ended'
    if (outcome === 'stopped' && scan.rows - this.#delivered > scanLimit) throw storeFailure.scanLimit(scanLimit)
    return outcome === 'stopped' ? 'full' : outcome
  }
}

/** An order that is sorted by. */
export interface SortOrder extends BoundOrder {
  readonly first: FirstItem | undefined
  /** whether sort values may point into the row they are of */
  readonly binary: boolean
}

/** Up to this many rows are kept whole while the others pass by; beyond it only sort values and keys are. */
const keptRows = 4_096

/** Rows in any order: everything is met first, then delivered. */
export class SortedSource implements RowSource {
  readonly #query: RowQuery
  readonly #order: SortOrder
  readonly #after: Keyset | undefined
  readonly #fetch: (key: Uint8Array) => Uint8Array | undefined
  readonly #few: SmallestFew<Uint8Array> | undefined
  readonly #runs: MergedRuns<Uint8Array> | undefined
  #state: 'collecting' | 'delivering' = 'collecting'
  #left: number

  /**
   * @param after only rows behind this position
   * @param fetch the current row under a key
   */
  constructor(
    query: RowQuery,
    order: SortOrder,
    after: Keyset | undefined,
    fetch: (key: Uint8Array) => Uint8Array | undefined,
  ) {
    this.#query = query
    this.#order = order
    this.#after = after
    this.#fetch = fetch
    this.#left = query.limit
    const wanted = query.skip + query.limit
    // Rows of a transaction have no stored form to be fetched again from.
    if (wanted <= keptRows || query.overlay) this.#few = new SmallestFew(wanted, order.compare)
    else this.#runs = new MergedRuns(order.compare)
  }

  fill(batch: RowBatch): 'full' | 'paused' | 'ended' {
    if (this.#query.limit === 0) return 'ended'
    if (this.#state === 'collecting') {
      if (this.#collect() === 'paused') return 'paused'
      this.#state = 'delivering'
      this.#skip()
    }
    return this.#deliver(batch)
  }

  #collect(): 'paused' | 'ended' {
    const { scan, test, scanLimit, overlay } = this.#query
    const { first, binary } = this.#order
    const hidden = overlay && overlay.hidden.size > 0 ? overlay.hidden : undefined
    const before = scan.rows
    let seen = 0
    const outcome = scan.walk((row) => {
      if (before + ++seen > scanLimit) return false
      if (test && !test(row)) return true
      if (hidden?.has(currentKeyText())) return true
      if (first && this.#isOut(first, row)) return true
      const keyset = this.#order.keyset(row)
      if (!this.#isAfter(keyset)) return true
      if (this.#few) this.#few.offer(keyset, () => keep(row), binary)
      else this.#runs?.add(binary ? detached(keyset) : keyset, currentKey())
      return true
    })
    if (outcome === 'stopped') throw storeFailure.scanLimit(scanLimit)
    if (outcome === 'ended') {
      for (const row of overlay?.rows ?? []) {
        if (test && !test(row)) continue
        const keyset = this.#order.keyset(row)
        if (this.#isAfter(keyset)) this.#few?.offer(keyset, () => row, false)
      }
    }
    return outcome === 'paused' ? 'paused' : 'ended'
  }

  /** Whether a row is none of those wanted by the first item of the order alone. */
  #isOut(first: FirstItem, row: Uint8Array): boolean {
    const bar = this.#few?.bar
    if (bar && first(row, bar[0] ?? null) > 0) return true
    return this.#after !== undefined && first(row, this.#after[0] ?? null) < 0
  }

  #isAfter(keyset: Keyset): boolean {
    return this.#after === undefined || this.#order.compare(keyset, this.#after) > 0
  }

  #skip(): void {
    this.#few?.finish()
    for (let i = 0; i < this.#query.skip; i++) (this.#few ?? this.#runs)?.next()
  }

  #deliver(batch: RowBatch): 'full' | 'ended' {
    const { test } = this.#query
    while (this.#left > 0) {
      const next = (this.#few ?? this.#runs)?.next()
      if (next === undefined) return 'ended'
      let row: Uint8Array | undefined = next
      if (this.#runs) {
        row = this.#fetch(next)
        // Deleted, or changed so that it is none of those asked for any more.
        if (row === undefined || (test && !test(row))) continue
      }
      this.#left--
      if (batch.add(row)) return this.#left > 0 ? 'full' : 'ended'
    }
    return 'ended'
  }
}
