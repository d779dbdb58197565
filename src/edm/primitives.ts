import { compareCodePoints } from '../base/text.ts'
import { compareBinary, decodeBase64, encodeBase64Url } from './binary.ts'
import { parseDate, parseTimeOfDay } from './date-and-time.ts'
import { compareInstants, parseDateTimeOffset, printDateTimeOffset } from './datetimeoffset.ts'
import { Decimal } from './decimal.ts'
import { parseDuration, printDuration } from './duration.ts'
import { equalGeo, type GeoTypeName, parseGeo, printGeo } from './geo.ts'
import { parseGuid } from './guid.ts'
import type { AbstractType, AbstractTypeName, ComplexType, PrimitiveType, PrimitiveTypeName } from './model.ts'
import {
  compareNumbers,
  type NumericTypeName,
  parseDouble,
  parseInt64,
  parseSingle,
  parseSmallInteger,
  printDouble,
  printSingle,
  promoteNumeric,
  type SmallIntegerTypeName,
} from './numbers.ts'
import type { DateTimeOffset, Duration, GeoValue, PrimitiveValue } from './value.ts'

export { checkFacets, facetsOf } from './facets.ts'

/** What a primitive type can do with its values; `V` is their form in memory (value.ts). */
interface Primitive<V extends PrimitiveValue> {
  /** the text form of URLs and CSDL defaults, without quotes and prefixes */
  readonly parse: (text: string) => V | undefined
  readonly print: (value: V) => string
  /** total order of `$orderby`: negative, zero, positive */
  readonly compare: (a: V, b: V) => number
  /** OData's `eq` */
  readonly equal: (a: V, b: V) => boolean
  /** whether something in memory is such a value */
  readonly is: (value: unknown) => value is V
}

const loneSurrogate = /\p{Surrogate}/u

/** Whether a string is well-formed Unicode: a lone surrogate has no UTF-8 form. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text)
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'
const identity = (text: string): string => text
const compareStrings = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
const same = (a: unknown, b: unknown): boolean => a === b
const hasKind = (value: unknown, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind

const string: Primitive<string> = {
  parse: (text) => (isWellFormed(text) ? text : undefined),
  print: identity,
  compare: compareCodePoints,
  equal: same,
  is: isString,
}

/** Types whose text form is ASCII and sorts as the values do. */
const sortableText = (parse: (text: string) => string | undefined): Primitive<string> => ({
  parse,
  print: identity,
  compare: compareStrings,
  equal: same,
  is: isString,
})

const boolean: Primitive<boolean> = {
  parse: (text) => {
    const lower = text.toLowerCase()
    return lower === 'true' ? true : lower === 'false' ? false : undefined
  },
  print: String,
  compare: (a, b) => Number(a) - Number(b),
  equal: same,
  is: (value) => typeof value === 'boolean',
}

const smallInteger = (type: SmallIntegerTypeName): Primitive<number> => ({
  parse: (text) => parseSmallInteger(type, text),
  print: String,
  compare: (a, b) => a - b,
  equal: same,
  is: isNumber,
})

const int64: Primitive<bigint> = {
  parse: parseInt64,
  print: String,
  compare: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
  equal: same,
  is: (value) => typeof value === 'bigint',
}

const double: Primitive<number> = {
  parse: parseDouble,
  print: printDouble,
  compare: compareNumbers,
  equal: same,
  is: isNumber,
}
const single: Primitive<number> = { ...double, parse: parseSingle, print: printSingle }

const decimal: Primitive<Decimal> = {
  parse: Decimal.parse,
  print: (value) => value.toString(),
  compare: (a, b) => a.compare(b),
  equal: (a, b) => a.special !== 'NaN' && a.equals(b),
  is: (value) => value instanceof Decimal,
}

const binary: Primitive<Uint8Array> = {
  parse: decodeBase64,
  print: encodeBase64Url,
  compare: compareBinary,
  equal: (a, b) => compareBinary(a, b) === 0,
  is: (value) => value instanceof Uint8Array,
}

const dateTimeOffset: Primitive<DateTimeOffset> = {
  parse: parseDateTimeOffset,
  print: printDateTimeOffset,
  compare: compareInstants,
  equal: (a, b) => a.ms === b.ms && a.sub === b.sub,
  is: (value): value is DateTimeOffset => hasKind(value, 'dateTimeOffset'),
}

