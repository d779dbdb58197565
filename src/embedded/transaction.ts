import { readCounters } from './counters.ts'
import type { KeyRange } from './key.ts'
import type { CollectionHandle } from './registry.ts'
import type { Overlay } from './row-source.ts'
import type { Tables } from './tables.ts'
import type { RowChange, WriteBatch } from './write-batch.ts'

/** Says that what a transaction has read is not true any more: it has to run again. */
export class Conflict extends Error {}

interface Item {
  readonly collection: CollectionHandle
  readonly key: Uint8Array
  /** undefined: no row */
  readonly row: Uint8Array | undefined
  readonly told?: RowChange['told']
}

/**
 * A transaction of the store: reads remember what they saw, writes are kept back. At the end everything is checked and
 * written in one lmdb transaction; where something it had read has changed meanwhile nothing is written. So transactions
 * are serializable, and lmdb's write lock is never held while a handler waits for something else.
 */
export class Transaction {
  readonly #tables: Tables
  readonly #reads = new Map<string, Item>()
  readonly #writes = new Map<string, Item>()
  /** collections that were walked, with the count of changes before the walk */
  readonly #scans = new Map<CollectionHandle, number>()

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** The row under a key as this transaction sees it: its own, what it saw before, what is stored. */
  get(collection: CollectionHandle, key: Uint8Array): Uint8Array | undefined {
    const name = nameOf(key)
    const own = this.#writes.get(name) ?? this.#reads.get(name)
    if (own) return own.row
    this.#tables.root.resetReadTxn()
    const row = this.#tables.documents.getBinary(key)
    this.#reads.set(name, { collection, key, row })
    return row
  }

  /** @param told makes of a failure that the commit finds in this row what it fails with */
  put(collection: CollectionHandle, key: Uint8Array, row: Uint8Array, told: RowChange['told']): void {
    this.#writes.set(nameOf(key), { collection, key, row, told })
  }

  remove(collection: CollectionHandle, key: Uint8Array): void {
    this.#writes.set(nameOf(key), { collection, key, row: undefined })
  }

  /** To be called before a part of a collection is walked: what the walk has to leave out, and what it has to add. */
  beginScan(collection: CollectionHandle, range: KeyRange): Overlay {
    if (!this.#scans.has(collection)) {
      this.#tables.root.resetReadTxn()
      this.#scans.set(collection, readCounters(this.#tables, collection.number).changes)
    }
    const hidden = new Set<string>()
    const rows: Uint8Array[] = []
    for (const [name, item] of this.#writes) {
      if (item.collection !== collection) continue
      hidden.add(name)
      if (item.row && isWithin(item.key, range)) rows.push(item.row)
    }
    return { hidden, rows }
  }

  /** Keys of rows that this transaction has stored in a part of a collection. */
  ownKeys(collection: CollectionHandle, range: KeyRange): readonly Uint8Array[] {
    const own = [...this.#writes.values()].filter((item) => item.collection === collection && item.row)
    return own.map(({ key }) => key).filter((key) => isWithin(key, range))
  }

  get hasWrites(): boolean {
    return this.#writes.size > 0
  }

  /** Whether what was read still holds. @param stored reads inside the current lmdb transaction */
  holds(
    stored: (key: Uint8Array) => Uint8Array | undefined,
    changes: (collection: CollectionHandle) => number,
  ): boolean {
    for (const [collection, before] of this.#scans) if (changes(collection) !== before) return false
    for (const { key, row } of this.#reads.values()) if (!equalRows(stored(key), row)) return false
    return true
  }

  /** Whether what was read holds at the moment, outside any write transaction. */
  holdsNow(): boolean {
    const tables = this.#tables
    tables.root.resetReadTxn()
    return this.holds(
      (key) => tables.documents.getBinary(key),
      (collection) => readCounters(tables, collection.number).changes,
    )
  }

  /** Checks and writes everything, or nothing. @throws Conflict, ODataError conflict, or what whoever wrote the row makes of it */
  commit(batch: WriteBatch): void {
    const holds = this.holds(
      (key) => batch.get(key),
      (collection) => batch.counters(collection).changes,
    )
    if (!holds) throw new Conflict()
    const changes: RowChange[] = []
    for (const { collection, key, row, told } of this.#writes.values()) {
      const before = batch.get(key)
      if (before || row) changes.push({ collection, key, before, after: row, told })
    }
    batch.applyAll(changes)
  }
}

function isWithin(key: Uint8Array, { start, end }: KeyRange): boolean {
  return Buffer.compare(key, start) > 0 && Buffer.compare(key, end) < 0
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

function equalRows(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
}
