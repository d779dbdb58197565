import type { Document } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { type RunningService, startService } from '../support/running-service.ts'

const { uri, reason } = mongodb()

describe.skipIf(uri === undefined)(`what $expand asks of MongoDB${uri === undefined ? ` (${reason})` : ''}`, () => {
  const finds: Document[] = []
  let running: RunningService

  beforeAll(async () => {
    const database = freshDatabase(uri ?? '')
    const store = () =>
      mongoStore(database, {
        observe: ({ command }) => {
          if ('find' in command || 'aggregate' in command) finds.push(command)
        },
      })
    running = await startService('test/models/relations.xml', { open: store, remove: () => {} }, {})
    const post = (path: string, body: unknown) => running.send('POST', path, body)
    for (let i = 0; i < 20; i++) {
      await post('/users', { id: `u${i}`, managerId: i === 0 ? null : `u${i >> 1}` })
      for (const f of ['a', 'b']) {
        await post(`/users('u${i}')/folders`, { id: f })
        await post(`/users('u${i}')/folders('${f}')/messages`, { box: 'b', no: 1 })
      }
    }
  })
  afterAll(async () => {
    await running?.stop()
  })

  it.each([
    ['/users?$expand=reports', 2],
    ['/users?$expand=reports($orderby=id desc;$top=1;$count=true)', 2],
    ['/users?$expand=manager', 2],
    ['/users?$expand=folders', 2],
    ['/users?$expand=folders($expand=messages),reports,manager', 5],
    ['/users?$expand=settings', 2],
    ["/users('u1')?$expand=reports", 2],
  ])('%s: one read for each navigation property and level', async (path, expected) => {
    finds.length = 0
    const answer = await running.get(path)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toBeTypeOf('object')
    expect(finds.map((command) => command.find ?? command.aggregate)).toHaveLength(expected)
  })

  it('finds the contained entities of many owners as ranges of _id, and others by their foreign key', async () => {
    finds.length = 0
    await (await running.get('/users?$expand=folders,reports')).text()
    const folders = finds.find((command) => command.find === 'rel.User/folders')
    expect(folders?.filter.$or).toHaveLength(20)
    const reports = finds.filter((command) => command.find === 'users').at(-1)
    expect(reports?.filter).toMatchObject({ managerId: { $in: expect.any(Array) } })
  })

  it.each([
    ['a condition on the one related entity', "manager/level eq 1 and manager/name eq 'none'", []],
    ['few related entities', "manager/id eq 'u3'", ['u6', 'u7']],
    ['a condition on one of many', "reports/any(r:r/id eq 'u7')", ['u3']],
    ['a condition that entities without relation may fulfil', 'not (manager/level gt 0)', ['u0']],
  ])('%s: looks for what is related first, and for rows by foreign key', async (what, filter, expected) => {
    finds.length = 0
    const answer = await running.get(`/users?$filter=${encodeURIComponent(filter)}&$select=id&$orderby=id`)
    const { value } = (await answer.json()) as { value: { id: string }[] }
    expect(value.map(({ id }) => id)).toEqual(expected)
    const [first, second] = finds
    if (what.includes('without relation')) expect(first?.filter).toEqual({})
    else if (expected.length === 0) expect(finds).toHaveLength(1)
    else {
      expect(first?.filter).toMatchObject({ _id: filter.includes('u7') ? 'u7' : 'u3' })
      expect(JSON.stringify(second?.filter)).toContain(filter.includes('u7') ? '"u3"' : '{"managerId":{"$in":["u3"]}}')
    }
  })
})
