import type { Database, GetOptions, RangeOptions, RootDatabase, Transaction } from 'lmdb'
import { storeFailure } from '../store/failures.ts'
import type { Snapshot, Snapshots } from '../store/snapshots.ts'
import type { Tables } from './tables.ts'

/** Milliseconds for which a snapshot is held: the pages that it is made of cannot be used again meanwhile, so that the file grows. */
const longest = 30_000

/** A read transaction of lmdb that stays open: the tables as they were when it began. */
export class HeldState implements Snapshot {
  readonly name = undefined
  readonly tables: Tables
  readonly #release: () => void
  #held = true

  /** @param released told once the state is let go */
  constructor(tables: Tables, released: () => void) {
    const { root } = tables
    root.resetReadTxn()
    const transaction = root.useReadTransaction()
    const timer = setTimeout(() => this.release(), longest)
    timer.unref()
    this.#release = () => {
      clearTimeout(timer)
      transaction.done()
      released()
    }
    const held = (): Transaction => {
      if (this.#held) return transaction
      throw storeFailure.timeout(new Error(`a snapshot was read from for more than ${longest} ms`))
    }
    this.tables = {
      ...tables,
      // what is read has to stay as it is
      root: Object.create(root, { resetReadTxn: { value: () => {} } }) as RootDatabase<Uint8Array, Uint8Array>,
      documents: reading(tables.documents, held),
      lentDocuments: reading(tables.lentDocuments, held),
      indexes: reading(tables.indexes, held),
      meta: reading(tables.meta, held),
    }
  }

  release(): void {
    if (!this.#held) return
    this.#held = false
    this.#release()
  }
}

/** lmdb's types leave out the second argument. */
interface BinaryReading {
  getBinary(key: Uint8Array, options: GetOptions): Buffer | undefined
}

/** A table of which everything is read in one transaction. */
function reading<Value>(table: Database<Value, Uint8Array>, held: () => Transaction): Database<Value, Uint8Array> {
  const within = (options: RangeOptions | undefined): RangeOptions => ({ ...options, transaction: held() })
  return Object.create(table, {
    get: { value: (key: Uint8Array) => table.get(key, { transaction: held() }) },
    getBinary: { value: (key: Uint8Array) => (table as BinaryReading).getBinary(key, { transaction: held() }) },
    getRange: { value: (options?: RangeOptions) => table.getRange(within(options)) },
    getKeys: { value: (options?: RangeOptions) => table.getKeys(within(options)) },
    getKeysCount: { value: (options?: RangeOptions) => table.getKeysCount(within(options)) },
  }) as Database<Value, Uint8Array>
}

/** Snapshots as read transactions (store/snapshots.ts). */
export class HeldStates implements Snapshots {
  readonly #open: () => { readonly tables: Tables; readonly released: () => void }

  /** @param open the tables, and what is to be told when they are let go. @throws ODataError storeUnavailable */
  constructor(open: () => { readonly tables: Tables; readonly released: () => void }) {
    this.#open = open
  }

  async take(): Promise<Snapshot> {
    const { tables, released } = this.#open()
    return new HeldState(tables, released)
  }

  named(): undefined {
    return undefined
  }
}
