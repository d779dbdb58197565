import type { RootDatabase } from 'lmdb'
import type { ODataError } from '../errors/odata-error.ts'
import { storeFailure } from '../store/failures.ts'
import { ABORT } from './lmdb.ts'
import { type Tables, WriteBatch } from './write-batch.ts'

/** One write waiting for its turn. */
interface Entry {
  readonly work: (batch: WriteBatch) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** when it must have begun, in milliseconds since 1970 */
  readonly deadline: number
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined
}

/** Work done in one lmdb transaction before it is committed: others must not wait too long for the event loop. */
const limits = { entries: 1_024, milliseconds: 10 } as const

/** How often entries that wait for the write lock are looked at for their deadline, in milliseconds. */
const sweepInterval = 100

/**
 * Group commit: writes that wait while another transaction is being flushed go together in the next one. lmdb flushes
 * before it commits (no overlapping sync), so what a transaction's promise announces is on the disk, and no reader, in this
 * process or another, ever sees what is not.
 */
export class Committer {
  readonly #root: RootDatabase
  readonly #tables: Tables
  #queue: Entry[] = []
  #running: Promise<void> | undefined
  #sweeper: NodeJS.Timeout | undefined

  constructor(root: RootDatabase, tables: Tables) {
    this.#root = root
    this.#tables = tables
  }

  /**
   * Runs synchronous work in a write transaction together with others.
   * @param work reads and checks first, writes last; what it throws before its first write rejects it alone
   * @param timeLimit milliseconds within which it must have begun
   * @returns what `work` returned, once it is durable
   * @throws ODataError storeTimeout (nothing was written), storeUnavailable (nothing was written), outcomeUnknown
   */
  run<T>(work: (batch: WriteBatch) => T, timeLimit: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const deadline = Date.now() + timeLimit
      this.#queue.push({ work, resolve: (value) => resolve(value as T), reject, deadline, outcome: undefined })
      this.#sweeper ??= setInterval(() => this.#sweep(), sweepInterval).unref()
      this.#running ??= this.#drain()
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  async #drain(): Promise<void> {
    // Writes of the same turn of the event loop are to go together.
    await null
    while (this.#queue.length > 0) await this.#commit()
    this.#running = undefined
  }

  async #commit(): Promise<void> {
    const group: Entry[] = []
    let failure: { readonly error: unknown; readonly aborted: boolean } | undefined
    let transaction = 0
    try {
      await this.#root.childTransaction(() => {
        transaction = this.#root.getWriteTxnId()
        const batch = new WriteBatch(this.#tables)
        try {
          this.#runWaiting(batch, group)
          batch.finish()
        } catch (error) {
          failure = { error, aborted: true }
          return ABORT
        }
        return undefined
      })
    } catch (error) {
      failure = { error: await causeOf(error), aborted: false }
    }
    if (failure) {
      const { error, aborted } = failure
      // Without a group the transaction never began: whoever waits has to be told.
      const failed = group.length > 0 ? group : this.#queue.splice(0)
      const unknown = !aborted && transaction > 0 && this.#mayStand(transaction)
      for (const { reject } of failed)
        reject(unknown ? storeFailure.outcomeUnknown(error) : storeFailure.unavailable(error))
      return
    }
    for (const { outcome, resolve, reject } of group) {
      if (outcome && 'error' in outcome) reject(outcome.error)
      else resolve(outcome?.value)
    }
  }

  /**
   * Whether a transaction whose commit failed may have been written all the same. Where the number of the last transaction
   * has not come so far it was not: lmdb puts the old root page back. Where it has, that may be another process's work.
   */
  #mayStand(transaction: number): boolean {
    try {
      this.#root.resetReadTxn()
      const stats: { lastTxnId?: number } = this.#root.getStats()
      return stats.lastTxnId === undefined || stats.lastTxnId >= transaction
    } catch {
      return true
    }
  }

  /**
   * The write lock is held: runs what waits, first come first, until the time for one transaction is used up.
   * @param group takes those that were run, also where this throws
   */
  #runWaiting(batch: WriteBatch, group: Entry[]): void {
    const end = performance.now() + limits.milliseconds
    try {
      for (const entry of this.#queue) {
        if (group.length === limits.entries || performance.now() > end) break
        group.push(entry)
        runOne(entry, batch)
      }
    } finally {
      this.#queue = this.#queue.slice(group.length)
    }
  }

  #sweep(): void {
    const now = Date.now()
    const late = this.#queue.filter((entry) => entry.deadline < now)
    if (late.length > 0) this.#queue = this.#queue.filter((entry) => entry.deadline >= now)
    for (const entry of late) entry.reject(tooLate())
    if (this.#queue.length > 0 || this.#running) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }
}

/** @throws whatever went wrong after the first write: the whole transaction has to be given up */
function runOne(entry: Entry, batch: WriteBatch): void {
  const before = batch.writes
  try {
    if (Date.now() > entry.deadline) entry.outcome = { error: tooLate() }
    else entry.outcome = { value: entry.work(batch) }
  } catch (error) {
    if (batch.writes !== before) throw error
    entry.outcome = { error }
  }
}

function tooLate(): ODataError {
  return storeFailure.timeout(new Error('the write waited too long for its turn'))
}

/** lmdb announces why a commit failed by a promise of its own. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error && 'commitError' in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}
