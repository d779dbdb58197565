import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Principal } from '../../src/auth/principal.ts'
import { ODataController, type ReadPlan, type RequestContext } from '../../src/index.ts'
import { bookshopModel, onEveryService, onEveryStore } from '../support/running-service.ts'

type Json = Record<string, unknown> & { value: Json[] }

/** Resolves when the next list of authors may go on. */
let gate: Promise<void> = Promise.resolve()
let open: () => void = () => undefined
let aborted = 0
const shut = () => {
  gate = new Promise((resolve) => {
    open = resolve
  })
}

class Authors extends ODataController {
  override async list(context: RequestContext<ReadPlan>) {
    const { signal } = context.session
    const given = new Promise<void>((_, reject) => {
      signal?.addEventListener('abort', () => {
        aborted++
        reject(signal.reason)
      })
    })
    await Promise.race([gate, given])
    return super.list(context)
  }
}

const callbacks: string[] = []
const listener = createServer((request, response) => {
  callbacks.push(`${request.method} ${request.url}`)
  response.end()
})

/** Who asks is in the Authorization header. */
const authenticate = ({ authorization }: { authorization: string | undefined }): Principal => ({
  subject: authorization ?? 'somebody',
  tenant: undefined,
  scheme: 'Delegated',
  scopes: new Set(),
  expires: 4_000_000_000,
})

const callbackHosts: string[] = []
const settings = {
  enforcePermissions: false,
  controllers: { Authors },
  authenticate,
  limits: { asyncTime: 2_000 },
  callbackHosts,
}
await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
const callbackHost = `127.0.0.1:${(listener.address() as AddressInfo).port}`
callbackHosts.push(callbackHost)
afterAll(() => void listener.close())

