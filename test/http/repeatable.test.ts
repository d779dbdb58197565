import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown>

onEveryService('repeatable requests', bookshopModel, { enforcePermissions: false }, (running) => {
  const now = () => new Date().toUTCString()
  const headers = (id: string, firstSent = now(), more: Record<string, string> = {}) => ({
    'Repeatability-Request-ID': id,
    'Repeatability-First-Sent': firstSent,
    ...more,
  })
  const result = (answer: Response) => [answer.status, answer.headers.get('Repeatability-Result')]
  const book = { Title: 'once', Price: 1, Tags: [] }
  const titled = async (title: string) =>
    Number(await (await running().get(`/Books/$count?$filter=Title eq '${title}'`)).text())

  it('create once, however often they are sent, after a restart too', async () => {
    const id = randomUUID()
    const sent = headers(id)
    const first = await running().send('POST', '/Books', book, sent)
    expect(result(first)).toEqual([201, 'accepted'])
    const body = await first.text()
    await running().restart()
    const again = await running().send('POST', '/Books', book, {
      ...sent,
      'Repeatability-Request-ID': id.toUpperCase(),
    })
    expect(result(again)).toEqual([201, 'accepted'])
    expect(await again.text()).toBe(body)
    expect(again.headers.get('Location')).toBe(first.headers.get('Location'))
    expect(await titled('once')).toBe(1)
  })

  it('create once when they are sent many times at the same moment', async () => {
    const sent = headers(randomUUID())
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => running().send('POST', '/Books', { ...book, Title: 'at once' }, sent)),
    )
    expect(await titled('at once')).toBe(1)
    const made = new Set<string>()
    for (const answer of answers) {
      expect([201, 409, 503], 'made, or to be sent again').toContain(answer.status)
      if (answer.status === 201) made.add(((await answer.json()) as { ID: string }).ID)
    }
    expect(made.size).toBe(1)
    const late = await running().send('POST', '/Books', { ...book, Title: 'at once' }, sent)
    expect(made).toContain(((await late.json()) as { ID: string }).ID)
  })

  it('delete and change again with the first answer', async () => {
    const created = (await (await running().send('POST', '/Books', { ...book, Title: 'gone' })).json()) as {
      ID: string
    }
    const path = `/Books(${created.ID})`
    const patch = headers(randomUUID(), now(), { 'If-Match': 'W/"1"' })
    expect(result(await running().send('PATCH', path, { Pages: 3 }, patch))).toEqual([204, 'accepted'])
    expect(result(await running().send('PATCH', path, { Pages: 3 }, patch)), 'no 412').toEqual([204, 'accepted'])
    const remove = headers(randomUUID())
    expect(result(await running().send('DELETE', path, undefined, remove))).toEqual([204, 'accepted'])
    expect(result(await running().send('DELETE', path, undefined, remove)), 'no 404').toEqual([204, 'accepted'])
    expect(result(await running().send('DELETE', path, undefined, headers(randomUUID())))).toEqual([404, 'accepted'])
  })

  it('are executed again where they failed', async () => {
    const sent = headers(randomUUID())
    expect(result(await running().send('POST', '/Authors', { ID: 77 }, sent))).toEqual([400, 'accepted'])
    expect(result(await running().send('POST', '/Authors', { ID: 77, Name: 'x' }, sent))).toEqual([201, 'accepted'])
  })

  it('are rejected where they cannot be told apart, and change nothing', async () => {
    const id = randomUUID()
    const at = now()
    const title = 'rejected'
    const post = (more: Record<string, string>, body: Json = { ...book, Title: title }) =>
      running().send('POST', '/Books', body, more)
    expect(result(await post({ 'Repeatability-Request-ID': id }))).toEqual([400, 'rejected'])
    expect(result(await post({ 'Repeatability-First-Sent': at }))).toEqual([400, 'rejected'])
    expect(result(await post(headers(id, '2026-01-01T00:00:00Z')))).toEqual([400, 'rejected'])
    expect(result(await post(headers(id, 'Tue, 26 Mar 2019 16:06:51 GMT')))).toEqual([412, 'rejected'])
    const ahead = new Date(Date.now() + 3_600_000).toUTCString()
    expect(result(await post(headers(id, ahead)))).toEqual([412, 'rejected'])
    expect(await titled(title)).toBe(0)
    expect(result(await post(headers(id, at)))).toEqual([201, 'accepted'])
    expect(result(await post(headers(id, at), { ...book, Title: title, Pages: 1 }))).toEqual([400, 'rejected'])
    expect(result(await running().send('POST', '/Authors', { ID: 5, Name: 'x' }, headers(id, at)))).toEqual([
      400,
      'rejected',
    ])
    expect(await titled(title)).toBe(1)
    const batch = await running().send('POST', '/$batch', { requests: [] }, headers(randomUUID()))
    expect(result(batch)).toEqual([501, 'rejected'])
  })

  it('say nothing of reads', async () => {
    const answer = await running().get('/Books', headers('x', 'whenever'))
    expect(result(answer)).toEqual([200, null])
  })
})

onEveryService(
  'repeatable requests of a set that denies them',
  'test/models/restricted.xml',
  { enforcePermissions: false },
  (running) => {
    it('are rejected and change nothing (Repeatability.Supported)', async () => {
      const headers = { 'Repeatability-Request-ID': randomUUID(), 'Repeatability-First-Sent': new Date().toUTCString() }
      const answer = await running().send('POST', '/Plain', { ID: 9, Name: 'x' }, headers)
      expect([answer.status, answer.headers.get('Repeatability-Result')]).toEqual([501, 'rejected'])
      expect((await running().get('/Plain(9)')).status).toBe(404)
    })
  },
)
