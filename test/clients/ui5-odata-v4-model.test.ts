import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { OperationContext } from '../../src/service/operations/handlers.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { mongodb } from '../support/mongod.ts'
import {
  embeddedForTests,
  mongoForTests,
  type RunningService,
  type StoreForTests,
  startService,
} from '../support/running-service.ts'
import { loadUi5, type Ui5, type Ui5Error, type Ui5Model, ui5Missing } from '../support/ui5.ts'

/** OpenUI5's OData V4 model against a running service: everything it sends goes through `$batch`, what it writes in change sets with ETags. */

type Values = { readonly [name: string]: unknown }

const operations = {
  'lib.Discounted': async ({ percent }: Values, context: OperationContext) => {
    const book = (await context.binding()) as PlainObject
    return (Number(book.Price) * (1 - Number(percent) / 100)).toFixed(2)
  },
  'lib.Sell': async ({ count }: Values, context: OperationContext) => {
    const book = (await context.binding()) as PlainObject
    return context.send('PATCH', context.path ?? '', { Stock: (book.Stock as bigint) - (count as bigint) })
  },
  'lib.Cheapest': async ({ count }: Values, context: OperationContext) => {
    const { value } = (await context.send('GET', `Books?$orderby=Price&$top=${count}`)) as { value: PlainObject[] }
    return value
  },
  'lib.Restock': async ({ books, by }: Values, context: OperationContext) => {
    const changed: unknown[] = []
    for (const id of books as number[]) {
      const book = (await context.send('GET', `Books(${id})`)) as PlainObject
      changed.push(await context.send('PATCH', `Books(${id})`, { Stock: Number(book.Stock) + Number(by) }))
    }
    return changed
  },
}

const { uri, reason } = mongodb()
const stores: readonly (readonly [string, () => StoreForTests, boolean])[] = [
  ['embedded', embeddedForTests, false],
  [uri === undefined ? `mongodb: ${reason}` : 'mongodb', () => mongoForTests(uri ?? ''), uri === undefined],
]

