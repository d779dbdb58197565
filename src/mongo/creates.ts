import { type Document, serialize } from 'bson'
import { MongoServerError, MongoWriteConcernError } from 'mongodb'
import { firstVersion } from '../bson/encode.ts'
import { storeFailure } from '../store/failures.ts'
import type { CreateOutcome, Session } from '../store/port.ts'
import { type Connection, maxDocumentBytes, writeConcernOf } from './connection.ts'
import { duplicateValue, faultOf, type ServerFault, type WriteFailure, writeFailure } from './failures.ts'
import { Joiner } from './joiner.ts'
import { settleCreate } from './settle.ts'

/** Documents and bytes of one joined insert. */
const mostDocuments = 200
const mostBytes = 8_000_000

/** One document on its way. */
export interface Creation {
  readonly collection: string
  readonly document: Document
  /** the document as it is stored */
  readonly row: Uint8Array
  readonly session: Session
}

interface Waiter extends Creation {
  readonly resolve: (outcome: CreateOutcome) => void
  readonly reject: (error: unknown) => void
}

/** Inserts into one collection on their way at once, and how long others wait for one to end. */
const joined = { inFlight: 2, patience: 25 } as const

/**
 * New documents. Those of one collection and scope that arrive in the same turn of the event loop, or while others are on
 * their way, go as one unordered insert, each with an outcome of its own. None is in a transaction (transaction-rows.ts).
 */
export class Creates {
  readonly #connection: Connection
  readonly #joiner = new Joiner<Waiter>((waiters) => this.#send(waiters), joined)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Stores a document; it is durable once this resolves. @throws ODataError */
  create(creation: Creation): Promise<CreateOutcome> {
    return new Promise((resolve, reject) => {
      this.#joiner.add(`${creation.collection}\0${creation.session.scope}`, { ...creation, resolve, reject })
    })
  }

  async #send(waiters: readonly Waiter[]): Promise<void> {
    const commands: Promise<void>[] = []
    let some: Waiter[] = []
    let bytes = 0
    for (const waiter of waiters) {
      if (some.length > 0 && (some.length === mostDocuments || bytes + waiter.row.length > mostBytes)) {
        commands.push(this.#insert(some))
        some = []
        bytes = 0
      }
      some.push(waiter)
      bytes += waiter.row.length
    }
    commands.push(this.#insert(some))
    await Promise.all(commands)
  }

  /**
   * Sends one insert and tells each waiter its outcome; never rejects.
   * @param repeated they were sent before, in vain as it seems: a key that is taken may be taken by themselves
   */
  async #insert(waiters: readonly Waiter[], repeated = false): Promise<void> {
    const [first] = waiters
    if (first === undefined) return
    const timeLimit = Math.max(...waiters.map(({ session }) => session.timeLimit))
    let answer: Document
    try {
      answer = await this.#connection.db.command({
        insert: first.collection,
        documents: waiters.map(({ document }) => document),
        ordered: false,
        ...writeConcernOf({ ...first.session, timeLimit }),
      })
    } catch (error) {
      if (!(error instanceof MongoWriteConcernError)) return this.#failed(waiters, writeFailure(error), repeated)
      answer = error.result
    }
    const faults = new Map(
      (answer.writeErrors as (ServerFault & { index: number })[] | undefined)?.map((fault) => [fault.index, fault]),
    )
    const doubt = answer.writeConcernError as ServerFault | undefined
    await Promise.all(
      waiters.map((waiter, index) => {
        const fault = faults.get(index)
        if (fault) {
          const failure = faultOf(fault, fault)
          const own = repeated && failure.kind === 'duplicate' && failure.key
          return this.#finish(waiter, own ? { kind: 'unknown', error: fault } : failure)
        }
        if (doubt) return this.#finish(waiter, { kind: 'unknown', error: doubt })
        waiter.resolve({ kind: 'created', row: waiter.row })
        return undefined
      }),
    )
  }

  /** What to do where a whole insert failed. */
  async #failed(waiters: readonly Waiter[], failure: WriteFailure, repeated: boolean): Promise<void> {
    if (failure.kind === 'notWritten' && waiters.length > 1 && ofServer(failure.error)) {
      // a server that ceases to be the primary in the middle of a command has stored some of its documents, maybe
      const doubt: WriteFailure = { kind: 'unknown', error: failure.error }
      await Promise.all(waiters.map((waiter) => this.#finish(waiter, doubt)))
      return
    }
    if (failure.kind === 'notWritten' && !repeated) {
      if (failure.again) return this.#insert(waiters, true)
      // one document may be at fault for all
      if (waiters.length > 1 && !isUnavailable(failure.error)) {
        await Promise.all(waiters.map((waiter) => this.#insert([waiter], true)))
        return
      }
    }
    await Promise.all(waiters.map((waiter) => this.#finish(waiter, failure)))
  }

  async #finish(waiter: Waiter, failure: WriteFailure): Promise<void> {
    try {
      waiter.resolve(
        failure.kind === 'unknown' ? await settleCreate(this.#connection, waiter, failure.error) : refused(failure),
      )
    } catch (error) {
      waiter.reject(error)
    }
  }
}

/** A document with version 1, to be stored. @throws ODataError payloadTooLarge: it would make all that it is sent with fail */
export function creationOf(collection: string, document: Document, session: Session): Creation {
  const stored = firstVersion(document)
  const row = serialize(stored)
  if (row.length > maxDocumentBytes) throw storeFailure.tooLarge(undefined)
  return { collection, document: stored, row, session }
}

/** The outcome of a document that was not stored. @throws ODataError where its key was not the reason */
export function refused(failure: WriteFailure): CreateOutcome {
  if (failure.kind !== 'duplicate') throw failure.error
  if (failure.key) return { kind: 'exists' }
  throw duplicateValue(failure.error)
}

/** Whether the server said that it takes no writes. */
function ofServer(error: unknown): boolean {
  return isUnavailable(error) && error instanceof Error && error.cause instanceof MongoServerError
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'storeUnavailable'
}
