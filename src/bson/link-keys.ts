import type { EntityType, TypeReference } from '../edm/model.ts'
import {
  type CollectionValue,
  isStructuredValue,
  type PrimitiveValue,
  type StructuredValue,
  type Value,
} from '../edm/value.ts'
import { decodeField } from './decode.ts'
import { encodeKeyPart, encodeValue, newDocument } from './encode.ts'
import type { ModelLayout } from './layout.ts'
import { bsonType, elementType, findField, firstElement, nextElement, valueOffset } from './reader.ts'

/**
 * The keys of related entities that an entity lists in `@links` (docs/decisions/0016-links.md): of a single key property an array of its
 * values, of a composite key an array of documents like those in `_id`, one field for each key property, in key order.
 */

/** A key: its value, or of several parts a value of the entity type with the key properties alone, in key order. */
export type LinkKey = PrimitiveValue | StructuredValue

/** The key of an entity from the values of its key properties; undefined where one is missing. */
export function linkKeyOf(type: EntityType, parts: readonly (Value | undefined)[]): LinkKey | undefined {
  const members = new Map<string, Value>()
  for (const [i, { alias }] of type.key.entries()) {
    const value = parts[i]
    if (!isKeyValue(value)) return undefined
    members.set(alias, value)
  }
  const [first] = members.values()
  if (first === undefined) return undefined
  return type.key.length === 1 ? (first as PrimitiveValue) : { kind: 'structured', type, members }
}

/** The values of a key, in key order. */
export function partsOfKey(key: LinkKey): readonly Value[] {
  return isStructuredValue(key) ? [...key.members.values()] : [key]
}

/** The stored form of a list. @param type of the entities whose keys they are */
export function encodeLinks(layout: ModelLayout, { key }: EntityType, keys: readonly LinkKey[]): unknown {
  const [first] = key
  if (first !== undefined && key.length === 1) {
    const list: TypeReference = { ...first.property.type, collection: true }
    return encodeValue(layout, list, keys as CollectionValue).value
  }
  return keys.map((one) => {
    const document = newDocument()
    partsOfKey(one).forEach((value, i) => {
      const part = key[i]
      if (part !== undefined) document[part.alias] = encodeKeyPart(part.property.type.type, value)
    })
    return document
  })
}

/** The keys of a list. What does not fit the model is left out. @param at of the list; -1: none */
export function decodeLinks(layout: ModelLayout, type: EntityType, row: Uint8Array, at: number): readonly LinkKey[] {
  const { key } = type
  const [first] = key
  if (first !== undefined && key.length === 1) {
    const list = decodeField(row, at, { ...first.property.type, collection: true }, -1, layout)
    return Array.isArray(list) ? list.filter(isKeyValue) : []
  }
  const keys: LinkKey[] = []
  if (at < 0 || elementType(row, at) !== bsonType.array) return keys
  for (let item = firstElement(row, valueOffset(row, at)); item >= 0; item = nextElement(row, item)) {
    if (elementType(row, item) !== bsonType.document) continue
    const start = valueOffset(row, item)
    const parts = key.map(({ alias, property }) =>
      decodeField(row, findField(row, alias, start), property.type, -1, layout),
    )
    const found = linkKeyOf(type, parts)
    if (found !== undefined) keys.push(found)
  }
  return keys
}

/** Whether a value may be a key. */
export function isLinkKey(value: Value | undefined): value is LinkKey {
  return isKeyValue(value) || (value !== null && value !== undefined && isStructuredValue(value))
}

function isKeyValue(value: Value | undefined): value is PrimitiveValue {
  return value !== null && value !== undefined && !Array.isArray(value) && !isStructuredValue(value)
}
