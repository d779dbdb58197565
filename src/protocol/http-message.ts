import { Buffer } from 'node:buffer'
import { STATUS_CODES } from 'node:http'
import type { HttpResponse } from './message.ts'

/** An answer as the text of an HTTP message, `application/http` (RFC 9112; Protocol 11.6, 11.7.7.5). */

/** Status line and headers, up to the body. */
export function printHead({ status, headers, body }: HttpResponse): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`
  if (body instanceof Uint8Array) head += `Content-Length: ${body.length}\r\n`
  return `${head}\r\n`
}

/** A whole answer whose body is there. */
export function printMessage(response: HttpResponse & { readonly body: Uint8Array | undefined }): Uint8Array {
  const head = Buffer.from(printHead(response), 'latin1')
  return response.body === undefined ? head : Buffer.concat([head, response.body])
}
