import { Buffer } from 'node:buffer'
import type { Selection } from '../bind/tree.ts'
import { decodeField, dynamicNameOf, typeOfDocument } from '../bson/decode.ts'
import { fields, type KeyPartLayout, type ModelLayout } from '../bson/layout.ts'
import {
  bsonType,
  elementName,
  elementType,
  findField,
  findPath,
  firstElement,
  nextElement,
  valueOffset,
} from '../bson/reader.ts'
import type { StructuredType, TypeReference } from '../edm/model.ts'
import { untypedObject } from '../edm/primitives.ts'
import { isAbstract, isStructured } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { countBeside } from '../eval/chosen-items.ts'
import { controlName, exceptionText, isTypeTold, typeText } from './control.ts'
import { dynamicText, dynamicTypeText, type ObjectText, untypedTypeText } from './dynamic-text.ts'
import { type FastValue, fastValue } from './fast-values.ts'
import { FieldScanner } from './field-scanner.ts'
import { isDynamicSelected, isStoredNull, type MemberPlan, maxDepth, membersOf } from './members.ts'
import { omissionOf } from './omit-values.ts'
import { createSink } from './sink.ts'
import { streamsOf, streamTexts } from './stream-control.ts'
import { valueText } from './value-text.ts'
import type { ByteSink, JsonDialect } from './writer.ts'

/** What entities have around their properties. */
export interface EntityParts {
  /** @param versionElement the `@version` element, or -1 */
  before(row: Uint8Array, type: StructuredType, versionElement: number, sink: ByteSink): void
  after(row: Uint8Array, type: StructuredType, sink: ByteSink): void
  /** of a complex value: it has no more control information than without parts */
  readonly complex?: true
}

/** What is written inside complex values, by the name of the property that holds them. */
export type InnerParts = ReadonlyMap<string, InnerPart>

export interface InnerPart {
  readonly parts: EntityParts | undefined
  readonly inner: InnerParts
  /** in a collection: told the position of each item before it is written */
  enter(position: number): void
}

/** Closes an object whose members were written with a comma before each: the first comma becomes the brace. */
export function closeObject(sink: ByteSink, start: number): void {
  if (sink.length === start) sink.byte(0x7b)
  else sink.patch(start, 0x7b)
  sink.byte(0x7d)
}

export function utf8Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

/** Told of each stored value that does not fit its declared type; `property` is `namespace.Type/name`. */
export type OnUnreadable = (property: string) => void

/** What holds for a whole writer. */
export interface Setting {
  readonly dialect: JsonDialect
  readonly layout: ModelLayout
  readonly onUnreadable?: OnUnreadable | undefined
}

/** Writes the members of documents that are declared as one type; a program for each actual type, made at first use. */
export class ObjectProgram {
  readonly #declared: StructuredType
  readonly #select: Selection | undefined
  readonly #keys: readonly KeyPartLayout[]
  readonly #setting: Setting
  readonly #inner: InnerParts | undefined
  readonly #programs = new Map<StructuredType, TypeProgram>()
  readonly #only: StructuredType | undefined

  constructor(
    declared: StructuredType,
    select: Selection | undefined,
    keys: readonly KeyPartLayout[],
    setting: Setting,
    inner?: InnerParts,
  ) {
    this.#inner = inner
    this.#declared = declared
    this.#select = select
    this.#keys = keys
    this.#setting = setting
    const { instantiable, withoutType } = setting.layout.structured(declared)
    this.#only = instantiable.size <= 1 ? withoutType : undefined
  }

