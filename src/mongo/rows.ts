import type { AggregationCursor, FindCursor } from 'mongodb'
import type { RowTest } from '../eval/compile.ts'
import { selectRows } from '../eval/select.ts'
import { storeFailure } from '../store/failures.ts'
import type { Rows, Session } from '../store/port.ts'
import { rowsInMemory } from '../store/rows.ts'
import type { Narrowing } from './compile/query.ts'
import { type CompiledQuery, placeQuery } from './compile/query.ts'
import { type Connection, standsAlone } from './connection.ts'
import type { EqualReads } from './equal-reads.ts'
import {
  type FindQuery,
  findRows,
  nextBatch,
  openCursor,
  openPipeline,
  type PageQuery,
  type Remaining,
} from './find.ts'

/** Up to so many rows are asked for with one command; more are streamed. */
const batchLimit = 1_000
/** At least so many rows are asked for where some may not pass. */
const fewCandidates = 100
/** Rows of a batch of a stream. */
const batchRows = 1_000

/** What a read of rows takes of a plan. */
export interface Window {
  readonly skip: number | undefined
  readonly top: number | undefined
}

/** Reads of pages that may be answered together. */
export type Pages = EqualReads<PageQuery, readonly Uint8Array[]>

/** The rows of a query, in its order. @throws ODataError */
export async function readRows(
  connection: Connection,
  pages: Pages,
  query: CompiledQuery,
  rowFilter: Narrowing | undefined,
  session: Session,
  window: Window,
  scanLimit: number,
): Promise<Rows> {
  const { collection, context, order } = query
  const { after } = session
  const limit = least(session.limit, window.top)
  const skip = after ? 0 : (window.skip ?? 0)
  const id = keyFilter(query, session)
  if (id === false || limit === 0) return rowsInMemory([])
  const position = after && order ? order.after(after, context.layout, session.parameters) : true
  const placed = placeQuery(query, rowFilter, session.parameters, [id, position ?? true])
  if (placed.filter === false) return rowsInMemory([])
  const find = { collection: collection.name, filter: placed.filter, sort: order?.sort, skip, limit }

  if (order === undefined && placed.residue === undefined) {
    const stages = query.expressionOrder?.place(session.parameters, after)
    if (stages) {
      const pipeline = [
        { $match: placed.filter },
        ...stages.sorting,
        ...(skip > 0 ? [{ $skip: skip }] : []),
        ...(limit === undefined ? [] : [{ $limit: limit }]),
        ...stages.cleaning,
      ]
      const cursor = openPipeline(connection, collection.name, pipeline, session, batchRows)
      return begin(readAhead(cursor), () => cursor.close())
    }
  }
  if (order === undefined || position === undefined)
    return sortedHere(connection, query, { ...find, sort: undefined }, placed.residue, session, scanLimit)
  const alone = rowFilter !== undefined || standsAlone(session)
  const page = (wanted: PageQuery) => (alone ? findRows(connection, wanted, session) : pages.read(wanted, session))
  if (placed.residue !== undefined) {
    const found = await firstCandidates(page, find, placed.residue, scanLimit)
    if (found !== undefined) return rowsInMemory(found)
    const cursor = openCursor(
      connection,
      { ...find, skip: 0, limit: undefined, remaining: ['filter'] },
      session,
      batchRows,
    )
    return begin(filtered(cursor, placed.residue, skip, limit, scanLimit), () => cursor.close())
  }
  if (limit !== undefined && limit <= batchLimit) return rowsInMemory(await page({ ...find, limit }))
  const cursor = openCursor(connection, find, session, batchRows)
  return begin(readAhead(cursor), () => cursor.close())
}

/** The condition on `_id`; false: the key has a part that no row has. */
export function keyFilter({ key }: CompiledQuery, session: Session) {
  if (key === undefined) return true
  const id = key(session.parameters)
  return id === undefined ? false : { _id: id }
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}

type Batches = AsyncGenerator<readonly Uint8Array[], void, undefined>

