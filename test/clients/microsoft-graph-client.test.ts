import {
  AuthenticationHandler,
  BatchRequestContent,
  type BatchResponseBody,
  BatchResponseContent,
  Client,
  type Context,
  GraphError,
  type Middleware,
  PageIterator,
  RetryHandler,
  RetryHandlerOptions,
  TelemetryHandler,
} from '@microsoft/microsoft-graph-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearerAuthentication } from '../../src/auth/bearer.ts'
import { mongodb } from '../support/mongod.ts'
import { payload, seedRequest } from '../support/payloads.ts'
import {
  embeddedForTests,
  graphModel,
  mongoForTests,
  type RunningService,
  type StoreForTests,
  startService,
} from '../support/running-service.ts'
import { type Issuer, issuerForTests } from '../support/tokens.ts'

/**
 * Microsoft's own JavaScript client against a running service. The client sends tokens to https hosts only, so the service
 * stands where a real one would: behind a proxy that ends TLS (here: the client's last middleware), with a public root.
 */
const publicHost = 'graph.odatum.test'
const set = '/onPremEncryptedPayloads'
const scope = 'DeviceManagementConfiguration.ReadWrite.All'

interface Payload extends Record<string, unknown> {
  readonly id: string
}
interface Page {
  readonly '@odata.context': string
  readonly '@odata.count'?: number
  readonly '@odata.nextLink'?: string
  readonly value: Payload[]
}

/** The proxy: what goes to the public root arrives at the service. Counts what it forwards. */
class Forward implements Middleware {
  readonly #local: string
  readonly requests: string[] = []

  constructor(local: string) {
    this.#local = local
  }

