import { beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '../../src/auth/principal.ts'
import { onEveryStore } from '../support/running-service.ts'

/** The Authorization header is the list of scopes. */
const settings = {
  authenticate: ({ authorization }: { authorization: string | undefined }): Principal => ({
    subject: 'test',
    tenant: undefined,
    scheme: 'Delegated',
    scopes: new Set((authorization ?? '').replace('Bearer ', '').split(' ')),
    expires: 4_000_000_000,
  }),
  operations: {
    'terms.Area': ({ shape }: { readonly [name: string]: unknown }) => (shape as { side: number }).side ** 2,
    'terms.Secret': () => 'hidden',
  },
}

interface Failure {
  readonly error: { readonly message: string; readonly target?: string }
}

onEveryStore('Vocabulary terms over HTTP', 'test/models/terms.xml', settings, (running) => {
  const failure = async (answer: Response): Promise<string> => {
    const { error } = (await answer.json()) as Failure
    return `${answer.status} ${error.target}: ${error.message}`
  }
  const post = (body: object) => running().send('POST', '/Letters', body)

  beforeAll(async () => {
    const answer = await post({ id: 1, title: 'To "Ann"', text: '*hi*', pages: [{ number: 1, notes: [{ id: 'a' }] }] })
    expect(answer.status, await answer.clone().text()).toBe(201)
  })

  it('finds what stands under a path of its own, whose ids go by its name', async () => {
    const made = await running().send('POST', '/post/box/letters', {
      id: 7,
      title: 'Hello',
      text: 'x',
      pages: [{ number: 1, notes: [{ id: 'a' }] }],
    })
    expect(made.status, await made.clone().text()).toBe(201)
    expect(made.headers.get('Location')).toBe(`${running().root}/Others(7)`)
    for (const path of ['/post/box/letters(7)', '/post/box/letters/7', '/Others(7)']) {
      const answer = await running().get(`${path}?$select=title`)
      expect(await answer.json(), path).toMatchObject({
        '@odata.context': `${running().root}/$metadata#Others(title)/$entity`,
        title: 'Hello',
      })
    }
    expect(await (await running().get('/post/box/letters/$count')).text()).toBe('1')
    expect(await (await running().get('/post/box?$select=id')).json()).toMatchObject({
      '@odata.context': `${running().root}/$metadata#First(id)`,
    })
    expect(
      await (await running().get('/v1/area(shape=@s)?@s={"@odata.type":"%23terms.Square","side":3}')).json(),
    ).toMatchObject({ value: 9 })
    expect((await running().get('/post/letters')).status).toBe(404)
    const document = (await (await running().get('/')).json()) as { value: { name: string; url: string }[] }
    const urls = new Map(document.value.map(({ name, url }) => [name, url]))
    expect([urls.get('Others'), urls.get('First'), urls.get('Area'), urls.get('Letters')]).toEqual([
      'post/box/letters',
      'post/box',
      'v1/area',
      'Letters',
    ])
  })

  it('names a raw value as the model says, and takes the media types that it lists', async () => {
    const text = await running().get('/Letters(1)/text/$value')
    expect(text.headers.get('Content-Disposition')).toBe(
      'attachment; filename="To _Ann_"; filename*=UTF-8\'\'To%20%22Ann%22',
    )
    const put = (type: string) =>
      fetch(`${running().root}/Letters(1)/text/$value`, {
        method: 'PUT',
        body: '*ho*',
        headers: { 'Content-Type': type },
      })
    expect((await put('text/plain')).status).toBe(415)
    expect((await put('text/markdown')).status).toBe(204)
    expect(await (await running().get('/Letters(1)/text/$value')).text()).toBe('*ho*')
    expect((await running().get('/Letters(1)/title/$value')).headers.get('Content-Disposition')).toBeNull()
  })

  it.each([
    [undefined, 200, 'text/plain;charset=utf-8'],
    ['text/markdown', 200, 'text/markdown;charset=utf-8'],
    ['text/plain;q=0.5,text/*;q=0.8,text/markdown', 200, 'text/markdown;charset=utf-8'],
    ['text/html,*/*;q=0.8', 200, 'text/plain;charset=utf-8'],
    ['text/html', 406, undefined],
  ])('offers a raw text as plain text and in its media type: Accept %s is %i', async (accept, status, type) => {
    const answer = await running().get('/Letters(1)/text/$value', accept === undefined ? {} : { Accept: accept })
    expect(answer.status).toBe(status)
    if (type !== undefined) expect(answer.headers.get('Content-Type')).toBe(type)
    // what a browser shows must not be a page of this origin
    const harmful = type?.startsWith('text/markdown') === true
    expect(answer.headers.get('Content-Security-Policy')?.includes('sandbox') ?? false).toBe(harmful)
  })

  it('expands inside of what is expanded, asked for or not', async () => {
    const letter = { pages: [{ number: 1, notes: [{ id: 'a' }] }] }
    expect(await (await running().get('/Letters(1)')).json()).toMatchObject(letter)
    expect(await (await running().get('/Letters(1)?$expand=pages($select=number)')).json()).toMatchObject(letter)
    expect(await (await running().get('/Letters(1)/pages')).json()).toMatchObject({ value: letter.pages })
  })

  describe('counts related entities (Validation.MinItems, MaxItems)', () => {
    const pages = (...numbers: readonly number[]) => numbers.map((number) => ({ number }))

    it.each([
      [0, 'must have at least 1 items (Validation.MinItems)'],
      [3, 'must have at most 2 items (Validation.MaxItems)'],
    ])('%i in a deep insert', async (count, why) => {
      const answer = await post({ id: 2, pages: pages(...[1, 2, 3].slice(0, count)) })
      expect(await failure(answer)).toBe(`400 pages: The value of pages ${why}.`)
      expect((await running().get('/Letters(2)')).status).toBe(404)
    })

    it('takes what fits', async () => {
      expect((await post({ id: 3, pages: pages(1, 2) })).status).toBe(201)
    })
  })

  describe('counts what is related once a request is done (Validation.MinItems, MaxItems)', () => {
    const send = (method: string, path: string, body?: object) => running().send(method, path, body)
    const ref = (path: string) => ({ '@odata.id': `${running().root}${path}` })
    const keys = async (path: string): Promise<readonly number[]> => {
      const { value } = (await (await running().get(path)).json()) as { value: { id: number; number: number }[] }
      return value.map(({ id, number }) => id ?? number)
    }

    beforeAll(async () => {
      for (const id of [1, 2]) expect((await send('POST', '/People', { id })).status).toBe(201)
      const shop = { id: 1, 'staff@odata.bind': ['People(1)'], all: [{ id: 1 }, { id: 2 }] }
      const answer = await send('POST', '/Shops', shop)
      expect(answer.status, await answer.clone().text()).toBe(201)
      expect((await send('POST', '/Letters', { id: 10, pages: [{ number: 1 }] })).status).toBe(201)
    })

    it('of what a new entity leaves out', async () => {
      expect(await failure(await send('POST', '/Shops', { id: 2 }))).toBe(
        '400 staff: The collection staff must have at least 1 items (Validation.MinItems).',
      )
      expect((await send('POST', '/Letters', { id: 11 })).status).toBe(400)
      expect((await running().get('/Shops(2)')).status).toBe(404)
      expect((await running().get('/Letters(11)')).status).toBe(404)
    })

    it('of what an entity contains', async () => {
      const page = (number: number) => send('POST', '/Letters(10)/pages', { number })
      expect((await page(2)).status).toBe(201)
      expect(await failure(await page(3))).toBe(
        '400 pages: The collection pages must have at most 2 items (Validation.MaxItems).',
      )
      expect(await keys('/Letters(10)/pages')).toEqual([1, 2])
      expect((await send('DELETE', '/Letters(10)/pages(2)')).status).toBe(204)
      expect(await failure(await send('DELETE', '/Letters(10)/pages(1)'))).toContain('409 pages: The collection pages')
      expect(await keys('/Letters(10)/pages')).toEqual([1])
      expect((await send('DELETE', '/Letters(10)')).status).toBe(204)
    })

    it('of links, seen from both sides', async () => {
      expect(await failure(await send('DELETE', '/Shops(1)/staff(1)/$ref'))).toContain(
        '400 staff: The collection staff',
      )
      expect(await failure(await send('DELETE', '/People(1)/shops/$ref?$id=Shops(1)'))).toContain('400 staff:')
      // who deletes the last one is in conflict
      expect(await failure(await send('DELETE', '/People(1)'))).toContain('409 staff: The collection staff')
      expect(await keys('/Shops(1)/staff')).toEqual([1])
      for (const id of [3, 4]) {
        const answer = await send('POST', '/Shops', { id, 'staff@odata.bind': ['People(1)'] })
        expect(answer.status, await answer.text()).toBe(id === 3 ? 201 : 400)
      }
      expect((await send('POST', '/Shops', { id: 4, 'staff@odata.bind': ['People(2)'] })).status).toBe(201)
      expect(await failure(await send('POST', '/Shops(4)/staff/$ref', ref('/People(1)')))).toContain(
        '400 shops: The collection shops must have at most 2 items',
      )
      expect(await keys('/People(1)/shops')).toEqual([1, 3])
    })

    it('of foreign keys, however they are written', async () => {
      expect((await send('POST', '/Items', { id: 3, shopID: 1 })).status).toBe(201)
      for (const body of [
        { id: 4, shopID: 1 },
        { id: 4, 'shop@odata.bind': 'Shops(1)' },
      ])
        expect(await failure(await send('POST', '/Items', body))).toContain('400 all: The collection all')
      expect((await send('POST', '/Items', { id: 4 })).status).toBe(201)
      expect((await send('PATCH', '/Items(4)', { shopID: 1 })).status).toBe(400)
      expect((await send('PUT', '/Items(4)/shopID', { value: 1 })).status).toBe(400)
      expect((await send('PUT', '/Items(4)/shopID', { value: 4 })).status).toBe(204)
      expect((await send('DELETE', '/Items(4)/shopID')).status).toBe(204)
      expect((await send('POST', '/Shops(1)/all', { id: 5 })).status).toBe(400)
      expect((await send('POST', '/Shops(1)/all/$ref', ref('/Items(4)'))).status).toBe(400)
      expect((await send('PATCH', '/Shops(1)', { 'all@delta': [ref('/Items(4)')] })).status).toBe(400)
      expect(await keys('/Shops(1)/all?$orderby=id')).toEqual([1, 2, 3])
    })

    it('holds relations to be part of others (Validation.ItemsOf)', async () => {
      expect((await send('POST', '/Shops(1)/open/$ref', ref('/Items(1)'))).status).toBe(204)
      expect((await send('PUT', '/Shops(1)/best/$ref', ref('/Items(2)'))).status).toBe(204)
      const why = (path: string) => `What '${path}' leads to, 'all' must lead to, too (Validation.ItemsOf).`
      expect(await failure(await send('POST', '/Shops(1)/open/$ref', ref('/Items(4)')))).toBe(
        `400 open: ${why('open')}`,
      )
      expect(await failure(await send('PATCH', '/Shops(1)', { 'best@odata.bind': 'Items(4)' }))).toBe(
        `400 best: ${why('best')}`,
      )
      const shop = { id: 9, 'staff@odata.bind': ['People(2)'], all: [{ id: 90 }], open: [{ id: 91 }] }
      expect((await send('POST', '/Shops', shop)).status).toBe(400)
      // nor may they leave the whole
      expect(await failure(await send('DELETE', '/Shops(1)/all(1)/$ref'))).toBe(`400 all: ${why('open')}`)
      expect((await send('PATCH', '/Items(1)', { shopID: null })).status).toBe(400)
      expect((await send('DELETE', '/Shops(1)/all(3)/$ref')).status).toBe(204)
      expect(await keys('/Shops(1)/all?$orderby=id')).toEqual([1, 2])
      expect(await keys('/Shops(1)/open')).toEqual([1])
    })
  })

  it('takes parameters of the types that the model lists', async () => {
    const area = (shape: object) => running().get(`/Area(shape=@s)?@s=${encodeURIComponent(JSON.stringify(shape))}`)
    expect(await (await area({ '@odata.type': '#terms.Square', side: 3 })).json()).toMatchObject({ value: 9 })
    expect(await failure(await area({ '@odata.type': '#terms.Circle', radius: 3 }))).toBe(
      '400 shape: The type of shape must be terms.Square (Validation.DerivedTypeConstraint).',
    )
  })

  it('makes values that must be there and that nobody gives (Core.ComputedDefaultValue)', async () => {
    const device = async (body: object) =>
      (await (await running().send('POST', '/Devices', body)).json()) as Record<string, string>
    const today = new Date().toISOString().slice(0, 10)
    const made = await device({ id: 50 })
    expect(made).toMatchObject({ mark: expect.stringMatching(/^[0-9a-f-]{36}$/), maybe: expect.stringMatching(/-/) })
    expect(
      await device({ id: 53, maybe: null, box: { label: 'b' }, boxes: [{ label: 'c' }, { since: null }] }),
    ).toMatchObject({
      maybe: null,
      box: { label: 'b', since: today },
      boxes: [
        { label: 'c', since: today },
        { label: null, since: null },
      ],
    })
    expect(await device({ id: 54 })).toMatchObject({ box: null, boxes: [] })
    expect(made.since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(Math.abs(Date.parse(made.since ?? '') - Date.now())).toBeLessThan(60_000)
    expect([today, new Date().toISOString().slice(0, 10)]).toContain(made.on)
    expect(await device({ id: 51 })).not.toMatchObject({ mark: made.mark })
    const given = { mark: made.mark, since: '2020-01-01T00:00:00Z', on: '2020-01-01' }
    expect(await device({ id: 52, ...given })).toMatchObject(given)
  })

  it('keeps what is related where the model says so (NonDeletableNavigationProperties)', async () => {
    const send = (method: string, path: string, body?: object) => running().send(method, path, body)
    const ref = (path: string) => ({ '@odata.id': `${running().root}${path}` })
    for (const id of [60, 61]) expect((await send('POST', '/People', { id })).status).toBe(201)
    const shop = { id: 60, 'boss@odata.bind': 'People(60)' }
    const bound = { 'staff@odata.bind': ['People(60)'], 'fans@odata.bind': ['People(60)'] }
    expect((await send('POST', '/Shops', { ...shop, ...bound })).status).toBe(201)
    const term = '(Capabilities.DeleteRestrictions/NonDeletableNavigationProperties)'
    for (const path of ['fans(60)/$ref', 'fans/$ref?$id=People(60)', 'boss/$ref']) {
      const answer = await send('DELETE', `/Shops(60)/${path}`)
      expect(answer.headers.get('Allow')).toContain('PUT')
      expect(await failure(answer)).toContain(`405 ${path.slice(0, 4)}: `)
    }
    for (const body of [
      { boss: null },
      { fans: [] },
      { 'fans@delta': [{ '@odata.removed': { reason: 'changed' }, ...ref('/People(60)') }] },
    ])
      expect(await failure(await send('PATCH', '/Shops(60)', body))).toContain(term)
    expect(await failure(await send('PUT', '/Shops(60)/fans/$ref', { value: [ref('/People(61)')] }))).toContain(term)
    // relating anew is no deletion
    expect((await send('PUT', '/Shops(60)/boss/$ref', ref('/People(61)'))).status).toBe(204)
    expect((await send('POST', '/Shops(60)/fans/$ref', ref('/People(61)'))).status).toBe(204)
    expect((await send('PATCH', '/Shops(60)', { 'boss@odata.bind': 'People(60)' })).status).toBe(204)
    const fans = await (await running().get('/Shops(60)/fans?$orderby=id')).json()
    expect(fans).toMatchObject({ value: [{ id: 60 }, { id: 61 }] })
  })

  describe('holds JSON to its schema (JSON.Schema)', () => {
    const device = (method: string, path: string, body: object) => running().send(method, `/Devices${path}`, body)
    const put = (path: string, body: string, type = 'application/json') =>
      running().send('PUT', path, body, { 'Content-Type': type })

    beforeAll(async () => {
      const answer = await device('POST', '', {
        id: 1,
        config: { size: 3, name: 'aa' },
        'file@mediaContentType': 'text/plain',
        file: 'no JSON',
        text: '[1,2]',
        loose: [1, 2],
      })
      expect(answer.status, await answer.clone().text()).toBe(201)
    })

    it('of streams by value, all faults told', async () => {
      const answer = await device('POST', '', { id: 2, config: { size: 10, name: `${'a'.repeat(60)}!`, more: 1 } })
      const { error } = (await answer.json()) as { error: { details: { message: string; target: string }[] } }
      expect(answer.status).toBe(400)
      expect(error.details).toEqual(
        [
          'must NOT have additional properties: "more" (JSON.Schema)',
          'must be <= 9 at /size (JSON.Schema)',
          'must match pattern "^(a+)+$" at /name (JSON.Schema)',
        ].map((why) => ({ code: expect.any(String), message: `The value of config ${why}.`, target: 'config' })),
      )
      expect((await running().get('/Devices(2)')).status).toBe(404)
    })

    it('of uploads, before anything changes', async () => {
      expect(await failure(await put('/Devices(1)/config', '{"size":"x"}'))).toBe(
        '400 config: The value of config must be integer at /size (JSON.Schema).',
      )
      expect(await failure(await put('/Devices(1)/config', '{'))).toContain(
        '400 config: The value of config is no JSON (JSON.Schema)',
      )
      expect((await put('/Devices(1)/config', `{"size":1}${' '.repeat(1_100_000)}`)).status).toBe(413)
      expect(await (await running().get('/Devices(1)/config')).json()).toEqual({ size: 3, name: 'aa' })
      expect((await put('/Devices(1)/config', '{"size":1}')).status).toBe(204)
      expect(await (await running().get('/Devices(1)/config')).json()).toEqual({ size: 1 })
      // only JSON is looked at
      expect((await put('/Devices(1)/file', '{}', 'text/plain')).status).toBe(204)
      expect((await put('/Devices(1)/file', '{}')).status).toBe(400)
    })

    it('of media entities', async () => {
      const post = (body: string) => running().send('POST', '/Reports', body)
      expect(await failure(await post('{}'))).toBe(
        "400 $value: The value of $value must have required property 'title' (JSON.Schema).",
      )
      const made = await post('{"title":1}')
      expect(made.status).toBe(201)
      const { id } = (await made.json()) as { id: string }
      expect((await put(`/Reports(${id})/$value`, '{"name":1}')).status).toBe(400)
      expect(await (await running().get(`/Reports(${id})/$value`)).json()).toEqual({ title: 1 })
    })

    it.each([
      [{ text: '[1,3]' }, 'text must be equal to one of the allowed values at /1'],
      [{ text: '[1,1]' }, 'text must not have equal items'],
      [{ text: 'a' }, 'text is no JSON (JSON.Schema)'],
      [{ loose: 'y' }, 'must match a schema in anyOf'],
      [{ loose: [1, 2, 3] }, 'must match a schema in anyOf'],
    ])('of texts and untyped values: %j', async (change, why) => {
      const answer = await device('PATCH', '(1)', change)
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain(why)
    })

    it('of single properties', async () => {
      const path = '/Devices(1)/text'
      expect((await running().send('PUT', path, { value: '[3]' })).status).toBe(400)
      expect((await put(`${path}/$value`, '[3]', 'text/plain')).status).toBe(400)
      expect((await put(`${path}/$value`, '[2]', 'text/plain')).status).toBe(204)
      expect((await running().send('PUT', '/Devices(1)/loose', { value: 'x' })).status).toBe(204)
    })
  })

  it('lets only those call an operation who hold its scopes', async () => {
    expect((await running().get('/Secret()')).status).toBe(403)
    const answer = await running().get('/Secret()', { Authorization: 'Bearer Secret.Read' })
    expect(await answer.json()).toMatchObject({ value: 'hidden' })
  })

  it('has no $crossjoin and no /$query where the model says so', async () => {
    expect(await failure(await running().get('/$crossjoin(Letters,Others)'))).toBe(
      '501 $crossjoin: $crossjoin is not supported (Capabilities.CrossJoinSupported).',
    )
    const answer = await fetch(`${running().root}/Letters/$query`, {
      method: 'POST',
      body: '$top=1',
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(await failure(answer)).toBe('501 $query: /$query is not supported (Capabilities.QuerySegmentSupported).')
    expect(await (await running().get('/$metadata')).text()).not.toContain('CrossJoinSupported" Bool="true"')
  })
})
