import { MinKey } from 'mongodb'
import type { Session } from '../store/port.ts'
import { type CompiledQuery, type Narrowing, placeQuery } from './compile/query.ts'
import { type Connection, commandOptions, readConcernOf, standsAlone } from './connection.ts'
import type { EqualReads } from './equal-reads.ts'
import { mayReadAgain, readFailure } from './failures.ts'
import { type FindQuery, openCursor } from './find.ts'
import { keyFilter, scan } from './rows.ts'
import { noteCommand } from './trace.ts'

/** What a count asks for. */
export interface CountQuery {
  readonly collection: string
  readonly filter: object
}

/** Counts that may be answered together. */
export type Counts = EqualReads<CountQuery, number>

/** How many rows a query has, without paging. @throws ODataError */
export async function countRows(
  connection: Connection,
  counts: Counts,
  query: CompiledQuery,
  rowFilter: Narrowing | undefined,
  session: Session,
  scanLimit: number,
): Promise<number> {
  const collection = query.collection.name
  const { filter, residue } = placeQuery(query, rowFilter, session.parameters, [keyFilter(query, session)])
  if (filter === false) return 0
  if (residue === undefined) {
    const alone = rowFilter !== undefined || standsAlone(session)
    return alone
      ? countFilter(connection, { collection, filter }, session)
      : counts.read({ collection, filter }, session)
  }
  const find: FindQuery = { collection, filter, sort: undefined, skip: 0, limit: undefined, remaining: ['filter'] }
  const cursor = openCursor(connection, find, session, 1_000)
  let count = 0
  try {
    for await (const batch of scan(cursor, scanLimit)) for (const row of batch) if (residue(row)) count++
  } finally {
    await cursor.close()
  }
  return count
}

/** Counts by one command, repeated once where a server or a connection is gone. @throws ODataError */
export async function countFilter(
  connection: Connection,
  { collection, filter }: CountQuery,
  session: Session,
): Promise<number> {
  const all = Object.keys(filter).length === 0
  const pipeline = [
    // the server counts the entries of the key's index; without a filter it would read every document
    { $match: all ? { _id: { $gte: new MinKey() } } : filter },
    { $group: { _id: null, n: { $sum: 1 } } },
  ]
  const command = {
    aggregate: collection,
    pipeline,
    cursor: {},
    maxTimeMS: Math.max(1, Math.round(session.timeLimit)),
    ...readConcernOf(session),
  }
  if (session.trace) noteCommand(connection, session.trace, command, undefined)
  for (let again = !session.transaction; ; again = false) {
    try {
      const answer = await connection.db.command(command, {
        ...commandOptions(session),
        ...(session.signal ? { signal: session.signal } : {}),
      })
      return Number(answer.cursor.firstBatch[0]?.n ?? 0)
    } catch (error) {
      if (!again || !mayReadAgain(error)) throw readFailure(error)
    }
  }
}
