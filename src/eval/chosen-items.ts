import { Buffer } from 'node:buffer'
import { serialize } from 'bson'
import { choosesItems } from '../bind/select.ts'
import type { ItemsSelection, Parameters, Selection } from '../bind/tree.ts'
import { decodeField } from '../bson/decode.ts'
import { encodeValue } from '../bson/encode.ts'
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
import type { StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import type { Value } from '../edm/value.ts'
import { type EvalContext, prepareItemValue } from './compile.ts'
import { prepareItems, type SelectedItems } from './items.ts'

/**
 * Options inside `$select` (URL Conventions 5.1.4): rows with only the items that are wanted, as bytes. The number of
 * items before $skip and $top stands beside them (`fields.count`), where it is asked for; what $compute defines of a complex value
 * stands in it, as if it were stored.
 */

/** What is done to documents of a type. */
interface Choice {
  readonly fields: ReadonlyMap<string, FieldChoice>
  readonly computed: readonly ComputedField[]
  /** the declared type of the documents, a single value */
  readonly reference: TypeReference
}

interface FieldChoice {
  readonly items: { readonly prepared: Prepared<BoundItems>; readonly counted: boolean } | undefined
  readonly inner: Choice | undefined
}

interface ComputedField {
  readonly alias: string
  readonly type: TypeReference | undefined
  readonly prepared: Prepared<(value: Value) => Value>
}

type Prepared<T> = (parameters: Parameters) => T
type BoundItems = (row: Uint8Array, at: number) => SelectedItems

/** What was prepared, with the parameters of a request. */
interface Binding {
  readonly layout: ModelLayout
  readonly of: <T>(prepared: Prepared<T>) => T
}

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
    const bound = new Map<unknown, unknown>()
    const of = <T>(prepared: Prepared<T>): T => {
      if (!bound.has(prepared)) bound.set(prepared, prepared(parameters))
      return bound.get(prepared) as T
    }
    const binding: Binding = { layout: context.layout, of }
    return (row) => Buffer.concat(documentParts(row, -1, choice, binding))
  }
}

function choiceOf(select: Selection, type: StructuredType, context: EvalContext): Choice {
  const choice = new Map<string, FieldChoice>()
  const { layout } = context
  const reference: TypeReference = { type, collection: false, nullable: true, facets: {} }
  const computed = (select.computed ?? []).map(({ alias, expression }) => ({
    alias,
    type: expression.type,
    prepared: prepareItemValue(expression, reference, context),
  }))
  for (const candidate of [type, ...type.derivedTypes])
    for (const [name, inner] of select.properties) {
      const property = candidate.allProperties.get(name)
      if (property === undefined || inner === undefined || !choosesItems(inner)) continue
      const of = property.type.type
      const items = inner.items && {
        prepared: prepareItems(itemSelection(inner.items), context),
        counted: inner.items.count,
      }
      const within = isStructured(of) ? choiceOf(inner, of, context) : undefined
      const needed = within !== undefined && within.fields.size + within.computed.length > 0
      choice.set(fieldOf(layout, candidate, name), { items, inner: needed ? within : undefined })
    }
  return { fields: choice, computed, reference }
}

function itemSelection({ type, filters, search, orderby, skip, top }: ItemsSelection) {
  return { type, declared: type, casts: [], filters, search, orderby, skip, top }
}

function fieldOf(layout: ModelLayout, type: StructuredType, name: string): string {
  return layout.structured(type).fieldOf.get(name) ?? name
}

/** A document with only the items that are chosen, and what is calculated of it. @param element that of the document; -1: the row itself */
function documentParts(row: Uint8Array, element: number, choice: Choice, binding: Binding): Uint8Array[] {
  const parts: Uint8Array[] = []
  const start = element < 0 ? 0 : valueOffset(row, element)
  const replaced = new Set(choice.computed.flatMap(({ alias }) => [alias, alias + fields.exact]))
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    const offset = valueOffset(row, at)
    const type = elementType(row, at)
    const end = valueEnd(row, type, offset)
    if (replaced.size > 0 && replaced.has(elementName(row, at))) continue
    const found = choice.fields.get(elementName(row, at))
    if (found === undefined || (type !== bsonType.array && type !== bsonType.document)) {
      parts.push(row.subarray(at, end))
      continue
    }
    parts.push(row.subarray(at, offset))
    const { items, inner } = found
    if (type === bsonType.document) {
      parts.push(...(inner === undefined ? [row.subarray(offset, end)] : documentParts(row, at, inner, binding)))
      continue
    }
    const chosen = items && binding.of(items.prepared)(row, at)
    parts.push(...arrayParts(row, chosen?.elements ?? elementsOf(row, offset), inner, binding))
    if (items?.counted) parts.push(countElement(elementName(row, at) + fields.count, chosen?.total ?? 0))
  }
  if (choice.computed.length > 0) parts.push(computedParts(row, element, choice, binding))
  return enclosed(parts)
}

/** What $compute defines of the value of an element, as further elements of its document. */
function computedParts(row: Uint8Array, element: number, choice: Choice, { layout, of }: Binding): Uint8Array {
  const value = decodeField(row, element, choice.reference, -1, layout)
  const found: Record<string, unknown> = Object.create(null)
  for (const { alias, type, prepared } of choice.computed) {
    const encoded = encodeValue(layout, type, of(prepared)(value))
    found[alias] = encoded.value
    if (encoded.exact !== undefined) found[alias + fields.exact] = encoded.exact
  }
  return serialize(found).subarray(4, -1)
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
  binding: Binding,
): Uint8Array[] {
  const parts: Uint8Array[] = []
  elements.forEach((at, i) => {
    const type = elementType(row, at)
    const offset = valueOffset(row, at)
    parts.push(Buffer.from([type]), Buffer.from(`${i}\0`))
    if (inner !== undefined && type === bsonType.document) parts.push(...documentParts(row, at, inner, binding))
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
