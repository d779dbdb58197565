import type { Decimal } from './decimal.ts'
import type { StructuredType, TypeReference } from './model.ts'

/**
 * The value space: what an Edm value is in memory.
 *
 * | Edm | JavaScript |
 * |---|---|
 * | String, Guid (lower case), Date (`yyyy-mm-dd`), TimeOfDay (`hh:mm:ss[.f]`, no trailing zeros) | string |
 * | Boolean | boolean |
 * | Byte, SByte, Int16, Int32, Double, Single (rounded to float32) | number |
 * | Int64, enumerations | bigint |
 * | Decimal | Decimal |
 * | Binary | Uint8Array |
 * | DateTimeOffset | DateTimeOffset |
 * | Duration | Duration |
 * | Geography*, Geometry* | GeoValue |
 * | complex, entity | StructuredValue |
 * | collection | array of the above |
 * | null | null |
 */
export type PrimitiveValue =
  | string
  | boolean
  | number
  | bigint
  | Decimal
  | Uint8Array
  | DateTimeOffset
  | Duration
  | GeoValue
export type Value = PrimitiveValue | StructuredValue | CollectionValue | null
export type CollectionValue = readonly Value[]

/** An instant with the text it was written in: nothing of `2017-01-01T00:03:18.9597073-08:00` is lost. */
export interface DateTimeOffset {
  readonly kind: 'dateTimeOffset'
  /** milliseconds since 1970-01-01T00:00:00Z, floor */
  readonly ms: number
  /** picoseconds below the millisecond, 0 to 999,999,999 */
  readonly sub: number
  /** minutes east of UTC; `Z` is 0 */
  readonly offset: number
  /** fraction digits written, 0 to 12 */
  readonly digits: number
}

/** A signed span of time (CSDL 4.4: xs:dayTimeDuration), in picoseconds. */
export interface Duration {
  readonly kind: 'duration'
  readonly ps: bigint
}

/** A GeoJSON geometry (RFC 7946) and its reference system (Geography 4326, Geometry 0 where not said). */
export interface GeoValue {
  readonly kind: 'geo'
  readonly srid: number
  readonly shape: GeoShape
}

export type Position = readonly number[]
export type GeoShape =
  | { readonly type: 'Point'; readonly coordinates: Position }
  | { readonly type: 'LineString' | 'MultiPoint'; readonly coordinates: readonly Position[] }
  | { readonly type: 'Polygon' | 'MultiLineString'; readonly coordinates: readonly (readonly Position[])[] }
  | { readonly type: 'MultiPolygon'; readonly coordinates: readonly (readonly (readonly Position[])[])[] }
  | { readonly type: 'GeometryCollection'; readonly geometries: readonly GeoShape[] }

/** A complex or entity value: its actual type and the members that are present (null is a member too). */
export interface StructuredValue {
  readonly kind: 'structured'
  readonly type: StructuredType
  readonly members: ReadonlyMap<string, Value>
  /** types that dynamic members of an open type were given; without one the value's form decides */
  readonly dynamicTypes?: ReadonlyMap<string, TypeReference>
  /** values of stream properties that are set, by name, and of the entity's media (`mediaMember`); null: taken away */
  readonly streams?: ReadonlyMap<string, StreamReference | null>
  /** streams that a body gives by value, by the same names: they are written as files first (service/inline-streams.ts) */
  readonly inline?: ReadonlyMap<string, InlineStream>
  /** in an update: it takes the place of what is there, instead of being merged into it */
  readonly whole?: true
}

/** Where the bytes of a stream are: a file of the store, which is never changed. */
export interface StreamReference {
  /** 24 hexadecimal digits */
  readonly file: string
  /** media type, as the client said it */
  readonly contentType: string
  /** bytes */
  readonly length: number
}

/** A stream in a body, decoded. */
export interface InlineStream {
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** Where the order of an entity among others of its owner is kept (bson/entity-order.ts); no property has such a name. */
export const orderField = '@order'

/** The name of an entity's media among its streams; no property has such a one (JSON Format 10). */
export const mediaMember = '$value'

/** Whether a value is that of a complex or entity type. */
export function isStructuredValue(value: Value | undefined): value is StructuredValue {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'structured'
}
