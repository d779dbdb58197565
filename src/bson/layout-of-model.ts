import { createHash } from 'node:crypto'
import { annotationOf, bool, items, member, text } from '../edm/annotations.ts'
import type {
  Annotatable,
  AnnotationExpression,
  EntitySet,
  EntityType,
  Model,
  NavigationProperty,
  PrimitiveTypeName,
  Property,
  Singleton,
  StructuredType,
} from '../edm/model.ts'
import { primitiveTypes, untypedObject } from '../edm/primitives.ts'
import { instantiableTypes, isStructured, primitiveOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import { exactFieldPathOf, fieldPathOf } from './field-path.ts'
import {
  type CollectionLayout,
  containedId,
  fields,
  type IndexField,
  type IndexLayout,
  type KeyLayout,
  type KeyPartLayout,
  type ModelLayout,
  type StructuredLayout,
} from './layout.ts'

/**
 * Terms that say how a model is stored.
 * - `Odatum.V1.Collection` on an entity set or singleton: the collection's name as a string, or a record
 *   `{Name: String, SharedWrites: Boolean}` (both optional).
 * - `Odatum.V1.Field` on a property: the name of its field, a string.
 * - `Odatum.V1.Sequence` on a key property (csdl/sequence.ts) says nothing of the stored form.
 * - `Odatum.V1.Index` on an entity type, entity set or singleton: a collection of records `{Fields: Collection(String),
 *   Unique: Boolean}`; an item of `Fields` reads like one of `$orderby`: `address/city`, `createdTime desc`. A path expression stands for the same ascending.
 */
export const storageTerms = {
  collection: 'Odatum.V1.Collection',
  field: 'Odatum.V1.Field',
  index: 'Odatum.V1.Index',
} as const

/** End of the path of an instant's second field, which is absent where it is 0. */
const exactSub = `${fields.exact}.sub`

const alternateKeys = 'Org.OData.Core.V1.AlternateKeys'

/**
 * The stored form of a model: a collection for each entity set and singleton, its key, indexes for foreign keys,
 * alternate keys and `Odatum.V1.Index`.
 * @throws Error that names the element where the storage annotations or names cannot be honoured
 */
export function layoutOf(model: Model): ModelLayout {
  const structured = new Map<StructuredType, StructuredLayout>()
  const collections = new Map<string, CollectionLayout>()
  const contained = new Map<NavigationProperty, CollectionLayout>()
  const layout: ModelLayout = {
    collections,
    contained(property) {
      let found = contained.get(property)
      if (found === undefined) {
        found = containedLayout(layout, property)
        contained.set(property, found)
      }
      return found
    },
    structured(type) {
      let found = structured.get(type)
      if (found === undefined) {
        found = structuredLayout(type)
        structured.set(type, found)
      }
      return found
    },
    typeNamed(name) {
      if (name === untypedObject.name) return untypedObject
      const type = model.types.get(name)
      return type !== undefined && isStructured(type) ? type : undefined
    },
    scalarNamed(name) {
      const type = primitiveTypes.get(name as PrimitiveTypeName) ?? model.types.get(name)
      return type === undefined || isStructured(type) ? undefined : type
    },
  }
  checkFields(model, layout)
  const takenBy = new Map<string, string>()
  for (const child of model.container?.children.values() ?? []) {
    if (child.kind !== 'entitySet' && child.kind !== 'singleton') continue
    const collection = collectionLayout(layout, child)
    const other = takenBy.get(collection.name)
    if (other !== undefined) {
      throw new Error(`${other} and ${child.name} would be stored in the same collection ${collection.name}`)
    }
    takenBy.set(collection.name, child.name)
    collections.set(child.name, collection)
  }
  return layout
}

/**
 * Finds at the start what cannot be stored as the annotations say. Types whose properties are stored under their own names are left for
 * their first use: a big model has thousands.
 */
function checkFields(model: Model, layout: ModelLayout): void {
  const special = new Set<StructuredType>()
  for (const type of model.types.values())
    if (isStructured(type) && type.properties.some(isSpeciallyStored)) special.add(type)
  if (special.size === 0) return
  for (const type of model.types.values()) {
    let base: StructuredType | undefined = isStructured(type) ? type : undefined
    while (base !== undefined && !special.has(base)) base = base.baseType
    if (base !== undefined && isStructured(type)) layout.structured(type)
  }
}

/** Only such a property can be in the way of another, or of the key: names are unique. */
function isSpeciallyStored(property: Property): boolean {
  return property.name === fields.id || annotationOf(property, storageTerms.field) !== undefined
}

function structuredLayout(type: StructuredType): StructuredLayout {
  const keys = new Set(
    type.kind === 'entity' ? type.key.filter((key) => key.path.length === 1).map((key) => key.path[0]) : [],
  )
  const fieldOf = new Map<string, string>()
  const propertyOf = new Map<string, string>()
  for (const property of type.allProperties.values()) {
    const field = storedField(property)
    if (keys.has(property.name)) {
      if (field !== property.name && field !== fields.id) {
        throw new Error(`${nameOf(property)}: a key property is stored in ${fields.id}, not in ${field}`)
      }
      continue
    }
    // in a complex value it is a field like all others
    if (field === fields.id && type.kind === 'entity') {
      throw new Error(
        `${nameOf(property)} would be stored as ${fields.id}, which holds the key: map it with ${storageTerms.field}`,
      )
    }
    const other = propertyOf.get(field)
    if (other !== undefined)
      throw new Error(`${nameOf(property)} and ${other} would be stored in the same field ${field}`)
    fieldOf.set(property.name, field)
    propertyOf.set(field, property.name)
  }
  const instantiable = instantiableTypes<StructuredType>(type)
  const only = instantiable.length === 1 ? instantiable[0] : undefined
  return {
    type,
    fieldOf,
    propertyOf,
    instantiable: new Map(instantiable.map((candidate) => [candidate.name, candidate])),
    withoutType: type.abstract && only !== undefined ? only : type,
  }
}

/** Names that would mean something else in a MongoDB document or path. */
const unusableField = /^\$|[.@\0]/

function storedField(property: Property): string {
  const annotation = annotationOf(property, storageTerms.field)
  if (annotation === undefined) return property.name
  const field = text(annotation.value)
  if (field === undefined || field === '' || unusableField.test(field)) {
    throw new Error(`${nameOf(property)}: ${storageTerms.field} must be a name without "$" in front, ".", "@" and NUL`)
  }
  return field
}

function nameOf(property: Property | NavigationProperty): string {
  return `${property.declaringType.name}/${property.name}`
}

function collectionLayout(layout: ModelLayout, source: EntitySet | Singleton): CollectionLayout {
  const annotation = annotationOf(source, storageTerms.collection)?.value
  const name = text(annotation) ?? text(member(annotation, 'Name')) ?? source.name
  if (name === '' || /[$\0]/.test(name) || name.startsWith('system.')) {
    throw new Error(`${source.name}: ${JSON.stringify(name)} is no name for a collection`)
  }
  const collection = {
    name,
    entityType: source.type,
    key: source.kind === 'singleton' ? noKey : keyLayout(source.type, [fields.id]),
    sharedWrites: bool(member(annotation, 'SharedWrites')) === true,
  }
  return { ...collection, indexes: indexesOf(layout, { ...collection, indexes: [] }, source) }
}

/**
 * The form of rows that no store holds: entities of a type without a set, as `_id` their key.
 * @param name for messages
 */
export function looseLayout(name: string, entityType: EntityType): CollectionLayout {
  const key = entityType.key.length === 0 ? noKey : keyLayout(entityType, [fields.id])
  return { name, entityType, key, sharedWrites: false, indexes: [] }
}

/** Of a collection with one row for each owner. */
const noKey: KeyLayout = { composite: false, parts: [] }

/** MongoDB takes names of 255 bytes, the database's included. */
const longestName = 160

function containedLayout(layout: ModelLayout, property: NavigationProperty): CollectionLayout {
  const { type } = property
  const full = nameOf(property)
  if (type.kind !== 'entity')
    throw new ODataError('notImplemented', `${full} holds entities of any type, which is not implemented.`)
  if (property.collection && type.key.length === 0)
    throw new ODataError('notImplemented', `${full} holds entities without a key, which is not implemented.`)
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 16)
  const collection = {
    // no entity set's name has a slash
    name: full.length > longestName ? `${full.slice(0, longestName)}~${hash}` : full,
    entityType: type,
    key: property.collection ? keyLayout(type, [fields.id, containedId.key]) : noKey,
    sharedWrites: false,
    contained: property,
  }
  const others = indexesOf(layout, { ...collection, indexes: [] }, { type, annotations: property.annotations })
  // entities of one owner are a range of `_id`; what must be unique is so among them only, so no index can see to it
  return { ...collection, indexes: others.filter(({ unique }) => !unique) }
}

