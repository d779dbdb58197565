import { Timestamp } from 'mongodb'
import { storeFailure } from '../store/failures.ts'
import { type Connection, readConcern } from './connection.ts'

/**
 * The latest time up to which a majority has everything: reads that begin later see all of it.
 * @param timeLimit milliseconds the server may take
 * @throws MongoError; ODataError storeUnavailable
 */
export async function committedTime(connection: Connection, collection: string, timeLimit: number): Promise<Timestamp> {
  const answer = await connection.db.command(
    {
      find: collection,
      projection: { _id: 1 },
      limit: 1,
      singleBatch: true,
      maxTimeMS: Math.max(1, Math.round(timeLimit)),
      readConcern,
    },
    { readPreference: 'primary' },
  )
  const { operationTime } = answer
  if (!(operationTime instanceof Timestamp)) throw storeFailure.unavailable(new Error('the server tells no time'))
  return operationTime
}
