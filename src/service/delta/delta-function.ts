import { type HttpRequest, requestLike } from '../../protocol/message.ts'
import type { Core } from '../core.ts'
import type { Planned } from '../planner.ts'

/** The last segment of a path: the function, qualified or not, with or without parentheses. */
const deltaSegment = /\/(?:[\w.]+\.)?delta(?:\(\))?\/?$/

/**
 * What `/users/delta` stands for with Graph's manners, where the model binds a function `delta` without parameters to the collection and
 * nobody has written a handler of it: the collection itself, its changes tracked.
 * @returns undefined where the request asks for something else
 */
export function trackedByDelta(core: Core, { plan }: Planned, request: HttpRequest): HttpRequest | undefined {
  if (!core.protocol.graph || plan.kind !== 'read' || plan.source.root.kind !== 'result') return undefined
  const { operation, binding } = plan.source.root.call
  if (operation.kind !== 'function' || !operation.name.endsWith('.delta') || operation.parameters.length > 1)
    return undefined
  if (binding === undefined || binding.source.single || core.operations.has(operation)) return undefined
  const mark = request.target.indexOf('?')
  const path = mark < 0 ? request.target : request.target.slice(0, mark)
  const collection = path.replace(deltaSegment, '')
  // what comes behind the function (a key, /$count) asks for its result
  if (collection === path) return undefined
  const { prefer } = request.headers
  return requestLike(request, {
    target: collection + request.target.slice(path.length),
    headers: { ...request.headers, prefer: prefer === undefined ? 'track-changes' : `${prefer}, track-changes` },
  })
}

/** `/$count` at the end of a path, and the token of a delta link behind it. */
const countOfDelta = /^([^?]*)\/(?:\$|%24)count(\?(?:.*&)?(?:\$|%24)deltatoken=.*)$/i

/** What a delta link with `/$count` appended to its path (Protocol 11.3.2) counts the changes of: the collection; undefined: it is none. */
export function countedDelta(request: HttpRequest): HttpRequest | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  const [, path, query] = countOfDelta.exec(request.target) ?? []
  return path === undefined ? undefined : requestLike(request, { target: `${path}${query}` })
}
