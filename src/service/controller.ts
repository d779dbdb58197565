import type { Principal } from '../auth/principal.ts'
import { decodeEntity } from '../bson/decode.ts'
import { encodeEntity } from '../bson/encode.ts'
import { nextOrder } from '../bson/entity-order.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { keepsOrder } from '../csdl/core.ts'
import type { Model } from '../edm/model.ts'
import type { StructuredValue } from '../edm/value.ts'
import { untouchedBy } from '../plan/capabilities/untouched.ts'
import type { CountPlan, CreatePlan, DeletePlan, ReadPlan, StorePlan, UpdatePlan } from '../plan/plan.ts'
import type { HttpRequest } from '../protocol/message.ts'
import type { CreateOutcome, DeleteOutcome, Rows, Session, Store, UpdateOutcome } from '../store/port.ts'
import { rowsInMemory } from '../store/rows.ts'
import { sessionLike } from '../store/session.ts'
import { changeOf } from './change.ts'
import { withComputedDefaults } from './fresh-values.ts'
import { requireKey } from './keys.ts'
import type { ServiceLog } from './options.ts'
import { type PlainObject, toPlain, withReturned } from './plain.ts'
import { rowsOfEntities } from './plain-rows.ts'
import { countOfPlan, firstOfPlan, rowsOfPlan } from './rows.ts'
import { missingNumbers, numbered, skipNumbers } from './sequences.ts'
import { onceCommitted, transact } from './transact.ts'

/** What a controller is told of a request. */
export interface RequestContext<P extends StorePlan = StorePlan> {
  readonly plan: P
  readonly session: Session
  readonly principal: Principal | undefined
  readonly model: Model
  readonly store: Store
  readonly layout: ModelLayout
  /** where the rows of the plan's source stand */
  readonly collection: CollectionLayout
  /** the HTTP request, or the part of a batch */
  readonly request: AskedRequest
  readonly log: ServiceLog | undefined
  /** of a new entity that is put at a position (`$index`): where it goes */
  readonly order?: string | undefined
}

/** A change that is durable, as `afterCommit` is told of it. */
export interface CommittedChange<Entity> {
  readonly kind: 'created' | 'updated' | 'deleted'
  /** as it stands now; a deleted one as it stood before */
  readonly entity: Entity
}

/** What of an HTTP request a controller may look at. */
export type AskedRequest = Pick<HttpRequest, 'method' | 'target' | 'headers' | 'signal'>

/** Who asks for rows: what hooks that judge or show them are told. */
export interface CallerContext {
  readonly principal: Principal | undefined
  readonly request: AskedRequest
  readonly model: Model
}

/** What a hook of an update or delete is told: the request, and on demand the entity. */
export interface ChangeContext<Entity, P extends UpdatePlan | DeletePlan = UpdatePlan | DeletePlan>
  extends RequestContext<P> {
  /** The entity as it is stored now; undefined where there is none. */
  stored(): Promise<Entity | undefined>
}

/** Members of an entity that a hook sets otherwise: as they are read, or as a body says them. */
export type Members<Entity, Body> = Entity extends unknown
  ? { readonly [Name in keyof Entity]?: Entity[Name] | (Name extends keyof Body ? Body[Name] : never) }
  : never

/** What a hook that may change the entity gives back; nothing: the entity stays as it is. */
// biome-ignore lint/suspicious/noConfusingVoidType: an async hook without a return gives Promise<void>
export type Returned<Entity, Body> = Members<Entity, Body> | undefined | void

/** Entities may leave out what is null. */
type Entities<Entity> = Iterable<Partial<Entity>> | AsyncIterable<Partial<Entity>>

type Awaitable<T> = T | Promise<T>

/**
 * The controller of every entity set and singleton: it hands plans to the store. A subclass overrides what it does otherwise and
 * calls `super` for the rest; rows are BSON bytes in the stored form. Or it defines hooks, which are given plain objects (`PlainObject`).
 *
 * Where an `after` hook is defined, hooks and change are one transaction of the store, if it has any: an error that a hook
 * throws takes the change back, and after a conflict all of them run again. An `ODataError` goes to the client as it is, any other is a 500.
 *
 * @typeParam Entity what is read, of `odatum types`; @typeParam Create the body of a create; @typeParam Update that of an update
 */
