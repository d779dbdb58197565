import { describe, expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryService } from '../support/running-service.ts'

const model = 'test/models/relations.xml'
const settings = { log: { error: (f: { err?: unknown }) => console.error(f.err), warn: () => {} } }

onEveryService('containment', model, settings, (running) => {
  const { ask, get, make, ids } = jsonClient(running)

  it('creates, reads, changes and deletes three levels deep, under canonical URLs', async () => {
    await make('/users', { id: 'c1', name: 'Cy' })
    const folder = await make("/users('c1')/folders", { id: 'in', title: 'Inbox' })
    const root = running().root
    expect(folder.headers.get('Location')).toBe(`${root}/users('c1')/folders('in')`)
    expect(folder.json?.['@odata.context']).toBe(`${root}/$metadata#users('c1')/folders/$entity`)
    await make('/users/c1/folders/in/messages', { box: 'a/b', no: 1, subject: 'one' })
    await make("/users('c1')/folders('in')/messages", { box: 'a/b', no: 2, subject: 'two' })
    const path = "/users('c1')/folders('in')/messages(box='a%2Fb',no=2)"
    const message = await get(path, { Accept: 'application/json;odata.metadata=full' })
    expect(message.status).toBe(200)
    expect(message.json).toMatchObject({
      '@odata.context': `${root}/$metadata#users('c1')/folders('in')/messages/$entity`,
      '@odata.id': root + path,
      '@odata.editLink': root + path,
      'attachments@odata.navigationLink': `${root}${path}/attachments`,
      box: 'a/b',
      no: 2,
      subject: 'two',
    })
    const etag = String(message.headers.get('ETag'))
    expect((await ask('PATCH', path, { subject: 'changed' }, { 'If-Match': etag })).status).toBe(204)
    expect((await ask('PATCH', path, { subject: 'again' }, { 'If-Match': etag })).status).toBe(412)
    expect((await get(`${path}/subject/$value`)).text).toBe('changed')
    expect((await get(`${path}/subject`)).json?.['@odata.context']).toBe(
      `${root}/$metadata#users('c1')/folders('in')/messages(box='a/b',no=2)/subject`,
    )
    expect((await get("/users('c1')/folders('in')/messages/$count")).text).toBe('2')
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await get(path)).status).toBe(404)
    expect(await ids("/users('c1')/folders('in')/messages", 'no')).toEqual([1])
  })

  it('keeps what one owner has apart from the others', async () => {
    await make('/users', { id: 'o1' })
    await make('/users', { id: "o'2/x" })
    await make("/users('o1')/folders", { id: 'f', title: 'of o1' })
    const other = await make("/users('o''2%2Fx')/folders", { id: 'f', title: 'of o2' })
    expect(other.headers.get('Location')).toBe(`${running().root}/users('o''2%2Fx')/folders('f')`)
    expect((await ask('POST', "/users('o1')/folders", { id: 'f' })).status).toBe(409)
    expect((await get("/users('o1')/folders('f')")).json?.title).toBe('of o1')
    expect((await get("/users('o''2%2Fx')/folders('f')")).json?.title).toBe('of o2')
    expect(await ids("/users('o1')/folders")).toEqual(['f'])
  })

  it('filters, sorts, counts and pages within an owner', async () => {
    await make('/users', { id: 'p1' })
    await make('/users', { id: 'p2' })
    for (let i = 0; i < 9; i++) {
      await make("/users('p1')/folders", { id: `f${i}`, title: `t${i % 3}`, size: i })
      await make("/users('p2')/folders", { id: `f${i}`, title: 'other', size: 100 })
    }
    expect(await ids("/users('p1')/folders?$filter=size ge 6")).toEqual(['f6', 'f7', 'f8'])
    expect(await ids("/users('p1')/folders?$orderby=title desc,size&$top=4")).toEqual(['f2', 'f5', 'f8', 'f1'])
    expect((await get("/users('p1')/folders/$count?$filter=title eq 't1'")).text).toBe('3')
    for (const query of ['$count=true', '$orderby=title&$count=true', '$filter=size lt 100&$orderby=id desc']) {
      const seen: unknown[] = []
      let next: string | undefined = `/users('p1')/folders?${query}`
      while (next !== undefined) {
        const page = await get(next, { Prefer: 'odata.maxpagesize=4' })
        expect(page.status, page.text).toBe(200)
        seen.push(...(page.json?.value.map(({ id }) => id) ?? []))
        const link = page.json?.['@odata.nextLink'] as string | undefined
        next = link?.slice(running().root.length)
        if (query.includes('count')) expect(page.json?.['@odata.count']).toBe(9)
      }
      expect(seen.toSorted(), query).toEqual(['f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7', 'f8'])
    }
  })

  it('goes down recursive containment as far as a client likes', async () => {
    await make('/users', { id: 'r1' })
    let path = "/users('r1')"
    for (let depth = 0; depth < 12; depth++) {
      await make(`${path}/folders`, { id: `d${depth}`, title: `${depth}` })
      path += `/folders('d${depth}')`
    }
    expect((await get(path)).json?.title).toBe('11')
    expect(await ids(`${path}/folders`)).toEqual([])
    await make(`${path}/messages`, { box: 'b', no: 1 })
    expect((await get(`${path}/messages(box='b',no=1)`)).status).toBe(200)
  })

  it('has derived types in contained collections', async () => {
    await make('/users', { id: 't1' })
    await make("/users('t1')/folders", { id: 'f' })
    await make("/users('t1')/folders('f')/messages", { box: 'b', no: 1 })
    const path = "/users('t1')/folders('f')/messages(box='b',no=1)/attachments"
    expect((await ask('POST', path, { name: 'abstract' })).status).toBe(400)
    const file = await make(path, { '@odata.type': '#rel.FileAttachment', name: 'file', bytes: 'AQID' })
    await make(path, { '@odata.type': '#rel.LinkAttachment', name: 'link', url: 'http://x' })
    expect(file.json?.['@odata.type']).toBe('#rel.FileAttachment')
    expect(await ids(`${path}/rel.LinkAttachment`, 'name')).toEqual(['link'])
    expect((await get(`${path}(${file.json?.id})/rel.FileAttachment/bytes/$value`)).status).toBe(200)
    expect((await get(`${path}(${file.json?.id})/rel.LinkAttachment`)).status).toBe(404)
  })

  it('contains entities of a derived owner, with the cast in their URLs', async () => {
    await make('/users', { '@odata.type': '#rel.Employee', id: 'e1', salary: 1 })
    await make('/users', { id: 'e2' })
    const task = await make("/users('e1')/rel.Employee/tasks", { no: 7, text: 'do' })
    expect(task.headers.get('Location')).toBe(`${running().root}/users('e1')/rel.Employee/tasks(7)`)
    expect((await get("/users('e1')/rel.Employee/tasks(7)/text")).json?.value).toBe('do')
    expect((await get("/users('e2')/rel.Employee/tasks")).status).toBe(404)
    expect((await get("/users('e1')/tasks")).status).toBe(404)
  })

  it('contains by way of a complex property', async () => {
    await make('/users', { id: 'h1', home: { city: 'Rome' } })
    const sight = await make("/users('h1')/home/sights", { name: 'Forum', stars: 5 })
    expect(sight.headers.get('Location')).toBe(`${running().root}/users('h1')/home/sights('Forum')`)
    expect(await ids("/users('h1')/home/sights", 'name')).toEqual(['Forum'])
    expect((await get("/users('h1')/home/sights('Forum')/stars/$value")).text).toBe('5')
  })

  it('contains one entity: made by PATCH or PUT, 204 before and after', async () => {
    await make('/users', { id: 's1' })
    const path = "/users('s1')/settings"
    expect((await get(path)).status).toBe(204)
    expect((await get(`${path}/theme`)).status).toBe(404)
    expect((await ask('POST', path, { size: 1 })).status).toBe(405)
    const made = await ask('PATCH', path, { size: 3 })
    expect(made.status, made.text).toBe(201)
    expect(made.headers.get('Location')).toBe(running().root + path)
    expect(made.json).toMatchObject({ id: 'settings', theme: 'light', size: 3 })
    expect(made.json?.['@odata.context']).toBe(`${running().root}/$metadata#users('s1')/settings/$entity`)
    expect((await ask('PATCH', path, { theme: 'dark' })).status).toBe(204)
    expect((await get(path)).json).toMatchObject({ id: 'settings', theme: 'dark', size: 3 })
    expect((await ask('PUT', path, { theme: 'blue' })).status).toBe(204)
    const put = (await get(path)).json
    expect(put).toMatchObject({ id: 'settings', theme: 'blue', size: null })
    await make(`${path}/shortcuts`, { no: 1, text: 'x' })
    expect((await get(`${path}/shortcuts(1)`)).json?.text).toBe('x')
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await get(path)).status).toBe(204)
    expect((await ask('DELETE', path)).status).toBe(404)
    await ask('PUT', path, { id: 'mine', theme: 'new' })
    expect((await get(path)).json).toMatchObject({ id: 'mine', theme: 'new' })
    expect(await ids(`${path}/shortcuts`, 'no')).toEqual([])
  })

  it('refuses to follow what is not there, naming it', async () => {
    for (const [path, name] of [
      ["/users('nobody')/folders", 'users'],
      ["/users('nobody')/folders('x')/messages", 'users'],
    ] as const) {
      const answer = await get(path)
      expect(answer.status, path).toBe(404)
      expect(answer.error?.message).toContain(`'${name}'`)
    }
    await make('/users', { id: 'n1' })
    const missing = await get("/users('n1')/folders('no')/messages")
    expect(missing.status).toBe(404)
    expect(missing.error?.message).toContain("'folders'")
    expect((await ask('POST', "/users('n1')/folders('no')/messages", { box: 'b', no: 1 })).status).toBe(404)
    expect((await get("/users('n1')/folders('no')")).status).toBe(404)
  })

  it('deletes what an owner contains, at any depth, and nothing of others', async () => {
    for (const id of ['d1', 'd10']) {
      await make('/users', { '@odata.type': '#rel.Employee', id })
      await make(`/users('${id}')/folders`, { id: 'f' })
      await make(`/users('${id}')/folders('f')/folders`, { id: 'g' })
      await make(`/users('${id}')/folders('f')/folders('g')/messages`, { box: 'b', no: 1 })
      await make(`/users('${id}')/rel.Employee/tasks`, { no: 1 })
      await ask('PUT', `/users('${id}')/settings`, { theme: 't' })
      await ask('PATCH', `/users('${id}')`, { home: { city: 'x' } })
      await make(`/users('${id}')/home/sights`, { name: 's' })
    }
    expect((await ask('DELETE', "/users('d1')")).status).toBe(204)
    expect((await get("/users('d1')/folders")).status).toBe(404)
    await make('/users', { '@odata.type': '#rel.Employee', id: 'd1', home: { city: 'y' } })
    expect(await ids("/users('d1')/folders")).toEqual([])
    expect(await ids("/users('d1')/rel.Employee/tasks", 'no')).toEqual([])
    expect(await ids("/users('d1')/home/sights", 'name')).toEqual([])
    expect((await get("/users('d1')/settings")).status).toBe(204)
    await make("/users('d1')/folders", { id: 'f' })
    expect(await ids("/users('d1')/folders('f')/folders")).toEqual([])
    await make("/users('d1')/folders('f')/folders", { id: 'g' })
    expect(await ids("/users('d1')/folders('f')/folders('g')/messages", 'no')).toEqual([])
    expect(await ids("/users('d10')/folders('f')/folders('g')/messages", 'no')).toEqual([1])
    expect(await ids("/users('d10')/rel.Employee/tasks", 'no')).toEqual([1])
    expect((await ask('DELETE', "/users('d10')/folders('f')")).status).toBe(204)
    await make("/users('d10')/folders", { id: 'f' })
    expect(await ids("/users('d10')/folders('f')/folders")).toEqual([])
  })

  it('holds entities that have no other place like contained ones', async () => {
    await make('/users', { id: 'w1' })
    const drawing = await make("/users('w1')/drawings", { id: 1, title: 'tree' })
    expect(drawing.headers.get('Location')).toBe(`${running().root}/users('w1')/drawings(1)`)
    expect(await ids("/users('w1')/drawings")).toEqual([1])
  })

  it('upserts by key', async () => {
    await make('/users', { id: 'u1' })
    const made = await ask('PUT', "/users('u1')/folders('x')", { title: 'put' })
    expect(made.status, made.text).toBe(201)
    expect((await ask('PATCH', "/users('u1')/folders('x')", { title: 'patched' })).status).toBe(204)
    expect((await get("/users('u1')/folders('x')")).json).toMatchObject({ id: 'x', title: 'patched' })
    expect((await ask('PUT', "/users('u1')/folders('y')", {}, { 'If-Match': '*' })).status).toBe(412)
  })

  it('survives a restart', async () => {
    await make('/users', { id: 'z1' })
    await make("/users('z1')/folders", { id: 'f', title: 'kept' })
    await running().restart()
    expect((await get("/users('z1')/folders('f')")).json?.title).toBe('kept')
  })
})

