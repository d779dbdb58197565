import { MongoServerError } from 'mongodb'
import { type CollectionLayout, fields, type IndexLayout, ownerPath } from '../bson/layout.ts'
import type { Connection } from './connection.ts'

/** IndexOptionsConflict, IndexKeySpecsConflict: there is such an index already, under another name or with other options. */
const conflicts = new Set([85, 86])

/**
 * Builds the indexes of collections in the background, one after the other. What cannot be built is told and left out, as
 * queries work without. Where the server goes away in between, the next who waits starts anew with what is left.
 */
export class IndexBuilder {
  readonly #connection: Connection
  readonly #warn: (message: string) => void
  readonly #added = new Set<CollectionLayout>()
  readonly #pending: CollectionLayout[] = []
  #building: Promise<void> | undefined

  constructor(connection: Connection, warn: (message: string) => void) {
    this.#connection = connection
    this.#warn = warn
  }

  /** Starts to build the indexes of collections, of each once. */
  add(collections: Iterable<CollectionLayout>): void {
    let added = false
    for (const collection of collections) {
      if (this.#added.has(collection)) continue
      this.#added.add(collection)
      this.#pending.push(collection)
      added = true
    }
    if (added) this.built().catch(() => {})
  }

  /** Resolves once all are built. @throws MongoError where the server is gone */
  built(): Promise<void> {
    this.#building ??= this.#build().finally(() => {
      this.#building = undefined
    })
    return this.#building
  }

  async #build(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      for (const index of next.indexes) await this.#create(next.name, index)
      this.#pending.shift()
    }
  }

  async #create(collection: string, index: IndexLayout): Promise<void> {
    // entities of one owner are a range of `_id`, which has its index
    if (index.fields[0]?.path === ownerPath) return
    try {
      await this.#connection.collection(collection).createIndex(keysOf(index), optionsOf(index))
    } catch (error) {
      if (!(error instanceof MongoServerError)) throw error
      if (conflicts.has(Number(error.code)) && !index.unique) return
      this.#warn(`The index ${index.name} of the collection ${collection} cannot be made: ${error.message}`)
    }
  }
}

function keysOf(index: IndexLayout): Map<string, 1 | -1> {
  return new Map(index.fields.map(({ path, descending }) => [path, descending ? -1 : 1]))
}

/** Nulls are not stored, and a unique index would take one missing value only: it holds documents with every field. */
function optionsOf({ name, unique, required, types }: IndexLayout) {
  if (!unique) return { name }
  const present = required.map((path) => [path, { $exists: true }])
  const ofType = types.length === 0 ? [] : [[fields.type, types.length === 1 ? types[0] : { $in: types }]]
  const partial = Object.fromEntries([...present, ...ofType])
  return { name, unique, ...(present.length + ofType.length > 0 ? { partialFilterExpression: partial } : {}) }
}
