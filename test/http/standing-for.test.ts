import { beforeAll, describe, expect, it } from 'vitest'
import { onEveryService } from '../support/running-service.ts'
import { asking, makePeople } from '../support/url-people.ts'

onEveryService('requests that stand for others', 'test/models/urls.xml', { limits: { pageSize: 2 } }, (running) => {
  const { ask, get, ids } = asking(running)
  beforeAll(() => makePeople(running))

  describe('/$query', () => {
    const post = async (path: string, body: string, type = 'text/plain', method = 'POST') => {
      const answer = await running().send(method, path, body, { 'Content-Type': type })
      const text = await answer.text()
      const json = text.startsWith('{') ? JSON.parse(text) : {}
      return { status: answer.status, text, json, allow: answer.headers.get('allow') }
    }

    it('takes the options of its body together with those of its URL', async () => {
      const { status, json } = await post('/people/$query?$select=id', '$filter=age%20gt%2020&$orderby=id+desc&$top=5')
      expect(status).toBe(200)
      expect(json.value.map(({ id }: { id: string }) => id)).toEqual(['bob', 'ann'])
      expect(json['@odata.context']).toBe(`${running().root}/$metadata#people(id)`)
      const form = await post("/people('ann')/$query", '%24select=name', 'application/x-www-form-urlencoded')
      expect(form.json.name).toBe('Ann')
      expect((await post('/people/$count/$query', '$filter=age lt 20\r\n', 'text/plain;charset=UTF-8')).text).toBe('1')
      expect((await post("/people('ann')/tags/$query", '')).json.value).toHaveLength(4)
    })

    it('goes on by links, however long the body was', async () => {
      const long = `$filter=age in (30,41,12) and id ne '${'x'.repeat(20_000)}'`
      const first = await post('/people/$query', long)
      expect(first.json.value).toHaveLength(2)
      const next: string = first.json['@odata.nextLink']
      expect(await ids(next.slice(running().root.length))).toEqual(['cy'])
    })

    it('refuses what is no such request', async () => {
      expect((await post('/people/$query', '$top=1', 'application/json')).json.error).toMatchObject({
        code: 'unsupportedMediaType',
        target: 'Content-Type',
        message: expect.stringContaining("must be text/plain, not 'application/json'"),
      })
      expect((await post('/people/$query', '$top=1', 'text/plain;charset=latin1')).status).toBe(415)
      expect(await post('/people/$query?$top=1', '$top=1')).toMatchObject({
        status: 400,
        json: { error: { code: 'queryOptionDuplicate', target: '$top' } },
      })
      expect(await post('/people/$query', '$fliter=1')).toMatchObject({
        status: 400,
        json: { error: { target: '$fliter', message: expect.stringContaining("'$filter'") } },
      })
      expect(await post('/people/$query', '$top=1', 'text/plain', 'PATCH')).toMatchObject({
        status: 405,
        allow: 'POST',
      })
      expect((await ask('/people/$query')).headers.get('allow')).toBe('POST')
      const { status, json } = await post('/people/$query', `$filter=id eq '${'x'.repeat(33_000)}'`)
      expect([status, json.error.message]).toEqual([413, expect.stringContaining('queryBytes')])
      expect((await post('/nothing/$query', '')).status).toBe(404)
      const batch = await running().send('POST', '/$batch', {
        requests: [
          { id: '1', method: 'POST', url: 'people/$query', headers: { 'content-type': 'text/plain' }, body: '$top=1' },
        ],
      })
      expect(await batch.json()).toMatchObject({ responses: [{ status: 200 }] })
    })
  })

  describe('$entity', () => {
    it('resolves ids: relative, by path, absolute, encoded', async () => {
      const { root } = running()
      const base = new URL(root).pathname
      for (const id of ["people('ann')", `${base}/people('ann')`, `${root}/people('ann')`, 'people/ann'])
        expect(await get(`/$entity?$id=${encodeURIComponent(id)}&$select=name`), id).toEqual({
          '@odata.context': `${root}/$metadata#people(name)/$entity`,
          '@odata.id': `${root}/people('ann')`,
          '@odata.etag': expect.any(String),
          name: 'Ann',
        })
      expect((await get("/%24entity?id=people('bob')/friend")).id).toBe('ann')
      const etag = (await ask("/$entity?$id=people('ann')")).headers.get('etag') ?? ''
      expect((await ask("/$entity?$id=people('ann')", { 'If-None-Match': etag })).status).toBe(304)
      expect((await running().send('HEAD', "/$entity?$id=people('ann')", undefined)).status).toBe(200)
    })

    it('casts', async () => {
      expect(await get("/$entity/u.Employee?$id=people('bob')&$select=salary")).toMatchObject({ salary: 10.5 })
      expect((await ask("/$entity/u.Employee?$id=people('ann')")).status).toBe(404)
      expect((await ask("/$entity/u.Country?$id=people('ann')")).status).toBe(404)
    })

    it('refuses what is the id of no entity', async () => {
      for (const id of [
        'people',
        "people('ann')/name",
        '$metadata',
        'https://elsewhere.example/x',
        "people('ann')/$ref",
      ])
        expect(await ask(`/$entity?$id=${encodeURIComponent(id)}`), id).toMatchObject({ status: 400 })
      expect((await ask('/$entity')).json.error).toMatchObject({ target: '$id', code: 'queryOptionInvalid' })
      expect((await ask("/$entity?$id=people('no')")).status).toBe(404)
      expect((await ask('/$entity?$id=nothing(1)')).status).toBe(404)
      const { status, headers } = await running().send('DELETE', "/$entity?$id=people('ann')", undefined)
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      expect((await ask("/$entity?$id=people('ann')&$orderby=name")).json.error.target).toBe('$orderby')
    })
  })
})
