import { deserialize } from 'bson'
import { Binary, type Document, Int32, Long, ObjectId } from 'mongodb'
import { chunked } from '../base/chunks.ts'
import { storeFailure } from '../store/failures.ts'
import {
  cutPiece,
  FilesBeingRead,
  fileField,
  type StoredFile,
  type StreamPlace,
  type StreamStore,
  type SweepSettings,
  type Swept,
} from '../store/streams.ts'
import { type Connection, readConcern, writeConcern } from './connection.ts'
import { faultOf, readFailure, type ServerFault, writeFailure } from './failures.ts'

/**
 * The GridFS bucket of streams. `files` holds whole files only, so that other GridFS tools can read all of it; `uploads` is our own:
 * files whose chunks stand without a whole file, being written or being removed.
 */
const bucket = { files: 'odatum.streams.files', chunks: 'odatum.streams.chunks', uploads: 'odatum.streams.uploads' }

/** Bytes of a chunk: what GridFS takes where nothing is said. */
const chunkBytes = 261_120

/** Chunks that go, or come, with one command: a megabyte. */
const chunksAtOnce = 4

/** Files looked at in one go of a sweep. */
const pageSize = 200

/** How often a write is sent whose outcome is not known: each can be repeated. */
const mostAttempts = 3

/** Milliseconds for what happens beside requests. */
const patience = 30_000

