import { encodeMembers, encodeReplacement, plainKeysOf, storedFieldsOf } from '../bson/encode.ts'
import { type CollectionLayout, fields, type ModelLayout } from '../bson/layout.ts'
import { isComputed, isImmutable, isWritable } from '../csdl/core.ts'
import { isStream } from '../edm/types.ts'
import { isStructuredValue, mediaMember, type StructuredValue } from '../edm/value.ts'
import type { Change } from '../store/port.ts'
import { mayHaveStreams } from './streams.ts'

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
  const keep: string[] = [fields.type, fields.links, fields.order]
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
  const keepInside = streamsInside(layout, entity, new Set(keep))
  const change = { kind: 'replace', document: encodeReplacement(layout, entity), keep } as const
  return keepInside.length === 0 ? change : { ...change, keepInside }
}

/**
 * Stored paths of the streams in complex values that take the place of others: they are no part of a PUT but where it says them (Protocol 11.4.3,
 * 11.4.8). What is in a collection is new.
 * @param without stored fields that stay as they are
 */
function streamsInside(
  layout: ModelLayout,
  { type, members }: StructuredValue,
  without: ReadonlySet<string>,
): readonly string[] {
  const paths: string[] = []
  for (const [name, value] of members) {
    const property = type.allProperties.get(name)
    if (property === undefined || value === null || !isStructuredValue(value) || !mayHaveStreams(value.type)) continue
    const [field] = storedFieldsOf(layout, property)
    if (field === undefined || without.has(field)) continue
    for (const inner of value.type.allProperties.values())
      if (isStream(inner) && value.members.get(inner.name) !== null && !value.streams?.has(inner.name))
        paths.push(...storedFieldsOf(layout, inner).map((one) => `${field}.${one}`))
    for (const path of streamsInside(layout, value, new Set())) paths.push(`${field}.${path}`)
  }
  return paths
}
