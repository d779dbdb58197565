import { expect, it } from 'vitest'
import type { OperationContext } from '../../src/service/operations/handlers.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { jsonClient } from '../support/json-client.ts'
import { onEveryService } from '../support/running-service.ts'

/** If-Match and If-None-Match, resource by resource (Protocol 8.2.4, 8.2.5; RFC 9110 13.1, 13.2). */

const operations = {
  'lib.Sell': async ({ count }: { readonly [name: string]: unknown }, context: OperationContext) => {
    const book = (await context.binding()) as PlainObject
    return context.send('PATCH', context.path ?? '', { Stock: (book.Stock as bigint) - (count as bigint) })
  },
}

/** A header, and the statuses of a read, a change by PATCH, a replacement by PUT, a deletion and an action, of an entity whose tag is W/"2". */
const table = [
  ['If-Match', 'W/"2"', 200, 204, 204, 204, 200],
  ['If-Match', '"2"', 200, 204, 204, 204, 200],
  ['If-Match', '*', 200, 204, 204, 204, 200],
  ['If-Match', 'W/"1"', 412, 412, 412, 412, 412],
  ['If-Match', 'W/"1", "x", W/"2"', 200, 204, 204, 204, 200],
  ['If-Match', '"", "x"', 412, 412, 412, 412, 412],
  ['If-Match', '2', 400, 400, 400, 400, 400],
  ['If-Match', '"2', 400, 400, 400, 400, 400],
  ['If-None-Match', 'W/"2"', 304, 412, 412, 412, 412],
  ['If-None-Match', '"2"', 304, 412, 412, 412, 412],
  ['If-None-Match', '*', 304, 412, 412, 412, 412],
  ['If-None-Match', 'W/"1"', 200, 204, 204, 204, 200],
  ['If-None-Match', 'W/"1", W/"2"', 304, 412, 412, 412, 412],
] as const

onEveryService('preconditions', 'test/models/operations.xml', { enforcePermissions: false, operations }, (running) => {
  const { ask, get, make } = jsonClient(running)
  let next = 1
  /** a book of version 2, related to an author */
  const book = async (): Promise<{ path: string; author: number }> => {
    const ID = next++
    await make('/Authors', { ID, Name: 'n' })
    const answer = await make('/Books', { ID, Title: 'one', Price: 1, Stock: 5, Tags: [], AuthorID: ID })
    expect(answer.headers.get('ETag')).toBe('W/"1"')
    const changed = await ask('PATCH', `/Books(${ID})`, { Title: 'two' }, { Prefer: 'return=representation' })
    expect([changed.headers.get('ETag'), changed.json?.['@odata.etag']]).toEqual(['W/"2"', 'W/"2"'])
    return { path: `/Books(${ID})`, author: ID }
  }

  it.each(table)('%s: %s', async (name, value, read, merged, replaced, deleted, acted) => {
    const headers = { [name]: value }
    const { path, author } = await book()
    const before = (await get(path)).text
    for (const target of [path, `${path}/Title`, `${path}/Title/$value`, `/Authors(${author})/Books(${author})`]) {
      const answer = await get(target, headers)
      expect(answer.status, target).toBe(read)
      // of a property the tag is that of its entity
      if (read === 200 || read === 304) expect(answer.headers.get('ETag'), target).toBe('W/"2"')
      if (read === 304) expect(answer.text).toBe('')
    }
    const head = await running().send('HEAD', path, undefined, headers)
    expect(head.status).toBe(read)
    const untouched = async (status: number): Promise<void> => {
      if (status >= 400) expect((await get(path)).text).toBe(before)
    }
    const act = async (method: string, target: string, body: unknown, status: number): Promise<void> => {
      const answer = await ask(method, target, body, headers)
      expect(answer.status, `${method} ${target}: ${answer.text}`).toBe(status)
      if (status === 412) expect(answer.error?.code).toBe('preconditionFailed')
      await untouched(status)
    }
    // each change on an entity of version 2
    await act('PATCH', path, { Title: 'three' }, merged)
    for (const [method, target, body, status] of [
      ['PUT', '', { Title: 'three', Stock: 1, Tags: [] }, replaced],
      ['PATCH', '/Size', { Width: 1 }, merged],
      ['PUT', '/Title', { value: 'three' }, merged],
      ['DELETE', '/Pages', undefined, merged],
      ['DELETE', '/Author/$ref', undefined, merged],
      ['POST', '/lib.Sell', { count: 1 }, acted],
      ['DELETE', '', undefined, deleted],
    ] as const) {
      const other = await book()
      const answer = await ask(method, other.path + target, body, headers)
      expect(answer.status, `${method} ${target}: ${answer.text}`).toBe(status)
      if (status >= 400) expect((await get(other.path)).headers.get('ETag')).toBe('W/"2"')
    }
  })

  it('both hold, or neither is done', async () => {
    const { path } = await book()
    const both = (ifMatch: string, ifNoneMatch: string) => ({ 'If-Match': ifMatch, 'If-None-Match': ifNoneMatch })
    for (const headers of [both('W/"2"', '*'), both('*', 'W/"2"'), both('W/"1", W/"2"', 'W/"2"')])
      expect((await ask('PATCH', path, { Title: 'x' }, headers)).status).toBe(412)
    expect((await get(path)).json?.Title).toBe('two')
    expect((await ask('PATCH', path, { Title: 'x' }, both('W/"2"', 'W/"1"'))).status).toBe(204)
    expect((await ask('PATCH', path, { Title: 'y' }, both('*', 'W/"1"'))).status).toBe(204)
  })

  it('decide about what is not there: If-Match never upserts, If-None-Match: * never updates', async () => {
    const missing = `/Books(${next++})`
    expect((await get(missing, { 'If-Match': '*' })).status).toBe(404)
    for (const ifMatch of ['*', 'W/"1"'])
      for (const method of ['PATCH', 'PUT', 'DELETE'])
        expect((await ask(method, missing, { Title: 'x', Tags: [] }, { 'If-Match': ifMatch })).status).toBe(412)
    expect((await get(missing)).status).toBe(404)
    const upsert = { Title: 'x', Tags: [] }
    expect((await ask('PUT', missing, upsert, { 'If-None-Match': '*' })).status).toBe(201)
    expect((await ask('PUT', missing, upsert, { 'If-None-Match': '*' })).status).toBe(412)
    expect((await get(missing)).headers.get('ETag')).toBe('W/"1"')
  })

  it('find no tag on a collection', async () => {
    await book()
    expect((await get('/Books', { 'If-Match': 'W/"1"' })).status).toBe(412)
    expect((await get('/Books', { 'If-Match': '*' })).status).toBe(200)
    expect((await get('/Books', { 'If-None-Match': 'W/"1"' })).status).toBe(200)
    expect((await get('/Books', { 'If-None-Match': '*' })).status).toBe(304)
    expect((await get('/Books')).headers.get('ETag')).toBeNull()
  })

  it('hold in batches, each request by its own', async () => {
    const { path } = await book()
    const change = (id: string, ifMatch: string) => ({
      ...{ id, method: 'PATCH', url: path.slice(1), body: { Title: id } },
      headers: { 'Content-Type': 'application/json', 'If-Match': ifMatch },
    })
    const { json } = await ask('POST', '/$batch', {
      requests: [change('1', 'W/"9"'), change('2', 'W/"2"'), change('3', 'W/"2"')],
    })
    const responses = json?.responses as { status: number }[] | undefined
    expect(responses?.map(({ status }) => status)).toEqual([412, 204, 412])
    expect((await get(path)).json?.Title).toBe('2')
  })
})
