import { permit, unauthenticated } from '../auth/permit.ts'
import type { Principal } from '../auth/principal.ts'
import { assertNever } from '../base/assert.ts'
import type { Parameters } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Plan } from '../plan/plan.ts'
import type { HttpRequest, HttpResponse } from '../protocol/message.ts'
import { negotiateJson, responseVersion } from '../protocol/negotiate.ts'
import type { QueryOptions } from '../url/ast.ts'
import { parseRequestUrl } from '../url/parse-url.ts'
import { admit } from './admission.ts'
import { all } from './all.ts'
import { readApply } from './apply/read-apply.ts'
import { monitor, monitorOf, prefersAsync, respondLater } from './asynchronous.ts'
import { batch } from './batch.ts'
import { type Core, dialectOf } from './core.ts'
import { crossjoin } from './crossjoin.ts'
import { countedDelta, trackedByDelta } from './delta/delta-function.ts'
import { untracked } from './delta/tracking.ts'
import { beginExchange, type Exchange } from './exchange.ts'
import { failure } from './failure.ts'
import { followHops } from './hops.ts'
import { isolated, mayBeIsolated } from './isolation.ts'
import { createMedia, describesEntity, isStreaming, readStream, removeMedia, writeStream } from './media.ts'
import { changeMembers } from './members/change-members.ts'
import { invokeAction } from './operations/invoke-action.ts'
import type { Planned } from './planner.ts'
import { changeProperty, changesProperty } from './property/change.ts'
import { count, read } from './read.ts'
import { changeReferences } from './references.ts'
import { remove } from './remove.ts'
import { isRepeatable, repeatably } from './repeatable.ts'
import { withRoots } from './roots.ts'
import {
  hasQueryInBody,
  isContinued,
  requireEntity,
  targetOfEntityId,
  withQueryBytes,
  withQueryOfBody,
} from './standing-for.ts'
import { create, update } from './write.ts'

/** How the service was asked to time itself. */
export interface HandleSettings {
  readonly serverTiming: boolean
}

/**
 * The way of every request: URL, plan, permission, store, payload. This is the only place where what is thrown is caught.
 * @param root the absolute service root of this request, with trailing slash; undefined: asked under a name that is not served
 * @returns always an answer, never a throw
 */
export async function handle(
  core: Core,
  settings: HandleSettings,
  root: string | undefined,
  request: HttpRequest,
): Promise<HttpResponse> {
  const exchange = beginExchange(request, {
    version: core.protocol.defaultVersion,
    root: root ?? '',
    timing: settings.serverTiming,
  })
  try {
    if (root === undefined)
      throw new ODataError('hostNotServed', 'Without a public root this service answers loopback hosts only.')
    return finish(core, exchange, await answer(core, exchange))
  } catch (thrown) {
    return finish(core, exchange, failure(core, exchange, thrown))
  }
}

/** URL, plan, permission, store, payload. @throws whatever is wrong with the request */
export async function answer(core: Core, exchange: Exchange): Promise<HttpResponse> {
  const { timings } = exchange
  exchange.version = responseVersion(exchange.request.headers, core.protocol.defaultVersion)
  const monitored = monitorOf(exchange.request)
  if (monitored !== undefined) {
    await authenticate(core, exchange)
    return monitor(core, exchange, monitored)
  }
  const sent = exchange.request
  const asked = hasQueryInBody(sent) ? await withQueryOfBody(core.model, sent, core.limits.bodyBytes) : sent
  const counted = countedDelta(asked)
  if (counted) exchange.countsChanges = true
  const request = counted ?? asked
  exchange.request = request
  const entity = targetOfEntityId(exchange)
  const limits = asked !== sent || isContinued(request) ? withQueryBytes(core.limits) : core.limits
  const url = parseRequestUrl(entity ?? request.target, { version: parsedAs(exchange), limits })
  timings?.mark('parse')
  const planned = core.planner.plan(request.method, url)
  if (entity !== undefined) requireEntity(planned.plan, entity)
  const tracked = trackedByDelta(core, planned, request)
  if (tracked) {
    exchange.request = tracked
    return answer(core, exchange)
  }
  timings?.mark('plan')
  const authorizing = authorize(core, exchange, planned)
  if (authorizing) await authorizing
  timings?.mark('auth')
  const admitted = admit(core, exchange, planned, url.options)
  exchange.tracing?.admitted(admitted)
  const response =
    exchange.tracing === undefined && prefersAsync(exchange, admitted.plan)
      ? await respondLater(
          core,
          exchange,
          admitted.plan,
          (inner) => run(core, inner, admitted, url.options),
          (inner, found) => finish(core, inner, found),
        )
      : await run(core, exchange, admitted, url.options)
  timings?.mark('payload')
  return response
}

function run(
  core: Core,
  exchange: Exchange,
  admitted: Planned,
  options: QueryOptions,
): Promise<HttpResponse> | HttpResponse {
  const once = () => runOnce(core, exchange, admitted, options)
  if (!mayBeIsolated(exchange, options)) return once()
  return isolated(
    core,
    exchange,
    admitted.plan,
    options,
    async () => once(),
    (page) => answer(core, page),
  )
}

function runOnce(
  core: Core,
  exchange: Exchange,
  admitted: Planned,
  options: QueryOptions,
): Promise<HttpResponse> | HttpResponse {
  if (!isRepeatable(exchange.request)) return execute(core, exchange, admitted, options)
  return repeatably(core, exchange, admitted.plan, async (inner) => execute(core, inner, admitted, options))
}

