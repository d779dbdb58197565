import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { ODataError } from '../errors/odata-error.ts'
import { type BatchPart, type BatchUnit, isRequestId, type PartAnswer, type UnitAnswer } from './batch.ts'
import { printHead } from './http-message.ts'
import { type MediaType, parseMediaType } from './media-type.ts'

/** Batches as multipart/mixed (Protocol 11.7.7; RFC 2046 5.1). */

/** Headers of one part or of the request in it: how many, and bytes of all of them. */
const headerLimits = { count: 64, bytes: 16_384 } as const

const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d

/**
 * Reads a multipart batch.
 * @param contentType of the batch request
 * @param limit requests at the most, those in change sets included
 * @returns units in order; what is wrong with one of them stands in its `fault`
 * @throws ODataError bodySyntax where the parts cannot be told apart; batchLimitExceeded
 */
export function readMultipartBatch(body: Uint8Array, contentType: MediaType, limit: number): readonly BatchUnit[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let left = limit
  let changeSets = 0
  const take = (count: number): void => {
    left -= count
    if (left < 0)
      throw new ODataError('batchLimitExceeded', `A batch holds at most ${limit} requests (limit batchParts).`)
  }
  return splitParts(bytes, boundaryOf(contentType), limit).map((part): BatchUnit => {
    const entity = readEntityPart(part)
    if (entity instanceof ODataError) {
      take(1)
      return single(faulty(entity))
    }
    if (entity.type?.type === 'multipart' && entity.type.subtype === 'mixed') {
      const group = `changeset-${++changeSets}`
      let operations: readonly Buffer[]
      try {
        operations = splitParts(entity.body, boundaryOf(entity.type), limit)
      } catch (error) {
        if (!(error instanceof ODataError) || error.code === 'batchLimitExceeded') throw error
        take(1)
        return { group, parts: [], fault: error }
      }
      take(operations.length)
      const parts = operations.map(readOperation)
      return { group, parts, fault: twice(parts) }
    }
    take(1)
    return single(readRequestPart(entity))
  })
}

function single(part: BatchPart): BatchUnit {
  return { group: undefined, parts: [part], fault: undefined }
}

/** The same id twice in one change set: nobody could tell the answers apart. */
function twice(parts: readonly BatchPart[]): ODataError | undefined {
  const seen = new Set<string>()
  for (const { id } of parts) {
    if (id === undefined) continue
    if (seen.has(id)) return new ODataError('bodyInvalid', `The Content-ID '${id}' stands twice in a change set.`)
    seen.add(id)
  }
  return undefined
}

/** @throws ODataError headerInvalid */
function boundaryOf({ parameters }: MediaType): string {
  const boundary = parameters.get('boundary')
  if (boundary === undefined || !/^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/.test(boundary))
    throw new ODataError('headerInvalid', 'multipart/mixed needs a boundary of 1 to 70 characters.', {
      target: 'Content-Type',
    })
  return boundary
}

/**
 * The bytes between the delimiter lines; preamble and epilogue are left out.
 * @throws ODataError bodySyntax where a delimiter line or the closing one is missing; batchLimitExceeded
 */
function splitParts(body: Buffer, boundary: string, limit: number): readonly Buffer[] {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1')
  const parts: Buffer[] = []
  let start = -1
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    if (at > 0 && body[at - 1] !== LF) continue
    let end = at + delimiter.length
    const closing = body[end] === DASH && body[end + 1] === DASH
    if (closing) end += 2
    while (body[end] === 0x20 || body[end] === 0x09) end++
    const lineEnd = body[end] === LF ? end + 1 : body[end] === CR && body[end + 1] === LF ? end + 2 : -1
    // a longer boundary that begins like this one
    if (lineEnd < 0 && !(closing && end >= body.length)) continue
    if (start >= 0) {
      if (parts.length === limit)
        throw new ODataError('batchLimitExceeded', `A batch holds at most ${limit} requests (limit batchParts).`)
      // the line break before a delimiter belongs to it
      const before = body[at - 2] === CR ? at - 2 : at - 1
      parts.push(body.subarray(start, Math.max(start, before)))
    }
    if (closing) return parts
    start = lineEnd
  }
  throw new ODataError(
    'bodySyntax',
    start < 0
      ? 'The body holds no line with the boundary of its Content-Type.'
      : 'The body ends without its closing boundary.',
  )
}

