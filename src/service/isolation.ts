import { createHash, randomUUID } from 'node:crypto'
import { ODataError } from '../errors/odata-error.ts'
import type { Plan } from '../plan/plan.ts'
import type { BatchUnit } from '../protocol/batch.ts'
import { type HttpResponse, type RequestHeaders, requestLike } from '../protocol/message.ts'
import { whole } from '../protocol/whole.ts'
import { storeFailure } from '../store/failures.ts'
import type { Snapshot } from '../store/snapshots.ts'
import type { QueryOptions } from '../url/ast.ts'
import { type Core, sessionOf } from './core.ts'
import { type Exchange, notIsolated, ownerOf } from './exchange.ts'
import type { Continuation } from './paging.ts'
import { decodeResponse, encodeResponse } from './stored-response.ts'

/**
 * Snapshot isolation (Protocol 8.2.6): a request that says `Isolation: snapshot` sees one state of the data, on all its pages. Where the store finds a
 * state again by name, the name travels in the skip tokens. Where it does not, the pages are made at once, and kept as records for those who follow the links.
 */

/** Seconds for which pages that were made at once can be fetched. */
const keptSeconds = 300
/** Bytes of all such pages together. */
const mostBytes = 16_777_216
const kind = 'snapshot-page'

/** Whether a request, or a batch, asks for a snapshot. @throws ODataError preconditionFailed: for another isolation */
export function asksForSnapshot(headers: RequestHeaders): boolean {
  const asked = headers.isolation ?? headers['odata-isolation']
  if (asked === undefined) return false
  if (asked.trim().toLowerCase() !== 'snapshot') throw notIsolated('the only isolation is snapshot')
  return true
}

/** The state of the data as it is now. @throws ODataError preconditionFailed where the store has no snapshots */
export function takeSnapshot(core: Core, exchange: Exchange): Promise<Snapshot> {
  if (!core.store.capabilities.snapshots) throw notIsolated('the store of this service has no snapshots')
  return core.store.snapshots.take(sessionOf(exchange, core.limits.storeTime))
}

/** Plans that read, and nothing else. */
const reading: ReadonlySet<Plan['kind']> = new Set(['read', 'count', 'apply', 'crossjoin', 'all'])
/** Plans of what never changes; a batch takes its snapshot itself. */
const timeless: ReadonlySet<Plan['kind']> = new Set(['metadata', 'serviceDocument', 'batch'])

/** Whether a request may have to be held to a state: most have not. */
export function mayBeIsolated({ request: { headers }, part }: Exchange, { skiptoken }: QueryOptions): boolean {
  if (skiptoken !== undefined || part?.snapshot !== undefined) return true
  return headers.isolation !== undefined || headers['odata-isolation'] !== undefined
}

/** The state that all requests of a batch are held to; undefined: none is asked for. @throws ODataError preconditionFailed */
export async function snapshotOfBatch(
  core: Core,
  exchange: Exchange,
  units: readonly BatchUnit[],
): Promise<Snapshot | undefined> {
  if (!asksForSnapshot(exchange.request.headers)) return undefined
  const reads = ({ group, parts }: BatchUnit): boolean =>
    group === undefined && parts.every(({ method }) => method === 'GET' || method === 'HEAD')
  if (!units.every(reads)) throw notIsolated('a batch that is held to a snapshot may only read')
  return takeSnapshot(core, exchange)
}

/**
 * Runs a request, held to one state of the data where it asks for that or follows a link of such a request.
 * @param run executes it
 * @param answer answers a further page of the same request
 */
