import { noQuery } from '../../bind/no-query.ts'
import type { ExpandItem, Parameters } from '../../bind/tree.ts'
import { isSubtypeOf } from '../../edm/types.ts'
import type { StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { expansionsOf } from '../../plan/expansion.ts'
import type { CreatePlan, UpdatePlan } from '../../plan/plan.ts'
import type { CreateOutcome, UpdateOutcome } from '../../store/port.ts'
import type { ODataController, RequestContext } from '../controller.ts'
import type { Core } from '../core.ts'
import { contextOf } from '../core.ts'
import { type Exchange, inTransaction } from '../exchange.ts'
import { updateJudged } from '../judged-update.ts'
import { type Acting, readAgain, type StoredEntity } from '../links/entity.ts'
import { link } from '../links/link.ts'
import { transact } from '../transact.ts'
import type { Relating } from './tree.ts'
import { merged, writeBefore, writeBehind } from './write-tree.ts'

/** Creates and updates whose bodies, or whose URLs, relate other entities (Protocol 11.4.2.1, 11.4.2.2, 11.4.3.1). */

/** What a request writes: an entity, and what its body relates. */
export interface DeepWrite<P extends CreatePlan | UpdatePlan> {
  readonly core: Core
  readonly exchange: Exchange
  readonly plan: P
  readonly parameters: Parameters
  readonly controller: ODataController
  readonly context: RequestContext<P>
  readonly relations: readonly Relating[]
}

/** Creates an entity and all that it relates, in one transaction. @throws ODataError entityExists, where something is related */
export async function createDeep(
  write: DeepWrite<CreatePlan | UpdatePlan>,
  entity: StructuredValue,
): Promise<CreateOutcome> {
  const { plan, relations, controller, context } = write
  const linked = plan.kind === 'create' ? plan.linked : undefined
  if (relations.length === 0 && linked === undefined) return controller.create(context, entity)
  return whole(write, async (acting, inner) => {
    const before = await writeBefore(acting, relations)
    const outcome = await controller.create(inner, merged(entity, before.members))
    // a failed insert has ended the transaction already, and what was written before must not stay
    if (outcome.kind === 'exists') throw new ODataError('entityExists', 'There is an entity with this key already.')
    const { row } = await writeBehind(acting, storedAs(write, outcome.row), relations, before, true)
    if (linked === undefined) return { kind: 'created', row }
    const from = await fromOf(acting, write, linked.entity)
    const made = storedAs(write, row)
    await link(acting, { root: linked.entity.source.root, place: linked.place, row: from }, linked.linking, made)
    return { kind: 'created', row: (await readAgain(acting, made))?.row ?? row }
  })
}

/** Changes an entity and what it relates, in one transaction. */
export async function updateDeep(write: DeepWrite<UpdatePlan>, entity: StructuredValue): Promise<UpdateOutcome> {
  const { relations, controller, context } = write
  if (relations.length === 0) return updateJudged(controller, context, entity)
  return whole(write, async (acting, inner) => {
    // what is not there, or not in the state asked for, must not change others
    const before = await writeBefore(acting, relations)
    const outcome = await updateJudged(controller, inner, merged(entity, before.members))
    if (outcome.kind !== 'updated') return outcome
    const { row } = await writeBehind(acting, storedAs(write, outcome.row), relations, before, false)
    return { kind: 'updated', row }
  })
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
  const row = await controller.read(context)
  if (row === undefined) throw new ODataError('entityNotFound', 'The entity to be related is not there.')
  return row
}

function whole<P extends CreatePlan | UpdatePlan, T>(
  { core, exchange, context, relations }: DeepWrite<P>,
  work: (acting: Acting, context: RequestContext<P>) => Promise<T>,
): Promise<T> {
  if (!core.store.capabilities.transactions) {
    if (relations.every(isOwn)) return work({ core, exchange }, context)
    throw new ODataError('notImplemented', 'This changes several entities, and the store has no transactions.')
  }
  return transact(core.store, context.session, core.log, (session) =>
    work({ core, exchange: inTransaction(exchange, session.transaction) }, { ...context, session }),
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
  const items = itemsOf(relations).filter(({ property }) => !plan.expand.some((item) => item.property === property))
  if (nesting === undefined || items.length === 0) return plan
  const key = JSON.stringify(items, (name, value: unknown) => (name === 'property' ? nameOf(value) : value))
  let plans = widened.get(plan)
  if (plans === undefined) {
    plans = new Map()
    widened.set(plan, plans)
  }
  let found = plans.get(key)
  if (found === undefined) {
    const expand = [...plan.expand, ...items]
    const expansions = expansionsOf(model, nesting.path, plan.source, expand, parameters.length)
    const made: CreatePlan | UpdatePlan = { ...plan, expand, expansions }
    found = Object.freeze(made)
    if (plans.size >= 50) plans.clear()
    plans.set(key, found)
  }
  return found as P
}

function nameOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'name' in value ? value.name : value
}

function itemsOf(relations: readonly Relating[]): readonly ExpandItem[] {
  const items: ExpandItem[] = []
  for (const { plan, items: related } of relations) {
    const { property, via } = plan.linking
    const nested = related.flatMap((item) => (item.kind === 'new' ? [item.entity] : []))
    if (nested.length === 0 || via.length > 0 || items.some((item) => item.property === property)) continue
    const declaring = property.declaringType
    const expand = itemsOf(nested.flatMap((entity) => entity.relations))
    items.push({
      path: isSubtypeOf(plan.linking.from, declaring) ? [] : [{ kind: 'cast', type: declaring }],
      property,
      as: 'entities',
      levels: 1,
      query: { ...noQuery, expand },
    })
  }
  return items
}
