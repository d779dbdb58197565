import { encodeMembers, encodeReplacement, plainKeysOf, storedFieldsOf } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { isComputed, isImmutable } from '../csdl/core.ts'
import type { StructuredValue } from '../edm/value.ts'
import type { Change } from '../store/port.ts'

/**
 * The stored form of an update: PATCH sets what the body names (null takes the field away), PUT replaces everything but the
 * key and what a client may not change (Protocol 11.4.3, 11.4.4).
 */
export function changeOf(
  layout: ModelLayout,
  collection: CollectionLayout,
  entity: StructuredValue,
  replace: boolean,
): Change {
  if (!replace) return { kind: 'merge', ...encodeMembers(layout, entity.type, entity.members, entity.dynamicTypes) }
  const keep: string[] = [fields.type]
  for (const property of entity.type.allProperties.values())
    if (isComputed(property) || isImmutable(property)) keep.push(...storedFieldsOf(layout, property))
  for (const { name } of plainKeysOf(collection)) keep.push(name, name + fields.exact)
  return { kind: 'replace', document: encodeReplacement(layout, entity), keep }
}
