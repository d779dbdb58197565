import { Buffer } from 'node:buffer'
import { propertyNames } from '../bind/print.ts'
import type { Parameters } from '../bind/tree.ts'
import { typeOfDocument } from '../bson/decode.ts'
import { streamFieldPathOf } from '../bson/field-path.ts'
import { mediaOf, streamAt } from '../bson/stream.ts'
import type { EntityType } from '../edm/model.ts'
import type { StreamReference } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Faults } from '../payload/faults.ts'
import { memberPlace } from '../payload/member-place.ts'
import { streamTag } from '../payload/stream-control.ts'
import { toldMediaTypeAt } from '../payload/told-media-type.ts'
import { streamCheckOf } from '../payload/validation/json-schema.ts'
import type { CreatePlan, DeletePlan, Plan, ReadPlan, SourceRoot, StreamTarget, UpdatePlan } from '../plan/plan.ts'
import { harmless } from '../protocol/disposition.ts'
import { type Conditions, type ETagCondition, readConditions } from '../protocol/etag.ts'
import { parseMediaType } from '../protocol/media-type.ts'
import type { ContentLimits, HttpResponse } from '../protocol/message.ts'
import { jsonContentType, negotiateJson, requireAcceptable } from '../protocol/negotiate.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import { rangeOf } from '../protocol/range.ts'
import { sessionLike } from '../store/session.ts'
import type { StreamPlace } from '../store/streams.ts'
import type { QueryOptions } from '../url/ast.ts'
import { preconditionFailed, versionOf } from './conditions.ts'
import { type Core, collectionOf, contextOf } from './core.ts'
import { createDeep, type DeepWrite } from './deep/deep-write.ts'
import type { Exchange } from './exchange.ts'
import { lookBack } from './links/late.ts'
import { streamChange } from './media-change.ts'
import { contentTypeOf, dispositionOf } from './media-rules.ts'
import { missingEntity } from './missing.ts'
import { newMediaEntity } from './new-media-entity.ts'
import { started } from './read.ts'
import { remove } from './remove.ts'
import { lastingSingleton, mayUpsert, virtualSingleton } from './singleton.ts'
import { letGo } from './streams.ts'
import { created, representation, storedBy, tiedByUrl } from './write.ts'

/** A plan about a stream. */
type Streaming<P extends Plan> = P & { readonly stream: StreamTarget }

/** Whether a plan is about the bytes of a stream. */
export function isStreaming<P extends Plan>(plan: P): plan is Streaming<P> {
  return plan.stream !== undefined
}

const noBytes = new Uint8Array()

/** How often a pointer is set anew where others change the entity meanwhile. */
const attempts = 20

/** GET of a stream (Protocol 11.2.4.1): its bytes, or a part of them; 204 where it has no value. */
export async function readStream(
  core: Core,
  exchange: Exchange,
  plan: Streaming<ReadPlan>,
  parameters: Parameters | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  if (parameters === undefined) throw new ODataError('entityNotFound', 'There is no such entity.')
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const row = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  exchange.timings?.mark('store')
  if (row === undefined) throw missingEntity(plan, parameters)
  const stream = streamOf(core, plan.source.root, plan.source.type, plan.stream, row)
  const conditions = readConditions(exchange.request.headers)
  if (!holds(conditions.ifMatch, stream, true)) throw preconditionFailed('If-Match')
  if (stream === undefined) return { status: 204, headers: {}, body: undefined }
  if (!holds(conditions.ifNoneMatch, stream, false))
    return { status: 304, headers: { ETag: streamTag(stream) }, body: undefined }
  requireAcceptable(exchange.request.headers, options.format, stream.contentType)
  return bytesOf(core, exchange, plan, row, stream)
}

