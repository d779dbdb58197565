import type { Annotatable, EntityType, Property, StructuredType } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { acceptableMediaTypes, mediaType, mediaTypePath } from './core.ts'

/** What the Core vocabulary says of a stream, wherever it stands: at the property and its type definition, or at an entity type and its base types. */

/**
 * The first answer of the elements whose annotations count for a stream.
 * @param property undefined: the media of the entity
 */
export function saidOfStream<T>(
  property: Property | undefined,
  type: EntityType | undefined,
  read: (element: Annotatable) => T | undefined,
): T | undefined {
  for (const element of elementsOf(property, type)) {
    const found = read(element)
    if (found !== undefined) return found
  }
  return undefined
}

function elementsOf(property: Property | undefined, type: EntityType | undefined): readonly Annotatable[] {
  if (property !== undefined) {
    const { type: own } = property.type
    return 'annotations' in own ? [property, own] : [property]
  }
  const types: Annotatable[] = []
  for (let current = type; current !== undefined; current = current.baseType) types.push(current)
  return types
}

/** Core.MediaType of a stream: the one media type that it has. */
export function fixedMediaType(property: Property | undefined, type: EntityType | undefined): string | undefined {
  return saidOfStream(property, type, mediaType)
}

/** Media ranges that a stream takes (Core.AcceptableMediaTypes, else Core.MediaType); undefined: any. */
export function acceptedMediaTypes(
  property: Property | undefined,
  type: EntityType | undefined,
): readonly string[] | undefined {
  const fixed = fixedMediaType(property, type)
  return saidOfStream(property, type, acceptableMediaTypes) ?? (fixed === undefined ? undefined : [fixed])
}

/**
 * The property beside a stream or a binary value that holds its media type (Core.MediaType as a path).
 * @param property undefined: the media of the entity
 */
export function mediaTypeProperty(type: StructuredType, property: Property | undefined): Property | undefined {
  const name =
    property !== undefined
      ? mediaTypePath(property)
      : saidOfStream(undefined, type.kind === 'entity' ? type : undefined, mediaTypePath)
  const holder = name === undefined ? undefined : type.allProperties.get(name)
  if (holder === undefined || holder.type.collection) return undefined
  return primitiveOf(holder.type.type)?.name === 'Edm.String' ? holder : undefined
}
