import { deserialize } from 'bson'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { embeddedStore } from '../../../src/embedded/store.ts'
import { openTables } from '../../../src/embedded/tables.ts'
import { preparePredicate } from '../../../src/eval/compile.ts'
import { prepareOrder } from '../../../src/eval/order.ts'
import type { Keyset } from '../../../src/store/port.ts'
import { Client, collectionOf, indexedLayout, layout, planOf } from '../../contract/kit.ts'
import { freshFolder } from './support.ts'

const folders: ReturnType<typeof freshFolder>[] = []
afterAll(() => {
  for (const folder of folders) folder.remove()
})

async function opened(
  indexes: readonly (readonly string[])[],
  options: { readonly path?: string; readonly scanLimit?: number } = {},
): Promise<Client> {
  const folder = options.path === undefined ? freshFolder() : undefined
  if (folder) folders.push(folder)
  const store = embeddedStore({ path: options.path ?? folder?.path ?? '', scanLimit: options.scanLimit ?? 1_000_000 })
  await store.open(indexedLayout(indexes))
  await store.ready()
  return new Client(store)
}

const orderOf = (url: string) => {
  const { plan, parameters } = planOf('GET', url)
  return prepareOrder(plan.orderby, { layout, collection: collectionOf('things'), type: plan.source.type })(parameters)
}

/** What the answer has to be, from all rows there are. */
async function expected(client: Client, url: string): Promise<readonly unknown[]> {
  const { plan, parameters } = planOf('GET', url)
  const context = { layout, collection: collectionOf('things'), type: plan.source.type }
  const test = plan.filter ? preparePredicate(plan.filter, context)(parameters) : () => true
  const order = orderOf(url)
  const rows = (await client.all('things')).filter((row) => test(row))
  const sorted = rows.map((row) => ({ id: deserialize(row)._id, keyset: order.keyset(row) }))
  return sorted.sort((a, b) => order.compare(a.keyset, b.keyset)).map(({ id }) => id)
}

async function paged(client: Client, url: string, size: number, between?: (page: number) => Promise<unknown>) {
  const order = orderOf(url)
  const ids: unknown[] = []
  let after: Keyset | undefined
  for (let page = 0; ; page++) {
    const rows = await client.all(url, { after, limit: size })
    ids.push(...rows.map((row) => deserialize(row)._id))
    const last = rows.at(-1)
    if (last === undefined) return ids
    after = order.keyset(last) as Keyset
    await between?.(page)
  }
}

const longText = fc.constantFrom(
  '',
  'a',
  'b\0',
  'x'.repeat(250),
  'x'.repeat(251),
  `${'x'.repeat(260)}\0`,
  'x'.repeat(2_500),
)
const thing = fc.record(
  {
    text: longText,
    number: fc.integer({ min: -2, max: 2 }),
    ratio: fc.constantFrom('NaN', 'INF', '-INF', 0, -0.1, 0.1, 0.1000000000000001, 5e-324, -5e-324, 1e300, -1e300, 2.5),
    price: fc.constantFrom('0.1', '-0.1', '-0.10000000001', '1e30', '-1e-40', '123456789012345678901234567890.1234'),
    at: fc.constantFrom(
      '2017-01-01T00:03:18.9597073-08:00',
      '2017-01-01T08:03:18.9597074Z',
      '1969-12-31T23:59:59.9999999Z',
    ),
    flag: fc.boolean(),
  },
  { requiredKeys: [] },
)