/** The answer with the bytes of a stream. */
async function bytesOf(
  core: Core,
  { request }: Exchange,
  { source, stream: target }: { readonly source: ReadPlan['source']; readonly stream: StreamTarget },
  row: Uint8Array,
  stream: StreamReference,
): Promise<HttpResponse> {
  const collection = collectionOf(core.layout, source.root)
  const etag = streamTag(stream)
  const headers: Record<string, string> = {
    ETag: etag,
    'Content-Type': stream.contentType,
    'Accept-Ranges': 'bytes',
    ...harmless(
      stream.contentType,
      dispositionOf(target, typeOf(core, source.type, row), core.layout, collection, row),
    ),
  }
  const { length } = stream
  const range = request.method === 'GET' ? rangeOf(request.headers, length, etag) : undefined
  if (range === 'unsatisfiable')
    throw new ODataError('rangeNotSatisfiable', `The stream has ${length} bytes.`, {
      target: 'Range',
      headers: { 'Content-Range': `bytes */${length}` },
    })
  const { start, end } = range ?? { start: 0, end: length }
  if (range !== undefined) headers['Content-Range'] = `bytes ${start}-${end - 1}/${length}`
  headers['Content-Length'] = String(end - start)
  const status = range === undefined ? 200 : 206
  if (request.method === 'HEAD') return { status, headers, body: nothing() }
  const bytes = core.store.streams.read(stream.file, start, end, core.limits.storeTime)
  return { status, headers, body: await started(bytes) }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** PUT and DELETE of a stream (Protocol 11.4.7.2, 11.4.8). */
export async function writeStream(
  core: Core,
  exchange: Exchange,
  plan: Streaming<UpdatePlan>,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { request } = exchange
  const { stream: target, source } = plan
  const format = negotiateJson(acceptOf(plan, request.headers), options.format)
  const conditions = readConditions(request.headers)
  checkRules(plan)
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const before = await controller.read(context)
  checkConditions(core, plan, conditions, before)
  if (before === undefined && (!mayUpsert(core, plan) || conditions.ifMatch || target.property !== undefined))
    if (!lastingSingleton(source)) throw missingEntity(plan, parameters)
  const type = before === undefined ? source.type : typeOf(core, source.type, before)
  const contentType = target.removed ? '' : contentTypeOf(request.headers, target, type)
  const place = placeOf(core, source.root, target)
  const file = target.removed
    ? undefined
    : await core.store.streams.write(contentOf(core, exchange, target, type, contentType), place, core.limits.storeTime)
  exchange.timings?.mark('body')
  const stream = file && { file: file.id, contentType, length: file.length }
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const row = attempt === 0 ? before : await controller.read(context)
      checkConditions(core, plan, conditions, row)
      if (row === undefined) {
        const made = await make({ core, exchange, plan, parameters, controller, context }, target, stream)
        if (made === undefined) continue
        if (stream) await core.store.streams.own(stream.file, place, made)
        await lookBack(core, exchange, context.session, storedBy(plan, made), tiedByUrl(plan), true)
        return await created(core, exchange, plan, parameters, made, format, options)
      }
      const version = versionOf(row)
      const session =
        version === undefined
          ? context.session
          : sessionLike(context.session, { precondition: { kind: 'versions', anyOf: [version] } })
      const change = streamChange(typeOf(core, source.type, row), target, stream ?? null)
      const outcome = await controller.update({ ...context, session }, change)
      if (outcome.kind !== 'updated') continue
      if (stream) await core.store.streams.own(stream.file, place, outcome.row)
      const old = streamOf(core, source.root, source.type, target, row)
      if (old) await letGo(core, session, [old.file])
      exchange.timings?.mark('store')
      return await changed(core, exchange, plan, parameters, outcome.row, stream, options)
    }
    throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
  } catch (error) {
    // what may have been stored is left to the sweep, which looks
    if (stream && !isUnknown(error)) await core.store.streams.discard(stream.file).catch(() => {})
    throw error
  }
}

/**
 * Whether a POST to media entities brings the entity as JSON rather than its media. Never by the standard (Protocol 11.4.7.1); that is
 * how Microsoft Graph creates many of its media entities, so with its manners it is.
 */
export function describesEntity({ protocol }: Core, { request }: Exchange): boolean {
  const type = protocol.graph ? parseMediaType(request.headers['content-type'] ?? '') : undefined
  return type?.type === 'application' && type.subtype === 'json'
}

