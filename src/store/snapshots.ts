import type { Session } from './port.ts'

/** States of the data that reads can be held to, so that what several of them see belongs together (Protocol 8.2.6). */
export interface Snapshots {
  /**
   * The state as it is now: all that has been acknowledged, and nothing that comes later.
   * @throws ODataError notImplemented where the store has none, storeUnavailable
   */
  take(session: Pick<Session, 'timeLimit'>): Promise<Snapshot>
  /** A state that was taken before, by whatever process; undefined where this store's snapshots have no names. */
  named(name: string): Snapshot | undefined
}

/** One state of the data, as `Session.snapshot`. Reads of it that come too late fail with `gone`, or `storeTimeout`. */
export interface Snapshot {
  /** by which every process finds it again for some minutes; undefined: it is there until it is released */
  readonly name: string | undefined
  release(): void
}
