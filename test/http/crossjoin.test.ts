import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, type Json, makePeople } from '../support/url-people.ts'

onEveryService('$crossjoin', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values } = asking(running)
  beforeAll(() => makePeople(running))
  const short = (row: Json) =>
    Object.entries(row).map(([name, value]) => [
      name.replace('@odata.navigationLink', ''),
      String(value).split('/').pop(),
    ])
  const pairs = async (query: string) =>
    (await values(`/$crossjoin(orders,people)${query}`)).map((row) => short(row).map(([, link]) => link))

  it('combines entities, each a link', async () => {
    const all = await get("/$crossjoin(countries,people)?$filter=people/id ne 'cy'")
    expect(all['@odata.context']).toBe(`${running().root}/$metadata#Collection(Edm.ComplexType)`)
    expect(all.value[0]).toEqual({
      'countries@odata.navigationLink': `${running().root}/countries('de')`,
      'people@odata.navigationLink': `${running().root}/people('ann')`,
    })
    expect(all.value.map((row) => short(row).map(([, link]) => link))).toEqual([
      ["countries('de')", "people('ann')"],
      ["countries('de')", "people('bob')"],
      ["countries('no')", "people('ann')"],
      ["countries('no')", "people('bob')"],
    ])
  })

  describe('conditions and orders', () => {
    it.each([
      ['?$filter=orders/buyer eq people/id', ['orders(1) ann', 'orders(2) bob', 'orders(3) ann']],
      ['?$filter=people/id eq orders/buyer and orders/price ge 10', ['orders(1) ann', 'orders(2) bob']],
      [
        '?$filter=orders/buyer eq people/id&$orderby=people/age desc,orders/price mul orders/amount',
        ['orders(2) bob', 'orders(3) ann', 'orders(1) ann'],
      ],
      ['?$filter=orders/price gt people/age', ['orders(2) cy']],
      ["?$filter=orders/id eq 4 and people/tags/any(t:t eq 'blue')", ['orders(4) ann']],
      ["?$filter=orders/id eq 4 and people/friend/name eq 'Ann'", ['orders(4) bob', 'orders(4) cy']],
      [
        '?$filter=orders/id eq 4 and people/addresses/any(a:a/zip eq 150 and orders/price eq 1)',
        ['orders(4) ann', 'orders(4) bob'],
      ],
      ['?$orderby=people/age,orders/id desc&$skip=1&$top=2', ['orders(3) cy', 'orders(2) cy']],
    ])('%s', async (query, expected) => {
      const found = await pairs(query)
      expect(found.map(([order, person]) => `${order} ${person?.slice(8, -2)}`)).toEqual(expected)
    })
  })

  it('counts, expands and selects', async () => {
    const found = await get(
      '/$crossjoin(orders,people)?$filter=orders/buyer eq people/id&$count=true&$top=1&$expand=people($select=name;$expand=fans($select=id)),orders',
    )
    expect(found['@odata.count']).toBe(3)
    expect(found.value).toMatchObject([
      { orders: { id: 1, price: 10 }, people: { name: 'Ann', fans: [{ id: 'bob' }, { id: 'cy' }] } },
    ])
    expect(await values('/$crossjoin(orders,people)?$select=orders&$top=1')).toEqual([
      { 'orders@odata.navigationLink': `${running().root}/orders(1)` },
    ])
    expect(await get('/$crossjoin(orders)?$top=1&$count=true', { 'OData-MaxVersion': '4.01' })).toEqual({
      '@context': `${running().root}/$metadata#Collection(Edm.ComplexType)`,
      '@count': 4,
      value: [{ 'orders@navigationLink': `${running().root}/orders(1)` }],
    })
  })

  it.each(['', '&$orderby=people/name desc', '&$orderby=orders/amount,people/friendId&$top=9'])(
    'gives every combination once, page by page%s',
    async (more) => {
      const whole = await pairs(`?$filter=orders/price gt 1${more}`)
      const paged: (string | undefined)[][] = []
      let next: string | undefined = `/$crossjoin(orders,people)?$filter=orders/price gt 1${more}`
      let pages = 0
      while (next !== undefined) {
        const page: Json = await get(next, { Prefer: 'odata.maxpagesize=4' })
        paged.push(...page.value.map((row) => short(row).map(([, link]) => link)))
        next = (page['@odata.nextLink'] as string | undefined)?.slice(running().root.length)
        pages++
      }
      expect(paged).toEqual(whole)
      expect(whole).toHaveLength(9)
      expect(pages).toBe(3)
    },
  )

  it('refuses what it cannot do, by name', async () => {
    for (const [path, status, message] of [
      ['/$crossjoin(orders,peeple)', 404, "'people'"],
      ['/$crossjoin(orders,orders)', 400, 'twice'],
      ['/$crossjoin(orders,chief)', 404, "'chief'"],
      ['/$crossjoin(orders,people)?$filter=price gt 1', 400, "'price'"],
      ['/$crossjoin(orders,people)?$select=orders/price', 400, 'navigation property'],
      ['/$crossjoin(orders,people)?$search=x', 501, '$search'],
      ['/$crossjoin(orders,people)?$apply=aggregate($count as n)', 501, '$apply'],
      ['/$crossjoin(orders,people)?$apply=groupby((orders/buyer))&$filter=true', 501, '$apply'],
      ['/$crossjoin(orders,people)?$filter=$these/$count gt 1', 501, 'stored collection'],
      ['/$crossjoin(orders,people)?$compute=orders/price mul 2 as twice&$select=twice', 501, 'twice'],
      ['/$crossjoin(orders,people)?$deltatoken=x', 501, '$deltatoken'],
      ['/$crossjoin(orders,people)?$orderby=people/friend/name', 501, 'friend'],
      ['/$crossjoin(orders,people)?$skiptoken=x', 400, 'skiptoken'],
      ['/$crossjoin(orders,people)/$count', 404, '$count'],
    ] as const) {
      const found = await ask(path)
      expect([found.status, found.json.error.message], path).toEqual([status, expect.stringContaining(message)])
    }
    const post = await running().send('POST', '/$crossjoin(orders,people)', {})
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await running().send('HEAD', '/$crossjoin(orders,people)', undefined)).status).toBe(200)
  })
})
