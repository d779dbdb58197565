import { ReadConcern, type Timestamp } from 'mongodb'
import type { Snapshot } from '../store/snapshots.ts'

/** A cluster time: MongoDB reads the data as it was then for as long as it keeps its history (300 seconds where nobody says otherwise). */
export class ClusterTime implements Snapshot {
  readonly name: string
  readonly readConcern: ReadConcern

  constructor(time: Timestamp) {
    this.name = `${time.getHighBitsUnsigned()}.${time.getLowBitsUnsigned()}`
    // the driver's own type has no place for the time, and sends what an object has
    this.readConcern = Object.assign(new ReadConcern('snapshot'), { atClusterTime: time })
  }

  release(): void {}
}
