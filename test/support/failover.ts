import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { expect } from 'vitest'
import type { RunningReplicaSet } from '../../scripts/mongod.mjs'
import { mongoStore } from '../../src/mongo/store.ts'
import { bookshopModel, type RunningService, startService } from './running-service.ts'

/** What happened while a replica set lost its primary again and again. */
export interface Failovers {
  /** times the primary was killed, and times it was told to step down */
  kills: number
  stepDowns: number
  /** requests that write */
  requests: number
  acknowledged: number
  /** answered 503 with Retry-After: nothing was written */
  refused: number
  /** answered 504: not known, not even to the service */
  unknown: number
  /** acknowledged writes that are not there */
  lost: number
  /** writes that are there twice, or that were refused and are there */
  doubled: number
  /** what was lost or doubled */
  wrong: string[]
  /** milliseconds from each loss of the primary to the next acknowledged write */
  recovered: number[]
}

/** What became of one write, as the client was told. */
type Outcome = 'acknowledged' | 'refused' | 'unknown' | 'failed'

interface Counter {
  acknowledged: number
  unknown: number
}

/**
 * Takes the primary away while clients create and delete entities, count with If-Match, and send change sets; then looks for each write.
 * @param rounds how often the primary is lost, by turns to a step-down and to SIGKILL
 */
export async function failover(set: RunningReplicaSet, rounds: number): Promise<Failovers> {
  const running = await startService(
    bookshopModel,
    { open: () => mongoStore(set.uri, { database: 'failover' }), remove: () => undefined },
    { limits: { pageSize: 1_000 } },
  )
  const admin = await new MongoClient(set.uri).connect()
  const result: Failovers = {
    kills: 0,
    stepDowns: 0,
    requests: 0,
    acknowledged: 0,
    refused: 0,
    unknown: 0,
    lost: 0,
    doubled: 0,
    wrong: [],
    recovered: [],
  }
  try {
    await new Load(running, result).run(() => loseThePrimary(set, admin, result, rounds))
    return result
  } finally {
    await admin.close()
    await running.stop()
  }
}

async function loseThePrimary(
  set: RunningReplicaSet,
  admin: MongoClient,
  result: Failovers,
  rounds: number,
): Promise<void> {
  const moreThan = async (count: number): Promise<void> => {
    for (let waited = 0; result.acknowledged <= count; waited += 5) {
      if (waited > 60_000) throw new Error(`no write was acknowledged for a minute: ${JSON.stringify(result)}`)
      await delay(5)
    }
  }
  for (let round = 0; round < rounds; round++) {
    await moreThan(result.acknowledged + 40)
    await delay(Math.random() * 50)
    const { primary } = await admin.db('admin').command({ hello: 1 })
    const port = Number(String(primary).split(':')[1])
    const lostAt = Date.now()
    const killed = round % 2 === 1
    if (killed) {
      await set.kill(port)
      result.kills++
    } else {
      await admin
        .db('admin')
        .command({ replSetStepDown: 5, force: true })
        .catch(() => {})
      result.stepDowns++
    }
    await moreThan(result.acknowledged + 5)
    result.recovered.push(Date.now() - lostAt)
    if (round === rounds - 1) break
    if (killed) await set.revive(port)
    // of three two have to be there
    for (;;) {
      const status = await admin
        .db('admin')
        .command({ replSetGetStatus: 1 })
        .catch(() => ({ members: [] }))
      const states = (status.members as readonly { stateStr: string }[]).map(({ stateStr }) => stateStr).sort()
      if (states.join() === 'PRIMARY,SECONDARY,SECONDARY') break
      await delay(50)
    }
  }
  await moreThan(result.acknowledged + 20)
}

class Load {
  readonly #running: RunningService
  readonly #result: Failovers
  readonly #books = new Map<string, Outcome>()
  readonly #deletes = new Map<string, Outcome>()
  readonly #groups = new Map<number, Outcome>()
  readonly #counters = new Map<number, Counter>([1, 2].map((shelf) => [shelf, { acknowledged: 0, unknown: 0 }]))
  #next = 1
  #over = false

  constructor(running: RunningService, result: Failovers) {
    this.#running = running
    this.#result = result
  }

