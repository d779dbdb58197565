import { ODataError } from '../errors/odata-error.ts'
import { namedHeaders } from '../plan/capabilities/demands.ts'
import type { BatchPart, BatchUnit, PartAnswer, UnitAnswer } from '../protocol/batch.ts'
import { type BatchPlace, inheritedHeaders, partHeaders, resolvePartUrl } from '../protocol/batch-url.ts'
import { discard } from '../protocol/discard.ts'
import type { ContentLimits, HttpRequest, HttpResponse, RequestHeaders } from '../protocol/message.ts'
import { whole } from '../protocol/whole.ts'
import type { Snapshot } from '../store/snapshots.ts'
import { evaluateCondition } from './batch-condition.ts'
import { type Core, sessionOf } from './core.ts'
import { beginExchange, type Exchange, type PartOfBatch } from './exchange.ts'
import { failure } from './failure.ts'
import { transact } from './transact.ts'

/** The stages of a request (handle.ts), for the requests of a batch. */
export interface Stages {
  /** URL, plan, permission, store, payload; throws */
  answer(core: Core, exchange: Exchange): Promise<HttpResponse>
  /** adds the headers of every answer */
  finish(core: Core, exchange: Exchange, response: HttpResponse): HttpResponse
}

/** Reads that are started together at the most. */
const widestWave = 20

/** What is remembered of a request that has been answered. */
interface Done {
  readonly succeeded: boolean
  /** path below the root, with a slash, of the entity it gave */
  readonly path: string | undefined
  readonly etag: string | undefined
}

/** An answer that fails its change set without having been thrown. */
class FailedAnswer extends Error {
  readonly response: HttpResponse
  constructor(response: HttpResponse) {
    super('a request of a change set failed')
    this.response = response
  }
}

/** Runs the requests of one batch. */
export class BatchRun {
  readonly #core: Core
  readonly #outer: Exchange
  readonly #stages: Stages
  readonly #continueOnError: boolean
  readonly #deadline: number
  /** by id, and by name of atomicity group */
  readonly #done = new Map<string, Done>()
  readonly #place: BatchPlace
  readonly #inherited: RequestHeaders
  readonly #snapshot: Snapshot | undefined

