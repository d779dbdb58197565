import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientSession, type Document, Long, MongoServerError } from 'mongodb'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import type { Connection } from './connection.ts'
import { writeFailure } from './failures.ts'

/**
 * Write commands with numbers (MongoDB's retryable writes): a replica set carries out each number of a session once, remembers what became of it, and the
 * next primary knows it too. So a write whose outcome is not known is simply sent again. The driver numbers only the writes of its own helpers, and
 * sends those again by itself, without saying so.
 */

/** Milliseconds between two attempts. */
const pause = 200

/** TransactionTooOld, IncompleteTransactionHistory: the number is forgotten. */
const forgotten = new Set<unknown>([225, 217])

/** One write that may be sent several times. */
export class NumberedWrite {
  readonly #session: ClientSession
  readonly #number: Long

  /** @param connection to a replica set or mongos: a lone server takes no numbers */
  constructor(connection: Connection) {
    this.#session = connection.client.startSession({ causalConsistency: false })
    const { serverSession } = this.#session
    // what the driver would do for a write of its own
    serverSession.txnNumber += 1
    this.#number = Long.fromNumber(serverSession.txnNumber)
  }

  get number(): Document {
    return { txnNumber: this.#number }
  }

  get options(): { readonly session: ClientSession } {
    return { session: this.#session }
  }

  end(): Promise<void> {
    return this.#session.endSession()
  }
}

/**
 * Sends a numbered write again until its outcome is known or the session's time is over.
 * @param cause why the outcome of the first attempt is not known
 * @throws ODataError outcomeUnknown; whatever else an attempt fails with, where nothing was written
 */
export async function untilKnown<T>(session: Session, cause: unknown, send: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + session.timeLimit
  do {
    await sleep(pause)
    try {
      return await send()
    } catch (error) {
      if (error instanceof MongoServerError && forgotten.has(error.code)) break
      const failure = writeFailure(error)
      if (failure.kind === 'unknown') continue
      // that no server takes the write now says nothing of the first attempt
      if (failure.kind === 'notWritten' && (failure.again || isUnavailable(failure.error))) continue
      throw error
    }
  } while (Date.now() < deadline)
  throw storeFailure.outcomeUnknown(cause)
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'storeUnavailable'
}