onEveryService('relations by foreign keys', model, settings, (running) => {
  const { ask, get, make, ids } = jsonClient(running)
  const root = () => running().root

  it('follows a foreign key to one entity', async () => {
    await make('/users', { id: 'boss', name: 'Boss' })
    await make('/users', { id: 'a', managerId: 'boss' })
    await make('/users', { id: 'lost', managerId: 'gone' })
    const manager = await get("/users('a')/manager")
    expect(manager.status).toBe(200)
    expect(manager.json).toMatchObject({ '@odata.context': `${root()}/$metadata#users/$entity`, id: 'boss' })
    expect((await get("/users('a')/manager/name")).json).toEqual({
      '@odata.context': `${root()}/$metadata#users('boss')/name`,
      value: 'Boss',
    })
    expect((await get("/users('boss')/manager")).status).toBe(204)
    expect((await get("/users('boss')/manager/name")).status).toBe(404)
    expect((await get("/users('boss')/manager/reports")).status).toBe(404)
    expect((await get("/users('lost')/manager")).status).toBe(204)
    expect((await get("/users('nobody')/manager")).status).toBe(404)
    expect((await ask('PATCH', "/users('a')/manager", { name: 'Chief' })).status).toBe(204)
    expect((await get("/users('boss')/name/$value")).text).toBe('Chief')
    expect((await ask('PATCH', "/users('boss')/manager", { name: 'x' })).status).toBe(404)
    expect((await ask('PUT', "/users('lost')/manager", { name: 'x' })).status).toBe(404)
  })

  it('finds the entities whose foreign key is this one, and creates them related', async () => {
    await make('/users', { id: 'm1' })
    await make('/users', { id: 'm2' })
    const made = await make("/users('m1')/reports", { id: 'm1a', managerId: 'm2' })
    expect(made.json).toMatchObject({ '@odata.context': `${root()}/$metadata#users/$entity`, managerId: 'm1' })
    expect(made.headers.get('Location')).toBe(`${root()}/users('m1a')`)
    await make('/users', { id: 'm1b', managerId: 'm1' })
    expect(await ids("/users('m1')/reports")).toEqual(['m1a', 'm1b'])
    expect(await ids("/users('m2')/reports")).toEqual([])
    expect((await get("/users('m1')/reports/$count")).text).toBe('2')
    expect(await ids("/users('m1')/reports?$filter=id ne 'm1a'")).toEqual(['m1b'])
    expect((await get("/users('m1')/reports('m1b')")).status).toBe(200)
    expect((await get("/users('m2')/reports('m1b')")).status).toBe(404)
    expect(await ids("/users('m1a')/manager/reports")).toEqual(['m1a', 'm1b'])
    const put = await ask('PUT', "/users('m1')/reports('m1c')", { name: 'c' })
    expect(put.status, put.text).toBe(201)
    expect((await get("/users('m1c')")).json?.managerId).toBe('m1')
    expect((await ask('PUT', "/users('m2')/reports('m1c')", { name: 'c' })).status).toBe(409)
    expect((await ask('DELETE', "/users('m2')/reports('m1c')")).status).toBe(404)
    expect((await ask('DELETE', "/users('m1')/reports('m1c')")).status).toBe(204)
  })

  it('goes on from the entities reached: containment below them is theirs', async () => {
    await make('/users', { id: 'g1' })
    await make('/users', { id: 'g2', managerId: 'g1' })
    await make("/users('g1')/folders", { id: 'f', title: 'of g1' })
    const folder = await get("/users('g2')/manager/folders('f')")
    expect(folder.json).toMatchObject({
      '@odata.context': `${root()}/$metadata#users('g1')/folders/$entity`,
      title: 'of g1',
    })
    const made = await make("/users('g2')/manager/folders", { id: 'g' })
    expect(made.headers.get('Location')).toBe(`${root()}/users('g1')/folders('g')`)
    expect(await ids("/users('g1')/reports('g2')/manager/folders")).toEqual(['f', 'g'])
  })

  it('sets a foreign key that is part of the key', async () => {
    await make('/orders', { id: 1 })
    await make('/orders', { id: 2 })
    const item = await make('/orders(1)/items', { line: 1, product: 'pen' })
    expect(item.json).toMatchObject({ orderId: 1, line: 1, product: 'pen' })
    expect(item.headers.get('Location')).toBe(`${root()}/items(orderId=1,line=1)`)
    await make('/orders(2)/items', { line: 1, product: 'ink' })
    expect(await ids('/orders(1)/items', 'product')).toEqual(['pen'])
    expect((await get('/items(orderId=2,line=1)/order/id/$value')).text).toBe('2')
  })

  it('follows a relation one to one from both sides, and one to another property than the key', async () => {
    await make('/countries', { id: 39, code: 'IT', name: 'Italy' })
    await make('/users', { id: 'b1', home: { countryCode: 'IT' } })
    await make('/users', { id: 'b2', home: { countryCode: 'XX' } })
    await make('/badges', { number: 5, holderId: 'b1', colour: 'red' })
    expect((await get('/badges(5)/holder')).json?.id).toBe('b1')
    const badge = await get("/users('b1')/badge")
    expect(badge.json).toMatchObject({ '@odata.context': `${root()}/$metadata#badges/$entity`, number: 5 })
    expect((await get("/users('b1')/badge/colour/$value")).text).toBe('red')
    expect((await get("/users('b2')/badge")).status).toBe(204)
    expect((await get("/users('b2')/badge/colour")).status).toBe(404)
    expect((await ask('PATCH', "/users('b1')/badge", { colour: 'blue' })).status).toBe(204)
    expect((await get('/badges(5)/colour/$value')).text).toBe('blue')
    expect((await get("/users('b1')/home/country/name/$value")).text).toBe('Italy')
    expect((await get("/users('b2')/home/country")).status).toBe(204)
    expect((await get("/users('b2')/badge/holder")).status).toBe(404)
    expect((await get("/users('b1')/badge/holder/badge/number/$value")).text).toBe('5')
  })

  it('reads lists of keys, and creates entities that are linked at once', async () => {
    await make('/users', { id: 'l1' })
    await make('/groups', { id: 'g' })
    expect(await ids("/users('l1')/groups")).toEqual([])
    expect((await get("/users('l1')/groups/$count")).text).toBe('0')
    expect((await get("/users('l1')/groups('g')")).status).toBe(404)
    expect((await get("/users('l1')/mainGroup")).status).toBe(204)
    await make("/users('l1')/groups", { id: 'x' })
    expect(await ids("/users('l1')/groups")).toEqual(['x'])
  })
})

