import type { Document } from 'bson'
import { MongoError } from 'mongodb'
import { storeFailure } from '../store/failures.ts'
import { Connection } from './connection.ts'

/** Some documents of one collection, as BSON. */
export interface CollectionSample {
  readonly collection: string
  /** how many documents it has, about */
  readonly documents: number
  readonly rows: AsyncIterable<Uint8Array>
}

/**
 * Goes through the collections of a database in alphabetical order; views, time series and what is odatum's or MongoDB's own
 * are left out.
 * @param uri with the name of the database
 * @param size documents of each collection at the most: all of a small one, else picked at random
 * @throws ODataError storeUnavailable
 */
export async function* sampleCollections(uri: string, size: number): AsyncGenerator<CollectionSample> {
  const connection = new Connection(uri, {})
  try {
    await connection.open()
    const found = await connection.db.listCollections({ type: 'collection' }, { nameOnly: true }).toArray()
    const names = found.map(({ name }) => name).filter((name) => !/^(?:system|odatum)\./.test(name))
    for (const collection of names.toSorted()) {
      const documents = await connection.collection(collection).estimatedDocumentCount()
      yield { collection, documents, rows: sampleRows(connection, collection, documents, size) }
    }
  } catch (error) {
    throw error instanceof MongoError ? storeFailure.unavailable(error) : error
  } finally {
    await connection.client.close()
  }
}

async function* sampleRows(
  connection: Connection,
  name: string,
  documents: number,
  size: number,
): AsyncGenerator<Uint8Array> {
  const collection = connection.collection(name)
  const cursor =
    documents <= size
      ? collection.find({}, { raw: true, limit: size })
      : collection.aggregate<Document>([{ $sample: { size } }], { raw: true, allowDiskUse: true })
  // with `raw` the driver hands over the bytes of each document
  for await (const row of cursor) yield row as unknown as Uint8Array
}

/** The database that a URI names, else the one that is used for want of a name. */
export function databaseNamed(uri: string): string {
  return new Connection(uri, {}).db.databaseName
}
