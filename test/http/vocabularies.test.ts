import { beforeAll, expect, it } from 'vitest'
import type { Principal } from '../../src/auth/principal.ts'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown>
interface Failure {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly target?: string
    readonly details?: Json[]
  }
}

/** The Authorization header is the list of scopes: who asks is not what is tested here. */
const settings = {
  authenticate: ({ authorization }: { authorization: string | undefined }): Principal => ({
    subject: 'test',
    tenant: undefined,
    scheme: 'Delegated',
    scopes: new Set((authorization ?? '').replace('Bearer ', '').split(' ')),
    expires: 4_000_000_000,
  }),
}

onEveryService('Capabilities over HTTP', 'test/models/restricted.xml', settings, (running) => {
  const as = (scopes: string) => ({ Authorization: `Bearer ${scopes}` })
  const all = as('Owners.Read')

  beforeAll(async () => {
    const send = async (path: string, body: Json): Promise<void> => {
      const answer = await running().send('POST', path, body)
      expect(answer.status, await answer.clone().text()).toBe(201)
    }
    await send('/Owners', { ID: 1, Name: 'Ann', Age: 30, Mail: 'ann@example.org' })
    for (const set of ['Free', 'Picky', 'Careful'])
      await send(`/${set}`, {
        ID: 1,
        Name: 'one',
        Secret: 'hidden',
        Password: 'needle',
        Made: 'mine',
        ...(set === 'Careful' ? {} : { Price: 3, OwnerID: 1, Address: { City: 'Rome', Code: 'needle' } }),
      })
  })

  it('refuses options with 400, the option as target and the term in the message', async () => {
    for (const [path, target, term] of [
      ['/Plain?$top=1', '$top', 'Capabilities.TopSupported'],
      ['/Plain?$filter=ID eq 1', '$filter', 'Capabilities.FilterRestrictions/Filterable'],
      ['/Plain/$count', '$count', 'Capabilities.CountRestrictions/Countable'],
      ['/Picky', '$filter', 'Capabilities.FilterRestrictions/RequiresFilter'],
      [
        '/$crossjoin(Free,Owners)?$orderby=Free/ID,Owners/Age',
        '$orderby',
        'Capabilities.SortRestrictions/NonSortableProperties',
      ],
      ["/Picky?$filter=Name eq 'a'&$orderby=Open", '$orderby', 'Capabilities.SortRestrictions/NonSortableProperties'],
      [
        "/Picky?$apply=filter(Name eq 'one')/compute(Price as P)/filter(P eq 1)",
        '$filter',
        'Capabilities.FilterRestrictions/NonFilterableProperties',
      ],
      [
        "/Picky?$apply=filter(Name eq 'one')/compute(Open as O)&$orderby=O",
        '$orderby',
        'Capabilities.SortRestrictions/NonSortableProperties',
      ],
      [
        "/Picky?$apply=filter(Name eq 'one')/topcount(1,Open)",
        '$apply',
        'Capabilities.SortRestrictions/NonSortableProperties',
      ],
      ['/Free?$filter=Owner/Age gt 1', '$filter', 'Capabilities.FilterRestrictions/NonFilterableProperties'],
      ['/Nested(1)/Parts?$filter=Weight eq 1', '$filter', 'Capabilities.FilterRestrictions/NonFilterableProperties'],
    ] as const) {
      const answer = await running().get(path, all)
      expect(answer.status, path).toBe(400)
      const { error } = (await answer.json()) as Failure
      expect(error.code, path).toBe('queryOptionNotAllowed')
      expect(error.target, path).toBe(target)
      expect(error.message, path).toContain(`(${term})`)
    }
    expect((await running().get("/Picky?$filter=Name eq 'one'")).status).toBe(200)
  })

  it('refuses methods with 405 and those that are allowed', async () => {
    const answer = await running().send('POST', '/Locked', { ID: 1 })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('Allow')).toBe('GET, HEAD, PATCH')
    expect((await running().send('PUT', '/Locked(1)', {})).status).toBe(405)
    expect((await running().send('PATCH', '/Locked(1)', { Name: 'x' })).status).toBe(404)
    expect((await running().send('PATCH', '/Careful(9)', { Price: 1 })).status, 'not upsertable').toBe(404)
  })

  it('never tells what cannot be read, however it is asked', async () => {
    const everything = [
      await (await running().get('/Free(1)')).text(),
      await (await running().get('/Free')).text(),
      await (await running().get('/Free?$select=*')).text(),
      await (await running().get('/Free(1)', { Accept: 'application/json;odata.metadata=full' })).text(),
      await (await running().get('/Free(1)/Address')).text(),
    ]
    for (const text of everything) {
      expect(text).not.toContain('needle')
      expect(text).not.toContain('Secret')
      expect(text).not.toContain('mine')
    }
    const changed = await running().send(
      'PATCH',
      '/Free(1)',
      { Password: 'needle' },
      { Prefer: 'return=representation' },
    )
    expect(changed.status).toBe(200)
    expect(await changed.text()).not.toContain('needle')
    expect(((await (await running().get('/Free?$search=needle')).json()) as { value: unknown[] }).value).toEqual([])
    for (const query of [
      "$filter=Password eq 'needle'",
      '$orderby=Password',
      '$select=Password',
      '$filter=Address/Code ne null',
    ])
      expect((await running().get(`/Free?${query}`)).status, query).toBe(400)
    const direct = await running().get('/Free(1)/Password')
    expect(direct.status).toBe(405)
    expect(direct.headers.get('Allow')).not.toContain('GET')
  })

  it('cuts answers to the properties that the scopes of the caller give access to', async () => {
    const basic = as('Owners.ReadBasic')
    const cut = (await (await running().get('/Owners(1)', basic)).json()) as Json
    expect(Object.keys(cut).filter((name) => !name.startsWith('@'))).toEqual(['ID', 'Name'])
    const whole = (await (await running().get('/Owners(1)', all)).json()) as Json
    expect(whole.Mail).toBe('ann@example.org')
    const list = (await (await running().get('/Owners', basic)).json()) as { value: Json[] }
    expect(list.value[0]).not.toHaveProperty('Mail')
    for (const query of ['$select=Mail', "$filter=startswith(Mail,'a')", '$orderby=Mail', '$search=ann']) {
      expect((await running().get(`/Owners?${query}`, basic)).status, query).toBe(403)
      expect((await running().get(`/Owners?${query}`, all)).status, query).toBe(200)
    }
    expect((await running().get('/Owners(1)/Mail', basic)).status).toBe(403)
    // an entity as a value has all properties
    for (const path of ['/Free?$compute=Owner as o&$select=ID,o', '/Owners?$compute=$it as o&$select=ID,o']) {
      expect((await running().get(path, basic)).status, path).toBe(403)
      expect(await (await running().get(path, all)).text(), path).toContain('ann@example.org')
    }
    expect((await running().get('/Free?$compute=Owner/Name as o&$select=o', basic)).status).toBe(200)
    expect((await running().get('/Owners(1)', as('nothing'))).status).toBe(403)
    expect((await running().get("/Free?$filter=Owner/Name eq 'Ann'", as('nothing'))).status).toBe(403)
  })

  it('holds $expand to the annotations of what it expands', async () => {
    const expand = async (query: string, scopes: string): Promise<number> =>
      (await running().get(`/Free?$expand=${query}`, as(scopes))).status
    expect(await expand('Owner', 'nothing')).toBe(403)
    expect(await expand('Owner', 'Owners.ReadBasic'), 'all properties need a scope for all').toBe(403)
    expect(await expand('Owner($select=Name)', 'Owners.ReadBasic')).toBe(200)
    expect(await expand('Owner($select=Mail)', 'Owners.ReadBasic')).toBe(403)
    expect(await expand('Owner', 'Owners.Read')).toBe(200)
    expect(await expand('Owner($filter=Age gt 1)', 'Owners.Read')).toBe(400)
    const items = await (await running().get('/Owners?$expand=Items', all)).text()
    expect(items).toContain('"Items":[{')
    expect(items).not.toContain('needle')
  })

  it('expands what the model says, and not where the client asks for it otherwise', async () => {
    await running().send('POST', '/Boxes', { ID: 1 })
    expect((await running().send('POST', '/Boxes(1)/Parts', { ID: 2, Name: 'lid', Weight: 3 })).status).toBe(201)
    const parts = async (path: string): Promise<unknown> =>
      ((await (await running().get(path)).json()) as { Parts?: unknown }).Parts
    expect(await parts('/Boxes(1)')).toEqual([expect.objectContaining({ ID: 2, Name: 'lid' })])
    expect(await parts('/Boxes(1)?$expand=Parts($select=Name)')).toEqual([expect.not.objectContaining({ Weight: 3 })])
    const { value } = (await (await running().get('/Boxes')).json()) as { value: Json[] }
    expect(value[0]?.Parts).toHaveLength(1)
  })

  it('lets callers write the properties of their scopes only, and leaves the others as they are', async () => {
    const basic = as('Owners.WriteBasic Owners.Read')
    expect((await running().send('PATCH', '/Owners(1)', { Mail: 'x' }, basic)).status).toBe(403)
    expect((await running().send('PUT', '/Owners(1)', { Name: 'Ann B' }, basic)).status).toBe(204)
    expect(await (await running().get('/Owners(1)', all)).json()).toMatchObject({
      Name: 'Ann B',
      Mail: 'ann@example.org',
    })
    expect((await running().send('PATCH', '/Owners(1)', { Name: 'x' }, as('Owners.Read'))).status).toBe(403)
  })

  it('does not show a changed entity to who may not read it', async () => {
    const writer = { ...as('Owners.WriteBasic'), Prefer: 'return=representation' }
    const answer = await running().send('PATCH', '/Owners(1)', { Name: 'Ann C' }, writer)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Preference-Applied')).toBeNull()
  })

  it('asks for required headers and query options', async () => {
    const missing = await running().get('/Careful?reason=test')
    expect(missing.status).toBe(400)
    expect(((await missing.json()) as Failure).error.target).toBe('x-purpose')
    const option = await running().get('/Careful', { 'X-Purpose': 'test' })
    expect(option.status).toBe(400)
    expect(((await option.json()) as Failure).error.target).toBe('reason')
    expect((await running().get('/Careful?reason=test', { 'X-Purpose': 'test' })).status).toBe(200)
    // wherever the set is looked into
    for (const [path, header] of [
      ['/$all/self.Box', 'x-label'],
      ['/$crossjoin(Careful,Free)', 'x-purpose'],
      ['/Free?$filter=ID eq $root/Careful(1)/ID', 'x-purpose'],
    ]) {
      const refused = await running().get(path ?? '')
      expect([refused.status, ((await refused.json()) as Failure).error.target], path).toEqual([400, header])
    }
    expect((await running().get('/$all/self.Box', { 'X-Label': 'test' })).status).toBe(200)
    const joined = '/$crossjoin(Careful,Free)?reason=test'
    expect((await running().get(joined, { 'X-Purpose': 'test' })).status).toBe(200)
    // in a batch each request can say them for itself
    const part = (id: string, headers?: object) => ({ id, method: 'GET', url: 'Careful?reason=test', headers })
    const batch = await running().send('POST', '/$batch', { requests: [part('1', { 'X-Purpose': 'test' }), part('2')] })
    const { responses } = (await batch.json()) as { responses: { status: number }[] }
    expect(responses.map(({ status }) => status)).toEqual([200, 400])
  })

  it('asks for If-Match where the model wants optimistic concurrency', async () => {
    const made = await running().send('POST', '/Versioned', { ID: 1, Name: 'one' })
    const etag = made.headers.get('ETag') ?? ''
    for (const method of ['PATCH', 'PUT', 'DELETE']) {
      const answer = await running().send(method, '/Versioned(1)', method === 'DELETE' ? undefined : { Name: 'two' })
      expect(answer.status, method).toBe(428)
      expect(((await answer.json()) as Failure).error.message).toContain('Core.OptimisticConcurrency')
    }
    expect((await running().send('PATCH', '/Versioned(1)', { Name: 'two' }, { 'If-Match': etag })).status).toBe(204)
    expect((await running().send('DELETE', '/Versioned(1)', undefined, { 'If-Match': etag })).status).toBe(412)
    expect((await running().send('DELETE', '/Versioned(1)', undefined, { 'If-Match': '*' })).status).toBe(204)
  })

  it('holds the requests of a batch to the same', async () => {
    const part = (id: string, method: string, url: string, body?: Json) => ({
      id,
      method,
      url,
      ...(body && { body, headers: { 'Content-Type': 'application/json' } }),
    })
    const requests = [
      part('a', 'GET', 'Plain?$top=1'),
      part('b', 'GET', 'Free(1)'),
      part('c', 'POST', 'Locked', { ID: 1 }),
      part('d', 'GET', 'Owners(1)'),
      part('e', 'POST', 'Careful', { ID: 7 }),
    ]
    const answer = await running().send('POST', '/$batch', { requests }, as('Owners.ReadBasic'))
    expect(answer.status).toBe(200)
    const text = await answer.text()
    const { responses } = JSON.parse(text) as { responses: { id: string; status: number; body: Json }[] }
    const byId = new Map(responses.map((response) => [response.id, response]))
    expect(['a', 'b', 'c', 'd', 'e'].map((id) => byId.get(id)?.status)).toEqual([400, 200, 405, 200, 400])
    expect(text).not.toContain('needle')
    expect(byId.get('d')?.body).not.toHaveProperty('Mail')
  })

  it('keeps to the rules of bodies', async () => {
    const create = await running().send('POST', '/Careful', { ID: 2, Price: 3, Address: { City: 'Rome' } })
    expect(create.status).toBe(400)
    expect(((await create.json()) as Failure).error.details?.map(({ target }) => target)).toEqual([
      'Price',
      'Address/City',
      'Name',
    ])
    const update = await running().send('PATCH', '/Careful(1)', { Name: 'other' })
    expect(((await update.json()) as Failure).error.details?.map(({ target }) => target)).toEqual(['Name', 'Price'])
    expect((await running().send('PATCH', '/Careful(1)', { Price: 4 })).status).toBe(204)
    // what a replacement must not touch stays
    expect((await running().send('PUT', '/Careful(1)', { Price: 5, Open: 'yes' })).status).toBe(204)
    const replaced = await running().get('/Careful(1)?reason=test', { 'X-Purpose': 'test' })
    expect(await replaced.json()).toMatchObject({ Name: 'one', Price: 5, Open: 'yes' })
  })
})