/** POST of media to a collection of media entities (Protocol 11.4.7.1). */
export async function createMedia(
  core: Core,
  exchange: Exchange,
  plan: Streaming<CreatePlan>,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { request } = exchange
  const { source, stream: target } = plan
  const format = negotiateJson(request.headers, options.format)
  const contentType = contentTypeOf(request.headers, target, source.type)
  // what cannot be made should fail before anything is uploaded
  newMediaEntity(core, exchange, plan, parameters, target, undefined)
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const place = placeOf(core, source.root, target)
  const file = await core.store.streams.write(
    contentOf(core, exchange, target, source.type, contentType),
    place,
    core.limits.storeTime,
  )
  exchange.timings?.mark('body')
  const stream = { file: file.id, contentType, length: file.length }
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const row = await make({ core, exchange, plan, parameters, controller, context }, target, stream)
      if (row === undefined) continue
      await core.store.streams.own(file.id, place, row)
      await lookBack(core, exchange, context.session, storedBy(plan, row), tiedByUrl(plan), true)
      exchange.timings?.mark('store')
      return await created(core, exchange, plan, parameters, row, format, options)
    }
    throw new ODataError('entityExists', 'There is an entity with this key already.')
  } catch (error) {
    if (!isUnknown(error)) await core.store.streams.discard(file.id).catch(() => {})
    throw error
  }
}

/**
 * Creates a media entity as a body would: related where the URL says so, and held to the rules of its relations.
 * @returns undefined where the key is taken
 */
async function make(
  write: Omit<DeepWrite<CreatePlan | UpdatePlan>, 'body' | 'toldAtOnce'>,
  target: StreamTarget,
  stream: StreamReference | undefined,
): Promise<Uint8Array | undefined> {
  const { core, exchange, plan, parameters, context } = write
  const entity = newMediaEntity(core, exchange, plan, parameters, target, stream)
  const body = { relations: [], members: undefined, text: noBytes }
  try {
    const { outcome } = await createDeep({ ...write, body, toldAtOnce: true }, entity)
    return outcome.kind === 'created' ? outcome.row : undefined
  } catch (error) {
    // a transaction of its own: another key can be tried
    const taken = error instanceof ODataError && error.code === 'entityExists'
    if (taken && context.session.transaction === undefined) return undefined
    throw error
  }
}

/** DELETE of the media of an entity deletes the entity (Protocol 11.4.7.3); the conditions are about the media. */
export async function removeMedia(
  core: Core,
  exchange: Exchange,
  plan: Streaming<DeletePlan>,
  parameters: Parameters,
): Promise<HttpResponse> {
  const conditions = readConditions(exchange.request.headers)
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const row = await controller.read(context)
    checkConditions(core, plan, conditions, row)
    if (row === undefined) throw missingEntity(plan, parameters)
    const version = versionOf(row)
    const same: Conditions = {
      ifMatch: version === undefined ? undefined : { any: false, tags: [String(version)] },
      ifNoneMatch: undefined,
    }
    try {
      return await remove(core, exchange, plan, parameters, same)
    } catch (error) {
      if (!(error instanceof ODataError && error.code === 'preconditionFailed')) throw error
    }
  }
  throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
}

/** 204, or what `return=representation` asks for: the media entity, or the new value of the stream property. */
async function changed(
  core: Core,
  exchange: Exchange,
  plan: Streaming<UpdatePlan>,
  parameters: Parameters,
  row: Uint8Array,
  stream: StreamReference | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { request } = exchange
  const wanted = parsePrefer(request.headers.prefer).return
  const applied: Record<string, string> = wanted ? { 'Preference-Applied': `return=${wanted}` } : {}
  if (wanted !== 'representation' || stream === undefined)
    return { status: 204, headers: stream ? { ...applied, ETag: streamTag(stream) } : applied, body: undefined }
  if (plan.stream.property === undefined) {
    const format = negotiateJson(request.headers, options.format)
    const headers = { ...applied }
    const body = await representation(core, exchange, plan, parameters, row, format, headers, options)
    return { status: 200, headers: { ...headers, 'Content-Type': jsonContentType(format, exchange.version) }, body }
  }
  const answer = await bytesOf(core, exchange, plan, row, stream)
  return { ...answer, headers: { ...answer.headers, ...applied } }
}

/** A stream property is answered with its own media type, whatever JSON the client takes. */
function acceptOf({ stream }: Streaming<UpdatePlan>, headers: Exchange['request']['headers']) {
  return stream.property === undefined ? headers : {}
}

/** What the model says of changing the stream. @throws ODataError */
function checkRules({ stream: { path, property, removed }, body }: Streaming<UpdatePlan>): void {
  const names = propertyNames(path)
  if (property === undefined) return
  const rule = body?.refused.find(
    (each) => each.path.length <= names.length && each.path.every((name, i) => name === names[i]),
  )
  if (rule !== undefined)
    throw new ODataError('badRequest', `'${names.join('/')}' cannot be changed (${rule.term}).`, {
      target: names.join('/'),
    })
  if (removed && !property.type.nullable)
    throw new ODataError('propertyNull', `The property ${property.name} must not be null.`, { target: property.name })
}

