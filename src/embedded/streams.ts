import { Binary, type Document, deserialize, Long, ObjectId, serialize } from 'bson'
import { chunked } from '../base/chunks.ts'
import { bsonType, elementType, findPath, valueOffset } from '../bson/reader.ts'
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
import type { Committer } from './committer.ts'
import { keyOfRow, keyRange } from './key.ts'
import type { Collections } from './registry.ts'
import { currentKey, pause, Scan } from './scan.ts'
import type { Tables } from './tables.ts'
import type { WriteBatch } from './write-batch.ts'

/** What the streams need of the store. */
export interface StreamsContext {
  readonly tables: Tables
  readonly committer: Committer
  readonly collections: Collections
}

/** Bytes of a piece: with lmdb's own header it fills 16 pages. */
const pieceBytes = 65_520

/** Pieces written in one lmdb transaction: half a megabyte, so that nobody waits long for the write lock. */
const piecesAtOnce = 8

/** Records looked at, and pieces removed, in one go. */
const pageSize = 128

/** Milliseconds that what happens beside requests may wait for the write lock. */
const patience = 30_000

/** The record of a file. */
interface FileRecord {
  /** bytes; undefined: it is being written */
  readonly length: number | undefined
  /** when it was last written to, in milliseconds since 1970 */
  readonly at: number
  /** number of the collection of the rows that may point to it, and the stored field path of their pointers */
  readonly collection: number
  readonly field: readonly string[]
  /** lmdb key of the row that points to it; undefined: it is not known yet */
  readonly owner: Uint8Array | undefined
  /** when it was found that no row points to it */
  readonly gone: number | undefined
}

/** Streams as pieces in lmdb (store/streams.ts). */
export class EmbeddedStreams implements StreamStore {
  readonly #open: () => StreamsContext
  /** how often each file is being read by this process */
  readonly #reading = new FilesBeingRead()

  constructor(open: () => StreamsContext) {
    this.#open = open
  }

  async write(content: AsyncIterable<Uint8Array>, place: StreamPlace, timeLimit: number): Promise<StoredFile> {
    const { committer, collections } = this.#open()
    const { collection: layout, field } = place
    const { number } = collections.find(layout) ?? (await collections.add(layout))
    const file = new ObjectId()
    const key = file.id
    const blank = { collection: number, field, owner: undefined, gone: undefined }
    let length = 0
    let written = 0
    let pieces: Uint8Array[] = []
    const put = (done: boolean): Promise<void> => {
      const from = written
      const bytes = pieces
      const record = printRecord({ ...blank, length: done ? length : undefined, at: Date.now() })
      written += pieces.length
      pieces = []
      return committer.run((batch) => {
        for (const [i, piece] of bytes.entries()) batch.putStream('pieces', pieceKey(key, from + i), piece)
        batch.putStream('files', key, record)
      }, timeLimit)
    }
    try {
      for await (const piece of chunked(content, pieceBytes)) {
        pieces.push(piece)
        length += piece.length
        if (pieces.length === piecesAtOnce) await put(false)
      }
      await put(true)
    } catch (error) {
      if (written > 0) await this.#remove(key).catch(() => {})
      throw error
    }
    return { id: file.toHexString(), length }
  }

