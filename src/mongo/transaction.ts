import { type ClientSession, MongoError } from 'mongodb'
import { ODataError } from '../errors/odata-error.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import { type Connection, transactionOf, writeConcern } from './connection.ts'
import { writeFailure } from './failures.ts'
import { TransactionRows } from './transaction-rows.ts'

const transient = 'TransientTransactionError'
const unknownResult = 'UnknownTransactionCommitResult'

/**
 * Runs work in one transaction: all of it is stored, or nothing. The driver runs it again after a conflict, until the
 * session's time is over.
 * @throws ODataError, or what the work throws
 */
export async function runTransaction<T>(
  connection: Connection,
  session: Session,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (session.transaction) {
    const result = await work(session)
    // a part of a transaction hears of its failures here, unless it can bear to hear of them later
    if (session.late === undefined) await inTurn(session, async () => {})
    return result
  }
  if (!connection.transactions) throw storeFailure.notImplemented('A transaction (the MongoDB is no replica set)')
  const deadline = Date.now() + session.timeLimit
  const transaction: ClientSession = connection.client.startSession()
  let committing = false
  try {
    return await transaction.withTransaction(
      async () => {
        committing = false
        const inner = sessionLike(session, { transaction, late: undefined })
        rowsOf.set(transaction, new TransactionRows(connection))
        try {
          const result = await work(inner)
          await inTurn(inner, async () => {})
          committing = true
          return result
        } catch (thrown) {
          const error = await firstFailure(inner, thrown)
          const cause = driverError(error)
          if (!cause?.hasErrorLabel(transient)) throw error
          if (Date.now() > deadline) throw storeFailure.timeout(cause)
          throw cause
        }
      },
      { readConcern: { level: 'snapshot' }, writeConcern, readPreference: 'primary' },
    )
  } catch (error) {
    throw failureOf(error, committing)
  } finally {
    await transaction.endSession()
  }
}

/** The end of the last command of each transaction. */
const turns = new WeakMap<ClientSession, Promise<unknown>>()

/** Of the attempt of a transaction that is under way. */
const rowsOf = new WeakMap<ClientSession, TransactionRows>()

/** What a command of a transaction does with what the transaction knows of its rows. */
export type Course =
  /** it meets rows as they are: what waits is sent before */
  | 'meets'
  /** the same, and rows are other ones afterwards */
  | 'changes'
  /** it sees to that by itself */
  | 'own'

/** What the transaction of a session knows of its rows; undefined outside one. */
export function transactionRows(session: Session): TransactionRows | undefined {
  const transaction = transactionOf(session)
  return transaction && rowsOf.get(transaction)
}

/**
 * Runs what a session asks for: outside a transaction at once, in one after what was asked before. The driver cannot have
 * two commands of a transaction under way, least of all the first, which starts it on the server.
 */
export function inTurn<T>(session: Session | undefined, work: () => Promise<T>, course: Course = 'meets'): Promise<T> {
  const transaction = session && transactionOf(session)
  if (!transaction) return work()
  const rows = rowsOf.get(transaction)
  const next = async () => {
    if (course === 'own' || rows === undefined) return work()
    await rows.flush()
    if (course === 'changes') rows.change()
    return work()
  }
  const turn = (turns.get(transaction) ?? Promise.resolve()).then(next, next)
  turns.set(transaction, turn)
  return turn
}

/** A create that still waits came before whatever has failed since, and its own failure is the one to tell of. */
async function firstFailure(session: Session, thrown: unknown): Promise<unknown> {
  if (driverError(thrown)) return thrown
  try {
    await inTurn(session, async () => {})
    return thrown
  } catch (earlier) {
    return earlier
  }
}

/** The driver's error itself, or the one behind a failure of the store. */
function driverError(error: unknown): MongoError | undefined {
  const inner = error instanceof ODataError ? error.cause : error
  return inner instanceof MongoError ? inner : undefined
}

/** @param committing whether the commit had been sent */
function failureOf(error: unknown, committing: boolean): unknown {
  if (!(error instanceof MongoError)) return error
  if (error.hasErrorLabel(unknownResult)) return storeFailure.outcomeUnknown(error)
  // a second attempt at it that finds no server says nothing of the first
  if (committing && !error.hasErrorLabel(transient)) return storeFailure.outcomeUnknown(error)
  const failure = writeFailure(error)
  // before the commit nothing is stored, however a command ended
  return failure.kind === 'notWritten' ? failure.error : storeFailure.unavailable(error)
}
