import type { Keyset } from '../eval/order.ts'
import { storeFailure } from '../store/failures.ts'
import type { IndexChoice, IndexOrder } from './index-choice.ts'
import { behind, endOfValues, entryRange, keyOfEntry } from './index-entries.ts'
import { entriesOf, IndexScan } from './index-scan.ts'
import { writeValue } from './index-values.ts'
import { type KeyRange, maxKeyBytes } from './key.ts'
import { KeyBuffer } from './key-buffer.ts'
import { KeyOrderSource, RowBatch, type RowQuery, type RowSource, SortedSource, type SortOrder } from './row-source.ts'
import { clockStride, keep, type RowWalk, sliceTime } from './scan.ts'
import type { Tables } from './tables.ts'

/** What a walk in the order of an index knows. */
export interface OrderedWalk {
  readonly tables: Tables
  readonly choice: IndexChoice
  readonly order: IndexOrder
  /** entries that may be met, in the order of entries */
  readonly ranges: readonly KeyRange[]
  /** what they begin with: number of the index, values that equal one each */
  readonly base: Uint8Array
  readonly sorted: SortOrder
  readonly after: Keyset | undefined
  /** the lmdb key of a position among the keys */
  readonly keyAt: (keyset: Keyset) => Uint8Array | undefined
}

/**
 * Rows in the order of an index: it ends as soon as there are enough. Where entries of equal values are not in the order
 * wanted (their keys stand the other way round, further items follow, values are cut) they are a run, with a source of its own.
 */
export class IndexOrderSource implements RowSource {
  readonly #walk: OrderedWalk
  readonly #query: Omit<RowQuery, 'scan' | 'overlay'>
  /** values at the front of entries that make a run */
  readonly #values: number
  /** rows of equal values stand in the order wanted */
  readonly #straight: boolean
  #ranges: KeyRange[]
  /** walk on behind this place, in the first range */
  #after: Uint8Array | undefined
  #run: RowSource | undefined
  #runScan: RowWalk | undefined
  #walkedInRuns = 0
  #met = 0
  #skipped = 0
  #delivered = 0

  constructor(walk: OrderedWalk, query: Omit<RowQuery, 'scan' | 'overlay'>) {
    this.#walk = walk
    this.#query = query
    const { order, choice } = walk
    this.#values = choice.equal + order.items
    this.#straight = order.key !== undefined && order.key.descending === order.reverse
    this.#ranges = order.reverse ? walk.ranges.toReversed() : [...walk.ranges]
    if (walk.after) this.#goTo(walk.after)
  }

  /** rows looked at so far */
  get walked(): number {
    return this.#met + this.#walkedInRuns + (this.#runScan?.rows ?? 0)
  }