describe('an order that an index has', () => {
  it('is that of all rows, whole, cut and page by page, with ties, nulls, NaN and values longer than an entry', async () => {
    const indexes = [['text'], ['ratio desc'], ['price'], ['flag', 'at desc'], ['number', 'text'], ['at', 'id']]
    const items = ['text', 'ratio', 'price', 'flag', 'at', 'number']
    const order = fc.array(fc.tuple(fc.constantFrom(...items, 'id'), fc.boolean()), { minLength: 1, maxLength: 3 })
    const filter = fc.constantFrom(
      '',
      'number ge 0',
      'number eq 1',
      'flag eq true',
      `startswith(text,'${'x'.repeat(251)}')`,
      `text gt '${'x'.repeat(250)}'`,
      `text lt '${'x'.repeat(255)}'`,
      'ratio gt 0.1',
      'price le -0.1',
      'number eq 0 or number eq 2',
      'number in (-1,2,null) and flag eq true',
      'at ge 2017-01-01T08:03:18.9597074Z',
      'text eq null',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(thing, { minLength: 5, maxLength: 40 }),
        fc.array(fc.record({ order, filter, top: fc.nat(6), skip: fc.nat(6) }), { minLength: 4, maxLength: 8 }),
        async (things, questions) => {
          const client = await opened(indexes)
          await client.createAll(
            'things',
            things.map((each, i) => ({ id: `k${String(i).padStart(2, '0')}`, ...each })),
          )
          for (const { order, filter, top, skip } of questions) {
            const unique = [...new Map(order)]
            const orderby = unique.map(([path, down]) => (down ? `${path} desc` : path)).join(',')
            const url = `things?$orderby=${orderby}${filter && `&$filter=${filter}`}`
            const all = await expected(client, url)
            expect([url, await client.keys(url)]).toEqual([url, all])
            expect([url, await paged(client, url, top + 1)]).toEqual([url, all])
            expect(await client.keys(`${url}&$skip=${skip}&$top=${top}`)).toEqual(all.slice(skip, skip + top))
          }
          await client.store.close()
        },
      ),
      { numRuns: 6 },
    )
  })

  it('meets no more rows than a page has, at any place, upwards and downwards', async () => {
    const client = await opened([['number']], { scanLimit: 12 })
    await client.createAll(
      'things',
      Array.from({ length: 400 }, (_, i) => ({ id: `k${i}`, number: i % 100 })),
    )
    const first = await client.all('things?$orderby=number desc', { limit: 8 })
    expect(first.map((row) => deserialize(row)._id)).toEqual([
      'k199',
      'k299',
      'k399',
      'k99',
      'k198',
      'k298',
      'k398',
      'k98',
    ])
    const page = await client.all('things?$orderby=number', { after: [50, 'k250'], limit: 4 })
    expect(page.map((row) => deserialize(row)._id)).toEqual(['k350', 'k50', 'k151', 'k251'])
    expect(await client.keys('things?$filter=number ge 20 and number lt 22')).toEqual(
      ['k120', 'k121', 'k20', 'k21', 'k220', 'k221', 'k320', 'k321'].slice(0, 8),
    )
    expect(await client.count('things/$count?$filter=number in (7,7,9) or number eq 11')).toBe(12)
    await client.store.close()
  })

  it('gives rows of one value, thousands of them, in the order of their keys', async () => {
    const client = await opened([['flag']])
    const all = Array.from({ length: 3_000 }, (_, i) => ({ id: `k${String(i).padStart(4, '0')}`, flag: i % 3 === 0 }))
    await client.createAll('things', all)
    for (const url of ['things?$orderby=flag desc', 'things?$orderby=flag,id desc', 'things?$orderby=flag'])
      expect(await client.keys(url)).toEqual(await expected(client, url))
    const page = await client.all('things?$orderby=flag desc', { after: [true, 'k2994'], limit: 3 })
    expect(page.map((row) => deserialize(row)._id)).toEqual(['k2997', 'k0001', 'k0002'])
    await client.store.close()
  })

  it('pages meet each row once that stays, while others come and go', async () => {
    const client = await opened([['number'], ['text desc']])
    const row = (i: number) => ({
      id: `k${String(i).padStart(3, '0')}`,
      number: i % 7,
      text: 'x'.repeat(240 + (i % 20)),
    })
    await client.createAll(
      'things',
      Array.from({ length: 200 }, (_, i) => row(i)),
    )
    const stays = Array.from({ length: 200 }, (_, i) => i)
      .filter((i) => i % 5 !== 0)
      .map((i) => row(i).id)
    for (const [n, order] of ['number', 'number desc', 'text', 'text desc'].entries()) {
      const met = await paged(client, `things?$orderby=${order}`, 9, (page) =>
        Promise.all([
          client.delete(`things('${row((page % 40) * 5).id}')`),
          client.create('things', { ...row(page), id: `new${n}-${page}` }),
        ]),
      )
      expect(met.filter((id) => stays.includes(String(id))).sort()).toEqual(stays)
      for (let i = 0; i < 200; i += 5) await client.create('things', row(i))
    }
    await client.store.close()
  })
})

describe('a folder of the first format', () => {
  it('gets its indexes built again', async () => {
    const folder = freshFolder()
    folders.push(folder)
    const before = await opened([['number']], { path: folder.path })
    await before.createAll(
      'things',
      Array.from({ length: 300 }, (_, i) => ({ id: `k${i}`, number: i })),
    )
    await before.store.close()
    // As the first format had it: field paths, and entries that only `eq` can use.
    const tables = openTables({ path: folder.path, mapSize: undefined, maxReaders: 10 })
    await tables.meta.put(Buffer.from('format'), Buffer.from('1'))
    for (const key of [...tables.meta.getKeys()]) {
      if (!Buffer.from(key).toString().startsWith('indexes/')) continue
      const [index] = JSON.parse(Buffer.from(tables.meta.getBinary(key) ?? []).toString())
      const { form: _, ...old } = index
      await tables.meta.put(key, Buffer.from(JSON.stringify([{ ...old, fields: ['number'] }])))
    }
    await tables.indexes.clearAsync()
    await tables.root.close()
    const after = await opened([['number']], { path: folder.path, scanLimit: 5 })
    const rows = await after.all('things?$orderby=number desc', { limit: 2 })
    expect(rows.map((row) => deserialize(row)._id)).toEqual(['k299', 'k298'])
    await after.store.close()
    const again = openTables({ path: folder.path, mapSize: undefined, maxReaders: 10 })
    expect(Buffer.from(again.meta.getBinary(Buffer.from('format')) ?? []).toString()).toBe('2')
    await again.root.close()
  })
})
