import { expect, it } from 'vitest'
import { trackResult } from '../support/delta-client.ts'
import { bookshopModel, onEveryStore } from '../support/running-service.ts'

/** An initial state and the deltas after it are the current state, whatever is written meanwhile. */

const long = process.env.ODATUM_TEST_LONG === '1'
const writers = 5
const writes = long ? 2_000 : 20
/** times that the copies of relations are compared */
const rounds = long ? 100 : 5
/** entities that writers contend for */
const ids = 25

type Item = Readonly<Record<string, unknown>>
type Page = Item & { readonly value: readonly Item[] }

/** Numbers from 0 to `end`, the same in every run. */
function numbers(seed: number): (end: number) => number {
  let state = seed
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * end)
  }
}

onEveryStore('initial state and deltas', bookshopModel, { limits: { pageSize: 7 } }, (running) => {
  const headers = { 'OData-MaxVersion': '4.01', Prefer: 'track-changes' }
  const page = async (url: string): Promise<Page> => {
    const answer = await fetch(url, { headers })
    const text = await answer.text()
    expect(answer.status, text).toBe(200)
    return JSON.parse(text) as Page
  }
  /** Applies an answer, all its pages, to a copy of the state. @returns the deltaLink */
  const apply = async (url: string, state: Map<unknown, Item>): Promise<string> => {
    const seen = new Set<unknown>()
    for (let next = url; ; ) {
      const { value, '@nextLink': more, '@deltaLink': delta } = await page(next)
      for (const item of value) {
        if (url.includes('deltatoken')) expect(seen.has(item.ID), 'twice in one delta').toBe(false)
        seen.add(item.ID)
        if (item['@removed'] === undefined) state.set(item.ID, item)
        else state.delete(item.ID)
      }
      if (typeof delta === 'string') return delta
      next = String(more)
    }
  }
  const sorted = (items: Iterable<Item>): readonly Item[] => [...items].sort((a, b) => Number(a.ID) - Number(b.ID))

  it.each(['', '?$filter=Born ne null', '?$select=ID,Name&$filter=ID gt 12'])(
    'are the current state under concurrent writers: Authors%s',
    { timeout: long ? 300_000 : 30_000 },
    async (query) => {
      const send = async (method: string, path: string, body: unknown, expected: readonly number[]): Promise<void> => {
        const { status } = await running().send(method, path, body)
        expect(expected, `${method} ${path}: ${status}`).toContain(status)
      }
      const writeOne = (next: (end: number) => number): Promise<void> => {
        const id = next(ids)
        const born = next(2) === 0 ? null : '1950-01-01'
        const author = { ID: id, Name: `n${next(1_000)}`, Born: born }
        switch (next(5)) {
          case 0:
            return send('DELETE', `/Authors(${id})`, undefined, [204, 404])
          case 1:
          case 2:
            return send('PATCH', `/Authors(${id})`, { Born: born }, [200, 201, 204, 400])
          case 3: {
            const group = { atomicityGroup: 'g', headers: { 'Content-Type': 'application/json' } }
            const other = (id + 1) % ids
            const requests = [
              { ...group, id: '1', method: 'PUT', url: `Authors(${id})`, body: author },
              { ...group, id: '2', method: 'PUT', url: `Authors(${other})`, body: { ...author, ID: other } },
            ]
            return send('POST', '/$batch', { requests }, [200])
          }
          default:
            return send('PUT', `/Authors(${id})`, author, [200, 201, 204])
        }
      }
      const work = Array.from({ length: writers }, async (_, i) => {
        const next = numbers(i + query.length)
        for (let n = 0; n < writes; n++) await writeOne(next)
      })
      let done = false
      const all = Promise.all(work).finally(() => {
        done = true
      })
      const state = new Map<unknown, Item>()
      let link = await apply(`${running().root}/Authors${query}`, state)
      let deltas = 0
      while (!done) {
        link = await apply(link, state)
        deltas++
      }
      await all
      await apply(link, state)
      expect(deltas).toBeGreaterThan(0)
      const current = new Map<unknown, Item>()
      await apply(`${running().root}/Authors${query}`, current)
      expect(sorted(state.values())).toEqual(sorted(current.values()))
    },
  )
})

