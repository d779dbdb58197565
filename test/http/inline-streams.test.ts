import { expect, it } from 'vitest'
import type { Store } from '../../src/store/port.ts'
import { mongodb } from '../support/mongod.ts'
import { embeddedForTests, mongoForTests, onEveryStore, startService } from '../support/running-service.ts'

type Json = Record<string, unknown>

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe, 0xfb, 0])
const coded = png.toString('base64url')

onEveryStore('streams by value in bodies', 'test/models/media.xml', {}, (running) => {
  const stream = async (path: string): Promise<readonly [number, string | null, string]> => {
    const answer = await running().get(path)
    return [
      answer.status,
      answer.headers.get('Content-Type'),
      Buffer.from(await answer.arrayBuffer()).toString('latin1'),
    ]
  }
  const fault = async (method: string, path: string, body: unknown): Promise<readonly [number, string, string]> => {
    const answer = await running().send(method, path, body)
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    return [answer.status, error.code, error.message]
  }
  const raw = png.toString('latin1')

  it('are written by a create: base64url, text, JSON, in complex values too', async () => {
    const created = await running().send('POST', '/Things', {
      id: 'a',
      'picture@mediaContentType': 'image/webp',
      picture: coded,
      small: 'iVBO',
      'seal@odata.mediaContentType': 'text/plain;charset=utf-8',
      seal: 'Größe "1"',
      'proof@mediaContentType': 'text/plain',
      proof: 'is made by the service: ignored',
      cover: { label: 'front', 'art@mediaContentType': 'application/json', art: { n: [1.5, 'ä'], 'x@y': null } },
    })
    expect(created.status).toBe(201)
    expect(await created.json()).toMatchObject({
      'picture@odata.mediaContentType': 'image/webp',
      'small@odata.mediaContentType': 'image/png',
      cover: { label: 'front', 'art@odata.mediaContentType': 'application/json' },
    })
    expect(await stream("/Things('a')/picture")).toEqual([200, 'image/webp', raw])
    expect((await stream("/Things('a')/small"))[2]).toBe(Buffer.from('iVBO', 'base64').toString('latin1'))
    expect((await stream("/Things('a')/proof"))[0]).toBe(204)
    expect(await (await running().get("/Things('a')/seal")).text()).toBe('Größe "1"')
    expect(await (await running().get("/Things('a')/cover/art")).json()).toEqual({ n: [1.5, 'ä'], 'x@y': null })
  })

  it('are changed by PATCH and PUT, kept where they are not named, taken away by null', async () => {
    const path = "/Things('b')"
    const send = async (method: string, body: Json): Promise<void> =>
      expect((await running().send(method, path, body)).status).toBeLessThan(300)
    await send('PUT', { 'picture@mediaContentType': 'text/plain', picture: 'one', small: coded.slice(0, 4) })
    expect(await stream(`${path}/picture`)).toEqual([200, 'text/plain', 'one'])
    await send('PATCH', { name: 'n', 'picture@mediaContentType': 'text/csv', picture: 'two' })
    expect(await stream(`${path}/picture`)).toEqual([200, 'text/csv', 'two'])
    await send('PUT', { name: 'm', 'picture@mediaContentType': 'image/png', picture: coded })
    expect(await stream(`${path}/picture`)).toEqual([200, 'image/png', raw])
    expect((await stream(`${path}/small`))[0]).toBe(200)
    await send('PATCH', { 'picture@mediaContentType': 'image/png', picture: '', small: null })
    expect(await stream(`${path}/picture`)).toEqual([200, 'image/png', ''])
    expect((await stream(`${path}/small`))[0]).toBe(204)
    await running().restart()
    expect((await stream(`${path}/picture`))[0]).toBe(200)
  })

  it('of complex values are kept by a PUT that does not say them', async () => {
    const path = "/Things('inside')"
    const put = async (body: Json): Promise<void> =>
      expect((await running().send('PUT', path, body)).status).toBeLessThan(300)
    const art = async () => (await stream(`${path}/cover/art`))[2]
    await put({ cover: { label: 'front', 'art@mediaContentType': 'text/plain', art: 'one' } })
    await put({ name: 'n', cover: { label: 'back' } })
    expect(await art()).toBe('one')
    expect((await running().send('PUT', `${path}/cover`, { label: 'x' })).status).toBe(204)
    expect(await art()).toBe('one')
    await put({ cover: { 'art@mediaContentType': 'text/plain', art: 'two' } })
    expect(await art()).toBe('two')
    await put({ cover: { label: 'x', art: null } })
    expect((await stream(`${path}/cover/art`))[0]).toBe(204)
    await put({ cover: { 'art@mediaContentType': 'text/plain', art: 'three' } })
    await put({ cover: null })
    await put({ cover: { label: 'y' } })
    expect((await stream(`${path}/cover/art`))[0]).toBe(204)
  })

  it('are written with a single complex property, at its own URL', async () => {
    const path = "/Things('alone')"
    const send = async (method: string, url: string, body: Json | undefined): Promise<number> =>
      (await running().send(method, url, body)).status
    const text = (name: string, value: string) => ({ [`${name}@mediaContentType`]: 'text/plain', [name]: value })
    const art = async () => (await stream(`${path}/cover/art`))[2]
    await running().send('POST', '/Things', { id: 'alone' })
    expect(await send('PUT', `${path}/cover`, { label: 'front', ...text('art', 'one') })).toBe(204)
    expect(await stream(`${path}/cover/art`)).toEqual([200, 'text/plain', 'one'])
    // merged: what is not named stays; a value inside, of a fixed media type
    expect(await send('PATCH', `${path}/cover`, { ...text('art', 'two'), back: { note: 'n', blurb: 'short' } })).toBe(
      204,
    )
    expect(await (await running().get(`${path}/cover`)).json()).toMatchObject({ label: 'front', back: { note: 'n' } })
    expect([await art(), (await stream(`${path}/cover/back/blurb`))[2]]).toEqual(['two', 'short'])
    expect(await send('PATCH', `${path}/cover/back`, { blurb: 'other' })).toBe(204)
    expect((await stream(`${path}/cover/back/blurb`))[2]).toBe('other')
    // replaced: streams that are not named stay, inside too
    expect(await send('PUT', `${path}/cover`, { label: 'x', back: { note: 'm' } })).toBe(204)
    expect([await art(), (await stream(`${path}/cover/back/blurb`))[2]]).toEqual(['two', 'other'])
    // of another type: what both have stays, what it says counts
    const jacket = { '@odata.type': '#media.Jacket', ...text('flap', 'f'), art: null }
    expect(await send('PATCH', `${path}/cover`, jacket)).toBe(204)
    expect((await stream(`${path}/cover/media.Jacket/flap`))[2]).toBe('f')
    expect((await stream(`${path}/cover/art`))[0]).toBe(204)
    expect(await send('PATCH', path, { cover: { '@odata.type': '#media.Cover', ...text('art', 'back') } })).toBe(204)
    expect(await art()).toBe('back')
    for (const [url, body, status, why] of [
      [`${path}/cover`, { art: coded }, 400, 'art@mediaContentType'],
      [`${path}/cover/back`, { blurb: 'too long' }, 400, 'MaxLength'],
      [`${path}/cover`, { back: { blurb: 'too long' } }, 400, 'MaxLength'],
      ["/Things('nobody')/cover", text('art', 'x'), 404, 'no such entity'],
      [`${path}/covers`, { value: [text('art', 'x')] }, 501, 'Edm.Stream'],
    ] as const) {
      const method = url.endsWith('covers') ? 'PUT' : 'PATCH'
      const [code, , message] = await fault(method, url, body)
      expect([code, message], url).toEqual([status, expect.stringContaining(why)])
    }
    expect((await fault('POST', `${path}/covers`, text('art', 'x')))[0]).toBe(501)
    expect((await fault('PATCH', path, { covers: [text('art', 'x')] }))[0]).toBe(501)
    expect(await art()).toBe('back')
    // many at the same time, and under a precondition
    const writers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => running().send('PATCH', `${path}/cover`, text('art', `w${i}`))),
    )
    expect(writers.map(({ status }) => status)).toEqual(writers.map(() => 204))
    const etag = writers
      .map(({ headers }) => headers.get('ETag') ?? '')
      .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    const last = await art()
    expect(last).toMatch(/^w\d$/)
    const stale = { 'If-Match': etag[0] ?? '' }
    expect((await running().send('PATCH', `${path}/cover`, text('art', 'stale'), stale)).status).toBe(412)
    expect(await art()).toBe(last)
    // taken back with its change set
    const headers = { 'Content-Type': 'application/json' }
    const part = (id: string, method: string, url: string, body: Json) => ({
      id,
      atomicityGroup: 'g',
      method,
      url,
      headers,
      body,
    })
    await running().send('POST', '/$batch', {
      requests: [
        part('1', 'patch', `Things('alone')/cover`, text('art', 'y')),
        part('2', 'post', 'Things', { id: 'alone' }),
      ],
    })
    expect(await art()).toBe(last)
    expect(await send('DELETE', `${path}/cover`, undefined)).toBe(204)
    expect((await stream(`${path}/cover/art`))[0]).toBe(204)
  })

  it('may be the media of an entity, in an update', async () => {
    const made = await fetch(`${running().root}/Photos`, {
      method: 'POST',
      headers: { 'Content-Type': 'image/png' },
      body: 'old',
    })
    const path = `/Photos(${((await made.json()) as Json).id})`
    const change = { title: 't', '@mediaContentType': 'image/gif', $value: coded }
    expect((await running().send('PATCH', path, change)).status).toBe(204)
    expect(await stream(`${path}/$value`)).toEqual([200, 'image/gif', raw])
    expect(await (await running().get(path)).json()).toMatchObject({ title: 't', kind: 'image/gif' })
    expect(
      (await running().send('PUT', path, { title: 'u', '@mediaContentType': 'image/png', $value: '' })).status,
    ).toBe(204)
    expect(await stream(`${path}/$value`)).toEqual([200, 'image/png', ''])
    expect((await running().send('PUT', path, { title: 'v' })).status).toBe(204)
    expect((await stream(`${path}/$value`))[0]).toBe(200)
    expect((await fault('PATCH', path, { '@mediaContentType': 'text/plain', $value: '' }))[0]).toBe(400)
    expect((await fault('PATCH', path, { $value: null }))[0]).toBe(400)
    expect((await fault('PATCH', "/Things('a')", { '@mediaContentType': 'image/png', $value: '' }))[0]).toBe(400)
  })

  it('are refused where they are wrong, and change nothing', async () => {
    await running().send('POST', '/Things', { id: 'c', 'picture@mediaContentType': 'text/plain', picture: 'kept' })
    for (const [body, why] of [
      [{ picture: coded }, 'picture@mediaContentType'],
      [{ picture: coded, 'picture@mediaContentType': 5 }, 'is a string'],
      [{ picture: coded, 'picture@mediaContentType': 'nonsense' }, 'no media type'],
      [{ picture: '***', 'picture@mediaContentType': 'image/png' }, 'base64url'],
      [{ picture: 5, 'picture@mediaContentType': 'image/png' }, 'a string is expected'],
      [{ picture: { a: 1 }, 'picture@mediaContentType': 'text/plain' }, 'a string is expected'],
      [{ small: coded, 'small@mediaContentType': 'text/plain' }, 'image/png'],
      [{ small: Buffer.alloc(11).toString('base64url') }, 'MaxLength'],
      [{ seal: null }, 'must not be null'],
    ] as const) {
      const [status, , message] = await fault('PATCH', "/Things('c')", { name: 'x', ...body })
      expect([status, message], JSON.stringify(body)).toEqual([400, expect.stringContaining(why)])
    }
    expect(await (await running().get("/Things('c')")).json()).toMatchObject({ name: null })
    expect((await stream("/Things('c')/picture"))[2]).toBe('kept')
    const twice = { id: 'c', 'picture@mediaContentType': 'text/plain', picture: 'other' }
    expect((await running().send('POST', '/Things', twice)).status).toBe(409)
    expect((await stream("/Things('c')/picture"))[2]).toBe('kept')
    const large = { picture: 'A'.repeat(1_100_000), 'picture@mediaContentType': 'image/png' }
    expect((await running().send('PATCH', "/Things('c')", large)).status).toBe(413)
  })

  it('are written with nested entities: deep inserts, deep updates, deltas', async () => {
    const path = "/Things('deep')"
    const told = (type: string, scan: string) => ({ 'scan@mediaContentType': type, scan })
    const made = await running().send('POST', '/Things?$expand=pages,portrait', {
      id: 'deep',
      'picture@mediaContentType': 'text/plain',
      picture: 'top',
      pages: [
        { number: 1, ...told('image/png', coded) },
        { number: 2, ...told('text/plain', 'two') },
      ],
      portrait: { id: 'p', '@mediaContentType': 'image/gif', $value: coded },
    })
    expect(await made.json()).toMatchObject({
      pages: [{ 'scan@odata.mediaContentType': 'image/png' }, { 'scan@odata.mediaContentType': 'text/plain' }],
      portrait: { '@odata.mediaContentType': 'image/gif' },
    })
    expect(await stream(`${path}/picture`)).toEqual([200, 'text/plain', 'top'])
    expect(await stream(`${path}/pages(1)/scan`)).toEqual([200, 'image/png', raw])
    expect(await stream(`${path}/pages(2)/scan`)).toEqual([200, 'text/plain', 'two'])
    expect(await stream(`${path}/portrait/$value`)).toEqual([200, 'image/gif', raw])
    const send = async (method: string, url: string, body: Json): Promise<void> => {
      const answer = await running().send(method, url, body, { 'OData-Version': '4.01' })
      expect(answer.status, await answer.text()).toBeLessThan(300)
    }
    // what is named by its key is changed, what is not named is deleted, a new one comes
    await send('PATCH', path, {
      pages: [{ number: 1 }, { number: 2, scan: null }, { number: 3, ...told('text/csv', '3') }],
    })
    expect(await stream(`${path}/pages(1)/scan`)).toEqual([200, 'image/png', raw])
    expect((await stream(`${path}/pages(2)/scan`))[0]).toBe(204)
    expect(await stream(`${path}/pages(3)/scan`)).toEqual([200, 'text/csv', '3'])
    await send('PUT', path, { pages: [{ number: 1, ...told('text/plain', 'one') }, { number: 3 }] })
    expect(await stream(`${path}/pages(1)/scan`)).toEqual([200, 'text/plain', 'one'])
    expect(await stream(`${path}/pages(3)/scan`)).toEqual([200, 'text/csv', '3'])
    await send('PATCH', path, {
      'pages@delta': [
        { number: 1, ...told('text/plain', 'uno') },
        { '@removed': {}, number: 3 },
        { number: 4, ...told('application/json', '4') },
      ],
      portrait: { id: 'p', '@mediaContentType': 'image/png', $value: '' },
    })
    expect(await stream(`${path}/pages(1)/scan`)).toEqual([200, 'text/plain', 'uno'])
    expect(await stream(`${path}/pages(4)/scan`)).toEqual([200, 'application/json', '"4"'])
    expect((await stream(`${path}/pages(3)/scan`))[0]).toBe(404)
    expect(await stream(`${path}/portrait/$value`)).toEqual([200, 'image/png', ''])
    await send('PATCH', `${path}/pages`, {
      '@context': '#$delta',
      value: [
        { number: 4, ...told('text/plain', 'four') },
        { number: 5, ...told('text/plain', 'five') },
      ],
    })
    await send('PATCH', '/Things', {
      '@context': '#$delta',
      value: [
        { id: 'deep', 'seal@mediaContentType': 'text/plain', seal: 'a' },
        { id: 'new', pages: [{ number: 1, ...told('text/plain', 'n') }] },
      ],
    })
    for (const [url, text] of [
      [`${path}/pages(4)/scan`, 'four'],
      [`${path}/pages(5)/scan`, 'five'],
      [`${path}/seal`, 'a'],
      ["/Things('new')/pages(1)/scan", 'n'],
    ] as const)
      expect((await stream(url))[2], url).toBe(text)
  })

  it('are refused in nested entities where they are wrong, and change nothing', async () => {
    const page = (more: Json) => ({ id: 'wrong', pages: [{ number: 1, ...more }] })
    const told = { 'scan@mediaContentType': 'text/plain', scan: 'x' }
    await running().send('POST', '/Things', page(told))
    for (const [body, status, why] of [
      [{ scan: coded }, 400, 'scan@mediaContentType'],
      [{ 'scan@mediaContentType': 'image/png', scan: '***' }, 400, 'pages/0/scan is invalid'],
      [{ 'scan@mediaContentType': 'image/*', scan: coded }, 400, 'no media type'],
    ] as const)
      for (const method of ['POST', 'PATCH']) {
        const url = method === 'POST' ? '/Things' : "/Things('wrong')"
        const answer = await running().send(method, url, page(body), { 'OData-Version': '4.01' })
        const { error } = (await answer.json()) as { error: { message: string; target: string } }
        expect([answer.status, error.message], method).toEqual([status, expect.stringContaining(why)])
        expect(error.target).toContain('pages/0')
      }
    expect((await stream("/Things('wrong')/pages(1)/scan"))[2]).toBe('x')
    // the second page is there twice: all or nothing
    const twice = { id: 'gone', pages: [{ number: 1, ...told }, { number: 1 }] }
    expect((await running().send('POST', '/Things', twice)).status).toBe(409)
    expect((await stream("/Things('gone')/pages(1)/scan"))[0]).toBe(404)
  })

  it('hold under preconditions, and are taken back with a change set', async () => {
    const first = await running().send('POST', '/Things', { id: 'e', 'seal@mediaContentType': 'text/plain', seal: '1' })
    const etag = first.headers.get('ETag') ?? ''
    const change = (seal: string) => ({ 'seal@mediaContentType': 'text/plain', seal })
    expect((await running().send('PATCH', "/Things('e')", change('2'), { 'If-Match': etag })).status).toBe(204)
    expect((await running().send('PATCH', "/Things('e')", change('3'), { 'If-Match': etag })).status).toBe(412)
    const headers = { 'Content-Type': 'application/json' }
    const batch = await running().send('POST', '/$batch', {
      requests: [
        { id: '1', atomicityGroup: 'g', method: 'patch', url: "Things('e')", headers, body: change('4') },
        { id: '2', atomicityGroup: 'g', method: 'post', url: 'Things', headers, body: { id: 'e' } },
      ],
    })
    expect(batch.status).toBe(200)
    expect((await stream("/Things('e')/seal"))[2]).toBe('2')
    const writers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => running().send('PATCH', "/Things('e')", change(`w${i}`))),
    )
    expect(writers.map(({ status }) => status)).toEqual(writers.map(() => 204))
    expect((await stream("/Things('e')/seal"))[2]).toMatch(/^w\d$/)
  })

  it('are given in answers that expand them, others only told of', async () => {
    const body = {
      id: 'x',
      'picture@mediaContentType': 'image/webp',
      picture: coded,
      'seal@mediaContentType': 'application/json',
      seal: { a: [1] },
    }
    const given = { 'picture@odata.mediaContentType': 'image/webp', picture: coded, seal: { a: [1] }, small: null }
    const made = await running().send('POST', '/Things?$expand=picture,seal,small', body)
    expect(await made.json()).toMatchObject(given)
    const read = async (path: string, headers?: Record<string, string>): Promise<Json> =>
      (await (await running().get(path, headers)).json()) as Json
    const one = await read("/Things('x')?$select=id&$expand=picture")
    expect(one).toEqual({
      '@odata.context': expect.anything(),
      '@odata.etag': expect.anything(),
      id: 'x',
      'picture@odata.mediaEditLink': `${running().root}/Things('x')/picture`,
      'picture@odata.mediaContentType': 'image/webp',
      'picture@odata.mediaEtag': expect.anything(),
      picture: coded,
    })
    const names = Object.keys(one)
    expect(names.indexOf('picture')).toBe(names.indexOf('picture@odata.mediaEtag') + 1)
    expect(await read("/Things('x')?$select=picture")).not.toHaveProperty('picture')
    const page = (await read("/Things?$filter=id eq 'x' or id eq 'a'&$expand=seal&$orderby=id")).value as Json[]
    expect(page.map(({ seal }) => seal)).toEqual(['Größe "1"', { a: [1] }])
    expect(await read("/Things('x')?$expand=seal", { Accept: 'application/json;odata.metadata=none' })).toMatchObject({
      'seal@odata.mediaContentType': 'application/json',
      seal: { a: [1] },
    })
    expect(await read("/Things('x')?$expand=seal", { Accept: 'application/json;odata.metadata=full' })).toMatchObject({
      'seal@odata.mediaReadLink': `${running().root}/Things('x')/seal`,
      seal: { a: [1] },
    })
    const changed = await running().send('PATCH', "/Things('x')?$expand=seal", { name: 'n' })
    expect(await changed.json()).toMatchObject({ name: 'n', seal: { a: [1] } })
    const photos = (await read('/Photos?$expand=$value')).value as Json[]
    expect(photos[0]).toMatchObject({ '@odata.mediaContentType': 'image/png', $value: '' })
  })

  it('are given in answers that expand them of related entities, at all depths', async () => {
    const told = (type: string, value: string, name: string) => ({ [`${name}@mediaContentType`]: type, [name]: value })
    const body = {
      id: 'far',
      ...told('text/plain', 'top', 'picture'),
      pages: [{ number: 1, ...told('image/png', coded, 'scan') }, { number: 2 }],
      portrait: { id: 'p', '@mediaContentType': 'image/gif', $value: coded },
    }
    const query = '$expand=picture,pages($expand=scan;$select=number;$orderby=number),portrait($expand=$value)'
    const given = {
      picture: 'top',
      pages: [
        { 'scan@odata.mediaContentType': 'image/png', scan: coded },
        { number: 2, scan: null },
      ],
      portrait: { '@odata.mediaContentType': 'image/gif', $value: coded },
    }
    const made = await running().send('POST', `/Things?${query}`, body)
    expect(await made.json()).toMatchObject(given)
    const read = async (path: string, headers?: Record<string, string>): Promise<Json> =>
      (await (await running().get(path, headers)).json()) as Json
    expect(await read(`/Things('far')?${query}`)).toMatchObject(given)
    const [found] = (await read(`/Things?$filter=id eq 'far'&${query}`)).value as Json[]
    expect(found).toMatchObject(given)
    const marked = { id: 'far2', pages: [{ number: 1, ...told('text/plain', 'x', 'scan'), '@Core.ContentID': '7' }] }
    const deep = await running().send('POST', '/Things?$expand=pages($expand=scan)', marked, {
      'OData-Version': '4.01',
    })
    expect(await deep.json()).toMatchObject({ pages: [{ '@Core.ContentID': '7', scan: 'x' }] })
    expect(await read("/Things('far')?$expand=pages")).not.toHaveProperty('pages.0.scan')
    const full = { Accept: 'application/json;odata.metadata=full' }
    expect(await read(`/Things('far')?${query}`, full)).toMatchObject({
      pages: [{ 'scan@odata.mediaReadLink': `${running().root}/Things('far')/pages(1)/scan`, scan: coded }, {}],
    })
    const none = await read(`/Things('far')?${query}`, { Accept: 'application/json;odata.metadata=none' })
    expect(none).toMatchObject(given)
    // a delta tells them, too
    const tracked = await running().get(`/Things?$filter=id eq 'far'&$expand=picture,pages($expand=scan)`, {
      Prefer: 'track-changes',
      'OData-MaxVersion': '4.01',
    })
    const { '@deltaLink': link } = (await tracked.json()) as { '@deltaLink': string }
    await running().send('PATCH', "/Things('far')/pages(2)", told('text/plain', 'two', 'scan'))
    const delta = await read(link.slice(running().root.length), { 'OData-MaxVersion': '4.01' })
    expect(delta.value).toMatchObject([{ picture: 'top', pages: [{ scan: coded }, { scan: 'two' }] }])
    const flat = await running().get(`/Things?$filter=id eq 'far'&$expand=picture,pages($expand=scan)`, {
      Prefer: 'track-changes',
      'OData-MaxVersion': '4.0',
    })
    const { '@odata.deltaLink': older } = (await flat.json()) as { '@odata.deltaLink': string }
    await running().send('PATCH', "/Things('far')", { name: 'n' })
    const items = (await read(older.slice(running().root.length), { 'OData-MaxVersion': '4.0' })).value as Json[]
    expect(items).toEqual(expect.arrayContaining([expect.objectContaining({ picture: 'top' })]))
    expect(items).toEqual(expect.arrayContaining([expect.objectContaining({ scan: 'two' })]))
  })

  it('are given in answers that expand them of complex values', async () => {
    const text = (name: string, value: string) => ({ [`${name}@mediaContentType`]: 'text/plain', [name]: value })
    const cover = { label: 'l', ...text('art', 'A'), back: { note: 'n', blurb: 'B' } }
    const made = await running().send('POST', '/Things?$expand=cover/art,cover/back/blurb', { id: 'in', cover })
    const given = { 'art@odata.mediaContentType': 'text/plain', art: 'A' }
    expect(await made.json()).toMatchObject({ cover: { ...given, label: 'l', back: { note: 'n', blurb: 'B' } } })
    await running().send('POST', '/Things', {
      id: 'in2',
      cover: { '@odata.type': '#media.Jacket', ...text('flap', 'F') },
    })
    await running().send('POST', '/Things', { id: 'in3' })
    const read = async (path: string, headers?: Record<string, string>): Promise<Json> =>
      (await (await running().get(path, headers)).json()) as Json
    const some = "/Things?$filter=startswith(id,'in') and id ne 'inside'&$orderby=id&"
    const page = (await read(`${some}$expand=cover/art,cover/media.Jacket/flap`)).value as Json[]
    expect(page).toMatchObject([{ cover: given }, { cover: { art: null, flap: 'F' } }, { cover: null }])
    expect(page[0]?.cover).not.toHaveProperty('flap')
    expect(page[0]?.cover).not.toHaveProperty('back.blurb')
    const etag = { 'art@odata.mediaEtag': expect.anything() }
    expect(await read("/Things('in')?$select=id&$expand=cover/art")).toEqual({
      '@odata.context': expect.anything(),
      '@odata.etag': expect.anything(),
      id: 'in',
      cover: { ...given, ...etag },
    })
    expect(
      await read("/Things('in')?$expand=cover/art", { Accept: 'application/json;odata.metadata=none' }),
    ).toMatchObject({
      cover: given,
    })
    // at the URL of the complex value, and in answers to its change
    expect(await read("/Things('in')/cover?$expand=art,back/blurb")).toMatchObject({ ...given, back: { blurb: 'B' } })
    expect(await read("/Things('in')/cover/back?$expand=blurb")).toMatchObject({ note: 'n', blurb: 'B' })
    const wants = { Prefer: 'return=representation' }
    const changed = await running().send('PATCH', "/Things('in')/cover?$expand=art", text('art', 'A2'), wants)
    expect(await changed.json()).toMatchObject({ label: 'l', art: 'A2' })
    // related entities have theirs beside it
    expect(await read("/Things('in')?$expand=picture,cover/art,pages($expand=scan)")).toMatchObject({
      picture: null,
      cover: { art: 'A2' },
      pages: [],
    })
    for (const [path, status] of [
      ["/Things('in')?$expand=cover/art,cover/art", 400],
      ["/Things('in')?$expand=cover/art($select=x)", 400],
      ["/Things('in')?$expand=cover/label", 400],
      ["/Things('in')?$expand=covers/art", 501],
      ["/Things('in')/covers?$expand=art", 501],
    ] as const)
      expect((await running().get(path)).status, path).toBe(status)
  })

  it('are given where the model expands them by itself (Core.AutoExpand)', async () => {
    const told = { 'front@mediaContentType': 'text/plain', 'back@mediaContentType': 'text/plain', back: 'b' }
    const card = (id: string) => ({ id, ...told, front: id, '@mediaContentType': 'image/png', $value: coded })
    expect((await running().send('PUT', "/Cards('a')", { ...card('a'), parts: [card('b')] })).status).toBe(201)
    const shown = (front: string) => ({ front, 'back@odata.mediaContentType': 'text/plain', $value: coded })
    const one = (await (await running().get("/Cards('a')?$expand=parts")).json()) as { parts: Json[] }
    expect(one).toMatchObject({ ...shown('a'), parts: [shown('b')] })
    expect(one).not.toHaveProperty('back')
    expect(one.parts[0]).not.toHaveProperty('back')
    for (const path of ['/Cards', '/$all', '/Cards?$expand=front'])
      expect((await (await running().get(path)).json()) as Json, path).toMatchObject({
        value: expect.arrayContaining([expect.objectContaining(shown('a'))]),
      })
    expect(await (await running().get('/$metadata')).text()).toContain('Property="StreamsExpandable" Bool="true"')
  })

  it('are given of complex values, too, where the model expands them by itself (Core.AutoExpand)', async () => {
    const print = { label: 'l', 'plate@mediaContentType': 'text/plain', plate: 'p' }
    expect((await running().send('PUT', "/Cards('c')", { print, parts: [{ id: 'd', print }] })).status).toBe(201)
    const shown = { label: 'l', 'plate@odata.mediaContentType': 'text/plain', plate: 'p' }
    const read = async (path: string): Promise<Json> => {
      const answer = await running().get(path)
      expect(answer.status, path).toBe(200)
      return (await answer.json()) as Json
    }
    for (const query of ['', '?$select=print', '?$expand=print/plate', '?$select=id,print/plate,print/label'])
      expect(await read(`/Cards('c')${query}`), query).toMatchObject({ print: shown })
    expect(await read("/Cards('c')?$expand=parts")).toMatchObject({ parts: [{ print: shown }] })
    expect(await read('/Cards?$filter=print/label eq %27l%27')).toMatchObject({ value: [{ print: shown }] })
    expect((await read("/Cards('c')?$select=print/label")).print).toEqual({ label: 'l' })
    expect(await read("/Cards('c')?$select=id")).not.toHaveProperty('print')
  })

  it('are left out of answers where they are too long, or not what their media type says', async () => {
    const put = async (path: string, type: string, body: Uint8Array | string): Promise<void> => {
      const answer = await fetch(running().root + path, { method: 'PUT', headers: { 'Content-Type': type }, body })
      expect(answer.status).toBe(204)
    }
    await running().send('POST', '/Things', { id: 'y' })
    await put("/Things('y')/picture", 'image/png', Buffer.alloc(1_048_577))
    await put("/Things('y')/seal", 'application/json', '{"broken":')
    const read = async (): Promise<Json> =>
      (await (await running().get("/Things('y')?$expand=picture,seal")).json()) as Json
    const told = await read()
    expect(told).toMatchObject({
      'picture@odata.mediaContentType': 'image/png',
      'seal@odata.mediaContentType': 'application/json',
    })
    expect(told).not.toHaveProperty('picture')
    expect(told).not.toHaveProperty('seal')
    await put("/Things('y')/picture", 'image/png', Buffer.alloc(1_048_576))
    await put("/Things('y')/seal", 'text/plain', Buffer.from([0xff]))
    const now = await read()
    expect(String(now.picture).length).toBe(Math.ceil((1_048_576 * 4) / 3))
    expect(now).not.toHaveProperty('seal')
    for (const [path, status] of [
      ["/Things('y')?$expand=picture($select=x)", 400],
      ["/Things('y')?$expand=picture,picture", 400],
      ["/Things('y')?$expand=$value", 501],
      ["/Things('y')?$expand=pages($expand=$value)", 501],
      ["/Things('y')?$expand=pages($expand=scan($select=x))", 400],
      ["/Things('y')?$expand=pages($expand=scan,scan)", 400],
      ["/Things('y')?$expand=pages/$ref($expand=scan)", 400],
      ['/$crossjoin(Things,Photos)?$expand=Things($expand=picture)', 501],
      ['/Things?$apply=filter(id eq null)&$expand=pages($expand=scan)', 501],
      ['/Things?$apply=filter(id eq null)&$expand=picture', 501],
      ["/Things('y')/$ref?$expand=picture", 400],
    ] as const)
      expect((await running().get(path)).status, path).toBe(status)
  })
})

