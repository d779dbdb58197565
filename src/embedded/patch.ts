import { type Document, serialize } from 'bson'
import { firstVersion } from '../bson/encode.ts'
import { fields } from '../bson/layout.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  readDouble,
  readInt32,
  readInt64AsNumber,
  valueEnd,
  valueOffset,
} from '../bson/reader.ts'
import type { Change } from '../store/port.ts'

/**
 * Changes on BSON bytes: elements that stay are copied as they are, so that nothing is decoded and nothing of a stored
 * value is lost on the way.
 */

/** What happens to the elements of one document, by name. */
interface Patch {
  /** whole elements (type, name, value) that take the place of what is there */
  readonly set: Map<string, Uint8Array>
  readonly unset: Set<string>
  /** patches of embedded documents */
  readonly inside: Map<string, Patch>
}

/** A change, ready to be applied to any row; made outside the write transaction. */
export type PreparedChange =
  | { readonly kind: 'merge'; readonly patch: Patch }
  | {
      readonly kind: 'replace'
      readonly elements: readonly Uint8Array[]
      readonly keep: ReadonlySet<string>
      /** paths of what stays inside documents that are replaced */
      readonly inside: readonly (readonly string[])[]
    }

/**
 * Prepares a change: values to bytes, dotted paths to a tree.
 * @param keyFields fields that belong to the key though they stand beside `_id`: no change touches them
 * @throws RangeError where a value is larger than BSON holds
 */
export function prepareChange(change: Change, keyFields: readonly string[]): PreparedChange {
  if (change.kind === 'replace') {
    const elements = splitElements(serialize(change.document)).filter(({ name }) => !ours.has(name))
    const keep = new Set([...change.keep, ...keyFields])
    const replacing = elements.filter(({ name }) => !keep.has(name)).map(({ bytes }) => bytes)
    const inside = (change.keepInside ?? []).map((path) => path.split('.'))
    return { kind: 'replace', elements: replacing, keep, inside }
  }
  const patch = emptyPatch()
  for (const path of change.unset) {
    const { parent, name } = descend(patch, path)
    parent.unset.add(name)
  }
  for (const [path, value] of Object.entries(change.set)) {
    const { parent, name } = descend(patch, path)
    const [element] = splitElements(serialize({ [name]: value }))
    if (element) parent.set.set(name, element.bytes)
  }
  for (const name of [...ours, ...keyFields]) {
    patch.set.delete(name)
    patch.unset.delete(name)
    patch.inside.delete(name)
  }
  return { kind: 'merge', patch }
}

const ours: ReadonlySet<string> = new Set([fields.id, fields.version])

/** The stored version of a row; 0 where it has none. */
export function versionOfRow(row: Uint8Array): number {
  const at = findField(row, fields.version)
  if (at < 0) return 0
  const offset = valueOffset(row, at)
  switch (elementType(row, at)) {
    case bsonType.int32:
      return readInt32(row, offset)
    case bsonType.int64:
      return readInt64AsNumber(row, offset)
    case bsonType.double:
      return readDouble(row, offset)
    default:
      return 0
  }
}

/** The bytes of a whole element: type, name, value. */
function elementBytes(row: Uint8Array, at: number): Uint8Array {
  return row.subarray(at, valueEnd(row, elementType(row, at), valueOffset(row, at)))
}

/** A new document as a row: `_id` and `@version` 1 come first. */
export function newRow(document: Document): Uint8Array {
  return serialize(firstVersion(document))
}

/**
 * A row with a change applied and its version raised by one. The row itself is left as it is.
 */
export function applyChange(row: Uint8Array, change: PreparedChange): Uint8Array {
  const version = serialize({ [fields.version]: versionOfRow(row) + 1 }).subarray(4, -1)
  if (change.kind === 'merge') {
    const { set, unset, inside } = change.patch
    return patchDocument(row, 0, { set: new Map(set).set(fields.version, version), unset, inside })
  }
  const kept: Uint8Array[] = []
  const idAt = findField(row, fields.id)
  if (idAt >= 0) kept.push(elementBytes(row, idAt))
  kept.push(version)
  for (let at = firstElement(row); at >= 0; at = nextElement(row, at)) {
    const name = elementName(row, at)
    if (change.keep.has(name) && !ours.has(name)) kept.push(elementBytes(row, at))
  }
  return joinElements([...kept, ...withKept(row, change.elements, change.inside)])
}

