import type { Session } from '../store/port.ts'
import type { Connection } from './connection.ts'
import { readFailure } from './failures.ts'
import { drain, findBatch, findRows, openCursor } from './find.ts'
import { Joiner, joinedSession } from './joiner.ts'
import { tokenOfKey, tokenOfRow } from './key-token.ts'

/** Keys asked for with one command. */
const mostKeys = 128

interface Waiter {
  readonly collection: string
  readonly id: unknown
  readonly session: Session
  readonly resolve: (row: Uint8Array | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Reads of one collection on their way at once, and how long others wait for one to end. */
const joined = { inFlight: 2, patience: 5 } as const

/**
 * Reads by key. Those of one collection and scope that arrive in the same turn of the event loop, or while others are on
 * their way, go as one command; none joins a command that has been sent, so nobody sees a state older than their own
 * arrival. Not for reads in a transaction, nor under a row filter: those go alone.
 */
export class PointReads {
  readonly #connection: Connection
  readonly #joiner = new Joiner<Waiter>((waiters) => this.#send(waiters), joined)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The row with an `_id`, or undefined. @throws ODataError */
  read(collection: string, id: unknown, session: Session): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#joiner.add(`${collection}\0${session.scope}`, { collection, id, session, resolve, reject })
    })
  }

  /** Sends the reads of one group, by the token of the key: who asks for the same key is answered by the same row. */
  async #send(waiters: readonly Waiter[]): Promise<void> {
    const byToken = new Map<string, Waiter[]>()
    for (const waiter of waiters) {
      const token = tokenOfKey(waiter.id)
      const same = byToken.get(token)
      if (same) same.push(waiter)
      else byToken.set(token, [waiter])
    }
    const entries = [...byToken]
    const collection = waiters[0]?.collection ?? ''
    const commands: Promise<void>[] = []
    for (let i = 0; i < entries.length; i += mostKeys)
      commands.push(this.#readTogether(collection, entries.slice(i, i + mostKeys)))
    await Promise.all(commands)
  }

  /** Reads some keys with one command; what that does not answer is read alone. */
  async #readTogether(collection: string, entries: readonly [string, readonly Waiter[]][]): Promise<void> {
    const [first] = entries
    if (first && entries.length === 1) return this.#readAlone(collection, first[1])
    const waiting = new Map(entries)
    let stray = false
    try {
      for (const row of await this.#findAll(collection, entries)) {
        const token = tokenOfRow(row)
        const waiters = waiting.get(token)
        waiting.delete(token)
        if (waiters) for (const waiter of waiters) waiter.resolve(row)
        else stray = true
      }
    } catch {
      // one request may be at fault for all: each is asked for alone and has its own answer
      stray = true
    }
    if (stray) await Promise.all([...waiting.values()].map((waiters) => this.#readAlone(collection, waiters)))
    else for (const waiters of waiting.values()) for (const waiter of waiters) waiter.resolve(undefined)
  }

  /** Every row of the keys: a key is missing only once the cursor is at its end. */
  async #findAll(collection: string, entries: readonly [string, readonly Waiter[]][]): Promise<readonly Uint8Array[]> {
    let timeLimit = 0
    const ids: unknown[] = []
    for (const [, waiters] of entries) {
      ids.push(waiters[0]?.id)
      for (const { session } of waiters) timeLimit = Math.max(timeLimit, session.timeLimit)
    }
    const query = { collection, filter: { _id: { $in: ids } }, sort: undefined, skip: 0, limit: ids.length }
    const session = joinedSession(timeLimit)
    return (
      (await findBatch(this.#connection, query, session)) ??
      (await drain(openCursor(this.#connection, query, session, ids.length)))
    )
  }

  async #readAlone(collection: string, waiters: readonly Waiter[]): Promise<void> {
    const [first] = waiters
    if (first === undefined) return
    try {
      const query = { collection, filter: { _id: first.id }, sort: undefined, skip: 0, limit: 1 }
      const timeLimit = Math.max(...waiters.map(({ session }) => session.timeLimit))
      const [row] = await findRows(this.#connection, query, joinedSession(timeLimit))
      for (const waiter of waiters) waiter.resolve(row)
    } catch (error) {
      const failure = readFailure(error)
      for (const waiter of waiters) waiter.reject(failure)
    }
  }
}
