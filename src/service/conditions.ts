import { fields } from '../bson/layout.ts'
import { findField, readNumber } from '../bson/reader.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { JsonObject } from '../payload/json.ts'
import { type Conditions, type ETagCondition, versionsOf } from '../protocol/etag.ts'
import type { Precondition } from '../store/port.ts'

/** The stored version of a row; undefined where it has none (written by somebody else). */
export function versionOf(row: Uint8Array): number | undefined {
  const at = findField(row, fields.version)
  return at < 0 ? undefined : readNumber(row, at)
}

/** The condition of a change, in the store's terms (Protocol 11.4.1.1). */
export function preconditionOf({ ifMatch, ifNoneMatch }: Conditions): Precondition | undefined {
  if (ifMatch && ifNoneMatch) return bothOf(ifMatch, ifNoneMatch)
  if (ifMatch) return ifMatch.any ? { kind: 'exists' } : { kind: 'versions', anyOf: versionsOf(ifMatch.tags) }
  if (ifNoneMatch)
    return ifNoneMatch.any ? { kind: 'absent' } : { kind: 'notVersions', noneOf: versionsOf(ifNoneMatch.tags) }
  return undefined
}

/** Both have to hold (RFC 9110 13.2.2). */
function bothOf(ifMatch: ETagCondition, ifNoneMatch: ETagCondition): Precondition {
  if (ifNoneMatch.any) return { kind: 'versions', anyOf: [] }
  const excluded = new Set(versionsOf(ifNoneMatch.tags))
  if (ifMatch.any) return { kind: 'notVersions', noneOf: [...excluded] }
  return { kind: 'versions', anyOf: versionsOf(ifMatch.tags).filter((version) => !excluded.has(version)) }
}

/**
 * What the conditions of a read make of a row (RFC 9110 13.2.2).
 * @returns true: the client has it already (304)
 * @throws ODataError preconditionFailed
 */
export function notModified({ ifMatch, ifNoneMatch }: Conditions, version: number | undefined): boolean {
  if (ifMatch && !matches(ifMatch, version)) throw preconditionFailed('If-Match')
  return ifNoneMatch !== undefined && matches(ifNoneMatch, version)
}

function matches(condition: ETagCondition, version: number | undefined): boolean {
  return condition.any || (version !== undefined && versionsOf(condition.tags).includes(version))
}

export function preconditionFailed(header: string): ODataError {
  return new ODataError('preconditionFailed', `The entity is not in the state that ${header} asks for.`, {
    target: header,
  })
}

/** The ETag that a body says of an entity (JSON Format 4.6.2). @throws ODataError controlInformationInvalid where it is no text */
export function bodyTagOf({ members }: JsonObject): string | undefined {
  const tag = members.get('@odata.etag') ?? members.get('@etag')
  if (tag === undefined) return undefined
  if (tag.kind === 'string') return tag.value
  throw new ODataError('controlInformationInvalid', 'An ETag is a string.', { target: '@odata.etag' })
}

/** The version that an entity tag stands for; undefined: none of ours. */
export function versionOfTag(tag: string): number | undefined {
  const version = /^(?:W\/)?"([1-9]\d{0,14})"$/.exec(tag)?.[1]
  return version === undefined ? undefined : Number(version)
}

/**
 * Whether the ETag in a body is that of the stored version, or `*` (Protocol 11.4.3); true where it says none.
 * @param version undefined: the entity is not there
 */
export function bodyTagHolds(node: JsonObject, version: number | undefined): boolean {
  const tag = bodyTagOf(node)
  return tag === undefined || tag === '*' || (version !== undefined && versionOfTag(tag) === version)
}
