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
import type { PrimitiveValue, Value } from '../edm/value.ts'
import { countBeside } from '../eval/chosen-items.ts'
import { printETag } from '../protocol/etag.ts'
import { computedText } from './computed-text.ts'
import { advertisement, controlName, exceptionText, isTypeTold, typeText } from './control.ts'
import { dynamicText, dynamicTypeText, untypedTypeText } from './dynamic-text.ts'
import {
  complexPath,
  isDynamicSelected,
  isKeyIncomplete,
  isSelected,
  isStoredNull,
  keysOf,
  linkOf,
  type MemberPlan,
  maxDepth,
  membersOf,
  setTypeOf,
  versionAt,
} from './members.ts'
import { omissionOf } from './omit-values.ts'
import { streamsOf, streamTexts } from './stream-control.ts'
import { valueText } from './value-text.ts'
import type {
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
 * The plain reference of the fast writer: decodes every value and puts the JSON text together in the obvious way. A test
 * holds both equal, byte for byte.
 */
export function compileRowWriter(shape: RowShape, dialect: JsonDialect, layout: ModelLayout): RowWriter {
  return (row, sink, context, related, annotations, computed) => {
    const text = Buffer.from(rowText(shape, dialect, layout, row, context, related, annotations, computed))
    sink.bytes(text, 0, text.length)
  }
}

function rowText(
  shape: RowShape,
  dialect: JsonDialect,
  layout: ModelLayout,
  row: Uint8Array,
  context: string | undefined,
  related: Related | undefined,
  annotations: RowAnnotations | undefined,
  computed: readonly ComputedMember[] | undefined,
): string {
  const type = typeOfDocument(row, 0, layout.structured(shape.type))
  const full = dialect.metadata === 'full'
  const pieces: string[] = []
  const control = (name: string, value: string): void => {
    pieces.push(`${JSON.stringify(controlName(dialect, name))}:${JSON.stringify(value)}`)
  }
  if (context !== undefined) control('context', context)
  if (annotations !== undefined && annotations.own !== '') pieces.push(annotations.own)
  let url = ''
  const editLink = (): string => (type === setTypeOf(shape, layout) ? url : `${url}/${type.name}`)
  if (dialect.metadata !== 'none') {
    if (full || type !== shape.type || ((dialect.alwaysType || shape.standsAlone) && type.kind === 'entity'))
      control('type', typeText(type, false, dialect))
    url = linkOf(shape, dialect, layout)?.(row) ?? ''
    if (url !== '' && (full || dialect.alwaysId || shape.standsAlone || isKeyIncomplete(shape, layout)))
      control('id', url)
    const version = versionAt(row, findField(row, fields.version))
    if (version !== undefined && type.kind === 'entity') control('etag', printETag(version))
    if (url !== '' && full) control('editLink', editLink())
  }
  const expanded = (through: readonly string[], of: StructuredType, position = 0): readonly string[] => {
    const streams = annotations?.inside?.get(through.join('/'))
    const texts = shape.expand.flatMap((item, i) => {
      const all = related?.[i]
      const found = all?.items === undefined ? all : all.items[position]
      const here =
        complexPath(item).join('/') === through.join('/') &&
        of.allNavigationProperties.get(item.property.name) === item.property
      return here && found !== undefined ? relatedTexts(item, dialect, layout, found) : []
    })
    return streams === undefined ? texts : [streams, ...texts]
  }
  const writer: Writer = { dialect, layout, expanded }
  pieces.push(...memberTexts(writer, row, 0, type, shape.select, keysOf(shape, layout), 0))
  pieces.push(...(computed ?? []).map((member) => computedText(member, dialect)))
  if (dialect.metadata !== 'none' && type.kind === 'entity') {
    const streams = streamsOf(layout, type, shape.select, shape.inline)
    pieces.push(...streamTexts(streams, dialect, row, 0, url === '' ? undefined : editLink))
  }
  if (url !== '' && full)
    for (const operation of shape.advertised?.(type) ?? [])
      pieces.push(`${JSON.stringify(operation.name)}:${advertisement(operation, row, editLink())}`)
  for (const [name, property] of type.allNavigationProperties) {
    if (url !== '' && full && isSelected(shape.select, name)) {
      const named = (suffix: string): string => JSON.stringify(name + controlName(dialect, suffix))
      pieces.push(`${named('associationLink')}:${JSON.stringify(`${editLink()}/${name}/$ref`)}`)
      pieces.push(`${named('navigationLink')}:${JSON.stringify(`${editLink()}/${name}`)}`)
    }
    for (const [i, item] of shape.expand.entries()) {
      const found = related?.[i]
      if (item.property === property && complexPath(item).length === 0 && found !== undefined)
        pieces.push(...relatedTexts(item, dialect, layout, found))
    }
  }
  return `{${pieces.join(',')}}`
}

/** The members of an expanded navigation property. */
function relatedTexts(
  { property, as, shape }: ExpandedShape,
  dialect: JsonDialect,
  layout: ModelLayout,
  { rows, count, nextLink }: RelatedRows,
): string[] {
  const { name, collection } = property
  const control = (suffix: string): string => JSON.stringify(name + controlName(dialect, suffix))
  const pieces = count === undefined ? [] : [`${control('count')}:${dialect.ieee754Compatible ? `"${count}"` : count}`]
  if (as === 'count') return pieces
  const texts = rows.map(({ row, related, annotations, computed }) => {
    if (as === 'entities') return rowText(shape, dialect, layout, row, undefined, related, annotations, computed)
    const id = linkOf(shape, dialect, layout)?.(row) ?? ''
    return `{${JSON.stringify(controlName(dialect, 'id'))}:${JSON.stringify(id)}}`
  })
  pieces.push(`${JSON.stringify(name)}:${collection ? `[${texts.join(',')}]` : (texts[0] ?? 'null')}`)
  if (collection && nextLink !== undefined) pieces.push(`${control('nextLink')}:${JSON.stringify(nextLink)}`)
  return pieces
}

interface Writer {
  readonly dialect: JsonDialect
  readonly layout: ModelLayout
  /** expanded properties of the complex value behind a path of properties, in a collection of the item at a position */
  readonly expanded?: (through: readonly string[], type: StructuredType, position?: number) => readonly string[]
}

/** `"name":value` of all structural properties of a document, annotations before them. */
function memberTexts(
  writer: Writer,
  row: Uint8Array,
  start: number,
  type: StructuredType,
  select: Selection | undefined,
  keys: readonly KeyPartLayout[],
  depth: number,
): string[] {
  const pieces: string[] = []
  for (const plan of membersOf(writer.layout, type, select, keys)) {
    const at = findPath(row, plan.path, start)
    const value = memberText(writer, row, start, at, plan, depth)
    if (plan.countField !== undefined) {
      const count = countBeside(row, findField(row, plan.countField, start))
      const label = JSON.stringify(plan.name + controlName(writer.dialect, 'count'))
      pieces.push(`${label}:${writer.dialect.ieee754Compatible ? `"${count}"` : count}`)
    }
    const omission = omissionOf(plan, writer.dialect)
    const omitted = value.text === undefined ? omission.null : value.text === omission.text
    if (omitted && value.fits) continue
    addAnnotations(pieces, writer, plan, value)
    pieces.push(`${JSON.stringify(plan.name)}:${value.text ?? nothingOf(plan.reference)}`)
  }
  if (type.open) pieces.push(...dynamicTexts(writer, row, start, type, select, depth))
  if (type.kind === 'complex' && writer.dialect.metadata !== 'none')
    pieces.push(...streamTexts(streamsOf(writer.layout, type, select), writer.dialect, row, start, undefined))
  return pieces
}

function addAnnotations(
  pieces: string[],
  { dialect }: Writer,
  { name, reference, computed }: MemberPlan,
  { text, fits, told }: ValueJson,
): void {
  if (!fits && dialect.metadata !== 'none' && !dialect.withoutAnnotations) pieces.push(exceptionText(name, reference))
  const said = dialect.metadata === 'full' || (computed && dialect.metadata !== 'none')
  const saysType = said && !isAbstract(reference.type)
  const type =
    saysType && text !== undefined && !isTypeTold(reference, text)
      ? typeText(reference.type, reference.collection, dialect)
      : told
  if (type !== undefined) pieces.push(`${JSON.stringify(name + controlName(dialect, 'type'))}:${JSON.stringify(type)}`)
}

function nothingOf(reference: TypeReference): string {
  return reference.collection ? '[]' : 'null'
}

interface ValueJson {
  /** undefined: null, or an empty collection */
  readonly text: string | undefined
  /** false: something is stored that the declared type cannot hold */
  readonly fits: boolean
  /** the type of a value that the model does not say */
  readonly told?: string | undefined
}

function memberText(
  writer: Writer,
  row: Uint8Array,
  start: number,
  at: number,
  plan: MemberPlan,
  depth: number,
): ValueJson {
  const { reference } = plan
  if (at < 0 || isStoredNull(row, at)) return { text: undefined, fits: true }
  const exactAt = plan.exactField === undefined ? -1 : findField(row, plan.exactField, start)
  const text = reference.collection
    ? collectionText(within(writer, plan.name), row, at, reference, plan.select, depth)
    : singleText(within(writer, plan.name), row, at, reference, exactAt, plan.select, depth)
  const { dialect, layout } = writer
  const untyped = text !== undefined && dialect.metadata !== 'none' && isAbstract(reference.type)
  return {
    text,
    fits: text !== undefined,
    told: untyped ? untypedTypeText(row, at, reference, dialect, layout) : undefined,
  }
}

/** The writer of what stands in a complex property. */
function within(writer: Writer, name: string): Writer {
  const { expanded } = writer
  return expanded === undefined
    ? writer
    : { ...writer, expanded: (through, type, position) => expanded([name, ...through], type, position) }
}

/** The writer of the item of a collection at a position. */
function atPosition(writer: Writer, position: number): Writer {
  const { expanded } = writer
  return expanded === undefined ? writer : { ...writer, expanded: (through, type) => expanded(through, type, position) }
}

/** The JSON array of a collection; items that do not fit are null. */
function collectionText(
  writer: Writer,
  row: Uint8Array,
  at: number,
  reference: TypeReference,
  select: Selection | undefined,
  depth: number,
): string | undefined {
  if (elementType(row, at) !== bsonType.array) return undefined
  const item: TypeReference = { ...reference, collection: false }
  const items: string[] = []
  for (let i = firstElement(row, valueOffset(row, at)); i >= 0; i = nextElement(row, i))
    items.push(
      isStoredNull(row, i)
        ? 'null'
        : (singleText(atPosition(writer, items.length), row, i, item, -1, select, depth) ?? 'null'),
    )
  return `[${items.join(',')}]`
}

/** The JSON of one value; undefined where what is stored does not fit. */
function singleText(
  writer: Writer,
  row: Uint8Array,
  at: number,
  reference: TypeReference,
  exactAt: number,
  select: Selection | undefined,
  depth: number,
): string | undefined {
  const { type } = reference
  if (isStructured(type)) {
    if (elementType(row, at) !== bsonType.document || depth >= maxDepth) return undefined
    return objectText(writer, row, valueOffset(row, at), type, select, depth + 1, false)
  }
  if (isAbstract(type)) return dynamicText(row, at, exactAt, writer.layout, writer.dialect, objectTextOf(writer), depth)
  const value: Value = decodeField(row, at, reference, exactAt, writer.layout)
  return value === null ? undefined : valueText(type, value as PrimitiveValue, writer.dialect)
}

/** The JSON object of an embedded document. */
function objectText(
  writer: Writer,
  row: Uint8Array,
  start: number,
  declared: StructuredType,
  select: Selection | undefined,
  depth: number,
  alwaysType: boolean,
): string {
  const { dialect, layout } = writer
  const type = typeOfDocument(row, start, layout.structured(declared))
  const pieces: string[] = []
  const saysType = dialect.metadata === 'full' || (dialect.metadata === 'minimal' && (alwaysType || type !== declared))
  if (saysType && type !== untypedObject)
    pieces.push(`${JSON.stringify(controlName(dialect, 'type'))}:${JSON.stringify(typeText(type, false, dialect))}`)
  pieces.push(...memberTexts(writer, row, start, type, select, [], depth))
  pieces.push(...(writer.expanded?.([], type) ?? []))
  return `{${pieces.join(',')}}`
}

function objectTextOf(writer: Writer) {
  return (row: Uint8Array, start: number, type: StructuredType, depth: number): string =>
    objectText(writer, row, start, type, undefined, depth, true)
}

/** Fields of no declared property of an open type. */
function dynamicTexts(
  writer: Writer,
  row: Uint8Array,
  start: number,
  type: StructuredType,
  select: Selection | undefined,
  depth: number,
): string[] {
  const { dialect, layout } = writer
  const { propertyOf } = layout.structured(type)
  const pieces: string[] = []
  for (let at = firstElement(row, start); at >= 0; at = nextElement(row, at)) {
    const field = elementName(row, at)
    const name = dynamicNameOf(type, field)
    if (field === fields.id || field.includes('@') || propertyOf.has(field) || !isDynamicSelected(select, name))
      continue
    if (type.allProperties.has(name) || type.allNavigationProperties.has(name)) continue
    if (select?.computed?.some(({ alias }) => alias === name)) continue
    const exactAt = findField(row, field + fields.exact, start)
    const text = isStoredNull(row, at)
      ? 'null'
      : dynamicText(row, at, exactAt, layout, dialect, objectTextOf(writer), depth)
    if (text === 'null' && dialect.omitValues !== undefined) continue
    if (text === undefined && dialect.metadata !== 'none' && !dialect.withoutAnnotations)
      pieces.push(exceptionText(name, undefined))
    const told =
      text === undefined || dialect.metadata === 'none' ? undefined : dynamicTypeText(row, at, dialect, layout)
    if (told !== undefined)
      pieces.push(`${JSON.stringify(name + controlName(dialect, 'type'))}:${JSON.stringify(told)}`)
    pieces.push(`${JSON.stringify(name)}:${text ?? 'null'}`)
  }
  return pieces
}
