import { serialize } from 'bson'
import { type ClientSession, type Document, type Long, MongoError, Timestamp } from 'mongodb'
import { type CollectionLayout, containedId } from '../bson/layout.ts'
import { ODataError } from '../errors/odata-error.ts'
import { ChangedRows, type ChangeFeed, type ChangeOutcome, type ChangeQuery } from '../store/changes.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { committedTime } from './committed-time.ts'
import { type Connection, readConcern } from './connection.ts'
import { readFailure } from './failures.ts'

/**
 * Changes from the change stream of a collection. A position is a time of the cluster (`t` and the number), up to which everything has
 * been seen, or the resume token of an event (`r` and its data).
 */

/** Events of one batch. */
const batchSize = 1_000
/** Events looked through for one page: what is left is for the next one. */
const mostEvents = 50_000
/** Milliseconds that the server waits for events where it has no more: long enough to look at the end of its log. */
const awaitTime = 20

/** ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken. */
const lostCodes: readonly unknown[] = [286, 280, 260]

export class ChangeStreams implements ChangeFeed {
  readonly #connection: Connection
  readonly #most: number
  readonly #imaged = new Set<CollectionLayout>()
  readonly #run: <T>(work: () => Promise<T>) => Promise<T>

  /** @param run counts work as running */
  constructor(connection: Connection, run: <T>(work: () => Promise<T>) => Promise<T>, most = mostEvents) {
    this.#connection = connection
    this.#most = most
    this.#run = run
  }

  now({ name }: CollectionLayout, session: Session): Promise<string> {
    return this.#run(async () => {
      this.#requireHistory()
      try {
        return printTime(numberOf(await committedTime(this.#connection, name, session.timeLimit)))
      } catch (error) {
        throw error instanceof MongoError ? readFailure(error) : error
      }
    })
  }

  since(query: ChangeQuery, session: Session): Promise<ChangeOutcome> {
    return this.#run(async () => {
      this.#requireHistory()
      const own = this.#connection.client.startSession()
      try {
        return await readChanges(this.#connection, own, query, session, this.#most)
      } catch (error) {
        if (!(error instanceof MongoError)) throw error
        if (lostCodes.includes(error.code)) return lost
        throw readFailure(error)
      } finally {
        await own.endSession()
      }
    })
  }

