import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

/** Every operator and canonical function of URL Conventions 5.1.1 over the same rows, on every store. Row 3 has nothing but its key. */

const rows: readonly Record<string, unknown>[] = [
  {
    Number: 1,
    Text: 'Éclair',
    Other: 'clair',
    Flag: true,
    Int32: 5,
    Int64: 9007199254740992,
    Double: 2.5,
    Decimal: 2.5,
    Guid: 'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
    Date: '2024-02-29',
    Time: '07:30:15.5',
    At: '2024-01-01T00:30:15.25+02:00',
    Span: 'PT1H30M',
    Marks: 'Three',
    Colour: 'Red',
    Tags: ['a', 'b', 'c'],
    Values: [1, 2],
    Place: { City: 'Ulm' },
    Places: [{ City: 'Ulm', Floor: 1 }],
  },
  {
    Number: 2,
    Text: ' b ',
    Other: 'b',
    Flag: false,
    Int32: -5,
    Int64: 2,
    Double: -2.5,
    Decimal: -2.5,
    Date: '2023-12-31',
    Time: '23:00:00',
    At: '2023-12-31T23:30:00Z',
    Span: '-PT1S',
    Marks: 'One',
    Colour: 'Blue',
    Tags: [],
    Values: [],
    Places: [],
  },
  { Number: 3 },
]

