import { Double } from 'bson'
import { defaultSrid, fitsShape, type GeoTypeName } from '../edm/geo.ts'
import type { GeoShape, GeoValue, Position } from '../edm/value.ts'
import {
  bsonType,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  readNumber,
  readString,
  valueOffset,
} from './reader.ts'

/** GeoJSON (RFC 7946) as BSON; `crs` names the reference system where it is not the type's own. */

/** A geo value as a document; coordinates are doubles. */
export function encodeGeo(type: GeoTypeName, value: GeoValue): Record<string, unknown> {
  const document = encodeShape(value.shape)
  if (value.srid !== defaultSrid(type)) document.crs = { type: 'name', properties: { name: `EPSG:${value.srid}` } }
  return document
}

function encodeShape(shape: GeoShape): Record<string, unknown> {
  if (shape.type === 'GeometryCollection') return { type: shape.type, geometries: shape.geometries.map(encodeShape) }
  return { type: shape.type, coordinates: encodeCoordinates(shape.coordinates) }
}

type Coordinates = number | readonly Coordinates[]

function encodeCoordinates(coordinates: Coordinates): unknown {
  return typeof coordinates === 'number' ? new Double(coordinates) : coordinates.map(encodeCoordinates)
}

/** How deep a shape's coordinates are nested. */
const depths: Readonly<Record<Exclude<GeoShape['type'], 'GeometryCollection'>, number>> = {
  Point: 1,
  LineString: 2,
  MultiPoint: 2,
  Polygon: 3,
  MultiLineString: 3,
  MultiPolygon: 4,
}

/** Reads a GeoJSON document; null where it is none, or of another shape than the type's. */
export function decodeGeo(row: Uint8Array, start: number, type: GeoTypeName): GeoValue | null {
  const shape = decodeShape(row, start, 0)
  return shape === undefined || !fitsShape(type, shape)
    ? null
    : { kind: 'geo', srid: decodeSrid(row, start) ?? defaultSrid(type), shape }
}

function decodeSrid(row: Uint8Array, start: number): number | undefined {
  const at = findPath(row, ['crs', 'properties', 'name'], start)
  if (at < 0 || elementType(row, at) !== bsonType.string) return undefined
  const match = /^EPSG:(\d{1,6})$/.exec(readString(row, valueOffset(row, at)))
  return match === null ? undefined : Number(match[1])
}

function decodeShape(row: Uint8Array, start: number, depth: number): GeoShape | undefined {
  const typeAt = findField(row, 'type', start)
  if (depth > 16 || typeAt < 0 || elementType(row, typeAt) !== bsonType.string) return undefined
  const type = readString(row, valueOffset(row, typeAt))
  if (type === 'GeometryCollection') {
    const geometries = list(row, findField(row, 'geometries', start), (at) =>
      elementType(row, at) === bsonType.document ? decodeShape(row, valueOffset(row, at), depth + 1) : undefined,
    )
    return geometries && { type, geometries }
  }
  if (!Object.hasOwn(depths, type)) return undefined
  const coordinates = decodeCoordinates(row, findField(row, 'coordinates', start), depths[type as keyof typeof depths])
  // the depth of the nesting is that of the type: `decodeCoordinates` has just checked it
  return coordinates === undefined ? undefined : ({ type, coordinates } as GeoShape)
}

function decodeCoordinates(row: Uint8Array, at: number, depth: number): Coordinates | undefined {
  if (depth === 1) {
    const position: Position | undefined = list(row, at, (item) => decodeNumber(row, item))
    return position !== undefined && position.length >= 2 && position.length <= 4 ? position : undefined
  }
  return list(row, at, (item) => decodeCoordinates(row, item, depth - 1))
}

function list<T>(row: Uint8Array, at: number, item: (at: number) => T | undefined): T[] | undefined {
  if (at < 0 || elementType(row, at) !== bsonType.array) return undefined
  const items: T[] = []
  for (let i = firstElement(row, valueOffset(row, at)); i >= 0; i = nextElement(row, i)) {
    const value = item(i)
    if (value === undefined) return undefined
    items.push(value)
  }
  return items
}

function decodeNumber(row: Uint8Array, at: number): number | undefined {
  const value = readNumber(row, at)
  return Number.isFinite(value) ? value : undefined
}