/** Elements that replace those of a row, with what stays inside of them. */
function withKept(
  row: Uint8Array,
  elements: readonly Uint8Array[],
  paths: readonly (readonly string[])[],
): readonly Uint8Array[] {
  if (paths.length === 0) return elements
  const patch = emptyPatch()
  for (const path of paths) {
    const at = findPath(row, path)
    if (at < 0) continue
    const { parent, name } = descend(patch, path.join('.'))
    parent.set.set(name, elementBytes(row, at))
  }
  return [patchDocument(joinElements(elements), 0, patch).subarray(4, -1)]
}

function emptyPatch(): Patch {
  return { set: new Map(), unset: new Set(), inside: new Map() }
}

function descend(root: Patch, path: string): { parent: Patch; name: string } {
  const segments = path.split('.')
  const name = segments.pop() ?? path
  let parent = root
  for (const segment of segments) {
    let inner = parent.inside.get(segment)
    if (!inner) {
      inner = emptyPatch()
      parent.inside.set(segment, inner)
    }
    parent = inner
  }
  return { parent, name }
}

/** @param start offset of the document's length */
function patchDocument(row: Uint8Array, start: number, patch: Patch): Uint8Array {
  const parts: Uint8Array[] = []
  const left = new Map(patch.set)
  const leftInside = new Map(patch.inside)
  let copiedTo = start + 4
  let end = copiedTo
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    end = valueEnd(row, elementType(row, at), valueOffset(row, at))
    const name = elementName(row, at)
    const replacement = left.get(name)
    const inner = leftInside.get(name)
    if (!replacement && !inner && !patch.unset.has(name)) continue
    if (at > copiedTo) parts.push(row.subarray(copiedTo, at))
    copiedTo = end
    if (replacement) {
      parts.push(replacement)
      left.delete(name)
    } else if (inner) parts.push(patchElement(row, at, name, inner))
    leftInside.delete(name)
  }
  if (end > copiedTo) parts.push(row.subarray(copiedTo, end))
  for (const [name, element] of left) {
    parts.push(element)
    leftInside.delete(name)
  }
  for (const [name, inner] of leftInside)
    if (sets(inner)) parts.push(wrap(0x03, name, patchDocument(emptyDocument, 0, inner)))
  return joinElements(parts)
}

const emptyDocument: Uint8Array = serialize({})

/** A patch below an element: a document or an array is patched inside, anything else gives way to a new document. */
function patchElement(row: Uint8Array, at: number, name: string, inner: Patch): Uint8Array {
  const type = elementType(row, at)
  if (type === 0x03 || type === 0x04) return wrap(type, name, patchDocument(row, valueOffset(row, at), inner))
  // Taking a field away from what is no document changes nothing.
  return sets(inner) ? wrap(0x03, name, patchDocument(emptyDocument, 0, inner)) : elementBytes(row, at)
}

function sets(patch: Patch): boolean {
  if (patch.set.size > 0) return true
  for (const inner of patch.inside.values()) if (sets(inner)) return true
  return false
}

function wrap(type: number, name: string, value: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(type), Buffer.from(name, 'utf8'), Buffer.of(0), value])
}

function splitElements(document: Uint8Array): { readonly name: string; readonly bytes: Uint8Array }[] {
  const elements: { name: string; bytes: Uint8Array }[] = []
  for (let at = firstElement(document); at >= 0; at = nextElement(document, at))
    elements.push({ name: elementName(document, at), bytes: elementBytes(document, at) })
  return elements
}

function joinElements(parts: readonly Uint8Array[]): Uint8Array {
  let length = 5
  for (const part of parts) length += part.length
  const document = Buffer.allocUnsafe(length)
  document.writeInt32LE(length, 0)
  let at = 4
  for (const part of parts) {
    document.set(part, at)
    at += part.length
  }
  document[at] = 0
  return document
}