/** Names without `$` are options, unless the client says that it speaks 4.0 (URL Conventions 5.1). */
function parsedAs(exchange: Exchange): '4.0' | '4.01' {
  return exchange.request.headers['odata-maxversion']?.trim() === '4.0' ? '4.0' : '4.01'
}

/**
 * `$metadata` and the service document are open; data needs what the plan requires, and a sign-in where there is one.
 * @returns undefined where there is nothing to wait for
 */
function authorize(core: Core, exchange: Exchange, { plan }: Planned): Promise<void> | undefined {
  if (plan.kind === 'metadata' || plan.kind === 'serviceDocument') return undefined
  const permitted = (): void => {
    if (core.enforcePermissions) permit(exchange.principal, plan.requires)
  }
  const signingIn = exchange.part ? undefined : authenticate(core, exchange)
  if (signingIn) return signingIn.then(permitted)
  permitted()
  return undefined
}

/** @returns undefined where there is nothing to wait for */
function authenticate(core: Core, exchange: Exchange): Promise<void> | undefined {
  if (!core.authenticate) return undefined
  const { headers, loopback } = exchange.request
  const signedIn = (principal: Principal | undefined): void => {
    exchange.principal = principal
    if (!principal) throw unauthenticated('This resource needs a bearer token.')
  }
  const principal = core.authenticate({ authorization: headers.authorization, loopback })
  if (principal instanceof Promise) return principal.then(signedIn)
  signedIn(principal)
  return undefined
}

function execute(
  core: Core,
  exchange: Exchange,
  planned: Planned,
  options: QueryOptions,
): Promise<HttpResponse> | HttpResponse {
  const { plan, parameters } = planned
  if (options.deltatoken !== undefined && plan.kind !== 'read') throw untracked()
  if (plan.roots === undefined) return follow(core, exchange, planned, options)
  return withRoots(core, exchange, plan.roots, parameters).then((known) =>
    follow(core, exchange, { ...planned, parameters: known }, options),
  )
}

/** Takes the navigation before the source, where there is some. */
function follow(
  core: Core,
  exchange: Exchange,
  { plan, parameters }: Planned,
  options: QueryOptions,
): Promise<HttpResponse> | HttpResponse {
  if (plan.hops === undefined) return perform(core, exchange, plan, parameters, parameters, options)
  return followHops(core, exchange, plan.hops, parameters).then((found) =>
    perform(core, exchange, plan, parameters, found, options),
  )
}

/**
 * @param given the values of the request
 * @param parameters those with the keys that navigation led to; undefined where it leads nowhere
 */
function perform(
  core: Core,
  exchange: Exchange,
  plan: Plan,
  given: Parameters,
  parameters: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> | HttpResponse {
  const { headers } = exchange.request
  switch (plan.kind) {
    case 'read':
      if (isStreaming(plan)) return readStream(core, exchange, plan, parameters, options)
      return read(core, exchange, plan, parameters, options)
    case 'crossjoin':
      return crossjoin(core, exchange, plan, given, options)
    case 'all':
      return all(core, exchange, plan, given, options)
    case 'count':
      return count(core, exchange, plan, parameters, options)
    case 'apply':
      return readApply(core, exchange, plan, parameters, options)
    case 'create':
      if (isStreaming(plan) && !describesEntity(core, exchange))
        return createMedia(core, exchange, plan, related(parameters), options)
      return create(core, exchange, plan, related(parameters), options)
    case 'update':
      if (isStreaming(plan)) return writeStream(core, exchange, plan, related(parameters), options)
      if (changesProperty(plan)) return changeProperty(core, exchange, plan, related(parameters), options)
      return update(core, exchange, plan, related(parameters), options)
    case 'delete':
      if (isStreaming(plan)) return removeMedia(core, exchange, plan, related(parameters))
      return remove(core, exchange, plan, related(parameters))
    case 'members':
      return changeMembers(core, exchange, plan, related(parameters), options, answer)
    case 'reference':
      return changeReferences(core, exchange, plan, related(parameters), options)
    case 'metadata':
      return core.documents.metadata(headers, options.format, exchange.version)
    case 'serviceDocument':
      return core.documents.service(
        headers,
        options.format,
        dialectOf(core, exchange, negotiateJson(headers, options.format)),
      )
    case 'batch':
      return batch(core, exchange, { answer, finish })
    case 'invoke':
      return invokeAction(core, exchange, plan, given, options)
    default:
      return assertNever(plan, 'plan')
  }
}

/** What is to be changed must be there, or at least have a place. */
function related(parameters: Parameters | undefined): Parameters {
  if (parameters) return parameters
  throw new ODataError('entityNotFound', 'The navigation property leads to no entity.')
}

/** Headers of every answer (Protocol 8.1.5, 8.3.8; Graph: request-id). */
export function finish(core: Core, exchange: Exchange, { status, headers, body }: HttpResponse): HttpResponse {
  const all: Record<string, string> = {
    'OData-Version': exchange.version,
    'request-id': exchange.requestId,
    Vary: headers['Preference-Applied'] === undefined ? vary : `${vary}, Prefer`,
  }
  for (const name in headers) all[name] = headers[name] as string
  if (exchange.clientRequestId !== undefined) all['client-request-id'] = exchange.clientRequestId
  if (core.protocol.graph && all['Cache-Control'] === undefined) all['Cache-Control'] = 'no-cache'
  if (exchange.repeatability !== undefined) all['Repeatability-Result'] = exchange.repeatability
  if (exchange.timings) all['Server-Timing'] = exchange.timings.header()
  return { status, headers: all, body }
}

const vary = 'OData-MaxVersion, Accept, Accept-Encoding, Authorization'
