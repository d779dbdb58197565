import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongodb } from '../support/mongod.ts'
import { embeddedForTests, mongoForTests, type RunningService, startService } from '../support/running-service.ts'
import { seed } from './two-stores.ts'

/**
 * Random transformation sequences over random sales: both stores must give the same instances in the same order, page by page too,
 * and never a 500; what a simple grouping gives is calculated here once more, from the plain collection.
 */

const { uri, reason } = mongodb()
const runs = process.env.ODATUM_TEST_LONG === '1' ? 2_000 : 70

const organizations = ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6']
const products = ['p0', 'p1', 'p2', 'p3', 'p4']
const customers = ['c0', 'c1', 'c2', 'c3']
const days = ['2022-01-03', '2022-02-04', '2022-04-01', '2023-01-03']
const amounts = ['0', '1', '2.50', '2.5', '-3.125', '9007199254740993', '0.1', '1234567890123456789012.75']
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 6 })

interface Sale {
  readonly ID: string
  readonly Amount: string | null
  readonly CustomerID: string | null
  readonly TimeDate: string | null
  readonly ProductID: string | null
  readonly SalesOrganizationID: string | null
}

const sales = fc.array(
  fc.record({
    Amount: orNull(fc.constantFrom(...amounts)),
    CustomerID: orNull(fc.constantFrom(...customers, 'gone')),
    TimeDate: orNull(fc.constantFrom(...days)),
    ProductID: orNull(fc.constantFrom(...products)),
    SalesOrganizationID: orNull(fc.constantFrom(...organizations)),
  }),
  { minLength: 30, maxLength: 40 },
)

const hierarchy = '$root/SalesOrganizations,SalesOrgHierarchy'
const path = fc.constantFrom(
  'Amount',
  'CustomerID',
  'TimeDate',
  'Customer/Country',
  'Customer/Name',
  'Product/Category/Name',
  'Product/Color',
  'SalesModel.Sale/ProductID',
  'Customer',
  'Time',
  'Time/Year',
)
const value = fc.constantFrom('Amount', 'Amount add 1', 'Product/TaxRate', 'Time/Year', 'Amount mul Product/TaxRate')
const condition = fc.constantFrom(
  'Amount gt 1',
  'Amount eq null',
  "Customer/Country eq 'USA'",
  'Product/Sales/$count gt 2',
  'Product/Sales/any(s:s/Amount gt 2)',
  'isdefined(Product)',
  'Amount ge $these/aggregate(Amount with average)',
  "Aggregation.isdescendant(HierarchyNodes=$root/SalesOrganizations,HierarchyQualifier='SalesOrgHierarchy',Node=SalesOrganization/ID,Ancestor='o1')",
)
const method = fc.constantFrom('sum', 'min', 'max', 'average', 'countdistinct')
let aliases = 0
const alias = () => `a${aliases++ % 1000}`
const aggregate = fc
  .oneof(
    fc.tuple(value, method).map(([v, m]) => `${v} with ${m}`),
    fc.constantFrom('$count', 'Customer/$count', 'Product with countdistinct', 'Product/Sales/Amount with sum'),
    fc.tuple(method, path, method).map(([m, p, n]) => `Amount with ${m} from ${p} with ${n === 'sum' ? 'max' : n}`),
  )
  .map((text) => `${text} as ${alias()}`)
const grouping = fc.oneof(
  { arbitrary: path, weight: 4 },
  { arbitrary: fc.constant('rollup(Customer/Country,Customer/Name)'), weight: 1 },
  { arbitrary: fc.constant('rollup($all,TimeDate)'), weight: 1 },
  { arbitrary: fc.constant(`rolluprecursive(${hierarchy},SalesOrganization/ID)`), weight: 1 },
)
const distinct = (list: readonly string[]) => [...new Set(list)].join(',')

