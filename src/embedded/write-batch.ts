import { type Counters, readCounters, writeCounters } from './counters.ts'
import type { CollectionHandle } from './registry.ts'
import type { Tables } from './tables.ts'

export type { Tables } from './tables.ts'

/**
 * Reads and writes of one lmdb write transaction. Whatever changes a row goes through `put` and `remove`, which keep the
 * counters (and the indexes) of its collection in step.
 */
export class WriteBatch {
  readonly #tables: Tables
  readonly #counters = new Map<number, Counters>()
  /** how many writes were asked for so far */
  writes = 0

  constructor(tables: Tables) {
    this.#tables = tables
  }

  get tables(): Tables {
    return this.#tables
  }

  /** The row as this transaction sees it: a copy. */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.documents.getBinary(key)
  }

  /**
   * Stores a row.
   * @param before the row that was there under this key, undefined where there was none
   */
  put(collection: CollectionHandle, key: Uint8Array, row: Uint8Array, before: Uint8Array | undefined): void {
    const counters = this.counters(collection)
    this.writes++
    this.#tables.documents.putSync(key, row)
    counters.changes++
    if (before === undefined) counters.rows++
  }

  /** Takes a row away. */
  remove(collection: CollectionHandle, key: Uint8Array, before: Uint8Array): void {
    const counters = this.counters(collection)
    this.writes++
    this.#tables.documents.removeSync(key)
    counters.changes++
    if (before !== undefined) counters.rows--
  }

  /** Sets a record of the meta table. */
  putMeta(key: Uint8Array, value: Uint8Array): void {
    this.writes++
    this.#tables.meta.putSync(key, value)
  }

  getMeta(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.meta.getBinary(key)
  }

  /** The counters of a collection as they will be when this transaction ends. */
  counters(collection: CollectionHandle): Counters {
    let counters = this.#counters.get(collection.number)
    if (!counters) {
      counters = readCounters(this.#tables, collection.number)
      this.#counters.set(collection.number, counters)
    }
    return counters
  }

  /** Writes the counters; the last thing of the transaction. */
  finish(): void {
    for (const [number, counters] of this.#counters) writeCounters(this.#tables, number, counters)
  }
}
