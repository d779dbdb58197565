import type { Authenticate } from '../auth/principal.ts'
import { invariant } from '../base/assert.ts'
import { LruMap } from '../base/lru.ts'
import type { InvocationExpression, Parameters } from '../bind/tree.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import { looseLayout } from '../bson/layout-of-model.ts'
import type { Model, Operation } from '../edm/model.ts'
import type { JsonDialect, RowShape } from '../payload/writer.ts'
import type { OperationCall, OperationResult, SourceRoot, StorePlan } from '../plan/plan.ts'
import { parseIncludeAnnotations } from '../protocol/include-annotations.ts'
import type { HttpRequest } from '../protocol/message.ts'
import type { JsonFormat, ODataVersion } from '../protocol/negotiate.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { Session, Store } from '../store/port.ts'
import type { CustomAggregates } from './apply/custom-aggregates.ts'
import type { AsyncRequests } from './asynchronous.ts'
import { ODataController, type RequestContext } from './controller.ts'
import type { Documents } from './documents.ts'
import { type Exchange, notIsolated } from './exchange.ts'
import type { Bound } from './operations/bound.ts'
import type { Callers, RowCalls } from './operations/row-calls.ts'
import type { KeyGeneration, ProtocolOptions, ServiceLimits, ServiceLog } from './options.ts'
import type { Paging } from './paging.ts'
import type { Planner } from './planner.ts'
import type { Records } from './records.ts'
import type { BoundRowFilter, RowFilters } from './row-filter.ts'

/** What all requests of one service share. */
export interface Core {
  readonly model: Model
  readonly layout: ModelLayout
  readonly store: Store
  readonly planner: Planner
  readonly paging: Paging
  readonly documents: Documents
  readonly authenticate: Authenticate | undefined
  readonly enforcePermissions: boolean
  readonly keyGeneration: KeyGeneration
  readonly lookUpForeignKeys: boolean
  /** by name of entity set or singleton; of a contained collection `Namespace.Type/Property` */
  readonly controllers: ReadonlyMap<string, ODataController>
  readonly protocol: ProtocolOptions
  readonly limits: ServiceLimits
  readonly log: ServiceLog | undefined
  readonly writers: WriterCache
  readonly rowFilters: RowFilters
  readonly records: Records
  readonly asyncRequests: AsyncRequests
  readonly operations: Operations
  readonly customAggregates: CustomAggregates
}

/** A session of a request that names no rows: to begin a transaction with. */
export function sessionOf(exchange: Exchange, timeLimit: number): Session {
  return {
    parameters: [],
    scope: '',
    rowFilters: noFilters,
    signal: exchange.request.signal,
    timeLimit,
    after: undefined,
    limit: undefined,
    precondition: undefined,
    transaction: exchange.part?.transaction,
    told: exchange.part?.told,
  }
}

/** What operations give (service/operations/). */
export interface Operations {
  /** The controller of a result: it calls the operation when its rows are asked for, once a request. */
  controllerOf(core: Core, exchange: Exchange, result: OperationResult): ODataController
  /** What full metadata tells of entities in a collection: the operations bound to their types that have handlers. */
  advertisedBy(core: Core, collection: CollectionLayout): NonNullable<RowShape['advertised']>
  /** whether an operation has a handler */
  has(operation: Operation): boolean
  /** @throws ODataError notImplemented where an operation has no handler */
  require(operation: Operation): void
  /** Calls the handler of a function. @param bound what it is bound to @param values plain values of the function's parameters */
  invoke(
    core: Core,
    exchange: Exchange,
    operation: Operation,
    bound: Bound | undefined,
    values: Readonly<Record<string, unknown>>,
  ): Promise<unknown>
  /** Prepares the calls of functions that expressions make for rows (row-calls.ts). @throws ODataError notImplemented without a handler */
  forRows<Caller extends object>(
    core: Core,
    exchange: Exchange,
    calls: readonly InvocationExpression[],
    parameters: Parameters,
    callers: Callers<Caller>,
  ): RowCalls<Caller>
  /** Calls the handler of an operation. @param parameters the request's own @param values plain values of the operation's */
  call(
    core: Core,
    exchange: Exchange,
    call: OperationCall,
    parameters: Parameters,
    values: Readonly<Record<string, unknown>>,
  ): Promise<unknown>
}

/** Compiled writers by plan and dialect; plans are cached objects, so their writers live as long as they do. */
export class WriterCache {
  readonly #byPlan = new WeakMap<object, LruMap<string, unknown>>()
  /** of each plan the writer that was asked for last: most answers are in one dialect */
  readonly #last = new WeakMap<object, { readonly dialect: JsonDialect; readonly writer: unknown }>()

