import { type Document, MongoServerError } from 'mongodb'
import type { DateTimeOffset } from '../edm/value.ts'
import type { GroupedValues, Session } from '../store/port.ts'
import type { CompiledGroup } from './compile/group.ts'
import { type CompiledQuery, type Narrowing, placeQuery } from './compile/query.ts'
import { type Connection, standsAlone } from './connection.ts'
import type { EqualReads } from './equal-reads.ts'
import { nextBatch, openPipeline } from './find.ts'
import { keyFilter } from './rows.ts'

/** A set of distinct values became too large for the server: a document past 16 MB, memory past its limit. */
const tooLarge = new Set([146, 10334, 17420, 5643008])

/** What groups are asked for. */
export interface GroupQuery {
  readonly collection: string
  readonly pipeline: readonly Document[]
}

/** Groups that may be answered together; undefined: they are too much for the server. */
export type Groups = EqualReads<GroupQuery, readonly Uint8Array[] | undefined>

/** Of these a plain pipeline did not tell once: they are asked for with all checks at once from then on. */
const doubtful = new WeakSet<CompiledGroup>()

/**
 * The groups of the rows of a query.
 * @returns undefined where the server cannot tell them exactly: a condition that is only wider, values that no sum of it holds
 * @throws ODataError
 */
export async function groupRows(
  connection: Connection,
  equal: Groups,
  query: CompiledQuery,
  group: CompiledGroup,
  rowFilter: Narrowing | undefined,
  session: Session,
  most: number,
): Promise<readonly GroupedValues[] | undefined> {
  const id = keyFilter(query, session)
  const placed = id === false ? undefined : placeQuery(query, rowFilter, session.parameters, [id])
  if (placed?.residue !== undefined) return undefined
  const nothing = group.ofNothing === undefined ? [] : [group.ofNothing]
  if (placed === undefined || placed.filter === false) return nothing
  const now: DateTimeOffset = { kind: 'dateTimeOffset', ms: Date.now(), sub: 0, offset: 0, digits: 3 }
  const alone = rowFilter !== undefined || standsAlone(session)
  const collection = query.collection.name
  for (const manner of doubtful.has(group) ? (['checked'] as const) : (['plain', 'checked'] as const)) {
    const pipeline = group.place(placed.filter, session.parameters, now, most + 1, manner)
    if (pipeline === undefined) return undefined
    const asked = { collection, pipeline }
    const rows = await (alone ? readGroups(connection, asked, session) : equal.read(asked, session))
    if (rows === undefined) return undefined
    const groups = readAll(rows, (row) => group.read(row, manner))
    if (groups !== undefined) return groups.length === 0 ? nothing : groups
    doubtful.add(group)
  }
  return undefined
}

function readAll(
  rows: readonly Uint8Array[],
  read: (row: Uint8Array) => GroupedValues | undefined,
): readonly GroupedValues[] | undefined {
  const groups: GroupedValues[] = []
  for (const row of rows) {
    const values = read(row)
    if (values === undefined) return undefined
    groups.push(values)
  }
  return groups
}

/** The results of one pipeline; undefined: they are too much for the server. @throws ODataError */
export async function readGroups(
  connection: Connection,
  { collection, pipeline }: GroupQuery,
  session: Session,
): Promise<readonly Uint8Array[] | undefined> {
  const rows: Uint8Array[] = []
  const cursor = openPipeline(connection, collection, pipeline, session, 1_000)
  try {
    for (let batch = await nextBatch(cursor); batch !== undefined; batch = await nextBatch(cursor)) rows.push(...batch)
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    if (cause instanceof MongoServerError && tooLarge.has(Number(cause.code))) return undefined
    throw error
  } finally {
    await cursor.close()
  }
  return rows
}
