import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { onEveryService, rawRequest } from '../support/running-service.ts'

type Json = Record<string, unknown>

/** More than a chunk of either store, and no round number of them. */
const large = randomBytes(700_003)
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

onEveryService('media entities and stream properties', 'test/models/media.xml', {}, (running) => {
  const send = (
    method: string,
    path: string,
    type: string | undefined,
    body?: Uint8Array | string,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(running().root + path, {
      method,
      headers: { ...(type === undefined ? {} : { 'Content-Type': type }), ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const bytesOf = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer())
  const create = async (body: Uint8Array | string = 'bytes', type = 'image/png'): Promise<string> => {
    const answer = await send('POST', '/Photos', type, body)
    expect(answer.status).toBe(201)
    return `/Photos(${((await answer.json()) as Json).id})`
  }
  const thing = async (id: string): Promise<string> => {
    expect((await running().send('POST', '/Things', { id, name: `Größe "${id}".png` })).status).toBe(201)
    return `/Things('${id}')`
  }

  it('creates a media entity by a POST of its media: defaults, a key, the media type; PATCH does the rest', async () => {
    const answer = await send('POST', '/Photos', 'image/jpeg', large)
    expect(answer.status).toBe(201)
    const entity = (await answer.json()) as Json
    expect(entity).toMatchObject({ title: '', stars: 3, kind: 'image/jpeg' })
    const path = `/Photos(${entity.id})`
    expect(answer.headers.get('Location')).toBe(running().root + path)
    expect((await running().send('PATCH', path, { title: 'A day' })).status).toBe(204)
    expect(await (await running().get(path)).json()).toMatchObject({ title: 'A day', kind: 'image/jpeg' })
    const read = await running().get(`${path}/$value`)
    expect(read.status).toBe(200)
    expect(read.headers.get('Content-Type')).toBe('image/jpeg')
    expect(read.headers.get('Content-Length')).toBe(String(large.length))
    expect(sha(await bytesOf(read))).toBe(sha(large))
    await running().restart()
    expect(sha(await bytesOf(await running().get(`${path}/$value`)))).toBe(sha(large))
  })

  it('relates a new media entity to the one that the URL comes from, and holds it to the rules of the relation', async () => {
    const files = `${await thing('owner')}/files`
    const count = async (path: string) => Number(await (await running().get(`${path}/$count`)).text())
    const made = await send('POST', files, 'image/png', 'one')
    expect(made.status).toBe(201)
    const location = made.headers.get('Location')?.slice(running().root.length)
    expect(await (await running().get(`${location}/$value`)).text()).toBe('one')
    expect(await count(files)).toBe(1)
    const photos = await count('/Photos')
    const refused = await send('POST', files, 'image/png', 'two')
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('Validation.MaxItems')])
    expect([await count(files), await count('/Photos')]).toEqual([1, photos])
  })

  it('has the media type that the property says which Core.MediaType names, where the model accepts it', async () => {
    const photo = await create('one', 'image/png')
    const at = await thing('typed')
    const typeOf = async (path: string) => (await running().get(path)).headers.get('Content-Type')
    const told = async (path: string, control: string) => ((await (await running().get(path)).json()) as Json)[control]
    const minimal = '?$format=application/json;odata.metadata=minimal'
    for (const [kind, served] of [
      ['image/webp', 'image/webp'],
      ['text/plain', 'image/png'],
      ['image/*', 'image/png'],
      ['image/gif\r\nX-Y: z', 'image/png'],
      [null, 'image/png'],
      ['text/html', 'text/html'],
    ] as const) {
      expect((await running().send('PATCH', photo, { kind })).status).toBe(204)
      expect([await typeOf(`${photo}/$value`), await told(photo + minimal, '@odata.mediaContentType')]).toEqual([
        served,
        served,
      ])
    }
    expect((await running().get(`${photo}/$value`)).headers.get('Content-Security-Policy')).toContain('sandbox')
    expect((await send('PUT', `${photo}/$value`, 'image/gif', 'two')).status).toBe(204)
    expect([await told(photo, 'kind'), await typeOf(`${photo}/$value`)]).toEqual(['image/gif', 'image/gif'])

    // stream properties and binary values, also in complex values
    for (const owner of [at, `${at}/cover`])
      for (const [name, suffix] of owner === at
        ? [
            ['sound', ''],
            ['blob', '/$value'],
          ]
        : [
            ['jingle', ''],
            ['stamp', '/$value'],
          ]) {
        const path = `${owner}/${name}${suffix}`
        if (owner !== at) await running().send('PATCH', at, { cover: { label: 'x' } })
        expect((await send('PUT', path, 'audio/ogg', 'bytes')).status, path).toBe(204)
        expect([await told(owner, `${name}Kind`), await typeOf(path)]).toEqual(['audio/ogg', 'audio/ogg'])
        expect((await running().send('PUT', `${owner}/${name}Kind`, { value: 'audio/flac' })).status).toBe(204)
        expect(await typeOf(path)).toBe('audio/flac')
        if (suffix === '') expect(await told(owner + minimal, `${name}@odata.mediaContentType`)).toBe('audio/flac')
        expect(await (await running().get(path)).text()).toBe('bytes')
      }
  })

  it('takes JSON for media, too: the body is never the entity', async () => {
    const path = await create('{"title":"no title"}', 'application/json')
    expect(await (await running().get(path)).json()).toMatchObject({ title: '' })
    expect(await (await running().get(`${path}/$value`)).text()).toBe('{"title":"no title"}')
  })

  it('answers 204 to return=minimal, and 415 to media that the model does not take', async () => {
    const minimal = await send('POST', '/Photos', 'image/gif', 'x', { Prefer: 'return=minimal' })
    expect(minimal.status).toBe(204)
    expect(minimal.headers.get('Location')).toContain('/Photos(')
    for (const type of ['text/plain', 'nonsense', 'image/*', `image/${'x'.repeat(300)}`])
      expect((await send('POST', '/Photos', type, 'x')).status, type).toBe(415)
    expect((await rawRequest(running().root, '/Photos', { method: 'POST', body: 'x' })).status).toBe(415)
    expect((await send('POST', '/Photos', 'image/png', 'x', { 'Content-Encoding': 'gzip' })).status).toBe(415)
  })

  it('creates entities of derived types, at their own path', async () => {
    const answer = await send('POST', '/Photos/media.Film', 'image/webp', 'film')
    expect(answer.status).toBe(201)
    const entity = (await answer.json()) as Json
    expect(entity).toHaveProperty('minutes', null)
    expect(await (await running().get(`/Photos(${entity.id})`)).json()).toHaveProperty('@odata.type', '#media.Film')
    expect(await (await running().get(`/Photos(${entity.id})/$value`)).text()).toBe('film')
  })

  it('replaces the media under If-Match, and answers 304 and 412 by its own entity tag', async () => {
    const path = await create('one')
    const first = await running().get(`${path}/$value`)
    const etag = first.headers.get('ETag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{24}"$/)
    expect((await running().get(`${path}/$value`, { 'If-None-Match': etag })).status).toBe(304)
    expect((await running().send('PATCH', path, { title: 'changes no media' })).status).toBe(204)
    const replaced = await send('PUT', `${path}/$value`, 'image/gif', 'two', { 'If-Match': etag })
    expect(replaced.status).toBe(204)
    expect(replaced.headers.get('ETag')).not.toBe(etag)
    expect((await send('PUT', `${path}/$value`, 'image/gif', 'three', { 'If-Match': etag })).status).toBe(412)
    expect((await send('PUT', `${path}/$value`, 'image/gif', 'x', { 'If-None-Match': '*' })).status).toBe(412)
    expect((await send('DELETE', `${path}/$value`, undefined, undefined, { 'If-Match': etag })).status).toBe(412)
    expect((await running().get(`${path}/$value`, { 'If-Match': etag })).status).toBe(412)
    const now = await running().get(`${path}/$value`, { 'If-None-Match': etag })
    expect([now.status, now.headers.get('Content-Type'), await now.text()]).toEqual([200, 'image/gif', 'two'])
    expect(await (await running().get(path)).json()).toMatchObject({ title: 'changes no media', kind: 'image/gif' })
    const whole = await send('PUT', `${path}/$value`, 'image/png', 'four', { Prefer: 'return=representation' })
    expect([whole.status, ((await whole.json()) as Json).kind]).toEqual([200, 'image/png'])
  })

  it('deletes the entity with its media', async () => {
    const path = await create()
    expect((await send('DELETE', `${path}/$value`, undefined)).status).toBe(204)
    expect((await running().get(path)).status).toBe(404)
    expect((await running().get(`${path}/$value`)).status).toBe(404)
    const other = await create()
    expect((await send('DELETE', other, undefined)).status).toBe(204)
    expect((await running().get(`${other}/$value`)).status).toBe(404)
  })

  it('creates by PUT where nothing is: by key, a singleton, what is contained', async () => {
    const put = await send('PUT', "/Files('mine')/$value", 'text/csv', 'a;b')
    expect(put.status).toBe(201)
    expect(((await put.json()) as Json).id).toBe('mine')
    expect(await (await running().get("/Files('mine')/$value")).text()).toBe('a;b')
    expect((await send('PUT', "/Files('theirs')/$value", 'text/csv', 'x', { 'If-Match': '*' })).status).toBe(412)
    expect((await running().get('/Logo/$value')).status).toBe(204)
    expect((await send('PUT', '/Logo/$value', 'image/png', 'logo')).status).toBe(201)
    expect(await (await running().get('/Logo/$value')).text()).toBe('logo')
    const owner = await thing('framed')
    expect((await running().get(`${owner}/portrait/$value`)).status).toBe(404)
    expect((await send('PUT', `${owner}/portrait/$value`, 'image/png', 'face')).status).toBe(201)
    expect(await (await running().get(`${owner}/portrait/$value`)).text()).toBe('face')
  })

  it('reads ranges of bytes', async () => {
    const path = `${await create(large)}/$value`
    const part = async (range: string, headers: Record<string, string> = {}) => {
      const answer = await running().get(path, { Range: range, ...headers })
      return { status: answer.status, range: answer.headers.get('Content-Range'), bytes: await bytesOf(answer), answer }
    }
    const { length } = large
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=65000-262000', 65_000, 262_001],
      ['bytes=699999-', 699_999, length],
      ['bytes=-5', length - 5, length],
      ['bytes=1-9999999', 1, length],
      ['bytes=1-99999999999999999999', 1, length],
      ['bytes=-99999999', 0, length],
    ] as const) {
      const { status, range: said, bytes } = await part(range)
      expect([status, said], range).toEqual([206, `bytes ${start}-${end - 1}/${length}`])
      expect(sha(bytes), range).toBe(sha(large.subarray(start, end)))
    }
    for (const range of [`bytes=${length}-`, 'bytes=99999999999999999999-', 'bytes=-0']) {
      const outside = await part(range)
      expect([outside.status, outside.range], range).toEqual([416, `bytes */${length}`])
    }
    for (const range of ['bytes=0-1,5-6', 'bytes=5-1', 'lines=1-2', 'bytes=-']) {
      const whole = await part(range)
      expect([whole.status, whole.bytes.length], range).toEqual([200, length])
    }
    const etag = (await part('bytes=0-0')).answer.headers.get('ETag') ?? ''
    expect((await part('bytes=0-0', { 'If-Range': etag })).status).toBe(206)
    for (const other of ['"other"', `W/${etag}`, 'Wed, 21 Oct 2015 07:28:00 GMT'])
      expect((await part('bytes=0-0', { 'If-Range': other })).status, other).toBe(200)
    // preconditions go before ranges
    expect((await part(`bytes=${length}-`, { 'If-None-Match': etag })).status).toBe(304)
    expect((await part(`bytes=${length}-`, { 'If-Match': '"other"' })).status).toBe(412)
    const nothing = `${await create('')}/$value`
    for (const [range, status] of [
      ['bytes=0-', 416],
      ['bytes=-5', 200],
    ] as const)
      expect((await running().get(nothing, { Range: range })).status, range).toBe(status)
    const head = await fetch(running().root + path, { method: 'HEAD' })
    expect([head.status, head.headers.get('Content-Length'), head.headers.get('Accept-Ranges')]).toEqual([
      200,
      String(length),
      'bytes',
    ])
  })

  it('takes uploads whole or not at all, whatever frames them', async () => {
    const path = await thing('framed uploads')
    const url = `${path}/picture`
    expect((await send('PUT', url, 'text/plain', 'kept')).status).toBe(204)
    const { port, pathname } = new URL(running().root + url)
    /** the status of an answer, if any came before the client went away */
    const raw = (head: readonly string[], body: string, leaves = false): Promise<string | undefined> =>
      new Promise((done) => {
        const socket = connect(Number(port), '127.0.0.1')
        let text = ''
        socket.on('data', (data) => {
          text += data.toString('latin1')
          socket.end()
        })
        socket.on('error', () => {})
        socket.on('close', () => done(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]))
        const lines = [`PUT ${pathname} HTTP/1.1`, 'Host: localhost', 'Content-Type: text/plain', ...head, '', body]
        socket.write(lines.join('\r\n'))
        if (leaves) setTimeout(() => socket.destroy(), 50)
      })
    const close = 'Connection: close'
    for (const [head, body, status, leaves] of [
      [['Transfer-Encoding: chunked'], '5\r\nother\r\n', undefined, true],
      [['Content-Length: 100'], 'other', undefined, true],
      [['Transfer-Encoding: chunked', close], 'zz\r\nother\r\n', '400'],
      [['Transfer-Encoding: chunked', 'Content-Length: 5', close], '5\r\nother\r\n0\r\n\r\n', '400'],
      [['Transfer-Encoding: gzip, chunked', close], '5\r\nother\r\n0\r\n\r\n', '501'],
      [['Content-Length: 99999999999', close], '', '413'],
      [['Content-Range: bytes 0-4/10', 'Content-Length: 5', close], 'other', '400'],
      [['Content-Encoding: gzip', 'Content-Length: 5', close], 'other', '415'],
    ] as const) {
      expect(await raw(head, body, leaves), head.join(', ')).toBe(status)
      expect(await (await running().get(url)).text(), head.join(', ')).toBe('kept')
    }
    expect(await raw(['Transfer-Encoding: chunked', close], '3\r\nnew\r\n5\r\n text\r\n0\r\n\r\n')).toBe('204')
    expect(await (await running().get(url)).text()).toBe('new text')
  })

  it('writes, reads and takes away stream properties, by both forms of their URL', async () => {
    const path = await thing('streams')
    expect((await running().get(`${path}/picture`)).status).toBe(204)
    expect((await send('PUT', `${path}/picture`, 'image/png', large)).status).toBe(204)
    for (const form of [`${path}/picture`, `${path}/picture/$value`]) {
      const answer = await running().get(form)
      expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'image/png'])
      expect(sha(await bytesOf(answer))).toBe(sha(large))
    }
    const again = await send('PUT', `${path}/picture/$value`, 'text/plain', 'text', { Prefer: 'return=representation' })
    expect([again.status, again.headers.get('Content-Type'), await again.text()]).toEqual([200, 'text/plain', 'text'])
    expect((await running().send('PUT', path, { name: 'new' })).status).toBe(204)
    expect(await (await running().get(`${path}/picture`)).text()).toBe('text')
    expect((await running().send('PATCH', path, { picture: null })).status).toBe(204)
    expect((await running().get(`${path}/picture`)).status).toBe(204)
    await send('PUT', `${path}/picture`, 'text/plain', 'again')
    expect((await running().send('PUT', path, { name: 'new', picture: null })).status).toBe(204)
    expect((await running().get(`${path}/picture`)).status).toBe(204)
    await send('PUT', `${path}/picture`, 'text/plain', 'again')
    expect((await send('DELETE', `${path}/picture`, undefined)).status).toBe(204)
    expect((await running().get(`${path}/picture`)).status).toBe(204)
    expect((await send('DELETE', `${path}/seal`, undefined)).status).toBe(400)
    expect((await send('PUT', `${path}/picture`, 'image/png', '')).status).toBe(204)
    const empty = await running().get(`${path}/picture`)
    expect([empty.status, empty.headers.get('Content-Length'), await empty.text()]).toEqual([200, '0', ''])
  })

  it('keeps stream properties of complex values and of contained entities', async () => {
    const path = await thing('deep')
    expect((await send('PUT', `${path}/cover/art`, 'image/png', 'art')).status).toBe(204)
    expect(await (await running().get(`${path}/cover/art`)).text()).toBe('art')
    expect((await running().send('PATCH', path, { cover: { label: 'front' } })).status).toBe(204)
    expect(await (await running().get(`${path}/cover/art`)).text()).toBe('art')
    for (const [method, body, kept] of [
      ['PUT', { label: 'back' }, true],
      ['PUT', { label: 'back', art: null }, false],
      ['PATCH', { art: null }, false],
    ] as const) {
      await send('PUT', `${path}/cover/art`, 'image/png', 'art')
      expect((await running().send(method, `${path}/cover`, body)).status).toBe(204)
      expect((await running().get(`${path}/cover/art`)).status, `${method} ${JSON.stringify(body)}`).toBe(
        kept ? 200 : 204,
      )
    }
    expect((await running().send('POST', `${path}/pages`, { number: 1 })).status).toBe(201)
    expect((await send('PUT', `${path}/pages(1)/scan`, 'image/tiff', 'scan')).status).toBe(204)
    expect(await (await running().get(`${path}/pages(1)/scan`)).text()).toBe('scan')
  })

  it('keeps to what the model says of a stream: its type, its length, who writes it', async () => {
    const path = await thing('rules')
    expect((await send('PUT', `${path}/small`, 'image/png', '0123456789')).status).toBe(204)
    expect((await send('PUT', `${path}/small`, 'image/png', '0123456789a')).status).toBe(413)
    expect((await send('PUT', `${path}/small`, 'image/gif', '0')).status).toBe(415)
    expect(await (await running().get(`${path}/small`)).text()).toBe('0123456789')
    const computed = await send('PUT', `${path}/proof`, 'image/png', 'x')
    expect([computed.status, computed.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
    expect((await running().send('POST', '/Locked', { id: 'a' })).status).toBe(201)
    const locked = await send('PUT', "/Locked('a')/picture", 'image/png', 'x')
    expect([locked.status, locked.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
    expect((await send('PATCH', `${path}/picture`, 'image/png', 'x')).status).toBe(405)
    expect((await send('PUT', "/Things('nobody')/picture", 'image/png', 'x')).status).toBe(404)
    expect((await running().get(`${path}/small`, { Accept: 'application/json' })).status).toBe(406)
    expect((await running().get(`${path}/small`, { Accept: 'image/*' })).status).toBe(200)
  })

  it('tells of streams in payloads: media type and entity tag, at full metadata links, none of them at none', async () => {
    const { root } = running()
    const photo = await create('picture')
    const minimal = (await (await running().get(photo)).json()) as Json
    const etag = (await running().get(`${photo}/$value`)).headers.get('ETag')
    expect(minimal).toMatchObject({ '@odata.mediaContentType': 'image/png', '@odata.mediaEtag': etag })
    expect(minimal).not.toHaveProperty('@odata.mediaReadLink')
    const full = await running().get(photo, { Accept: 'application/json;odata.metadata=full' })
    expect(await full.json()).toMatchObject({
      '@odata.mediaReadLink': `${root}${photo}/$value`,
      '@odata.mediaEditLink': `${root}${photo}/$value`,
    })
    const path = await thing('told')
    const bare = (await (await running().get(path)).json()) as Json
    expect(Object.keys(bare).filter((name) => name.includes('media'))).toEqual([])
    await send('PUT', `${path}/picture`, 'image/png', 'x')
    await send('PUT', `${path}/cover/art`, 'image/gif', 'y')
    const selected = (await (
      await running().get(`${path}?$select=name,picture`, { 'OData-MaxVersion': '4.01' })
    ).json()) as Json
    expect(selected).toMatchObject({ 'picture@mediaContentType': 'image/png' })
    expect(selected).not.toHaveProperty('picture')
    // Olingo's client reads a media type only beside this link
    expect(selected).toMatchObject({ 'picture@mediaEditLink': `${root}${path}/picture` })
    expect(selected).not.toHaveProperty('picture@mediaReadLink')
    const unselected = (await (await running().get(`${path}?$select=name`)).json()) as Json
    expect(Object.keys(unselected).filter((name) => name.includes('media'))).toEqual([])
    const whole = (await (await running().get(path, { Accept: 'application/json;odata.metadata=full' })).json()) as Json
    expect(whole).toMatchObject({
      'picture@odata.mediaReadLink': `${root}${path}/picture`,
      'small@odata.mediaEditLink': `${root}${path}/small`,
      cover: { 'art@odata.mediaContentType': 'image/gif' },
    })
    const none = await running().get(path, { Accept: 'application/json;odata.metadata=none' })
    expect(await none.text()).not.toContain('media')
    const list = (await (await running().get('/Photos')).json()) as { value: Json[] }
    expect(list.value.every((entity) => '@odata.mediaEtag' in entity)).toBe(true)
  })

  it('takes media within a JSON batch as base64url, in a change set too', async () => {
    const request = (id: string, url: string, body: string) => ({
      id,
      method: 'PUT',
      url,
      headers: { 'Content-Type': 'image/png' },
      body: Buffer.from(body).toString('base64url'),
      atomicityGroup: 'g',
    })
    const answer = await running().send('POST', '/$batch', {
      requests: [
        request('1', "Files('batch 1')/$value", 'one'),
        request('2', "Files('batch 2')/$value", 'two'),
        { id: '3', method: 'GET', url: "Files('batch 1')/$value", dependsOn: ['g'] },
      ],
    })
    const { responses } = (await answer.json()) as { responses: { status: number; body: string }[] }
    expect(responses.map(({ status }) => status)).toEqual([201, 201, 200])
    expect(Buffer.from(responses[2]?.body ?? '', 'base64url').toString()).toBe('one')
    expect(await (await running().get("/Files('batch 2')/$value")).text()).toBe('two')
  })

  it('keeps browsers from taking what was uploaded for a page of this origin', async () => {
    const page = await running().get(`${await create('<script>alert(1)</script>', 'text/html')}/$value`)
    expect(page.headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(page.headers.get('Content-Security-Policy')).toContain('sandbox')
    const path = await thing('name')
    await send('PUT', `${path}/picture`, 'image/png', 'x')
    expect((await running().get(`${path}/picture`)).headers.get('Content-Disposition')).toBe(
      `attachment; filename="Gr__e _name_.png"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%22name%22.png`,
    )
    await send('PUT', "/Files('page')/$value", 'image/svg+xml', '<svg/>')
    const image = await running().get("/Files('page')/$value")
    expect(image.headers.get('Content-Disposition')).toBe('attachment')
    await send('PUT', "/Files('picture')/$value", 'image/png', 'x')
    const shown = await running().get("/Files('picture')/$value")
    expect([shown.headers.get('Content-Disposition'), shown.headers.get('X-Content-Type-Options')]).toEqual([
      null,
      'nosniff',
    ])
  })
})
