import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import { ODataError } from '../errors/odata-error.ts'
import { discard } from '../protocol/discard.ts'
import { acceptedEncoding, type Encoding } from '../protocol/encoding.ts'
import type { HttpResponse } from '../protocol/message.ts'

/** Bytes below which compressing costs more than it saves. */
const worthCompressing = 1_400

/** Bytes up to which a body is copied into the write of its headers. */
const oneWrite = 16_384

const brotliParameters = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const compressBrotli = promisify(brotliCompress)
const compressGzip = promisify(gzip)

/** Writes an answer to the socket: whole bodies with their length, streamed ones with back-pressure. */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: HttpResponse,
  compress: boolean,
): Promise<void> {
  const { status, body } = answer
  const headers: Record<string, string> = { ...answer.headers }
  const varied = response.getHeader('Vary')
  if (typeof varied === 'string') headers.Vary = headers.Vary === undefined ? varied : `${headers.Vary}, ${varied}`
  const head = request.method === 'HEAD'
  const encoding =
    compress && headers['Content-Encoding'] === undefined && headers['Content-Length'] === undefined
      ? acceptedEncoding(request.headers['accept-encoding'])
      : 'identity'

  if (body === undefined) {
    if (status !== 204 && status !== 304) headers['Content-Length'] = '0'
    response.writeHead(status, headers).end()
  } else if (body instanceof Uint8Array) {
    const bytes = body.length < worthCompressing ? body : await compressed(body, encoding, headers)
    headers['Content-Length'] = String(bytes.length)
    response.writeHead(status, headers)
    if (head) response.end()
    else if (bytes.length > oneWrite) response.end(bytes)
    // As a string of bytes it goes out with the headers in one piece; as a buffer it would be a write of its own.
    else response.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), 'latin1')
  } else if (head) {
    response.writeHead(status, headers).end()
    await discard(answer)
  } else await sendStream(request, response, status, headers, body, encoding)
}

async function compressed(body: Uint8Array, encoding: Encoding, headers: Record<string, string>): Promise<Uint8Array> {
  if (encoding === 'identity') return body
  headers['Content-Encoding'] = encoding
  return encoding === 'br' ? compressBrotli(body, brotliParameters) : compressGzip(body)
}

async function sendStream(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: AsyncIterable<Uint8Array>,
  encoding: Encoding,
): Promise<void> {
  // what has a length has no trailers
  const trailers = headers['Content-Length'] === undefined && (request.headers.te?.includes('trailers') ?? false)
  if (trailers) headers.Trailer = 'OData-Error'
  if (encoding !== 'identity') headers['Content-Encoding'] = encoding
  response.writeHead(status, headers)
  try {
    const packer =
      encoding === 'identity' ? undefined : encoding === 'br' ? createBrotliCompress(brotliParameters) : createGzip()
    const chunks: AsyncIterable<Uint8Array> = packer ? Readable.from(body, { objectMode: false }).compose(packer) : body
    for await (const chunk of chunks) {
      if (response.destroyed) return
      if (!response.write(chunk)) await drained(response)
    }
    response.end()
  } catch (error) {
    cutOff(response, error, trailers)
    throw error
  }
}

/** Resolves once the socket takes more, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}

/**
 * A failure after the status line: the JSON has no end, so nobody takes it for whole, and the connection closes. Clients that
 * read trailers are told why (Protocol 9.5).
 */
function cutOff(response: ServerResponse, error: unknown, trailers: boolean): void {
  if (!trailers || response.destroyed) {
    response.destroy()
    return
  }
  const { code, message } = error instanceof ODataError ? error : new ODataError('internal', 'The answer ended early.')
  const text = JSON.stringify({ code, message }).replace(/[^\x20-\x7e]/g, '?')
  response.addTrailers({ 'OData-Error': text })
  response.shouldKeepAlive = false
  response.end(() => response.socket?.destroySoon())
}
