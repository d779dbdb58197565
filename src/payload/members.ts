import { propertyNames } from '../bind/print.ts'
import type { Selection } from '../bind/tree.ts'
import { type CollectionLayout, fields, type KeyPartLayout, type ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, readInt32, readInt64AsNumber, valueOffset } from '../bson/reader.ts'
import { isReadable } from '../csdl/core.ts'
import type { Property, StructuredType, TypeReference } from '../edm/model.ts'
import { isSubtypeOf, primitiveOf } from '../edm/types.ts'
import { encodePath, keyReader, rowPath } from './row-path.ts'
import type { ExpandedShape, JsonDialect, RowShape } from './writer.ts'

/** Deeper documents are written as null: nothing odatum stores comes near, and the stack must not end. */
export const maxDepth = 100

/** One structural property of a type that is written, and where it is stored. */
export interface MemberPlan {
  readonly name: string
  readonly property: Property
  readonly reference: TypeReference
  /** stored field path from the document */
  readonly path: readonly string[]
  /** field of what a date cannot hold; undefined for all but single DateTimeOffset values */
  readonly exactField: string | undefined
  /** what is written of a complex value; undefined: all */
  readonly select: Selection | undefined
  readonly isKey: boolean
  /** whether $compute defines it: its type is told where JSON does not tell it (JSON Format 4.5.3) */
  readonly computed: boolean
  /** field that holds how many items there are, where that is written */
  readonly countField: string | undefined
}

/** Whether a property or dynamic property is written. */
export function isSelected(select: Selection | undefined, name: string): boolean {
  return select === undefined || select.all || select.properties.has(name)
}

/** Whether a dynamic property that is stored is written: nothing else of the answer has its name. */
export function isDynamicSelected(select: Selection | undefined, name: string): boolean {
  return isSelected(select, name) && select?.taken?.has(name) !== true
}

/**
 * The properties of a type that are written, base type's first. Streams are none: they are only linked; and what cannot be
 * read (Core.Permissions) is none in any answer.
 * @param keys where the key properties of an entity are stored; none for complex values
 */
export function membersOf(
  layout: ModelLayout,
  type: StructuredType,
  select: Selection | undefined,
  keys: readonly KeyPartLayout[],
): readonly MemberPlan[] {
  const { fieldOf } = layout.structured(type)
  const plans: MemberPlan[] = []
  for (const property of type.allProperties.values()) {
    const { name, type: reference } = property
    const primitive = primitiveOf(reference.type)?.name
    if (primitive === 'Edm.Stream' || !isSelected(select, name) || !isReadable(property)) continue
    const key = keys.find(({ names }) => names.length === 1 && names[0] === name)
    const field = fieldOf.get(name) ?? name
    const inner = select?.properties.get(name)
    const within = select?.all && !inner?.items && !inner?.computed ? undefined : inner
    const instant = primitive === 'Edm.DateTimeOffset' && !reference.collection
    plans.push({
      name,
      property,
      reference,
      path: key?.path ?? [field],
      exactField: instant ? (key?.alias ?? field) + fields.exact : undefined,
      select: within,
      isKey: key !== undefined,
      computed: false,
      countField: within?.items?.count ? field + fields.count : undefined,
    })
  }
  for (const { alias, expression } of select?.computed ?? []) plans.push(computedMember(type, alias, expression.type))
  return plans
}

/** What $compute defines of a complex value: it stands in the document (eval/chosen-items.ts). */
function computedMember(declaringType: StructuredType, name: string, type = untyped): MemberPlan {
  const property: Property = { kind: 'property', name, type, defaultValue: undefined, declaringType, annotations: [] }
  const instant = primitiveOf(type.type)?.name === 'Edm.DateTimeOffset' && !type.collection
  return {
    name,
    property,
    reference: type,
    path: [name],
    exactField: instant ? name + fields.exact : undefined,
    select: undefined,
    isKey: false,
    computed: true,
    countField: undefined,
  }
}

const untyped: TypeReference = {
  type: { kind: 'abstract', name: 'Edm.Untyped' },
  collection: false,
  nullable: true,
  facets: {},
}

