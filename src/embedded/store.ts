import type { Document } from 'bson'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { CountPlan, CreatePlan, DeletePlan, ReadPlan, Source, UpdatePlan } from '../plan/plan.ts'
import type { ChangeFeed } from '../store/changes.ts'
import { storeFailure } from '../store/failures.ts'
import type {
  Change,
  CreateOutcome,
  DeleteOutcome,
  Rows,
  Session,
  Store,
  StoreCapabilities,
  UpdateOutcome,
} from '../store/port.ts'
import type { Snapshots } from '../store/snapshots.ts'
import { countedStreams, type StreamStore } from '../store/streams.ts'
import { Accesses } from './access.ts'
import { ChangeLog } from './changes-since.ts'
import { Committer } from './committer.ts'
import { readCounters } from './counters.ts'
import { buildIndexes } from './index-building.ts'
import { countRows, readRow, readRows, transactionOf } from './reading.ts'
import { Collections, checkFormat, type Registration, readSecret, registerCollections } from './registry.ts'
import { deleteContained, type RemovingContext } from './removing.ts'
import { HeldState, HeldStates } from './snapshots.ts'
import { EmbeddedStreams } from './streams.ts'
import { openTables, type Tables } from './tables.ts'
import { TransactionRunner } from './transaction-runner.ts'
import { createRow, deleteRow, updateRow } from './writing.ts'

/** How the embedded store is set up. */
export interface EmbeddedStoreOptions {
  /** the data folder; made where there is none */
  readonly path: string
  /** rows that one request may meet without delivering them: filters, sorts and skips that no index answers. Default 1,000,000 */
  readonly scanLimit?: number
  /** bytes of address space to begin with; it grows with the data */
  readonly mapSize?: number
  /** processes that may read at once; default 126 */
  readonly maxReaders?: number
  /** milliseconds that `close` waits for running requests; default 10,000 */
  readonly closeTimeout?: number
  /** told what an operator should know (an index that cannot be made) */
  readonly warn?: (message: string) => void
}

/**
 * The store inside the process: BSON rows in an lmdb folder (docs/decisions/0003-embedded-store.md). Several processes
 * may share a folder on one machine. Whatever is acknowledged has been flushed to the disk.
 */
export function embeddedStore(options: EmbeddedStoreOptions): Store {
  return new EmbeddedStore(options)
}

interface OpenStore extends RemovingContext {
  readonly transactions: TransactionRunner
}

