import type {
  EntityType,
  EnumType,
  NavigationProperty,
  PrimitiveType,
  PrimitiveTypeName,
  Property,
  StructuredType,
  TypeDefinition,
} from '../edm/model.ts'
import { orderField } from '../edm/value.ts'

/**
 * The stored form (docs/architecture.md, "Stored form"): which collection and which fields hold what. Derived once from
 * the model by `layout-of-model.ts`; stores, eval and payload read it and nothing else about storage.
 */

/** Names of our own in a document; `@` is no part of an OData identifier. */
export const fields = {
  id: '_id',
  type: '@type',
  version: '@version',
  /** lists of keys of related entities (link-keys.ts) */
  links: '@links',
  /** behind a collection's name: how many items it has, of a row on its way out only (eval/chosen-items.ts) */
  count: '@count',
  exact: '@exact',
  /** of contained entities that are kept in an order: a text (entity-order.ts) */
  order: orderField,
  /** pointer to the media of the entity */
  media: '@media',
  /** behind the field of a stream property: pointer to its value */
  stream: '@stream',
} as const

/** Fields of `_id` in a contained collection: the owner's path, and the key. */
export const containedId = { owner: 'p', key: 'k' } as const

/** Dotted path of the owner in rows of a contained collection. */
export const ownerPath = `${fields.id}.${containedId.owner}`

/** How a key stands in `_id`. */
export interface KeyLayout {
  /** false: the key is the value itself; true: it is a document, one field for each key property, in key order */
  readonly composite: boolean
  /**
   * Key alias and its path in the stored document: `['_id']` or `['_id', alias]`, in a contained collection `['_id', 'k']` or
   * `['_id', 'k', alias]`; in key order. None where a collection holds one row for each owner (singletons, contained
   * entities of single-valued navigation properties): key properties are fields like all others there.
   */
  readonly parts: readonly KeyPartLayout[]
}

export interface KeyPartLayout {
  readonly alias: string
  readonly path: readonly string[]
  /** the model's path to the key property: one name, or several where it lies in a complex property */
  readonly names: readonly string[]
  readonly property: Property
}

/** How values of one structured type are stored. */
export interface StructuredLayout {
  readonly type: StructuredType
  /** stored field of each declared property that is not a key, by property name (Odatum.V1.Field, else the name) */
  readonly fieldOf: ReadonlyMap<string, string>
  /** property name by stored field */
  readonly propertyOf: ReadonlyMap<string, string>
  /** what `@type` may say where this type is declared: itself and the types derived from it, without abstract ones */
  readonly instantiable: ReadonlyMap<string, StructuredType>
  /** the type of a document without `@type`: the declared one, or the only one that can be instantiated */
  readonly withoutType: StructuredType
}

/**
 * One stored collection: of an entity set, a singleton, or a contained navigation property. Rows of the last are of many
 * owners: their `_id` is `{p, k}`, the owner's path (`users('u1')/mailFolders('f1')`: its canonical URL without the root
 * and unencoded, behind it what leads to the navigation property: complex properties, or the cast to the type that declares
 * it) and the key, '' for a single-valued one.
 */
export interface CollectionLayout {
  /** name of the collection */
  readonly name: string
  readonly entityType: EntityType
  readonly key: KeyLayout
  /** other processes write here too: the ETag is a content hash */
  readonly sharedWrites: boolean
  readonly indexes: readonly IndexLayout[]
  /** the navigation property whose targets stand here; undefined: an entity set's or singleton's collection */
  readonly contained?: NavigationProperty
}

/** An index besides the key's. */
export interface IndexLayout {
  readonly name: string
  /** stored fields, in order */
  readonly fields: readonly IndexField[]
  readonly unique: boolean
  /** of a unique index: it holds the documents that have these fields (a partial index on `$exists`; nulls are not stored) */
  readonly required: readonly string[]
  /** of a unique index that a derived type declares: the values of `@type` it holds for; empty: all documents */
  readonly types: readonly string[]
}

/** One field of an index. */
export interface IndexField {
  /** stored field path, dotted */
  readonly path: string
  readonly descending: boolean
  /** what its values are read as: of an enumeration the underlying type; undefined: not of one primitive type */
  readonly type: PrimitiveTypeName | undefined
}

/** The stored form of a whole model. */
export interface ModelLayout {
  /** by entity set or singleton name */
  readonly collections: ReadonlyMap<string, CollectionLayout>
  /**
   * The collection of the entities that a containment navigation property holds, whoever their owners are; made at first use.
   * @throws ODataError notImplemented where the property holds entities of any type, or ones without a key
   */
  contained(property: NavigationProperty): CollectionLayout
  /** layout of a structured type; made at first use */
  structured(type: StructuredType): StructuredLayout
  /** the entity or complex type of a qualified name (`@type` of values of open types) */
  typeNamed(name: string): StructuredType | undefined
  /** the primitive type, enumeration or type definition of a qualified name (`@type` beside `@value`) */
  scalarNamed(name: string): PrimitiveType | EnumType | TypeDefinition | undefined
}
