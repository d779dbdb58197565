import { type Document, serialize } from 'bson'
import { MongoWriteConcernError } from 'mongodb'
import { fields } from '../bson/layout.ts'
import { findField, readNumber } from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Change, DeleteOutcome, Precondition, Session, UpdateOutcome } from '../store/port.ts'
import { conjunction, type Filter } from './compile/condition.ts'
import { type CompiledQuery, type Narrowing, type PlacedQuery, placeQuery } from './compile/query.ts'
import { updateOf } from './compile/update.ts'
import { type Connection, commandOptions, writeConcernOf } from './connection.ts'
import { duplicateValue, faultOf, readFailure, type ServerFault, type WriteFailure, writeFailure } from './failures.ts'
import { findRows } from './find.ts'
import { NumberedWrite, untilKnown } from './numbered.ts'
import { keyFilter } from './rows.ts'
import { settleDelete, settleUpdate } from './settle.ts'

/** How often a change is tried where a row has to be tested here before it is changed. */
const mostAttempts = 5

/** The row a change is about. */
interface Target {
  readonly collection: string
  readonly filter: Filter
  readonly residue: PlacedQuery['residue']
}

/**
 * Changes the row of a query by one atomic command, the precondition in its filter.
 * @throws ODataError; in a transaction the driver's own errors
 */
export function updateRow(
  connection: Connection,
  query: CompiledQuery,
  rowFilter: Narrowing | undefined,
  session: Session,
  change: Change,
): Promise<UpdateOutcome> {
  const exacts = query.collection.key.parts.map(({ alias }) => alias + fields.exact)
  const update = updateOf(change, exacts)
  return guarded<UpdateOutcome>(connection, targetOf(query, rowFilter, session), session, (target, filter) =>
    send<UpdateOutcome>(connection, session, {
      // In an array the row can stay bytes; the option to keep all documents as bytes would also meet those the driver reads.
      command: {
        findAndModify: target.collection,
        query: filter,
        update,
        new: true,
        fields: { _id: 0, row: ['$$ROOT'] },
      },
      read: ({ value }) => (value ? { kind: 'updated', row: rowOf(value) } : undefined),
      settle: (cause) => settleUpdate(connection, target.collection, target.filter, change, session, cause),
    }),
  )
}

/** Deletes the row of a query. @throws ODataError; in a transaction the driver's own errors */
export function deleteRow(
  connection: Connection,
  query: CompiledQuery,
  rowFilter: Narrowing | undefined,
  session: Session,
): Promise<DeleteOutcome> {
  return guarded<DeleteOutcome>(connection, targetOf(query, rowFilter, session), session, (target, filter) =>
    send<DeleteOutcome>(connection, session, {
      command: { delete: target.collection, deletes: [{ q: filter, limit: 1 }] },
      read: ({ n }) => (Number(n) > 0 ? { kind: 'deleted' } : undefined),
      settle: (cause) => settleDelete(connection, target.collection, target.filter, session, cause),
    }),
  )
}

function targetOf(query: CompiledQuery, rowFilter: Narrowing | undefined, session: Session): Target | undefined {
  const key = keyFilter(query, session)
  const { filter, residue } = placeQuery(query, rowFilter, session.parameters, [key])
  return filter === false ? undefined : { collection: query.collection.name, filter, residue }
}

type Refusal = { readonly kind: 'missing' } | { readonly kind: 'preconditionFailed' }

/** Writes under the session's precondition, and tells apart why nothing was written. */
async function guarded<T>(
  connection: Connection,
  target: Target | undefined,
  session: Session,
  write: (target: Target, filter: Filter) => Promise<T | undefined>,
): Promise<T | Refusal> {
  if (target === undefined) return { kind: 'missing' }
  const { precondition } = session
  const guard = versionFilter(precondition)
  if (target.residue === undefined && guard !== false) {
    const outcome = await write(target, filterOf(target.filter, guard))
    if (outcome !== undefined) return outcome
    if (guard === true) return { kind: 'missing' }
  }
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const row = await findTarget(connection, target, session)
    if (row === undefined) return { kind: 'missing' }
    const version = versionOf(row)
    if (!holds(precondition, version)) return { kind: 'preconditionFailed' }
    const outcome = await write(target, filterOf(target.filter, { [fields.version]: version ?? null }))
    if (outcome !== undefined) return outcome
  }
  throw new ODataError('conflict', 'Others are changing the entity. Try again.')
}

