import { isContained } from '../../bind/binding-targets.ts'
import type { EntityType } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { encodePath } from '../../payload/row-path.ts'
import { linkingOf } from '../../plan/linking.ts'
import { partnerOf } from '../../plan/relation.ts'
import { requestLike } from '../../protocol/message.ts'
import type { Session } from '../../store/port.ts'
import { parseRequestUrl } from '../../url/parse-url.ts'
import { type Core, contextOf, sessionOf } from '../core.ts'
import { type Exchange, inTransaction } from '../exchange.ts'
import { followHops } from '../hops.ts'
import { allRows } from '../row-filter.ts'
import { virtualSingleton } from '../singleton.ts'
import { letGo } from '../streams.ts'
import { onceCommitted, transact } from '../transact.ts'
import { type Acting, ownerOf, parametersOfRow, plansOfRow, type StoredEntity, typeOf, valueAt } from './entity.ts'
import { backOf } from './link.ts'
import { type Removed, removeAlong, removeBelongings, settle } from './removal.ts'

/**
 * Entities that are stored while the one they belong to is being deleted: neither sees what the other does, as each reads before the
 * other has committed. So both look again once their change stands, and whoever comes last cleans up: a deletion what has come meanwhile, a
 * create itself. That holds for what is contained, and for what an OnDelete would have reached.
 */

/** Whether what is stored at a place belongs to something that may be deleted meanwhile. */
interface Ties {
  readonly contained: boolean
  /** types whose foreign keys lead to entities that react to being deleted */
  readonly dependent: boolean
}

const ties = new WeakMap<StoredEntity['root'], Ties>()

function tiesOf(core: Core, { root }: Pick<StoredEntity, 'root'>): Ties {
  let found = ties.get(root)
  if (found === undefined) {
    found = {
      contained: root.kind === 'contained',
      dependent: [root.type, ...root.type.derivedTypes].some((type) => reactingPartners(core, type).length > 0),
    }
    ties.set(root, found)
  }
  return found
}

/** Navigation properties with a foreign key, whose partner does something to the entity when what it leads to is deleted. */
function reactingPartners({ model }: Core, type: EntityType) {
  return [...type.allNavigationProperties.values()].flatMap((property) => {
    const partner = partnerOf(property)
    if (property.referentialConstraints.length === 0 || property.collection || isContained(model, property)) return []
    const action = partner?.onDelete
    return partner === undefined || action === undefined || action === 'None' ? [] : [{ property, partner }]
  })
}

/**
 * Looks, once a stored entity stands, whether what it belongs to is still there.
 * @param tied names of navigation properties whose entity the request has seen: any other may never have been there
 * @param isNew false: what contains it was there before in the same transaction, or it is a change, which moves no contained entity
 */
export async function lookBack(
  core: Core,
  exchange: Exchange,
  session: Session,
  entity: StoredEntity,
  tied: ReadonlySet<string>,
  isNew: boolean,
): Promise<void> {
  const ties = tiesOf(core, entity)
  const contained = isNew && ties.contained
  const dependent = tied.size > 0 && ties.dependent
  if (!contained && !dependent) return
  const look = async () => {
    const isOrphan = async (acting: Acting): Promise<boolean> =>
      (contained && !(await isOwnerThere(acting, ownerOf(entity.row)))) ||
      (dependent && (await orphanedBy(acting, entity, tied)).length > 0)
    const unhurried = unhurriedOf(exchange)
    if (!(await isOrphan({ core, exchange: unhurried })) || !core.store.capabilities.transactions) return
    await inOneSnapshot(core, unhurried, async (acting, removed) => {
      const now = await stored(acting, entity)
      if (now === undefined || !(await isOrphan(acting))) return
      if (contained && !(await isOwnerThere(acting, ownerOf(entity.row)))) await removeAlong(acting, now, removed)
      else await settleOrphan(acting, now, tied, removed)
    })
  }
  await onceCommitted(session, core.log, look, 'together')
}

