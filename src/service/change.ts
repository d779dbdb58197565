import { encodeMembers, encodeReplacement, plainKeysOf, storedFieldsOf } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { isComputed, isImmutable, isWritable } from '../csdl/core.ts'
import { isStream } from '../edm/types.ts'
import { mediaMember, type StructuredValue } from '../edm/value.ts'
import type { Change } from '../store/port.ts'

/**
 * The stored form of an update: PATCH sets what the body names (null takes the field away), PUT replaces everything but the
 * key and what a client may not change (Protocol 11.4.3, 11.4.4).
 * @param isKept whether a property stays as it is though the body does not have it, for what the plan says
 */
export function changeOf(
  layout: ModelLayout,
  collection: CollectionLayout,
  entity: StructuredValue,
  replace: boolean,
  isKept: (name: string) => boolean = () => false,
): Change {
  if (!replace) return { kind: 'merge', ...encodeMembers(layout, entity.type, entity.members, entity) }
  const keep: string[] = [fields.type, fields.links]
  if (!entity.streams?.has(mediaMember)) keep.push(fields.media)
  for (const property of entity.type.allProperties.values())
    if (
      (isStream(property) && entity.members.get(property.name) !== null && !entity.streams?.has(property.name)) ||
      isComputed(property) ||
      isImmutable(property) ||
      !isWritable(property) ||
      isKept(property.name)
    )
      keep.push(...storedFieldsOf(layout, property))
  for (const { name } of plainKeysOf(collection)) keep.push(name, name + fields.exact)
  return { kind: 'replace', document: encodeReplacement(layout, entity), keep }
}
