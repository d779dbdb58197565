import type { ModelLayout } from '../bson/layout.ts'
import type { StructuredType } from '../edm/model.ts'
import { printETag } from '../protocol/etag.ts'
import { computedText } from './computed-text.ts'
import { advertisement, controlName, typeText } from './control.ts'
import {
  closeObject,
  type EntityParts,
  type InnerPart,
  type InnerParts,
  ObjectProgram,
  type OnUnreadable,
  type Setting,
  utf8Bytes,
} from './fast-object.ts'
import {
  complexPath,
  isKeyIncomplete,
  keysOf,
  linkOf,
  type NavigationPlan,
  navigationOf,
  setTypeOf,
  versionAt,
} from './members.ts'
import { streamsOf, streamTexts } from './stream-control.ts'
import type {
  ByteSink,
  ComputedMember,
  ExpandedShape,
  JsonDialect,
  Related,
  RelatedRows,
  RowAnnotations,
  RowShape,
  RowWriter,
} from './writer.ts'

/**
 * Compiles the writer of rows of a type: one walk over the BSON document notes where each field stands, then every member
 * is written from its bytes in the order of the model (base type's first), nulls for those that are missing. Values in
 * another than odatum's own stored form are decoded leniently; what does not fit is null with an annotation
 * (`control.ts`, `exceptionText`).
 *
 * Order of an entity: context, type, id, etag, editLink, properties, dynamic properties, navigation links (JSON Format 4.4).
 * Control information of streams stands before the links, expanded entities behind the links of their property.
 * @param onUnreadable for counting and logging
 */
export function compileRowWriter(
  shape: RowShape,
  dialect: JsonDialect,
  layout: ModelLayout,
  onUnreadable?: OnUnreadable,
): RowWriter {
  const setting: Setting = { dialect, layout, onUnreadable }
  const expanded = new ExpandedMembers(shape.expand, shape.inline, setting)
  const keys = keysOf(shape, layout)
  const program = new ObjectProgram(shape.type, shape.select, keys, setting, expanded.inside([]))
  const entity = shape.type.kind === 'entity' ? new EntityControl(shape, dialect, layout, expanded) : undefined
  const contextPrefix = utf8Bytes(`,${JSON.stringify(controlName(dialect, 'context'))}:`)
  return (row, sink, context, related, annotations, computed) => {
    const start = sink.length
    if (context !== undefined) {
      sink.raw(contextPrefix)
      sink.jsonString(context)
    }
    if (annotations !== undefined && annotations.own !== '') sink.raw(utf8Bytes(`,${annotations.own}`))
    expanded.relate(related, annotations)
    entity?.compute(computed)
    program.write(row, 0, sink, 0, entity, entity === undefined && dialect.metadata === 'full')
    closeObject(sink, start)
  }
}

interface TypeStreams {
  readonly members: ReturnType<typeof streamsOf>
  /** of the entity; undefined: it has no URL */
  readonly link: ReturnType<typeof linkOf>
}

/** Control information of entities; what does not depend on the row is made once. */
class EntityControl implements EntityParts {
  readonly #shape: RowShape
  readonly #dialect: JsonDialect
  readonly #setType: StructuredType
  readonly #link: ((row: Uint8Array) => string) | undefined
  /** around the version: `,"@odata.etag":"W/\"` and `\""` */
  readonly #etag: readonly [Uint8Array, Uint8Array]
  readonly #types = new Map<StructuredType, Uint8Array | undefined>()
  readonly #navigation = new Map<StructuredType, readonly NavigationPlan[]>()
  readonly #streams = new Map<StructuredType, TypeStreams>()
  readonly #layout: ModelLayout
  readonly #expanded: ExpandedMembers
  #computed: readonly ComputedMember[] | undefined

  constructor(shape: RowShape, dialect: JsonDialect, layout: ModelLayout, expanded: ExpandedMembers) {
    this.#shape = shape
    this.#expanded = expanded
    this.#dialect = dialect
    this.#layout = layout
    this.#setType = setTypeOf(shape, layout)
    const full = dialect.metadata === 'full'
    const incomplete =
      dialect.metadata === 'minimal' && (dialect.alwaysId || shape.standsAlone || isKeyIncomplete(shape, layout))
    // made only where it is said
    this.#link = full || incomplete ? linkOf(shape, dialect, layout) : undefined
    const [before = '', after = ''] = JSON.stringify(printETag(0)).split('0')
    this.#etag = [utf8Bytes(`,${JSON.stringify(controlName(dialect, 'etag'))}:${before}`), utf8Bytes(after)]
  }

