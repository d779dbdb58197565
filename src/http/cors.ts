import type { IncomingMessage, ServerResponse } from 'node:http'

/** Which web pages of other origins may call the service; off by default. */
export interface CorsOptions {
  /** origins letter for letter (`https://app.example`), or `*` for any, which never goes with credentials */
  readonly origins: readonly string[] | '*'
  /** whether cookies and client certificates are let through; needs origins by name */
  readonly credentials?: boolean
  /** seconds a preflight answer may be kept */
  readonly maxAge?: number
}

const exposed =
  'OData-Version, OData-EntityId, Location, ETag, Retry-After, Preference-Applied, X-CSRF-Token, request-id, client-request-id'
const allowedHeaders =
  'Authorization, Content-Type, Accept, OData-Version, OData-MaxVersion, Prefer, If-Match, If-None-Match, Isolation, OData-Isolation, ConsistencyLevel, client-request-id, X-CSRF-Token, X-Requested-With'
const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Adds the CORS headers of an answer, and answers a preflight.
 * @returns true where the request was a preflight and is answered
 * @throws Error for options that browsers would refuse
 */
export function applyCors(options: CorsOptions, request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers
  const preflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
  if (origin === undefined) return false
  const allowed = options.origins === '*' ? '*' : options.origins.includes(origin) ? origin : undefined
  if (allowed !== '*') response.appendHeader('Vary', 'Origin')
  if (allowed !== undefined) {
    response.setHeader('Access-Control-Allow-Origin', allowed)
    response.setHeader('Access-Control-Expose-Headers', exposed)
    if (options.credentials) response.setHeader('Access-Control-Allow-Credentials', 'true')
    if (preflight) {
      response.setHeader('Access-Control-Allow-Methods', allowedMethods)
      response.setHeader('Access-Control-Allow-Headers', allowedHeaders)
      response.setHeader('Access-Control-Max-Age', String(options.maxAge ?? 600))
    }
  }
  if (!preflight) return false
  response.writeHead(204).end()
  return true
}

/** @throws Error where any origin is combined with credentials: browsers refuse it, and it would be no protection */
export function checkCors(options: CorsOptions): void {
  if (options.origins === '*' && options.credentials) throw new Error('CORS: credentials need origins by name, not *')
}
