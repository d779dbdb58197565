import { randomBytes } from 'node:crypto'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Committer } from './committer.ts'
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
  collection: (name: string) => encoder.encode(`collection/${name}`),
  secret: (name: string) => encoder.encode(`secret/${name}`),
} as const

/**
 * Checks, or on a fresh folder writes, the format of the data.
 * @throws ODataError storeUnavailable where the folder is of a later format
 */
export async function checkFormat(committer: Committer, path: string): Promise<void> {
  const found = await committer.run((batch) => {
    const format = batch.getMeta(meta.format)
    if (format) return Number(text(format))
    batch.putMeta(meta.format, encoder.encode(String(dataFormat)))
    return dataFormat
  }, startLimit)
  if (found === dataFormat) return
  throw new ODataError(
    'storeUnavailable',
    `The data folder ${path} is of format ${found}; this version of odatum reads format ${dataFormat}. Use a later version of odatum, or another folder.`,
  )
}

/** The collections of a layout with their numbers; those that are new get one, in one transaction. */
export async function registerCollections(
  tables: Tables,
  committer: Committer,
  layout: ModelLayout,
): Promise<ReadonlyMap<string, CollectionHandle>> {
  const stored = new Map([...layout.collections.values()].map((collection) => [collection.name, collection]))
  const numbers = new Map<string, number>()
  for (const name of stored.keys()) {
    const value = tables.meta.getBinary(meta.collection(name))
    if (value) numbers.set(name, Number(text(value)))
  }
  if (numbers.size < stored.size) {
    await committer.run((batch) => {
      for (const name of stored.keys()) numbers.set(name, numberOf(batch, name))
    }, startLimit)
  }
  const handles = new Map<string, CollectionHandle>()
  for (const [name, collection] of stored) {
    const number = numbers.get(name) ?? 0
    handles.set(name, { layout: collection, number, ...keyRange(number) })
  }
  return handles
}

/** The number of a collection, given at its first use; another process may have been faster. */
function numberOf(batch: WriteBatch, name: string): number {
  const known = batch.getMeta(meta.collection(name))
  if (known) return Number(text(known))
  const next = batch.getMeta(meta.next)
  const number = next ? Number(text(next)) : 1
  batch.putMeta(meta.next, encoder.encode(String(number + 1)))
  batch.putMeta(meta.collection(name), encoder.encode(String(number)))
  return number
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
