import { beforeAll, describe, expect, it } from 'vitest'
import { bearerAuthentication } from '../../src/auth/bearer.ts'
import { ODataController } from '../../src/service/controller.ts'
import { odataFilter } from '../../src/url/filter-text.ts'
import { onEveryService } from '../support/running-service.ts'
import { issuerForTests } from '../support/tokens.ts'
import { asking, type Json, makePeople } from '../support/url-people.ts'

onEveryService('$all', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values } = asking(running)
  beforeAll(() => makePeople(running))
  const idsOf = (rows: readonly Json[]) => rows.map((row) => String(row['@odata.id']).slice(running().root.length + 1))
  const ids = async (query: string) => idsOf(await values(`/$all${query}`))
  const everything = [
    "people('ann')",
    "people('bob')",
    "people('cy')",
    "countries('de')",
    "countries('no')",
    'orders(1)',
    'orders(2)',
    'orders(3)',
    'orders(4)',
    'chief',
  ]

  it('gives the sets and singletons one after the other, each entity with its type and id', async () => {
    const all = await get('/$all?$count=true')
    expect(all['@odata.context']).toBe(`${running().root}/$metadata#Collection(Edm.EntityType)`)
    expect(all['@odata.count']).toBe(10)
    expect(idsOf(all.value)).toEqual(everything)
    expect(all.value.map((row) => row['@odata.type'])).toEqual([
      '#u.Person',
      '#u.Employee',
      '#u.Person',
      '#u.Country',
      '#u.Country',
      ...Array(4).fill('#u.Order'),
      '#u.Person',
    ])
    const none = await get('/$all', { Accept: 'application/json;odata.metadata=none' })
    expect(none.value[3]).toEqual({ code: 'de', name: 'Germany' })
    const v401 = await get('/$all?$top=1', { 'OData-MaxVersion': '4.01' })
    expect(v401.value).toMatchObject([{ '@type': '#u.Person', '@id': `${running().root}/people('ann')` }])
  })

  it.each([
    ['?$top=2', everything.slice(0, 2)],
    ['?$skip=3&$top=3', everything.slice(3, 6)],
    ['?$skip=4&$top=1', everything.slice(4, 5)],
    ['?$skip=9', ['chief']],
    ['?$skip=10', []],
    ['?$top=0', []],
    ['?$search=Germany OR bob', ["people('bob')", "countries('de')", 'orders(2)']],
    ['?$filter=isof(u.Employee)', ["people('bob')"]],
    ['?$filter=isof(Edm.EntityType) and not isof(Edm.ComplexType)', everything],
    ['?$filter=isof(Collection(u.Person)) or isof(Edm.String)', []],
    ['?$filter=u.Employee/salary gt 1 or u.Order/price gt 15', ["people('bob')", 'orders(2)']],
    ['?$filter=u.Person/age eq null', everything.slice(3)],
    ['?$filter=not isof(u.Order) and not (u.Person/age ge 30)', ["people('cy')", ...everything.slice(3, 5), 'chief']],
    ["?$filter=u.Person/tags/any(t:t eq 'red') or u.Country/code in ('no')", ["people('ann')", "countries('no')"]],
    ["?$filter=u.Person/friend/name eq 'Ann'", ["people('bob')", "people('cy')"]],
    ['?$filter=u.Person/fans/$count ge 0', [...everything.slice(0, 3), 'chief']],
    ["?$filter=startswith(u.Country/name,'N')", ["countries('no')"]],
    ['/u.Person', [...everything.slice(0, 3), 'chief']],
    ['/u.Employee', ["people('bob')"]],
    ['/u.Person?$filter=age gt 20&$top=5', ["people('ann')", "people('bob')"]],
    ["/u.Person?$filter=friend/name eq 'Ann'", ["people('bob')", "people('cy')"]],
    ['/u.Person?$compute=age add 1 as next&$filter=next eq 13', ["people('cy')"]],
    ['/u.Order?$orderby=price desc&$skip=1&$top=2', ['orders(1)', 'orders(3)']],
    // over several sets: null first, of what is equal there part after part
    ['/u.Person?$orderby=age', ['chief', "people('cy')", "people('ann')", "people('bob')"]],
    ['/u.Person?$orderby=age desc&$top=2', ["people('bob')", "people('ann')"]],
    ['/u.Person?$orderby=age desc&$skip=2', ["people('cy')", 'chief']],
    ['/u.Person?$orderby=age&$filter=age gt 20', ["people('ann')", "people('bob')"]],
    ['/u.Person?$orderby=age&$top=0', []],
    [
      '?$orderby=u.Person/age desc,u.Order/price&$top=6',
      ["people('bob')", "people('ann')", "people('cy')", "countries('de')", "countries('no')", 'chief'],
    ],
    ['?$orderby=u.Order/price desc&$top=2', ['orders(2)', 'orders(1)']],
    [
      '?$orderby=u.Person/friend/name desc&$top=2&$filter=isof(u.Person) and u.Person/age gt 0',
      ["people('bob')", "people('cy')"],
    ],
    [
      '?$compute=u.Order/price mul u.Order/amount as sum&$filter=sum gt 24&$orderby=sum desc',
      ['orders(1)', 'orders(3)'],
    ],
  ])('%s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected)
  })

  it('selects and expands of entities of a type', async () => {
    const found = await get("/$all/u.Person?$select=name&$expand=friend($select=name)&$filter=id eq 'bob'")
    expect(found['@odata.context']).toBe(`${running().root}/$metadata#Collection(u.Person)(name,friend(name))`)
    expect(found.value).toEqual([
      {
        '@odata.context': `${running().root}/$metadata#people(name,friend(name))/$entity`,
        '@odata.type': '#u.Employee',
        '@odata.id': `${running().root}/people('bob')`,
        '@odata.etag': 'W/"1"',
        name: 'Bob',
        friend: expect.objectContaining({ name: 'Ann' }),
      },
    ])
  })

  it('calculates of entities of a type and of any type', async () => {
    const of = await values('/$all/u.Person?$compute=age add 1 as next&$select=next&$orderby=age desc')
    expect(of.map(({ next, name }) => [next, name])).toEqual([
      [42, undefined],
      [31, undefined],
      [13, undefined],
      [null, undefined],
    ])
    const alone = await values('/$all?$compute=u.Country/name as n&$select=n&$filter=n ne null', {
      'OData-MaxVersion': '4.01',
    })
    expect(alone.map(({ n, code }) => [n, code])).toEqual([
      ['Germany', undefined],
      ['Norway', undefined],
    ])
    const any = await values(
      '/$all?$compute=u.Order/price add 1 as p,u.Country/code as c&$select=*&$orderby=u.Order/price desc',
    )
    expect(any.map(({ p, c }) => p ?? c)).toEqual([21, 11, 6, 2, null, null, null, 'de', 'no', null])
  })

  it.each([
    ['', 10],
    ['?$top=7', 7],
    ['?$skip=2', 8],
    ['?$filter=not isof(u.Country)', 8],
    ['/u.Person', 4],
    ['/u.Order?$orderby=price', 4],
    ['/u.Person?$orderby=age', 4],
    ['?$orderby=u.Order/price desc,u.Person/name', 10],
    ['?$orderby=u.Order/amount,u.Person/age desc&$skip=1&$top=8', 8],
    ["?$filter=u.Person/friend/name eq 'Ann' or isof(u.Order)", 6],
  ])('gives everything once, page by page: %s', async (query, count) => {
    const whole = await ids(query)
    expect(whole).toHaveLength(count)
    for (const size of [1, 3, 4]) {
      const paged: string[] = []
      let next: string | undefined = `/$all${query}`
      let pages = 0
      while (next !== undefined) {
        const page: Json = await get(next, { Prefer: `odata.maxpagesize=${size}` })
        paged.push(...idsOf(page.value))
        next = (page['@odata.nextLink'] as string | undefined)?.slice(running().root.length)
        pages++
      }
      expect(paged).toEqual(whole)
      expect(pages).toBe(Math.ceil(count / size))
    }
  })

  it('refuses what it cannot do, by name', async () => {
    for (const [path, status, message] of [
      ['/$all?$filter=price gt 1', 400, "'price'"],
      ['/$all?$filter=u.Persn/age gt 1', 400, "'u.Persn'"],
      ['/$all/u.Address', 404, "'u.Address'"],
      ['/$all/$count', 404, "'$count'"],
      ['/$all/u.Person/$count', 404, "'$count'"],
      ["/$all/u.Person('ann')", 404, "'u.Person('ann')'"],
      ['/$all/u.Person/$filter(true)', 404, '$filter'],
      ['/$all?$select=name', 400, "'name'"],
      ['/$all?$select=u.Person/name', 501, '$select'],
      ['/$all?$expand=friend', 400, "'friend'"],
      ['/$all?$expand=u.Person/friend', 501, 'entities of any type'],
      ['/$all?$orderby=age', 400, "'age'"],
      ['/$all?$compute=age add 1 as x', 400, "'age'"],
      ['/$all?$expand=*', 501, "'*'"],
      ['/$all/u.Person?$orderby=age&$skip=10001', 400, 'allSort'],
      ['/$all?$apply=identity', 501, '$apply'],
      ['/$all?$deltatoken=latest', 501, '$deltatoken'],
      ['/$all?$skiptoken=x', 400, '$skiptoken'],
    ] as const) {
      const found = await ask(path)
      expect([found.status, found.json.error?.message], path).toEqual([status, expect.stringContaining(message)])
    }
    const post = await running().send('POST', '/$all', {})
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const [link] = [(await get('/$all?$top=4', { Prefer: 'maxpagesize=2' }))['@odata.nextLink'] as string]
    const forged = link.slice(running().root.length).replace('$all', '$all/u.Person')
    expect((await ask(forged)).status).toBe(400)
  })
})