  /** The writer made for a plan (or any shared object) and dialect by `make`, made once. */
  get<T>(owner: object, dialect: JsonDialect, make: () => T): T {
    const last = this.#last.get(owner)
    if (last !== undefined && isSameDialect(last.dialect, dialect)) return last.writer as T
    const writer = this.#of(owner, dialect, make)
    this.#last.set(owner, { dialect, writer })
    return writer
  }

  #of<T>(owner: object, dialect: JsonDialect, make: () => T): T {
    const key = `${dialect.version} ${dialect.metadata} ${dialect.ieee754Compatible} ${dialect.exponentialDecimals} ${dialect.omitValues} ${dialect.withoutAnnotations} ${dialect.root}`
    return this.#made(owner, key, make)
  }

  /** What is made for a plan (or any shared object) whatever the dialect, made once. */
  once<T>(owner: object, make: () => T): T {
    return this.#made(owner, '', make)
  }

  #made<T>(owner: object, key: string, make: () => T): T {
    let writers = this.#byPlan.get(owner)
    if (writers === undefined) {
      writers = new LruMap<string, unknown>(24)
      this.#byPlan.set(owner, writers)
    }
    let writer = writers.get(key)
    if (writer === undefined) {
      writer = make()
      writers.set(key, writer)
    }
    return writer as T
  }
}

/** Whether writers of two answers of one service are the same. */
function isSameDialect(a: JsonDialect, b: JsonDialect): boolean {
  return (
    a.version === b.version &&
    a.metadata === b.metadata &&
    a.ieee754Compatible === b.ieee754Compatible &&
    a.exponentialDecimals === b.exponentialDecimals &&
    a.omitValues === b.omitValues &&
    a.withoutAnnotations === b.withoutAnnotations &&
    a.root === b.root
  )
}

/** The dialect of one answer. */
export function dialectOf(core: Core, exchange: Exchange, format: JsonFormat): JsonDialect {
  return {
    version: exchange.version,
    metadata: format.metadata,
    ieee754Compatible: format.ieee754Compatible,
    exponentialDecimals: format.exponentialDecimals,
    alwaysType: core.protocol.graph,
    plainBase64: core.protocol.graph,
    unpaddedBinary: core.protocol.unpaddedBinary,
    alwaysId: core.protocol.alwaysId,
    ...preferred(exchange.request),
    root: exchange.root,
  }
}

/** What the client prefers to be left out (Protocol 8.2.8.4, 8.2.8.6); the answer to an update has what it changed, nulls too. */
function preferred({ method, headers }: HttpRequest): Pick<JsonDialect, 'omitValues' | 'withoutAnnotations'> {
  if (headers.prefer === undefined) return {}
  const { omitValues, includeAnnotations } = parsePrefer(headers.prefer)
  const wanted = includeAnnotations === undefined ? undefined : parseIncludeAnnotations(includeAnnotations)
  return {
    omitValues: method === 'PATCH' || method === 'PUT' ? undefined : omitValues,
    withoutAnnotations: wanted !== undefined && !wanted(writtenAnnotation),
  }
}

/** The only instance annotation that answers have by themselves (payload/control.ts). */
const writtenAnnotation = 'Org.OData.Core.V1.ValueException'

/** Names the preferences that shaped a JSON answer (Protocol 8.3.6). */
export function addApplied(exchange: Exchange, dialect: JsonDialect, headers: Record<string, string>): void {
  if (exchange.request.headers.prefer === undefined) return
  const prefix = exchange.version === '4.0' ? 'odata.' : ''
  if (dialect.omitValues !== undefined) applied(headers, `omit-values=${dialect.omitValues}`)
  const { includeAnnotations } = parsePrefer(exchange.request.headers.prefer)
  if (includeAnnotations !== undefined && parseIncludeAnnotations(includeAnnotations) !== undefined)
    applied(headers, `${prefix}include-annotations="${dialect.withoutAnnotations ? '-*' : writtenAnnotation}"`)
}

/** Adds a preference to Preference-Applied. */
export function applied(headers: Record<string, string>, preference: string): void {
  const before = headers['Preference-Applied']
  headers['Preference-Applied'] = before === undefined ? preference : `${before}, ${preference}`
}

/** The dialect of links that stand in headers, or that the service makes for itself. */
export function plainDialect(exchange: Exchange): JsonDialect {
  return {
    version: exchange.version,
    metadata: 'minimal',
    ieee754Compatible: false,
    exponentialDecimals: false,
    alwaysType: false,
    root: exchange.root,
  }
}

/** `@odata.` or `@`: how control information is named (JSON Format 4.6). */
export function controlPrefix(version: ODataVersion): string {
  return version === '4.0' ? '@odata.' : '@'
}