  keepImages(collections: readonly CollectionLayout[]): Promise<void> {
    return this.#run(async () => {
      if (!this.#connection.transactions) return
      for (const collection of collections)
        if (await keepImages(this.#connection, collection.name)) this.#imaged.add(collection)
    })
  }

  keepsImages(collection: CollectionLayout): boolean {
    return this.#imaged.has(collection)
  }

  #requireHistory(): void {
    if (this.#connection.transactions) return
    throw new ODataError(
      'notImplemented',
      'Changes can be tracked on a MongoDB that is a replica set or a sharded cluster; this one is a lone server.',
    )
  }
}

const lost: ChangeOutcome = { kind: 'historyLost' }

/** NamespaceNotFound */
const noCollection = 26

/** Turns pre-images on. @returns false where the server does not have them (before 6.0), or the user may not */
async function keepImages({ db }: Connection, name: string): Promise<boolean> {
  const option = { changeStreamPreAndPostImages: { enabled: true }, writeConcern: { w: 'majority' } }
  try {
    await db.command({ collMod: name, ...option })
    return true
  } catch (error) {
    if (!(error instanceof MongoError)) throw error
    if (error.code !== noCollection) return false
  }
  try {
    await db.command({ create: name, ...option })
    return true
  } catch (error) {
    if (error instanceof MongoError) return false
    throw error
  }
}

async function readChanges(
  connection: Connection,
  own: ClientSession,
  { collection, since, sight, fields, until, owner, limit }: ChangeQuery,
  session: Session,
  most: number,
): Promise<ChangeOutcome> {
  const deadline = Date.now() + session.timeLimit
  const end =
    until === undefined
      ? numberOf(await committedTime(connection, collection.name, session.timeLimit))
      : readTime(until)
  let looked = 0
  let last: string | undefined
  const rows = new ChangedRows(since)
  const begin = sight?.from ?? since
  // a stream that is to start in the future is not opened: nothing has happened
  if (since.startsWith('t') && readTime(since) >= end) return rows.page(limit, since)
  const command = (command: Document): Promise<Document> =>
    // keys are kept in the very type that is stored
    connection.db.command(command, {
      session: own,
      readPreference: 'primary',
      promoteValues: false,
      promoteLongs: false,
    })
  const from = begin.startsWith('t')
    ? { startAtOperationTime: Timestamp.fromString(String(readTime(begin) + 1n), 10) }
    : { resumeAfter: { _data: begin.slice(1) } }
  const images = sight === undefined ? {} : { fullDocumentBeforeChange: 'whenAvailable' }
  let answer = await command({
    aggregate: collection.name,
    pipeline: [
      { $changeStream: { ...from, ...images } },
      { $project: fields.length === 0 ? shown : { ...shown, ...changedNames } },
    ],
    cursor: { batchSize },
    maxTimeMS: timeOf(session.timeLimit),
    readConcern,
  })
  let { id } = answer.cursor as { id: Long }
  try {
    for (let first = true; ; first = false) {
      const { firstBatch, nextBatch, postBatchResumeToken } = answer.cursor
      const events: readonly Document[] = firstBatch ?? nextBatch ?? []
      for (const event of events) {
        const { _id, operationType, documentKey, clusterTime, fullDocumentBeforeChange: image } = event
        if (numberOf(clusterTime) > end) return rows.page(limit, printTime(end))
        // dropped, renamed
        if (documentKey === undefined || !rowEvents.has(operationType)) return lost
        looked++
        const position = `r${_id._data}`
        last = position
        if (owner !== undefined && documentKey._id?.[containedId.owner] !== owner) continue
        // where it is not kept (any more), what the caller may know is not known
        if (sight && operationType !== 'insert' && !image) return lost
        rows.add(serialize({ _id: documentKey._id }), position, {
          seen: image && sight ? sight.test(serialize(image)) : false,
          touched: fields.length > 0 && touches(event, fields),
        })
      }
      const reached = timeOfToken(postBatchResumeToken?._data)
      // At its very time there may be more; a second look that finds nothing has seen the end of the log.
      if (reached > end || (reached === end && !first && events.length === 0)) return rows.page(limit, printTime(end))
      if (id.isZero()) return lost
      if (last !== undefined && until === undefined && looked >= most) return rows.cut(limit, last, printTime(end))
      if (Date.now() > deadline) throw storeFailure.timeout(new Error('the change stream takes too long to catch up'))
      session.signal?.throwIfAborted()
      answer = await command({ getMore: id, collection: collection.name, batchSize, maxTimeMS: awaitTime })
      id = (answer.cursor as { id: Long }).id
    }
  } finally {
    if (!id.isZero())
      await connection.db
        .command({ killCursors: collection.name, cursors: [id] }, { session: own })
        .catch(() => undefined)
  }
}

const shown = { operationType: 1, documentKey: 1, clusterTime: 1, fullDocumentBeforeChange: 1 } as const

/** Names, with dots, of what an update has changed. */
const changedNames: Document = {
  set: { $map: { input: { $objectToArray: '$updateDescription.updatedFields' }, in: '$$this.k' } },
  unset: '$updateDescription.removedFields',
  cut: '$updateDescription.truncatedArrays.field',
}

function touches({ operationType, set, unset, cut }: Document, fields: readonly string[]): boolean {
  if (operationType !== 'update') return operationType !== 'insert'
  const names: readonly unknown[] = [set, unset, cut].flatMap((some) => some ?? [])
  return names.some((name) => fields.includes(String(name).split('.')[0] ?? ''))
}

const rowEvents: ReadonlySet<unknown> = new Set(['insert', 'update', 'replace', 'delete'])

function numberOf(time: Timestamp): bigint {
  return BigInt(time.toString())
}

/** The time in a resume token: behind the byte that says that a time follows, 16 hexadecimal digits. */
function timeOfToken(data: unknown): bigint {
  const time = typeof data === 'string' ? /^82([\dA-F]{16})/i.exec(data)?.[1] : undefined
  return time === undefined ? 0n : BigInt(`0x${time}`)
}

function printTime(time: bigint): string {
  return `t${time}`
}

function readTime(position: string): bigint {
  return BigInt(position.slice(1))
}

function timeOf(timeLimit: number): number {
  return Math.max(1, Math.round(timeLimit))
}
