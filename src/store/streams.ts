import type { CollectionLayout } from '../bson/layout.ts'
import { storeFailure } from './failures.ts'

/**
 * The streams face of a store (docs/architecture.md, "Streams"): media of media entities and stream properties. A stream is a file,
 * written once and never changed; entities point to it. What no entity points to is swept, late enough that whoever still
 * uploads or reads is done.
 */
export interface StreamStore {
  /**
   * Writes bytes to a fresh file; durable once resolved. It is nobody's until `own`: what fails or is cut off before leaves
   * nothing that could be read.
   * @param timeLimit milliseconds that each piece may take
   * @throws ODataError, and what `content` throws
   */
  write(content: AsyncIterable<Uint8Array>, place: StreamPlace, timeLimit: number): Promise<StoredFile>
  /** Notes the row that points to a file, once it does. @param row the row as it is stored */
  own(file: string, place: StreamPlace, row: Uint8Array): Promise<void>
  /** Says that no row points to these files any more: they are removed once nobody can be reading them. */
  release(files: readonly string[]): Promise<void>
  /** Removes a file that no row ever pointed to. */
  discard(file: string): Promise<void>
  /**
   * The bytes of a part of a file, in pieces, each read when it is asked for.
   * @param start first byte
   * @param end the byte behind the last one
   * @throws ODataError storeUnavailable where bytes are missing
   */
  read(file: string, start: number, end: number, timeLimit: number): AsyncGenerator<Uint8Array>
  /** Removes what no row points to. */
  sweep(settings: SweepSettings): Promise<Swept>
}

/** Where pointers to a file stand. */
export interface StreamPlace {
  readonly collection: CollectionLayout
  /** stored field path of the pointer, from the row */
  readonly field: readonly string[]
}

export interface StoredFile {
  /** 24 hexadecimal digits */
  readonly id: string
  /** bytes */
  readonly length: number
}

export interface SweepSettings {
  /** milliseconds for which a file is left alone after it was last written to, or released */
  readonly grace: number
  readonly signal?: AbortSignal
}

/** What a sweep did, in files. */
export interface Swept {
  readonly removed: number
  /** found without a row that points to them: the next sweeps remove them */
  readonly released: number
}

/** Field of a pointer that holds the file's id. */
export const fileField = 'id'

/** The files that are being read in this process: a sweep leaves them alone. */
export class FilesBeingRead {
  readonly #readers = new Map<string, number>()

  has(file: string): boolean {
    return this.#readers.has(file)
  }

  /** The pieces, while the file counts as being read. */
  async *during(file: string, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1)
    try {
      yield* pieces
    } finally {
      const left = (this.#readers.get(file) ?? 1) - 1
      if (left > 0) this.#readers.set(file, left)
      else this.#readers.delete(file)
    }
  }
}

/**
 * A piece as it was stored, cut to what is asked for.
 * @param at the byte that is asked for next
 * @param offset the first byte of the piece in its file
 * @param end the byte behind the last that is asked for
 * @throws ODataError storeUnavailable where the byte is missing
 */
export function cutPiece(
  file: string,
  piece: Uint8Array | undefined,
  at: number,
  offset: number,
  end: number,
): Uint8Array {
  const taken = piece?.subarray(at - offset, Math.min(piece.length, end - offset))
  if (taken === undefined || taken.length === 0)
    throw storeFailure.unavailable(new Error(`the file ${file} has no byte ${at}`))
  return taken
}

/**
 * Streams that tell the store of what runs, so that closing it waits.
 * @param enter called when something begins, gives what is to be called at its end; throws where the store is being closed
 */
export function countedStreams(streams: StreamStore, enter: () => () => void): StreamStore {
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    const leave = enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
  return {
    write: (content, place, timeLimit) => counted(() => streams.write(content, place, timeLimit)),
    own: (file, place, row) => counted(() => streams.own(file, place, row)),
    release: (files) => (files.length === 0 ? Promise.resolve() : counted(() => streams.release(files))),
    discard: (file) => counted(() => streams.discard(file)),
    sweep: (settings) => counted(() => streams.sweep(settings)),
    async *read(file, start, end, timeLimit) {
      const leave = enter()
      try {
        yield* streams.read(file, start, end, timeLimit)
      } finally {
        leave()
      }
    },
  }
}
