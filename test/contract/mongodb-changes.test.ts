import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { Client, collectionOf, decoded, layout, mergeOf, sessionOf } from './kit.ts'

const { uri, reason } = mongodb()

/** Change streams: what only MongoDB can do to a history, and what others write. */
describe.skipIf(uri === undefined)(`changes on MongoDB${reason ? ` (${reason})` : ''}`, () => {
  const database = freshDatabase(uri ?? 'mongodb://none/')
  const driver = new MongoClient(uri === undefined ? 'mongodb://none/' : database)
  const client = new Client(mongoStore(database))
  const collection = collectionOf('things')
  const now = () => client.store.changes.now(collection, sessionOf([]))
  const since = (position: string, imagesAt?: string) =>
    client.store.changes.since(
      { collection, since: position, imagesAt, until: undefined, owner: undefined, limit: 9 },
      sessionOf([]),
    )
  beforeAll(async () => {
    await client.store.open(layout)
    await client.store.ready()
  })
  afterAll(async () => {
    await client.store.close()
    await driver.close()
  })

  it('tells what others write, however they write', async () => {
    const start = await now()
    await driver
      .db()
      .collection<{ _id: string }>('things')
      .insertMany([{ _id: 'x' }, { _id: 'y' }], { ordered: true })
    await driver.db().collection<{ _id: string }>('things').deleteMany({ _id: 'x' })
    const outcome = await since(start)
    expect(outcome.kind === 'changes' && outcome.rows.map(({ id }) => decoded(id)._id)).toEqual(['y', 'x'])
  })

  it('has no images of changes before they were asked for', async () => {
    const start = await now()
    await client.create('things', { id: 'a', number: 1 })
    expect((await since(start, start)).kind).toBe('changes')
    await client.update(`things('a')`, mergeOf('things', { number: 2 }))
    expect((await since(start, start)).kind).toBe('historyLost')
    expect(client.store.changes.keepsImages(collection)).toBe(false)
    await client.store.changes.keepImages([collection])
    expect(client.store.changes.keepsImages(collection)).toBe(true)
    const kept = await now()
    await client.update(`things('a')`, mergeOf('things', { number: 3 }))
    await client.delete(`things('a')`)
    const outcome = await since(kept, kept)
    expect(outcome.kind === 'changes' && outcome.rows.map(({ before }) => decoded(before).number)).toEqual([2])
  })

  it('knows a history as lost once the collection was dropped', async () => {
    const start = await now()
    await client.create('things', { id: 'last' })
    const first = await since(start)
    expect(first.kind).toBe('changes')
    await driver.db().collection('things').drop()
    expect((await since(start)).kind).toBe('historyLost')
  })
})
