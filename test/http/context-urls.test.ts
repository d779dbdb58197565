import { beforeAll, expect, it } from 'vitest'
import { onEveryStore } from '../support/running-service.ts'

/**
 * Protocol 10, subsection by subsection, with the names of its examples: the fragment of the context URL in 4.01, and in 4.0 where it is
 * another one. At full metadata it is the same, at none there is none.
 */
type Json = Record<string, unknown>
type Row = readonly [section: string, path: string, fragment: string, before?: string]

const vip = { '@odata.type': '#Model.VipCustomer', ID: 2, Name: 'Vi', Addresses: [], Hobbies: [] }
const address = { City: 'Berlin', CountryCode: 'de' }
const operations = {
  'Model.TopFiveCustomers': () => [vip],
  'Model.TopFiveVips': () => [vip],
  'Model.BestVip': () => vip,
  'Model.TopFiveHobbies': () => ['chess'],
  'Model.MostPopularName': () => 'Ann',
  'Model.TopAddresses': () => [address],
  'Model.BestAddress': () => address,
  'Model.Reports': () => [{ Code: 'a', Count: 1 }],
  'Model.BestReport': () => ({ Code: 'a', Count: 1 }),
}

const rows: readonly Row[] = [
  ['10.2 Collection of Entities', '/Customers', '#Customers'],
  [
    '10.2, with options that select nothing',
    '/Customers?$filter=ID gt 1&$orderby=Name&$top=1&$count=true',
    '#Customers',
  ],
  ['10.2, related', '/Customers(1)/Orders', '#Orders'],
  ['10.2, contained', '/Orders(4711)/Items', '#Orders(4711)/Items'],
  ['10.2, contained, by navigation', '/Customers(1)/Orders(4711)/Items', '#Orders(4711)/Items'],
  ['10.2, in no set', '/Reports()', '#Collection(Model.Report)'],
  ['10.3 Entity', '/Customers(1)', '#Customers/$entity'],
  ['10.3, by navigation', '/Orders(4711)/Customer', '#Customers/$entity'],
  ['10.3, contained', '/Orders(4711)/Items(1)', '#Orders(4711)/Items/$entity'],
  ['10.3, in no set', '/BestReport()', '#Model.Report'],
  ['10.3, by $entity', '/$entity?$id=Customers(1)', '#Customers/$entity'],
  ['10.4 Singleton', '/MainCustomer', '#MainCustomer'],
  ['10.4, what it leads to', '/MainCustomer/Orders', '#Orders'],
  ['10.5 Collection of Derived Entities', '/Customers/Model.VipCustomer', '#Customers/Model.VipCustomer'],
  ['10.6 Derived Entity', '/Customers(2)/Model.VipCustomer', '#Customers/Model.VipCustomer/$entity'],
  ['10.6, by navigation', '/Orders(2)/Customer/Model.VipCustomer', '#Customers/Model.VipCustomer/$entity'],
  ['10.6, of an abstract place', '/$entity/Model.VipCustomer?$id=Customers(2)', '#Customers/Model.VipCustomer/$entity'],
  [
    '10.7 Collection of Projected Entities',
    '/Customers?$select=Address,Orders,Model.VipCustomer/PreferredContact',
    '#Customers(Address,Orders,Model.VipCustomer/PreferredContact)',
  ],
  ['10.7, *', '/Customers?$select=*', '#Customers(*)'],
  ['10.7, * and navigation', '/Customers?$select=*,Orders', '#Customers(*,Orders)'],
  ['10.7, paths', '/Customers?$select=Address/City', '#Customers(Address/City)'],
  ['10.7, options', '/Customers?$select=Name,Address($select=City)', '#Customers(Name,Address/City)'],
  ['10.7, options of items', '/Customers?$select=Addresses($top=1;$select=City)', '#Customers(Addresses/City)'],
  ['10.7, options that select nothing', '/Customers?$select=Hobbies($top=1)', '#Customers(Hobbies)'],
  [
    '10.7, derived complex types',
    '/Customers?$select=Address/Model.WorkAddress/Desk',
    '#Customers(Address/Model.WorkAddress/Desk)',
  ],
  [
    '10.7, of derived entities',
    '/Customers/Model.VipCustomer?$select=PreferredContact',
    '#Customers/Model.VipCustomer(PreferredContact)',
  ],
  ['10.7, dynamic', '/Customers/Model.VipCustomer?$select=Free', '#Customers/Model.VipCustomer(Free)'],
  ['10.7, computed', '/Customers?$compute=Rating add 1 as More&$select=Name,More', '#Customers(Name,More)'],
  ['10.7, operations', '/Customers?$select=Name,Model.Rate', '#Customers(Name,Model.Rate)'],
  ['10.7, operations alone', '/Customers?$select=Model.Rate', '#Customers(Model.Rate)'],
  ['10.7, one overload', '/Customers?$select=Name,Model.Rate(by)', '#Customers(Name,Model.Rate(by))'],
  ['10.7, overload without parameters', '/Customers?$select=Model.Rate()', '#Customers(Model.Rate())'],
  [
    '10.7, operations of a derived type',
    '/Customers?$select=Model.VipCustomer/Model.Promote',
    '#Customers(Model.VipCustomer/Model.Promote)',
  ],
  ['10.7, operations of a namespace', '/Customers?$select=Name,Model.*', '#Customers(Name,Model.*)'],
  ['10.7, contained', '/Orders(4711)/Items?$select=Amount', '#Orders(4711)/Items(Amount)'],
  ['10.7, in no set', '/Reports()?$select=Count', '#Collection(Model.Report)(Count)'],
  ['10.8 Projected Entity', '/Customers(1)?$select=Name,Rating', '#Customers(Name,Rating)/$entity'],
  ['10.8, singleton', '/MainCustomer?$select=Name', '#MainCustomer(Name)'],
  ['10.8, derived', '/Customers(2)/Model.VipCustomer?$select=Name', '#Customers/Model.VipCustomer(Name)/$entity'],
  ['10.8, in no set', '/BestReport()?$select=Count', '#Model.Report(Count)'],
  ['10.8, options', '/Customers(1)?$select=Address($select=City)', '#Customers(Address/City)/$entity'],
  ['10.8, operations', '/Customers(1)?$select=Model.Rate', '#Customers(Model.Rate)/$entity'],
  [
    '10.9 Collection of Expanded Entities',
    '/Customers?$select=Name&$expand=Address/Country',
    '#Customers(Name,Address/Country())',
    '#Customers(Name)',
  ],
  ['10.9, nothing nested', '/Customers?$expand=Orders', '#Customers(Orders())', '#Customers'],
  [
    '10.9, selected too',
    '/Customers?$select=Orders&$expand=Orders',
    '#Customers(Orders,Orders())',
    '#Customers(Orders)',
  ],
  ['10.9, nested $select', '/Customers?$expand=Orders($select=ID)', '#Customers(Orders(ID))'],
  ['10.9, nested $expand', '/Customers?$expand=Orders($expand=Items)', '#Customers(Orders(Items()))', '#Customers'],
  [
    '10.9, both nested',
    '/Customers?$expand=Orders($select=ID;$expand=Items($select=Amount))',
    '#Customers(Orders(ID,Items(Amount)))',
  ],
  ['10.9, other options', '/Customers?$expand=Orders($filter=ID gt 1;$top=1)', '#Customers(Orders())', '#Customers'],
  ['10.9, references', '/Customers?$expand=Orders/$ref', '#Customers'],
  ['10.9, counts', '/Customers?$expand=Orders/$count', '#Customers'],
  [
    '10.9, of a derived type',
    '/Customers?$expand=Model.VipCustomer/Agent($select=LastName)',
    '#Customers(Model.VipCustomer/Agent(LastName))',
  ],
  ['10.9, *', '/Orders?$expand=*', '#Orders(Customer(),Items())', '#Orders'],
  ['10.9, cast', '/Employees?$expand=DirectReports/Model.Manager($select=ID)', '#Employees(DirectReports(ID))'],
  [
    '10.9, recursive',
    '/Employees/Model.Manager?$select=DirectReports&$expand=DirectReports($select=FirstName,LastName;$levels=4)',
    '#Employees/Model.Manager(DirectReports,DirectReports+(FirstName,LastName))',
  ],
  [
    '10.9, recursive, max',
    '/Employees?$expand=DirectReports($levels=max)',
    '#Employees(DirectReports+())',
    '#Employees',
  ],
  ['10.9, one level', '/Employees?$expand=DirectReports($levels=1;$select=ID)', '#Employees(DirectReports(ID))'],
  [
    '10.9, of complex values',
    '/Customers?$expand=Addresses/Country($select=Name)',
    '#Customers(Addresses/Country(Name))',
  ],
  [
    '10.10 Expanded Entity',
    '/Employees(1)/Model.Manager?$expand=DirectReports($select=FirstName,LastName;$levels=4)',
    '#Employees/Model.Manager(DirectReports+(FirstName,LastName))/$entity',
  ],
  ['10.10, nothing nested', '/Customers(1)?$expand=Orders', '#Customers(Orders())/$entity', '#Customers/$entity'],
  ['10.10, singleton', '/MainCustomer?$expand=Orders($select=ID)', '#MainCustomer(Orders(ID))'],
  ['10.11 Collection of Entity References', '/Customers(1)/Orders/$ref', '#Collection($ref)'],
  ['10.11, of a set', '/Customers/$ref', '#Collection($ref)'],
  ['10.12 Entity Reference', '/Orders(4711)/Customer/$ref', '#$ref'],
  ['10.13 Property Value', '/Customers(1)/Addresses', '#Customers(1)/Addresses'],
  ['10.13, primitive', '/Customers(1)/Name', '#Customers(1)/Name'],
  ['10.13, nested', '/Customers(1)/Address/City', '#Customers(1)/Address/City'],
  ['10.13, complex, selected', '/Customers(1)/Address?$select=City', '#Customers(1)/Address(City)'],
  [
    '10.13, complex, expanded',
    '/Customers(1)/Address?$expand=Country($select=Name)',
    '#Customers(1)/Address(Country(Name))',
  ],
  ['10.13, items, selected', '/Customers(1)/Addresses?$select=City', '#Customers(1)/Addresses(City)'],
  [
    '10.13, of a derived type',
    '/Customers(2)/Model.VipCustomer/PreferredContact',
    '#Customers(2)/Model.VipCustomer/PreferredContact',
  ],
  [
    '10.13, of a derived complex type',
    '/Customers(1)/Address/Model.WorkAddress/Desk',
    '#Customers(1)/Address/Model.WorkAddress/Desk',
  ],
  ['10.13, contained', '/Orders(4711)/Items(1)/Amount', '#Orders(4711)/Items(1)/Amount'],
  ['10.13, by navigation', '/Orders(4711)/Customer/Name', '#Customers(1)/Name'],
  ['10.13, of a singleton', '/MainCustomer/Name', '#MainCustomer/Name'],
  ['10.14 Collection of Complex or Primitive Types', '/TopFiveHobbies()', '#Collection(Edm.String)'],
  ['10.14, complex', '/TopAddresses()', '#Collection(Model.Address)'],
  ['10.14, selected', '/TopAddresses()?$select=City', '#Collection(Model.Address)(City)'],
  ['10.15 Complex or Primitive Type', '/MostPopularName()', '#Edm.String'],
  ['10.15, complex', '/BestAddress()', '#Model.Address'],
  ['10.15, selected', '/BestAddress()?$select=City', '#Model.Address(City)'],
  ['10.16 Operation Result', '/TopFiveCustomers()', '#Customers'],
  ['10.16, selected', '/TopFiveCustomers()?$select=Name', '#Customers(Name)'],
  ['10.16, derived', '/TopFiveVips()', '#Customers/Model.VipCustomer'],
  ['10.16, entity', '/BestVip()', '#Customers/Model.VipCustomer/$entity'],
  ['10.16, property', '/BestVip()/Name', '#Edm.String'],
  ['10.19 $all', '/$all', '#Collection(Edm.EntityType)'],
  ['10.19, of a type', '/$all/Model.VipCustomer?$select=Name', '#Collection(Model.VipCustomer)(Name)'],
  ['10.20 $crossjoin', '/$crossjoin(Customers,Orders)', '#Collection(Edm.ComplexType)'],
]

