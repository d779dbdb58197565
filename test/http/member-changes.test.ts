import { beforeEach, describe, expect, it } from 'vitest'
import { type DeletePlan, ODataController, type RequestContext } from '../../src/index.ts'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown>

/** What hooks were told, and what they refuse. */
const told: string[] = []
/** entities are marked, not deleted */
let softly = false
/** what somebody else does before the next change is stored */
let meddling: (() => Promise<void>) | undefined
const none = 'application/json;odata.metadata=none'
class Items extends ODataController {
  override async beforeUpdate(changes: Json): Promise<void> {
    await meddling?.()
    told.push(`update ${JSON.stringify(changes)}`)
    if (changes.name === 'refused') throw new Error('never to be seen')
  }
  override afterDelete(entity: Json): void {
    told.push(`delete ${entity.id}`)
  }
  override async delete(context: RequestContext<DeletePlan>): ReturnType<ODataController['delete']> {
    if (!softly) return super.delete(context)
    const { kind } = await this.change(context, { name: 'marked' })
    return { kind: kind === 'updated' ? 'deleted' : kind }
  }
}
/** Only rows that are not hidden. */
class Plain extends ODataController {
  override rowFilter(): string {
    return "name ne 'hidden'"
  }
}

const settings = { controllers: { items: Items, plain: Plain } }