/** Removes, once a deletion stands, what has come to belong to the entity while it was being deleted. */
export async function removeLatecomers(core: Core, exchange: Exchange, entity: StoredEntity): Promise<void> {
  await inOneSnapshot(core, unhurriedOf(exchange), async (acting, removed) => {
    // created again meanwhile: what is there now belongs to it
    if ((await stored(acting, entity)) !== undefined) return
    await removeBelongings(acting, entity, removed)
  })
}

async function inOneSnapshot(
  core: Core,
  exchange: Exchange,
  work: (acting: Acting, removed: Removed) => Promise<void>,
): Promise<void> {
  const session = sessionOf(exchange, core.limits.storeTime)
  let removed: Removed = { files: [], seen: new Set() }
  await transact(core.store, session, core.log, (inner) => {
    removed = { files: [], seen: new Set() }
    return work({ core, exchange: inTransaction(exchange, inner.transaction) }, removed)
  })
  await letGo(core, session, removed.files)
}

/** The relations of an entity that lead to nothing, though the model ties it to what was there. */
async function orphanedBy(acting: Acting, entity: StoredEntity, tied: ReadonlySet<string>) {
  const { core } = acting
  const found = []
  for (const { property, partner } of reactingPartners(core, typeOf(core, entity))) {
    if (!tied.has(property.name)) continue
    const linking = linkingOf(core.model, entity.root, entity.place, [], property)
    if (linking.kind !== 'dependent' || linking.root.kind !== 'entitySet') continue
    const { type, name } = linking.root
    const values = type.key.map(({ property: part }) => {
      const pair = linking.pairs.find(({ to }) => to.length === 1 && to[0] === part)
      return pair === undefined ? null : valueAt(core, entity, pair.from)
    })
    if (values.some((value) => value === null) || linking.partner !== partner) continue
    const { read } = plansOfRow(core, linking.root)
    const { controller, context } = contextOf(core, acting.exchange, read, values as Session['parameters'])
    const there = (await core.store.readOne(read, context.session)) ?? (await controller.read(context))
    if (there === undefined) found.push({ linking, partner, name })
  }
  return found
}

async function settleOrphan(
  acting: Acting,
  entity: StoredEntity,
  tied: ReadonlySet<string>,
  removed: Removed,
): Promise<void> {
  for (const { linking, partner } of await orphanedBy(acting, entity, tied)) {
    const now = await stored(acting, entity)
    if (now === undefined) return
    // nothing of the deleted entity is needed but that it is gone
    await settle(acting, now, backOf(acting, { root: linking.root, place: linking.place, partner }), now, removed)
  }
}

/** Whether the entity that a path names is there, be it in the store or given by a controller. */
async function isOwnerThere({ core, exchange }: Acting, path: string): Promise<boolean> {
  const url = parseRequestUrl(`/${encodePath(path)}`, { version: '4.01', limits: core.limits })
  const { plan, parameters: given } = core.planner.plan('GET', url)
  if (plan.kind !== 'read') return true
  try {
    const parameters = plan.hops ? await followHops(core, exchange, plan.hops, given) : given
    if (parameters === undefined) return false
    const { controller, context } = contextOf(core, exchange, plan, parameters)
    const row =
      (await core.store.readOne(plan, context.session)) ??
      (await controller.read(context)) ??
      virtualSingleton(core, plan.source)
    return row !== undefined
  } catch (error) {
    // whatever else it is says nothing of the owner
    if (error instanceof ODataError && error.code === 'entityNotFound') return false
    throw error
  }
}

/** The row in the store, whatever a controller says of it. */
async function stored({ core, exchange }: Acting, entity: StoredEntity): Promise<StoredEntity | undefined> {
  const { read } = plansOfRow(core, entity.root)
  const { context } = contextOf(core, exchange, read, parametersOfRow(core, entity))
  const row = await core.store.readOne(read, context.session)
  return row === undefined ? undefined : { ...entity, row }
}

/** The same request, for what has to be done whoever still waits for it: it sees all rows, and is not given up. */
function unhurriedOf(exchange: Exchange): Exchange {
  return {
    ...allRows(exchange),
    request: requestLike(exchange.request, { signal: new AbortController().signal }),
    part: exchange.part && { ...exchange.part, transaction: undefined },
    timings: undefined,
  }
}
