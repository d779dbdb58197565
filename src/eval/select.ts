import type { RowTest } from './compile.ts'
import type { BoundOrder, Keyset } from './order.ts'

/** What of a stream of rows is wanted. */
export interface RowSelection {
  /** all must hold */
  readonly tests: readonly RowTest[]
  /** undefined: as they come */
  readonly order: BoundOrder | undefined
  /** only rows behind these sort values; needs an order */
  readonly after: Keyset | undefined
  readonly skip: number
  /** at most so many; undefined: all */
  readonly limit: number | undefined
  /** whether all rows that pass the tests are counted (`after`, skip and limit do not matter for it) */
  readonly count: boolean
  /** called for a row that is kept while others are read: copies it where its bytes may change; default: as it is */
  readonly retain?: (row: Uint8Array) => Uint8Array
}

/** A row that was chosen. */
export interface SelectedRow {
  readonly row: Uint8Array
  /** its sort values; none without an order */
  readonly keyset: Keyset
}

/** The rows of one page. */
export interface SelectedRows {
  readonly rows: readonly SelectedRow[]
  /** where it was asked for */
  readonly total: number | undefined
  /** whether there are rows behind the last one */
  readonly more: boolean
}

const noKeyset: Keyset = []

/**
 * Filters, sorts and cuts rows in one pass. With a limit it keeps `skip + limit` rows at the most, in a heap; without an
 * order it stops reading once the page is full.
 */
export function selectRows(rows: Iterable<Uint8Array>, selection: RowSelection): SelectedRows {
  return selection.order === undefined ? inGivenOrder(rows, selection) : inSortOrder(rows, selection, selection.order)
}

function passes(row: Uint8Array, tests: readonly RowTest[]): boolean {
  for (const test of tests) if (!test(row)) return false
  return true
}

function inGivenOrder(rows: Iterable<Uint8Array>, selection: RowSelection): SelectedRows {
  const { tests, skip, limit, count, retain } = selection
  const end = limit === undefined ? Number.POSITIVE_INFINITY : skip + limit
  const chosen: SelectedRow[] = []
  let total = 0
  for (const row of rows) {
    if (!passes(row, tests)) continue
    if (total >= skip && total < end) chosen.push({ row: retain?.(row) ?? row, keyset: noKeyset })
    total++
    if (total > end && !count) break
  }
  return { rows: chosen, total: count ? total : undefined, more: total > end }
}

function inSortOrder(rows: Iterable<Uint8Array>, selection: RowSelection, order: BoundOrder): SelectedRows {
  const { tests, after, skip, limit, count, retain } = selection
  const kept = new BoundedSort(limit === undefined ? Number.POSITIVE_INFINITY : skip + limit, order)
  let total = 0
  for (const row of rows) {
    if (!passes(row, tests)) continue
    total++
    const keyset = order.keyset(row)
    if (after !== undefined && order.compare(keyset, after) <= 0) continue
    if (kept.wants(keyset)) kept.add({ row: retain?.(row) ?? row, keyset })
  }
  return { rows: kept.sorted().slice(skip), total: count ? total : undefined, more: kept.dropped }
}

/** Keeps the first `limit` rows of an order: a heap with the last of them on top. */
class BoundedSort {
  readonly #heap: SelectedRow[] = []
  readonly #limit: number
  readonly #order: BoundOrder
  dropped = false

  constructor(limit: number, order: BoundOrder) {
    this.#limit = limit
    this.#order = order
  }

  wants(keyset: Keyset): boolean {
    if (this.#heap.length < this.#limit) return true
    const [top] = this.#heap
    this.dropped = true
    return top !== undefined && this.#order.compare(keyset, top.keyset) < 0
  }

  add(row: SelectedRow): void {
    const heap = this.#heap
    if (this.#limit === Number.POSITIVE_INFINITY) heap.push(row)
    else if (heap.length < this.#limit) this.#rise(row)
    else this.#sink(row)
  }

  sorted(): readonly SelectedRow[] {
    return this.#heap.sort((a, b) => this.#order.compare(a.keyset, b.keyset))
  }

  #rise(row: SelectedRow): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(row)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || this.#order.compare(above.keyset, row.keyset) >= 0) break
      heap[at] = above
      at = parent
    }
    heap[at] = row
  }

  #sink(row: SelectedRow): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && this.#order.compare(right.keyset, below.keyset) > 0) {
        below = right
        child++
      }
      if (this.#order.compare(row.keyset, below.keyset) >= 0) break
      heap[at] = below
      at = child
    }
    heap[at] = row
  }
}
