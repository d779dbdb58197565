import type { BoundPath, ResourceKind } from '../bind/tree.ts'
import { ODataError } from '../errors/odata-error.ts'

/** HTTP methods odatum knows; `HEAD` is planned as `GET`. */
export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** Which methods a kind of resource answers (Protocol 11.2, 11.4); whatever else is a 405 with Allow. */
export const legalMethods: Readonly<Record<ResourceKind, readonly Method[]>> = {
  serviceDocument: ['GET'],
  metadata: ['GET'],
  batch: ['POST'],
  entityId: [],
  all: ['GET'],
  crossjoin: ['GET'],
  entityCollection: ['GET', 'POST', 'PATCH', 'PUT'],
  entity: ['GET', 'PATCH', 'PUT', 'DELETE'],
  singleton: ['GET', 'PATCH', 'PUT', 'DELETE'],
  primitive: ['GET', 'PUT', 'DELETE'],
  primitiveCollection: ['GET', 'POST', 'PUT', 'DELETE'],
  complex: ['GET', 'PATCH', 'PUT', 'DELETE'],
  complexCollection: ['GET', 'POST', 'PUT', 'DELETE'],
  stream: ['GET', 'PUT', 'DELETE'],
  untyped: ['GET', 'PUT', 'DELETE'],
  eachEntity: ['PATCH', 'DELETE'],
  eachItem: ['PATCH', 'DELETE'],
  rawValue: ['GET', 'PUT', 'DELETE'],
  mediaStream: ['GET', 'PUT', 'DELETE'],
  count: ['GET'],
  reference: ['GET', 'PUT', 'DELETE'],
  referenceCollection: ['GET', 'POST', 'PUT', 'DELETE'],
  actionCall: ['POST'],
  actionImport: ['POST'],
}

/**
 * The method of a request, `HEAD` taken as `GET`.
 * @throws ODataError methodNotAllowed with Allow; notImplemented where odatum cannot serve the resource at all yet
 */
export function checkMethod(path: BoundPath, method: string): Method {
  const legal = isOfFunction(path) ? functionMethods : legalMethods[path.resource]
  if (legal.length === 0)
    throw new ODataError('notImplemented', `Resources of kind ${path.resource} are not implemented by this service.`)
  const wanted = method === 'HEAD' ? 'GET' : method
  const found = legal.find((candidate) => candidate === wanted)
  if (found) return found
  throw methodRefused(method, legal)
}

/** A method that a resource does not answer, with those that it does. */
export function methodRefused(method: string, legal: readonly Method[]): ODataError {
  return new ODataError(
    'methodNotAllowed',
    `${/^[A-Z]{1,20}$/.test(method) ? method : 'This method'} is not allowed here.`,
    {
      headers: { Allow: allow(legal) },
    },
  )
}

/** What a function gives can only be read (Protocol 11.5.4); what lies behind navigation is no longer its result. */
const functionMethods: readonly Method[] = ['GET']

function isOfFunction({ segments }: BoundPath): boolean {
  const last = segments.findLast(({ kind }) => kind === 'operation' || kind === 'navigation')
  return last?.kind === 'operation' && last.operation.kind === 'function'
}

/** The value of an Allow header. */
export function allow(methods: readonly Method[]): string {
  return methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
}
