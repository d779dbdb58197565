import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Grammar, queries, quote, texts } from './grammar.ts'
import { askMany, effort, reason, sample, seed, stopAfterwards, TwoStores, uri } from './two-stores.ts'

/** Every primitive type nullable, beside the others, so that nulls, NaN and numbers of all types meet. */

const instants = [
  '2017-01-01T00:03:18.9597073-08:00',
  '2017-01-01T08:03:18.9597073Z',
  '2017-01-01T08:03:18.959707300001Z',
  '2017-01-01T08:03:18.959Z',
  '2017-01-01T13:33:18.96+05:30',
  '1969-12-31T23:59:59.999999999999Z',
  '1970-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999999Z',
]
const durations = [
  'PT0S',
  'PT1S',
  'PT0.0000001S',
  'PT0.000000000001S',
  '-PT1S',
  'P1D',
  'PT24H',
  'P10675199DT2H48M5.4775807S',
  'P99999999D',
  '-P99999999D',
]
const dates = ['2017-01-01', '0001-01-01', '9999-12-31', '1970-01-01', '2000-02-29']
const times = ['00:00:00', '07:59:59.999', '07:59:59.999000000001', '23:59:59.999999999999', '08:00:00']
const guids = [
  'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
  '00000000-0000-0000-0000-000000000000',
  '01000000-0000-0000-0000-000000000000',
  '00000000-0000-0000-0000-000000000001',
]
const blobs = ['', 'AA==', 'AAA=', '_w==']
const longs = [
  '-9223372036854775808',
  '-9007199254740993',
  '-1',
  '0',
  '1',
  '2',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
]
const decimals = [
  '0',
  '-1',
  '1',
  '1.5',
  '1.50',
  '0.1',
  '9007199254740993',
  '9007199254740992.5',
  '1E+30',
  '-1E+30',
  '0.0000000000000000000000000000000001',
  '9999999999999999999999999999999999',
]
const doubles = [0, -0, 1, 1.5, -1, 0.1, 2, 9007199254740992, 1e300, -1e300, 5e-324, 'NaN', 'INF', '-INF']
const singles = [0, 1, 1.5, -1, 0.10000000149011612, 16777216, 'NaN', 'INF', '-INF']
const colours = ['Red', 'Green', 'Blue']
const marks = ['One', 'Two', 'Three', 'One,Eight', 'Three,Eight', '0']

const maybe = <T>(...values: readonly T[]): fc.Arbitrary<T | null> => fc.option(fc.constantFrom(...values), { freq: 3 })
const place = fc.record(
  { City: maybe(...texts.slice(0, 8)), Floor: maybe(-1, 0, 1), Since: maybe(...instants) },
  { requiredKeys: [] },
)
/** Null in two forms: said and left out. */
const row = fc.record(
  {
    Text: maybe(...texts),
    Other: maybe(...texts),
    Flag: maybe(true, false),
    Sure: maybe(true, false),
    Byte: maybe(0, 1, 2, 255),
    SByte: maybe(-128, -1, 0, 1, 127),
    Int16: maybe(-32768, -1, 0, 1, 2, 32767),
    Int32: maybe(-2_147_483_648, -1, 0, 1, 2, 2_147_483_647),
    Int64: maybe(...longs),
    Big: maybe(...longs),
    Single: maybe(...singles),
    Double: maybe(...doubles),
    Ratio: maybe(...doubles),
    Decimal: maybe(...decimals),
    Height: maybe(...decimals),
    Guid: maybe(...guids),
    Bytes: maybe(...blobs),
    Date: maybe(...dates),
    Until: maybe(...dates),
    Time: maybe(...times),
    At: maybe(...instants),
    Seen: maybe(...instants),
    Span: maybe(...durations),
    Took: maybe(...durations),
    Colour: maybe(...colours),
    Marks: maybe(...marks),
    Place: fc.option(place, { freq: 3 }),
    Tags: fc.array(maybe('a', 'b', 'ab', ''), { maxLength: 3 }),
    Values: fc.array(maybe(...longs), { maxLength: 3 }),
    Places: fc.array(place, { maxLength: 2 }),
  },
  { requiredKeys: [] },
)

const numbers = [
  'Byte',
  'SByte',
  'Int16',
  'Int32',
  'Int64',
  'Big',
  'Single',
  'Double',
  'Ratio',
  'Decimal',
  'Height',
  'Number',
  'Place/Floor',
]
const fieldsOf = (group: string, ...paths: readonly string[]) => paths.map((path) => ({ path, group }))