describe('$all for those who may not read everything', async () => {
  const issuer = await issuerForTests()
  const authenticate = await bearerAuthentication(issuer.options)
  class Open extends ODataController {
    override rowFilter({ principal }: Parameters<NonNullable<ODataController['rowFilter']>>[0]) {
      return odataFilter`owner eq ${principal?.subject ?? ''}`
    }
  }
  onEveryService('the parts', 'test/models/locked.xml', { authenticate, controllers: { open: Open } }, (running) => {
    const signed = async (...roles: string[]) => ({ Authorization: `Bearer ${await issuer.token({ roles })}` })
    const { ask } = asking(running)
    beforeAll(async () => {
      const headers = await signed('Closed.Read')
      for (const [set, id, owner] of [
        ['open', 1, 'tester'],
        ['open', 2, 'other'],
        ['closed', 3, 'other'],
        ['never', 4, 'tester'],
      ] as const) {
        const made = await running().send('POST', `/${set}`, { id, owner, price: id * 10 }, headers)
        expect(made.status, await made.text()).toBeLessThan(300)
      }
    })
    const ids = async (path: string, headers: Record<string, string>) =>
      (await ask(path, headers)).json.value.map(({ id }) => id)

    it('leaves out what the caller may not read, and rows that the caller may not see', async () => {
      expect(await ids('/$all', await signed('Closed.Read'))).toEqual([1, 3, null])
      // the singleton has no key
      expect(await ids('/$all', await signed())).toEqual([1, null])
      expect(await ids('/$all/locked.Thing?$filter=id gt 0&$count=true', await signed())).toEqual([1])
      expect((await ask('/$all?$count=true', await signed())).json['@odata.count']).toBe(2)
      expect((await ask('/$all')).status).toBe(401)
    })
  })
})