  async run(meanwhile: () => Promise<void>): Promise<void> {
    for (const Shelf of this.#counters.keys()) {
      const answer = await this.#running.send('POST', '/StockLevels', {
        Shop: 's',
        Shelf,
        Copies: 0,
        Place: { City: 'x' },
      })
      expect(answer.status).toBe(201)
    }
    const writers = [
      ...Array.from({ length: 4 }, () => this.#writer(() => this.#create())),
      ...Array.from({ length: 6 }, (_, n) => this.#writer(() => this.#count(1 + (n % this.#counters.size)))),
      ...Array.from({ length: 2 }, () => this.#writer(() => this.#group())),
      ...Array.from({ length: 2 }, () => this.#writer(() => this.#createAndDelete())),
    ]
    const end = (): void => {
      this.#over = true
    }
    await Promise.all([meanwhile().finally(end), ...writers.map((writer) => writer.finally(end))])
    await this.#check()
  }

  async #writer(write: () => Promise<void>): Promise<void> {
    while (!this.#over) await write()
  }

  /** Sends a write and tells its outcome. */
  async #send(
    method: string,
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ outcome: Outcome; status: number; text: string }> {
    this.#result.requests++
    const answer = await this.#running.send(method, path, body, headers)
    const text = await answer.text()
    const outcome = this.#outcome(answer.status, answer.headers.get('Retry-After'), text)
    return { outcome, status: answer.status, text }
  }

  #outcome(status: number, retryAfter: string | null, text: string): Outcome {
    if (status >= 200 && status < 300) return this.#told('acknowledged')
    if (status === 503) {
      expect(retryAfter, text).not.toBeNull()
      return this.#told('refused')
    }
    if (status === 504) {
      expect(retryAfter, text).toBeNull()
      return this.#told('unknown')
    }
    // somebody else was faster; anything else is a defect
    expect([409, 412], text).toContain(status)
    return 'failed'
  }

  #told(outcome: 'acknowledged' | 'refused' | 'unknown'): Outcome {
    this.#result[outcome]++
    return outcome
  }

  async #create(): Promise<void> {
    const Title = `book ${this.#next++}`
    this.#books.set(Title, (await this.#send('POST', '/Books', { Title, Price: 1 })).outcome)
  }

  async #createAndDelete(): Promise<void> {
    const Title = `gone ${this.#next++}`
    const { outcome, text } = await this.#send('POST', '/Books', { Title, Price: 1 })
    this.#books.set(Title, outcome)
    if (outcome !== 'acknowledged') return
    const { ID } = JSON.parse(text) as { ID: string }
    this.#deletes.set(Title, (await this.#send('DELETE', `/Books(${ID})`, undefined)).outcome)
  }

  /** Two entities in one atomicity group. */
  async #group(): Promise<void> {
    const ID = this.#next++
    const group = { atomicityGroup: 'g', method: 'POST', headers: { 'Content-Type': 'application/json' } }
    const requests = [
      { ...group, id: '1', url: 'Authors', body: { ID, Name: `author ${ID}` } },
      { ...group, id: '2', url: 'Books', body: { Title: `pair ${ID}`, Price: 1, AuthorID: ID } },
    ]
    this.#result.requests++
    const answer = await this.#running.send('POST', '/$batch', { requests }, { Accept: 'application/json' })
    const text = await answer.text()
    expect(answer.status, text).toBe(200)
    const { responses } = JSON.parse(text) as { responses: { status: number; headers?: Record<string, string> }[] }
    const decisive = responses.find(({ status }) => status !== 424)
    const retryAfter = Object.entries(decisive?.headers ?? {}).find(([name]) => name.toLowerCase() === 'retry-after')
    this.#groups.set(ID, this.#outcome(decisive?.status ?? 0, retryAfter?.[1] ?? null, text))
  }

  /** Reads a counter and stores one more under its ETag: many who read the same would store the same. */
  async #count(shelf: number): Promise<void> {
    const path = `/StockLevels(Shop='s',Shelf=${shelf})`
    const read = await this.#running.get(path)
    const text = await read.text()
    if (read.status === 503) return
    expect(read.status, text).toBe(200)
    const { Copies, '@odata.etag': etag } = JSON.parse(text) as { Copies: number; '@odata.etag': string }
    const { outcome } = await this.#send('PATCH', path, { Copies: Copies + 1 }, { 'If-Match': etag })
    const counter = this.#counters.get(shelf)
    if (counter && outcome === 'acknowledged') counter.acknowledged++
    if (counter && outcome === 'unknown') counter.unknown++
  }

  async #all<T>(path: string): Promise<readonly T[]> {
    const rows: T[] = []
    for (let url: string | undefined = this.#running.root + path; url !== undefined; ) {
      const answer = await fetch(url)
      const page = (await answer.json()) as { value: T[]; '@odata.nextLink'?: string }
      expect(answer.status).toBe(200)
      rows.push(...page.value)
      url = page['@odata.nextLink']
    }
    return rows
  }

  async #check(): Promise<void> {
    const result = this.#result
    const titles = new Map<string, number>()
    for (const { Title } of await this.#all<{ Title: string }>('/Books?$select=Title'))
      titles.set(Title, (titles.get(Title) ?? 0) + 1)
    const note = (found: 'lost' | 'doubled', times: number, what: string): void => {
      result[found] += times
      if (times > 0) result.wrong.push(`${found}: ${what}`)
    }
    const judge = (outcome: Outcome | undefined, times: number, what: string): void => {
      note('lost', outcome === 'acknowledged' && times === 0 ? 1 : 0, what)
      note('doubled', times > 1 || (outcome === 'refused' && times > 0) ? 1 : 0, `${what}, ${outcome}, there ${times}`)
    }
    for (const [title, outcome] of this.#books) {
      const deleted = this.#deletes.get(title)
      const times = titles.get(title) ?? 0
      if (deleted === 'acknowledged') note('lost', times, `delete of ${title}`)
      else if (deleted === 'refused') judge('acknowledged', times, `refused delete of ${title}`)
      else if (deleted === undefined) judge(outcome, times, title)
    }
    const authors = new Set((await this.#all<{ ID: number }>('/Authors?$select=ID')).map(({ ID }) => ID))
    for (const [id, outcome] of this.#groups) {
      const times = titles.get(`pair ${id}`) ?? 0
      expect(authors.has(id), `a torn change set: ${id}`).toBe(times === 1)
      judge(outcome, times, `pair ${id}`)
    }
    for (const [shelf, { acknowledged, unknown }] of this.#counters) {
      const answer = await this.#running.get(`/StockLevels(Shop='s',Shelf=${shelf})`)
      const { Copies } = (await answer.json()) as { Copies: number }
      note('lost', Math.max(0, acknowledged - Copies), `counter ${shelf}`)
      note('doubled', Math.max(0, Copies - acknowledged - unknown), `counter ${shelf}: ${Copies} of ${acknowledged}`)
    }
  }
}
