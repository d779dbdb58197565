import { mediaTypePath } from '../csdl/core.ts'
import type { EntityType, Property, StructuredType } from '../edm/model.ts'
import { isStructured, primitiveOf } from '../edm/types.ts'
import { mediaMember, type StreamReference, type StructuredValue, type Value } from '../edm/value.ts'
import type { StreamTarget } from '../plan/plan.ts'

/**
 * What a new value of a stream changes of its entity: the pointer, and the property that Core.MediaType says holds its media type.
 * @param stream null: the value is taken away
 */
export function streamChange(
  type: EntityType,
  { path, property }: StreamTarget,
  stream: StreamReference | null,
): StructuredValue {
  const properties = path.flatMap((step) => (step.kind === 'property' ? [step.property] : []))
  if (property === undefined) return changeHere(type, mediaMember, typePath(type), stream)
  return changeAt(type, properties, stream)
}

function changeAt(
  type: StructuredType,
  [property, ...rest]: readonly Property[],
  stream: StreamReference | null,
): StructuredValue {
  if (property === undefined) throw new Error('invariant: a path to a stream property has a property')
  if (rest.length === 0) return changeHere(type, property.name, mediaTypePath(property), stream)
  const { type: inner } = property.type
  if (!isStructured(inner)) throw new Error('invariant: a path to a stream goes through complex values')
  return { kind: 'structured', type, members: new Map([[property.name, changeAt(inner, rest, stream)]]) }
}

function changeHere(
  type: StructuredType,
  name: string,
  typeMember: string | undefined,
  stream: StreamReference | null,
): StructuredValue {
  const members = new Map<string, Value>()
  const holder = typeMember === undefined ? undefined : type.allProperties.get(typeMember)
  if (holder !== undefined && !holder.type.collection && primitiveOf(holder.type.type)?.name === 'Edm.String')
    if (stream !== null || holder.type.nullable) members.set(holder.name, stream?.contentType ?? null)
  return { kind: 'structured', type, members, streams: new Map([[name, stream]]) }
}

function typePath(type: EntityType): string | undefined {
  for (let current: EntityType | undefined = type; current !== undefined; current = current.baseType) {
    const path = mediaTypePath(current)
    if (path !== undefined) return path
  }
  return undefined
}
