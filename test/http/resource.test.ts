import { expect, it } from 'vitest'
import { payload, seedRequest } from '../support/payloads.ts'
import { graphModel, graphSettings, onEveryService } from '../support/running-service.ts'

const set = '/onPremEncryptedPayloads'
type Json = Record<string, unknown>

onEveryService('the resource, every verb', graphModel, graphSettings, (running) => {
  const create = async (changes: Record<string, unknown> = {}): Promise<Json & { id: string }> => {
    const answer = await running().send('POST', set, payload(changes))
    expect(answer.status).toBe(201)
    return (await answer.json()) as Json & { id: string }
  }

  it("gives the seed's answer to the seed's request, letter for letter, after a restart too", async () => {
    const answer = await running().send('POST', set, seedRequest)
    expect(answer.status).toBe(201)
    const text = await answer.text()
    const entity = JSON.parse(text) as Json
    for (const [name, value] of Object.entries(seedRequest)) {
      expect(entity[name], name).toEqual(value)
      expect(text).toContain(`${JSON.stringify(name)}:${JSON.stringify(value)}`)
    }
    expect(entity['@odata.context']).toBe(`${running().root}/$metadata#onPremEncryptedPayloads/$entity`)
    expect(entity.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(Object.keys(entity)[0]).toBe('@odata.context')
    expect(answer.headers.get('Location')).toBe(`${running().root}${set}('${entity.id}')`)
    expect(answer.headers.get('ETag')).toBe(entity['@odata.etag'])
    expect(answer.headers.get('OData-Version')).toBe('4.0')
    expect(answer.headers.get('Content-Type')).toBe('application/json;odata.metadata=minimal;charset=utf-8')
    await running().restart()
    expect(await (await running().get(`${set}/${entity.id}`)).text()).toBe(text)
  })

  it('reads an entity by both forms of its key', async () => {
    const { id } = await create({ deviceKeyThumbprint: 'both forms' })
    for (const path of [`${set}/${id}`, `${set}('${id}')`, `${set}(id='${id}')`]) {
      const answer = await running().get(path)
      expect(answer.status, path).toBe(200)
      expect(((await answer.json()) as Json).deviceKeyThumbprint).toBe('both forms')
    }
  })

  it('answers 404 for a key that is not there', async () => {
    const answer = await running().get(`${set}('nobody')`)
    expect(answer.status).toBe(404)
    expect(((await answer.json()) as { error: Json }).error.code).toBe('itemNotFound')
  })

  it('reads properties, raw values and counts', async () => {
    const { id } = await create({ status: 4 })
    const property = await running().get(`${set}/${id}/status`)
    expect(await property.json()).toEqual({
      '@odata.context': `${running().root}/$metadata#onPremEncryptedPayloads('${id}')/status`,
      value: 4,
    })
    const raw = await running().get(`${set}/${id}/encryptedBlob/$value`)
    expect(raw.status).toBe(200)
    expect(raw.headers.get('Content-Type')).toBe('application/octet-stream')
    expect(await raw.text()).toBe('encryptedBlob')
    const text = await running().get(`${set}/${id}/status/$value`)
    expect(text.headers.get('Content-Type')).toMatch(/^text\/plain/)
    expect(await text.text()).toBe('4')
    const count = await running().get(`${set}/$count`)
    expect(count.headers.get('Content-Type')).toMatch(/^text\/plain/)
    expect(Number(await count.text())).toBeGreaterThan(0)
    expect((await running().get(`${set}/${id}/nonsense`)).status).toBe(404)
  })

  it('merges with PATCH and answers 200 with the entity', async () => {
    const before = await create()
    const answer = await running().send('PATCH', `${set}/${before.id}`, { status: 7, id: 'ignored' })
    expect(answer.status).toBe(200)
    const after = (await answer.json()) as Json
    expect(after).toEqual({ ...before, status: 7, '@odata.etag': after['@odata.etag'] })
    expect(after['@odata.etag']).not.toBe(before['@odata.etag'])
    expect(answer.headers.get('ETag')).toBe(after['@odata.etag'])
    const minimal = await running().send('PATCH', `${set}/${before.id}`, { status: 8 }, { Prefer: 'return=minimal' })
    expect(minimal.status).toBe(204)
    expect(minimal.headers.get('Preference-Applied')).toBe('return=minimal')
    expect(minimal.headers.get('OData-EntityId')).toBe(`${running().root}${set}('${before.id}')`)
  })

  it('replaces with PUT: what is missing is refused where it is required', async () => {
    const { id } = await create()
    const missing = await running().send('PUT', `${set}/${id}`, { status: 1 })
    expect(missing.status).toBe(400)
    const answer = await running().send('PUT', `${set}/${id}`, payload({ status: 1, plistTemplate: 'new' }))
    expect(answer.status).toBe(200)
    const after = (await (await running().get(`${set}/${id}`)).json()) as Json
    expect(after).toMatchObject({ id, status: 1, plistTemplate: 'new' })
  })

  it('deletes once', async () => {
    const { id } = await create()
    const first = await running().send('DELETE', `${set}/${id}`, undefined)
    expect(first.status).toBe(204)
    expect(await first.text()).toBe('')
    expect((await running().send('DELETE', `${set}/${id}`, undefined)).status).toBe(404)
    expect((await running().get(`${set}/${id}`)).status).toBe(404)
  })

  it('does not upsert where the service makes the key', async () => {
    for (const method of ['PUT', 'PATCH']) {
      const answer = await running().send(method, `${set}('not-there')`, payload())
      expect(answer.status, method).toBe(404)
    }
    expect((await running().get(`${set}('not-there')`)).status).toBe(404)
  })

  it('answers HEAD as GET without the body', async () => {
    const { id } = await create()
    for (const path of ['', '/', set, `${set}/${id}`, `${set}/${id}/status`, `${set}/$count`, '/$metadata']) {
      const head = await running().send('HEAD', path, undefined)
      const get = await running().get(path)
      expect(head.status, path).toBe(200)
      expect(head.headers.get('Content-Type'), path).toBe(get.headers.get('Content-Type'))
      expect(head.headers.get('OData-Version')).toBe('4.0')
      expect(await head.text()).toBe('')
    }
  })

  it('names the methods that are allowed in a 405', async () => {
    const { id } = await create()
    const entity = await running().send('POST', `${set}/${id}`, {})
    expect(entity.status).toBe(405)
    expect(entity.headers.get('Allow')).toBe('GET, HEAD, PATCH, PUT, DELETE')
    const collection = await running().send('DELETE', set, undefined)
    expect(collection.headers.get('Allow')).toBe('GET, HEAD, POST, PATCH, PUT')
    expect((await running().send('POST', '/$metadata', {})).status).toBe(405)
  })

  it('checks If-Match and If-None-Match in the same step as the change', async () => {
    const before = await create()
    const etag = String(before['@odata.etag'])
    const path = `${set}/${before.id}`
    expect((await running().get(path, { 'If-None-Match': etag })).status).toBe(304)
    expect((await running().send('PATCH', path, { status: 1 }, { 'If-Match': 'W/"99"' })).status).toBe(412)
    expect((await running().send('PATCH', path, { status: 1 }, { 'If-Match': etag })).status).toBe(200)
    expect((await running().send('PATCH', path, { status: 2 }, { 'If-Match': etag })).status).toBe(412)
    expect((await running().send('DELETE', path, undefined, { 'If-Match': etag })).status).toBe(412)
    expect((await running().send('DELETE', path, undefined, { 'If-Match': '*' })).status).toBe(204)
    expect((await running().send('PATCH', path, { status: 1 }, { 'If-Match': '*' })).status).toBe(412)
  })

  it('lets one of many writers with the same ETag through', async () => {
    const before = await create()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        running().send('PATCH', `${set}/${before.id}`, { status: i }, { 'If-Match': String(before['@odata.etag']) }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19)
  })
})
