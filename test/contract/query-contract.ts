import { beforeAll, describe, expect, it } from 'vitest'
import { preparePredicate } from '../../src/eval/compile.ts'
import { prepareOrder } from '../../src/eval/order.ts'
import type { Keyset } from '../../src/store/port.ts'
import { type Client, collect, collectionOf, decoded, layout, planOf, sessionOf } from './kit.ts'

const instants = [
  '2017-01-01T00:03:18.9597073-08:00',
  '2017-01-01T08:03:18.9597073Z',
  '2017-01-01T08:03:18.9597074Z',
  '2017-01-01T08:03:18.959Z',
  '2017-01-01T08:03:18.960Z',
  '1969-12-31T23:59:59.9999999Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999999Z',
]

/** Every value of every kind that is likely to go wrong, and rows without it. */
const things: readonly object[] = [
  { id: 'none' },
  ...instants.map((at, i) => ({ id: `at-${i}`, at, address: { since: at } })),
  ...[-2147483648, -1, 0, 1, 5, 2147483647].map((number, i) => ({ id: `number-${i}`, number, text: `n${number}` })),
  ...['-9223372036854775808', '9007199254740992', '9007199254740993', '0'].map((big, i) => ({ id: `big-${i}`, big })),
  ...['NaN', 'INF', '-INF', 0.1, -0.1, 0, 1e300].map((ratio, i) => ({
    id: `ratio-${i}`,
    ratio,
    short: i === 3 ? 0.1 : ratio === 1e300 ? 1 : ratio,
  })),
  ...['0.1', '0.10', '-5', '12345678901234567890.123456789', '5'].map((price, i) => ({ id: `price-${i}`, price })),
  ...[
    '',
    'a',
    'A',
    'ab',
    'a.b',
    'a*b',
    'b\\',
    'line\n',
    'line',
    'ä',
    '\uE000',
    '\u{1F600}',
    "it's",
    '100%',
    'x\u0000y',
    ' a ',
  ].map((text, i) => ({ id: `text-${String(i).padStart(2, '0')}`, text, note: i % 3 === 0 ? text : 'a' })),
  { id: 'flag-0', flag: false, number: 5 },
  { id: 'flag-1', flag: true, number: 5 },
  { id: 'guid-0', guid: '00000000-0000-0000-0000-000000000001', bytes: '' },
  { id: 'guid-1', guid: 'ffffffff-0000-0000-0000-000000000000', bytes: 'AAE=' },
  { id: 'guid-2', guid: '0fffffff-0000-0000-0000-000000000000', bytes: '/w==' },
  { id: 'day-0', day: '2024-02-29', time: '10:00:00' },
  { id: 'day-1', day: '0001-01-01', time: '10:00:00.5' },
  { id: 'day-2', day: '9999-12-31', time: '23:59:59.999999999999' },
  { id: 'span-0', span: 'PT1S' },
  { id: 'span-1', span: '-PT0.0000001S' },
  { id: 'span-2', span: 'PT0.000000000001S' },
  { id: 'color-0', color: 'Red', rights: 'Read' },
  { id: 'color-1', color: 'Blue', rights: 'Read,Own' },
  { id: 'color-2', color: 'Green', rights: '0' },
  { id: 'address-0', address: { city: 'Ulm' } },
  { id: 'address-1', address: { city: 'Aachen', zip: 5 } },
  { id: 'address-2', address: {} },
  { id: 'tags-0', tags: [] },
  { id: 'tags-1', tags: ['a', 'b'] },
  { id: 'heavy-0', '@type': '#contract.HeavyThing', weight: 5, number: 1 },
  { id: 'heavy-1', '@type': '#contract.HeavyThing', number: 5 },
]

