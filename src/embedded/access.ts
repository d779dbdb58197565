import { invariant } from '../base/assert.ts'
import type { Expression, Parameters } from '../bind/tree.ts'
import { encodeKey } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, findField, readString, valueOffset } from '../bson/reader.ts'
import type { EntityType, StructuredType } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import { type EvalContext, preparePredicate, type RowTest } from '../eval/compile.ts'
import { prepareKeyList } from '../eval/key-list.ts'
import { type BoundOrder, prepareOrder } from '../eval/order.ts'
import { prepareSearch } from '../eval/search.ts'
import type { CountPlan, DeletePlan, ReadPlan, Source, SourceRoot, UpdatePlan } from '../plan/plan.ts'
import { storeFailure } from '../store/failures.ts'
import type { Session } from '../store/port.ts'
import { type FirstItem, firstItemOf } from './first-item.ts'
import { chooseIndexes, type IndexChoice } from './index-choice.ts'
import { type KeyRange, keyOfId, ownerRange } from './key.ts'
import { type KeyOrder, keyOrderOf } from './key-order.ts'
import type { CollectionHandle, Collections } from './registry.ts'

/** Whether a row is one of those asked for: bound to the parameters of a request, then asked for each row. */
export type Condition = (parameters: Parameters) => RowTest

/** Where the rows of a source stand, and which of them they are. */
export interface Access {
  readonly collection: CollectionHandle
  /** parameters of the key in key order, none where one row needs no key; undefined: every row */
  readonly key: readonly number[] | undefined
  /** of contained entities: the parameter that holds their owner's path */
  readonly owner: number | undefined
  /** what the steps of the path ask for beside the key */
  readonly conditions: readonly Condition[]
  /** filters among them */
  readonly expressions: readonly Expression[]
  readonly type: EntityType
}

/** What a plan asks for beside its source. */
export interface Query {
  readonly access: Access
  readonly conditions: readonly Condition[]
  /** the same as expressions, for the choice of an index */
  readonly expressions: readonly Expression[]
}

/** Plans that find rows. */
export type QueryPlan = ReadPlan | CountPlan | UpdatePlan | DeletePlan

/** The order of a plan. */
export interface Ordering {
  /** set where the order is that of the keys */
  readonly key: KeyOrder | undefined
  bind(parameters: Parameters): BoundOrder
  /** tells most rows apart before their sort values are read */
  readonly first: FirstItem | undefined
  /** whether sort values may be parts of the row's own bytes */
  readonly binary: boolean
}

/** Plans to closures, each once: plans and row filters are shared objects that live long. */
export class Accesses {
  readonly #layout: ModelLayout
  readonly #collections: Collections
  readonly #accesses = new WeakMap<Source, Access>()
  readonly #queries = new WeakMap<QueryPlan, Query>()
  readonly #orders = new WeakMap<ReadPlan, Ordering>()
  readonly #rowFilters = new WeakMap<Expression, Condition>()
  /** by plan, then by row filter (without one: by the plan again) */
  readonly #indexes = new WeakMap<QueryPlan, WeakMap<object, readonly IndexChoice[]>>()

  constructor(layout: ModelLayout, collections: Collections) {
    this.#layout = layout
    this.#collections = collections
  }

  /**
   * To be awaited before a source is used: gives the collection of contained entities its number, at its first use.
   * @returns undefined where nothing is to be done
   */
  prepare({ root }: Source): Promise<unknown> | undefined {
    const layout = this.#layoutOf(root)
    return this.#collections.find(layout) ? undefined : this.#collections.add(layout)
  }