onEveryService('changes of the entities of a collection', 'test/models/changes.xml', settings, (running) => {
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await running().send(method, path, body, headers)
    const text = await answer.text()
    const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Json & { error: Json; value: Json[] }
    return { status: answer.status, headers: answer.headers, text, json, code: json.error?.code }
  }
  const tried = async (method: string, path: string, body?: unknown, headers = {}): Promise<readonly unknown[]> => {
    const { status, code } = await send(method, path, body, headers)
    return code === undefined ? [status] : [status, code]
  }
  const all = async (set = 'items', select = 'id,name'): Promise<Json[]> =>
    (await send('GET', `/${set}?$select=${select}&$orderby=id`, undefined, { Accept: none })).json.value
  const latest = { 'OData-MaxVersion': '4.01', 'OData-Version': '4.01' }
  const delta = (path: string, value: unknown[], prefer?: string) =>
    send('PATCH', path, { '@context': '#$delta', value }, { ...latest, ...(prefer ? { Prefer: prefer } : {}) })

  beforeEach(async () => {
    for (const set of ['items', 'plain']) expect((await send('PUT', `/${set}`, { value: [] })).status).toBe(204)
    for (const [id, name] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ])
      expect((await send('POST', '/items', { id, name, percent: Number(id) * 10 })).status).toBe(201)
    told.length = 0
  })

  describe('/$each', () => {
    it('PATCH changes all, or those that filters and types choose', async () => {
      expect(await tried('PATCH', '/items/$filter(percent%20gt%2010)/$each', { name: 'x' })).toEqual([204])
      expect(await all()).toEqual([
        { id: 1, name: 'a' },
        { id: 2, name: 'x' },
        { id: 3, name: 'x' },
      ])
      expect(told.map((line) => line.slice(0, 6))).toEqual(['update', 'update'])
      expect(await tried('PATCH', "/items/$filter(@f)/$each?@f=name eq 'x' and id lt 3", { name: 'y' })).toEqual([204])
      await send('POST', '/items', { '@odata.type': '#c.Special', id: 4, extra: 'e' })
      const answer = await send('PATCH', '/items/c.Special/$each', { extra: 'f' }, { Prefer: 'return=representation' })
      expect(answer.json).toMatchObject({
        '@odata.context': `${running().root}/$metadata#items/c.Special`,
        value: [{ '@odata.type': '#c.Special', id: 4, extra: 'f' }],
      })
      expect(answer.headers.get('Preference-Applied')).toBe('return=representation')
      expect(await tried('PATCH', '/items/$each', { rank: 'High' })).toEqual([204])
      expect((await all('items', 'rank')).map(({ rank }) => rank)).toEqual(['High', 'High', 'High', 'High'])
      expect(await all()).toMatchObject([{ name: 'a' }, { name: 'y' }, { name: 'x' }, { id: 4 }])
      expect(await tried('PATCH', '/items/$filter(false)/$each', { rank: 'Low' })).toEqual([204])
    })

    it('all or nothing, and 405 to what it does not do', async () => {
      expect(await tried('PATCH', '/items/$each', { name: 'refused' })).toEqual([500, 'internal'])
      expect(await tried('PATCH', '/items/$each', { percent: 101 })).toEqual([400, 'valueInvalid'])
      expect(await tried('PATCH', '/items/$each', { sealed: 'x' })).toEqual([400, 'valueInvalid'])
      expect(await tried('PATCH', '/items/$each', undefined)).toEqual([415, 'unsupportedMediaType'])
      expect(await tried('PATCH', '/items/$each?$top=1', { name: 'x' })).toEqual([400, 'queryOptionNotAllowed'])
      expect(await tried('PATCH', '/items/$each', { name: 'x' }, { 'If-Match': 'W/"1"' })).toEqual([
        412,
        'preconditionFailed',
      ])
      for (const method of ['GET', 'PUT', 'POST']) {
        const { status, headers } = await send(method, '/items/$each', method === 'GET' ? undefined : {})
        expect([status, headers.get('Allow')], method).toEqual([405, 'PATCH, DELETE'])
      }
      expect(await tried('GET', '/items/$each/name')).toEqual([404, 'resourceNotFound'])
      expect(await all()).toMatchObject([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    })

    it('DELETE deletes, hooks and containment included; a representation tells what is gone', async () => {
      await send('POST', '/items(2)/parts', { id: 'p' })
      const gone = await send('DELETE', '/items/$filter(id%20ge%202)/$each', undefined, {
        ...latest,
        Prefer: 'return=representation',
      })
      expect([gone.status, gone.json['@context']]).toEqual([200, `${running().root}/$metadata#items/$delta`])
      expect(gone.json.value).toMatchObject([
        { '@removed': { reason: 'deleted' }, id: 2 },
        { '@removed': { reason: 'deleted' }, id: 3 },
      ])
      expect(told).toEqual(['delete 2', 'delete 3'])
      expect(await all()).toMatchObject([{ id: 1 }])
      expect(await tried('DELETE', '/items/$each')).toEqual([204])
      expect(await all()).toEqual([])
    })

    it('changes entities that are related to each other', async () => {
      expect(await tried('PATCH', '/items/$each', { 'next@odata.bind': 'items(3)' })).toEqual([204])
      expect((await send('GET', '/items(3)/previous?$select=id')).json.value).toMatchObject(
        [1, 2, 3].map((id) => ({ id })),
      )
      expect(await tried('DELETE', '/items(3)/previous/$each')).toEqual([204])
      expect(await all()).toEqual([])
    })

    it('gives of the updated members what $select and $expand say', async () => {
      await send('PUT', '/items(2)/next/$ref', { '@odata.id': 'items(3)' })
      const path = '/items/$filter(id%20lt%203)/$each?$select=id,name&$expand=next($select=id;$filter=@p)&@p=id gt 0'
      expect(await tried('PATCH', path, { name: 'x' })).toEqual([400, 'queryOptionNotAllowed'])
      expect((await all())[0]).toEqual({ id: 1, name: 'a' })
      const shown = path.replace(';$filter=@p)&@p=id gt 0', ')').replace('id%20lt%203', '@f').concat('&@f=id lt 3')
      for (const prefer of [{}, { Prefer: 'return=representation' }]) {
        const answer = await send('PATCH', shown, { name: 'x' }, { ...prefer, Accept: 'application/json' })
        expect(answer.json['@odata.context']).toBe(`${running().root}/$metadata#items(id,name,next(id))`)
        const tag = { '@odata.etag': expect.any(String) }
        expect(answer.json.value).toEqual([
          { ...tag, id: 1, name: 'x', next: null },
          { ...tag, id: 2, name: 'x', next: { ...tag, id: 3 } },
        ])
      }
      expect(await tried('PATCH', shown, { name: 'y' }, { Prefer: 'return=minimal' })).toEqual([204])
      await send('POST', '/items', { '@odata.type': '#c.Special', id: 4, extra: 'e' })
      const special = await send('PATCH', '/items/c.Special/$each?$select=extra', { extra: 'g' })
      expect(special.json).toMatchObject({
        '@odata.context': `${running().root}/$metadata#items/c.Special(extra)`,
        value: [{ extra: 'g' }],
      })
      expect(special.json.value[0]).not.toHaveProperty('name')
      expect(await tried('PATCH', '/plain/$each?$select=extras', { name: 'z' })).toEqual([400, 'nameNotFound'])
      expect(await tried('DELETE', '/items/$each?$select=id')).toEqual([400, 'queryOptionNotAllowed'])
      expect((await all())[2]).toEqual({ id: 3, name: 'c' })
    })

    it('heeds If-None-Match', async () => {
      const there = { 'If-None-Match': '*' }
      expect(await tried('PATCH', '/items/$each', { name: 'x' }, there)).toEqual([412, 'preconditionFailed'])
      expect(await tried('DELETE', '/items/$each', undefined, there)).toEqual([412, 'preconditionFailed'])
      expect(await tried('PATCH', '/items/$filter(false)/$each', { name: 'x' }, there)).toEqual([204])
      expect(await tried('PUT', '/items', { value: [] }, { ...latest, ...there })).toEqual([412, 'preconditionFailed'])
      expect((await all()).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
      await send('PATCH', '/items(2)', { name: 'B' })
      const first = (await send('GET', '/items(1)')).headers.get('ETag') ?? ''
      const continues = { Prefer: 'continue-on-error', 'If-None-Match': first }
      const { json } = await send('PATCH', '/items/$each', { name: 'x' }, continues)
      expect(json.value).toMatchObject([1, 3].map((id) => ({ '@odata.id': `items(${id})` })))
      expect((await all()).map(({ name }) => name)).toEqual(['a', 'x', 'c'])
    })

    it('changes each by itself what changes of the others touch', async () => {
      const continues = { Prefer: 'continue-on-error' }
      for (let round = 0; round < 2; round++)
        expect(await tried('PATCH', '/items/$each', { 'next@odata.bind': 'items(3)' }, continues)).toEqual([204])
      expect((await send('GET', '/items(3)/previous?$select=id')).json.value).toMatchObject(
        [1, 2, 3].map((id) => ({ id })),
      )
      // by a nested entity in each body
      const nested = { next: { id: 3, name: 'n' } }
      expect(await tried('PATCH', '/items/$filter(id lt 3)/$each', nested, { ...latest, ...continues })).toEqual([204])
      expect((await all())[2]).toEqual({ id: 3, name: 'n' })
      // what others change meanwhile stands: the hook of the first member changes the second
      meddling = async () => {
        meddling = undefined
        expect(await tried('PATCH', '/items(2)', { name: 'others' })).toEqual([204])
      }
      const answer = await send('PATCH', '/items/$each', { 'next@odata.bind': 'items(2)', title: 't' }, continues)
      expect(answer.json.value).toMatchObject([{ '@odata.id': 'items(2)' }])
      expect(answer.text).toContain('412')
      expect((await all()).map(({ name }) => name)).toEqual(['a', 'others', 'n'])
      expect(await tried('DELETE', '/items(2)/previous/$each', undefined, continues)).toEqual([204])
      expect(await all()).toEqual([{ id: 2, name: 'others' }])
    })

    it('leaves an entity that a controller only marks what it has', async () => {
      await send('POST', '/items(2)/parts', { id: 'p' })
      await send('PUT', '/items(1)/next/$ref', { '@odata.id': 'items(2)' })
      softly = true
      expect(await tried('DELETE', '/items(2)')).toEqual([204])
      expect(await tried('DELETE', '/items/$filter(id%20eq%202)/$each')).toEqual([204])
      softly = false
      expect(await all()).toMatchObject([{ name: 'a' }, { name: 'marked' }, { name: 'c' }])
      expect((await send('GET', '/items(2)/parts')).json.value).toMatchObject([{ id: 'p' }])
      expect((await send('GET', '/items(1)/next')).json).toMatchObject({ id: 2 })
      expect(await tried('DELETE', '/items(2)')).toEqual([204])
      expect(await tried('GET', '/items(1)/next')).toEqual([204])
      expect(await tried('POST', '/items?$index=0', { id: 9 })).toEqual([400, 'queryOptionNotAllowed'])
      expect(await tried('POST', '/items(1)/parts?$index=0', { id: 'q' })).toEqual([400, 'queryOptionNotAllowed'])
      expect(await tried('POST', '/items(1)/ordered?$index=0', { id: 'q' })).toEqual([201])
    })

    it('reaches contained and navigated collections, sees row filters', async () => {
      for (const id of ['p', 'q']) await send('POST', '/items(1)/parts', { id, size: 1 })
      expect(await tried('PATCH', "/items(1)/parts/$filter(id%20eq%20'p')/$each", { size: 2 })).toEqual([204])
      expect((await send('GET', '/items(1)/parts?$select=id,size')).json.value).toMatchObject([
        { id: 'p', size: 2 },
        { id: 'q', size: 1 },
      ])
      expect(await tried('DELETE', '/items(1)/parts/$each')).toEqual([204])
      expect((await send('GET', '/items(1)/parts')).json.value).toEqual([])
      await send('PUT', '/items(1)/next/$ref', { '@odata.id': 'items(2)' })
      await send('PUT', '/items(3)/next/$ref', { '@odata.id': 'items(2)' })
      expect(await tried('PATCH', '/items(2)/previous/$each', { name: 'before' })).toEqual([204])
      expect(await all()).toMatchObject([{ name: 'before' }, { name: 'b' }, { name: 'before' }])
      expect(await tried('PATCH', "/items/$filter(next/name%20eq%20'b')/$each", { name: 'far' })).toEqual([204])
      expect(await all()).toMatchObject([{ name: 'far' }, { name: 'b' }, { name: 'far' }])
      await delta('/plain', [
        { id: 1, name: 'seen' },
        { id: 2, name: 'hidden' },
      ])
      expect(await tried('PATCH', '/plain/$each', { count: 5 })).toEqual([204])
      expect(await tried('PUT', '/plain(1)/name', { value: 'hidden' })).toEqual([204])
      expect(await tried('PATCH', '/plain/$each', { count: 6 })).toEqual([204])
    })

    it('continues on errors where the client prefers that, and tells what failed', async () => {
      await send('PATCH', '/items(2)', { percent: null })
      const answer = await send('PATCH', '/items/$each', { name: 'refused' }, { Prefer: 'continue-on-error' })
      expect(answer.json.value).toHaveLength(3)
      expect(answer.json.value[0]).toEqual({
        '@odata.id': 'items(1)',
        '@Org.OData.Core.V1.DataModificationException': {
          failedOperation: 'update',
          responseCode: 500,
          info: expect.objectContaining({ code: 'internal', severity: 'error' }),
        },
      })
      expect(answer.headers.get('Preference-Applied')).toBe('odata.continue-on-error')
      expect((await send('PATCH', '/items/$each', { name: 'ok' }, { Prefer: 'continue-on-error' })).status).toBe(204)
    })
  })

  describe('PATCH of a collection with a delta', () => {
    it('upserts, deletes and links, in one transaction', async () => {
      const answer = await delta('/items', [
        { id: 2, name: 'B' },
        { id: 9, name: 'new', title: 't' },
        { '@removed': { reason: 'deleted' }, id: 3 },
        { '@id': 'items(1)', name: 'A' },
        { '@type': '#c.Special', id: 10, extra: 'e' },
        { '@context': '#items/$link', source: 'items(1)', relationship: 'next', target: 'items(9)' },
        { '@context': '#items/$link', source: 'items(9)', relationship: 'previous', target: 'items(2)' },
      ])
      expect([answer.status, answer.text]).toEqual([204, ''])
      expect(await all()).toEqual([
        { id: 1, name: 'A' },
        { id: 2, name: 'B' },
        { id: 9, name: 'new' },
        { id: 10, name: null },
      ])
      const previous = async () => (await send('GET', '/items(9)/previous?$select=id')).json.value.map(({ id }) => id)
      expect(await previous()).toEqual([1, 2])
      const parted = await delta('/items', [
        { '@context': '#items/$deletedLink', source: 'items(1)', relationship: 'next' },
        { '@context': '#items/$deletedLink', source: 'items(9)', relationship: 'previous', target: 'items(2)' },
        { '@removed': {}, '@id': `${running().root}/items(10)` },
      ])
      expect(parted.status).toBe(204)
      expect(await previous()).toEqual([])
      expect(await all()).toHaveLength(3)
    })

    it('all or nothing: the first error is the answer', async () => {
      for (const [item, status, code, target] of [
        [{ id: 8, name: 'x'.repeat(41) }, 400, 'valueInvalid', 'value/1/name'],
        [{ id: 'x' }, 400, 'keyInvalid', 'value/1/id'],
        [{ name: 'no key' }, 400, 'propertyRequired', 'value/1/id'],
        [{ '@removed': {}, id: 77 }, 404, 'entityNotFound', 'value/1'],
        [{ '@removed': {} }, 400, 'propertyRequired', 'value/1'],
        [{ '@id': 'plain(1)', name: 'x' }, 400, 'valueInvalid', 'value/1/@id'],
        [{ '@id': 'http://elsewhere/items(1)' }, 400, 'urlSyntax', 'value/1'],
        [
          { '@context': '#items/$link', source: 'items(1)', relationship: 'no', target: 'items(2)' },
          404,
          'resourceNotFound',
          'value/1/$ref',
        ],
        [{ id: 2, '@etag': 'W/"99"', name: 'x' }, 412, 'preconditionFailed', undefined],
      ] as const) {
        const { json } = await delta('/items', [{ id: 1, name: 'changed' }, item])
        expect([json.error?.code], JSON.stringify(item)).toEqual([code])
        if (target !== undefined) expect(String(json.error.target), JSON.stringify(item)).toContain(target)
        expect(await all(), `${status}`).toMatchObject([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
      }
      for (const body of ['[]', '{}', '{"value":{}}', '{"value":[1]}', '{"@context":"#items","value":[]}'])
        expect((await send('PATCH', '/items', body)).status, body).toBe(400)
      expect(
        (
          await delta(
            '/items',
            Array.from({ length: 1001 }, (_, id) => ({ id })),
          )
        ).json.error.message,
      ).toContain('memberChanges')
    })

    it('answers with a delta in the order of the request, Core.ContentID echoed', async () => {
      const { json, headers } = await delta(
        '/items',
        [
          { '@Core.ContentID': '1', id: 2, name: 'B' },
          { '@Org.OData.Core.V1.ContentID': '2', id: 9, name: 'new' },
          { '@Core.ContentID': '3', '@removed': {}, id: 3 },
        ],
        'return=representation',
      )
      expect(headers.get('Preference-Applied')).toBe('return=representation')
      expect(json).toMatchObject({
        '@context': `${running().root}/$metadata#items/$delta`,
        value: [
          { '@Core.ContentID': '1', id: 2, name: 'B', percent: 20 },
          { '@Org.OData.Core.V1.ContentID': '2', id: 9, name: 'new', title: 'untitled' },
          { '@Core.ContentID': '3', '@removed': { reason: 'deleted' }, id: 3 },
        ],
      })
    })

    it('continues on errors where the client prefers that: what failed is in the answer', async () => {
      const { status, json, headers } = await delta(
        '/items',
        [
          { '@Core.ContentID': '1', id: 8, percent: 101 },
          { id: 2, percent: 101 },
          { '@removed': {}, id: 77 },
          { id: 1, name: 'done' },
          { '@context': '#items/$link', source: 'items(1)', relationship: 'next', target: 'items(66)' },
          { '@context': '#items/$deletedLink', source: 'items(1)', relationship: 'previous', target: 'items(2)' },
        ],
        'return=minimal,continue-on-error',
      )
      expect([status, headers.get('Preference-Applied')]).toEqual([200, 'return=minimal, continue-on-error'])
      const name = '@Org.OData.Core.V1.DataModificationException'
      expect(json.value.map((item) => (item[name] as Json).failedOperation)).toEqual([
        'insert',
        'update',
        'delete',
        'link',
        'unlink',
      ])
      expect(json.value).toMatchObject([
        { '@removed': { reason: 'changed' }, '@Core.ContentID': '1', id: 8, [name]: { responseCode: 400 } },
        { id: 2, [name]: { info: { code: 'valueInvalid', target: 'percent' } } },
        { id: 77, [name]: { responseCode: 404 } },
        { '@context': `${running().root}/$metadata#items/$deletedLink`, source: 'items(1)', target: 'items(66)' },
        { '@context': `${running().root}/$metadata#items/$link`, relationship: 'previous' },
      ])
      expect(await all()).toMatchObject([{ name: 'done' }, { name: 'b' }, { name: 'c' }])
    })

    it('in the form of 4.0, and nested', async () => {
      const { status } = await send('PATCH', '/items', {
        '@odata.context': `${running().root}/$metadata#items/$delta`,
        value: [
          { '@odata.context': '#items/$deletedEntity', id: 'items(3)', reason: 'deleted' },
          { '@odata.id': 'items(2)', name: 'B' },
        ],
      })
      expect(status).toBe(204)
      expect(await all()).toMatchObject([{ id: 1 }, { name: 'B' }])
      const nested = await delta('/items', [
        { id: 1, 'parts@delta': [{ id: 'p', size: 1 }, { id: 'q' }] },
        { id: 2, next: { '@id': 'items(1)' } },
      ])
      expect(nested.status).toBe(204)
      expect(await tried('GET', '/items(1)/parts')).toEqual([200])
      expect((await send('GET', '/items(1)/previous')).json.value).toMatchObject([{ id: 2 }])
    })

    it('of contained and related collections', async () => {
      expect((await delta('/items(1)/parts', [{ id: 'p', size: 1 }, { id: 'q' }])).status).toBe(204)
      const shown = await delta('/items(1)/parts', [{ '@id': "items(1)/parts('p')", size: 2 }], 'return=representation')
      expect(shown.json).toMatchObject({
        '@context': `${running().root}/$metadata#items(1)/parts/$delta`,
        value: [{ id: 'p', size: 2 }],
      })
      expect((await delta('/items(2)/parts', [{ '@id': "items(1)/parts('p')", size: 2 }])).status).toBe(400)
      expect(
        (await delta('/items(2)/previous', [{ '@id': 'items(1)' }, { '@id': 'items(3)', name: 'C' }])).status,
      ).toBe(204)
      expect(await all()).toMatchObject([{ name: 'a' }, { name: 'b' }, { name: 'C' }])
      expect((await send('GET', '/items(2)/previous')).json.value).toHaveLength(2)
      const parted = await delta('/items(2)/previous', [{ '@removed': { reason: 'changed' }, id: 1 }])
      expect(parted.status).toBe(204)
      expect((await send('GET', '/items(2)/previous')).json.value).toMatchObject([{ id: 3 }])
      expect((await send('GET', '/items(1)')).status).toBe(200)
    })

    it('needs ETags where the model says so, and is refused where the model says that', async () => {
      await send('PUT', '/guarded', { value: [] })
      expect((await delta('/guarded', [{ id: 1, name: 'x' }])).status).toBe(204)
      expect((await delta('/guarded', [{ id: 1, name: 'y' }])).json.error.code).toBe('preconditionRequired')
      expect((await delta('/guarded', [{ '@removed': {}, id: 1 }])).json.error.code).toBe('preconditionRequired')
      const etag = (await send('GET', '/guarded(1)')).headers.get('ETag')
      expect((await delta('/guarded', [{ id: 1, '@etag': etag, name: 'y' }])).status).toBe(204)
      expect((await delta('/guarded', [{ id: 1, '@etag': etag, name: 'z' }])).json.error.code).toBe(
        'preconditionFailed',
      )
      expect(await tried('PATCH', '/guarded/$each', { name: 'each' })).toEqual([204])
      expect(await tried('PATCH', '/fixed', { value: [] })).toEqual([405, 'methodNotAllowed'])
      expect((await send('PATCH', '/fixed', { value: [] })).headers.get('Allow')).toBe('GET, HEAD, POST')
      expect(await tried('DELETE', '/fixed/$filter(true)/$each')).toEqual([400, 'badRequest'])
      expect(await tried('PATCH', '/fixed/$filter(true)/$each', {})).toEqual([400, 'badRequest'])
      expect(await tried('PATCH', '/items/c.Special', { value: [] })).toEqual([405, 'methodNotAllowed'])
      expect(await tried('PATCH', '/items/$filter(true)', { value: [] })).toEqual([405, 'methodNotAllowed'])
      expect(await tried('PATCH', '/items?$filter=true', { value: [] })).toEqual([400, 'queryOptionNotAllowed'])
    })
  })

  it('PUT of a collection replaces all of it', async () => {
    const body = {
      value: [
        { id: 2, name: 'B' },
        { id: 5, name: 'five' },
      ],
    }
    expect(await tried('PUT', '/items', body)).toEqual([204])
    expect(await all('items', 'id,name,percent')).toEqual([
      { id: 2, name: 'B', percent: null },
      { id: 5, name: 'five', percent: null },
    ])
    expect(told.filter((line) => line.startsWith('delete'))).toEqual(['delete 1', 'delete 3'])
    const shown = await send('PUT', '/items', { value: [{ id: 5, name: 'V' }] }, { Prefer: 'return=representation' })
    expect(shown.json.value).toMatchObject([{ id: 5, name: 'V' }])
    expect(await tried('PUT', '/items', { value: [{ id: 1 }, { id: 6, percent: -1 }] })).toEqual([400, 'valueInvalid'])
    expect(await all()).toMatchObject([{ id: 5 }])
    const answer = await send(
      'PUT',
      '/items',
      {
        value: [
          { id: 1, name: 'one' },
          { id: 6, percent: -1 },
        ],
      },
      { Prefer: 'continue-on-error' },
    )
    expect([answer.status, answer.json.value]).toMatchObject([200, [{ id: 1, name: 'one' }]])
  })
})
