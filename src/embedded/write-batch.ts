import { ODataError } from '../errors/odata-error.ts'
import { logChange } from './change-log.ts'
import { type Counters, readCounters, writeCounters } from './counters.ts'
import { readIndexes, type StoredIndex } from './index-catalog.ts'
import {
  countsAsUnique,
  type EntryValues,
  entryOf,
  entryRange,
  entryValue,
  keyOfEntry,
  sameValues,
  valuesOf,
} from './index-entries.ts'
import type { CollectionHandle } from './registry.ts'
import type { Tables } from './tables.ts'

export type { Tables } from './tables.ts'

/** One row that changes. */
export interface RowChange {
  readonly collection: CollectionHandle
  readonly key: Uint8Array
  /** what is stored under the key; undefined: nothing */
  readonly before: Uint8Array | undefined
  /** what is to be; undefined: nothing */
  readonly after: Uint8Array | undefined
  /** makes of its failure what is thrown (store/port.ts, `Session.told`) */
  readonly told?: ((failure: unknown) => unknown) | undefined
}

/**
 * Reads and writes of one lmdb write transaction. Whatever changes a row goes through `apply`, which keeps the counters
 * and the indexes of its collection in step.
 */
export class WriteBatch {
  readonly #tables: Tables
  #counters = new Map<number, Counters>()
  readonly #changed = new Set<number>()
  /** how many writes were asked for so far */
  writes = 0

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** The row as this transaction sees it: a copy. */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.documents.getBinary(key)
  }

  /**
   * Changes one row.
   * @throws ODataError conflict (a value that must be unique is taken) or keyInvalid, before anything is written
   */
  apply(change: RowChange): void {
    const entries = this.indexes(change.collection).map((index) => entriesOf(index, change))
    for (const { index, added } of entries) if (added) this.#checkUnique(index, added, change)
    this.#writeRow(change)
    for (const { removed } of entries) if (removed) this.#tables.indexes.removeSync(entryOf(removed, change.key))
    for (const { added } of entries) if (added) this.#addEntry(added, change.key)
  }

  /**
   * Changes several rows, all or none: values that must be unique may wander from one row to another.
   * @throws ODataError as `apply`; nothing is written then
   */
  applyAll(changes: readonly RowChange[]): void {
    const [only] = changes
    if (changes.length === 1 && only) this.apply(only)
    else if (changes.length > 1) this.#nested(() => this.#applyInStep(changes))
  }

  #applyInStep(changes: readonly RowChange[]): void {
    const added: { readonly index: StoredIndex; readonly values: EntryValues; readonly change: RowChange }[] = []
    for (const change of changes) {
      this.#writeRow(change)
      for (const index of this.indexes(change.collection)) {
        const entries = entriesOf(index, change)
        if (entries.removed) this.#tables.indexes.removeSync(entryOf(entries.removed, change.key))
        if (entries.added) added.push({ index, values: entries.added, change })
      }
    }
    for (const { index, values, change } of added) {
      this.#checkUnique(index, values, change)
      this.#addEntry(values, change.key)
    }
  }

  /**
   * Adds the index entry of a row that is stored already.
   * @returns false where its value must be unique and is not: the entry is there all the same
   * @throws ODataError keyInvalid where there is no room for it
   */
  addEntry(index: StoredIndex, key: Uint8Array, row: Uint8Array): boolean {
    const values = valuesOf(index, row)
    const taken = this.#isTaken(index, values, key, row)
    entryOf(values, key)
    this.writes++
    this.#addEntry(values, key)
    return !taken
  }

  /** Takes away entries of an index. @returns how many there were, `limit` at the most */
  removeEntries(index: number, limit: number): number {
    const prefix = Buffer.alloc(4)
    prefix.writeUInt32BE(index)
    const entries = [...this.#tables.indexes.getKeys({ ...entryRange(prefix), limit })]
    this.writes += entries.length
    for (const entry of entries) this.#tables.indexes.removeSync(entry)
    return entries.length
  }

  /** Sets the record of a file, or a piece of it; undefined: takes it away. */
  putStream(table: 'files' | 'pieces', key: Uint8Array, value: Uint8Array | undefined): void {
    this.writes++
    if (value) this.#tables[table].putSync(key, value)
    else this.#tables[table].removeSync(key)
  }

  getFile(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.files.getBinary(key)
  }

  /** Sets a record of the meta table. */
  putMeta(key: Uint8Array, value: Uint8Array): void {
    this.writes++
    this.#tables.meta.putSync(key, value)
  }

  getMeta(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.meta.getBinary(key)
  }

  /** The indexes that have to be kept for a collection. */
  indexes(collection: CollectionHandle): readonly StoredIndex[] {
    return readIndexes(this.#tables, collection.number)
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

  /** Writes the counters that have changed; the last thing of the transaction. */
  finish(): void {
    for (const [number, counters] of this.#counters)
      if (this.#changed.has(number)) writeCounters(this.#tables, number, counters)
  }

  #writeRow({ collection, key, before, after }: RowChange): void {
    const counters = this.counters(collection)
    this.writes++
    if (after) this.#tables.documents.putSync(key, after)
    else this.#tables.documents.removeSync(key)
    counters.changes++
    logChange(this.#tables, collection, counters.changes, { before, after }, Date.now())
    this.#changed.add(collection.number)
    counters.rows += (after ? 1 : 0) - (before ? 1 : 0)
  }

  #addEntry(values: EntryValues, key: Uint8Array): void {
    this.#tables.indexes.putSync(entryOf(values, key), entryValue(values))
  }

  #checkUnique(index: StoredIndex, values: EntryValues, { key, after, told }: RowChange): void {
    if (after && this.#isTaken(index, values, key, after)) {
      const failure = new ODataError('conflict', 'Another entity has the same value where values must be unique.')
      throw told ? told(failure) : failure
    }
    // Found out before anything is written.
    entryOf(values, key)
  }

  #isTaken(index: StoredIndex, values: EntryValues, key: Uint8Array, row: Uint8Array): boolean {
    if (!countsAsUnique(index, row)) return false
    for (const entry of this.#tables.indexes.getRange(entryRange(values.prefix))) {
      const other = keyOfEntry(entry.key, entry.value)
      if (Buffer.compare(other, key) === 0) continue
      const rival = this.get(Uint8Array.prototype.slice.call(other))
      if (!rival || !countsAsUnique(index, rival)) continue
      if (!values.cut || sameValues(index, rival, row)) return true
    }
    return false
  }

  /** @throws what `work` throws, after everything it wrote has been taken back */
  #nested(work: () => void): void {
    const counters = new Map([...this.#counters].map(([number, values]) => [number, { ...values }]))
    const { writes } = this
    try {
      this.#tables.root.transactionSync(work)
    } catch (error) {
      this.#counters = counters
      this.writes = writes
      throw error
    }
  }
}

/** What changes in an index: nothing where the values stay. */
function entriesOf(
  index: StoredIndex,
  { before, after }: RowChange,
): { readonly index: StoredIndex; readonly removed: EntryValues | undefined; readonly added: EntryValues | undefined } {
  const removed = before && valuesOf(index, before)
  const added = after && valuesOf(index, after)
  // Cut values may differ behind the cut: then the unique check has to look.
  if (removed && added && !added.cut && Buffer.compare(removed.prefix, added.prefix) === 0)
    return { index, removed: undefined, added: undefined }
  return { index, removed, added }
}
