import type { PrimitiveTypeName } from '../edm/model.ts'
import type { CanonicalFunctionName } from './tree.ts'

/** Type of a parameter: a primitive type (numeric ones take what promotes to them), or any collection. */
export type ParameterType = PrimitiveTypeName | 'Collection'

/** One overload. */
export interface FunctionSignature {
  readonly parameters: readonly ParameterType[]
  /** `first`: the type of the first argument */
  readonly result: PrimitiveTypeName | 'first'
}

/** A canonical function: its overloads, the preferred first, and its section in URL Conventions 4.01. */
export interface CanonicalFunction {
  readonly name: CanonicalFunctionName
  readonly section: string
  readonly signatures: readonly FunctionSignature[]
}

type Row = readonly [section: string, ...signatures: FunctionSignature[]]

const of = (result: PrimitiveTypeName | 'first', ...parameters: ParameterType[]): FunctionSignature =>
  Object.freeze({ parameters: Object.freeze(parameters), result })

/**
 * All of them. Positions and lengths are Int64 where the standard says Int32: integer arithmetic yields Int64 here (see
 * `literals.ts`), and `substring(name,length(name) sub 3)` must bind.
 */
const rows: Readonly<Record<CanonicalFunctionName, Row>> = {
  concat: ['5.1.1.5.1', of('Edm.String', 'Edm.String', 'Edm.String'), of('first', 'Collection', 'Collection')],
  contains: ['5.1.1.5.2', of('Edm.Boolean', 'Edm.String', 'Edm.String'), of('Edm.Boolean', 'Collection', 'Collection')],
  endswith: ['5.1.1.5.3', of('Edm.Boolean', 'Edm.String', 'Edm.String'), of('Edm.Boolean', 'Collection', 'Collection')],
  indexof: ['5.1.1.5.4', of('Edm.Int32', 'Edm.String', 'Edm.String'), of('Edm.Int32', 'Collection', 'Collection')],
  length: ['5.1.1.5.5', of('Edm.Int32', 'Edm.String'), of('Edm.Int32', 'Collection')],
  startswith: [
    '5.1.1.5.6',
    of('Edm.Boolean', 'Edm.String', 'Edm.String'),
    of('Edm.Boolean', 'Collection', 'Collection'),
  ],
  substring: [
    '5.1.1.5.7',
    of('Edm.String', 'Edm.String', 'Edm.Int64'),
    of('Edm.String', 'Edm.String', 'Edm.Int64', 'Edm.Int64'),
    of('first', 'Collection', 'Edm.Int64'),
    of('first', 'Collection', 'Edm.Int64', 'Edm.Int64'),
  ],
  hassubset: ['5.1.1.6.1', of('Edm.Boolean', 'Collection', 'Collection')],
  hassubsequence: ['5.1.1.6.2', of('Edm.Boolean', 'Collection', 'Collection')],
  matchespattern: [
    '5.1.1.7.1',
    of('Edm.Boolean', 'Edm.String', 'Edm.String'),
    of('Edm.Boolean', 'Edm.String', 'Edm.String', 'Edm.String'),
  ],
  tolower: ['5.1.1.7.2', of('Edm.String', 'Edm.String')],
  toupper: ['5.1.1.7.3', of('Edm.String', 'Edm.String')],
  trim: ['5.1.1.7.4', of('Edm.String', 'Edm.String')],
  date: ['5.1.1.8.1', of('Edm.Date', 'Edm.DateTimeOffset')],
  day: ['5.1.1.8.2', of('Edm.Int32', 'Edm.Date'), of('Edm.Int32', 'Edm.DateTimeOffset')],
  fractionalseconds: ['5.1.1.8.3', of('Edm.Decimal', 'Edm.DateTimeOffset'), of('Edm.Decimal', 'Edm.TimeOfDay')],
  hour: ['5.1.1.8.4', of('Edm.Int32', 'Edm.DateTimeOffset'), of('Edm.Int32', 'Edm.TimeOfDay')],
  maxdatetime: ['5.1.1.8.5', of('Edm.DateTimeOffset')],
  mindatetime: ['5.1.1.8.6', of('Edm.DateTimeOffset')],
  minute: ['5.1.1.8.7', of('Edm.Int32', 'Edm.DateTimeOffset'), of('Edm.Int32', 'Edm.TimeOfDay')],
  month: ['5.1.1.8.8', of('Edm.Int32', 'Edm.Date'), of('Edm.Int32', 'Edm.DateTimeOffset')],
  now: ['5.1.1.8.9', of('Edm.DateTimeOffset')],
  second: ['5.1.1.8.10', of('Edm.Int32', 'Edm.DateTimeOffset'), of('Edm.Int32', 'Edm.TimeOfDay')],
  time: ['5.1.1.8.11', of('Edm.TimeOfDay', 'Edm.DateTimeOffset')],
  totaloffsetminutes: ['5.1.1.8.12', of('Edm.Int32', 'Edm.DateTimeOffset')],
  totalseconds: ['5.1.1.8.13', of('Edm.Decimal', 'Edm.Duration')],
  year: ['5.1.1.8.14', of('Edm.Int32', 'Edm.Date'), of('Edm.Int32', 'Edm.DateTimeOffset')],
  ceiling: ['5.1.1.9.1', of('Edm.Decimal', 'Edm.Decimal'), of('Edm.Double', 'Edm.Double')],
  floor: ['5.1.1.9.2', of('Edm.Decimal', 'Edm.Decimal'), of('Edm.Double', 'Edm.Double')],
  round: ['5.1.1.9.3', of('Edm.Decimal', 'Edm.Decimal'), of('Edm.Double', 'Edm.Double')],
  'geo.distance': [
    '5.1.1.11.1',
    of('Edm.Double', 'Edm.GeographyPoint', 'Edm.GeographyPoint'),
    of('Edm.Double', 'Edm.GeometryPoint', 'Edm.GeometryPoint'),
  ],
  'geo.intersects': [
    '5.1.1.11.2',
    of('Edm.Boolean', 'Edm.GeographyPoint', 'Edm.GeographyPolygon'),
    of('Edm.Boolean', 'Edm.GeometryPoint', 'Edm.GeometryPolygon'),
  ],
  'geo.length': ['5.1.1.11.3', of('Edm.Double', 'Edm.GeographyLineString'), of('Edm.Double', 'Edm.GeometryLineString')],
}

/** The canonical functions by lower-case name (4.01 takes any case). */
export const canonicalFunctions: ReadonlyMap<string, CanonicalFunction> = new Map(
  (Object.keys(rows) as CanonicalFunctionName[]).map((name) => {
    const [section, ...signatures] = rows[name]
    return [name, Object.freeze({ name, section, signatures: Object.freeze(signatures) })]
  }),
)

/** Names of functions that take types or conditions rather than values; with the others for near names. */
export const functionNames: readonly string[] = [...canonicalFunctions.keys(), 'cast', 'isof', 'case']

/** `substring(Edm.String, Edm.Int64)` and its kin, for messages. */
export function describeSignatures(entry: CanonicalFunction): string {
  return entry.signatures.map(({ parameters }) => `${entry.name}(${parameters.join(', ')})`).join(' or ')
}
