import { isDeepStrictEqual } from 'node:util'
import { type CollectionLayout, fields, type IndexLayout } from '../bson/layout.ts'
import type { Tables } from './tables.ts'

/** An index as the data folder knows it: every process that writes keeps all of them, whatever its own model says. */
export interface StoredIndex {
  /** what its entries begin with; never given to another index */
  readonly number: number
  readonly name: string
  /** stored field paths, dotted, in order */
  readonly fields: readonly string[]
  readonly unique: boolean
  /** of a unique index: fields a row must have, and what its `@type` must be (empty: anything), for its values to count */
  readonly required: readonly string[]
  readonly types: readonly string[]
  /** 'building': rows from before it may be missing; 'broken': a unique one whose values are not */
  readonly state: 'building' | 'ready' | 'broken'
}

const known = new WeakMap<
  Tables,
  Map<number, { readonly bytes: Uint8Array; readonly indexes: readonly StoredIndex[] }>
>()

/** The meta record that lists the indexes of a collection. */
export function catalogKey(collection: number): Uint8Array {
  return Buffer.from(`indexes/${collection}`, 'latin1')
}

/** The indexes of a collection as the current transaction sees them; parsed again only where they have changed. */
export function readIndexes(tables: Tables, collection: number): readonly StoredIndex[] {
  const bytes = tables.meta.getBinary(catalogKey(collection))
  if (!bytes) return none
  let cache = known.get(tables)
  if (!cache) {
    cache = new Map()
    known.set(tables, cache)
  }
  const cached = cache.get(collection)
  if (cached && Buffer.compare(cached.bytes, bytes) === 0) return cached.indexes
  const indexes = JSON.parse(Buffer.from(bytes).toString('utf8')) as readonly StoredIndex[]
  cache.set(collection, { bytes, indexes })
  return indexes
}

const none: readonly StoredIndex[] = []

/** The documents table is in the order of `_id` already. */
function isUseful({ fields: [first] }: IndexLayout): boolean {
  return first !== undefined && first.path !== fields.id && !first.path.startsWith(`${fields.id}.`)
}

export function printIndexes(indexes: readonly StoredIndex[]): Uint8Array {
  return Buffer.from(JSON.stringify(indexes), 'utf8')
}

/**
 * What a model's indexes make of those that are stored.
 * @param number gives the next free number
 * @param empty whether the collection has no rows, so that nothing has to be built
 * @returns the indexes from now on, and the numbers of those that go
 */
export function mergeIndexes(
  stored: readonly StoredIndex[],
  layout: CollectionLayout,
  number: () => number,
  empty: boolean,
): { readonly indexes: readonly StoredIndex[]; readonly dropped: readonly number[] } {
  const kept = new Set<StoredIndex>()
  const indexes = layout.indexes.filter(isUseful).map(({ name, fields, unique, required, types }): StoredIndex => {
    const wanted = { name, fields: fields.map(({ path }) => path), unique, required, types }
    const same = stored.find((index) => isDeepStrictEqual({ ...index, ...wanted }, index))
    if (same) kept.add(same)
    return same ?? { number: number(), ...wanted, state: empty ? 'ready' : 'building' }
  })
  return { indexes, dropped: stored.filter((index) => !kept.has(index)).map((index) => index.number) }
}
