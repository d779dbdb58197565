import { Buffer } from 'node:buffer'
import { valueEnd, valueOffset } from '../bson/reader.ts'

/** A stored field of interest, and the one that followed it in the document seen last. */
interface Field {
  /** UTF-8 name with its closing 0 */
  readonly name: Uint8Array
  readonly slot: number
  next: Field | undefined
}

/**
 * Finds the elements of known fields in one walk over a document. Documents of one collection have their fields in nearly
 * the same order, so after each field the one that followed it the last time is tried first.
 */
export class FieldScanner {
  readonly #buckets = new Map<number, Field[]>()
  readonly #head: Field

  /** @param fields slot by field name; slot -1: known, but of no interest */
  constructor(fields: ReadonlyMap<string, number>) {
    for (const [text, slot] of fields) {
      const name = new Uint8Array(Buffer.from(`${text}\0`))
      const field: Field = { name, slot, next: undefined }
      const key = bucketKey(name, 0, name.length - 1)
      const bucket = this.#buckets.get(key)
      if (bucket === undefined) this.#buckets.set(key, [field])
      else bucket.push(field)
    }
    this.#head = { name: new Uint8Array(0), slot: -1, next: undefined }
  }

  /**
   * Walks a document.
   * @param start offset of the document's length
   * @param slots takes the element's offset of each field found; 0 stands for "not there". Of a field that is there twice
   *   the first counts
   * @param unknown takes the elements of no known field, where given
   */
  scan(row: Uint8Array, start: number, slots: Int32Array, unknown: number[] | undefined): void {
    slots.fill(0)
    let last = this.#head
    let at = start + 4
    const length = row.length
    while (at < length) {
      const type = row[at] ?? 0
      if (type === 0) return
      const nameAt = at + 1
      let field = last.next
      let valueAt: number
      if (field !== undefined && isNamed(row, nameAt, field.name)) valueAt = nameAt + field.name.length
      else {
        valueAt = valueOffset(row, at)
        field = this.#find(row, nameAt, valueAt - 1)
        if (field !== undefined) last.next = field
      }
      const end = valueEnd(row, type, valueAt)
      if (end < 0) return
      if (field === undefined) unknown?.push(at)
      else {
        last = field
        if (field.slot >= 0 && slots[field.slot] === 0) slots[field.slot] = at
      }
      at = end
    }
  }

  #find(row: Uint8Array, start: number, end: number): Field | undefined {
    const bucket = this.#buckets.get(bucketKey(row, start, end))
    if (bucket === undefined) return undefined
    for (const field of bucket) if (isNamed(row, start, field.name)) return field
    return undefined
  }
}

/** Whether a name stands there; the row is longer than the place where it would end, or it is not the name. */
function isNamed(row: Uint8Array, start: number, name: Uint8Array): boolean {
  const size = name.length
  if (start + size > row.length) return false
  let i = 0
  for (; i + 4 <= size; i += 4) {
    const differs =
      ((row[start + i] as number) ^ (name[i] as number)) |
      ((row[start + i + 1] as number) ^ (name[i + 1] as number)) |
      ((row[start + i + 2] as number) ^ (name[i + 2] as number)) |
      ((row[start + i + 3] as number) ^ (name[i + 3] as number))
    if (differs !== 0) return false
  }
  for (; i < size; i++) if (row[start + i] !== name[i]) return false
  return true
}

function bucketKey(bytes: Uint8Array, start: number, end: number): number {
  return ((end - start) << 16) | ((bytes[start] ?? 0) << 8) | (bytes[end - 1] ?? 0)
}
