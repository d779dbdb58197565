import { beforeAll, describe, expect, it } from 'vitest'
import { payload, seedRequest } from '../support/payloads.ts'
import { graphModel, onEveryService, type RunningService, rawRequest } from '../support/running-service.ts'

/**
 * What clients that cannot run here send, replayed header for header: from their sources and from recorded traffic. It shows
 * that odatum answers such requests in a form these clients read; it is no run of the clients themselves.
 */
const set = '/onPremEncryptedPayloads'
const origin = 'https://app.example'
type Json = Record<string, unknown>
type Answer = Awaited<ReturnType<typeof rawRequest>>

const settings = { enforcePermissions: false, limits: { pageSize: 5 }, cors: { origins: [origin] } } as const

const ui5 = {
  Accept: 'application/json;odata.metadata=minimal;IEEE754Compatible=true',
  'Content-Type': 'application/json;charset=UTF-8;IEEE754Compatible=true',
  'OData-MaxVersion': '4.0',
  'OData-Version': '4.0',
  'X-CSRF-Token': 'Fetch',
  Origin: origin,
}

const devExtreme = { Accept: 'application/json;odata=verbose, text/plain', Origin: origin }

const odataClient = {
  Accept: 'application/json;odata.metadata=minimal',
  'Accept-Charset': 'UTF-8',
  'OData-MaxVersion': '4.0',
  'OData-Version': '4.0',
  'User-Agent': 'Microsoft.OData.Client/7.21.3',
}

const powerQuery = {
  Accept:
    'application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7',
  'Accept-Encoding': 'gzip, deflate',
  MaxDataServiceVersion: '3.0',
  'OData-MaxVersion': '4.0',
  'User-Agent': 'Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)',
}
const { 'Accept-Encoding': _packed, ...powerQueryPlain } = powerQuery