  fill(batch: RowBatch): 'full' | 'paused' | 'ended' {
    const deadline = performance.now() + sliceTime
    while (this.#delivered < this.#query.limit) {
      if (this.#run) {
        const rows = new RowBatch()
        const outcome = this.#run.fill(rows)
        let full = false
        for (const row of rows.rows) if (this.#take(batch, row)) full = true
        if (outcome === 'ended') this.#run = undefined
        if (full && this.#delivered < this.#query.limit) return 'full'
        if (outcome === 'paused' || performance.now() > deadline) return 'paused'
      } else {
        const outcome = this.#step(batch, deadline)
        if (outcome !== 'run') return outcome
      }
    }
    return 'ended'
  }

  /** Walks on until the batch is full, time is up, or there are entries of equal values to be looked at apart. */
  #step(batch: RowBatch, deadline: number): 'full' | 'paused' | 'ended' | 'run' {
    const { tables, order } = this.#walk
    for (let range = this.#ranges[0]; range; range = this.#ranges[0]) {
      let last: Entry | undefined
      let count = 0
      for (const { key, value } of entriesOf(tables, range, order.reverse, this.#after)) {
        const entry = this.#entry(key, value)
        if (last && Buffer.compare(last.values, entry.values) === 0) return this.#begin(last.values)
        if (last && this.#deliver(batch, last)) return this.#isDone()
        last = entry.inPlace ? undefined : entry
        if (entry.inPlace && this.#deliver(batch, entry)) return this.#isDone()
        if (++count % clockStride === 0 && performance.now() > deadline) return 'paused'
      }
      if (last && this.#deliver(batch, last)) return this.#isDone()
      this.#ranges.shift()
      this.#after = undefined
    }
    return 'ended'
  }

  #entry(key: Uint8Array, value: Uint8Array): Entry {
    const end = endOfValues(value, this.#values)
    return {
      key,
      row: keyOfEntry(key, value),
      values: key.subarray(0, Math.abs(end)),
      inPlace: this.#straight && end > 0,
    }
  }

  #isDone(): 'full' | 'ended' {
    return this.#delivered < this.#query.limit ? 'full' : 'ended'
  }

  /** @returns whether the batch is full, or enough rows were delivered */
  #deliver(batch: RowBatch, { key: place, row: key }: Entry): boolean {
    const { test, scanLimit } = this.#query
    this.#after = place
    const row = this.#walk.tables.lentDocuments.get(key)
    if (row === undefined) return false
    this.#met++
    if (!test || test(row)) return this.#skipped < this.#query.skip ? this.#skip() : this.#take(batch, keep(row))
    if (this.#met - this.#delivered > scanLimit) throw storeFailure.scanLimit(scanLimit)
    return false
  }

  #skip(): boolean {
    this.#skipped++
    if (this.#met - this.#delivered > this.#query.scanLimit) throw storeFailure.scanLimit(this.#query.scanLimit)
    return false
  }

  #take(batch: RowBatch, row: Uint8Array): boolean {
    if (this.#skipped < this.#query.skip) return this.#skip()
    this.#delivered++
    return batch.add(row) || this.#delivered === this.#query.limit
  }

  /** Begins a run: the entries of these values; the walk goes on behind them. */
  #begin(values: Uint8Array, after?: Keyset): 'run' {
    const { tables, order, sorted, keyAt } = this.#walk
    const prefix = Uint8Array.prototype.slice.call(values)
    this.#after = order.reverse ? prefix : behind(prefix)
    const { test, scanLimit, skip, limit } = this.#query
    const query = {
      test,
      scanLimit,
      skip: 0,
      limit: skip - this.#skipped + limit - this.#delivered,
      overlay: undefined,
    }
    if (order.key && !this.#isCut(prefix)) {
      const start = after && keyAt(after)
      const scan = IndexScan.ofPrefix(tables, prefix, order.key.descending, start)
      this.#walkRun(scan)
      this.#run = new KeyOrderSource({ ...query, scan })
    } else {
      const scan = new IndexScan(tables, [entryRange(prefix)], false, undefined)
      this.#walkRun(scan)
      this.#run = new SortedSource({ ...query, scan }, sorted, after, (key) => tables.documents.getBinary(key))
    }
    return 'run'
  }

  #walkRun(scan: RowWalk): void {
    this.#walkedInRuns += this.#runScan?.rows ?? 0
    this.#runScan = scan
  }

  /** Whether one of the values in a prefix was cut: its first entry tells. */
  #isCut(prefix: Uint8Array): boolean {
    for (const { value } of entriesOf(this.#walk.tables, entryRange(prefix), false, undefined))
      return endOfValues(value, this.#values) < 0
    return false
  }

  /** Goes to the position of a keyset: rows behind it with the same values first. */
  #goTo(after: Keyset): void {
    const { choice, order, base, keyAt } = this.#walk
    const { prefix, cut } = positionOf(choice, order, base, after)
    const place = order.reverse ? prefix : behind(prefix)
    this.#ranges = this.#ranges.flatMap((each) => rest(each, place, order.reverse))
    const key = this.#straight && !cut ? keyAt(after) : undefined
    if (key) {
      // The entries of the same values, then the rest: one walk.
      const same = entryRange(prefix)
      this.#ranges.unshift(same)
      this.#after = Buffer.concat([prefix, key])
    } else {
      this.#begin(prefix, after)
      this.#after = undefined
    }
  }
}

interface Entry {
  readonly key: Uint8Array
  readonly row: Uint8Array
  readonly values: Uint8Array
  /** it comes next whatever follows it */
  readonly inPlace: boolean
}

const buffer = new KeyBuffer(2 * maxKeyBytes)

/** Where the entries of a keyset's values stand. */
function positionOf(
  { fields, equal }: IndexChoice,
  { items }: IndexOrder,
  base: Uint8Array,
  after: Keyset,
): { readonly prefix: Uint8Array; readonly cut: boolean } {
  buffer.reset()
  let cut = false
  for (let i = 0; i < items; i++) {
    const field = fields[equal + i]
    if (!field || field.type === null) continue
    const from = buffer.length
    if (writeValue(buffer, field.type, after[i] ?? null)) cut = true
    if (field.descending) buffer.invert(from)
  }
  return { prefix: Buffer.concat([base, buffer.take()]), cut }
}

/** What of a range stands behind a place. */
function rest({ start, end }: KeyRange, place: Uint8Array, reverse: boolean): KeyRange[] {
  if (reverse) {
    if (Buffer.compare(start, place) >= 0) return []
    return [{ start, end: Buffer.compare(end, place) < 0 ? end : place }]
  }
  if (Buffer.compare(end, place) <= 0) return []
  return [{ start: Buffer.compare(start, place) > 0 ? start : place, end }]
}
