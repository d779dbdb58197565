import { type ErrorCode, errorCodes } from './codes.ts'

/** Where in the offending text (a URL or a body) the fault lies: offset and length in UTF-16 units. */
export interface FaultPosition {
  readonly offset: number
  readonly length: number
}

/** One of several faults of a request (JSON Format 21.1 `details`). */
export interface ErrorDetail {
  readonly code: ErrorCode
  readonly message: string
  readonly target?: string
}

/** What an ODataError carries beside code and message. */
export interface ODataErrorOptions {
  /** what the error is about: a property path, a query option (`$filter`), a header */
  readonly target?: string
  readonly position?: FaultPosition
  readonly details?: readonly ErrorDetail[]
  /** response headers the status asks for: `Allow`, `WWW-Authenticate`, `Retry-After` */
  readonly headers?: Readonly<Record<string, string>>
  /** for the log only, never written to a client */
  readonly cause?: unknown
}

/** The one error class: what a client is told (Protocol 9.5, JSON Format 21). The message must hold no internals. */
export class ODataError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly target: string | undefined
  readonly position: FaultPosition | undefined
  readonly details: readonly ErrorDetail[]
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: ODataErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ODataError'
    this.code = code
    this.status = errorCodes[code].status
    this.target = options.target
    this.position = options.position
    this.details = options.details ?? []
    this.headers = options.headers ?? {}
  }
}
