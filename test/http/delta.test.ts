import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type CallerContext, ODataController } from '../../src/service/controller.ts'
import { bookshopModel, onEveryService, type RunningService } from '../support/running-service.ts'

type Item = Readonly<Record<string, unknown>>

interface Delta {
  readonly status: number
  readonly headers: Headers
  readonly body: Item & { readonly value: readonly Item[] }
}

const modern = { 'OData-MaxVersion': '4.01' }
const tracking = { ...modern, Prefer: 'track-changes' }

onEveryService('change tracking', bookshopModel, { limits: { pageSize: 3 } }, (running) => {
  const ask = async (url: string, headers: Record<string, string> = modern): Promise<Delta> => {
    const answer = await fetch(url.startsWith('http') ? url : running().root + url, { headers })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) }
  }
  /** follows nextLinks. @returns all rows, and the deltaLink of the last page */
  const walk = async (url: string, headers: Record<string, string> = modern) => {
    const rows: Item[] = []
    for (let next = url; ; ) {
      const { status, body } = await ask(next, headers)
      expect(status, JSON.stringify(body)).toBe(200)
      rows.push(...body.value)
      const link = body['@nextLink'] ?? body['@odata.nextLink']
      const delta = body['@deltaLink'] ?? body['@odata.deltaLink']
      expect(link === undefined || delta === undefined).toBe(true)
      if (typeof link !== 'string') return { rows, link: typeof delta === 'string' ? delta : '' }
      next = link
    }
  }
  const author = (id: number, more: Item = {}) => ({ ID: id, Name: `Author ${id}`, ...more })
  const create = async (id: number, more: Item = {}): Promise<void> => {
    expect((await running().send('POST', '/Authors', author(id, more))).status).toBe(201)
  }
  const change = async (id: number, body: Item): Promise<void> => {
    expect((await running().send('PATCH', `/Authors(${id})`, body)).status).toBe(204)
  }
  const remove = async (id: number): Promise<void> => {
    expect((await running().send('DELETE', `/Authors(${id})`, undefined)).status).toBe(204)
  }
  const idOf = (item: Item): unknown => item.ID

  it('gives a deltaLink on the last page, and by it what was created, changed and deleted since', async () => {
    for (let id = 1; id <= 7; id++) await create(id)
    const first = await ask('/Authors?$filter=ID lt 100', tracking)
    expect(first.headers.get('preference-applied')).toBe('track-changes')
    expect(first.body['@deltaLink']).toBeUndefined()
    const { rows, link } = await walk('/Authors?$filter=ID lt 100', tracking)
    expect(rows.map(idOf)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(link).toMatch(/^http.*\/Authors\?\$filter=ID%20lt%20100&\$deltatoken=[\w-]+$/)

    const nothing = await ask(link)
    expect(nothing.body).toMatchObject({
      '@context': `${running().root}/$metadata#Authors/$delta`,
      value: [],
      '@deltaLink': expect.any(String),
    })
    await change(2, { Name: 'Changed' })
    await change(2, { Born: '1950-01-01' })
    await create(8)
    await remove(3)
    const { body } = await ask(link)
    expect(body.value).toEqual([
      expect.objectContaining({ ID: 2, Name: 'Changed', Born: '1950-01-01' }),
      expect.objectContaining({ ID: 8, Name: 'Author 8' }),
      { '@removed': { reason: 'deleted' }, '@id': `${running().root}/Authors(3)`, ID: 3 },
    ])
    // what has been told is not told again
    expect((await ask(String(body['@deltaLink']))).body.value).toEqual([])
    expect((await ask(link)).body.value).toHaveLength(3)
  })

  it('tells in 4.0 what was removed in the form of 4.0, with the context always', async () => {
    await create(20)
    const { link } = await walk('/Authors', { Prefer: 'odata.track-changes', 'OData-MaxVersion': '4.0' })
    await remove(20)
    const { body, headers } = await ask(link, {
      Accept: 'application/json;odata.metadata=none',
      'OData-MaxVersion': '4.0',
    })
    expect(headers.get('odata-version')).toBe('4.0')
    expect(body.value).toEqual([
      {
        '@odata.context': `${running().root}/$metadata#Authors/$deletedEntity`,
        id: `${running().root}/Authors(20)`,
        reason: 'deleted',
      },
    ])
    const full = await ask(link, { ...modern, Accept: 'application/json;metadata=full' })
    expect(full.body.value[0]).toEqual({
      '@context': `${running().root}/$metadata#Authors/$deletedEntity`,
      '@removed': { reason: 'deleted' },
      '@id': `${running().root}/Authors(20)`,
      ID: 20,
    })
  })

  it('names preferences as the version does', async () => {
    const { headers } = await ask('/Authors', { Prefer: 'track-changes', 'OData-MaxVersion': '4.0' })
    expect(headers.get('preference-applied')).toBe('odata.track-changes')
  })

  it('reports entities that fall out of the filter as removed, and those that come in as they are', async () => {
    await create(30, { Name: 'In' })
    await create(31, { Name: 'Out' })
    const { rows, link } = await walk("/Authors?$filter=Name eq 'In' and ID ge 30&$orderby=Name&$count=true", tracking)
    expect(rows.map(idOf)).toEqual([30])
    expect(link).not.toContain('orderby')
    expect(link).not.toContain('count')
    await change(30, { Name: 'Out' })
    await change(31, { Name: 'In' })
    const { body } = await ask(`${link}&$count=true`)
    expect(body['@count']).toBe(2)
    expect(body.value).toEqual([
      { '@removed': { reason: 'changed' }, '@id': `${running().root}/Authors(30)`, ID: 30 },
      expect.objectContaining({ ID: 31, Name: 'In' }),
    ])
  })

  it('selects what the first request selected, and always the key; nulls are not left out', async () => {
    await create(40)
    const { link } = await walk('/Authors?$select=Born&$filter=ID eq 40', tracking)
    await change(40, { Born: null, Name: 'Another' })
    const { body, headers } = await ask(link, { ...modern, Prefer: 'omit-values=nulls' })
    expect(headers.get('preference-applied')).toBeNull()
    expect(body['@context']).toBe(`${running().root}/$metadata#Authors(Born)/$delta`)
    expect(body.value).toEqual([expect.objectContaining({ ID: 40, Born: null })])
    expect(body.value[0]).not.toHaveProperty('Name')
    const bare = await ask(link, { ...modern, Accept: 'application/json;metadata=none' })
    expect(bare.body.value).toEqual([{ ID: 40, Born: null }])
  })

  it('pages a delta: every entity once, the deltaLink on the last page', async () => {
    const { link } = await walk('/Authors', tracking)
    for (let id = 50; id < 58; id++) await create(id)
    await change(50, { Name: 'Later' })
    const first = await ask(link)
    expect(first.body.value).toHaveLength(3)
    // what happens meanwhile belongs to the next delta
    await create(58)
    const { rows, link: next } = await walk(String(first.body['@nextLink']))
    expect([...first.body.value, ...rows].map(idOf)).toEqual([51, 52, 53, 54, 55, 56, 57, 50])
    expect((await walk(next)).rows.map(idOf)).toEqual([58])
    const sized = await ask(link, { ...modern, Prefer: 'maxpagesize=2' })
    expect(sized.body.value).toHaveLength(2)
    expect(sized.headers.get('preference-applied')).toBe('maxpagesize=2')
  })

  it('tracks what is related by a foreign key', async () => {
    await create(60)
    const book = { Title: 'First', Price: 1, Tags: [], AuthorID: 60 }
    const made = (await (await running().send('POST', '/Books', book)).json()) as Item
    const { rows, link } = await walk('/Authors(60)/Books', tracking)
    expect(rows).toHaveLength(1)
    await running().send('PATCH', `/Books(${made.ID})`, { AuthorID: null })
    await running().send('POST', '/Books', { ...book, Title: 'Second' })
    const { body } = await ask(link)
    expect(body.value).toEqual([
      { '@removed': { reason: 'changed' }, '@id': `${running().root}/Books(${made.ID})`, ID: made.ID },
      expect.objectContaining({ Title: 'Second' }),
    ])
  })

  it('tells what is related by the key of the other, and in 4.0 the links to it', async () => {
    const { root, send } = running()
    for (const id of [61, 62]) await create(id)
    const make = async (title: string, author: number | null): Promise<string> => {
      const answer = await send('POST', '/Books', { Title: title, Price: 1, Tags: [], AuthorID: author })
      const text = await answer.text()
      expect(answer.status, text).toBe(201)
      return String((JSON.parse(text) as Item).ID)
    }
    const [a, b] = [await make('First', 61), await make('Second', 61)]
    const url = '/Authors?$filter=ID in (61,62)&$select=Name&$expand=Books($select=Title;$filter=Price lt 5)'
    const { link } = await walk(url, tracking)
    const former = { 'OData-MaxVersion': '4.0' }
    const { link: old } = await walk(url, { ...former, Prefer: 'track-changes' })
    const book = (id: string, title: string, more: Item = {}) =>
      expect.objectContaining({ ID: id, Title: title, ...more })
    await send('PATCH', `/Books(${a})`, { Title: 'changed' })
    const renamed = await ask(link)
    // it was not moved, so it is not removed from anywhere
    expect(renamed.body.value).toEqual([
      expect.objectContaining({ ID: 61, Books: [book(a, 'changed'), book(b, 'Second')] }),
    ])
    await send('PATCH', `/Books(${b})`, { AuthorID: 62 })
    const removed = (id: string, reason: string) => ({
      '@context': `${root}/$metadata#Books/$deletedEntity`,
      '@removed': { reason },
      '@id': `${root}/Books(${id})`,
      ID: id,
    })
    const moved = await ask(String(renamed.body['@deltaLink']))
    expect(moved.body.value).toEqual([
      removed(b, 'changed'),
      expect.objectContaining({ ID: 62, Books: [book(b, 'Second')] }),
    ])
    await send('DELETE', `/Books(${a})`, undefined)
    await send('PATCH', `/Books(${b})`, { Price: 9 })
    const gone = await ask(`${moved.body['@deltaLink']}&$count=true`)
    expect(gone.body).toMatchObject({ '@count': 2 })
    expect(gone.body.value).toEqual([removed(a, 'deleted'), expect.objectContaining({ ID: 62, Books: [] })])
    const deleted = (id: string, reason: string) => ({
      '@odata.context': `${root}/$metadata#Books/$deletedEntity`,
      id: `${root}/Books(${id})`,
      reason,
    })
    await send('PATCH', `/Books(${b})`, { Price: 2 })
    expect((await walk(old, former)).rows).toEqual([
      deleted(a, 'deleted'),
      deleted(b, 'changed'),
      expect.objectContaining({ ID: 62, Name: 'Author 62' }),
      book(b, 'Second', { '@odata.context': `${root}/$metadata#Books(Title)/$entity` }),
      {
        '@odata.context': `${root}/$metadata#Authors/$link`,
        source: `${root}/Authors(62)`,
        relationship: 'Books',
        target: `${root}/Books(${b})`,
      },
    ])
  })

  it('begins with $deltatoken=latest without any data', async () => {
    await create(70)
    const { status, body } = await ask('/Authors?$deltaToken=latest')
    expect(status).toBe(200)
    expect(body).toEqual({
      '@context': `${running().root}/$metadata#Authors/$delta`,
      value: [],
      '@deltaLink': expect.any(String),
    })
    await remove(70)
    expect((await ask(String(body['@deltaLink']))).body.value.map(idOf)).toEqual([70])
  })

  it('refuses tokens that it did not make, or made for another question', async () => {
    const { link } = await walk('/Authors?$filter=ID gt 5', tracking)
    const token = new URL(link).searchParams.get('$deltatoken') ?? ''
    const page = await ask('/Authors', tracking)
    const skip = new URL(String(page.body['@nextLink'])).searchParams.get('$skiptoken') ?? ''
    for (const query of [
      `$filter=ID gt 6&$deltatoken=${token}`,
      `$deltatoken=${token}`,
      `$filter=ID gt 5&$deltatoken=${token.slice(0, -3)}`,
      `$deltatoken=${skip}`,
      '$deltatoken=nonsense',
    ]) {
      const { status, body } = await ask(`/Authors?${query}`)
      expect([status, body.error], query).toMatchObject([400, { code: 'deltaTokenInvalid', target: '$deltatoken' }])
    }
    expect((await ask(`/Authors?$skiptoken=${token}`)).status).toBe(400)
  })

  it.each([
    ['/Books?$expand=Author($expand=Books($top=1))', /\$expand/],
    ['/Books?$filter=Author/Name eq null', /navigation/],
    ['/Authors?$top=3', /\$top/],
    ['/Authors?$apply=aggregate($count as n)', /collections of entities/],
  ])('does not track %s: no link with the preference, 501 with a token', async (url, reason) => {
    const { headers, body } = await ask(url, tracking)
    expect(headers.get('preference-applied')).toBeNull()
    expect(body).not.toHaveProperty('@deltaLink')
    const { status, body: refusal } = await ask(`${url}&$deltatoken=latest`)
    expect(status).toBe(501)
    expect((refusal.error as Item).message).toMatch(reason)
  })

  it('does not track single entities', async () => {
    await create(80)
    expect((await ask('/Authors(80)', tracking)).headers.get('preference-applied')).toBeNull()
    expect((await ask('/Authors(80)?$deltatoken=latest')).status).toBe(400)
  })

  it('answers deltas inside a batch', async () => {
    const { link } = await walk('/Authors', tracking)
    const body = {
      requests: [
        { id: '1', method: 'POST', url: 'Authors', body: author(90), headers: { 'Content-Type': 'application/json' } },
        { id: '2', method: 'GET', url: link },
      ],
    }
    const answer = await running().send('POST', '/$batch', body, modern)
    const { responses } = (await answer.json()) as { responses: readonly { body: Delta['body'] }[] }
    expect(responses[1]?.body.value.map(idOf)).toEqual([90])
  })
})

