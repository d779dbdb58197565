import type { GeoValue, Position, Value } from '../edm/value.ts'
import { isGeo } from './values.ts'

/**
 * The geo functions (URL Conventions 5.1.1.11). Geography: on a sphere of MongoDB's radius, in metres, along great circles
 * (haversine); a polygon is the smaller part of the sphere within its ring. Geometry: in the plane, in the units of its
 * coordinates. What kind a value is says its reference system: SRID 4326 and its kin are spherical, 0 is a plane.
 */

/** MongoDB's sphere; in metres. */
export const earthRadius = 6_378_100

const toRadians = Math.PI / 180
/** Nearer than this to a line (radians, or units of the plane relative to its size) is on it. */
const tolerance = 1e-12

/** geo.distance of two points; null for other shapes and for different reference systems. */
export function geoDistance(a: Value, b: Value): number | null {
  if (a === null || b === null || !isGeo(a) || !isGeo(b) || a.srid !== b.srid) return null
  if (a.shape.type !== 'Point' || b.shape.type !== 'Point') return null
  return finite(distance(a.shape.coordinates, b.shape.coordinates, isSpherical(a)))
}

/** geo.length of a line string. */
export function geoLength(line: Value): number | null {
  if (line === null || !isGeo(line) || line.shape.type !== 'LineString') return null
  const spherical = isSpherical(line)
  let total = 0
  let before: Position | undefined
  for (const position of line.shape.coordinates) {
    if (before !== undefined) total += distance(before, position, spherical)
    before = position
  }
  return finite(total)
}

/** geo.intersects of a point and a polygon (a multi-polygon too): inside or on the boundary. */
export function geoIntersects(point: Value, area: Value): boolean | null {
  if (point === null || area === null || !isGeo(point) || !isGeo(area) || point.srid !== area.srid) return null
  if (point.shape.type !== 'Point') return null
  const at = point.shape.coordinates
  const spherical = isSpherical(area)
  if (area.shape.type === 'Polygon') return inPolygon(at, area.shape.coordinates, spherical)
  if (area.shape.type !== 'MultiPolygon') return null
  return area.shape.coordinates.some((rings) => inPolygon(at, rings, spherical))
}

function isSpherical(value: GeoValue): boolean {
  return value.srid !== 0
}

/** NaN where stored coordinates are broken: no result. */
function finite(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

function x(position: Position): number {
  return position[0] ?? Number.NaN
}

function y(position: Position): number {
  return position[1] ?? Number.NaN
}

function distance(a: Position, b: Position, spherical: boolean): number {
  if (!spherical) return Math.hypot(x(a) - x(b), y(a) - y(b))
  const latitude = Math.sin(((y(b) - y(a)) * toRadians) / 2)
  const longitude = Math.sin(((x(b) - x(a)) * toRadians) / 2)
  const h = latitude * latitude + Math.cos(y(a) * toRadians) * Math.cos(y(b) * toRadians) * longitude * longitude
  return 2 * earthRadius * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** First ring outside, the others are holes; their edges belong to the polygon. */
function inPolygon(point: Position, rings: readonly (readonly Position[])[], spherical: boolean): boolean {
  const locate = spherical ? onSphere : onPlane
  const [outer, ...holes] = rings
  if (outer === undefined) return false
  const place = locate(point, outer)
  if (place !== 'inside') return place === 'edge'
  return holes.every((hole) => locate(point, hole) !== 'inside')
}

type Place = 'inside' | 'outside' | 'edge'

/** Even-odd rule in the plane. */
function onPlane(point: Position, ring: readonly Position[]): Place {
  const px = x(point)
  const py = y(point)
  let inside = false
  let from = ring.at(-1)
  for (const to of ring) {
    if (from !== undefined) {
      const [ax, ay, bx, by] = [x(from), y(from), x(to), y(to)]
      const cross = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
      const size = Math.abs(bx - ax) + Math.abs(by - ay)
      const within =
        px >= Math.min(ax, bx) && px <= Math.max(ax, bx) && py >= Math.min(ay, by) && py <= Math.max(ay, by)
      if (within && Math.abs(cross) <= tolerance * Math.max(1, size * size)) return 'edge'
      if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) inside = !inside
    }
    from = to
  }
  return inside ? 'inside' : 'outside'
}

type Vector = readonly [number, number, number]

function vector(position: Position): Vector {
  const longitude = x(position) * toRadians
  const latitude = y(position) * toRadians
  const c = Math.cos(latitude)
  return [c * Math.cos(longitude), c * Math.sin(longitude), Math.sin(latitude)]
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/** Winding of the ring's vertices around the point, as seen along the surface; the far side winds too and is left out. */
function onSphere(point: Position, ring: readonly Position[]): Place {
  const p = vector(point)
  const vertices = ring.map(vector)
  let winding = 0
  let sum: Vector = [0, 0, 0]
  let from = vertices.at(-1)
  for (const to of vertices) {
    if (from !== undefined) {
      if (onArc(p, from, to)) return 'edge'
      winding += turn(p, from, to)
    }
    sum = [sum[0] + to[0], sum[1] + to[1], sum[2] + to[2]]
    from = to
  }
  return Math.abs(winding) > Math.PI && dot(p, sum) > 0 ? 'inside' : 'outside'
}

/** The angle at p from the direction of a to the direction of b, -pi to pi. */
function turn(p: Vector, a: Vector, b: Vector): number {
  const left = cross(p, a)
  const right = cross(p, b)
  return Math.atan2(dot(p, cross(left, right)), dot(left, right))
}

function onArc(p: Vector, a: Vector, b: Vector): boolean {
  const normal = cross(a, b)
  const size = Math.hypot(...normal)
  if (size < tolerance) return dot(p, a) >= 1 - tolerance
  if (Math.abs(dot(p, normal)) > tolerance * size * 10) return false
  return dot(cross(a, p), normal) >= -tolerance && dot(cross(p, b), normal) >= -tolerance
}
