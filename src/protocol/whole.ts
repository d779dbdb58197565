import { Buffer } from 'node:buffer'
import type { HttpResponse } from './message.ts'

/** An answer with its body in one piece: read while the transaction that it comes from is open. */
export async function whole(response: HttpResponse): Promise<HttpResponse & { readonly body: Uint8Array | undefined }> {
  const { body } = response
  if (body === undefined || body instanceof Uint8Array) return { ...response, body }
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return { ...response, body: Buffer.concat(chunks) }
}
