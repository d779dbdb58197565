import { Buffer } from 'node:buffer'
import type { Decimal } from '../edm/decimal.ts'
import { isGeo } from '../edm/geo.ts'
import type { Type } from '../edm/model.ts'
import { printDouble, printSingle } from '../edm/numbers.ts'
import { printPrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { GeoValue, PrimitiveValue } from '../edm/value.ts'
import { enumText } from './enum-text.ts'
import { printGeoJson } from './geo-json.ts'
import type { JsonDialect } from './writer.ts'

/**
 * The JSON text of a value of a primitive type, type definition or enumeration (JSON Format 7.1).
 *
 * Int64 and Decimal are strings with `IEEE754Compatible`; INF, -INF and NaN are strings; Binary is base64url with padding
 * (RFC 4648 5: what both alphabets' readers and strict ones of either padding rule take most often).
 */
export function valueText(type: Type, value: PrimitiveValue, dialect: JsonDialect): string {
  if (type.kind === 'enum') return JSON.stringify(enumText(type, value as bigint))
  const name = primitiveOf(type)?.name
  switch (name) {
    case 'Edm.Boolean':
    case 'Edm.Byte':
    case 'Edm.SByte':
    case 'Edm.Int16':
    case 'Edm.Int32':
      return String(value)
    case 'Edm.Int64':
      return dialect.ieee754Compatible ? `"${value}"` : String(value)
    case 'Edm.Double':
      return number(printDouble(value as number))
    case 'Edm.Single':
      return number(printSingle(value as number))
    case 'Edm.Decimal':
      return decimalText(value as Decimal, dialect)
    case 'Edm.Binary':
      return `"${base64(value as Uint8Array, dialect)}"`
    case undefined:
      return 'null'
    default:
      if (isGeo(name)) return printGeoJson(name, value as GeoValue)
      return JSON.stringify(printPrimitive(name, value))
  }
}

function number(text: string): string {
  return /[NI]/.test(text) ? `"${text}"` : text
}

function decimalText(value: Decimal, dialect: JsonDialect): string {
  const text = value.toString(dialect.exponentialDecimals)
  return dialect.ieee754Compatible || !value.isFinite ? `"${text}"` : text
}

function base64(bytes: Uint8Array, { plainBase64, unpaddedBinary }: JsonDialect): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString(plainBase64 ? 'base64' : 'base64url').replace(/=+$/, '')
  return unpaddedBinary ? text : text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}
