import type { Parameters } from '../../bind/tree.ts'
import type { CollectionLayout } from '../../bson/layout.ts'
import type { Operation, StructuredType } from '../../edm/model.ts'
import { signatureOf } from '../../edm/signature.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { AdvertisedOperation } from '../../payload/writer.ts'
import type { CountPlan, OperationCall, OperationResult, ReadPlan } from '../../plan/plan.ts'
import { type HttpResponse, requestLike } from '../../protocol/message.ts'
import type { Rows } from '../../store/port.ts'
import { rowsInMemory } from '../../store/rows.ts'
import { ODataController, type RequestContext } from '../controller.ts'
import { type Core, type Operations, sessionOf } from '../core.ts'
import { beginExchange, type Exchange } from '../exchange.ts'
import { countOfPlan, firstOfPlan, rowsOfPlan } from '../rows.ts'
import { advertiser } from './advertise.ts'
import { type Arguments, readArguments } from './arguments.ts'
import { boundTo } from './binding.ts'
import type { Bound } from './bound.ts'
import type { OperationContext, OperationHandlers } from './handlers.ts'
import { rowsOfResult } from './result.ts'
import { prepareCalls } from './row-calls.ts'

/** URL, plan, permission, store, payload (handle.ts). */
type Answer = (core: Core, exchange: Exchange) => Promise<HttpResponse>

/** Calls of operations: what a plan reads of their results comes from here. */
export class OperationCalls implements Operations {
  readonly #handlers: OperationHandlers
  readonly #answer: Answer
  readonly #advertised = new WeakMap<CollectionLayout, ReturnType<typeof advertiser>>()

  constructor(handlers: OperationHandlers, answer: Answer) {
    this.#handlers = handlers
    this.#answer = answer
  }

  controllerOf(core: Core, exchange: Exchange, result: OperationResult): ODataController {
    return new ResultController((parameters) => {
      let rows = exchange.results.get(result)
      if (rows === undefined) {
        rows = this.#callFunction(core, exchange, result, parameters)
        exchange.results.set(result, rows)
      }
      return rows
    })
  }

  advertisedBy(core: Core, collection: CollectionLayout): (type: StructuredType) => readonly AdvertisedOperation[] {
    let known = this.#advertised.get(collection)
    if (known === undefined) {
      known = advertiser(this.#handlers.bound, core.layout, collection)
      this.#advertised.set(collection, known)
    }
    return known
  }

  has(operation: Operation): boolean {
    return this.#handlers.has(operation)
  }

  require(operation: Operation): void {
    this.#handlers.of(operation)
  }

  async #callFunction(
    core: Core,
    exchange: Exchange,
    result: OperationResult,
    all: Parameters,
  ): Promise<readonly Uint8Array[]> {
    const { call } = result
    // a filter on what an action gives would call it again
    if (call.operation.kind !== 'function') throw new Error(`invariant: ${result.name} has been called`)
    this.require(call.operation)
    const parameters = all.slice(0, call.parameters)
    const given = await this.call(core, exchange, call, parameters, readArguments(core.model, call, parameters))
    exchange.timings?.mark('operation')
    return rowsOfResult(core, result, given)
  }

  /**
   * Calls the handler of an operation.
   * @returns what it gives back
   */
  async call(
    core: Core,
    exchange: Exchange,
    { operation, binding }: OperationCall,
    parameters: Parameters,
    values: Arguments,
  ): Promise<unknown> {
    const handler = this.#handlers.of(operation)
    const bound = binding && (await boundTo(core, exchange, operation, binding, parameters))
    return await handler(values, this.#context(core, exchange, signatureOf(operation), bound))
  }

  async invoke(
    core: Core,
    exchange: Exchange,
    operation: Operation,
    bound: Bound | undefined,
    values: Arguments,
  ): Promise<unknown> {
    return await this.#handlers.of(operation)(values, this.#context(core, exchange, signatureOf(operation), bound))
  }

  readonly forRows = prepareCalls

  #context(core: Core, exchange: Exchange, operation: string, bound: Bound | undefined): OperationContext {
    return {
      operation,
      principal: exchange.principal,
      request: exchange.request,
      model: core.model,
      store: core.store,
      session: sessionOf(exchange, core.limits.storeTime),
      get path() {
        return bound?.path
      },
      binding: async () => bound?.read(),
      created: () => {
        exchange.created = true
      },
      send: (method, path, body) => this.#send(core, exchange, method, path, body),
    }
  }

  /** A request within a request, as one of a batch is. */
  async #send(core: Core, outer: Exchange, method: string, path: string, body: unknown): Promise<unknown> {
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body, plainToJson))
    const request = requestLike(outer.request, {
      method,
      target: path.startsWith('/') ? path : `/${path}`,
      headers: { ...(sent ? { 'content-type': 'application/json' } : {}), prefer: 'return=representation' },
      body: () => Promise.resolve(sent),
    })
    const { version, root, principal } = outer
    // the handler is told what has failed, as it may do something else then
    const part = { ...outer.part, transaction: outer.part?.transaction, late: undefined }
    const response = await this.#answer(core, beginExchange(request, { version, root, timing: false, part, principal }))
    const text = await textOf(response)
    if (text === undefined) return undefined
    return response.headers['Content-Type']?.startsWith('application/json') ? JSON.parse(text) : text
  }
}

/** What a plain value has that JSON has not. */
function plainToJson(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value
}

async function textOf({ status, body }: HttpResponse): Promise<string | undefined> {
  if (body === undefined) return undefined
  const chunks: Uint8Array[] = []
  if (body instanceof Uint8Array) chunks.push(body)
  else for await (const chunk of body) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  if (status >= 400) throw new ODataError('badRequest', `A request of the handler failed: ${text.slice(0, 200)}`)
  return text
}

/** Plans over what an operation gave. */
class ResultController extends ODataController {
  readonly #rows: (parameters: Parameters) => Promise<readonly Uint8Array[]>

  constructor(rows: (parameters: Parameters) => Promise<readonly Uint8Array[]>) {
    super()
    this.#rows = rows
  }

  override async list({ plan, layout, collection, session }: RequestContext<ReadPlan>): Promise<Rows> {
    const rows = await this.#rows(session.parameters)
    return rowsInMemory(rowsOfPlan(layout, collection, plan, session, rows))
  }

  override async read({ plan, layout, collection, session }: RequestContext): Promise<Uint8Array | undefined> {
    const rows = await this.#rows(session.parameters)
    return firstOfPlan(layout, collection, plan, session, rows)
  }

  override async count({ plan, layout, collection, session }: RequestContext<CountPlan | ReadPlan>): Promise<number> {
    const rows = await this.#rows(session.parameters)
    return countOfPlan(layout, collection, plan, session.parameters, rows)
  }
}
