import { type Document, serialize } from 'bson'
import { storeFailure } from '../store/failures.ts'
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

/** Milliseconds after which it is looked whether anybody still waits for a command: most have been answered by then. */
const slow = 100

function abortWhenAllAreGone(waiters: readonly { readonly session: Session }[], abort: AbortController): void {
  let left = waiters.length
  const gone = (): void => {
    left--
    if (left === 0) abort.abort()
  }
  for (const { session } of waiters) {
    const { signal } = session
    if (signal?.aborted) gone()
    else signal?.addEventListener('abort', gone, { once: true })
  }
}

/**
 * Pages, counts and groups. Those that ask MongoDB letter for letter the same, within one scope, and arrive in the same turn of the
 * event loop or while an equal command is on its way, are answered by one command; none joins a command that has been sent,
 * so nobody sees a state older than their own arrival. A slow command ends once all who asked have gone away. Not for reads in a transaction, nor under a row filter: those go alone.
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
      const abort = new AbortController()
      const timer = setTimeout(() => abortWhenAllAreGone(waiters, abort), slow)
      try {
        const answer = await ask(first.query, { ...joinedSession(first.session.timeLimit), signal: abort.signal })
        for (const waiter of waiters) waiter.resolve(answer)
      } catch (error) {
        const failure = abort.signal.aborted ? storeFailure.timeout(error) : error
        for (const waiter of waiters) waiter.reject(failure)
      } finally {
        clearTimeout(timer)
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
