import { fields } from '../../bson/layout.ts'
import { elementType, findField, valueEnd, valueOffset } from '../../bson/reader.ts'
import type { RemovedReason } from '../../payload/delta.ts'
import type { SourceRoot } from '../../plan/plan.ts'

/** A row that is no longer part of the result, or of what is expanded of it. */
export interface RemovedRow {
  readonly kind: 'removed'
  readonly root: SourceRoot
  /** document that holds nothing but `_id` */
  readonly id: Uint8Array
  readonly reason: RemovedReason
}

/** A row of the result, as it is stored now. */
export interface CurrentRow {
  readonly kind: 'row'
  /** document that holds nothing but `_id` */
  readonly id: Uint8Array
  readonly row: Uint8Array
}

/** What a page of a delta tells, in an order in which it can be applied: of each row what was found out last. */
export class Told {
  readonly #items = new Map<string, RemovedRow | CurrentRow>()

  get size(): number {
    return this.#items.size
  }

  get items(): readonly (RemovedRow | CurrentRow)[] {
    return [...this.#items.values()]
  }

  remove(root: SourceRoot, id: Uint8Array, reason: RemovedReason): void {
    this.#add(`-${root.name} ${keyOf(id)}`, { kind: 'removed', root, id, reason })
  }

  tell(id: Uint8Array, row: Uint8Array): void {
    this.#add(keyOf(id), { kind: 'row', id, row })
  }

  #add(key: string, item: RemovedRow | CurrentRow): void {
    this.#items.delete(key)
    this.#items.set(key, item)
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

/** A document of nothing but the `_id` of a row. */
export function idOf(row: Uint8Array): Uint8Array {
  const at = findField(row, fields.id)
  const end = valueEnd(row, elementType(row, at), valueOffset(row, at))
  const id = new Uint8Array(4 + end - at + 1)
  new DataView(id.buffer).setInt32(0, id.length, true)
  id.set(row.subarray(at, end), 4)
  return id
}
