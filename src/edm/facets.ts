import { type Decimal, decimalPrecision } from './decimal.ts'
import { durationDigits } from './duration.ts'
import { checkShape, defaultSrid, type GeoTypeName, isGeo } from './geo.ts'
import type { Facets, TypeReference } from './model.ts'
import { primitiveOf } from './types.ts'
import type { DateTimeOffset, Duration, GeoValue, PrimitiveValue } from './value.ts'

/**
 * The facets that hold for a type in use: those of the reference, else those of its type definition (CSDL 11.1).
 */
export function facetsOf(reference: TypeReference): Facets {
  return reference.type.kind === 'typeDefinition' ? { ...reference.type.facets, ...reference.facets } : reference.facets
}

/**
 * Checks a value against the facets of its type (CSDL 7.2). Precision and Scale are checked where the model says them:
 * the defaults of zero would cut every DateTimeOffset of a model that never mentions them (a documented deviation).
 * @param reference type of the property or parameter; of a collection: of its items
 * @param value a value of the type (of an enumeration: no facets)
 * @returns what is wrong, for a person, or undefined
 */
export function checkFacets(reference: TypeReference, value: PrimitiveValue): string | undefined {
  const type = primitiveOf(reference.type)?.name
  if (type === undefined) return undefined
  const facets = facetsOf(reference)
  switch (type) {
    case 'Edm.String':
      return checkString(facets, String(value))
    case 'Edm.Binary':
      return checkLength(facets, (value as Uint8Array).length, 'bytes')
    case 'Edm.Decimal':
      return checkDecimal(facets, value as Decimal)
    case 'Edm.DateTimeOffset':
      return checkPrecision(facets, (value as DateTimeOffset).digits)
    case 'Edm.Duration':
      return checkPrecision(facets, durationDigits(value as Duration))
    case 'Edm.TimeOfDay':
      return checkPrecision(facets, Math.max(0, String(value).length - 9))
    default:
      return isGeo(type) ? checkGeo(type, facets, value as GeoValue) : undefined
  }
}

function checkString(facets: Facets, value: string): string | undefined {
  if (facets.unicode === false && nonAscii.test(value)) return 'only ASCII characters are allowed'
  if (typeof facets.maxLength !== 'number' || value.length <= facets.maxLength) return undefined
  let characters = 0
  for (const _ of value) characters++
  return checkLength(facets, characters, 'characters')
}

const nonAscii = /[^\0-\x7f]/

function checkLength(facets: Facets, length: number, unit: string): string | undefined {
  if (typeof facets.maxLength !== 'number' || length <= facets.maxLength) return undefined
  return `at most ${facets.maxLength} ${unit} are allowed, not ${length}`
}

function checkPrecision(facets: Facets, digits: number): string | undefined {
  if (facets.precision === undefined || digits <= facets.precision) return undefined
  return `at most ${facets.precision} fraction digits of a second are allowed, not ${digits}`
}

function checkDecimal(facets: Facets, value: Decimal): string | undefined {
  if (!value.isFinite) return facets.scale === 'floating' ? undefined : `${value} is not allowed here`
  const trimmed = value.trimmed()
  const significant = trimmed.isZero ? 0 : trimmed.precision
  if (significant > decimalPrecision) return `at most ${decimalPrecision} digits can be stored, not ${significant}`
  if (typeof facets.scale === 'number' && trimmed.scale > facets.scale) {
    return `at most ${facets.scale} digits right of the decimal point are allowed, not ${trimmed.scale}`
  }
  if (facets.precision === undefined) return undefined
  const fraction = Math.max(trimmed.scale, 0)
  const whole = trimmed.isZero ? 0 : Math.max(trimmed.precision - trimmed.scale, 0)
  if (facets.scale === 'floating' ? significant > facets.precision : whole + fraction > facets.precision) {
    return `at most ${facets.precision} digits are allowed`
  }
  if (typeof facets.scale === 'number' && whole > facets.precision - facets.scale) {
    return `at most ${facets.precision - facets.scale} digits left of the decimal point are allowed, not ${whole}`
  }
  return undefined
}

function checkGeo(type: GeoTypeName, facets: Facets, value: GeoValue): string | undefined {
  const wanted = facets.srid ?? defaultSrid(type)
  if (wanted !== 'variable' && wanted !== value.srid) {
    return `the reference system must be SRID ${wanted}, not ${value.srid}`
  }
  return checkShape(value.shape, type.startsWith('Edm.Geography') ? value.srid : 0)
}