const operators = ['eq', 'ne', 'gt', 'ge', 'lt', 'le']
const literals: Readonly<Record<string, readonly string[]>> = {
  id: [`'none'`, `'m'`, 'null'],
  text: [`'a'`, `''`, `'ä'`, `'\u{1F600}'`, 'null'],
  number: ['0', '5', '2147483647', '-1', '4.5', '5000000000', '5.0', 'null'],
  big: ['9007199254740993', '0', '-9223372036854775808', '9007199254740992.5', 'null'],
  flag: ['true', 'false', 'null'],
  price: ['0.1', '5', '12345678901234567890.123456789', 'null'],
  ratio: ['0.1', 'NaN', 'INF', '-INF', '0', 'null'],
  short: ['0.1', '0.5', 'NaN', 'null'],
  guid: ['0FFFFFFF-0000-0000-0000-000000000000', 'null'],
  bytes: [`binary'AAE='`, `binary''`, 'null'],
  at: [...instants, 'null'],
  day: ['2024-02-29', '9999-12-31', 'null'],
  time: ['10:00:00', '10:00:00.5', 'null'],
  span: [`duration'PT1S'`, `duration'PT0.000000000001S'`, `duration'PT0S'`, 'null'],
  color: [`contract.Color'Green'`, 'null'],
  'address/city': [`'Ulm'`, 'null'],
  'address/zip': ['5', 'null'],
  'address/since': [instants[1] ?? '', 'null'],
}

/** Binary, Boolean and enumerations have equality only, or as their section says. */
const operatorsOf = (property: string) => (property === 'bytes' ? ['eq', 'ne'] : operators)

const comparisons = Object.entries(literals).flatMap(([property, values]) =>
  values.flatMap((value) => operatorsOf(property).map((operator) => `${property} ${operator} ${value}`)),
)

const composed = [
  'number gt 0 and number lt 5',
  'number eq 5 or flag',
  'not flag',
  'not (flag or number eq 5)',
  'not (flag and number eq 5)',
  'not (number gt 0)',
  'not (number in (0,5))',
  'number in (0,5,null)',
  'number in (0,5)',
  'not (number in (5,null))',
  'ratio in (NaN,0.1)',
  `text in ('a','ab',null)`,
  `guid in (0fffffff-0000-0000-0000-000000000000,00000000-0000-0000-0000-000000000001)`,
  `at in (${instants[1]},${instants[3]},null)`,
  'flag eq (number eq 5)',
  'flag eq null',
  '(number gt 3) eq true',
  `contains(text,'a')`,
  `not contains(text,'a')`,
  `contains(text,'')`,
  `not contains(text,'')`,
  `contains(text,null)`,
  `not contains(text,null)`,
  `contains(text,'.')`,
  `contains(text,'*')`,
  `contains(text,'\u0000')`,
  `contains(text,'\n')`,
  `contains(text,'''')`,
  `startswith(text,'a')`,
  `startswith(text,'b\\')`,
  `startswith(text,' ')`,
  `not startswith(text,'a')`,
  `endswith(text,'line')`,
  `endswith(text,'b')`,
  `endswith(text,'\\')`,
  `not endswith(text,'b')`,
  `startswith(id,'number-') and not endswith(id,'0')`,
  `contains(text,'${'a'.repeat(5_000)}')`,
  `not startswith(text,'${'a'.repeat(5_000)}')`,
  `contains(text,'a') eq false`,
  `contains(text,'a') eq null`,
  'number eq address/zip',
  'number add 1 eq 6',
  'length(text) eq 1',
  `tolower(text) eq 'a'`,
  `concat(text,note) eq 'aa'`,
  'text eq note',
  'year(at) eq 2017',
  `rights has contract.Rights'Own'`,
  `not (rights has contract.Rights'Own')`,
  `tags/any(t:t eq 'a')`,
  `not tags/any(t:t eq 'a')`,
  'tags/any()',
  `tags/$count eq 2`,
  'true',
  'false',
  'null eq null',
  '5 gt 3',
  'number gt 2 mul 2',
  'contract.HeavyThing/weight eq 5',
  'contract.HeavyThing/weight eq null',
  `isof('contract.HeavyThing')`,
  `number eq 5 and (contains(text,'a') or not (ratio gt 0)) and not (at gt ${instants[0]})`,
]

const orders = [
  'id',
  'id desc',
  'number',
  'number desc',
  'number desc,id desc',
  'ratio',
  'ratio desc',
  'short desc',
  'price',
  'price desc',
  'big desc',
  'text',
  'text desc',
  'at',
  'at desc',
  'at,number desc',
  'address/since desc,text',
  'flag desc,number,id desc',
  'guid desc',
  'day desc',
  'time',
  'span',
  'span desc',
  'color desc',
  'address/city desc,address/zip',
  'length(text) desc',
  'number add 1',
  'number,number desc',
  'contract.HeavyThing/weight desc',
]

