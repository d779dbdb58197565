import { randomBytes } from 'node:crypto'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { Client, decoded, layout, mergeOf, sessionOf } from './kit.ts'

const { uri, reason } = mongodb()

/** Fail points work on servers started with enableTestCommands, as scripts/mongod.mjs does. */
describe.skipIf(uri === undefined)(`failures of MongoDB${uri === undefined ? ` (${reason})` : ''}`, () => {
  const appName = `odatum-failures-${randomBytes(4).toString('hex')}`
  const database = freshDatabase(uri ?? 'mongodb://none/')
  let admin: MongoClient
  let client: Client
  let inserted = 0

  beforeAll(async () => {
    admin = await new MongoClient(uri ?? '').connect()
    client = new Client(mongoStore(database, { driver: { appName } }))
    await client.store.open(layout)
    await client.store.ready()
    await client.create('things', { id: 'row', number: 0 })
  })
  afterAll(async () => {
    await client?.store.close()
    await admin?.close()
  })
  afterEach(() => admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' }))

  const fail = (failCommands: readonly string[], how: Document, times = 1) =>
    admin.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times },
      data: { failCommands, appName, ...how },
    })
  const lost = { closeConnection: true }
  const late = {
    writeConcernError: { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting for replication timed out' },
  }
  const unavailable = { code: 'storeUnavailable', status: 503, headers: { 'Retry-After': '3' } }
  const unknown = { code: 'outcomeUnknown', status: 504, headers: {} }
  const short = { timeLimit: 1_500 }
  const nextId = () => `i${inserted++}`

  it.each([
    ['the connection breaks', lost],
    ['the majority is late', late],
  ])('settles a create where %s: it is stored once', async (_, how) => {
    const ids = [nextId(), nextId(), nextId()]
    await fail(['insert'], how)
    const outcomes = await Promise.all(ids.map((id) => client.create('things', { id })))
    expect(outcomes.map(({ kind }) => kind)).toEqual(['created', 'created', 'created'])
    for (const id of ids) expect(decoded(await client.one(`things('${id}')`))['@version']).toBe(1)
  })

  it('answers `exists` where the key in doubt is that of another', async () => {
    await fail(['insert'], lost)
    expect((await client.create('things', { id: 'row', number: 5 })).kind).toBe('exists')
    expect(decoded(await client.one(`things('row')`)).number).toBe(0)
  })

  it('says 504 without Retry-After where a create stays in doubt', async () => {
    await fail(['insert', 'find'], lost, 1_000)
    await expect(client.create('things', { id: nextId() }, short)).rejects.toMatchObject(unknown)
  })

  it.each([
    ['the connection breaks', lost],
    ['the majority is late', late],
  ])('sends an update again where %s: it is carried out once', async (_, how) => {
    const id = nextId()
    await client.create('things', { id, number: 0, text: 'a', address: { city: 'Ulm' } })
    await fail(['findAndModify'], how)
    const change = mergeOf('things', { number: 1, text: null, address: { zip: 5 } })
    const outcome = await client.update(`things('${id}')`, change)
    expect(outcome).toMatchObject({ kind: 'updated', row: expect.any(Uint8Array) })
    const row = decoded(await client.one(`things('${id}')`))
    expect(outcome.kind === 'updated' && decoded(outcome.row)).toEqual(row)
    expect(row).toEqual({ _id: id, '@version': 2, number: 1, address: { city: 'Ulm', zip: 5 } })
    await fail(['findAndModify'], lost, 1_000)
    await expect(client.update(`things('${id}')`, mergeOf('things', { number: 2 }), short)).rejects.toMatchObject(
      unknown,
    )
  })

  it('does not take the same change of somebody else for its own', async () => {
    const id = nextId()
    await client.create('things', { id, number: 0 })
    const precondition = { kind: 'versions', anyOf: [1] } as const
    await fail(['findAndModify'], lost)
    const change = mergeOf('things', { number: 1 })
    const doubtful = client.update(`things('${id}')`, change, { precondition })
    await new Promise((done) => setTimeout(done, 50))
    expect(await client.update(`things('${id}')`, change, { precondition })).toMatchObject({ kind: 'updated' })
    expect(await doubtful).toEqual({ kind: 'preconditionFailed' })
    expect(decoded(await client.one(`things('${id}')`))).toMatchObject({ '@version': 2, number: 1 })
  })

  it('sends a delete again', async () => {
    await client.create('things', { id: 'deleted' })
    await fail(['delete'], lost, 1_000)
    await expect(client.delete(`things('deleted')`, short)).rejects.toMatchObject(unknown)
    expect(await client.one(`things('deleted')`)).toBeDefined()
    await fail(['delete'], late)
    expect(await client.delete(`things('deleted')`)).toEqual({ kind: 'deleted' })
    expect(await client.delete(`things('deleted')`)).toEqual({ kind: 'missing' })
  })

  it('sends a write again that a server refused which is no primary, and says 503 where it goes on', async () => {
    const notPrimary = { errorCode: 10107 }
    await fail(['insert'], notPrimary)
    expect((await client.create('things', { id: nextId() })).kind).toBe('created')
    await fail(['findAndModify'], notPrimary)
    expect((await client.update(`things('row')`, mergeOf('things', { number: 0 }))).kind).toBe('updated')
    await fail(['insert', 'findAndModify', 'delete'], notPrimary, 1_000)
    const id = nextId()
    await expect(client.create('things', { id })).rejects.toMatchObject(unavailable)
    await expect(client.update(`things('row')`, mergeOf('things', { number: 7 }))).rejects.toMatchObject(unavailable)
    await expect(client.delete(`things('row')`)).rejects.toMatchObject(unavailable)
    await fail(['insert'], notPrimary, 1)
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
    expect(await client.one(`things('${id}')`)).toBeUndefined()
    expect(decoded(await client.one(`things('row')`)).number).toBe(0)
  })

  it('settles each document of a joined insert that a server refused: some may be stored', async () => {
    const ids = [nextId(), nextId(), nextId()]
    await fail(['insert'], { errorCode: 10107 })
    const outcomes = await Promise.all(ids.map((id) => client.create('things', { id })))
    expect(outcomes.map(({ kind }) => kind)).toEqual(['created', 'created', 'created'])
    await fail(['insert'], { errorCode: 10107 }, 1_000)
    const doubtful = await Promise.allSettled([1, 2].map(() => client.create('things', { id: nextId() }, short)))
    for (const outcome of doubtful) expect(outcome).toMatchObject({ status: 'rejected', reason: unknown })
  })

  it('sends each document of a joined insert alone where one sinks all', async () => {
    const ids = [nextId(), nextId(), nextId()]
    await fail(['insert'], { errorCode: 2 })
    const outcomes = await Promise.all(ids.map((id) => client.create('things', { id })))
    expect(outcomes.map(({ kind }) => kind)).toEqual(['created', 'created', 'created'])
  })

  it.each([
    ['broken connections', lost],
    ['elections', { errorCode: 189 }],
  ])('reads again after %s: alone, joined, a page, a stream, a count', async (_, how) => {
    await fail(['find'], how)
    expect(decoded(await client.one(`things('row')`))._id).toBe('row')
    await fail(['find'], how)
    const rows = await Promise.all([client.one(`things('row')`), client.one(`things('none')`)])
    expect(rows.map((row) => row !== undefined)).toEqual([true, false])
    await fail(['find'], how)
    expect(await client.keys(`things?$filter=id eq 'row'`, { limit: 5 })).toEqual(['row'])
    await fail(['find'], how)
    expect((await client.keys('things')).length).toBeGreaterThan(0)
    await fail(['aggregate'], how)
    expect(await client.count(`things/$count?$filter=id eq 'row'`)).toBe(1)
  })

  it('says 503 where reads take too long or nobody answers', async () => {
    const timeout = { code: 'storeTimeout', status: 503 }
    await fail(['find', 'aggregate'], { errorCode: 50 }, 1_000)
    await expect(client.one(`things('row')`)).rejects.toMatchObject(timeout)
    await expect(Promise.all([client.one(`things('row')`), client.one(`things('none')`)])).rejects.toMatchObject(
      timeout,
    )
    await expect(client.all('things')).rejects.toMatchObject(timeout)
    await expect(client.count('things/$count')).rejects.toMatchObject(timeout)
    await fail(['find', 'aggregate', 'ping'], lost, 1_000)
    await expect(client.one(`things('row')`)).rejects.toMatchObject(unavailable)
    await expect(client.all('things', { limit: 5 })).rejects.toMatchObject(unavailable)
    await expect(client.count('things/$count')).rejects.toMatchObject(unavailable)
    await expect(client.store.ready()).rejects.toMatchObject(unavailable)
  })

  it('runs a transaction again after a conflict, once', async () => {
    await fail(['findAndModify'], { errorCode: 112, errorLabels: ['TransientTransactionError'] })
    let runs = 0
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      runs++
      await client.update(`things('row')`, mergeOf('things', { number: 10 + runs }), { transaction })
    })
    expect(runs).toBe(2)
    expect(decoded(await client.one(`things('row')`)).number).toBe(12)
  })

  it('runs a transaction again where a read meets the conflict', async () => {
    await fail(['find'], { errorCode: 251, errorLabels: ['TransientTransactionError'] })
    let runs = 0
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      runs++
      await client.one(`things('row')`, { transaction })
    })
    expect(runs).toBe(2)
  })

  it('gives up a transaction whose conflicts do not end within the time, and stores nothing', async () => {
    await fail(['findAndModify'], { errorCode: 112, errorLabels: ['TransientTransactionError'] }, 100_000)
    const change = mergeOf('things', { number: 99 })
    await expect(
      client.store.transaction(sessionOf([], { timeLimit: 300 }), async ({ transaction }) => {
        await client.update(`things('row')`, change, { transaction })
      }),
    ).rejects.toMatchObject({ status: 503 })
    expect(decoded(await client.one(`things('row')`)).number).not.toBe(99)
  })

  /** Transactions that do nothing but create two things each, the second by the key given; they are stored as one. */
  const together = (keys: readonly string[]) =>
    Promise.allSettled(
      keys.map((id) =>
        client.store.transaction(sessionOf([]), async ({ transaction }) => {
          const late = (failure: unknown) => new Error(`${id}: ${(failure as { code: string }).code}`)
          await client.create('things', { id: `first-${id}` }, { transaction, late })
          await client.create('things', { id }, { transaction, late })
        }),
      ),
    )
  const areThere = (keys: readonly string[]) =>
    Promise.all(keys.flatMap((id) => [`first-${id}`, id].map(async (key) => !!(await client.one(`things('${key}')`)))))

  it.each([
    ['conflicts', ['insert'], { errorCode: 112, errorLabels: ['TransientTransactionError'] }],
    ['a connection breaks', ['insert'], lost],
    ['the connection breaks at the commit', ['commitTransaction'], lost],
    ['the majority is late', ['commitTransaction'], late],
    ['it is refused', ['insert'], { errorCode: 2 }],
  ])('stores transactions that are joined where %s', async (_, commands, how) => {
    const ids = [nextId(), nextId(), nextId()]
    await fail(commands, how)
    expect((await together(ids)).map(({ status }) => status)).toEqual(ids.map(() => 'fulfilled'))
    expect(await areThere(ids)).toEqual(Array(6).fill(true))
  })

  it('stores joined transactions but for the one whose key is taken, which is told so, and is not stored at all', async () => {
    const [one, two, three] = [nextId(), nextId(), nextId()]
    const outcomes = await together([one, 'row', two, one, three])
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))
    expect(failed).toEqual(['Error: row: entityExists', `Error: ${one}: entityExists`])
    expect(await areThere([one, two, three])).toEqual(Array(6).fill(true))
    expect(await client.one(`things('first-row')`)).toBeUndefined()
  })

  it('says of joined transactions that nobody knows what became of them', async () => {
    const ids = [nextId(), nextId()]
    await fail(['commitTransaction'], { errorCode: 50 })
    for (const outcome of await together(ids)) expect(outcome).toMatchObject({ status: 'rejected', reason: unknown })
    expect(new Set(await areThere(ids)).size).toBe(1)
  })

  it('cannot open where there is no server', async () => {
    const store = mongoStore('mongodb://127.0.0.1:9/none', { connectTimeout: 300 })
    await expect(store.open(layout)).rejects.toMatchObject(unavailable)
    await store.close()
  })
})
