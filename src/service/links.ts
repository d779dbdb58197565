import { decodeField } from '../bson/decode.ts'
import type { ModelLayout } from '../bson/layout.ts'
import { findPath } from '../bson/reader.ts'
import type { EntitySet, Singleton, TypeReference } from '../edm/model.ts'
import { printPrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'

/** The canonical URL of a stored entity (URL Conventions 4.1): absolute, its key in parentheses. */
export function entityUrl(root: string, target: EntitySet | Singleton, layout: ModelLayout, row: Uint8Array): string {
  const name = encodeURIComponent(target.name)
  const collection = layout.collections.get(target.name)
  if (target.kind === 'singleton' || !collection) return `${root}${name}`
  const { key } = collection.entityType
  const values = key.map(({ alias, property }) => {
    const part = collection.key.parts.find((candidate) => candidate.alias === alias)
    const at = part ? findPath(row, part.path) : -1
    return { alias, text: keyLiteral(property.type, at < 0 ? null : decodeField(row, at, property.type, -1)) }
  })
  const [only] = values
  if (values.length === 1 && only) return `${root}${name}(${only.text})`
  return `${root}${name}(${values.map(({ alias, text }) => `${encodeURIComponent(alias)}=${text}`).join(',')})`
}

/** A key value as it stands in a URL: percent-encoded once, quotes doubled. */
function keyLiteral(type: TypeReference, value: Value): string {
  if (value === null || (typeof value === 'object' && 'kind' in value && value.kind === 'structured')) return 'null'
  const primitive = primitiveOf(type.type)
  if (primitive === undefined) return String(value)
  const text = printPrimitive(primitive.name, value as PrimitiveValue)
  if (primitive.name === 'Edm.String') return `'${encodeURIComponent(text.replaceAll("'", "''"))}'`
  if (primitive.name === 'Edm.Duration') return `duration'${encodeURIComponent(text)}'`
  return encodeURIComponent(text)
}