onEveryStore('context URLs', 'test/models/contexts.xml', { enforcePermissions: false, operations }, (running) => {
  const contextOf = async (path: string, version: string, metadata: string, headers: Record<string, string> = {}) => {
    const answer = await running().get(path, {
      'OData-MaxVersion': version,
      Accept: `application/json;odata.metadata=${metadata}`,
      ...headers,
    })
    const text = await answer.text()
    expect(answer.status, `${path}: ${text}`).toBe(200)
    const body = JSON.parse(text) as Json
    return { fragment: fragmentOf(body[version === '4.0' ? '@odata.context' : '@context']), body }
  }
  const fragmentOf = (context: unknown): string | undefined => {
    if (context === undefined) return undefined
    const document = `${running().root}/$metadata`
    expect(String(context).startsWith(document), String(context)).toBe(true)
    return String(context).slice(document.length)
  }

  beforeAll(async () => {
    const put = async (path: string, body: object) => {
      const answer = await running().send('PUT', path, body)
      expect(answer.status, await answer.text()).toBeLessThan(300)
    }
    const work = { '@odata.type': '#Model.WorkAddress', ...address, Desk: 'D4' }
    await put("/Countries('de')", { Name: 'Germany' })
    await put('/Employees(1)', { '@odata.type': '#Model.Manager', FirstName: 'Ann', LastName: 'A' })
    await put('/Employees(2)', { FirstName: 'Bob', LastName: 'B', ManagerID: 1 })
    await put('/Customers(1)', { Name: 'Cy', Rating: 3, Address: work, Addresses: [address], Hobbies: ['chess'] })
    await put('/Customers(2)', { ...vip, PreferredContact: 'mail', AgentID: 1, Free: 'as a bird' })
    await put('/MainCustomer', { ID: 9, Name: 'Main', Addresses: [], Hobbies: [] })
    await put('/Orders(4711)', { CustomerID: 1 })
    await put('/Orders(2)', { CustomerID: 2 })
    await put('/Orders(4711)/Items(1)', { Amount: 5 })
  })

  it('10.1 Service Document: the metadata document', async () => {
    for (const version of ['4.0', '4.01']) expect((await contextOf('/', version, 'minimal')).fragment).toBe('')
  })

  it.each(rows)('%s: %s', async (_section, path = '', fragment = '', before = fragment) => {
    const url = encodeURI(path)
    expect((await contextOf(url, '4.01', 'minimal')).fragment).toBe(fragment)
    expect((await contextOf(url, '4.01', 'full')).fragment).toBe(fragment)
    expect((await contextOf(url, '4.0', 'minimal')).fragment).toBe(before)
    expect((await contextOf(url, '4.0', 'none')).fragment).toBeUndefined()
  })

  it.each([
    ['Model.Rate(by,more)', /has no overload with the parameters \(by,more\)/],
    ['Model.Rate(1)', /names of parameters/],
    ['Model.Promote()', /no overload/],
    ['Model.Rat', /Did you mean 'Model.Rate'/],
  ])('10.7, an operation that is not there: %s', async (select = '', message = /./) => {
    const answer = await running().get(`/Customers?$select=${select}`)
    const { error } = (await answer.json()) as { error: Json }
    expect([answer.status, error.message]).toEqual([400, expect.stringMatching(message)])
  })

  it('10.7, operations beside properties: only these are written', async () => {
    const { body } = await contextOf('/Customers(1)?$select=Name,Model.Rate', '4.01', 'minimal')
    expect(Object.keys(body).filter((name) => !name.startsWith('@'))).toEqual(['Name'])
  })

  it('10.19, each entity tells its own', async () => {
    const { body } = await contextOf('/$all', '4.01', 'minimal')
    const [first] = (await contextOf('/$all/Model.VipCustomer?$select=Name', '4.0', 'minimal')).body.value as Json[]
    expect(fragmentOf(first?.['@odata.context'])).toBe('#Customers/Model.VipCustomer(Name)/$entity')
    const [bare] = (await contextOf('/$all', '4.01', 'none')).body.value as Json[]
    expect(Object.keys(bare ?? {}).some((name) => name.endsWith('context'))).toBe(false)
    const contexts = (body.value as Json[]).map((entity) => fragmentOf(entity['@context']))
    expect(new Set(contexts)).toEqual(
      new Set(['#Countries/$entity', '#Customers/$entity', '#Employees/$entity', '#MainCustomer', '#Orders/$entity']),
    )
  })

  it('10.17 Delta Payload Response, 10.18 Item in a Delta Payload Response', async () => {
    const tracked = async (path: string) => {
      const { body } = await contextOf(path, '4.01', 'minimal', { Prefer: 'track-changes' })
      return String(body['@deltaLink']).slice(running().root.length)
    }
    const links = await Promise.all(
      ['/Customers?$select=Name', '/Customers/Model.VipCustomer', '/Orders(4711)/Items'].map(tracked),
    )
    for (const path of ['/Customers(2)', '/Orders(4711)/Items(1)'])
      expect((await running().send('DELETE', path, undefined)).status).toBe(204)
    const told: (string | undefined)[][] = []
    for (const link of links)
      for (const version of ['4.01', '4.0']) {
        const { fragment, body } = await contextOf(link, version, 'minimal')
        const [item] = body.value as Json[]
        told.push([fragment, fragmentOf(item?.['@context'] ?? item?.['@odata.context'])])
      }
    expect(told).toEqual([
      ['#Customers(Name)/$delta', undefined],
      ['#Customers(Name)/$delta', '#Customers/$deletedEntity'],
      ['#Customers/Model.VipCustomer/$delta', undefined],
      ['#Customers/Model.VipCustomer/$delta', '#Customers/$deletedEntity'],
      ['#Orders(4711)/Items/$delta', undefined],
      ['#Orders(4711)/Items/$delta', '#Orders(4711)/Items/$deletedEntity'],
    ])
  })
})
