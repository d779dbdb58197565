import type { NavigationProperty } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { placeText } from '../../payload/context.ts'
import {
  contentIdIn,
  type DeltaItem,
  type EntityItem,
  isLink,
  keyIn,
  type LinkItem,
  readDelta,
} from '../../payload/read-delta.ts'
import { keyReader } from '../../payload/row-path.ts'
import { resolvePartUrl } from '../../protocol/batch-url.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { negotiateJson } from '../../protocol/negotiate.ts'
import { parseRequestUrl } from '../../url/parse-url.ts'
import { collectionOf, controlPrefix, dialectOf } from '../core.ts'
import { followHops } from '../hops.ts'
import { exception, type FailedOperation, member, object, removedMembers, withMembers } from './answer.ts'
import { makeChange, type OneChange, readInstead } from './one-change.ts'
import { type Changes, type MembersRequest, memberChanges, rowsOf, tolerated } from './request.ts'

/** PATCH (a delta) and PUT of a collection of entities (Protocol 11.4.12; JSON Format 15.6). */
export async function changeByDelta(request: MembersRequest, transaction: unknown): Promise<Changes> {
  const { core, exchange, plan, represented, continues } = request
  const replaces = plan.change === 'replace'
  const all = readDelta(await exchange.request.body(core.limits.bodyBytes), !replaces, memberChanges)
  const before = replaces ? await rowsOf(request, transaction) : []
  const items: string[] = []
  let failed = false
  for (const [i, item] of all.entries()) {
    try {
      const response = await change(request, transaction, item)
      if (represented) items.push(shown(request, item, response))
    } catch (thrown) {
      if (!continues) throw inBody(thrown, i)
      failed = true
      items.push(await failure(request, item, tolerated(core, exchange, thrown)))
    }
  }
  if (replaces) await removeOthers(request, transaction, before, all)
  return { items, failed }
}

/** What a PUT does not name is deleted. */
async function removeOthers(
  { core, exchange, plan, answer, continues }: MembersRequest,
  transaction: unknown,
  before: readonly Uint8Array[],
  all: readonly DeltaItem[],
): Promise<void> {
  const { source } = plan.rows
  const keyOf = keyReader(collectionOf(core.layout, source.root).key.parts, core.layout)
  const named = new Set(all.map(({ node }) => keyIn(node, source.root.type)))
  for (const row of before) {
    const key = keyOf(row, true)
    if (named.has(key)) continue
    try {
      const target = collectionPath(exchange.request.target) + key
      await makeChange(answer, core, exchange, transaction, {
        method: 'DELETE',
        target,
        headers: { 'if-match': '*' },
      })
    } catch (thrown) {
      if (!continues) throw thrown
      tolerated(core, exchange, thrown)
    }
  }
}

/** The path of the collection, without query options and the empty parentheses that older clients write. */
function collectionPath(target: string): string {
  return (target.split('?', 1)[0] ?? '').replace(/(?:\(\))?\/?$/, '')
}

async function change(request: MembersRequest, transaction: unknown, item: DeltaItem): Promise<HttpResponse> {
  const { core, exchange, answer } = request
  const one = isLink(item) ? linkChange(request, item) : await entityChange(request, item)
  try {
    return await makeChange(answer, core, exchange, transaction, one)
  } catch (error) {
    // entities of the collection must not be changed without their ETag: what is there and says none is refused
    const guarded = one.headers?.['if-none-match'] === '*'
    if (!guarded || !(error instanceof ODataError) || error.code !== 'preconditionFailed') throw error
    throw new ODataError('preconditionRequired', 'Changing this entity needs its ETag (Core.OptimisticConcurrency).', {
      target: '@etag',
    })
  }
}

