import type { Keyset } from '../eval/order.ts'

type Compare = (a: Keyset, b: Keyset) => number

interface Entry<T> {
  readonly keyset: Keyset
  readonly item: T
}

/** The first few items of an order, whatever passes by: a heap with the last of them on top. */
export class SmallestFew<T> {
  readonly #limit: number
  readonly #compare: Compare
  readonly #heap: Entry<T>[] = []
  #next = 0

  /** @param limit how many are kept */
  constructor(limit: number, compare: Compare) {
    this.#limit = limit
    this.#compare = compare
  }

  /** What an item has to come before to be kept; undefined: any is. */
  get bar(): Keyset | undefined {
    return this.#heap.length < this.#limit ? undefined : this.#heap[0]?.keyset
  }

  /**
   * @param make makes the item, called only where it is kept
   * @param detach whether the sort values have to be copied to be kept
   */
  offer(keyset: Keyset, make: () => T, detach: boolean): void {
    const heap = this.#heap
    const compare = this.#compare
    if (heap.length >= this.#limit) {
      const top = heap[0]
      if (!top || compare(keyset, top.keyset) >= 0) return
      heap[0] = { keyset: detach ? detached(keyset) : keyset, item: make() }
      siftDown(heap, 0, (a, b) => compare(b.keyset, a.keyset))
      return
    }
    heap.push({ keyset: detach ? detached(keyset) : keyset, item: make() })
    siftUp(heap, heap.length - 1, (a, b) => compare(b.keyset, a.keyset))
  }

  /** Puts what was kept in order; nothing is offered any more. */
  finish(): void {
    this.#heap.sort((a, b) => this.#compare(a.keyset, b.keyset))
  }

  /** The next item, in order; undefined at the end. */
  next(): T | undefined {
    return this.#heap[this.#next++]?.item
  }
}

/** Items sorted at once; a few milliseconds at the most. */
const runLength = 2_048

/** Any number of items in order: sorted in short runs while they come, merged while they go. */
export class MergedRuns<T> {
  readonly #compare: Compare
  readonly #runs: Entry<T>[][] = []
  #run: Entry<T>[] = []
  #heads: { readonly run: Entry<T>[]; at: number }[] | undefined

  constructor(compare: Compare) {
    this.#compare = compare
  }

  add(keyset: Keyset, item: T): void {
    this.#run.push({ keyset, item })
    if (this.#run.length === runLength) this.#endRun()
  }

  /** The next item, in order; undefined at the end. Nothing is added any more. */
  next(): T | undefined {
    const heads = this.#heads ?? this.#begin()
    const top = heads[0]
    const entry = top?.run[top.at]
    if (!top || !entry) return undefined
    top.at++
    if (top.at === top.run.length) {
      const last = heads.pop()
      if (last && last !== top) heads[0] = last
    }
    siftDown(heads, 0, this.#compareHeads)
    return entry.item
  }

  #endRun(): void {
    const run = this.#run
    this.#run = []
    if (run.length > 0) this.#runs.push(run.sort((a, b) => this.#compare(a.keyset, b.keyset)))
  }

  #begin(): { readonly run: Entry<T>[]; at: number }[] {
    this.#endRun()
    const heads = this.#runs.map((run) => ({ run, at: 0 }))
    this.#heads = heads
    for (let i = (heads.length >> 1) - 1; i >= 0; i--) siftDown(heads, i, this.#compareHeads)
    return heads
  }

  readonly #compareHeads = (
    a: { readonly run: readonly Entry<T>[]; readonly at: number },
    b: { readonly run: readonly Entry<T>[]; readonly at: number },
  ): number => {
    const left = a.run[a.at]
    const right = b.run[b.at]
    return left && right ? this.#compare(left.keyset, right.keyset) : 0
  }
}

/** Sort values that hold on to nothing of the row they were read from. */
export function detached(keyset: Keyset): Keyset {
  return keyset.map((value) => (value instanceof Uint8Array ? Uint8Array.prototype.slice.call(value) : value))
}

function siftUp<E>(heap: E[], from: number, compare: (a: E, b: E) => number): void {
  let at = from
  const entry = heap[at]
  while (at > 0 && entry !== undefined) {
    const up = (at - 1) >> 1
    const parent = heap[up]
    if (parent === undefined || compare(parent, entry) <= 0) break
    heap[at] = parent
    heap[up] = entry
    at = up
  }
}

function siftDown<E>(heap: E[], from: number, compare: (a: E, b: E) => number): void {
  let at = from
  const entry = heap[at]
  if (entry === undefined) return
  for (;;) {
    let down = 2 * at + 1
    let child = heap[down]
    if (child === undefined) return
    const right = heap[down + 1]
    if (right !== undefined && compare(right, child) < 0) {
      down++
      child = right
    }
    if (compare(entry, child) <= 0) return
    heap[at] = child
    heap[down] = entry
    at = down
  }
}