function keyLayout(type: EntityType, base: readonly string[]): KeyLayout {
  const composite = type.key.length > 1
  const parts = type.key.map(
    (key): KeyPartLayout => ({
      alias: key.alias,
      path: composite ? [...base, key.alias] : base,
      names: key.path,
      property: key.property,
    }),
  )
  return { composite, parts }
}

/** What an index is derived from: an entity set, a singleton, or what a navigation property holds. */
type Indexed = Annotatable & { readonly type: EntityType }

function indexesOf(layout: ModelLayout, collection: CollectionLayout, source: Indexed): IndexLayout[] {
  const found = new Map<string, IndexLayout>()
  const add: AddIndex = (type, paths, unique) => {
    const keys = paths.flatMap(([path, descending]) => indexFields(layout, collection, type, path, descending))
    const first = keys[0]
    if (
      first === undefined ||
      (keys.length === 1 && collection.key.parts.some(({ path }) => path.join('.') === first.path))
    )
      return
    const derived = unique && type !== source.type
    const pattern = keys.map((key) => `${key.path}_${key.descending ? -1 : 1}`).join('_')
    const name = derived ? `${pattern}:${type.name}` : pattern
    const same = found.get(name)
    if (same !== undefined && (!unique || same.unique)) return
    const required = unique ? keys.map((key) => key.path).filter((path) => !path.endsWith(exactSub)) : []
    const types = derived ? [...layout.structured(type).instantiable.keys()] : []
    found.set(name, { name, fields: keys, unique, required, types })
  }
  if (collection.key.composite && collection.contained === undefined) {
    const paths = collection.key.parts.map((part): IndexPath => [part.names.join('/'), false])
    add(source.type, paths, false)
  }
  const contained = collection.contained !== undefined
  for (const type of [source.type, ...source.type.derivedTypes]) {
    for (const { referentialConstraints } of type.allNavigationProperties.values()) {
      const paths = referentialConstraints.map((constraint): IndexPath => [constraint.property, false])
      add(type, paths, false)
    }
    addAnnotated(type, type, add, contained)
  }
  for (let base = source.type.baseType; base !== undefined; base = base.baseType)
    addAnnotated(source.type, base, add, contained)
  addAnnotated(source.type, source, add, contained)
  return [...found.values()]
}