export class ODataController<
  Entity extends object = PlainObject,
  Create extends object = PlainObject,
  Update extends object = PlainObject,
> {
  /**
   * Which rows there are for the caller: text of a $filter on the set's own properties (`odataFilter` places values). It holds for
   * every way that leads to the rows: reading, changing and deleting, navigation, $expand, any/all, counts, batches. Rows
   * outside it are not there. It says nothing of what is written: a `before` hook does. Asked once for each request.
   * @returns undefined: all of them
   */
  rowFilter?(context: CallerContext): string | undefined

  /**
   * Before an entity is stored, body checked, defaults and made key included. What it gives back replaces those members;
   * what clients may not set (Core.Computed) it may.
   */
  beforeCreate?(entity: Create, context: RequestContext<CreatePlan | UpdatePlan>): Awaitable<Returned<Entity, Create>>

  /** After an entity was stored, as it stands there. */
  afterCreate?(entity: Entity, context: RequestContext<CreatePlan | UpdatePlan>): Awaitable<void>

  /**
   * Before members are changed (PATCH) or all are replaced (PUT, `context.plan.replace`). What it gives back replaces those
   * members or adds to them. It also runs for an entity that turns out not to be there.
   */
  beforeUpdate?(changes: Update, context: ChangeContext<Entity, UpdatePlan>): Awaitable<Returned<Entity, Update>>

  /** After an entity was changed, as it stands now. */
  afterUpdate?(entity: Entity, context: RequestContext<UpdatePlan>): Awaitable<void>

  /** Before an entity is deleted. */
  beforeDelete?(context: ChangeContext<Entity, DeletePlan>): Awaitable<void>

  /** After an entity was deleted, as it stood before. */
  afterDelete?(entity: Entity, context: RequestContext<DeletePlan>): Awaitable<void>

  /**
   * Once a change is durable: whatever else the transaction did has happened too, and nothing of it runs again. The answer waits for
   * it; an error goes to the log, as the change stands.
   */
  afterCommit?(
    change: CommittedChange<Entity>,
    context: RequestContext<CreatePlan | UpdatePlan | DeletePlan>,
  ): Awaitable<void>

  /**
   * Before an entity is shown, wherever it is shown: by itself, in collections, as a property, expanded, after a change. What it gives back
   * replaces those members in the answer. Filters, orders and aggregates know what is stored: what is calculated here should be
   * annotated as not filterable and not sortable. Never for `/$count`.
   */
  afterRead?(entity: Entity, context: CallerContext): Awaitable<Returned<Entity, Create>>

  /**
   * All the entities of a set that no store holds: they are read from somewhere else, and key, filters, order, page, select and expand are
   * applied to what it gives. Where it is defined, creating, changing and deleting are what the subclass makes of them.
   */
  entities?(context: RequestContext<ReadPlan | CountPlan | UpdatePlan | DeletePlan>): Awaitable<Entities<Entity>>

  /** The rows of a collection, in the plan's order. */
  list(context: RequestContext<ReadPlan>): Promise<Rows> {
    return this.entities === undefined ? context.store.read(context.plan, context.session) : this.#listed(context)
  }

  async #listed(context: RequestContext<ReadPlan>): Promise<Rows> {
    const { layout, collection, plan, session } = context
    return rowsInMemory(rowsOfPlan(layout, collection, plan, session, await this.#made(context)))
  }

  async #made(context: RequestContext<ReadPlan | CountPlan | UpdatePlan | DeletePlan>): Promise<readonly Uint8Array[]> {
    return rowsOfEntities(context, (await this.entities?.(context)) ?? [])
  }

  /** One entity, or undefined where there is none. */
  read(context: RequestContext<ReadPlan | UpdatePlan | DeletePlan>): Promise<Uint8Array | undefined> {
    return this.entities === undefined
      ? context.store.readOne(context.plan, context.session)
      : this.#made(context).then((rows) =>
          firstOfPlan(context.layout, context.collection, context.plan, context.session, rows),
        )
  }

  /** How many rows there are, before paging. */
  count(context: RequestContext<CountPlan | ReadPlan>): Promise<number> {
    const { layout, collection, plan, session } = context
    return this.entities === undefined
      ? context.store.count(plan, session)
      : this.#made(context).then((rows) => countOfPlan(layout, collection, plan, session.parameters, rows))
  }

  /** Stores a new entity, its key included. */
  create(context: RequestContext<CreatePlan | UpdatePlan>, entity: StructuredValue): Promise<CreateOutcome> {
    if (this.beforeCreate === undefined && this.afterCreate === undefined && this.afterCommit === undefined)
      return stored(context, entity)
    return within(context, this.afterCreate !== undefined, async (inner) => {
      const outcome = await stored(inner, await this.#beforeCreate(inner, entity))
      if (outcome.kind !== 'created') return outcome
      await this.afterCreate?.(plainRow<Entity>(inner, outcome.row), inner)
      await this.#committed(inner, 'created', outcome.row)
      return outcome
    })
  }

  async #beforeCreate(
    context: RequestContext<CreatePlan | UpdatePlan>,
    entity: StructuredValue,
  ): Promise<StructuredValue> {
    if (this.beforeCreate === undefined) return entity
    const plain = toPlain(entity, false)
    const returned = await this.beforeCreate(plain as Create, context)
    return withReturned(context.model, entity, plain, returned, 'create')
  }

  /** Merges into, or replaces, the entity the plan's source names. */
  update(context: RequestContext<UpdatePlan>, entity: StructuredValue): Promise<UpdateOutcome> {
    if (this.beforeUpdate === undefined && this.afterUpdate === undefined && this.afterCommit === undefined)
      return changed(context, entity)
    return within(context, this.afterUpdate !== undefined, async (inner) => {
      const outcome = await changed(inner, await this.#beforeUpdate(inner, entity))
      if (outcome.kind !== 'updated') return outcome
      await this.afterUpdate?.(plainRow<Entity>(inner, outcome.row), inner)
      await this.#committed(inner, 'updated', outcome.row)
      return outcome
    })
  }

  async #beforeUpdate(context: RequestContext<UpdatePlan>, entity: StructuredValue): Promise<StructuredValue> {
    if (this.beforeUpdate === undefined) return entity
    const plain = toPlain(entity, false)
    const returned = await this.beforeUpdate(plain as Update, this.#changeContext(context))
    return withReturned(context.model, entity, plain, returned, context.plan.replace ? 'replace' : 'merge')
  }

  delete(context: RequestContext<DeletePlan>): Promise<DeleteOutcome> {
    const after = this.afterDelete !== undefined || this.afterCommit !== undefined
    if (this.beforeDelete === undefined && !after) return context.store.delete(context.plan, context.session)
    return within(context, after, async (inner) => {
      await this.beforeDelete?.(this.#changeContext(inner))
      const before = after ? await this.read(inner) : undefined
      const outcome = await inner.store.delete(inner.plan, inner.session)
      if (outcome.kind !== 'deleted' || before === undefined) return outcome
      await this.afterDelete?.(plainRow<Entity>(inner, before), inner)
      await this.#committed(inner, 'deleted', before)
      return outcome
    })
  }

  /**
   * Merges members into the entity that a delete or an update names, without hooks and without the limits of a client: what an
   * override of `delete` needs that only marks an entity.
   * @throws Error where the model cannot hold the members
   */
  protected change(
    context: RequestContext<UpdatePlan | DeletePlan>,
    members: Members<Entity, Update>,
  ): Promise<UpdateOutcome> {
    const { plan, model, session, store } = context
    let merge = merges.get(plan)
    if (merge === undefined) {
      const { slots, source } = plan
      merge = {
        kind: 'update',
        requires: [],
        slots,
        source,
        replace: false,
        upsert: false,
        select: undefined,
        expand: [],
      }
      merges.set(plan, merge)
    }
    const nothing: StructuredValue = { kind: 'structured', type: plan.source.type, members: new Map() }
    const entity = withReturned(model, nothing, {}, members, 'merge')
    return store.update(merge, session, changeOf(context.layout, context.collection, entity, false))
  }

  async #committed(
    context: RequestContext<CreatePlan | UpdatePlan | DeletePlan>,
    kind: CommittedChange<Entity>['kind'],
    row: Uint8Array,
  ): Promise<void> {
    if (this.afterCommit === undefined) return
    await onceCommitted(context.session, context.log, () =>
      this.afterCommit?.({ kind, entity: plainRow<Entity>(context, row) }, context),
    )
  }

  #changeContext<P extends UpdatePlan | DeletePlan>(context: RequestContext<P>): ChangeContext<Entity, P> {
    return {
      ...context,
      stored: async () => {
        const row = await this.read(context)
        return row === undefined ? undefined : plainRow<Entity>(context, row)
      },
    }
  }
}

