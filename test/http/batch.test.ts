import type { CommandStartedEvent, Document } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import {
  type AnswerInBatch,
  changeSet,
  lines,
  multipart,
  type ReadPart,
  readMultipart,
  requestPart,
} from '../support/multipart.ts'
import {
  bookshopModel,
  onEveryService,
  type RunningService,
  rawRequest,
  startService,
} from '../support/running-service.ts'

type Json = Record<string, unknown>
interface JsonAnswer {
  readonly id: string
  readonly status: number
  readonly atomicityGroup?: string
  readonly headers?: Record<string, string>
  readonly body?: Json
}

let nextAuthor = 1000
const author = (): number => nextAuthor++

const one = (part: ReadPart | undefined): AnswerInBatch => {
  if (part === undefined || Array.isArray(part)) throw new Error('not one answer')
  return part as AnswerInBatch
}
const many = (part: ReadPart | undefined): readonly AnswerInBatch[] => {
  if (!Array.isArray(part)) throw new Error('not a change set')
  return part as readonly AnswerInBatch[]
}

async function postMultipart(
  running: RunningService,
  parts: readonly string[],
  headers: Record<string, string> = {},
): Promise<readonly ReadPart[]> {
  const answer = await running.send('POST', '/$batch', multipart('batch_1', ...parts), {
    'Content-Type': 'multipart/mixed;boundary=batch_1',
    ...headers,
  })
  const text = await answer.text()
  expect(answer.status, text).toBe(200)
  expect(answer.headers.get('OData-Version')).toBe('4.0')
  return readMultipart(answer.headers.get('Content-Type'), text)
}

async function postJson(
  running: RunningService,
  requests: readonly Json[],
  headers: Record<string, string> = {},
): Promise<readonly JsonAnswer[]> {
  const answer = await running.send('POST', '/$batch', { requests }, headers)
  const text = await answer.text()
  expect(answer.status, text).toBe(200)
  return (JSON.parse(text) as { responses: JsonAnswer[] }).responses
}

const newAuthor = (id: number): Json => ({ ID: id, Name: `author ${id}` })
const json = { 'content-type': 'application/json' }

