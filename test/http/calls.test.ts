import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bearerAuthentication } from '../../src/auth/bearer.ts'
import { ODataError } from '../../src/errors/odata-error.ts'
import type { OperationContext } from '../../src/service/operations/handlers.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { onEveryService, type RunningService } from '../support/running-service.ts'
import { issuerForTests } from '../support/tokens.ts'
import { asking } from '../support/url-people.ts'

type Values = { readonly [name: string]: unknown }

/** Paths of what handlers were bound to, in the order of the calls. */
let calls: (string | undefined)[] = []
let atOnce = 0
let mostAtOnce = 0

const operations = {
  'work.Twice': async ({ by }: Values, context: OperationContext) => {
    calls.push(context.path)
    mostAtOnce = Math.max(mostAtOnce, ++atOnce)
    const { Total } = (await context.binding()) as PlainObject
    await new Promise((resolve) => setImmediate(resolve))
    atOnce--
    return Total === null ? null : Number(Total) * Number(by)
  },
  'work.Words': async (_: Values, context: OperationContext) =>
    ((await context.binding()) as { Tags: string[] }).Tags.map((tag) => tag.toUpperCase()),
  'work.Box': async (_: Values, context: OperationContext) => {
    const { ID } = (await context.binding()) as { ID: number }
    return ID === 1 ? null : { Width: ID, Height: 10 }
  },
  'work.Rating': async (_: Values, context: OperationContext) => {
    calls.push(context.path)
    const orders = (await context.send('GET', `${context.path}/Orders`)) as { value: PlainObject[] }
    return orders.value.length + 0.5
  },
  'work.Sum': async (_: Values, context: OperationContext) =>
    ((await context.binding()) as { Count: number }[]).reduce((sum, { Count }) => sum + Count, 0),
  'work.Area': async (_: Values, context: OperationContext) => {
    const { Width, Height } = (await context.binding()) as { Width: number; Height: number }
    return Width * Height
  },
  'work.Longest': async (_: Values, context: OperationContext) =>
    ((await context.binding()) as string[]).toSorted((a, b) => b.length - a.length)[0],
  'work.Limit': ({ of }: Values) => {
    calls.push(`Limit ${of}`)
    return of === undefined ? 4 : String(of).length
  },
  'work.Best': async (_: Values, context: OperationContext) => (await context.send('GET', 'Orders(2)')) as PlainObject,
  'work.Open': async (_: Values, context: OperationContext) => {
    const { value } = (await context.send('GET', 'Orders?$filter=Total gt 3')) as { value: PlainObject[] }
    return value
  },
  'work.Failing': ({ how }: Values) => {
    if (how === 'mine') throw new ODataError('conflict', 'It rains.')
    if (how === 'type') return 'no number'
    throw new Error('a secret')
  },
  'work.Never': () => 1,
  'work.Secret': () => 7,
}

async function fill({ send }: RunningService, headers?: Record<string, string>): Promise<void> {
  const put = async (path: string, body: object) =>
    expect((await send('PUT', path, body, headers)).status).toBeLessThan(300)
  await put('/Customers(1)', { Name: 'Ann' })
  await put('/Customers(2)', { Name: 'Bob' })
  const size = { Width: 2, Height: 3 }
  await put('/Orders(1)', { Total: 3, CustomerID: 1, Tags: ['a', 'bcd'], Size: size, Items: [{ No: 1, Count: 5 }] })
  await put('/Orders(2)', {
    Total: 5,
    CustomerID: 1,
    Tags: ['xy'],
    Items: [
      { No: 1, Count: 2 },
      { No: 2, Count: 4 },
    ],
  })
  await put('/Orders(3)', { Total: 1, CustomerID: 2, Tags: [], Size: { Width: 1, Height: 1 } })
  await put('/Orders(4)', { Total: null, Tags: [] })
}

