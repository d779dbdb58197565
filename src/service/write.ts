import { isPermitted, permit } from '../auth/permit.ts'
import { placeOf } from '../bind/binding-targets.ts'
import type { Parameters } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import type { ModelLayout } from '../bson/layout.ts'
import type { EntityType, StructuredType } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import type { StructuredValue, Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { contextUrl } from '../payload/context.ts'
import type { Faults } from '../payload/faults.ts'
import type { JsonObject } from '../payload/json.ts'
import { linkOf } from '../payload/members.ts'
import { readEntity } from '../payload/read-entity.ts'
import type { RelatedMember } from '../payload/related-body.ts'
import { rowPath } from '../payload/row-path.ts'
import { createSink } from '../payload/sink.ts'
import type { BodyConditions } from '../payload/validation/body-rules.ts'
import { keyMadeByService } from '../plan/build.ts'
import type { PlanConditions } from '../plan/capabilities/verdict.ts'
import type { CreatePlan, DeletePlan, SourceRoot, UpdatePlan } from '../plan/plan.ts'
import { type Conditions, printETag, readConditions } from '../protocol/etag.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { jsonContentType, negotiateJson, requestVersion, requireJsonBody } from '../protocol/negotiate.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { DeleteOutcome, Session } from '../store/port.ts'
import type { QueryOptions } from '../url/ast.ts'
import { shownRow } from './after-read.ts'
import { bodyTagOf, preconditionFailed, preconditionOf, versionOf, versionOfTag } from './conditions.ts'
import { containedCollections } from './containment.ts'
import { addApplied, type Core, contextOf, dialectOf, plainDialect } from './core.ts'
import { withContentIds } from './deep/content-ids.ts'
import { createDeep, type RelatedBody, showing, updateDeep } from './deep/deep-write.ts'
import { type ContentId, isDeepUpdate, TreeReader } from './deep/tree.ts'
import { type Exchange, inTransaction } from './exchange.ts'
import { expandRows } from './expand.ts'
import { meets } from './judged-update.ts'
import { keyInSource, makeKey } from './keys.ts'
import { reactionsOf, settleRelated } from './links/removal.ts'
import { missingEntity } from './missing.ts'
import { rowWriter, shapeOf } from './read.ts'
import { initialMembers, lastingSingleton, lonelyKey, mayUpsert } from './singleton.ts'
import { filesOf, letGo } from './streams.ts'
import { transact } from './transact.ts'

type BodyMode = 'create' | 'merge' | 'replace'

/** POST to a collection (Protocol 11.4.2). */
export async function create(
  core: Core,
  exchange: Exchange,
  plan: CreatePlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const format = negotiateJson(exchange.request.headers, options.format)
  const { type } = plan.source
  const key = makeKey(type, core.keyGeneration === 'when-missing')
  const fixed = fixedMembers(plan, parameters)
  const { entity, related } = await readBody(core, exchange, plan, type, 'create', {
    keyIgnored: keyMadeByService(type),
    given: new Set([...key.keys(), ...fixed.keys()]),
    conditions: bodyConditions(plan, 'create'),
  })
  const write = { core, exchange, plan, parameters, body: related, ...contextOf(core, exchange, plan, parameters) }
  exchange.timings?.mark('body')
  let written = await createDeep(write, withMembers(entity, key, fixed))
  // two processes may have made the same number, which is nobody's fault
  const numbered = !isChosen(type, entity) && [...key.values()].some((value) => typeof value === 'bigint')
  for (let round = 0; written.outcome.kind === 'exists' && numbered && round < 2; round++)
    written = await createDeep(write, withMembers(entity, makeKey(type, true), fixed))
  exchange.timings?.mark('store')
  const { outcome, relations, contentIds } = written
  if (outcome.kind === 'exists') throw new ODataError('entityExists', 'There is an entity with this key already.')
  const shown = showing(core, plan, parameters, relations)
  return created(core, exchange, shown, parameters, outcome.row, format, options, contentIds)
}

/** PATCH and PUT of an entity (Protocol 11.4.3, 11.4.4). */
export async function update(
  core: Core,
  exchange: Exchange,
  plan: UpdatePlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers } = exchange.request
  const format = negotiateJson(headers, options.format)
  const conditions = readConditions(headers)
  const { controller, context } = contextOf(core, exchange, plan, parameters, {
    precondition: preconditionOf(conditions),
  })
  const stored = await storedType(core.layout, plan.source.type, () => controller.read(context))
  const { entity, related, tag } = await readBody(
    core,
    exchange,
    plan,
    stored ?? plan.source.type,
    plan.replace ? 'replace' : 'merge',
    {
      keyIgnored: keyMadeByService(plan.source.type),
      given: new Set(fixedMembers(plan, parameters).keys()),
      conditions: bodyConditions(plan, 'update'),
    },
  )
  if (stored !== undefined && !isSubtypeOf(stored, entity.type))
    throw new ODataError(
      'typeNotAllowed',
      `The entity is a ${stored.name}; an update cannot make it a ${entity.type.name}.`,
      {
        target: '@odata.type',
      },
    )
  exchange.timings?.mark('body')
  const tagged = tag === undefined ? context : { ...context, session: withTag(context.session, tag) }
  // An entity deleted and created again meanwhile: the second round meets what is there by then.
  for (let round = 0; round < 2; round++) {
    const write = { core, exchange, plan, parameters, controller, context: tagged, body: related }
    const { outcome, relations, contentIds } = await updateDeep(write, entity)
    exchange.timings?.mark('store')
    if (outcome.kind === 'updated')
      return changed(
        core,
        exchange,
        showing(core, plan, parameters, relations),
        parameters,
        outcome.row,
        format,
        options,
        contentIds,
      )
    if (outcome.kind === 'preconditionFailed' || (tag !== undefined && tag !== '*'))
      throw preconditionFailed(conditions.ifMatch ? 'If-Match' : conditions.ifNoneMatch ? 'If-None-Match' : 'ETag')
    // If-Match never upserts.
    if (conditions.ifMatch) throw preconditionFailed('If-Match')
    if (!mayUpsert(core, plan)) throw missingEntity(plan, parameters)
    const upsert = await upserted(core, exchange, plan, parameters, entity, related)
    const made = await createDeep({ ...write, context, body: upsert.related }, upsert.entity)
    if (made.outcome.kind === 'created') {
      const shown = showing(core, plan, parameters, made.relations)
      return created(core, exchange, shown, parameters, made.outcome.row, format, options, made.contentIds)
    }
    if (conditions.ifNoneMatch) throw preconditionFailed('If-None-Match')
    // Not to be seen by this caller, related to another entity, or made by others since: nothing that asking again would change.
    if (plan.fixed || context.session.rowFilters.size > 0 || context.session.transaction !== undefined)
      throw new ODataError('entityExists', 'There is an entity with this key already, out of reach of this request.')
  }
  throw new ODataError('conflict', 'The entity is being created and deleted by others. Try again.')
}

