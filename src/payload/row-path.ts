import { decodeField } from '../bson/decode.ts'
import { type CollectionLayout, containedId, fields, type KeyPartLayout, type ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, findField, findPath, readString, valueOffset } from '../bson/reader.ts'
import type { KeyProperty } from '../edm/model.ts'
import { keyPredicate } from './key-text.ts'

/** Paths of stored entities: canonical URLs without the service root (URL Conventions 4.1), unencoded as `_id.p` holds them. */

/** The key predicate of a row, as it is or percent-encoded. */
export type KeyReader = (row: Uint8Array, encode: boolean) => string

/** Makes the function that reads the key of a row. */
export function keyReader(parts: readonly KeyPartLayout[], layout: ModelLayout): KeyReader {
  const key: readonly KeyProperty[] = parts.map(({ alias, names, property }) => ({ alias, path: names, property }))
  return (row, encode) => {
    const values = parts.map(({ alias, path, property }) =>
      decodeField(row, findPath(row, path), property.type, findField(row, alias + fields.exact), layout),
    )
    return keyPredicate(key, values, encode)
  }
}

const ownerPath = [fields.id, containedId.owner]

/**
 * Makes the function that gives the path of a row: `users('u1')`, `me`, `users('u1')/mailFolders('f1')`.
 * @param resource name of the entity set or singleton; not used for contained collections
 */
export function rowPath(
  collection: CollectionLayout,
  resource: string,
  layout: ModelLayout,
): (row: Uint8Array) => string {
  const { contained } = collection
  const { parts } = collection.key
  const key: KeyReader = parts.length === 0 ? () => '' : keyReader(parts, layout)
  if (contained === undefined) return (row) => resource + key(row, false)
  return (row) => {
    const at = findPath(row, ownerPath)
    const owner = at >= 0 && elementType(row, at) === bsonType.string ? readString(row, valueOffset(row, at)) : ''
    return `${owner}/${contained.name}${key(row, false)}`
  }
}

/** A path as it stands in a URL: what is in quotes is encoded whole, elsewhere only the path's own signs stay. */
export function encodePath(path: string): string {
  return path
    .split("'")
    .map((text, i) => (i % 2 === 1 ? encodeURIComponent(text) : text.split(signs).map(encodePiece).join('')))
    .join("'")
}

const signs = /([/(),=])/

function encodePiece(text: string, i: number): string {
  return i % 2 === 1 ? text : encodeURIComponent(text)
}
