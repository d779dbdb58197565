/** Multipart batches as a client would write and read them, apart from the code under test. */

/** Lines joined as on the wire. */
export const lines = (...texts: readonly string[]): string => texts.join('\r\n')

/** A part of a multipart batch: one request. */
export function requestPart(
  method: string,
  url: string,
  options: { id?: string; headers?: Record<string, string>; body?: unknown } = {},
): string {
  const body = options.body === undefined ? '' : JSON.stringify(options.body)
  const headers = {
    ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...options.headers,
  }
  return lines(
    'Content-Type: application/http',
    'Content-Transfer-Encoding: binary',
    ...(options.id === undefined ? [] : [`Content-ID: ${options.id}`]),
    '',
    `${method} ${url} HTTP/1.1`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  )
}

/** A part of a multipart batch: a change set. */
export function changeSet(...parts: readonly string[]): string {
  const boundary = `changeset_${Math.random().toString(36).slice(2)}`
  return lines(`Content-Type: multipart/mixed; boundary=${boundary}`, '', multipart(boundary, ...parts))
}

/** A multipart body, closed. */
export function multipart(boundary: string, ...parts: readonly string[]): string {
  return `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`
}

/** One answer in a batch response. */
export interface AnswerInBatch {
  readonly id: string | undefined
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
}

/** What a multipart response holds: an answer, or those of a change set. */
export type ReadPart = AnswerInBatch | readonly AnswerInBatch[]

/** Reads a multipart response strictly. */
export function readMultipart(contentType: string | null, text: string): readonly ReadPart[] {
  const boundary = /^multipart\/mixed;\s*boundary="?([^";]+)"?$/.exec(contentType ?? '')?.[1]
  if (boundary === undefined) throw new Error(`no boundary: ${contentType}`)
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`)
  if (pieces[0] !== '' || pieces.at(-1)?.trimEnd() !== '--') throw new Error(`badly framed: ${text}`)
  return pieces.slice(1, -1).map((piece) => {
    if (!piece.startsWith('\r\n')) throw new Error(`no line break behind the boundary: ${piece}`)
    const { headers, rest } = split(piece.slice(2))
    const type = headers.get('content-type') ?? ''
    if (type.startsWith('multipart/')) return readMultipart(type, rest).map((part) => part as AnswerInBatch)
    if (type !== 'application/http') throw new Error(`a part of type ${type}`)
    const lineEnd = rest.indexOf('\r\n')
    const status = /^HTTP\/1\.1 (\d{3}) [A-Za-z -]+$/.exec(rest.slice(0, lineEnd))?.[1]
    if (status === undefined) throw new Error(`no status line: ${rest}`)
    const inner = split(rest.slice(lineEnd + 2))
    const length = inner.headers.get('content-length')
    if (length !== undefined && Number(length) !== Buffer.byteLength(inner.rest))
      throw new Error('wrong Content-Length')
    return { id: headers.get('content-id'), status: Number(status), headers: inner.headers, text: inner.rest }
  })
}

function split(text: string): { headers: Map<string, string>; rest: string } {
  const headers = new Map<string, string>()
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) throw new Error(`headers without an end: ${text}`)
    const line = text.slice(at, end)
    at = end + 2
    if (line === '') return { headers, rest: text.slice(at) }
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
}