/** A part with its MIME headers. */
interface EntityPart {
  readonly type: MediaType | undefined
  readonly id: string | undefined
  readonly body: Buffer
}

/** What is behind a block of headers. */
interface Headed {
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

function readEntityPart(bytes: Buffer): EntityPart | ODataError {
  try {
    const { headers, body } = readHeaders(bytes)
    const id = headers.get('content-id')
    if (id !== undefined && !isRequestId(id)) throw idInvalid()
    return { type: parseMediaType(headers.get('content-type') ?? ''), id, body }
  } catch (error) {
    if (error instanceof ODataError) return error
    throw error
  }
}

function idInvalid(): ODataError {
  return new ODataError('headerInvalid', 'A Content-ID is made of letters, digits, and . - _ ~ (at most 128).', {
    target: 'Content-ID',
  })
}

/** Protocol 11.7.2: data modification requests and action invocations. */
function readOperation(bytes: Buffer): BatchPart {
  const entity = readEntityPart(bytes)
  if (entity instanceof ODataError) return faulty(entity)
  const part = readRequestPart(entity)
  if (part.method !== 'GET' && part.method !== 'HEAD') return part
  return { ...part, fault: new ODataError('bodyInvalid', 'A change set holds changes and actions only, no GET.') }
}

function faulty(fault: ODataError, id?: string): BatchPart {
  const nothing = { method: '', url: '', headers: new Map<string, string>(), body: undefined }
  return { ...nothing, id, dependsOn: [], condition: undefined, fault }
}

/** The request in a part of type application/http. */
function readRequestPart({ type, id, body }: EntityPart): BatchPart {
  try {
    if (type?.type !== 'application' || type.subtype !== 'http')
      throw new ODataError(
        'bodyInvalid',
        'A part of a batch is application/http, or multipart/mixed for a change set.',
        {
          target: 'Content-Type',
        },
      )
    return readHttpRequest(body, id)
  } catch (error) {
    if (error instanceof ODataError) return faulty(error, id)
    throw error
  }
}

/** `METHOD url HTTP/1.1`, headers, an empty line, a body (RFC 9112 2.1). */
function readHttpRequest(bytes: Buffer, mimeId: string | undefined): BatchPart {
  // some clients leave an empty line before the request
  let start = 0
  while (bytes[start] === CR || bytes[start] === LF) start++
  const lineEnd = bytes.indexOf(LF, start)
  const line = bytes.toString('utf8', start, lineEnd < 0 ? bytes.length : lineEnd).trimEnd()
  const blank = line.indexOf(' ')
  const method = line.slice(0, Math.max(blank, 0))
  const url = line.slice(blank + 1).replace(/ HTTP\/1\.[01]$/, '')
  if (!/^[A-Za-z]{1,20}$/.test(method) || url.trim() === '')
    throw new ODataError('bodySyntax', 'A part of type application/http begins with a line: method, URL, HTTP/1.1.')
  const { headers, body } = readHeaders(lineEnd < 0 ? bytes.subarray(bytes.length) : bytes.subarray(lineEnd + 1))
  const id = mimeId ?? headers.get('content-id')
  if (id !== undefined && !isRequestId(id)) throw idInvalid()
  return {
    id,
    method: method.toUpperCase(),
    url: url.trim(),
    headers,
    body: contentOf(headers, body),
    dependsOn: [],
    condition: undefined,
    fault: undefined,
  }
}

/** The body within Content-Length; without one, all there is, if that is more than line ends. */
function contentOf(headers: ReadonlyMap<string, string>, body: Buffer): Uint8Array | undefined {
  if (headers.has('transfer-encoding') || headers.has('content-encoding'))
    throw new ODataError('unsupportedMediaType', 'Requests in a batch are neither chunked nor encoded.')
  const announced = headers.get('content-length')
  if (announced !== undefined) {
    const length = /^\d{1,12}$/.test(announced) ? Number(announced) : -1
    if (length < 0 || length > body.length)
      throw new ODataError('bodySyntax', 'The Content-Length of a request in the batch is not that of its body.')
    return length === 0 ? undefined : body.subarray(0, length)
  }
  let end = body.length
  while (end > 0 && (body[end - 1] === CR || body[end - 1] === LF)) end--
  return end === 0 ? undefined : body
}

/**
 * Header lines up to an empty one, or to the end.
 * @throws ODataError headerInvalid
 */
function readHeaders(bytes: Buffer): Headed {
  const headers = new Map<string, string>()
  let at = 0
  let count = 0
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf(LF, at)
    const end = lineEnd < 0 ? bytes.length : lineEnd
    const line = bytes.toString('latin1', at, end > at && bytes[end - 1] === CR ? end - 1 : end)
    at = end + 1
    if (line === '') break
    if (++count > headerLimits.count || at > headerLimits.bytes)
      throw new ODataError(
        'headerInvalid',
        `A part of a batch has at most ${headerLimits.count} headers and ${headerLimits.bytes} bytes of them.`,
      )
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    const value = line.slice(colon + 1).trim()
    // a folded line begins with a blank: no name
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new ODataError('headerInvalid', 'A part of the batch holds a line that is no header.')
    const before = headers.get(name)
    if (before !== undefined && once.has(name))
      throw new ODataError('headerInvalid', `A part of the batch has two headers ${name}.`, { target: name })
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return { headers, body: bytes.subarray(Math.min(at, bytes.length)) }
}

/** Said twice, different readers would follow different ones. */
const once: ReadonlySet<string> = new Set(['content-length', 'content-type', 'content-id', 'host'])

/** A boundary no body can hold by chance, nor a client foresee. */
export function newBoundary(kind: 'batch' | 'changeset'): string {
  return `${kind}_${randomUUID()}`
}

/**
 * Writes a multipart batch response, each unit once it is there (Protocol 11.7.7.5). A change set that failed is one
 * answer, not a multipart.
 */
export async function* writeMultipartBatch(
  units: AsyncIterable<UnitAnswer>,
  boundary: string,
): AsyncGenerator<Uint8Array> {
  const delimiter = `--${boundary}\r\n`
  for await (const { group, answers, failed } of units) {
    const [only] = answers
    if (failed !== undefined) yield* writeAnswer(delimiter, failed)
    else if (group === undefined) {
      if (only !== undefined) yield* writeAnswer(delimiter, only)
    } else {
      const inner = newBoundary('changeset')
      yield latin1(`${delimiter}Content-Type: multipart/mixed;boundary=${inner}\r\n\r\n`)
      for (const answer of answers) yield* writeAnswer(`--${inner}\r\n`, answer)
      yield latin1(`--${inner}--\r\n`)
    }
  }
  yield latin1(`--${boundary}--\r\n`)
}

async function* writeAnswer(delimiter: string, { id, response }: PartAnswer): AsyncGenerator<Uint8Array> {
  const { body } = response
  const contentId = id === undefined ? '' : `Content-ID: ${id}\r\n`
  const mime = `${delimiter}Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n${contentId}\r\n`
  const head = latin1(mime + printHead(response))
  if (body === undefined) yield Buffer.concat([head, lineEnd])
  else if (body instanceof Uint8Array) yield Buffer.concat([head, body, lineEnd])
  else {
    yield head
    yield* body
    yield lineEnd
  }
}

const lineEnd = latin1('\r\n')

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
