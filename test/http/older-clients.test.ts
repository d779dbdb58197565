import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, makePeople } from '../support/url-people.ts'

/** What older clients send is taken where it can mean only one thing; what goes out is the standard's form. */

onEveryService('forms of older clients', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, ids } = asking(running)
  beforeAll(() => makePeople(running))
  const v4 = { 'OData-MaxVersion': '4.0' }

  it.each([
    ['numeric suffix L', '$filter=age eq 30L', ['ann']],
    ['numeric suffix l', '$filter=age in (12l,30l)', ['ann', 'cy']],
    ['numeric suffix m', '$filter=weight eq 1.5m', ['ann']],
    ['numeric suffix M of a Decimal', '$filter=u.Employee/salary eq 10.50M', ['bob']],
    ['numeric suffix f', '$filter=weight eq 1.5f', ['ann']],
    ['numeric suffix d', '$filter=weight eq 1.5d', ['ann']],
    ["datetimeoffset'...'", "$filter=since eq datetimeoffset'2020-01-02T03:04:05Z'", ['ann']],
    ["guid'...'", "$filter=uid eq guid'21EC2020-3AEA-1069-A2DD-08002B30309D'", ['ann']],
    ['quoted type in isof', "$filter=isof('u.Employee')", ['bob']],
    ['quoted type in cast', "$filter=cast(age,'Edm.String') eq '30'", ['ann']],
    ['integer for an enumeration', '$filter=rank eq 2', ['ann']],
    ['text for an enumeration', "$filter=rank eq 'Low'", ['bob']],
    ['integer text for an enumeration', "$filter=rank eq u.Rank'2'", ['ann']],
    ['equality of binary values', "$filter=print eq binary'T0RhdGE='", ['ann']],
    ['unpadded base64', "$filter=print eq binary'T0RhdGE'", ['ann']],
    ['names of operators in any case', "$filter=name EQ 'Ann' OR age Gt 40", ['ann', 'bob']],
    ['names of functions in any case', "$filter=StartsWith(name,'A')", ['ann']],
    ['$apply in any case', '$apply=FILTER(age gt 20)/Concat(identity,Top(0))', ['ann', 'bob']],
    ['form-encoded blanks and dollars', '%24filter=name+eq+%27Ann%27', ['ann']],
    ['options in any case', '$Filter=age eq 30&$OrderBy=id', ['ann']],
    ['options without $', 'filter=age eq 30', ['ann']],
    [
      'a navigation property with $levels that does not lead to itself',
      '$filter=age eq 30&$expand=fans($levels=2)',
      ['ann'],
    ],
  ])('%s: %s', async (_, query, expected) => {
    expect(await ids(`/people?${query}`)).toEqual(expected)
  })

  it.each([
    ['in', '$filter=age in (30,41)', ['ann', 'bob']],
    ['functions', '$filter=hassubset(tags,["red"])', ['ann']],
    ['matchesPattern', "$filter=matchesPattern(name,'^A')", ['ann']],
    ['divby', '$filter=age divby 20 eq 1.5', ['ann']],
    ['$compute', '$compute=age add 1 as next&$filter=next eq 31', ['ann']],
    ['$apply', '$apply=filter(age gt 40)', ['bob']],
    ['names without $ are custom options', 'filter=age eq 30', ['ann', 'bob', 'cy']],
  ])('takes 4.01 under 4.0: %s', async (_, query, expected) => {
    expect(await ids(`/people?${query}`, v4)).toEqual(expected)
  })

  it('takes integers for enumerations, unpadded and plain base64 and `odata.` names in bodies, and writes the standard form', async () => {
    const sent = { id: 'old', rank: 2, print: '+/8', '@odata.type': 'u.Person', addresses: [] }
    const made = await running().send('POST', '/people', sent)
    expect(made.status, await made.clone().text()).toBe(201)
    expect(await made.json()).toMatchObject({ rank: 'High', print: '-_8=' })
    expect(await get("/people('old')/print")).toMatchObject({ value: '-_8=' })
    expect((await running().send('DELETE', "/people('old')", undefined)).status).toBe(204)
  })

  it('writes ETags at minimal metadata, and the rows of topcount in the order of the measure', async () => {
    expect((await get("/people('ann')"))['@odata.etag']).toMatch(/^W\/"/)
    expect(await ids('/people?$apply=topcount(2,age)')).toEqual(['bob', 'ann'])
  })

  it.each([
    ["$filter=since eq datetime'2020-01-02T03:04:05'", "'datetime'"],
    ["$filter=substringof('n',name)", "'substringof'"],
    ['$inlinecount=allpages', "'$inlinecount'"],
  ])('refuses what could mean more than one thing: %s', async (query, quoted) => {
    const { status, json } = await ask(`/people?${query}`)
    expect([status, json.error.message]).toEqual([400, expect.stringContaining(quoted)])
  })
})

describe('outputs that are off by default', () => {
  const settings = { protocol: { alwaysId: true, nextLinkAfterTop: true, upsert: false, unpaddedBinary: true } }
  onEveryService('one option each', 'test/models/urls.xml', settings, (running) => {
    const { ask, get, ids } = asking(running)
    beforeAll(() => makePeople(running))

    it('writes the id of every entity at minimal metadata, expanded ones too', async () => {
      const found = await get('/people?$expand=friend($select=name)&$filter=friendId ne null&$top=1&$select=name')
      const friend = { '@odata.id': `${running().root}/people('ann')`, '@odata.etag': 'W/"1"', name: 'Ann' }
      expect(found.value).toMatchObject([{ '@odata.id': `${running().root}/people('bob')`, friend }])
      const none = await get("/people('ann')?$select=id", { Accept: 'application/json;odata.metadata=none' })
      expect(none).toEqual({ id: 'ann' })
    })

    it.each(['$orderby=age', '$apply=filter(age gt 0)&$orderby=age'])(
      'goes on where only $top cut the answer: %s',
      async (query) => {
        const seen: unknown[] = []
        let next: string | undefined = `/people?$top=2&${query}`
        for (let page = 0; next !== undefined && page < 5; page++) {
          const found: Awaited<ReturnType<typeof get>> = await get(next)
          seen.push(found.value.map(({ id }) => id))
          next = (found['@odata.nextLink'] as string | undefined)?.slice(running().root.length)
        }
        expect(seen).toEqual([['cy', 'ann'], ['bob']])
        expect(await get(`/people?$top=0&${query}`)).not.toHaveProperty(['@odata.nextLink'])
        expect(await ids(`/people?$top=2&$skip=2&${query}`)).toEqual(['bob'])
      },
    )

    it('creates nothing by PATCH and PUT, but for a singleton', async () => {
      for (const method of ['PATCH', 'PUT'])
        expect((await running().send(method, "/people('new')", { name: 'N' })).status).toBe(404)
      expect((await ask("/people('new')")).status).toBe(404)
      expect((await running().send('PATCH', '/chief', { name: 'C' })).status).toBeLessThan(300)
      expect((await get('/chief')).name).toBe('C')
    })

    it('writes Binary unpadded', async () => {
      const made = await running().send('POST', '/people', { id: 'bin', print: 'T0RhdA==', addresses: [] })
      expect(await made.json()).toMatchObject({ print: 'T0RhdA' })
      expect((await get("/people('bin')/print")).value).toBe('T0RhdA')
      expect(await ids("/people?$filter=print eq binary'T0RhdA=='")).toEqual(['bin'])
      await running().send('DELETE', "/people('bin')", undefined)
    })
  })
})
