import type { Document } from 'bson'
import { type Connection, snapshotTransaction } from './connection.ts'
import type { Creation } from './creates.ts'
import { mayBeCommitted, transactionFailure } from './failures.ts'
import { Joiner } from './joiner.ts'

/** Documents and bytes of the transactions that are stored as one. */
const mostDocuments = 1_000
const mostBytes = 8_000_000

/** How often the rest is tried again without the one at fault. */
const mostAttempts = 3

/** Transactions on their way at once, and how long others wait for one to end. */
const joined = { inFlight: 2, patience: 25 } as const

interface Waiter {
  readonly creations: readonly Creation[]
  readonly bytes: number
  readonly resolve: (stored: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Transactions that have done nothing but create, so that nobody has seen anything of them: those that end in the same turn of the event loop, or
 * while others are on their way, are stored as one transaction of the server (group commit). Each is still stored whole or not at all.
 */
export class JoinedTransactions {
  readonly #connection: Connection
  readonly #joiner = new Joiner<Waiter>((waiters) => this.#send(waiters), joined)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Stores the creates of one transaction, of one scope.
   * @returns whether they are stored; if not, none of them is, and why it is so only their own transaction can tell
   * @throws ODataError outcomeUnknown
   */
  store(creations: readonly Creation[]): Promise<boolean> {
    const bytes = creations.reduce((sum, { row }) => sum + row.length, 0)
    return new Promise((resolve, reject) => {
      this.#joiner.add(creations[0]?.session.scope ?? '', { creations, bytes, resolve, reject })
    })
  }

  async #send(waiters: readonly Waiter[]): Promise<void> {
    const groups: Waiter[][] = []
    let documents = 0
    let bytes = 0
    for (const waiter of waiters) {
      documents += waiter.creations.length
      bytes += waiter.bytes
      const last = groups.at(-1)
      if (last !== undefined && documents <= mostDocuments && bytes <= mostBytes) last.push(waiter)
      else {
        groups.push([waiter])
        documents = waiter.creations.length
        bytes = waiter.bytes
      }
    }
    await Promise.all(groups.map((group) => this.#run(group)))
  }

  /** Stores some transactions as one, without those that are at fault, and tells each; never rejects. */
  async #run(waiters: readonly Waiter[]): Promise<void> {
    const untold = new Set(waiters)
    const faulty: Waiter[] = []
    for (let attempt = 0; attempt < mostAttempts && untold.size > 0; attempt++) {
      const fault = await this.#attempt([...untold])
      if (fault === undefined) untold.clear()
      else if (fault === 'all') break
      else if (untold.delete(fault)) faulty.push(fault)
    }
    // those at fault are told last: on their own they would meet the rest
    for (const { resolve } of [...untold, ...faulty]) resolve(false)
  }

  /** @returns whose document is refused, or all where that is not known; undefined: all have been told */
  async #attempt(waiters: readonly Waiter[]): Promise<Waiter | 'all' | undefined> {
    const session = this.#connection.client.startSession()
    let fault: Waiter | 'all' = 'all'
    let attempts = 0
    let committing = false
    try {
      await session.withTransaction(async () => {
        committing = false
        // after a conflict: whoever meets others shall not hold up the rest
        if (attempts++ > 0) throw new NotStored()
        for (const [insert, some] of byCollection(waiters)) {
          const documents = some.map(({ document }): Document => document)
          const answer = await this.#connection.db.command({ insert, documents, ordered: true }, { session })
          const [failed] = (answer.writeErrors ?? []) as { readonly index: number }[]
          if (failed === undefined) continue
          fault = some[failed.index]?.waiter ?? 'all'
          throw new NotStored()
        }
        committing = true
      }, snapshotTransaction)
      for (const { resolve } of waiters) resolve(true)
    } catch (error) {
      if (!mayBeCommitted(error, committing)) return fault
      for (const { reject } of waiters) reject(transactionFailure(error, committing))
    } finally {
      await session.endSession()
    }
    return undefined
  }
}

class NotStored extends Error {}

interface Placed {
  readonly document: Document
  readonly waiter: Waiter
}

function byCollection(waiters: readonly Waiter[]): ReadonlyMap<string, readonly Placed[]> {
  const found = new Map<string, Placed[]>()
  for (const waiter of waiters)
    for (const { collection, document } of waiter.creations) {
      const placed = found.get(collection)
      if (placed) placed.push({ document, waiter })
      else found.set(collection, [{ document, waiter }])
    }
  return found
}
