import type { CollectionValue } from '../edm/value.ts'
import { equalValues, ValueBag } from './values.ts'

/**
 * The collection forms of the canonical functions (URL Conventions 5.1.1.5 and 5.1.1.6). Items are compared by `eq`.
 */

/** Index of the first occurrence of one ordered collection in another, -1 where there is none; linear (Knuth, Morris, Pratt). */
export function indexOfSequence(items: CollectionValue, part: CollectionValue): number {
  if (part.length === 0) return 0
  const fallback = failureTable(part)
  let matched = 0
  for (let i = 0; i < items.length; i++) {
    while (matched > 0 && !equalAt(part, matched, items, i)) matched = fallback[matched - 1] ?? 0
    if (equalAt(part, matched, items, i)) matched++
    if (matched === part.length) return i - matched + 1
  }
  return -1
}

function failureTable(part: CollectionValue): readonly number[] {
  const table = [0]
  let length = 0
  for (let i = 1; i < part.length; i++) {
    while (length > 0 && !equalAt(part, length, part, i)) length = table[length - 1] ?? 0
    if (equalAt(part, length, part, i)) length++
    table.push(length)
  }
  return table
}

function equalAt(a: CollectionValue, i: number, b: CollectionValue, j: number): boolean {
  return equalValues(a[i] ?? null, b[j] ?? null)
}

/** Whether the items from `offset` on begin with `part`. */
export function hasSequenceAt(items: CollectionValue, part: CollectionValue, offset: number): boolean {
  if (offset < 0 || offset + part.length > items.length) return false
  return part.every((_, i) => equalAt(part, i, items, offset + i))
}

/** hassubset: the second is the first with items left out, in any order. */
export function hasSubset(items: CollectionValue, part: CollectionValue): boolean {
  if (part.length > items.length) return false
  const bag = new ValueBag(items)
  return part.every((item) => bag.take(item))
}

/** hassubsequence: the second is the first with items left out, in the same order. */
export function hasSubsequence(items: CollectionValue, part: CollectionValue): boolean {
  let next = 0
  for (let i = 0; i < items.length && next < part.length; i++) if (equalAt(part, next, items, i)) next++
  return next === part.length
}

/** Up to `count` items from a zero-based position, a negative one counted from the end; null for a negative count. */
export function sliceItems(items: CollectionValue, start: number, count: number | undefined): CollectionValue | null {
  if (count !== undefined && count < 0) return null
  const from = start < 0 ? Math.max(items.length + start, 0) : start
  return items.slice(from, count === undefined ? undefined : from + count)
}
