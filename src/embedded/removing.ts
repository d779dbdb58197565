import type { CollectionLayout } from '../bson/layout.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { containedRanges, type KeyRange } from './key.ts'
import { guardOf, transactionOf } from './reading.ts'
import type { CollectionHandle, Collections } from './registry.ts'
import { currentKey, pause, Scan } from './scan.ts'
import type { Transaction } from './transaction.ts'
import type { WriteBatch } from './write-batch.ts'
import type { WritingContext } from './writing.ts'

/** What removing needs of the store. */
export interface RemovingContext extends WritingContext {
  readonly collections: Collections
}

/** Rows removed in one lmdb transaction. */
const chunk = 256

/** Removes what an entity contains (store/port.ts `deleteContained`): outside a transaction piece by piece. */
export async function deleteContained(
  context: RemovingContext,
  path: string,
  collections: readonly CollectionLayout[],
  session: Session,
): Promise<void> {
  const transaction = transactionOf(session)
  for (const layout of collections) {
    const collection = await context.collections.findUsed(layout)
    if (!collection) continue
    for (const range of containedRanges(collection.number, path)) {
      if (transaction) await removeInside(context, transaction, collection, range, session)
      else await removeAll(context, collection, range, session)
    }
  }
}

async function removeAll(
  context: RemovingContext,
  collection: CollectionHandle,
  range: KeyRange,
  session: Session,
): Promise<void> {
  let removed = chunk
  while (removed === chunk) {
    if (session.signal?.aborted) throw storeFailure.timeout(session.signal.reason)
    removed = await context.committer.run((batch) => removeChunk(context, batch, collection, range), session.timeLimit)
  }
}

function removeChunk(
  { tables }: RemovingContext,
  batch: WriteBatch,
  collection: CollectionHandle,
  { start, end }: KeyRange,
): number {
  const keys = [...tables.documents.getKeys({ start, end, limit: chunk })]
  const changes = keys.map((key) => ({ collection, key, before: batch.get(key), after: undefined }))
  batch.applyAll(changes)
  return keys.length
}

async function removeInside(
  context: RemovingContext,
  transaction: Transaction,
  collection: CollectionHandle,
  range: KeyRange,
  session: Session,
): Promise<void> {
  transaction.beginScan(collection, range)
  for (const key of transaction.ownKeys(collection, range)) transaction.remove(collection, key)
  const guard = guardOf(context, session)
  const scan = new Scan(context.tables, range, false, undefined)
  for (;;) {
    guard()
    const keys: Uint8Array[] = []
    const outcome = scan.walk(() => keys.push(currentKey()) < chunk)
    for (const key of keys) if (transaction.get(collection, key)) transaction.remove(collection, key)
    if (outcome === 'ended') return
    await pause()
  }
}