/** Sends exactly these headers; every answer, errors too, must say `OData-Version: 4.0` and nothing else. */
async function send(
  running: RunningService,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<Answer & { json(): Json }> {
  const options = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const answer = await rawRequest(running.root, path, options)
  expect(answer.headers['odata-version'], `${method} ${path}`).toBe('4.0')
  return { ...answer, json: () => JSON.parse(answer.text) as Json }
}

onEveryService('recorded requests', graphModel, settings, (running) => {
  beforeAll(async () => {
    for (let i = 0; i < 12; i++)
      expect((await running().send('POST', set, payload({ payloadVersion: i, status: i % 3 }))).status).toBe(201)
  })

  describe('SAP UI5', () => {
    it('asks for the CSRF token by HEAD on the root and is not refused', async () => {
      for (const path of ['/', '']) {
        const answer = await send(running(), 'HEAD', path, ui5)
        expect(answer.status).toBe(200)
        expect(answer.text).toBe('')
        expect(answer.headers['access-control-expose-headers']).toContain('OData-Version')
      }
    })

    it('reads $metadata as XML, the format that it asks for', async () => {
      const answer = await send(running(), 'GET', '/$metadata', { ...ui5, Accept: 'application/xml' })
      expect(answer.headers['content-type']).toMatch(/^application\/xml/)
      expect(answer.text).toContain('<edmx:Edmx Version="4.0"')
    })

    it('reads a list with count, as a table binding asks', async () => {
      const query =
        '$count=true&$orderby=payloadVersion%20desc&$filter=status%20eq%201&$select=id,payloadVersion,status&$skip=0&$top=110'
      const answer = await send(running(), 'GET', `${set}?sap-client=100&${query}`, ui5)
      expect(answer.status, answer.text).toBe(200)
      expect(answer.headers['content-type']).toBe(
        'application/json;odata.metadata=minimal;IEEE754Compatible=true;charset=utf-8',
      )
      expect(answer.headers['access-control-expose-headers']).toContain('OData-Version')
      const page = answer.json() as { '@odata.count': unknown; value: Json[] }
      // IEEE754Compatible: counts are strings (JSON Format 3.2)
      expect(page['@odata.count']).toBe('4')
      expect(page.value.map(({ payloadVersion }) => payloadVersion)).toEqual([10, 7, 4, 1])
      expect(page.value.every((row) => typeof row['@odata.etag'] === 'string')).toBe(true)
    })

    it('creates, changes by the ETag of the header, deletes', async () => {
      const created = await send(running(), 'POST', set, ui5, payload({ status: 42 }))
      expect(created.status, created.text).toBe(201)
      const { id } = created.json()
      const path = `${set}('${id}')`
      const etag = String(created.headers.etag)
      expect(created.json()['@odata.etag']).toBe(etag)
      const patched = await send(running(), 'PATCH', path, { ...ui5, 'If-Match': etag }, { status: 43 })
      expect(patched.status).toBe(204)
      expect(patched.headers.etag).not.toBe(etag)
      const stale = await send(running(), 'PATCH', path, { ...ui5, 'If-Match': etag }, { status: 44 })
      expect(stale.status).toBe(412)
      expect((stale.json().error as Json).code).toBeTypeOf('string')
      const deleted = await send(running(), 'DELETE', path, { ...ui5, 'If-Match': String(patched.headers.etag) })
      expect(deleted.status).toBe(204)
      const gone = await send(running(), 'GET', path, ui5)
      expect(gone.status).toBe(404)
    })

    it('reads $count as text', async () => {
      const answer = await send(running(), 'GET', `${set}/$count`, { ...ui5, Accept: 'text/plain' })
      expect(answer.headers['content-type']).toMatch(/^text\/plain/)
      expect(answer.text).toBe('12')
    })
  })

  describe('DevExtreme', () => {
    it('reads lists with the prefixed names it knows, page after page', async () => {
      const query =
        '$filter=(status%20ge%201)%20and%20(contains(tolower(plistTemplate),%27plist%27))&$orderby=payloadVersion&$count=true'
      const first = await send(running(), 'GET', `${set}?${query}`, devExtreme)
      expect(first.status, first.text).toBe(200)
      const page = first.json() as { '@odata.count': number; '@odata.nextLink': string; value: Json[] }
      expect(page['@odata.count']).toBe(8)
      expect(page.value).toHaveLength(5)
      const second = await send(running(), 'GET', page['@odata.nextLink'].slice(running().root.length), devExtreme)
      expect((second.json().value as Json[]).map(({ payloadVersion }) => payloadVersion)).toEqual([8, 10, 11])
      expect(second.json()).not.toHaveProperty(['@odata.nextLink'])
    })

    it('writes with Content-Type odata=verbose', async () => {
      const headers = { ...devExtreme, 'Content-Type': 'application/json;odata=verbose' }
      const created = await send(running(), 'POST', set, headers, payload({ status: 50 }))
      expect(created.status, created.text).toBe(201)
      const path = `${set}('${created.json().id}')`
      expect((await send(running(), 'PATCH', path, headers, { status: 51 })).status).toBe(204)
      expect((await send(running(), 'DELETE', path, devExtreme)).status).toBe(204)
    })

    it('finds error.message', async () => {
      const answer = await send(running(), 'GET', `${set}?$filter=nonsense%20eq%201`, devExtreme)
      expect(answer.status).toBe(400)
      expect((answer.json().error as Json).message).toContain('nonsense')
    })
  })

  describe('Microsoft.OData.Client', () => {
    /** The .NET client writes the type beside every value that JSON does not tell. */
    const typed: Json = {
      'tenantId@odata.type': '#Guid',
      'userId@odata.type': '#Guid',
      'createdTime@odata.type': '#DateTimeOffset',
      'encryptedBlob@odata.type': '#Binary',
      ...seedRequest,
    }
    const writing = { ...odataClient, 'Content-Type': 'application/json;odata.metadata=minimal' }

    it('reads $metadata whatever it accepts, without a DTD', async () => {
      const answer = await send(running(), 'GET', '/$metadata', { ...odataClient, Accept: 'application/xml' })
      expect(answer.headers['content-type']).toMatch(/^application\/xml/)
      expect(answer.text).not.toContain('<!DOCTYPE')
    })

    it('creates with type annotations and gets an absolute Location and an ETag', async () => {
      const created = await send(running(), 'POST', set, writing, typed)
      expect(created.status, created.text).toBe(201)
      expect(created.headers.location).toBe(`${running().root}${set}('${created.json().id}')`)
      expect(created.headers.etag).toMatch(/^W\/"/)
      expect(created.json().createdTime).toBe(seedRequest.createdTime)
      const path = `${set}('${created.json().id}')`
      const body = { '@odata.type': '#microsoft.graph.onPremEncryptedPayload', status: 77 }
      const patched = await send(
        running(),
        'PATCH',
        path,
        { ...writing, 'If-Match': String(created.headers.etag) },
        body,
      )
      expect(patched.status, patched.text).toBe(204)
      expect(patched.headers['odata-entityid']).toBe(`${running().root}${path}`)
      expect(patched.headers.etag).toMatch(/^W\/"/)
      const asked = { ...writing, Prefer: 'return=representation' }
      const again = await send(running(), 'PATCH', path, asked, { status: 78 })
      expect([again.status, again.json().status]).toEqual([200, 78])
      expect(again.headers['preference-applied']).toBe('return=representation')
      expect((await send(running(), 'DELETE', path, { ...odataClient, 'If-Match': '*' })).status).toBe(204)
    })

    it('creates with return=minimal and gets 204 with OData-EntityId', async () => {
      const created = await send(running(), 'POST', set, { ...writing, Prefer: 'return=minimal' }, typed)
      expect([created.status, created.text]).toEqual([204, ''])
      expect(created.headers['odata-entityid']).toBe(created.headers.location)
      const path = String(created.headers.location).slice(running().root.length)
      expect((await send(running(), 'DELETE', path, odataClient)).status).toBe(204)
    })

    it('reads its LINQ queries', async () => {
      const query =
        '$filter=status%20eq%201%20and%20payloadVersion%20gt%203&$orderby=payloadVersion%20desc&$top=2&$select=id,status,payloadVersion'
      const answer = await send(running(), 'GET', `${set}?${query}`, odataClient)
      expect((answer.json().value as Json[]).map(({ payloadVersion }) => payloadVersion)).toEqual([10, 7])
      expect(answer.json()['@odata.context']).toBe(
        `${running().root}/$metadata${'#'}onPremEncryptedPayloads(id,status,payloadVersion)`,
      )
    })
  })

  describe('Power BI and Excel (Power Query)', () => {
    it('reads the service document as JSON', async () => {
      const answer = await send(running(), 'GET', '/', powerQueryPlain)
      expect(answer.headers['content-type']).toMatch(/^application\/json;odata\.metadata=minimal/)
      expect(answer.json()).toMatchObject({
        '@odata.context': `${running().root}/$metadata`,
        value: [{ name: 'onPremEncryptedPayloads', url: 'onPremEncryptedPayloads' }],
      })
    })

    it.each([
      ['the Accept of its feeds', powerQuery.Accept],
      ['the same without the older formats', 'application/json;odata.metadata=minimal'],
      ['XML', 'application/xml'],
      ['Atom', 'application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7'],
      ['anything', '*/*'],
      ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ])('reads $metadata as XML under %s', async (_name, accept) => {
      const answer = await send(running(), 'GET', '/$metadata', { ...powerQueryPlain, Accept: accept })
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type']).toMatch(/^application\/xml/)
      expect(answer.text).toMatch(/^<\?xml/)
    })

    it('reads $metadata packed', async () => {
      const answer = await send(running(), 'GET', '/$metadata', powerQuery)
      expect(answer.headers['content-encoding']).toBe('gzip')
    })

    it('reads feeds with folded options and follows their links', async () => {
      const query = '$filter=status%20ne%202&$orderby=payloadVersion&$select=id%2CpayloadVersion&$top=1000'
      const met: unknown[] = []
      let path: string | undefined = `${set}?${query}`
      while (path !== undefined) {
        const answer: Awaited<ReturnType<typeof send>> = await send(running(), 'GET', path, powerQueryPlain)
        expect(answer.status, answer.text).toBe(200)
        expect(answer.headers['content-type']).toBe('application/json;odata.metadata=minimal;charset=utf-8')
        const page = answer.json() as { '@odata.context': string; '@odata.nextLink'?: string; value: Json[] }
        expect(page['@odata.context']).toBe(`${running().root}/$metadata#onPremEncryptedPayloads(id,payloadVersion)`)
        met.push(...page.value.map(({ payloadVersion }) => payloadVersion))
        path = page['@odata.nextLink']?.slice(running().root.length)
      }
      expect(met).toEqual([0, 1, 3, 4, 6, 7, 9, 10])
    })

    it('counts rows', async () => {
      const answer = await send(running(), 'GET', `${set}/$count?$filter=status%20eq%200`, powerQueryPlain)
      expect([answer.status, answer.text]).toEqual([200, '4'])
    })
  })
})
