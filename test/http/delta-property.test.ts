import { expect, it } from 'vitest'
import { bookshopModel, onEveryService } from '../support/running-service.ts'

/** An initial state and the deltas after it are the current state, whatever is written meanwhile. */

const long = process.env.ODATUM_TEST_LONG === '1'
const writers = 5
const writes = long ? 2_000 : 20
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

onEveryService('initial state and deltas', bookshopModel, { limits: { pageSize: 7 } }, (running) => {
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