async function entityChange(request: MembersRequest, item: EntityItem): Promise<OneChange> {
  const { exchange, plan, represented } = request
  const target = await targetOf(request, item)
  if (item.kind === 'removed') {
    if (target === undefined)
      throw new ODataError('propertyRequired', 'A removed entity is named by its id or by its key properties.')
    return { method: 'DELETE', target, headers: item.etag ? { 'if-match': item.etag } : {} }
  }
  const prefer = represented ? { prefer: 'return=representation' } : {}
  const body = item.bytes
  if (target === undefined)
    return { method: 'POST', target: collectionPath(exchange.request.target), body, headers: prefer }
  const guard = !plan.guarded ? {} : item.etag ? { 'if-match': item.etag } : { 'if-none-match': '*' }
  return { method: plan.change === 'replace' ? 'PUT' : 'PATCH', target, body, headers: { ...prefer, ...guard } }
}

/** The URL of the entity that an item is about; undefined: it has no key yet. */
async function targetOf(request: MembersRequest, { node, id }: EntityItem): Promise<string | undefined> {
  const { exchange, plan } = request
  if (id === undefined) {
    const key = keyIn(node, plan.rows.source.root.type)
    return key === undefined ? undefined : collectionPath(exchange.request.target) + key
  }
  const resolved = resolve(request, id)
  if (!(await isMember(request, resolved)))
    throw new ODataError('valueInvalid', `The entity ${JSON.stringify(id.slice(0, 200))} is not of this collection.`, {
      target: '@id',
    })
  return resolved
}

function resolve({ core, exchange }: MembersRequest, url: string): string {
  return resolvePartUrl(url, {
    root: new URL(exchange.root),
    host: exchange.request.headers.host,
    slashFromRoot: core.protocol.graph,
    reference: (id) => exchange.part?.reference?.(id),
  })
}

/** Whether a URL names an entity at the place where those of the collection stand. */
async function isMember({ core, exchange, plan, parameters }: MembersRequest, target: string): Promise<boolean> {
  const found = core.planner.plan('GET', parseRequestUrl(target, { version: '4.01', limits: core.limits }))
  const { source } = plan.rows
  if (found.plan.kind !== 'read' || !found.plan.source.single || found.plan.member.length > 0) return false
  if (found.plan.source.root !== source.root || found.plan.raw || found.plan.references) return false
  if (source.owner === undefined) return true
  const followed = await followHops(core, exchange, found.plan.hops ?? [], found.parameters)
  return followed?.[found.plan.source.owner ?? -1] === parameters[source.owner]
}

/** An added or deleted link (JSON Format 15.4, 15.5) is a change of `$ref`. */
function linkChange(request: MembersRequest, { kind, source, relationship, target }: LinkItem): OneChange {
  const { core, exchange } = request
  const reference = `${resolve(request, source)}/${relationship.split('/').map(encodeURIComponent).join('/')}/$ref`
  const { plan } = core.planner.plan('GET', parseRequestUrl(reference, { version: '4.01', limits: core.limits }))
  const single = plan.kind === 'read' && plan.source.single
  const url = target === undefined ? undefined : new URL(resolve(request, target).slice(1), exchange.root).href
  if (kind === 'deletedLink') {
    if (single) return { method: 'DELETE', target: reference }
    if (url === undefined)
      throw new ODataError('propertyRequired', 'A deleted link of a collection has a target.', { target: 'target' })
    return { method: 'DELETE', target: `${reference}?$id=${encodeURIComponent(url)}` }
  }
  const body = Buffer.from(JSON.stringify({ '@odata.id': url }))
  return { method: single ? 'PUT' : 'POST', target: reference, body }
}

/** An item of the answer that stands for a change that was made. */
function shown(request: MembersRequest, item: DeltaItem, response: HttpResponse): string {
  const { core, exchange, plan, parameters } = request
  const contentId = contentIdIn(item.node, core.model)
  const first = contentId === undefined ? [] : [contentId]
  if (isLink(item)) return Buffer.from(item.bytes).toString('utf8')
  if (item.kind === 'entity' && response.body instanceof Uint8Array) return withMembers(response.body, first)
  const dialect = dialectOf(core, exchange, negotiateJson({}, undefined))
  const place = placeText(plan.rows.source, parameters)
  return object([
    ...removedMembers(dialect, place, 'deleted', idOf(request, item)),
    ...first,
    ...keyMembers(request, item),
  ])
}