/** The conditions of a change of a stream are about its own entity tag. @throws ODataError preconditionFailed */
function checkConditions(
  core: Core,
  { source, stream: target }: Streaming<UpdatePlan> | Streaming<DeletePlan>,
  { ifMatch, ifNoneMatch }: Conditions,
  row: Uint8Array | undefined,
): void {
  const stream = row && streamOf(core, source.root, source.type, target, row)
  if (!holds(ifMatch, stream, true)) throw preconditionFailed('If-Match')
  if (!holds(ifNoneMatch, stream, false)) throw preconditionFailed('If-None-Match')
}

/** @param wanted whether the stream should be one of those named, or none of them */
function holds(condition: ETagCondition | undefined, stream: StreamReference | undefined, wanted: boolean): boolean {
  if (condition === undefined) return true
  const named = stream !== undefined && (condition.any || condition.tags.includes(stream.file))
  return named === wanted
}

/** The actual type of an entity. */
function typeOf(core: Core, declared: EntityType, row: Uint8Array): EntityType {
  const type = typeOfDocument(row, 0, core.layout.structured(declared))
  return type.kind === 'entity' ? type : declared
}

/** What a row says of a stream; undefined: it has no value. */
function streamOf(
  core: Core,
  root: SourceRoot,
  type: EntityType,
  { path }: StreamTarget,
  row: Uint8Array,
): StreamReference | undefined {
  const owner = { type, collection: collectionOf(core.layout, root) }
  if (path.length === 0) return told(mediaOf(row), toldMediaTypeAt(path, core.layout, owner))
  const { place, typed } = core.writers.once(path, () => ({
    place: memberPlace(path, core.layout, owner),
    typed: toldMediaTypeAt(path, core.layout, owner),
  }))
  return told(streamAt(row, place(row).at), typed)

  function told(
    stream: StreamReference | undefined,
    typeOfMedia: (row: Uint8Array, uploaded: string) => string,
  ): StreamReference | undefined {
    return stream && { ...stream, contentType: typeOfMedia(row, stream.contentType) }
  }
}

function placeOf(core: Core, root: SourceRoot, { path }: StreamTarget): StreamPlace {
  const collection = collectionOf(core.layout, root)
  const properties = path.flatMap((step) => (step.kind === 'property' ? [step.property] : []))
  return { collection, field: streamFieldPathOf(core.layout, collection, properties) }
}

/**
 * The bytes of an upload. JSON that the model holds to a schema (JSON.Schema) is looked at as a whole before any of it is stored, so it may be
 * as long as the body of a request.
 * @throws ODataError (while it is read) payloadTooLarge, valueInvalid
 */
async function* contentOf(
  core: Core,
  { request }: Exchange,
  target: StreamTarget,
  type: EntityType,
  contentType: string,
): AsyncGenerator<Uint8Array> {
  const limits = limitsOf(core, target)
  const check = streamCheckOf(target.property, type, contentType)
  if (check === undefined) {
    yield* request.content(limits)
    return
  }
  const { bodyBytes } = core.limits
  const bound = limits.bytes <= bodyBytes ? limits : { ...limits, bytes: bodyBytes, name: 'bodyBytes, for JSON.Schema' }
  const pieces: Uint8Array[] = []
  for await (const piece of request.content(bound)) pieces.push(Uint8Array.from(piece))
  const bytes = Buffer.concat(pieces)
  const faults = new Faults()
  const name = target.property?.name ?? '$value'
  for (const fault of check(bytes)) faults.add('valueInvalid', `The value of ${name} ${fault}.`, name)
  faults.throwIfAny()
  if (bytes.length > 0) yield bytes
}

/** A stream may say itself how long it may be (CSDL 7.2.2). */
function limitsOf({ limits }: Core, { property }: StreamTarget): ContentLimits {
  const idle = limits.streamIdle
  const longest = property?.type.facets.maxLength
  if (typeof longest !== 'number' || longest >= limits.streamBytes) return { bytes: limits.streamBytes, idle }
  return { bytes: longest, idle, name: `MaxLength of ${property?.name}` }
}

function isUnknown(error: unknown): boolean {
  return error instanceof ODataError && error.code === 'outcomeUnknown'
}
