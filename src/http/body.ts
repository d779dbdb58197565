import type { IncomingMessage } from 'node:http'
import { ODataError } from '../errors/odata-error.ts'
import type { ContentLimits } from '../protocol/message.ts'

/** Milliseconds within which a body that is read whole must arrive. */
const wholeBody = 120_000

/** Bodies that were asked for: an upsert reads its body as an update first, then as a create. */
const bodies = new WeakMap<IncomingMessage, Promise<Uint8Array | undefined>>()

/**
 * The whole body of a request; whoever asks again gets the same.
 * @param limit bytes
 * @returns undefined where the request announces no body
 * @throws ODataError payloadTooLarge, badRequest (cut off), notImplemented (coded otherwise than in chunks)
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  let body = bodies.get(request)
  if (body === undefined) {
    body = readOnce(request, limit)
    bodies.set(request, body)
  }
  return body
}

function readOnce(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  const announced = request.headers['content-length']
  if (announced === undefined && request.headers['transfer-encoding'] === undefined) return Promise.resolve(undefined)
  if (isCoded(request)) return Promise.reject(coded())
  if (announced !== undefined && Number(announced) > limit) return Promise.reject(tooLarge(limit))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const timer = setTimeout(() => {
      settle()
      request.resume()
      reject(new ODataError('requestTimeout', `The body did not arrive within ${wholeBody} ms.`))
    }, wholeBody)
    const settle = (): void => {
      clearTimeout(timer)
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

function tooLarge(limit: number, name = 'bodyBytes'): ODataError {
  return new ODataError('payloadTooLarge', `The body is larger than ${limit} bytes (limit ${name}).`)
}

/** Whether a body would have to be unpacked first (RFC 9112 6.1): Node takes the chunks apart, nothing else. */
function isCoded({ headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && coding.trim().toLowerCase() !== 'chunked'
}

function coded(): ODataError {
  return new ODataError('notImplemented', 'Of the transfer codings only "chunked" is implemented.', {
    target: 'Transfer-Encoding',
  })
}

/**
 * The body of a request as it comes; read from the socket no faster than it is taken.
 * @throws ODataError payloadTooLarge, badRequest (cut off), requestTimeout, notImplemented (coded otherwise than in chunks)
 */
export async function* readContent(request: IncomingMessage, limits: ContentLimits): AsyncGenerator<Uint8Array> {
  const announced = request.headers['content-length']
  if (announced === undefined && request.headers['transfer-encoding'] === undefined) return
  if (isCoded(request)) throw coded()
  if (announced !== undefined && Number(announced) > limits.bytes)
    throw tooLarge(limits.bytes, limits.name ?? 'streamBytes')
  const pieces = request.iterator({ destroyOnReturn: false })
  let length = 0
  let whole = false
  try {
    for (;;) {
      const next = await within(limits.idle, pieces.next())
      if (next.done) break
      const piece: Uint8Array = next.value
      length += piece.length
      if (length > limits.bytes) throw tooLarge(limits.bytes, limits.name ?? 'streamBytes')
      yield piece
    }
    // what is cut off ends like what is whole
    if (!request.complete) throw new ODataError('badRequest', 'The body ended early.')
    whole = true
  } catch (error) {
    if (error instanceof ODataError) throw error
    throw new ODataError('badRequest', 'The body ended early.', { cause: error })
  } finally {
    if (!whole) {
      void pieces.return?.().catch(() => {})
      request.resume()
    }
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(new ODataError('requestTimeout', `Nothing of the body came for ${milliseconds} ms (limit streamIdle).`)),
      milliseconds,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