const duration: Primitive<Duration> = {
  parse: parseDuration,
  print: printDuration,
  compare: (a, b) => (a.ps === b.ps ? 0 : a.ps < b.ps ? -1 : 1),
  equal: (a, b) => a.ps === b.ps,
  is: (value): value is Duration => hasKind(value, 'duration'),
}

const geo = (type: GeoTypeName): Primitive<GeoValue> => ({
  parse: (text) => parseGeo(type, text),
  print: printGeo,
  compare: (a, b) => compareStrings(printGeo(a), printGeo(b)),
  equal: equalGeo,
  is: (value): value is GeoValue => hasKind(value, 'geo'),
})

/** Streams have no value in memory: their media stand elsewhere. */
const stream: Primitive<string> = {
  parse: () => undefined,
  print: identity,
  compare: () => 0,
  equal: () => false,
  is: (value): value is string => value === undefined,
}

/** A row by a name only known at run time: the caller's value is of that type, as the bound tree says. */
interface AnyPrimitive {
  readonly parse: (text: string) => PrimitiveValue | undefined
  readonly print: (value: never) => string
  readonly compare: (a: never, b: never) => number
  readonly equal: (a: never, b: never) => boolean
  readonly is: (value: unknown) => boolean
}

/** One row for each primitive type: a missing one does not compile. */
const table = {
  'Edm.Binary': binary,
  'Edm.Boolean': boolean,
  'Edm.Byte': smallInteger('Edm.Byte'),
  'Edm.Date': sortableText(parseDate),
  'Edm.DateTimeOffset': dateTimeOffset,
  'Edm.Decimal': decimal,
  'Edm.Double': double,
  'Edm.Duration': duration,
  'Edm.Guid': { ...sortableText(parseGuid), equal: (a: string, b: string) => a.toLowerCase() === b.toLowerCase() },
  'Edm.Int16': smallInteger('Edm.Int16'),
  'Edm.Int32': smallInteger('Edm.Int32'),
  'Edm.Int64': int64,
  'Edm.SByte': smallInteger('Edm.SByte'),
  'Edm.Single': single,
  'Edm.Stream': stream,
  'Edm.String': string,
  'Edm.TimeOfDay': sortableText(parseTimeOfDay),
  'Edm.Geography': geo('Edm.Geography'),
  'Edm.GeographyPoint': geo('Edm.GeographyPoint'),
  'Edm.GeographyLineString': geo('Edm.GeographyLineString'),
  'Edm.GeographyPolygon': geo('Edm.GeographyPolygon'),
  'Edm.GeographyMultiPoint': geo('Edm.GeographyMultiPoint'),
  'Edm.GeographyMultiLineString': geo('Edm.GeographyMultiLineString'),
  'Edm.GeographyMultiPolygon': geo('Edm.GeographyMultiPolygon'),
  'Edm.GeographyCollection': geo('Edm.GeographyCollection'),
  'Edm.Geometry': geo('Edm.Geometry'),
  'Edm.GeometryPoint': geo('Edm.GeometryPoint'),
  'Edm.GeometryLineString': geo('Edm.GeometryLineString'),
  'Edm.GeometryPolygon': geo('Edm.GeometryPolygon'),
  'Edm.GeometryMultiPoint': geo('Edm.GeometryMultiPoint'),
  'Edm.GeometryMultiLineString': geo('Edm.GeometryMultiLineString'),
  'Edm.GeometryMultiPolygon': geo('Edm.GeometryMultiPolygon'),
  'Edm.GeometryCollection': geo('Edm.GeometryCollection'),
} satisfies Record<PrimitiveTypeName, AnyPrimitive>

const primitives: Readonly<Record<PrimitiveTypeName, AnyPrimitive>> = table

/**
 * Reads the text form of URL literals and CSDL default values, without quotes and prefix (ABNF primitiveValue).
 * @returns undefined where the text is no value of the type.
 */
export function parsePrimitive(type: PrimitiveTypeName, text: string): PrimitiveValue | undefined {
  return primitives[type].parse(text)
}

/** Canonical text of a value, which `parsePrimitive` reads to an equal one; no quotes. */
export function printPrimitive(type: PrimitiveTypeName, value: PrimitiveValue): string {
  return primitives[type].print(value as never)
}

/**
 * Total order of `$orderby`: NaN before all numbers, both zeros equal, false before true, strings by code point,
 * DateTimeOffset by instant, binary by length and then bytes. Both values are of the type.
 */
