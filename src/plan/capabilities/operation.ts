import { noQuery } from '../../bind/no-query.ts'
import type { BoundPath, BoundSegment } from '../../bind/tree.ts'
import { operationRestrictions } from '../../csdl/capabilities.ts'
import { operationAvailable } from '../../csdl/core.ts'
import { Requirements } from './access.ts'
import { type CheckedRequest, checkRequest } from './check.ts'
import { demandsOfAll, demandsOfOperation } from './demands.ts'
import { refuseRequest } from './refuse.ts'
import type { Verdict } from './verdict.ts'

type OperationSegment = Extract<BoundSegment, { kind: 'operation' }>

/**
 * Checks a request whose path calls operations: what each is bound to like a resource that is read, the operation by its
 * OperationRestrictions, and what is asked of the result. The permissions that an operation asks for stand in place of those for reading
 * what it is bound to. What it gives is its handler's to decide: the restrictions of the set that its entities belong to do not hold for it.
 * @throws ODataError as `checkRequest`
 */
export function checkOperations(request: CheckedRequest): Verdict {
  const { path } = request
  const action = path.segments.at(-1)
  const method = action?.kind === 'operation' && action.operation.kind === 'action' ? 'GET' : request.method
  const whole = checkRequest({ ...request, method })
  const requires = [...whole.requires]
  const demands = [whole.conditions.demands]
  for (const [i, segment] of path.segments.entries()) {
    if (segment.kind !== 'operation') continue
    const own = new Requirements()
    own.operation(segment.operation)
    const before = i === 0 ? [] : requiredBefore(request, segment, path.segments.slice(0, i))
    requires.push(...(own.all().length > 0 ? own.all() : before))
    demands.push(demandsOfOperation(segment.operation))
  }
  const all = demandsOfAll(demands)
  return {
    ...whole,
    requires,
    conditions: {
      ...whole.conditions,
      ...(all === undefined ? {} : { demands: all }),
    },
  }
}

/** What reading the binding value needs. */
function requiredBefore(
  { model, path }: CheckedRequest,
  { operation }: OperationSegment,
  segments: readonly BoundSegment[],
): Verdict['requires'] {
  if (operationAvailable(operation) === false)
    refuseRequest('resourceNotFound', `'${operation.name}' is not available`, 'Core.OperationAvailable', operation.name)
  if (
    operationRestrictions(operation)?.filterSegmentSupported === false &&
    segments.some(({ kind }) => kind === '$filter')
  )
    refuseRequest(
      'badRequest',
      `'${operation.name}' cannot follow a filter in the path`,
      'Capabilities.OperationRestrictions/FilterSegmentSupported',
      operation.name,
    )
  const before: BoundPath = { ...path, resource: 'entity', segments }
  return checkRequest({ model, method: 'GET', path: before, query: noQuery }).requires
}
