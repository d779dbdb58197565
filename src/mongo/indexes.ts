import { MongoServerError } from 'mongodb'
import { type CollectionLayout, fields, type IndexLayout } from '../bson/layout.ts'
import type { Connection } from './connection.ts'

/** IndexOptionsConflict, IndexKeySpecsConflict: there is such an index already, under another name or with other options. */
const conflicts = new Set([85, 86])

/**
 * Makes the indexes of a layout, one after the other; what cannot be made is told and left out, as queries work without.
 * @throws MongoError where the server is gone
 */
export async function createIndexes(
  connection: Connection,
  collections: Iterable<CollectionLayout>,
  warn: (message: string) => void,
): Promise<void> {
  for (const { name, indexes } of collections) {
    for (const index of indexes) {
      try {
        await connection.collection(name).createIndex(keysOf(index), optionsOf(index))
      } catch (error) {
        if (!(error instanceof MongoServerError)) throw error
        if (conflicts.has(Number(error.code)) && !index.unique) continue
        warn(`The index ${index.name} of the collection ${name} cannot be made: ${error.message}`)
      }
    }
  }
}

function keysOf(index: IndexLayout): Map<string, 1 | -1> {
  return new Map(index.fields.map(({ path, descending }) => [path, descending ? -1 : 1]))
}

/** Nulls are not stored, and a unique index would take one missing value only: it holds documents with every field. */
function optionsOf({ name, unique, required, types }: IndexLayout) {
  if (!unique) return { name }
  const present = required.map((path): [string, unknown] => [path, { $exists: true }])
  const [only] = types
  const ofTypes: [string, unknown][] =
    only === undefined ? [] : [[fields.type, types.length === 1 ? only : { $in: [...types] }]]
  return { name, unique, partialFilterExpression: Object.fromEntries([...present, ...ofTypes]) }
}
