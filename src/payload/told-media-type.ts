import type { ModelLayout } from '../bson/layout.ts'
import { bsonType, elementType, findField, readString, valueOffset } from '../bson/reader.ts'
import { acceptedMediaTypes, mediaTypeProperty } from '../csdl/stream-terms.ts'
import type { Property, StructuredType } from '../edm/model.ts'
import { exactMediaType, isInRanges } from '../protocol/media-type.ts'
import { type MemberOwner, memberPlace } from './member-place.ts'
import type { MemberPath } from './writer.ts'

/**
 * Compiles the media type of a stream or binary value that has one (Core.MediaType): what the property that the model names says, where that is a
 * media type that the model accepts, so that nothing is served that an upload could not be.
 * @param property undefined: the media of the entity
 * @returns gives `otherwise` where the property says none; `start` is that of the document that both stand in
 */
export function toldMediaType(
  layout: ModelLayout,
  type: StructuredType,
  property: Property | undefined,
): (row: Uint8Array, start: number, otherwise: string) => string {
  const holder = mediaTypeProperty(type, property)
  if (holder === undefined) return (_row, _start, otherwise) => otherwise
  const field = layout.structured(holder.declaringType).fieldOf.get(holder.name) ?? holder.name
  const accepted = acceptedMediaTypes(property, type.kind === 'entity' ? type : undefined)
  return (row, start, otherwise) => {
    const at = findField(row, field, start)
    if (at < 0 || elementType(row, at) !== bsonType.string) return otherwise
    const said = readString(row, valueOffset(row, at))
    if (said === otherwise) return said
    const media = exactMediaType(said)
    return media !== undefined && isInRanges(media, accepted) ? said : otherwise
  }
}

/** The same of a value that a path leads to; of an empty path the media of the row, which is of the owner's type. */
export function toldMediaTypeAt(
  path: MemberPath,
  layout: ModelLayout,
  owner: MemberOwner,
): (row: Uint8Array, otherwise: string) => string {
  const last = path.at(-1)
  const property = last?.kind === 'property' ? last.property : undefined
  if (last !== undefined && property === undefined) return (_row, otherwise) => otherwise
  const told = toldMediaType(layout, property?.declaringType ?? owner.type, property)
  const way = path.slice(0, -1)
  if (way.every(({ kind }) => kind === 'cast')) return (row, otherwise) => told(row, 0, otherwise)
  const place = memberPlace(way, layout, owner)
  return (row, otherwise) => {
    const { at } = place(row)
    return at < 0 || elementType(row, at) !== bsonType.document ? otherwise : told(row, valueOffset(row, at), otherwise)
  }
}
