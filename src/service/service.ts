import { layoutOf } from '../bson/layout-of-model.ts'
import { keyAsSegmentSupported } from '../csdl/capabilities.ts'
import { isComputed } from '../csdl/core.ts'
import { sequenceOf, sequenceTerm } from '../csdl/sequence.ts'
import type { Model } from '../edm/model.ts'
import type { HttpRequest, HttpResponse } from '../protocol/message.ts'
import { CustomAggregates } from './apply/custom-aggregates.ts'
import { AsyncRequests, madeCallbacks } from './asynchronous.ts'
import type { ODataController } from './controller.ts'
import type { Core } from './core.ts'
import { WriterCache } from './core.ts'
import { Documents } from './documents.ts'
import { type ExplainRequest, explain } from './explain.ts'
import { answer, handle } from './handle.ts'
import { canMakeKey } from './keys.ts'
import { OperationCalls } from './operations/calls.ts'
import { OperationHandlers } from './operations/handlers.ts'
import { defaultLimits, type ProtocolOptions, type ServiceOptions } from './options.ts'
import { Paging } from './paging.ts'
import { Planner } from './planner.ts'
import { publishCapabilities, supported } from './publish-capabilities.ts'
import { Records, withRecords } from './records.ts'
import { RowFilters } from './row-filter.ts'
import { startSweeping } from './streams.ts'
import { unenforcedIn } from './unenforced.ts'

/** A running service, without sockets. */
export interface Service {
  /** the path below which it answers, without trailing slash: `/beta`, or empty */
  readonly basePath: string
  /** @param host the request's Host header, needed where no root was given */
  handle(request: HttpRequest, host: string | undefined): Promise<HttpResponse>
  /**
   * Where the option `explain` asks for it: carries a GET out under its caller's permissions and tells how, as JSON, without the rows.
   * A request that is refused is answered with its error.
   */
  readonly explain?: (asked: ExplainRequest) => Promise<HttpResponse>
  /** Resolves while requests can be answered: the store is there and its indexes are built. */
  ready(): Promise<void>
  /** Closes the store; running requests should have ended. */
  close(): Promise<void>
}

/**
 * Makes a service of a model and a store: opens the store and prepares what can be prepared.
 * @throws Error where the model or the options ask for what cannot be served; ODataError storeUnavailable
 */
export async function openService(options: ServiceOptions, basePath = ''): Promise<Service> {
  const { model, store } = options
  if (!model.container) throw new Error('the model has no entity container: there is nothing to serve')
  const protocol: ProtocolOptions = {
    defaultVersion: '4.0',
    keyAsSegment: undefined,
    graph: false,
    alwaysId: false,
    nextLinkAfterTop: false,
    upsert: true,
    unpaddedBinary: false,
    ...options.protocol,
  }
  warnOfKeys(options)
  warnOfAnnotations(options)
  const keyAsSegment = protocol.keyAsSegment ?? keyAsSegmentSupported(model.container) ?? true
  const operations = new OperationCalls(new OperationHandlers(model, options.operations ?? {}), (inner, exchange) =>
    answer(inner, exchange),
  )
  const layout = layoutOf(model)
  checkSequences(model)
  await store.open(withRecords(layout))
  const limits = { ...defaultLimits, ...(protocol.graph ? { batchParts: 20 } : {}), ...options.limits }
  const core: Core = Object.freeze({
    model,
    layout,
    store,
    planner: new Planner(model, { keyAsSegment }),
    paging: new Paging(await store.secret('skiptoken')),
    documents: new Documents(
      (options.publishCapabilities ?? true)
        ? publishCapabilities(model, {
            ...supported,
            keyAsSegment,
            callbacks: options.callbackHosts?.length ? madeCallbacks : [],
            changeTracking: store.capabilities.changes,
            isolation: store.capabilities.snapshots,
            deepWrites: store.capabilities.transactions,
          })
        : model,
    ),
    authenticate: options.authenticate,
    enforcePermissions: options.enforcePermissions ?? true,
    keyGeneration: options.keyGeneration ?? 'when-missing',
    lookUpForeignKeys: options.lookUpForeignKeys ?? true,
    controllers: controllersOf(model, options.controllers ?? {}),
    protocol,
    limits,
    log: options.log,
    writers: new WriterCache(),
    rowFilters: new RowFilters(model),
    records: new Records(store, limits.storeTime),
    asyncRequests: new AsyncRequests(options.callbackHosts),
    operations,
    customAggregates: new CustomAggregates(model, options.customAggregates ?? {}),
  })
  await keepImages(core)
  const stopSweeping = startSweeping(core)
  const settings = { serverTiming: options.serverTiming ?? false }
  const root = options.root === undefined ? undefined : `${options.root.replace(/\/+$/, '')}/`
  const path = root === undefined ? basePath : new URL(root).pathname.replace(/\/+$/, '')
  return {
    basePath: path,
    handle: (request, host) => handle(core, settings, root ?? loopbackRoot(host, path), request),
    ...(options.explain
      ? { explain: (asked) => explain(core, root ?? loopbackRoot(asked.headers?.host, path), asked) }
      : {}),
    ready: () => store.ready(),
    close: async () => {
      stopSweeping()
      await core.asyncRequests.close()
      await store.close()
    },
  }
}

