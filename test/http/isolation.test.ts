import { describe, expect, it } from 'vitest'
import { ODataController } from '../../src/service/controller.ts'
import { jsonClient } from '../support/json-client.ts'
import { bookshopModel, embeddedForTests, onEveryService, startService } from '../support/running-service.ts'

/** Isolation: snapshot (Protocol 8.2.6). */

type Item = Readonly<Record<string, unknown>>
const itemsOf = (value: unknown): Item[] => [...(value as readonly Item[])]
const isolated = { Isolation: 'snapshot' }

onEveryService('isolation', bookshopModel, {}, (running) => {
  const { get, ask, make } = jsonClient(running)
  let next = 1_000
  const fresh = () => {
    next += 1_000
    return next
  }
  /** an author for each name, ids one after the other; each with two books */
  const authors = async (names: readonly string[]): Promise<number> => {
    const first = fresh()
    for (const [n, Name] of names.entries())
      await make('/Authors', {
        ID: first + n,
        Name,
        Books: [
          { Title: `${Name} one`, Price: 1 },
          { Title: `${Name} two`, Price: 2 },
        ],
      })
    return first
  }
  /** every item of an answer and of what its links lead to; the links are followed without the header */
  const walk = async (path: string, headers: Record<string, string>, meanwhile?: () => Promise<void>) => {
    const items: Item[] = []
    let pages = 0
    let answer = await get(path, { ...isolated, ...headers })
    for (;;) {
      expect(answer.status, answer.text).toBe(200)
      pages++
      items.push(...(answer.json?.value ?? []))
      const link = answer.json?.['@odata.nextLink']
      if (typeof link !== 'string') return { items, pages, answer }
      await meanwhile?.()
      answer = await get(link.slice(running().root.length), headers)
    }
  }

  it('is 412 where it is another one than snapshot, or where something is to be changed', async () => {
    const first = await authors(['a'])
    const refused = await get('/Authors', { Isolation: 'serializable' })
    expect([refused.status, refused.error?.code, refused.error?.target]).toEqual([
      412,
      'preconditionFailed',
      'Isolation',
    ])
    for (const [method, path, body] of [
      ['POST', '/Authors', { ID: first + 500, Name: 'x' }],
      ['PATCH', `/Authors(${first})`, { Name: 'x' }],
      ['DELETE', `/Authors(${first})`, undefined],
      ['DELETE', `/Authors(${first})/Books/$ref?$id=Books(00000000-0000-0000-0000-000000000000)`, undefined],
    ] as const)
      expect((await ask(method, path, body, { 'OData-Isolation': 'snapshot' })).status, `${method} ${path}`).toBe(412)
    expect((await get(`/Authors(${first})`)).json).toMatchObject({ Name: 'a' })
    expect((await get(`/Authors(${first + 500})`)).status).toBe(404)
    expect((await get('/$metadata', isolated)).status).toBe(200)
  })

  it('is told of in $metadata', async () => {
    expect((await get('/$metadata')).text).toMatch(
      /Term="Org.OData.Capabilities.V1.IsolationSupported">?\s*(?:<EnumMember>|EnumMember=")Org.OData.Capabilities.V1.IsolationLevel\/Snapshot/,
    )
  })

  it('shows one state on all pages, whatever is written meanwhile, even after a restart', async () => {
    const names = ['h', 'g', 'f', 'e', 'd', 'c', 'b', 'a']
    const first = await authors(names)
    const query = `/Authors?$filter=ID ge ${first} and ID lt ${first + 900}&$orderby=Name&$count=true&$expand=Books($orderby=Title)`
    let changes = 0
    const { items, pages, answer } = await walk(query, { Prefer: 'maxpagesize=3' }, async () => {
      changes++
      if (changes === 1) {
        // on pages that are still to come
        await ask('PATCH', `/Authors(${first})`, { Name: 'aa' })
        await ask('DELETE', `/Authors(${first + 1})`)
        await make('/Authors', { ID: first + 100, Name: 'ee' })
        await make(`/Authors(${first + 2})/Books`, { Title: 'late', Price: 3 })
        await running().restart()
      }
    })
    expect([pages, changes]).toEqual([3, 2])
    expect(items.map(({ Name }) => Name)).toEqual(names.toReversed())
    for (const { Name, Books } of items)
      expect((Books as Item[]).map(({ Title }) => Title)).toEqual([`${Name} one`, `${Name} two`])
    expect(answer.json?.['@odata.count']).toBe(8)
    const now = await get(`${query}&$select=Name`)
    expect(now.json?.value.map(({ Name }) => Name)).toEqual(['a', 'aa', 'b', 'c', 'd', 'e', 'ee', 'f'])
  })

  it('holds for the links of nested collections', async () => {
    const first = await authors(['n'])
    for (let n = 0; n < 3; n++) await make(`/Authors(${first})/Books`, { Title: `n${n}`, Price: 1 })
    const answer = await get(`/Authors?$filter=ID eq ${first}&$expand=Books($orderby=Title)`, {
      ...isolated,
      Prefer: 'maxpagesize=2',
    })
    const [author] = answer.json?.value ?? []
    const books = itemsOf(author?.Books)
    await make(`/Authors(${first})/Books`, { Title: 'n1x', Price: 1 })
    for (let link = author?.['Books@odata.nextLink']; typeof link === 'string'; ) {
      const page = await get(link.slice(running().root.length), { Prefer: 'maxpagesize=2' })
      expect(page.status, page.text).toBe(200)
      books.push(...(page.json?.value ?? []))
      link = page.json?.['@odata.nextLink']
    }
    expect(books.map(({ Title }) => Title)).toEqual(['n one', 'n two', 'n0', 'n1', 'n2'])
  })

  it('holds for single entities, counts, $apply, $crossjoin and filters by relations', async () => {
    const first = await authors(['x', 'y'])
    const of = `ID ge ${first} and ID lt ${first + 900}`
    const expected = async (path: string) => {
      const [free, held] = [await get(path), await get(path, isolated)]
      expect(held.status, held.text).toBe(200)
      expect(held.text).toBe(free.text)
    }
    await expected(`/Authors(${first})?$expand=Books($orderby=Title)`)
    await expected(`/Authors(${first})/Name`)
    await expected(`/Authors/$count?$filter=${of}`)
    await expected(`/Authors?$filter=(${of}) and Books/any(b:b/Price gt 1)&$orderby=Name`)
    await expected(`/Authors?$apply=filter(${of})/groupby((Name))&$orderby=Name`)
    await expected(`/$crossjoin(Authors,Books)?$filter=Authors/ID eq Books/AuthorID and Authors/ID eq ${first}`)
    const none = await get(`/Authors(${first})`, { ...isolated, 'If-None-Match': 'W/"1"' })
    expect(none.status).toBe(304)
    expect((await get(`/Authors(${first + 500})`, isolated)).status).toBe(404)
  })

  it('never shows half of a change set, on any page or in any part of a batch', async () => {
    const first = fresh()
    const shops = ['left', 'right'].map((side) => `${side}${first}`)
    for (const Shop of shops) await make('/StockLevels', { Shop, Shelf: 0, Copies: 50, Place: { City: 'x' } })
    let over = false
    const url = (shop: string | undefined) => `StockLevels(Shop='${shop}',Shelf=0)`
    const writing = (async () => {
      for (let n = 1; !over; n++) {
        const change = (shop: string | undefined, Copies: number, id: string) => ({
          ...{ id, atomicityGroup: 'g', method: 'PATCH', url: url(shop) },
          headers: { 'Content-Type': 'application/json' },
          body: { Copies },
        })
        const requests = [change(shops[0], 50 - (n % 40), '0'), change(shops[1], 50 + (n % 40), '1')]
        const { json } = await ask('POST', '/$batch', { requests })
        expect(itemsOf(json?.responses).map(({ status }) => status)).toEqual([204, 204])
      }
    })()
    try {
      for (let round = 0; round < 8; round++) {
        const path = `/StockLevels?$filter=endswith(Shop,'${first}')&$orderby=Shop`
        const { items, pages } = await walk(path, { Prefer: 'maxpagesize=1' })
        expect(pages).toBe(2)
        expect(items.reduce((sum, { Copies }) => sum + Number(Copies), 0)).toBe(100)
        const requests = shops.map((shop, n) => ({ id: `${n}`, method: 'GET', url: url(shop) }))
        const { json } = await ask('POST', '/$batch', { requests }, isolated)
        const bodies = itemsOf(json?.responses).map(({ body }) => Number((body as Item).Copies))
        expect(bodies.reduce((sum, copies) => sum + copies, 0)).toBe(100)
      }
    } finally {
      over = true
      await writing
    }
  })

  it('is 412 for a batch that writes: nothing of it is done', async () => {
    const ID = fresh()
    const requests = [
      { id: '1', method: 'GET', url: 'Authors' },
      {
        id: '2',
        method: 'POST',
        url: 'Authors',
        headers: { 'Content-Type': 'application/json' },
        body: { ID, Name: 'x' },
      },
    ]
    expect((await ask('POST', '/$batch', { requests }, isolated)).status).toBe(412)
    expect((await get(`/Authors(${ID})`)).status).toBe(404)
  })

  it('does not take tokens that it has not made', async () => {
    const first = await authors(['p', 'q'])
    const answer = await get(`/Authors?$filter=ID ge ${first}&$orderby=ID`, { ...isolated, Prefer: 'maxpagesize=1' })
    const link = String(answer.json?.['@odata.nextLink']).slice(running().root.length)
    expect((await get(link)).status).toBe(200)
    const [, token = ''] = /skiptoken=(.*)$/.exec(link) ?? []
    const forged = `${token.slice(0, 5)}${token[5] === 'A' ? 'B' : 'A'}${token.slice(6)}`
    expect((await get(link.replace(token, forged))).status).toBe(400)
  })
})

describe('isolation of what the store does not hold', () => {
  it('is 412', async () => {
    class Elsewhere extends ODataController {
      override entities = () => [{ ID: 1, Name: 'virtual' }]
    }
    const running = await startService(bookshopModel, embeddedForTests(), { controllers: { Authors: Elsewhere } })
    try {
      expect((await running.get('/Authors')).status).toBe(200)
      expect((await running.get('/Authors', isolated)).status).toBe(412)
      expect((await running.get('/Books?$expand=Author', isolated)).status).toBe(200)
    } finally {
      await running.stop()
    }
  })
})