onEveryService('Validation over HTTP', 'test/models/validated.xml', {}, (running) => {
  it('refuses values with 400, the property as target and the term in the message, on every way of writing', async () => {
    const bodies: readonly [string, string, Json][] = [
      ['POST', '/Things', { ID: 2, Tags: ['a'] }],
      ['PATCH', '/Things(1)', {}],
      ['PUT', '/Things(1)', { Tags: ['a'] }],
      ['PUT', '/Things(3)', { Tags: ['a'] }],
    ]
    expect((await running().send('POST', '/Things', { ID: 1, Tags: ['a'] })).status).toBe(201)
    for (const [method, path, body] of bodies) {
      const answer = await running().send(method, path, {
        ...body,
        Count: 11,
        Reason: 'many',
        Span: { From: '2020-01-02', To: '2020-01-01' },
      })
      expect(answer.status, `${method} ${path}`).toBe(400)
      const { error } = (await answer.json()) as Failure
      expect(error.details?.map(({ target }) => target)).toEqual(['Span', 'Count'])
      expect(JSON.stringify(error)).toContain('Validation.Maximum')
      expect(JSON.stringify(error)).toContain('A span must not end before it starts.')
    }
    expect(
      (await running().send('POST', '/Things', { ID: 2, Tags: ['a'], Count: 9, Reason: 'many', Grade: 'B' })).status,
    ).toBe(201)
  })

  it('judges a PATCH on what the entity would be', async () => {
    const path = '/Things(20)'
    expect(
      (await running().send('POST', '/Things', { ID: 20, Tags: ['a'], Count: 6 })).status,
      'without a reason',
    ).toBe(400)
    const span = { From: '2020-01-10', To: '2020-01-20' }
    expect((await running().send('POST', '/Things', { ID: 20, Tags: ['a'], Count: 2, Span: span })).status).toBe(201)
    const patch = async (body: Json, headers: Record<string, string> = {}): Promise<number> =>
      (await running().send('PATCH', path, body, headers)).status
    expect(await patch({ Span: { To: '2020-01-05' } })).toBe(400)
    expect(await patch({ Span: { To: '2020-01-15' } })).toBe(204)
    expect(await patch({ Span: { From: '2020-01-16' } })).toBe(400)
    expect(await patch({ Count: 6 })).toBe(400)
    expect(await patch({ Count: 6, Reason: 'enough' })).toBe(204)
    expect(await patch({ Reason: null })).toBe(400)
    expect(await patch({ Count: 7 }, { 'If-Match': 'W/"999"' })).toBe(412)
    expect(await patch({ Count: 7 }, { 'If-Match': '*' })).toBe(204)
    expect(await patch({ Grade: 'A' }), 'no condition looks at it').toBe(204)
    expect(await (await running().get(path)).json()).toMatchObject({
      Count: 7,
      Span: { From: '2020-01-10', To: '2020-01-15' },
    })
  })

  it('holds the condition against changes at the same time', async () => {
    expect((await running().send('POST', '/Things', { ID: 21, Tags: ['a'], Count: 2, Reason: 'x' })).status).toBe(201)
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        running().send('PATCH', '/Things(21)', i % 2 === 0 ? { Count: 6 } : { Reason: null }),
      ),
    )
    const { Count, Reason } = (await (await running().get('/Things(21)')).json()) as {
      Count: number
      Reason: string | null
    }
    expect(Count <= 5 || Reason !== null).toBe(true)
  })

  it('keeps sets to the types that they may hold', async () => {
    expect((await running().send('POST', '/SpecialThings', { ID: 1, Tags: ['a'] })).status).toBe(400)
    const special = { '@odata.type': '#validated.SpecialThing', ID: 1, Tags: ['a'] }
    expect((await running().send('POST', '/SpecialThings', special)).status).toBe(201)
  })
})

