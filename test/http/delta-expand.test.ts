import { expect, it } from 'vitest'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

type Item = Readonly<Record<string, unknown>>

const modern = { 'OData-MaxVersion': '4.01' }
const old = { 'OData-MaxVersion': '4.0' }

onEveryStore('change tracking with $expand', 'test/models/relations.xml', {}, (running) => {
  const { ask, get, make } = jsonClient(running)
  const below = (link: unknown): string => String(link).slice(running().root.length)
  /** begins to track, and gives the function that asks for the changes since the last time */
  const track = async (url: string, headers: Record<string, string> = modern) => {
    const first = await get(url, { ...headers, Prefer: 'track-changes' })
    expect(first.status, first.text).toBe(200)
    const linkOf = (json: Item | undefined) => below(json?.['@deltaLink'] ?? json?.['@odata.deltaLink'])
    let link = linkOf(first.json)
    expect(link, first.text).toContain('deltatoken')
    return {
      initial: first.json?.value ?? [],
      link: () => link,
      changes: async (): Promise<readonly Item[]> => {
        const { status, json, text } = await get(link, headers)
        expect(status, text).toBe(200)
        link = linkOf(json)
        return json?.value ?? []
      },
    }
  }
  const patch = async (path: string, body: unknown): Promise<void> => {
    expect((await ask('PATCH', path, body)).status).toBe(204)
  }
  const remove = async (path: string): Promise<void> => {
    expect((await ask('DELETE', path)).status).toBe(204)
  }
  const place = (set: string, what: string) => `${running().root}/$metadata#${set}/${what}`
  const removed = (set: string, id: string, reason: string, key: Item) => ({
    '@context': place(set, '$deletedEntity'),
    '@removed': { reason },
    '@id': `${running().root}/${id}`,
    ...key,
  })

  it('does not track what $compute looks at beside the rows', async () => {
    const { status, json, text } = await get('/badges?$compute=holder/name as n&$select=n', {
      ...modern,
      Prefer: 'track-changes',
    })
    expect([status, json?.['@deltaLink']], text).toEqual([200, undefined])
    expect((await track('/badges?$compute=holder/name as n&$select=number')).link()).toContain('deltatoken')
  })

  it('tells a row again with all that it is related to, whichever side has changed: by the foreign key of the row', async () => {
    for (const id of ['a', 'b']) await make('/users', { id, name: id })
    for (const number of [1, 2]) await make('/badges', { number, holderId: 'a' })
    const { changes, initial } = await track('/badges?$expand=holder($select=name)&$filter=number lt 10')
    expect(initial).toHaveLength(2)
    expect(await changes()).toEqual([])
    await patch("/users('a')", { name: 'changed' })
    const held = (number: number, id: string, name: string) =>
      expect.objectContaining({ number, holder: expect.objectContaining({ id, name }) })
    expect(await changes()).toEqual([held(1, 'a', 'changed'), held(2, 'a', 'changed')])
    await patch('/badges(2)', { holderId: 'b' })
    expect(await changes()).toEqual([held(2, 'b', 'b')])
    await patch('/badges(1)', { holderId: null })
    expect(await changes()).toEqual([expect.objectContaining({ number: 1, holder: null })])
    await make('/users', { id: 'unrelated' })
    await patch("/users('unrelated')", { name: 'x' })
    expect(await changes()).toEqual([])
    await remove("/users('b')")
    expect(await changes()).toEqual([
      removed('users', "users('b')", 'deleted', { id: 'b' }),
      expect.objectContaining({ number: 2, holder: null }),
    ])
  })

  it('by that of the related entity: it is removed first where it may have been related to another', async () => {
    for (const id of ['m', 'n']) await make('/users', { id, name: id })
    await make('/users', { id: 'r1', name: 'one', managerId: 'm' })
    await make('/users', { id: 'r2', name: 'two', managerId: 'm' })
    const url = "/users?$filter=id in ('m','n')&$expand=reports($select=name;$filter=level lt 5)"
    const { changes, link } = await track(url)
    const user = (id: string, reports: readonly string[]) =>
      expect.objectContaining({ id, reports: reports.map((one) => expect.objectContaining({ id: one })) })
    await patch("/users('r1')", { name: 'uno' })
    // of the set itself: it is not part of the result, and told as such
    const gone = (id: string, reason: string) => expect.objectContaining({ '@removed': { reason }, id })
    expect(await changes()).toEqual([gone('r1', 'changed'), user('m', ['r1', 'r2'])])
    await patch("/users('r1')", { managerId: 'n' })
    expect((await get(link().replace('?', '/$count?'), modern)).text).toBe('2')
    expect(await changes()).toEqual([gone('r1', 'changed'), user('n', ['r1'])])
    await patch("/users('r2')", { level: 9 })
    expect(await changes()).toEqual([gone('r2', 'changed'), user('m', [])])
    const refused = await get(url, { ...old, Prefer: 'track-changes' })
    expect([refused.status, refused.headers.get('preference-applied')]).toEqual([200, null])
  })

  it('contained entities, by their owners', async () => {
    for (const id of ['c', 'd']) await make('/users', { id, name: id })
    for (const id of ['x', 'y']) await make("/users('c')/folders", { id, title: id })
    const url = "/users?$select=name&$filter=name in ('c','d')&$expand=folders($select=title;$filter=title ne 'hidden')"
    const { changes } = await track(url)
    const flat = await track(url, old)
    const user = (id: string, folders: readonly string[]) =>
      expect.objectContaining({ id, folders: folders.map((one) => expect.objectContaining({ id: one })) })
    await patch("/users('c')/folders('x')", { title: 'new' })
    await patch("/users('c')/folders('y')", { title: 'hidden' })
    await make("/users('d')/folders", { id: 'w', title: 'w' })
    expect(await changes()).toEqual([user('c', ['x']), user('d', ['w'])])
    const folder = (user: string, id: string) => `${running().root}/users('${user}')/folders('${id}')`
    const entity = (user: string, id: string, title: string) =>
      expect.objectContaining({
        '@odata.context': `${running().root}/$metadata#users('${user}')/folders(title)/$entity`,
        id,
        title,
      })
    const link = (user: string, id: string) => ({
      '@odata.context': place('users', '$link'),
      source: `${running().root}/users('${user}')`,
      relationship: 'folders',
      target: folder(user, id),
    })
    expect(await flat.changes()).toEqual([
      {
        '@odata.context': place("users('c')/folders", '$deletedEntity'),
        id: folder('c', 'y'),
        reason: 'changed',
      },
      expect.objectContaining({ id: 'c', name: 'c' }),
      entity('c', 'x', 'new'),
      link('c', 'x'),
      expect.objectContaining({ id: 'd' }),
      entity('d', 'w', 'w'),
      link('d', 'w'),
    ])
    await remove("/users('c')/folders('x')")
    expect(await changes()).toEqual([user('c', [])])
    await remove("/users('d')")
    expect(await changes()).toEqual([expect.objectContaining({ '@removed': { reason: 'deleted' }, id: 'd' })])
  })

  it('what is linked, and in 4.0 links as they are now, behind the removal of what had others', async () => {
    const { root } = running()
    for (const id of ['k', 'l']) await make('/groups', { id, title: id })
    for (const id of ['g', 'h']) await make('/users', { id, name: id })
    const ref = (group: string) => ({ '@odata.id': `${root}/groups('${group}')` })
    const add = async (user: string, group: string) =>
      expect((await ask('POST', `/users('${user}')/groups/$ref`, ref(group))).status).toBe(204)
    await add('g', 'k')
    const filter = "$filter=id in ('g','h')"
    const { changes } = await track(`/users?${filter}&$expand=groups`)
    const flat = await track(`/users?${filter}&$expand=groups($select=title)&$select=name`, old)
    const references = await track(`/users?${filter}&$expand=groups/$ref`)
    const user = (id: string, groups: readonly string[]) =>
      expect.objectContaining({ id, groups: groups.map((one) => expect.objectContaining({ id: one })) })
    await patch("/groups('k')", { title: 'changed' })
    expect(await changes()).toEqual([user('g', ['k'])])
    await add('g', 'l')
    await add('h', 'l')
    expect((await ask('DELETE', `/users('g')/groups/$ref?$id=${root}/groups('k')`)).status).toBe(204)
    expect(await changes()).toEqual([user('h', ['l']), user('g', ['l'])])
    const gone = (id: string) => ({
      '@odata.context': place('users', '$deletedEntity'),
      id: `${root}/users('${id}')`,
      reason: 'changed',
    })
    const context = { '@odata.context': `${root}/$metadata#groups(title)/$entity` }
    const group = expect.objectContaining({ ...context, id: 'l', title: 'l' })
    const link = (id: string) => ({
      '@odata.context': place('users', '$link'),
      source: `${root}/users('${id}')`,
      relationship: 'groups',
      target: `${root}/groups('l')`,
    })
    const entity = (id: string) => expect.objectContaining({ id, name: id })
    expect((await get(flat.link().replace('?', '/$count?'), old)).text).toBe('8')
    const all = [gone('h'), entity('h'), group, link('h'), gone('g'), entity('g'), group, link('g')]
    expect(await flat.changes()).toEqual(all)
    const [last] = (await references.changes()).slice(-1)
    expect(last).toMatchObject({ id: 'g', groups: [{ '@id': `${root}/groups('l')` }] })
  })

  it('tells a row again for what is expanded of what is expanded of it, and for what leaves that', async () => {
    for (const id of ['s', 't']) await make('/users', { id, name: id })
    for (const id of ['p', 'q']) await make("/users('s')/folders", { id, title: id })
    // a name that is a path
    await make("/users('s')/folders('p')/folders", { id: "a'/b", title: 'shown' })
    await make('/badges', { number: 7, holderId: 's' })
    const url = `/badges?$filter=number eq 7&$expand=holder($expand=folders($expand=folders($filter=title eq 'shown')))`
    const { changes } = await track(url)
    const inner = "/users('s')/folders('p')/folders('a''%2Fb')"
    const badge = (folders: readonly unknown[]) => ({ number: 7, holder: { id: 's', folders } })
    const q = { id: 'q', folders: [] }
    await patch(inner, { size: 3 })
    expect(await changes()).toMatchObject([badge([{ id: 'p', folders: [{ id: "a'/b", size: 3 }] }, q])])
    await patch(inner, { title: 'other' })
    expect(await changes()).toMatchObject([badge([{ id: 'p', folders: [] }, q])])
    await remove("/users('s')/folders('p')")
    expect(await changes()).toMatchObject([badge([q])])
    await make("/users('t')/folders", { id: 'q' })
    expect(await changes()).toEqual([])
    const flat = await get(`${url}&$deltatoken=latest`, old)
    expect([flat.status, flat.error?.message]).toEqual([501, expect.stringContaining('OData-MaxVersion 4.01')])
  })

  it('of one contained collection, what is expanded of its rows lies in the same stored one', async () => {
    await make('/users', { id: 'z', name: 'z' })
    await make("/users('z')/folders", { id: 'top', title: 'top' })
    const rows = "/users('z')/folders('top')/folders"
    for (const id of ['x', 'y']) await make(rows, { id, title: id })
    await make(`${rows}('x')/folders`, { id: 'y', title: 'below' })
    await make(`${rows}('x')/folders('y')/folders`, { id: 'y', title: 'deepest' })
    const shallow = await track(`${rows}?$expand=folders`)
    const deep = await track(`${rows}?$expand=folders($expand=folders)`)
    await patch(`${rows}('x')/folders('y')/folders('y')`, { title: 'new' })
    expect(await shallow.changes()).toEqual([])
    const below = (title: string) => ({ id: 'y', title, folders: [{ id: 'y', title: 'new' }] })
    expect(await deep.changes()).toMatchObject([{ id: 'x', folders: [below('below')] }])
    await patch(`${rows}('x')/folders('y')`, { title: 'changed' })
    expect(await shallow.changes()).toMatchObject([{ id: 'x', folders: [{ id: 'y', title: 'changed' }] }])
    expect(await deep.changes()).toMatchObject([{ id: 'x', folders: [below('changed')] }])
  })

  it.each([
    ['/users?$expand=folders($orderby=title)', /\$orderby in \$expand of folders/],
    ["/users('c')/folders?$expand=folders($levels=2)", /\$levels/],
    ['/users?$expand=folders($expand=messages($top=1))', /\$top or \$skip in \$expand of messages/],
    ['/users?$expand=folders($top=1)', /\$top or \$skip/],
    ['/users?$expand=folders($count=true)', /\$count/],
    ['/users?$expand=folders/$count', /\$count/],
    ['/users?$expand=folders($filter=title eq $it/name)', /\$it/],
  ])('refuses %s', async (url, reason) => {
    const first = await get(url, { ...modern, Prefer: 'track-changes' })
    expect([first.status, first.headers.get('preference-applied')], first.text).toEqual([200, null])
    const { status, error } = await get(`${url}&$deltatoken=latest`, modern)
    expect(status).toBe(501)
    expect(error?.message).toMatch(reason)
  })
})

