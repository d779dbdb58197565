import type { Document } from 'bson'
import { MongoError } from 'mongodb'
import { invariant } from '../base/assert.ts'
import type { Expression } from '../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { CountPlan, CreatePlan, DeletePlan, GroupPlan, ReadPlan, UpdatePlan } from '../plan/plan.ts'
import type { ChangeFeed } from '../store/changes.ts'
import { storeFailure } from '../store/failures.ts'
import type {
  Change,
  CreateOutcome,
  DeleteOutcome,
  GroupedValues,
  Rows,
  Session,
  Store,
  StoreCapabilities,
  UpdateOutcome,
} from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import type { Snapshots } from '../store/snapshots.ts'
import { countedStreams, type StreamStore } from '../store/streams.ts'
import { deleteRow, updateRow } from './changes.ts'
import { ChangeStreams } from './changes-since.ts'
import { type CompiledGroup, compileGroup } from './compile/group.ts'
import { type CompiledQuery, compileQuery, type Narrowing, narrowingOf, type SourcePlan } from './compile/query.ts'
import { Connection, standsAlone } from './connection.ts'
import { ContainedRows } from './contained-rows.ts'
import { type Counts, countFilter, countRows } from './count.ts'
import { Creates, creationOf } from './creates.ts'
import { EqualReads } from './equal-reads.ts'
import { readFailure } from './failures.ts'
import { findRows } from './find.ts'
import { type Groups, groupRows, readGroups } from './group.ts'
import { IndexBuilder } from './indexes.ts'
import { JoinedTransactions } from './joined-transactions.ts'
import { defaultScanLimit, type MongoStoreOptions } from './options.ts'
import { PointReads } from './point-reads.ts'
import { keyFilter, type Pages, readRows } from './rows.ts'
import { sharedSecret } from './secret.ts'
import { ClusterTimes } from './snapshots.ts'
import { MongoStreams } from './streams.ts'
import { type Course, inTurn, runTransaction, transactionRows } from './transaction.ts'

/**
 * A store on MongoDB (5.0 or newer; a replica set where transactions are wanted).
 * @param uri a MongoDB connection string; its write and read concerns and read preference are not used
 */
export function mongoStore(uri: string, options: MongoStoreOptions = {}): Store {
  return new MongoStore(uri, options)
}

class MongoStore implements Store {
  readonly name = 'mongodb'
  readonly streams: StreamStore
  readonly changes: ChangeFeed
  readonly snapshots: Snapshots
  readonly #connection: Connection
  readonly #options: MongoStoreOptions
  readonly #scanLimit: number
  readonly #pointReads: PointReads
  readonly #pages: Pages
  readonly #counts: Counts
  readonly #equalGroups: Groups
  readonly #creates: Creates
  readonly #joinedTransactions: JoinedTransactions
  readonly #indexes: IndexBuilder
  readonly #queries = new WeakMap<SourcePlan, CompiledQuery>()
  readonly #groups = new WeakMap<GroupPlan, CompiledGroup | 'none'>()
  readonly #rowFilters = new WeakMap<Expression, Narrowing>()
  readonly #contained: ContainedRows
  #layout: ModelLayout | undefined
  #running = 0
  #closing: (() => void) | undefined
  #closed = false

