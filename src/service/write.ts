import { isPermitted, permit } from '../auth/permit.ts'
import type { Parameters } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import type { ModelLayout } from '../bson/layout.ts'
import type { EntityType, NavigationProperty, StructuredType } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import type { StructuredValue, Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { contextUrl } from '../payload/context.ts'
import type { Faults } from '../payload/faults.ts'
import type { JsonObject } from '../payload/json.ts'
import { linkOf } from '../payload/members.ts'
import { readEntity } from '../payload/read-entity.ts'
import type { RelatedMember } from '../payload/related-body.ts'
import { createSink } from '../payload/sink.ts'
import type { BodyConditions } from '../payload/validation/body-rules.ts'
import { keyMadeByService } from '../plan/build.ts'
import type { PlanConditions } from '../plan/capabilities/verdict.ts'
import type { CreatePlan, SourceRoot, UpdatePlan } from '../plan/plan.ts'
import { printETag, readConditions } from '../protocol/etag.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { jsonContentType, negotiateJson, requestVersion, requireJsonBody } from '../protocol/negotiate.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { Session } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import type { QueryOptions } from '../url/ast.ts'
import { shownRow } from './after-read.ts'
import { computedOf } from './computed.ts'
import { bodyTagOf, preconditionFailed, preconditionOf, versionOf, versionOfTag } from './conditions.ts'
import { addApplied, type Core, contextOf, dialectOf, plainDialect } from './core.ts'
import { withContentIds } from './deep/content-ids.ts'
import { createDeep, type RelatedBody, showing, updateDeep, type Written } from './deep/deep-write.ts'
import { checkRequired } from './deep/required.ts'
import { isDeepUpdate, TreeReader } from './deep/tree.ts'
import type { Exchange } from './exchange.ts'
import { expandRows } from './expand.ts'
import { letGoOld, saysStreams, storingStreams } from './inline-streams.ts'
import { inlining, streamValues } from './inline-values.ts'
import { meets } from './judged-update.ts'
import { keyInSource, makeKey } from './keys.ts'
import type { StoredEntity } from './links/entity.ts'
import { checkForeignKeys } from './links/foreign-keys.ts'
import { lookBack } from './links/late.ts'
import { missingEntity } from './missing.ts'
import { orderAt } from './positions.ts'
import { rowWriter, shapeOf } from './read.ts'
import { initialMembers, lastingSingleton, lonelyKey, mayUpsert } from './singleton.ts'

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
  const { entity, related, named } = await readBody(core, exchange, plan, type, 'create', {
    keyIgnored: keyMadeByService(type),
    given: new Set([...key.keys(), ...fixed.keys()]),
    conditions: bodyConditions(plan, 'create'),
    partner: plan.linked?.linking.partner,
  })
  const tied = await lookUp(core, exchange, plan, withoutMembers(entity, fixed), named)
  // two processes may have made the same number, which is nobody's fault
  const numbered = !isChosen(type, entity) && [...key.values()].some((value) => typeof value === 'bigint')
  const general = contextOf(core, exchange, plan, parameters)
  const { index } = options
  const order = index === undefined ? undefined : await orderAt(core, exchange, plan, parameters, index)
  const acting = order === undefined ? general : { ...general, context: { ...general.context, order } }
  const request = { core, exchange, plan, parameters, body: related, ...acting }
  exchange.timings?.mark('body')
  const written = await storingStreams(core, plan.source.root, entity, async (pointing, stored) => {
    const write = { ...request, toldAtOnce: numbered || pointing !== entity }
    let written = await createDeep(write, withMembers(pointing, key, fixed))
    for (let round = 0; written.outcome.kind === 'exists' && numbered && round < 2; round++)
      written = await createDeep(write, withMembers(pointing, makeKey(type, true), fixed))
    if (written.outcome.kind === 'created') stored(written.outcome.row)
    return written
  })
  exchange.timings?.mark('store')
  const { outcome, relations } = written
  if (outcome.kind === 'exists') throw new ODataError('entityExists', 'There is an entity with this key already.')
  await lookBack(core, exchange, acting.context.session, storedBy(plan, outcome.row), tied, true)
  const shown = showing(core, plan, parameters, relations)
  return created(core, exchange, shown, parameters, outcome.row, format, options, written)
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
  const { entity, related, tag, named } = await readBody(
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
  const tied = await lookUp(core, exchange, plan, withoutMembers(entity, fixedMembers(plan, parameters)), named)
  const tagged = tag === undefined ? context : { ...context, session: withTag(context.session, tag) }
  const before = saysStreams(entity) ? await controller.read(context) : undefined
  // An entity deleted and created again meanwhile: the second round meets what is there by then.
  for (let round = 0; round < 2; round++) {
    const write = { core, exchange, plan, parameters, controller, context: tagged, body: related }
    const written = await storingStreams(core, plan.source.root, entity, async (pointing, stored) => {
      const written = await updateDeep(write, pointing)
      if (written.outcome.kind === 'updated') stored(written.outcome.row)
      return written
    })
    const { outcome, relations } = written
    exchange.timings?.mark('store')
    if (outcome.kind === 'updated') {
      await letGoOld(core, context.session, plan.source.root, before, outcome.row)
      await lookBack(core, exchange, context.session, storedBy(plan, outcome.row), tied, false)
      return changed(
        core,
        exchange,
        showing(core, plan, parameters, relations),
        parameters,
        outcome.row,
        format,
        options,
        written,
      )
    }
    if (outcome.kind === 'preconditionFailed' || (tag !== undefined && tag !== '*'))
      throw preconditionFailed(conditions.ifMatch ? 'If-Match' : conditions.ifNoneMatch ? 'If-None-Match' : 'ETag')
    // If-Match never upserts.
    if (conditions.ifMatch) throw preconditionFailed('If-Match')
    if (!mayUpsert(core, plan)) throw missingEntity(plan, parameters)
    const upsert = await upserted(core, exchange, plan, parameters, entity, related)
    const made = await storingStreams(core, plan.source.root, upsert.entity, async (pointing, stored) => {
      const written = await createDeep({ ...write, context, body: upsert.related }, pointing)
      if (written.outcome.kind === 'created') stored(written.outcome.row)
      return written
    })
    if (made.outcome.kind === 'created') {
      await lookBack(core, exchange, context.session, storedBy(plan, made.outcome.row), tied, true)
      const shown = showing(core, plan, parameters, made.relations)
      return created(core, exchange, shown, parameters, made.outcome.row, format, options, made)
    }
    if (conditions.ifNoneMatch) throw preconditionFailed('If-None-Match')
    // Not to be seen by this caller, related to another entity, or made by others since: nothing that asking again would change.
    if (plan.fixed || context.session.rowFilters.size > 0 || context.session.transaction !== undefined)
      throw new ODataError('entityExists', 'There is an entity with this key already, out of reach of this request.')
  }
  // what has the key is of another type than the path asks for
  if (plan.source.steps.some(({ kind }) => kind === 'cast')) throw missingEntity(plan, parameters)
  throw new ODataError('conflict', 'The entity is being created and deleted by others. Try again.')
}

/**
 * Looks up the foreign keys that a body says, where nothing else gives them.
 * @returns names of navigation properties whose entity the request has seen or makes
 */
async function lookUp(
  core: Core,
  exchange: Exchange,
  plan: CreatePlan | UpdatePlan,
  entity: StructuredValue,
  named: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const { source, nesting } = plan
  const found = nesting && (await checkForeignKeys({ core, exchange }, source.root, nesting.place, entity, named))
  return new Set([...(found ?? []), ...named, ...tiedByUrl(plan)])
}

/** Navigation properties that lead back to the entity that the URL came from. */
export function tiedByUrl({ fixed, source }: CreatePlan | UpdatePlan): ReadonlySet<string> {
  if (fixed === undefined) return new Set()
  const known = new Set(fixed.map(({ property }) => property))
  const tied = [...source.type.allNavigationProperties.values()].filter(
    ({ referentialConstraints }) =>
      referentialConstraints.length > 0 && referentialConstraints.every(({ property }) => known.has(property)),
  )
  return new Set(tied.map(({ name }) => name))
}

function withoutMembers(entity: StructuredValue, fixed: ReadonlyMap<string, Value>): StructuredValue {
  if (fixed.size === 0) return entity
  return { ...entity, members: new Map([...entity.members].filter(([name]) => !fixed.has(name))) }
}

/** What a plan has stored. */
export function storedBy({ source: { root }, nesting }: CreatePlan | UpdatePlan, row: Uint8Array): StoredEntity {
  return { root, place: nesting?.place ?? { root: undefined, path: [] }, row }
}

/** The session of an update whose body says an ETag: the update holds for that version only (Protocol 11.4.3). */
function withTag(session: Session, tag: string): Session {
  if (tag === '*') return session
  const version = versionOfTag(tag)
  const anyOf = version !== undefined && meets(session.precondition, version) ? [version] : []
  return sessionLike(session, { precondition: { kind: 'versions', anyOf } })
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
  const body = await readBody(core, exchange, plan, type, 'create', {
    keyIgnored: inUrl.size > 0 || keyMadeByService(type),
    given: new Set([...key.keys(), ...fixed.keys()]),
    conditions: bodyConditions(insert ?? {}, 'create'),
  })
  await lookUp(core, exchange, plan, withoutMembers(body.entity, fixed), body.named)
  return { entity: withMembers(body.entity, key, fixed), related: body.related }
}

export function nameOf(root: SourceRoot): string {
  return root.kind === 'contained' ? root.property.name : root.name
}

/** A checked body: the entity, and what it relates. */
interface ReadBody {
  readonly entity: StructuredValue
  readonly related: RelatedBody
  /** of an update in 4.01: the ETag that it says */
  readonly tag: string | undefined
  /** navigation properties that it relates */
  readonly named: ReadonlySet<string>
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
    /** navigation property of a new entity to the one that the URL comes from */
    readonly partner?: NavigationProperty | undefined
  },
): Promise<ReadBody> {
  requireJsonBody(exchange.request.headers)
  const body = await exchange.request.body(core.limits.bodyBytes)
  if (body === undefined || body.length === 0) throw new ODataError('bodySyntax', 'The request has no body.')
  const version = requestVersion(exchange.request.headers)
  let related: RelatedBody = { relations: [], members: undefined, text: body }
  let tag: string | undefined
  let named: readonly RelatedMember[] = []
  const entity = readEntity(body, {
    model: core.model,
    type,
    mode,
    version,
    keyByService: known.keyIgnored,
    given: known.given,
    conditions: known.conditions,
    streams: true,
    control: (node: JsonObject) => {
      if (mode !== 'create' && version !== '4.0') tag = bodyTagOf(node)
    },
    ...(nesting && {
      nested: (
        value: StructuredValue | undefined,
        actual: StructuredType,
        members: readonly RelatedMember[],
        faults: Faults,
      ) => {
        if (mode === 'create' && value !== undefined)
          checkRequired(core, nesting, value, members, { partner: known.partner, given: known.given }, '', faults)
        named = members
        if (members.length === 0) return
        if (mode === 'create' || !isDeepUpdate(members)) {
          const reader = new TreeReader(core, exchange, faults, body)
          const purpose = mode === 'create' ? 'insert' : 'update'
          related = { relations: reader.relations(nesting, actual, members, purpose), members: undefined, text: body }
        } else if (version === '4.0')
          // Protocol 11.4.3.1
          faults.add('bodyInvalid', 'An update in OData 4.0 has no related entities in its body.', members[0]?.target)
        else related = { relations: [], members, text: body }
      },
    }),
  })
  return { entity, related, tag, named: new Set(named.map(({ property }) => property.name)) }
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
  const members = new Map(more)
  for (const [name, value] of entity.members) members.set(name, value)
  if (fixed !== more) for (const [name, value] of fixed) members.set(name, value)
  return { ...entity, members }
}

