import type { ODataError } from '../errors/odata-error.ts'
import type { HttpResponse } from './message.ts'

/** What both batch formats are read to and written from (Protocol 11.7; JSON Format 19). */

/** One request of a batch, as it was framed. */
export interface BatchPart {
  /** Content-ID, or the `id` of a JSON batch */
  readonly id: string | undefined
  /** upper case */
  readonly method: string
  /** as the client wrote it: absolute, an absolute path, or relative to the service root */
  readonly url: string
  /** names in lower case, everything the client sent */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array | undefined
  /** ids of requests and atomicity groups before it */
  readonly dependsOn: readonly string[]
  /** text of `if` */
  readonly condition: string | undefined
  /** it cannot be read, and is answered with this */
  readonly fault: ODataError | undefined
}

/** One request, or the requests of a change set (atomicity group), which succeed or fail together. */
export interface BatchUnit {
  /** name of the atomicity group; undefined: a single request */
  readonly group: string | undefined
  readonly parts: readonly BatchPart[]
  /** the change set as a whole cannot be read */
  readonly fault: ODataError | undefined
}

/** The answer to one request of a batch. */
export interface PartAnswer {
  readonly id: string | undefined
  readonly response: HttpResponse
}

/** The answers to a unit, in the order of its requests. */
export interface UnitAnswer {
  readonly group: string | undefined
  readonly answers: readonly PartAnswer[]
  /** of a change set that failed: the one answer that says why */
  readonly failed: PartAnswer | undefined
}

/** ABNF: request-id, with a limit to its length. */
export function isRequestId(text: string): boolean {
  return /^[\w.~-]{1,128}$/.test(text)
}