const cases: readonly [section: string, filter: string, numbers: string][] = [
  ['5.1.1.1.1 eq', 'Int32 eq 5', '1'],
  ['5.1.1.1.1 eq null', 'Int32 eq null', '3'],
  ['5.1.1.1.1 eq of an enumeration', `Colour eq 'Red'`, '1'],
  ['5.1.1.1.1 eq of Guid', 'Guid eq F9882BCD-2BCD-F988-CD2B-88F9CD2B88F9', '1'],
  ['5.1.1.1.1 eq of a complex value', `Place eq {"City":"Ulm"}`, '1'],
  ['5.1.1.1.1 eq of a complex value, nulls said', `{"@type":"#self.Place","Since":null,"City":"Ulm"} eq Place`, '1'],
  ['5.1.1.1.1 eq of a complex value, a member more', `Place eq {"City":"Ulm","Floor":1}`, ''],
  ['5.1.1.1.1 eq of a complex value without members', 'Place eq {}', ''],
  ['5.1.1.1.2 ne of a complex value', `Place ne {"City":"Ulm"}`, '2 3'],
  ['5.1.1.1.1 eq of a complex value by alias', `Place eq @p&@p={"City":"Ulm"}`, '1'],
  ['5.1.1.1.1 eq of a complex value in a lambda', `Places/any(p:p eq {"City":"Ulm","Floor":1})`, '1'],
  ['5.1.1.1.1 eq of an unordered collection', `Tags eq ["c","a","b"]`, '1'],
  ['5.1.1.1.1 eq of an unordered collection, twice the same', `Tags eq ["a","a","b"]`, ''],
  ['5.1.1.1.1 eq of an empty collection', 'Tags eq []', '2 3'],
  ['5.1.1.1.2 ne of a collection', 'Values ne [2,1]', '2 3'],
  ['5.1.1.1.1 eq of a collection of complex values', `Places eq [{"Floor":1,"City":"Ulm"}]`, '1'],
  ['5.1.1.1.11 in, complex values', `Place in [{"City":"Rom"},{"City":"Ulm"},null]`, '1 2 3'],
  ['5.1.1.1.11 in, a list of complex values', `Place in ({"City":"Rom"},{"City":"Ulm"})`, '1'],
  ['5.1.1.1.11 in, collections', `Tags in [["a"],["c","b","a"]]`, '1'],
  ['5.1.1.1.11 in, one collection in a list', `Tags in (["c","b","a"])`, '1'],
  ['4.17 in, a list of expressions', `[Text,Other] in [["clair","Éclair"],[" b ","b"]]`, '2'],
  ['5.1.1.14.3 eq of a list of expressions', `[Int32,-5,Number] eq [5,-5,1]`, '1'],
  ['5.1.1.14.3 a list with JSON texts', `Text in [Other,"Éclair"]`, '1 3'],
  ['5.1.1.6.1 hassubset of complex values', `hassubset(Places,[{"City":"Ulm","Floor":1}])`, '1'],
  ['5.1.1.1.2 ne', 'Int32 ne 5', '2 3'],
  ['5.1.1.1.3 gt', 'Int32 gt Double', '1'],
  ['5.1.1.1.3 gt of text', 'Text gt Other', '1'],
  ['5.1.1.1.4 ge', 'Decimal ge 2.5', '1'],
  ['5.1.1.1.5 lt', 'Date lt 2024-01-01', '2'],
  ['5.1.1.1.6 le', 'Time le 07:30:15.5', '1'],
  ['5.1.1.1.7 and', 'Flag and Int32 gt 0', '1'],
  ['5.1.1.1.8 or', 'Flag or Int32 lt 0', '1 2'],
  ['5.1.1.1.9 not', 'not Flag', '2'],
  ['5.1.1.1.9 not of a comparison', 'not (Int32 gt 0)', '2 3'],
  ['5.1.1.1.10 has', `Marks has test.measurements.Marks'Two'`, '1'],
  ['5.1.1.1.11 in', 'Int32 in (5,7)', '1'],
  ['5.1.1.1.11 in, an expression', '(Int32 add 1) in (6,7)', '1'],
  ['5.1.1.2.1 add', 'Int32 add 1 eq 6', '1'],
  ['5.1.1.2.1 add of Int64', 'Int64 add 1 eq 9007199254740993', '1'],
  ['5.1.1.2.1 add of a duration', 'At add Span gt At', '1'],
  ['5.1.1.2.1 add to a date', `Date add duration'P1D' eq 2024-03-01`, '1'],
  ['5.1.1.2.2 sub', 'Decimal sub 0.5 eq 2', '1'],
  ['5.1.1.2.3 negation', '-Int32 eq 5', '2'],
  ['5.1.1.2.4 mul', 'Int32 mul 2 eq 10', '1'],
  ['5.1.1.2.5 div', 'Int32 div 2 eq -2', '2'],
  ['5.1.1.2.5 divby', 'Int32 divby 2 eq 2.5', '1'],
  ['5.1.1.2.6 mod', 'Int32 mod 3 eq -2', '2'],
  ['5.1.1.3 grouping', '(Int32 add 1) mul 2 eq 12', '1'],
  ['5.1.1.5.1 concat', `concat(Text,Other) eq ' b b'`, '2'],
  ['5.1.1.5.2 contains', `contains(Text,Other)`, '1 2'],
  ['5.1.1.5.3 endswith', `endswith(Text,' ')`, '2'],
  ['5.1.1.5.4 indexof', `indexof(Text,'c') eq 1`, '1'],
  ['5.1.1.5.5 length', 'length(Text) eq 6', '1'],
  ['5.1.1.5.6 startswith', `startswith(Text,'É')`, '1'],
  ['5.1.1.5.7 substring', `substring(Text,1) eq 'clair'`, '1'],
  ['5.1.1.5.7 substring of a length', `substring(Text,1,1) eq 'b'`, '2'],
  ['5.1.1.6.1 hassubset', `hassubset(Tags,["c","a"])`, '1'],
  ['5.1.1.7.1 matchesPattern', `matchesPattern(Text,'^É.*r$')`, '1'],
  ['5.1.1.7.2 tolower', `tolower(Text) eq 'éclair'`, '1'],
  ['5.1.1.7.3 toupper', `toupper(Text) eq 'ÉCLAIR'`, '1'],
  ['5.1.1.7.4 trim', `trim(Text) eq 'b'`, '2'],
  ['5.1.1.8 date', 'date(At) eq 2024-01-01', '1'],
  ['5.1.1.8 day', 'day(Date) eq 29', '1'],
  ['5.1.1.8 fractionalseconds', 'fractionalseconds(At) eq 0.25', '1'],
  ['5.1.1.8 fractionalseconds of a time', 'fractionalseconds(Time) eq 0.5', '1'],
  ['5.1.1.8 hour', 'hour(At) eq 0', '1'],
  ['5.1.1.8 maxdatetime', 'maxdatetime() gt At', '1 2'],
  ['5.1.1.8 mindatetime', 'mindatetime() lt At', '1 2'],
  ['5.1.1.8 minute', 'minute(At) eq 30', '1 2'],
  ['5.1.1.8 month', 'month(At) eq 12', '2'],
  ['5.1.1.8 now', 'now() gt At', '1 2'],
  ['5.1.1.8 second', 'second(Time) eq 15', '1'],
  ['5.1.1.8 time', 'time(At) eq 00:30:15.25', '1'],
  ['5.1.1.8 totaloffsetminutes', 'totaloffsetminutes(At) eq 120', '1'],
  ['5.1.1.8 totalseconds', 'totalseconds(Span) eq 5400', '1'],
  ['5.1.1.8 year', 'year(At) eq 2024', '1'],
  ['5.1.1.9 ceiling', 'ceiling(Double) eq 3', '1'],
  ['5.1.1.9 floor', 'floor(Double) eq -3', '2'],
  ['5.1.1.9 round', 'round(Double) eq 3', '1'],
  ['5.1.1.9 round of Decimal', 'round(Decimal) eq -3', '2'],
  ['5.1.1.10.1 cast', `cast(Int32,Edm.String) eq '5'`, '1'],
  ['5.1.1.10.2 isof', 'isof(Text,Edm.String)', '1 2'],
  ['5.1.1.12 case', `case(Int32 gt 0:'p',Int32 lt 0:'n') eq 'n'`, '2'],
  ['5.1.1.13.1 any', `Tags/any(t:t eq 'a')`, '1'],
  ['5.1.1.13.1 any of an empty predicate', 'Tags/any()', '1'],
  ['5.1.1.13.1 any over complex items', `Places/any(p:p/City eq 'Ulm' and p/Floor eq 1)`, '1'],
  ['5.1.1.13.1 any with a property of the row', 'Places/any(p:p/City eq Place/City)', '1'],
  ['5.1.1.13.2 all', `Tags/all(t:t lt 'b')`, '2 3'],
  ['5.1.1.13.2 all over complex items', 'Places/all(p:p/Floor gt 1)', '2 3'],
  ['4.8 $count', 'Tags/$count eq 3', '1'],
  ['4.8 $count of a filtered collection', `Tags/$count($filter=$this gt 'a') eq 2`, '1'],
]

