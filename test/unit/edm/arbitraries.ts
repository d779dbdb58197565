import fc from 'fast-check'
import { daysToDate, timeOfDayOf } from '../../../src/edm/date-and-time.ts'
import { fractionDigits, isPrintableInstant } from '../../../src/edm/datetimeoffset.ts'
import { Decimal } from '../../../src/edm/decimal.ts'
import { fitsShape, isGeo } from '../../../src/edm/geo.ts'
import type { PrimitiveTypeName } from '../../../src/edm/model.ts'
import type { DateTimeOffset, GeoShape, GeoValue, Position, PrimitiveValue } from '../../../src/edm/value.ts'

/** Random values of every primitive type, in their form in memory. */

export const decimal: fc.Arbitrary<Decimal> = fc
  .tuple(
    fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }),
    fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -60, max: 6140 })),
    fc.integer({ min: 0, max: 34 }),
  )
  .map(([coefficient, scale, cut]) =>
    Decimal.of(coefficient / 10n ** BigInt(cut), coefficient / 10n ** BigInt(cut) === 0n ? Math.max(scale, 0) : scale),
  )

export const dateTimeOffset: fc.Arbitrary<DateTimeOffset> = fc
  .record({
    ms: fc.oneof(
      fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
      fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map((s) => s * 1000),
    ),
    sub: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 999_999_999 }),
      fc.integer({ min: 0, max: 9 }).map((n) => n * 100_000_000),
    ),
    offset: fc.oneof(fc.constant(0), fc.integer({ min: -840, max: 840 })),
    extra: fc.integer({ min: 0, max: 12 }),
  })
  .filter(({ ms, offset }) => isPrintableInstant(ms, offset))
  .map(({ ms, sub, offset, extra }) => ({
    kind: 'dateTimeOffset',
    ms,
    sub,
    offset,
    digits: Math.max(extra, fractionDigits(ms, sub)),
  }))

const coordinate = fc.double({ noNaN: true, min: -1e6, max: 1e6 })
const position: fc.Arbitrary<Position> = fc.array(coordinate, { minLength: 2, maxLength: 4 })
const ring = fc.array(position, { minLength: 3, maxLength: 5 }).map((line) => [...line, line[0]!])
const polygon = fc.array(ring, { minLength: 1, maxLength: 2 })
const line = fc.array(position, { minLength: 2, maxLength: 4 })

const simpleShape: fc.Arbitrary<GeoShape> = fc.oneof(
  position.map((coordinates): GeoShape => ({ type: 'Point', coordinates })),
  line.map((coordinates): GeoShape => ({ type: 'LineString', coordinates })),
  polygon.map((coordinates): GeoShape => ({ type: 'Polygon', coordinates })),
  fc.array(position, { maxLength: 3 }).map((coordinates): GeoShape => ({ type: 'MultiPoint', coordinates })),
  fc.array(line, { maxLength: 3 }).map((coordinates): GeoShape => ({ type: 'MultiLineString', coordinates })),
  fc.array(polygon, { maxLength: 2 }).map((coordinates): GeoShape => ({ type: 'MultiPolygon', coordinates })),
)
const shape: fc.Arbitrary<GeoShape> = fc.oneof(
  { weight: 6, arbitrary: simpleShape },
  {
    weight: 1,
    arbitrary: fc
      .array(simpleShape, { maxLength: 3 })
      .map((geometries): GeoShape => ({ type: 'GeometryCollection', geometries })),
  },
)

const geoOf = (type: PrimitiveTypeName): fc.Arbitrary<GeoValue> => {
  if (!isGeo(type)) throw new Error(type)
  return fc
    .tuple(shape, fc.constantFrom(0, 4326, 25832))
    .filter(([value]) => fitsShape(type, value))
    .map(([value, srid]) => ({ kind: 'geo', srid, shape: value }))
}

const guid = fc.uuid()
const time = fc
  .tuple(fc.nat(23), fc.nat(59), fc.nat(59), fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999_999 })))
  .map(([h, m, s, f]) => timeOfDayOf(h, m, s, f))

/** Values of a primitive type. @param type every one but Edm.Stream, whose values are not in memory */
export function anyValue(type: PrimitiveTypeName): fc.Arbitrary<PrimitiveValue> {
  switch (type) {
    case 'Edm.Binary':
      return fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes))
    case 'Edm.Boolean':
      return fc.boolean()
    case 'Edm.Byte':
      return fc.nat(255)
    case 'Edm.SByte':
      return fc.integer({ min: -128, max: 127 })
    case 'Edm.Int16':
      return fc.integer({ min: -32768, max: 32767 })
    case 'Edm.Int32':
      return fc.integer()
    case 'Edm.Int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'Edm.Double':
      return fc.double()
    case 'Edm.Single':
      return fc.float()
    case 'Edm.Decimal':
      return decimal
    case 'Edm.Date':
      return fc.integer({ min: -719_528, max: 2_932_896 }).map((days) => daysToDate(days)!)
    case 'Edm.TimeOfDay':
      return time
    case 'Edm.DateTimeOffset':
      return dateTimeOffset
    case 'Edm.Duration':
      return fc
        .oneof(
          fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }),
          fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }).map((n) => n * 100_000n),
        )
        .map((ps) => ({ kind: 'duration', ps }))
    case 'Edm.Guid':
      return guid
    case 'Edm.String':
      return fc.string({ unit: 'grapheme', maxLength: 40 })
    case 'Edm.Stream':
      throw new Error('streams have no value in memory')
    default:
      return geoOf(type)
  }
}
