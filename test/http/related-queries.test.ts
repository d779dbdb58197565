import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown> & { value: Json[] }

onEveryService('filters and orders by related entities', 'test/models/relations.xml', {}, (running) => {
  const ask = async (path: string, headers?: Record<string, string>) => {
    const answer = await running().get(path, headers)
    const text = await answer.text()
    return { status: answer.status, text, json: (text.startsWith('{') ? JSON.parse(text) : {}) as Json }
  }
  const ids = async (path: string) => {
    const { status, text, json } = await ask(path)
    expect(status, `${path}: ${text}`).toBe(200)
    return json.value.map(({ id }) => id)
  }

  beforeAll(async () => {
    const make = async (path: string, body: unknown) => {
      const answer = await running().send('POST', path, body)
      expect(answer.status, `${path}: ${await answer.text()}`).toBe(201)
    }
    await make('/users', { id: 'boss', name: 'Zoe', level: 9 })
    await make('/users', { id: 'ann', name: 'Ann', level: 5, managerId: 'boss' })
    await make('/users', { id: 'bob', name: 'Bob', level: 4, managerId: 'boss' })
    await make('/users', { id: 'cy', name: 'Cy', level: 1, managerId: 'ann' })
    await make('/users', { id: 'di', name: 'Di', level: 2, managerId: 'ann' })
    await make('/badges', { number: 7, holderId: 'ann', colour: 'red' })
    await make('/badges', { number: 3, holderId: 'bob', colour: 'blue' })
    for (const [user, sizes] of [
      ['ann', [1, 5]],
      ['bob', [7]],
    ] as const)
      for (const size of sizes) {
        await make(`/users('${user}')/folders`, { id: `f${size}`, size })
        await make(`/users('${user}')/folders('f${size}')/messages`, { box: 'b', no: size, subject: `m${size}` })
      }
    await make('/orders', { id: 1 })
    await make('/orders', { id: 2 })
    for (const line of [1, 2, 3]) await make('/orders(1)/items', { line, product: `p${line}` })
  })

  describe('$filter', () => {
    it.each([
      ['manager/name eq %27Zoe%27', ['ann', 'bob']],
      ['manager/manager/id eq %27boss%27', ['cy', 'di']],
      ['manager eq null', ['boss']],
      ['manager/name ne null and level lt 5', ['bob', 'cy', 'di']],
      ['not (manager/level gt 5)', ['boss', 'cy', 'di']],
      ['badge/colour eq %27red%27 or id eq %27di%27', ['ann', 'di']],
      ['badge/holder/manager/id eq %27boss%27', ['ann', 'bob']],
      ['reports/any()', ['ann', 'boss']],
      ['reports/any(r:r/level gt 3)', ['boss']],
      ['reports/all(r:r/level gt 1)', ['bob', 'boss', 'cy', 'di']],
      ['reports/any(r:r/reports/any(s:s/level eq 2))', ['boss']],
      ['reports/any(r:r/level lt level)', ['ann', 'boss']],
      ['reports/$count eq 2 and level lt 9', ['ann']],
      ['reports/$count($filter=level gt 4) eq 1', ['boss']],
      ['folders/any(f:f/size gt 4)', ['ann', 'bob']],
      ['folders/any(f:f/messages/any(m:m/subject eq %27m1%27))', ['ann']],
      ['folders/$count gt 1', ['ann']],
      ['groups/any()', []],
      ['startswith(manager/name,%27A%27)', ['cy', 'di']],
      ['manager/name in (%27Ann%27,%27Bob%27)', ['cy', 'di']],
    ])('%s', async (filter, expected) => {
      expect(await ids(`/users?$filter=${filter}`)).toEqual(expected)
      expect((await ask(`/users/$count?$filter=${filter}`)).text).toBe(String(expected.length))
    })

    it('works behind navigation, and with a count before paging', async () => {
      expect(await ids("/users('boss')/reports?$filter=reports/any()")).toEqual(['ann'])
      const { json } = await ask('/users?$filter=manager/id ne null&$count=true&$top=1&$skip=1')
      expect([json['@odata.count'], json.value.map(({ id }) => id)]).toEqual([4, ['bob']])
      expect(await ids('/orders?$filter=items/any(i:i/line gt 2)')).toEqual([1])
    })
  })

  describe('$orderby', () => {
    it.each([
      ['manager/name,id', ['boss', 'cy', 'di', 'ann', 'bob']],
      ['manager/name desc,name desc', ['bob', 'ann', 'di', 'cy', 'boss']],
      ['reports/$count desc,id', ['ann', 'boss', 'bob', 'cy', 'di']],
      ['badge/number desc', ['ann', 'bob', 'boss', 'cy', 'di']],
    ])('%s', async (orderby, expected) => {
      expect(await ids(`/users?$orderby=${orderby}`)).toEqual(expected)
      const seen: unknown[] = []
      let link: string | undefined = `/users?$orderby=${orderby}`
      while (link !== undefined) {
        const { json } = await ask(link, { Prefer: 'maxpagesize=2' })
        seen.push(...json.value.map(({ id }) => id))
        link = (json['@odata.nextLink'] as string | undefined)?.slice(running().root.length)
      }
      expect(seen).toEqual(expected)
    })

    it('composes with $filter, $skip and $top', async () => {
      expect(await ids('/users?$orderby=manager/level desc,id&$filter=manager/id ne null&$skip=1&$top=2')).toEqual([
        'bob',
        'cy',
      ])
    })
  })

  describe('inside $expand', () => {
    const reports = async (options: string) => {
      const { status, text, json } = await ask(`/users?$select=id&$expand=reports($select=id;${options})`)
      expect(status, text).toBe(200)
      const found = json.value.map((row) => [row.id, (row.reports as Json[]).map(({ id }) => id)] as const)
      return Object.fromEntries(found.filter(([, of]) => of.length > 0))
    }
    it.each([
      ["$filter=badge/colour eq 'red'", { boss: ['ann'] }],
      ['$filter=reports/any()', { boss: ['ann'] }],
      ['$filter=reports/any(r:r/level eq 2) or badge/number eq 3', { boss: ['ann', 'bob'] }],
      ['$filter=manager/level gt 5 and level lt 5', { boss: ['bob'] }],
      ["$filter=not (manager/name eq 'Zoe')", { ann: ['cy', 'di'] }],
      ["$filter=manager/name eq 'Ann' and level gt $it/level", {}],
      ["$filter=manager/name eq 'Ann' and level lt $it/level;$skip=1", { ann: ['di'] }],
      ['$orderby=badge/number', { ann: ['cy', 'di'], boss: ['bob', 'ann'] }],
      ['$orderby=reports/$count desc,id desc;$top=1', { ann: ['di'], boss: ['ann'] }],
      ["$filter=manager/manager/id eq 'boss';$orderby=manager/name,level desc", { ann: ['di', 'cy'] }],
    ])('%s', async (options, expected) => expect(await reports(options)).toEqual(expected))

    it('works for contained entities, level by level, with the count before paging', async () => {
      const folders = await ask('/users?$select=id&$expand=folders($select=id;$filter=messages/any(m:m/no gt 4))')
      expect(folders.json.value.map(({ folders: found }) => (found as Json[]).map(({ id }) => id))).toEqual([
        ['f5'],
        ['f7'],
        [],
        [],
        [],
      ])
      const deep = await ask(
        "/users('boss')?$select=id&$expand=reports($select=id;$expand=reports($select=id;$count=true;$top=1;$filter=manager/name eq 'Ann'))",
      )
      expect((deep.json.reports as Json[]).map((row) => [row.id, row['reports@odata.count'], row.reports])).toEqual([
        ['ann', 2, [expect.objectContaining({ id: 'cy' })]],
        ['bob', 0, []],
      ])
    })

    it('gives the rest behind a link', async () => {
      const query =
        "/users('boss')?$select=id&$expand=reports($select=id;$orderby=badge/number;$filter=manager/name eq 'Zoe')"
      const { json } = await ask(query, { Prefer: 'maxpagesize=1' })
      expect((json.reports as Json[]).map(({ id }) => id)).toEqual(['bob'])
      const link = json['reports@odata.nextLink'] as string
      const rest = await ask(link.slice(running().root.length))
      expect(rest.json.value.map(({ id }) => id)).toEqual(['ann'])
    })

    it('takes parameter aliases that nested options assign, each inside its own only, in links too', async () => {
      const { json: all } = await ask(
        "/users?$filter=id eq @p&@p='boss'&@q=3&$select=id&$expand=reports($select=id;$filter=level gt @p and level gt @q;@p=4;$expand=reports($select=id;$filter=level lt @p and level ge @q;@q=1))",
        { Prefer: 'maxpagesize=1' },
      )
      const [json] = all.value as [Json]
      const [ann] = json.reports as [Json]
      expect([ann.id, (ann.reports as unknown as Json[]).map(({ id }) => id)]).toEqual(['ann', ['cy']])
      const rest = await ask((ann['reports@odata.nextLink'] as string).slice(running().root.length))
      expect([rest.status, rest.json.value?.map(({ id }) => id)]).toEqual([200, ['di']])
      expect(await ids('/users?$filter=reports/$count($filter=level ge @p;@p=4) eq @p&@p=2')).toEqual(['boss'])
    })

    it('counts in the answer to a deep insert, too', async () => {
      const path = '/users?$select=id&$expand=reports($select=id;$filter=manager/level eq 7)'
      const made = await running().send('POST', path, { id: 'eve', level: 7, folders: [{ id: 'f', size: 1 }] })
      const text = await made.text()
      expect([made.status, text]).toEqual([201, expect.stringContaining('"folders":')])
      expect(JSON.parse(text).reports).toEqual([])
      expect((await running().send('DELETE', "/users('eve')", undefined)).status).toBe(204)
    })

    it('of one entity, by key, is refused', async () => {
      const { status } = await ask("/users?$expand=manager($filter=badge/colour eq 'red')")
      expect([400, 501]).toContain(status)
    })
  })

  it('pages a filter by related entities', async () => {
    const seen: unknown[] = []
    let link: string | undefined = '/users?$filter=manager/id ne null&$orderby=level'
    while (link !== undefined) {
      const { json } = await ask(link, { Prefer: 'maxpagesize=3' })
      seen.push(...json.value.map(({ id }) => id))
      link = (json['@odata.nextLink'] as string | undefined)?.slice(running().root.length)
    }
    expect(seen).toEqual(['cy', 'di', 'bob', 'ann'])
  })

  it('follows navigation from inside complex values', async () => {
    const send = running().send
    await send('POST', '/countries', { id: 39, code: 'IT', name: 'Italy' })
    await send('POST', '/countries', { id: 44, code: 'GB', name: 'Britain' })
    await send('PATCH', "/users('ann')", { home: { countryCode: 'IT' } })
    await send('PATCH', "/users('bob')", { home: { countryCode: 'GB' } })
    await send('POST', "/users('bob')/home/sights", { name: 'Big Ben', stars: 4 })
    expect(await ids('/users?$filter=home/country/name eq %27Italy%27')).toEqual(['ann'])
    expect(await ids('/users?$filter=home/sights/any(s:s/stars ge 4)')).toEqual(['bob'])
    expect(await ids('/users?$filter=reports/any(r:r/home/country/id eq 44)')).toEqual(['boss'])
    expect(await ids('/users?$orderby=home/country/name desc,id&$top=2')).toEqual(['ann', 'bob'])
  })
})
