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

/**
 * Writes an answer to the socket: whole bodies with their length, streamed ones with back-pressure.
 * @returns undefined where all of it has been handed to the socket
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: HttpResponse,
  compress: boolean,
): Promise<void> | undefined {
  const { status, headers, body } = answer
  const encoding =
    compress && headers['Content-Encoding'] === undefined && headers['Content-Length'] === undefined
      ? acceptedEncoding(request.headers['accept-encoding'])
      : 'identity'
  if (body === undefined) {
    writeHead(response, status, headers, status === 204 || status === 304 ? undefined : '0').end()
    return undefined
  }
  if (body instanceof Uint8Array) {
    if (encoding !== 'identity' && body.length >= worthCompressing)
      return sendCompressed(request, response, answer, body, encoding)
    sendWhole(request, response, status, headers, body)
    return undefined
  }
  if (request.method === 'HEAD') {
    writeHead(response, status, headers, undefined).end()
    return discard(answer)
  }
  return sendStream(request, response, status, { ...headers }, body, encoding)
}

/**
 * The status line and the headers, as one list: node copies an object's once more.
 * @param length value of Content-Length; undefined: what `headers` says of it
 */
function writeHead(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  length: string | undefined,
): ServerResponse {
  const varied = response.getHeader('Vary')
  // in somebody's app, headers may stand there already: ours take the place of those of the same name
  if (varied !== undefined || response.getHeaderNames().length > 0) {
    for (const name in headers) if (name !== 'Vary') response.setHeader(name, headers[name] as string)
    if (headers.Vary !== undefined)
      response.setHeader('Vary', varied === undefined ? headers.Vary : `${headers.Vary}, ${varied}`)
    if (length !== undefined) response.setHeader('Content-Length', length)
    return response.writeHead(status)
  }
  const list: string[] = []
  for (const name in headers) list.push(name, headers[name] as string)
  if (length !== undefined) list.push('Content-Length', length)
  return response.writeHead(status, list)
}

function sendWhole(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): void {
  writeHead(response, status, headers, String(body.length))
  if (request.method === 'HEAD') response.end()
  else if (body.length > oneWrite) response.end(body)
  // As a string of bytes it goes out with the headers in one piece; as a buffer it would be a write of its own.
  else response.end(latin1(body), 'latin1')
}

/** Bytes as the string whose characters they are. */
function latin1(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return buffer.toString('latin1')
}

async function sendCompressed(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers }: HttpResponse,
  body: Uint8Array,
  encoding: Exclude<Encoding, 'identity'>,
): Promise<void> {
  const packed = await (encoding === 'br' ? compressBrotli(body, brotliParameters) : compressGzip(body))
  sendWhole(request, response, status, { ...headers, 'Content-Encoding': encoding }, packed)
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
  writeHead(response, status, headers, undefined)
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
