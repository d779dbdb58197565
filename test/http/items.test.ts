import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, makePeople } from '../support/url-people.ts'

onEveryService('collections in properties', 'test/models/urls.xml', {}, (running) => {
  const { ask, get, values, ids } = asking(running)
  beforeAll(() => makePeople(running))
  const ann = "/people('ann')"

  it.each([
    ['tags', ['red', 'blue', 'green', 'red']],
    ["tags?$filter=startswith($it,'g') or $this eq 'blue'", ['blue', 'green']],
    ['tags?$orderby=$it desc', ['red', 'red', 'green', 'blue']],
    ['tags?$orderby=length($it),$it desc&$skip=1&$top=2', ['red', 'blue']],
    ['tags?$skip=3', ['red']],
    ['tags?$top=0', []],
    ['scores?$filter=$it gt 3&$orderby=$it', [5, 8]],
    ['scores?$filter=($it add 1) in (4,9)', [3, 8]],
    ["tags/$filter(@t)?@t=$it ne 'red'&$orderby=$it", ['blue', 'green']],
    ["tags/$filter($it%20ne%20'red')/$filter(@b)?@b=$this ne 'blue'", ['green']],
  ])('%s', async (path, expected) => {
    expect(await values(`${ann}/${path}`)).toEqual(expected)
  })

  it('chooses complex values: $filter, $orderby, $select, $count, casts', async () => {
    const found = await get(
      `${ann}/addresses?$filter=zip gt 100 and lines/any()&$orderby=city desc&$select=city&$count=true`,
    )
    expect(found['@odata.count']).toBe(2)
    expect(found.value).toEqual([{ '@odata.type': '#u.WorkAddress', city: 'Rome' }, { city: 'Berlin' }])
    expect(found['@odata.context']).toBe(`${running().root}/$metadata#people('ann')/addresses(city)`)
    expect(await values(`${ann}/addresses/u.WorkAddress?$filter=desk eq 'D4'&$select=desk`)).toMatchObject([
      { desk: 'D4' },
    ])
    expect(
      await values(`${ann}/addresses?$compute=zip mul 2 as double&$filter=double lt 400&$select=city`),
    ).toMatchObject([{ city: 'Oslo' }, { city: 'Rome' }])
    expect(await values("/people('bob')/tags")).toEqual([])
    expect(await get(`${ann}/scores?$count=true&$top=1`, { 'OData-MaxVersion': '4.01' })).toMatchObject({
      '@count': 3,
      value: [5],
    })
  })

  it('counts', async () => {
    for (const [path, count] of [
      ['tags/$count', '4'],
      ["tags/$count?$filter=$it eq 'red'", '2'],
      ['addresses/$count?$filter=zip lt 1000', '2'],
      ['addresses/u.WorkAddress/$count', '1'],
      ['addresses/$filter(@z)/$count?@z=zip gt 10000', '1'],
      ['home/lines/$count', '2'],
    ]) {
      const { status, text, headers } = await ask(`${ann}/${path}`)
      expect([status, text], path).toEqual([200, count])
      expect(headers.get('content-type')).toBe('text/plain;charset=utf-8')
    }
    expect((await ask("/people('no')/tags/$count")).status).toBe(404)
    expect((await ask(`${ann}/tags/$count?$top=1`)).json.error.target).toBe('$top')
    expect((await ask(`${ann}/tags/$count`, { Accept: 'application/json' })).status).toBe(406)
    const etag = (await ask(`${ann}/tags`)).headers.get('etag') ?? ''
    expect((await ask(`${ann}/tags/$count`, { 'If-None-Match': etag })).status).toBe(304)
    expect((await running().send('HEAD', `${ann}/tags?$top=1`, undefined)).status).toBe(200)
  })

  describe('positions in ordered collections', () => {
    it('are segments', async () => {
      expect(await get(`${ann}/tags/1`)).toMatchObject({
        '@odata.context': `${running().root}/$metadata#people('ann')/tags/1`,
        value: 'blue',
      })
      expect((await get(`${ann}/tags/-2`)).value).toBe('green')
      expect((await ask(`${ann}/tags/0/$value`)).text).toBe('red')
      expect(await get(`${ann}/addresses/-1`)).toMatchObject({ '@odata.type': '#u.WorkAddress', city: 'Rome' })
      expect(await get(`${ann}/addresses/0?$select=zip`)).toEqual({
        '@odata.context': `${running().root}/$metadata#people('ann')/addresses/0(zip)`,
        zip: 10115,
      })
      expect((await get(`${ann}/addresses/0/city`)).value).toBe('Berlin')
      expect(await values(`${ann}/addresses/0/lines?$filter=contains($it,'Tor')`)).toEqual(['Tor 1'])
      expect((await get(`${ann}/addresses/2/u.WorkAddress/desk`)).value).toBe('D4')
      expect((await get(`${ann}/addresses/1/country`)).name).toBe('Norway')
    })

    it('are operands', async () => {
      expect(await ids("/people?$filter=tags/0 eq 'red'")).toEqual(['ann'])
      expect(await ids("/people?$filter=addresses/-1/city eq 'Oslo'")).toEqual(['bob'])
      expect(await ids('/people?$filter=addresses/5/city eq null and tags/9 eq null')).toEqual(['ann', 'bob', 'cy'])
      expect(await ids('/people?$orderby=addresses/0/zip desc,id')).toEqual(['ann', 'bob', 'cy'])
      expect((await ask('/people?$filter=scores/0 eq 1')).json.error.message).toContain('Core.Ordered')
    })

    it('are there or not', async () => {
      for (const path of ['tags/4', 'tags/-5', 'addresses/3', 'addresses/3/city', 'scores/0', 'tags/x'])
        expect((await ask(`${ann}/${path}`)).status, path).toBe(404)
      expect((await ask(`${ann}/scores/0`)).json.error.message).toContain('Core.Ordered')
    })
  })

  it('searches collections of texts and of complex values', async () => {
    expect((await ask(`${ann}/tags?$search=red&$count=true`)).json).toMatchObject({
      '@odata.count': 2,
      value: ['red', 'red'],
    })
    expect((await ask(`${ann}/addresses?$search=oslo OR d4&$select=city&$orderby=zip`)).json.value).toMatchObject([
      { city: 'Oslo' },
      { city: 'Rome' },
    ])
    expect((await ask(`${ann}/addresses/$count?$search=NOT hof`)).text).toBe('2')
    expect((await ask(`${ann}/scores?$search=5`)).json.value).toEqual([])
  })

  it('refuses what means nothing', async () => {
    for (const [path, target] of [
      ['tags?$select=x', '$select'],
      ['home?$filter=true', '$filter'],
      ['addresses/0?$top=1', '$top'],
      ['tags?$skiptoken=x', '$skiptoken'],
      ['tags?$filter=nothing', '$filter'],
      ['tags?$index=1', '$index'],
      ['tags/$filter(@x)?@x=1', '$filter(@x)'],
    ] as const) {
      const { status, json } = await ask(`${ann}/${path}`)
      expect([status, json.error.target], path).toEqual([400, target])
    }
    expect((await ask(`${ann}/addresses?$filter=country/name eq 'x'`)).status).toBe(501)
  })
})
