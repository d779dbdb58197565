import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown> & { value: Json[]; folders: Json[]; reports: Json[] }

onEveryService('$expand', 'test/models/relations.xml', {}, (running) => {
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await running().send(method, path, body, headers)
    const text = await answer.text()
    return { status: answer.status, text, json: (text.startsWith('{') ? JSON.parse(text) : {}) as Json }
  }
  const get = async (path: string, headers?: Record<string, string>): Promise<Json> => {
    const answer = await ask('GET', path, undefined, headers)
    expect(answer.status, `${path}: ${answer.text}`).toBe(200)
    return answer.json
  }
  const make = async (path: string, body: unknown) => {
    const answer = await ask('POST', path, body)
    expect(answer.status, `${path}: ${answer.text}`).toBe(201)
  }
  const root = () => running().root

  beforeAll(async () => {
    await make('/users', { id: 'boss', name: 'Boss', level: 3 })
    await make('/users', { '@odata.type': '#rel.Employee', id: 'ann', name: 'Ann', managerId: 'boss', salary: 5 })
    await make('/users', { id: 'bob', name: 'Bob', managerId: 'boss' })
    await make('/users', { id: 'cy', name: 'Cy', managerId: 'ann' })
    await make('/users', { id: 'lost', managerId: 'nobody' })
    await make('/badges', { number: 7, holderId: 'ann', colour: 'red' })
    for (const id of ['ann', 'bob'])
      for (const folder of ['a', 'b', 'c']) {
        await make(`/users('${id}')/folders`, { id: folder, title: `${folder} of ${id}`, size: folder === 'b' ? 9 : 1 })
        await make(`/users('${id}')/folders('${folder}')/messages`, { box: 'x', no: 1, subject: `${id} ${folder}` })
      }
    await make("/users('ann')/folders('a')/folders", { id: 'deep' })
    await make("/users('ann')/rel.Employee/tasks", { no: 1, text: 'do' })
    await ask('PUT', "/users('ann')/settings", { theme: 'dark' })
    await make('/orders', { id: 1 })
    for (let line = 1; line <= 3; line++) await make('/orders(1)/items', { line, product: `p${line}` })
    await make('/orders', { id: 2 })
  })

  it('expands a foreign key, null where nothing is related', async () => {
    const { value } = await get('/users?$expand=manager($select=name)&$select=id')
    expect(value.map(({ id, manager }) => [id, manager && (manager as Json).name])).toEqual([
      ['ann', 'Boss'],
      ['bob', 'Boss'],
      ['boss', null],
      ['cy', 'Ann'],
      ['lost', null],
    ])
  })

  it('expands collections with every option of their own', async () => {
    const boss = (await get("/users('boss')?$expand=reports($orderby=name desc;$select=id;$count=true)")) as Json
    expect(boss['reports@odata.count']).toBe(2)
    expect(boss.reports.map(({ id }) => id)).toEqual(['bob', 'ann'])
    expect(boss['@odata.context']).toBe(`${root()}/$metadata#users(reports(id))/$entity`)
    const all = await get(
      '/users?$expand=folders($filter=size gt 1 or id eq $this/id and startswith(title,%27c%27);$orderby=id desc;$top=2;$count=true)',
    )
    const of = (id: string) => all.value.find((user) => user.id === id)
    expect(of('ann')?.folders.map(({ title }) => title)).toEqual(['c of ann', 'b of ann'])
    expect(of('bob')?.['folders@odata.count']).toBe(2)
    expect(of('cy')?.folders).toEqual([])
    const skipped = await get('/users?$expand=folders($skip=1;$top=1)')
    expect(skipped.value.map(({ folders }) => folders.map(({ id }) => id))).toEqual([['b'], ['b'], [], [], []])
  })

  it('expands nested levels', async () => {
    const { value } = await get(
      '/users?$expand=folders($expand=messages($select=subject),folders),badge&$filter=level lt 3',
    )
    const ann = value.find(({ id }) => id === 'ann') as Json
    expect(ann.badge).toMatchObject({ number: 7 })
    expect(ann.folders.map(({ messages }) => (messages as Json[]).map(({ subject }) => subject))).toEqual([
      ['ann a'],
      ['ann b'],
      ['ann c'],
    ])
    expect(ann.folders[0]?.folders).toMatchObject([{ id: 'deep' }])
    expect(value.find(({ id }) => id === 'bob')?.badge).toBeNull()
  })

  it('follows $levels, max too', async () => {
    const one = await get("/users('boss')?$expand=reports($levels=2;$select=id)&$select=id")
    expect(one.reports).toMatchObject([
      { id: 'ann', reports: [{ id: 'cy' }] },
      { id: 'bob', reports: [] },
    ])
    expect(one.reports[0]?.reports[0]).not.toHaveProperty('reports')
    const max = await get("/users('cy')?$expand=manager($levels=max;$select=id)&$select=id")
    expect(max.manager).toMatchObject({ id: 'ann', manager: { id: 'boss', manager: null } })
    const deep = await ask('GET', "/users('cy')?$expand=manager($levels=6)")
    expect([deep.status, (deep.json.error as Json).message]).toEqual([400, expect.stringContaining('expandDepth')])
  })

  it('counts and refers', async () => {
    const { value } = await get('/orders?$expand=items/$count')
    expect(value).toMatchObject([
      { id: 1, 'items@odata.count': 3 },
      { id: 2, 'items@odata.count': 0 },
    ])
    expect(value[0]).not.toHaveProperty('items')
    const counted = await get('/orders(1)?$expand=items/$count($filter=line gt 1)')
    expect(counted['items@odata.count']).toBe(2)
    const refs = await get("/users('boss')?$expand=reports/$ref,manager/$ref")
    expect(refs.reports).toEqual([{ '@odata.id': `${root()}/users('ann')` }, { '@odata.id': `${root()}/users('bob')` }])
    expect(refs.manager).toBeNull()
    const single = await get("/users('ann')?$expand=manager/$ref")
    expect(single.manager).toEqual({ '@odata.id': `${root()}/users('boss')` })
  })

  it('reads references', async () => {
    expect(await get("/users('boss')/reports/$ref?$orderby=id desc&$count=true")).toEqual({
      '@odata.context': `${root()}/$metadata#Collection($ref)`,
      '@odata.count': 2,
      value: [{ '@odata.id': `${root()}/users('bob')` }, { '@odata.id': `${root()}/users('ann')` }],
    })
    expect(await get("/users('ann')/manager/$ref")).toEqual({
      '@odata.context': `${root()}/$metadata#$ref`,
      '@odata.id': `${root()}/users('boss')`,
    })
    expect((await get("/users('ann')/folders/$ref?$top=1")).value).toEqual([
      { '@odata.id': `${root()}/users('ann')/folders('a')` },
    ])
    expect((await ask('GET', "/users('boss')/manager/$ref")).status).toBe(204)
    expect((await ask('GET', "/users('nobody')/$ref")).status).toBe(404)
    expect((await get('/me/$ref'))['@odata.id']).toBe(`${root()}/me`)
  })

  it('expands what derived types declare, where a row is one', async () => {
    const { value } = await get('/users?$expand=rel.Employee/tasks,settings')
    const [ann, bob] = value as [Json, Json]
    expect(ann).toMatchObject({ tasks: [{ no: 1, text: 'do' }], settings: { theme: 'dark' } })
    expect(bob).not.toHaveProperty('tasks')
    expect(bob.settings).toBeNull()
    const cast = await get('/users?$expand=reports/rel.Employee($select=salary)&$filter=id eq %27boss%27')
    expect(cast.value[0]?.reports).toMatchObject([{ salary: 5 }])
  })

  it('expands everything with *', async () => {
    const order = await get('/orders(1)?$expand=*')
    expect((order.items as Json[]).length).toBe(3)
    const item = await get('/items(orderId=1,line=2)?$expand=*')
    expect(item.order).toMatchObject({ id: 1 })
  })

  it('cuts long collections with a link that leads on', async () => {
    await make('/users', { id: 'many' })
    for (let i = 0; i < 130; i++)
      await make('/users', { id: `m${String(i).padStart(3, '0')}`, managerId: 'many', level: i })
    for (const query of ["/users?$filter=id eq 'many' or id eq 'boss'&", "/users('many')?"]) {
      const answer = await get(
        `${query}$expand=reports($filter=level ge 10;$orderby=level desc;$select=id;$count=true)`,
      )
      const many = answer.value ? (answer.value.find(({ id }) => id === 'many') as Json) : answer
      expect(many['reports@odata.count']).toBe(120)
      const ids = many.reports.map(({ id }) => id)
      expect(ids).toHaveLength(100)
      let link = String(many['reports@odata.nextLink'])
      expect(link).toContain(`${root()}/users('many')/reports?`)
      while (link !== 'undefined') {
        const next = await get(link.slice(root().length))
        ids.push(...next.value.map(({ id }) => id))
        expect(Object.keys(next.value[0] ?? {}).filter((name) => !name.includes('@'))).toEqual(['id'])
        link = String(next['@odata.nextLink'])
      }
      expect(ids).toEqual(Array.from({ length: 120 }, (_, i) => `m${String(129 - i).padStart(3, '0')}`))
    }
    const cut = await get("/users('many')?$expand=reports($top=110)")
    expect(cut.reports).toHaveLength(100)
    const rest = await get(String(cut['reports@odata.nextLink']).slice(root().length))
    expect([rest.value.length, rest['@odata.nextLink']]).toEqual([10, undefined])
  })

  it('expands on pages, in what a change answers, behind navigation and singletons', async () => {
    let link: string | undefined = "/users?$expand=folders($select=id)&$filter=startswith(id,'m') eq false"
    const seen: unknown[] = []
    while (link !== undefined) {
      const page = await get(link, { Prefer: 'maxpagesize=2' })
      for (const { id, folders, 'folders@odata.nextLink': more } of page.value) {
        // the size is that of each collection, nested ones too: what is left of them has its own link
        const rest = more === undefined ? [] : (await get(String(more).slice(root().length))).value
        seen.push(`${id}:${folders.length + rest.length}`)
        expect(folders.length).toBeLessThanOrEqual(2)
      }
      link = (page['@odata.nextLink'] as string | undefined)?.slice(root().length)
    }
    expect(seen).toEqual(['ann:3', 'bob:3', 'boss:0', 'cy:0', 'lost:0'])
    const made = await ask('POST', '/users?$expand=manager($select=name)', { id: 'm-new', managerId: 'boss' })
    expect(made.json.manager).toMatchObject({ name: 'Boss' })
    const patched = await ask(
      'PATCH',
      "/users('m-new')?$expand=manager",
      { managerId: 'ann' },
      { Prefer: 'return=representation' },
    )
    expect(patched.json.manager).toMatchObject({ id: 'ann' })
    expect((await get("/users('cy')/manager?$expand=folders($top=1)")).folders).toMatchObject([{ id: 'a' }])
    expect((await get("/users('cy')/manager/folders?$expand=messages")).value).toHaveLength(3)
    expect((await get('/me?$expand=folders,manager,settings')).folders).toEqual([])
  })

  it('writes full metadata and 4.01 names', async () => {
    const full = await get('/orders(1)?$expand=items($top=1)', { Accept: 'application/json;odata.metadata=full' })
    expect(full).toMatchObject({
      'items@odata.navigationLink': `${root()}/orders(1)/items`,
      items: [{ '@odata.type': '#rel.Item', '@odata.id': `${root()}/items(orderId=1,line=1)` }],
    })
    const later = await get('/orders(1)?$expand=items/$count', { 'OData-MaxVersion': '4.01' })
    expect(later['items@count']).toBe(3)
    const none = await get('/orders(1)?$expand=items($count=true;$top=1)', {
      Accept: 'application/json;odata.metadata=none',
    })
    expect(Object.keys(none)).toEqual(['id', 'note', 'items@odata.count', 'items'])
  })

  it('refuses what it cannot do, by name', async () => {
    for (const [query, status, words] of [
      ['$expand=nothing', 400, 'nothing'],
      ['$expand=manager($filter=id eq %27x%27)', 400, '$filter'],
      ['$expand=reports($filter=id eq $it/manager/id)', 501, '$it'],
    ] as const) {
      const answer = await ask('GET', `/users?${query}`)
      expect([query, answer.status], answer.text).toEqual([query, status])
      expect((answer.json.error as Json).message).toContain(words)
    }
  })
})