/** Filters, orders, pages, counts. What is right says `eval/`; some cases say it themselves. */
export function queryContract(client: () => Client): void {
  let rows: readonly Uint8Array[]
  beforeAll(async () => {
    await client().createAll('things', things)
    rows = await client().all('things')
  })

  const context = (url: string) => ({
    layout,
    collection: collectionOf('things'),
    type: planOf('GET', url).plan.source.type,
  })

  const expected = (url: string): readonly unknown[] => {
    const { plan, parameters } = planOf('GET', url)
    const test = plan.filter ? preparePredicate(plan.filter, context(url))(parameters) : () => true
    const order = prepareOrder(plan.orderby, context(url))(parameters)
    return rows
      .filter((row) => test(row))
      .map((row) => ({ row, keyset: order.keyset(row) }))
      .sort((a, b) => order.compare(a.keyset, b.keyset))
      .map(({ row }) => decoded(row)._id)
  }

  it('gives every row once', () => {
    expect(rows.length).toBe(things.length)
    expect(new Set(rows.map((row) => decoded(row)._id)).size).toBe(things.length)
  })

  describe('filters', () => {
    it('says with its own words what a few filters mean', async () => {
      const ids = (filter: string) => client().keys(`things?$filter=${filter}&$orderby=id`)
      expect(await ids('number gt 1')).toEqual(['flag-0', 'flag-1', 'heavy-1', 'number-4', 'number-5'])
      expect(await ids('number eq null')).toHaveLength(things.length - 10)
      expect(await ids('not (number gt 1)')).toHaveLength(things.length - 5)
      expect(await ids('ratio eq NaN')).toEqual([])
      expect(await ids('ratio lt 0')).toEqual(['ratio-2', 'ratio-4'])
      expect(await ids(`at eq ${instants[0]}`)).toEqual(['at-0', 'at-1'])
      expect(await ids(`at gt ${instants[0]} and at lt ${instants[4]}`)).toEqual(['at-2'])
      expect(await ids('big eq 9007199254740993')).toEqual(['big-2'])
      expect(await ids(`endswith(text,'line')`)).toEqual(['text-08'])
      expect(await ids(`contains(text,'a.b')`)).toEqual(['text-04'])
      expect(await ids('price eq 0.1')).toEqual(['price-0', 'price-1'])
      expect(await ids('ratio eq 0.1')).toEqual(['ratio-3'])
    })

    it.each(Object.keys(literals))('compares %s with values, null and the other side', async (property) => {
      const own = comparisons.filter((filter) => filter.startsWith(`${property} `))
      expect(own.length).toBeGreaterThan(5)
      for (const filter of own) {
        const url = `things?$filter=${filter}`
        expect([filter, await client().keys(url)]).toEqual([filter, expected(url)])
        const negated = `things?$filter=not (${filter})`
        expect([`not ${filter}`, await client().keys(negated)]).toEqual([`not ${filter}`, expected(negated)])
      }
    })

    it.each(composed)('%s', async (filter) => {
      const url = `things?$filter=${filter}`
      expect(await client().keys(url)).toEqual(expected(url))
      expect(await client().count(`things/$count?$filter=${filter}`)).toBe(expected(url).length)
    })

    it('follows the path: casts, filters, keys', async () => {
      expect(await client().keys('things/contract.HeavyThing?$orderby=id')).toEqual(['heavy-0', 'heavy-1'])
      expect(await client().count('things/contract.HeavyThing/$count?$filter=number eq 5')).toBe(1)
      expect(await client().one(`things('heavy-0')/contract.HeavyThing`)).toBeDefined()
      expect(await client().one(`things('none')/contract.HeavyThing`)).toBeUndefined()
    })
  })

  describe('orders and pages', () => {
    it.each(orders)('orders by %s, whole and page by page', async (orderby) => {
      const url = `things?$orderby=${orderby}`
      const all = expected(url)
      expect(await client().keys(url)).toEqual(all)
      for (const size of [1, 7]) {
        const walked: unknown[] = []
        let after: Keyset | undefined
        const { plan, parameters } = planOf('GET', url)
        const order = prepareOrder(plan.orderby, context(url))(parameters)
        for (let page = 0; page <= things.length; page++) {
          const batch = await client().all(url, { after, limit: size })
          expect(batch.length).toBeLessThanOrEqual(size)
          walked.push(...batch.map((row) => decoded(row)._id))
          const last = batch.at(-1)
          if (last === undefined) break
          after = order.keyset(last) as Keyset
        }
        expect(walked).toEqual(all)
      }
    })

    it('pages under filters that are tested here and there', async () => {
      for (const filter of ['number ge 0', 'length(text) ge 1', `contains(text,'a') or at ne null`]) {
        const url = `things?$filter=${filter}&$orderby=at desc,text`
        const { plan, parameters } = planOf('GET', url)
        const order = prepareOrder(plan.orderby, context(url))(parameters)
        const walked: unknown[] = []
        let after: Keyset | undefined
        for (;;) {
          const batch = await client().all(url, { after, limit: 3 })
          walked.push(...batch.map((row) => decoded(row)._id))
          const last = batch.at(-1)
          if (last === undefined) break
          after = order.keyset(last) as Keyset
        }
        expect([filter, walked]).toEqual([filter, expected(url)])
      }
    })

    it('skips and cuts', async () => {
      for (const filter of ['true', 'length(text) ge 1']) {
        const all = expected(`things?$filter=${filter}&$orderby=text desc`)
        const ask = (options: string, limit?: number) =>
          client().keys(`things?$filter=${filter}&$orderby=text desc${options}`, { limit })
        expect(await ask('&$top=5')).toEqual(all.slice(0, 5))
        expect(await ask('&$skip=3')).toEqual(all.slice(3))
        expect(await ask('&$skip=3&$top=4')).toEqual(all.slice(3, 7))
        expect(await ask('&$skip=3&$top=4', 2)).toEqual(all.slice(3, 5))
        expect(await ask('&$top=2', 4)).toEqual(all.slice(0, 2))
        expect(await ask('&$skip=1000')).toEqual([])
        expect(await ask('', 0)).toEqual([])
      }
    })

    it('sorts keys of several parts', async () => {
      await client().createAll(
        'pairs',
        [2, 10, 1].flatMap((right) => ['b', 'a'].map((left) => ({ left, right, value: right }))),
      )
      const keys = async (query: string) =>
        (await client().keys(`pairs${query}`)).map((id) => Object.values(id as object).join(''))
      expect(await keys('')).toEqual(['a1', 'a2', 'a10', 'b1', 'b2', 'b10'])
      expect(await keys('?$orderby=right desc')).toEqual(['a10', 'b10', 'a2', 'b2', 'a1', 'b1'])
      expect(await keys(`?$filter=left eq 'b' and right gt 1`)).toEqual(['b2', 'b10'])
      const after: Keyset = ['a', 10]
      expect((await client().all('pairs', { after, limit: 2 })).map((row) => decoded(row)._id)).toEqual([
        { left: 'b', right: 1 },
        { left: 'b', right: 2 },
      ])
    })

    it('filters and sorts keys that are instants', async () => {
      const all = ['2020-01-01T00:00:00.1234567Z', '2020-01-01T01:00:00+02:00', '2020-01-01T00:00:00Z']
      await client().createAll(
        'moments',
        all.map((at, value) => ({ at, value })),
      )
      const values = async (query: string, after?: Keyset) =>
        (await client().all(`moments${query}`, { after })).map((row) => decoded(row).value)
      expect(await values('')).toEqual([1, 2, 0])
      expect(await values('?$filter=at ge 2020-01-01T00:00:00Z')).toEqual([2, 0])
      expect(await values('?$filter=at eq 2019-12-31T23:00:00Z')).toEqual([1])
      const after: Keyset = [{ kind: 'dateTimeOffset', ms: Date.UTC(2020, 0, 1), sub: 0, offset: 0, digits: 0 }]
      expect(await values('', after)).toEqual([0])
      expect(await values('?$orderby=at desc', after)).toEqual([1])
    })
  })

  describe('streams', () => {
    const many = 3_000
    beforeAll(async () => {
      for (let i = 0; i < many; i += 500)
        await client().createAll(
          'numbered',
          Array.from({ length: 500 }, (_, j) => ({ n: i + j, value: (i + j) % 10 })),
        )
    })

    it('streams all rows in batches', async () => {
      const rows = await client().rows('numbered')
      expect(rows.first.length).toBeGreaterThan(0)
      const all = await collect(rows)
      expect(all.map((row) => Number(decoded(row)._id))).toEqual(Array.from({ length: many }, (_, i) => i))
    })

    it('cuts a stream where the limit says, and tells when the first batch is all', async () => {
      expect(await client().keys('numbered', { limit: 2_500 })).toHaveLength(2_500)
      const page = await client().rows('numbered', { limit: 20 })
      expect(page.first).toHaveLength(20)
      expect(page.complete).toBe(true)
      expect(await collect(page)).toHaveLength(20)
    })

    it('can be given up, before the first batch is read and in the middle', async () => {
      const unread = await client().rows('numbered')
      await unread.close()
      const rows = await client().rows('numbered')
      for await (const batch of rows.batches) {
        expect(batch.length).toBeGreaterThan(0)
        break
      }
      expect(await client().count('numbered/$count')).toBe(many)
    })

    it('counts under filters of both kinds', async () => {
      expect(await client().count('numbered/$count')).toBe(many)
      expect(await client().count('numbered/$count?$filter=value eq 3')).toBe(many / 10)
      expect(await client().count('numbered/$count?$filter=value mod 5 eq 3')).toBe(many / 5)
    })

    it('gives up where the caller is gone', async () => {
      const controller = new AbortController()
      controller.abort(new Error('gone'))
      await expect(client().all('numbered', { signal: controller.signal })).rejects.toThrow()
      const later = new AbortController()
      const rows = await client().rows('numbered', { signal: later.signal })
      await expect(async () => {
        for await (const _ of rows.batches) later.abort(new Error('gone'))
      }).rejects.toThrow()
    })
  })

  describe('row filters', () => {
    /** The rows that the caller may see: those whose number is 5. */
    const { plan, parameters } = planOf('GET', 'things?$filter=number eq 5')
    const { plan: hard } = planOf('GET', 'things?$filter=number add 0 eq 5')
    const filters = { native: plan.filter, tested: hard.filter }

    it.each(['native', 'tested'] as const)('hold in every operation (%s)', async (kind) => {
      const predicate = filters[kind]
      if (predicate === undefined) throw new Error('no filter')
      const own = kind === 'native' ? parameters : planOf('GET', 'things?$filter=number add 0 eq 5').parameters
      const rowFilters = new Map([['things', predicate]])
      const visible = ['flag-0', 'flag-1', 'heavy-1', 'number-4']
      const { store } = client()
      const list = planOf('GET', 'things?$orderby=id').plan
      const ids = (await collect(await store.read(list, sessionOf(own, { rowFilters })))).map((row) => decoded(row)._id)
      expect(ids).toEqual(visible)
      const point = planOf('GET', `things('number-4')`)
      // the key's parameter comes first, the row filter's after: a filter of its own numbering
      const shifted = shift(predicate, point.parameters.length)
      const sessionFor = (key: string) => sessionOf([key, ...own], { rowFilters: new Map([['things', shifted]]) })
      expect(decoded(await store.readOne(point.plan, sessionFor('number-4')))._id).toBe('number-4')
      expect(await store.readOne(point.plan, sessionFor('number-3'))).toBeUndefined()
      // joined in the same turn: nobody gets what is another's to see
      const [mine, hidden, free] = await Promise.all([
        store.readOne(point.plan, sessionFor('number-4')),
        store.readOne(point.plan, sessionFor('number-3')),
        store.readOne(point.plan, sessionOf(['number-3'])),
      ])
      expect([mine !== undefined, hidden, free !== undefined]).toEqual([true, undefined, true])
      const patch = planOf('PATCH', `things('number-3')`).plan
      const change = { kind: 'merge', set: { note: 'changed' }, unset: [] } as const
      expect(await store.update(patch, sessionFor('number-3'), change)).toEqual({ kind: 'missing' })
      expect((await store.update(patch, sessionFor('number-4'), change)).kind).toBe('updated')
      const remove = planOf('DELETE', `things('number-3')`).plan
      expect(await store.delete(remove, sessionFor('number-3'))).toEqual({ kind: 'missing' })
      expect(decoded(await client().one(`things('number-3')`)).note).toBeUndefined()
    })
  })
}

/** The same expression with its parameters numbered from further on. */
function shift<T>(node: T, by: number): T {
  if (Array.isArray(node)) return node.map((item) => shift(item, by)) as T
  if (typeof node !== 'object' || node === null) return node
  const kind = (node as { kind?: string }).kind
  if (kind === 'parameter') return { ...node, index: (node as unknown as { index: number }).index + by }
  if (kind === 'binary' || kind === 'convert' || kind === 'unary')
    return Object.fromEntries(
      Object.entries(node).map(([name, value]) => [
        name,
        name === 'type' || name === 'target' ? value : shift(value, by),
      ]),
    ) as T
  return node
}