export async function isolated(
  core: Core,
  exchange: Exchange,
  { kind: planned }: Plan,
  { skiptoken, deltatoken }: QueryOptions,
  run: () => Promise<HttpResponse>,
  answer: (page: Exchange) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  if (exchange.heldTo || timeless.has(planned)) return run()
  const { request } = exchange
  const given = exchange.part?.snapshot
  const named = skiptoken === undefined ? undefined : core.paging.snapshotOf(request.target, skiptoken)
  if (given === undefined && named === undefined && !asksForSnapshot(request.headers)) return run()
  if (!reading.has(planned)) throw notIsolated('only what reads can be held to a snapshot')
  if (exchange.part?.transaction !== undefined) throw notIsolated('a change set sees what it has written')
  if (deltatoken !== undefined) throw notIsolated('changes are those up to now')
  if (named !== undefined) {
    const state = core.store.snapshots.named(named)
    if (state === undefined) return keptPage(core, exchange)
    exchange.heldTo = { state, name: named, links: [] }
    return run()
  }
  const state = given ?? (await takeSnapshot(core, exchange))
  exchange.heldTo = { state, name: state.name ?? randomUUID(), links: [] }
  if (state.name !== undefined)
    return run().catch((error: unknown) => {
      throw fresh(error)
    })
  const release = (): void => {
    if (given === undefined) state.release()
  }
  try {
    const response = await run()
    const { body } = response
    if (body === undefined || body instanceof Uint8Array) {
      await keepPages(core, exchange, answer)
      release()
      return response
    }
    return { ...response, body: followed(body, () => keepPages(core, exchange, answer), release) }
  } catch (error) {
    release()
    throw error
  }
}

/** A state that was taken just now is there: where a collection is being made or indexed it cannot be read for a moment. */
function fresh(error: unknown): unknown {
  return error instanceof ODataError && error.code === 'gone' ? storeFailure.unavailable(error) : error
}

/** The link to the next page of a request, within the state that it is held to. */
export function nextLink(
  core: Core,
  { root, heldTo }: Exchange,
  target: string,
  plan: Parameters<Core['paging']['nextLink']>[2],
  continuation: Continuation,
  dropCount: boolean,
): string {
  if (heldTo === undefined) return core.paging.nextLink(root, target, plan, continuation, dropCount)
  const link = core.paging.nextLink(root, target, plan, { ...continuation, snapshot: heldTo.name }, dropCount)
  heldTo.links.push(link)
  return link
}

/** A body that is released once nobody reads it any more, and whose links lead somewhere before they are sent. */
function followed(
  body: AsyncIterable<Uint8Array>,
  keep: () => Promise<void>,
  release: () => void,
): AsyncIterable<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]()
  const over = async (): Promise<IteratorResult<Uint8Array>> => {
    release()
    await chunks.return?.()
    return { done: true, value: undefined }
  }
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        try {
          const next = await chunks.next()
          await keep()
          if (next.done) release()
          return next
        } catch (error) {
          await over()
          throw error
        }
      },
      return: over,
    }),
  }
}

/** Makes the pages that a request's links lead to, and those that theirs lead to, and keeps them. */
async function keepPages(
  core: Core,
  exchange: Exchange,
  answer: (page: Exchange) => Promise<HttpResponse>,
): Promise<void> {
  const { heldTo, request, root } = exchange
  let bytes = 0
  for (;;) {
    const link = heldTo?.links.shift()
    if (link === undefined) return
    const target = `/${link.slice(root.length)}`
    const page: Exchange = {
      ...exchange,
      // as its client would send it
      request: requestLike(request, { method: 'GET', target, body: () => Promise.resolve(undefined) }),
      part: exchange.part ?? { transaction: undefined },
      results: new Map(),
      repeatability: undefined,
    }
    const response = await whole(await answer(page))
    bytes += response.body?.length ?? 0
    if (response.status !== 200 || bytes > mostBytes)
      throw notIsolated(`the pages of this result have more than the ${mostBytes} bytes that can be kept`)
    await core.records.create(kind, pageId(page), encodeResponse(response, {}), keptSeconds)
  }
}

/** A page that was made when its first one was. @throws ODataError gone */
async function keptPage(core: Core, exchange: Exchange): Promise<HttpResponse> {
  const kept = await core.records.read(kind, pageId(exchange))
  if (kept === undefined)
    throw new ODataError('gone', 'The snapshot that the link refers to is no longer there. Begin again.', {
      target: '$skiptoken',
    })
  return decodeResponse(kept).response
}

/** Nobody but who asked gets a page, and by nothing but its link. */
function pageId(exchange: Exchange): string {
  return createHash('sha256')
    .update(`${ownerOf(exchange)} ${exchange.request.target}`)
    .digest('base64url')
}