onEveryStore('change tracking with $expand of contained entities', 'test/models/links.xml', {}, (running) => {
  const { ask, get, make } = jsonClient(running)

  it('looks for those that list what has changed under all owners', async () => {
    const { root } = running()
    for (const id of [1, 2, 3]) {
      await make('/departments', { id, name: 'd' })
      await make(`/departments(${id})/notes`, { no: 1 })
    }
    await make('/teachers', { id: 'a', name: 'a', departmentId: 3 })
    for (const id of [1, 2]) {
      const link = await ask('PUT', `/departments(${id})/notes(1)/author/$ref`, {
        '@odata.id': `${root}/teachers('a')`,
      })
      expect(link.status).toBe(204)
    }
    const url = '/departments?$filter=id lt 3&$expand=notes($expand=author($expand=department($select=name)))'
    const { json } = await get(`${url}&$deltatoken=latest`, modern)
    expect((await ask('PATCH', "/teachers('a')", { name: 'new' })).status).toBe(204)
    const told = await get(String(json?.['@deltaLink']).slice(root.length), modern)
    const department = (id: number, name: string) => ({
      id,
      notes: [{ no: 1, author: { name: 'new', department: { name } } }],
    })
    expect(told.json?.value, told.text).toMatchObject([department(1, 'd'), department(2, 'd')])
    expect((await ask('PATCH', '/departments(3)', { name: 'three' })).status).toBe(204)
    const again = await get(String(told.json?.['@deltaLink']).slice(root.length), modern)
    expect(again.json?.value, again.text).toMatchObject([
      { '@removed': { reason: 'changed' }, id: 3 },
      department(1, 'three'),
      department(2, 'three'),
    ])
  })
})
