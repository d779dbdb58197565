import type { Document } from 'bson'
import type { Expression, Parameters } from '../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'
import type { CountPlan, CreatePlan, DeletePlan, GroupPlan, ReadPlan, UpdatePlan } from '../plan/plan.ts'
import type { ChangeFeed } from './changes.ts'
import type { Snapshot, Snapshots } from './snapshots.ts'
import type { StreamStore } from './streams.ts'
import type { Trace } from './trace.ts'

/**
 * The store port. Rows are BSON documents as bytes in the stored form (`bson/layout.ts`). Every failure is an ODataError
 * made by `failures.ts`; nothing of the store's own messages reaches a client.
 */
export interface Store {
  readonly name: 'mongodb' | 'embedded'
  readonly capabilities: StoreCapabilities
  /** media and stream properties */
  readonly streams: StreamStore
  /** what was written to since when (Protocol 11.3) */
  readonly changes: ChangeFeed
  /** states that reads can be held to (Protocol 8.2.6) */
  readonly snapshots: Snapshots
  /**
   * Connects, and makes what the layout needs (collections; indexes in the background).
   * @throws ODataError `storeUnavailable`
   */
  open(layout: ModelLayout): Promise<void>
  /** Resolves while the store can answer; rejects with `storeUnavailable` otherwise. Waits for the indexes (readyz). */
  ready(): Promise<void>
  /** A small secret shared by all processes on the same data, made at first use (signs skip tokens). */
  secret(name: string): Promise<Uint8Array>
  /** The rows of a plan, in its total order. The first batch is fetched before this resolves. */
  read(plan: ReadPlan, session: Session): Promise<Rows>
  /** At most one row, of a plan whose source is single: the point read, joined with others of the same turn. */
  readOne(plan: ReadPlan | UpdatePlan | DeletePlan, session: Session): Promise<Uint8Array | undefined>
  count(plan: CountPlan | ReadPlan, session: Session): Promise<number>
  /**
   * Groups and aggregates rows where the store can do so exactly as `eval/` would; groups come in any order.
   * @param most one group more may be given, so that too many can be told
   * @returns undefined where it cannot: the rows have to be read
   */
  group?(plan: GroupPlan, session: Session, most: number): Promise<readonly GroupedValues[] | undefined>
  /** Stores a new document with `@version` 1; durable once resolved. */
  create(plan: CreatePlan | UpdatePlan, session: Session, document: Document): Promise<CreateOutcome>
  /** Changes the row of a single source in one atomic command, `@version` raised by one; durable once resolved. */
  update(plan: UpdatePlan, session: Session, change: Change): Promise<UpdateOutcome>
  delete(plan: DeletePlan, session: Session): Promise<DeleteOutcome>
  /**
   * Removes what an entity contains, at any depth: rows of contained collections whose owner's path is this one, or begins with
   * it and a slash. Collections that nobody has written to are left alone.
   * @param path of the entity (bson/layout.ts, `CollectionLayout`)
   */
  deleteContained(path: string, collections: readonly CollectionLayout[], session: Session): Promise<void>
  /** Runs work in one transaction; it may run again after a conflict. @throws ODataError `notImplemented` without transactions. */
  transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T>
  /** Stops taking requests, lets running ones finish, closes. */
  close(): Promise<void>
}

export interface StoreCapabilities {
  readonly transactions: boolean
  /** whether reads can be held to one state of the data */
  readonly snapshots: boolean
  /** whether it keeps a history of what was written to */
  readonly changes: boolean
  /** each read is a round trip to a server: rows of many owners are better read together */
  readonly remote: boolean
}

/** One group: its grouping properties and its aggregates, each in the order of the plan. */
export interface GroupedValues {
  readonly properties: readonly Value[]
  readonly aggregates: readonly Value[]
}

/** What belongs to one request. */
export interface Session {
  readonly parameters: Parameters
  /** requests are joined only within one scope: the principal's row filters, tenant */
  readonly scope: string
  /** further condition on the rows of an entity set or singleton, by its name; parameters are in `parameters` */
  readonly rowFilters: ReadonlyMap<string, Expression>
  /** the caller is gone */
  readonly signal: AbortSignal | undefined
  /** milliseconds the store may take */
  readonly timeLimit: number
  /** keyset: rows after this position in the plan's order (nulls and NaN included) */
  readonly after: Keyset | undefined
  /** rows wanted at the most, page size plus one; undefined: all */
  readonly limit: number | undefined
  readonly precondition: Precondition | undefined
  /** set by `transaction` */
  readonly transaction: unknown
  /**
   * of a create in a transaction that may be stored later, with others, at the latest before the commit: it is answered as
   * created, and the transaction fails with what this makes of the failure (of a key that is taken, `entityExists`).
   * Stores may pay no heed to it.
   */
  readonly late?: ((failure: unknown) => unknown) | undefined
  /** of what writes in a transaction: what the transaction fails with where its end finds a value taken that must be unique, which this has written */
  readonly told?: ((failure: unknown) => unknown) | undefined
  /**
   * of a read by key in a transaction: only whether the row is there is wanted, and what others have committed by then is as good as the
   * state of the transaction, unless the transaction may have changed the row itself. Stores may pay no heed to it.
   */
  readonly glance?: true | undefined
  /** the state that is read, of this store's; undefined: the data as they are. Not beside a transaction */
  readonly snapshot?: Snapshot | undefined
  /** is told of each command that reads rows or counts them, where somebody wants them explained */
  readonly trace?: Trace | undefined
}

/** Values of the order items of the last row seen, in order; of DateTimeOffset the whole value. */
export type Keyset = readonly (PrimitiveValue | null)[]

/** If-Match and If-None-Match, in terms of stored versions. */
export type Precondition =
  /** `If-Match: *` */
  | { readonly kind: 'exists' }
  /** `If-Match` with ETags: one of these versions */
  | { readonly kind: 'versions'; readonly anyOf: readonly number[] }
  /** `If-None-Match` with ETags: none of these versions */
  | { readonly kind: 'notVersions'; readonly noneOf: readonly number[] }
  /** `If-None-Match: *` */
  | { readonly kind: 'absent' }
  /** written by others only: it has no version yet */
  | { readonly kind: 'unversioned' }

/** Rows in batches; the first is there already. */
export interface Rows {
  /** Iterate once. Closes by itself at the end or on `return`. */
  readonly batches: AsyncIterable<readonly Uint8Array[]>
  /** the first batch, also the first that `batches` yields */
  readonly first: readonly Uint8Array[]
  /** true where `first` is all there is */
  readonly complete: boolean
  close(): Promise<void>
}

/** A change of one document, in stored form; paths are dotted stored field paths. */
export type Change =
  | { readonly kind: 'merge'; readonly set: Document; readonly unset: readonly string[] }
  /** everything is replaced but `_id` and the fields kept (computed, immutable) */
  | {
      readonly kind: 'replace'
      readonly document: Document
      readonly keep: readonly string[]
      /** fields kept inside documents that the new document has, too: dotted paths (streams of complex values) */
      readonly keepInside?: readonly string[]
    }

export type CreateOutcome = { readonly kind: 'created'; readonly row: Uint8Array } | { readonly kind: 'exists' }
export type UpdateOutcome =
  | { readonly kind: 'updated'; readonly row: Uint8Array }
  | { readonly kind: 'missing' }
  | { readonly kind: 'preconditionFailed' }
export type DeleteOutcome =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'preconditionFailed' }
