import { noQuery } from '../../bind/no-query.ts'
import type { ExpandItem, MemberStep, Parameters } from '../../bind/tree.ts'
import type { StructuredType } from '../../edm/model.ts'
import { isStructured, isSubtypeOf } from '../../edm/types.ts'
import type { StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Faults } from '../../payload/faults.ts'
import type { RelatedMember } from '../../payload/related-body.ts'
import { expansionsOf } from '../../plan/expansion.ts'
import type { Linking } from '../../plan/linking.ts'
import type { CreatePlan, UpdatePlan } from '../../plan/plan.ts'
import { relatedQueryAt } from '../../plan/related.ts'
import { propertiesOf } from '../../plan/suffix.ts'
import type { CreateOutcome, UpdateOutcome } from '../../store/port.ts'
import { sessionLike } from '../../store/session.ts'
import { versionOf } from '../conditions.ts'
import { createInStep, type ODataController, type RequestContext } from '../controller.ts'
import type { Core } from '../core.ts'
import { contextOf } from '../core.ts'
import { type Exchange, inTransaction, type PartOfBatch } from '../exchange.ts'
import { StreamFiles } from '../inline-streams.ts'
import { meets, updateJudged } from '../judged-update.ts'
import { type Acting, readAgain, type StoredEntity, typeOf } from '../links/entity.ts'
import { judgeTouched } from '../links/judging.ts'
import { link } from '../links/link.ts'
import { losingLinks, mayLoseLinks } from '../links/lost.ts'
import { concernOf, noteNew, noteOwners } from '../links/noting.ts'
import { Touched } from '../links/touched.ts'
import { MadeRows } from '../made-rows.ts'
import { virtualSingleton } from '../singleton.ts'
import { letGo } from '../streams.ts'
import { transact } from '../transact.ts'
import { Resolver } from './resolve.ts'
import { type ContentId, type Relating, TreeReader } from './tree.ts'
import { isPlainTree, merged, type Writing, writeBefore, writeBehind } from './write-tree.ts'

/** Creates and updates whose bodies, or whose URLs, relate other entities (Protocol 11.4.2.1, 11.4.2.2, 11.4.3.1). */

/** What a request writes: an entity, and what its body relates. */
export interface DeepWrite<P extends CreatePlan | UpdatePlan> {
  readonly core: Core
  readonly exchange: Exchange
  readonly plan: P
  readonly parameters: Parameters
  readonly controller: ODataController
  readonly context: RequestContext<P>
  readonly body: RelatedBody
  /** of a create: what is done where the key is taken depends on being told so */
  readonly toldAtOnce?: boolean
}

/** What a body relates: read, or to be read once it is known what is stored. */
export interface RelatedBody {
  readonly relations: readonly Relating[]
  /** of an update that nests content or deltas; undefined: all is in `relations` */
  readonly members: readonly RelatedMember[] | undefined
  /** the body itself: UTF-8 JSON */
  readonly text: Uint8Array
}

/** What was written, and what of it the answer shows. */
export interface Written<Outcome> {
  readonly outcome: Outcome
  readonly relations: readonly Relating[]
  /** Core.ContentID of nested entities, by `fullIdentity` */
  readonly contentIds: ReadonlyMap<string, ContentId>
  /** of a new entity: all that was made, where nothing else was done */
  readonly made?: MadeRows | undefined
}

const none: ReadonlyMap<string, ContentId> = new Map()

/** Creates an entity and all that it relates, in one transaction. @throws ODataError entityExists, where something is related */
export async function createDeep(
  write: DeepWrite<CreatePlan | UpdatePlan>,
  entity: StructuredValue,
): Promise<Written<CreateOutcome>> {
  const { plan, body, context, exchange } = write
  const linked = plan.kind === 'create' ? plan.linked : undefined
  if (!isRelating(body) && linked === undefined && !isJudged(write))
    return { outcome: await createTop(write, context, entity, exchange.part?.late), relations: [], contentIds: none }
  return whole(write, async (writing, inner) => {
    const { contentIds } = writing
    const relations = await relationsOf(write, writing, undefined, entity.type)
    const before = await writeBefore(writing, relations)
    const outcome = await createTop(write, inner, merged(entity, before.members), exchange.part?.late ?? itself)
    // a failed insert has ended the transaction already, and what was written before must not stay
    if (outcome.kind === 'exists') throw new ODataError('entityExists', 'There is an entity with this key already.')
    const top = storedAs(write, outcome.row)
    noteNew(writing, top)
    await noteOwners(writing, top)
    const { row } = await writeBehind(writing, top, relations, before, true)
    writing.made?.add(top.root, row)
    if (linked === undefined) return { outcome: { kind: 'created', row }, relations, contentIds, made: writing.made }
    const from = await fromOf(writing, write, linked.entity)
    const made = storedAs(write, row)
    await link(writing, { root: linked.entity.source.root, place: linked.place, row: from }, linked.linking, made)
    return { outcome: { kind: 'created', row: (await readAgain(writing, made))?.row ?? row }, relations, contentIds }
  })
}

