import { decodeField } from '../../bson/decode.ts'
import { exactFieldPathOf, fieldPathOf } from '../../bson/field-path.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../../bson/layout.ts'
import { elementName, findPath, firstElement, nextElement } from '../../bson/reader.ts'
import type { StructuredType } from '../../edm/model.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'

/**
 * Instances between transformations (Aggregation 3.1.1). A stored entity keeps its bytes and its identity, whatever dynamic
 * properties it is given; all others are transient: they have what transformations gave them, absent is not null.
 */
export interface Instance extends StructuredValue {
  readonly entity: StoredEntity | undefined
  /** of a transient instance all that it has, of an entity what was added; in the order in which it is written */
  readonly own: ReadonlyMap<string, Value>
}

/** A stored entity; shared by all instances that it is. */
export interface StoredEntity {
  readonly row: Uint8Array
  readonly type: StructuredType
  readonly collection: CollectionLayout
  /** equal for the same entity only */
  readonly id: string
  /** what the service needs to know to follow its navigation properties */
  readonly origin: unknown
  /** entities that were read because some expression follows a navigation property */
  readonly related: Map<string, Value>
  readonly decoded: Map<string, Value>
}

/** Whether a value is an instance of these transformations: complex values of stored rows are plain structured values. */
export function isInstance(value: Value | undefined): value is Instance {
  return value instanceof TransientInstance || value instanceof EntityInstance
}

class TransientInstance implements Instance {
  readonly kind = 'structured'
  readonly entity = undefined
  readonly type: StructuredType
  readonly own: ReadonlyMap<string, Value>

  constructor(type: StructuredType, own: ReadonlyMap<string, Value>) {
    this.type = type
    this.own = own
  }

  get members(): ReadonlyMap<string, Value> {
    return this.own
  }
}

class EntityInstance implements Instance {
  readonly kind = 'structured'
  readonly entity: StoredEntity
  readonly own: ReadonlyMap<string, Value>
  readonly members: ReadonlyMap<string, Value>

  constructor(layout: ModelLayout, entity: StoredEntity, own: ReadonlyMap<string, Value>) {
    this.entity = entity
    this.own = own
    this.members = new EntityMembers(layout, entity, own)
  }

  get type(): StructuredType {
    return this.entity.type
  }
}

/** An instance without an entity id. */
export function transient(type: StructuredType, own: ReadonlyMap<string, Value>): Instance {
  return new TransientInstance(type, own)
}

const nothing: ReadonlyMap<string, Value> = new Map()

/** An instance that is a stored entity. */
export function entityInstance(
  layout: ModelLayout,
  entity: StoredEntity,
  own: ReadonlyMap<string, Value> = nothing,
): Instance {
  return new EntityInstance(layout, entity, own)
}

/** A copy with further properties; what is named again is replaced. */
export function withMembers(
  layout: ModelLayout,
  instance: Instance,
  more: Iterable<readonly [string, Value]>,
): Instance {
  const own = new Map(instance.own)
  for (const [name, value] of more) own.set(name, value)
  return instance.entity === undefined ? transient(instance.type, own) : entityInstance(layout, instance.entity, own)
}

/** A copy without some of the added properties. */
export function withoutMember(layout: ModelLayout, instance: Instance, name: string): Instance {
  if (!instance.own.has(name)) return instance
  const own = new Map(instance.own)
  own.delete(name)
  return instance.entity === undefined ? transient(instance.type, own) : entityInstance(layout, instance.entity, own)
}

/** The members of an entity, decoded when they are asked for. */
class EntityMembers implements ReadonlyMap<string, Value> {
  readonly #layout: ModelLayout
  readonly #entity: StoredEntity
  readonly #own: ReadonlyMap<string, Value>

  constructor(layout: ModelLayout, entity: StoredEntity, own: ReadonlyMap<string, Value>) {
    this.#layout = layout
    this.#entity = entity
    this.#own = own
  }

  get(name: string): Value | undefined {
    const added = this.#own.get(name)
    if (added !== undefined) return added
    const { related, decoded } = this.#entity
    const known = related.get(name)
    if (known !== undefined) return known
    const before = decoded.get(name)
    if (before !== undefined) return before
    const value = this.#decode(name)
    if (value !== undefined) decoded.set(name, value)
    return value
  }

  has(name: string): boolean {
    const { type } = this.#entity
    if (this.#own.has(name) || type.allProperties.has(name) || type.allNavigationProperties.has(name)) return true
    return type.open && this.get(name) !== undefined
  }

  #decode(name: string): Value | undefined {
    const { row, type, collection } = this.#entity
    const property = type.allProperties.get(name)
    if (property === undefined && !type.open) return undefined
    const chain = [property ?? name]
    const at = findPath(row, fieldPathOf(this.#layout, collection, chain))
    if (at < 0) return property === undefined ? undefined : property.type.collection ? [] : null
    const instant = property === undefined || primitiveOf(property.type.type)?.name === 'Edm.DateTimeOffset'
    const exactAt = instant ? findPath(row, exactFieldPathOf(this.#layout, collection, chain)) : -1
    return decodeField(row, at, property?.type, exactAt, this.#layout)
  }

  #names(): readonly string[] {
    const { row, type } = this.#entity
    const names = new Set(type.allProperties.keys())
    if (type.open)
      for (let at = firstElement(row, 0); at >= 0; at = nextElement(row, at)) {
        const name = elementName(row, at)
        if (name !== fields.id && !name.includes('@') && this.get(name) !== undefined) names.add(name)
      }
    for (const name of this.#own.keys()) names.add(name)
    return [...names]
  }

  get size(): number {
    return this.#names().length
  }

  *keys(): MapIterator<string> {
    yield* this.#names()
    return undefined
  }

  *values(): MapIterator<Value> {
    for (const name of this.#names()) yield this.get(name) ?? null
    return undefined
  }

  *entries(): MapIterator<[string, Value]> {
    for (const name of this.#names()) yield [name, this.get(name) ?? null]
    return undefined
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries()
  }

  forEach(visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [name, value] of this.entries()) visit(value, name, this)
  }
}