onEveryService('old delta tokens', bookshopModel, { limits: { deltaAge: 0 } }, (running) => {
  it('are answered 410 with the URL to begin again with', async () => {
    const { service: _, root } = running() as RunningService
    const first = await fetch(`${root}/Authors?$filter=ID gt 1&$orderby=ID`, { headers: tracking })
    const { '@deltaLink': link } = (await first.json()) as Record<string, string>
    await new Promise((resolve) => setTimeout(resolve, 2))
    const answer = await fetch(link ?? '', { headers: modern })
    expect(answer.status).toBe(410)
    expect(answer.headers.get('location')).toBe(`${root}/Authors?$filter=ID%20gt%201`)
    expect(((await answer.json()) as { error: Item }).error).toMatchObject({ code: 'gone', target: '$deltatoken' })
  })
})

class OwnAuthors extends ODataController {
  override rowFilter({ request }: CallerContext): string | undefined {
    const city = request.headers['x-city']
    return city === undefined ? undefined : `Address/City eq '${city}'`
  }
}

onEveryService(
  'change tracking under a row filter',
  bookshopModel,
  { controllers: { Authors: OwnAuthors }, limits: { pageSize: 2 } },
  (running) => {
    const as = (city: string) => ({ ...tracking, 'X-City': city })
    const put = async (id: number, city: string, name = 'n'): Promise<void> => {
      const body = { ID: id, Name: name, Address: { City: city } }
      expect([201, 204]).toContain((await running().send('PUT', `/Authors(${id})`, body)).status)
    }
    const remove = async (id: number): Promise<void> => {
      expect((await running().send('DELETE', `/Authors(${id})`, undefined)).status).toBe(204)
    }
    const walk = async (url: string, headers: Record<string, string>) => {
      const rows: Item[] = []
      for (let next = url; ; ) {
        const answer = await fetch(next, { headers })
        const body = (await answer.json()) as Record<string, unknown>
        expect(answer.status, JSON.stringify(body)).toBe(200)
        rows.push(...(body.value as Item[]))
        if (body['@deltaLink'] !== undefined) return { rows, link: String(body['@deltaLink']) }
        next = String(body['@nextLink'])
      }
    }
    const told = (rows: readonly Item[]) => rows.map((row) => `${row['@removed'] === undefined ? '' : '-'}${row.ID}`)

    it('tells of rows that the caller saw, and of no other one, on every page', async () => {
      for (const id of [1, 2, 3, 4]) await put(id, 'Bath')
      for (const id of [11, 12, 13]) await put(id, 'York')
      const bath = await walk(`${running().root}/Authors`, as('Bath'))
      const york = await walk(`${running().root}/Authors`, as('York'))
      expect([told(bath.rows), told(york.rows)]).toEqual([
        ['1', '2', '3', '4'],
        ['11', '12', '13'],
      ])
      await remove(11)
      // moves away, changes there, and is deleted there
      await put(1, 'York')
      await put(2, 'Bath', 'changed')
      await put(5, 'Bath')
      await remove(5)
      await remove(3)
      await put(12, 'Bath')
      await put(1, 'York', 'changed')
      await remove(1)
      const all = await walk(`${running().root}/Authors?$deltatoken=latest`, modern)
      const later = { bath: await walk(bath.link, as('Bath')), york: await walk(york.link, as('York')) }
      expect(told(later.bath.rows)).toEqual(['2', '-5', '-3', '12', '-1'])
      expect(told(later.york.rows)).toEqual(['-11', '-12', '-1'])
      await put(4, 'York')
      expect(told((await walk(later.bath.link, as('Bath'))).rows)).toEqual(['-4'])
      expect(told((await walk(later.york.link, as('York'))).rows)).toEqual(['4'])
      expect(told((await walk(all.link, modern)).rows)).toEqual(['4'])
    })

    it('of related entities, too: what falls out of sight is removed, what was never in sight is not told', async () => {
      const { root, send } = running()
      for (const id of [21, 22]) await put(id, 'Bath')
      await put(31, 'York')
      const make = async (author: number): Promise<string> => {
        const answer = await send('POST', '/Books', { Title: 't', Price: 77, Tags: [], AuthorID: author })
        return String(((await answer.json()) as Item).ID)
      }
      const [one, two, three] = [await make(21), await make(22), await make(31)]
      const names = new Map([
        [one, 'one'],
        [two, 'two'],
        [three, 'three'],
      ])
      const url = `${root}/Books?$filter=Price eq 77&$select=ID&$expand=Author`
      const first = await walk(url, as('Bath'))
      const authorOf = ({ ID, Author }: Item) => [names.get(String(ID)), (Author as Item | null)?.ID]
      expect(first.rows.map(authorOf)).toEqual([
        ['one', 21],
        ['two', 22],
        ['three', undefined],
      ])
      await put(31, 'York', 'changed')
      await put(22, 'Bath', 'changed')
      await put(21, 'York')
      const shown = (row: Item) => (row['@removed'] === undefined ? authorOf(row) : `-${row.ID}`)
      const bath = await walk(first.link, as('Bath'))
      expect(bath.rows.map(shown)).toEqual([['two', 22], '-21', ['one', undefined]])
      await send('DELETE', '/Authors(31)', undefined)
      await send('DELETE', '/Authors(22)', undefined)
      expect((await walk(bath.link, as('Bath'))).rows.map(shown)).toEqual([
        // they are set to null with their authors
        ['three', undefined],
        ['two', undefined],
        '-22',
      ])
    })
  },
)

