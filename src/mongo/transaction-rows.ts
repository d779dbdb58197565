import type { Document } from 'bson'
import { ODataError } from '../errors/odata-error.ts'
import type { CreateOutcome } from '../store/port.ts'
import { type Connection, commandOptions } from './connection.ts'
import { type Creation, refused } from './creates.ts'
import { faultOf, type ServerFault } from './failures.ts'
import { tokenOfKey, tokenOfRow } from './key-token.ts'

/** Documents and bytes of the creates that wait at once. */
const mostDocuments = 1_000
const mostBytes = 8_000_000
/** Bytes of rows that are remembered. */
const mostKnown = 8_000_000
/** Rows of others that are remembered as seen. */
const mostSeen = 100

/**
 * What one attempt of a transaction knows of its rows: creates that may wait are sent together, one insert for each collection, before
 * anything that could meet them; a row that it has made or read by key is not read again, as nobody else can change what it sees.
 */
export class TransactionRows {
  readonly #connection: Connection
  /** creates that wait, by collection, in order */
  #waiting = new Map<string, Creation[]>()
  #documents = 0
  #bytes = 0
  /** rows by collection and key, as the transaction sees them; undefined: there is none */
  readonly #known = new Map<string, Uint8Array | undefined>()
  #knownBytes = 0
  /** rows that others have stored, found by `glance` */
  readonly #seen = new Map<string, Uint8Array>()
  /** whether all that it does not know is as others have left it */
  #foreign = true
  /** whether the server knows of the transaction */
  #begun = false
  /** why waiting creates could not be stored: nothing of the transaction can */
  #failure: { readonly error: unknown } | undefined
  /** the first failure that whoever asked was told of: the server has ended the transaction by it */
  #end: { readonly error: unknown } | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Whether it has ended by a failure that was told at once. */
  get ended(): boolean {
    return this.#end !== undefined
  }

  /** Notes a failure that was told, and that nothing can come after: the server would say that there is no such transaction, as after a conflict. */
  endBy(error: unknown): void {
    this.#end ??= { error }
  }

  #demandOpen(): void {
    const failure = this.#failure ?? this.#end
    if (failure) throw failure.error
  }

  /** Takes a create. @throws what `flush` throws, of an earlier create or of this one */
  async create(creation: Creation): Promise<CreateOutcome> {
    const { collection, row, session } = creation
    const token = tokenOf(collection, tokenOfRow(row))
    if (session.late === undefined) {
      await this.flush()
      const outcome = await this.#insertOne(creation)
      if (outcome.kind === 'created') this.#remember(token, row)
      return outcome
    }
    this.#demandOpen()
    const before = this.#waiting.get(collection)
    if (before) before.push(creation)
    else this.#waiting.set(collection, [creation])
    this.#remember(token, row)
    this.#documents++
    this.#bytes += row.length
    if (this.#documents >= mostDocuments || this.#bytes >= mostBytes) await this.flush()
    return { kind: 'created', row }
  }

  /** The row of a key, read where it is not known. A row that waits is known, so that none has to be sent first. */
  async read(
    collection: string,
    id: unknown,
    ask: () => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    this.#demandOpen()
    const token = tokenOf(collection, tokenOfKey(id))
    if (this.#known.has(token)) return this.#known.get(token)
    this.#begun = true
    const row = await ask()
    // what waits is not forgotten for what is only read
    if (this.#documents === 0 || this.#knownBytes < mostKnown) this.#remember(token, row)
    return row
  }

  /**
   * The row of a key, for whoever only wants to know that it is there (`Session.glance`): read beside the transaction, together with what
   * others read, as long as the transaction has changed nothing that was there.
   * @param beside reads outside the transaction @param ask reads in it
   */
  async glance(
    collection: string,
    id: unknown,
    beside: () => Promise<Uint8Array | undefined>,
    ask: () => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    const token = tokenOf(collection, tokenOfKey(id))
    if (!this.#foreign || this.#known.has(token)) return this.read(collection, id, ask)
    this.#demandOpen()
    const seen = this.#seen.get(token) ?? (await beside())
    if (seen !== undefined && this.#seen.size < mostSeen) this.#seen.set(token, seen)
    return seen
  }

  /** Forgets what it knows: rows are about to be changed. Nothing waits by then. */
  change(): void {
    this.#seen.clear()
    this.#forget()
  }

  #forget(): void {
    // its own rows must be read by itself from now on
    this.#foreign = false
    this.#known.clear()
    this.#knownBytes = 0
  }

  /** Sends what waits before something that the server is asked in the transaction. @throws what `flush` throws */
  meet(): Promise<void> {
    this.#begun = true
    return this.flush()
  }

  /**
   * Stores what waits otherwise, where it is all that the transaction has done.
   * @param store false: nothing is stored @returns whether all is stored @throws what `store` throws, ever after
   */
  async storeBeside(store: (creations: readonly Creation[]) => Promise<boolean>): Promise<boolean> {
    this.#demandOpen()
    if (this.#begun || this.#documents === 0) return false
    try {
      if (!(await store([...this.#waiting.values()].flat()))) return false
    } catch (error) {
      this.#failure = { error }
      throw error
    }
    this.#taken()
    return true
  }

  /**
   * Sends what waits. One failure ends the transaction on the server, so it is thrown ever after.
   * @throws what `late` of the session made of it, or the driver's error, which may let the transaction begin anew
   */
  async flush(): Promise<void> {
    this.#demandOpen()
    if (this.#documents === 0) return
    const waiting = this.#taken()
    try {
      for (const creations of waiting.values()) await this.#insert(creations)
    } catch (error) {
      this.#failure = { error }
      throw error
    }
    // rows that waited are kept whatever their size
    if (this.#knownBytes > mostKnown) this.#forget()
  }

  #taken(): ReadonlyMap<string, readonly Creation[]> {
    const waiting = this.#waiting
    this.#waiting = new Map()
    this.#documents = 0
    this.#bytes = 0
    return waiting
  }

  async #insert(creations: readonly Creation[]): Promise<void> {
    const fault = await this.#send(creations)
    if (fault === undefined) return
    const error = failureOf(fault)
    const late = creations[fault.index]?.session.late
    throw late ? late(error) : error
  }

  async #insertOne(creation: Creation): Promise<CreateOutcome> {
    const fault = await this.#send([creation])
    if (fault === undefined) return { kind: 'created', row: creation.row }
    this.endBy(failureOf(fault))
    return refused(faultOf(fault, fault))
  }

  /** Ordered: the first that fails is the last that is tried, and members fail in the order in which they came. */
  async #send(creations: readonly Creation[]): Promise<(ServerFault & { readonly index: number }) | undefined> {
    const [first] = creations
    if (first === undefined) return undefined
    this.#begun = true
    const answer = await this.#connection.db.command(
      { insert: first.collection, documents: creations.map(({ document }): Document => document), ordered: true },
      commandOptions(first.session),
    )
    return answer.writeErrors?.[0]
  }

  #remember(token: string, row: Uint8Array | undefined): void {
    const size = row?.length ?? 0
    if (this.#documents === 0 && this.#knownBytes + size > mostKnown) this.#forget()
    this.#known.set(token, row)
    this.#knownBytes += size + token.length
  }
}

function failureOf(fault: ServerFault): unknown {
  try {
    refused(faultOf(fault, fault))
  } catch (error) {
    return error
  }
  return new ODataError('entityExists', 'There is an entity with this key already.')
}

function tokenOf(collection: string, key: string): string {
  return `${collection}\0${key}`
}
