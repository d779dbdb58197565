import type { Parameters } from '../bind/tree.ts'
import { decodeField } from '../bson/decode.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import { isLinkKey, partsOfKey } from '../bson/link-keys.ts'
import { findPath } from '../bson/reader.ts'
import { Decimal } from '../edm/decimal.ts'
import type { Value } from '../edm/value.ts'
import type { RowTest } from './compile.ts'
import { isCollectionValue } from './values.ts'

/** Rows whose key is in a list, the parameter of a source step `keys`. */
export function prepareKeyList(
  parameter: number,
  { layout, collection }: { readonly layout: ModelLayout; readonly collection: CollectionLayout },
): (parameters: Parameters) => RowTest {
  const { parts } = collection.key
  return (parameters) => {
    const list = parameters[parameter] ?? null
    const wanted = new Set(
      isCollectionValue(list) ? list.flatMap((key) => (isLinkKey(key) ? [tokenOf(partsOfKey(key))] : [])) : [],
    )
    if (wanted.size === 0) return () => false
    return (row) =>
      wanted.has(
        tokenOf(parts.map(({ path, property }) => decodeField(row, findPath(row, path), property.type, -1, layout))),
      )
  }
}

/** A text that equal values share, and no others of the same types. */
export function tokenOf(values: readonly (Value | undefined)[]): string {
  return values.map(oneToken).join('\0')
}

/** A text that equal values share, and no others of the same type. */
export function oneToken(value: Value | undefined): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Decimal) return `n${value.trimmed()}`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`
  if (typeof value === 'object' && 'kind' in value) {
    if (value.kind === 'dateTimeOffset') return `d${value.ms}.${value.sub}`
    if (value.kind === 'duration') return `p${value.ps}`
    return ''
  }
  return typeof value === 'number' || typeof value === 'bigint' ? `n${value}` : `s${value}`
}
