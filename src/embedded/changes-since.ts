import { type CollectionLayout, containedId, fields } from '../bson/layout.ts'
import { bsonType, elementType, findPath, readString, valueOffset } from '../bson/reader.ts'
import { ChangedRows, type ChangeFeed, type ChangeOutcome, type ChangeQuery } from '../store/changes.ts'
import type { Session } from '../store/port.ts'
import { fieldsOf, idOf, imageOf, keyOf, numberOf } from './change-log.ts'
import { fieldBits } from './changed-fields.ts'
import { readCounters } from './counters.ts'
import type { Collections } from './registry.ts'
import { pause } from './scan.ts'
import type { Tables } from './tables.ts'

/** Entries read without a pause for others. */
const readTogether = 5_000

/** What the log needs of the store. */
export interface ChangeLogContext {
  readonly tables: Tables
  readonly collections: Collections
}

/** Reads the change log (change-log.ts). */
export class ChangeLog implements ChangeFeed {
  readonly #run: <T>(work: (open: ChangeLogContext) => Promise<T>) => Promise<T>

  #imaged: ReadonlySet<string> = new Set()

  /** @param run runs work while the store is open, and counts it as running */
  constructor(run: <T>(work: (open: ChangeLogContext) => Promise<T>) => Promise<T>) {
    this.#run = run
  }

  now(collection: CollectionLayout, _session: Session): Promise<string> {
    return this.#run(async ({ tables, collections }) => {
      const { number } = collections.find(collection) ?? (await collections.add(collection))
      tables.root.resetReadTxn()
      return String(readCounters(tables, number).changes)
    })
  }

  since(
    { collection, since, sight, fields: asked, until, owner, limit }: ChangeQuery,
    session: Session,
  ): Promise<ChangeOutcome> {
    return this.#run(async ({ tables, collections }) => {
      const { number } = collections.find(collection) ?? (await collections.add(collection))
      tables.root.resetReadTxn()
      const current = readCounters(tables, number).changes
      const end = until === undefined ? current : Number(until)
      let at = Number(sight?.from ?? since)
      // a later position than there ever was: the folder is an older copy
      if (!(at <= end && end <= current)) return lost
      const rows = new ChangedRows(since)
      const bits = fieldBits(asked)
      while (at < end) {
        session.signal?.throwIfAborted()
        const range = { start: keyOf(number, at + 1), end: keyOf(number, end + 1), limit: readTogether }
        const begun = at
        for (const { key, value } of tables.changes.getRange(range)) {
          if (numberOf(key) !== at + 1) return lost
          at++
          const id = idOf(value)
          if (owner !== undefined && ownerOf(id) !== owner) continue
          const before = sight && imageOf(value)
          if (before === 'unknown') return lost
          rows.add(id, String(at), {
            seen: before !== undefined && sight?.test(before) === true,
            touched: (fieldsOf(value) & bits) !== 0,
          })
        }
        if (at === begun) return lost
        if (at < end) await pause()
      }
      return rows.page(limit, String(end))
    })
  }

  keepImages(collections: readonly CollectionLayout[]): Promise<void> {
    return this.#run(async ({ tables }) => {
      for (const { name } of collections) tables.imaged.add(name)
      this.#imaged = tables.imaged
    })
  }

  keepsImages({ name }: CollectionLayout): boolean {
    return this.#imaged.has(name)
  }
}

const lost: ChangeOutcome = { kind: 'historyLost' }

const ownerField = [fields.id, containedId.owner]

function ownerOf(id: Uint8Array): string | undefined {
  const at = findPath(id, ownerField)
  return at >= 0 && elementType(id, at) === bsonType.string ? readString(id, valueOffset(id, at)) : undefined
}