class EmbeddedStore implements Store {
  readonly name = 'embedded'
  readonly capabilities: StoreCapabilities = { transactions: true, snapshots: true, changes: true, remote: false }
  readonly streams: StreamStore
  readonly changes: ChangeFeed
  readonly snapshots: Snapshots
  readonly #options: EmbeddedStoreOptions
  #state: OpenStore | undefined
  #opening: Promise<void> | undefined
  #building: Promise<void> = Promise.resolve()
  #closing = false
  #running = 0
  #idle: (() => void) | undefined

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options
    this.changes = new ChangeLog((work) => this.#run(work))
    this.snapshots = new HeldStates(() => ({ tables: this.#opened().tables, released: this.#enter() }))
    this.streams = countedStreams(new EmbeddedStreams(() => this.#current()), () => {
      this.#opened()
      return this.#enter()
    })
  }

  open(layout: ModelLayout): Promise<void> {
    this.#opening ??= this.#open(layout)
    return this.#opening
  }

  async ready(): Promise<void> {
    await this.#opening
    const { tables } = this.#opened()
    await this.#building
    tables.root.resetReadTxn()
    readCounters(tables, 0)
  }

  secret(name: string): Promise<Uint8Array> {
    return this.#run(({ tables, committer }) => readSecret(tables, committer, name))
  }

  async read(plan: ReadPlan, session: Session): Promise<Rows> {
    const open = this.#opened()
    const leave = this.#enter()
    try {
      await open.accesses.prepare(plan.source)
      return await readRows(at(open, session), plan, session, leave)
    } catch (error) {
      leave()
      throw error
    }
  }

  readOne(plan: ReadPlan | UpdatePlan | DeletePlan, session: Session): Promise<Uint8Array | undefined> {
    return this.#runOn(plan, async (open) => readRow(at(open, session), plan, session))
  }

  count(plan: CountPlan | ReadPlan, session: Session): Promise<number> {
    return this.#runOn(plan, (open) => countRows(at(open, session), plan, session))
  }

  create(plan: CreatePlan | UpdatePlan, session: Session, document: Document): Promise<CreateOutcome> {
    return this.#runOn(plan, (open) => createRow(open, plan, session, document))
  }

  update(plan: UpdatePlan, session: Session, change: Change): Promise<UpdateOutcome> {
    return this.#runOn(plan, (open) => updateRow(open, plan, session, change))
  }

  delete(plan: DeletePlan, session: Session): Promise<DeleteOutcome> {
    return this.#runOn(plan, (open) => deleteRow(open, plan, session))
  }

  deleteContained(path: string, collections: readonly CollectionLayout[], session: Session): Promise<void> {
    return this.#run((open) => deleteContained(open, path, collections, session))
  }

  transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    if (transactionOf(session)) return work(session)
    return this.#run(({ transactions }) => transactions.run(session, work))
  }

  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    await this.#opening?.catch(() => {})
    const state = this.#state
    if (!state) return
    if (this.#running > 0) await this.#finished()
    await this.#building.catch(() => {})
    this.#state = undefined
    await state.committer.idle()
    await state.tables.root.close()
  }

  async #open(layout: ModelLayout): Promise<void> {
    const { path, mapSize, maxReaders = 126, scanLimit = 1_000_000, warn = () => {} } = this.#options
    const tables: Tables = openTables({ path, mapSize, maxReaders })
    const committer = new Committer(tables.root, tables)
    try {
      await checkFormat(committer, path)
      const registration = await registerCollections(committer, layout.collections.values())
      const build = (found: Registration): void => {
        const before = this.#building
        this.#building = before.then(() =>
          buildIndexes({ tables, committer, warn, stopped: () => this.#closing }, found),
        )
        this.#building.catch(() => {})
      }
      const collections = new Collections(tables, committer, registration, build)
      this.#state = {
        tables,
        committer,
        accesses: new Accesses(layout, collections),
        collections,
        scanLimit,
        transactions: new TransactionRunner(tables, committer),
        checkOpen: () => void this.#current(),
      }
      build(registration)
    } catch (error) {
      await tables.root.close()
      throw error
    }
  }

  #current(): OpenStore {
    if (!this.#state) throw storeFailure.unavailable(new Error('the embedded store is not open'))
    return this.#state
  }

  #opened(): OpenStore {
    if (this.#closing) throw storeFailure.unavailable(new Error('the embedded store is being closed'))
    return this.#current()
  }

  async #run<T>(work: (open: OpenStore) => Promise<T>): Promise<T> {
    const open = this.#opened()
    const leave = this.#enter()
    try {
      return await work(open)
    } finally {
      leave()
    }
  }

  #runOn<T>(plan: { readonly source: Source }, work: (open: OpenStore) => Promise<T>): Promise<T> {
    return this.#run((open) => {
      const preparing = open.accesses.prepare(plan.source)
      return preparing ? preparing.then(() => work(open)) : work(open)
    })
  }

  /** Counts a request as running until the function given back is called. */
  #enter(): () => void {
    this.#running++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#running--
      if (this.#running === 0) this.#idle?.()
    }
  }

  async #finished(): Promise<void> {
    const { closeTimeout = 10_000 } = this.#options
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#idle = resolve
      timer = setTimeout(resolve, closeTimeout)
    })
    clearTimeout(timer)
  }
}

/** The store as a session sees it. */
function at(open: OpenStore, { snapshot }: Session): OpenStore {
  return snapshot instanceof HeldState ? { ...open, tables: snapshot.tables } : open
}
