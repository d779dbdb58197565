import { beforeEach, describe, expect, it } from 'vitest'
import { ODataError } from '../../src/errors/odata-error.ts'
import { type ChangeContext, ODataController, type Returned } from '../../src/index.ts'
import type { DeletePlan, UpdatePlan } from '../../src/plan/plan.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

/** What the hooks of this file's controller were called with, in order. */
let calls: [hook: string, value: unknown][] = []
/** What a hook does beside noting the call. */
let act: (hook: string, value: PlainObject) => Returned<PlainObject, PlainObject> = () => undefined

function note(hook: string, value: PlainObject): Returned<PlainObject, PlainObject> {
  calls.push([hook, value])
  return act(hook, value)
}

class Books extends ODataController {
  override beforeCreate(entity: PlainObject) {
    return note('beforeCreate', entity)
  }
  override afterCreate(entity: PlainObject) {
    note('afterCreate', entity)
  }
  override async beforeUpdate(changes: PlainObject, context: ChangeContext<PlainObject, UpdatePlan>) {
    return note('beforeUpdate', { changes, before: (await context.stored())?.Title, replace: context.plan.replace })
  }
  override afterUpdate(entity: PlainObject) {
    note('afterUpdate', entity)
  }
  override async beforeDelete(context: ChangeContext<PlainObject, DeletePlan>) {
    note('beforeDelete', { before: (await context.stored())?.Title })
  }
  override afterDelete(entity: PlainObject) {
    note('afterDelete', entity)
  }
}

/** No after hook: no transaction. */
class StockLevels extends ODataController {
  override beforeCreate(entity: PlainObject) {
    return note('beforeCreate', entity)
  }
}

class Authors extends ODataController {
  override afterCreate(entity: PlainObject) {
    note('afterCreate', entity)
  }
}

const settings = { enforcePermissions: false, controllers: { Books, StockLevels, Authors } }

