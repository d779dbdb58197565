import { type ClientSession, MongoError } from 'mongodb'
import { ODataError } from '../errors/odata-error.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import { type Connection, snapshotTransaction, transactionOf } from './connection.ts'
import { transactionFailure, transient } from './failures.ts'
import type { JoinedTransactions } from './joined-transactions.ts'
import { TransactionRows } from './transaction-rows.ts'

/**
 * Runs work in one transaction: all of it is stored, or nothing. The driver runs it again after a conflict, until the
 * session's time is over. One that does nothing but create is stored together with others (joined-transactions.ts).
 * @throws ODataError, or what the work throws
 */
export async function runTransaction<T>(
  connection: Connection,
  joined: JoinedTransactions,
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
  let joins = true
  try {
    return await transaction.withTransaction(async () => {
      committing = false
      const inner = sessionLike(session, { transaction, late: undefined })
      const rows = new TransactionRows(connection)
      rowsOf.set(transaction, rows)
      try {
        const result = await work(inner)
        const store = async () => {
          if (joins && (await rows.storeBeside((creations) => joined.store(creations)))) return
          joins = false
          await rows.flush()
        }
        await inTurn(inner, store, 'own')
        committing = true
        return result
      } catch (thrown) {
        const error = await firstFailure(inner, thrown)
        const cause = driverError(error)
        if (!cause?.hasErrorLabel(transient)) throw error
        if (Date.now() > deadline) throw storeFailure.timeout(cause)
        throw cause
      }
    }, snapshotTransaction)
  } catch (error) {
    throw transactionFailure(error, committing)
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
  const run = async () => {
    if (course === 'own' || rows === undefined) return work()
    await rows.meet()
    if (course === 'changes') rows.change()
    return work()
  }
  const next = () =>
    run().catch((error: unknown) => {
      const cause = driverError(error)
      if (cause && !cause.hasErrorLabel(transient)) rows?.endBy(transactionFailure(error, false))
      throw error
    })
  const turn = (turns.get(transaction) ?? Promise.resolve()).then(next, next)
  turns.set(transaction, turn)
  return turn
}

/** A create that still waits came before whatever has failed since, and its own failure is the one to tell of. */
async function firstFailure(session: Session, thrown: unknown): Promise<unknown> {
  if (driverError(thrown) || transactionRows(session)?.ended) return thrown
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
