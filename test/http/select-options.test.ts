import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, type Json, makePeople } from '../support/url-people.ts'

onEveryService('options inside $select', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values } = asking(running)
  beforeAll(() => makePeople(running))
  const ann = "/people('ann')"
  const bare = ({ '@odata.context': _, '@odata.id': __, '@odata.etag': ___, '@odata.type': ____, ...rest }: Json) =>
    rest

  it.each([
    ['tags($top=2)', { tags: ['red', 'blue'] }],
    [
      "tags($filter=$this ne 'red';$orderby=$this desc;$count=true)",
      { 'tags@odata.count': 2, tags: ['green', 'blue'] },
    ],
    ['scores($orderby=$this desc;$skip=1;$top=1;$count=true)', { 'scores@odata.count': 3, scores: [5] }],
    ['scores($filter=$this gt 100;$count=true)', { 'scores@odata.count': 0, scores: [] }],
    [
      'addresses($filter=zip gt 160;$orderby=zip;$select=city)',
      { addresses: [{ '@odata.type': '#u.WorkAddress', city: 'Rome' }, { city: 'Berlin' }] },
    ],
    [
      'addresses($filter=isof(u.WorkAddress);$select=city)',
      { addresses: [{ '@odata.type': '#u.WorkAddress', city: 'Rome' }] },
    ],
    ['addresses($skip=1;$top=1)', { addresses: [{ city: 'Oslo', zip: 150, lines: [], countryCode: 'no' }] }],
    [
      'addresses($filter=lines/$count gt 1;$select=city,lines($top=1;$count=true))',
      { addresses: [{ city: 'Berlin', 'lines@odata.count': 2, lines: ['Hof 2'] }] },
    ],
    ['addresses($compute=zip add 1 as z;$filter=z lt 160;$select=city)', { addresses: [{ city: 'Oslo' }] }],
    [
      'addresses($compute=zip add 1 as z,z mul 2 as y;$filter=z lt 160;$select=city,z,y)',
      { addresses: [{ city: 'Oslo', z: 151, 'z@odata.type': '#Int64', y: 302, 'y@odata.type': '#Int64' }] },
    ],
    [
      'addresses($compute=zip add 1 as z;$orderby=z;$top=1;$count=true;$select=*)',
      {
        'addresses@odata.count': 3,
        addresses: [{ city: 'Oslo', zip: 150, lines: [], countryCode: 'no', 'z@odata.type': '#Int64', z: 151 }],
      },
    ],
    [
      'addresses($compute=u.WorkAddress/desk as d;$filter=zip lt 200;$select=d)',
      { addresses: [{ d: null }, { '@odata.type': '#u.WorkAddress', d: 'D4' }] },
    ],
    [
      'home($compute=toupper(city) as big,city eq null as none;$select=big,none)',
      { home: { big: 'BERLIN', none: false } },
    ],
    [
      'home($compute=zip mul 1.5 as z,lines/$count as n;$select=z,n)',
      { home: { 'z@odata.type': '#Decimal', z: 15172.5, 'n@odata.type': '#Int64', n: 2 } },
    ],
    [
      "home($compute=cast('2020-01-02T03:04:05.1234567Z',Edm.DateTimeOffset) as t,lines as l,null as u;$select=t,l,u)",
      {
        home: {
          't@odata.type': '#DateTimeOffset',
          t: '2020-01-02T03:04:05.1234567Z',
          'l@odata.type': '#Collection(String)',
          l: ['Hof 2', 'Tor 1'],
          u: null,
        },
      },
    ],
    ['home($compute=zip add 1 as z;$select=city)', { home: { city: 'Berlin' } }],
    [
      'home($compute=zip add 1 as z;$select=z),addresses($compute=zip add 2 as z;$top=1;$select=z)',
      { home: { z: 10116, 'z@odata.type': '#Int64' }, addresses: [{ z: 10117, 'z@odata.type': '#Int64' }] },
    ],
    [
      'home($compute=zip add 1 as z;$select=z)&$expand=friend($select=home($compute=zip add 2 as z;$select=z))',
      { home: { z: 10116, 'z@odata.type': '#Int64' }, friend: null },
    ],
    ['tags($search=RED OR green;$count=true)', { 'tags@odata.count': 3, tags: ['red', 'green', 'red'] }],
    ['scores($search=NOT a)', { scores: [5, 3, 8] }],
    [
      'addresses($search="hof 2" OR rome;$orderby=zip;$select=city;$top=1)',
      { addresses: [{ '@odata.type': '#u.WorkAddress', city: 'Rome' }] },
    ],
    ['addresses($search=berlin;$filter=zip lt 200;$select=city)', { addresses: [] }],
    ['home($select=city,lines($orderby=$this desc;$top=1))', { home: { city: 'Berlin', lines: ['Tor 1'] } }],
    ['home/lines($top=1;$count=true)', { home: { 'lines@odata.count': 2, lines: ['Hof 2'] } }],
    ['name,tags($top=0)', { name: 'Ann', tags: [] }],
    ['tags($filter=$this eq @t)&@t=%27blue%27', { tags: ['blue'] }],
    ["tags($filter=$this eq $root/people('ann')/tags/0)", { tags: ['red', 'red'] }],
  ])('%s', async (select, expected) => {
    expect(bare(await get(`${ann}?$select=${select}`))).toEqual(expected)
  })

  it('apply to every row, to what is missing, to derived types, and beside *', async () => {
    const all = await values('/people?$select=id,addresses($top=1;$select=city;$count=true)')
    expect(all.map((row) => [row.id, row['addresses@odata.count'], row.addresses])).toEqual([
      ['ann', 3, [{ city: 'Berlin' }]],
      ['bob', 1, [{ city: 'Oslo' }]],
      ['cy', 0, []],
    ])
    expect(await get("/people('cy')?$select=tags($count=true)")).toMatchObject({ 'tags@odata.count': 0, tags: [] })
    const star = await get(`${ann}?$select=*,tags($top=1)`)
    expect(star).toMatchObject({ name: 'Ann', tags: ['red'], scores: [5, 3, 8] })
    const v401 = await get(`${ann}?$select=tags($top=1;$count=true)`, { 'OData-MaxVersion': '4.01' })
    expect(v401).toMatchObject({ 'tags@count': 4, tags: ['red'] })
    const strings = 'application/json;IEEE754Compatible=true;odata.metadata=full'
    expect(await get(`${ann}?$select=scores($top=1;$count=true)`, { Accept: strings })).toMatchObject({
      'scores@odata.count': '3',
      scores: [5],
    })
  })

  it('stand in $expand, $all, $crossjoin and answers to changes', async () => {
    const fans = (await get(`${ann}?$expand=fans($select=id,addresses($top=1;$select=city))`)).fans as Json[]
    expect(fans.map((row) => row.addresses)).toEqual([[{ city: 'Oslo' }], []])
    expect((await values('/$all/u.Person?$select=tags($top=1)')).map(({ tags }) => tags)).toEqual([['red'], [], [], []])
    const pairs = await values('/$crossjoin(orders,people)?$top=1&$expand=people($select=tags($top=1))')
    expect(pairs).toMatchObject([{ people: { tags: ['red'] } }])
    const changed = await running().send(
      'PATCH',
      `${ann}?$select=tags($top=1;$count=true)`,
      { age: 30 },
      { Prefer: 'return=representation' },
    )
    expect(await changed.json()).toMatchObject({ 'tags@odata.count': 4, tags: ['red'] })
  })

  it.each([
    ["addresses($filter=citi eq 'x')", 400, "'citi'"],
    ['home($top=1)', 400, '$top'],
    ['name($top=1)', 400, "'name'"],
    ['tags($select=x)', 400, 'Edm.String'],
    ['addresses($top=1),addresses', 400, 'twice'],
    ['addresses($top=1),addresses/city', 400, 'twice'],
    ['addresses/city,addresses($top=1)', 400, 'twice'],
    ['addresses($expand=country)', 400, '$expand'],
    ['addresses($levels=2)', 400, '$levels'],
    ['home($apply=identity)', 400, '$apply'],
    ['home($compute=zip add 1 as city;$select=city)', 400, "'city'"],
    ['home($compute=zip add 1 as desk;$select=desk)', 400, "'desk'"],
    ['home($compute=zip add 1 as z;$select=z),home', 400, 'twice'],
    ['home/city,home($compute=zip add 1 as z;$select=z)', 400, 'twice'],
    ['home($compute=country/name as z;$select=z)', 501, "'country'"],
    ['addresses($filter=city eq $it/name)', 501, '$it'],
    ['addresses($compute=zip add 1 as desk;$select=desk)', 400, "'desk'"],
    ['addresses($compute=nothing add 1 as z;$select=z)', 400, "'nothing'"],
    ["addresses($filter=country/name eq 'x')", 501, "'country'"],
    ['tags($top=1)&$apply=identity', 501, '$select'],
  ])('refuses by name: %s', async (select, status, message) => {
    const found = await ask(`/people?$select=${select}`)
    expect([found.status, found.json.error.message]).toEqual([status, expect.stringContaining(message)])
  })

  it('is refused where it would be ignored', async () => {
    expect((await ask(`${ann}/addresses?$select=lines($top=1)`)).status).toBe(501)
    expect((await ask('/people?$select=tags($top=1)&$deltatoken=latest')).status).toBe(501)
  })
})
