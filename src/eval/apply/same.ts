import { Decimal } from '../../edm/decimal.ts'
import { printGeo } from '../../edm/geo.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { isCollectionValue, isDuration, isGeo, isInstant, isNumericValue } from '../values.ts'
import { isInstance } from './instance.ts'

/**
 * A text that the same values share, and no others (Aggregation 3.1.2; URL Conventions 5.1.1.1.1): numbers by what they are,
 * instants whatever their offset, entities by their id, other instances by all they have, null and absent apart. NaN is one group.
 */
export function sameness(value: Value): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return `s${value.length}:${value}`
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (isNumericValue(value)) return `n${numberText(value)}`
  if (isCollectionValue(value)) return `[${value.map(sameness).join(',')}]`
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('base64')}`
  if (isInstant(value)) return `t${value.ms}.${value.sub}`
  if (isDuration(value)) return `d${value.ps}`
  if (isGeo(value)) return `g${printGeo(value)}`
  return isStructuredValue(value) ? structured(value) : ''
}

function numberText(value: number | bigint | Decimal): string {
  if (value instanceof Decimal) return value.isFinite ? value.trimmed().toString() : String(value.special)
  if (typeof value === 'bigint') return value.toString()
  if (Number.isNaN(value)) return 'NaN'
  // as long as it is exact, an integer is written like one of another type
  return Number.isSafeInteger(value) ? BigInt(value).toString() : String(value)
}

function structured(value: StructuredValue): string {
  if (isInstance(value) && value.entity !== undefined) return `E${value.entity.id}`
  const parts: string[] = []
  const stored = !isInstance(value)
  for (const [name, member] of value.members) {
    // of a stored complex value, absent is null
    if (stored && (member === null || (isCollectionValue(member) && member.length === 0))) continue
    parts.push(`${name}=${sameness(member)}`)
  }
  return `{${stored ? value.type.name : ''} ${parts.sort().join(';')}}`
}
