import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '../../src/auth/principal.ts'
import { readArguments } from '../../src/cli/flags.ts'
import { serveFlags, serveOptions } from '../../src/cli/serve-options.ts'
import { explainListener } from '../../src/http/explain-listener.ts'
import { type CallerContext, ODataController, odataFilter } from '../../src/index.ts'
import { commandMissing, dataFolder, type ServingCommand, serveCommand } from '../support/command.ts'
import { onEveryStore, type RunningService, rawRequest } from '../support/running-service.ts'

type Json = Record<string, unknown>
interface Explanation {
  readonly request: Json
  readonly answer: Json & { readonly status: number }
  readonly plan: Json
  readonly parameters: readonly Json[]
  readonly store: 'mongodb' | 'embedded'
  readonly commands: readonly (Json & { readonly winningStages?: string[] })[]
  readonly stages: readonly { readonly stage: string; readonly milliseconds: number }[]
}

class Users extends ODataController {
  override rowFilter({ request }: CallerContext): string | undefined {
    const most = request.headers['x-level']
    return most === undefined ? undefined : odataFilter`level le ${Number(most)}`
  }
}

/** The explaining listener of a running service, on a port of its own. */
function explaining(running: () => RunningService) {
  let server: Server
  let root = ''
  beforeAll(async () => {
    const { explain } = running().service
    if (!explain) throw new Error('the service explains nothing')
    server = createServer(explainListener(explain))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server?.closeAllConnections()
    server?.close()
  })
  const ask = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${root}/explain?url=${encodeURIComponent(url)}`, { headers })
  const explained = async (url: string, headers: Record<string, string> = {}): Promise<Explanation> => {
    const answer = await ask(url, headers)
    const text = await answer.text()
    expect(answer.status, text).toBe(200)
    return JSON.parse(text) as Explanation
  }
  return { ask, explained, root: () => root }
}

const settings = { explain: true, controllers: { users: Users } }

onEveryStore('explained requests', 'test/models/relations.xml', settings, (running) => {
  const { ask, explained, root } = explaining(running)
  beforeAll(async () => {
    for (let i = 0; i < 30; i++) {
      const body = { id: `u${i}`, name: `n${i}`, level: i % 5, managerId: i === 0 ? null : `u${i % 3}` }
      expect((await running().send('POST', '/users', body)).status).toBe(201)
    }
    await running().send('POST', "/users('u1')/folders", { id: 'a' })
  })

  it('tells plan, values, commands and stages, and not the rows', async () => {
    const told = await explained("users?$filter=managerId eq 'u1' and level gt 2&$orderby=name desc&$top=3&$select=id")
    expect(told.plan).toMatchObject({
      kind: 'read',
      source: 'users',
      filter: '((managerId eq #0:Edm.String) and (level gt #1:Edm.Int32))',
      orderby: 'name desc,id',
      select: 'id',
      top: '3',
      requires: [],
    })
    expect(told.parameters.map(({ value }) => value)).toEqual(['u1', 2])
    expect(told.answer.status).toBe(200)
    expect(told.answer.bytes).toBeGreaterThan(50)
    expect(told.stages.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['parse', 'plan', 'auth', 'store']))
    expect(JSON.stringify(told)).not.toContain('n16')
    const [command, ...more] = told.commands
    expect(more).toEqual([])
    if (told.store === 'mongodb') {
      expect(command).toMatchObject({ find: 'users', sort: { name: -1, _id: 1 }, limit: 3 })
      expect(JSON.stringify(command?.filter)).toContain('{"managerId":"u1"}')
      expect(command?.winningStages?.join(' < ')).toMatch(/SORT.* < FETCH < IXSCAN managerId/)
    } else {
      expect(command).toMatchObject({ walk: 'users', by: 'index', order: 'sorted', ranges: 1, rowsWalked: 10 })
      expect(command?.fields).toEqual([{ path: 'managerId', entries: 'one value' }])
      expect(command?.index).toContain('managerId')
    }
  })

  it('a range of keys in their order', async () => {
    const { commands, store } = await explained("/users?$filter=id ge 'u25'&$orderby=id&$top=2")
    if (store === 'mongodb') expect(commands[0]?.winningStages).toEqual(['LIMIT', 'FETCH', 'IXSCAN _id_'])
    else expect(commands[0]).toMatchObject({ by: 'all keys', order: 'key', filter: 'each row is tested' })
  })

  it('the order of an index: rows are looked at until there are enough', async () => {
    const { commands, store } = await explained('users?$orderby=managerId&$top=4')
    // the index of the foreign key does not have the key, which makes the order total
    if (store === 'mongodb') expect(commands[0]?.winningStages).toEqual(['SORT', 'COLLSCAN'])
    else {
      expect(commands[0]).toMatchObject({
        by: 'index',
        order: 'index',
        fields: [{ path: 'managerId', entries: 'all' }],
      })
      expect(commands[0]?.rowsWalked).toBeLessThan(30)
      expect(commands[0]?.rowsWalked).toBeGreaterThanOrEqual(4)
    }
  })

  it('one row by its key, counts, and conditions that the store only says approximately', async () => {
    const one = await explained("users('u7')")
    expect(one.plan).toMatchObject({ source: 'users(#0)', single: true })
    expect(one.commands).toHaveLength(1)
    const count = await explained('users/$count?$filter=level eq 4')
    expect(count.plan.kind).toBe('count')
    const search = await explained('users?$search=n1')
    if (one.store === 'mongodb') {
      expect(one.commands[0]).toMatchObject({ find: 'users', filter: { _id: 'u7' }, limit: 1 })
      expect(one.commands[0]).not.toHaveProperty('sort')
      expect(one.commands[0]?.winningStages?.join()).toMatch(/IDHACK|EXPRESS|_id_/)
      expect(count.commands[0]).toMatchObject({ aggregate: 'users', pipeline: [{ $match: {} }, { $group: {} }] })
      expect(count.commands[0]?.winningStages?.join()).toContain('COLLSCAN')
      expect(search.commands[0]).toMatchObject({ find: 'users', remaining: ['filter'] })
    } else {
      expect(one.commands[0]).toMatchObject({ get: 'users', by: 'key', key: ['u7'] })
      expect(count.commands[0]).toMatchObject({ walk: 'users', order: 'any', rowsWalked: 30 })
      expect(search.commands[0]).toMatchObject({ walk: 'users', filter: 'each row is tested', rowsWalked: 30 })
    }
  })

  it('what is expanded, navigated to and grouped', async () => {
    const expanded = await explained("users?$filter=id in ('u1','u2')&$expand=reports($top=1)")
    expect(expanded.plan.expansions).toMatchObject([
      { property: 'reports', ofManyParents: { source: expect.stringMatching(/^users.*managerId in/) } },
    ])
    expect(expanded.commands.length).toBeGreaterThan(1)
    const navigated = await explained("users('u4')/manager/name")
    expect(navigated.plan.navigation).toMatchObject([{ of: { source: 'users(#0)' }, to: 'manager' }])
    expect(navigated.commands).toHaveLength(2)
    const grouped = await explained('users?$apply=groupby((level),aggregate($count as n))')
    expect(grouped.plan).toMatchObject({ kind: 'apply', rows: { source: 'users' }, transformations: ['groupby'] })
    const byStore = grouped.store === 'mongodb' ? { properties: ['level'], aggregates: 1 } : undefined
    if (byStore) expect(grouped.plan.groupedByStore).toMatchObject(byStore)
    else expect(grouped.commands[0]).toMatchObject({ walk: 'users', by: 'all keys', rowsWalked: 30 })
    const related = await explained("users?$filter=manager/name eq 'n1'")
    expect(related.plan.followsNavigation).toMatchObject({ relatedFirst: { source: 'users' }, key: 'id' })
    expect((await explained('$crossjoin(users,groups)?$top=1')).plan).toMatchObject({ sets: [{}, {}] })
    expect((await explained('$all?$top=1')).plan.parts).toBeInstanceOf(Array)
    expect((await explained('$metadata')).plan.kind).toBe('metadata')
  })

  it('applies row filters as to the request itself', async () => {
    const all = await explained('users')
    const some = await explained('users', { 'x-level': '1' })
    expect(Number(some.answer.bytes)).toBeLessThan(Number(all.answer.bytes) / 2)
    const [command] = some.commands
    expect(JSON.stringify(command)).toMatch(
      some.store === 'mongodb' ? /"level":\{"\$(?:lte|not)/ : /each row is tested/,
    )
  })

  it('answers what is wrong with a request as the request would', async () => {
    for (const url of ["/users?$filter=nome eq 'x'", '/users?$top=x', '/nothing', '/users?$filter=(']) {
      const [told, direct] = [await ask(url), await running().get(url)]
      expect(told.status).toBe(direct.status)
      expect(told.status).toBeGreaterThanOrEqual(400)
      expect(await told.json()).toEqual(await direct.json())
    }
  })

  it('tells what was asked before a request failed', async () => {
    const told = await explained("users('nobody')")
    expect(told.answer).toMatchObject({ status: 404, error: { code: 'entityNotFound' } })
    expect(told.commands).toHaveLength(1)
  })

  it('reads only: nothing later, no snapshot, no other method', async () => {
    const told = await explained('users?$top=1', { Prefer: 'respond-async', Isolation: 'snapshot' })
    expect(told.answer.status).toBe(200)
    expect((await ask('users/$query')).status).toBe((await running().get('/users/$query')).status)
    const put = await fetch(`${root()}/explain?url=users`, { method: 'PUT', body: '{}' })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST'])
  })

  it('takes long URLs as a body, and refuses what was not encoded', async () => {
    const url = `users?$filter=${Array.from({ length: 60 }, (_, i) => `name eq 'ü ${i}'`).join(' or ')}`
    const posted = await fetch(`${root()}/explain`, { method: 'POST', body: url })
    expect(((await posted.json()) as Explanation).parameters).toHaveLength(60)
    for (const query of ['?url=users?$top=1&$skip=2', '', '?url=users&url=groups', '?uri=users'])
      expect((await fetch(`${root()}/explain${query}`)).status, query).toBe(400)
  })

  it('is for this machine', async () => {
    const ofHeaders = async (headers: Record<string, string>) =>
      (await rawRequest(root(), '/explain?url=users', { headers })).status
    expect(await ofHeaders({})).toBe(200)
    expect(await ofHeaders({ 'X-Forwarded-For': '192.0.2.1' })).toBe(403)
    expect(await ofHeaders({ Host: 'shop.example' })).toBe(403)
  })
})

const signedIn = {
  explain: true,
  authenticate: ({ authorization }: { authorization: string | undefined }): Principal | undefined =>
    authorization === undefined
      ? undefined
      : {
          subject: 'test',
          tenant: undefined,
          scheme: 'Delegated',
          scopes: new Set([authorization]),
          expires: 4_000_000_000,
        },
}

onEveryStore('explained requests of callers', 'test/models/restricted.xml', signedIn, (running) => {
  const { ask } = explaining(running)
  it('are refused as the requests themselves', async () => {
    for (const [headers, status] of [
      [{}, 401],
      [{ Authorization: 'Nothing' }, 403],
      [{ Authorization: 'Owners.Read' }, 200],
    ] as readonly [Record<string, string>, number][]) {
      const [told, direct] = [await ask('Owners', headers), await running().get('/Owners', headers)]
      expect([told.status, direct.status]).toEqual([status, status])
      if (status !== 200) expect(await told.json()).toEqual(await direct.json())
    }
  })
})

describe('odatum serve --explain', () => {
  it('is refused beside --public-url', () => {
    const options = (...args: string[]) => serveOptions(readArguments(serveFlags, ['m.xml', ...args], {}))
    expect(options().explain).toBe(false)
    expect(options('--explain').explain).toBe(true)
    expect(() => options('--explain', '--public-url', 'https://x.example', '--auth', 'none')).toThrow(/--explain/)
    const byEnvironment = () =>
      serveOptions(readArguments(serveFlags, ['m.xml', '--public-url', 'https://x.example'], { ODATUM_EXPLAIN: '1' }))
    expect(byEnvironment).toThrow(/--explain/)
  })

  describe.skipIf(commandMissing !== '')(`as a command${commandMissing && `: ${commandMissing}`}`, () => {
    const data = dataFolder()
    let command: ServingCommand | undefined
    afterEach(() => command?.stop())
    afterAll(() => data.remove())

    it.each([
      [['--explain'], 200],
      [[], 404],
    ])('%j: %i', async (flags, status) => {
      const args = ['test/models/relations.xml', '--data', data.path, '--auth', 'none', '--base-path', '/beta']
      command = await serveCommand([...args, ...flags])
      const answer = await fetch(`${new URL(command.root).origin}/explain?url=users`)
      expect(answer.status).toBe(status)
    })
  })
})
