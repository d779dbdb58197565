import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { type ServingCommand, serveCommand } from './command.ts'

/** What happened while many clients wrote to and read from several processes on the same data. */
export interface ManyProcesses {
  requests: number
  /** answers by status, those in batches too */
  statuses: Record<string, number>
  /** counted up under If-Match, alone and two in a change set */
  increments: number
  transfers: number
  /** deltas that were asked for, and entities and removals in them */
  deltas: number
  changes: number
  /** counts that were acknowledged and are not there, or are there without having been */
  lost: number
}

type Item = Readonly<Record<string, unknown>>
type Page = { readonly value: readonly Item[]; readonly '@nextLink'?: string; readonly '@deltaLink'?: string }

const accounts = 4
const total = 1_000

/** Runs clients against `odatum serve --workers` for a while and checks what must hold whatever came when. @param store the arguments that name the store */
export async function manyProcesses(
  store: readonly string[],
  { workers, milliseconds }: { readonly workers: number; readonly milliseconds: number },
): Promise<ManyProcesses> {
  const args = ['examples/bookshop.xml', '--base-path', '/beta', '--auth', 'none', '--log-level', 'silent']
  const serving = await serveCommand([...args, '--workers', String(workers), ...store], {}, { group: true })
  try {
    const clients = new Clients(serving)
    await clients.run(milliseconds)
    return clients.result
  } finally {
    await serving.stop()
  }
}

/** Numbers from 0 to `end`, the same in every run. */
function numbers(seed: number): (end: number) => number {
  let state = seed
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * end)
  }
}

class Clients {
  readonly result: ManyProcesses = {
    requests: 0,
    statuses: {},
    increments: 0,
    transfers: 0,
    deltas: 0,
    changes: 0,
    lost: 0,
  }
  readonly #root: string
  #over = false
  #next = 1

  constructor({ root }: ServingCommand) {
    this.#root = root
  }