export function comparePrimitive(type: PrimitiveTypeName, a: PrimitiveValue, b: PrimitiveValue): number {
  return primitives[type].compare(a as never, b as never)
}

/** OData's `eq` (URL Conventions 5.1.1.1.1): NaN equals nothing, DateTimeOffset by instant, Guid whatever its case. */
export function equalPrimitive(type: PrimitiveTypeName, a: PrimitiveValue, b: PrimitiveValue): boolean {
  return primitives[type].equal(a as never, b as never)
}

/** Whether something in memory has the form of the type's values (value.ts); ranges and facets are not checked. */
export function isPrimitiveValue(type: PrimitiveTypeName, value: unknown): value is PrimitiveValue {
  return primitives[type].is(value)
}

const numeric: ReadonlySet<PrimitiveTypeName> = new Set<NumericTypeName>([
  'Edm.Byte',
  'Edm.SByte',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.Decimal',
  'Edm.Single',
  'Edm.Double',
])

export function isNumeric(type: PrimitiveTypeName): type is NumericTypeName {
  return numeric.has(type)
}

/** Whether values are whole numbers. */
export function isIntegral(type: PrimitiveTypeName): type is SmallIntegerTypeName | 'Edm.Int64' {
  return numeric.has(type) && type !== 'Edm.Decimal' && type !== 'Edm.Single' && type !== 'Edm.Double'
}

/**
 * The type in which two values are compared or calculated (URL Conventions 5.1.1.15).
 * @returns undefined where they have none in common: different types of which one is not numeric.
 */
export function promotedType(a: PrimitiveTypeName, b: PrimitiveTypeName): PrimitiveTypeName | undefined {
  if (a === b) return a
  return isNumeric(a) && isNumeric(b) ? promoteNumeric(a, b) : undefined
}

const names = Object.keys(table) as PrimitiveTypeName[]

/** The one object of each primitive type; compare types by identity. */
export const primitiveTypes: ReadonlyMap<PrimitiveTypeName, PrimitiveType> = new Map(
  names.map((name) => [name, Object.freeze({ kind: 'primitive', name })]),
)

const abstractNames: Readonly<Record<AbstractTypeName, true>> = {
  'Edm.PrimitiveType': true,
  'Edm.ComplexType': true,
  'Edm.EntityType': true,
  'Edm.Untyped': true,
  'Edm.AnnotationPath': true,
  'Edm.AnyPropertyPath': true,
  'Edm.ModelElementPath': true,
  'Edm.NavigationPropertyPath': true,
  'Edm.PropertyPath': true,
}

/** The one object of each abstract built-in type. */
export const abstractTypes: ReadonlyMap<AbstractTypeName, AbstractType> = new Map(
  (Object.keys(abstractNames) as AbstractTypeName[]).map((name) => [name, Object.freeze({ kind: 'abstract', name })]),
)

/**
 * What objects that name no type are instances of: an open complex type without properties of its own (JSON Format 7.5). No model
 * names it, and it is written nowhere.
 */
export const untypedObject: ComplexType = Object.freeze<ComplexType>({
  kind: 'complex',
  name: 'Edm.Untyped',
  abstract: false,
  open: true,
  baseType: undefined,
  derivedTypes: [],
  properties: [],
  navigationProperties: [],
  allProperties: new Map(),
  allNavigationProperties: new Map(),
  annotations: [],
})

/** The one object of a primitive type. */
export function primitiveType(name: PrimitiveTypeName): PrimitiveType {
  const type = primitiveTypes.get(name)
  if (type === undefined) throw new Error(`invariant: no primitive type ${name}`)
  return type
}

/** The type that a value shows by itself, as that of a dynamic property does (JSON Format 4.6.3). */
export function primitiveTypeOf(value: PrimitiveValue): PrimitiveTypeName {
  switch (typeof value) {
    case 'string':
      return 'Edm.String'
    case 'boolean':
      return 'Edm.Boolean'
    case 'number':
      return 'Edm.Double'
    case 'bigint':
      return 'Edm.Int64'
    default:
      if (value instanceof Uint8Array) return 'Edm.Binary'
      if (value instanceof Decimal) return 'Edm.Decimal'
      return value.kind === 'dateTimeOffset'
        ? 'Edm.DateTimeOffset'
        : value.kind === 'duration'
          ? 'Edm.Duration'
          : 'Edm.Geography'
  }
}
