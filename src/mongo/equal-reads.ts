import { type Document, serialize } from 'bson'
import type { Session } from '../store/port.ts'
import { Joiner, joinedSession } from './joiner.ts'

/** One who waits for an answer. */
interface Waiter<Query, Answer> {
  readonly query: Query
  readonly session: Session
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** Equal commands on their way at once, and how long further readers wait for one to end. */
const joined = { inFlight: 1, patience: 25 } as const

/**
 * Pages and counts. Those that ask MongoDB letter for letter the same, within one scope, and arrive in the same turn of the
 * event loop or while an equal command is on its way, are answered by one command; none joins a command that has been sent,
 * so nobody sees a state older than their own arrival. Not for reads in a transaction, nor under a row filter: those go alone.
 *
 * @typeParam Query what is sent, as BSON has it: equal bytes are the same question
 * @typeParam Answer shared by all who asked: nobody may change it
 */
export class EqualReads<Query extends Document, Answer> {
  readonly #joiner: Joiner<Waiter<Query, Answer>>

  /** @param ask sends one command; what it throws, all who asked are told */
  constructor(ask: (query: Query, session: Session) => Promise<Answer>) {
    const send = async (waiters: readonly Waiter<Query, Answer>[]): Promise<void> => {
      const [first] = waiters
      if (first === undefined) return
      try {
        const answer = await ask(first.query, joinedSession(first.session.timeLimit))
        for (const waiter of waiters) waiter.resolve(answer)
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error)
      }
    }
    this.#joiner = new Joiner(send, joined)
  }

  /** @throws ODataError */
  read(query: Query, session: Session): Promise<Answer> {
    const question = Buffer.from(serialize(query)).toString('latin1')
    return new Promise((resolve, reject) => {
      this.#joiner.add(`${session.scope}\0${session.timeLimit}\0${question}`, { query, session, resolve, reject })
    })
  }
}
