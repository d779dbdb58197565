import { setTimeout as sleep } from 'node:timers/promises'
import { isPermitted } from '../../auth/permit.ts'
import { invariant } from '../../base/assert.ts'
import { placeOf } from '../../bind/binding-targets.ts'
import type { Parameters } from '../../bind/tree.ts'
import { decodeEntity } from '../../bson/decode.ts'
import { isStructured } from '../../edm/types.ts'
import { isStructuredValue, type StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Faults } from '../../payload/faults.ts'
import { createSink } from '../../payload/sink.ts'
import { checkConstraints } from '../../payload/validation/constraints.ts'
import { dynamicTypeFault } from '../../payload/validation/type-constraints.ts'
import type { PropertyTarget, UpdatePlan } from '../../plan/plan.ts'
import { type Conditions, printETag, readConditions } from '../../protocol/etag.ts'
import { type HttpResponse, requestLike } from '../../protocol/message.ts'
import { type JsonFormat, jsonContentType, negotiateJson } from '../../protocol/negotiate.ts'
import { parsePrefer } from '../../protocol/prefer.ts'
import type { Precondition, Session } from '../../store/port.ts'
import { sessionLike } from '../../store/session.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { shownRow } from '../after-read.ts'
import { preconditionFailed, preconditionOf, versionOf } from '../conditions.ts'
import type { ODataController, RequestContext } from '../controller.ts'
import { addApplied, type Core, contextOf, dialectOf } from '../core.ts'
import { type Exchange, inTransaction } from '../exchange.ts'
import { letGoOld, storingStreams } from '../inline-streams.ts'
import { positionsOfRow, writePositions } from '../items.ts'
import { meets, updateJudged } from '../judged-update.ts'
import { judgeTouched } from '../links/judging.ts'
import { leadsToLinks, losingLinks, mayLoseLinks } from '../links/lost.ts'
import { concernOf, noteOwners } from '../links/noting.ts'
import { Touched } from '../links/touched.ts'
import { memberAnswer, rawValue } from '../read.ts'
import { initialMembers, lastingSingleton, virtualSingleton } from '../singleton.ts'
import { transact } from '../transact.ts'
import { editEach, editOf, nameOf } from './body.ts'
import { changeAt, type Edit } from './edit.ts'
import { RowQueue } from './queue.ts'

/** The plan of a change of one property. */
type PropertyPlan = UpdatePlan & { readonly property: PropertyTarget }

export function changesProperty(plan: UpdatePlan): plan is PropertyPlan {
  return plan.property !== undefined
}

/** How often a change that starts from what is there begins anew, where other processes change the entity meanwhile. */
const attempts = 50

const queues = new WeakMap<Core, RowQueue>()

/** A property as it is changed: the row then, and which items of the collection were meant. */
interface Changed {
  readonly row: Uint8Array
  readonly positions?: ReadonlySet<number>
}

interface Change {
  readonly core: Core
  readonly plan: PropertyPlan
  readonly parameters: Parameters
  readonly controller: ODataController
  readonly context: RequestContext<UpdatePlan>
  readonly conditions: Conditions
  readonly edit: Edit
}

/**
 * Changes one property of an entity, or items of a collection in it (Protocol 11.4.9 to 11.4.11, 11.4.13, 11.4.14): an update of the
 * entity, so hooks, row filters, rules of the model and If-Match hold as they do for PATCH of the entity.
 */
export async function changeProperty(
  core: Core,
  exchange: Exchange,
  plan: PropertyPlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { headers } = exchange.request
  const { property, source } = plan
  const format = property.raw ? undefined : negotiateJson(headers, options.format)
  const conditions = readConditions(headers)
  const { controller, context } = contextOf(core, exchange, plan, parameters, {
    precondition: preconditionOf(conditions),
  })
  const edit = await editOf(core, exchange, property, source.type, options.index)
  exchange.timings?.mark('body')
  const change: Change = { core, plan, parameters, controller, context, conditions, edit }
  const judged = changesOwner(core, plan)
  const outcome = isBlind(core, plan) && !judged ? await changeBlindly(change) : undefined
  const store = judged ? changeJudged : changeStored
  const changed = outcome ?? (await inTurn(exchange, change, () => store(change, exchange)))
  exchange.timings?.mark('store')
  return answer(core, exchange, plan, parameters, changed, format, options)
}

/** Whether the new value does not depend on what is there, so that one store command is enough. */
function isBlind(core: Core, { source, property: { path, change, reference, each } }: PropertyPlan): boolean {
  const [first] = path
  if (path.length > 1 || each || source.type.derivedTypes.length > 0) return false
  if (first?.kind === 'property' && leadsToLinks(core, source.root, first.property)) return false
  if (change === 'clear') return true
  return change === 'set' && (reference === undefined || reference.collection || !isStructured(reference.type))
}

