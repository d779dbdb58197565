import { beforeAll, describe, expect, it } from 'vitest'
import { ODataError } from '../../src/errors/odata-error.ts'
import type { OperationContext } from '../../src/service/operations/handlers.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { onEveryService, type RunningService } from '../support/running-service.ts'

type Values = { readonly [name: string]: unknown }

/** What handlers were called with. */
let calls: [operation: string, values: Values][] = []
const failing = false

const stock = (book: PlainObject): bigint => book.Stock as bigint

const operations = {
  'lib.Discounted': async ({ percent }: Values, context: OperationContext) => {
    const book = (await context.binding()) as PlainObject
    return book.Price === null ? null : (Number(book.Price) * (1 - Number(percent) / 100)).toFixed(2)
  },
  'lib.Kind(lib.Book)': () => 'paper',
  'lib.Kind(lib.AudioBook)': async (_: Values, { binding }: OperationContext) =>
    `${((await binding()) as PlainObject).Minutes} minutes`,
  'lib.Writer': async (_: Values, context: OperationContext) =>
    (await context.send('GET', `${context.path}/Author`)) as PlainObject | undefined,
  'lib.Sell': async (values: Values, context: OperationContext) => {
    calls.push([context.operation, values])
    const book = (await context.binding()) as PlainObject
    const left = stock(book) - (values.count as bigint)
    const sold = await context.send('PATCH', context.path ?? '', { Stock: left })
    if (left < 0n) throw new ODataError('conflict', 'So many are not there.', { target: 'count' })
    return sold
  },
  'lib.Longest': async (_: Values, context: OperationContext) => {
    const books = (await context.binding()) as PlainObject[]
    return books.toSorted((a, b) => Number(b.Pages) - Number(a.Pages))[0]
  },
  'lib.Burn': async (_: Values, context: OperationContext) => {
    const books = (await context.binding()) as PlainObject[]
    for (const { ID } of books) await context.send('DELETE', `Books(${ID})`)
    if (failing) throw new ODataError('conflict', 'It rains.')
    return books.length
  },
  'lib.Area': async (_: Values, context: OperationContext) => {
    const size = (await context.binding()) as PlainObject | null
    return size && Number(size.Width) * Number(size.Height)
  },
  'lib.Loud': async (_: Values, context: OperationContext) =>
    ((await context.binding()) as string[]).map((word) => word.toUpperCase()),
  'lib.Cheapest': async ({ count }: Values, context: OperationContext) => {
    calls.push([context.operation, { count }])
    const { value } = (await context.send('GET', `Books?$orderby=Price&$top=${count}`)) as { value: PlainObject[] }
    return value
  },
  'lib.Sizes': () => [
    { Width: 3, Height: 4 },
    { Width: 1, Height: null },
    { Width: 2, Height: 2 },
  ],
  'lib.Numbers': ({ from }: Values) => from,
  'lib.Fit': ({ size, shelf }: Values) => (shelf === 'Back' ? null : size),
  'lib.Place': ({ book }: Values) => {
    calls.push(['lib.Place', { book }])
    return 'Back'
  },
  'lib.Reports': () => [
    { '@odata.type': '#lib.CountReport', Code: 'b', Count: 2 },
    { '@odata.type': '#lib.CountReport', Code: 'a', Count: 1 },
  ],
  'lib.Anything': () => 'a text',
  'lib.Picture': () => null,
  'lib.Secret': () => 'hidden',
  'lib.Restock': async ({ books, by }: Values, context: OperationContext) => {
    const changed: unknown[] = []
    for (const id of books as number[]) {
      const book = (await context.send('GET', `Books(${id})`)) as PlainObject
      changed.push(await context.send('PATCH', `Books(${id})`, { Stock: Number(book.Stock) + Number(by) }))
    }
    return changed
  },
  'lib.Ping': () => undefined,
}

const settings = { enforcePermissions: false, operations }

async function json(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
}

async function fill({ send }: RunningService): Promise<void> {
  const put = async (path: string, body: object) => expect((await send('PUT', path, body)).status).toBeLessThan(300)
  await put('/Authors(1)', { Name: 'Ann' })
  await put('/Books(1)', { Title: 'One', Pages: 100, Price: 10, Stock: 5, AuthorID: 1, Tags: ['x', 'y'] })
  await put('/Books(2)', { Title: 'Two', Pages: 300, Price: 30, Stock: 5, Size: { Width: 3, Height: 5 }, Tags: [] })
  await put('/Books(3)', { '@odata.type': '#lib.AudioBook', Title: 'Three', Price: 20, Stock: 0, Minutes: 90 })
}

