import type { PrimitiveTypeName } from './model.ts'
import { printDouble } from './numbers.ts'
import type { GeoShape, GeoValue, Position } from './value.ts'

/** Names of the geo types of CSDL 4.4. */
export type GeoTypeName = Extract<PrimitiveTypeName, `Edm.Geo${string}`>

/** The shape a geo type holds; undefined for the two that hold any. */
const shapeOf: Readonly<Record<GeoTypeName, GeoShape['type'] | undefined>> = {
  'Edm.Geography': undefined,
  'Edm.GeographyPoint': 'Point',
  'Edm.GeographyLineString': 'LineString',
  'Edm.GeographyPolygon': 'Polygon',
  'Edm.GeographyMultiPoint': 'MultiPoint',
  'Edm.GeographyMultiLineString': 'MultiLineString',
  'Edm.GeographyMultiPolygon': 'MultiPolygon',
  'Edm.GeographyCollection': 'GeometryCollection',
  'Edm.Geometry': undefined,
  'Edm.GeometryPoint': 'Point',
  'Edm.GeometryLineString': 'LineString',
  'Edm.GeometryPolygon': 'Polygon',
  'Edm.GeometryMultiPoint': 'MultiPoint',
  'Edm.GeometryMultiLineString': 'MultiLineString',
  'Edm.GeometryMultiPolygon': 'MultiPolygon',
  'Edm.GeometryCollection': 'GeometryCollection',
}

/** Whether the name is that of a geo type. */
export function isGeo(type: PrimitiveTypeName): type is GeoTypeName {
  return type in shapeOf
}

/** The reference system where none is said (CSDL 7.2.6): WGS 84 for Geography, a flat plane for Geometry. */
export function defaultSrid(type: GeoTypeName): number {
  return type.startsWith('Edm.Geography') ? 4326 : 0
}

/** Whether values of the type have such a shape. */
export function fitsShape(type: GeoTypeName, shape: GeoShape): boolean {
  const wanted = shapeOf[type]
  return wanted === undefined || wanted === shape.type
}

/** Collections in collections; WKT has no limit of its own. */
const maxDepth = 16

const numberPattern = /[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?/y
const wordPattern = /[A-Za-z]{1,20}/y
const sridPattern = /^SRID=(\d{1,5});/i

/**
 * ABNF fullPointLiteral and kin: `SRID=4326;Point(1 2)`, without the prefix and quotes of `geography'...'`.
 * @returns undefined where the text is something else, or of another shape than the type's. The SRID may be missing.
 */
export function parseGeo(type: GeoTypeName, text: string): GeoValue | undefined {
  const prefix = sridPattern.exec(text)
  const reader = new WktReader(text, prefix === null ? 0 : prefix[0].length)
  const shape = reader.shape(0)
  if (shape === undefined || !reader.atEnd || !fitsShape(type, shape)) return undefined
  return { kind: 'geo', srid: prefix === null ? defaultSrid(type) : Number(prefix[1]), shape }
}

/** Reads WKT by recursive descent; every method gives undefined where the text is not what it reads. */
class WktReader {
  readonly #text: string
  #at: number

  constructor(text: string, at: number) {
    this.#text = text
    this.#at = at
  }

  get atEnd(): boolean {
    this.#skipSpace()
    return this.#at === this.#text.length
  }

  shape(depth: number): GeoShape | undefined {
    if (depth > maxDepth) return undefined
    switch (this.#match(wordPattern)?.toLowerCase()) {
      case 'point': {
        const coordinates = this.#point()
        return coordinates && { type: 'Point', coordinates }
      }
      case 'linestring': {
        const coordinates = this.#line(2)
        return coordinates && { type: 'LineString', coordinates }
      }
      case 'polygon': {
        const coordinates = this.#list(() => this.#ring(), 1)
        return coordinates && { type: 'Polygon', coordinates }
      }
      case 'multipoint': {
        const coordinates = this.#list(() => this.#point(), 0)
        return coordinates && { type: 'MultiPoint', coordinates }
      }
      case 'multilinestring': {
        const coordinates = this.#list(() => this.#line(2), 0)
        return coordinates && { type: 'MultiLineString', coordinates }
      }
      case 'multipolygon': {
        const coordinates = this.#list(() => this.#list(() => this.#ring(), 1), 0)
        return coordinates && { type: 'MultiPolygon', coordinates }
      }
      case 'collection':
      case 'geometrycollection': {
        const geometries = this.#list(() => this.shape(depth + 1), 0)
        return geometries && { type: 'GeometryCollection', geometries }
      }
      default:
        return undefined
    }
  }

  #point(): Position | undefined {
    if (!this.#take('(')) return undefined
    const position = this.#position()
    return position !== undefined && this.#take(')') ? position : undefined
  }

  /** A ring is closed: its last position is its first. */
  #ring(): readonly Position[] | undefined {
    const ring = this.#line(4)
    const first = ring?.[0]
    const last = ring?.[ring.length - 1]
    return first !== undefined && last !== undefined && samePosition(first, last) ? ring : undefined
  }

  #line(least: number): readonly Position[] | undefined {
    return this.#list(() => this.#position(), least)
  }

  #list<T>(item: () => T | undefined, least: number): readonly T[] | undefined {
    if (!this.#take('(')) return undefined
    const items: T[] = []
    if (this.#take(')')) return least === 0 ? items : undefined
    do {
      const next = item()
      if (next === undefined) return undefined
      items.push(next)
    } while (this.#take(','))
    return this.#take(')') && items.length >= least ? items : undefined
  }

  /** Two to four numbers: longitude (x), latitude (y), altitude, measure. */
  #position(): Position | undefined {
    const numbers: number[] = []
    while (numbers.length < 4) {
      const text = this.#match(numberPattern)
      if (text === undefined) break
      const value = Number(text)
      if (!Number.isFinite(value)) return undefined
      numbers.push(value)
    }
    return numbers.length >= 2 ? numbers : undefined
  }

  #match(pattern: RegExp): string | undefined {
    this.#skipSpace()
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at += match[0].length
    return match[0]
  }

  #take(character: string): boolean {
    this.#skipSpace()
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    while (this.#text.charCodeAt(this.#at) === 32) this.#at++
  }
}