/** Where the key of a shape's rows is stored. */
export function keysOf(shape: RowShape, layout: ModelLayout): readonly KeyPartLayout[] {
  if (shape.type.kind !== 'entity') return []
  const collection = collectionOf(shape, layout)
  if (collection !== undefined && isRelated(collection.entityType, shape.type)) return collection.key.parts
  const { key } = shape.type
  return key.map(({ alias, path, property }) => ({
    alias,
    path: key.length > 1 ? [fields.id, alias] : [fields.id],
    names: path,
    property,
  }))
}

/** Where the rows of a shape stand. */
export function collectionOf(shape: RowShape, layout: ModelLayout): CollectionLayout | undefined {
  return shape.collection ?? (shape.entitySet === undefined ? undefined : layout.collections.get(shape.entitySet))
}

function isRelated(a: StructuredType, b: StructuredType): boolean {
  return isSubtypeOf(a, b) || isSubtypeOf(b, a)
}

/** The canonical URL of a row (URL Conventions 4.1), absolute; undefined where its shape names no set. */
export type RowLink = (row: Uint8Array) => string

/** Makes the function that gives the URL of a row. */
export function linkOf(shape: RowShape, dialect: JsonDialect, layout: ModelLayout): RowLink | undefined {
  const { entitySet, type } = shape
  if (type.kind !== 'entity' || !isRelated(setTypeOf(shape, layout), type)) return undefined
  const collection = collectionOf(shape, layout)
  const { root } = dialect
  if (collection?.contained !== undefined) {
    const path = rowPath(collection, '', layout)
    return (row) => root + encodePath(path(row))
  }
  if (entitySet === undefined) return undefined
  const base = root + encodeURIComponent(entitySet)
  if (shape.singleton) return () => base
  const parts = keysOf(shape, layout)
  if (parts.length === 0) return undefined
  const key = keyReader(parts, layout)
  return (row) => base + key(row, true)
}

/** The declared type of the rows' entity set or singleton: edit links of other types end with a cast (JSON Format 4.5.9). */
export function setTypeOf(shape: RowShape, layout: ModelLayout): StructuredType {
  return collectionOf(shape, layout)?.entityType ?? shape.type
}

/** Whether the selection leaves out a part of the key: then an entity needs its id said (JSON Format 4.5.8). */
export function isKeyIncomplete(shape: RowShape, layout: ModelLayout): boolean {
  return keysOf(shape, layout).some(({ names }) => !isSelected(shape.select, names[0] ?? ''))
}

/** The ETag counter of a row; undefined where it has none. */
export function versionAt(row: Uint8Array, at: number): number | undefined {
  if (at < 0) return undefined
  switch (elementType(row, at)) {
    case bsonType.int32:
      return readInt32(row, valueOffset(row, at))
    case bsonType.int64:
      return readInt64AsNumber(row, valueOffset(row, at))
    default:
      return undefined
  }
}

/** Whether an element says null, in the words of BSON. */
export function isStoredNull(row: Uint8Array, at: number): boolean {
  const type = elementType(row, at)
  return type === bsonType.null || type === bsonType.undefined
}

/** The complex properties between a row and an expanded navigation property. */
export function complexPath({ path }: ExpandedShape): readonly string[] {
  return propertyNames(path ?? [])
}

/** A navigation property of a type: its links, and what is expanded of it, as indexes into the shape's list. */
export interface NavigationPlan {
  readonly name: string
  /** whether its links are written (full metadata) */
  readonly linked: boolean
  readonly expanded: readonly number[]
}

/** The navigation properties of a type that are written in some way, in the order of the model. */
export function navigationOf(shape: RowShape, type: StructuredType, full: boolean): readonly NavigationPlan[] {
  const plans: NavigationPlan[] = []
  for (const [name, property] of type.allNavigationProperties) {
    const linked = full && isSelected(shape.select, name)
    const expanded = shape.expand.flatMap((item, i) =>
      item.property === property && complexPath(item).length === 0 ? [i] : [],
    )
    if (linked || expanded.length > 0) plans.push({ name, linked, expanded })
  }
  return plans
}
