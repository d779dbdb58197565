import type { ExpandItem, MemberStep, Selection } from '../bind/tree.ts'
import type { StructuredType } from '../edm/model.ts'

/** How answers are written: what negotiation settled (Protocol 8.1.5, 8.2.1; JSON Format 3). */
export interface JsonDialect {
  /** control information with (`@odata.type`) or without (`@type`) prefix follows from it */
  readonly version: '4.0' | '4.01'
  readonly metadata: 'none' | 'minimal' | 'full'
  /** Int64 and Decimal (and count) as strings */
  readonly ieee754Compatible: boolean
  /** `ExponentialDecimals=true`: decimals may be written with an exponent */
  readonly exponentialDecimals: boolean
  /** the type of every entity is written, not only of derived ones (graph dialect) */
  readonly alwaysType: boolean
  /** absolute service root with trailing slash: what links are made from */
  readonly root: string
}

/** What of a row is written: the type it is declared as, the selection, the expansions. */
export interface RowShape {
  readonly type: StructuredType
  readonly select: Selection | undefined
  readonly expand: readonly ExpandItem[]
  /** name of the entity set: ids and edit links; undefined for what has none */
  readonly entitySet: string | undefined
}

/** A growing UTF-8 buffer, reused between requests. */
export interface ByteSink {
  /** bytes written so far */
  readonly length: number
  /** ASCII text known to need no escape */
  ascii(text: string): void
  bytes(source: Uint8Array, start: number, end: number): void
  byte(value: number): void
  /** a JSON string, quoted and escaped, from UTF-8 bytes */
  jsonStringFromUtf8(source: Uint8Array, start: number, end: number): void
  /** a JSON string, quoted and escaped */
  jsonString(text: string): void
  /** what was written; the buffer belongs to the caller afterwards */
  take(): Uint8Array
}

/** Writes one row as a JSON object; `context` (an absolute URL) is its first member where given. */
export type RowWriter = (row: Uint8Array, sink: ByteSink, context: string | undefined) => void

/** Writes one member of a row: the JSON value alone; false: it is null or absent. */
export type MemberWriter = (row: Uint8Array, sink: ByteSink) => boolean

export type MemberPath = readonly MemberStep[]
