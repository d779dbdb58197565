import type { RowTest } from '../eval/compile.ts'
import type { CountPlan, DeletePlan, ReadPlan, UpdatePlan } from '../plan/plan.ts'
import { storeFailure } from '../store/failures.ts'
import type { Keyset, Rows, Session } from '../store/port.ts'
import { rowsInMemory } from '../store/rows.ts'
import {
  type Access,
  type Accesses,
  bindAll,
  type Condition,
  keyOfAccess,
  ownerOf,
  type QueryPlan,
  rangeOf,
} from './access.ts'
import { BatchedRows, type Guard } from './batched-rows.ts'
import { readCounters } from './counters.ts'
import { IndexOrderSource } from './index-order.ts'
import { IndexScan } from './index-scan.ts'
import { chooseUse } from './index-use.ts'
import { keyOfRow } from './key.ts'
import type { CollectionHandle } from './registry.ts'
import { KeyOrderSource, type RowSource, SortedSource, type SortOrder } from './row-source.ts'
import { currentKey, currentKeyText, pause, type RowWalk, Scan } from './scan.ts'
import type { Tables } from './tables.ts'
import { noteCount, noteKey, noteWalk } from './trace.ts'
import { Transaction } from './transaction.ts'

/** What reading needs of the store. */
export interface ReadingContext {
  readonly tables: Tables
  readonly accesses: Accesses
  /** rows one request may meet without delivering them */
  readonly scanLimit: number
  /** @throws ODataError storeUnavailable once the store is closed */
  readonly checkOpen: () => void
}

/** A row and where it stands. */
export interface Located {
  readonly collection: CollectionHandle
  readonly key: Uint8Array
  readonly row: Uint8Array
}

/** The transaction of a session; undefined outside one. */
export function transactionOf(session: Session): Transaction | undefined {
  return session.transaction instanceof Transaction ? session.transaction : undefined
}

/** The rows of a plan (store/port.ts `read`). */
export async function readRows(
  context: ReadingContext,
  plan: ReadPlan,
  session: Session,
  closed: () => void,
): Promise<Rows> {
  const { access, conditions } = context.accesses.query(plan)
  if (plan.source.single) {
    closed()
    const row = await readRow(context, plan, session)
    return rowsInMemory(row ? [row] : [])
  }
  const source = sourceOf(context, plan, session, access, bound(context, plan, conditions, session))
  return BatchedRows.start(source, () => guardOf(context, session), closed)
}

/** At most one row (store/port.ts `readOne`). */
export async function readRow(
  context: ReadingContext,
  plan: ReadPlan | UpdatePlan | DeletePlan,
  session: Session,
): Promise<Uint8Array | undefined> {
  return (await locate(context, plan, session))?.row
}

/** The number of rows (store/port.ts `count`): of a whole collection from its counter, else by a walk. */
export async function countRows(
  context: ReadingContext,
  plan: CountPlan | ReadPlan,
  session: Session,
): Promise<number> {
  const { tables } = context
  const { access, conditions } = context.accesses.query(plan)
  const test = bound(context, plan, conditions, session)
  const transaction = transactionOf(session)
  tables.root.resetReadTxn()
  if (plan.source.single) return (await locate(context, plan, session)) ? 1 : 0
  if (!test && !transaction && access.owner === undefined) {
    if (session.trace) noteCount(session.trace, access)
    return readCounters(tables, access.collection.number).rows
  }
  const overlay = transaction?.beginScan(access.collection, rangeOf(access, session.parameters))
  const guard = guardOf(context, session)
  const scan = walkFor(context, plan, session, access, test)
  let count = 0
  for (;;) {
    guard()
    const outcome = scan.walk((row) => {
      if ((!test || test(row)) && !overlay?.hidden.has(currentKeyText())) count++
      return true
    })
    if (test && scan.rows > context.scanLimit) throw storeFailure.scanLimit(context.scanLimit)
    if (outcome === 'ended') break
    await pause()
  }
  for (const row of overlay?.rows ?? []) if (!test || test(row)) count++
  return count
}

/** Finds the row of a single source: by its key, or where a relation names it, by its values. */
async function locate(context: ReadingContext, plan: QueryPlan, session: Session): Promise<Located | undefined> {
  const { access, conditions } = context.accesses.query(plan)
  const test = bound(context, plan, conditions, session)
  // lmdb reads for a whole turn of the event loop from the state at its start; a request must not see one older than itself.
  context.tables.root.resetReadTxn()
  const named = keyOfAccess(access, session.parameters)
  if (named && session.trace) noteKey(session.trace, access, session.parameters, test)
  const key = named ?? (await findKey(context, plan, access, test, session))
  return key && rowAt(context.tables, access.collection, key, test, session)
}

