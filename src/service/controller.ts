import type { Principal } from '../auth/principal.ts'
import { encodeEntity } from '../bson/encode.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { StructuredValue } from '../edm/value.ts'
import type { CountPlan, CreatePlan, DeletePlan, ReadPlan, StorePlan, UpdatePlan } from '../plan/plan.ts'
import type { CreateOutcome, DeleteOutcome, Rows, Session, Store, UpdateOutcome } from '../store/port.ts'
import { changeOf } from './change.ts'

/** What a controller is told of a request. */
export interface RequestContext<P extends StorePlan = StorePlan> {
  readonly plan: P
  readonly session: Session
  readonly principal: Principal | undefined
  readonly store: Store
  readonly layout: ModelLayout
  /** where the rows of the plan's source stand */
  readonly collection: CollectionLayout
}

/**
 * The generic controller of every entity set and singleton: it hands plans to the store. A subclass overrides what it
 * does otherwise and calls `super` for the rest. Rows are BSON bytes in the stored form.
 */
export class ODataController {
  /** The rows of a collection, in the plan's order. */
  list(context: RequestContext<ReadPlan>): Promise<Rows> {
    return context.store.read(context.plan, context.session)
  }

  /** One entity, or undefined where there is none. */
  read(context: RequestContext<ReadPlan | UpdatePlan | DeletePlan>): Promise<Uint8Array | undefined> {
    return context.store.readOne(context.plan, context.session)
  }

  /** How many rows there are, before paging. */
  count(context: RequestContext<CountPlan | ReadPlan>): Promise<number> {
    return context.store.count(context.plan, context.session)
  }

  /** Stores a new entity, its key included. */
  create(context: RequestContext<CreatePlan | UpdatePlan>, entity: StructuredValue): Promise<CreateOutcome> {
    return context.store.create(context.plan, context.session, encodeEntity(context.layout, context.collection, entity))
  }

  /** Merges into, or replaces, the entity the plan's source names. */
  update(context: RequestContext<UpdatePlan>, entity: StructuredValue): Promise<UpdateOutcome> {
    const change = changeOf(context.layout, entity, context.plan.replace)
    return context.store.update(context.plan, context.session, change)
  }

  delete(context: RequestContext<DeletePlan>): Promise<DeleteOutcome> {
    return context.store.delete(context.plan, context.session)
  }
}