for (const [name, store, skip] of stores)
  describe.skipIf(skip || ui5Missing !== '')(
    `OpenUI5's OData V4 model (${name}${ui5Missing && `: ${ui5Missing}`})`,
    () => {
      let running: RunningService
      let ui5: Ui5
      let next = 1

      const modelWith = (settings: object = {}): Ui5Model =>
        ui5.model({ serviceUrl: `${running.root}/`, updateGroupId: 'changes', ...settings })
      /** an author with books, outside the model */
      const author = async (books: number): Promise<number> => {
        const ID = next++
        const Books = Array.from({ length: books }, (_, n) => ({
          ID: ID * 100 + n,
          Title: `title ${n}`,
          Price: 10 + n,
          Stock: 5,
        }))
        const answer = await running.send('POST', '/Authors', { ID, Name: `author ${ID}`, Books })
        expect(answer.status, await answer.text()).toBe(201)
        return ID
      }
      const stored = async (path: string): Promise<Record<string, unknown> | number> => {
        const answer = await running.get(path)
        return answer.status === 200 ? ((await answer.json()) as Record<string, unknown>) : answer.status
      }
      const failure = async (call: Promise<unknown>): Promise<Ui5Error> => {
        const error = await call.then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        expect(error).toBeDefined()
        return error as Ui5Error
      }

      beforeAll(async () => {
        ui5 = loadUi5()
        running = await startService('test/models/operations.xml', store(), { enforcePermissions: false, operations })
      })
      beforeEach(() => {
        ui5.requests.length = 0
        ui5.messages.length = 0
      })
      afterAll(() => running?.stop())

      it('reads the model from $metadata', async () => {
        const meta = modelWith().getMetaModel()
        expect(await meta.requestObject('/Books/Author')).toMatchObject({
          $kind: 'NavigationProperty',
          $Type: 'lib.Author',
        })
        expect(await meta.requestObject('/Books/Stock')).toMatchObject({ $Type: 'Edm.Int64', $DefaultValue: '0' })
        expect(ui5.requests).toEqual([`GET ${running.root}/$metadata`])
      })

      it('pages through a list with filter, order, count and expand, by $batch', async () => {
        const ids = [await author(1), await author(2), await author(3)]
        const list = modelWith().bindList(
          '/Authors',
          undefined,
          [ui5.sorter('ID', true)],
          [ui5.filter('ID', 'GE', ids[0])],
          { $count: true, $expand: { Books: { $orderby: 'ID desc', $select: 'Title,Price' } }, $select: 'ID,Name' },
        )
        const met: unknown[] = []
        for (let at = 0; at < 3; at += 2)
          for (const context of await list.requestContexts(at, 2))
            met.push([context.getProperty('ID'), (context.getObject().Books as readonly unknown[]).length])
        expect(met).toEqual([
          [ids[2], 3],
          [ids[1], 2],
          [ids[0], 1],
        ])
        expect(list.getCount()).toBe(3)
        expect(ui5.requests.filter((request) => request.startsWith('POST'))).toEqual([
          `POST ${running.root}/$batch`,
          `POST ${running.root}/$batch`,
        ])
      })

      it('creates an entity and what it nests with one change set, and updates another in it', async () => {
        const other = await author(0)
        const ID = next++
        const model = modelWith()
        const list = model.bindList('/Authors', undefined, [], [], { $expand: 'Books' })
        const binding = model.bindContext(`/Authors(${other})`)
        await binding.requestObject()
        const created = list.create({
          ID,
          Name: 'new',
          Books: [
            { ID: ID * 100, Title: 'first', Price: '1.50', Tags: ['a'] },
            { ID: ID * 100 + 1, Title: 'second', Price: '2', Size: { Width: 1, Height: 2 } },
          ],
        })
        const renamed = binding.getBoundContext().setProperty('Name', 'renamed')
        expect(model.hasPendingChanges()).toBe(true)
        await model.submitBatch('changes')
        await Promise.all([created.created(), renamed])
        expect(created.isTransient()).toBe(false)
        expect(created.getObject()).toMatchObject({ ID, '@odata.etag': expect.stringMatching(/^W\/"/) })
        expect(created.getObject().Books).toHaveLength(2)
        expect(await stored(`/Books(${ID * 100 + 1})`)).toMatchObject({
          Title: 'second',
          AuthorID: ID,
          Size: { Width: 1 },
        })
        expect(await stored(`/Authors(${other})`)).toMatchObject({ Name: 'renamed' })
        expect(ui5.messages).toEqual([])
      })

      it('takes back the whole change set where one of its changes fails', async () => {
        const taken = await author(0)
        const changed = await author(0)
        const model = modelWith()
        const list = model.bindList('/Authors')
        const binding = model.bindContext(`/Authors(${changed})`)
        await binding.requestObject()
        const renamed = failure(binding.getBoundContext().setProperty('Name', 'lost'))
        const created = list.create({ ID: taken, Name: 'twice' })
        void created.created().catch(() => {})
        await model.submitBatch('changes')
        expect(ui5.messages.join()).toMatch(/already/)
        expect(created.isTransient()).toBe(true)
        await model.resetChanges('changes')
        await renamed
        expect(await stored(`/Authors(${changed})`)).toMatchObject({ Name: `author ${changed}` })
      })

      it('sends If-Match, and learns by 412 that somebody else was faster', async () => {
        const ID = await author(0)
        const [mine, theirs] = [modelWith({ updateGroupId: '$auto' }), modelWith({ updateGroupId: '$auto' })]
        const [first, second] = [mine.bindContext(`/Authors(${ID})`), theirs.bindContext(`/Authors(${ID})`)]
        await first.requestObject()
        await second.requestObject()
        await second.getBoundContext().setProperty('Name', 'theirs')
        // again, with the ETag of the answer to the first change
        await second.getBoundContext().setProperty('Name', 'theirs again')
        const late = failure(first.getBoundContext().setProperty('Name', 'mine'))
        expect(await late).toMatchObject({ status: 412, isConcurrentModification: true })
        expect(await stored(`/Authors(${ID})`)).toMatchObject({ Name: 'theirs again' })
        const stale = await failure(first.getBoundContext().delete('$auto'))
        expect([stale.status, stale.isConcurrentModification, stale.error.code]).toEqual([
          412,
          true,
          'preconditionFailed',
        ])
        const anew = mine.bindContext(`/Authors(${ID})`)
        expect(await anew.requestObject()).toMatchObject({ Name: 'theirs again' })
        await anew.getBoundContext().delete('$auto')
        expect(await stored(`/Authors(${ID})`)).toBe(404)
      })

      it('creates and deletes by way of a navigation property', async () => {
        const ID = await author(1)
        const model = modelWith({ updateGroupId: '$auto' })
        const binding = model.bindContext(`/Authors(${ID})`)
        await binding.requestObject()
        const list = model.bindList('Books', binding.getBoundContext(), [ui5.sorter('ID')])
        expect(await list.requestContexts(0, 10)).toHaveLength(1)
        await list.create({ ID: ID * 100 + 50, Title: 'late', Price: '3' }).created()
        expect(await stored(`/Books(${ID * 100 + 50})`)).toMatchObject({ AuthorID: ID, Title: 'late' })
        for (const context of await list.requestContexts(0, 10)) await context.delete('$auto')
        expect(await stored(`/Authors(${ID})?$expand=Books`)).toMatchObject({ Books: [] })
      })

      it('calls functions and actions, bound and unbound', async () => {
        const ID = await author(1)
        const path = `/Books(${ID * 100})`
        const model = modelWith({ updateGroupId: '$auto' })
        const book = model.bindContext(path)
        await book.requestObject()
        const context = book.getBoundContext()

        const discounted = model.bindContext('lib.Discounted(...)', context)
        await discounted.setParameter('percent', 50).invoke()
        expect(discounted.getBoundContext().getObject()).toMatchObject({ value: expect.stringMatching(/^5(\.00?)?$/) })

        const sell = model.bindContext('lib.Sell(...)', context)
        await sell.setParameter('count', '2').invoke()
        expect(await stored(path)).toMatchObject({ Stock: 3 })
        const wrong = await failure(model.bindContext('lib.Sell(...)', context).setParameter('count', '0').invoke())
        expect(wrong.status).toBe(400)

        const cheapest = model.bindList('/Cheapest(count=1)')
        expect((await cheapest.requestContexts(0, 5)).map((one) => one.getProperty('Price'))).toHaveLength(1)
        const restock = model.bindContext('/Restock(...)')
        await restock
          .setParameter('books', [ID * 100])
          .setParameter('by', '7')
          .invoke()
        expect(await stored(path)).toMatchObject({ Stock: 10 })
      })
    },
  )