  /** Members with a comma before each. @param saysType whether a complex value says its type even where it is the declared one */
  write(
    row: Uint8Array,
    start: number,
    sink: ByteSink,
    depth: number,
    entity: EntityParts | undefined,
    saysType: boolean,
  ): void {
    const { dialect, layout } = this.#setting
    const type = this.#only ?? typeOfDocument(row, start, layout.structured(this.#declared))
    let program = this.#programs.get(type)
    if (program === undefined) {
      program = new TypeProgram(type, this.#select, this.#keys, this.#setting, this.#inner)
      this.#programs.set(type, program)
    }
    if (
      (entity === undefined || entity.complex) &&
      dialect.metadata !== 'none' &&
      (saysType || type !== this.#declared)
    )
      sink.raw(program.typeMember)
    program.write(row, start, sink, depth, entity)
  }
}

/** Writes one member from the noted places of the fields. */
type MemberWrite = (row: Uint8Array, start: number, slots: Int32Array, sink: ByteSink, depth: number) => void

class TypeProgram {
  /** `,"@odata.type":"#ns.Type"` */
  readonly typeMember: Uint8Array
  readonly #type: StructuredType
  readonly #members: readonly MemberWrite[]
  readonly #scanner: FieldScanner
  readonly #slots: Int32Array
  readonly #versionSlot: number
  readonly #dynamic: DynamicWriter | undefined
  /** of complex values: those of entities have links, too */
  readonly #streams: ReturnType<typeof streamsOf>
  readonly #dialect: JsonDialect
  #busy = false

  constructor(
    type: StructuredType,
    select: Selection | undefined,
    keys: readonly KeyPartLayout[],
    setting: Setting,
    inner: InnerParts | undefined,
  ) {
    const { dialect, layout } = setting
    this.#type = type
    this.typeMember =
      type === untypedObject
        ? nothing
        : utf8Bytes(
            `,${JSON.stringify(controlName(dialect, 'type'))}:${JSON.stringify(typeText(type, false, dialect))}`,
          )
    const slotOf = new Map<string, number>()
    const slot = (field: string): number => {
      const known = slotOf.get(field)
      if (known !== undefined) return known
      slotOf.set(field, slotOf.size)
      return slotOf.size - 1
    }
    this.#versionSlot = slot(fields.version)
    this.#members = membersOf(layout, type, select, keys).map((plan) =>
      memberWrite(
        plan,
        slot(plan.path[0] ?? ''),
        plan.exactField === undefined ? -1 : slot(plan.exactField),
        plan.countField === undefined ? -1 : slot(plan.countField),
        setting,
        inner?.get(plan.name),
      ),
    )
    const size = slotOf.size
    this.#dialect = dialect
    this.#streams = type.kind === 'complex' && dialect.metadata !== 'none' ? streamsOf(layout, type, select) : []
    this.#dynamic = type.open ? new DynamicWriter(type, select, setting) : undefined
    // the others are known too, so that the walk foresees them
    for (const field of [fields.id, fields.type, ...layout.structured(type).propertyOf.keys()])
      if (!slotOf.has(field)) slotOf.set(field, -1)
    this.#scanner = new FieldScanner(slotOf)
    this.#slots = new Int32Array(size)
  }

  write(row: Uint8Array, start: number, sink: ByteSink, depth: number, entity: EntityParts | undefined): void {
    // a type within itself: the slots of the outer value are still needed
    const nested = this.#busy
    const slots = nested ? new Int32Array(this.#slots.length) : this.#slots
    const unknown: number[] | undefined = this.#dynamic === undefined ? undefined : []
    this.#busy = true
    try {
      this.#scanner.scan(row, start, slots, unknown)
      entity?.before(row, this.#type, (slots[this.#versionSlot] ?? 0) || -1, sink)
      for (const write of this.#members) write(row, start, slots, sink, depth)
      if (unknown !== undefined) this.#dynamic?.write(row, start, unknown, sink, depth)
      if (this.#streams.length > 0)
        for (const text of streamTexts(this.#streams, this.#dialect, row, start, undefined))
          sink.raw(utf8Bytes(`,${text}`))
      entity?.after(row, this.#type, sink)
    } finally {
      this.#busy = nested
    }
  }
}

function memberWrite(
  plan: MemberPlan,
  slot: number,
  exactSlot: number,
  countSlot: number,
  setting: Setting,
  inner: InnerPart | undefined,
): MemberWrite {
  const { reference, path } = plan
  const { dialect, onUnreadable } = setting
  const name = JSON.stringify(plan.name)
  const absent = utf8Bytes(`,${name}:${reference.collection ? '[]' : 'null'}`)
  const saysUnreadable = dialect.metadata !== 'none' && !dialect.withoutAnnotations
  const omission = omissionOf(plan, dialect)
  const ofNull = omission.null ? nothing : absent
  const omitted = omission.text === undefined ? undefined : utf8Bytes(omission.text)
  const unreadable = !saysUnreadable ? absent : utf8Bytes(`,${exceptionText(plan.name, reference)}`)
  const plain = utf8Bytes(`,${name}:`)
  const annotation = `,${JSON.stringify(plan.name + controlName(dialect, 'type'))}:${JSON.stringify(typeText(reference.type, reference.collection, dialect))},${name}:`
  const untyped = dialect.metadata !== 'none' && isAbstract(reference.type)
  const saysType = dialect.metadata === 'full' || (plan.computed && dialect.metadata !== 'none')
  const typed = saysType && !untyped && !isTypeTold(reference, '') ? utf8Bytes(annotation) : plain
  const typeMember = `,${JSON.stringify(plan.name + controlName(dialect, 'type'))}:`
  const value =
    reference.collection || !isStructured(reference.type)
      ? valueWrite(reference, plan.select, setting, inner)
      : structuredWrite(reference.type, plan.select, setting, inner)
  const fieldSize = Buffer.byteLength(path[0] ?? '') + 2
  const composite = path.length > 1
  const saysSpecial = saysType && reference.type.name === 'Edm.Double' && !reference.collection
  const special = utf8Bytes(annotation)
  const counted = utf8Bytes(`,${JSON.stringify(plan.name + controlName(dialect, 'count'))}:`)
  return (row, start, slots, sink, depth) => {
    if (countSlot >= 0) {
      const count = countBeside(row, (slots[countSlot] ?? 0) || -1)
      sink.raw(counted)
      sink.ascii(dialect.ieee754Compatible ? `"${count}"` : String(count))
    }
    let at = slots[slot] ?? 0
    let offset = at + fieldSize
    if (composite && at !== 0) {
      at = findPath(row, path, start)
      if (at < 0) at = 0
      else offset = valueOffset(row, at)
    }
    const type = row[at] ?? 0
    if (at === 0 || type === bsonType.null || type === bsonType.undefined) {
      sink.raw(ofNull)
      return
    }
    const exactAt = exactSlot < 0 ? -1 : (slots[exactSlot] ?? 0) || -1
    const mark = sink.length
    const told = untyped ? untypedTypeText(row, at, reference, dialect, setting.layout) : undefined
    if (told !== undefined) sink.raw(Buffer.from(typeMember + JSON.stringify(told)))
    sink.raw(typed)
    const before = sink.length
    if (!value(row, type, offset, at, exactAt, sink, depth)) {
      sink.rewind(mark)
      sink.raw(unreadable)
      if (unreadable !== absent) sink.raw(absent)
      onUnreadable?.(`${plan.property.declaringType.name}/${plan.name}`)
      return
    }
    if (omitted !== undefined && endsWith(sink, before, omitted)) sink.rewind(mark)
    else if (saysSpecial && sink.at(before) === 0x22) {
      // INF and NaN are strings, which do not tell that they are doubles
      sink.rewind(mark)
      sink.raw(special)
      value(row, type, offset, at, exactAt, sink, depth)
    }
  }
}

const nothing = new Uint8Array()

/** Whether what a sink holds from a place on are these bytes. */
function endsWith(sink: ByteSink, from: number, bytes: Uint8Array): boolean {
  return sink.length - from === bytes.length && bytes.every((byte, i) => sink.at(from + i) === byte)
}

/** Writes one non-null value; false where it does not fit: what was written then does not count. */
export type ValueWrite = (
  row: Uint8Array,
  type: number,
  offset: number,
  at: number,
  exactAt: number,
  sink: ByteSink,
  depth: number,
) => boolean

/**
 * The writer of non-null values of a type reference.
 * @param select what is written of complex values
 * @param inner what else is written inside them
 */
export function valueWrite(
  reference: TypeReference,
  select: Selection | undefined,
  setting: Setting,
  inner?: InnerPart,
): ValueWrite {
  return (reference.collection ? collectionWrite : singleWrite)(reference, select, setting, inner)
}

function singleWrite(
  reference: TypeReference,
  select: Selection | undefined,
  setting: Setting,
  inner: InnerPart | undefined,
): ValueWrite {
  const { type } = reference
  if (isStructured(type)) return structuredWrite(type, select, setting, inner)
  if (isAbstract(type)) return dynamicWrite(setting)
  const fast = fastValue(type, setting.dialect)
  const plain = plainWrite({ ...reference, collection: false }, setting)
  if (fast === undefined) return plain
  return withFallback(fast, plain)
}

function withFallback(fast: FastValue, plain: ValueWrite): ValueWrite {
  return (row, type, offset, at, exactAt, sink, depth) => {
    const mark = sink.length
    if (fast(row, type, offset, exactAt, sink)) return true
    sink.rewind(mark)
    return plain(row, type, offset, at, exactAt, sink, depth)
  }
}

/** Decodes and prints: for forms that others wrote, and for types that are seldom. */
function plainWrite(reference: TypeReference, { dialect, layout }: Setting): ValueWrite {
  return (row, _type, _offset, at, exactAt, sink) => {
    const value = decodeField(row, at, reference, exactAt, layout)
    if (value === null) return false
    sink.raw(Buffer.from(valueText(reference.type, value as PrimitiveValue, dialect)))
    return true
  }
}

function structuredWrite(
  type: StructuredType,
  select: Selection | undefined,
  setting: Setting,
  inner?: InnerPart,
): ValueWrite {
  let program: ObjectProgram | undefined
  const saysType = setting.dialect.metadata === 'full'
  return (row, bson, offset, _at, _exactAt, sink, depth) => {
    if (bson !== bsonType.document || depth >= maxDepth) return false
    // made at first use: types may contain themselves
    program ??= new ObjectProgram(type, select, [], setting, inner?.inner)
    const start = sink.length
    program.write(row, offset, sink, depth + 1, inner?.parts, saysType)
    closeObject(sink, start)
    return true
  }
}

const nullText = utf8Bytes('null')

function collectionWrite(
  reference: TypeReference,
  select: Selection | undefined,
  setting: Setting,
  inner: InnerPart | undefined,
): ValueWrite {
  const item = singleWrite({ ...reference, collection: false }, select, setting, inner)
  return (row, type, offset, _at, _exactAt, sink, depth) => {
    if (type !== bsonType.array) return false
    sink.byte(0x5b)
    let position = 0
    for (let at = firstElement(row, offset); at >= 0; at = nextElement(row, at)) {
      if (position > 0) sink.byte(0x2c)
      inner?.enter(position)
      position++
      const mark = sink.length
      if (isStoredNull(row, at) || !item(row, elementType(row, at), valueOffset(row, at), at, -1, sink, depth)) {
        sink.rewind(mark)
        sink.raw(nullText)
      }
    }
    sink.byte(0x5d)
    return true
  }
}

/** Values without a declared type are seldom: they go by way of text. */
function dynamicWrite(setting: Setting): ValueWrite {
  const { dialect, layout } = setting
  const objectText = objectTextOf(setting)
  return (row, _type, _offset, at, exactAt, sink, depth) => {
    const text = dynamicText(row, at, exactAt, layout, dialect, objectText, depth)
    if (text === undefined) return false
    sink.raw(Buffer.from(text))
    return true
  }
}

function objectTextOf(setting: Setting): ObjectText {
  const programs = new Map<StructuredType, ObjectProgram>()
  return (row, start, type, depth) => {
    let program = programs.get(type)
    if (program === undefined) {
      program = new ObjectProgram(type, undefined, [], setting)
      programs.set(type, program)
    }
    const sink = createSink(1024)
    program.write(row, start, sink, depth, undefined, true)
    closeObject(sink, 0)
    return Buffer.from(sink.take()).toString('utf8')
  }
}

/** The dynamic properties of an open type, in stored order. */
class DynamicWriter {
  readonly #type: StructuredType
  readonly #select: Selection | undefined
  readonly #setting: Setting
  readonly #objectText: ObjectText

  constructor(type: StructuredType, select: Selection | undefined, setting: Setting) {
    this.#type = type
    this.#select = select
    this.#setting = setting
    this.#objectText = objectTextOf(setting)
  }

  write(row: Uint8Array, start: number, elements: readonly number[], sink: ByteSink, depth: number): void {
    const { dialect, layout } = this.#setting
    const told = dialect.metadata !== 'none'
    const annotated = told && !dialect.withoutAnnotations
    for (const at of elements) {
      const field = elementName(row, at)
      const name = dynamicNameOf(this.#type, field)
      if (field.includes('@') || !isDynamicSelected(this.#select, name)) continue
      if (this.#type.allProperties.has(name) || this.#type.allNavigationProperties.has(name)) continue
      const exactAt = findField(row, field + fields.exact, start)
      const text = isStoredNull(row, at)
        ? 'null'
        : dynamicText(row, at, exactAt, layout, dialect, this.#objectText, depth)
      if (text === 'null' && dialect.omitValues !== undefined) continue
      if (text === undefined && annotated) sink.raw(Buffer.from(`,${exceptionText(name, undefined)}`))
      const typed = told && text !== undefined ? dynamicTypeText(row, at, dialect, layout) : undefined
      if (typed !== undefined) {
        sink.byte(0x2c)
        sink.jsonString(name + controlName(dialect, 'type'))
        sink.byte(0x3a)
        sink.jsonString(typed)
      }
      sink.byte(0x2c)
      sink.jsonString(name)
      sink.byte(0x3a)
      sink.raw(Buffer.from(text ?? 'null'))
    }
  }
}
