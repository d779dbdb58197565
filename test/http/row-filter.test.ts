import { beforeAll, expect, it } from 'vitest'
import { type CallerContext, ODataController, odataFilter } from '../../src/index.ts'
import { onEveryService } from '../support/running-service.ts'

type Json = Record<string, unknown> & { value: Json[] }

/** Who asks says what is seen: a header here, the principal in life. */
class Users extends ODataController {
  override rowFilter({ request, principal }: CallerContext): string | undefined {
    expect(principal).toBeUndefined()
    const most = request.headers['x-level']
    const names = request.headers['x-names']
    if (names !== undefined) return odataFilter`name in ${names.split(',')}`
    return most === undefined ? undefined : odataFilter`level le ${Number(most)}`
  }
}

class Folders extends ODataController {
  override rowFilter({ request }: CallerContext): string | undefined {
    return request.headers['x-size'] === undefined
      ? undefined
      : odataFilter`size lt ${BigInt(request.headers['x-size'])}`
  }
}

class Groups extends ODataController {
  override rowFilter({ request }: CallerContext): string | undefined {
    return request.headers['x-wrong'] as string | undefined
  }
}

const settings = { controllers: { users: Users, 'rel.User/folders': Folders, groups: Groups } }

onEveryService('row filters of controllers', 'test/models/relations.xml', settings, (running) => {
  const low = { 'x-level': '4' }
  const ask = async (path: string, headers: Record<string, string>) => {
    const answer = await running().get(path, headers)
    const text = await answer.text()
    return { status: answer.status, text, json: (text.startsWith('{') ? JSON.parse(text) : {}) as Json }
  }
  const ids = async (path: string, headers: Record<string, string>) => {
    const { status, text, json } = await ask(path, headers)
    expect(status, `${path}: ${text}`).toBe(200)
    return json.value.map(({ id }) => id)
  }

  beforeAll(async () => {
    const make = async (path: string, body: unknown) =>
      expect((await running().send('POST', path, body)).status, path).toBe(201)
    await make('/users', { id: 'boss', name: "O'Zoe", level: 9 })
    await make('/users', { id: 'ann', name: 'Ann', level: 5, managerId: 'boss' })
    await make('/users', { id: 'bob', name: 'Bob', level: 4, managerId: 'ann' })
    await make('/users', { id: 'cy', name: 'Cy', level: 1, managerId: 'bob' })
    await make("/users('boss')/folders", { id: 'f1', size: 1 })
    await make("/users('bob')/folders", { id: 'f1', size: 1 })
    await make("/users('bob')/folders", { id: 'f7', size: 7 })
    await make('/badges', { number: 7, holderId: 'ann', colour: 'red' })
  })

  it('hold for collections, counts, keys, filters and pages', async () => {
    expect(await ids('/users?$orderby=id', {})).toEqual(['ann', 'bob', 'boss', 'cy'])
    expect(await ids('/users?$orderby=id', low)).toEqual(['bob', 'cy'])
    expect((await ask('/users/$count', low)).text).toBe('2')
    const page = await ask('/users?$count=true&$orderby=name', { ...low, Prefer: 'maxpagesize=1' })
    expect(page.json['@odata.count']).toBe(2)
    const next = String(page.json['@odata.nextLink']).slice(running().root.length)
    expect(await ids(next, low)).toEqual(['cy'])
    expect(await ids("/users?$filter=startswith(id,'b')", low)).toEqual(['bob'])
    expect((await ask("/users('ann')", low)).status).toBe(404)
    expect((await ask("/users('ann')/name", low)).status).toBe(404)
    expect((await ask("/users('bob')/name", low)).status).toBe(200)
  })

  it('hold for what is reached by navigation, $expand, any and all', async () => {
    expect((await ask("/users('bob')/manager", low)).status).toBe(204)
    expect((await ask("/users('bob')/manager/name", low)).status).toBe(404)
    expect((await ask("/users('boss')/folders", low)).status).toBe(404)
    expect((await ask("/users('bob')?$expand=manager", low)).json.manager).toBeNull()
    expect((await ask("/users('cy')?$expand=manager", low)).json.manager).toMatchObject({ id: 'bob' })
    const expanded = (await ask('/badges?$expand=holder', low)).json.value
    expect(expanded).toMatchObject([{ number: 7, holder: null }])
    expect((await ask('/badges?$expand=holder', {})).json.value).toMatchObject([{ holder: { id: 'ann' } }])
    expect(await ids('/users?$filter=reports/any()', low)).toEqual(['bob'])
    expect(await ids("/users?$filter=manager/name eq 'Ann'", low)).toEqual([])
    expect(await ids("/users?$filter=manager/name eq 'Ann'", {})).toEqual(['bob'])
    expect(await ids("/users('bob')/folders", { 'x-size': '5' })).toEqual(['f1'])
    expect((await ask("/users('bob')/folders('f7')", { 'x-size': '5' })).status).toBe(404)
    const folders = (await ask('/users?$expand=folders&$orderby=id', { 'x-size': '5' })).json.value
    expect(folders.map((user) => (user.folders as Json[]).length)).toEqual([0, 1, 1, 0])
  })

  it('hold for changes: what is not seen cannot be changed', async () => {
    const patch = (id: string) => running().send('PATCH', `/users('${id}')`, { name: 'X' }, low)
    expect((await patch('ann')).status, 'neither changed nor made').toBe(409)
    expect((await running().send('DELETE', "/users('ann')", undefined, low)).status).toBe(404)
    const put = await running().send('PUT', "/users('ann')", { name: 'X' }, low)
    expect(put.status).toBe(409)
    expect((await ask("/users('ann')", {})).json.name).toBe('Ann')
    expect((await patch('cy')).status).toBe(204)
  })

  it('hold in batches', async () => {
    const answer = await running().send(
      'POST',
      '/$batch',
      {
        requests: [
          { id: '1', method: 'GET', url: "users('ann')" },
          { id: '2', method: 'GET', url: "users('bob')" },
          { id: '3', method: 'PATCH', url: "users('ann')", atomicityGroup: 'g', body: { name: 'X' } },
        ],
      },
      low,
    )
    const { responses } = (await answer.json()) as { responses: { id: string; status: number }[] }
    expect(Object.fromEntries(responses.map(({ id, status }) => [id, status]))).toEqual({ 1: 404, 2: 200, 3: 409 })
  })

  it('place values as values, whatever is in them', async () => {
    expect(await ids('/users', { 'x-names': "O'Zoe" })).toEqual(['boss'])
    expect(await ids('/users', { 'x-names': "x' or 'a' eq 'a" })).toEqual([])
    expect(await ids('/users?$orderby=id', { 'x-names': "Ann,Bob,'" })).toEqual(['ann', 'bob'])
  })

  it('that are wrong are a fault of the service that tells the client nothing', async () => {
    for (const wrong of ['nonsense eq 1', 'title eq', 'members/any()', 'title']) {
      const { status, text } = await ask('/groups', { 'x-wrong': wrong })
      expect(status, wrong).toBe(500)
      expect(text).not.toContain('row filter')
    }
  })
})
