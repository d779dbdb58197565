import type { CollectionLayout } from '../bson/layout.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { ownedBelow, ownedBy } from './compile/owner.ts'
import { type Connection, commandOptions, writeConcernOf } from './connection.ts'
import { faultOf, readFailure, type ServerFault, writeFailure } from './failures.ts'

/** How often a delete is sent whose outcome is not known: to delete again what is gone does no harm. */
const mostAttempts = 3

/** Contained collections: which there are, and how all that an entity contains is removed. */
export class ContainedRows {
  readonly #connection: Connection
  readonly #known = new Set<string>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Notes that a collection is being written to. */
  note(collection: CollectionLayout): void {
    this.#known.add(collection.name)
  }

  /**
   * Removes what an entity contains, at any depth.
   * @param path of the entity
   * @throws ODataError; in a transaction the driver's own errors
   */
  async deleteAll(path: string, collections: readonly CollectionLayout[], session: Session): Promise<void> {
    await this.#look(collections)
    for (const { name } of collections) if (this.#known.has(name)) await this.#delete(name, path, session)
  }

  /** Most collections of a large model are not there: one command finds out. */
  async #look(collections: readonly CollectionLayout[]): Promise<void> {
    const names = collections.map(({ name }) => name).filter((name) => !this.#known.has(name))
    if (names.length === 0) return
    try {
      const found = this.#connection.db.listCollections({ name: { $in: names } }, { nameOnly: true })
      for (const { name } of await found.toArray()) this.#known.add(name)
    } catch (error) {
      throw readFailure(error)
    }
  }

  async #delete(collection: string, path: string, session: Session): Promise<void> {
    const deletes = [ownedBy(path), ownedBelow(path)].map((q) => ({ q, limit: 0 }))
    const command = { delete: collection, deletes, ...writeConcernOf(session) }
    for (let attempt = 1; ; attempt++) {
      let failure: ReturnType<typeof writeFailure>
      try {
        const { writeErrors } = await this.#connection.db.command(command, commandOptions(session))
        const [fault] = (writeErrors ?? []) as ServerFault[]
        if (!fault) return
        failure = faultOf(fault, fault)
      } catch (error) {
        if (session.transaction) throw error
        failure = writeFailure(error)
      }
      const again = failure.kind === 'unknown' || (failure.kind === 'notWritten' && failure.again)
      if (again && attempt < mostAttempts) continue
      throw failure.kind === 'unknown' ? storeFailure.outcomeUnknown(failure.error) : failure.error
    }
  }
}
