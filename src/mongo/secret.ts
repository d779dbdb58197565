import { randomBytes } from 'node:crypto'
import { Binary, MongoServerError } from 'mongodb'
import { type Connection, writeConcern } from './connection.ts'

const secretBytes = 32

/** A secret of all processes on the same database: the first that asks makes it, all get the same. @throws MongoError */
export async function sharedSecret(connection: Connection, name: string): Promise<Uint8Array> {
  const secrets = connection.collection('odatum.secrets')
  const key = { _id: name as never }
  for (let attempt = 0; ; attempt++) {
    try {
      const found = await secrets.findOneAndUpdate(
        key,
        { $setOnInsert: { value: new Binary(randomBytes(secretBytes)) } },
        { upsert: true, returnDocument: 'after', writeConcern },
      )
      if (found?.value instanceof Binary) return Uint8Array.from(found.value.buffer.subarray(0, found.value.position))
      throw new Error(`the secret ${name} in the database has an unknown form`)
    } catch (error) {
      // two made it at once: the next look finds the other's
      if (!(error instanceof MongoServerError) || error.code !== 11_000 || attempt > 2) throw error
    }
  }
}
