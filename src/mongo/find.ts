import { type AggregationCursor, type ClientSession, type Document, type FindCursor, Long } from 'mongodb'
import type { Session } from '../store/port.ts'
import { type Connection, commandOptions, readConcernOf, transactionOf } from './connection.ts'
import { mayReadAgain, readFailure } from './failures.ts'
import { noteCommand } from './trace.ts'

/** What a find asks for; `sort` keeps its order. */
export interface FindQuery {
  readonly collection: string
  readonly filter: Document
  readonly sort: ReadonlyMap<string, 1 | -1> | undefined
  readonly skip: number
  readonly limit: number | undefined
  /** what is still done with the rows here: they are too many, or in no order; undefined: nothing */
  readonly remaining?: readonly Remaining[]
}

/** What the server was not asked to do. */
export type Remaining = 'filter' | 'order'

/** One that asks for so many rows that one command gives them. */
export type PageQuery = FindQuery & { readonly limit: number }

/**
 * Finds at most `limit` rows with one command, whose rows come as bytes: half the work of a cursor.
 * @param timeLimit milliseconds the server may take
 * @returns undefined where they do not fit one batch (16 MB): a cursor has to read them
 * @throws MongoError
 */
export async function findBatch(
  connection: Connection,
  query: PageQuery,
  session: Pick<Session, 'transaction' | 'timeLimit' | 'snapshot' | 'trace'> & Partial<Pick<Session, 'signal'>>,
): Promise<readonly Uint8Array[] | undefined> {
  const { collection, filter, sort, skip, limit, remaining } = query
  const command: Document = { find: collection, filter, limit }
  // One row fits a batch whatever its size; of several the cursor's id tells whether more are to come. With a batch of
  // just the limit the server keeps the cursor of a sort open.
  if (limit === 1) command.singleBatch = true
  else command.batchSize = limit + 1
  if (sort !== undefined && sort.size > 0) command.sort = sort
  if (skip > 0) command.skip = skip
  command.maxTimeMS = Math.max(1, Math.round(session.timeLimit))
  Object.assign(command, readConcernOf(session as Session))
  if (session.trace) noteCommand(connection, session.trace, command, remaining)
  const answer = await connection.db.command(command, {
    ...commandOptions(session as Session),
    ...(session.signal ? { signal: session.signal } : {}),
    fieldsAsRaw: { firstBatch: true },
  })
  const { id, firstBatch } = answer.cursor as { id: Long | number; firstBatch: Uint8Array[] }
  if (Number(id) === 0) return firstBatch
  void connection.db.command({ killCursors: collection, cursors: [Long.fromValue(id)] }).catch(() => {})
  return undefined
}

/** A cursor whose rows come as bytes; the driver retries its first command, and reads it from one server. */
export function openCursor(connection: Connection, query: FindQuery, session: Session, batchSize: number): FindCursor {
  const { collection, filter, sort, skip, limit } = query
  if (session.trace) {
    const { remaining, collection: find, ...rest } = query
    noteCommand(connection, session.trace, { find, ...rest, batchSize, ...timeOf(session) }, remaining)
  }
  const transaction: ClientSession | undefined = transactionOf(session)
  return connection.collection(collection).find(filter, {
    raw: true,
    batchSize,
    ...timeOf(session),
    ...(sort !== undefined && sort.size > 0 ? { sort: new Map(sort) } : {}),
    ...(skip > 0 ? { skip } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(transaction ? { session: transaction } : { ...readConcernOf(session), readPreference: 'primary' }),
    ...(session.signal ? { signal: session.signal } : {}),
  })
}

/** A cursor over the rows of a pipeline, in the manner of `openCursor`. */
export function openPipeline(
  connection: Connection,
  collection: string,
  pipeline: readonly Document[],
  session: Session,
  batchSize: number,
): AggregationCursor {
  if (session.trace) {
    const command = { aggregate: collection, pipeline, cursor: { batchSize }, ...timeOf(session) }
    noteCommand(connection, session.trace, command, undefined)
  }
  const transaction: ClientSession | undefined = transactionOf(session)
  return connection.collection(collection).aggregate([...pipeline], {
    raw: true,
    batchSize,
    ...timeOf(session),
    ...(transaction ? { session: transaction } : { ...readConcernOf(session), readPreference: 'primary' }),
    ...(session.signal ? { signal: session.signal } : {}),
  })
}

function timeOf({ timeLimit }: Session): { readonly maxTimeMS: number } {
  return { maxTimeMS: Math.max(1, Math.round(timeLimit)) }
}

/** The next batch of a raw cursor; undefined at its end. @throws ODataError, or the caller's abort reason */
export async function nextBatch(cursor: FindCursor | AggregationCursor): Promise<readonly Uint8Array[] | undefined> {
  try {
    if (!(await cursor.hasNext())) return undefined
    return cursor.readBufferedDocuments() as unknown as Uint8Array[]
  } catch (error) {
    throw readFailure(error)
  }
}

/** All rows of a cursor. */
export async function drain(cursor: FindCursor): Promise<readonly Uint8Array[]> {
  const rows: Uint8Array[] = []
  for (let batch = await nextBatch(cursor); batch !== undefined; batch = await nextBatch(cursor))
    for (const row of batch) rows.push(row)
  return rows
}

/**
 * Finds at most `limit` rows: by one command where they fit one batch, else by a cursor. A command that fails because a
 * server or a connection is gone is repeated by a cursor, which the driver retries.
 * @throws ODataError
 */
export async function findRows(
  connection: Connection,
  query: PageQuery,
  session: Session,
): Promise<readonly Uint8Array[]> {
  try {
    const rows = await findBatch(connection, query, session)
    if (rows !== undefined) return rows
  } catch (error) {
    if (!mayReadAgain(error)) throw readFailure(error)
  }
  return drain(openCursor(connection, query, session, query.limit))
}
