import type { CommandStartedEvent, Document } from 'mongodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mongoStore } from '../../src/mongo/store.ts'
import { freshDatabase, mongodb } from '../support/mongod.ts'
import { Client, decoded, documentOf, layout, mergeOf, planOf, sessionOf } from './kit.ts'

const { uri, reason } = mongodb()

describe.skipIf(uri === undefined)(`the commands sent to MongoDB${uri === undefined ? ` (${reason})` : ''}`, () => {
  let client: Client
  const commands: Document[] = []
  const sent = (name: string) => commands.filter((command) => name in command)

  beforeAll(async () => {
    const careless = new URL(freshDatabase(uri ?? ''))
    for (const [name, value] of [
      ['w', '1'],
      ['journal', 'false'],
      ['readConcernLevel', 'local'],
      ['readPreference', 'secondaryPreferred'],
      ['retryWrites', 'true'],
    ] as const)
      careless.searchParams.set(name, value)
    const observe = ({ command }: CommandStartedEvent) => {
      commands.push(command)
    }
    client = new Client(mongoStore(careless.toString(), { observe }))
    await client.store.open(layout)
    await client.store.ready()
    await client.createAll(
      'things',
      Array.from({ length: 20 }, (_, number) => ({ id: `t${number}`, number })),
    )
  })
  afterAll(() => client?.store.close())
  beforeEach(() => {
    commands.length = 0
  })

  it('writes with w: majority and j: true, whatever the URI says', async () => {
    await client.create('things', { id: 'written' })
    await client.update(`things('written')`, mergeOf('things', { number: 1 }))
    await client.delete(`things('written')`)
    await client.store.secret('some')
    const writes = commands.filter((command) =>
      ['insert', 'findAndModify', 'delete', 'update'].some((name) => name in command),
    )
    expect(writes.length).toBeGreaterThanOrEqual(4)
    for (const write of writes) expect(write.writeConcern).toMatchObject({ w: 'majority', j: true })
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      await client.create('things', { id: 'in-transaction' }, { transaction })
    })
    expect(sent('commitTransaction').at(-1)?.writeConcern).toMatchObject({ w: 'majority', j: true })
    await client.delete(`things('in-transaction')`)
  })

  it('sends the creates of a transaction that may wait as one insert for each collection, and reads nothing twice', async () => {
    const late = (failure: unknown) => failure
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      for (const number of [1, 2, 3, 4]) {
        await client.one(`things('t1')`, { transaction })
        await client.create('things', { id: `late${number}`, number }, { transaction, late })
        await client.create('numbered', { n: 50 + number }, { transaction, late })
        expect(decoded(await client.one(`things('late${number}')`, { transaction })).number).toBe(number)
      }
    })
    const names = commands.map((command) => Object.keys(command)[0])
    expect(names).toEqual(['find', 'insert', 'insert', 'commitTransaction'])
    expect(sent('insert').map(({ documents }) => documents.length)).toEqual([4, 4])
    for (const number of [1, 2, 3, 4]) {
      await client.delete(`things('late${number}')`)
      await client.delete(`numbered(${50 + number})`)
    }
  })

  it('stores transactions that end together, and do nothing but create, as one', async () => {
    const late = (failure: unknown) => failure
    const add = (n: number, reads = false) =>
      client.store.transaction(sessionOf([]), async ({ transaction }) => {
        if (reads) await client.one(`things('t1')`, { transaction })
        await client.create('things', { id: `both${n}` }, { transaction, late })
        await client.create('numbered', { n }, { transaction, late })
      })
    await Promise.all([add(71), add(72), add(73), add(74, true)])
    expect(
      sent('insert')
        .map(({ insert, documents }) => `${insert} ${documents.length}`)
        .toSorted(),
    ).toEqual(['numbered 1', 'numbered 3', 'things 1', 'things 3'])
    expect(sent('commitTransaction')).toHaveLength(2)
    for (const { writeConcern } of sent('commitTransaction'))
      expect(writeConcern).toMatchObject({ w: 'majority', j: true })
    for (const n of [71, 72, 73, 74]) {
      expect(await client.delete(`things('both${n}')`)).toEqual({ kind: 'deleted' })
      expect(await client.delete(`numbered(${n})`)).toEqual({ kind: 'deleted' })
    }
  })

  it('looks beside a transaction for what is only to be there, until the transaction changes something', async () => {
    const late = (failure: unknown) => failure
    const glance = true
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      await client.create('things', { id: 'own' }, { transaction, late })
      for (let i = 0; i < 2; i++) {
        expect(await client.one(`things('t1')`, { transaction, glance })).toBeDefined()
        expect(await client.one(`things('own')`, { transaction, glance })).toBeDefined()
      }
      expect(await client.one(`things('nobody')`, { transaction, glance })).toBeUndefined()
      expect(sent('find').map(({ txnNumber }) => txnNumber)).toEqual([undefined, undefined])
      await client.delete(`things('own')`, { transaction })
      await client.update(`things('t1')`, mergeOf('things', { number: 1 }), { transaction })
      commands.length = 0
      expect(await client.one(`things('own')`, { transaction, glance })).toBeUndefined()
      expect(await client.one(`things('t1')`, { transaction, glance })).toBeDefined()
      expect(sent('find').map(({ txnNumber }) => typeof txnNumber)).not.toContain('undefined')
    })
  })

  it('reads what a majority has, on the primary, within the time limit', async () => {
    await client.one(`things('t1')`)
    await Promise.all([client.one(`things('t1')`), client.one(`things('t2')`)])
    await client.all('things', { limit: 5 })
    await client.all('things')
    await client.all('things?$filter=number add 1 gt 2')
    await client.count('things/$count?$filter=number gt 1')
    const reads = commands.filter((command) => 'find' in command || 'aggregate' in command)
    expect(reads.length).toBe(6)
    for (const read of reads) {
      expect(read.readConcern).toEqual({ level: 'majority' })
      expect(read.$readPreference?.mode ?? 'primary').toMatch(/^primary/)
      expect(read.maxTimeMS).toBe(20_000)
    }
  })

  it('asks for reads of one turn with one command, for each key once', async () => {
    const ids = ['t1', 't2', 't3', 't1', 'nobody', 't2']
    const rows = await Promise.all(ids.map((id) => client.one(`things('${id}')`)))
    expect(rows.map((row) => row && decoded(row)._id)).toEqual(['t1', 't2', 't3', 't1', undefined, 't2'])
    expect(sent('find')).toHaveLength(1)
    expect(sent('find')[0]?.filter).toEqual({ _id: { $in: ['t1', 't2', 't3', 'nobody'] } })
  })

  it('reads alone with one row and one batch', async () => {
    await client.one(`things('t1')`)
    expect(sent('find')).toHaveLength(1)
    expect(sent('find')[0]).toMatchObject({ filter: { _id: 't1' }, limit: 1, singleBatch: true })
  })

  it('cuts joined reads into commands of bounded size', async () => {
    const rows = await Promise.all(Array.from({ length: 300 }, (_, i) => client.one(`things('t${i}')`)))
    expect(rows.filter((row) => row !== undefined)).toHaveLength(20)
    expect(sent('find')).toHaveLength(3)
  })

  it('joins nothing across scopes, row filters, transactions or collections', async () => {
    const { plan, parameters } = planOf('GET', `things('t1')`)
    const filter = planOf('GET', 'things?$filter=number ne null')
    const rowFilters = new Map([['things', filter.plan.filter ?? expect.fail('no filter')]])
    await Promise.all([
      client.one(`things('t1')`),
      client.one(`things('t1')`, { scope: 'another tenant' }),
      client.one('numbered(1)'),
      client.store.readOne(plan, sessionOf(parameters, { rowFilters })),
    ])
    expect(sent('find')).toHaveLength(4)
    commands.length = 0
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      const inside = client.one(`things('t1')`, { transaction })
      await Promise.all([inside, client.one(`things('t2')`), client.one(`things('t3')`)])
    })
    expect(sent('find')).toHaveLength(2)
    expect(sent('find').filter((command) => 'autocommit' in command)).toHaveLength(1)
  })

  it('lets no read join a command that has been sent', async () => {
    const first = client.one(`things('t1')`)
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    const second = client.one(`things('t1')`)
    await Promise.all([first, second])
    expect(sent('find')).toHaveLength(2)
  })

  it('asks for equal pages and equal counts of one turn once', async () => {
    const page = (after: number) => client.keys(`things?$filter=number gt ${after}&$orderby=number`, { limit: 3 })
    const pages = await Promise.all([page(3), page(5), page(3), page(3)])
    expect(pages.map((keys) => keys[0])).toEqual(['t4', 't6', 't4', 't4'])
    expect(sent('find')).toHaveLength(2)
    const counts = ['$filter=number gt 3', '', '$filter=number gt 3', '', '$filter=number gt 5']
    const numbers = await Promise.all(counts.map((option) => client.count(`things/$count?${option}`)))
    expect(numbers).toEqual([16, 20, 16, 20, 14])
    expect(sent('aggregate')).toHaveLength(3)
  })

  it('shares no page or count across scopes, limits, row filters or transactions', async () => {
    const { plan, parameters } = planOf('GET', 'things?$filter=number gt 3')
    const rowFilters = new Map([
      ['things', plan.kind === 'read' && plan.filter ? plan.filter : expect.fail('no filter')],
    ])
    const sessions = [{}, { scope: 'another tenant' }, { timeLimit: 19_000 }, { rowFilters }, { rowFilters }]
    await Promise.all(
      sessions.flatMap((own) => [
        client.store.read(plan, sessionOf(parameters, { limit: 5, ...own })),
        client.store.count(plan, sessionOf(parameters, own)),
      ]),
    )
    await client.store.read(plan, sessionOf(parameters, { limit: 4 }))
    expect(sent('find')).toHaveLength(6)
    expect(sent('aggregate')).toHaveLength(5)
    commands.length = 0
    await client.store.transaction(sessionOf([]), async ({ transaction }) => {
      await Promise.all([
        client.all('things', { limit: 5, transaction }),
        client.all('things', { limit: 5 }),
        client.count('things/$count', { transaction }),
        client.count('things/$count'),
      ])
    })
    expect(sent('find').filter((command) => 'autocommit' in command)).toHaveLength(1)
    expect(sent('aggregate').filter((command) => 'autocommit' in command)).toHaveLength(1)
    expect([sent('find').length, sent('aggregate').length]).toEqual([2, 2])
  })

  it('answers an equal page or count from no command that was sent before it was asked for', async () => {
    const before = client.keys('things', { limit: 30 })
    const counted = client.count('things/$count')
    await expect.poll(() => sent('find').length + sent('aggregate').length).toBe(2)
    await client.create('things', { id: 'between' })
    const after = await Promise.all([client.keys('things', { limit: 30 }), client.count('things/$count')])
    await Promise.all([before, counted])
    expect(after[0]).toContain('between')
    expect(after[1]).toBe(21)
    expect([sent('find').length, sent('aggregate').length]).toEqual([2, 2])
    await client.delete(`things('between')`)
  })

  it('sends creates of one turn as one unordered insert, by scope and collection', async () => {
    const { plan, parameters } = planOf('POST', 'things')
    const creates = Array.from({ length: 10 }, (_, i) => client.create('things', { id: `joined-${i}` }))
    const other = client.store.create(
      plan,
      sessionOf(parameters, { scope: 'b' }),
      documentOf('things', { id: 'joined-b' }),
    )
    const numbered = client.create('numbered', { n: 1 })
    for (const outcome of await Promise.all([...creates, other, numbered])) expect(outcome.kind).toBe('created')
    expect(
      sent('insert')
        .map((command) => command.documents.length)
        .sort(),
    ).toEqual([1, 1, 10])
    expect(sent('insert').every((command) => command.ordered === false)).toBe(true)
  })

  it('cuts joined creates by bytes', async () => {
    const text = 'x'.repeat(3_000_000)
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, i) => client.create('things', { id: `heavy-${i}`, text })),
    )
    expect(outcomes.every(({ kind }) => kind === 'created')).toBe(true)
    expect(sent('insert').map((command) => command.documents.length)).toEqual([2, 2, 2])
    await Promise.all(outcomes.map((_, i) => client.delete(`things('heavy-${i}')`)))
  })

  it('lets MongoDB filter, sort and cut a page with one command', async () => {
    const filter = `number gt 1 and not (number in (5,null)) and (startswith(id,'t') or contains(text,'a')) and at eq null`
    const rows = await client.all(`things?$filter=${filter}&$orderby=number desc&$skip=1`, { limit: 3 })
    expect(rows.map((row) => decoded(row)._id)).toEqual(['t18', 't17', 't16'])
    expect(commands).toHaveLength(1)
    expect(commands[0]).toMatchObject({
      limit: 3,
      skip: 1,
      sort: new Map([
        ['number', -1],
        ['_id', 1],
      ]),
    })
  })

  it('fetches batches of a stream one after the other, and kills the cursor of one that is given up', async () => {
    await client.createAll(
      'numbered',
      Array.from({ length: 2_500 }, (_, n) => ({ n: n + 10 })),
    )
    commands.length = 0
    const rows = await client.rows('numbered')
    expect(sent('find')).toHaveLength(1)
    await rows.close()
    expect(sent('killCursors')).toHaveLength(1)
    expect(sent('getMore').length).toBeLessThanOrEqual(1)
  })

  it('closes the cursor where the caller is gone', async () => {
    const controller = new AbortController()
    const rows = await client.rows('numbered', { signal: controller.signal })
    controller.abort(new Error('gone'))
    await expect(async () => {
      for await (const _ of rows.batches);
    }).rejects.toThrow()
    await expect.poll(() => sent('killCursors').length).toBe(1)
  })

  it('makes the indexes of the model: composite keys, alternate keys unique where there is a value', async () => {
    const created: Document[] = []
    const observe = ({ command }: CommandStartedEvent) => {
      if ('createIndexes' in command) created.push(command)
    }
    const other = new Client(mongoStore(freshDatabase(uri ?? ''), { observe }))
    await other.store.open(layout)
    await other.store.ready()
    const keys = created.map(({ createIndexes, indexes }) => [
      createIndexes,
      Object.fromEntries(indexes[0].key),
      indexes[0].unique ?? false,
    ])
    expect(keys).toContainEqual(['pairs', { '_id.left': 1, '_id.right': 1 }, false])
    expect(keys).toContainEqual(['logins', { mail: 1 }, true])
    await other.create('logins', { id: 'a', mail: 'a@example.org' })
    await other.createAll('logins', [{ id: 'b' }, { id: 'c' }])
    await expect(other.create('logins', { id: 'd', mail: 'a@example.org' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(other.update(`logins('b')`, mergeOf('logins', { mail: 'a@example.org' }))).rejects.toMatchObject({
      code: 'conflict',
    })
    await other.store.close()
    const none = new Client(mongoStore(freshDatabase(uri ?? ''), { observe, indexes: false }))
    created.length = 0
    await none.store.open(layout)
    await none.store.ready()
    expect(created).toEqual([])
    await none.store.close()
  })

  describe('a page of rows that have to be tested here', () => {
    beforeAll(() =>
      client.createAll(
        'things',
        Array.from({ length: 150 }, (_, number) => ({ id: `n${String(number).padStart(3, '0')}`, number })),
      ),
    )

    it.each([
      ["matchesPattern(id,'[05]5$')&$top=4", 2, ['n005', 'n055', 'n105']],
      ["matchesPattern(id,'5$')&$top=2", 1, ['n005', 'n015']],
      ["matchesPattern(id,'5$')&$skip=8&$top=2", 1, ['n085', 'n095']],
      ["matchesPattern(id,'5$')&$skip=8&$top=3", 2, ['n085', 'n095', 'n105']],
      ["matchesPattern(id,'19$') and number lt 99&$top=5", 1, ['n019']],
      ["matchesPattern(id,'049$')&$orderby=number desc&$top=1", 2, ['n049']],
    ])('%s: %i commands, more than one where the first rows are not enough', async (query, finds, keys) => {
      expect(await client.keys(`things?$filter=startswith(id,'n') and ${query}`)).toEqual(keys)
      expect(sent('find')).toHaveLength(finds)
    })
  })

  it('refuses to read more rows than the scan limit for what MongoDB cannot evaluate', async () => {
    const small = new Client(mongoStore(freshDatabase(uri ?? ''), { scanLimit: 30 }))
    await small.store.open(layout)
    await small.createAll(
      'things',
      Array.from({ length: 40 }, (_, number) => ({ id: `t${number}`, number })),
    )
    const tooMany = { code: 'urlLimitExceeded', status: 400 }
    await expect(small.all(`things?$filter=matchesPattern(id,'^x$')`)).rejects.toMatchObject(tooMany)
    await expect(small.count(`things/$count?$filter=matchesPattern(id,'^t1$')`)).rejects.toMatchObject(tooMany)
    await expect(small.all(`things?$orderby=matchesPattern(id,'1')`, { limit: 2 })).rejects.toMatchObject(tooMany)
    // what narrows the rows before keeps it within the limit
    expect(await small.keys(`things?$filter=number lt 20 and matchesPattern(id,'^t1$')`)).toEqual(['t1'])
    expect(await small.keys('things?$orderby=number')).toHaveLength(40)
    await small.store.close()
  })
})