/** @returns undefined where there is no row to change by itself: a singleton that nobody has written yet */
async function changeBlindly(change: Change): Promise<Changed | undefined> {
  const { core, plan, controller, context, conditions, edit } = change
  const nothing: StructuredValue = { kind: 'structured', type: plan.source.type, members: new Map() }
  const update = changeAt(nothing, plan.property.path, edit, ignore)
  checkChange(core, update, plan.property)
  const outcome = await updateJudged(controller, context, update)
  if (outcome.kind === 'updated') return { row: outcome.row }
  if (outcome.kind === 'missing' && lastingSingleton(plan.source)) return undefined
  throw refused(outcome.kind, conditions)
}

/** Whether the property is a foreign key to an entity that the model has rules of: how many, or which ones it relates. */
function changesOwner(core: Core, { source: { root }, property: { path } }: PropertyPlan): boolean {
  const [first] = path
  if (!core.store.capabilities.transactions || first?.kind !== 'property') return false
  if (root.kind === 'contained' || !concernOf(core, root).owners) return false
  return [root.type, ...root.type.derivedTypes].some((type) =>
    [...type.allNavigationProperties.values()].some(({ referentialConstraints }) =>
      referentialConstraints.some(({ property }) => property.split('/')[0] === first.property.name),
    ),
  )
}

/** Changes a foreign key, and judges the entities that it led to before and leads to now, in one transaction. */
function changeJudged(change: Change, exchange: Exchange): Promise<Changed> {
  const { core, plan, controller, context, conditions } = change
  const { root } = plan.source
  invariant(root.kind === 'entitySet' || root.kind === 'singleton', 'only what stands in a set is judged')
  return transact(core.store, context.session, core.log, async (session) => {
    const whole = session.transaction === undefined ? exchange : inTransaction(exchange, session.transaction)
    const acting = { core, exchange: whole, touched: new Touched() }
    const inner = { ...context, session }
    const before = await controller.read(inner)
    if (before === undefined) throw refused('missing', conditions)
    await noteOwners(acting, { root, place: placeOf(root), row: before })
    const changed = await changeStored({ ...change, context: inner }, acting.exchange)
    await noteOwners(acting, { root, place: placeOf(root), row: changed.row })
    await judgeTouched(acting)
    return changed
  })
}

/** Changes what is there, in the state in which it was read. */
async function changeStored(change: Change, exchange: Exchange): Promise<Changed> {
  const { core, plan, parameters, controller, context, conditions, edit } = change
  const { property, source } = plan
  const { layout, collection, session } = context
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 2) await sleep(Math.random() * Math.min(attempt * 2, 40))
    const stored = await controller.read(context)
    const row = stored ?? virtualSingleton(core, source)
    if (row === undefined) throw refused('missing', conditions)
    const version = stored && versionOf(stored)
    if (stored ? !meets(session.precondition, version) : conditions.ifMatch)
      throw refused('preconditionFailed', conditions)
    const entity = decodeEntity(layout, collection, row)
    const check = (value: StructuredValue): void => {
      const faults = new Faults()
      checkConstraints(core.model, value, nameOf(property), faults, nowhere, true)
      faults.throwIfAny()
    }
    const positions = property.each && positionsOfRow(core, property.shown, property.each, parameters, row)
    const whole = positions ? editEach(edit, positions, check) : edit
    const update = changeAt(entity, property.path, whole, check)
    const changed = positions ? { positions } : {}
    if (positions?.size === 0) return { row, ...changed }
    checkChange(core, update, property)
    const written = await storingStreams(core, source.root, update, async (pointing, noteRow) => {
      const after = await writeWhole(change, exchange, pointing, stored, version)
      if (after !== undefined) noteRow(after)
      return after
    })
    if (written === undefined) continue
    await letGoOld(core, session, source.root, stored, written)
    return { row: written, ...changed }
  }
  throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
}

/** As `writeChange`, with the links of complex values that it takes away: in one transaction. */
async function writeWhole(
  change: Change,
  exchange: Exchange,
  update: StructuredValue,
  stored: Uint8Array | undefined,
  version: number | undefined,
): Promise<Uint8Array | undefined> {
  const { core, plan, context } = change
  const { root } = plan.source
  if (stored === undefined || !mayLoseLinks(core, root, update, false))
    return writeChange(change, update, stored, version)
  const before = { root, place: plan.nesting?.place ?? { root: undefined, path: [] }, row: stored }
  const within = async (session: Session): Promise<Uint8Array | undefined> => {
    const whole = session.transaction === undefined ? exchange : inTransaction(exchange, session.transaction)
    const acting = { core, exchange: whole, touched: new Touched() }
    const inner = { ...change, context: { ...context, session } }
    const after = await losingLinks(acting, before, update, false, () => writeChange(inner, update, stored, version))
    await judgeTouched(acting)
    return after
  }
  return core.store.capabilities.transactions
    ? transact(core.store, context.session, core.log, within)
    : within(context.session)
}

