import type { Parameters } from '../bind/tree.ts'
import type { CollectionLayout } from '../bson/layout.ts'
import type { Expansion, ReadPlan, SourceRoot } from '../plan/plan.ts'
import { storageOf } from '../plan/relation.ts'
import { ODataController } from './controller.ts'
import { type Core, collectionOf } from './core.ts'
import { ownerOf } from './links/entity.ts'
import { countOfPlan, rowsOfPlan } from './rows.ts'

/**
 * The rows of the entities that a request has made, as they are stored (Protocol 11.4.2.2): what a new entity is related to by its own key, or
 * contains, is among them, so that the answer is written without a read.
 */
export class MadeRows {
  readonly #core: Core
  readonly #rows = new Set<Uint8Array>()
  readonly #byCollection = new Map<CollectionLayout, Uint8Array[]>()

  constructor(core: Core) {
    this.#core = core
  }

  add(root: SourceRoot, row: Uint8Array): void {
    const collection = collectionOf(this.#core.layout, root)
    this.#rows.add(row)
    const rows = this.#byCollection.get(collection)
    if (rows) rows.push(row)
    else this.#byCollection.set(collection, [row])
  }

  /** Whether all that an expansion gives of some rows is here. */
  has({ item: { property }, one, keyed, many }: Expansion, parents: readonly Uint8Array[]): boolean {
    if (keyed || one.related !== undefined || many?.plan.related !== undefined) return false
    const { root } = one.source
    return (
      (root.kind === 'contained' || (this.#followsKey(property) && isPlain(this.#core, root))) &&
      parents.every((row) => this.#rows.has(row))
    )
  }

  /** Whether what a property leads to has the whole key of the entity: nobody else's entities can have it, too. */
  #followsKey(property: Expansion['item']['property']): boolean {
    // without look-ups a foreign key may have led to the entity before it was there
    if (!this.#core.lookUpForeignKeys || property.declaringType.kind !== 'entity') return false
    const storage = storageOf(property)
    if (storage.kind !== 'constraint' || storage.dependent) return false
    const { key } = property.declaringType
    return (
      key.length > 0 &&
      key.every(({ property: part }) => storage.pairs.some(({ from }) => from.length === 1 && from[0] === part))
    )
  }

  list(plan: ReadPlan, parameters: Parameters, limit: number): readonly Uint8Array[] {
    const { layout } = this.#core
    const session = { parameters, after: undefined, limit }
    return rowsOfPlan(layout, collectionOf(layout, plan.source.root), plan, session, this.#of(plan, parameters))
  }

  count(plan: ReadPlan, parameters: Parameters): number {
    const { layout } = this.#core
    return countOfPlan(layout, collectionOf(layout, plan.source.root), plan, parameters, this.#of(plan, parameters))
  }

  #of({ source: { root, owner } }: ReadPlan, parameters: Parameters): readonly Uint8Array[] {
    const rows = this.#byCollection.get(collectionOf(this.#core.layout, root)) ?? []
    if (owner === undefined) return rows
    const owners = new Set([parameters[owner]].flat())
    return rows.filter((row) => owners.has(ownerOf(row)))
  }
}

const own = ODataController.prototype

/** Whether the entities of a set are stored as the service says, and are what any caller sees: no code of others has a part in it. */
export function isPlain(core: Core, root: SourceRoot): boolean {
  const controller = core.controllers.get(root.name)
  if (controller === undefined) return true
  const { beforeCreate, afterCreate, afterCommit, rowFilter, entities, create, list, read, count } = controller
  return (
    [beforeCreate, afterCreate, afterCommit, rowFilter, entities].every((hook) => hook === undefined) &&
    create === own.create &&
    list === own.list &&
    read === own.read &&
    count === own.count
  )
}