  async execute(context: Context): Promise<void> {
    const url = String(context.request)
    expect(url.startsWith(`https://${publicHost}/beta/`), url).toBe(true)
    this.requests.push(url)
    const local = url.replace(`https://${publicHost}/beta`, this.#local)
    context.response = (await fetch(local, context.options as RequestInit)) as NonNullable<Context['response']>
  }
}

const { uri, reason } = mongodb()
const stores: readonly (readonly [string, () => StoreForTests, boolean])[] = [
  ['embedded', embeddedForTests, false],
  [uri === undefined ? `mongodb: ${reason}` : 'mongodb', () => mongoForTests(uri ?? ''), uri === undefined],
]

for (const [name, store, skip] of stores)
  describe.skipIf(skip)(`@microsoft/microsoft-graph-client (${name})`, () => {
    let running: RunningService
    let issuer: Issuer
    let client: Client
    let forward: Forward

    const clientWith = async (claims: Record<string, unknown> | undefined): Promise<Client> => {
      const token = claims === undefined ? 'not.a.token' : await issuer.token(claims)
      const retry = new RetryHandler(new RetryHandlerOptions(0, 0))
      const auth = new AuthenticationHandler({ getAccessToken: async () => token })
      const chain: Middleware[] = [auth, retry, new TelemetryHandler(), forward]
      for (const [i, handler] of chain.entries()) handler.setNext?.(chain[i + 1] as Middleware)
      return Client.initWithMiddleware({
        baseUrl: `https://${publicHost}/`,
        customHosts: new Set([publicHost]),
        defaultVersion: 'beta',
        middleware: auth,
      })
    }
    const failure = async (call: Promise<unknown>): Promise<GraphError> => {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(error).toBeInstanceOf(GraphError)
      return error as GraphError
    }

    beforeAll(async () => {
      issuer = await issuerForTests()
      running = await startService(graphModel, store(), {
        root: `https://${publicHost}/beta`,
        protocol: { graph: true },
        limits: { pageSize: 4 },
        authenticate: await bearerAuthentication(issuer.options),
      })
      forward = new Forward(running.root)
      client = await clientWith({ scp: scope })
      for (let i = 0; i < 10; i++)
        await client.api(set).post(payload({ deviceKeyThumbprint: `page ${i}`, payloadVersion: i, status: i % 3 }))
    })
    afterAll(() => running?.stop())

    it('creates and gets back what it sent, letter for letter', async () => {
      const created = (await client.api(set).post(seedRequest)) as Payload
      expect(created).toMatchObject(seedRequest)
      expect(created['@odata.context']).toBe(`https://${publicHost}/beta/$metadata#onPremEncryptedPayloads/$entity`)
      const got = (await client.api(`${set}/${created.id}`).get()) as Payload
      expect(got).toEqual(created)
      await client.api(`${set}/${created.id}`).delete()
    })

    it('lists with select, filter, orderby, top, skip and count', async () => {
      const page = (await client
        .api(set)
        .select(['deviceKeyThumbprint', 'payloadVersion'])
        .filter("status eq 1 and startswith(deviceKeyThumbprint,'page')")
        .orderby('payloadVersion desc')
        .top(2)
        .skip(1)
        .count(true)
        .get()) as Page
      expect(page['@odata.count']).toBe(3)
      expect(page.value.map(({ payloadVersion }) => payloadVersion)).toEqual([4, 1])
      expect(Object.keys(page.value[0] ?? {}).filter((key) => !key.includes('@'))).toEqual([
        'deviceKeyThumbprint',
        'payloadVersion',
      ])
    })

    it('reads a property and a raw value', async () => {
      const page = (await client.api(set).filter('payloadVersion eq 3').get()) as Page
      const path = `${set}/${page.value[0]?.id}`
      expect(await client.api(`${path}/status`).get()).toMatchObject({ value: 0 })
      expect(await client.api(`${path}/deviceKeyThumbprint/$value`).get()).toBe('page 3')
      expect(await client.api(`${set}/$count`).get()).toBe('10')
    })

    it('walks all pages with PageIterator', async () => {
      const before = forward.requests.length
      const first = (await client
        .api(set)
        .orderby(['status', 'payloadVersion desc'])
        .select('payloadVersion')
        .get()) as Page
      expect(first.value).toHaveLength(4)
      expect(first['@odata.nextLink']).toMatch(new RegExp(`^https://${publicHost}/beta${set}\\?`))
      const met: unknown[] = []
      const iterator = new PageIterator(client, first, (row: Payload) => met.push(row.payloadVersion) > 0)
      await iterator.iterate()
      expect(iterator.isComplete()).toBe(true)
      expect(met).toEqual([9, 6, 3, 0, 7, 4, 1, 8, 5, 2])
      expect(forward.requests.length - before).toBe(3)
    })

    it('updates by PATCH and gets the entity back', async () => {
      const { id } = (await client.api(set).post(payload())) as Payload
      const changed = (await client.api(`${set}/${id}`).update({ status: 99, isDeleted: false })) as Payload
      expect(changed).toMatchObject({ ...seedRequest, id, status: 99, isDeleted: false })
      expect(await client.api(`${set}/${id}`).select('status').get()).toMatchObject({ status: 99 })
      const minimal: unknown = await client
        .api(`${set}/${id}`)
        .header('Prefer', 'return=minimal')
        .patch({ status: 100 })
      expect(minimal).toBeUndefined()
      await client.api(`${set}/${id}`).delete()
    })

    it('deletes', async () => {
      const { id } = (await client.api(set).post(payload())) as Payload
      expect(await client.api(`${set}/${id}`).delete()).toBeUndefined()
      expect((await failure(client.api(`${set}/${id}`).get())).statusCode).toBe(404)
    })

    it('reads errors as GraphError with statusCode, code, requestId and date', async () => {
      const missing = await failure(client.api(`${set}/nobody`).header('client-request-id', 'from-the-test').get())
      expect(missing.statusCode).toBe(404)
      expect(missing.code).toBe('itemNotFound')
      expect(missing.requestId).toBe(missing.headers?.get('request-id'))
      expect(missing.requestId).toMatch(/^[0-9a-f-]{36}$/)
      // Graph writes the date without a zone; the client reads it as local time
      expect(Math.abs(missing.date.getTime() - Date.now() - new Date().getTimezoneOffset() * 60_000)).toBeLessThan(
        60_000,
      )
      expect(JSON.parse(String(missing.body))).toMatchObject({ innerError: { 'client-request-id': 'from-the-test' } })

      const query = await failure(client.api(set).filter('nonsense eq 1').get())
      expect(query.statusCode).toBe(400)
      expect(query.message).toContain('nonsense')

      const body = await failure(client.api(set).post(payload({ tenantId: 'no guid', status: undefined })))
      expect(body.statusCode).toBe(400)
      const details = (JSON.parse(String(body.body)) as { details: { target: string }[] }).details
      expect(details.map(({ target }) => target).sort()).toEqual(['status', 'tenantId'])
    })

    it('reads 412 where If-Match does not hold', async () => {
      const created = (await client.api(set).post(payload())) as Payload
      const path = `${set}/${created.id}`
      const etag = String(created['@odata.etag'])
      await client.api(path).header('If-Match', etag).update({ status: 1 })
      const stale = await failure(client.api(path).header('If-Match', etag).update({ status: 2 }))
      expect(stale.statusCode).toBe(412)
      await client.api(path).delete()
    })

    it('reads 401 and 403 where the token does not do', async () => {
      const nobody = await failure((await clientWith(undefined)).api(set).get())
      expect([nobody.statusCode, nobody.code]).toEqual([401, 'unauthenticated'])
      const reader = await clientWith({ roles: ['DeviceManagementConfiguration.Read.All'] })
      expect(((await reader.api(set).get()) as Page).value).toHaveLength(4)
      const denied = await failure(reader.api(set).post(payload()))
      expect([denied.statusCode, denied.code]).toEqual([403, 'accessDenied'])
      expect(denied.requestId).toMatch(/^[0-9a-f-]{36}$/)
    })

    const batch = async (
      steps: readonly { id: string; request: Request; dependsOn?: string[] }[],
      from = client,
    ): Promise<BatchResponseContent> => {
      const content = await new BatchRequestContent([...steps]).getContent()
      return new BatchResponseContent((await from.api('/$batch').post(content)) as BatchResponseBody)
    }
    // the client takes the host off absolute URLs, and leaves others as they are
    const place = `https://${publicHost}/beta${set}`
    const write = (method: string, url: string, body: unknown): Request =>
      new Request(url, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })

    it('runs a batch of 20 with BatchRequestContent and reads it with BatchResponseContent', async () => {
      const answers = await batch([
        { id: 'create', request: write('POST', place, payload({ payloadVersion: 77 })) },
        ...Array.from({ length: 19 }, (_, i) => ({ id: String(i), request: new Request(`${place}/$count`) })),
      ])
      const created = answers.getResponseById('create')
      expect(created.status).toBe(201)
      const entity = (await created.json()) as Payload
      expect(entity).toMatchObject({ payloadVersion: 77 })
      expect(created.headers.get('Location')).toBe(`${place}('${entity.id}')`)
      expect(created.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(await answers.getResponseById('18').text()).toMatch(/^\d+$/)
      await client.api(`${set}/${entity.id}`).delete()
      const content = await new BatchRequestContent([{ id: '1', request: new Request(place) }]).getContent()
      const more = Array.from({ length: 21 }, (_, i) => ({ ...content.requests[0], id: String(i) }))
      const refused = await failure(client.api('/$batch').post({ requests: more }))
      expect([refused.statusCode, refused.message]).toEqual([400, expect.stringContaining('20')])
    })

    it('answers 424 to what depends on a failure in a batch, and reads errors in it', async () => {
      const answers = await batch([
        { id: '1', request: new Request(`${place}/nobody`) },
        { id: '2', request: new Request(`${place}/$count`), dependsOn: ['1'] },
        { id: '3', request: new Request(`${place}/$count`), dependsOn: ['2'] },
      ])
      expect([...answers.getResponses().values()].map(({ status }) => status)).toEqual([404, 424, 424])
      const { error } = (await answers.getResponseById('1').json()) as { error: Record<string, unknown> }
      expect(error).toMatchObject({ code: 'itemNotFound', innerError: { 'request-id': expect.any(String) } })
    })

    it("takes a batch's URLs with a slash from the root, as Graph does", async () => {
      const requests = [set, set.slice(1), `/beta${set}`].map((url, i) => ({ id: String(i), method: 'GET', url }))
      const { responses } = (await client.api('/$batch').post({ requests })) as {
        responses: { status: number; headers: Record<string, string>; body: Page }[]
      }
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200])
      expect(responses[0]?.headers['Content-Type']).toMatch(/^application\/json/)
      for (const { body } of responses)
        expect(body['@odata.nextLink']).toMatch(new RegExp(`^https://${publicHost}/beta${set}\\?`))
    })

    it('checks the permissions of each request in a batch by the token of the batch', async () => {
      const reader = await clientWith({ roles: ['DeviceManagementConfiguration.Read.All'] })
      const forged = write('POST', place, payload())
      forged.headers.set('Authorization', `Bearer ${await issuer.token({ scp: scope })}`)
      const answers = await batch(
        [
          { id: 'read', request: new Request(place) },
          { id: 'write', request: forged },
        ],
        reader,
      )
      expect([...answers.getResponses().values()].map(({ status }) => status)).toEqual([200, 403])
      const nobody = await failure(batch([{ id: '1', request: new Request(place) }], await clientWith(undefined)))
      expect(nobody.statusCode).toBe(401)
    })
  })
