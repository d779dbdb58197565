import { isReadable } from '../../csdl/core.ts'
import { isStructuredValue, type Value } from '../../edm/value.ts'
import { isCollectionValue } from '../values.ts'
import { isInstance } from './instance.ts'

/** Complex values inside each other that are searched. */
const maxDepth = 4

/** The strings of an instance that a search looks into; not those of related entities. */
export function textsOf(value: Value, depth = maxDepth): readonly string[] {
  if (typeof value === 'string') return [value]
  if (value === null || depth === 0) return []
  if (isCollectionValue(value)) return value.flatMap((item) => textsOf(item, depth))
  if (!isStructuredValue(value)) return []
  const texts: string[] = []
  for (const [name, member] of value.members) {
    const property = value.type.allProperties.get(name)
    if (property !== undefined && !isReadable(property)) continue
    if (isInstance(member) && member.entity !== undefined) continue
    texts.push(...textsOf(member, depth - 1))
  }
  return texts
}
