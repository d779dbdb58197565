import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { payload } from '../support/payloads.ts'
import {
  embeddedForTests,
  graphModel,
  graphSettings,
  onEveryService,
  type RunningService,
  rawRequest,
  startService,
} from '../support/running-service.ts'

const set = '/onPremEncryptedPayloads'

onEveryService('negotiation', graphModel, graphSettings, (running) => {
  beforeAll(async () => {
    await running().send('POST', set, payload())
  })

  it.each([
    ['*/*', 200, 'minimal'],
    ['application/json', 200, 'minimal'],
    ['application/json;odata.metadata=full', 200, 'full'],
    ['application/json;odata.metadata=none', 200, 'none'],
    ['application/json;odata.metadata=minimal;IEEE754Compatible=true', 200, 'minimal'],
    ['application/json;odata=verbose, text/plain', 200, 'minimal'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 200, 'minimal'],
    ['application/xml;q=0.9, application/json;q=0.5', 200, 'minimal'],
    ['application/json;foo=bar', 406, ''],
    ['application/xml', 406, ''],
    ['application/json;q=0', 406, ''],
    ['application/json;odata.metadata=most', 406, ''],
  ])('Accept: %s gives %i', async (accept, status, metadata) => {
    const answer = await running().get(set, { Accept: accept })
    expect(answer.status).toBe(status)
    if (status === 200) expect(answer.headers.get('Content-Type')).toContain(`odata.metadata=${metadata}`)
  })

  it('lets $format win over Accept', async () => {
    expect((await running().get(`${set}?$format=json`, { Accept: 'application/xml' })).status).toBe(200)
    expect(
      (await running().get(`${set}?$format=application/json;odata.metadata=none`)).headers.get('Content-Type'),
    ).toContain('metadata=none')
    expect((await running().get(`${set}?$format=atom`)).status).toBe(406)
  })

  it('speaks 4.0 unless the client says 4.01', async () => {
    const plain = await running().get(set)
    expect(plain.headers.get('OData-Version')).toBe('4.0')
    const newer = await running().get(set, { 'OData-MaxVersion': '4.01' })
    expect(newer.headers.get('OData-Version')).toBe('4.01')
    expect(newer.headers.get('Content-Type')).toBe('application/json;metadata=minimal;charset=utf-8')
    expect(Object.keys((await newer.json()) as object)[0]).toBe('@context')
    expect((await running().get(set, { 'OData-MaxVersion': '3.0' })).status).toBe(400)
    expect((await running().get(set, { 'OData-MaxVersion': '9.9' })).headers.get('OData-Version')).toBe('4.01')
    expect((await running().get(`${set}?top=1`, { 'OData-MaxVersion': '4.01' })).status).toBe(200)
  })

  it('names what the answer varies by', async () => {
    expect((await running().get(set)).headers.get('Vary')).toBe(
      'OData-MaxVersion, Accept, Accept-Encoding, Authorization',
    )
  })

  it('serves $metadata as XML, as JSON when asked, with ETag and in packed forms', async () => {
    for (const accept of [
      undefined,
      '*/*',
      'application/xml',
      'application/atomsvc+xml;q=0.8, application/json;odata.metadata=minimal;q=0.1, */*;q=0.9',
    ]) {
      const answer = await running().get('/$metadata', accept === undefined ? {} : { Accept: accept })
      expect(answer.headers.get('Content-Type'), accept).toMatch(/^application\/xml/)
      expect(await answer.text()).toContain('<EntityType Name="onPremEncryptedPayload"')
    }
    const json = await running().get('/$metadata?$format=json')
    expect(json.headers.get('Content-Type')).toMatch(/^application\/json/)
    expect((await json.json()) as object).toHaveProperty(
      ['microsoft.graph', 'onPremEncryptedPayload', '$Kind'],
      'EntityType',
    )
    const plain = await running().get('/$metadata')
    const again = await running().get('/$metadata', {
      'If-None-Match': String(plain.headers.get('ETag')),
      'Accept-Encoding': plain.headers.get('Content-Encoding') ?? 'identity',
    })
    expect([200, 304]).toContain(again.status)
    const identity = await rawRequest(running().root, '/$metadata')
    const etag = String(identity.headers.etag)
    expect((await rawRequest(running().root, '/$metadata', { headers: { 'If-None-Match': etag } })).status).toBe(304)
  })

  it('has a service document', async () => {
    const answer = (await (await running().get('/')).json()) as { value: readonly object[] }
    expect(answer).toMatchObject({
      '@odata.context': `${running().root}/$metadata`,
      value: [{ name: 'onPremEncryptedPayloads', kind: 'EntitySet', url: 'onPremEncryptedPayloads' }],
    })
  })
})

describe('packing and CORS', () => {
  let running: RunningService
  beforeAll(async () => {
    running = await startService(graphModel, embeddedForTests(), {
      ...graphSettings,
      compress: true,
      cors: { origins: ['https://app.example'] },
    })
    for (let i = 0; i < 10; i++) await running.send('POST', set, payload())
  })
  afterAll(() => running?.stop())

  it('packs data and $metadata by what the client takes', async () => {
    const { request } = await import('node:http')
    const fetchBytes = (path: string, encoding: string): Promise<{ encoding: string | undefined; bytes: Buffer }> =>
      new Promise((resolve, reject) => {
        request(`${running.root}${path}`, { headers: { 'Accept-Encoding': encoding } }, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () =>
            resolve({ encoding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
          )
        })
          .on('error', reject)
          .end()
      })
    for (const path of [set, '/$metadata']) {
      const plain = await fetchBytes(path, 'identity')
      expect(plain.encoding).toBeUndefined()
      const gzip = await fetchBytes(path, 'gzip')
      expect(gzip.encoding).toBe('gzip')
      expect(gunzipSync(gzip.bytes).equals(plain.bytes)).toBe(true)
      const br = await fetchBytes(path, 'gzip, br')
      expect(br.encoding).toBe('br')
      expect(brotliDecompressSync(br.bytes).equals(plain.bytes)).toBe(true)
    }
  })

  it('answers preflights and exposes what clients must see, to the named origin only', async () => {
    const preflight = await rawRequest(running.root, set, {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers['access-control-allow-origin']).toBe('https://app.example')
    expect(preflight.headers['access-control-allow-methods']).toContain('PATCH')
    expect(preflight.headers['access-control-allow-headers']).toContain('OData-MaxVersion')
    const actual = await rawRequest(running.root, set, { headers: { Origin: 'https://app.example' } })
    expect(actual.headers['access-control-expose-headers']).toContain('OData-Version')
    expect(actual.headers.vary).toContain('Origin')
    expect(actual.headers.vary).toContain('Accept')
    const foreign = await rawRequest(running.root, set, { headers: { Origin: 'https://evil.example' } })
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('has no CORS headers where it is not switched on', async () => {
    const other = await startService(graphModel, embeddedForTests(), graphSettings)
    const answer = await rawRequest(other.root, set, { headers: { Origin: 'https://app.example' } })
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    await other.stop()
  })
})
