import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { parseCsdl } from '../../src/csdl/read-csdl.ts'
import { bookshopModel, onEveryService, rawRequest } from '../support/running-service.ts'

const kitchen = 'test/models/kitchen-sink.xml'
const open = { enforcePermissions: false }

/** Names of the forms of `$metadata`, each with what asks for it and the Content-Type it comes as. */
const forms = [
  ['', {}, 'application/xml;charset=utf-8'],
  ['', { Accept: 'application/xml' }, 'application/xml;charset=utf-8'],
  ['', { Accept: 'text/html, application/json;q=0.5' }, 'application/json;charset=utf-8'],
  ['', { Accept: 'application/json' }, 'application/json;charset=utf-8'],
  ['?$format=xml', { Accept: 'application/json' }, 'application/xml;charset=utf-8'],
  ['?$format=application/xml', {}, 'application/xml;charset=utf-8'],
  ['?$format=json', {}, 'application/json;charset=utf-8'],
  ['?$format=application/json', { Accept: 'application/xml' }, 'application/json;charset=utf-8'],
] as const

onEveryService('$metadata', kitchen, open, (running) => {
  it.each(forms)('%s with %o is %s', async (query, headers, type) => {
    const answer = await rawRequest(running().root, `/$metadata${query}`, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe(type)
    // 4.0 has no type definition over Edm.PrimitiveType: the model has a construct that the version lacks
    const text = answer.text.replace('<edmx:Edmx Version="4.0"', '<edmx:Edmx Version="4.01"')
    const model = parseCsdl(text, { file: 'metadata', resolve: () => undefined })
    expect(model.container?.name).toBe('odatum.kitchen.Kitchen')
    expect(model.schemas.map(({ namespace }) => namespace)).toEqual([
      'odatum.kitchen',
      'odatum.kitchen.expressions',
      'odatum.common',
    ])
    expect(model.references.filter(({ uri }) => !uri.startsWith('https:'))).toEqual([])
  })

  it('refuses a form it has not', async () => {
    expect((await running().get('/$metadata?$format=atom')).status).toBe(406)
    expect((await running().get('/$metadata?$format=text/plain')).status).toBe(406)
    expect((await running().get('/$metadata', { Accept: 'text/html' })).status).toBe(406)
    const browser = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }
    expect((await running().get('/$metadata', browser)).headers.get('Content-Type')).toBe(
      'application/xml;charset=utf-8',
    )
  })

  it('is written in the version of the answer', async () => {
    for (const [headers, version] of [
      [{}, '4.0'],
      [{ 'OData-MaxVersion': '4.0' }, '4.0'],
      [{ 'OData-MaxVersion': '4.01' }, '4.01'],
    ] as const) {
      const answer = await rawRequest(running().root, '/$metadata', { headers })
      expect(answer.headers['odata-version']).toBe(version)
      expect(answer.text).toContain(`<edmx:Edmx Version="${version}"`)
    }
  })

  it('gives HEAD what GET gives, without the body', async () => {
    for (const encoding of ['identity', 'gzip', 'br']) {
      const headers = { 'Accept-Encoding': encoding }
      const get = await rawRequest(running().root, '/$metadata', { headers })
      const head = await rawRequest(running().root, '/$metadata', { method: 'HEAD', headers })
      expect(head.status).toBe(200)
      expect(head.text).toBe('')
      for (const name of ['content-type', 'content-length', 'content-encoding', 'etag', 'odata-version', 'vary'])
        expect(head.headers[name], name).toBe(get.headers[name])
    }
  })

  it('answers 304 to who has it, in whichever form', async () => {
    const tags = new Set<string>()
    for (const encoding of ['identity', 'gzip', 'br']) {
      const first = await rawRequest(running().root, '/$metadata', { headers: { 'Accept-Encoding': encoding } })
      const tag = String(first.headers.etag)
      tags.add(tag)
      for (const now of ['identity', 'gzip', 'br'])
        for (const method of ['GET', 'HEAD']) {
          const headers = { 'Accept-Encoding': now, 'If-None-Match': `"other", ${tag}` }
          const again = await rawRequest(running().root, '/$metadata', { method, headers })
          expect(again.status).toBe(304)
          expect(again.headers.etag).toBe(tag)
          expect(again.text).toBe('')
        }
    }
    expect(tags.size).toBe(3)
    const json = await rawRequest(running().root, '/$metadata?$format=json')
    expect(tags).not.toContain(json.headers.etag)
    const other = await rawRequest(running().root, '/$metadata', { headers: { 'If-None-Match': '"other"' } })
    expect(other.status).toBe(200)
    const any = await rawRequest(running().root, '/$metadata', { headers: { 'If-None-Match': '*' } })
    expect(any.status).toBe(304)
  })

  it('packs each form to the same text', async () => {
    for (const query of ['', '?$format=json']) {
      const plain = await running().get(`/$metadata${query}`, { 'Accept-Encoding': 'identity' })
      expect(plain.headers.get('Content-Encoding')).toBeNull()
      const text = await plain.text()
      for (const [encoding, unpack] of [
        ['gzip', gunzipSync],
        ['br', brotliDecompressSync],
      ] as const) {
        const { headers, bytes } = await packed(running().root, `/$metadata${query}`, encoding)
        expect(headers.get('content-encoding')).toBe(encoding)
        expect(headers.get('vary')).toContain('Accept-Encoding')
        expect(unpack(bytes).toString()).toBe(text)
      }
    }
  })

  it.each(['PUT', 'POST', 'PATCH', 'DELETE'])('refuses %s', async (method) => {
    const answer = await running().send(method, '/$metadata', method === 'DELETE' ? undefined : {})
    expect(answer.status).toBe(405)
    expect(answer.headers.get('Allow')).toContain('GET')
  })

  it.each(['$top=1', '$select=a', '$filter=true', '$count=true'])('refuses %s', async (query) => {
    expect((await running().get(`/$metadata?${query}`)).status).toBe(400)
  })

  it('takes the version of the model and *, and knows no other', async () => {
    for (const path of ['/$metadata', '/People', '/People/$count', '/'])
      for (const [version, status] of [
        ['2.1', 200],
        ['*', 200],
        ['2.0', 404],
        ['1.0', 404],
      ] as const) {
        const answer = await running().get(`${path}?$schemaversion=${version}`)
        expect(answer.status, `${path} ${version}`).toBe(status)
        if (status === 404) expect(await answer.json()).toMatchObject({ error: { target: '$schemaversion' } })
      }
    expect((await running().get('/$metadata?$schemaversion=')).status).toBe(400)
    expect((await running().get('/$metadata?$schemaversion=2.1&$schemaversion=2.1')).status).toBe(400)
    expect((await running().get('/People?schemaversion=2.0', { 'OData-MaxVersion': '4.01' })).status).toBe(404)
    expect((await running().send('DELETE', "/People('nobody')?$schemaversion=2.0", undefined)).status).toBe(404)
  })
})

