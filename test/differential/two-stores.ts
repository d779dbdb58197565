import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, expect } from 'vitest'
import { mongodb } from '../support/mongod.ts'
import {
  embeddedForTests,
  mongoForTests,
  type RunningService,
  type ServiceSettings,
  startService,
} from '../support/running-service.ts'
import { type Query, urlOf } from './grammar.ts'

/** The same data behind two services, one on each store; what they answer must be the same. */

type Row = Readonly<Record<string, unknown>>
export interface Answer {
  readonly status: number
  readonly body: string
}

const long = process.env.ODATUM_TEST_LONG === '1'
/** Every random choice follows from it; a failure names it, and the same value repeats the run. */
export const seed = Number(process.env.ODATUM_TEST_SEED ?? randomInt(2 ** 31))

export const { uri, reason } = mongodb()

/** How many queries a property asks, and of how many sets of data. @param share of all properties, in per cent */
export function effort(share: number): { readonly batches: number; readonly queries: number } {
  return { batches: long ? 10 : 2, queries: Math.round(((long ? 5_000 : 300) * share) / 100 / (long ? 10 : 2)) }
}

const settings: ServiceSettings = {
  enforcePermissions: false,
  limits: { pageSize: Number.POSITIVE_INFINITY, maxPageSize: Number.POSITIVE_INFINITY },
}

export class TwoStores {
  readonly #set: string
  readonly services: readonly RunningService[]
  /** answers by status, to show that a run was not vacuous */
  readonly statuses = new Map<number, number>()

  private constructor(set: string, services: readonly RunningService[]) {
    this.#set = set
    this.services = services
  }

  /** Starts both services and posts the rows to both, one after another. */
  static async of(model: string, set: string, rows: readonly Row[]): Promise<TwoStores> {
    const services = await Promise.all([
      startService(model, embeddedForTests(), settings),
      startService(model, mongoForTests(uri ?? ''), settings),
    ])
    running.push(...services)
    await Promise.all(
      services.map(async (service) => {
        for (const row of rows) {
          const answer = await service.send('POST', `/${set}`, row)
          expect(answer.status, `${JSON.stringify(row)}: ${await answer.text()}`).toBe(201)
        }
      }),
    )
    return new TwoStores(set, services)
  }

  /** Both answers to a query below the set: rows without what the service makes, numbers letter for letter. */
  async ask(rest: string, headers: Record<string, string> = {}): Promise<readonly [Answer, Answer]> {
    const [embedded, mongo] = await Promise.all(
      this.services.map((service) => answerOf(service, `${service.root}/${this.#set}${rest}`, headers)),
    )
    if (!embedded || !mongo) throw new Error('two services')
    this.statuses.set(embedded.status, (this.statuses.get(embedded.status) ?? 0) + 1)
    return [embedded, mongo]
  }

  /** @throws where the stores answer a query differently, or where the pages are not the whole */
  async check(query: Query, walk: boolean): Promise<void> {
    const [embedded, mongo] = await this.ask(`?${urlOf(query)}`)
    expect(mongo).toEqual(embedded)
    expect(embedded.status, embedded.body).toBeLessThan(500)
    if (embedded.status !== 200) return
    if (query.count) await this.#checkCount(query, embedded)
    if (walk) for (const service of this.services) await this.#checkPages(service, query, embedded)
  }

  async #checkCount(query: Query, whole: Answer): Promise<void> {
    const filter = query.filter === undefined ? '' : `?$filter=${encodeURIComponent(query.filter)}`
    const [embedded, mongo] = await this.ask(`/$count${filter}`)
    expect(mongo).toEqual(embedded)
    expect(embedded.body).toBe((JSON.parse(whole.body) as { count: unknown }).count)
  }

  async #checkPages(service: RunningService, query: Query, whole: Answer): Promise<void> {
    const rows: unknown[] = []
    let url: string | undefined = `${service.root}/${this.#set}?${urlOf(query)}`
    for (let page = 0; url !== undefined; page++) {
      const answer: Response = await fetch(url, { headers: { Accept: exact, Prefer: 'maxpagesize=3' } })
      const body = (await answer.json()) as { value: Row[]; '@odata.nextLink'?: string }
      expect(answer.status, `page ${page}: ${JSON.stringify(body)}`).toBe(200)
      expect(body.value.length).toBeLessThanOrEqual(3)
      rows.push(...body.value.map(comparable))
      url = body['@odata.nextLink']
    }
    expect(rows).toEqual((JSON.parse(whole.body) as { value: unknown }).value)
  }
}

/** Int64 and Decimal as strings, so that no digit is lost on the way. */
const exact = 'application/json;IEEE754Compatible=true'

async function answerOf(service: RunningService, url: string, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(url, { headers: { Accept: url.includes('/$count') ? 'text/plain' : exact, ...headers } })
  const text = await response.text()
  if (response.status !== 200) return { status: response.status, body: text.replaceAll(service.root, '') }
  if (!response.headers.get('Content-Type')?.startsWith('application/json')) return { status: 200, body: text }
  const page = JSON.parse(text) as { value: Row[]; '@odata.count'?: string }
  return { status: 200, body: JSON.stringify({ count: page['@odata.count'], value: page.value.map(comparable) }) }
}

/** Keys that the service makes, and control information: they differ between services with the same data. */
function comparable(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).filter(
      ([name]) => !name.startsWith('@') && !(['id', 'ID'].includes(name) && row[name] !== Number(row[name])),
    ),
  )
}

const running: RunningService[] = []
/** Call once in a file: stops what its properties started. */
export function stopAfterwards(): void {
  afterAll(async () => {
    await Promise.all(running.splice(0).map((service) => service.stop()))
  })
}

/** Random rows of one set of data. */
export function sample<T>(arbitrary: fc.Arbitrary<T>, count: number, batch: number): T[] {
  return fc.sample(arbitrary, { seed: seed + batch, numRuns: count })
}

/** Asks a number of queries of one set of data; the failure names the smallest query and how to repeat it. */
export async function askMany(
  stores: TwoStores,
  queries: fc.Arbitrary<Query>,
  settings: { readonly count: number; readonly batch: number; readonly rows: readonly unknown[] },
): Promise<void> {
  const walked = fc.tuple(queries, fc.integer({ min: 0, max: 3 }))
  await fc.assert(
    fc.asyncProperty(walked, async ([query, dice]) => stores.check(query, dice === 0)),
    {
      seed: seed + settings.batch,
      numRuns: settings.count,
      reporter: (run) => {
        if (!run.failed) return
        throw new Error(
          `ODATUM_TEST_SEED=${seed} repeats this (batch ${settings.batch}).\n` +
            `${urlOf(run.counterexample?.[0][0] as Query)
              .split('&')
              .map(decodeURIComponent)
              .join('\n')}\n` +
            `${run.errorInstance instanceof Error ? run.errorInstance.message : String(run.errorInstance)}\n` +
            `rows: ${JSON.stringify(settings.rows)}`,
        )
      },
    },
  )
}
