import { beforeEach, expect, it } from 'vitest'
import {
  type CallerContext,
  type ChangeContext,
  type CommittedChange,
  ODataController,
  ODataError,
  odataFilter,
  type PlainObject,
  type RequestContext,
} from '../../src/index.ts'
import type { DeletePlan, UpdatePlan } from '../../src/plan/plan.ts'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown> & { value: Json[] }

let committed: [kind: string, name: unknown][] = []
let attempts = 0
/** runs once, in the middle of the next update */
let interfere: (() => Promise<void>) | undefined
let failing: 'before' | 'after' | undefined

class Authors extends ODataController {
  override afterRead(author: PlainObject, { request, principal }: CallerContext) {
    expect(principal).toBeUndefined()
    if (request.headers['x-shout'] === undefined) return undefined
    return { Name: String(author.Name).toUpperCase(), Born: '1900-01-01', ID: 7, Address: { City: 'X' } }
  }
  override async beforeUpdate(_changes: PlainObject, context: ChangeContext<PlainObject, UpdatePlan>) {
    attempts++
    await context.stored()
    const once = interfere
    interfere = undefined
    await once?.()
  }
  override afterUpdate() {
    if (failing === 'before') throw new ODataError('conflict', 'Not today.')
  }
  override afterCommit({ kind, entity }: CommittedChange<PlainObject>) {
    committed.push([kind, entity.Name])
    if (failing === 'after') throw new Error('the mail server is down')
  }
}

/** Deleted books stay in the store, and nobody sees them. */
class Books extends ODataController {
  override rowFilter() {
    return odataFilter`not Tags/any(t:t eq ${'deleted'})`
  }
  override async delete(context: RequestContext<DeletePlan>) {
    const outcome = await this.change(context, { Tags: ['deleted'] })
    return outcome.kind === 'updated' ? { kind: 'deleted' as const } : outcome
  }
}

onEveryService(
  'hooks around reads and commits',
  bookshopModel,
  { enforcePermissions: false, controllers: { Authors, Books } },
  (running) => {
    let id = 0
    beforeEach(() => {
      committed = []
      attempts = 0
      interfere = undefined
      failing = undefined
    })
    const shout = { 'x-shout': '1' }
    const json = async (path: string, headers: Record<string, string> = {}) =>
      (await (await running().get(path, headers)).json()) as Json
    const make = async (name: string) => {
      id++
      const answer = await running().send('POST', '/Authors', { ID: id, Name: name, Born: '1980-02-03' })
      expect(answer.status).toBe(201)
      return id
    }

    it('afterRead changes what is shown, wherever it is shown, and nothing that is stored', async () => {
      const first = await make('b')
      const second = await make('a')
      const loud = { ID: first, Name: 'B', Born: '1900-01-01', Address: { City: 'X', Street: null, Country: null } }
      const single = await running().get(`/Authors(${first})`, shout)
      expect(single.headers.get('ETag')).toBe('W/"1"')
      expect(await single.json()).toMatchObject(loud)
      expect(await json(`/Authors(${first})/Name`, shout)).toMatchObject({ value: 'B' })
      expect(await (await running().get(`/Authors(${first})/Name/$value`, shout)).text()).toBe('B')
      const page = await json(`/Authors?$filter=ID ge ${first}&$orderby=Name`, { ...shout, Prefer: 'maxpagesize=1' })
      expect(page.value).toMatchObject([{ ID: second, Name: 'A' }])
      const next = await json(String(page['@odata.nextLink']).slice(running().root.length), shout)
      expect(next.value).toMatchObject([loud])
      expect((await json(`/Authors?$filter=Name eq 'B'`, shout)).value, 'filters know what is stored').toEqual([])
      const patched = await running().send(
        'PATCH',
        `/Authors(${first})`,
        { Name: 'c' },
        { ...shout, Prefer: 'return=representation' },
      )
      expect(await patched.json()).toMatchObject({ ...loud, Name: 'C' })
      expect(await json(`/Authors(${first})`)).toMatchObject({ Name: 'c', Born: '1980-02-03', Address: null })
      await running().send('POST', '/Books', { Title: 'T', Price: 1, AuthorID: first, Tags: [`by${first}`] })
      const books = await json(`/Books?$expand=Author&$filter=AuthorID eq ${first}`, shout)
      expect(books.value).toMatchObject([{ Title: 'T', Author: { ...loud, Name: 'C' } }])
    })

    it('afterCommit runs once a change is durable, for each kind of change', async () => {
      const author = await make('d')
      await running().send('PATCH', `/Authors(${author})`, { Name: 'e' })
      await running().send('DELETE', `/Authors(${author})`, undefined)
      expect(committed).toEqual([
        ['created', 'd'],
        ['updated', 'e'],
        ['deleted', 'e'],
      ])
    })

    it('afterCommit does not run for what is taken back', async () => {
      const author = await make('f')
      committed = []
      failing = 'before'
      expect((await running().send('PATCH', `/Authors(${author})`, { Name: 'g' })).status).toBe(409)
      expect(committed).toEqual([])
      expect((await json(`/Authors(${author})`)).Name).toBe('f')
      failing = undefined
      const group = (second: unknown) => ({
        requests: [
          { id: '1', atomicityGroup: 'g', method: 'POST', url: 'Authors', body: { ID: ++id, Name: 'h' } },
          { id: '2', atomicityGroup: 'g', method: 'POST', url: 'Authors', body: second },
        ],
      })
      await running().send('POST', '/$batch', group({ ID: author, Name: 'taken' }))
      expect(committed).toEqual([])
      await running().send('POST', '/$batch', group({ ID: ++id, Name: 'i' }))
      expect(committed).toEqual([
        ['created', 'h'],
        ['created', 'i'],
      ])
    })

    it('afterCommit runs once though the transaction ran twice after a conflict', async () => {
      const author = await make('j')
      committed = []
      interfere = async () => {
        expect((await running().send('PATCH', `/Authors(${author})`, { Born: '2000-01-01' })).status).toBe(204)
      }
      expect((await running().send('PATCH', `/Authors(${author})`, { Name: 'k' })).status).toBe(204)
      expect(attempts, 'of the interfering update one, of the other two').toBe(3)
      expect(committed).toEqual([
        ['updated', 'j'],
        ['updated', 'k'],
      ])
      expect(await json(`/Authors(${author})`)).toMatchObject({ Name: 'k', Born: '2000-01-01' })
    })

    it('afterCommit cannot make a change fail that stands', async () => {
      failing = 'after'
      const author = await make('l')
      expect((await json(`/Authors(${author})`)).Name).toBe('l')
    })

    it('make a soft delete: the row stays, and nobody sees it', async () => {
      const created = await running().send('POST', '/Books', { Title: 'Gone', Price: 1, Tags: [] })
      const { ID } = (await created.json()) as { ID: string }
      expect((await running().send('DELETE', `/Books(${ID})`, undefined, { 'If-Match': 'W/"7"' })).status).toBe(412)
      expect((await running().send('DELETE', `/Books(${ID})`, undefined)).status).toBe(204)
      expect((await running().get(`/Books(${ID})`)).status).toBe(404)
      expect((await json("/Books?$filter=Title eq 'Gone'&$count=true"))['@odata.count']).toBe(0)
      expect((await running().send('DELETE', `/Books(${ID})`, undefined)).status).toBe(404)
    })
  },
)
