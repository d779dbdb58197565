import type { Property, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { type CollectionLayout, fields, type ModelLayout } from './layout.ts'
import { untypedField } from './untyped-name.ts'

/** A field that no document has: the place of dynamic properties whose names are not theirs to take. */
const nowhere = '@nowhere'
const unusableName = /^\$|[.@\0]/

/**
 * Where a property of a document is stored. Key properties live in `_id`; all others under their own or mapped name.
 * @param collection the collection whose documents are meant; undefined: an embedded document (complex value), which has no `_id`
 * @param properties the way from the document to the property; a string is a dynamic property of an open type
 * @returns field names from the document down; a dynamic property that would read something else leads nowhere
 */
export function fieldPathOf(
  layout: ModelLayout,
  collection: CollectionLayout | undefined,
  properties: readonly (Property | string)[],
): readonly string[] {
  return keyPathOf(collection, properties)?.path ?? plainPath(layout, collection, properties)
}

/**
 * Where the part of a DateTimeOffset stands that a BSON date cannot hold: beside the property's own field. Of a key
 * property: a field of the document, named by the key's alias.
 */
export function exactFieldPathOf(
  layout: ModelLayout,
  collection: CollectionLayout | undefined,
  properties: readonly (Property | string)[],
): readonly string[] {
  const key = keyPathOf(collection, properties)
  if (key !== undefined) return [key.alias + fields.exact]
  const path = [...plainPath(layout, collection, properties)]
  const last = path.pop()
  return last === undefined ? [] : [...path, last + fields.exact]
}

/** Where the pointer to the value of a stream property stands. @param properties none: the media of the document's entity */
export function streamFieldPathOf(
  layout: ModelLayout,
  collection: CollectionLayout | undefined,
  properties: readonly (Property | string)[],
): readonly string[] {
  const path = [...plainPath(layout, collection, properties)]
  const last = path.pop()
  return last === undefined ? [fields.media] : [...path, last + fields.stream]
}

function keyPathOf(collection: CollectionLayout | undefined, properties: readonly (Property | string)[]) {
  if (collection === undefined) return undefined
  return collection.key.parts.find(
    ({ names }) =>
      names.length === properties.length &&
      names.every((name, i) => {
        const property = properties[i]
        return typeof property === 'object' && property.name === name
      }),
  )
}

function plainPath(
  layout: ModelLayout,
  collection: CollectionLayout | undefined,
  properties: readonly (Property | string)[],
): readonly string[] {
  let owner: StructuredType | undefined = collection?.entityType
  return properties.map((property) => {
    if (typeof property === 'string') {
      const field = isDynamicName(layout, owner, property) ? property : owner ? nowhere : untypedField(property)
      owner = undefined
      return field
    }
    const field = layout.structured(property.declaringType).fieldOf.get(property.name) ?? property.name
    owner = isStructured(property.type.type) ? property.type.type : undefined
    return field
  })
}

/**
 * Whether a dynamic property may have such a name: none that odatum, MongoDB or the BSON library gives a meaning, nor the
 * stored field of a declared property.
 * @param owner the open type, where it is known
 */
export function isDynamicName(layout: ModelLayout, owner: StructuredType | undefined, name: string): boolean {
  if (name === '' || name === fields.id || name === '_bsontype' || unusableName.test(name)) return false
  return owner === undefined || !layout.structured(owner).propertyOf.has(name)
}
