import { fields } from '../bson/layout.ts'
import { elementName, findField, firstElement, nextElement } from '../bson/reader.ts'

/**
 * Which fields of a document a write has changed, as a set of 32 bits: each name stands for one of them, so that several share a bit. Small
 * enough to be kept with every write; what it says about a field is "not changed" or "perhaps".
 */

/** All fields. */
export const everyField = 0xffff_ffff

/** Fields that every write changes, or none. */
const unasked: ReadonlySet<string> = new Set([fields.id, fields.version])

/** The bits of some names. */
export function fieldBits(names: readonly string[]): number {
  return names.reduce((bits, name) => (bits | bitOf(name)) >>> 0, 0)
}

/** The bits of the fields that differ between two documents. */
export function changedFields(before: Uint8Array, after: Uint8Array): number {
  return (differing(before, after) | differing(after, before)) >>> 0
}

/** Fields of `two` that `one` does not have in the same bytes. */
function differing(one: Uint8Array, two: Uint8Array): number {
  let bits = 0
  // most documents have the same fields in the same order
  let beside = firstElement(one)
  for (let at = firstElement(two); at >= 0; ) {
    const next = nextElement(two, at)
    const end = next < 0 ? two.length - 1 : next
    if (!sameBytes(one, beside, two, at, end)) {
      const name = elementName(two, at)
      beside = findField(one, name)
      if (!unasked.has(name) && !sameBytes(one, beside, two, at, end)) bits |= bitOf(name)
    }
    if (beside >= 0) beside = nextElement(one, beside)
    at = next
  }
  return bits
}

/** Whether what begins in one document is an element of another, byte for byte. */
function sameBytes(one: Uint8Array, start: number, two: Uint8Array, at: number, end: number): boolean {
  if (start < 0 || start + end - at > one.length) return false
  for (let i = at, j = start; i < end; i++, j++) if (one[j] !== two[i]) return false
  return true
}

function bitOf(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0
  return 1 << ((hash ^ (hash >>> 7) ^ (hash >>> 15)) & 31)
}
