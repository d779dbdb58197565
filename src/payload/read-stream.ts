import { Buffer } from 'node:buffer'
import { fixedMediaType } from '../csdl/stream-terms.ts'
import { decodeBase64 } from '../edm/binary.ts'
import type { Property, StructuredType } from '../edm/model.ts'
import type { InlineStream } from '../edm/value.ts'
import { parseMediaType } from '../protocol/media-type.ts'
import type { Faults } from './faults.ts'
import { type JsonNode, type JsonObject, jsonKinds } from './json.ts'

/** How a stream of a media type stands in JSON (JSON Format 9). */
export type InlineForm = 'json' | 'text' | 'binary'

/** @returns binary where the text is no media type, too */
export function inlineForm(contentType: string): InlineForm {
  const media = parseMediaType(contentType)
  if (media === undefined) return 'binary'
  const { type, subtype, parameters } = media
  if (type === 'application' && (subtype === 'json' || subtype.endsWith('+json'))) return 'json'
  if (type !== 'text') return 'binary'
  return /^(?:utf-8|us-ascii)$/i.test(parameters.get('charset') ?? 'utf-8') ? 'text' : 'binary'
}

/**
 * Reads a stream that a body gives by value (JSON Format 9 and 10), by the media type beside it or the one that the model says.
 * @param node not null
 * @param property undefined: the media of the entity, which is always base64url
 * @param object that the value is a member of, of type `owner`
 * @param body UTF-8 JSON that all of it was parsed from
 * @returns undefined where a fault was found
 */
export function readStream(
  node: JsonNode,
  property: Property | undefined,
  object: JsonObject,
  owner: StructuredType,
  body: Uint8Array,
  target: string,
  faults: Faults,
): InlineStream | undefined {
  const fault = (why: string, at: JsonNode = node): undefined => {
    faults.add('valueInvalid', `The value of ${target} is invalid: ${why}.`, target, at)
    return undefined
  }
  const name = property?.name ?? ''
  const given = object.members.get(`${name}@odata.mediaContentType`) ?? object.members.get(`${name}@mediaContentType`)
  if (given !== undefined && given.kind !== 'string')
    return fault(`${name}@mediaContentType is a string, not ${jsonKinds[given.kind]}`, given)
  const contentType = given?.value ?? fixedMediaType(property, owner.kind === 'entity' ? owner : undefined)
  if (contentType === undefined) return fault(`it needs ${name}@mediaContentType beside it`)
  const form = property === undefined ? 'binary' : inlineForm(contentType)
  // of a text that was parsed: where the node stands is told in its UTF-16 units
  if (form === 'json')
    return { contentType, bytes: Buffer.from(Buffer.from(body).toString('utf8').slice(node.offset, node.end)) }
  if (node.kind !== 'string') return fault(`a string is expected, not ${jsonKinds[node.kind]}`)
  if (form === 'text') return { contentType, bytes: Buffer.from(node.value) }
  const bytes = decodeBase64(node.value)
  return bytes === undefined ? fault('it is no base64url') : { contentType, bytes }
}
