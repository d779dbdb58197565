import { mediaTypeProperty } from '../csdl/stream-terms.ts'
import type { EntityType, Property, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
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
  if (property === undefined) return changeHere(type, undefined, stream)
  return changeAt(type, properties, stream)
}

function changeAt(
  type: StructuredType,
  [property, ...rest]: readonly Property[],
  stream: StreamReference | null,
): StructuredValue {
  if (property === undefined) throw new Error('invariant: a path to a stream property has a property')
  if (rest.length === 0) return changeHere(type, property, stream)
  const { type: inner } = property.type
  if (!isStructured(inner)) throw new Error('invariant: a path to a stream goes through complex values')
  return { kind: 'structured', type, members: new Map([[property.name, changeAt(inner, rest, stream)]]) }
}

function changeHere(
  type: StructuredType,
  property: Property | undefined,
  stream: StreamReference | null,
): StructuredValue {
  const members = mediaTypeMember(type, property, stream)
  return { kind: 'structured', type, members, streams: new Map([[property?.name ?? mediaMember, stream]]) }
}

/** The member beside a stream that holds its media type, where Core.MediaType says that there is one. */
export function mediaTypeMember(
  type: StructuredType,
  property: Property | undefined,
  stream: Pick<StreamReference, 'contentType'> | null,
): ReadonlyMap<string, Value> {
  const holder = mediaTypeProperty(type, property)
  if (holder === undefined) return new Map()
  if (stream === null && !holder.type.nullable) return new Map()
  return new Map([[holder.name, stream?.contentType ?? null]])
}