type Expanding = readonly (readonly [query: string, version: '4.0' | '4.01', expanded: readonly string[]])[]

/** Results with related entities of related entities. */
const nested: Expanding = [
  [
    "users?$expand=reports($filter=level lt 3;$expand=groups($filter=title ne 'hidden'),manager($select=level))",
    '4.01',
    ['reports', 'reports/groups', 'reports/manager'],
  ],
  [
    "badges?$expand=holder($select=name;$expand=folders($filter=title ne 'hidden';$expand=folders))",
    '4.01',
    ['holder', 'holder/folders', 'holder/folders/folders'],
  ],
]

/** Results with related entities of every kind; what of them is asked for decides what is told. */
const expanding: Expanding = [
  ['users?$expand=groups,folders($select=title)', '4.01', ['groups', 'folders']],
  ["users?$expand=groups($filter=title ne 'hidden'),folders&$filter=level lt 3", '4.0', ['groups', 'folders']],
  [
    'users?$expand=manager($select=name),reports($filter=level lt 3)&$filter=level gt 0',
    '4.01',
    ['manager', 'reports'],
  ],
  ['badges?$expand=holder($select=name)', '4.01', ['holder']],
  ['badges?$expand=holder&$select=colour', '4.0', ['holder']],
  ['orders?$expand=items&$filter=id lt 5', '4.0', ['items']],
  ['groups?$expand=members($select=name)&$select=title', '4.01', ['members']],
  ...nested,
]

