import { Buffer } from 'node:buffer'
import type { ErrorDetail, ODataError } from '../errors/odata-error.ts'

/** How an error is told. */
export interface ErrorManners {
  /** Microsoft Graph's form: its own top-level codes, `innerError` with date and ids */
  readonly graph: boolean
  readonly requestId: string
  readonly clientRequestId?: string
  /** when the request came */
  readonly date: Date
}

/**
 * The body of an error response (Protocol 9.5, JSON Format 21.1): no stack, no cause, nothing of the store.
 *
 * `{"error":{"code","message","target","details":[{"code","message","target"}]}}`; with Graph's manners `code` is the one
 * that Graph's clients know for the status, and `innerError` holds odatum's own beside `date` (UTC, without zone),
 * `request-id` and `client-request-id`.
 */
export function writeError(error: ODataError, manners: ErrorManners): Uint8Array {
  const body = {
    error: {
      code: manners.graph ? graphCode(error) : error.code,
      message: error.message,
      ...(error.target === undefined ? {} : { target: error.target }),
      ...(error.details.length === 0 ? {} : { details: error.details.map(detail) }),
      ...(manners.graph ? { innerError: innerError(error, manners) } : {}),
    },
  }
  return Buffer.from(JSON.stringify(body))
}

function detail({ code, message, target }: ErrorDetail): ErrorDetail {
  return { code, message, ...(target === undefined ? {} : { target }) }
}

function innerError(error: ODataError, { date, requestId, clientRequestId }: ErrorManners): Record<string, string> {
  return {
    code: error.code,
    date: date.toISOString().slice(0, 19),
    'request-id': requestId,
    ...(clientRequestId === undefined ? {} : { 'client-request-id': clientRequestId }),
  }
}

/** The codes of Microsoft Graph's catalogue by status, else the status phrase in camel case (Graph REST guidelines). */
const graphCodes: ReadonlyMap<number, string> = new Map([
  [400, 'badRequest'],
  [401, 'unauthenticated'],
  [403, 'accessDenied'],
  [404, 'itemNotFound'],
  [405, 'notAllowed'],
  [406, 'notAcceptable'],
  [408, 'requestTimeout'],
  [409, 'conflict'],
  [410, 'resyncRequired'],
  [412, 'resourceModified'],
  [413, 'payloadTooLarge'],
  [414, 'uriTooLong'],
  [415, 'unsupportedMediaType'],
  [416, 'invalidRange'],
  [421, 'misdirectedRequest'],
  [422, 'unprocessableEntity'],
  [424, 'failedDependency'],
  [428, 'preconditionRequired'],
  [429, 'activityLimitReached'],
  [500, 'generalException'],
  [501, 'notSupported'],
  [503, 'serviceNotAvailable'],
  [504, 'gatewayTimeout'],
])

function graphCode(error: ODataError): string {
  if (error.code === 'entityExists') return 'nameAlreadyExists'
  return graphCodes.get(error.status) ?? 'generalException'
}