  #layoutOf(root: SourceRoot): CollectionLayout {
    if (root.kind === 'contained') return this.#layout.contained(root.property)
    const layout = this.#layout.collections.get(root.name)
    if (!layout) throw storeFailure.notImplemented(`The collection of ${root.name}`)
    return layout
  }

  /** @throws ODataError notImplemented */
  access(source: Source): Access {
    let access = this.#accesses.get(source)
    if (!access) {
      access = this.#compileAccess(source)
      this.#accesses.set(source, access)
    }
    return access
  }

  /** @throws ODataError notImplemented, and what compiling the filter throws */
  query(plan: QueryPlan): Query {
    let query = this.#queries.get(plan)
    if (!query) {
      query = this.#compileQuery(plan)
      this.#queries.set(plan, query)
    }
    return query
  }

  order(plan: ReadPlan): Ordering {
    let order = this.#orders.get(plan)
    if (!order) {
      const { collection, type } = this.access(plan.source)
      order = {
        key: keyOrderOf(plan.orderby, collection.layout),
        bind: prepareOrder(plan.orderby, this.#context(type, collection)),
        first: firstItemOf(this.#layout, collection.layout, plan.orderby),
        binary: plan.orderby.some(({ expression }) => isBinary(expression)),
      }
      this.#orders.set(plan, order)
    }
    return order
  }

  /** The condition that the session puts on rows of this source's root; undefined: none. */
  rowFilter(source: Source, session: Session): Condition | undefined {
    const expression = session.rowFilters.get(source.root.name)
    if (!expression) return undefined
    let condition = this.#rowFilters.get(expression)
    if (!condition) {
      const { collection } = this.access(source)
      condition = preparePredicate(expression, this.#context(source.root.type, collection))
      this.#rowFilters.set(expression, condition)
    }
    return condition
  }

  /** The indexes that help with the conditions of plan and session, or with its order, the best one first. */
  indexes(plan: QueryPlan, session: Session): readonly IndexChoice[] {
    const { access, expressions } = this.query(plan)
    // Entries are of all owners; the rows of one stand together.
    if (access.collection.layout.indexes.length === 0 || access.owner !== undefined) return []
    const rowFilter = session.rowFilters.get(plan.source.root.name)
    let byFilter = this.#indexes.get(plan)
    if (!byFilter) {
      byFilter = new WeakMap()
      this.#indexes.set(plan, byFilter)
    }
    const owner = rowFilter ?? plan
    let choices = byFilter.get(owner)
    if (!choices) {
      const all = rowFilter ? [...expressions, rowFilter] : expressions
      const orderby = plan.kind === 'read' ? plan.orderby : []
      choices = chooseIndexes(this.#layout, access.collection.layout, all, orderby)
      byFilter.set(owner, choices)
    }
    return choices
  }

  #compileAccess(source: Source): Access {
    const layout = this.#layoutOf(source.root)
    const collection = this.#collections.find(layout)
    invariant(collection, `the collection ${layout.name} is prepared`)
    // Singletons, and what a single-valued navigation property contains.
    let key: readonly number[] | undefined = source.single && layout.key.parts.length === 0 ? [] : undefined
    let type: StructuredType = source.root.type
    const conditions: Condition[] = []
    const expressions: Expression[] = []
    for (const step of source.steps) {
      switch (step.kind) {
        case 'key':
          invariant(!key, 'a path has one key for each collection')
          key = step.predicate.parameters
          break
        case 'cast':
          type = step.type
          conditions.push(castCondition(this.#layout, collection, type))
          break
        case 'filter':
          conditions.push(preparePredicate(step.predicate, this.#context(type, collection)))
          expressions.push(step.predicate)
          break
        case 'keys':
          conditions.push(prepareKeyList(step.parameter, { layout: this.#layout, collection: layout }))
          break
      }
    }
    return { collection, key, owner: source.owner, conditions, expressions, type: source.type }
  }

  #compileQuery(plan: QueryPlan): Query {
    const access = this.access(plan.source)
    if (plan.kind === 'update' || plan.kind === 'delete') return { ...access, access }
    const context = this.#context(access.type, access.collection)
    const conditions = [...access.conditions]
    if (plan.filter) conditions.push(preparePredicate(plan.filter, context))
    if (plan.search) conditions.push(prepareSearch(plan.search, context))
    const expressions = plan.filter ? [...access.expressions, plan.filter] : access.expressions
    return { access, conditions, expressions }
  }

  #context(type: StructuredType, collection: CollectionHandle): EvalContext {
    return { layout: this.#layout, type, collection: collection.layout }
  }
}

/**
 * The lmdb key that a source names; undefined where it names none.
 * @throws ODataError keyInvalid
 */
export function keyOfAccess(access: Access, parameters: Parameters): Uint8Array | undefined {
  const { collection, key } = access
  if (!key) return undefined
  const values = key.map((index) => parameters[index] ?? null)
  return keyOfId(collection.number, encodeKey(collection.layout, values, ownerOf(access, parameters)))
}

/** The path of the owner that a request names; undefined outside contained collections. */
export function ownerOf({ owner }: Access, parameters: Parameters): string | undefined {
  if (owner === undefined) return undefined
  const path = parameters[owner]
  invariant(typeof path === 'string', 'an owner is a path')
  return path
}

/** The keys of all rows that a source may mean. */
export function rangeOf(access: Access, parameters: Parameters): KeyRange {
  const { collection } = access
  const owner = ownerOf(access, parameters)
  return owner === undefined ? collection : ownerRange(collection.number, owner)
}

/** Conditions bound to a request, as one test; undefined where there is none. @throws ODataError (400, 501) */
export function bindAll(conditions: readonly Condition[], parameters: Parameters): RowTest | undefined {
  const [first, ...rest] = conditions.map((condition) => condition(parameters))
  if (rest.length === 0) return first
  const tests = first ? [first, ...rest] : rest
  return (row) => tests.every((test) => test(row))
}

/** Rows of a type or of one derived from it (URL Conventions 4.11). */
function castCondition(layout: ModelLayout, collection: CollectionHandle, type: StructuredType): Condition {
  const names = new Set([type.name, ...type.derivedTypes.map(({ name }) => name)])
  const untyped = isSubtypeOf(layout.structured(collection.layout.entityType).withoutType, type)
  const test: RowTest = (row) => {
    const at = findField(row, fields.type)
    if (at < 0 || elementType(row, at) !== bsonType.string) return untyped
    return names.has(readString(row, valueOffset(row, at)))
  }
  return () => test
}

function isBinary(expression: Expression): boolean {
  const type = expression.type?.type
  return type === undefined || (type.kind === 'primitive' && (type.name === 'Edm.Binary' || type.name === 'Edm.Stream'))
}
