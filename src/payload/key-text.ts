import type { KeyProperty, TypeReference } from '../edm/model.ts'
import { printPrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'

/**
 * A key predicate in parentheses (URL Conventions 4.3.1): `('ALFKI')`, `(OrderID=1,ItemNo=2)`.
 * @param values in key order
 * @param encode percent-encodes the values, as in a URL; context URLs carry them as they are (JSON Format 4.5.1)
 */
export function keyPredicate(key: readonly KeyProperty[], values: readonly Value[], encode: boolean): string {
  const quote = encode ? encodeURIComponent : (text: string) => text
  const texts = key.map(({ property }, i) => keyLiteral(property.type, values[i] ?? null, quote))
  if (texts.length === 1) return `(${texts[0]})`
  return `(${key.map(({ alias }, i) => `${quote(alias)}=${texts[i]}`).join(',')})`
}

function keyLiteral(reference: TypeReference, value: Value, quote: (text: string) => string): string {
  if (value === null) return 'null'
  const { type } = reference
  if (type.kind === 'enum') {
    const member = type.members.find((candidate) => candidate.value === value)
    return `${quote(type.name)}'${quote(member?.name ?? String(value))}'`
  }
  const primitive = primitiveOf(type)
  if (primitive === undefined) return 'null'
  const text = printPrimitive(primitive.name, value as PrimitiveValue)
  switch (primitive.name) {
    case 'Edm.String':
      return `'${quote(text.replaceAll("'", "''"))}'`
    case 'Edm.Duration':
      return `duration'${quote(text)}'`
    case 'Edm.Binary':
      return `binary'${quote(text)}'`
    default:
      return quote(text)
  }
}