/**
 * Creates the entity itself.
 * @param late undefined: its outcome must be known at once, as it always must where a key that is taken is not the end
 */
function createTop(
  { plan, controller, toldAtOnce }: DeepWrite<CreatePlan | UpdatePlan>,
  context: RequestContext<CreatePlan | UpdatePlan>,
  entity: StructuredValue,
  late: PartOfBatch['late'],
): Promise<CreateOutcome> {
  if (late === undefined || toldAtOnce || plan.kind !== 'create') return controller.create(context, entity)
  return createInStep(controller, context, entity, late)
}

function itself(failure: unknown): unknown {
  return failure
}

/** Changes an entity and what it relates, in one transaction. */
export async function updateDeep(
  write: DeepWrite<UpdatePlan>,
  entity: StructuredValue,
): Promise<Written<UpdateOutcome>> {
  const { body, controller, context, plan } = write
  const losing = mayLoseLinks(write.core, plan.source.root, entity, plan.replace)
  if (!isRelating(body) && !losing && !changesOwners(write, entity))
    return { outcome: await updateJudged(controller, context, entity), relations: [], contentIds: none }
  return whole(write, async (writing, inner) => {
    const { contentIds } = writing
    // what is not there, or not in the state asked for, must not change others
    const row = await controller.read(inner)
    if (row === undefined) return { outcome: { kind: 'missing' }, relations: [], contentIds }
    if (!meets(context.session.precondition, versionOf(row)))
      return { outcome: { kind: 'preconditionFailed' }, relations: [], contentIds }
    const top = storedAs(write, row)
    await noteOwners(writing, top)
    const relations = await relationsOf(write, writing, top, typeOf(writing.core, top))
    const before = await writeBefore(writing, relations)
    const after = await losingLinks(writing, top, entity, plan.replace, async () => {
      const outcome = await updateJudged(controller, inner, merged(entity, before.members))
      return outcome.kind === 'updated' ? outcome.row : undefined
    })
    if (after === undefined) throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
    await noteOwners(writing, storedAs(write, after))
    const behind = await writeBehind(writing, storedAs(write, after), relations, before, false)
    await letGo(writing.core, inner.session, writing.removed.files)
    return { outcome: { kind: 'updated', row: behind.row }, relations, contentIds }
  })
}

/** Whether a new entity may break a rule of its own relations, or of those of what it belongs to. */
function isJudged({ core, plan }: DeepWrite<CreatePlan | UpdatePlan>): boolean {
  const { own, owners } = concernOf(core, plan.source.root)
  return core.store.capabilities.transactions && (own || owners)
}

/** Whether an update may say whose the entity is, by a foreign key, where there are rules of that. */
function changesOwners({ core, plan }: DeepWrite<UpdatePlan>, { type }: StructuredValue): boolean {
  if (!core.store.capabilities.transactions || !concernOf(core, plan.source.root).owners) return false
  return [...type.allNavigationProperties.values()].some(
    ({ referentialConstraints }) => referentialConstraints.length > 0,
  )
}

function isRelating({ relations, members }: RelatedBody): boolean {
  return relations.length > 0 || members !== undefined
}

/** @param top undefined: the entity is new @throws ODataError all that is wrong with the nested entities */
async function relationsOf(
  { core, exchange, plan, body }: DeepWrite<CreatePlan | UpdatePlan>,
  acting: Acting,
  top: StoredEntity | undefined,
  type: StructuredType,
): Promise<readonly Relating[]> {
  const { members, relations, text } = body
  if (members === undefined || plan.nesting === undefined) return relations
  const faults = new Faults()
  const replace = plan.kind === 'update' && plan.replace
  const resolver = new Resolver(acting, new TreeReader(core, exchange, faults, text), top, replace)
  const found = await resolver.relations(top, plan.nesting, type, members)
  faults.throwIfAny()
  return found
}

function storedAs({ plan }: DeepWrite<CreatePlan | UpdatePlan>, row: Uint8Array): StoredEntity {
  const { root } = plan.source
  return { root, place: plan.nesting?.place ?? { root: undefined, path: [] }, row }
}

async function fromOf(
  acting: Acting,
  { core, parameters }: DeepWrite<CreatePlan | UpdatePlan>,
  plan: NonNullable<CreatePlan['linked']>['entity'],
): Promise<Uint8Array> {
  const { controller, context } = contextOf(core, acting.exchange, plan, parameters)
  // linking stores a singleton that nobody has written yet
  const row = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  if (row === undefined) throw new ODataError('entityNotFound', 'The entity to be related is not there.')
  return row
}

