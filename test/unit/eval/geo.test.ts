import { describe, expect, it } from 'vitest'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import type { Value } from '../../../src/edm/value.ts'
import { earthRadius } from '../../../src/eval/geo.ts'
import { call, evaluate, lit, prop, rawRow, value } from './things.ts'

const distance = (a: string, b: string, type: PrimitiveTypeName = 'Edm.GeographyPoint'): Value =>
  evaluate(call('geo.distance', lit(type, a), lit(type, b)))
const inside = (point: string, area: string): Value =>
  evaluate(call('geo.intersects', prop('point'), lit('Edm.GeographyPolygon', area)), {
    point: value('Edm.GeographyPoint', point),
  })
const insidePlane = (point: string, area: string): Value =>
  evaluate(call('geo.intersects', prop('spot'), lit('Edm.GeometryPolygon', area)), {
    spot: value('Edm.GeometryPoint', point),
  })

describe('geo functions (U 5.1.1.11)', () => {
  it('geo.distance: great circles in metres, the plane in its units', () => {
    expect(distance('SRID=4326;Point(0 0)', 'SRID=4326;Point(90 0)')).toBeCloseTo((earthRadius * Math.PI) / 2, 3)
    // Berlin to Munich
    expect(distance('SRID=4326;Point(13.405 52.52)', 'SRID=4326;Point(11.582 48.135)')).toBeCloseTo(505_000, -4)
    expect(distance('SRID=4326;Point(179.5 0)', 'SRID=4326;Point(-179.5 0)')).toBeCloseTo(
      (earthRadius * Math.PI) / 180,
      3,
    )
    expect(distance('SRID=0;Point(0 0)', 'SRID=0;Point(3 4)', 'Edm.GeometryPoint')).toBe(5)
  })

  it('geo.length adds up the segments', () => {
    const line = value('Edm.GeographyLineString', 'SRID=4326;LineString(0 0,1 0,1 1)')
    const length = evaluate(call('geo.length', prop('line')), { line }) as number
    expect(length).toBeCloseTo((2 * earthRadius * Math.PI) / 180, 3)
  })

  it('geo.intersects: inside, outside, on the edge, in a hole', () => {
    const square = 'SRID=4326;Polygon((0 0,10 0,10 10,0 10,0 0),(4 4,4 6,6 6,6 4,4 4))'
    expect(inside('SRID=4326;Point(2 2)', square)).toBe(true)
    expect(inside('SRID=4326;Point(12 2)', square)).toBe(false)
    expect(inside('SRID=4326;Point(0 5)', square)).toBe(true)
    expect(inside('SRID=4326;Point(10 10)', square)).toBe(true)
    expect(inside('SRID=4326;Point(5 5)', square)).toBe(false)
    expect(inside('SRID=4326;Point(4 5)', square)).toBe(true)
    expect(inside('SRID=4326;Point(-175 -2)', square)).toBe(false)
    // the other side of the earth winds around too
    expect(inside('SRID=4326;Point(-178 -2)', square)).toBe(false)
  })

  it('edges of geography are great circles, not lines of the map', () => {
    const wide = 'SRID=4326;Polygon((-60 50,60 50,60 40,-60 40,-60 50))'
    expect(inside('SRID=4326;Point(0 60)', wide)).toBe(true)
    expect(inside('SRID=4326;Point(0 45)', wide)).toBe(false)
    const plane = 'SRID=0;Polygon((-60 50,60 50,60 40,-60 40,-60 50))'
    expect(insidePlane('SRID=0;Point(0 60)', plane)).toBe(false)
    expect(insidePlane('SRID=0;Point(0 45)', plane)).toBe(true)
  })

  it('polygons across the date line and around a pole', () => {
    const pacific = 'SRID=4326;Polygon((170 -10,-170 -10,-170 10,170 10,170 -10))'
    expect(inside('SRID=4326;Point(180 0)', pacific)).toBe(true)
    expect(inside('SRID=4326;Point(160 0)', pacific)).toBe(false)
    const arctic = 'SRID=4326;Polygon((0 70,90 70,180 70,-90 70,0 70))'
    expect(inside('SRID=4326;Point(45 89)', arctic)).toBe(true)
    expect(inside('SRID=4326;Point(45 60)', arctic)).toBe(false)
  })

  it('the plane: edges, corners, rings in either direction', () => {
    for (const ring of ['(0 0,10 0,10 10,0 10,0 0)', '(0 0,0 10,10 10,10 0,0 0)']) {
      const square = `SRID=0;Polygon(${ring})`
      expect(insidePlane('SRID=0;Point(5 5)', square)).toBe(true)
      expect(insidePlane('SRID=0;Point(10 5)', square)).toBe(true)
      expect(insidePlane('SRID=0;Point(0 0)', square)).toBe(true)
      expect(insidePlane('SRID=0;Point(10.001 5)', square)).toBe(false)
    }
  })

  it('null, other shapes and other reference systems give null', () => {
    expect(evaluate(call('geo.distance', prop('point'), lit('Edm.GeographyPoint', 'SRID=4326;Point(0 0)')))).toBe(null)
    expect(distance('SRID=0;Point(0 0)', 'SRID=7;Point(0 0)', 'Edm.GeometryPoint')).toBe(null)
    const broken = rawRow({ point: { type: 'Point', coordinates: ['x'] } })
    expect(
      evaluate(call('geo.distance', prop('point'), lit('Edm.GeographyPoint', 'SRID=4326;Point(0 0)')), broken),
    ).toBe(null)
  })
})