function samePosition(a: Position, b: Position): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/**
 * What is wrong with a shape: lines of less than two positions, rings that are not closed, positions without two to four
 * finite numbers, and in geographic coordinates (SRID 4326) longitudes and latitudes off the globe.
 * @returns a message for a person, or undefined
 */
export function checkShape(shape: GeoShape, srid: number): string | undefined {
  switch (shape.type) {
    case 'Point':
      return checkPosition(shape.coordinates, srid)
    case 'MultiPoint':
      return firstFault(shape.coordinates, (position) => checkPosition(position, srid))
    case 'LineString':
      return checkLine(shape.coordinates, srid)
    case 'MultiLineString':
      return firstFault(shape.coordinates, (line) => checkLine(line, srid))
    case 'Polygon':
      return checkPolygon(shape.coordinates, srid)
    case 'MultiPolygon':
      return firstFault(shape.coordinates, (polygon) => checkPolygon(polygon, srid))
    case 'GeometryCollection':
      return firstFault(shape.geometries, (member) => checkShape(member, srid))
  }
}

function firstFault<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = check(item)
    if (fault !== undefined) return fault
  }
  return undefined
}

function checkLine(line: readonly Position[], srid: number): string | undefined {
  if (line.length < 2) return 'a line has at least two positions'
  return firstFault(line, (position) => checkPosition(position, srid))
}

function checkPolygon(rings: readonly (readonly Position[])[], srid: number): string | undefined {
  if (rings.length === 0) return 'a polygon has at least one ring'
  return firstFault(rings, (ring) => {
    const first = ring[0]
    const last = ring[ring.length - 1]
    if (ring.length < 4 || first === undefined || last === undefined || !samePosition(first, last)) {
      return 'a ring has at least four positions, and its last is its first'
    }
    return firstFault(ring, (position) => checkPosition(position, srid))
  })
}

function checkPosition(position: Position, srid: number): string | undefined {
  const [x, y] = position
  if (x === undefined || y === undefined || position.length > 4) return 'a position has two to four numbers'
  if (!position.every(Number.isFinite)) return 'a position has finite numbers'
  if (srid !== 4326 || (Math.abs(x) <= 180 && Math.abs(y) <= 90)) return undefined
  return 'longitudes lie between -180 and 180, latitudes between -90 and 90'
}

/** Canonical WKT with its SRID, as URL literals carry it between the quotes. */
export function printGeo(value: GeoValue): string {
  return `SRID=${value.srid};${printShape(value.shape)}`
}

function printShape(shape: GeoShape): string {
  switch (shape.type) {
    case 'Point':
      return `Point(${printPosition(shape.coordinates)})`
    case 'LineString':
      return `LineString${printLine(shape.coordinates)}`
    case 'MultiPoint':
      return `MultiPoint(${shape.coordinates.map((position) => `(${printPosition(position)})`).join(',')})`
    case 'Polygon':
    case 'MultiLineString':
      return `${shape.type}(${shape.coordinates.map(printLine).join(',')})`
    case 'MultiPolygon':
      return `MultiPolygon(${shape.coordinates.map((polygon) => `(${polygon.map(printLine).join(',')})`).join(',')})`
    case 'GeometryCollection':
      return `GeometryCollection(${shape.geometries.map(printShape).join(',')})`
  }
}

function printLine(line: readonly Position[]): string {
  return `(${line.map(printPosition).join(',')})`
}

function printPosition(position: Position): string {
  return position.map(printDouble).join(' ')
}

/** Same reference system, shape and coordinates. */
export function equalGeo(a: GeoValue, b: GeoValue): boolean {
  return a.srid === b.srid && printShape(a.shape) === printShape(b.shape)
}
