/** HTTP without sockets: what `service/` takes and gives. */

/** Names in lower case; several fields of one name are joined with `, ` as node does. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>

export interface HttpRequest {
  readonly method: string
  /** raw path and query below the service root, percent-encoded as it came: `/set('k')?$top=1` */
  readonly target: string
  readonly headers: RequestHeaders
  /** the whole body, read within its limit at first call; undefined where there is none */
  body(limit: number): Promise<Uint8Array | undefined>
  /**
   * The body as it comes, read once: nothing of it is kept. A batch gives it whole.
   * @throws (while it is read) ODataError payloadTooLarge, badRequest where it is cut off, requestTimeout where nothing comes any more
   */
  content(limits: ContentLimits): AsyncIterable<Uint8Array>
  /** aborted when the client is gone */
  readonly signal: AbortSignal
  /** whether it came over the loopback interface */
  readonly loopback: boolean
}

/** What a request made of another has of its own; with a body of its own, its content is that body. */
type OwnParts = Partial<Pick<HttpRequest, 'method' | 'target' | 'headers' | 'body' | 'signal'>>

/**
 * A request that is another one but for what is given. A copy by spreading would lose what requests make when it is asked for: body,
 * content, signal.
 */
export function requestLike(request: HttpRequest, own: OwnParts): HttpRequest {
  return new RequestLike(request, own)
}

/** A class: an accessor in an object literal costs every object the making of a function. */
class RequestLike implements HttpRequest {
  readonly method: string
  readonly target: string
  readonly headers: RequestHeaders
  readonly #of: HttpRequest
  readonly #own: OwnParts

  constructor(request: HttpRequest, own: OwnParts) {
    this.method = own.method ?? request.method
    this.target = own.target ?? request.target
    this.headers = own.headers ?? request.headers
    this.#of = request
    this.#own = own
  }

  body(limit: number): Promise<Uint8Array | undefined> {
    return this.#own.body ? this.#own.body(limit) : this.#of.body(limit)
  }

  content(limits: ContentLimits): AsyncIterable<Uint8Array> {
    return this.#own.body ? this.#whole(limits) : this.#of.content(limits)
  }

  async *#whole({ bytes }: ContentLimits): AsyncGenerator<Uint8Array> {
    const body = await this.body(bytes)
    if (body !== undefined) yield body
  }

  get signal(): AbortSignal {
    return this.#own.signal ?? this.#of.signal
  }

  get loopback(): boolean {
    return this.#of.loopback
  }
}

/** How much may come, and how slowly. */
export interface ContentLimits {
  readonly bytes: number
  /** milliseconds between two pieces */
  readonly idle: number
  /** what the limit of bytes is called; `streamBytes` where not said */
  readonly name?: string
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** streamed bodies: the first chunk is ready before the status line is written; a throw ends the connection unparsable */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined
}