/** The session of an update whose body says an ETag: the update holds for that version only (Protocol 11.4.3). */
function withTag(session: Session, tag: string): Session {
  if (tag === '*') return session
  const version = versionOfTag(tag)
  const anyOf = version !== undefined && meets(session.precondition, version) ? [version] : []
  return { ...session, precondition: { kind: 'versions', anyOf } }
}

/** The entity that an update creates where there was none (Protocol 11.4.4). */
async function upserted(
  core: Core,
  exchange: Exchange,
  plan: UpdatePlan,
  parameters: Parameters,
  update: StructuredValue,
  related: RelatedBody,
): Promise<Pick<ReadBody, 'entity' | 'related'>> {
  const { source } = plan
  const { root, type } = source
  const insert = plan.insert
  if (core.enforcePermissions && insert) permit(exchange.principal, insert.requires)
  // a singleton is there even before it is stored: what the body does not name keeps its default
  const singleton = lastingSingleton(source)
  if (singleton) return { entity: withMembers(update, initialMembers(type, singleton.name)), related }
  const inUrl = keyInSource(plan.source, parameters)
  const key = inUrl.size > 0 ? inUrl : new Map([...lonelyKey(type, nameOf(root)), ...makeKey(type)])
  const fixed = fixedMembers(plan, parameters)
  const created = await readBody(core, exchange, plan, type, 'create', {
    keyIgnored: inUrl.size > 0 || keyMadeByService(type),
    given: new Set([...key.keys(), ...fixed.keys()]),
    conditions: bodyConditions(insert ?? {}, 'create'),
  })
  return { entity: withMembers(created.entity, key, fixed), related: created.related }
}

export function nameOf(root: SourceRoot): string {
  return root.kind === 'contained' ? root.property.name : root.name
}

/**
 * DELETE of an entity (Protocol 11.4.5). What it contains goes with it, in one transaction where the store has them; else after
 * it, so that a failure leaves entities that nothing leads to rather than half an owner.
 */
