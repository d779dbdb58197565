import { defaultSrid, fitsShape, type GeoTypeName } from '../edm/geo.ts'
import type { GeoShape, GeoValue, Position } from '../edm/value.ts'
import type { JsonNode, JsonObject } from './json.ts'

/**
 * Reads a GeoJSON geometry (RFC 7946) with the `crs` member that carries a reference system other than the type's own.
 * Positions of Geography in WGS 84 must be longitudes and latitudes; polygons are closed rings of four positions or more.
 * @returns the value, or what is wrong, for a person
 */
export function readGeo(type: GeoTypeName, node: JsonNode): GeoValue | string {
  if (node.kind !== 'object') return 'a GeoJSON object is expected'
  const srid = readSrid(type, node)
  if (typeof srid === 'string') return srid
  const spherical = type.startsWith('Edm.Geography') && srid === 4326
  const shape = readShape(node, spherical)
  if (typeof shape === 'string') return shape
  if (!fitsShape(type, shape)) return `a ${shape.type} is no ${type}`
  return { kind: 'geo', srid, shape }
}

/** The JSON text of a geo value; `crs` is written where the reference system is not the one of the type. */
export function printGeoJson(type: GeoTypeName, value: GeoValue): string {
  if (value.srid === defaultSrid(type)) return JSON.stringify(value.shape)
  const crs = { type: 'name', properties: { name: `EPSG:${value.srid}` } }
  return JSON.stringify({ ...value.shape, crs })
}

function readSrid(type: GeoTypeName, node: JsonObject): number | string {
  const crs = node.members.get('crs')
  if (crs === undefined || crs.kind === 'null') return defaultSrid(type)
  const properties = crs.kind === 'object' ? crs.members.get('properties') : undefined
  const name = properties?.kind === 'object' ? properties.members.get('name') : undefined
  const match = name?.kind === 'string' ? /^EPSG:([0-9]{1,5})$/.exec(name.value) : null
  return match === null ? 'its crs names no reference system (EPSG:number)' : Number(match[1])
}

function readShape(node: JsonNode, spherical: boolean): GeoShape | string {
  if (node.kind !== 'object') return 'a GeoJSON object is expected'
  const type = node.members.get('type')
  const name = type?.kind === 'string' ? type.value : undefined
  if (name === 'GeometryCollection') {
    const geometries = readList(node.members.get('geometries'), (item) => readShape(item, spherical))
    return typeof geometries === 'string' ? geometries : { type: name, geometries }
  }
  const coordinates = node.members.get('coordinates')
  const position = (item: JsonNode) => readPosition(item, spherical)
  const line = (item: JsonNode) => atLeast(2, readList(item, position))
  const rings = (item: JsonNode) => readList(item, (ring) => closed(readList(ring, position)))
  switch (name) {
    case 'Point': {
      const point = coordinates === undefined ? 'it has no coordinates' : position(coordinates)
      return typeof point === 'string' ? point : { type: name, coordinates: point }
    }
    case 'LineString':
      return shaped(line(coordinates ?? missing), (lines) => ({ type: name, coordinates: lines }))
    case 'MultiPoint':
      return shaped(readList(coordinates, position), (points) => ({ type: name, coordinates: points }))
    case 'Polygon':
      return shaped(atLeast(1, rings(coordinates ?? missing)), (list) => ({ type: name, coordinates: list }))
    case 'MultiLineString':
      return shaped(readList(coordinates, line), (lines) => ({ type: name, coordinates: lines }))
    case 'MultiPolygon':
      return shaped(
        readList(coordinates, (item) => atLeast(1, rings(item))),
        (polygons) => ({ type: name, coordinates: polygons }),
      )
    default:
      return 'its type is none of Point, LineString, Polygon, MultiPoint, MultiLineString, MultiPolygon, GeometryCollection'
  }
}

const missing: JsonNode = { kind: 'null', offset: 0, end: 0 }

function shaped<T>(value: T | string, make: (value: T) => GeoShape): GeoShape | string {
  return typeof value === 'string' ? value : make(value)
}

function readList<T>(node: JsonNode | undefined, read: (item: JsonNode) => T | string): readonly T[] | string {
  if (node?.kind !== 'array') return 'its coordinates are no array of the shape that its type asks for'
  const list: T[] = []
  for (const item of node.items) {
    const value = read(item)
    if (typeof value === 'string') return value
    list.push(value)
  }
  return list
}

function atLeast<T>(count: number, list: readonly T[] | string): readonly T[] | string {
  return typeof list === 'string' || list.length >= count ? list : 'it has too few positions'
}

function closed(ring: readonly Position[] | string): readonly Position[] | string {
  if (typeof ring === 'string') return ring
  const [first, last] = [ring[0], ring.at(-1)]
  if (ring.length < 4 || !first || !last) return 'a ring of a polygon has fewer than four positions'
  return first.length === last.length && first.every((value, i) => value === last[i])
    ? ring
    : 'a ring of a polygon is not closed'
}

function readPosition(node: JsonNode, spherical: boolean): Position | string {
  if (node.kind !== 'array' || node.items.length < 2 || node.items.length > 4)
    return 'a position is an array of two to four numbers'
  const position: number[] = []
  for (const item of node.items) {
    const value = item.kind === 'number' ? Number(item.text) : Number.NaN
    if (!Number.isFinite(value)) return 'a position is an array of two to four numbers'
    position.push(value)
  }
  const [longitude = 0, latitude = 0] = position
  if (spherical && (Math.abs(longitude) > 180 || Math.abs(latitude) > 90))
    return `${longitude}, ${latitude} is no longitude and latitude`
  return position
}