function whole<P extends CreatePlan | UpdatePlan, T>(
  { core, exchange, plan, context, body }: DeepWrite<P>,
  work: (writing: Writing, context: RequestContext<P>) => Promise<T>,
): Promise<T> {
  const streams = new StreamFiles(core)
  const plain = plan.kind === 'create' && isPlainTree(core, plan.source.root, body.relations)
  const noted = () => ({
    streams,
    made: plain ? new MadeRows(core) : undefined,
    contentIds: new Map<string, ContentId>(),
    removed: { files: [], seen: new Set<string>() },
  })
  if (!core.store.capabilities.transactions) {
    if (body.members === undefined && body.relations.every(isOwn)) return work({ core, exchange, ...noted() }, context)
    throw new ODataError('notImplemented', 'This changes several entities, and the store has no transactions.')
  }
  const late = exchange.part?.late
  const begun = late === undefined ? context.session : sessionLike(context.session, { late })
  return streams.during(() =>
    transact(core.store, begun, core.log, async (session) => {
      streams.takeBack()
      const touched = new Touched()
      const acting = { core, exchange: inTransaction(exchange, session.transaction), touched, ...noted() }
      // not what hooks see: their creates do not wait
      const result = await work(acting, { ...context, session: late === undefined ? session : context.session })
      await judgeTouched(acting)
      return result
    }),
  )
}

/** Whether what is related changes nothing but the entity itself: a foreign key in it. */
function isOwn({ plan: { linking }, items }: Relating): boolean {
  return (
    linking.kind === 'dependent' &&
    linking.partner?.collection !== false &&
    items.every(({ kind }) => kind === 'reference')
  )
}

const widened = new WeakMap<CreatePlan | UpdatePlan, Map<string, CreatePlan | UpdatePlan>>()

/** The plan of an answer that shows what was nested in the body, too (Protocol 11.4.2.2): expanded at least as deep. */
export function showing<P extends CreatePlan | UpdatePlan>(
  { model }: Core,
  plan: P,
  parameters: Parameters,
  relations: readonly Relating[],
): P {
  const { nesting } = plan
  const items = itemsOf(relations).filter(
    (item) =>
      // a $select says what of complex values is shown
      (plan.select === undefined || propertiesOf(item.path).length === 0) &&
      !plan.expand.some((other) => isSameItem(item, other)),
  )
  if (nesting === undefined || items.length === 0) return plan
  const key = JSON.stringify(items, (name, value: unknown) => (inModel.has(name) ? nameOf(value) : value))
  let plans = widened.get(plan)
  if (plans === undefined) {
    plans = new Map()
    widened.set(plan, plans)
  }
  let found = plans.get(key)
  if (found === undefined) {
    const expand = [...plan.expand, ...items]
    const expansions = expansionsOf(model, nesting.path, plan.source, expand, parameters.length, relatedQueryAt)
    const made: CreatePlan | UpdatePlan = { ...plan, expand, expansions }
    found = Object.freeze(made)
    if (plans.size >= 50) plans.clear()
    plans.set(key, found)
  }
  return found as P
}

/** Members of expand items that lead into the model: named in keys of plans, not written out. */
const inModel: ReadonlySet<string> = new Set(['property', 'type'])

function nameOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'name' in value ? value.name : value
}

/** What entities nest, at all levels: of entities beside each other what any of them does. */
function itemsOf(relations: readonly Relating[]): readonly ExpandItem[] {
  const nesting: { readonly item: Omit<ExpandItem, 'query'>; readonly relations: Relating[] }[] = []
  for (const { plan, items: related } of relations) {
    const nested = related.flatMap((each) => (each.kind === 'reference' ? [] : [each.entity]))
    if (nested.length === 0) continue
    const item = itemOf(plan.linking)
    const within = nested.flatMap((entity) => entity.relations)
    const same = nesting.find((other) => isSameItem(other.item, item))
    if (same) same.relations.push(...within)
    else nesting.push({ item, relations: within })
  }
  return nesting.map(({ item, relations: within }) => ({ ...item, query: { ...noQuery, expand: itemsOf(within) } }))
}

/** The property at the end of the path that leads to it, with the casts that it needs. */
function itemOf({ property, via, from }: Linking): Omit<ExpandItem, 'query'> {
  const path: MemberStep[] = []
  let type: StructuredType | undefined = from
  const castTo = (declaring: StructuredType): void => {
    if (type !== undefined && !isSubtypeOf(type, declaring)) path.push({ kind: 'cast', type: declaring })
  }
  for (const step of via) {
    if (step.kind === 'property') {
      castTo(step.property.declaringType)
      type = isStructured(step.property.type.type) ? step.property.type.type : undefined
    }
    path.push(step)
  }
  castTo(property.declaringType)
  return { path, property, as: 'entities', levels: 1 }
}

function isSameItem(a: Omit<ExpandItem, 'query'>, b: Omit<ExpandItem, 'query'>): boolean {
  const [one, other] = [propertiesOf(a.path), propertiesOf(b.path)]
  return a.property === b.property && one.length === other.length && one.every((step, i) => step === other[i])
}
