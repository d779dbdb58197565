import { setTimeout as sleep } from 'node:timers/promises'
import { type Document, deserialize, serialize } from 'bson'
import { fields } from '../bson/layout.ts'
import { storeFailure } from '../store/failures.ts'
import type { Change, CreateOutcome, DeleteOutcome, Session, UpdateOutcome } from '../store/port.ts'
import { type Connection, writeConcernOf } from './connection.ts'
import type { Creation } from './creates.ts'
import { writeFailure } from './failures.ts'
import { findBatch } from './find.ts'

/**
 * Writes whose outcome is not known: the connection broke, or no majority answered in time. Reading the key back with
 * majority settles most of them; what stays unknown is an error of its own (504), never a guess.
 */

/** Milliseconds between two attempts; an election may take as long as a request has. */
const pause = 200

/**
 * Whether a document was stored. One that is not there is sent again: its key is the same, so that it cannot be stored
 * twice, and the first command cannot come late and store it after all.
 * @throws ODataError outcomeUnknown
 */
export async function settleCreate(connection: Connection, creation: Creation, cause: unknown): Promise<CreateOutcome> {
  const { collection, document, row, session } = creation
  const found = await attempts(session, async () => {
    const stored = await readBack(connection, collection, { [fields.id]: document[fields.id] }, session)
    if (stored) return Buffer.compare(stored, row) === 0 ? 'ours' : 'another'
    const answer = await connection.db.command({
      insert: collection,
      documents: [document],
      ...writeConcernOf(session),
    })
    return answer.writeErrors ? undefined : 'ours'
  })
  if (found === undefined) throw storeFailure.outcomeUnknown(cause)
  return found === 'ours' ? { kind: 'created', row } : { kind: 'exists' }
}

/**
 * Whether an update was carried out: it was where the row is in the state it asks for.
 * @throws ODataError outcomeUnknown
 */
export async function settleUpdate(
  connection: Connection,
  collection: string,
  filter: Document,
  change: Change,
  session: Session,
  cause: unknown,
): Promise<UpdateOutcome> {
  // what a majority has may lag behind the primary for a moment
  const row = await attempts(session, async () => {
    const found = await readBack(connection, collection, filter, session)
    return found && reflects(change, found) ? found : undefined
  })
  if (row === undefined) throw storeFailure.outcomeUnknown(cause)
  return { kind: 'updated', row }
}

/** Whether a row was deleted. @throws ODataError outcomeUnknown where it is there */
export async function settleDelete(
  connection: Connection,
  collection: string,
  filter: Document,
  session: Session,
  cause: unknown,
): Promise<DeleteOutcome> {
  const gone = await attempts(session, async () =>
    (await readBack(connection, collection, filter, session)) ? undefined : true,
  )
  if (gone === undefined) throw storeFailure.outcomeUnknown(cause)
  return { kind: 'deleted' }
}

/** Repeats until there is an answer or the time is over; failures of the attempts count as no answer. */
async function attempts<T>(session: Session, attempt: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = Date.now() + session.timeLimit
  do {
    try {
      const answer = await attempt()
      if (answer !== undefined) return answer
    } catch (error) {
      const failure = writeFailure(error)
      if (failure.kind === 'notWritten' && !failure.again && !isUnavailable(failure.error)) return undefined
    }
    await sleep(pause)
  } while (Date.now() < deadline)
  return undefined
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'storeUnavailable'
}

async function readBack(
  connection: Connection,
  collection: string,
  filter: Document,
  session: Session,
): Promise<Uint8Array | undefined> {
  const query = { collection, filter, sort: undefined, skip: 0, limit: 1 }
  const rows = await findBatch(connection, query, { transaction: undefined, timeLimit: session.timeLimit })
  return rows?.[0]
}

/** Whether a row has everything that a change asks for. */
export function reflects(change: Change, row: Uint8Array): boolean {
  const stored = exactly(row)
  if (change.kind === 'merge') {
    const wanted = exactly(serialize(change.set))
    return (
      Object.entries(wanted).every(([path, value]) => same(value, at(stored, path))) &&
      change.unset.every((path) => at(stored, path) === undefined)
    )
  }
  const own = new Set<string>([fields.id, fields.version, ...change.keep])
  const wanted = exactly(serialize(change.document))
  for (const path of change.keepInside ?? []) without(stored, path)
  const names = new Set([...Object.keys(wanted), ...Object.keys(stored)])
  return [...names].every((name) => own.has(name) || name.endsWith(fields.exact) || same(wanted[name], stored[name]))
}

/** Decoded with the types it is stored in. */
function exactly(bytes: Uint8Array): Document {
  return deserialize(bytes, { promoteValues: false, promoteBuffers: false })
}

/** Takes a field out of a document within a document. */
function without(document: Document, path: string): void {
  const end = path.lastIndexOf('.')
  const holder = at(document, path.slice(0, end))
  if (typeof holder === 'object' && holder !== null) delete (holder as Document)[path.slice(end + 1)]
}

function at(document: Document, path: string): unknown {
  let value: unknown = document
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Document)[name]
  }
  return value
}

function same(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(serialize({ value: a }), serialize({ value: b })) === 0
}
