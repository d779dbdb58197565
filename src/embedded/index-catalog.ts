import type { CollectionLayout } from '../bson/layout.ts'
import type { Tables } from './tables.ts'

/** An index as the data folder knows it: every process that writes keeps all of them, whatever its own model says. */
export interface StoredIndex {
  /** what its entries begin with; never given to another index */
  readonly number: number
  readonly name: string
  /** stored field paths, dotted, in order */
  readonly fields: readonly string[]
  readonly unique: boolean
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
  const indexes = layout.indexes.map(({ name, fields, unique }): StoredIndex => {
    const paths = fields.map(({ path }) => path)
    const same = stored.find(
      (index) => index.name === name && index.unique === unique && index.fields.join() === paths.join(),
    )
    if (same) kept.add(same)
    return same ?? { number: number(), name, fields: paths, unique, state: empty ? 'ready' : 'building' }
  })
  return { indexes, dropped: stored.filter((index) => !kept.has(index)).map((index) => index.number) }
}
