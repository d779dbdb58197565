import { Buffer } from 'node:buffer'
import { choosesItems } from '../bind/select.ts'
import type { ItemsSelection, Parameters, Selection } from '../bind/tree.ts'
import { fields, type ModelLayout } from '../bson/layout.ts'
import {
  bsonType,
  elementName,
  elementType,
  firstElement,
  nextElement,
  readInt32,
  valueEnd,
  valueOffset,
} from '../bson/reader.ts'
import type { StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import type { EvalContext } from './compile.ts'
import { prepareItems, type SelectedItems } from './items.ts'

/**
 * Options of collections inside `$select` (URL Conventions 5.1.4): rows with only the items that are wanted, as bytes. The number of
 * items before $skip and $top stands beside them (`fields.count`), where it is asked for.
 */

/** What is done to documents of a type, by field. */
type Choice = ReadonlyMap<string, FieldChoice>

interface FieldChoice {
  readonly items: { readonly prepared: PreparedItems; readonly counted: boolean } | undefined
  readonly inner: Choice | undefined
}

type PreparedItems = (parameters: Parameters) => BoundItems
type BoundItems = (row: Uint8Array, at: number) => SelectedItems

/**
 * @param type declared type of the rows
 * @returns `(parameters) => (row) => row`
 * @throws ODataError notImplemented for navigation from inside items
 */
export function prepareChosenItems(
  select: Selection,
  type: StructuredType,
  context: EvalContext,
): (parameters: Parameters) => (row: Uint8Array) => Uint8Array {
  const choice = choiceOf(select, type, context)
  return (parameters) => {
    const bound = new Map<PreparedItems, BoundItems>()
    const itemsOf = (prepared: PreparedItems): BoundItems => {
      let found = bound.get(prepared)
      if (found === undefined) {
        found = prepared(parameters)
        bound.set(prepared, found)
      }
      return found
    }
    return (row) => Buffer.concat(documentParts(row, 0, choice, itemsOf))
  }
}

function choiceOf(select: Selection, type: StructuredType, context: EvalContext): Choice {
  const choice = new Map<string, FieldChoice>()
  const { layout } = context
  for (const candidate of [type, ...type.derivedTypes])
    for (const [name, inner] of select.properties) {
      const property = candidate.allProperties.get(name)
      if (property === undefined || inner === undefined || !choosesItems(inner)) continue
      const of = property.type.type
      const items = inner.items && {
        prepared: prepareItems(itemSelection(inner.items), context),
        counted: inner.items.count,
      }
      const within = isStructured(of)
        ? choiceOf({ all: inner.all, properties: inner.properties }, of, context)
        : undefined
      choice.set(fieldOf(layout, candidate, name), { items, inner: within?.size === 0 ? undefined : within })
    }
  return choice
}

function itemSelection({ type, filters, search, orderby, skip, top }: ItemsSelection) {
  return { type, declared: type, casts: [], filters, search, orderby, skip, top }
}

function fieldOf(layout: ModelLayout, type: StructuredType, name: string): string {
  return layout.structured(type).fieldOf.get(name) ?? name
}

/** A document with only the items that are chosen. */
function documentParts(
  row: Uint8Array,
  start: number,
  choice: Choice,
  itemsOf: (prepared: PreparedItems) => BoundItems,
): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    const offset = valueOffset(row, at)
    const type = elementType(row, at)
    const end = valueEnd(row, type, offset)
    const found = choice.get(elementName(row, at))
    if (found === undefined || (type !== bsonType.array && type !== bsonType.document)) {
      parts.push(row.subarray(at, end))
      continue
    }
    parts.push(row.subarray(at, offset))
    const { items, inner } = found
    if (type === bsonType.document) {
      parts.push(...(inner === undefined ? [row.subarray(offset, end)] : documentParts(row, offset, inner, itemsOf)))
      continue
    }
    const chosen = items && itemsOf(items.prepared)(row, at)
    parts.push(...arrayParts(row, chosen?.elements ?? elementsOf(row, offset), inner, itemsOf))
    if (items?.counted) parts.push(countElement(elementName(row, at) + fields.count, chosen?.total ?? 0))
  }
  return enclosed(parts)
}

function elementsOf(row: Uint8Array, start: number): readonly number[] {
  const found: number[] = []
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) found.push(at)
  return found
}

function arrayParts(
  row: Uint8Array,
  elements: readonly number[],
  inner: Choice | undefined,
  itemsOf: (prepared: PreparedItems) => BoundItems,
): Uint8Array[] {
  const parts: Uint8Array[] = []
  elements.forEach((at, i) => {
    const type = elementType(row, at)
    const offset = valueOffset(row, at)
    parts.push(Buffer.from([type]), Buffer.from(`${i}\0`))
    if (inner !== undefined && type === bsonType.document) parts.push(...documentParts(row, offset, inner, itemsOf))
    else parts.push(row.subarray(offset, valueEnd(row, type, offset)))
  })
  return enclosed(parts)
}

/** Elements as a document: its length before them, a zero behind. */
function enclosed(parts: Uint8Array[]): Uint8Array[] {
  const length = Buffer.alloc(4)
  length.writeInt32LE(parts.reduce((sum, part) => sum + part.length, 5))
  return [length, ...parts, Buffer.alloc(1)]
}

function countElement(name: string, count: number): Uint8Array {
  const value = Buffer.alloc(4)
  value.writeInt32LE(count)
  return Buffer.concat([Buffer.from([bsonType.int32]), Buffer.from(`${name}\0`), value])
}

/** The number that stands beside a collection; 0 where there is none. */
export function countBeside(row: Uint8Array, at: number): number {
  return at >= 0 && elementType(row, at) === bsonType.int32 ? readInt32(row, valueOffset(row, at)) : 0
}
