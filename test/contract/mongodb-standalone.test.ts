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

  it('says that it has no transactions, and refuses them', async () => {
    expect(client.store.capabilities.transactions).toBe(false)
    await expect(client.store.transaction(sessionOf([]), async () => 'never')).rejects.toMatchObject({
      code: 'notImplemented',
      status: 501,
    })
  })
})