onEveryService('operations', 'test/models/operations.xml', settings, (running) => {
  const get = async (path: string, headers?: Record<string, string>) => json(await running().get(path, headers))
  const post = async (path: string, body?: unknown, headers?: Record<string, string>) =>
    json(await running().send('POST', path, body, headers))
  beforeAll(() => fill(running()))

  describe('functions', () => {
    it('bound to an entity get its values', async () => {
      const { status, body } = await get('/Books(1)/lib.Discounted(percent=25)')
      expect([status, body.value]).toEqual([200, 7.5])
      expect(body['@odata.context']).toBe(`${running().root}/$metadata#Edm.Decimal`)
      expect((await get('/Books(9)/lib.Discounted(percent=25)')).status).toBe(404)
    })

    it('are chosen by the type that the URL says', async () => {
      expect((await get('/Books(3)/lib.Kind()')).body.value).toBe('paper')
      expect((await get('/Books(3)/lib.AudioBook/lib.Kind()')).body.value).toBe('90 minutes')
      expect((await get('/Books(1)/lib.AudioBook/lib.Kind()')).status).toBe(404)
    })

    it('imported give entities of a set, in their own order, with every option', async () => {
      const { body } = await get('/Cheapest(count=3)')
      const titles = (rows: unknown) => (rows as { Title: string }[]).map(({ Title }) => Title)
      expect(titles(body.value)).toEqual(['One', 'Three', 'Two'])
      expect(body['@odata.context']).toBe(`${running().root}/$metadata#Books`)
      const asked = await get(
        '/Cheapest(count=3)?$filter=Stock gt 1&$orderby=Title desc&$select=Title&$expand=Author&$count=true',
      )
      expect(asked.body).toMatchObject({ '@odata.count': 2, value: [{ Title: 'Two', Author: null }, { Title: 'One' }] })
      expect(asked.body).toMatchObject({ value: [{}, { Author: { Name: 'Ann' } }] })
      expect(titles((await get('/Cheapest(count=@p)?@p=2&$search=three')).body.value)).toEqual(['Three'])
      expect(titles((await get('/Cheapest(count=3)?$skip=1&$top=1')).body.value)).toEqual(['Three'])
      expect((await get('/Cheapest(count=3)/$count')).body).toBe(3)
      expect((await get('/Cheapest(count=3)(2)/Title')).body.value).toBe('Two')
      expect((await get('/Cheapest(count=2)(2)')).status).toBe(404)
      expect(titles((await get('/Cheapest(count=3)/lib.AudioBook')).body.value)).toEqual(['Three'])
      expect((await get('/Cheapest(count=3)(1)/Author')).body.Name).toBe('Ann')
    })

    it('are called once a request, and page by page', async () => {
      calls = []
      const first = await get('/Cheapest(count=3)?$count=true', { Prefer: 'maxpagesize=2' })
      expect(calls).toHaveLength(1)
      expect((first.body.value as unknown[]).length).toBe(2)
      const next = String(first.body['@odata.nextLink']).slice(running().root.length)
      expect((await get(next)).body.value).toMatchObject([{ Title: 'Two' }])
    })
  })

  describe('actions', () => {
    it('change entities and give them back', async () => {
      const { status, body } = await post('/Books(2)/lib.Sell', { count: 2, note: 'now' })
      expect([status, body.Stock]).toEqual([200, 3])
      expect(body['@odata.context']).toBe(`${running().root}/$metadata#Books/$entity`)
      expect((await get('/Books(2)')).body.Stock).toBe(3)
    })

    it('without a result answer 204, with or without a body', async () => {
      expect((await post('/Ping')).status).toBe(204)
      expect((await post('/Ping', {})).status).toBe(204)
    })

    it('take back what they did where they fail', async () => {
      const before = (await get('/Books(1)')).body.Stock
      const { status, body } = await post('/Books(1)/lib.Sell', { count: 99 })
      expect([status, body]).toMatchObject([409, { error: { code: 'conflict', target: 'count' } }])
      expect((await get('/Books(1)')).body.Stock).toBe(before)
    })
  })
})
