import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findMongod, type RunningMongod, startMongod } from '../../scripts/mongod.mjs'
import { mongoStore } from '../../src/mongo/store.ts'
import { mongodb } from '../support/mongod.ts'
import { Client, collectionOf, decoded, layout, mergeOf, sessionOf } from './kit.ts'

const { uri, reason } = mongodb()
const found = uri === undefined ? undefined : await findMongod()
const missing =
  found === undefined ? reason : found.kind === 'binary' ? undefined : 'MONGODB_URI names a server that runs'

/** A MongoDB that is no replica set: all but transactions. */
describe.skipIf(missing !== undefined)(`a lone MongoDB server${missing ? ` (${missing})` : ''}`, () => {
  let server: RunningMongod | undefined
  let client: Client
  beforeAll(async () => {
    if (found?.kind !== 'binary') throw new Error('no binary')
    server = await startMongod(found.path, { standalone: true })
    client = new Client(mongoStore(server.uri))
    await client.store.open(layout)
    await client.store.ready()
  })
  afterAll(async () => {
    await client?.store.close()
    await server?.stop()
  })

  it('stores, reads, counts, changes and deletes', async () => {
    await client.createAll('things', [
      { id: 'a', number: 1 },
      { id: 'b', number: 2 },
    ])
    expect(await client.create('things', { id: 'a' })).toEqual({ kind: 'exists' })
    expect(decoded(await client.one(`things('a')`)).number).toBe(1)
    expect(await client.keys('things?$filter=number gt 1')).toEqual(['b'])
    expect(await client.count('things/$count')).toBe(2)
    expect((await client.update(`things('a')`, mergeOf('things', { number: 3 }))).kind).toBe('updated')
    expect(await client.delete(`things('b')`)).toEqual({ kind: 'deleted' })
    expect((await client.store.secret('x')).length).toBe(32)
  })

  it('tracks no changes, and says why', async () => {
    expect(client.store.capabilities.changes).toBe(false)
    await expect(client.store.changes.now(collectionOf('things'), sessionOf([]))).rejects.toMatchObject({
      code: 'notImplemented',
      message: expect.stringContaining('replica set'),
    })
  })

  it('settles changes by looking, as it cannot send them again', async () => {
    const admin = await new MongoClient(server?.uri ?? '').connect()
    const fail = (command: string, how: object) =>
      admin.db('admin').command({
        configureFailPoint: 'failCommand',
        mode: { times: 1 },
        data: { failCommands: [command], ...how },
      })
    const lost = { closeConnection: true }
    const late = { writeConcernError: { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting timed out' } }
    const unknown = { code: 'outcomeUnknown', status: 504 }
    try {
      await client.create('things', { id: 'settled', number: 0 })
      await fail('findAndModify', late)
      expect(await client.update(`things('settled')`, mergeOf('things', { number: 1 }))).toMatchObject({
        kind: 'updated',
      })
      await fail('findAndModify', lost)
      const doubtful = client.update(`things('settled')`, mergeOf('things', { number: 2 }), { timeLimit: 500 })
      await expect(doubtful).rejects.toMatchObject(unknown)
      expect(decoded(await client.one(`things('settled')`))).toMatchObject({ '@version': 2, number: 1 })
      await fail('delete', lost)
      await expect(client.delete(`things('settled')`, { timeLimit: 500 })).rejects.toMatchObject(unknown)
      await fail('delete', late)
      expect(await client.delete(`things('settled')`)).toEqual({ kind: 'deleted' })
    } finally {
      await admin.close()
    }
  })

  it('says that it has no transactions, and refuses them', async () => {
    expect(client.store.capabilities.transactions).toBe(false)
    await expect(client.store.transaction(sessionOf([]), async () => 'never')).rejects.toMatchObject({
      code: 'notImplemented',
      status: 501,
    })
  })
})