onEveryService(
  'functions in expressions',
  'test/models/calls.xml',
  { enforcePermissions: false, operations, explain: true },
  (running) => {
    const { ask, get, values } = asking(running)
    const ids = async (path: string) => (await values(`/${path}`)).map(({ ID }) => ID)
    beforeAll(() => fill(running()))
    beforeEach(() => {
      calls = []
      mostAtOnce = 0
    })

    it.each([
      ['Orders?$filter=w.Twice(by=2) gt 5', [1, 2]],
      ['Orders?$filter=$it/work.Twice(by=2) gt 5', [1, 2]],
      // a short name that means one; what is left out has its default
      ['Orders?$filter=Twice() gt 5', [1, 2]],
      ['Orders?$filter=w.Twice(by=@b) gt 5&@b=3', [1, 2]],
      ['Orders?$filter=w.Twice(by=Total) eq 9', [1]],
      ['Orders?$filter=w.Twice(by=Total add 1) in (12,2)', [1, 3]],
      ['Orders?$filter=w.Twice(by=w.Twice(by=1)) eq 25', [2]],
      // null: the row has none, or none for a parameter that needs one
      ['Orders?$filter=w.Twice(by=2) eq null', [4]],
      ['Orders?$filter=w.Twice(by=CustomerID) eq null', [4]],
      ['Orders?$filter=not (w.Twice(by=2) gt 5)', [3, 4]],
      ['Orders?$filter=Total gt 2 and (w.Twice(by=2) eq 6 or ID eq 2)', [1, 2]],
      ['Orders?$filter=w.Twice(by=2) gt 5 and Items/any(i:i/Count eq 4)', [2]],
      ['Orders?$filter=Items/any(i:i/Count gt w.Twice(by=1))', [1]],
      ['Orders?$filter=Items/$count($filter=Count gt 1) eq 2 and w.Twice(by=2) eq 10', [2]],
      ['Orders?$filter=Customer/w.Rating() gt 2', [1, 2]],
      ["Orders?$filter=Customer/Name eq 'Bob' and Customer/w.Rating() lt 2", [3]],
      ['Orders?$filter=Customer/w.Rating() eq null', [4]],
      ['Orders?$filter=Items/w.Sum() gt 5', [2]],
      ['Orders?$filter=Items/w.Sum() eq 0', [3, 4]],
      ['Orders?$filter=Size/w.Area() ge 1', [1, 3]],
      ["Orders?$filter=Tags/w.Longest() eq 'bcd'", [1]],
      ["Orders?$filter=w.Words()/any(t:t eq 'XY')", [2]],
      ['Orders?$filter=w.Words()/$count eq 2', [1]],
      ["Orders?$filter='BCD' in w.Words()", [1]],
      ['Orders?$filter=w.Box()/Width gt 2', [3, 4]],
      ['Orders?$filter=w.Box()/w.Area() eq 20', [2]],
      ['Orders?$filter=w.Box() eq null', [1]],
      ['Orders?$filter=Total gt $root/Limit()', [2]],
      ['Orders?$filter=Total gt w.Limit()', [2]],
      ["Orders?$filter=Total gt w.Limit(of='ab')", [1, 2]],
      ["Orders?$filter=Total gt Limit(of=@x)&@x='ab'", [1, 2]],
      ['Orders?$filter=Total gt w.Limit(of=Customer/Name)', [2]],
      ['Orders?$filter=Total gt w.Limit(of=$root/Customers(1)/Name)', [2]],
      ['Orders?$filter=Total eq $root/Best()/Total', [2]],
      ["Orders?$filter=w.Best()/Customer/Name eq 'Ann' and ID lt 3", [1, 2]],
      ['Orders?$filter=Total gt $root/Open()/$count', [1, 2]],
      ['Orders?$filter=Total lt $root/Open()/$count($filter=Total eq 5) add 2', [3]],
      ['Orders?$filter=Total eq $root/Orders(2)/Total and w.Twice(by=$root/Limit()) eq 20', [2]],
      ['Orders?$filter=$root/Orders(1)/w.Twice(by=2) sub 1 eq Total', [2]],
      ['Orders?$orderby=w.Twice(by=2) desc', [2, 1, 3, 4]],
      ['Orders?$orderby=Customer/w.Rating() desc,w.Twice(by=2)', [1, 2, 3, 4]],
      ['Orders?$orderby=w.Twice(by=2) desc&$top=2&$skip=1', [1, 3]],
      ['Orders?$compute=w.Twice(by=2) as t&$filter=t gt 5&$orderby=t desc', [2, 1]],
      ['Customers?$filter=Orders/any(o:o/Total gt $root/Limit())', [1]],
      ['Customers(1)/Orders?$filter=w.Twice(by=2) gt 6', [2]],
      ['Open()?$filter=w.Twice(by=2) gt 6', [2]],
      ['$all?$filter=w.Order/Total gt $root/Limit()', [2]],
      ['Orders?$apply=filter(w.Twice(by=2) gt 5)', [1, 2]],
      ['Orders?$apply=concat(filter(ID eq 1),filter(ID eq 2))/filter(w.Twice(by=2) gt 5)', [1, 2]],
    ])('%s', async (path, expected) => {
      expect(await ids(path)).toEqual(expected)
    })

    it('stand in $compute, with what is selected of it', async () => {
      expect(
        await values('/Orders?$compute=w.Twice(by=2) as t,Customer/w.Rating() as r&$select=ID,t,r&$top=2'),
      ).toMatchObject([
        { ID: 1, t: 6, r: 2.5 },
        { ID: 2, t: 10, r: 2.5 },
      ])
      expect(
        await values('/Orders?$compute=w.Twice(by=2) as t&$filter=t gt 3&$orderby=w.Twice(by=3) desc&$select=t,Total'),
      ).toMatchObject([
        { Total: 5, t: 10 },
        { Total: 3, t: 6 },
      ])
      expect(await values('/Orders?$apply=compute(w.Twice(by=2) as t)/aggregate(t with sum as s)')).toMatchObject([
        { s: 18 },
      ])
    })

    it('stand in options inside $expand, and in counts', async () => {
      const [ann] = await values('/Customers?$expand=Orders($filter=w.Twice(by=2) gt 6;$select=ID)&$select=ID')
      expect(ann?.Orders).toMatchObject([{ ID: 2 }])
      const [sorted] = await values('/Customers?$expand=Orders($orderby=w.Twice(by=2) desc;$select=ID)&$select=ID')
      expect(sorted?.Orders).toMatchObject([{ ID: 2 }, { ID: 1 }])
      const [computed] = await values('/Customers?$expand=Orders($compute=w.Twice(by=2) as t;$select=ID,t)&$select=ID')
      expect(computed?.Orders).toMatchObject([
        { ID: 1, t: 6 },
        { ID: 2, t: 10 },
      ])
      // of entities that are reached by navigation, with values of the outermost row
      const outer = 'Orders($compute=w.Twice(by=$it/ID) as t,Customer/Name as n;$select=ID,t,n)'
      expect((await values(`/Customers?$expand=${outer}&$select=ID`)).map(({ Orders }) => Orders)).toMatchObject([
        [
          { ID: 1, t: 3, n: 'Ann' },
          { ID: 2, t: 5, n: 'Ann' },
        ],
        [{ ID: 3, t: 2, n: 'Bob' }],
      ])
      expect((await ask('/Orders/$count?$filter=w.Twice(by=2) gt 5')).text).toBe('2')
      expect((await get('/Orders?$filter=w.Twice(by=2) gt 5&$count=true&$top=1'))['@odata.count']).toBe(2)
    })

    it('give the same rows in pages', async () => {
      const walked = async (path: string) => {
        const found: unknown[] = []
        for (let next: string | undefined = path; next !== undefined; ) {
          const page = await get(next, { Prefer: 'maxpagesize=1' })
          found.push(...page.value.map(({ ID }) => ID))
          const link = page['@odata.nextLink']
          next = link === undefined ? undefined : String(link).slice(running().root.length)
        }
        return found
      }
      expect(await walked('/Orders?$orderby=w.Twice(by=2) desc')).toEqual([2, 1, 3, 4])
      expect(await walked('/Orders?$orderby=Customer/w.Rating()')).toEqual([4, 3, 1, 2])
      expect(await walked('/Orders?$filter=w.Twice(by=2) gt 5')).toEqual([1, 2])
      expect(await walked('/Orders?$compute=w.Twice(by=2) as t&$orderby=t&$select=ID,t')).toEqual([4, 3, 1, 2])
    })

    it('are called for the rows that everything else leaves, some at the same time, those of no row once', async () => {
      await ids("Orders?$filter=Total gt 2 and Customer/Name eq 'Ann' and w.Twice(by=2) gt 6")
      expect(calls.toSorted()).toEqual(['Orders(1)', 'Orders(2)'])
      expect(mostAtOnce).toBe(2)
      calls = []
      await ids('Orders?$compute=w.Twice(by=2) as t&$filter=t gt 5&$orderby=t desc&$select=ID,t')
      expect(calls.toSorted()).toEqual(['Orders(1)', 'Orders(2)', 'Orders(3)', 'Orders(4)'])
      calls = []
      await ids('Orders?$filter=Total gt w.Limit()')
      await ids('Orders?$filter=Total gt w.Limit(of=$root/Customers(1)/Name)')
      expect(calls).toEqual(['Limit undefined', 'Limit Ann'])
    })

    it.each([
      ["$filter=w.Failing(how='mine') eq 1", 409, 'It rains.'],
      ["$filter=w.Failing(how='other') eq 1", 500, 'a fault in the service'],
      ["$filter=w.Failing(how='type') eq 1", 500, 'a fault in the service'],
      ['$filter=w.Unhandled() eq 1', 501, 'No handler is registered for work.Unhandled'],
      ['$filter=Total gt 99 and w.Unhandled() eq 1', 501, 'No handler'],
      ['$filter=w.Never() eq 1', 400, 'Core.OperationAvailable'],
      ['$filter=w.Close() eq 1', 400, 'is an action'],
      ["$filter=w.Twice(by='x') eq 1", 400, 'Edm.Int32'],
      ['$filter=w.Twice(by=Tags) eq 1', 400, 'Edm.Int32'],
      ['$filter=w.Twice(bi=1) eq 1', 400, "'bi'"],
      ['$filter=w.Twice(by=null) eq 1', 400, 'must not be null'],
      ['$filter=w.Thrice() eq 1', 400, 'does not exist'],
      ['$filter=Customer/w.Twice(by=1) eq 1', 400, 'not bound to'],
      ['$filter=w.Twice eq 1', 400, 'parentheses'],
      ['$filter=w.Twice(by=1)/x eq 1', 400, 'not composable'],
      ['$filter=$root/Limits() eq 1', 400, "'Limit'"],
      ['$filter=Customer/Orders/any(o:o/w.Twice(by=2) gt 6)', 501, 'for each item'],
      ['$apply=aggregate(w.Twice(by=2) with sum as s)', 501, 'work.Twice'],
      ['$apply=groupby((Total),aggregate(w.Twice(by=2) with sum as s))', 501, 'work.Twice'],
      // of aggregated instances that the function does not know (Aggregation.AvailableOnAggregates)
      ['$apply=groupby((Total))/filter(w.Twice(by=2) gt 5)', 400, 'AvailableOnAggregates'],
      ['$apply=groupby((CustomerID),aggregate(Total with sum as s))/compute(w.Twice(by=2) as t)', 400, 'w.Twice'],
      ['$apply=groupby((Customer/Name))/orderby(Customer/w.Rating())', 400, 'AvailableOnAggregates'],
    ])('refuses %s', async (query, status, message) => {
      const { status: found, json } = await ask(`/Orders?${query}`)
      expect([found, json.error.message]).toEqual([status, expect.stringContaining(message)])
      expect(JSON.stringify(json)).not.toContain('secret')
    })

    it('refuses them where a value cannot be waited for', async () => {
      expect((await ask('/Orders/$filter(w.Twice(by=2) gt 6)')).status).toBe(501)
      expect((await ask("/Orders(1)/Tags?$filter=$it eq 'a' and $root/Limit() eq 4")).status).toBe(200)
      expect((await ask('/$crossjoin(Orders,Customers)?$filter=Orders/w.Twice(by=Customers/ID) gt 6')).status).toBe(501)
    })

    it('is told by explain', async () => {
      const answer = await running().service.explain?.({
        url: 'Orders?$filter=Total gt 1 and w.Twice(by=2) gt 6&$count=true',
        loopback: true,
      })
      const { plan } = JSON.parse(String(answer?.body))
      expect(plan.followsNavigation).toMatchObject({
        base: { filter: expect.stringContaining('Total gt') },
        filter: '($it/work.Twice(by=#1:Edm.Int32) gt #2:Edm.Int32)',
        calls: ['$it/work.Twice(by=#1:Edm.Int32)'],
      })
    })
  },
)

