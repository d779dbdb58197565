import { isDeepStrictEqual } from 'node:util'
import { type CollectionLayout, fields, type IndexLayout } from '../bson/layout.ts'
import type { PrimitiveTypeName } from '../edm/model.ts'
import type { Tables } from './tables.ts'

/** The form of entries that this version writes; indexes of another one are built again. */
export const entryForm = 2

/** A field of an index: with what its values are read as, whatever a later model says. */
export interface IndexedField {
  /** stored field path, dotted */
  readonly path: string
  readonly descending: boolean
  /** null: not of one primitive type */
  readonly type: PrimitiveTypeName | null
}

/** An index as the data folder knows it: every process that writes keeps all of them, whatever its own model says. */
export interface StoredIndex {
  /** what its entries begin with; never given to another index */
  readonly number: number
  readonly name: string
  /** form of its entries */
  readonly form: number
  readonly fields: readonly IndexedField[]
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

/**
 * The fields that entries of an index hold. An instant is one field, and the key stands at the end of each entry anyway.
 */
export function indexedFields({ fields: all, unique }: IndexLayout): readonly IndexedField[] {
  const own = all.filter(({ path }, i) => i === 0 || path !== `${all[i - 1]?.path}${subSuffix}`)
  // The documents table is in the order of `_id` already.
  const last = unique ? own.length : own.findLastIndex(({ path }) => !isKeyPath(path)) + 1
  return own.slice(0, last).map(({ path, descending, type = null }) => {
    // Instants in keys are text.
    const unread = isKeyPath(path) && type === 'Edm.DateTimeOffset'
    return { path, descending, type: unread ? null : type }
  })
}

/** Of an instant: what is below its millisecond (layout-of-model.ts). */
const subSuffix = `${fields.exact}.sub`

function isKeyPath(path: string): boolean {
  return path === fields.id || path.startsWith(`${fields.id}.`)
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
  const useful = layout.indexes.filter(({ fields: [first] }) => first && !isKeyPath(first.path))
  const indexes = useful.map((index): StoredIndex => {
    const { name, unique, required, types } = index
    const wanted = { name, form: entryForm, fields: indexedFields(index), unique, required, types }
    const same = stored.find((index) => isDeepStrictEqual({ ...index, ...wanted }, index))
    if (same) kept.add(same)
    return same ?? { number: number(), ...wanted, state: empty ? 'ready' : 'building' }
  })
  return { indexes, dropped: stored.filter((index) => !kept.has(index)).map((index) => index.number) }
}
