import { type ClientSession, MongoError } from 'mongodb'
import { ODataError } from '../errors/odata-error.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import { type Connection, transactionOf, writeConcern } from './connection.ts'
import { writeFailure } from './failures.ts'

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
  if (session.transaction) return work(session)
  if (!connection.transactions) throw storeFailure.notImplemented('A transaction (the MongoDB is no replica set)')
  const deadline = Date.now() + session.timeLimit
  const transaction: ClientSession = connection.client.startSession()
  let committing = false
  try {
    return await transaction.withTransaction(
      async () => {
        committing = false
        try {
          const result = await work(sessionLike(session, { transaction }))
          committing = true
          return result
        } catch (error) {
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

/**
 * Runs what a session asks for: outside a transaction at once, in one after what was asked before. The driver cannot have
 * two commands of a transaction under way, least of all the first, which starts it on the server.
 */
export function inTurn<T>(session: Session | undefined, work: () => Promise<T>): Promise<T> {
  const transaction = session && transactionOf(session)
  if (!transaction) return work()
  const turn = (turns.get(transaction) ?? Promise.resolve()).then(work, work)
  turns.set(transaction, turn)
  return turn
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
