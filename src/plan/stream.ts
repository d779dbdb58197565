import type { BoundPath, MemberStep } from '../bind/tree.ts'
import { isComputed } from '../csdl/core.ts'
import { isMedia } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import { allow, type Method } from './methods.ts'
import type { Source, StreamTarget } from './plan.ts'

/**
 * The stream that a request reads or writes; undefined where it is about JSON. A POST to media entities brings the media of a new
 * one (Protocol 11.4.7.1); DELETE of the media of an entity deletes the entity (11.4.7.3).
 * @throws ODataError methodNotAllowed for streams that only the service writes (Core.Computed)
 */
export function streamTarget(
  method: Method,
  { resource }: BoundPath,
  { source, member }: { readonly source: Source; readonly member: readonly MemberStep[] },
): StreamTarget | undefined {
  if (method === 'POST' && resource === 'entityCollection' && isMedia(source.type)) return media
  if (resource !== 'stream' && resource !== 'mediaStream') return undefined
  const last = member.findLast(({ kind }) => kind === 'property')
  if (last?.kind !== 'property') return media
  const { property } = last
  if (method !== 'GET' && isComputed(property))
    throw new ODataError('methodNotAllowed', `'${property.name}' is written by the service (Core.Computed).`, {
      target: property.name,
      headers: { Allow: allow(['GET']) },
    })
  return { path: member, property, ...(method === 'DELETE' ? { removed: true as const } : {}) }
}

const media: StreamTarget = { path: [], property: undefined }
