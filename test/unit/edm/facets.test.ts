import { describe, expect, it } from 'vitest'
import { checkFacets } from '../../../src/edm/facets.ts'
import type { Facets, PrimitiveTypeName, TypeReference } from '../../../src/edm/model.ts'
import { parsePrimitive, primitiveType } from '../../../src/edm/primitives.ts'

function check(name: PrimitiveTypeName, facets: Facets, text: string): string | undefined {
  const reference: TypeReference = { type: primitiveType(name), collection: false, nullable: true, facets }
  return checkFacets(reference, parsePrimitive(name, text)!)
}

describe('facets', () => {
  it.each<[PrimitiveTypeName, Facets, string, RegExp | undefined]>([
    ['Edm.String', { maxLength: 3 }, 'abc', undefined],
    ['Edm.String', { maxLength: 3 }, '😀😀😀', undefined],
    ['Edm.String', { maxLength: 3 }, 'abcd', /at most 3 characters are allowed, not 4/],
    ['Edm.String', { maxLength: 'max' }, 'abcd', undefined],
    ['Edm.String', { unicode: false }, 'ä', /ASCII/],
    ['Edm.Binary', { maxLength: 2 }, 'Zm9v', /at most 2 bytes/],
    ['Edm.Binary', { maxLength: 3 }, 'Zm9v', undefined],
    ['Edm.DateTimeOffset', {}, '2017-01-01T00:03:18.9597073-08:00', undefined],
    ['Edm.DateTimeOffset', { precision: 7 }, '2017-01-01T00:03:18.9597073-08:00', undefined],
    [
      'Edm.DateTimeOffset',
      { precision: 6 },
      '2017-01-01T00:03:18.9597073-08:00',
      /at most 6 fraction digits of a second are allowed, not 7/,
    ],
    ['Edm.TimeOfDay', { precision: 0 }, '11:22:33', undefined],
    ['Edm.TimeOfDay', { precision: 1 }, '11:22:33.44', /at most 1 fraction/],
    ['Edm.Duration', { precision: 0 }, 'PT1.5S', /at most 0 fraction/],
    ['Edm.Decimal', {}, '1.5', undefined],
    ['Edm.Decimal', { scale: 0 }, '1.5', /at most 0 digits right/],
    ['Edm.Decimal', { scale: 0 }, '1.0', undefined],
    ['Edm.Decimal', { precision: 3, scale: 2 }, '9.99', undefined],
    ['Edm.Decimal', { precision: 3, scale: 2 }, '10.0', /at most 1 digits left/],
    ['Edm.Decimal', { precision: 3, scale: 'variable' }, '123', undefined],
    ['Edm.Decimal', { precision: 3, scale: 'variable' }, '12.34', /at most 3 digits/],
    ['Edm.Decimal', { precision: 2, scale: 2 }, '0.99', undefined],
    ['Edm.Decimal', { precision: 3, scale: 'floating' }, '1.23e50', undefined],
    ['Edm.Decimal', { precision: 3, scale: 'floating' }, '1.234', /at most 3/],
    ['Edm.Decimal', { scale: 'floating' }, 'INF', undefined],
    ['Edm.Decimal', {}, 'INF', /INF is not allowed/],
    ['Edm.Decimal', {}, '1'.repeat(35), /at most 34 digits can be stored/],
    ['Edm.GeographyPoint', {}, 'SRID=4326;Point(1 2)', undefined],
    ['Edm.GeographyPoint', {}, 'SRID=25832;Point(1 2)', /SRID 4326, not 25832/],
    ['Edm.GeographyPoint', { srid: 'variable' }, 'SRID=25832;Point(500 2)', undefined],
    ['Edm.GeographyPoint', {}, 'Point(500 2)', /longitudes/],
    ['Edm.GeometryPoint', {}, 'Point(500 2)', undefined],
    ['Edm.Int32', { maxLength: 1 }, '500', undefined],
  ])('%s %j: %s', (name, facets, text, fault) => {
    if (fault === undefined) expect(check(name, facets, text)).toBeUndefined()
    else expect(check(name, facets, text)).toMatch(fault)
  })

  it('come from the type definition where the property does not say them', () => {
    const type = {
      kind: 'typeDefinition',
      name: 'T.Short',
      underlying: primitiveType('Edm.String'),
      facets: { maxLength: 2 },
      annotations: [],
    } as const
    const reference: TypeReference = { type, collection: false, nullable: true, facets: {} }
    expect(checkFacets(reference, 'abc')).toMatch(/at most 2/)
    expect(checkFacets({ ...reference, facets: { maxLength: 5 } }, 'abc')).toBeUndefined()
  })
})
