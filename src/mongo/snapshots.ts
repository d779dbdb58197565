import { Timestamp } from 'mongodb'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import type { Snapshot, Snapshots } from '../store/snapshots.ts'
import { ClusterTime } from './cluster-time.ts'
import { committedTime } from './committed-time.ts'
import type { Connection } from './connection.ts'
import { readFailure } from './failures.ts'

/** Snapshots by cluster time (store/snapshots.ts). */
export class ClusterTimes implements Snapshots {
  readonly #connection: Connection
  readonly #run: <T>(work: () => Promise<T>) => Promise<T>

  constructor(connection: Connection, run: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#connection = connection
    this.#run = run
  }

  take({ timeLimit }: Pick<Session, 'timeLimit'>): Promise<Snapshot> {
    if (!this.#connection.transactions) throw storeFailure.notImplemented('A snapshot (the MongoDB is no replica set)')
    return this.#run(async () => {
      try {
        return new ClusterTime(await committedTime(this.#connection, 'odatum.records', timeLimit))
      } catch (error) {
        throw readFailure(error)
      }
    })
  }

  named(name: string): Snapshot | undefined {
    const [high = Number.NaN, low = Number.NaN] = name.split('.').map(Number)
    return Number.isInteger(high) && Number.isInteger(low)
      ? new ClusterTime(new Timestamp({ t: high, i: low }))
      : undefined
  }
}
