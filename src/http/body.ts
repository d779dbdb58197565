import type { IncomingMessage } from 'node:http'
import { ODataError } from '../errors/odata-error.ts'

/**
 * The whole body of a request.
 * @param limit bytes
 * @returns undefined where the request announces no body
 * @throws ODataError payloadTooLarge, badRequest (cut off)
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  const announced = request.headers['content-length']
  if (announced === undefined && request.headers['transfer-encoding'] === undefined) return Promise.resolve(undefined)
  if (announced !== undefined && Number(announced) > limit) return Promise.reject(tooLarge(limit))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > limit) {
        request.removeAllListeners('data')
        request.resume()
        reject(tooLarge(limit))
      } else chunks.push(chunk)
    })
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length)))
    request.once('error', (cause) => reject(new ODataError('badRequest', 'The body ended early.', { cause })))
    request.once('close', () => reject(new ODataError('badRequest', 'The body ended early.')))
  })
}

function tooLarge(limit: number): ODataError {
  return new ODataError('payloadTooLarge', `The body is larger than ${limit} bytes (limit bodyBytes).`)
}