/** Plans are compiled once by the stores, so what `change` does is one object for each plan. */
const merges = new WeakMap<UpdatePlan | DeletePlan, UpdatePlan>()

const generalCreate = ODataController.prototype.create

/** Creates that may wait, by their context: the session that hooks see is theirs, and what they create does not wait. */
const waiting = new WeakMap<object, NonNullable<Session['late']>>()

/**
 * Creates an entity in a transaction, where that may be stored together with others: not where what comes after it must know that
 * it stands, an `after` hook or an override of `create`.
 * @param late makes of a failure (of a key that is taken: `entityExists`) what the transaction fails with
 */
export function createInStep<Entity extends object>(
  controller: ODataController<Entity>,
  context: RequestContext<CreatePlan | UpdatePlan>,
  entity: StructuredValue,
  late: NonNullable<Session['late']>,
): Promise<CreateOutcome> {
  const { afterCreate, create } = controller
  if (context.session.transaction !== undefined && afterCreate === undefined && create === generalCreate)
    waiting.set(context, late)
  return controller.create(context, entity)
}

async function stored(
  context: RequestContext<CreatePlan | UpdatePlan>,
  given: StructuredValue,
): Promise<CreateOutcome> {
  const entity = withComputedDefaults(given)
  const missing = missingNumbers(context.collection.entityType, entity.members)
  if (missing.length === 0 || context.collection.key.parts.length === 0)
    return storedAs(context, entity, waiting.get(context))
  let outcome = await storedAs(context, await numbered(context, entity, missing))
  // somebody has chosen that number
  for (let attempt = 0; outcome.kind === 'exists' && attempt < 3; attempt++) {
    await skipNumbers(context, missing)
    // a failed insert has ended a transaction: who asks again is given a number that is free
    if (context.session.transaction !== undefined) return outcome
    outcome = await storedAs(context, await numbered(context, entity, missing))
  }
  return outcome
}

