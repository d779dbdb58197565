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
    const settle = (): void => {
      request.off('data', onData)
      request.off('end', onEnd)
      request.off('error', onBroken)
      request.off('close', onBroken)
    }
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length > limit) {
        settle()
        request.resume()
        reject(tooLarge(limit))
      } else chunks.push(chunk)
    }
    const onEnd = (): void => {
      settle()
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length))
    }
    const onBroken = (cause?: unknown): void => {
      settle()
      reject(new ODataError('badRequest', 'The body ended early.', { cause }))
    }
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onBroken)
    request.on('close', onBroken)
  })
}

function tooLarge(limit: number): ODataError {
  return new ODataError('payloadTooLarge', `The body is larger than ${limit} bytes (limit bodyBytes).`)
}
