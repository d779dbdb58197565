import { setTimeout as sleep } from 'node:timers/promises'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import type { Committer } from './committer.ts'
import type { Tables } from './tables.ts'
import { Conflict, Transaction } from './transaction.ts'

/** How often work is run; the first few times beside others, then one after another. */
const attempts = { concurrent: 3, all: 12 } as const

/** Runs transactions, again where they met a conflict. */
export class TransactionRunner {
  readonly #tables: Tables
  readonly #committer: Committer
  /** the end of the last transaction that was given the floor alone */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(tables: Tables, committer: Committer) {
    this.#tables = tables
    this.#committer = committer
  }

  /**
   * @returns what `work` returned, once its changes are durable
   * @throws what `work` throws, storeUnavailable where conflicts do not end, and what committing throws
   */
  async run<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= attempts.concurrent; attempt++) {
      const outcome = await this.#attempt(session, work)
      if (outcome) return outcome.value
      await sleep(Math.random() * 2 ** attempt)
    }
    // Whoever keeps losing waits for a turn of his own: only single changes can be faster then.
    const alone = this.#turn.then(() => this.#runAlone(session, work))
    this.#turn = alone.catch(() => {})
    return alone
  }

  async #runAlone<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = attempts.concurrent; attempt < attempts.all; attempt++) {
      const outcome = await this.#attempt(session, work)
      if (outcome) return outcome.value
      await sleep(Math.random() * 4)
    }
    throw storeFailure.unavailable(new Error(`${attempts.all} attempts at a transaction met a conflict`))
  }

  /** @returns undefined after a conflict */
  async #attempt<T>(
    session: Session,
    work: (session: Session) => Promise<T>,
  ): Promise<{ readonly value: T } | undefined> {
    const transaction = new Transaction(this.#tables)
    try {
      const value = await work(sessionLike(session, { transaction }))
      if (transaction.hasWrites) await this.#committer.run((batch) => transaction.commit(batch), session.timeLimit)
      else if (!transaction.holdsNow()) return undefined
      return { value }
    } catch (error) {
      // What the work made of rows that never stood together is nobody's fault: it runs again.
      if (error instanceof Conflict || !transaction.holdsNow()) return undefined
      throw error
    }
  }
}
