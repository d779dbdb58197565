import type { EntityType, StructuredType } from '../edm/model.ts'

/**
 * The stored form (docs/architecture.md, "Stored form"): which collection and which fields hold what. Derived once from
 * the model by `layout-of-model.ts`; stores, eval and payload read it and nothing else about storage.
 */

/** Names of our own in a document; `@` is no part of an OData identifier. */
export const fields = { id: '_id', type: '@type', version: '@version', links: '@links', exact: '@exact' } as const

/** How a key stands in `_id`. */
export interface KeyLayout {
  /** false: `_id` is the value itself; true: `_id` is a document, one field for each key property, in key order */
  readonly composite: boolean
  /** key alias and its path in the stored document: `['_id']` or `['_id', alias]`, in key order */
  readonly parts: readonly { readonly alias: string; readonly path: readonly string[] }[]
}

/** How values of one structured type are stored. */
export interface StructuredLayout {
  readonly type: StructuredType
  /** stored field of each declared property that is not a key, by property name (Odatum.V1.Field, else the name) */
  readonly fieldOf: ReadonlyMap<string, string>
  /** property by stored field */
  readonly propertyOf: ReadonlyMap<string, string>
}

/** One stored collection: of an entity set, a singleton, or a contained navigation property. */
export interface CollectionLayout {
  /** name of the collection */
  readonly name: string
  readonly entityType: EntityType
  readonly key: KeyLayout
  /** other processes write here too: the ETag is a content hash */
  readonly sharedWrites: boolean
  readonly indexes: readonly IndexLayout[]
}

/** An index besides the key's. */
export interface IndexLayout {
  readonly name: string
  /** stored field paths, dotted, in order */
  readonly fields: readonly { readonly path: string; readonly descending: boolean }[]
  readonly unique: boolean
}

/** The stored form of a whole model. */
export interface ModelLayout {
  /** by entity set or singleton name */
  readonly collections: ReadonlyMap<string, CollectionLayout>
  /** layout of a structured type; made at first use */
  structured(type: StructuredType): StructuredLayout
}