/** Names that cannot lead anywhere but to this machine; a root made from any other Host header could be forged. */
const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/

/** The root of a service that was given none: links made from it work for callers on this machine; undefined for others. */
function loopbackRoot(host: string | undefined, path: string): string | undefined {
  return host !== undefined && loopbackHost.test(host) ? `http://${host}${path}/` : undefined
}

/** Rows with a row filter are kept as they were, so that a delta can tell who may know that one is gone. */
async function keepImages({ model, layout, store, controllers }: Core): Promise<void> {
  const collections = [...controllers].flatMap(([name, { rowFilter }]) => {
    if (rowFilter === undefined) return []
    const [typeName = '', property = ''] = name.split('/')
    const type = model.types.get(typeName)
    const contained =
      type !== undefined && 'navigationProperties' in type
        ? type.navigationProperties.find((candidate) => candidate.name === property)
        : undefined
    const collection = contained ? layout.contained(contained) : layout.collections.get(name)
    return collection === undefined ? [] : [collection]
  })
  if (collections.length > 0) await store.changes.keepImages(collections)
}

/** @throws Error for a sequence that cannot give what the model asks of it (csdl/sequence.ts) */
function checkSequences({ types }: Model): void {
  for (const type of types.values()) {
    if (type.kind !== 'entity' && type.kind !== 'complex') continue
    for (const property of type.properties) {
      if (sequenceOf(property) === undefined) continue
      if (type.kind !== 'entity' || !type.key.some((key) => key.path.length === 1 && key.property === property))
        throw new Error(`${type.name}/${property.name}: ${sequenceTerm} is for key properties`)
    }
  }
}

/** @throws Error for a controller of nothing: a name that was mistyped would silently do nothing */
function controllersOf(
  model: Model,
  classes: NonNullable<ServiceOptions['controllers']>,
): ReadonlyMap<string, ODataController> {
  const controllers = new Map<string, ODataController>()
  for (const [name, Controller] of Object.entries(classes)) {
    if (!isControlled(model, name))
      throw new Error(`controllers: the model has no entity set or singleton named ${name}`)
    if (Controller !== undefined) controllers.set(name, new Controller())
  }
  return controllers
}

/** An entity set, a singleton, or `Namespace.Type/Property` of a contained collection. */
function isControlled(model: Model, name: string): boolean {
  const [typeName = '', property] = name.split('/')
  const type = model.types.get(typeName)
  if (property !== undefined && type !== undefined && 'navigationProperties' in type)
    return type.navigationProperties.some((candidate) => candidate.name === property && candidate.containsTarget)
  const kind = model.container?.children.get(name)?.kind
  return kind === 'entitySet' || kind === 'singleton'
}

function warnOfAnnotations({ model, log }: ServiceOptions): void {
  const unenforced = log && unenforcedIn(model)
  if (unenforced) log.warn({ ...unenforced }, 'annotations of the model that are not enforced (docs/csdl.md)')
}

/** Said when the service starts, not first at a create: what the service cannot make, a controller's beforeCreate has to. */
function warnOfKeys({ model, log }: ServiceOptions): void {
  for (const child of model.container?.children.values() ?? []) {
    if (child.kind !== 'entitySet') continue
    for (const { property } of child.type.key)
      if (isComputed(property) && !canMakeKey(property))
        log?.warn(
          { entitySet: child.name, property: property.name, type: property.type.type.name },
          'no value can be made for the computed key property: entities can be created by a controller only',
        )
  }
}