onEveryService('singletons', model, settings, (running) => {
  const { ask, get, make, ids } = jsonClient(running)

  it('are there before anybody has written them, with defaults', async () => {
    const me = await get('/me')
    expect(me.status).toBe(200)
    expect(me.json).toMatchObject({
      '@odata.context': `${running().root}/$metadata#me`,
      id: 'me',
      name: null,
      level: 1,
    })
    expect((await get('/me/level/$value')).text).toBe('1')
    expect(await ids('/me/folders')).toEqual([])
    expect((await get('/me/manager')).status).toBe(204)
    expect((await ask('PATCH', '/me', { name: 'x' }, { 'If-Match': '*' })).status).toBe(412)
  })

  it('are changed, contain, and stay one', async () => {
    const made = await Promise.all([ask('PATCH', '/me', { name: 'Me' }), ask('PATCH', '/me', { level: 7 })])
    expect(made.map(({ status }) => status).toSorted()).toEqual([201, 204])
    const me = await get('/me')
    expect(me.json).toMatchObject({ id: 'me', name: 'Me', level: 7 })
    const etag = String(me.headers.get('ETag'))
    expect((await get('/me', { 'If-None-Match': etag })).status).toBe(304)
    expect((await ask('PATCH', '/me', { managerId: 'boss' }, { 'If-Match': etag })).status).toBe(204)
    await make('/users', { id: 'boss' })
    expect((await get('/me/manager')).json?.id).toBe('boss')
    const folder = await make('/me/folders', { id: 'f' })
    expect(folder.headers.get('Location')).toBe(`${running().root}/me/folders('f')`)
    await make("/me/folders('f')/messages", { box: 'b', no: 1 })
    expect(await ids("/me/folders('f')/messages", 'no')).toEqual([1])
    expect((await ask('PUT', '/me', { name: 'New' })).status).toBe(204)
    expect((await get('/me')).json).toMatchObject({ id: 'me', name: 'New', level: 1, managerId: null })
    expect((await ask('DELETE', '/me')).status).toBe(405)
    expect((await ask('POST', '/me', {})).headers.get('Allow')).toContain('PATCH')
  })

  it('may be missing where they are nullable', async () => {
    expect((await get('/spare')).status).toBe(204)
    expect((await ask('PATCH', '/spare', { size: 1 })).status).toBe(201)
    expect((await get('/spare')).json).toMatchObject({ id: 'spare', theme: 'light', size: 1 })
    expect((await ask('DELETE', '/spare')).status).toBe(204)
    expect((await get('/spare')).status).toBe(204)
  })
})

describe('the bookshop', () => {
  onEveryService('authors and books', 'examples/bookshop.xml', {}, (running) => {
    const { get, make, ids } = jsonClient(running)

    it('relates them', async () => {
      await make('/Authors', { ID: 1, Name: 'Ann' })
      await make('/Authors', { ID: 2, Name: 'Bob' })
      const book = await make('/Authors(1)/Books', { Title: 'A', Price: 1 })
      await make('/Books', { Title: 'B', Price: 2, AuthorID: 2 })
      await make('/Books', { Title: 'C', Price: 3 })
      expect(await ids('/Authors(1)/Books', 'Title')).toEqual(['A'])
      expect((await get(`/Books(${book.json?.ID})/Author/Name/$value`)).text).toBe('Ann')
      expect(await ids(`/Books(${book.json?.ID})/Author/Books?$filter=Price lt 5`, 'Title')).toEqual(['A'])
    })
  })
})
