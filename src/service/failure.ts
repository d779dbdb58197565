import { ODataError } from '../errors/odata-error.ts'
import { writeError } from '../payload/error.ts'
import type { HttpResponse } from '../protocol/message.ts'
import type { Core } from './core.ts'
import type { Exchange } from './exchange.ts'

/** What a thrown thing means for the client; what nobody foresaw is a 500 that tells nothing and a line in the log. */
export function toODataError(thrown: unknown): ODataError {
  if (thrown instanceof ODataError) return thrown
  return new ODataError('internal', 'The request could not be answered because of a fault in the service.', {
    cause: thrown,
  })
}

/** The error answer (Protocol 9.5). */
export function failure(core: Pick<Core, 'protocol' | 'log'>, exchange: Exchange, thrown: unknown): HttpResponse {
  const error = toODataError(thrown)
  // What is not implemented is no fault: a client that asks for it must not fill the log.
  if (error.status >= 500 && error.code !== 'notImplemented')
    core.log?.error({ requestId: exchange.requestId, code: error.code, err: error.cause ?? error }, error.message)
  const body = writeError(error, {
    graph: core.protocol.graph,
    requestId: exchange.requestId,
    ...(exchange.clientRequestId === undefined ? {} : { clientRequestId: exchange.clientRequestId }),
    date: new Date(exchange.arrived),
  })
  const headers: Record<string, string> = {
    ...error.headers,
    'Content-Type': 'application/json;charset=utf-8',
    'Content-Language': 'en',
  }
  return { status: error.status, headers, body }
}