/** Where the rows of a source stand. */
export function collectionOf(layout: ModelLayout, root: SourceRoot): CollectionLayout {
  if (root.kind === 'result') return layoutOfResult(layout, root)
  const collection = root.kind === 'contained' ? layout.contained(root.property) : layout.collections.get(root.name)
  invariant(collection, `the layout has a collection for ${root.name}`)
  return collection
}

const layoutsOfResults = new WeakMap<OperationResult, CollectionLayout>()

function layoutOfResult(layout: ModelLayout, result: OperationResult): CollectionLayout {
  if (result.set) return collectionOf(layout, result.set)
  let found = layoutsOfResults.get(result)
  if (found === undefined) {
    found = looseLayout(result.name, result.type)
    layoutsOfResults.set(result, found)
  }
  return found
}

/** The context a controller gets, and the controller. */
export function contextOf<P extends StorePlan>(
  core: Core,
  exchange: Exchange,
  plan: P,
  parameters: Parameters,
  more: Partial<Pick<Session, 'after' | 'limit' | 'precondition'>> = {},
): { readonly controller: ODataController; readonly context: RequestContext<P> } {
  const { root } = plan.source
  if (exchange.heldTo) requireStored(core, root)
  const controller =
    root.kind === 'result'
      ? core.operations.controllerOf(core, exchange, root)
      : (core.controllers.get(root.name) ?? generic)
  const rowFilter =
    controller.rowFilter === undefined ? undefined : rowFilterOf(core, exchange, root, parameters.length)
  const session = new RequestSession(core, exchange, {
    ...more,
    parameters: rowFilter === undefined ? parameters : [...parameters, ...rowFilter.values],
    rowFilters: rowFilter === undefined ? noFilters : new Map([[root.name, rowFilter.predicate]]),
  })
  const context = {
    plan,
    session,
    principal: exchange.principal,
    model: core.model,
    store: core.store,
    layout: core.layout,
    collection: collectionOf(core.layout, root),
    request: exchange.request,
    log: core.log,
  }
  return { controller, context }
}

/** Only rows that the store holds can be read as they were. @throws ODataError preconditionFailed */
function requireStored({ controllers }: Core, root: SourceRoot): void {
  if (root.kind === 'result') throw notIsolated(`${root.name} is not read from the store`)
  const { list, read, count, entities } = controllers.get(root.name) ?? generic
  const own = ODataController.prototype
  if (list !== own.list || read !== own.read || count !== own.count || entities !== undefined)
    throw notIsolated(`${root.name} has a controller of its own way of reading`)
}

/** The session of a request. Its signal is made when it is asked for; most requests end before anybody does. */
class RequestSession implements Session {
  readonly parameters: Parameters
  readonly scope = ''
  readonly rowFilters: Session['rowFilters']
  readonly timeLimit: number
  readonly after: Session['after']
  readonly limit: number | undefined
  readonly precondition: Session['precondition']
  readonly transaction: unknown
  readonly told: Session['told']
  readonly snapshot: Session['snapshot']
  readonly trace: Session['trace']
  readonly #exchange: Exchange

  constructor(
    core: Core,
    exchange: Exchange,
    given: Pick<Session, 'parameters' | 'rowFilters'> & Partial<Pick<Session, 'after' | 'limit' | 'precondition'>>,
  ) {
    this.parameters = given.parameters
    this.rowFilters = given.rowFilters
    this.timeLimit = core.limits.storeTime
    this.after = given.after
    this.limit = given.limit
    this.precondition = given.precondition
    this.transaction = exchange.part?.transaction
    this.told = exchange.part?.told
    this.snapshot = exchange.heldTo?.state
    this.trace = exchange.tracing?.trace
    this.#exchange = exchange
  }

  get signal(): AbortSignal {
    return this.#exchange.request.signal
  }
}

/** What the caller may see of a set or singleton; the hook is asked once a request. */
function rowFilterOf(
  core: Core,
  exchange: Exchange,
  root: SourceRoot,
  firstParameter: number,
): BoundRowFilter | undefined {
  const { rowFilters, request, principal } = exchange
  let filter = rowFilters.get(root.name)
  if (filter === undefined) {
    const text = core.controllers.get(root.name)?.rowFilter?.({ model: core.model, request, principal })
    filter = text === undefined ? 'all' : core.rowFilters.read(root, text)
    rowFilters.set(root.name, filter)
  }
  return filter === 'all' ? undefined : core.rowFilters.bind(filter, firstParameter)
}

const noFilters: Session['rowFilters'] = new Map()
const generic = new ODataController()