export async function remove(
  core: Core,
  exchange: Exchange,
  plan: DeletePlan,
  parameters: Parameters,
  conditions: Conditions = readConditions(exchange.request.headers),
): Promise<HttpResponse> {
  const { controller, context } = contextOf(core, exchange, plan, parameters, {
    precondition: preconditionOf(conditions),
  })
  const { source } = plan
  const contained = containedCollections(core.model, core.layout, source.type)
  const streams = filesOf(source)
  const { root } = source
  const set = root.kind === 'entitySet' || root.kind === 'singleton' ? root : undefined
  const reactions = set ? reactionsOf(core.model, set.type) : []
  const { transactions } = core.store.capabilities
  if (!transactions && reactions.some(({ onDelete }) => onDelete !== undefined))
    throw new ODataError('notImplemented', 'OnDelete changes other entities, and the store has no transactions.')
  const related = reactions.length > 0 && transactions
  let files: readonly string[] = []
  const removal = async (session: Session): Promise<DeleteOutcome> => {
    const within = { ...context, session }
    const row = contained.length === 0 && !streams && !related ? undefined : await controller.read(within)
    const outcome = await controller.delete(within)
    files = (row && streams?.(row)) ?? []
    if (row !== undefined && outcome.kind === 'deleted' && contained.length > 0) {
      const path = rowPath(context.collection, source.root.name, core.layout)(row)
      await core.store.deleteContained(path, contained, session)
    }
    if (row !== undefined && outcome.kind === 'deleted' && related && set) {
      const acting = { core, exchange: inTransaction(exchange, session.transaction) }
      const removed = { files: [...files], seen: new Set<string>() }
      await settleRelated(acting, { root: set, place: placeOf(set), row }, removed)
      files = removed.files
    }
    return outcome
  }
  const outcome =
    (contained.length > 0 || related) && transactions
      ? await transact(core.store, context.session, core.log, removal)
      : await removal(context.session)
  exchange.timings?.mark('store')
  if (outcome.kind === 'preconditionFailed') throw preconditionFailed(conditions.ifMatch ? 'If-Match' : 'If-None-Match')
  if (outcome.kind === 'missing') {
    if (conditions.ifMatch) throw preconditionFailed('If-Match')
    throw missingEntity(plan, parameters)
  }
  await letGo(core, context.session, files)
  return { status: 204, headers: {}, body: undefined }
}

/** A checked body: the entity, and what it relates. */
interface ReadBody {
  readonly entity: StructuredValue
  readonly related: RelatedBody
  /** of an update in 4.01: the ETag that it says */
  readonly tag: string | undefined
}

async function readBody(
  core: Core,
  exchange: Exchange,
  { nesting }: CreatePlan | UpdatePlan,
  type: EntityType,
  mode: BodyMode,
  known: {
    readonly keyIgnored: boolean
    readonly given: ReadonlySet<string>
    readonly conditions: BodyConditions
  },
): Promise<ReadBody> {
  requireJsonBody(exchange.request.headers)
  const body = await exchange.request.body(core.limits.bodyBytes)
  if (body === undefined || body.length === 0) throw new ODataError('bodySyntax', 'The request has no body.')
  const version = requestVersion(exchange.request.headers)
  let related: RelatedBody = { relations: [], members: undefined }
  let tag: string | undefined
  const entity = readEntity(body, {
    model: core.model,
    type,
    mode,
    version,
    keyByService: known.keyIgnored,
    given: known.given,
    conditions: known.conditions,
    control: (node: JsonObject) => {
      if (mode !== 'create' && version !== '4.0') tag = bodyTagOf(node)
    },
    ...(nesting && {
      nested: (actual: StructuredType, members: readonly RelatedMember[], faults: Faults) => {
        if (mode === 'create' || !isDeepUpdate(members)) {
          const reader = new TreeReader(core, exchange, faults)
          const purpose = mode === 'create' ? 'insert' : 'update'
          related = { relations: reader.relations(nesting, actual, members, purpose), members: undefined }
        } else if (version === '4.0')
          // Protocol 11.4.3.1
          faults.add('bodyInvalid', 'An update in OData 4.0 has no related entities in its body.', members[0]?.target)
        else related = { relations: [], members }
      },
    }),
  })
  return { entity, related, tag }
}

/** What the plan, and the scopes of the caller, say of the members of a body. */
function bodyConditions(
  { body, grants }: Pick<PlanConditions, 'body' | 'grants'>,
  purpose: BodyConditions['purpose'],
): BodyConditions {
  return { rules: body, grants, purpose }
}

/**
 * The type of the entity that is there; only where the declared type leaves it open is the row read first.
 * @returns undefined where it is not known: the row is missing
 */
async function storedType(
  layout: ModelLayout,
  declared: EntityType,
  readRow: () => Promise<Uint8Array | undefined>,
): Promise<EntityType | undefined> {
  if (declared.derivedTypes.length === 0) return declared
  const row = await readRow()
  const type = row === undefined ? undefined : typeOfDocument(row, 0, layout.structured(declared))
  return type?.kind === 'entity' ? type : undefined
}