  constructor(uri: string, options: MongoStoreOptions) {
    this.#options = options
    this.#scanLimit = options.scanLimit ?? defaultScanLimit
    this.#connection = new Connection(uri, options)
    this.#pointReads = new PointReads(this.#connection)
    this.#pages = new EqualReads((page, session) => findRows(this.#connection, page, session))
    this.#counts = new EqualReads((count, session) => countFilter(this.#connection, count, session))
    this.#equalGroups = new EqualReads((groups, session) => readGroups(this.#connection, groups, session))
    this.#creates = new Creates(this.#connection)
    this.#joinedTransactions = new JoinedTransactions(this.#connection)
    this.#contained = new ContainedRows(this.#connection)
    this.streams = countedStreams(new MongoStreams(this.#connection), () => this.#begin())
    this.changes = new ChangeStreams(this.#connection, (work) => this.#run(work))
    this.snapshots = new ClusterTimes(this.#connection, (work) => this.#run(work))
    this.#indexes = new IndexBuilder(this.#connection, options.warn ?? (() => {}))
  }

  get capabilities(): StoreCapabilities {
    const { transactions } = this.#connection
    return { transactions, snapshots: transactions, changes: transactions, remote: true }
  }

  async open(layout: ModelLayout): Promise<void> {
    this.#layout = layout
    try {
      await this.#connection.open()
    } catch (error) {
      throw error instanceof MongoError ? storeFailure.unavailable(error) : error
    }
    if (this.#options.indexes !== false) this.#indexes.add(layout.collections.values())
  }

  /** A model may have thousands of contained collections: their indexes are made once something is stored there. */
  #noteContained(collection: CollectionLayout, session: Session): void {
    this.#contained.note(collection)
    if (this.#options.indexes !== false && !session.transaction) this.#indexes.add([collection])
  }

  ready(): Promise<void> {
    return this.#run(async () => {
      try {
        await this.#indexes.built()
        await this.#connection.db.command({ ping: 1 })
      } catch (error) {
        throw error instanceof MongoError ? storeFailure.unavailable(error) : error
      }
    })
  }

  secret(name: string): Promise<Uint8Array> {
    return this.#run(async () => {
      try {
        return await sharedSecret(this.#connection, name)
      } catch (error) {
        throw readFailure(error)
      }
    })
  }

  async read(plan: ReadPlan, session: Session): Promise<Rows> {
    const done = this.#begin(session)
    try {
      const query = this.#query(plan)
      const rowFilter = this.#rowFilter(plan, query, session)
      const rows = await inTurn(session, () =>
        readRows(this.#connection, this.#pages, query, rowFilter, session, plan, this.#scanLimit),
      )
      return rows.complete ? rows : whenOver(rows, this.#enter())
    } finally {
      done()
    }
  }

  readOne(plan: ReadPlan | UpdatePlan | DeletePlan, session: Session): Promise<Uint8Array | undefined> {
    return this.#run(
      async () => {
        invariant(plan.source.single, 'readOne is for plans of one row')
        const query = this.#query(plan)
        const rowFilter = this.#rowFilter(plan, query, session)
        const key = keyFilter(query, session)
        if (key === false) return undefined
        if (key !== true && query.narrowings.length === 0 && rowFilter === undefined && !standsAlone(session))
          return this.#pointReads.read(query.collection.name, key._id, session)
        const ask = async () => {
          const rows = await readRows(
            this.#connection,
            this.#pages,
            query,
            rowFilter,
            sessionLike(session, { limit: 1, after: undefined }),
            { skip: undefined, top: undefined },
            this.#scanLimit,
          )
          if (!rows.complete) await rows.close()
          return rows.first[0]
        }
        const known = transactionRows(session)
        if (known === undefined) return ask()
        if (key !== true && query.narrowings.length === 0 && rowFilter === undefined) {
          const { name } = query.collection
          if (!session.glance) return known.read(name, key._id, ask)
          return known.glance(name, key._id, () => this.#pointReads.read(name, key._id, session), ask)
        }
        await known.meet()
        return ask()
      },
      session,
      'own',
    )
  }

  count(plan: CountPlan | ReadPlan, session: Session): Promise<number> {
    return this.#run(async () => {
      const query = this.#query(plan)
      const rowFilter = this.#rowFilter(plan, query, session)
      return countRows(this.#connection, this.#counts, query, rowFilter, session, this.#scanLimit)
    }, session)
  }

  group(plan: GroupPlan, session: Session, most: number): Promise<readonly GroupedValues[] | undefined> {
    return this.#run(async () => {
      const query = this.#query(plan.base)
      let group = this.#groups.get(plan)
      if (group === undefined) {
        group = compileGroup(plan, query.context) ?? 'none'
        this.#groups.set(plan, group)
      }
      if (group === 'none') return undefined
      const rowFilter = this.#rowFilter(plan.base, query, session)
      return groupRows(this.#connection, this.#equalGroups, query, group, rowFilter, session, most)
    }, session)
  }

  create(plan: CreatePlan | UpdatePlan, session: Session, document: Document): Promise<CreateOutcome> {
    return this.#run(
      async () => {
        const { collection } = this.#query(plan)
        if (collection.contained) this.#noteContained(collection, session)
        const creation = creationOf(collection.name, document, session)
        return transactionRows(session)?.create(creation) ?? this.#creates.create(creation)
      },
      session,
      'own',
    )
  }

  update(plan: UpdatePlan, session: Session, change: Change): Promise<UpdateOutcome> {
    return this.#run(
      async () => {
        const query = this.#query(plan)
        return updateRow(this.#connection, query, this.#rowFilter(plan, query, session), session, change)
      },
      session,
      'changes',
    )
  }

  delete(plan: DeletePlan, session: Session): Promise<DeleteOutcome> {
    return this.#run(
      async () => {
        const query = this.#query(plan)
        return deleteRow(this.#connection, query, this.#rowFilter(plan, query, session), session)
      },
      session,
      'changes',
    )
  }

  deleteContained(path: string, collections: readonly CollectionLayout[], session: Session): Promise<void> {
    return this.#run(() => this.#contained.deleteAll(path, collections, session), session, 'changes')
  }

  transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#run(() => runTransaction(this.#connection, this.#joinedTransactions, session, work))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#indexes.built().catch(() => {})
    if (this.#running > 0)
      await new Promise<void>((resolve) => {
        this.#closing = resolve
      })
    await this.#connection.client.close()
  }

  /** Counts a request until it is over; requests after `close` are turned away. */
  #begin(session?: Session): () => void {
    // what a running transaction still does belongs to it
    if (this.#closed && !session?.transaction) throw storeFailure.unavailable(new Error('the store is closed'))
    return this.#enter()
  }

  #enter(): () => void {
    let over = false
    this.#running++
    return () => {
      if (over) return
      over = true
      this.#running--
      if (this.#running === 0) this.#closing?.()
    }
  }

  async #run<T>(work: () => Promise<T>, session?: Session, course?: Course): Promise<T> {
    const done = this.#begin(session)
    try {
      return await inTurn(session, work, course)
    } finally {
      done()
    }
  }

  /** The plan as MongoDB is asked for it, compiled at its first use. */
  #query(plan: SourcePlan): CompiledQuery {
    let query = this.#queries.get(plan)
    if (query === undefined) {
      invariant(this.#layout, 'the store is open')
      query = compileQuery(plan, this.#layout)
      this.#queries.set(plan, query)
    }
    return query
  }

  #rowFilter(plan: SourcePlan, query: CompiledQuery, session: Session): Narrowing | undefined {
    const { root } = plan.source
    const predicate = session.rowFilters.get(root.name)
    if (predicate === undefined) return undefined
    let narrowing = this.#rowFilters.get(predicate)
    if (narrowing === undefined) {
      narrowing = narrowingOf(predicate, { ...query.context, type: root.type })
      this.#rowFilters.set(predicate, narrowing)
    }
    return narrowing
  }
}

/** Rows that tell when they are over: read to the end, given up, or failed. */
function whenOver(rows: Rows, over: () => void): Rows {
  return {
    first: rows.first,
    complete: rows.complete,
    batches: (async function* () {
      try {
        yield* rows.batches
      } finally {
        over()
      }
    })(),
    close: async () => {
      try {
        await rows.close()
      } finally {
        over()
      }
    },
  }
}
