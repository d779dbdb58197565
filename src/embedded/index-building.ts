import { ODataError } from '../errors/odata-error.ts'
import type { Committer } from './committer.ts'
import { catalogKey, printIndexes, readIndexes, type StoredIndex } from './index-catalog.ts'
import { type CollectionHandle, forgetGarbage, type Registration } from './registry.ts'
import { currentKey, pause, Scan } from './scan.ts'
import type { Tables } from './tables.ts'
import type { WriteBatch } from './write-batch.ts'

/** Rows or entries of one transaction: other writes wait that long at the most. */
const chunk = 256

/** How long one chunk may wait for the write lock, in milliseconds. */
const chunkLimit = 60_000

/** What building needs of the store. */
export interface BuildingContext {
  readonly tables: Tables
  readonly committer: Committer
  readonly warn: (message: string) => void
  /** whether the store is being closed */
  readonly stopped: () => boolean
}

/**
 * Builds the indexes that are new on rows that are old, beside other requests; takes away the entries of indexes that no
 * model names any more. Interrupted, it begins again at the next start. Several processes may do it at once.
 */
export async function buildIndexes(context: BuildingContext, registration: Registration): Promise<void> {
  for (const collection of registration.building) {
    const building = readIndexes(context.tables, collection.number).filter(({ state }) => state === 'building')
    if (building.length > 0 && !(await buildCollection(context, collection, building))) return
  }
  await clearGarbage(context, registration.garbage)
}

/** @returns false where the store is being closed */
async function buildCollection(
  context: BuildingContext,
  collection: CollectionHandle,
  building: readonly StoredIndex[],
): Promise<boolean> {
  const { tables, committer, warn } = context
  const faults: Faults = { notUnique: new Set(), noRoom: new Set() }
  const scan = new Scan(tables, collection, false, undefined)
  for (;;) {
    if (context.stopped()) return false
    const keys: Uint8Array[] = []
    const outcome = scan.walk(() => keys.push(currentKey()) < chunk)
    if (keys.length > 0) {
      // The rows are read again: each may have changed, or gone, since it was met.
      await committer.run((batch) => addRows(batch, building, keys, faults), chunkLimit)
    }
    if (outcome === 'ended') break
    await pause()
  }
  const numbers = new Set(building.map(({ number }) => number))
  await committer.run((batch) => {
    const indexes = batch.indexes(collection).map((index): StoredIndex => {
      if (!numbers.has(index.number) || index.state !== 'building') return index
      // What is not whole stays as it is: kept, but never read.
      if (faults.noRoom.has(index.number)) return index
      return { ...index, state: faults.notUnique.has(index.number) ? 'broken' : 'ready' }
    })
    batch.putMeta(catalogKey(collection.number), printIndexes(indexes))
  }, chunkLimit)
  for (const { name, number } of building) {
    const subject = `The index ${name} of the collection ${collection.layout.name} cannot be made`
    if (faults.notUnique.has(number)) warn(`${subject}: its values are not unique.`)
    if (faults.noRoom.has(number)) warn(`${subject}: keys and values are too long.`)
  }
  return true
}

/** Indexes (by number) that cannot be what they should. */
interface Faults {
  readonly notUnique: Set<number>
  readonly noRoom: Set<number>
}

function addRows(
  batch: WriteBatch,
  building: readonly StoredIndex[],
  keys: readonly Uint8Array[],
  faults: Faults,
): void {
  for (const key of keys) {
    const row = batch.get(key)
    if (!row) continue
    for (const index of building) {
      try {
        if (!batch.addEntry(index, key, row)) faults.notUnique.add(index.number)
      } catch (error) {
        if (!(error instanceof ODataError)) throw error
        faults.noRoom.add(index.number)
      }
    }
  }
}

async function clearGarbage({ committer, stopped }: BuildingContext, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    let removed = chunk
    while (removed === chunk && !stopped())
      removed = await committer.run((batch) => batch.removeEntries(number, chunk), chunkLimit)
  }
  if (numbers.length > 0 && !stopped()) await committer.run((batch) => forgetGarbage(batch, numbers), chunkLimit)
}