  async own(file: string, _place: StreamPlace, row: Uint8Array): Promise<void> {
    const key = keyOf(file)
    await this.#open().committer.run((batch) => {
      const record = readRecord(batch.getFile(key))
      if (record)
        batch.putStream(
          'files',
          key,
          printRecord({ ...record, owner: keyOfRow(record.collection, row), gone: undefined }),
        )
    }, patience)
  }

  async release(files: readonly string[]): Promise<void> {
    const gone = Date.now()
    await this.#open().committer.run((batch) => {
      for (const file of files) this.#mark(batch, keyOf(file), gone)
    }, patience)
  }

  discard(file: string): Promise<void> {
    return this.#remove(keyOf(file))
  }

  read(file: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    return this.#reading.during(file, this.#pieces(file, start, end))
  }

  async *#pieces(file: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    const { tables } = this.#open()
    const key = keyOf(file)
    for (let at = start; at < end; ) {
      const number = Math.floor(at / pieceBytes)
      tables.root.resetReadTxn()
      const piece = cutPiece(file, tables.pieces.getBinary(pieceKey(key, number)), at, number * pieceBytes, end)
      yield piece
      at += piece.length
    }
  }

  async sweep({ grace, signal }: SweepSettings): Promise<Swept> {
    const limit = Date.now() - grace
    let removed = 0
    let released = 0
    let after: Uint8Array | undefined
    for (;;) {
      const { tables } = this.#open()
      tables.root.resetReadTxn()
      const page = [
        ...tables.files.getKeys({ ...(after ? { start: after, exclusiveStart: true } : {}), limit: pageSize }),
      ]
      for (const key of page) {
        if (signal?.aborted) return { removed, released }
        after = key
        tables.root.resetReadTxn()
        const record = readRecord(tables.files.getBinary(key))
        const fate = record && (await this.#fate(key, record, limit))
        if (fate === 'release') {
          released++
          await this.release([hexOf(key)])
        } else if (fate === 'remove') {
          removed++
          await this.#remove(key)
        }
      }
      if (page.length < pageSize) return { removed, released }
      await pause()
    }
  }

  async #fate(key: Uint8Array, record: FileRecord, limit: number): Promise<'remove' | 'release' | undefined> {
    const { at, length, owner, gone } = record
    // a writer that still lives has written since
    if (length === undefined) return at <= limit ? 'remove' : undefined
    if (owner === undefined) {
      if (at > limit) return undefined
      const row = await this.#findOwner(key, record)
      if (row === undefined) return gone === undefined ? 'release' : this.#afterGrace(key, gone, limit)
      await this.#note(key, row)
      return undefined
    }
    const live = this.#pointsTo(this.#open().tables.documents.getBinary(owner), record.field, key)
    if (live) {
      if (gone !== undefined) await this.#note(key, owner)
      return undefined
    }
    if (gone === undefined) return at <= limit ? 'release' : undefined
    return this.#afterGrace(key, gone, limit)
  }

  #afterGrace(key: Uint8Array, gone: number, limit: number): 'remove' | undefined {
    return gone <= limit && !this.#reading.has(hexOf(key)) ? 'remove' : undefined
  }

  #note(key: Uint8Array, owner: Uint8Array): Promise<void> {
    return this.#open().committer.run((batch) => {
      const record = readRecord(batch.getFile(key))
      if (record) batch.putStream('files', key, printRecord({ ...record, owner, gone: undefined }))
    }, patience)
  }

  #mark(batch: WriteBatch, key: Uint8Array, gone: number): void {
    const record = readRecord(batch.getFile(key))
    if (record && record.gone === undefined) batch.putStream('files', key, printRecord({ ...record, gone }))
  }

  /** The row that points to a file whose writer did not live to say which: after a crash only. */
  async #findOwner(key: Uint8Array, { collection, field }: FileRecord): Promise<Uint8Array | undefined> {
    const scan = new Scan(this.#open().tables, keyRange(collection), false, undefined)
    let found: Uint8Array | undefined
    for (;;) {
      const outcome = scan.walk((row) => {
        if (this.#pointsTo(row, field, key)) found = currentKey()
        return found === undefined
      })
      if (found !== undefined || outcome === 'ended') return found
      await pause()
    }
  }

  #pointsTo(row: Uint8Array | undefined, field: readonly string[], key: Uint8Array): boolean {
    if (row === undefined) return false
    const at = findPath(row, [...field, fileField])
    if (at < 0 || elementType(row, at) !== bsonType.objectId) return false
    const offset = valueOffset(row, at)
    return Buffer.compare(new Uint8Array(row.buffer, row.byteOffset + offset, key.length), key) === 0
  }

  /** The record goes last, so that a crash in between leaves something to sweep. */
  async #remove(key: Uint8Array): Promise<void> {
    const { committer, tables } = this.#open()
    const range = { start: pieceKey(key, 0), end: pieceKey(key, 0xffff_ffff), limit: pageSize }
    await committer.run((batch) => {
      const record = readRecord(batch.getFile(key))
      if (record) batch.putStream('files', key, printRecord({ ...record, length: undefined, at: 0 }))
    }, patience)
    for (let left = true; left; ) {
      left = await committer.run((batch) => {
        const keys = [...tables.pieces.getKeys(range)]
        for (const piece of keys) batch.putStream('pieces', piece, undefined)
        if (keys.length === 0) batch.putStream('files', key, undefined)
        return keys.length > 0
      }, patience)
    }
  }
}

function keyOf(file: string): Uint8Array {
  return Buffer.from(file, 'hex')
}

function hexOf(key: Uint8Array): string {
  return Buffer.from(key).toString('hex')
}

function pieceKey(file: Uint8Array, number: number): Uint8Array {
  const key = Buffer.allocUnsafe(file.length + 4)
  key.set(file)
  key.writeUInt32BE(number, file.length)
  return key
}

function printRecord({ length, at, collection, field, owner, gone }: FileRecord): Uint8Array {
  const record: Document = { at: Long.fromNumber(at), collection: Long.fromNumber(collection), field }
  if (length !== undefined) record.length = Long.fromNumber(length)
  if (owner !== undefined) record.owner = new Binary(owner)
  if (gone !== undefined) record.gone = Long.fromNumber(gone)
  return serialize(record)
}

function readRecord(bytes: Uint8Array | undefined): FileRecord | undefined {
  if (bytes === undefined) return undefined
  const { length, at, collection, field, owner, gone } = deserialize(bytes, { promoteBuffers: true })
  return { length, at, collection, field, owner, gone }
}