function storedAs(
  context: RequestContext<CreatePlan | UpdatePlan>,
  entity: StructuredValue,
  late?: Session['late'],
): Promise<CreateOutcome> {
  const { plan, layout, collection, store } = context
  const session = late === undefined ? context.session : sessionLike(context.session, { late })
  if (collection.key.parts.length > 0) requireKey(collection.entityType, entity.members)
  const owner = plan.source.owner === undefined ? undefined : session.parameters[plan.source.owner]
  const document = encodeEntity(layout, collection, entity, typeof owner === 'string' ? owner : undefined, 1)
  if (keepsOrder(collection.contained)) document[fields.order] = context.order ?? nextOrder()
  return store.create(plan, session, document)
}

function changed(context: RequestContext<UpdatePlan>, entity: StructuredValue): Promise<UpdateOutcome> {
  return context.store.update(
    context.plan,
    context.session,
    changeOf(context.layout, context.collection, entity, context.plan.replace, untouchedBy(context.plan)),
  )
}

/** The types of `odatum types` describe exactly what `toPlain` makes. */
function plainRow<Entity extends object>(context: RequestContext, row: Uint8Array): Entity {
  return toPlain(decodeEntity(context.layout, context.collection, row), true) as Entity
}

/** What ends a transaction without a change: a failed insert has ended it already on the server. */
class Undone<Outcome> extends Error {
  readonly outcome: Outcome
  constructor(outcome: Outcome) {
    super('the transaction changes nothing')
    this.outcome = outcome
  }
}

/** Runs a change with its hooks, in one transaction where that is wanted, possible, and not so already. */
async function within<P extends StorePlan, Outcome extends { readonly kind: string }>(
  context: RequestContext<P>,
  transaction: boolean,
  work: (context: RequestContext<P>) => Promise<Outcome>,
): Promise<Outcome> {
  const { store, session } = context
  if (!transaction || session.transaction !== undefined || !store.capabilities.transactions) return work(context)
  try {
    return await transact(store, session, context.log, async (inner) => {
      const outcome = await work({ ...context, session: inner })
      if (outcome.kind === 'exists') throw new Undone(outcome)
      return outcome
    })
  } catch (error) {
    if (error instanceof Undone) return error.outcome as Outcome
    throw error
  }
}