const { uri, reason } = mongodb()
for (const name of ['embedded', 'mongodb'] as const) {
  const missing = name === 'mongodb' && uri === undefined
  it.skipIf(missing)(`streams by value leave no file behind (${name}${missing ? `: ${reason}` : ''})`, async () => {
    const data = name === 'embedded' ? embeddedForTests() : mongoForTests(uri ?? '')
    let store: Store | undefined
    const open = () => {
      store = data.open()
      return store
    }
    const running = await startService('test/models/media.xml', { ...data, open }, {})
    try {
      const told = { 'scan@mediaContentType': 'text/plain', scan: 'x' }
      const pages = [
        { number: 1, ...told },
        { number: 2, ...told },
      ]
      const headers = { 'OData-Version': '4.01' }
      const status = async (method: string, url: string, body: Json) =>
        (await running.send(method, url, body, headers)).status
      expect(await status('POST', '/Things', { id: 'a', pages: [...pages, { number: 1, ...told }] })).toBe(409)
      expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 0, released: 0 })
      expect(await status('POST', '/Things', { id: 'a', pages })).toBe(201)
      // one that changes, one that goes
      expect(await status('PATCH', "/Things('a')", { pages: [{ number: 1, ...told }] })).toBe(204)
      expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 2, released: 0 })
      expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 0, released: 0 })
      expect((await running.get("/Things('a')/pages(1)/scan")).status).toBe(200)
      // of a complex property: refused after the file was written, replaced, taken away
      const art = { 'art@mediaContentType': 'text/plain', art: 'x' }
      expect(await status('PUT', "/Things('a')/cover", { ...art, back: { blurb: 'too long' } })).toBe(400)
      expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 0, released: 0 })
      expect(await status('PUT', "/Things('a')/cover", art)).toBe(204)
      expect(await status('PATCH', "/Things('a')/cover", art)).toBe(204)
      const writers = await Promise.all([1, 2, 3].map(() => status('PATCH', "/Things('a')/cover", art)))
      expect(writers).toEqual([204, 204, 204])
      expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 4, released: 0 })
      expect((await running.get("/Things('a')/cover/art")).status).toBe(200)
      expect(await status('PATCH', "/Things('a')/cover", { art: null })).toBe(204)
      expect(await store?.streams.sweep({ grace: 0 })).toEqual({ removed: 1, released: 0 })
    } finally {
      await running.stop()
    }
  })
}