  async run(milliseconds: number): Promise<void> {
    const put = async (Shop: string, Shelf: number, Copies: number): Promise<void> => {
      const { status } = await this.#ask('POST', '/StockLevels', { Shop, Shelf, Copies, Place: { City: 'x' } })
      expect(status).toBe(201)
    }
    for (let i = 0; i < accounts; i++) {
      await put('counter', i, 0)
      await put('account', i, total / accounts)
    }
    const over = delay(milliseconds).then(() => {
      this.#over = true
    })
    const each = (count: number, work: (next: (end: number) => number) => Promise<void>): Promise<void>[] =>
      Array.from({ length: count }, async (_, n) => {
        const next = numbers(n + 17 * count)
        while (!this.#over) await work(next)
      })
    const followers = [
      new Follower('/Authors', this.#page),
      new Follower('/Books?$filter=Price gt 5&$select=ID,Title,Price', this.#page),
      new Follower("/StockLevels?$filter=Shop eq 'account'", this.#page),
    ]
    const follow = followers.map(async (follower) => {
      while (!this.#over) {
        await follower.follow()
        this.result.deltas++
      }
    })
    try {
      await Promise.all([
        over,
        ...follow,
        ...each(4, (next) => this.#increment(next)),
        ...each(4, (next) => this.#transfer(next)),
        ...each(3, (next) => this.#write(next)),
        ...each(2, (next) => this.#read(next)),
      ])
    } finally {
      this.#over = true
    }
    const counts = await this.#stock('counter')
    this.result.lost = Math.abs(counts.reduce((sum, count) => sum + count, 0) - this.result.increments)
    const balances = await this.#stock('account')
    expect(
      balances.reduce((sum, balance) => sum + balance, 0),
      'a torn change set',
    ).toBe(total)
    for (const follower of followers) {
      await follower.follow()
      this.result.changes += follower.changes
      expect(follower.sorted(), follower.query).toEqual(await follower.current())
    }
    const server = Object.keys(this.result.statuses).filter((status) => status.startsWith('5') && status !== '503')
    expect(server, JSON.stringify(this.result)).toEqual([])
  }

  async #ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; json: Item; etag: string }> {
    const answer = await fetch(path.startsWith('http') ? path : this.#root + path, {
      method,
      headers: { 'OData-MaxVersion': '4.01', 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    this.#note(answer.status)
    return {
      status: answer.status,
      json: text.startsWith('{') ? (JSON.parse(text) as Item) : {},
      etag: answer.headers.get('ETag') ?? '',
    }
  }

  #note(status: number): void {
    this.result.requests++
    this.result.statuses[status] = (this.result.statuses[status] ?? 0) + 1
  }

  readonly #page = async (url: string): Promise<Page> => {
    for (;;) {
      const { status, json } = await this.#ask('GET', url, undefined, { Prefer: 'track-changes,maxpagesize=20' })
      if (status === 503) continue
      expect(status, JSON.stringify(json)).toBe(200)
      return json as unknown as Page
    }
  }

  async #stock(shop: string): Promise<readonly number[]> {
    const { json } = await this.#ask('GET', `/StockLevels?$filter=Shop eq '${shop}'`)
    return (json.value as { Copies: number }[]).map(({ Copies }) => Copies)
  }

  /** One more in a counter, under the ETag that was read. */
  async #increment(next: (end: number) => number): Promise<void> {
    const path = `/StockLevels(Shop='counter',Shelf=${next(accounts)})`
    const { status, json, etag } = await this.#ask('GET', path)
    if (status === 503) return
    const change = await this.#ask('PATCH', path, { Copies: Number(json.Copies) + 1 }, { 'If-Match': etag })
    expect([204, 412, 503], JSON.stringify(change.json)).toContain(change.status)
    if (change.status === 204) this.result.increments++
  }

  /** Read by one batch, from one account to another by one change set. */
  async #transfer(next: (end: number) => number): Promise<void> {
    const from = next(accounts)
    const to = (from + 1 + next(accounts - 1)) % accounts
    const url = (shelf: number) => `StockLevels(Shop='account',Shelf=${shelf})`
    const read = await this.#batch([from, to].map((shelf, i) => ({ id: `${i}`, method: 'GET', url: url(shelf) })))
    const [a, b] = read
    if (a?.status !== 200 || b?.status !== 200) return
    const amount = next(5) - 2
    const change = (one: Part, shelf: number, id: string, by: number) => ({
      ...{ id, atomicityGroup: 'g', method: 'PATCH', url: url(shelf) },
      headers: { 'Content-Type': 'application/json', 'If-Match': String(one.body?.['@etag']) },
      body: { Copies: Number(one.body?.Copies) + by },
    })
    const written = await this.#batch([change(a, from, '0', -amount), change(b, to, '1', amount)])
    const statuses = written.map(({ status }) => status)
    if (statuses.every((status) => status === 204)) this.result.transfers++
    else expect(statuses.includes(412) || statuses.includes(503) || statuses.includes(409), statuses.join()).toBe(true)
  }

  async #batch(requests: readonly object[]): Promise<readonly Part[]> {
    const { status, json } = await this.#ask('POST', '/$batch', { requests })
    if (status === 503) return []
    expect(status, JSON.stringify(json)).toBe(200)
    const responses = json.responses as Part[]
    for (const { status: one } of responses) this.#note(one)
    return responses
  }

  async #write(next: (end: number) => number): Promise<void> {
    const ID = next(60)
    const author = { ID, Name: `n${next(1_000)}` }
    const outcome = async (): Promise<number> => {
      switch (next(6)) {
        case 0:
          return (await this.#ask('DELETE', `/Authors(${ID})`)).status
        case 1: {
          const Books = [
            { Title: 'cheap', Price: next(10) },
            { Title: 'dear', Price: 10 + next(10) },
          ]
          return (await this.#ask('POST', '/Authors', { ...author, ID: 1_000 + this.#next++, Books })).status
        }
        case 2: {
          const { json } = await this.#ask('GET', `/Books?$select=ID&$top=1&$skip=${next(20)}`)
          const [book] = (json.value as readonly Item[] | undefined) ?? []
          if (book === undefined) return 200
          return next(2) === 0
            ? (await this.#ask('DELETE', `/Books(${book.ID})`)).status
            : (await this.#ask('PATCH', `/Books(${book.ID})`, { Price: next(20) })).status
        }
        default:
          return (await this.#ask('PUT', `/Authors(${ID})`, author)).status
      }
    }
    expect([200, 201, 204, 404, 409, 503]).toContain(await outcome())
  }

  async #read(next: (end: number) => number): Promise<void> {
    const queries = [
      '/Authors?$orderby=Name desc&$top=10&$count=true',
      '/Books?$filter=contains(Title,%27ea%27)&$expand=Author&$top=5',
      '/Authors?$expand=Books($top=2;$orderby=Price)&$top=10',
      '/Books/$count?$filter=Price lt 10',
      '/Books?$apply=groupby((Title),aggregate(Price with sum as Sum))',
    ]
    const { status, json } = await this.#ask('GET', queries[next(queries.length)] ?? '')
    expect([200, 503], JSON.stringify(json)).toContain(status)
  }
}

interface Part {
  readonly status: number
  readonly body?: Item
}

/** A copy of a collection that is kept by its deltas. */
class Follower {
  readonly query: string
  readonly #page: (url: string) => Promise<Page>
  readonly #state = new Map<string, Item>()
  #link: string | undefined
  changes = 0

  constructor(query: string, page: (url: string) => Promise<Page>) {
    this.query = query
    this.#page = page
  }

  /** Reads the collection, or what has changed since. */
  async follow(): Promise<void> {
    this.#link = await this.#apply(this.#link ?? this.query, this.#state)
  }

  async current(): Promise<readonly Item[]> {
    const state = new Map<string, Item>()
    await this.#apply(this.query, state)
    return sorted(state)
  }

  sorted(): readonly Item[] {
    return sorted(this.#state)
  }

  async #apply(url: string, state: Map<string, Item>): Promise<string> {
    for (let next = url; ; ) {
      const { value, '@nextLink': more, '@deltaLink': delta } = await this.#page(next)
      for (const item of value) {
        const key = JSON.stringify([item.ID, item.Shop, item.Shelf])
        if (item['@removed'] === undefined) state.set(key, item)
        else state.delete(key)
        this.changes++
      }
      if (delta !== undefined) return delta
      next = String(more)
    }
  }
}

function sorted(state: ReadonlyMap<string, Item>): readonly Item[] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
}
