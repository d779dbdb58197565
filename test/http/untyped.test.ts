import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, type Json } from '../support/url-people.ts'

/** What no model says: nested objects and arrays, names that stores and JavaScript give a meaning, nulls, empty values. */
const wild = {
  color: 'red',
  size: { width: 1.5, deep: [{ a: [[], {}, null] }, 'x', [true, { b: null }]] },
  $where: '1',
  'a.b': { '$set.x': ['$color', { $literal: '$$ROOT' }] },
  _id: 'mine',
  _bsontype: 'ObjectId',
  constructor: { prototype: 'p' },
  '': 'empty',
  '%24': 'escaped',
  'tab\t"\u0000é': 'odd',
  type: 'Point',
  coordinates: [1.5, 2.5],
}
// a literal would set the prototype
const wildText = JSON.stringify(wild).replace('{"color"', '{"__proto__":{"admin":true},"color"')

onEveryService('objects without a type', 'test/models/inheritance.xml', {}, (running) => {
  const { ask, get } = asking(running)
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await running().send(method, path, body, headers)
    const text = await answer.text()
    return { status: answer.status, text, json: (text.startsWith('{') ? JSON.parse(text) : {}) as Json }
  }
  const ids = async (filter: string) =>
    (await get(`/Customers?$select=Id&$orderby=Id&$filter=${encodeURIComponent(filter)}`)).value.map(({ Id }) => Id)
  const customer = (id: string, more: object) => ({ Id: id, Name: id, Contacts: [], ...more })
  const ann = "/Customers('ann')"
  beforeAll(async () => {
    const bodies = [
      customer('ann', { extra: { color: 'red', n: 5, tags: ['a', 'b', 'c'], parts: [{ k: 1 }, { k: 2, l: [1] }] } }),
      customer('bob', { extra: { color: 'blue', inner: { color: 'red' } }, plain: 'text' }),
      customer('cy', { extra: [{ color: 'red' }], Notes: { extra: { color: 'green' } } }),
      customer('dan', { extra: 'red' }),
    ]
    for (const body of bodies) {
      const { status, text } = await send('POST', '/Customers', body)
      expect(status, text).toBe(201)
    }
    const box = { '@odata.type': '#inheritance.Box', Id: 'box', Any: { a: 1.5 }, Anys: [{ a: [] }, 1.5], Bags: [] }
    expect((await send('POST', '/Beings', box)).status).toBe(201)
  })

  it('come back letter for letter, whatever their names are', async () => {
    const whole = async (path: string) => (await ask(path)).text
    const made = await running().send('PUT', `${ann}/wild`, undefined, { 'Content-Type': 'application/json' })
    expect(made.status).toBe(400)
    const body = `{"value":${wildText}}`
    for (const path of [`${ann}/wild`, "/Beings('box')/inheritance.Box/Any"]) {
      const put = await fetch(running().root + path, {
        method: 'PUT',
        body,
        headers: { 'Content-Type': 'application/json' },
      })
      expect([put.status, await put.text()]).toEqual([204, ''])
      const text = await whole(`${path}?$format=application/json;odata.metadata=none`)
      const back = (JSON.parse(text) as Json).value as unknown as Record<string, unknown>
      expect(Object.getOwnPropertyDescriptor(back, '__proto__')?.value).toEqual({ admin: true })
      const { ['__proto__']: _, ...rest } = { ...back, __proto__: undefined }
      expect(rest).toEqual(wild)
    }
    expect(({} as { admin?: true }).admin).toBeUndefined()
    const entity = JSON.parse(await whole(`${ann}?$format=application/json;odata.metadata=none`)) as Json
    expect(entity.wild).toMatchObject({ 'a.b': wild['a.b'], coordinates: [1.5, 2.5], type: 'Point' })
    expect((await send('DELETE', `${ann}/wild`, undefined)).status).toBe(204)
  })

  it('say no type, at any metadata level, but their typed members do', async () => {
    const value = { 'day@odata.type': '#Date', day: '2020-02-29', mail: { '@odata.type': '#Ns.Mail', Address: 'a' } }
    expect((await send('PATCH', ann, { typed: value })).status).toBe(204)
    for (const level of ['minimal', 'full']) {
      const { typed } = await get(`${ann}?$format=application/json;odata.metadata=${level}`)
      const mail = { '@odata.type': '#inheritance.Mail', Label: null, Address: 'a' }
      expect(typed).toEqual({ 'day@odata.type': '#Date', day: '2020-02-29', mail })
    }
    expect((await get(`${ann}/typed`)).value).toMatchObject({ day: '2020-02-29' })
    expect((await get(ann))['list@odata.type']).toBeUndefined()
    expect((await send('PATCH', ann, { list: [{ a: true }, { b: false }], typed: null })).status).toBe(204)
    const { 'list@odata.type': type, list } = await get(ann)
    expect([type, list]).toEqual(['#Collection(Untyped)', [{ a: true }, { b: false }]])
    expect((await send('PATCH', ann, { list: null })).status).toBe(204)
  })

  it('are replaced as a whole by PATCH and PUT of their entity', async () => {
    const made = await send('POST', '/Customers', customer('eve', { x: { a: 'a', b: 'b' } }))
    expect(made.json.x).toEqual({ a: 'a', b: 'b' })
    const eve = "/Customers('eve')"
    expect((await send('PATCH', eve, { x: { b: null, c: [] } })).status).toBe(204)
    expect((await get(eve)).x).toEqual({ b: null, c: [] })
    expect((await send('PUT', eve, customer('eve', { y: {} }))).status).toBe(204)
    const put = await get(eve)
    expect([put.x, put.y]).toEqual([undefined, {}])
    const delta = { '@context': '#$delta', value: [customer('eve', { y: { z: [{}] } })] }
    expect((await send('PATCH', '/Customers', delta, { 'OData-Version': '4.01' })).status).toBeLessThan(300)
    expect((await get(eve)).y).toEqual({ 'z@odata.type': '#Collection(Untyped)', z: [{}] })
    expect((await send('DELETE', eve, undefined)).status).toBe(204)
  })

  it('have paths to what is in them', async () => {
    expect(await get(`${ann}/extra/color`)).toMatchObject({ value: 'red' })
    expect((await get(`${ann}/extra/color`))['@odata.context']).toContain("#Customers('ann')/extra/color")
    expect((await ask(`${ann}/extra/color/$value`)).text).toBe('red')
    expect((await ask(`${ann}/extra/tags/$count`)).text).toBe('3')
    expect((await ask(`${ann}/extra/tags/$count?$filter=$it ne 'a'`)).text).toBe('2')
    expect((await get(`${ann}/extra/parts`)).value).toMatchObject([{ k: 1 }, { k: 2, l: [1] }])
    expect((await get("/Customers('cy')/Notes/extra/color")).value).toBe('green')
    expect(await get("/Beings('box')/inheritance.Box/Any/constructor/prototype")).toMatchObject({ value: 'p' })
    for (const [path, status] of [
      [`${ann}/extra/nothing`, 204],
      [`${ann}/nothing/at/all`, 204],
      [`${ann}/extra/color/deeper`, 204],
      [`${ann}/extra/nothing/$count`, 200],
      [`${ann}/extra/color/$count`, 404],
      [`${ann}/extra/$value`, 400],
      [`${ann}/extra/_id`, 204],
      [`${ann}/extra/0`, 400],
      [`${ann}/extra/Ns.Mail`, 501],
      [`${ann}?$select=extra/color`, 501],
      [`${ann}?$select=extra`, 200],
    ] as const)
      expect([path, (await ask(path)).status]).toEqual([path, status])
  })

  it('change in part', async () => {
    const extra = "/Customers('bob')/extra"
    expect((await send('PUT', `${extra}/inner/color`, { value: { r: 255, g: 0 } })).status).toBe(204)
    expect((await send('PUT', `${extra}/inner/on`, { '@odata.type': '#Date', value: '2020-01-01' })).status).toBe(204)
    expect((await send('DELETE', `${extra}/color`, undefined)).status).toBe(204)
    expect((await get("/Customers('bob')")).extra).toMatchObject({
      inner: { color: { r: 255, g: 0 }, 'on@odata.type': '#Date', on: '2020-01-01' },
    })
    expect((await get(extra)).value).not.toHaveProperty('color', 'blue')
    const text = await fetch(`${running().root}${extra}/color/$value`, {
      method: 'PUT',
      body: 'blue',
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(text.status).toBe(204)
    expect((await send('PUT', `${extra}/inner`, { value: { color: 'red' } })).status).toBe(204)
    expect((await get(extra)).value).toMatchObject({ color: 'blue', inner: { color: 'red' } })
    expect((await send('PUT', "/Customers('bob')/plain/x", { value: 1 })).status).toBe(404)
    const any = "/Beings('box')/inheritance.Box/Any"
    expect((await send('PUT', any, { value: { a: 'a', b: { c: 1.5 } } })).status).toBe(204)
    expect((await send('PUT', `${any}/b/d`, { value: ['x'] })).status).toBe(204)
    expect((await get(any)).value).toMatchObject({ a: 'a', b: { c: 1.5, d: ['x'] } })
  })

  it.each([
    ["extra/color eq 'red'", ['ann']],
    ["extra/inner/color eq 'red'", ['bob']],
    ["startswith(extra/color,'b') or extra/n gt 4", ['ann', 'bob']],
    ["extra/color ne 'red'", ['bob', 'cy', 'dan']],
    ['extra/color eq null', ['cy', 'dan']],
    ["extra eq 'red'", ['dan']],
    ["extra/tags/any(t:t eq 'b')", ['ann']],
    ['extra/parts/any(p:p/k eq 2 and p/l/any(l:l eq 1))', ['ann']],
    ["extra/any(e:e/color eq 'red')", ['cy']],
    ['extra/tags/$count eq 3', ['ann']],
    ["Notes/extra/color eq 'green'", ['cy']],
    ['extra/_id eq null', ['ann', 'bob', 'cy', 'dan']],
    ['extra/inner eq {"color":"red"}', ['bob']],
  ])('are filtered by: %s', async (filter, expected) => {
    expect(await ids(filter)).toEqual(expected)
  })

  it('are sorted, computed and selected by', async () => {
    const sorted = await get("/Customers?$select=Id&$orderby=extra/color desc,Id&$filter=Id ne 'dan'")
    expect(sorted.value.map(({ Id }) => Id)).toEqual(['ann', 'bob', 'cy'])
    const computed = await get(`${ann}?$compute=extra/color as c,extra/parts as p&$select=c,p`)
    expect(computed).toMatchObject({ c: 'red', p: [{ k: 1 }, { k: 2, l: [1] }] })
  })

  it('give way to what is calculated under their name, each member once', async () => {
    const computed = '$compute=length(Name) as plain,Contacts/$count as extra'
    const once = async (path: string, prefer = '') => {
      const { text } = await ask(path, prefer === '' ? {} : { Prefer: prefer })
      expect([text.split('"plain":').length, text.split('"extra":').length], text).toEqual([2, 2])
      return JSON.parse(text) as Json
    }
    const bob = `/Customers('bob')?${computed}`
    for (const format of [
      '',
      '&$format=application/json;odata.metadata=full',
      '&$format=application/json;odata.metadata=none',
    ])
      for (const select of ['*', 'Id,plain,extra', '*,plain'])
        expect(await once(`${bob}&$select=${select}${format}`)).toMatchObject({ Id: 'bob', plain: 3, extra: 0 })
    expect((await get(bob)).plain).toBe('text')
    const found = (await once(`/Customers?${computed}&$select=Id,plain,extra&$filter=plain eq 3 and Id eq 'bob'`)).value
    expect(found).toMatchObject([{ plain: 3, extra: 0 }])
    const apply = "/Customers?$apply=filter(Id eq 'bob')/compute(length(Name) as plain,Contacts/$count as extra)"
    for (const select of ['', '&$select=Id,plain,extra'])
      expect((await once(apply + select)).value).toMatchObject([{ Id: 'bob', plain: 3, extra: 0 }])
    // in the changes of what is tracked, too
    const url = `/Customers?${computed}&$select=Id,plain,extra&$filter=Id eq 'bob'`
    const link = String((await once(url, 'odata.track-changes'))['@odata.deltaLink']).slice(running().root.length)
    expect((await send('PATCH', "/Customers('bob')", { Name: 'robert' })).status).toBe(204)
    expect((await once(link)).value).toMatchObject([{ Id: 'bob', plain: 6, extra: 0 }])
    expect((await send('PATCH', "/Customers('bob')", { Name: 'bob' })).status).toBe(204)
  })

  it('are grouped by what is in them, and by nothing where they are no objects', async () => {
    const groups = (await get('/Customers?$apply=groupby((extra/color),aggregate($count as n))')).value
    expect(groups.map(({ extra, n }) => [extra, n])).toEqual([
      [undefined, 2],
      [{ color: 'blue' }, 1],
      [{ color: 'red' }, 1],
    ])
    for (const apply of [
      'groupby((plain),aggregate(Name with max as plain))',
      'groupby((extra/color),aggregate(Name with max as extra))',
      'compute(length(Name) as l)/groupby((l),aggregate(Name with max as l))',
    ]) {
      const { status, json } = await ask(`/Customers?$apply=${apply}`)
      expect([status, json.error.message], apply).toEqual([400, expect.stringContaining('a grouping property')])
    }
  })

  it('keep to the limits, and to what says a type', async () => {
    let deep: unknown = 1
    for (let i = 0; i < 70; i++) deep = { a: deep }
    const refused = await send('PATCH', ann, { deep })
    expect([refused.status, (refused.json.error as unknown as Json).code]).toEqual([400, 'bodySyntax'])
    let fits: unknown = 'end'
    for (let i = 0; i < 60; i++) fits = i % 2 ? { a: fits } : [fits]
    expect((await send('PATCH', ann, { fits })).status).toBe(204)
    expect(await get(`${ann}?$format=application/json;odata.metadata=none`)).toMatchObject({ fits })
    for (const [path, body, code] of [
      [ann, { x: { '@odata.type': '#Nope', a: 1 } }, 'typeUnknown'],
      [ann, { x: { '@odata.type': '#Ns.Contact', a: 1 } }, 'typeAbstract'],
      [ann, { x: { y: { '@odata.type': '#Ns.Person', Id: 'a' } } }, 'notImplemented'],
      ["/Beings('box')", { '@odata.type': '#Ns.Box', Complex: { a: 1 } }, 'typeAbstract'],
    ] as const) {
      const answer = await send('PATCH', path, body)
      expect((answer.json.error as unknown as Json).code).toBe(code)
    }
  })
})