onEveryService('expressions', 'test/differential/measurements.xml', { enforcePermissions: false }, (running) => {
  beforeAll(async () => {
    for (const row of rows) expect((await running().send('POST', '/Measurements', row)).status).toBe(201)
  })
  const numbers = async (query: string): Promise<string> => {
    const answer = await running().get(`/Measurements?$select=Number&${query}`)
    const body = (await answer.json()) as { value: { Number: number }[] }
    expect(answer.status, JSON.stringify(body)).toBe(200)
    return body.value.map((row) => row.Number).join(' ')
  }

  it.each(cases)('%s: %s', async (_, filter, expected) => {
    expect(await numbers(`$orderby=Number&$filter=${encodeURIComponent(filter).replace('%26%40p%3D', '&@p=')}`)).toBe(
      expected,
    )
  })

  it.each([
    ['length(Text)', '3 2 1'],
    ['length(Text) desc', '1 2 3'],
    ['Int32 mul Int32 desc,Number desc', '2 1 3'],
    ['year(At),Number', '3 2 1'],
    ['tolower(Other)', '3 2 1'],
    ['Tags/$count desc,Number', '1 2 3'],
  ])('orders by %s', async (orderby, expected) => {
    expect(await numbers(`$orderby=${encodeURIComponent(orderby)}`)).toBe(expected)
  })
})
