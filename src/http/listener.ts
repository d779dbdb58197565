import type { IncomingMessage, ServerResponse } from 'node:http'
import { ODataError } from '../errors/odata-error.ts'
import type { ContentLimits, HttpRequest, HttpResponse, RequestHeaders } from '../protocol/message.ts'
import type { Service } from '../service/service.ts'
import { readBody, readContent } from './body.ts'
import { applyCors, type CorsOptions } from './cors.ts'
import { isLoopback } from './loopback.ts'
import { sendAnswer } from './send.ts'

/** What node:http and Express call. */
export type Listener = (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void) => void

export interface ListenerOptions {
  readonly cors?: CorsOptions
  /** compress answers of data by what the client accepts; `$metadata` always is */
  readonly compress?: boolean
  /** milliseconds in which a client takes nothing of an answer, after which the connection is closed; 120,000 where not said */
  readonly answerIdle?: number
  /** called once an answer has been sent or the client has gone */
  readonly onFinished?: (request: IncomingMessage, response: ServerResponse, finished: Finished) => void
}

/** What is known of a request once it is over. */
export interface Finished {
  readonly milliseconds: number
  /** the answer's `request-id`; undefined where there was no answer */
  readonly requestId: string | undefined
}

/** What Express adds to a request. */
interface MountedRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly body?: unknown
}

/**
 * The service as a node:http listener and as Express middleware, the same function: the raw URL is read, no route pattern
 * stands between.
 */
export function listenerOf(service: Service, options: ListenerOptions = {}): Listener {
  const { basePath } = service
  const { onFinished, compress = false, answerIdle = 120_000 } = options
  return (request: MountedRequest, response, next) => {
    const url = request.originalUrl ?? request.url ?? '/'
    const target = below(url, basePath)
    if (target === undefined) {
      if (next) next()
      else notServed(response)
      return
    }
    const started = onFinished ? performance.now() : 0
    let requestId: string | undefined
    if (onFinished)
      // on, not once: it comes once only, and that would cost every request a wrapper
      response.on('close', () =>
        onFinished(request, response, { milliseconds: performance.now() - started, requestId }),
      )
    if (options.cors && applyCors(options.cors, request, response)) return
    service
      .handle(new ReceivedRequest(request, response, target), request.headers.host)
      .then((answered) => {
        requestId = answered.headers['request-id']
        closeIdle(response, answered, answerIdle)
        return sendAnswer(request, response, answered, compress)
      })
      .catch((error: unknown) => abandon(response, error, next))
  }
}

/** A request of node:http. What few ask for is made when it is asked for. */
class ReceivedRequest implements HttpRequest {
  readonly method: string
  readonly target: string
  readonly headers: RequestHeaders
  readonly #request: MountedRequest
  readonly #response: ServerResponse
  #gone: AbortController | undefined

  constructor(request: MountedRequest, response: ServerResponse, target: string) {
    this.method = request.method ?? 'GET'
    this.target = target
    this.headers = request.headers as RequestHeaders
    this.#request = request
    this.#response = response
  }

  body(limit: number): Promise<Uint8Array | undefined> {
    const request = this.#request
    return request.body === undefined ? readBody(request, limit) : Promise.reject(parsedAlready())
  }

  content(limits: ContentLimits): AsyncIterable<Uint8Array> {
    if (this.#request.body !== undefined) throw parsedAlready()
    return readContent(this.#request, limits)
  }

  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      const gone = new AbortController()
      this.#gone = gone
      const response = this.#response
      if (response.destroyed) gone.abort()
      else
        response.on('close', () => {
          if (!response.writableFinished) gone.abort()
        })
    }
    return this.#gone.signal
  }

  get loopback(): boolean {
    return isLoopback(this.#request.socket.remoteAddress)
  }
}

/** Bytes that the kernel takes at once, or nearly so. */
const soonSent = 65_536

/** Whoever stops reading a longer answer must not keep it, and what it is read from, for ever. */
function closeIdle(response: ServerResponse, { body }: HttpResponse, milliseconds: number): void {
  if (body === undefined || (body instanceof Uint8Array && body.length < soonSent)) return
  response.setTimeout(milliseconds, () => response.destroy())
}

/** Path and query below the base path; undefined where the URL is not under it. */
function below(url: string, basePath: string): string | undefined {
  if (!url.startsWith(basePath)) return undefined
  const rest = url.slice(basePath.length)
  if (rest === '') return '/'
  if (rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}

function notServed(response: ServerResponse): void {
  const body = '{"error":{"code":"resourceNotFound","message":"There is no OData service at this path."}}'
  response.writeHead(404, { 'Content-Type': 'application/json;charset=utf-8', 'Content-Length': body.length }).end(body)
}

/** The service itself never throws: what arrives here is a fault of the way out. Nothing may look like a whole answer. */
function abandon(response: ServerResponse, error: unknown, next: ((error?: unknown) => void) | undefined): void {
  if (response.headersSent || !next) response.destroy()
  else next(error)
}

function parsedAlready(): ODataError {
  return new ODataError(
    'internal',
    'The body was parsed before it reached odatum: mount the service before express.json().',
  )
}