onEveryService('batches', bookshopModel, {}, (running) => {
  const exists = async (id: number): Promise<boolean> => (await running().get(`/Authors(${id})`)).status === 200

  describe('multipart', () => {
    it('answers in order, change sets as multiparts of their own', async () => {
      const [a, b] = [author(), author()]
      const parts = await postMultipart(running(), [
        requestPart('GET', 'Authors/$count'),
        changeSet(
          requestPart('POST', 'Authors', { id: '1', body: newAuthor(a) }),
          requestPart('POST', 'Authors', { id: '2', body: newAuthor(b) }),
        ),
        requestPart('GET', `Authors(${a})?$select=Name`),
      ])
      expect(parts).toHaveLength(3)
      expect(one(parts[0])).toMatchObject({ status: 200, id: undefined })
      expect(one(parts[0]).headers.get('content-type')).toBe('text/plain;charset=utf-8')
      const created = many(parts[1])
      expect(created.map(({ id, status }) => [id, status])).toEqual([
        ['1', 201],
        ['2', 201],
      ])
      expect(created[0]?.headers.get('location')).toBe(`${running().root}/Authors(${a})`)
      expect(created[0]?.headers.get('odata-version')).toBe('4.0')
      expect(JSON.parse(one(parts[2]).text)).toMatchObject({ Name: `author ${a}` })
    })

    it('stores nothing of a change set of which one request fails: one answer stands for all', async () => {
      const [a, b] = [author(), author()]
      const parts = await postMultipart(running(), [
        changeSet(
          requestPart('POST', 'Authors', { id: '1', body: newAuthor(a) }),
          requestPart('POST', 'Authors', { id: '2', body: { ...newAuthor(b), Nonsense: 1 } }),
        ),
      ])
      expect(parts).toHaveLength(1)
      expect(one(parts[0])).toMatchObject({ status: 400, id: '2' })
      expect(JSON.parse(one(parts[0]).text)).toMatchObject({ error: { code: 'propertyUnknown' } })
      expect(await exists(a)).toBe(false)
      expect(await exists(b)).toBe(false)
    })

    it('takes back what a change set has stored before a key that is there already', async () => {
      const [a, b] = [author(), author()]
      await running().send('POST', '/Authors', newAuthor(b))
      const parts = await postMultipart(running(), [
        changeSet(
          requestPart('POST', 'Authors', { id: '1', body: newAuthor(a) }),
          requestPart('PATCH', `Authors(${b})`, { id: '2', body: { Name: 'changed' } }),
          requestPart('POST', 'Authors', { id: '3', body: newAuthor(b) }),
        ),
      ])
      expect(one(parts[0])).toMatchObject({ status: 409, id: '3' })
      expect(await exists(a)).toBe(false)
      expect(await (await running().get(`/Authors(${b})`)).json()).toMatchObject({ Name: `author ${b}` })
    })

    it('ends after the first failure, unless the client prefers to go on', async () => {
      const requests = [
        requestPart('GET', 'Authors/$count'),
        requestPart('GET', 'Authors(-1)'),
        requestPart('GET', 'Authors/$count'),
      ]
      const stopped = await postMultipart(running(), requests)
      expect(stopped.map((part) => one(part).status)).toEqual([200, 404])
      for (const prefer of ['continue-on-error', 'odata.continue-on-error=true']) {
        const answered = await postMultipart(running(), requests, { Prefer: prefer })
        expect(answered.map((part) => one(part).status)).toEqual([200, 404, 200])
      }
      const refused = await postMultipart(running(), requests, { Prefer: 'continue-on-error=false' })
      expect(refused).toHaveLength(2)
    })

    it('does not execute what stands behind a failure', async () => {
      const a = author()
      const parts = await postMultipart(running(), [
        requestPart('DELETE', 'Authors(-1)'),
        requestPart('POST', 'Authors', { body: newAuthor(a) }),
      ])
      expect(parts).toHaveLength(1)
      expect(await exists(a)).toBe(false)
    })

    it('follows references to entities that earlier requests created, within a change set and behind it', async () => {
      const a = author()
      const parts = await postMultipart(running(), [
        changeSet(
          requestPart('POST', 'Authors', { id: '1', body: newAuthor(a) }),
          requestPart('PATCH', '$1', { id: '2', body: { Name: 'changed' } }),
          requestPart('POST', '$1/Books', { id: '3', body: { Title: 'of the new one', Price: 1 } }),
          requestPart('POST', `${running().root}/$1/Books`, { id: '4', body: { Title: 'absolute', Price: 2 } }),
        ),
        requestPart('GET', '$1/Books?$select=Title&$orderby=Title'),
        requestPart('GET', '$1/Name/$value'),
      ])
      expect(many(parts[0]).map(({ status }) => status)).toEqual([201, 204, 201, 201])
      expect((JSON.parse(one(parts[1]).text) as { value: Json[] }).value.map(({ Title }) => Title)).toEqual([
        'absolute',
        'of the new one',
      ])
      expect(one(parts[1]).text).not.toContain('$1')
      expect(one(parts[2]).text).toBe('changed')
    })

    it('follows references to the entity tag of an earlier request', async () => {
      const a = author()
      await running().send('POST', '/Authors', newAuthor(a))
      const patch = requestPart('PATCH', `Authors(${a})`, { headers: { 'If-Match': '$1' }, body: { Name: 'changed' } })
      const parts = await postMultipart(running(), [requestPart('GET', `Authors(${a})`, { id: '1' }), patch, patch], {
        Prefer: 'continue-on-error',
      })
      expect(parts.map((part) => one(part).status)).toEqual([200, 204, 412])
    })

    it('takes URLs in all three forms', async () => {
      const a = author()
      await running().send('POST', '/Authors', newAuthor(a))
      const { root } = running()
      const { pathname, host } = new URL(root)
      const parts = await postMultipart(running(), [
        requestPart('GET', `Authors(${a})`),
        requestPart('GET', `${pathname}/Authors(${a})`, { headers: { Host: host } }),
        requestPart('GET', `${root}/Authors(${a})`),
        requestPart('GET', "Authors?$filter=Name eq 'author 1' or true&$top=1"),
      ])
      expect(parts.map((part) => one(part).status)).toEqual([200, 200, 200, 200])
    })

    it('answers what UI5 sends', async () => {
      const a = author()
      const mime = ['Content-Type:application/http', 'Content-Transfer-Encoding:binary']
      const accept = 'Accept:application/json;odata.metadata=minimal;IEEE754Compatible=true'
      const content = 'Content-Type:application/json;charset=UTF-8;IEEE754Compatible=true'
      const body = lines(
        '--batch_id-1700000000000-12',
        ...mime,
        '',
        `GET Authors(${a})?$select=ID,Name HTTP/1.1`,
        accept,
        'Accept-Language:en',
        'X-CSRF-Token:Fetch',
        '',
        '',
        '--batch_id-1700000000000-12',
        'Content-Type: multipart/mixed;boundary=changeset_id-1700000000000-13',
        '',
        '--changeset_id-1700000000000-13',
        ...mime,
        'Content-ID:0.1',
        '',
        'POST Authors HTTP/1.1',
        accept,
        content,
        'Prefer:return=minimal',
        '',
        `{"ID":${a},"Name":"UI5"}`,
        '--changeset_id-1700000000000-13--',
        '',
        '--batch_id-1700000000000-12',
        ...mime,
        '',
        `GET Authors(${a})?$select=ID,Name HTTP/1.1`,
        accept,
        '',
        '',
        '--batch_id-1700000000000-12--',
        '',
      )
      const answer = await running().send('POST', '/$batch', body, {
        Accept: 'multipart/mixed',
        'Content-Type': 'multipart/mixed; boundary=batch_id-1700000000000-12',
        'MIME-Version': '1.0',
        'OData-Version': '4.0',
        'OData-MaxVersion': '4.0',
        Prefer: 'odata.continue-on-error',
        'X-CSRF-Token': 'Fetch',
      })
      expect(answer.headers.get('OData-Version')).toBe('4.0')
      expect(answer.headers.get('Preference-Applied')).toBe('odata.continue-on-error=true')
      const parts = readMultipart(answer.headers.get('Content-Type'), await answer.text())
      expect(one(parts[0]).status).toBe(404)
      expect(many(parts[1])).toMatchObject([{ id: '0.1', status: 204 }])
      expect(many(parts[1])[0]?.headers.get('etag')).toMatch(/^W\/"/)
      expect(JSON.parse(one(parts[2]).text)).toMatchObject({ ID: a, Name: 'UI5' })
    })

    it('answers a request that is badly framed with 400, and the others all the same', async () => {
      const parts = await postMultipart(
        running(),
        [
          lines('Content-Type: text/plain', '', 'hello'),
          lines('Content-Type: application/http', '', 'nonsense'),
          lines('Content-Type: application/http', 'Content-ID: a b', '', 'GET Authors HTTP/1.1', '', ''),
          lines('Content-Type: application/http', '', 'POST Authors HTTP/1.1', 'Content-Length: 100', '', '{}'),
          lines('Content-Type: multipart/mixed; boundary=x', '', '--x', 'never closed'),
          changeSet(requestPart('GET', 'Authors/$count', { id: '1' })),
          requestPart('GET', 'Authors/$count'),
        ],
        { Prefer: 'continue-on-error' },
      )
      expect(parts.map((part) => one(part).status)).toEqual([400, 400, 400, 400, 400, 400, 200])
    })

    it('refuses a batch whose parts cannot be told apart, and executes none of it', async () => {
      const a = author()
      const whole = multipart('b', requestPart('POST', 'Authors', { body: newAuthor(a) }))
      for (const [body, type] of [
        [whole.slice(0, -6), 'multipart/mixed;boundary=b'],
        [whole, 'multipart/mixed;boundary=c'],
        [whole, 'multipart/mixed'],
        ['', 'multipart/mixed;boundary=b'],
      ] as const) {
        const answer = await running().send('POST', '/$batch', body, { 'Content-Type': type })
        expect(answer.status, type).toBe(400)
        expect(answer.headers.get('OData-Version')).toBe('4.0')
      }
      expect(await exists(a)).toBe(false)
    })
  })

  describe('JSON', () => {
    it('answers in order with ids, lower-case headers and bodies', async () => {
      const a = author()
      const answers = await postJson(running(), [
        { id: 'c', method: 'post', url: 'Authors', headers: json, body: newAuthor(a) },
        { id: 'g', method: 'GET', url: `/beta/Authors(${a})` },
        { id: 'n', method: 'get', url: 'Authors/$count', headers: { accept: 'text/plain' } },
        { id: 'x', method: 'get', url: '$metadata' },
        { id: 'd', method: 'delete', url: `Authors(${a})` },
        { id: 'm', method: 'get', url: `Authors(${a})` },
      ])
      expect(answers.map(({ id, status }) => [id, status])).toEqual([
        ['c', 201],
        ['g', 200],
        ['n', 200],
        ['x', 200],
        ['d', 204],
        ['m', 404],
      ])
      expect(answers[0]?.headers?.location).toBe(`${running().root}/Authors(${a})`)
      expect(answers[1]?.body).toMatchObject(newAuthor(a))
      expect(answers[2]?.body).toMatch(/^\d+$/)
      expect(Buffer.from(String(answers[3]?.body), 'base64url').toString()).toContain('<edmx:Edmx')
      expect(answers[4]).not.toHaveProperty('body')
      expect(answers[5]?.body).toMatchObject({ error: { code: 'entityNotFound' } })
    })

    it('keeps every digit of a body', async () => {
      const shop = `s${author()}`
      const text = `{"requests":[{"id":"1","method":"post","url":"StockLevels","headers":{"content-type":"application/json"},
        "body":{"Shop":"${shop}","Shelf":1,"Copies":9007199254740993,"Place":{"City":"x"}}}]}`
      const answer = await running().send('POST', '/$batch', text)
      expect(await answer.text()).toContain('"Copies":9007199254740993')
    })

    it('stores an atomicity group whole or not at all', async () => {
      const [a, b, c] = [author(), author(), author()]
      const group = (id: string, name: string, body: Json): Json => ({
        id,
        atomicityGroup: name,
        method: 'post',
        url: 'Authors',
        headers: json,
        body,
      })
      const answers = await postJson(running(), [
        group('1', 'good', newAuthor(a)),
        { id: '2', atomicityGroup: 'good', dependsOn: ['1'], method: 'get', url: '$1' },
        group('3', 'bad', newAuthor(b)),
        group('4', 'bad', newAuthor(a)),
        { id: '5', dependsOn: ['bad'], method: 'post', url: 'Authors', headers: json, body: newAuthor(c) },
        { id: '6', dependsOn: ['good'], method: 'get', url: '$1' },
      ])
      expect(answers.map(({ id, status, atomicityGroup }) => [id, status, atomicityGroup])).toEqual([
        ['1', 201, 'good'],
        ['2', 200, 'good'],
        ['3', 424, 'bad'],
        ['4', 409, 'bad'],
        ['5', 424, undefined],
        ['6', 200, undefined],
      ])
      expect([await exists(a), await exists(b), await exists(c)]).toEqual([true, false, false])
    })

    it('says of creates in a row whose key is taken, whatever comes after it', async () => {
      const [a, b, c, taken] = [author(), author(), author(), author()]
      await running().send('POST', '/Authors', newAuthor(taken))
      const group = (id: string, method: string, url: string, body?: Json): Json => ({
        ...{ id, atomicityGroup: 'g', method, url },
        ...(body === undefined ? {} : { headers: json, body }),
      })
      const creates = (...ids: number[]) => ids.map((id, i) => group(String(i), 'post', 'Authors', newAuthor(id)))
      for (const requests of [
        creates(a, taken, b),
        creates(a, a, b),
        [...creates(a, taken), group('2', 'get', `Authors(${taken})`)],
        [...creates(a, taken), group('2', 'get', 'Authors/$count')],
        [...creates(a, taken), group('2', 'patch', `Authors(${a})`, { Name: 'changed' })],
        [...creates(a, taken), group('2', 'post', 'Authors', { Name: 7 })],
        [...creates(a, taken), group('2', 'post', 'Authors', { ...newAuthor(c), Books: [{ Title: 't', Price: 1 }] })],
      ]) {
        const answers = await postJson(running(), requests)
        expect(answers.map(({ status }) => status)).toEqual([424, 409, 424])
        expect(answers[1]?.body?.error).toMatchObject({ code: 'entityExists' })
        expect([await exists(a), await exists(b), await exists(c)]).toEqual([false, false, false])
      }
    })

    it('reads within an atomicity group what the group has written, and nobody else before its end', async () => {
      const [a, b] = [author(), author()]
      const inGroup = (id: string, method: string, url: string, body?: Json): Json => ({
        id,
        atomicityGroup: 'g',
        method,
        url,
        ...(body === undefined ? {} : { headers: json, body }),
      })
      const answers = await postJson(running(), [
        inGroup('1', 'get', `Authors?$count=true&$filter=ID eq ${a}`),
        inGroup('2', 'post', 'Authors', newAuthor(a)),
        inGroup('3', 'get', `Authors?$count=true&$filter=ID eq ${a}`),
        inGroup('4', 'get', `Authors(${a})/Name`),
        inGroup('5', 'delete', `Authors(${a})`),
        inGroup('6', 'get', `Authors/$count?$filter=ID eq ${a}`),
        inGroup('7', 'put', `Authors(${b})`, newAuthor(b)),
        inGroup('8', 'post', '$7/Books', { Title: 'expanded', Price: 1 }),
        inGroup('9', 'get', `Authors?$filter=ID eq ${b}&$expand=Books($count=true)&$count=true`),
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 201, 200, 200, 204, 200, 201, 201, 200])
      expect(answers[8]?.body?.value).toMatchObject([{ ID: b, Books: [{ Title: 'expanded' }] }])
      expect([0, 2, 8].map((i) => answers[i]?.body?.['@odata.count'])).toEqual([0, 1, 1])
      expect(answers[5]?.body).toBe('0')
      expect([await exists(a), await exists(b)]).toEqual([false, true])
    })

    it('goes on after a failure, but not where the client prefers it not to', async () => {
      const requests = [
        { id: '1', method: 'get', url: 'Authors(-1)' },
        { id: '2', method: 'get', url: 'Authors/$count' },
      ]
      expect((await postJson(running(), requests)).map(({ status }) => status)).toEqual([404, 200])
      const stopped = await postJson(running(), requests, { Prefer: 'continue-on-error=false' })
      expect(stopped.map(({ status }) => status)).toEqual([404])
    })

    it('executes what depends on others only if they succeeded, or as "if" says', async () => {
      const read = (id: string, url: string, more: Json = {}): Json => ({ id, method: 'get', url, ...more })
      const answers = await postJson(running(), [
        read('ok', 'Authors/$count'),
        read('no', 'Authors(-1)'),
        read('1', 'Authors/$count', { dependsOn: ['ok'] }),
        read('2', 'Authors/$count', { dependsOn: ['ok', 'no'] }),
        read('3', 'Authors/$count', { dependsOn: ['2'] }),
        read('4', 'Authors/$count', { dependsOn: ['no'], if: 'not $no/$succeeded' }),
        read('5', 'Authors/$count', { dependsOn: ['no'], if: '$ok/$succeeded and ($no/$succeeded or false)' }),
        read('6', 'Authors/$count', { dependsOn: ['ok'], if: '$ok/value gt 3' }),
      ])
      expect(answers.map(({ status }) => status)).toEqual([200, 404, 200, 424, 424, 200, 424, 501])
      expect(answers[3]?.body).toMatchObject({ error: { code: 'failedDependency' } })
    })

    it('refuses a frame that is wrong, and executes none of it', async () => {
      const a = author()
      const create = { id: '1', method: 'post', url: 'Authors', headers: json, body: newAuthor(a) }
      const read = { id: '2', method: 'get', url: 'Authors' }
      for (const requests of [
        [create, create],
        [create, { ...read, id: 1 }],
        [create, { method: 'get', url: 'Authors' }],
        [create, 7],
        [create, { ...read, dependsOn: ['3'] }, { ...read, id: '3' }],
        [create, { ...read, dependsOn: 'all' }],
        [{ ...create, atomicityGroup: 'g' }, read, { ...read, id: '3', atomicityGroup: 'g' }],
        [create, { ...read, atomicityGroup: '1' }],
        'none',
        undefined,
      ]) {
        const answer = await running().send('POST', '/$batch', { requests })
        expect(answer.status, JSON.stringify(requests)).toBe(400)
      }
      expect((await running().send('POST', '/$batch', '{"requests":[')).status).toBe(400)
      expect(await exists(a)).toBe(false)
    })

    it('answers a request that cannot be read with 400, and the others all the same', async () => {
      const answers = await postJson(running(), [
        { id: '1', url: 'Authors' },
        { id: '2', method: 'get' },
        { id: '3', method: 'get', url: 'Authors', body: {} },
        { id: '4', method: 'get', url: 'Authors', headers: { a: 1 } },
        { id: '5', method: 'get', url: 'Authors', headers: { accept: 'a', Accept: 'b' } },
        { id: '6', method: 'get', url: 'Authors', headers: { 'x\r\ny': 'b' } },
        { id: '7', method: 'post', url: 'Authors', headers: { 'content-type': 'image/png' }, body: '*' },
        { id: '8', method: 'post', url: 'Authors', headers: { 'content-type': 'image/png' }, body: 'AAAA' },
        { id: '9', method: 'get', url: 'Authors/$count' },
      ])
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 400, 415, 200])
    })
  })

  describe('formats', () => {
    it('answers a multipart batch as JSON, and a JSON one as multipart, where only that is accepted', async () => {
      const a = author()
      const answer = await running().send(
        'POST',
        '/$batch',
        multipart(
          'b',
          requestPart('GET', 'Authors/$count'),
          changeSet(requestPart('POST', 'Authors', { id: 'c', body: newAuthor(a) })),
        ),
        { 'Content-Type': 'multipart/mixed;boundary=b', Accept: 'application/json' },
      )
      const { responses } = (await answer.json()) as { responses: JsonAnswer[] }
      expect(responses.map(({ id, status }) => [id, status])).toEqual([
        [undefined, 200],
        ['c', 201],
      ])
      expect(responses[1]?.atomicityGroup).toBeTruthy()
      const other = await running().send(
        'POST',
        '/$batch',
        { requests: [{ id: 'x', method: 'get', url: 'Authors/$count' }] },
        { Accept: 'multipart/mixed' },
      )
      const [part] = readMultipart(other.headers.get('Content-Type'), await other.text())
      expect(one(part)).toMatchObject({ id: 'x', status: 200 })
    })

    it('refuses other media types, other methods, and answers nobody takes', async () => {
      const send = (headers: Record<string, string>) =>
        running()
          .send('POST', '/$batch', { requests: [] }, headers)
          .then(({ status }) => status)
      expect(await send({ 'Content-Type': 'text/plain' })).toBe(415)
      expect(await send({ Accept: 'text/html' })).toBe(406)
      expect(await send({ 'OData-Version': '5.0' })).toBe(400)
      expect(await send({ Accept: 'application/json, text/plain, */*' })).toBe(200)
      const get = await running().get('/$batch')
      expect([get.status, get.headers.get('Allow')]).toEqual([405, 'POST'])
    })

    it('speaks the version of the batch in each answer', async () => {
      const a = author()
      const answer = await running().send(
        'POST',
        '/$batch',
        {
          requests: [
            { id: '1', method: 'post', url: 'Authors', headers: json, body: newAuthor(a) },
            { id: '2', method: 'get', url: `Authors(${a})`, headers: { 'odata-maxversion': '4.0' } },
          ],
        },
        { 'OData-MaxVersion': '4.01' },
      )
      expect(answer.headers.get('OData-Version')).toBe('4.01')
      const { responses } = (await answer.json()) as { responses: JsonAnswer[] }
      expect(responses[0]?.body).toHaveProperty('@context')
      expect(responses[1]?.body).toHaveProperty('@odata.context')
    })

    it('streams what is large, whole', async () => {
      const a = author()
      const parts: string[] = []
      for (let i = 0; i < 5; i++)
        parts.push(
          changeSet(
            ...[...Array(18).keys()].map((n) =>
              requestPart('POST', 'Authors', {
                id: `${i}.${n}`,
                body: {
                  ID: 1_000_000 + a * 100 + i * 18 + n,
                  Name: 'ü'.repeat(200),
                  Address: { City: 'c'.repeat(100) },
                },
              }),
            ),
          ),
        )
      expect(await postMultipart(running(), parts)).toHaveLength(5)
      const reads = [...Array(20).keys()].map(() => requestPart('GET', 'Authors?$filter=ID gt 1000000'))
      const answered = await postMultipart(running(), reads)
      const texts = new Set(answered.map((part) => one(part).text))
      expect(answered).toHaveLength(20)
      expect(texts.size).toBe(1)
      expect((JSON.parse([...texts][0] ?? '') as { value: Json[] }).value.length).toBeGreaterThanOrEqual(90)
    })
  })

  describe('change sets beside each other', () => {
    it('let one of many store what they all want, and the others nothing', async () => {
      const wanted = author()
      const own = Array.from({ length: 8 }, author)
      const answers = await Promise.all(
        own.map((id) =>
          postMultipart(running(), [
            changeSet(
              requestPart('POST', 'Authors', { id: '1', body: newAuthor(id) }),
              requestPart('POST', '$1/Books', { id: '2', body: { Title: `of ${id}`, Price: 1 } }),
              requestPart('POST', 'Authors', { id: '3', body: newAuthor(wanted) }),
            ),
          ]),
        ),
      )
      const won = answers.map(([part]) => Array.isArray(part))
      expect(won.filter(Boolean)).toHaveLength(1)
      for (const [i, [part]] of answers.entries()) if (!won[i]) expect(one(part).status).toBe(409)
      expect(await Promise.all(own.map(exists))).toEqual(won)
      const filter = own.map((id) => `Title eq 'of ${id}'`).join(' or ')
      const count = await running().get(`/Books/$count?$filter=${encodeURIComponent(filter)}`)
      expect(await count.text()).toBe('1')
    })
  })

  describe('attacks', () => {
    it('keeps requests under the service root', async () => {
      const { host } = new URL(running().root)
      const a = author()
      const urls = [
        'http://evil.example/beta/Authors',
        `http://${host}.evil.example/beta/Authors`,
        `http://user@${host}/beta/Authors`,
        `http://${host}/admin`,
        `http://${host}/betamax`,
        `//${host}/beta/Authors`,
        '/admin',
        '/beta/../admin',
        '$1/../../../admin',
        '$1/%2e%2E/Authors',
        'Authors/./$count',
        'file:///etc/passwd',
        'Authors#fragment',
        'Authors\\..\\admin',
        'Authors\u0000',
        'Authors?$top=1\r\nX-Injected: 1',
      ]
      const answers = await postJson(running(), [
        { id: '1', method: 'post', url: 'Authors', headers: json, body: newAuthor(a) },
        ...urls.map((url, i) => ({ id: `u${i}`, method: 'get', url })),
      ])
      expect(answers.slice(1).map(({ status }, i) => [urls[i], status])).toEqual(urls.map((url) => [url, 400]))
    })

    it('refuses a batch in a batch, in every form', async () => {
      const inner = { requests: [{ id: '1', method: 'get', url: 'Authors' }] }
      const answers = await postJson(
        running(),
        ['$batch', '/beta/$batch', `${running().root}/$batch`, '%24batch'].map((url, i) => ({
          id: String(i),
          method: 'post',
          url,
          headers: json,
          body: inner,
        })),
      )
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, expect.any(Number)])
      expect(answers[3]?.status).not.toBe(200)
    })

    it('lets no header of a request reach beyond it', async () => {
      const answers = await postJson(running(), [
        {
          id: '1',
          method: 'get',
          url: 'Authors?$top=1',
          headers: {
            host: 'evil.example',
            'x-forwarded-host': 'evil.example',
            'x-forwarded-proto': 'https',
            authorization: 'Bearer forged',
            cookie: 'a=b',
            'transfer-encoding': 'chunked',
          },
        },
      ])
      expect(answers[0]?.status).toBe(200)
      expect(JSON.stringify(answers)).not.toContain('evil')
    })

    it('keeps to its limits', async () => {
      const reads = (count: number) =>
        [...Array(count).keys()].map((i) => ({ id: String(i), method: 'get', url: 'Authors/$count' }))
      expect(await postJson(running(), reads(100))).toHaveLength(100)
      const answer = await running().send('POST', '/$batch', { requests: reads(101) })
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain('limit batchParts')
      const sets = multipart(
        'b',
        ...[...Array(51).keys()].map(() =>
          changeSet(
            requestPart('DELETE', 'Authors(-1)', { id: '1' }),
            requestPart('DELETE', 'Authors(-1)', { id: '2' }),
          ),
        ),
      )
      const many = await running().send('POST', '/$batch', sets, { 'Content-Type': 'multipart/mixed;boundary=b' })
      expect(many.status).toBe(400)
      const large = await rawRequest(running().root, '/$batch', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: `{"requests":[],"x":"${'x'.repeat(4_194_304)}"}`,
      })
      expect(large.status).toBe(413)
      expect(large.text).toContain('limit batchBytes')
      const body = { ...newAuthor(author()), Name: 'x'.repeat(1_048_576) }
      const [part] = await postJson(running(), [{ id: '1', method: 'post', url: 'Authors', headers: json, body }])
      expect(part?.status).toBe(413)
    })
  })
})

