import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, type Json, makePeople } from '../support/url-people.ts'

onEveryService('$compute selected', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values } = asking(running)
  beforeAll(async () => {
    await makePeople(running)
    expect((await running().send('PATCH', '/chief', { name: 'Eve', friendId: 'ann' })).status).toBeLessThan(300)
  })
  const bare = ({ '@odata.context': _, '@odata.id': __, '@odata.etag': ___, '@odata.type': ____, ...rest }: Json) =>
    rest

  it.each([
    ["/people('ann')?$compute=tolower(name) as n&$select=name,n", '#people(name,n)/$entity', { name: 'Ann', n: 'ann' }],
    ["/people/ann?$compute=tolower(name) as n,concat(n,'!') as m&$select=m", '#people(m)/$entity', { m: 'ann!' }],
    [
      "/people('ann')?$compute=age div 7 as d,uid as u,null as z&$select=d,u,z",
      '#people(d,u,z)/$entity',
      { d: 4, 'd@odata.type': '#Int64', 'u@odata.type': '#Guid', u: '21ec2020-3aea-1069-a2dd-08002b30309d', z: null },
    ],
    ["/people('bob')/friend?$compute=age add @p as a&$select=a&@p=2", '#people(a)/$entity', { a: 32 }],
    ['/chief?$compute=toupper(name) as n&$select=n', '#chief(n)', { n: 'EVE' }],
    // navigation, one and many
    ['/chief?$compute=friend/name as f,friend/fans/$count as c&$select=f,c', '#chief(f,c)', { f: 'Ann', c: 2 }],
    [
      "/people('ann')?$compute=friend/name as f,fans/any(x:x/age gt 40) as o&$select=id,f,o",
      '#people(id,f,o)/$entity',
      { id: 'ann', f: null, o: true },
    ],
    // structured values, collections, dynamic values
    [
      "/people('bob')?$compute=home as h,tags as t&$select=h,t",
      '#people(h,t)/$entity',
      { h: { '@odata.type': '#u.WorkAddress', city: 'Rome', zip: 184, desk: 'D4' }, t: [] },
    ],
    // a dynamic property is of no declared type: structured values say theirs
    ["/people('ann')?$compute=home as h&$select=h", undefined, { h: { '@odata.type': '#u.Address' } }],
    ["/people('bob')?$compute=friend as f&$select=f", undefined, { f: { '@odata.type': '#u.Person', id: 'ann' } }],
    ["/people('bob')/u.Employee?$compute=badge as b,salary mul 2 as s&$select=b,s", undefined, { b: 'B7', s: 21 }],
    ["/$entity?$id=people('cy')&$compute=age add 1 as next&$select=next", undefined, { next: 13 }],
  ])('of one entity: %s', async (path, context, expected) => {
    const found = await get(path)
    if (context !== undefined) expect(found['@odata.context']).toBe(`${running().root}/$metadata${context}`)
    expect(found).toMatchObject(expected)
    const asked = path.split('$select=')[1]?.split('&')[0]?.split(',')
    expect(Object.keys(bare(found)).filter((name) => !name.includes('@'))).toEqual(expect.arrayContaining(asked ?? []))
    expect(Object.keys(bare(found)).filter((name) => !name.includes('@'))).toHaveLength(asked?.length ?? 0)
  })

  it('of one entity with a star, beside $expand, without $select, and in other metadata levels', async () => {
    const star = await get("/people('cy')?$compute=age add 1 as next&$select=*&$expand=friend($select=id)")
    expect(star).toMatchObject({ id: 'cy', age: 12, next: 13, friend: { id: 'ann' } })
    expect(await get("/people('cy')?$compute=age add 1 as next")).not.toHaveProperty('next')
    const none = await get(
      "/people('cy')?$compute=age add 1 as n&$select=n&$format=application/json;odata.metadata=none",
    )
    expect(none).toEqual({ n: 13 })
    const full = await get(
      "/people('cy')?$compute=age add 1 as n&$select=n&$format=application/json;odata.metadata=full",
    )
    expect(full).toMatchObject({ 'n@odata.type': '#Int64', n: 13 })
  })

  it('keeps entity tags, and 404 and 204 where nobody is', async () => {
    const { headers } = await ask("/people('ann')?$compute=age add 1 as n&$select=n")
    const again = await ask("/people('ann')?$compute=age add 1 as n&$select=n", {
      'If-None-Match': headers.get('etag') ?? '',
    })
    expect(again.status).toBe(304)
    expect((await ask("/people('nobody')?$compute=age add 1 as n&$select=n")).status).toBe(404)
    expect((await ask("/people('ann')/friend?$compute=age add 1 as n&$select=n")).status).toBe(204)
  })

  it('of the answers to changes', async () => {
    const prefer = { Prefer: 'return=representation' }
    const made = await running().send(
      'POST',
      '/people?$compute=age add 1 as next,friend/name as f&$select=id,next,f',
      { id: 'dora', age: 7, addresses: [], friendId: 'bob' },
      prefer,
    )
    expect([made.status, await made.json()]).toMatchObject([201, { id: 'dora', next: 8, f: 'Bob' }])
    const changed = await running().send(
      'PATCH',
      "/people('dora')?$compute=age add 1 as next&$select=next",
      { age: 8 },
      prefer,
    )
    expect([changed.status, await changed.json()]).toMatchObject([200, { next: 9 }])
    expect((await running().send('DELETE', "/people('dora')", undefined)).status).toBe(204)
  })

  it('of pages, in an order that it defines and by way of navigation', async () => {
    const url = '/people?$compute=friend/name as f,age mod 10 as r&$select=id,f,r&$orderby=r desc,id'
    const seen: Json[] = []
    for (let next: string | undefined = url; next !== undefined; ) {
      const page: Json = await get(next.replace(running().root, ''), { Prefer: 'maxpagesize=1' })
      expect(page.value).toHaveLength(1)
      seen.push(...page.value)
      next = page['@odata.nextLink'] as string | undefined
    }
    expect(seen.map(({ id, f, r }) => [id, f, r])).toEqual([
      ['cy', 'Ann', 2],
      ['bob', 'Ann', 1],
      ['ann', null, 0],
    ])
    expect((await values(url)).map(bare)).toEqual(seen.map(bare))
  })

  it('names what it cannot: of a property', async () => {
    const { status, json } = await ask("/people('ann')/home?$compute=zip add 1 as z&$select=z")
    expect([status, json.error.message]).toEqual([501, expect.stringContaining('(z) of a property')])
    const twice = await ask("/people('ann')?$compute=age as name&$select=name")
    expect([twice.status, twice.json.error.message]).toEqual([400, expect.stringContaining("'name'")])
    // of a type that some of the rows are of
    for (const query of ['$compute=age as salary&$select=salary', '$apply=compute(age as salary)']) {
      const derived = await ask(`/people?${query}`)
      expect([derived.status, derived.json.error.message]).toEqual([400, expect.stringContaining("'salary'")])
    }
  })
})