/** Whether a client gave a part of the key. */
function isChosen(type: EntityType, { members }: StructuredValue): boolean {
  return type.key.some(({ property }) => members.has(property.name))
}

/** @param more members that the entity's own go before @param fixed members that go before the entity's own */
export function withMembers(
  entity: StructuredValue,
  more: ReadonlyMap<string, Value>,
  fixed: ReadonlyMap<string, Value> = more,
): StructuredValue {
  if (more.size === 0 && fixed.size === 0) return entity
  return { ...entity, members: new Map([...more, ...entity.members, ...(fixed === more ? [] : fixed)]) }
}

/** Foreign keys to the entity before the last navigation property: the URL says them, whatever the body does. */
export function fixedMembers({ fixed }: CreatePlan | UpdatePlan, parameters: Parameters): ReadonlyMap<string, Value> {
  return new Map(fixed?.map(({ property, parameter }) => [property, parameters[parameter] ?? null]))
}

type JsonFormat = ReturnType<typeof negotiateJson>

export async function created(
  core: Core,
  exchange: Exchange,
  plan: CreatePlan | UpdatePlan,
  parameters: Parameters,
  row: Uint8Array,
  format: JsonFormat,
  options: QueryOptions,
  contentIds?: ReadonlyMap<string, ContentId>,
): Promise<HttpResponse> {
  const location = locationOf(core, exchange, plan, row)
  const headers: Record<string, string> = { Location: location }
  const wanted = parsePrefer(exchange.request.headers.prefer).return
  if (wanted === 'minimal') {
    addVersion(headers, row)
    headers['OData-EntityId'] = location
    headers['Preference-Applied'] = 'return=minimal'
    return { status: 204, headers, body: undefined }
  }
  if (wanted) headers['Preference-Applied'] = `return=${wanted}`
  return {
    status: 201,
    headers,
    body: await representation(core, exchange, plan, parameters, row, format, headers, options, contentIds),
  }
}

/** Protocol 11.4.3: 204 unless the client asks for the entity; Graph answers 200 unless the client asks for nothing. */
async function changed(
  core: Core,
  exchange: Exchange,
  plan: UpdatePlan,
  parameters: Parameters,
  row: Uint8Array,
  format: JsonFormat,
  options: QueryOptions,
  contentIds: ReadonlyMap<string, ContentId>,
): Promise<HttpResponse> {
  const headers: Record<string, string> = {}
  const wanted = parsePrefer(exchange.request.headers.prefer).return
  // who may change an entity may not always read it
  const readable = !core.enforcePermissions || isPermitted(exchange.principal, plan.representation ?? [])
  if (wanted === 'minimal' || (wanted && readable)) headers['Preference-Applied'] = `return=${wanted}`
  if (readable && (wanted === 'representation' || (core.protocol.graph && wanted === undefined)))
    return {
      status: 200,
      headers,
      body: await representation(core, exchange, plan, parameters, row, format, headers, options, contentIds),
    }
  addVersion(headers, row)
  headers['OData-EntityId'] = locationOf(core, exchange, plan, row)
  return { status: 204, headers, body: undefined }
}

export async function representation(
  core: Core,
  exchange: Exchange,
  plan: CreatePlan | UpdatePlan,
  parameters: Parameters,
  row: Uint8Array,
  format: JsonFormat,
  headers: Record<string, string>,
  options: QueryOptions,
  contentIds: ReadonlyMap<string, ContentId> = new Map(),
): Promise<Uint8Array> {
  const dialect = dialectOf(core, exchange, format)
  const sink = createSink()
  const context = dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters)
  const [found] = await expandRows(core, exchange, plan, parameters, [row], options.expand)
  const related = dialect.withoutAnnotations ? found : withContentIds(core, plan.expansions, found, contentIds)
  rowWriter(core, plan, dialect)(await shownRow(core, exchange, plan.source.root, row), sink, context, related)
  addVersion(headers, row)
  addApplied(exchange, dialect, headers)
  headers['Content-Type'] = jsonContentType(format, exchange.version)
  return sink.take()
}

function addVersion(headers: Record<string, string>, row: Uint8Array): void {
  const version = versionOf(row)
  if (version !== undefined) headers.ETag = printETag(version)
}

/** The canonical URL of a stored entity, absolute (Protocol 8.3.4, 8.3.7). */
function locationOf(core: Core, exchange: Exchange, plan: CreatePlan | UpdatePlan, row: Uint8Array): string {
  const dialect = plainDialect(exchange)
  const link = core.writers.get(plan.source, dialect, () => linkOf(shapeOf(core, plan), dialect, core.layout))
  return link?.(row) ?? exchange.root + plan.source.root.name
}
