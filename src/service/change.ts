import { encodeMembers } from '../bson/encode.ts'
import { fields, type ModelLayout } from '../bson/layout.ts'
import { isComputed, isImmutable } from '../csdl/core.ts'
import type { StructuredValue } from '../edm/value.ts'
import type { Change } from '../store/port.ts'

/**
 * The stored form of an update: PATCH sets what the body names (null takes the field away), PUT replaces everything but the
 * key and what a client may not change (Protocol 11.4.3, 11.4.4).
 */
export function changeOf(layout: ModelLayout, entity: StructuredValue, replace: boolean): Change {
  const { document, unset } = encodeMembers(layout, entity.type, entity.members)
  if (!replace) return { kind: 'merge', set: document, unset }
  const structured = layout.structured(entity.type)
  const keep: string[] = [fields.type]
  for (const property of entity.type.allProperties.values()) {
    const field = structured.fieldOf.get(property.name)
    if (field !== undefined && (isComputed(property) || isImmutable(property)))
      keep.push(field, `${field}${fields.exact}`)
  }
  return { kind: 'replace', document, keep }
}
