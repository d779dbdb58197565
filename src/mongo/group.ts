import { MongoServerError } from 'mongodb'
import type { DateTimeOffset } from '../edm/value.ts'
import type { GroupedValues, Session } from '../store/port.ts'
import type { CompiledGroup } from './compile/group.ts'
import { type CompiledQuery, type Narrowing, placeQuery } from './compile/query.ts'
import type { Connection } from './connection.ts'
import { nextBatch, openPipeline } from './find.ts'
import { keyFilter } from './rows.ts'

/** A set of distinct values became too large for the server: a document past 16 MB, memory past its limit. */
const tooLarge = new Set([146, 10334, 17420, 5643008])

/**
 * The groups of the rows of a query.
 * @returns undefined where the server cannot tell them exactly: a condition that is only wider, values that no sum of it holds
 * @throws ODataError
 */
export async function groupRows(
  connection: Connection,
  query: CompiledQuery,
  group: CompiledGroup,
  rowFilter: Narrowing | undefined,
  session: Session,
  most: number,
): Promise<readonly GroupedValues[] | undefined> {
  const id = keyFilter(query, session)
  const placed = id === false ? undefined : placeQuery(query, rowFilter, session.parameters, [id])
  if (placed?.residue !== undefined) return undefined
  const groups: GroupedValues[] = []
  const nothing = group.ofNothing === undefined ? [] : [group.ofNothing]
  if (placed === undefined || placed.filter === false) return nothing
  const now: DateTimeOffset = { kind: 'dateTimeOffset', ms: Date.now(), sub: 0, offset: 0, digits: 3 }
  const pipeline = group.place(placed.filter, session.parameters, now, most + 1)
  if (pipeline === undefined) return undefined
  const cursor = openPipeline(connection, query.collection.name, pipeline, session, 1_000)
  try {
    for (let batch = await nextBatch(cursor); batch !== undefined; batch = await nextBatch(cursor))
      for (const row of batch) {
        const values = group.read(row)
        if (values === undefined) return undefined
        groups.push(values)
      }
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    if (cause instanceof MongoServerError && tooLarge.has(Number(cause.code))) return undefined
    throw error
  } finally {
    await cursor.close()
  }
  return groups.length === 0 ? nothing : groups
}
