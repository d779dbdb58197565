import { beforeAll, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, type Json, makePeople } from '../support/url-people.ts'

onEveryService('$expand: $it, $compute, complex values', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values } = asking(running)
  beforeAll(() => makePeople(running))
  /** id of each person, and the ids of what is expanded */
  const related = async (query: string, name: string) =>
    (await values(`/people?$select=id&${query}`)).map((row) => {
      const found = row[name] as Json[] | Json | null
      return [row.id, Array.isArray(found) ? found.map(({ id }) => id) : found?.id]
    })

  it.each([
    [
      '$expand=fans($filter=age lt $it/age)',
      [
        ['ann', ['cy']],
        ['bob', []],
        ['cy', []],
      ],
    ],
    [
      '$expand=fans($filter=age gt $it/age and id ne $it/id)',
      [
        ['ann', ['bob']],
        ['bob', []],
        ['cy', []],
      ],
    ],
    [
      "$expand=fans($filter=$it/tags/any(t:t eq 'red'))",
      [
        ['ann', ['bob', 'cy']],
        ['bob', []],
        ['cy', []],
      ],
    ],
    [
      '$expand=fans($filter=home/city ne $it/home/city;$orderby=age sub $it/age)',
      [
        ['ann', ['cy', 'bob']],
        ['bob', []],
        ['cy', []],
      ],
    ],
    [
      '$expand=fans($filter=tags/any(t:t eq $it/id))',
      [
        ['ann', []],
        ['bob', []],
        ['cy', []],
      ],
    ],
    ['$expand=fans($filter=rank eq $it/friend/rank)', 501],
    ['$expand=fans($filter=isof($it,u.Employee))', 501],
  ])('looks at the outermost row: %s', async (query, expected) => {
    if (typeof expected === 'number') {
      const { status, json } = await ask(`/people?${query}`)
      expect([status, json.error.message, json.error.target]).toEqual([501, expect.stringContaining('$it'), '$expand'])
    } else expect(await related(query, 'fans')).toEqual(expected)
  })

  it('looks at the outermost row from below, and counts by it', async () => {
    const deep = await values('/people?$select=id&$expand=friend($expand=fans($filter=id eq $it/id;$select=id))')
    expect(deep.map(({ friend }) => friend && ((friend as Json).fans as Json[]).map(({ id }) => id))).toEqual([
      null,
      ['bob'],
      ['cy'],
    ])
    const counts = await values('/people?$select=id&$expand=fans/$count($filter=age lt $it/age)')
    expect(counts.map((row) => row['fans@odata.count'])).toEqual([1, 0, 0])
    // pages of it would have no URL: it is given whole
    const whole = await get("/people('ann')?$expand=fans($filter=id ne $it/id)", { Prefer: 'maxpagesize=1' })
    expect(whole.fans).toHaveLength(2)
    expect(whole).not.toHaveProperty(['fans@odata.nextLink'])
  })

  it('calculates in nested options', async () => {
    const fans = async (options: string, of = "people('ann')") =>
      ((await get(`/${of}?$expand=fans(${options})`)).fans as Json[]).map(
        ({ '@odata.id': _, '@odata.type': __, '@odata.etag': ___, ...rest }) => rest,
      )
    expect(await fans('$compute=age mul 2 as twice;$filter=twice gt 30;$orderby=twice desc;$select=id')).toEqual([
      { id: 'bob' },
    ])
    expect(
      await fans("$compute=age sub $it/age as older,concat(name,'!') as loud;$select=id,older,loud;$orderby=older"),
    ).toEqual([
      { id: 'cy', 'older@odata.type': '#Int64', older: -18, loud: 'Cy!' },
      { id: 'bob', 'older@odata.type': '#Int64', older: 11, loud: 'Bob!' },
    ])
    expect(
      (await fans('$compute=age mul 2 as twice;$select=*;$orderby=age')).map(({ id, twice }) => [id, twice]),
    ).toEqual([
      ['cy', 24],
      ['bob', 82],
    ])
    const one = await get(
      "/people('bob')?$select=id&$expand=friend($compute=age div 7 as d,uid as u,null as n;$select=d,u,n)",
    )
    expect(one['@odata.context']).toBe(`${running().root}/$metadata#people(id,friend(d,u,n))/$entity`)
    expect(one.friend).toMatchObject({
      d: 4,
      'u@odata.type': '#Guid',
      u: '21ec2020-3aea-1069-a2dd-08002b30309d',
      n: null,
    })
    // structured and dynamic values, whole
    expect(await fans('$compute=home as h,u.Employee/badge as b;$orderby=id;$select=h,b')).toMatchObject([
      { h: { '@odata.type': '#u.WorkAddress', city: 'Rome', lines: ['Via'] }, b: 'B7' },
      { h: null, b: null },
    ])
  })

  it('expands by way of complex properties', async () => {
    const found = await values('/people?$select=id,home/city&$expand=home/country($select=name),friend($select=id)')
    expect(found).toMatchObject([
      { id: 'ann', home: { city: 'Berlin', country: { name: 'Germany' } }, friend: null },
      { id: 'bob', home: { '@odata.type': '#u.WorkAddress', city: 'Rome', country: null }, friend: { id: 'ann' } },
      { id: 'cy', home: null },
    ])
    expect(found[0]?.home).not.toHaveProperty('zip')
    // what is not selected is written for what is expanded in it only
    expect(await values("/people?$select=id&$expand=home/country&$filter=id eq 'ann'")).toMatchObject([
      { id: 'ann', home: { country: { code: 'de', name: 'Germany' } } },
    ])
    expect(await values('/people?$select=id&$expand=home/u.WorkAddress/country&$filter=age gt 20')).toMatchObject([
      { id: 'ann' },
      { id: 'bob', home: { country: null } },
    ])
    const refs = await get("/people('ann')?$select=id&$expand=home/country/$ref")
    expect((refs.home as Json).country).toEqual({ '@odata.id': `${running().root}/countries('de')` })
    const full = await get("/people('ann')?$select=home&$expand=home/country", {
      Accept: 'application/json;odata.metadata=full',
    })
    expect((full.home as Json).country).toMatchObject({ '@odata.type': '#u.Country', code: 'de' })
  })

  it('expands of complex values', async () => {
    expect(await get("/people('ann')/home?$expand=country($select=name)&$select=city")).toEqual({
      '@odata.context': `${running().root}/$metadata#people('ann')/home(city,country(name))`,
      city: 'Berlin',
      country: { '@odata.id': `${running().root}/countries('de')`, '@odata.etag': 'W/"1"', name: 'Germany' },
    })
    expect(await get("/people('bob')/home/u.WorkAddress?$expand=country&$select=desk")).toMatchObject({
      desk: 'D4',
      country: null,
    })
    expect((await ask("/people('cy')/home?$expand=country")).status).toBe(204)
  })

  it('expands in collections of complex values, item by item', async () => {
    const countries = (rows: readonly Json[]) =>
      rows.map(({ addresses }) =>
        (addresses as Json[]).map(({ country }) => (country as Json | null | undefined)?.name),
      )
    const found = await values('/people?$select=id&$expand=addresses/country($select=name)')
    expect(countries(found)).toEqual([['Germany', 'Norway', undefined], ['Norway'], []])
    expect(found[0]?.addresses).toMatchObject([
      { country: { '@odata.id': `${running().root}/countries('de')`, name: 'Germany' } },
      { country: { name: 'Norway' } },
      { '@odata.type': '#u.WorkAddress', country: null },
    ])
    const [ofAnn = []] = found.map(({ addresses }) => addresses as Json[])
    expect(ofAnn[0]).not.toHaveProperty('city')
    const whole = await get("/people('ann')?$expand=addresses/country,home/country,fans($expand=addresses/country)")
    expect(whole.home).toMatchObject({ city: 'Berlin', country: { name: 'Germany' } })
    expect(countries([whole, ...(whole.fans as Json[])])).toEqual([['Germany', 'Norway', undefined], ['Norway'], []])
    // a cast leaves the items of other types without it
    const cast = await get("/people('ann')?$expand=addresses/u.WorkAddress/country")
    expect((cast.addresses as Json[]).map((item) => 'country' in item)).toEqual([false, false, true])
    const refs = await get("/people('bob')?$expand=addresses/country/$ref&$select=addresses/city")
    expect(refs.addresses).toEqual([{ city: 'Oslo', country: { '@odata.id': `${running().root}/countries('no')` } }])
    const full = await get("/people('bob')?$expand=addresses/country", {
      Accept: 'application/json;odata.metadata=full',
    })
    expect(full.addresses).toMatchObject([{ '@odata.type': '#u.Address', country: { '@odata.type': '#u.Country' } }])
  })

  it('expands of the items of a collection, and of one of them', async () => {
    const some = '$filter=zip lt 1000&$orderby=zip desc&$select=city&$expand=country($select=name)'
    expect(await get(`/people('ann')/addresses?${some}`)).toEqual({
      '@odata.context': `${running().root}/$metadata#people('ann')/addresses(city,country(name))`,
      value: [
        { '@odata.type': '#u.WorkAddress', city: 'Rome', country: null },
        {
          city: 'Oslo',
          country: { '@odata.id': `${running().root}/countries('no')`, '@odata.etag': 'W/"1"', name: 'Norway' },
        },
      ],
    })
    expect(await values("/people('ann')/addresses/u.WorkAddress?$expand=country")).toMatchObject([
      { city: 'Rome', country: null },
    ])
    expect(await get("/people('ann')/addresses/-2?$expand=country")).toMatchObject({
      city: 'Oslo',
      country: { name: 'Norway' },
    })
  })

  it.each([
    ['/people?$select=addresses($top=1)&$expand=addresses/country', 501, 'addresses'],
    ['/people?$expand=addresses/country,addresses/country', 400, 'twice'],
    ['/people?$expand=home/country,home/u.WorkAddress/country', 400, 'twice'],
    ['/people?$expand=addresses/country&$deltatoken=latest', 501, 'collection of complex'],
    ['/people?$expand=addresses/0/country', 400, "'0'"],
    ['/people?$expand=addresses', 400, 'navigation property'],
    ["/people?$filter=addresses/any(a:a/country/name eq 'x')", 501, 'country'],
  ])('refuses by name: %s', async (path, status, message) => {
    const found = await ask(path)
    expect([found.status, found.json.error.message]).toEqual([status, expect.stringContaining(message)])
  })

  it('pages what is expanded, references and parameter aliases too', async () => {
    const walk = async (first: string): Promise<unknown[]> => {
      const seen: unknown[] = []
      const page = await get(first, { Prefer: 'maxpagesize=1' })
      seen.push(...(page.fans as Json[]))
      let next = page['fans@odata.nextLink'] as string | undefined
      while (next !== undefined) {
        const more: Json = await get(next.slice(running().root.length), { Prefer: 'maxpagesize=1' })
        seen.push(...more.value)
        next = more['@odata.nextLink'] as string | undefined
      }
      return seen
    }
    const ids = (found: unknown[]) => (found as Json[]).map(({ id }) => id)
    expect(ids(await walk("/people('ann')?$expand=fans($orderby=age;$select=id)"))).toEqual(['cy', 'bob'])
    expect(ids(await walk("/people('ann')?$expand=fans($filter=age gt @a)&@a=1"))).toEqual(['bob', 'cy'])
    expect(ids(await walk("/people('ann')?$expand=fans($filter=age gt @a)&%40a=20"))).toEqual(['bob'])
    expect(await walk("/people('ann')?$expand=fans/$ref")).toEqual([
      { '@odata.id': `${running().root}/people('bob')` },
      { '@odata.id': `${running().root}/people('cy')` },
    ])
  })
})