onEveryStore(
  'initial state and deltas of relations',
  'test/models/relations.xml',
  { limits: { pageSize: 7 } },
  (running) => {
    it('are the current state of all that is expanded, under concurrent writers', {
      timeout: long ? 300_000 : 60_000,
    }, async () => {
      const { root } = running()
      const send = async (method: string, path: string, body?: unknown): Promise<void> => {
        const answer = await running().send(method, path, body)
        // whom a request relates may have been deleted meanwhile, or never been there
        expect(answer.status, `${method} ${path}: ${await answer.text()}`).toBeLessThan(500)
      }
      const work = async (next: (end: number) => number): Promise<void> => {
        const user = `users('u${next(8)}')`
        const other = `u${next(8)}`
        const group = `groups('g${next(4)}')`
        const inner = next(2) === 0 ? '' : `/folders('i${next(2)}')`
        const folder = `/${user}/folders('f${next(3)}')${inner}`
        const body = { name: `n${next(100)}`, level: next(5), managerId: next(3) === 0 ? null : other }
        switch (next(12)) {
          case 0:
            return send('DELETE', `/${user}`)
          case 1:
            return send('PUT', `/${user}`, body)
          case 2:
          case 3:
            return send('PATCH', `/${user}`, { managerId: other, level: next(5) })
          case 4:
            return send('PUT', `/${group}`, { title: next(3) === 0 ? 'hidden' : `t${next(50)}` })
          case 5:
          case 6:
            return send('POST', `/${user}/groups/$ref`, { '@odata.id': `${root}/${group}` })
          case 7:
            return send('DELETE', `/${user}/groups/$ref?$id=${root}/${group}`)
          case 8:
            return send('PUT', folder, { title: next(4) === 0 ? 'hidden' : `t${next(50)}` })
          case 9:
            return next(2) === 0 ? send('DELETE', folder) : send('DELETE', `/${group}`)
          case 10:
            return send('PUT', `/badges(${next(6)})`, { colour: `c${next(9)}`, holderId: next(3) === 0 ? null : other })
          default: {
            const part = { atomicityGroup: 'g', headers: { 'Content-Type': 'application/json' } }
            const requests = [
              { ...part, id: '1', method: 'PATCH', url: `users('${other}')`, body },
              {
                ...part,
                id: '2',
                method: 'PUT',
                url: `items(orderId=${next(7)},line=${next(3)})`,
                body: { product: body.name },
              },
              { ...part, id: '3', method: 'PUT', url: `orders(${next(7)})`, body: { note: body.name } },
            ]
            return send('POST', '/$batch', { requests })
          }
        }
      }
      const before = numbers(77)
      for (let n = 0; n < 40; n++) await work(before)
      const begin = () =>
        Promise.all(expanding.map(([query, version, names]) => trackResult(`${root}/${query}`, version, names)))
      const clients = await begin()
      const next = Array.from({ length: writers }, (_, i) => numbers(i + 5))
      let deltas = 0
      let told = 0
      for (let round = 0; round < rounds; round++) {
        let done = false
        const all = Promise.all(
          next.map(async (one) => {
            for (let n = 0; n < 4; n++) await work(one)
          }),
        ).finally(() => {
          done = true
        })
        while (!done) {
          for (const client of clients) told += await client.catchUp()
          deltas += clients.length
        }
        await all
        for (const client of clients) told += await client.catchUp()
        const current = await begin()
        for (const [i, client] of clients.entries())
          expect(client.state(), `round ${round}: ${expanding[i]?.join(' ')}`).toEqual(current[i]?.state())
        expect(current.flatMap((client) => client.state()).length).toBeGreaterThan(10)
      }
      if (long) console.info(`${4 * rounds * writers} writes, ${deltas} deltas, ${told} items told`)
    })

    it('are the current state of what is expanded two and more levels down, after every few writes', async () => {
      const { root } = running()
      const send = async (method: string, path: string, body?: unknown): Promise<void> => {
        const answer = await running().send(method, path, body)
        // groups and folders may be gone
        expect(answer.status, `${method} ${path}: ${await answer.text()}`).toBeLessThan(500)
      }
      const next = numbers(3)
      const user = () => `u${next(4)}`
      const group = () => `groups('g${next(3)}')`
      const outer = (of: string) => `/users('${of}')/folders('f${next(2)}')`
      const title = () => ({ title: next(3) === 0 ? 'hidden' : `t${next(50)}` })
      const actions: readonly (() => Promise<void>)[] = [
        () => send('PUT', `/${group()}`, title()),
        () => send('POST', `/users('${user()}')/groups/$ref`, { '@odata.id': `${root}/${group()}` }),
        () => send('DELETE', `/users('${user()}')/groups/$ref?$id=${root}/${group()}`),
        () => send('DELETE', `/${group()}`),
        () => send('PUT', outer(user()), title()),
        () => send('PUT', `${outer(user())}/folders('i${next(2)}')`, title()),
        () => send('PUT', `${outer(user())}/folders('i${next(2)}')`, title()),
        () => send('DELETE', `${outer(user())}${next(3) === 0 ? '' : `/folders('i${next(2)}')`}`),
        () => send('PATCH', `/users('${user()}')`, { level: next(4) }),
        () => send('PATCH', `/users('${user()}')`, { managerId: user() }),
      ]
      for (let id = 0; id < 4; id++) {
        const of = `u${id}`
        await send('PUT', `/users('${of}')`, { name: of, level: 1, managerId: `u${(id + 1) % 4}` })
        await send('PUT', `/badges(${id})`, { holderId: of })
        for (const folder of ['f0', 'f1'])
          for (const path of [folder, `${folder}')/folders('i0`])
            await send('PUT', `/users('${of}')/folders('${path}')`, title())
        await send('PUT', `/groups('g${id % 3}')`, { title: 'first' })
        await send('POST', `/users('${of}')/groups/$ref`, { '@odata.id': `${root}/groups('g${id % 3}')` })
      }
      const begin = () =>
        Promise.all(nested.map(([query, version, names]) => trackResult(`${root}/${query}`, version, names)))
      const clients = await begin()
      for (let round = 0; round < (long ? 300 : 15); round++) {
        for (let n = 0; n < 1 + (round % 2); n++) await actions[next(actions.length)]?.()
        for (const client of clients) await client.catchUp()
        const current = await begin()
        for (const [i, client] of clients.entries())
          expect(client.state(), `round ${round}: ${nested[i]?.join(' ')}`).toEqual(current[i]?.state())
      }
    })
  },
)