function idOf({ exchange, plan }: MembersRequest, { node, id }: EntityItem): string | undefined {
  if (id !== undefined || exchange.version !== '4.0') return id
  const key = keyIn(node, plan.rows.source.root.type)
  return key === undefined ? undefined : collectionPath(exchange.request.target).slice(1) + key
}

/** The key properties of an item as they stand in the body; a deleted entity of 4.0 has an `id` instead. */
function keyMembers({ plan, exchange }: MembersRequest, { kind, node, bytes }: EntityItem): readonly string[] {
  if (kind === 'removed' && exchange.version === '4.0') return []
  const text = Buffer.from(bytes).toString('utf8')
  return plan.rows.source.root.type.key.flatMap(({ path: [name = ''] }) => {
    const value = node.members.get(name)
    if (value === undefined) return []
    return [`${JSON.stringify(name)}:${text.slice(value.offset - node.offset, value.end - node.offset)}`]
  })
}

/** An item of the answer that stands for a change that failed (Protocol 11.4.12). */
async function failure(request: MembersRequest, item: DeltaItem, error: ODataError): Promise<string> {
  const { core, exchange, plan, parameters } = request
  const contentId = contentIdIn(item.node, core.model)
  const first = contentId === undefined ? [] : [contentId]
  const prefix = controlPrefix(exchange.version)
  if (isLink(item)) {
    const place = placeText(plan.rows.source, parameters)
    const instead = item.kind === 'link' ? '$deletedLink' : '$link'
    return object([
      member(`${prefix}context`, `${exchange.root}$metadata#${place}/${instead}`),
      ...first,
      member('source', item.source),
      member('relationship', item.relationship),
      ...(item.target === undefined ? [] : [member('target', item.target)]),
      exception(error, item.kind === 'link' ? 'link' : 'unlink'),
    ])
  }
  const operation = await failedOperation(request, item)
  const id = item.id === undefined ? [] : [member(`${prefix}id`, item.id)]
  const dialect = dialectOf(core, exchange, negotiateJson({}, undefined))
  const removed = removedMembers(dialect, placeText(plan.rows.source, parameters), 'changed', idOf(request, item))
  return object([
    ...(operation === 'insert' ? removed : id),
    ...first,
    ...(operation === 'insert' && exchange.version === '4.0' ? [] : keyMembers(request, item)),
    exception(error, operation),
  ])
}

/** Whether an entity could not be created or not be changed. */
async function failedOperation(request: MembersRequest, item: EntityItem): Promise<FailedOperation> {
  if (item.kind === 'removed') return 'delete'
  const { core, exchange, answer } = request
  try {
    const target = await targetOf(request, item)
    if (target === undefined) return 'insert'
    await readInstead(answer, core, exchange, target)
    return 'update'
  } catch {
    return 'insert'
  }
}

/** An error of an item says where in the body it is. */
function inBody(thrown: unknown, i: number): unknown {
  if (!(thrown instanceof ODataError)) return thrown
  const target = `value/${i}${thrown.target === undefined ? '' : `/${thrown.target}`}`
  return new ODataError(thrown.code, thrown.message, {
    target,
    details: thrown.details,
    ...(thrown.headers === undefined ? {} : { headers: thrown.headers }),
    ...(thrown.cause === undefined ? {} : { cause: thrown.cause }),
  })
}

/** A collection that its entities are only related to changes with the entity that has the navigation property. */
export async function relatedDelta(
  { core, exchange, plan, answer }: MembersRequest,
  { name }: NavigationProperty,
  transaction: unknown,
): Promise<Changes> {
  const body = await exchange.request.body(core.limits.bodyBytes)
  const all = readDelta(body, plan.change === 'delta', memberChanges)
  const path = collectionPath(exchange.request.target)
  const value = all.map(({ bytes }) => Buffer.from(bytes).toString('utf8')).join(',')
  await makeChange(answer, core, exchange, transaction, {
    method: 'PATCH',
    target: path.slice(0, path.lastIndexOf('/')),
    body: Buffer.from(`{${JSON.stringify(plan.change === 'delta' ? `${name}@delta` : name)}:[${value}]}`),
    headers: { 'odata-version': '4.01' },
  })
  return { items: [], failed: false }
}
