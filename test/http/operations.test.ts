import { beforeAll, describe, expect, it } from 'vitest'
import { ODataError } from '../../src/errors/odata-error.ts'
import type { DeltaChange } from '../../src/service/operations/delta-change.ts'
import type { OperationContext } from '../../src/service/operations/handlers.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { onEveryService, type RunningService } from '../support/running-service.ts'

type Values = { readonly [name: string]: unknown }

/** What handlers were called with. */
let calls: [operation: string, values: Values][] = []
let failing = false

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
  // gives back what it was given
  'lib.Sync': ({ changes }: Values) => {
    calls.push(['lib.Sync', { changes }])
    return (changes as DeltaChange[]).flatMap((change): PlainObject[] => {
      if (change.kind === 'entity') return [{ Stock: 0, ...change.entity }]
      return change.kind === 'removed' ? [{ '@removed': { reason: change.reason }, ...change.entity }] : []
    })
  },
  'lib.News': () => [
    { '@odata.removed': {}, ID: 8 },
    { ID: 7, Title: 'Seven', Tags: [], Stock: 1 },
  ],
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
      const calculated = await get(
        `/Cheapest(count=3)?$compute=toupper(Title) as T,Author/Name as A&$select=T,A&$top=1`,
      )
      expect(calculated.body.value).toMatchObject([{ T: 'ONE', A: 'Ann' }])
      expect((await get('/Books/lib.Longest()?$compute=Pages add 1 as P&$select=P')).body.P).toBeGreaterThan(1)
      expect((await get('/Cheapest(count=3)(1)/Author')).body.Name).toBe('Ann')
    })

    it('bound to a value, a collection of values, or many entities', async () => {
      expect((await get('/Books(2)/Size/lib.Area()')).body.value).toBe(15)
      expect((await get('/Books(1)/Size/lib.Area()')).status).toBe(204)
      expect((await get('/Books(1)/Tags/lib.Loud()')).body.value).toEqual(['X', 'Y'])
      const longest = await get('/Books/$filter(Pages lt 200)/lib.Longest()?$select=Title')
      expect(longest.body).toMatchObject({ Title: 'One' })
      expect(longest.body['@odata.context']).toBe(`${running().root}/$metadata#Books(Title)/$entity`)
      expect((await get('/Books/lib.Longest()/lib.Kind()')).body.value).toBe('paper')
      expect((await get('/Books/$filter(Pages gt 999)/lib.Longest()')).status).toBe(204)
      expect((await get('/Authors(1)/Books/lib.Longest()/Title')).body.value).toBe('One')
    })

    it('give the entity of their EntitySetPath, with its id and ETag', async () => {
      const { body } = await get('/Books(1)/lib.Writer()?$expand=Books', {
        Accept: 'application/json;odata.metadata=full',
      })
      expect(body).toMatchObject({
        '@odata.id': `${running().root}/Authors(1)`,
        Name: 'Ann',
        Books: [{ Title: 'One' }],
      })
      expect(body['@odata.etag']).toMatch(/^W/)
      expect((await get('/Books(1)/lib.Writer()/Books/$count')).body).toBe(1)
      expect((await get('/Books(2)/lib.Writer()')).status).toBe(204)
    })

    it('give complex and primitive collections, which options apply to', async () => {
      expect((await get('/Sizes()?$filter=Width ge 2&$orderby=Width&$top=1')).body).toMatchObject({
        '@odata.context': `${running().root}/$metadata#Collection(lib.Size)`,
        value: [{ Width: 2, Height: 2 }],
      })
      expect((await get('/Sizes()/$count')).body).toBe(3)
      expect((await get('/Numbers(from=@n)?@n=[3,1,2]&$filter=$it gt 1')).body.value).toEqual([3, 2])
    })

    it('give entities that stand in no set, of derived types', async () => {
      const { body } = await get('/Reports()?$filter=lib.CountReport/Count gt 1')
      expect(body).toEqual({
        '@odata.context': `${running().root}/$metadata#Collection(lib.Report)`,
        value: [{ '@odata.type': '#lib.CountReport', Code: 'b', Count: 2 }],
      })
      expect((await get("/Reports()('a')/lib.CountReport/Count")).body.value).toBe(1)
      expect((await get('/Reports()?$orderby=Code&$select=Code')).body.value).toMatchObject([
        { Code: 'a' },
        { Code: 'b' },
      ])
    })

    it('take structured values, entities and collections as JSON', async () => {
      const size = encodeURIComponent('{"Width":7}')
      expect((await get(`/Fit(size=@s)?@s=${size}`)).body).toMatchObject({ Width: 7, Height: null })
      expect((await get(`/Fit(size=@s,shelf=lib.Shelf'Back')?@s=${size}`)).status).toBe(204)
      const book = encodeURIComponent('{"@odata.id":"Books(1)","Pages":4}')
      expect((await get(`/Place(book=@b)?@b=${book}`)).body.value).toBe('Back')
      expect(calls.at(-1)).toMatchObject(['lib.Place', { book: { '@odata.id': 'Books(1)', Pages: 4 } }])
    })

    it('take parameters from query options of their names', async () => {
      // count is a system query option too
      expect((await get('/Cheapest?count=1')).status).toBe(400)
      expect((await get('/Cheapest?@count=2')).body.value).toHaveLength(2)
      expect((await get('/Books(1)/lib.Discounted?percent=50')).body.value).toBe(5)
    })

    it.each([
      ['/Cheapest()', 404, 'Cheapest()'],
      ['/Cheapest(count=1,count=2)', 400, 'Cheapest(count=1,count=2)'],
      ['/Cheapest(cuont=1)', 404, 'Cheapest(cuont=1)'],
      ['/Cheapest(count=null)', 400, 'count'],
      ["/Cheapest(count='x')", 400, "Cheapest(count='x')"],
      ['/Cheapest(count=@missing)', 400, 'count'],
      ['/Books(1)/lib.Discounted(percent=101)', 400, 'percent'],
      [`/Fit(size=@s)?@s=${encodeURIComponent('{"Height":1}')}`, 400, 'size/Width'],
      [`/Fit(size=@s)?@s=${encodeURIComponent('{"Width":1,"__proto__":2}')}`, 400, 'size/__proto__'],
      [`/Fit(size=@s)?@s=${encodeURIComponent('{"Width":"1"}')}`, 400, 'size/Width'],
      ['/Numbers(from=@n)?@n=[1,null]', 400, 'from/1'],
      ['/Books(1)/lib.Kind()/x', 400, 'x'],
      ['/Unhandled()', 501, 'lib.Unhandled'],
      ['/Picture()', 501, undefined],
      ['/Sell(1)', 404, 'Sell'],
      ['/Ping', 405, undefined],
    ])('refuse %s with %i', async (path, status, target) => {
      const answer = await get(path)
      expect([answer.status, (answer.body.error as { target?: string }).target]).toEqual([status, target])
    })

    it('ask for the headers and scopes that the model says', async () => {
      const { status, body } = await get('/Secret()')
      expect([status, (body.error as { target: string }).target]).toEqual([400, 'x-reason'])
      expect((await get('/Secret()', { 'X-Reason': 'test' })).body.value).toBe('hidden')
    })

    it('and actions are told of at full metadata, as far as they are available', async () => {
      const full = { Accept: 'application/json;odata.metadata=full' }
      const { body } = await get('/Books(3)', full)
      const link = `${running().root}/Books(3)/lib.AudioBook`
      expect(body['#lib.Discounted']).toEqual({
        title: 'Discounted',
        target: `${link}/lib.Discounted(percent=@percent)`,
      })
      expect(body['#lib.Kind']).toEqual({ title: 'Kind', target: `${link}/lib.Kind()` })
      expect(body['#lib.Sell']).toBeNull()
      expect(Object.keys(body).filter((name) => name.startsWith('#'))).toHaveLength(4)
      const available = (await get('/Books(1)?$select=Title', full)).body
      expect(available['#lib.Sell']).toEqual({ title: 'Sell', target: `${running().root}/Books(1)/lib.Sell` })
      expect(Object.keys((await get('/Books(1)')).body).filter((name) => name.startsWith('#'))).toEqual([])
    })

    it('are read only, and answer HEAD', async () => {
      for (const method of ['POST', 'PATCH', 'PUT', 'DELETE']) {
        const refused = await running().send(method, '/Cheapest(count=1)', {})
        expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      }
      expect((await running().send('HEAD', '/Cheapest(count=1)', undefined)).status).toBe(200)
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

    it('take defaults, and are given typed values', async () => {
      calls = []
      await post('/Books(2)/lib.Sell', { to: { Width: 1 }, '@odata.x': 1 })
      expect(calls).toEqual([['lib.Sell(lib.Book)', { count: 1n, note: null, to: { Width: 1 } }]])
    })

    it('hold parameters to conditions, which may look at the others (Validation.Constraint)', async () => {
      const refused = await post('/Books(2)/lib.Sell', { to: { Width: 2 } })
      expect([refused.status, refused.body]).toMatchObject([
        400,
        { error: { code: 'valueInvalid', target: 'to', message: 'A book for each slot (Validation.Constraint)' } },
      ])
      expect((await post('/Books(2)/lib.Sell', { to: { Width: 2 }, count: 2 })).status).toBe(200)
      expect((await get('/Numbers(from=@f)?@f=[1,2,3,4,5,6,7]')).body).toMatchObject({ error: { target: 'from' } })
      expect((await get('/Numbers(from=@f)?@f=[1,2,3,4,5,6]')).status).toBe(200)
      await running().send('PATCH', '/Books(2)', { Stock: 5 })
    })

    it('list all that is wrong with a body', async () => {
      const { status, body } = await post('/Books(2)/lib.Sell', { count: 0, note: 'too long', to: {}, other: 1 })
      expect(status).toBe(400)
      const { details } = body.error as { details: { target: string }[] }
      expect(details.map(({ target }) => target).sort()).toEqual(['count', 'note', 'other', 'to/Width'])
      expect((await post('/Books(2)/lib.Sell', '[]')).status).toBe(400)
      expect((await post('/Books(2)/lib.Sell', '{"count":1,"count":2}')).body).toMatchObject({
        error: { code: 'propertyDuplicate', target: 'count' },
      })
      expect((await post('/Restock')).body).toMatchObject({ error: { code: 'bodyInvalid' } })
    })

    it('need what they are bound to, available and in the state of If-Match', async () => {
      expect((await post('/Books(9)/lib.Sell')).status).toBe(404)
      expect((await post('/Books(3)/lib.Sell')).body).toMatchObject({ error: { code: 'conflict', target: 'lib.Sell' } })
      const tag = (await running().get('/Books(2)')).headers.get('etag') ?? ''
      expect((await post('/Books(2)/lib.Sell', {}, { 'If-Match': 'W/"99"' })).status).toBe(412)
      expect((await post('/Books(2)/lib.Sell', {}, { 'If-Match': tag })).status).toBe(200)
    })

    it('give collections, or nothing where the client prefers that', async () => {
      const { body } = await post('/Restock?$select=Stock', { books: [1, 2], by: 10 })
      expect(body.value).toHaveLength(2)
      expect(body['@odata.context']).toBe(`${running().root}/$metadata#Books(Stock)`)
      const whole = await post('/Restock', { books: [1, 2], by: 0 }, { Prefer: 'maxpagesize=1' })
      expect([whole.body.value, whole.body['@odata.nextLink']]).toMatchObject([[{}, {}], undefined])
      const quiet = await running().send('POST', '/Restock', { books: [1], by: 1 }, { Prefer: 'return=minimal' })
      expect([quiet.status, quiet.headers.get('preference-applied')]).toEqual([204, 'return=minimal'])
    })

    it('take and give deltas', async () => {
      const old = `${running().root}/$metadata#Books/$deletedEntity`
      const link = { source: 'Books(1)', relationship: 'Author', target: 'Authors(1)' }
      const items = [
        { ID: 4, Title: 'Four', '@etag': 'W/"3"', Tags: [] },
        { '@removed': { reason: 'changed' }, ID: 5 },
        { '@context': '#Books/$link', ...link },
        { '@context': old, id: 'Books(6)', reason: 'deleted' },
      ]
      calls = []
      const failing = await post('/Sync', { changes: items })
      // the handler gives back the last one without its key
      expect(failing.status).toBe(500)
      expect(calls).toEqual([
        [
          'lib.Sync',
          {
            changes: [
              {
                kind: 'entity',
                entity: expect.objectContaining({ ID: 4, Title: 'Four' }),
                id: undefined,
                etag: 'W/"3"',
              },
              {
                kind: 'removed',
                entity: expect.objectContaining({ ID: 5 }),
                id: undefined,
                etag: undefined,
                reason: 'changed',
              },
              { kind: 'link', ...link },
              { kind: 'removed', entity: expect.anything(), id: 'Books(6)', etag: undefined, reason: 'deleted' },
            ],
          },
        ],
      ])
      const delta = { '@context': '#Books/$delta', value: items.slice(0, 3) }
      const answer = await post('/Sync?$select=Title', { changes: delta }, { 'OData-MaxVersion': '4.01' })
      expect(answer).toMatchObject({
        status: 200,
        body: {
          '@context': `${running().root}/$metadata#Books(Title)/$delta`,
          value: [
            { ID: 4, Title: 'Four' },
            { '@removed': { reason: 'changed' }, '@id': `${running().root}/Books(5)`, ID: 5 },
          ],
        },
      })
      expect(answer.body.value).toHaveLength(2)
      const news = await get('/News()')
      expect(news.body).toMatchObject({
        '@odata.context': `${running().root}/$metadata#Books/$delta`,
        value: [
          { '@odata.context': old, id: `${running().root}/Books(8)`, reason: 'deleted' },
          { ID: 7, Stock: 1 },
        ],
      })
    })

    it.each<[string, unknown, number, string]>([
      ['/Sync', { changes: 'x' }, 400, 'must be a delta'],
      ['/Sync', { changes: [1] }, 400, 'must be an object'],
      ['/Sync', { changes: [{ ID: 'x' }] }, 400, 'changes/0/ID'],
      ['/Sync', { changes: [{ '@removed': 1 }] }, 400, '@removed'],
      ['/Sync', { changes: { '@context': '#Books', value: [] } }, 400, '$delta'],
      ['/Sync', {}, 400, 'changes'],
      ['/Sync', { changes: [{ ID: 1, 'Author@delta': {} }] }, 501, 'changes/0/Author'],
      ['/Sync?$expand=Author', { changes: [] }, 501, '$expand'],
      ['/News()?$filter=ID eq 1', undefined, 501, '$filter'],
      ['/News()?$top=1', undefined, 501, '$top'],
    ])('refuse a delta that is none: %s %j', async (path, body, status, text) => {
      const answer = await (body === undefined ? get(path) : post(path, body))
      expect(JSON.stringify(answer.body)).toContain(text)
      expect(answer.status).toBe(status)
    })

    it('stand in change sets: all or nothing', async () => {
      const stock = async () => (await get('/Books(1)')).body.Stock
      const before = await stock()
      const part = (id: string, url: string, body: object) => ({
        id,
        method: 'POST',
        url,
        atomicityGroup: 'g',
        headers: { 'content-type': 'application/json' },
        body,
      })
      const batch = async (...requests: object[]) =>
        (await post('/$batch', { requests })).body.responses as { status: number }[]
      const failed = await batch(
        part('1', 'Restock', { books: [1], by: 5 }),
        part('2', 'Books(1)/lib.Sell', { count: 9999 }),
      )
      expect(failed.map(({ status }) => status)).toEqual([424, 409])
      expect(await stock()).toBe(before)
      const done = await batch(
        part('1', 'Restock', { books: [1], by: 5 }),
        part('2', 'Books(1)/lib.Sell', { count: 1 }),
      )
      expect(done.map(({ status }) => status)).toEqual([200, 200])
      expect(await stock()).toBe(Number(before) + 4)
    })

    it('take back what they did with many entities', async () => {
      failing = true
      expect((await post('/Books/$filter(Pages ge 0)/lib.Burn')).status).toBe(409)
      expect((await get('/Books/$count')).body).toBe(3)
      failing = false
    })
  })

  describe('behind /$each', () => {
    const stocks = async () =>
      ((await get('/Books?$select=ID,Stock&$orderby=ID')).body.value as { Stock: number }[]).map(({ Stock }) => Stock)

    it('are called for each member, and give a collection of what they give', async () => {
      await fill(running())
      const kinds = await get('/Books/$each/lib.Kind()')
      expect(kinds.body).toEqual({
        '@odata.context': `${running().root}/$metadata#Collection(Edm.String)`,
        value: ['paper', 'paper', 'paper'],
      })
      expect((await get('/Books/lib.AudioBook/$each/lib.Kind()')).body.value).toEqual(['90 minutes'])
      const some = await get('/Books/$filter(Pages%20gt%20200)/$each/lib.Discounted(percent=@p)?@p=50')
      expect(some.body.value).toEqual([15])
      const writers = await get('/Books/$each/lib.Writer()')
      expect(writers.body).toMatchObject({
        '@odata.context': `${running().root}/$metadata#Authors`,
        value: [{ Name: 'Ann', '@odata.etag': expect.any(String) }, null, null],
      })
      expect((await get('/Authors(1)/Books/$each/lib.Kind()')).body.value).toEqual(['paper'])
      expect((await get('/Books/$filter(false)/$each/lib.Kind()')).body.value).toEqual([])
    })

    it('actions are all done or none, or each by itself', async () => {
      await fill(running())
      const sold = await post('/Books/$filter(Stock%20gt%200)/$each/lib.Sell', { count: 2 })
      expect(sold.body).toMatchObject({
        '@odata.context': `${running().root}/$metadata#Books`,
        value: [
          { ID: 1, Stock: 3 },
          { ID: 2, Stock: 3 },
        ],
      })
      expect(await stocks()).toEqual([3, 3, 0])
      // the third is not available
      expect((await post('/Books/$each/lib.Sell', { count: 1 })).status).toBe(409)
      expect(await stocks()).toEqual([3, 3, 0])
      expect((await post('/Books/$each/lib.Sell', { count: 'x' })).status).toBe(400)
      const prefer = { Prefer: 'continue-on-error' }
      const each = await post('/Books/$each/lib.Sell', { count: 1 }, prefer)
      expect(each.body.value).toMatchObject([
        { Stock: 2 },
        { Stock: 2 },
        {
          '@odata.id': 'Books(3)',
          '@Org.OData.Core.V1.DataModificationException': { failedOperation: 'invoke', responseCode: 409 },
        },
      ])
      expect(await stocks()).toEqual([2, 2, 0])
      const quiet = await post('/Books/$filter(Stock%20gt%200)/$each/lib.Sell', undefined, { Prefer: 'return=minimal' })
      expect(quiet.status).toBe(204)
      expect(await stocks()).toEqual([1, 1, 0])
    })

    it('refuse what they do not do', async () => {
      for (const [method, path, status] of [
        ['GET', '/Books/$each/lib.Sell', 405],
        ['POST', '/Books/$each/lib.Kind()', 405],
        ['GET', '/Books/$each/lib.Kind()?$filter=true', 501],
        ['GET', '/Books/$each/lib.Writer()?$select=Name', 501],
        ['GET', '/Books/$each/lib.Writer()/Name', 501],
        ['GET', '/Books/$each/lib.Longest()', 404],
        ['GET', '/Books/$each/lib.Nothing()', 404],
        ['GET', '/Cheapest(count=2)/$each/lib.Kind()', 501],
        ['GET', '/Books/$each/lib.Discounted(percent=900)', 400],
      ] as const) {
        const answer = await running().send(method, path, method === 'POST' ? {} : undefined)
        expect([path, answer.status]).toEqual([path, status])
      }
    })
  })
})
