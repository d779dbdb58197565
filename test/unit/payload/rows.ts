import { Binary, Decimal128, Double, Int32, Long, ObjectId, serialize } from 'bson'
import fc from 'fast-check'

/** Random BSON documents for the types of `sampleModel`: the stored form of each, other forms, and what does not fit. */

const exact = fc.record(
  {
    digits: fc.integer({ min: -1, max: 13 }),
    sub: fc.oneof(fc.integer({ min: 0, max: 999_999_999 }), fc.constantFrom(959_700_000, -1, 1_000_000_000)),
    offset: fc.constantFrom(0, -480, 330, 840, -840, 841),
  },
  { requiredKeys: [] },
)
const dates = fc.oneof(
  fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
  fc.constantFrom(
    new Date(0),
    new Date(1000),
    new Date('2017-01-01T08:03:18.959Z'),
    new Date(-1),
    new Date(-62135596800001),
  ),
)
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    'plain',
    '"\\\n\u0001\u2028',
    'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
    '2017-01-01',
    '2021-02-29',
    '23:59:59',
  ),
  fc.constantFrom(
    '12:30:00.5',
    '24:00:00',
    '2016-02-29',
    '0000-01-01',
    '2017-01-01T00:03:18.9597073-08:00',
    'x'.repeat(500),
  ),
)
const doubles = fc.oneof(fc.double(), fc.constantFrom(0, -0, 5, 1e21, 2 ** 53, 0.1, Math.fround(0.1), 1.5))
const decimals = fc
  .oneof(
    fc.tuple(fc.integer(), fc.integer({ min: -20, max: 20 })).map(([digits, exponent]) => `${digits}E${exponent}`),
    fc.constantFrom(
      '0',
      '-0',
      '0.00',
      '1.10',
      '-1.5',
      '9007199254740992',
      '1E+3',
      '1E-16',
      'NaN',
      'Infinity',
      '-Infinity',
    ),
    fc.constantFrom('1234567890123456789012345678901234', '0.1234567890123456789012345678901234', '1E-6176', '0E+10'),
  )
  .map((text) => Decimal128.fromString(text))
const binaries = fc
  .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(0, 2, 4))
  .map(([content, subtype]) => new Binary(content, subtype))
const guids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((content) => new Binary(content, 4))
const int32s = fc
  .oneof(fc.integer(), fc.constantFrom(0, 1, 3, 7, 9, 12, 255, 256, -128, -129))
  .map((value) => new Int32(value))
const longs = fc
  .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(5n, 0n, 2n ** 53n, 36_000_000_000n))
  .map((value) => Long.fromBigInt(value))
const points = fc.constantFrom(
  { type: 'Point', coordinates: [1.5, 2] },
  { type: 'Point', coordinates: ['x'] },
  {
    type: 'LineString',
    coordinates: [
      [0, 0],
      [1, 1],
    ],
  },
  { type: 'Point', coordinates: [1, 2], crs: { type: 'name', properties: { name: 'EPSG:3857' } } },
)
const instantItems = exact.chain((part) =>
  dates.map((date) => ({ '@date': date, '@digits': part.digits, '@sub': part.sub, '@offset': part.offset })),
)

const any = fc.oneof(
  texts,
  fc.boolean(),
  int32s,
  longs,
  doubles.map((value) => new Double(value)),
  decimals,
  binaries,
  guids,
  dates,
  fc.constant(null),
  fc.constant(undefined),
  fc.constantFrom(new ObjectId('5f43a1b2c3d4e5f60718293a'), /x/, {}, []),
  points,
  instantItems,
)
/** mostly the expected form */
const mostly = <T>(form: fc.Arbitrary<T>) => fc.oneof({ weight: 5, arbitrary: form }, { weight: 1, arbitrary: any })
const list = <T>(item: fc.Arbitrary<T>) => mostly(fc.array(mostly(item), { maxLength: 4 }))

const address = fc.record(
  {
    '@type': fc.constantFrom('test.PostBox', 'test.Address', 'test.Thing', 'nothing'),
    city: mostly(texts),
    zip: mostly(texts),
    number: mostly(longs),
    foreign: any,
  },
  { requiredKeys: [] },
)
const note = fc.record(
  { text: mostly(texts), mood: any, 'mood@exact': mostly(exact), list: fc.array(any, { maxLength: 3 }) },
  { requiredKeys: [] },
)
const typedDocument = fc.oneof(
  address.map((value) => ({ ...value, '@type': 'test.PostBox' })),
  note.map((value) => ({ '@type': 'test.Note', ...value })),
)

/** Rows of `test.Thing` and `test.Special`, in any field order. */
export const thingRows: fc.Arbitrary<Uint8Array> = fc
  .record(
    {
      _id: mostly(texts),
      '@type': fc.constantFrom('test.Special', 'test.Special', 'test.Thing', 'test.Root', 'nothing'),
      '@version': fc.oneof(fc.integer({ min: 1 }), fc.constantFrom(Long.fromNumber(2 ** 40), 'x')),
      '@links': any,
      text: mostly(texts),
      flag: mostly(fc.boolean()),
      byte: mostly(int32s),
      sbyte: mostly(int32s),
      int16: mostly(int32s),
      int32: mostly(int32s),
      int64: mostly(longs),
      double: mostly(doubles.map((value) => new Double(value))),
      single: mostly(doubles.map((value) => new Double(Math.fround(value)))),
      decimal: mostly(decimals),
      guid: mostly(guids),
      binary: mostly(binaries),
      date: mostly(texts),
      time: mostly(texts),
      moment: mostly(dates),
      'moment@exact': mostly(exact),
      duration: mostly(longs),
      color: mostly(int32s),
      access: mostly(int32s),
      point: mostly(points),
      address: mostly(address),
      note: mostly(note),
      words: list(texts),
      numbers: list(int32s),
      moments: list(fc.oneof(dates, instantItems)),
      addresses: list(address),
      level: mostly(int32s),
      made: mostly(dates),
      extra: mostly(int32s),
      more: fc.oneof(any, typedDocument, fc.array(fc.oneof(any, typedDocument), { maxLength: 3 })),
      'more@exact': mostly(exact),
      wéird: any,
      items: any,
      id: any,
    },
    { requiredKeys: ['_id'] },
  )
  .chain((record) => fc.shuffledSubarray(Object.entries(record), { minLength: Object.keys(record).length }))
  .map((entries) => serialize(Object.fromEntries(entries), { ignoreUndefined: false }))