/** The row under a key, if it is one of those asked for. Inside an lmdb write transaction: as that one sees it. */
export function rowAt(
  tables: Tables,
  collection: CollectionHandle,
  key: Uint8Array,
  test: RowTest | undefined,
  session: Session,
): Located | undefined {
  const transaction = transactionOf(session)
  const row = transaction ? transaction.get(collection, key) : tables.documents.getBinary(key)
  return row && (!test || test(row)) ? { collection, key, row } : undefined
}

/** The key of the first row that fulfils conditions where no key is named. @throws ODataError urlLimitExceeded, storeTimeout */
export async function findKey(
  context: ReadingContext,
  plan: QueryPlan,
  access: Access,
  test: RowTest | undefined,
  session: Session,
): Promise<Uint8Array | undefined> {
  const { collection } = access
  const overlay = transactionOf(session)?.beginScan(collection, rangeOf(access, session.parameters))
  const own = overlay?.rows.find((row) => !test || test(row))
  if (own) return keyOfRow(collection.number, own)
  const guard = guardOf(context, session)
  const scan = walkFor(context, plan, session, access, test)
  let found: Uint8Array | undefined
  for (;;) {
    guard()
    const outcome = scan.walk((row) => {
      if ((!test || test(row)) && !overlay?.hidden.has(currentKeyText())) found = currentKey()
      return found === undefined
    })
    if (outcome !== 'paused') return found
    if (scan.rows > context.scanLimit) throw storeFailure.scanLimit(context.scanLimit)
    await pause()
  }
}

/** Conditions of plan and session, bound to the request. */
export function bound(
  context: ReadingContext,
  plan: QueryPlan,
  conditions: readonly Condition[],
  session: Session,
): RowTest | undefined {
  const rowFilter = context.accesses.rowFilter(plan.source, session)
  return bindAll(rowFilter ? [...conditions, rowFilter] : conditions, session.parameters)
}

/** The shortest walk over all rows that a request may count. */
function walkFor(
  context: ReadingContext,
  plan: QueryPlan,
  session: Session,
  access: Access,
  test: RowTest | undefined,
): RowWalk {
  const use = chooseUse(context, plan, session, undefined)
  const scan = use
    ? new IndexScan(context.tables, use.ranges, false, undefined)
    : new Scan(context.tables, rangeOf(access, session.parameters), false, undefined)
  if (session.trace) noteWalk(session.trace, { access, use, test, rows: () => scan.rows, order: 'any' })
  return scan
}

function sourceOf(
  context: ReadingContext,
  plan: ReadPlan,
  session: Session,
  access: Access,
  test: RowTest | undefined,
): RowSource {
  const { tables, accesses, scanLimit } = context
  const { collection } = access
  const order = accesses.order(plan)
  const transaction = transactionOf(session)
  const range = rangeOf(access, session.parameters)
  const overlay = transaction?.beginScan(collection, range)
  tables.root.resetReadTxn()
  // A position stands behind what was skipped.
  const skip = session.after ? 0 : (plan.skip ?? 0)
  const limit = Math.min(session.limit ?? Number.POSITIVE_INFINITY, plan.top ?? Number.POSITIVE_INFINITY)
  const wanted = { rows: skip + limit, byKey: order.key !== undefined }
  const use = chooseUse(context, plan, session, overlay ? undefined : wanted)
  const query = { test, skip, limit, scanLimit }
  const bound = (): SortOrder => ({ ...order.bind(session.parameters), first: order.first, binary: order.binary })
  if (use?.order && !overlay) {
    const { order: items } = use
    const keyAt = (keyset: Keyset) => items.key?.position(collection.number, keyset.slice(items.items), undefined)
    const walk = { ...use, order: items, tables, sorted: bound(), after: session.after, keyAt }
    const source = new IndexOrderSource(walk, query)
    if (session.trace) noteWalk(session.trace, { access, use, test, rows: () => source.walked, order: 'index' })
    return source
  }
  if (order.key && !overlay && !use) {
    const owner = ownerOf(access, session.parameters)
    const after = session.after && order.key.position(collection.number, session.after, owner)
    const scan = new Scan(tables, range, order.key.descending, after)
    if (session.trace) noteWalk(session.trace, { access, use, test, rows: () => scan.rows, order: 'key' })
    return new KeyOrderSource({ ...query, scan, overlay })
  }
  const scan = use ? new IndexScan(tables, use.ranges, false, undefined) : new Scan(tables, range, false, undefined)
  if (session.trace) noteWalk(session.trace, { access, use, test, rows: () => scan.rows, order: 'sorted' })
  return new SortedSource({ ...query, scan, overlay }, bound(), session.after, (key) => tables.documents.getBinary(key))
}

/** Ends the work of a request whose caller is gone, whose time is over, or whose store is closed. */
export function guardOf(context: ReadingContext, session: Session): Guard {
  const deadline = performance.now() + session.timeLimit
  return () => {
    context.checkOpen()
    if (session.signal?.aborted) throw storeFailure.timeout(session.signal.reason)
    if (performance.now() > deadline) throw storeFailure.timeout(new Error(`more than ${session.timeLimit} ms`))
  }
}