describe('functions in expressions under permissions', async () => {
  const issuer = await issuerForTests()
  const authenticate = await bearerAuthentication(issuer.options)
  onEveryService('calls', 'test/models/calls.xml', { authenticate, operations }, (running) => {
    const signed = async (...roles: string[]) => ({ Authorization: `Bearer ${await issuer.token({ roles })}` })
    const { ask } = asking(running)
    beforeAll(async () => fill(running(), await signed()))

    it.each([
      ['/Orders?$filter=w.Secret() eq 7', [2]],
      ['/Orders?$compute=w.Secret() as s&$select=ID,s', [1, 2, 3, 4]],
      ['/Orders?$filter=$root/Orders(2)/w.Secret() eq 7', [1, 2, 3, 4]],
      ['/Customers?$expand=Orders($filter=w.Secret() eq 7)', [1, 2]],
    ])('%s: its scope and its headers are asked for', async (path, expected) => {
      const reason = { 'X-Reason': 'audit' }
      expect((await ask(path, { ...(await signed()), ...reason })).status).toBe(403)
      expect((await ask(path, await signed('Secret.Read'))).json.error.message).toContain('x-reason')
      const { status, json } = await ask(path, { ...(await signed('Secret.Read')), ...reason })
      expect([status, json.value.map(({ ID }) => ID)]).toEqual([200, expected])
    })

    it('are null for entities that the function is not available for', async () => {
      const headers = { ...(await signed('Secret.Read')), 'X-Reason': 'audit' }
      const { json } = await ask('/Orders?$filter=w.Secret() ne null', headers)
      expect(json.value.map(({ ID }) => ID)).toEqual([2])
    })
  })
})