  /** @param snapshot the state that all requests are held to */
  constructor(core: Core, outer: Exchange, stages: Stages, continueOnError: boolean, snapshot?: Snapshot) {
    this.#snapshot = snapshot
    this.#core = core
    this.#outer = outer
    this.#stages = stages
    this.#continueOnError = continueOnError
    this.#deadline = Date.now() + core.limits.batchTime
    this.#place = {
      root: new URL(outer.root),
      host: outer.request.headers.host,
      slashFromRoot: core.protocol.graph,
      reference: (id) => this.#reference(id),
    }
    this.#inherited = inheritedHeaders(outer.request.headers)
  }

  /**
   * Runs the units in order and gives their answers in order. Reads that stand one after the other and do not depend on each other are
   * started in one turn, so that the store can join them. Ends after the first failure unless the batch goes on.
   */
  async *run(units: readonly BatchUnit[]): AsyncGenerator<UnitAnswer> {
    for (let at = 0; at < units.length; ) {
      const wave = waveOf(units, at)
      at += wave.length
      const started = wave.map((unit) => this.#unit(unit))
      let read = 0
      try {
        for (const starting of started) {
          const answer = await starting
          read++
          yield answer
          if (!this.#continueOnError && !succeeded(answer)) return
        }
      } finally {
        for (const unread of started.slice(read))
          for (const { response } of (await unread).answers) await discard(response)
      }
    }
  }

  #unit(unit: BatchUnit): Promise<UnitAnswer> {
    return unit.group === undefined ? this.#single(unit.parts[0]) : this.#group(unit, unit.group)
  }

  async #single(part: BatchPart | undefined): Promise<UnitAnswer> {
    if (part === undefined) return { group: undefined, answers: [], failed: undefined }
    const attempt = new Attempt(part)
    let response: HttpResponse
    try {
      response = await this.#attempt(attempt, undefined)
      if (part.method === 'HEAD') {
        await discard(response)
        response = { ...response, body: undefined }
      }
    } catch (thrown) {
      response = failure(this.#core, this.#exchangeOf(attempt), thrown)
    }
    this.#note(attempt, response)
    return { group: undefined, answers: [this.#finished(attempt, response)], failed: undefined }
  }

  /** All or nothing: one transaction, its requests in order (Protocol 11.7.7.4, JSON Format 19.5). */
  async #group(unit: BatchUnit, group: string): Promise<UnitAnswer> {
    let current: Attempt | undefined
    try {
      if (unit.fault) throw unit.fault
      if (!this.#core.store.capabilities.transactions)
        throw new ODataError(
          'notImplemented',
          'The store of this service has no transactions, which a change set needs.',
        )
      // after a conflict the store runs this again
      const answers = await transact(
        this.#core.store,
        sessionOf(this.#outer, Math.max(1, this.#deadline - Date.now())),
        this.#core.log,
        async ({ transaction }) => {
          const answered: PartAnswer[] = []
          for (const part of unit.parts) {
            const attempt = new Attempt(part)
            current = attempt
            const late = (failure: unknown) => {
              current = attempt
              return failure
            }
            const response = await whole(await this.#attempt(attempt, transaction, late))
            if (response.status >= 400) throw new FailedAnswer(response)
            this.#note(attempt, response)
            answered.push(this.#finished(attempt, response))
          }
          current = undefined
          return answered
        },
      )
      this.#done.set(group, { succeeded: true, path: undefined, etag: undefined })
      return { group, answers, failed: undefined }
    } catch (thrown) {
      return this.#failed(unit, group, current, thrown)
    }
  }

  /** One request failed, or the commit did: nothing of the group is stored, and every request in it has failed. */
  #failed(unit: BatchUnit, group: string, failing: Attempt | undefined, thrown: unknown): UnitAnswer {
    const first = unit.parts[0]
    const attempt = failing ?? (first && new Attempt(first)) ?? new Attempt(undefined)
    const response =
      thrown instanceof FailedAnswer ? thrown.response : failure(this.#core, this.#exchangeOf(attempt), thrown)
    const failed = this.#finished(attempt, response)
    const nothing: Done = { succeeded: false, path: undefined, etag: undefined }
    const answers = unit.parts.map((part): PartAnswer => {
      if (part.id !== undefined) this.#done.set(part.id, nothing)
      if (part === attempt.part) return failed
      const other = new Attempt(part)
      const error = new ODataError('failedDependency', 'Another request of the same change set failed.')
      return this.#finished(other, failure(this.#core, this.#exchangeOf(other), error))
    })
    this.#done.set(group, nothing)
    return { group, answers, failed }
  }

  /** @throws whatever the request fails with */
  async #attempt(attempt: Attempt, transaction: unknown, late?: PartOfBatch['late']): Promise<HttpResponse> {
    const { part } = attempt
    if (part.fault) throw part.fault
    if (Date.now() > this.#deadline)
      throw new ODataError(
        'storeTimeout',
        `The batch took longer than ${this.#core.limits.batchTime} ms (limit batchTime): this request was not executed.`,
      )
    this.#checkDependencies(part)
    const target = resolvePartUrl(part.url, this.#place)
    attempt.exchange = this.#begin(part, target, transaction, late)
    return await this.#stages.answer(this.#core, attempt.exchange)
  }

  /** @throws ODataError failedDependency (JSON Format 19.1) */
  #checkDependencies({ dependsOn, condition }: BatchPart): void {
    if (condition !== undefined) {
      if (evaluateCondition(condition, (id) => this.#done.get(id)?.succeeded)) return
      throw new ODataError('failedDependency', 'The condition of the request ("if") is not met.', { target: 'if' })
    }
    for (const name of dependsOn)
      if (!this.#done.get(name)?.succeeded)
        throw new ODataError('failedDependency', `The request depends on '${name}', which failed.`, {
          target: 'dependsOn',
        })
  }

  #begin(part: BatchPart, target: string, transaction: unknown, late?: PartOfBatch['late']): Exchange {
    const outer = this.#outer
    const headers = partHeaders(part.headers, this.#inherited, () => namedHeaders(this.#core.model))
    for (const name of ['if-match', 'if-none-match']) {
      const value = headers[name]
      if (value?.startsWith('$')) headers[name] = this.#etag(value.slice(1))
    }
    return beginExchange(new PartRequest(part, target, headers, outer.request), {
      version: outer.version,
      root: outer.root,
      timing: false,
      part: { transaction, late, told: late, snapshot: this.#snapshot, reference: (id) => this.#reference(id) },
      principal: outer.principal,
    })
  }

  /** For answers to requests that never got as far as having one. */
  #exchangeOf(attempt: Attempt): Exchange {
    attempt.exchange ??= this.#begin(
      { ...attempt.part, headers: withoutReferences(attempt.part.headers) },
      '/',
      undefined,
    )
    return attempt.exchange
  }

  #finished(attempt: Attempt, response: HttpResponse): PartAnswer {
    const { status, body, headers } = this.#stages.finish(this.#core, this.#exchangeOf(attempt), response)
    const { Vary: _, ...own } = headers
    return { id: attempt.part.id, response: { status, headers: own, body } }
  }

  #note({ part, exchange }: Attempt, { status, headers }: HttpResponse): void {
    if (part.id === undefined) return
    const link = headers.Location ?? headers['OData-EntityId']
    const { root } = this.#outer
    const path = link?.startsWith(root)
      ? `/${link.slice(root.length)}`
      : part.method === 'POST'
        ? undefined
        : exchange?.request.target.split('?', 1)[0]
    this.#done.set(part.id, { succeeded: status >= 200 && status < 300, path, etag: headers.ETag })
  }

  /** What `$id` at the start of a URL stands for (Protocol 11.7.4). */
  #reference(id: string): string | undefined {
    const done = this.#done.get(id)
    if (done === undefined) return undefined
    if (done.succeeded && done.path !== undefined) return done.path
    throw new ODataError('failedDependency', `The request '${id}' gave no entity that the URL could refer to.`)
  }

  /** What `$id` as an entity tag stands for (Protocol 11.7.5). */
  #etag(id: string): string {
    const done = this.#done.get(id)
    if (done?.succeeded && done.etag !== undefined) return done.etag
    throw new ODataError('failedDependency', 'The entity tag refers to a request that gave none.', {
      target: 'If-Match',
    })
  }
}

/** A request on its way. */
class Attempt {
  readonly part: BatchPart
  exchange: Exchange | undefined = undefined

  constructor(part: BatchPart | undefined) {
    this.part = part ?? nobody
  }
}

/** In the place of a request where a change set holds none that could be read. */
const nobody: BatchPart = {
  id: undefined,
  method: '',
  url: '',
  headers: new Map(),
  body: undefined,
  dependsOn: [],
  condition: undefined,
  fault: undefined,
}

function withoutReferences(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...headers].filter(([, value]) => !value.startsWith('$')))
}

function succeeded({ answers, failed }: UnitAnswer): boolean {
  return failed === undefined && answers.every(({ response }) => response.status < 400)
}

/** The units from a place that can be run at once: one, or reads of which none refers to another. */
function waveOf(units: readonly BatchUnit[], from: number): readonly BatchUnit[] {
  const wave: BatchUnit[] = []
  const ids: string[] = []
  for (let i = from; i < units.length && wave.length < widestWave; i++) {
    const unit = units[i]
    const part = unit?.group === undefined ? unit?.parts[0] : undefined
    const read = part?.fault === undefined && (part?.method === 'GET' || part?.method === 'HEAD')
    if (unit === undefined || (wave.length > 0 && (!read || (part && refersTo(part, ids))))) break
    wave.push(unit)
    if (!read) break
    if (part?.id !== undefined) ids.push(part.id)
  }
  return wave
}

function refersTo({ url, dependsOn, condition, headers }: BatchPart, ids: readonly string[]): boolean {
  const text = `${url} ${condition ?? ''} ${headers.get('if-match') ?? ''} ${headers.get('if-none-match') ?? ''}`
  if (dependsOn.length === 0 && !text.includes('$')) return false
  return ids.some((id) => dependsOn.includes(id) || text.includes(`$${id}`))
}

/** A request of a batch; it is given up with the batch. */
class PartRequest implements HttpRequest {
  readonly method: string
  readonly target: string
  readonly headers: RequestHeaders
  readonly #body: Uint8Array | undefined
  readonly #outer: HttpRequest

  constructor({ method, body }: BatchPart, target: string, headers: RequestHeaders, outer: HttpRequest) {
    this.method = method
    this.target = target
    this.headers = headers
    this.#body = body
    this.#outer = outer
  }

  body(limit: number): Promise<Uint8Array | undefined> {
    return bodyWithin(this.#body, limit)
  }

  async *content({ bytes, name = 'streamBytes' }: ContentLimits): AsyncGenerator<Uint8Array> {
    const body = await bodyWithin(this.#body, bytes, name)
    if (body !== undefined) yield body
  }

  get signal(): AbortSignal {
    return this.#outer.signal
  }

  get loopback(): boolean {
    return this.#outer.loopback
  }
}

function bodyWithin(body: Uint8Array | undefined, limit: number, name = 'bodyBytes'): Promise<Uint8Array | undefined> {
  if (body !== undefined && body.length > limit)
    return Promise.reject(new ODataError('payloadTooLarge', `The body is larger than ${limit} bytes (limit ${name}).`))
  return Promise.resolve(body)
}