/** The bookshop with the function that Graph binds to its collections. */
function graphShop(): string {
  const folder = mkdtempSync(join(tmpdir(), 'odatum-graph-shop-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'model.xml')
  const delta = `<Function Name="delta" IsBound="true"><Parameter Name="bindingParameter" Type="Collection(self.Author)"/>
    <ReturnType Type="Collection(self.Author)"/></Function><EntityContainer `
  writeFileSync(file, readFileSync(bookshopModel, 'utf8').replace('<EntityContainer ', delta))
  return file
}

onEveryService('change tracking with the manners of Graph', graphShop(), { protocol: { graph: true } }, (running) => {
  it('tells what was removed as Graph does', async () => {
    const { root } = running()
    expect((await running().send('POST', '/Authors', { ID: 1, Name: 'n' })).status).toBe(201)
    const latest = (await (await fetch(`${root}/Authors?$deltatoken=latest`)).json()) as Item
    expect(latest.value).toEqual([])
    await running().send('DELETE', '/Authors/1', undefined)
    const { value } = (await (await fetch(String(latest['@odata.deltaLink']))).json()) as Item
    expect(value).toEqual([{ '@removed': { reason: 'deleted' }, ID: 1 }])
    const refused = await fetch(`${root}/Authors?$deltatoken=nonsense`)
    expect(refused.status).toBe(400)
  })

  it.each(['delta', 'delta()', 'org.example.bookshop.delta'])('tracks by the function %s', async (name) => {
    const { root } = running()
    const get = async (url: string) => {
      const answer = await fetch(url)
      const body = (await answer.json()) as Item
      expect(answer.status, JSON.stringify(body)).toBe(200)
      return { headers: answer.headers, body }
    }
    await running().send('POST', '/Authors', { ID: 7, Name: 'seven' })
    const { headers, body } = await get(`${root}/Authors/${name}?$select=Name&$filter=ID eq 7`)
    expect(headers.get('preference-applied')).toBe('odata.track-changes')
    expect(body.value).toEqual([expect.objectContaining({ Name: 'seven' })])
    const latest = await get(`${root}/Authors/${name}?$deltatoken=latest`)
    await running().send('DELETE', '/Authors/7', undefined)
    for (const link of [body['@odata.deltaLink'], latest.body['@odata.deltaLink']])
      expect((await get(String(link))).body.value).toEqual([{ '@removed': { reason: 'deleted' }, ID: 7 }])
    expect((await fetch(`${root}/Authors/${name}/$count`)).status).not.toBe(200)
  })
})