onEveryService('asynchronous requests', bookshopModel, settings, (running) => {
  const below = (url: string | null) => String(url).slice(running().root.length)
  const later = (path: string, more: Record<string, string> = {}) =>
    running().get(path, { Prefer: 'respond-async', ...more })
  const done = async (monitor: string, headers: Record<string, string> = {}): Promise<Response> => {
    for (let i = 0; ; i++) {
      const answer = await running().get(monitor, headers)
      if (answer.status !== 202 || i > 400) return answer
      expect(answer.headers.get('Location')).toBe(running().root + monitor)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  beforeAll(async () => {
    for (const ID of [1, 2]) await running().send('POST', '/Authors', { ID, Name: `n${ID}` })
  })
  beforeEach(() => {
    gate = Promise.resolve()
    aborted = 0
  })

  it('are answered 202 with a monitor that gives the answer once it is there', async () => {
    shut()
    const accepted = await later('/Authors?$orderby=ID&$select=Name')
    expect(accepted.status).toBe(202)
    expect(accepted.headers.get('Preference-Applied')).toBe('respond-async')
    expect(accepted.headers.get('Retry-After')).toBe('1')
    expect(accepted.headers.get('OData-Version')).toBe('4.0')
    const monitor = below(accepted.headers.get('Location'))
    expect((await running().get(monitor)).status).toBe(202)
    open()
    const answer = await done(monitor)
    expect([answer.status, answer.headers.get('AsyncResult')]).toEqual([200, '200'])
    expect(answer.headers.get('Content-Type')).toContain('application/json')
    expect(((await answer.json()) as Json).value.map(({ Name }) => Name)).toEqual(['n1', 'n2'])
    await running().restart()
    expect((await done(monitor)).status, 'kept in the store').toBe(200)
  })

  it('give an HTTP message to who wants one, and to 4.0 without Accept', async () => {
    const accepted = await later('/Authors(99)')
    const monitor = below(accepted.headers.get('Location'))
    const byItself = await done(monitor, { Accept: 'application/json' })
    expect([byItself.status, byItself.headers.get('AsyncResult')]).toEqual([200, '404'])
    expect(await byItself.json()).toMatchObject({ error: { code: 'entityNotFound' } })
    const message = await done(monitor, { Accept: 'application/http' })
    expect(message.headers.get('Content-Type')).toBe('application/http')
    expect(message.headers.get('AsyncResult')).toBeNull()
    expect(await message.text()).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[\s\S]*\r\n\r\n\{"error":/)
    // fetch sends an Accept always; Olingo sends no header at all
    const bare = (headers: Record<string, string>) =>
      new Promise<IncomingMessage>((resolve) => get(running().root + monitor, { headers }, resolve))
    for (const headers of [{}, { 'OData-MaxVersion': '4.0' }]) {
      const { headers: got } = (await bare(headers)).resume()
      expect([got['content-type'], got.asyncresult]).toEqual(['application/http', undefined])
    }
    const { headers: newer } = (await bare({ 'OData-MaxVersion': '4.01' })).resume()
    expect(newer.asyncresult).toBe('404')
  })

  it('are answered at once where the answer is there within the time the client waits', async () => {
    const early = await running().get('/Authors(1)', { Prefer: 'respond-async, wait=10' })
    expect([early.status, ((await early.json()) as Json).Name]).toEqual([200, 'n1'])
    shut()
    const late = await running().get('/Authors', { Prefer: 'respond-async; wait=1, wait=1' })
    expect(late.status).toBe(202)
    open()
    expect((await done(below(late.headers.get('Location')))).status).toBe(200)
  })

  it('change data behind the answer, batches too', async () => {
    const created = await running().send('POST', '/Authors', { ID: 10, Name: 'later' }, { Prefer: 'respond-async' })
    expect(created.status).toBe(202)
    const answer = await done(below(created.headers.get('Location')))
    expect(answer.headers.get('AsyncResult')).toBe('201')
    expect((await running().get('/Authors(10)')).status).toBe(200)
    const requests = [{ id: '1', method: 'GET', url: 'Authors(10)' }]
    const batch = await running().send('POST', '/$batch', { requests }, { Prefer: 'respond-async' })
    const responses = (await (await done(below(batch.headers.get('Location')))).json()) as { responses: Json[] }
    expect(responses.responses).toMatchObject([{ id: '1', status: 200 }])
    await running().send('DELETE', '/Authors(10)', undefined)
  })

  it('are cancelled by DELETE, and are then not there', async () => {
    shut()
    const monitor = below((await later('/Authors')).headers.get('Location'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await running().send('DELETE', monitor, undefined)).status).toBe(204)
    expect(aborted).toBe(1)
    expect((await running().get(monitor)).status).toBe(404)
    open()
    expect((await running().get(monitor)).status).toBe(404)
    expect((await running().send('PATCH', monitor, {})).status).toBe(404)
  })

  it('are for nobody but who asked', async () => {
    const monitor = below((await later('/Authors', { Authorization: 'ann' })).headers.get('Location'))
    expect((await running().get(monitor, { Authorization: 'bob' })).status).toBe(404)
    expect((await running().send('DELETE', monitor, undefined, { Authorization: 'bob' })).status).toBe(404)
    expect((await done(monitor, { Authorization: 'ann' })).status).toBe(200)
    expect((await running().send('POST', monitor, {}, { Authorization: 'ann' })).status).toBe(405)
    for (const id of ['x', '', '../Authors', '00000000-0000-0000-0000-000000000000'])
      expect((await running().get(`/$monitor/${id}`)).status, id).toBeGreaterThanOrEqual(200)
  })

  it('that take too long are given up', async () => {
    shut()
    const monitor = below((await later('/Authors')).headers.get('Location'))
    await new Promise((resolve) => setTimeout(resolve, 2_050))
    const answer = await done(monitor)
    expect([answer.status, answer.headers.get('AsyncResult')]).toEqual([200, '503'])
    open()
  })

  it('tell a host that the operator named when they are done, and no other', async () => {
    callbacks.length = 0
    const prefer = (url: string) => ({ Prefer: `respond-async, odata.callback;url="${url}"` })
    const called = await running().get('/Authors', prefer(`http://${callbackHost}/done?x=1`))
    expect(called.headers.get('Preference-Applied')).toBe('respond-async, callback')
    await done(below(called.headers.get('Location')))
    for (const url of [
      'http://127.0.0.1:1/no',
      `http://user:pw@${callbackHost}/no`,
      'file:///etc/passwd',
      'nonsense',
    ]) {
      const refused = await running().get('/Authors', prefer(url))
      expect(refused.headers.get('Preference-Applied'), url).toBe('respond-async')
      await done(below(refused.headers.get('Location')))
    }
    for (let i = 0; i < 200 && callbacks.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(callbacks).toEqual(['GET /done?x=1'])
  })

  it('publish the protocols of callbacks, where the operator named hosts', async () => {
    expect(await (await running().get('/$metadata?$format=json')).text()).toContain(
      '"@Capabilities.CallbackSupported":{"CallbackProtocols":[{"Id":"http"},{"Id":"https"}]}',
    )
  })
})

onEveryStore('callbacks', 'test/models/terms.xml', { enforcePermissions: false, callbackHosts }, (running) => {
  it('are made by the protocols that the model lists: of the set, else of the container', async () => {
    for (const [path, scheme, called] of [
      ['/Shops', 'http', false],
      ['/Letters', 'http', true],
      ['/Letters', 'https', true],
      ['/People', 'http', false],
      ['/People', 'https', true],
    ] as const) {
      const answer = await running().get(path, {
        Prefer: `respond-async, odata.callback;url="${scheme}://${callbackHost}${path}"`,
      })
      const applied = called ? 'respond-async, callback' : 'respond-async'
      expect([answer.status, answer.headers.get('Preference-Applied')], `${scheme} ${path}`).toEqual([202, applied])
    }
    await expect.poll(() => callbacks).toContain('GET /Letters')
    expect(callbacks.filter((call) => /Shops|People/.test(call))).toEqual([])
    expect(await (await running().get('/$metadata?$format=json')).text()).toContain('"Id":"wss"')
  })
})