/** A model's path and whether it is descending. */
type IndexPath = readonly [string, boolean]
type AddIndex = (type: EntityType, paths: readonly IndexPath[], unique: boolean) => void

function addAnnotated(type: EntityType, target: Annotatable, add: AddIndex, contained: boolean): void {
  // alternate keys of contained entities are unique for one owner: no index of the collection can say that
  for (const key of contained ? [] : items(annotationOf(target, alternateKeys)?.value)) {
    const paths = items(member(key, 'Key')).map((part) => pathText(member(part, 'Name')))
    if (paths.length > 0)
      add(
        type,
        paths.map((path) => [path, false]),
        true,
      )
  }
  for (const index of items(annotationOf(target, storageTerms.index)?.value)) {
    const paths = items(member(index, 'Fields')).map((field): [string, boolean] => {
      const [path = '', direction] = pathText(field).split(' ')
      return [path, direction === 'desc']
    })
    add(type, paths, bool(member(index, 'Unique')) === true)
  }
}

function pathText(expression: AnnotationExpression | undefined): string {
  if (expression !== undefined && 'value' in expression && typeof expression.value === 'string') return expression.value
  throw new Error(`${storageTerms.index} and ${alternateKeys} name properties by their paths`)
}

/** An instant takes two fields: the date, and the picoseconds below its millisecond. */
function indexFields(
  layout: ModelLayout,
  collection: CollectionLayout,
  type: EntityType,
  path: string,
  descending: boolean,
): IndexField[] {
  const key = collection.key.parts.find(({ names }) => names.join('/') === path)
  if (key !== undefined) return [{ path: key.path.join('.'), descending, type: indexedType(key.property) }]
  const steps: Property[] = []
  let owner: StructuredType | undefined = type
  for (const name of path.split('/')) {
    if (name.includes('.')) continue
    const property: Property | undefined = owner?.allProperties.get(name)
    if (property === undefined)
      throw new Error(`${type.name}: an index names ${path}, but there is no property ${name}`)
    steps.push(property)
    owner = isStructured(property.type.type) ? property.type.type : undefined
  }
  const last = steps[steps.length - 1]
  const read = last && indexedType(last)
  const field: IndexField = { path: fieldPathOf(layout, collection, steps).join('.'), descending, type: read }
  if (read !== 'Edm.DateTimeOffset' || field.path.startsWith(fields.id)) return [field]
  const sub = `${exactFieldPathOf(layout, collection, steps).join('.')}.sub`
  return [field, { path: sub, descending, type: 'Edm.Int32' }]
}

function indexedType({ type: { type, collection } }: Property): PrimitiveTypeName | undefined {
  if (collection) return undefined
  return type.kind === 'enum' ? type.underlying.name : primitiveOf(type)?.name
}
