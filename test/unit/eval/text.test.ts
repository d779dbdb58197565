import { describe, expect, it } from 'vitest'
import { bindQuery } from '../../../src/bind/bind-query.ts'
import { readParameters } from '../../../src/bind/parameters.ts'
import type { BoundPath } from '../../../src/bind/tree.ts'
import { preparePredicate } from '../../../src/eval/compile.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseQueryOptions } from '../../../src/url/parse-options.ts'
import { complex, context, type Members, model, office, ref, row, thing, value } from './things.ts'

/** What clients write, through url and bind: that the bound tree means to eval what bind means by it. */
const entitySet = model.container?.children.get('things')
if (entitySet?.kind !== 'entitySet') throw new Error('no entity set')
const path: BoundPath = {
  resource: 'entityCollection',
  segments: [{ kind: 'entitySet', entitySet }],
  type: ref(thing, true),
  signature: 'things',
}

function holds(filter: string, members: Members | Uint8Array = {}): boolean {
  const options = parseQueryOptions(`$filter=${encodeURIComponent(filter)}`, {
    version: '4.01',
    limits: defaultUrlLimits,
  })
  const { query, slots, literalSlots } = bindQuery(model, path, options, 0)
  if (query.filter === undefined) throw new Error('no filter')
  const parameters = readParameters(slots, literalSlots, options.literals)
  return preparePredicate(query.filter, context)(parameters)(members instanceof Uint8Array ? members : row(members))
}

const one: Members = {
  s: 'Milk',
  t: 'milk',
  i: 5,
  j: 2,
  i16: 7,
  l: 9_007_199_254_740_993n,
  d: 2.5,
  f: Math.fround(0.1),
  m: value('Edm.Decimal', '2.55'),
  b: true,
  g: '01234567-89ab-cdef-0123-456789abcdef',
  dt: value('Edm.DateTimeOffset', '2017-01-01T00:03:18.9597073-08:00'),
  date: '2020-02-29',
  time: '07:59:59.999',
  dur: value('Edm.Duration', 'PT90M'),
  color: 3n,
  point: value('Edm.GeographyPoint', 'SRID=4326;Point(2 2)'),
  address: complex({ street: 'Long Lane', zip: 12345, floor: 3 }, office),
  tags: ['red', 'blue'],
  nums: [1, 2, 3],
  ordered: [3, 1],
  addresses: [complex({ zip: 1 }), complex({ zip: 2 })],
}

describe('filters as clients write them', () => {
  it('are true', () => {
    const filters = [
      "s eq 'Milk'",
      "s in ('Cheese','Milk')",
      'i div j eq 2',
      'i divby j eq 2.5',
      'i mod j eq 1',
      'i divby 0 eq INF',
      'm add 2.45 eq 5.00',
      'd mul 2 eq 5',
      'i gt 4.5',
      'i gt 4.50000000000000000000000000001',
      'f eq 0.1',
      'l eq 9007199254740993',
      'l ne 9007199254740992',
      'l gt 9007199254740992.5',
      '-i eq -5',
      'not (i lt 5)',
      'i16 in (7,8)',
      'b',
      'b eq true and not (b eq false)',
      'g eq 01234567-89AB-CDEF-0123-456789abcdef',
      'dt eq 2017-01-01T08:03:18.9597073Z',
      'dt gt 2017-01-01T08:03:18.9597072Z',
      'dt lt now()',
      "dt add duration'PT1M' gt 2017-01-01T08:04:18Z",
      "dt sub 2017-01-01T08:03:18Z eq duration'PT0.9597073S'",
      'hour(dt) eq 0 and day(dt) eq 1 and totaloffsetminutes(dt) eq -480',
      'fractionalseconds(dt) eq 0.9597073',
      'date(dt) eq 2017-01-01',
      'date ge 2020-02-29 and date lt 2020-03-01 and year(date) eq 2020',
      "date add duration'P1D' eq 2020-03-01",
      'time lt 08:00 and second(time) eq 59',
      "dur eq duration'PT1H30M' and totalseconds(dur) eq 5400",
      "color has T.Color'red' and color eq T.Color'red,green'",
      "color eq 'red,green'",
      "concat(concat(s,', '),t) eq 'Milk, milk'",
      "contains(s,'il') and startswith(s,'Mi') and endswith(s,'lk')",
      "tolower(s) eq t and toupper(t) eq 'MILK' and length(s) eq 4",
      "indexof(s,'lk') eq 2 and substring(s,1,2) eq 'il'",
      "matchespattern(s,'^M.*k$')",
      'round(d) eq 3 and floor(d) eq 2 and ceiling(m) eq 3',
      "address/street eq 'Long Lane' and address/T.Office/floor eq 3",
      'isof(address,T.Office) and not isof(T.Special)',
      "cast(i,Edm.String) eq '5'",
      "tags/any(t:t eq 'blue') and tags/all(t:length(t) ge 3) and tags/$count eq 2",
      'addresses/any(a:a/zip eq j) and addresses/$count($filter=zip gt 1) eq 1',
      'addresses/all(a:nums/any(n:n eq a/zip))',
      'hassubset(nums,[3,1]) and not hassubsequence(nums,[3,1])',
      'nums eq [3,2,1] and ordered ne [1,3]',
      "case(i gt 9:'big',i gt 3:'middle',true:'small') eq 'middle'",
      "geo.distance(point,geography'SRID=4326;Point(2 3)') lt 111400",
      "geo.intersects(point,geography'SRID=4326;Polygon((0 0,10 0,10 10,0 10,0 0))')",
      'missing eq null and missing ne 5',
      'null eq null',
    ]
    for (const filter of filters) expect([filter, holds(filter, one)]).toEqual([filter, true])
  })

  it('are false', () => {
    const filters = [
      "s eq 'milk'",
      'i eq null',
      'dt eq 2017-01-01T08:03:18.959Z',
      'missing gt 5',
      'i div j eq 2.5',
      'f eq 0.2',
    ]
    for (const filter of filters) expect([filter, holds(filter, one)]).toEqual([filter, false])
  })

  it('over a row without any value', () => {
    const filters: readonly (readonly [string, boolean])[] = [
      ['i eq null', true],
      ['i ne 5', true],
      ['not (i gt 5)', true],
      ['i le 5', false],
      ["contains(s,'a')", false],
      ["not contains(s,'a')", false],
      ["contains(s,'a') eq null", true],
      ['i add 1 eq null', true],
      ["color has T.Color'red' eq null", true],
      ['tags/$count eq 0', true],
      ['addresses/any()', false],
      ['addresses/all(a:a/zip eq 1)', true],
      ['address/zip eq null', true],
    ]
    for (const [filter, expected] of filters) expect([filter, holds(filter)]).toEqual([filter, expected])
  })
})