const { sequence } = fc.letrec<{ step: string; sequence: string }>((tie) => ({
  sequence: fc.array(tie('step'), { minLength: 1, maxLength: 3 }).map((steps) => steps.join('/')),
  step: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    condition.map((text) => `filter(${text})`),
    aggregate.map((text) => `aggregate(${text})`),
    value.map((text) => `compute(${text} as ${alias()})`),
    value.map((text) => `orderby(${text} desc)`),
    fc.constantFrom('identity', 'top(7)', 'skip(3)', 'search(c1 OR p2)', 'join(Product/Sales as X)'),
    fc
      .tuple(
        fc.constantFrom('topcount(5', 'bottomcount(3', 'toppercent(40', 'bottompercent(40', 'topsum(5', 'bottomsum(9'),
        value,
      )
      .map(([start, v]) => `${start},${v})`),
    fc
      .tuple(fc.array(grouping, { minLength: 1, maxLength: 2 }), aggregate)
      .map(([g, a]) => `groupby((${distinct(g)}),aggregate(${a}))`),
    fc.array(grouping, { minLength: 1, maxLength: 2 }).map((g) => `groupby((${distinct(g)}))`),
    fc.tuple(path, tie('sequence')).map(([p, s]) => `groupby((${p}),${s})`),
    fc.tuple(tie('sequence'), tie('sequence')).map(([a, b]) => `concat(${a},${b})`),
    tie('sequence').map((s) => `nest(${s} as ${alias()})`),
    fc.constantFrom(
      `ancestors(${hierarchy},SalesOrganization/ID,filter(Amount gt 2),keep start)`,
      `descendants(${hierarchy},SalesOrganization/ID,filter(Amount gt 2),1)`,
      `traverse(${hierarchy},SalesOrganization/ID,preorder)`,
      `traverse(${hierarchy},SalesOrganization/ID,postorder,Name desc)`,
    ),
  ),
}))