onEveryService('Core over HTTP', 'test/models/validated.xml', {}, (running) => {
  const create = (body: Json): Promise<Response> => running().send('POST', '/Things', { Tags: ['a'], ...body })

  it('finds entities by alternate keys, which are unique', async () => {
    expect((await create({ ID: 1, Code: 'AB-1' })).status).toBe(201)
    expect((await create({ ID: 2, Code: 'AB-2' })).status).toBe(201)
    expect(await (await running().get("/Things(code='AB-2')")).json()).toMatchObject({ ID: 2 })
    expect((await running().get("/Things(code='AB-3')")).status).toBe(404)
    expect((await running().get("/Things('AB-2')")).status, 'alternate keys are always named').toBe(400)
    expect((await create({ ID: 3, Code: 'AB-1' })).status).toBe(409)
    expect((await running().send('PATCH', "/Things(code='AB-2')", { Count: 2 })).status).toBe(204)
    expect(await (await running().get('/Things(2)')).json()).toMatchObject({ Count: 2 })
    const other = await running().get("/Things?$filter=ID eq $root/Things(code='AB-2')/ID sub 1&$select=ID")
    expect(await other.json()).toMatchObject({ value: [{ ID: 1 }] })
    const none = await running().get("/Things?$filter=ID eq $root/Things(code='AB-9')/ID")
    expect(await none.json()).toMatchObject({ value: [] })
    expect((await running().get("/Things?$filter=ID eq $root/Things(kode='AB-2')/ID")).status).toBe(400)
  })

  it('ignores computed values, and immutable ones in updates; a computed default need not be given', async () => {
    expect((await create({ ID: 4, Fixed: 'first', Made: 'mine' })).status).toBe(201)
    const read = async (): Promise<Json> => (await (await running().get('/Things(4)')).json()) as Json
    expect(await read()).toMatchObject({ Fixed: 'first', Made: null })
    expect((await running().send('PATCH', '/Things(4)', { Fixed: 'second' })).status).toBe(204)
    expect((await running().send('PUT', '/Things(4)', { Tags: ['b'] })).status).toBe(204)
    expect(await read()).toMatchObject({ Fixed: 'first', Tags: ['b'] })
  })
})