const { uri, reason } = mongodb()
describe.skipIf(uri === undefined)(`requests in a batch on MongoDB${uri === undefined ? `: ${reason}` : ''}`, () => {
  let running: RunningService
  const commands: Document[] = []
  beforeAll(async () => {
    const database = freshDatabase(uri ?? '')
    const observe = ({ command }: CommandStartedEvent) => {
      commands.push(command)
    }
    const data = { open: () => mongoStore(database, { observe }), remove: () => undefined }
    running = await startService(bookshopModel, data, { lookUpForeignKeys: true })
    for (let id = 0; id < 20; id++) await running.send('POST', '/Authors', { ID: id, Name: `n${id}` })
  })
  afterAll(() => running?.stop())

  it('go to the store as one command', async () => {
    commands.length = 0
    const reads = Array.from({ length: 20 }, (_, i) => ({ id: String(i), method: 'get', url: `Authors(${i})` }))
    const answers = await postJson(running, reads)
    expect(answers.map(({ body }) => body?.Name)).toEqual(reads.map(({ id }) => `n${id}`))
    expect(commands.filter((command) => 'find' in command || 'aggregate' in command)).toHaveLength(1)
  })

  it('and creates of a change set as one insert, as do entities nested in another', async () => {
    const sent = () =>
      commands.map((command) =>
        'insert' in command ? `${command.insert} ${command.documents.length}` : Object.keys(command)[0],
      )
    const requests = Array.from({ length: 10 }, (_, i) => ({
      ...{ id: String(i), atomicityGroup: 'g', method: 'post', url: 'Books', headers: json },
      body: { Title: `t${i}`, Price: 1, 'Author@odata.bind': 'Authors(1)' },
    }))
    commands.length = 0
    const answers = await postJson(running, requests)
    expect(answers.map(({ status }) => status)).toEqual(requests.map(() => 201))
    // the last looks whether the author is still there
    expect(sent()).toEqual(['find', 'Books 10', 'commitTransaction', 'find'])
    commands.length = 0
    const Books = requests.map(({ body }) => ({ Title: body.Title, Price: 1 }))
    const made = await running.send('POST', '/Authors', { ...newAuthor(author()), Books })
    expect(made.status, await made.clone().text()).toBe(201)
    expect(((await made.json()) as { Books: Json[] }).Books).toHaveLength(10)
    // what the answer shows is known, and nobody can have deleted the author before
    expect(sent()).toEqual(['Authors 1', 'Books 10', 'commitTransaction'])
  })
})
