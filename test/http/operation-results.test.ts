import { expect, it } from 'vitest'
import { type CommittedChange, ODataController } from '../../src/service/controller.ts'
import type { OperationContext } from '../../src/service/operations/handlers.ts'
import type { PlainObject } from '../../src/service/plain.ts'
import { jsonClient } from '../support/json-client.ts'
import { onEveryStore } from '../support/running-service.ts'

/** Who disturbs the next call of the handler, from outside its transaction. */
let disturb: (() => Promise<unknown>) | undefined
let runs = 0
let committed: string[] = []

class Books extends ODataController {
  override afterRead = (book: PlainObject) => ({ Title: `<${book.Title}>` })
  override afterCommit = ({ kind, entity }: CommittedChange<PlainObject>) => {
    committed.push(`${kind} ${entity.ID}`)
  }
}

const operations = {
  /** puts a copy of the book on the shelf */
  'lib.Sell': async ({ note }: { readonly note?: unknown }, context: OperationContext) => {
    runs++
    const book = (await context.binding()) as PlainObject
    if (note === 'only') return book
    const disturbing = disturb
    disturb = undefined
    await disturbing?.()
    await context.send('PATCH', context.path ?? '', { Stock: Number(book.Stock) - 1 })
    const made = await context.send('POST', 'Books', { ID: Number(book.ID) + 100, Title: 'copy', Pages: 1 })
    context.created()
    return made as PlainObject
  },
  'lib.Longest': async (_: unknown, context: OperationContext) => ((await context.binding()) as PlainObject[])[0],
}

const settings = { enforcePermissions: false, operations, controllers: { Books } }

onEveryStore('what operations give', 'test/models/operations.xml', settings, (running) => {
  const { ask, get, make } = jsonClient(running)

  it('answers 201 with the Location of an entity that an action has created', async () => {
    await make('/Books', { ID: 1, Title: 'one', Pages: 10, Stock: 3 })
    const answer = await ask('POST', '/Books(1)/lib.Sell', { count: 1 })
    expect(answer.status, answer.text).toBe(201)
    expect(answer.headers.get('Location')).toBe(`${running().root}/Books(101)`)
    expect(answer.json?.ID).toBe(101)
    expect((await ask('DELETE', '/Books(101)')).status).toBe(204)
    const minimal = await ask('POST', '/Books(1)/lib.Sell', { count: 1 }, { prefer: 'return=minimal' })
    expect(minimal.status).toBe(204)
    expect(minimal.headers.get('Location')).toBe(`${running().root}/Books(101)`)
    expect(minimal.headers.get('OData-EntityId')).toBe(`${running().root}/Books(101)`)
    // what it has not created is a result like any other
    const found = await ask('POST', '/Books(1)/lib.Sell', { count: 1, note: 'only' })
    expect(found.status).toBe(200)
    expect(found.headers.get('Location')).toBeNull()
  })

  it('shows entities as their set does', async () => {
    await make('/Books', { ID: 2, Title: 'two', Pages: 20 })
    expect((await get('/Books/lib.Longest()')).json?.Title).toMatch(/^<.*>$/)
    expect((await get("/Books?$filter=Title eq 'two'")).json?.value).toMatchObject([{ Title: '<two>' }])
  })

  it('calls a handler again where its transaction met a conflict, and afterCommit once', async () => {
    await make('/Books', { ID: 3, Title: 'three', Pages: 30, Stock: 5 })
    runs = 0
    committed = []
    disturb = () => ask('PATCH', '/Books(3)', { Stock: 50 })
    const answer = await ask('POST', '/Books(3)/lib.Sell', { count: 1 })
    expect(answer.status, answer.text).toBe(201)
    expect(runs).toBe(2)
    expect((await get('/Books(3)')).json?.Stock).toBe(49)
    expect(committed).toEqual(['updated 3', 'updated 3', 'created 103'])
  })
})
