import { randomBytes } from 'node:crypto'
import { invariant } from '../base/assert.ts'
import type { CollectionLayout } from '../bson/layout.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Committer } from './committer.ts'
import { catalogKey, mergeIndexes, printIndexes, type StoredIndex } from './index-catalog.ts'
import { keyRange } from './key.ts'
import { dataFormat, type Tables } from './tables.ts'
import type { WriteBatch } from './write-batch.ts'

/** A stored collection of this data folder. */
export interface CollectionHandle {
  readonly layout: CollectionLayout
  /** what its keys begin with; never given to another collection */
  readonly number: number
  /** first key, and first key behind the last */
  readonly start: Uint8Array
  readonly end: Uint8Array
}

/** How long start-up waits for the write lock, in milliseconds. */
const startLimit = 30_000

const encoder = new TextEncoder()
const meta = {
  format: encoder.encode('format'),
  next: encoder.encode('next'),
  garbage: encoder.encode('garbage'),
  collection: (name: string) => encoder.encode(`collection/${name}`),
  secret: (name: string) => encoder.encode(`secret/${name}`),
} as const

/**
 * Checks the format of the data, and writes it on a fresh folder or one of an earlier format: the indexes of that are built
 * again as their collections are registered.
 * @throws ODataError storeUnavailable where the folder is of a later format
 */
export async function checkFormat(committer: Committer, path: string): Promise<void> {
  const found = await committer.run((batch) => {
    const format = batch.getMeta(meta.format)
    if (format && Number(text(format)) > dataFormat) return Number(text(format))
    batch.putMeta(meta.format, encoder.encode(String(dataFormat)))
    return dataFormat
  }, startLimit)
  if (found === dataFormat) return
  throw new ODataError(
    'storeUnavailable',
    `The data folder ${path} is of format ${found}; this version of odatum reads format ${dataFormat}. Use a later version of odatum, or another folder.`,
  )
}

/** The collections in use: those of entity sets from the start, those of contained entities from their first use. */
export class Collections {
  readonly #tables: Tables
  readonly #committer: Committer
  readonly #handles: Map<CollectionLayout, CollectionHandle>
  readonly #adding = new Map<CollectionLayout, Promise<CollectionHandle>>()
  readonly #build: (registration: Registration) => void

  /** @param build builds the indexes that a collection was found to need */
  constructor(
    tables: Tables,
    committer: Committer,
    registration: Registration,
    build: (registration: Registration) => void,
  ) {
    this.#tables = tables
    this.#committer = committer
    this.#handles = new Map(registration.collections.map((handle) => [handle.layout, handle]))
    this.#build = build
  }

  find(layout: CollectionLayout): CollectionHandle | undefined {
    return this.#handles.get(layout)
  }

  /** A collection that some process has used; undefined where none has. */
  async findUsed(layout: CollectionLayout): Promise<CollectionHandle | undefined> {
    const known = this.find(layout)
    if (known) return known
    this.#tables.root.resetReadTxn()
    return this.#tables.meta.getBinary(meta.collection(layout.name)) && this.add(layout)
  }

  add(layout: CollectionLayout): Promise<CollectionHandle> {
    let adding = this.#adding.get(layout)
    if (!adding) {
      adding = this.#add(layout).finally(() => this.#adding.delete(layout))
      this.#adding.set(layout, adding)
    }
    return adding
  }

  async #add(layout: CollectionLayout): Promise<CollectionHandle> {
    const registration = await registerCollections(this.#committer, [layout])
    const [handle] = registration.collections
    invariant(handle, 'a collection that was registered')
    this.#handles.set(layout, handle)
    this.#build(registration)
    return handle
  }
}

/** The collections of a layout, and what is left to be done for their indexes. */
export interface Registration {
  readonly collections: readonly CollectionHandle[]
  /** collections that have an index to be built */
  readonly building: readonly CollectionHandle[]
  /** numbers of indexes whose entries are to be taken away */
  readonly garbage: readonly number[]
}

/** Gives collections and their indexes their numbers, in one transaction. */
export function registerCollections(committer: Committer, layouts: Iterable<CollectionLayout>): Promise<Registration> {
  return committer.run((batch) => {
    const collections: CollectionHandle[] = []
    const building: CollectionHandle[] = []
    // What was dropped at an earlier start is used by no process any more.
    const garbage = readGarbage(batch)
    const dropped: number[] = []
    for (const collection of layouts) {
      const number = numberOf(batch, collection.name)
      const handle: CollectionHandle = { layout: collection, number, ...keyRange(number) }
      collections.push(handle)
      const update = updateIndexes(batch, handle)
      dropped.push(...update.dropped)
      if (update.indexes.some(({ state }) => state === 'building')) building.push(handle)
    }
    if (dropped.length > 0) batch.putMeta(meta.garbage, encoder.encode(JSON.stringify([...garbage, ...dropped])))
    return { collections, building, garbage }
  }, startLimit)
}

/** The number of a collection, given at its first use. */
function numberOf(batch: WriteBatch, name: string): number {
  const known = batch.getMeta(meta.collection(name))
  if (known) return Number(text(known))
  const number = nextNumber(batch)
  batch.putMeta(meta.collection(name), encoder.encode(String(number)))
  return number
}

function nextNumber(batch: WriteBatch): number {
  const next = batch.getMeta(meta.next)
  const number = next ? Number(text(next)) : 1
  batch.putMeta(meta.next, encoder.encode(String(number + 1)))
  return number
}

function updateIndexes(
  batch: WriteBatch,
  collection: CollectionHandle,
): { readonly indexes: readonly StoredIndex[]; readonly dropped: readonly number[] } {
  const stored = batch.indexes(collection)
  if (stored.length === 0 && collection.layout.indexes.length === 0) return { indexes: [], dropped: [] }
  const merged = mergeIndexes(stored, collection.layout, () => nextNumber(batch), batch.counters(collection).rows === 0)
  const same = merged.indexes.length === stored.length && merged.indexes.every((index) => stored.includes(index))
  if (!same) batch.putMeta(catalogKey(collection.number), printIndexes(merged.indexes))
  return merged
}

function readGarbage(batch: WriteBatch): readonly number[] {
  const bytes = batch.getMeta(meta.garbage)
  return bytes ? JSON.parse(text(bytes)) : []
}

/** Says that the entries of some indexes are gone. */
export function forgetGarbage(batch: WriteBatch, gone: readonly number[]): void {
  const left = readGarbage(batch).filter((number) => !gone.includes(number))
  batch.putMeta(meta.garbage, encoder.encode(JSON.stringify(left)))
}

/** A secret of 32 random bytes, made once for all processes on the folder. */
export async function readSecret(tables: Tables, committer: Committer, name: string): Promise<Uint8Array> {
  const known = tables.meta.getBinary(meta.secret(name))
  if (known) return known
  const fresh = randomBytes(32)
  return committer.run((batch) => {
    const other = batch.getMeta(meta.secret(name))
    if (other) return other
    batch.putMeta(meta.secret(name), fresh)
    return fresh
  }, startLimit)
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
