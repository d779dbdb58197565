import { mkdirSync } from 'node:fs'
import type { Database, DatabaseOptions, RootDatabase } from 'lmdb'
import { ODataError } from '../errors/odata-error.ts'
import { storeFailure } from '../store/failures.ts'
import { open } from './lmdb.ts'

/** What a data folder holds, by number: 2 has ordered index entries. A folder of a later format is not opened. */
export const dataFormat = 2

/** The lmdb databases of a data folder. Keys and values are bytes. */
export interface Tables {
  readonly root: RootDatabase<Uint8Array, Uint8Array>
  /** rows of every collection, behind its number; `get` gives a copy */
  readonly documents: Database<Uint8Array, Uint8Array>
  /** the same, for scans: each row is only lent until the next read of the environment */
  readonly lentDocuments: Database<Lent, Uint8Array>
  /** index entries behind the number of the index; a value is the key of the row */
  readonly indexes: Database<Uint8Array, Uint8Array>
  /** files of streams by their ids, and their bytes by id and number of the piece */
  readonly files: Database<Uint8Array, Uint8Array>
  readonly pieces: Database<Uint8Array, Uint8Array>
  /** the change log (change-log.ts) */
  readonly changes: Database<Uint8Array, Uint8Array>
  /** names of the collections whose rows the change log keeps as they were */
  readonly imaged: Set<string>
  /** format, secrets, collections, counters */
  readonly meta: Database<Uint8Array, Uint8Array>
}

/** A row in lmdb's own buffer: `length` is right, the memory behind it is longer and soon another row's. */
export type Lent = Buffer

export interface TableOptions {
  readonly path: string
  /** bytes of address space to begin with; it grows with the data */
  readonly mapSize: number | undefined
  /** processes and scans that may read at once */
  readonly maxReaders: number
}

/**
 * Opens a data folder, and makes it where there is none.
 * @throws ODataError storeUnavailable: the folder cannot be written, or is of a later format
 */
export function openTables(options: TableOptions): Tables {
  const { path, mapSize, maxReaders } = options
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const root: RootDatabase<Uint8Array, Uint8Array> = open<Uint8Array, Uint8Array>({
      path,
      noSubdir: false,
      maxDbs: 8,
      maxReaders,
      // A commit is flushed before it is seen: what is acknowledged, and what is read, is on the disk.
      overlappingSync: false,
      // The committer gathers writes itself; lmdb's own batches leave a rejection unhandled where a commit fails.
      eventTurnBatching: false,
      ...binary,
      ...(mapSize === undefined ? {} : { mapSize }),
    })
    const table = (name: string): Database<Uint8Array, Uint8Array> => root.openDB<Uint8Array, Uint8Array>(name, binary)
    const tables: Tables = {
      root,
      documents: table('documents'),
      lentDocuments: root.openDB<Lent, Uint8Array>('documents', lending),
      indexes: table('indexes'),
      files: table('files'),
      pieces: table('pieces'),
      changes: table('changes'),
      imaged: new Set(),
      meta: table('meta'),
    }
    return tables
  } catch (error) {
    if (error instanceof ODataError) throw error
    throw storeFailure.unavailable(error)
  }
}

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const satisfies DatabaseOptions

/** Where the key of the row last met by a scan stands. */
export const lastKey = { bytes: Buffer.alloc(4_096), length: 0 }

/** Names the row that is lent now. */
export function lendKey(key: Uint8Array): void {
  lastKey.bytes.set(key)
  lastKey.length = key.length
}

/** Neither rows nor keys are copied: a scan looks at most rows once and throws them away (0.7 instead of 1.7 microseconds). */
const lending = {
  encoding: 'binary',
  encoder: { encode: (value: Uint8Array) => value, decode: (bytes: Lent) => bytes },
  keyEncoder: {
    writeKey(key: Uint8Array, target: Uint8Array, start: number): number {
      target.set(key, start)
      return start + key.length
    },
    readKey(source: Buffer, start: number, end: number): undefined {
      lastKey.length = source.copy(lastKey.bytes, 0, start, end)
      return undefined
    },
  },
} as const
