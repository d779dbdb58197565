import { decodeField } from '../bson/decode.ts'
import { exactFieldPathOf, fieldPathOf } from '../bson/field-path.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import { findPath } from '../bson/reader.ts'
import { contentDisposition } from '../csdl/core.ts'
import { acceptedMediaTypes, saidOfStream } from '../csdl/stream-terms.ts'
import type { EntityType, Property } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { StreamTarget } from '../plan/plan.ts'
import { exactMediaType, isInRanges } from '../protocol/media-type.ts'
import type { RequestHeaders } from '../protocol/message.ts'

/** What the Core vocabulary says of a stream: its media types (MediaType, AcceptableMediaTypes), its ContentDisposition. */

/**
 * The media type that a request gives its body (Protocol 11.4.7.1: it must).
 * @param type of the entity, which is there or is to be
 * @throws ODataError unsupportedMediaType where there is none, or the model takes others only; badRequest for a part
 */
export function contentTypeOf(
  headers: RequestHeaders,
  target: Pick<StreamTarget, 'property'>,
  type: EntityType,
): string {
  const given = headers['content-type']?.trim()
  const refuse = (why: string): never => {
    throw new ODataError('unsupportedMediaType', why, { target: 'Content-Type' })
  }
  if (given === undefined || given === '') return refuse('The media needs a Content-Type.')
  // a part would take the place of the whole (RFC 9110 14.4)
  if (headers['content-range'] !== undefined)
    throw new ODataError('badRequest', 'A stream is written as a whole: leave out Content-Range.', {
      target: 'Content-Range',
    })
  const coding = headers['content-encoding']?.trim().toLowerCase()
  if (coding !== undefined && coding !== '' && coding !== 'identity')
    throw new ODataError('unsupportedMediaType', 'Packed bodies are not read: leave out Content-Encoding.', {
      target: 'Content-Encoding',
    })
  checkMediaType(given, target, type, refuse)
  return given
}

/** @param refuse called with what is wrong; does not return */
export function checkMediaType(
  given: string,
  target: Pick<StreamTarget, 'property'>,
  type: EntityType | undefined,
  refuse: (why: string) => never,
): undefined {
  const media = exactMediaType(given)
  if (media === undefined) return refuse(`'${given.slice(0, 80).replace(/[^\x20-\x7e]/g, '?')}' is no media type.`)
  const accepted = acceptedMediaTypes(target.property, type)
  if (isInRanges(media, accepted)) return undefined
  return refuse(`The media must be ${(accepted ?? []).join(', ')}, not '${media.type}/${media.subtype}'.`)
}

/** How a stream is to be shown or saved; its file name may be a property of the entity. */
export function dispositionOf(
  target: StreamTarget,
  type: EntityType,
  layout: ModelLayout,
  collection: CollectionLayout,
  row: Uint8Array,
): { readonly type: string; readonly filename: string | undefined } | undefined {
  const found = saidOfStream(target.property, type, contentDisposition)
  if (found === undefined) return undefined
  const { filename, filenamePath } = found
  if (filenamePath === undefined) return { type: found.type, filename }
  const beside = target.path.flatMap((step) => (step.kind === 'property' ? [step.property] : [])).slice(0, -1)
  const owner = target.property === undefined ? type : target.property.declaringType
  const property: Property | undefined = owner.allProperties.get(filenamePath)
  if (property === undefined) return { type: found.type, filename: undefined }
  const path = [...beside, property]
  const value = decodeField(
    row,
    findPath(row, fieldPathOf(layout, collection, path)),
    property.type,
    findPath(row, exactFieldPathOf(layout, collection, path)),
    layout,
  )
  return { type: found.type, filename: typeof value === 'string' ? value : undefined }
}