/** Fetches the first batch, so that what fails at once is known before a status line is written. */
async function begin(batches: Batches, close: () => Promise<void>): Promise<Rows> {
  const first = await batches.next()
  if (first.done) {
    await close()
    return rowsInMemory([])
  }
  return {
    first: first.value,
    complete: false,
    batches: (async function* () {
      try {
        yield first.value
        yield* batches
      } finally {
        await close()
      }
    })(),
    close: async () => {
      await batches.return()
      await close()
    },
  }
}

/** The batches of a cursor, each asked for while the one before is being written. */
async function* readAhead(cursor: FindCursor | AggregationCursor): Batches {
  let batch = await nextBatch(cursor)
  while (batch !== undefined) {
    const next = nextBatch(cursor)
    // it is awaited below; a failure must not count as unhandled until then
    next.catch(() => {})
    yield batch
    batch = await next
  }
}

/**
 * A page of rows that pass, where the first candidates are enough for it or all there are: one command without a cursor, twice the rows that are wanted.
 * @returns undefined where more candidates have to be looked at
 */
async function firstCandidates(
  page: (wanted: PageQuery) => Promise<readonly Uint8Array[]>,
  find: FindQuery,
  test: RowTest,
  scanLimit: number,
): Promise<readonly Uint8Array[] | undefined> {
  const { skip, limit } = find
  if (limit === undefined) return undefined
  const end = skip + limit
  const candidates = Math.max(2 * end, fewCandidates)
  if (candidates > Math.min(batchLimit, scanLimit)) return undefined
  const rows = await page({ ...find, skip: 0, limit: candidates, remaining: ['filter'] })
  const passed = rows.filter((row) => test(row))
  return passed.length >= end || rows.length < candidates ? passed.slice(skip, end) : undefined
}

async function* filtered(
  cursor: FindCursor,
  test: RowTest,
  skip: number,
  limit: number | undefined,
  scanLimit: number,
): Batches {
  let toSkip = skip
  let left = limit ?? Number.POSITIVE_INFINITY
  for await (const batch of scan(cursor, scanLimit)) {
    const passed: Uint8Array[] = []
    for (const row of batch) {
      if (!test(row)) continue
      if (toSkip > 0) {
        toSkip--
        continue
      }
      passed.push(row)
      if (passed.length === left) {
        yield passed
        return
      }
    }
    left -= passed.length
    if (passed.length > 0) yield passed
  }
}

/** The batches of a cursor, up to the limit of rows. @throws ODataError urlLimitExceeded */
export async function* scan(cursor: FindCursor, scanLimit: number): Batches {
  let scanned = 0
  for await (const batch of readAhead(cursor)) {
    scanned += batch.length
    if (scanned > scanLimit) throw storeFailure.scanLimit(scanLimit)
    yield batch
  }
}

/** An order that MongoDB does not know: all rows that pass are read, of which `skip + limit` are kept at a time. */
async function sortedHere(
  connection: Connection,
  query: CompiledQuery,
  find: FindQuery,
  residue: RowTest | undefined,
  session: Session,
  scanLimit: number,
): Promise<Rows> {
  const order = query.prepareOrder()(session.parameters)
  const { skip, limit } = find
  const remaining: readonly Remaining[] = residue ? ['filter', 'order'] : ['order']
  const cursor = openCursor(connection, { ...find, skip: 0, limit: undefined, remaining }, session, batchRows)
  const selection = {
    tests: residue ? [residue] : [],
    order,
    after: session.after,
    skip: 0,
    limit: limit === undefined ? undefined : skip + limit,
    count: false,
  }
  let kept: readonly Uint8Array[] = []
  let unsorted: Uint8Array[] = []
  const sort = () => {
    kept = selectRows([...kept, ...unsorted], selection).rows.map(({ row }) => row)
    unsorted = []
  }
  try {
    for await (const batch of scan(cursor, scanLimit)) {
      for (const row of batch) unsorted.push(row)
      if (limit !== undefined) sort()
    }
    sort()
  } finally {
    await cursor.close()
  }
  return rowsInMemory(kept.slice(skip))
}
