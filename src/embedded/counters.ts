import type { Tables } from './tables.ts'

/** Kept for each collection in the transactions that change it. */
export interface Counters {
  /** rows there are */
  rows: number
  /** writes there ever were: equal numbers mean equal rows */
  changes: number
}

/** The counters of a collection, as the current transaction sees them. */
export function readCounters(tables: Tables, collection: number): Counters {
  const value = tables.meta.getBinary(keyOf(collection))
  if (!value) return { rows: 0, changes: 0 }
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  return { rows: view.getFloat64(0), changes: view.getFloat64(8) }
}

/** Only inside a write transaction. */
export function writeCounters(tables: Tables, collection: number, counters: Counters): void {
  const value = new Uint8Array(16)
  const view = new DataView(value.buffer)
  view.setFloat64(0, counters.rows)
  view.setFloat64(8, counters.changes)
  tables.meta.putSync(keyOf(collection), value)
}

function keyOf(collection: number): Uint8Array {
  return Buffer.from(`counters/${collection}`, 'latin1')
}