  /** What stands before the properties. */
  before(row: Uint8Array, type: StructuredType, versionElement: number, sink: ByteSink): void {
    const dialect = this.#dialect
    if (dialect.metadata === 'none') return
    let typed = this.#types.get(type)
    if (typed === undefined && !this.#types.has(type)) {
      typed = this.#typeMember(type)
      this.#types.set(type, typed)
    }
    if (typed !== undefined) sink.raw(typed)
    const url = this.#link?.(row)
    if (url !== undefined) this.#control(sink, 'id', url)
    const version = versionAt(row, versionElement)
    if (version !== undefined) {
      sink.raw(this.#etag[0])
      sink.ascii(String(version))
      sink.raw(this.#etag[1])
    }
    if (url !== undefined && dialect.metadata === 'full') this.#control(sink, 'editLink', this.#editLink(url, type))
  }

  /** Says what is calculated of the next row. */
  compute(computed: readonly ComputedMember[] | undefined): void {
    this.#computed = computed
  }

  /** What stands behind the properties: links of navigation properties at full metadata, and expanded entities. */
  after(row: Uint8Array, type: StructuredType, sink: ByteSink): void {
    for (const member of this.#computed ?? []) sink.raw(utf8Bytes(`,${computedText(member, this.#dialect)}`))
    this.#writeStreams(row, type, sink)
    const { related } = this.#expanded
    const full = this.#dialect.metadata === 'full' && this.#link !== undefined
    if (!full && related === undefined) return
    let plans = this.#navigation.get(type)
    if (plans === undefined) {
      plans = navigationOf(this.#shape, type, full)
      this.#navigation.set(type, plans)
    }
    const base = full && this.#link !== undefined ? this.#editLink(this.#link(row), type) : ''
    if (full) this.#advertise(row, type, base, sink)
    for (const { name, linked, expanded } of plans) {
      if (linked) {
        this.#control(sink, 'associationLink', `${base}/${name}/$ref`, name)
        this.#control(sink, 'navigationLink', `${base}/${name}`, name)
      }
      for (const i of expanded) this.#expanded.write(i, sink)
    }
  }

  #advertise(row: Uint8Array, type: StructuredType, base: string, sink: ByteSink): void {
    for (const operation of this.#shape.advertised?.(type) ?? []) {
      sink.byte(0x2c)
      sink.jsonString(operation.name)
      sink.byte(0x3a)
      sink.raw(utf8Bytes(advertisement(operation, row, base)))
    }
  }

  /** Links, media types and entity tags of the entity's media and of its stream properties. */
  #writeStreams(row: Uint8Array, type: StructuredType, sink: ByteSink): void {
    const dialect = this.#dialect
    if (dialect.metadata === 'none') return
    let streams = this.#streams.get(type)
    if (streams === undefined) {
      const members = streamsOf(this.#layout, type, this.#shape.select, this.#shape.inline)
      streams = { members, link: members.length === 0 ? undefined : linkOf(this.#shape, dialect, this.#layout) }
      this.#streams.set(type, streams)
    }
    const { members, link } = streams
    if (members.length === 0) return
    const urlOf = link && (() => this.#editLink(link(row), type))
    for (const text of streamTexts(members, dialect, row, 0, urlOf)) sink.raw(utf8Bytes(`,${text}`))
  }

  #typeMember(type: StructuredType): Uint8Array | undefined {
    const dialect = this.#dialect
    const said = dialect.metadata === 'full' || dialect.alwaysType || this.#shape.standsAlone
    if (!said && type === this.#shape.type) return undefined
    return utf8Bytes(
      `,${JSON.stringify(controlName(dialect, 'type'))}:${JSON.stringify(typeText(type, false, dialect))}`,
    )
  }

  #editLink(url: string, type: StructuredType): string {
    return type === this.#setType ? url : `${url}/${type.name}`
  }

  #control(sink: ByteSink, name: string, value: string, property = ''): void {
    sink.byte(0x2c)
    sink.jsonString(property + controlName(this.#dialect, name))
    sink.byte(0x3a)
    sink.jsonString(value)
  }
}

/** The expanded properties and streams of a shape: of its rows, and of complex values in them. */
export class ExpandedMembers {
  readonly #expand: readonly ExpandedShape[]
  readonly #writers: readonly RelatedWriter[]
  /** what the row at hand is related to */
  related: Related | undefined
  #inside: RowAnnotations['inside']
  /** of the item at hand of a collection */
  #position = 0
  /** ways to complex values whose streams are expanded */
  readonly #streams: readonly (readonly string[])[]

  constructor(
    expand: readonly ExpandedShape[],
    inline: RowShape['inline'],
    { dialect, layout, onUnreadable }: Setting,
  ) {
    this.#expand = expand
    this.#streams = [...(inline ?? [])].map((name) => name.split('/').slice(0, -1))
    this.#writers = expand.map((item) => relatedWriter(item, dialect, layout, onUnreadable))
  }

  /** Says what the next row's navigation properties lead to. */
  relate(related: Related | undefined, annotations?: RowAnnotations): void {
    this.related = related
    this.#inside = annotations?.inside
  }

  /** Writes one of them, a comma in front, where the row at hand has it. */
  write(i: number, sink: ByteSink): void {
    const found = this.related?.[i]
    const own = found?.items === undefined ? found : found.items[this.#position]
    if (own !== undefined) this.#writers[i]?.(own, sink)
  }

  /** What is written inside the complex values below a path of properties. */
  inside(path: readonly string[]): InnerParts | undefined {
    const names = new Set<string>()
    for (const through of [...this.#streams, ...this.#expand.map(complexPath)]) {
      const next = through[path.length]
      if (next !== undefined && path.every((name, i) => through[i] === name)) names.add(next)
    }
    if (names.size === 0) return undefined
    return new Map([...names].map((name) => [name, this.part([...path, name])]))
  }

  /** What is written inside the complex value that a path of properties leads to. */
  part(path: readonly string[]): InnerPart {
    const way = path.join('/')
    const here = this.#expand.flatMap((item, i) => (complexPath(item).join('/') === way ? [i] : []))
    const streams = this.#streams.some((through) => through.join('/') === way)
    const parts: EntityParts = {
      complex: true,
      before: () => {},
      after: (_row, type, sink) => {
        const texts = this.#inside?.get(way)
        if (texts !== undefined) sink.raw(utf8Bytes(`,${texts}`))
        for (const i of here) {
          const property = this.#expand[i]?.property
          if (property && type.allNavigationProperties.get(property.name) === property) this.write(i, sink)
        }
      },
    }
    return {
      parts: here.length === 0 && !streams ? undefined : parts,
      inner: this.inside(path) ?? new Map(),
      enter: (position) => {
        this.#position = position
      },
    }
  }
}

/** Writes what one expanded property leads to, a comma in front. */
type RelatedWriter = (related: RelatedRows, sink: ByteSink) => void

function relatedWriter(
  { property, as, shape }: ExpandedShape,
  dialect: JsonDialect,
  layout: ModelLayout,
  onUnreadable: OnUnreadable | undefined,
): RelatedWriter {
  const write =
    as === 'references'
      ? referenceWriter(shape, dialect, layout)
      : compileRowWriter(shape, dialect, layout, onUnreadable)
  const { name, collection } = property
  const value = utf8Bytes(`,${JSON.stringify(name)}:`)
  const count = utf8Bytes(`,${JSON.stringify(name + controlName(dialect, 'count'))}:`)
  const next = utf8Bytes(`,${JSON.stringify(name + controlName(dialect, 'nextLink'))}:`)
  return (related, sink) => {
    if (related.count !== undefined) {
      sink.raw(count)
      sink.ascii(dialect.ieee754Compatible ? `"${related.count}"` : String(related.count))
    }
    if (as === 'count') return
    sink.raw(value)
    if (!collection) {
      const [only] = related.rows
      if (only === undefined) sink.ascii('null')
      else write(only.row, sink, undefined, only.related, only.annotations, only.computed)
      return
    }
    sink.byte(0x5b)
    related.rows.forEach((item, i) => {
      if (i > 0) sink.byte(0x2c)
      write(item.row, sink, undefined, item.related, item.annotations, item.computed)
    })
    sink.byte(0x5d)
    if (related.nextLink === undefined) return
    sink.raw(next)
    sink.jsonString(related.nextLink)
  }
}

/** Writes an entity reference (JSON Format 14). */
export function referenceWriter(shape: RowShape, dialect: JsonDialect, layout: ModelLayout): RowWriter {
  const link = linkOf(shape, dialect, layout)
  const prefix = utf8Bytes(`${JSON.stringify(controlName(dialect, 'id'))}:`)
  return (row, sink, context) => {
    sink.byte(0x7b)
    if (context !== undefined) {
      sink.ascii(`${JSON.stringify(controlName(dialect, 'context'))}:`)
      sink.jsonString(context)
      sink.byte(0x2c)
    }
    sink.raw(prefix)
    sink.jsonString(link?.(row) ?? '')
    sink.byte(0x7d)
  }
}
