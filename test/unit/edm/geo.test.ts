import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkShape, equalGeo, type GeoTypeName, isGeo, parseGeo, printGeo } from '../../../src/edm/geo.ts'
import { primitiveTypes } from '../../../src/edm/primitives.ts'
import type { GeoShape, GeoValue } from '../../../src/edm/value.ts'
import { anyValue } from './arbitraries.ts'

const geoTypes = [...primitiveTypes.keys()].filter((name): name is GeoTypeName => isGeo(name))

describe('geo values', () => {
  it.each([
    ['Edm.GeographyPoint', 'SRID=0;Point(142.1 64.1)', 'SRID=0;Point(142.1 64.1)'],
    ['Edm.GeographyPoint', 'srid=4326;point( 142.1  64.1 10.0 )', 'SRID=4326;Point(142.1 64.1 10)'],
    ['Edm.GeographyPoint', 'Point(1 2)', 'SRID=4326;Point(1 2)'],
    ['Edm.GeometryPoint', 'Point(-1.5e2 +2 3 4)', 'SRID=0;Point(-150 2 3 4)'],
    ['Edm.GeometryMultiPoint', 'SRID=0;MultiPoint()', 'SRID=0;MultiPoint()'],
    ['Edm.GeometryMultiPoint', 'SRID=0;MultiPoint((0 0),(1 1))', 'SRID=0;MultiPoint((0 0),(1 1))'],
    ['Edm.GeometryPolygon', 'SRID=0;Polygon((0 0,1 0,1 1,0 0))', 'SRID=0;Polygon((0 0,1 0,1 1,0 0))'],
    [
      'Edm.GeometryCollection',
      'SRID=0;Collection(Point(1 2),LineString(1 2,3 4))',
      'SRID=0;GeometryCollection(Point(1 2),LineString(1 2,3 4))',
    ],
  ] as const)('%s reads %s as %s', (type, text, printed) => {
    expect(printGeo(parseGeo(type, text)!)).toBe(printed)
  })

  it.each(geoTypes)('%s reads what it prints', (type) => {
    fc.assert(
      fc.property(anyValue(type), (value) => void expect(parseGeo(type, printGeo(value as GeoValue))).toEqual(value)),
    )
  })

  it.each([
    ['Edm.GeographyPoint', 'SRID=0;LineString(1 2,3 4)'],
    ['Edm.GeographyPoint', 'Point(1)'],
    ['Edm.GeographyPoint', 'Point(1 2 3 4 5)'],
    ['Edm.GeographyPoint', 'Point(1 2'],
    ['Edm.GeographyPoint', 'Point(1 2) '.repeat(2)],
    ['Edm.GeographyPoint', 'Point(INF 2)'],
    ['Edm.GeographyPoint', 'Point(1e999 2)'],
    ['Edm.GeographyPoint', 'SRID=123456;Point(1 2)'],
    ['Edm.GeographyLineString', 'LineString(1 2)'],
    ['Edm.GeographyPolygon', 'Polygon()'],
    ['Edm.GeographyPolygon', 'Polygon((0 0,1 0,1 1,2 2))'],
    ['Edm.Geography', ''],
    ['Edm.Geography', 'Circle(1 2)'],
    ['Edm.Geography', `${'Collection('.repeat(100_000)}`],
  ] as const)('%s refuses %.60s', (type, text) => {
    expect(parseGeo(type, text)).toBeUndefined()
  })

  it('compares whole values', () => {
    const a = parseGeo('Edm.GeographyPoint', 'Point(1 2)')!
    expect(equalGeo(a, parseGeo('Edm.GeographyPoint', 'Point(1.0 2)')!)).toBe(true)
    expect(equalGeo(a, { ...a, srid: 0 })).toBe(false)
    expect(equalGeo(a, parseGeo('Edm.GeographyPoint', 'Point(1 3)')!)).toBe(false)
  })

  it.each<[GeoShape, number, RegExp | undefined]>([
    [{ type: 'Point', coordinates: [181, 0] }, 4326, /longitudes/],
    [{ type: 'Point', coordinates: [0, -91] }, 4326, /latitudes/],
    [{ type: 'Point', coordinates: [181, 0] }, 0, undefined],
    [{ type: 'Point', coordinates: [1] }, 0, /two to four/],
    [{ type: 'Point', coordinates: [1, Number.NaN] }, 0, /finite/],
    [{ type: 'LineString', coordinates: [[1, 2]] }, 0, /two positions/],
    [{ type: 'Polygon', coordinates: [] }, 0, /one ring/],
    [
      {
        type: 'MultiPolygon',
        coordinates: [
          [
            [
              [0, 0],
              [1, 0],
              [1, 1],
              [2, 2],
            ],
          ],
        ],
      },
      0,
      /its last is its first/,
    ],
    [{ type: 'GeometryCollection', geometries: [{ type: 'MultiPoint', coordinates: [[0, 100]] }] }, 4326, /latitudes/],
    [
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 0],
          ],
        ],
      },
      4326,
      undefined,
    ],
  ])('checks %j in SRID %i', (shape, srid, fault) => {
    if (fault === undefined) expect(checkShape(shape, srid)).toBeUndefined()
    else expect(checkShape(shape, srid)).toMatch(fault)
  })
})
