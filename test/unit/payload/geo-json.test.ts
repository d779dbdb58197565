import { describe, expect, it } from 'vitest'
import type { GeoTypeName } from '../../../src/edm/geo.ts'
import { printGeoJson, readGeo } from '../../../src/payload/geo-json.ts'
import { parseJson } from '../../../src/payload/json.ts'

const read = (type: GeoTypeName, shape: unknown) =>
  readGeo(type, parseJson(new TextEncoder().encode(JSON.stringify(shape))))
const ring = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 0],
]

describe('readGeo', () => {
  it.each<[GeoTypeName, object]>([
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [1, 2, 3] }],
    [
      'Edm.GeographyLineString',
      {
        type: 'LineString',
        coordinates: [
          [0, 0],
          [1, 1],
        ],
      },
    ],
    ['Edm.GeographyPolygon', { type: 'Polygon', coordinates: [ring, ring] }],
    ['Edm.GeometryMultiPoint', { type: 'MultiPoint', coordinates: [] }],
    [
      'Edm.GeometryMultiLineString',
      {
        type: 'MultiLineString',
        coordinates: [
          [
            [0, 0],
            [500, 500],
          ],
        ],
      },
    ],
    ['Edm.GeometryMultiPolygon', { type: 'MultiPolygon', coordinates: [[ring]] }],
    ['Edm.GeographyCollection', { type: 'GeometryCollection', geometries: [{ type: 'Point', coordinates: [1, 2] }] }],
    ['Edm.Geography', { type: 'Point', coordinates: [180, -90] }],
  ])('reads and writes back a value of %s', (type, shape) => {
    const value = read(type, shape)
    expect(value).toEqual({ kind: 'geo', srid: type.startsWith('Edm.Geography') ? 4326 : 0, shape })
    if (typeof value !== 'string') expect(JSON.parse(printGeoJson(type, value))).toEqual(shape)
  })

  it('keeps the reference system', () => {
    const shape = { type: 'Point', coordinates: [500, 500], crs: { type: 'name', properties: { name: 'EPSG:3857' } } }
    const value = read('Edm.GeographyPoint', shape)
    expect(value).toMatchObject({ srid: 3857 })
    if (typeof value !== 'string') expect(JSON.parse(printGeoJson('Edm.GeographyPoint', value))).toEqual(shape)
  })

  it.each<[GeoTypeName, unknown, string]>([
    ['Edm.GeographyPoint', { type: 'Point' }, 'no coordinates'],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [1] }, 'two to four numbers'],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [1, '2'] }, 'two to four numbers'],
    ['Edm.GeographyPoint', { type: 'Point', coordinates: [0, 91] }, 'longitude'],
    [
      'Edm.GeographyPoint',
      {
        type: 'LineString',
        coordinates: [
          [0, 0],
          [1, 1],
        ],
      },
      'no Edm.GeographyPoint',
    ],
    ['Edm.GeographyLineString', { type: 'LineString', coordinates: [[0, 0]] }, 'too few'],
    [
      'Edm.GeographyPolygon',
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [2, 2],
          ],
        ],
      },
      'not closed',
    ],
    [
      'Edm.GeographyPolygon',
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [0, 0],
          ],
        ],
      },
      'fewer than four',
    ],
    ['Edm.GeographyPolygon', { type: 'Polygon', coordinates: [] }, 'too few'],
    ['Edm.Geography', { type: 'Circle', coordinates: [0, 0] }, 'none of Point'],
    ['Edm.Geography', { type: 'constructor', coordinates: [0, 0] }, 'none of Point'],
    ['Edm.Geography', { type: 'Point', coordinates: [0, 0], crs: { properties: { name: 'x' } } }, 'crs'],
    ['Edm.Geography', [0, 0], 'GeoJSON object'],
  ])('refuses for %s: %j', (type, shape, why) => {
    expect(read(type, shape)).toContain(why)
  })
})
