import type { Session } from '../store/port.ts'
import type { Connection } from './connection.ts'
import { readFailure } from './failures.ts'
import { drain, findBatch, findRows, openCursor } from './find.ts'
import { tokenOfKey, tokenOfRow } from './key-token.ts'

/** Keys asked for with one command. */
const mostKeys = 128

interface Waiter {
  readonly id: unknown
  readonly session: Session
  readonly resolve: (row: Uint8Array | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Reads by key of one collection and scope that arrived in the same turn, by the token of the key. */
interface Group {
  readonly collection: string
  readonly waiters: Map<string, Waiter[]>
}

/**
 * Reads by key. Those of one collection and scope that arrive in the same turn of the event loop go as one command; none
 * joins a command that has been sent, so nobody sees a state older than their own arrival. Not for reads in a
 * transaction, nor under a row filter: those go alone.
 */
export class PointReads {
  readonly #connection: Connection
  #groups = new Map<string, Group>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The row with an `_id`, or undefined. @throws ODataError */
  read(collection: string, id: unknown, session: Session): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#groups.size === 0) setImmediate(() => this.#send())
      const name = `${collection}\0${session.scope}`
      let group = this.#groups.get(name)
      if (group === undefined) {
        group = { collection, waiters: new Map() }
        this.#groups.set(name, group)
      }
      const token = tokenOfKey(id)
      const waiter = { id, session, resolve, reject }
      const same = group.waiters.get(token)
      if (same) same.push(waiter)
      else group.waiters.set(token, [waiter])
    })
  }

  #send(): void {
    const groups = this.#groups
    this.#groups = new Map()
    for (const { collection, waiters } of groups.values()) {
      let some: [string, Waiter[]][] = []
      for (const entry of waiters) {
        some.push(entry)
        if (some.length === mostKeys) {
          void this.#readTogether(collection, some)
          some = []
        }
      }
      if (some.length > 0) void this.#readTogether(collection, some)
    }
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
    const session = { ...joinedSession, timeLimit }
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
      const [row] = await findRows(this.#connection, query, { ...joinedSession, timeLimit })
      for (const waiter of waiters) waiter.resolve(row)
    } catch (error) {
      const failure = readFailure(error)
      for (const waiter of waiters) waiter.reject(failure)
    }
  }
}

/** A session of nobody: what a joined command may take from its members is their longest time. */
const joinedSession: Session = {
  parameters: [],
  scope: '',
  rowFilters: new Map(),
  signal: undefined,
  timeLimit: 0,
  after: undefined,
  limit: undefined,
  precondition: undefined,
  transaction: undefined,
}
