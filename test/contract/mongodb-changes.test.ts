import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChangeStreams } from '../../src/mongo/changes-since.ts'
import { Connection } from '../../src/mongo/connection.ts'
import { mongoStore } from '../../src/mongo/store.ts'
import type { Sight } from '../../src/store/changes.ts'
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
  const since = (position: string, sight?: Sight) =>
    client.store.changes.since(
      { collection, since: position, sight, fields: [], until: undefined, owner: undefined, limit: 9 },
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
    expect((await since(start, { from: start, test: () => true })).kind).toBe('changes')
    await client.update(`things('a')`, mergeOf('things', { number: 2 }))
    expect((await since(start, { from: start, test: () => true })).kind).toBe('historyLost')
    expect(client.store.changes.keepsImages(collection)).toBe(false)
    await client.store.changes.keepImages([collection])
    expect(client.store.changes.keepsImages(collection)).toBe(true)
    const kept = await now()
    await client.update(`things('a')`, mergeOf('things', { number: 3 }))
    await client.delete(`things('a')`)
    const outcome = async (number: number) => {
      const found = await since(kept, { from: kept, test: (row) => decoded(row).number === number })
      return found.kind === 'changes' && found.rows.map(({ seen }) => seen)
    }
    expect([await outcome(1), await outcome(2), await outcome(3)]).toEqual([[false], [true], [true]])
  })

  it('goes on with the next page where there is too much for one', async () => {
    const connection = new Connection(database, {})
    await connection.open()
    const few = new ChangeStreams(connection, (work) => work(), 2)
    const start = await now()
    // more than the events of one batch
    await driver
      .db()
      .collection<{ _id: string }>('things')
      .insertMany(Array.from({ length: 1_500 }, (_, i) => ({ _id: `many${i}` })))
    const query = { collection, sight: undefined, fields: [], owner: undefined, limit: 2_000 }
    const pages: number[] = []
    const ids = new Set<string>()
    for (let position = start, until: string | undefined; ; ) {
      const page = await few.since({ ...query, since: position, until }, sessionOf([]))
      if (page.kind !== 'changes') throw new Error('lost')
      pages.push(page.rows.length)
      for (const { id } of page.rows) ids.add(String(decoded(id)._id))
      if (!page.more) break
      expect(page.until).toBeUndefined()
      position = page.position
      until = page.until
    }
    expect(pages.length).toBeGreaterThan(1)
    expect([pages.reduce((sum, rows) => sum + rows), ids.size]).toEqual([1_500, 1_500])
    await connection.client.close()
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
