import { quote, texts } from '../grammar.ts'

/** Values of each primitive type that meet, precede and upset one another: as JSON, and as literals of a URL. */
export interface Pool {
  /** expressions of one group compare with each other */
  readonly group: Group
  readonly json: readonly unknown[]
  readonly literals: readonly string[]
}

export type Group =
  | 'number'
  | 'string'
  | 'boolean'
  | 'date'
  | 'time'
  | 'instant'
  | 'duration'
  | 'guid'
  | 'binary'
  | 'point'
  | `enum ${string}`

const plain = (group: Group, values: readonly (string | number | boolean)[]): Pool => ({
  group,
  json: values,
  literals: values.map(String),
})
const wrapped = (group: Group, prefix: string, values: readonly string[]): Pool => ({
  group,
  json: values,
  literals: values.map((value) => `${prefix}'${value}'`),
})

const longs = ['-9223372036854775808', '-1', '0', '1', '2', '3', '9007199254740993', '9223372036854775807']
const doubles = [0, -0, 1, 1.5, -1, 0.1, 2, 3, 9007199254740992, 1e300, 5e-324, 'NaN', 'INF', '-INF']
const points = [
  [0, 0],
  [1, 1],
  [-122.1, 47.6],
  [179.9, -89],
] as const
const point = (srid: number): Pool => ({
  group: 'point',
  json: points.map((coordinates) => ({
    type: 'Point',
    coordinates,
    crs: { type: 'name', properties: { name: `EPSG:${srid}` } },
  })),
  literals: points.map(([x, y]) => `${srid === 4326 ? 'geography' : 'geometry'}'SRID=${srid};Point(${x} ${y})'`),
})

export const pools: Readonly<Record<string, Pool>> = {
  'Edm.String': { group: 'string', json: texts, literals: texts.map(quote) },
  'Edm.Boolean': plain('boolean', [true, false]),
  'Edm.Byte': plain('number', [0, 1, 2, 3, 255]),
  'Edm.SByte': plain('number', [-128, -1, 0, 1, 2, 127]),
  'Edm.Int16': plain('number', [-32_768, -1, 0, 1, 2, 3, 32_767]),
  'Edm.Int32': plain('number', [-2_147_483_648, -1, 0, 1, 2, 3, 2_147_483_647]),
  'Edm.Int64': plain('number', longs),
  'Edm.Decimal': plain('number', [
    '0',
    '-1',
    '1',
    '1.5',
    '1.50',
    '2',
    '0.1',
    '9007199254740993',
    '0.0000000000000000000000000000000001',
    '9999999999999999999999999999999999',
  ]),
  'Edm.Double': plain('number', doubles),
  'Edm.Single': plain('number', [0, 1, 1.5, -1, 2, 0.10000000149011612, 16_777_216, 'NaN', 'INF', '-INF']),
  'Edm.Date': plain('date', ['2017-01-01', '0001-01-01', '9999-12-31', '1970-01-01', '2000-02-29']),
  'Edm.TimeOfDay': plain('time', ['00:00:00', '07:59:59.999', '07:59:59.999000000001', '23:59:59.999999999999']),
  'Edm.DateTimeOffset': plain('instant', [
    '2017-01-01T00:03:18.9597073-08:00',
    '2017-01-01T08:03:18.9597073Z',
    '2017-01-01T08:03:18.959Z',
    '2017-01-01T13:33:18.96+05:30',
    '1969-12-31T23:59:59.999999999999Z',
    '1970-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ]),
  'Edm.Duration': wrapped('duration', 'duration', [
    'PT0S',
    'PT1S',
    'PT0.0000001S',
    '-PT1S',
    'P1D',
    'PT24H',
    'P99999999D',
  ]),
  'Edm.Guid': plain('guid', [
    'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
    '00000000-0000-0000-0000-000000000000',
    '01000000-0000-0000-0000-000000000000',
    '00000000-0000-0000-0000-000000000001',
  ]),
  'Edm.Binary': wrapped('binary', 'binary', ['', 'AA==', 'AAA=', '_w==']),
  'Edm.GeographyPoint': point(4326),
  'Edm.GeometryPoint': point(0),
}

/** Types a random property can have, by weight. */
export const propertyTypes: readonly (readonly [number, string])[] = [
  [8, 'Edm.String'],
  [3, 'Edm.Boolean'],
  [1, 'Edm.Byte'],
  [1, 'Edm.SByte'],
  [1, 'Edm.Int16'],
  [5, 'Edm.Int32'],
  [4, 'Edm.Int64'],
  [4, 'Edm.Decimal'],
  [4, 'Edm.Double'],
  [2, 'Edm.Single'],
  [2, 'Edm.Date'],
  [2, 'Edm.TimeOfDay'],
  [4, 'Edm.DateTimeOffset'],
  [2, 'Edm.Duration'],
  [2, 'Edm.Guid'],
  [1, 'Edm.Binary'],
  [1, 'Edm.GeographyPoint'],
  [1, 'Edm.GeometryPoint'],
]

/** Groups whose values have an order. */
export const ordered: ReadonlySet<string> = new Set(['number', 'string', 'date', 'time', 'instant', 'duration', 'guid'])
