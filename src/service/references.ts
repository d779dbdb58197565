import type { Parameters } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'
import { type JsonNode, type JsonObject, parseJson } from '../payload/json.ts'
import type { Linked } from '../plan/linking.ts'
import { refused } from '../plan/nested.ts'
import type { ReferencePlan } from '../plan/plan.ts'
import { readConditions } from '../protocol/etag.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { requireJsonBody } from '../protocol/negotiate.ts'
import type { QueryOptions } from '../url/ast.ts'
import { notModified, preconditionFailed, versionOf } from './conditions.ts'
import { type Core, contextOf, sessionOf } from './core.ts'
import { type Exchange, inTransaction } from './exchange.ts'
import { followHops } from './hops.ts'
import { type Acting, isSame, readAgain, type StoredEntity } from './links/entity.ts'
import { judgeTouched } from './links/judging.ts'
import { lookBack } from './links/late.ts'
import { link, relatedTo, unlink } from './links/link.ts'
import { referredTo } from './links/reference.ts'
import { Touched } from './links/touched.ts'
import { missingEntity } from './missing.ts'
import { virtualSingleton } from './singleton.ts'
import { transact } from './transact.ts'

/** A reference in a body, and where it stands there. */
interface Reference {
  readonly url: string
  readonly target: string
}

/**
 * POST, PUT and DELETE of `$ref` (Protocol 11.4.6), all or nothing. Where more than one entity changes and the store has no
 * transactions: 501.
 * @returns 204
 * @throws ODataError entityNotFound, valueInvalid for a reference that leads elsewhere, propertyNull where an entity must be related
 */
export async function changeReferences(
  core: Core,
  exchange: Exchange,
  plan: ReferencePlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const references = await referencesOf(core, exchange, plan, options)
  const work = (acting: Acting) => change(acting, plan, parameters, references)
  if (core.store.capabilities.transactions) {
    const { context } = contextOf(core, exchange, plan.entity, parameters)
    await transact(core.store, context.session, core.log, async ({ transaction }) => {
      const acting = { core, exchange: inTransaction(exchange, transaction), touched: new Touched() }
      await work(acting)
      await judgeTouched(acting)
    })
  } else {
    requireOneChange(plan)
    await work({ core, exchange })
  }
  exchange.timings?.mark('store')
  return { status: 204, headers: {}, body: undefined }
}

async function change(
  acting: Acting,
  plan: ReferencePlan,
  parameters: Parameters,
  references: readonly Reference[],
): Promise<void> {
  const { linking } = plan
  const from = await entityOf(acting, plan, parameters)
  const wanted: StoredEntity[] = []
  for (const { url, target } of references) wanted.push(await referredTo(acting, url, linking, target))
  if (plan.change === 'remove') {
    if (plan.related) wanted.push(await keyedOf(acting, plan, plan.related, parameters.slice(0, plan.slots.length)))
    const related = await relatedTo(acting, from, linking)
    for (const to of wanted) {
      if (!related.some((other) => isSame(acting.core, other, to)))
        throw new ODataError('entityNotFound', `'${linking.property.name}' does not lead to this entity.`, {
          target: '$id',
        })
      await unlink(acting, from, linking, to)
    }
    return
  }
  if (plan.change === 'replace' || plan.change === 'clear')
    for (const other of await relatedTo(acting, from, linking))
      if (!wanted.some((to) => isSame(acting.core, other, to))) {
        if (plan.kept !== undefined) throw refused(linking.property, plan.kept)
        await unlink(acting, from, linking, other)
      }
  for (const to of wanted) {
    await link(acting, from, linking, to)
    if (linking.kind === 'links') continue
    const { core, exchange } = acting
    const dependent = linking.kind === 'dependent' ? from : to
    const now = await readAgain(acting, dependent)
    const { property, partner } = linking
    const tied = linking.kind === 'dependent' ? property : partner
    const session = sessionOf(exchange, core.limits.storeTime)
    if (now && tied) await lookBack(core, exchange, session, now, new Set([tied.name]), false)
  }
}

/** The entity that has the navigation property, in the state that the client asks for (Protocol 11.4.1.1). */
async function entityOf(acting: Acting, plan: ReferencePlan, parameters: Parameters): Promise<StoredEntity> {
  const { core, exchange } = acting
  const { source } = plan.entity
  const { controller, context } = contextOf(core, exchange, plan.entity, parameters)
  const row = (await controller.read(context)) ?? virtualSingleton(core, source)
  if (row === undefined) throw missingEntity(plan.entity, parameters)
  if (notModified(readConditions(exchange.request.headers), versionOf(row))) throw preconditionFailed('If-None-Match')
  return { root: source.root, place: plan.place, row }
}

/** The related entity that the path names by key. */
async function keyedOf(
  { core, exchange }: Acting,
  { linking }: ReferencePlan,
  { plan, hops }: NonNullable<ReferencePlan['related']>,
  parameters: Parameters,
): Promise<StoredEntity> {
  const all = await followHops(core, exchange, hops, parameters)
  const { controller, context } = contextOf(core, exchange, plan, all ?? [])
  const row = all === undefined ? undefined : await controller.read(context)
  if (row === undefined)
    throw new ODataError('entityNotFound', `There is no such entity in '${linking.property.name}'.`)
  return { root: linking.root, place: linking.place, row }
}

async function referencesOf(
  core: Core,
  exchange: Exchange,
  { change, related }: ReferencePlan,
  options: QueryOptions,
): Promise<readonly Reference[]> {
  if (change === 'clear' || related) return []
  if (change === 'remove') return [{ url: options.id ?? '', target: '$id' }]
  requireJsonBody(exchange.request.headers)
  const body = await exchange.request.body(core.limits.bodyBytes)
  if (body === undefined || body.length === 0) throw new ODataError('bodySyntax', 'The request has no body.')
  const node = parseJson(body)
  if (change !== 'replace') return [referenceOf(node, '')]
  const list = node.kind === 'object' ? node.members.get('value') : undefined
  if (list?.kind !== 'array')
    throw new ODataError('bodyInvalid', 'The body must be {"value": [...]}, a collection of references.', {
      target: 'value',
    })
  return list.items.map((item, i) => referenceOf(item, `value/${i}`))
}

function referenceOf(node: JsonNode, target: string): Reference {
  const id = node.kind === 'object' ? idOf(node) : undefined
  if (id === undefined || id.kind !== 'string')
    throw new ODataError('bodyInvalid', 'A reference is an object whose "@odata.id" is the URL of an entity.', {
      target: target === '' ? '@odata.id' : `${target}/@odata.id`,
    })
  return { url: id.value, target: target === '' ? '@odata.id' : `${target}/@odata.id` }
}

/** Control information id (JSON Format 4.6.8). */
function idOf({ members }: JsonObject): JsonNode | undefined {
  return members.get('@odata.id') ?? members.get('@id')
}

/** Without transactions a request may change one entity only. */
function requireOneChange({ change, linking }: ReferencePlan): void {
  if ((change === 'add' || change === 'set' || change === 'remove') && isOneChange(linking)) return
  throw new ODataError('notImplemented', 'This changes several entities, and the store has no transactions.', {
    target: linking.property.name,
  })
}

function isOneChange({ kind, property, partner }: Linked): boolean {
  if (kind === 'links') return partner === undefined
  return kind === 'dependent' ? partner?.collection !== false : property.collection
}