describe.skipIf(uri === undefined)(`$apply on both stores (seed ${seed})${reason}`, () => {
  let services: readonly RunningService[] = []
  let rows: readonly Sale[] = []

  beforeAll(async () => {
    services = await Promise.all([
      startService('test/models/sales.xml', embeddedForTests(), {}),
      startService('test/models/sales.xml', mongoForTests(uri ?? ''), {}),
    ])
    const [made = []] = fc.sample(sales, { seed, numRuns: 1 })
    rows = made.map((row, i) => ({ ID: `s${String(i).padStart(2, '0')}`, ...row }))
    const bodies: (readonly [string, unknown])[] = [
      ...organizations.map((ID, i): readonly [string, unknown] => [
        '/SalesOrganizations',
        { ID, Name: `n${(i * 3) % 7}`, SuperordinateID: i === 0 || i === 5 ? null : organizations[(i - 1) >> 1] },
      ]),
      ['/Categories', { ID: 'g', Name: 'Food' }],
      ...products.map((ID, i): readonly [string, unknown] => [
        '/Products',
        {
          '@odata.type': `#SalesModel.${i % 2 ? 'Food' : 'NonFood'}Product`,
          ID,
          Color: ['red', null, 'blue'][i % 3],
          TaxRate: [0.06, null, 0.14][i % 3],
          CategoryID: i < 3 ? 'g' : null,
        },
      ]),
      ...customers.map((ID, i): readonly [string, unknown] => [
        '/Customers',
        { ID, Name: ['Joe', 'Sue', 'Sue', null][i], Country: ['USA', 'USA', null, 'NL'][i] },
      ]),
      ...days.map((day): readonly [string, unknown] => ['/Time', { Date: day, Year: Number(day.slice(0, 4)) }]),
      ...rows.map(({ Amount, ...row }): readonly [string, unknown] => ['/Sales', { ...row, Amount }]),
    ]
    await Promise.all(
      services.map(async (service) => {
        for (const [place, body] of bodies) {
          const headers = { 'Content-Type': 'application/json;IEEE754Compatible=true' }
          const answer = await service.send('POST', place, body, headers)
          expect(answer.status, `${JSON.stringify(body)}: ${await answer.text()}`).toBe(201)
        }
      }),
    )
  })
  afterAll(() => Promise.all(services.map((service) => service.stop())))

  const read = async (service: RunningService, url: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url, { headers: { 'OData-MaxVersion': '4.01', ...headers } })
    return { status: answer.status, text: (await answer.text()).replaceAll(service.root, '') }
  }
  const values = (text: string) => (JSON.parse(text) as { value: Record<string, unknown>[] }).value

  it('gives the same instances in the same order, whole and page by page', async () => {
    const statuses = new Map<number, number>()
    const request = fc.tuple(sequence, fc.constantFrom('', '&$count=true', '&$orderby=CustomerID desc'), fc.boolean())
    await fc.assert(
      fc.asyncProperty(request, async ([apply, more, walk]) => {
        const query = `/Sales?$apply=${encodeURIComponent(apply)}${more}`
        const [embedded, mongo] = await Promise.all(
          services.map((service) => read(service, service.root + query, { Prefer: 'maxpagesize=1000' })),
        )
        expect(mongo).toEqual(embedded)
        const { status = 0, text = '' } = embedded ?? {}
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        // what the service has not got is no answer of 500 either
        expect([200, 400, 501], `${apply}: ${text}`).toContain(status)
        if (status !== 200 || !walk) return
        const [service] = services
        if (service === undefined) return
        const whole = values(text)
        const counted = await read(service, `${service.root}/Sales/$count?$apply=${encodeURIComponent(apply)}`)
        expect(counted.text, apply).toBe(String(whole.length))
        const walked: unknown[] = []
        let next: string | undefined = query
        while (next !== undefined) {
          const page = await read(service, service.root + next, { Prefer: 'maxpagesize=9' })
          expect(page.status, page.text).toBe(200)
          walked.push(...values(page.text))
          next = (JSON.parse(page.text) as { '@nextLink'?: string })['@nextLink']
        }
        expect(walked, apply).toEqual(whole)
      }),
      { seed, numRuns: runs },
    )
    expect(statuses.get(200) ?? 0).toBeGreaterThan(runs / 4)
  }, 240_000)

  it('groups and adds up like a few lines over the plain collection', async () => {
    /** in units of 1/1000 */
    const exact = (text: string): bigint => {
      const [whole = '', fraction = ''] = text.split('.')
      return BigInt(`${whole}${fraction.padEnd(3, '0')}`)
    }
    const normal = (text: unknown): bigint | null => (typeof text === 'string' ? exact(text) : null)
    const [service] = services
    if (service === undefined) return
    for (const property of ['CustomerID', 'TimeDate', 'ProductID'] as const) {
      const query = `/Sales?$apply=groupby((${property}),aggregate(Amount with sum as S,Amount with min as L,Amount with max as M,$count as N))`
      const { text } = await read(service, service.root + encodeURI(query), {
        Accept: 'application/json;IEEE754Compatible=true',
      })
      const found = new Map(values(text).map((row) => [row[property], row]))
      const groups = new Map<string | null, Sale[]>()
      for (const row of rows) groups.set(row[property], [...(groups.get(row[property]) ?? []), row])
      expect(found.size).toBe(groups.size)
      for (const [key, group] of groups) {
        const numbers = group.flatMap(({ Amount }) => (Amount === null ? [] : [exact(Amount)]))
        const sorted = [...numbers].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
        const row = found.get(key)
        expect([row?.S, row?.L, row?.M].map(normal), `${property} ${key}`).toEqual([
          numbers.length === 0 ? null : numbers.reduce((sum, number) => sum + number, 0n),
          sorted[0] ?? null,
          sorted.at(-1) ?? null,
        ])
        expect(row?.N).toBe(String(group.length))
      }
    }
  })
})