onEveryService('hooks of controllers', bookshopModel, settings, (running) => {
  beforeEach(() => {
    calls = []
    act = () => undefined
  })
  const book = { Title: 'A', Price: 12.5, Genres: 'Fiction,Science', Published: '2001-02-03', Tags: ['x'] }
  const post = async (body: object, set = '/Books') => {
    const response = await running().send('POST', set, body)
    return { status: response.status, body: (await response.json()) as { [name: string]: unknown } }
  }

  it('are given plain objects, before and after a create', async () => {
    const { status, body } = await post(book)
    expect(status).toBe(201)
    expect(calls.map(([hook]) => hook)).toEqual(['beforeCreate', 'afterCreate'])
    const given = { ...book, Price: '12.5', Binding: 'Paperback', ID: body.ID }
    expect(calls[0]?.[1]).toEqual(given)
    expect(calls[1]?.[1]).toEqual({
      ...given,
      Price: expect.stringMatching(/^12\.50?$/),
      ISBN: null,
      Pages: null,
      AuthorID: null,
    })
  })

  it('set members, also what clients may not', async () => {
    act = (hook, value) => {
      if (hook === 'beforeCreate') return { ...value, Title: 'B', Pages: 7, ID: '00000000-0000-7000-8000-00000000abcd' }
      return hook === 'beforeUpdate' ? { Pages: 9 } : undefined
    }
    const { body } = await post(book)
    expect(body).toMatchObject({ Title: 'B', Pages: 7, ID: '00000000-0000-7000-8000-00000000abcd', Tags: ['x'] })
    const path = `/Books(${body.ID})`
    expect((await running().send('PATCH', path, { Title: 'C' })).status).toBe(204)
    expect(await (await running().get(path)).json()).toMatchObject({ Title: 'C', Pages: 9, Published: '2001-02-03' })
    await running().send('DELETE', path, undefined)
  })

  it('see what stood before and what stands after an update', async () => {
    const { body } = await post({ ...book, Pages: 3 })
    calls = []
    await running().send('PATCH', `/Books(${body.ID})`, { Title: 'Z', Pages: null })
    expect(calls).toEqual([
      ['beforeUpdate', { changes: { Title: 'Z', Pages: null }, before: 'A', replace: false }],
      ['afterUpdate', expect.objectContaining({ ID: body.ID, Title: 'Z', Pages: null, Tags: ['x'] })],
    ])
  })

  it('see a deleted entity as it stood', async () => {
    const { body } = await post(book)
    calls = []
    expect((await running().send('DELETE', `/Books(${body.ID})`, undefined)).status).toBe(204)
    expect(calls).toEqual([
      ['beforeDelete', { before: 'A' }],
      ['afterDelete', expect.objectContaining({ ID: body.ID, Title: 'A' })],
    ])
  })

  it('run for a client error of their own, which goes out as it is', async () => {
    act = () => {
      throw new ODataError('conflict', 'No books today.')
    }
    const { status, body } = await post(book)
    expect([status, body]).toMatchObject([409, { error: { code: 'conflict', message: 'No books today.' } }])
  })

  it.each([
    ['create', 'afterCreate', (id: unknown) => running().send('POST', '/Books', { ...book, Title: `only ${id}` })],
    ['update', 'afterUpdate', (id: unknown) => running().send('PATCH', `/Books(${id})`, { Title: 'never' })],
    ['delete', 'afterDelete', (id: unknown) => running().send('DELETE', `/Books(${id})`, undefined)],
  ])('take a %s back where one after it fails', async (_, failing, change) => {
    const { body } = await post(book)
    act = (hook) => {
      if (hook === failing) throw new Error('after all, no')
    }
    expect((await change(body.ID)).status).toBe(500)
    act = () => undefined
    expect(await (await running().get(`/Books(${body.ID})`)).json()).toMatchObject({ Title: 'A' })
    const found = await running().get(`/Books?$filter=Title eq 'only ${body.ID}'`)
    expect((await found.json()) as object).toMatchObject({ value: [] })
  })

  it('answer 409 for a key that is taken, and do not run after it', async () => {
    const author = { ID: Math.floor(Math.random() * 1e9), Name: 'N' }
    expect((await post(author, '/Authors')).status).toBe(201)
    expect((await post(author, '/Authors')).status).toBe(409)
    expect(calls).toHaveLength(1)
  })

  it('make a 500 of values that the model cannot hold, and store nothing', async () => {
    act = () => ({ Copies: 'many', Unknown: 1, Place: { City: 1 } })
    const level = { Shop: 's', Shelf: 1, Copies: 1, Place: { City: 'c' } }
    expect((await post(level, '/StockLevels')).status).toBe(500)
    expect((await running().get(`/StockLevels(Shop='s',Shelf=1)`)).status).toBe(404)
  })

  it('keep what they pass through letter for letter', async () => {
    act = (_, value) => ({ ...value, Copies: 9_007_199_254_740_993n })
    const level = { Shop: 'exact', Shelf: 1, Copies: 1, Counted: '2017-01-01T00:03:18.900-08:00', Place: { City: 'c' } }
    const { status, body } = await post(level, '/StockLevels')
    expect([status, body.Counted]).toEqual([201, '2017-01-01T00:03:18.900-08:00'])
    expect(calls[0]?.[1]).toEqual({ ...level, Copies: 1n })
    const text = await (await running().get(`/StockLevels(Shop='exact',Shelf=1)`)).text()
    expect(text).toContain('"Copies":9007199254740993')
  })
})

describe('controllers', () => {
  it('of nothing in the model are refused', async () => {
    const { readModel } = await import('../../src/csdl/read-model.ts')
    const { createService } = await import('../../src/http/create-service.ts')
    const { embeddedForTests } = await import('../support/running-service.ts')
    const data = embeddedForTests()
    const store = data.open()
    const model = await readModel(bookshopModel)
    await expect(createService({ model, store, controllers: { Bookz: Books } })).rejects.toThrow(
      'no entity set or singleton named Bookz',
    )
    await store.close()
    await data.remove()
  })
})
