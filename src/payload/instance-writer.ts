import { modelTypeOf, originOf, presenceBehind } from '../bind/apply/dynamic.ts'
import type { ExpandItem, Selection } from '../bind/tree.ts'
import { isReadable } from '../csdl/core.ts'
import type { NavigationProperty, StructuredType, TypeReference } from '../edm/model.ts'
import { primitiveType, primitiveTypeOf, untypedObject } from '../edm/primitives.ts'
import { isStructured, primitiveOf } from '../edm/types.ts'
import { isStructuredValue, type PrimitiveValue, type StructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { type Instance, isInstance, type StoredEntity } from '../eval/apply/instance.ts'
import { isCollectionValue, kindOf } from '../eval/values.ts'
import { controlName, isTypeTold, typeText } from './control.ts'
import { instanceList } from './instance-context.ts'
import { isSelected, maxDepth } from './members.ts'
import { valueText } from './value-text.ts'
import type { ByteSink, JsonDialect } from './writer.ts'

/**
 * Writes the instances that $apply gives (Aggregation 3.1.1; JSON Format 4.5): stored entities as entities, with what was added to them;
 * transient ones with what they have, absent properties left out.
 */

/** What of instances is written. */
export interface InstanceView {
  /** type of the instances, aliases included */
  readonly type: StructuredType
  readonly select: Selection | undefined
  /** undefined: what transformations expand by default */
  readonly expand: readonly ExpandItem[] | undefined
  /** aliases that are not expanded by default */
  readonly hidden: ReadonlySet<string>
}

/** What the service knows of stored entities. */
export interface EntityWriting {
  readonly dialect: JsonDialect
  /** writes a stored entity with its selected structural properties */
  entity(entity: StoredEntity, select: Selection | undefined, sink: ByteSink, context: string | undefined): void
  /** the canonical URL of a stored entity */
  link(entity: StoredEntity): string | undefined
  /** name of the set that a navigation alias leads to, as contexts write it */
  setBehind(property: NavigationProperty): string | undefined
}

const noneHidden: ReadonlySet<string> = new Set()

/** Instances of one answer, nested ones counted: one can be nested many times over. */
const mostWritten = 100_000

export class InstanceWriter {
  readonly #writing: EntityWriting
  #written = 0
  readonly #dialect: JsonDialect

  constructor(writing: EntityWriting) {
    this.#writing = writing
    this.#dialect = writing.dialect
  }

  /** One instance as a JSON object. @param context its first member where given */
  write(instance: Instance, view: InstanceView, sink: ByteSink, context?: string, depth = 0): void {
    if (depth > maxDepth) {
      sink.ascii('null')
      return
    }
    if (++this.#written > mostWritten)
      throw new ODataError(
        'urlLimitExceeded',
        `The answer has more than ${mostWritten} instances, nested ones counted (limit applyRows).`,
        { target: '$apply' },
      )
    const start = sink.length
    const { entity } = instance
    if (entity === undefined) this.#transient(instance, view, sink, context)
    else {
      this.#writing.entity(entity, selectionOf(entity, view, instance.own), sink, context)
      sink.rewind(sink.length - 1)
    }
    let first = sink.length === start + 1
    const member = (): void => {
      if (!first) sink.byte(0x2c)
      first = false
    }
    for (const [name, value] of instance.own) this.#member(instance, view, name, value, sink, member, depth)
    sink.byte(0x7d)
  }

  /** The opening brace and control information of an instance without an id. */
  #transient({ type }: Instance, view: InstanceView, sink: ByteSink, context: string | undefined): void {
    const { metadata } = this.#dialect
    const parts: string[] = []
    const control = (name: string, value: string | null): void => {
      parts.push(`${JSON.stringify(controlName(this.#dialect, name))}:${JSON.stringify(value)}`)
    }
    if (context !== undefined) control('context', context)
    const declared = modelTypeOf(view.type)
    const always = this.#dialect.alwaysType && type.kind === 'entity'
    if (metadata === 'full' || (metadata === 'minimal' && (always || modelTypeOf(type) !== declared)))
      control('type', typeText(modelTypeOf(type), false, this.#dialect))
    if (metadata === 'full' && type.kind === 'entity') control('id', null)
    text(sink, `{${parts.join(',')}`)
  }

  #member(
    instance: Instance,
    view: InstanceView,
    name: string,
    value: Value,
    sink: ByteSink,
    member: () => void,
    depth: number,
  ): void {
    if (name.startsWith('@')) {
      // UpPath; the names of nodes in rolluprecursive have no namespace and never get here
      if (!name.includes('.') || this.#dialect.metadata === 'none') return
      member()
      text(sink, `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      return
    }
    const navigation = view.type.allNavigationProperties.get(name) ?? instance.type.allNavigationProperties.get(name)
    if (navigation !== undefined) {
      this.#navigation(view, navigation, value, sink, member, depth)
      return
    }
    if (!isSelected(view.select, name)) return
    const declared = modelTypeOf(view.type).allProperties.get(name) ?? instance.type.allProperties.get(name)
    if (declared !== undefined && !isReadable(declared)) return
    const reference = view.type.allProperties.get(name)?.type ?? declared?.type
    member()
    this.property(name, value, reference, declared === undefined, sink, depth)
  }

  /** `"name":value` of a property, its type before it where that is told (JSON Format 4.5.3). */
  property(
    name: string,
    value: Value,
    reference: TypeReference | undefined,
    dynamic: boolean,
    sink: ByteSink,
    depth: number,
  ): void {
    const start = sink.length
    const type = reference === undefined || reference.type.kind === 'abstract' ? typeOfValue(value) : reference
    const { metadata } = this.#dialect
    // a structured value says its type itself
    const within = value !== null && !isCollectionValue(value) && isStructuredValue(value) && !isInstance(value)
    if (value !== null && !within && type !== undefined && metadata !== 'none' && (dynamic || metadata === 'full')) {
      const sample = type.type.kind === 'primitive' && !isCollectionValue(value) ? this.#scalar(value, type) : ''
      if (!isTypeTold(type, sample)) {
        const annotation = JSON.stringify(name + controlName(this.#dialect, 'type'))
        text(sink, `${annotation}:${JSON.stringify(typeText(modelType(type), type.collection, this.#dialect))},`)
      }
    }
    text(sink, `${JSON.stringify(name)}:`)
    if (within) this.#complex(value, type, sink, depth, dynamic)
    else this.#value(value, type, sink, depth)
    if (sink.length === start) throw new Error('invariant: a member was written')
  }

  #value(value: Value, type: TypeReference | undefined, sink: ByteSink, depth: number): void {
    if (value === null) sink.ascii('null')
    else if (isCollectionValue(value)) {
      const item = type === undefined ? undefined : { ...type, collection: false }
      sink.byte(0x5b)
      for (const [i, inner] of value.entries()) {
        if (i > 0) sink.byte(0x2c)
        this.#value(inner, item, sink, depth)
      }
      sink.byte(0x5d)
    } else if (isStructuredValue(value)) this.#complex(value, type, sink, depth)
    else text(sink, this.#scalar(value, type))
  }

  #scalar(value: Value, type: TypeReference | undefined): string {
    const reference = type ?? typeOfValue(value)
    return reference === undefined ? 'null' : valueText(reference.type, value as PrimitiveValue, this.#dialect)
  }

  /** A complex value: of a stored row, or an instance of its own. */
  #complex(
    value: StructuredValue,
    type: TypeReference | undefined,
    sink: ByteSink,
    depth: number,
    dynamic = false,
  ): void {
    const declared = type !== undefined && isStructured(type.type) ? type.type : value.type
    const view: InstanceView = { type: declared, select: undefined, expand: undefined, hidden: noneHidden }
    if (isInstance(value)) {
      this.write(value, view, sink, undefined, depth + 1)
      return
    }
    if (depth > maxDepth) {
      sink.ascii('null')
      return
    }
    const { metadata } = this.#dialect
    let first = true
    const member = (): void => {
      if (!first) sink.byte(0x2c)
      first = false
    }
    sink.byte(0x7b)
    const saysType =
      metadata === 'full' || (metadata === 'minimal' && (dynamic || value.type !== modelTypeOf(declared)))
    if (saysType && value.type !== untypedObject) {
      member()
      text(
        sink,
        `${JSON.stringify(controlName(this.#dialect, 'type'))}:${JSON.stringify(typeText(value.type, false, this.#dialect))}`,
      )
    }
    for (const [name, property] of value.type.allProperties) {
      if (!isReadable(property) || primitiveOf(property.type.type)?.name === 'Edm.Stream') continue
      member()
      const inner = value.members.get(name) ?? (property.type.collection ? [] : null)
      this.property(name, inner, property.type, false, sink, depth + 1)
    }
    for (const [name, inner] of value.members) {
      if (value.type.allProperties.has(name) || value.type.allNavigationProperties.has(name)) continue
      member()
      this.property(name, inner, value.dynamicTypes?.get(name), true, sink, depth + 1)
    }
    sink.byte(0x7d)
  }

  #navigation(
    view: InstanceView,
    property: NavigationProperty,
    value: Value,
    sink: ByteSink,
    member: () => void,
    depth: number,
  ): void {
    const { name } = property
    const item = view.expand?.find((candidate) => candidate.property.name === name)
    const wanted = view.expand === undefined ? !view.hidden.has(name) : item !== undefined
    if (!wanted || !isReadable(property)) return
    const control = (suffix: string): string => JSON.stringify(name + controlName(this.#dialect, suffix))
    if (item !== undefined && (item.query.count || item.as === 'count') && isCollectionValue(value)) {
      member()
      const count = item.as === 'count' || item.query.top === undefined ? value.length : value.length
      text(sink, `${control('count')}:${this.#dialect.ieee754Compatible ? `"${count}"` : count}`)
      if (item.as === 'count') return
    }
    const type = isStructured(property.type) ? property.type : undefined
    const output = item?.apply?.output
    const inner: InstanceView = {
      type: output?.type ?? type ?? view.type,
      select: item?.query.select,
      // what transformations expand by default they do where no $expand says otherwise
      expand: output !== undefined && item?.query.expand.length === 0 ? undefined : item?.query.expand,
      hidden: output?.hidden ?? noneHidden,
    }
    const context = this.#contextOf(property, inner)
    if (context !== undefined && property.collection) {
      member()
      text(sink, `${control('context')}:${JSON.stringify(context)}`)
    }
    member()
    text(sink, `${JSON.stringify(name)}:`)
    const single = context === undefined || property.collection ? undefined : `${context}/$entity`
    const write = (instance: Value): void => {
      if (!isInstance(instance)) {
        if (instance !== null && isStructuredValue(instance)) this.#complex(instance, undefined, sink, depth)
        else sink.ascii('null')
      } else if (item?.as === 'references') this.#reference(instance, sink)
      else this.write(instance, inner, sink, single, depth + 1)
    }
    if (!isCollectionValue(value)) {
      write(value)
      return
    }
    sink.byte(0x5b)
    for (const [i, instance] of value.entries()) {
      if (i > 0) sink.byte(0x2c)
      write(instance)
    }
    sink.byte(0x5d)
  }

  /** The context of what an alias holds: it is not told by that of the whole (JSON Format 4.5.1). */
  #contextOf(property: NavigationProperty, { select, expand }: InstanceView): string | undefined {
    const presence = presenceBehind(property)
    if (originOf(property) === undefined || presence === undefined || this.#dialect.metadata === 'none')
      return undefined
    const set = this.#writing.setBehind(property)
    if (set === undefined || !isStructured(property.type)) return undefined
    const list = instanceList({ type: property.type, presence }, { select, expand })
    return `${this.#dialect.root}$metadata#${set}${list}`
  }

  #reference({ entity }: Instance, sink: ByteSink): void {
    const link = entity === undefined ? undefined : this.#writing.link(entity)
    text(sink, `{${JSON.stringify(controlName(this.#dialect, 'id'))}:${JSON.stringify(link ?? null)}}`)
  }
}

/** The selected properties that a stored entity has itself; those that were added are written behind them. */
function selectionOf(
  { type }: StoredEntity,
  { select }: InstanceView,
  added: ReadonlyMap<string, Value>,
): Selection | undefined {
  const taken = type.open && added.size > 0 ? { taken: new Set(added.keys()) } : undefined
  if (select === undefined || select.all) return taken && { all: true, properties: nothingInside, ...taken }
  const own = [...select.properties].filter(([name]) => type.allProperties.has(name) || type.open)
  return { all: false, properties: new Map(own), ...taken }
}

const nothingInside: Selection['properties'] = new Map()

function text(sink: ByteSink, value: string): void {
  const bytes = Buffer.from(value)
  sink.bytes(bytes, 0, bytes.length)
}

function modelType(reference: TypeReference): TypeReference['type'] {
  return isStructured(reference.type) ? modelTypeOf(reference.type) : reference.type
}

/** The type that a value of no known type shows by itself. */
function typeOfValue(value: Value): TypeReference | undefined {
  if (value === null || isCollectionValue(value) || isStructuredValue(value)) return undefined
  // of which kind of Geography or Geometry it is, only its declaration says
  if (kindOf(value) === 'geo') return undefined
  const type = primitiveType(primitiveTypeOf(value))
  return { type, collection: false, nullable: true, facets: {} }
}