const grammar: Grammar = {
  fields: [
    ...fieldsOf('number', ...numbers),
    ...fieldsOf('string', 'Text', 'Other', 'Place/City'),
    ...fieldsOf('boolean', 'Flag', 'Sure'),
    ...fieldsOf('guid', 'Guid'),
    ...fieldsOf('binary', 'Bytes'),
    ...fieldsOf('date', 'Date', 'Until'),
    ...fieldsOf('time', 'Time'),
    ...fieldsOf('instant', 'At', 'Seen', 'Place/Since'),
    ...fieldsOf('duration', 'Span', 'Took'),
    ...fieldsOf('colour', 'Colour'),
    ...fieldsOf('marks', 'Marks'),
  ],
  literals: {
    number: [
      ...new Set([
        ...longs,
        ...decimals.filter((text) => !text.includes('E+')),
        '1e30',
        '-1e30',
        '0.1',
        '1e0',
        '0.10000000149011612',
        '16777217',
        '1e300',
        '5e-324',
        '-0.0',
        '32768',
        '256',
        'NaN',
        'INF',
        '-INF',
        '99999999999999999999',
      ]),
    ],
    string: texts.map(quote),
    boolean: ['true', 'false'],
    guid: guids,
    binary: blobs.map((blob) => `binary'${blob}'`),
    date: dates,
    time: times,
    instant: instants,
    duration: durations.map((text) => `duration'${text}'`),
    colour: colours.map((name) => `test.measurements.Colour'${name}'`),
    marks: marks.map((name) => `test.measurements.Marks'${name}'`),
  },
  ordered: ['number', 'string', 'guid', 'date', 'time', 'instant', 'duration'],
  more: [
    "Marks has test.measurements.Marks'Two'",
    "Marks has test.measurements.Marks'Three'",
    "Tags/any(t:t eq 'a')",
    "Tags/all(t:t ne 'a')",
    'Tags/any()',
    'not Tags/any(t:t eq null)',
    "Tags/any(t:contains(t,'b') and t gt 'a')",
    'Values/any(v:v gt 9007199254740992)',
    'Values/all(v:v ge 0 or v eq Int64)',
    'Values/$count eq 2',
    'Places/any(p:p/Floor eq 0 and p/City ne null)',
    "Places/all(p:not (p/City eq 'a'))",
    'Places/any(p:p/Since lt At)',
    'Place eq null',
    'Place ne null',
    'Int32 add Int64 gt 0',
    'Double mul 2 ge Ratio',
    'Decimal sub Height eq 0',
    'Int64 div 2 eq 0',
    'Double div 0 gt 1',
    'Int32 mod 2 eq 1',
    '-Double lt 1',
    'round(Double) eq 2',
    'floor(Decimal) eq 1',
    'ceiling(Ratio) gt 0',
    "At add duration'PT1S' gt Seen",
    'At sub Seen ge Span',
    'day(Date) eq 1',
    'hour(Time) eq 7',
    'fractionalseconds(At) gt 0.959',
    'totaloffsetminutes(At) ne 0',
    'totalseconds(Span) ge 1',
    'length(Text) gt length(Other)',
    "concat(Text,Other) eq 'ab'",
    "tolower(Text) eq 'ä'",
    'indexof(Text,Other) eq 0',
    'Flag and Sure',
    'Flag or not Sure',
    'Flag eq null or Sure',
    'not Flag',
  ],
  unique: 'Number',
  select: ['Number', 'Text', 'Double', 'Decimal', 'At', 'Place', 'Tags', 'Colour', 'Values'],
}

describe.skipIf(uri === undefined)(`random queries of every type, seed ${seed}${uri ? '' : `: ${reason}`}`, () => {
  stopAfterwards()
  const { batches, queries: count } = effort(35)

  it.each(Array.from({ length: batches }, (_, batch) => batch))('both stores answer alike (data %i)', async (batch) => {
    const rows = sample(row, 30, batch).map((row, i) => ({ Number: i, ...row }))
    const stores = await TwoStores.of('test/differential/measurements.xml', 'Measurements', rows)
    await askMany(stores, queries(grammar), { count, batch, rows })
    expect(stores.statuses.get(200) ?? 0, [...stores.statuses].join(' ')).toBeGreaterThan(count * 0.7)
  })
})