/** @param stored undefined: a singleton that nobody has written yet @returns undefined where others came first */
async function writeChange(
  { plan, controller, context }: Change,
  update: StructuredValue,
  stored: Uint8Array | undefined,
  version: number | undefined,
): Promise<Uint8Array | undefined> {
  if (stored === undefined) {
    const made = { ...update, members: new Map([...initialOf(plan), ...update.members]) }
    const outcome = await controller.create(context, made)
    return outcome.kind === 'created' ? outcome.row : undefined
  }
  const precondition: Precondition =
    version === undefined ? { kind: 'unversioned' } : { kind: 'versions', anyOf: [version] }
  const session = sessionLike(context.session, { precondition })
  const outcome = await updateJudged(controller, { ...context, session }, update)
  return outcome.kind === 'updated' ? outcome.row : undefined
}

/** Changes of one row wait for each other; inside a transaction, which others may wait for, they must not. */
function inTurn<T>({ part }: Exchange, { core, plan, parameters }: Change, work: () => Promise<T>): Promise<T> {
  if (part?.transaction !== undefined) return work()
  let queue = queues.get(core)
  if (queue === undefined) {
    queue = new RowQueue()
    queues.set(core, queue)
  }
  const key = JSON.stringify([plan.source.root.name, parameters], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
  return queue.run(key, work)
}

function initialOf({ source }: PropertyPlan): ReturnType<typeof initialMembers> {
  return initialMembers(source.type, lastingSingleton(source)?.name ?? '')
}

const nowhere = { offset: 0, end: 0 }
const ignore = (): void => {}

/** What the model says of the values beside the property (Validation vocabulary), and of dynamic properties. */
function checkChange(core: Core, update: StructuredValue, { path }: PropertyTarget): void {
  const faults = new Faults()
  const last = path.findIndex(({ kind }) => kind === 'ordinal')
  const names = (last < 0 ? path : path.slice(0, last)).flatMap((step) =>
    step.kind === 'property' ? [step.property.name] : step.kind === 'dynamic' ? [step.name] : [],
  )
  checkBeside(core, update, names, '', faults)
  faults.throwIfAny()
}

function checkBeside(
  core: Core,
  update: StructuredValue,
  [name, ...inner]: readonly string[],
  before: string,
  faults: Faults,
): void {
  if (name === undefined) return
  checkConstraints(core.model, update, before, faults, nowhere, false)
  const target = before === '' ? name : `${before}/${name}`
  const value = update.members.get(name) ?? null
  if (!update.type.allProperties.has(name)) {
    const fault = dynamicTypeFault(core.model, update.type, value, update.dynamicTypes?.get(name))
    if (fault !== undefined) faults.add('valueInvalid', `The value of ${name} ${fault}.`, target)
  }
  if (isStructuredValue(value)) checkBeside(core, value, inner, target, faults)
}

function refused(kind: 'missing' | 'preconditionFailed', { ifMatch }: Conditions): ODataError {
  if (ifMatch) return preconditionFailed('If-Match')
  if (kind === 'preconditionFailed') return preconditionFailed('If-None-Match')
  return new ODataError('entityNotFound', 'There is no such entity.')
}

/** 204 unless the client asks for the value, which only those get who may read it; with Graph's manners 200 (as PATCH has it). */
async function answer(
  core: Core,
  exchange: Exchange,
  plan: PropertyPlan,
  parameters: Parameters,
  { row, positions }: Changed,
  format: JsonFormat | undefined,
  options: QueryOptions,
): Promise<HttpResponse> {
  const { shown, each, change } = plan.property
  const headers: Record<string, string> = {}
  const version = versionOf(row)
  if (version !== undefined) headers.ETag = printETag(version)
  const wanted = parsePrefer(exchange.request.headers.prefer).return
  const readable = !core.enforcePermissions || isPermitted(exchange.principal, plan.representation ?? [])
  if (wanted === 'minimal' || (wanted && readable)) headers['Preference-Applied'] = `return=${wanted}`
  // Protocol 11.4.9.2: taking a value away is answered without a body
  const represented =
    readable && change !== 'clear' && (wanted === 'representation' || (core.protocol.graph && !wanted))
  if (!represented) {
    if (change === 'clear' && wanted === 'representation') delete headers['Preference-Applied']
    return { status: 204, headers, body: undefined }
  }
  const seen = await shownRow(core, exchange, plan.source.root, row)
  if (format === undefined) {
    const asked = { ...exchange, request: requestLike(exchange.request, { headers: {} }) }
    return rawValue(core, asked, shown, parameters, seen, headers, {})
  }
  if (each === undefined || positions === undefined)
    return memberAnswer(core, exchange, shown, parameters, { row: seen, stored: row }, format, headers, options)
  const dialect = dialectOf(core, exchange, format)
  const sink = createSink()
  writePositions(core, shown, each, parameters, dialect, seen, positions, sink)
  headers['Content-Type'] = jsonContentType(format, exchange.version)
  addApplied(exchange, dialect, headers)
  return { status: 200, headers, body: sink.take() }
}