onEveryService('$metadata of a model without a version', bookshopModel, open, (running) => {
  it('knows no version but *', async () => {
    expect((await running().get('/$metadata?$schemaversion=*')).status).toBe(200)
    expect((await running().get('/$metadata?$schemaversion=1.0')).status).toBe(404)
  })
})

onEveryService('service document', kitchen, open, (running) => {
  it('names sets, singletons and function imports, but those kept out of it', async () => {
    const answer = (await (await running().get('/')).json()) as {
      value: { name: string; kind?: string; url: string }[]
    }
    const names = (kind: string): string[] => answer.value.filter((item) => item.kind === kind).map(({ name }) => name)
    expect(names('EntitySet').sort()).toEqual([
      'Categories',
      'Everything',
      'Memberships',
      'Notes',
      'People',
      'Things',
      'Tools',
    ])
    expect(names('Singleton').sort()).toEqual(['Chief', 'Me', 'Motto'])
    expect(names('FunctionImport')).toEqual(['All'])
    for (const { name, url } of answer.value) expect(url).toBe(name)
  })

  it('has ETag and HEAD, and takes $format', async () => {
    const first = await rawRequest(running().root, '/')
    const tag = String(first.headers.etag)
    expect((await rawRequest(running().root, '/', { headers: { 'If-None-Match': tag } })).status).toBe(304)
    const head = await rawRequest(running().root, '/', { method: 'HEAD' })
    expect(head.headers['content-length']).toBe(first.headers['content-length'])
    expect((await running().get('/?$format=json')).status).toBe(200)
    expect((await running().get('/?$format=xml')).status).toBe(406)
    const none = await (await running().get('/?$format=application/json;metadata=none')).json()
    expect(none).not.toHaveProperty('@odata.context')
  })
})

/** The bytes as they come over the wire; fetch would unpack them. */
async function packed(root: string, path: string, encoding: string): Promise<{ headers: Headers; bytes: Buffer }> {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    request(`${root}${path}`, { headers: { 'Accept-Encoding': encoding } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ headers: new Headers(response.headers as Record<string, string>), bytes: Buffer.concat(chunks) }),
      )
    })
      .on('error', reject)
      .end()
  })
}