function filterOf(...filters: readonly (Filter | boolean)[]): Filter {
  const filter = conjunction(filters)
  return typeof filter === 'boolean' ? {} : filter
}

async function findTarget(connection: Connection, target: Target, session: Session): Promise<Uint8Array | undefined> {
  const { collection, filter, residue } = target
  const query = { collection, filter, sort: undefined, skip: 0, limit: 1 }
  const [row] = await findRows(connection, query, session)
  return row && (residue === undefined || residue(row)) ? row : undefined
}

function versionOf(row: Uint8Array): number | undefined {
  const at = findField(row, fields.version)
  return at < 0 ? undefined : readNumber(row, at)
}

/** A precondition as a filter; false: no row that is there fulfils it. */
function versionFilter(precondition: Precondition | undefined): Filter | boolean {
  switch (precondition?.kind) {
    case 'versions':
      return { [fields.version]: { $in: precondition.anyOf } }
    case 'notVersions':
      return { [fields.version]: { $nin: precondition.noneOf } }
    case 'unversioned':
      return { [fields.version]: null }
    case 'absent':
      return false
    default:
      return true
  }
}

function holds(precondition: Precondition | undefined, version: number | undefined): boolean {
  switch (precondition?.kind) {
    case 'versions':
      return version !== undefined && precondition.anyOf.includes(version)
    case 'notVersions':
      return version === undefined || !precondition.noneOf.includes(version)
    case 'unversioned':
      return version === undefined
    case 'absent':
      return false
    default:
      return true
  }
}

interface Write<T> {
  readonly command: Document
  /** the outcome in the answer; undefined: no row was met */
  readonly read: (answer: Document) => T | undefined
  /** finds out what became of a write whose answer did not come */
  readonly settle: (cause: unknown) => Promise<T>
}

async function send<T>(connection: Connection, session: Session, write: Write<T>): Promise<T | undefined> {
  if (session.transaction || !connection.transactions) return attempt(connection, session, write, undefined)
  const numbered = new NumberedWrite(connection)
  try {
    return await attempt(connection, session, write, numbered)
  } finally {
    await numbered.end()
  }
}

async function attempt<T>(
  connection: Connection,
  session: Session,
  write: Write<T>,
  numbered: NumberedWrite | undefined,
): Promise<T | undefined> {
  const command = { ...write.command, ...writeConcernOf(session), ...numbered?.number }
  const options = { ...commandOptions(session), ...numbered?.options, fieldsAsRaw: { row: true } }
  for (let again = true; ; again = false) {
    let failure: WriteFailure
    try {
      const answer = await connection.db.command(command, options)
      const [fault] = (answer.writeErrors ?? []) as ServerFault[]
      if (!fault) return write.read(answer)
      failure = faultOf(fault, fault)
    } catch (error) {
      // the transaction decides whether it starts anew
      if (session.transaction) throw error
      if (error instanceof MongoWriteConcernError && write.read(error.result) === undefined) return undefined
      failure = writeFailure(error)
    }
    if (failure.kind === 'unknown') {
      const cause = failure.error
      if (!numbered) return write.settle(cause)
      const send = () => connection.db.command(command, { ...options, ...exactly })
      const answer = await untilKnown(session, cause, send).catch((error: unknown) => {
        throw refusal(writeFailure(error))
      })
      const [fault] = (answer.writeErrors ?? []) as ServerFault[]
      if (fault) throw refusal(faultOf(fault, fault))
      return write.read(answer)
    }
    if (failure.kind === 'duplicate' || !failure.again || !again) throw refusal(failure)
  }
}

/** Documents in the types that are stored. */
const exactly = { promoteValues: false, promoteBuffers: false, fieldsAsRaw: {} } as const

/** The row in an answer to a change: as it was projected, or, where the server remembers an earlier attempt, the document itself. */
function rowOf(value: Document): Uint8Array {
  const row: Document = fields.id in value ? value : value.row[0]
  return row instanceof Uint8Array ? row : serialize(row)
}

/** Why nothing was written. */
function refusal(failure: WriteFailure): unknown {
  return failure.kind === 'duplicate' ? duplicateValue(failure.error) : readFailure(failure.error)
}