/** Foreign keys to the entity before the last navigation property: the URL says them, whatever the body does. */
export function fixedMembers({ fixed }: CreatePlan | UpdatePlan, parameters: Parameters): ReadonlyMap<string, Value> {
  return new Map(fixed?.map(({ property, parameter }) => [property, parameters[parameter] ?? null]))
}

type JsonFormat = ReturnType<typeof negotiateJson>
/** What an answer shows of a write beside the row itself. */
type Shown = Pick<Written<unknown>, 'contentIds' | 'made'>

export async function created(
  core: Core,
  exchange: Exchange,
  plan: CreatePlan | UpdatePlan,
  parameters: Parameters,
  row: Uint8Array,
  format: JsonFormat,
  options: QueryOptions,
  written?: Shown,
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
    body: await representation(core, exchange, plan, parameters, row, format, headers, options, written),
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
  written: Shown,
): Promise<HttpResponse> {
  const headers: Record<string, string> = {}
  const preferred = parsePrefer(exchange.request.headers.prefer).return
  // who says what the answer is to have wants one (Protocol 11.4.1.5)
  const implied = options.select !== undefined || options.expand !== undefined ? 'representation' : undefined
  const wanted = preferred ?? implied
  // who may change an entity may not always read it
  const readable = !core.enforcePermissions || isPermitted(exchange.principal, plan.representation ?? [])
  if (preferred === 'minimal' || (preferred && readable)) headers['Preference-Applied'] = `return=${preferred}`
  if (readable && (wanted === 'representation' || (core.protocol.graph && wanted === undefined)))
    return {
      status: 200,
      headers,
      body: await representation(core, exchange, plan, parameters, row, format, headers, options, written),
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
  written?: Shown,
): Promise<Uint8Array> {
  const dialect = dialectOf(core, exchange, format)
  const sink = createSink()
  const context = dialect.metadata === 'none' ? undefined : contextUrl(plan, dialect, parameters)
  const streams = inlining(dialect)
  const [found] = await expandRows(core, exchange, plan, parameters, [row], options.expand, streams, written?.made)
  const ids = dialect.withoutAnnotations ? undefined : written?.contentIds
  const related = ids ? withContentIds(core, plan.expansions, found, ids) : found
  const [values] = await streamValues(core, plan.streams, () => shapeOf(core, plan), streams)([row])
  const [computed] = await computedOf(core, exchange, plan, parameters, [row])
  rowWriter(core, plan, dialect, parameters)(
    await shownRow(core, exchange, plan.source.root, row),
    sink,
    context,
    related,
    values,
    computed,
  )
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
