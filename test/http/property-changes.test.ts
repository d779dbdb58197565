import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown>

onEveryService('changes of single properties', 'test/models/changes.xml', {}, (running) => {
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await running().send(method, path, body, headers)
    const text = await answer.text()
    const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Json & { error: Json }
    return { status: answer.status, headers: answer.headers, text, json, code: json.error?.code }
  }
  const raw = async (path: string, body: string | Uint8Array, type: string | undefined, headers = {}) => {
    const answer = await fetch(running().root + path, {
      method: 'PUT',
      body,
      headers: { ...(type === undefined ? {} : { 'Content-Type': type }), ...headers },
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  const value = async (path: string): Promise<unknown> => {
    const { status, json, text } = await send('GET', path)
    expect(status, `${path}: ${text}`).toBe(200)
    return json.value
  }
  let last = 0
  const home = { city: 'Bonn', zip: 53111, kind: 'office', lines: ['a', 'b'], geo: { x: 1, y: 2 } }
  const item = async (more: Json = {}): Promise<string> => {
    const id = ++last
    const { status, text } = await send('POST', '/items', { id, name: 'n', born: 'then', home, ...more })
    expect(status, text).toBe(201)
    return `/items(${id})`
  }
  /** [status, error code, value then] */
  const tried = async (method: string, path: string, body?: unknown): Promise<readonly unknown[]> => {
    const { status, code } = await send(method, path, body)
    return code === undefined ? [status] : [status, code]
  }

  describe('primitive properties', () => {
    it('are set by PUT and taken away by DELETE', async () => {
      const path = await item({ percent: 5 })
      for (const [name, set] of [
        ['name', 'Änne'],
        ['amount', 12.5],
        ['rank', 'High'],
        ['at', '2024-02-29T23:59:59.123456+02:00'],
        ['bytes', 'T0RhdGE='],
        ['percent', 100],
        ['title', ''],
      ] as const) {
        expect(await tried('PUT', `${path}/${name}`, { value: set }), name).toEqual([204])
        expect(await value(`${path}/${name}`), name).toEqual(set)
      }
      expect(await tried('DELETE', `${path}/name`)).toEqual([204])
      expect(await tried('PUT', `${path}/amount`, { '@odata.context': 'x', value: null })).toEqual([204])
      for (const name of ['name', 'amount']) expect((await send('GET', `${path}/${name}`)).status).toBe(204)
      await running().restart()
      expect(await value(`${path}/rank`)).toBe('High')
    })

    it('answer as Prefer says, with the ETag of the entity', async () => {
      const path = await item()
      const asked = await send('PUT', `${path}/name`, { value: 'x' }, { Prefer: 'return=representation' })
      expect(asked.json).toEqual({ '@odata.context': `${running().root}/$metadata#${path.slice(1)}/name`, value: 'x' })
      expect([asked.status, asked.headers.get('Preference-Applied')]).toEqual([200, 'return=representation'])
      const plain = await send('PUT', `${path}/name`, { value: 'y' }, { Prefer: 'return=minimal' })
      expect([plain.status, plain.headers.get('Preference-Applied')]).toEqual([204, 'return=minimal'])
      const etag = (await send('GET', path)).headers.get('ETag')
      expect(plain.headers.get('ETag')).toBe(etag)
      expect(asked.headers.get('ETag')).not.toBe(etag)
      const gone = await send('DELETE', `${path}/name`, undefined, { Prefer: 'return=representation' })
      expect([gone.status, gone.text]).toEqual([204, ''])
    })

    it('keep to If-Match and If-None-Match, 428 where a condition is demanded', async () => {
      const path = await item()
      const etag = (await send('GET', path)).headers.get('ETag') ?? ''
      const changed = await send('PUT', `${path}/name`, { value: 'x' }, { 'If-Match': etag })
      expect(changed.status).toBe(204)
      for (const [method, name, body] of [
        ['PUT', 'name', { value: 'z' }],
        ['DELETE', 'name', undefined],
        ['PATCH', 'home', { zip: 1 }],
        ['POST', 'tags', { value: 'z' }],
        ['PUT', 'home/city', { value: 'z' }],
      ] as const)
        expect((await send(method, `${path}/${name}`, body, { 'If-Match': etag })).status, name).toBe(412)
      expect((await send('PUT', `${path}/name`, { value: 'z' }, { 'If-None-Match': '*' })).status).toBe(412)
      expect((await send('PUT', '/items(999999)/name', { value: 'z' }, { 'If-Match': '*' })).status).toBe(412)
      expect((await send('PUT', `${path}/name`, { value: 'z' }, { 'If-Match': '*' })).status).toBe(204)
      expect((await send('POST', '/guarded', { id: last })).status).toBe(201)
      expect((await send('PUT', `/guarded(${last})/name`, { value: 'z' })).status).toBe(428)
      expect((await send('POST', `/guarded(${last})/tags`, { value: 'z' })).status).toBe(428)
      expect((await send('PUT', `/guarded(${last})/name`, { value: 'z' }, { 'If-Match': '*' })).status).toBe(204)
    })

    it('are refused where they cannot be changed, or not so', async () => {
      const path = await item()
      const state = (await send('GET', path)).json
      for (const [method, name, body, refusal] of [
        ['DELETE', 'title', undefined, [400, 'propertyNull']],
        ['PUT', 'title', { value: null }, [400, 'propertyNull']],
        ['PUT', 'percent', { value: 101 }, [400, 'valueInvalid']],
        ['PUT', 'percent', { value: 'x' }, [400, 'valueInvalid']],
        ['PUT', 'name', { value: 'x'.repeat(41) }, [400, 'valueInvalid']],
        ['PUT', 'name', {}, [400, 'propertyRequired']],
        ['PUT', 'name', '', [400, 'bodySyntax']],
        ['PUT', 'name', '"x"', [400, 'bodyInvalid']],
        ['PUT', 'name', '{"value":1,"value":2}', [400, 'bodyInvalid']],
        ['PUT', 'sealed', { value: 'x' }, [400, 'badRequest']],
        ['DELETE', 'sealed', undefined, [400, 'badRequest']],
        ['PUT', 'home/kind', { value: 'x' }, [400, 'badRequest']],
        ['PUT', 'id', { value: 5 }, [405, 'methodNotAllowed']],
        ['PUT', 'stamp', { value: 'x' }, [405, 'methodNotAllowed']],
        ['DELETE', 'born', undefined, [405, 'methodNotAllowed']],
        ['PUT', 'home/checked', { value: true }, [405, 'methodNotAllowed']],
        ['PATCH', 'name', { value: 'x' }, [405, 'methodNotAllowed']],
        ['POST', 'name', { value: 'x' }, [405, 'methodNotAllowed']],
        ['PATCH', 'tags', { value: [] }, [405, 'methodNotAllowed']],
        ['PUT', 'nowhere/x', { value: 'x' }, [404, 'entityNotFound']],
        ['PUT', 'home/nowhere', { value: 'x' }, [404, 'propertyNotFound']],
      ] as const)
        expect(await tried(method, `${path}/${name}`, body), `${method} ${name}`).toEqual(refusal)
      expect((await send('PATCH', `${path}/name`, {})).headers.get('Allow')).toBe('GET, HEAD, PUT, DELETE')
      expect((await send('PUT', `${path}/stamp`, {})).headers.get('Allow')).toBe('GET, HEAD')
      expect((await raw(`${path}/name`, '{"value":"x"}', 'text/plain')).status).toBe(415)
      expect((await send('PUT', `${path}/name?$filter=id eq 1`, { value: 'x' })).status).toBe(400)
      expect(await tried('PUT', '/items(999999)/name', { value: 'x' })).toEqual([404, 'entityNotFound'])
      expect(await tried('PUT', '/items(999999)/home/city', { value: 'x' })).toEqual([404, 'entityNotFound'])
      expect((await send('GET', path)).json).toEqual(state)
    })
  })

  it('raw values are set by PUT of $value: text, and bytes', async () => {
    const path = await item({ tags: ['a', 'b'] })
    for (const [name, text] of [
      ['name', ' Änne\n'],
      ['amount', '12.50'],
      ['rank', 'High'],
      ['at', '2024-02-29T23:59:59.5Z'],
      ['percent', '7'],
      ['home/city', 'Köln'],
      ['tags/1', 'z'],
    ] as const) {
      expect((await raw(`${path}/${name}/$value`, text, 'text/plain;charset=utf-8')).status, name).toBe(204)
      const read = await send('GET', `${path}/${name}/$value`)
      expect(read.text, name).toBe(name === 'amount' ? '12.50' : text)
    }
    const bytes = new Uint8Array([0, 255, 1, 128])
    const stored = await raw(`${path}/bytes/$value`, bytes, 'image/png', { Prefer: 'return=representation' })
    expect([stored.status, stored.headers.get('Content-Type')]).toEqual([200, 'application/octet-stream'])
    expect(await value(`${path}/bytes`)).toBe('AP8BgA==')
    expect((await raw(`${path}/note/$value`, '{"a":1}', 'application/json')).status).toBe(204)
    expect(await value(`${path}/note`)).toBe('{"a":1}')
    for (const [name, text, type, status] of [
      ['name', 'x', 'application/json', 415],
      ['name', 'x', 'text/plain;charset=latin1', 415],
      ['note', 'x', 'text/html', 415],
      ['percent', 'x', 'text/plain', 400],
      ['percent', '101', 'text/plain', 400],
      ['rank', 'Lofty', 'text/plain', 400],
      ['stamp', 'x', 'text/plain', 405],
    ] as const)
      expect((await raw(`${path}/${name}/$value`, text, type)).status, `${name} ${text}`).toBe(status)
    expect((await raw(`${path}/bytes/$value`, bytes, undefined)).status).toBe(415)
    expect((await raw(`${path}/name/$value`, new Uint8Array([255]), 'text/plain')).status).toBe(400)
    expect(await tried('DELETE', `${path}/name/$value`)).toEqual([204])
    expect((await send('GET', `${path}/name`)).status).toBe(204)
    expect(await tried('DELETE', `${path}/title/$value`)).toEqual([400, 'propertyNull'])
  })

  describe('complex properties', () => {
    it('PATCH merges, PUT replaces, DELETE takes away', async () => {
      const path = await item()
      expect(await tried('PATCH', `${path}/home`, { zip: 5, geo: { x: 9 } })).toEqual([204])
      expect((await send('GET', `${path}/home`)).json).toMatchObject({ ...home, zip: 5, geo: { x: 9, y: 2 } })
      const put = await send('PUT', `${path}/home`, { city: 'Ulm' }, { Prefer: 'return=representation' })
      expect(put.json).toEqual({
        '@odata.context': `${running().root}/$metadata#${path.slice(1)}/home`,
        city: 'Ulm',
        zip: null,
        checked: null,
        // cannot be changed: stays as it is
        kind: 'office',
        lines: [],
        geo: null,
      })
      expect(await tried('PUT', `${path}/home`, { zip: 5 })).toEqual([400, 'propertyRequired'])
      expect(await tried('PUT', `${path}/home`, { city: 'x', kind: 'x' })).toEqual([400, 'valueInvalid'])
      expect(await tried('PATCH', `${path}/home`, { zip: -1 })).toEqual([400, 'valueInvalid'])
      expect(await tried('PATCH', `${path}/home`, { city: null })).toEqual([400, 'propertyNull'])
      expect(await tried('DELETE', `${path}/home`)).toEqual([204])
      expect((await send('GET', `${path}/home`)).status).toBe(204)
      // into nothing, a merge makes a whole value
      expect(await tried('PATCH', `${path}/home`, { zip: 5 })).toEqual([400, 'propertyRequired'])
      expect(await tried('PATCH', `${path}/home`, { city: 'Rom' })).toEqual([204])
      expect((await send('GET', `${path}/home`)).json).toMatchObject({ city: 'Rom', kind: 'home' })
      expect(await tried('PUT', `${path}/home`, 'null')).toEqual([204])
      expect((await send('GET', `${path}/home`)).status).toBe(204)
    })

    it('change to another type, keeping what the types share', async () => {
      const path = await item({ home: { '@odata.type': '#c.WorkAddress', desk: 'D1', own: 5, ...home } })
      expect(await tried('PATCH', `${path}/home`, { desk: 'D2' })).toEqual([204])
      expect((await send('GET', `${path}/home`)).json).toMatchObject({ desk: 'D2', own: 5, city: 'Bonn' })
      expect(await tried('PUT', `${path}/home/c.WorkAddress/desk`, { value: 'D3' })).toEqual([204])
      expect(await tried('PUT', `${path}/home/city`, { value: 'Ulm' })).toEqual([204])
      expect((await send('GET', `${path}/home`)).json).toMatchObject({ desk: 'D3', city: 'Ulm' })
      expect(await tried('PATCH', `${path}/home`, { '@odata.type': '#c.Address', zip: 7 })).toEqual([204])
      const plain = (await send('GET', `${path}/home`)).json
      expect(plain).toMatchObject({ city: 'Ulm', zip: 7, lines: ['a', 'b'] })
      expect(plain).not.toHaveProperty('desk')
      expect(plain).not.toHaveProperty('@odata.type')
      expect(await tried('PUT', `${path}/home/c.WorkAddress/desk`, { value: 'D4' })).toEqual([404, 'entityNotFound'])
      expect(await tried('PATCH', `${path}/home`, { '@odata.type': '#c.Spot' })).toEqual([400, 'typeNotAllowed'])
      const work = { '@odata.type': '#c.WorkAddress', city: 'Rom', day: '2020-02-29', 'day@odata.type': '#Date' }
      expect(await tried('PUT', `${path}/home`, work)).toEqual([204])
      expect(await tried('PUT', `${path}/home/c.WorkAddress/desk`, { value: 'D5' })).toEqual([204])
      expect((await send('GET', `${path}/home`)).json).toMatchObject({ 'day@odata.type': '#Date', desk: 'D5' })
    })

    it('nested paths change one value', async () => {
      const path = await item()
      for (const [name, set] of [
        ['home/city', 'Ulm'],
        ['home/geo/x', 3.5],
        ['home/lines', ['c']],
      ] as const) {
        expect(await tried('PUT', `${path}/${name}`, { value: set })).toEqual([204])
        expect(await value(`${path}/${name}`)).toEqual(set)
      }
      expect((await send('GET', `${path}/home`)).json).toMatchObject({ zip: 53111, geo: { x: 3.5, y: 2 } })
      expect(await tried('DELETE', `${path}/home/geo`)).toEqual([204])
      expect(await tried('PUT', `${path}/home/geo/x`, { value: 1 })).toEqual([404, 'entityNotFound'])
      expect(await tried('DELETE', `${path}/home/city`)).toEqual([400, 'propertyNull'])
      expect(await tried('PUT', `${path}/home/zip`, { value: -1 })).toEqual([400, 'valueInvalid'])
    })
  })

  it('reach properties of derived, contained and navigated entities and of singletons', async () => {
    const path = await item({ '@odata.type': '#c.Special', extra: 'e', badges: ['x'] })
    expect(await tried('PUT', `${path}/c.Special/extra`, { value: 'f' })).toEqual([204])
    expect(await tried('POST', `${path}/c.Special/badges`, { value: 'y' })).toEqual([204])
    expect(await tried('PUT', `${path}/name`, { value: 'm' })).toEqual([204])
    expect((await send('GET', path)).json).toMatchObject({ extra: 'f', badges: ['x', 'y'], name: 'm' })
    const base = await item()
    expect(await tried('PUT', `${base}/c.Special/extra`, { value: 'f' })).toEqual([404, 'entityNotFound'])
    expect(await tried('POST', `${path}/parts`, { id: 'p', size: 1 })).toEqual([201])
    expect(await tried('PUT', `${path}/parts('p')/size`, { value: 2 })).toEqual([204])
    expect(await tried('POST', `${path}/parts('p')/marks`, { value: 3 })).toEqual([204])
    expect((await send('GET', `${path}/parts('p')`)).json).toMatchObject({ size: 2, marks: [3] })
    expect((await send('PUT', `${path}/next/$ref`, { '@odata.id': base.slice(1) })).status).toBe(204)
    expect(await tried('PUT', `${path}/next/name`, { value: 'far' })).toEqual([204])
    expect(await value(`${base}/name`)).toBe('far')
    expect(await tried('PUT', `${base}/next/name`, { value: 'far' })).toEqual([404, 'entityNotFound'])
  })

  it('begin singletons that nobody has written', async () => {
    expect(await tried('POST', '/chief/tags', { value: 'a' })).toEqual([204])
    expect(await tried('PUT', '/chief/name', { value: 'Boss' })).toEqual([204])
    expect(await tried('POST', '/chief/tags', { value: 'b' })).toEqual([204])
    expect((await send('GET', '/chief')).json).toMatchObject({ name: 'Boss', tags: ['a', 'b'], count: 0 })
  })

  it('dynamic properties are set, typed, raw and taken away', async () => {
    const path = await item()
    expect(await tried('PUT', `${path}/colour`, { value: 'red' })).toEqual([204])
    expect(await value(`${path}/colour`)).toBe('red')
    expect(await tried('PUT', `${path}/day`, { value: '2020-02-29', 'value@odata.type': '#Date' })).toEqual([204])
    expect(await tried('PUT', `${path}/other`, { '@odata.type': '#Date', value: '2021-01-01' })).toEqual([204])
    expect(await tried('PUT', `${path}/spot`, { '@odata.type': '#c.Spot', x: 1 })).toEqual([204])
    expect(await tried('PUT', `${path}/list`, { value: [1, 2] })).toEqual([204])
    expect((await raw(`${path}/text/$value`, 'plain', 'text/plain')).status).toBe(204)
    expect((await send('GET', `${path}/text/$value`)).text).toBe('plain')
    expect((await send('GET', path)).json).toMatchObject({
      'day@odata.type': '#Date',
      day: '2020-02-29',
      'other@odata.type': '#Date',
      spot: { '@odata.type': '#c.Spot', x: 1 },
      list: [1, 2],
      text: 'plain',
    })
    expect(await tried('DELETE', `${path}/day`)).toEqual([204])
    expect(await tried('DELETE', `${path}/never`)).toEqual([204])
    expect(await tried('PUT', `${path}/_id`, { value: 'x' })).toEqual([400, 'propertyUnknown'])
    expect(await tried('PUT', `${path}/x`, { value: 1, 'value@odata.type': '#Nope' })).toEqual([400, 'typeUnknown'])
    expect(await tried('PUT', `${path}/extra`, { value: 'of no Special' })).toEqual([204])
    const special = await item({ '@odata.type': '#c.Special' })
    expect(await tried('PUT', `${special}/extra`, { value: 'x' })).toEqual([400, 'badRequest'])
    expect((await send('GET', path)).json).not.toHaveProperty('day')
  })

  describe('collections', () => {
    it('are replaced by PUT, emptied by DELETE, and grow by POST', async () => {
      const path = await item({ tags: ['a'] })
      expect(await tried('POST', `${path}/tags`, { value: 'b' })).toEqual([204])
      const grown = await send('POST', `${path}/tags`, { value: 'c' }, { Prefer: 'return=representation' })
      expect([grown.status, grown.json.value]).toEqual([200, ['a', 'b', 'c']])
      expect(await tried('PUT', `${path}/tags`, { value: ['x', 'y'] })).toEqual([204])
      expect(await value(`${path}/tags`)).toEqual(['x', 'y'])
      expect(await tried('PUT', `${path}/scores`, { value: [1, null] })).toEqual([204])
      expect(await tried('POST', `${path}/scores`, { value: null })).toEqual([204])
      expect(await value(`${path}/scores`)).toEqual([1, null, null])
      expect(await tried('DELETE', `${path}/scores`)).toEqual([204])
      expect(await value(`${path}/scores`)).toEqual([])
      expect(await tried('POST', `${path}/addresses`, home)).toEqual([204])
      expect(await tried('POST', `${path}/addresses`, { '@odata.type': '#c.WorkAddress', city: 'Ulm' })).toEqual([204])
      expect(await value(`${path}/addresses`)).toMatchObject([home, { city: 'Ulm', kind: 'home' }])
      for (const [method, name, body, refusal] of [
        ['POST', 'tags', { value: null }, [400, 'propertyNull']],
        ['POST', 'tags', { value: 5 }, [400, 'valueInvalid']],
        ['POST', 'tags', { value: ['x'] }, [400, 'valueInvalid']],
        ['PUT', 'tags', { value: 'x' }, [400, 'valueInvalid']],
        ['PUT', 'tags', { value: [null] }, [400, 'propertyNull']],
        ['PUT', 'tags', { value: null }, [400, 'propertyNull']],
        ['PUT', 'scores', { value: [1, 2, 3, 4, 5] }, [400, 'valueInvalid']],
        ['POST', 'addresses', { zip: 1 }, [400, 'propertyRequired']],
        ['POST', 'addresses', 'null', [400, 'propertyNull']],
        ['POST', 'days', { value: '2020-01-01' }, [405, 'methodNotAllowed']],
        ['PUT', "tags/$filter($it%20eq%20'x')", { value: [] }, [405, 'methodNotAllowed']],
        ['POST', 'addresses/c.WorkAddress', { city: 'x' }, [405, 'methodNotAllowed']],
      ] as const)
        expect(await tried(method, `${path}/${name}`, body), `${method} ${name} ${JSON.stringify(body)}`).toEqual(
          refusal,
        )
      expect((await send('POST', `${path}/days`, {})).headers.get('Allow')).toBe('GET, HEAD, PUT, DELETE')
      for (let i = 0; i < 4; i++) expect(await tried('POST', `${path}/scores`, { value: i })).toEqual([204])
      expect(await tried('POST', `${path}/scores`, { value: 5 })).toEqual([400, 'valueInvalid'])
    })

    it('take items at a position where they are annotated so', async () => {
      const path = await item({ tags: ['a', 'b'] })
      for (const [index, value] of [
        [0, 'first'],
        [-1, 'last'],
        [-2, 'before last'],
        [2, 'third'],
        [6, 'end'],
      ])
        expect(await tried('POST', `${path}/tags?$index=${index}`, { value })).toEqual([204])
      expect(await value(`${path}/tags`)).toEqual(['first', 'a', 'third', 'b', 'before last', 'last', 'end'])
      expect(await tried('POST', `${path}/addresses?$index=0`, home)).toEqual([204])
      expect(await tried('POST', `${path}/tags?$index=8`, { value: 'x' })).toEqual([400, 'queryOptionInvalid'])
      expect(await tried('POST', `${path}/tags?$index=-9`, { value: 'x' })).toEqual([400, 'queryOptionInvalid'])
      expect(await tried('POST', `${path}/scores?$index=0`, { value: 1 })).toEqual([400, 'queryOptionNotAllowed'])
      expect(await tried('PUT', `${path}/tags?$index=0`, { value: [] })).toEqual([400, 'queryOptionNotAllowed'])
      expect(await tried('PUT', `${path}/name?$index=0`, { value: 'x' })).toEqual([400, 'queryOptionNotAllowed'])
    })

    it('of a stable order have items that change and go by their position', async () => {
      const path = await item({ tags: ['a', 'b', 'c'], log: ['l'], addresses: [home, { ...home, city: 'Ulm' }] })
      expect(await tried('PUT', `${path}/tags/0`, { value: 'A' })).toEqual([204])
      expect(await tried('DELETE', `${path}/tags/1`)).toEqual([204])
      expect(await tried('PUT', `${path}/tags/-1`, { value: 'C' })).toEqual([204])
      expect(await value(`${path}/tags`)).toEqual(['A', 'C'])
      expect(await tried('PUT', `${path}/addresses/1/city`, { value: 'Rom' })).toEqual([204])
      expect(await tried('POST', `${path}/addresses/1/lines`, { value: 'c' })).toEqual([204])
      expect(await tried('PUT', `${path}/addresses/1/lines/0`, { value: 'A' })).toEqual([204])
      const patched = await send('PATCH', `${path}/addresses/0`, { zip: 9 }, { Prefer: 'return=representation' })
      expect(patched.json).toMatchObject({ ...home, zip: 9 })
      expect(await value(`${path}/addresses`)).toMatchObject([
        { ...home, zip: 9 },
        { ...home, city: 'Rom', lines: ['A', 'b', 'c'] },
      ])
      expect(await tried('PUT', `${path}/addresses/0`, { city: 'Neu' })).toEqual([204])
      expect((await send('GET', `${path}/addresses/0`)).json).toMatchObject({ city: 'Neu', zip: null, lines: [] })
      for (const [method, name, body, refusal] of [
        ['PUT', 'tags/2', { value: 'x' }, [404, 'entityNotFound']],
        ['DELETE', 'tags/-3', undefined, [404, 'entityNotFound']],
        ['PUT', 'addresses/7/city', { value: 'x' }, [404, 'entityNotFound']],
        ['PUT', 'tags/0', { value: null }, [400, 'propertyNull']],
        ['PATCH', 'addresses/0', { zip: -1 }, [400, 'valueInvalid']],
        ['PUT', 'addresses/0/zip', { value: -1 }, [400, 'valueInvalid']],
        ['PUT', 'addresses/0/city', { value: null }, [400, 'propertyNull']],
        ['PUT', 'scores/0', { value: 1 }, [404, 'resourceNotFound']],
        ['PATCH', 'tags/0', { value: 'x' }, [405, 'methodNotAllowed']],
        ['PUT', 'log/0', { value: 'x' }, [405, 'methodNotAllowed']],
        ['DELETE', 'log/0', undefined, [405, 'methodNotAllowed']],
      ] as const)
        expect(await tried(method, `${path}/${name}`, body), `${method} ${name}`).toEqual(refusal)
      expect(await tried('POST', `${path}/log`, { value: 'm' })).toEqual([204])
      expect(await tried('PUT', `${path}/log`, { value: [] })).toEqual([204])
    })

    it('change item by item with /$each, chosen by filters and types', async () => {
      const path = await item({
        scores: [1, 2, 3],
        tags: ['a', 'b', 'c'],
        addresses: [home, { '@odata.type': '#c.WorkAddress', city: 'Ulm', zip: 1 }],
      })
      expect(await tried('PATCH', `${path}/scores/$filter($it%20gt%201)/$each`, { value: 9 })).toEqual([204])
      expect(await value(`${path}/scores`)).toEqual([1, 9, 9])
      expect(await tried('DELETE', `${path}/tags/$filter(@f)/$each?@f=$it eq 'b'`)).toEqual([204])
      expect(await value(`${path}/tags`)).toEqual(['a', 'c'])
      const each = `${path}/addresses/$filter(zip%20gt%205)/$each`
      const answer = await send('PATCH', each, { zip: 3 }, { Prefer: 'return=representation' })
      expect(answer.json.value).toMatchObject([{ ...home, zip: 3 }])
      expect(await tried('PATCH', `${path}/addresses/c.WorkAddress/$each`, { kind: 'w' })).toEqual([204])
      expect(await value(`${path}/addresses`)).toMatchObject([
        { zip: 3, kind: 'office' },
        { zip: 1, kind: 'w' },
      ])
      expect(await tried('PATCH', `${path}/addresses/$each`, { zip: -1 })).toEqual([400, 'valueInvalid'])
      expect(await tried('PATCH', `${path}/log/$each`, { value: 'x' })).toEqual([405, 'methodNotAllowed'])
      expect(await tried('GET', `${path}/tags/$each`)).toEqual([405, 'methodNotAllowed'])
      expect((await send('GET', `${path}/tags/$each`)).headers.get('Allow')).toBe('PATCH, DELETE')
      expect(await tried('DELETE', `${path}/tags/$each`)).toEqual([204])
      expect(await value(`${path}/tags`)).toEqual([])
      const before = (await send('GET', path)).headers.get('ETag')
      expect(await tried('PATCH', `${path}/tags/$each`, { value: 'x' })).toEqual([204])
      expect((await send('GET', path)).headers.get('ETag')).toBe(before)
    })
  })

  describe('under concurrency', () => {
    let path = ''
    beforeAll(async () => {
      path = await item({ tags: [], percent: 0 })
    })

    it('50 appends lose none', async () => {
      const numbers = Array.from({ length: 50 }, (_, i) => `t${i}`)
      const answers = await Promise.all(numbers.map((tag) => send('POST', `${path}/tags`, { value: tag })))
      expect(answers.map(({ status }) => status)).toEqual(numbers.map(() => 204))
      expect(((await value(`${path}/tags`)) as string[]).toSorted()).toEqual(numbers.toSorted())
    })

    it('50 writers with If-Match lose none', async () => {
      const count = async (): Promise<void> => {
        for (;;) {
          const { json, headers } = await send('GET', `${path}/percent`)
          const next = { value: Number(json.value) + 1 }
          const etag = { 'If-Match': headers.get('ETag') ?? '' }
          const { status } = await send('PUT', `${path}/percent`, next, etag)
          if (status === 204) return
          expect(status).toBe(412)
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 2_000))
        }
      }
      await Promise.all(Array.from({ length: 50 }, count))
      expect(await value(`${path}/percent`)).toBe(50)
    })
  })

  it('work in change sets, more than one of the same property', async () => {
    const path = await item({ tags: [] })
    const requests = ['a', 'b', 'c'].map((tag) => ({
      id: tag,
      atomicityGroup: 'g',
      method: 'POST',
      url: `${path.slice(1)}/tags`,
      headers: { 'Content-Type': 'application/json' },
      body: { value: tag },
    }))
    const { json } = await send('POST', '/$batch', { requests })
    expect((json.responses as Json[]).map(({ status }) => status)).toEqual([204, 204, 204])
    expect(await value(`${path}/tags`)).toEqual(['a', 'b', 'c'])
  })
})