/** Streams in GridFS (store/streams.ts). */
export class MongoStreams implements StreamStore {
  readonly #connection: Connection
  #indexes: Promise<void> | undefined
  /** how often each file is being read by this process */
  readonly #reading = new FilesBeingRead()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async write(content: AsyncIterable<Uint8Array>, place: StreamPlace, timeLimit: number): Promise<StoredFile> {
    const id = new ObjectId()
    await this.#prepared()
    await this.#note(id, new Date(), timeLimit)
    let noted = Date.now()
    let length = 0
    let number = 0
    let chunks: Document[] = []
    const send = async (): Promise<void> => {
      const documents = chunks
      chunks = []
      await this.#insert(bucket.chunks, documents, timeLimit)
      if (Date.now() - noted < patience) return
      noted = Date.now()
      await this.#note(id, new Date(), timeLimit)
    }
    try {
      for await (const data of chunked(content, chunkBytes)) {
        chunks.push({ _id: new ObjectId(), files_id: id, n: new Int32(number++), data: new Binary(data) })
        length += data.length
        if (chunks.length === chunksAtOnce) await send()
      }
      if (chunks.length > 0) await send()
      const file = {
        _id: id,
        length: Long.fromNumber(length),
        chunkSize: new Int32(chunkBytes),
        uploadDate: new Date(),
        filename: `${place.collection.name}/${place.field.join('.')}`,
        metadata: { collection: place.collection.name, field: place.field.join('.'), pending: true },
      }
      await this.#insert(bucket.files, [file], timeLimit)
    } catch (error) {
      await this.#remove(id).catch(() => {})
      throw error
    }
    await this.#delete(bucket.uploads, { _id: id })
    return { id: id.toHexString(), length }
  }

  async own(file: string, _place: StreamPlace, row: Uint8Array): Promise<void> {
    const { _id } = deserialize(row, { promoteValues: false, promoteBuffers: false })
    await this.#setOwner(new ObjectId(file), _id)
  }

  async release(files: readonly string[]): Promise<void> {
    const ids = files.map((file) => new ObjectId(file))
    await this.#update(
      bucket.files,
      { _id: { $in: ids }, 'metadata.gone': { $exists: false } },
      { $set: { 'metadata.gone': new Date() } },
    )
  }

  discard(file: string): Promise<void> {
    return this.#remove(new ObjectId(file))
  }

  read(file: string, start: number, end: number, timeLimit: number): AsyncGenerator<Uint8Array> {
    return this.#reading.during(file, this.#pieces(file, start, end, timeLimit))
  }

  async *#pieces(file: string, start: number, end: number, timeLimit: number): AsyncGenerator<Uint8Array> {
    const id = new ObjectId(file)
    let at = start
    while (at < end) {
      const first = Math.floor(at / chunkBytes)
      const last = Math.min(first + chunksAtOnce, Math.ceil(end / chunkBytes))
      const chunks = await this.#chunks(id, first, last, timeLimit)
      for (let number = first; number < last; number++) {
        const piece = cutPiece(file, chunks[number - first], at, number * chunkBytes, end)
        yield piece
        at += piece.length
      }
    }
  }

  async #chunks(id: ObjectId, first: number, last: number, timeLimit: number): Promise<readonly Uint8Array[]> {
    const found = await this.#find(
      bucket.chunks,
      { files_id: id, n: { $gte: first, $lt: last } },
      { n: 1 },
      last - first,
      timeLimit,
    )
    const data: Uint8Array[] = []
    for (const chunk of found) {
      if (Number(chunk.n) !== first + data.length || !(chunk.data instanceof Binary)) break
      data.push(chunk.data.buffer.subarray(0, chunk.data.position))
    }
    return data
  }

  async sweep({ grace, signal }: SweepSettings): Promise<Swept> {
    const limit = new Date(Date.now() - grace)
    let removed = 0
    let released = 0
    for await (const uploads of this.#pages(bucket.uploads, { at: { $lte: limit } })) {
      for (const { _id } of uploads) {
        if (signal?.aborted) return { removed, released }
        const [whole] = await this.#find(bucket.files, { _id }, {}, 1, patience)
        // the writer did not live to say that it was done, or its outcome was not known
        if (whole) await this.#delete(bucket.uploads, { _id })
        else {
          await this.#remove(_id)
          removed++
        }
      }
    }
    for await (const files of this.#pages(bucket.files, { uploadDate: { $lte: limit } })) {
      if (signal?.aborted) return { removed, released }
      const dead = await this.#withoutOwner(files)
      const fresh = dead.filter(({ metadata }) => metadata.gone === undefined)
      if (fresh.length > 0) await this.release(fresh.map(({ _id }) => _id.toHexString()))
      released += fresh.length
      for (const { _id, metadata } of dead) {
        if (metadata.gone === undefined || metadata.gone > limit || this.#reading.has(_id.toHexString())) continue
        await this.#remove(_id)
        removed++
      }
    }
    return { removed, released }
  }

  /** The files among these that no row points to; of the others it is noted which row does. */
  async #withoutOwner(files: readonly Document[]): Promise<readonly Document[]> {
    const dead: Document[] = []
    const byPlace = new Map<string, Document[]>()
    for (const file of files) {
      const { collection, field, owner } = file.metadata ?? {}
      // a file that somebody else put into the bucket
      if (typeof collection !== 'string' || typeof field !== 'string') continue
      const pointer = `${field}.${fileField}`
      if (owner === undefined) {
        const [row] = await this.#find(collection, { [pointer]: file._id }, {}, 1, patience)
        if (row) await this.#setOwner(file._id, row._id)
        else dead.push(file)
        continue
      }
      const place = `${collection}\0${pointer}`
      byPlace.set(place, [...(byPlace.get(place) ?? []), file])
    }
    for (const [place, owned] of byPlace) {
      const [collection = '', pointer = ''] = place.split('\0')
      const ids = owned.map(({ _id }) => _id)
      const owners = owned.map(({ metadata }) => metadata.owner.id)
      const rows = await this.#find(
        collection,
        { _id: { $in: owners }, [pointer]: { $in: ids } },
        {},
        owners.length,
        patience,
        {
          [pointer]: 1,
        },
      )
      const live = new Set(rows.map((row) => String(valueAt(row, pointer))))
      for (const file of owned) {
        if (!live.has(file._id.toHexString())) dead.push(file)
        else if (file.metadata.gone !== undefined) await this.#setOwner(file._id, file.metadata.owner.id)
      }
    }
    return dead
  }

  #setOwner(_id: ObjectId, owner: unknown): Promise<void> {
    return this.#update(
      bucket.files,
      { _id },
      { $set: { 'metadata.owner': { id: owner } }, $unset: { 'metadata.pending': '', 'metadata.gone': '' } },
    )
  }

  /** Chunks that lose their file are noted first, so that a crash in between leaves something to sweep. */
  async #remove(id: ObjectId): Promise<void> {
    await this.#note(id, new Date(0), patience)
    await this.#delete(bucket.files, { _id: id })
    await this.#delete(bucket.chunks, { files_id: id })
    await this.#delete(bucket.uploads, { _id: id })
  }

  #note(id: ObjectId, at: Date, timeLimit: number): Promise<void> {
    return this.#update(bucket.uploads, { _id: id }, { $set: { at } }, true, timeLimit)
  }

  /** The indexes that GridFS asks for, made at the first upload of this process. @throws ODataError */
  #prepared(): Promise<void> {
    this.#indexes ??= this.#makeIndexes().catch((error) => {
      this.#indexes = undefined
      throw readFailure(error)
    })
    return this.#indexes
  }

  async #makeIndexes(): Promise<void> {
    await this.#connection.collection(bucket.files).createIndex({ filename: 1, uploadDate: 1 })
    await this.#connection.collection(bucket.chunks).createIndex({ files_id: 1, n: 1 }, { unique: true })
  }

  async *#pages(collection: string, filter: Document): AsyncGenerator<readonly Document[]> {
    let after: Document = {}
    for (;;) {
      const page = await this.#find(collection, { $and: [filter, after] }, { _id: 1 }, pageSize, patience)
      if (page.length > 0) yield page
      const last = page.at(-1)
      if (last === undefined || page.length < pageSize) return
      after = { _id: { $gt: last._id } }
    }
  }

  async #find(
    collection: string,
    filter: Document,
    sort: Record<string, 1>,
    limit: number,
    timeLimit: number,
    projection: Document = {},
  ): Promise<Document[]> {
    try {
      return await this.#connection
        .collection(collection)
        .find(filter, {
          sort,
          limit,
          projection,
          maxTimeMS: timeLimit,
          readConcern,
          readPreference: 'primary',
          promoteValues: true,
          // a key is compared as it is stored
          promoteLongs: false,
        })
        .toArray()
    } catch (error) {
      throw readFailure(error)
    }
  }

  #insert(collection: string, documents: readonly Document[], timeLimit: number): Promise<void> {
    return this.#send({ insert: collection, documents, ordered: false }, timeLimit, true)
  }

  #update(collection: string, q: Document, u: Document, upsert = false, timeLimit = patience): Promise<void> {
    return this.#send({ update: collection, updates: [{ q, u, upsert, multi: !upsert }] }, timeLimit, false)
  }

  #delete(collection: string, q: Document): Promise<void> {
    return this.#send({ delete: collection, deletes: [{ q, limit: 0 }] }, patience, false)
  }

  /**
   * Sends a write that can be repeated until its outcome is known.
   * @param inserting whether a duplicate key is what an earlier attempt has written: keys are made here and nowhere twice
   * @throws ODataError: no row points to what it may have written
   */
  async #send(command: Document, timeLimit: number, inserting: boolean): Promise<void> {
    const concern = { w: writeConcern.w, j: writeConcern.journal, wtimeout: Math.max(1, Math.round(timeLimit)) }
    for (let attempt = 1; ; attempt++) {
      let failure: ReturnType<typeof writeFailure>
      try {
        const answer = await this.#connection.db.command({ ...command, writeConcern: concern })
        const faults = (answer.writeErrors ?? []) as ServerFault[]
        const failures = faults.map((fault) => faultOf(fault, fault))
        const first = failures.find(({ kind }) => !(inserting && attempt > 1 && kind === 'duplicate'))
        if (first === undefined) return
        failure = first
      } catch (error) {
        failure = writeFailure(error)
      }
      const again = failure.kind === 'unknown' || (failure.kind === 'notWritten' && failure.again)
      if (again && attempt < mostAttempts) continue
      throw failure.kind === 'notWritten' ? failure.error : storeFailure.unavailable(failure.error)
    }
  }
}

function valueAt(row: Document, path: string): unknown {
  let value: unknown = row
  for (const name of path.split('.')) value = (value as Document | undefined)?.[name]
  return value
}
