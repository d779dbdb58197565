import { acceptableMediaTypes, mediaType } from '../../csdl/core.ts'
import type { Annotatable, EntityType, Property } from '../../edm/model.ts'
import { isMedia, primitiveOf } from '../../edm/types.ts'
import type { Schema } from './schemas.ts'

/** Streams in OpenAPI: bytes of a media type that the model may narrow (Core.MediaType, Core.AcceptableMediaTypes). */

const bytes: Schema = { schema: { type: 'string', format: 'binary' } }

/** The content of a stream. */
export function streamContent(element: Annotatable): { readonly [media: string]: Schema } {
  const fixed = mediaType(element)
  const types = acceptableMediaTypes(element) ?? (fixed === undefined ? ['*/*'] : [fixed])
  return Object.fromEntries((types.length === 0 ? ['*/*'] : types).map((type) => [type, bytes]))
}

/** A media entity type, or the nearest base type that says something of its media. */
export function mediaElement(type: EntityType): Annotatable {
  for (let of: EntityType | undefined = type; of !== undefined; of = of.baseType)
    if (acceptableMediaTypes(of) !== undefined || mediaType(of) !== undefined) return of
  return type
}

/** The streams of an entity: its own media as `$value`, and stream properties. */
export function streamsOf(type: EntityType): readonly { readonly segment: string; readonly element: Annotatable }[] {
  const properties = [...type.allProperties.values()].filter(isStreamProperty)
  return [
    ...(isMedia(type) ? [{ segment: '$value', element: mediaElement(type) }] : []),
    ...properties.map((property) => ({ segment: property.name, element: property })),
  ]
}

function isStreamProperty({ type }: Property): boolean {
  return !type.collection && primitiveOf(type.type)?.name === 'Edm.Stream'
}
