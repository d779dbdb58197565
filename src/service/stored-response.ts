import { Buffer } from 'node:buffer'
import type { HttpResponse } from '../protocol/message.ts'

/** An answer whose body is there, as it can be kept. */
export type WholeResponse = HttpResponse & { readonly body: Uint8Array | undefined }

/** An answer, and what else is to be known of it, as the value of a record: a line of JSON, then the bytes of the body. */
export function encodeResponse<More extends object>({ status, headers, body }: WholeResponse, more: More): Uint8Array {
  const line = Buffer.from(`${JSON.stringify({ status, headers, hasBody: body !== undefined, more })}\n`)
  return body === undefined ? line : Buffer.concat([line, body])
}

/** What `encodeResponse` made; the types are those of the writer. */
export function decodeResponse<More extends object>(
  value: Uint8Array,
): { readonly response: WholeResponse; readonly more: More } {
  const end = value.indexOf(0x0a)
  const { status, headers, hasBody, more } = JSON.parse(Buffer.from(value.subarray(0, end)).toString('utf8')) as {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly hasBody: boolean
    readonly more: More
  }
  return { response: { status, headers, body: hasBody ? value.subarray(end + 1) : undefined }, more }
}
