import { LruMap } from '../base/lru.ts'
import { ODataError } from '../errors/odata-error.ts'
import { type MediaType, parseAccept, parseMediaType } from './media-type.ts'
import type { RequestHeaders } from './message.ts'

export type ODataVersion = '4.0' | '4.01'

/** What the answer is made as, settled from `Accept`, `$format` and `OData-MaxVersion` (Protocol 8.2.1, 8.2.7, 11.2.12). */
export interface JsonFormat {
  readonly metadata: 'none' | 'minimal' | 'full'
  readonly ieee754Compatible: boolean
  readonly exponentialDecimals: boolean
  readonly streaming: boolean
}

/** Which of the versions odatum speaks answers this request. */
export function responseVersion(headers: RequestHeaders, fallback: ODataVersion): ODataVersion {
  const max = headers['odata-maxversion']
  if (max === undefined) return fallback
  const match = /^\s*(\d{1,4})\.(\d{1,4})\s*$/.exec(max)
  if (!match)
    throw new ODataError('versionNotSupported', `OData-MaxVersion is not a version.`, { target: 'OData-MaxVersion' })
  const [major, minor] = [Number(match[1]), match[2] ?? '0']
  if (major < 4)
    throw new ODataError('versionNotSupported', 'This service speaks OData 4.0 and 4.01.', {
      target: 'OData-MaxVersion',
    })
  if (major === 4 && Number(minor) === 0) return '4.0'
  return '4.01'
}

/**
 * The version the request's body is written in (Protocol 8.1.5): where it does not say, the latest that the client understands.
 * @throws ODataError versionNotSupported
 */
export function requestVersion(headers: RequestHeaders): ODataVersion {
  const version = headers['odata-version']
  if (version === undefined) return responseVersion(headers, '4.01')
  const trimmed = version.trim()
  if (trimmed === '4.0' || trimmed === '4.01') return trimmed
  throw new ODataError('versionNotSupported', 'This service reads OData-Version 4.0 and 4.01.', {
    target: 'OData-Version',
  })
}

const defaultJson: JsonFormat = {
  metadata: 'minimal',
  ieee754Compatible: false,
  exponentialDecimals: false,
  streaming: false,
}

/**
 * Parameters of application/json (JSON Format 3). `odata=verbose` is a deviation: DevExtreme sends it to 4.0 services, it
 * is taken and ignored. Any other unknown parameter makes the range unacceptable (Protocol 8.2.1).
 */
function jsonFormat(range: MediaType): JsonFormat | undefined {
  let { metadata, ieee754Compatible, exponentialDecimals, streaming } = defaultJson
  for (const [name, value] of range.parameters) {
    const lower = value.toLowerCase()
    switch (name) {
      case 'odata.metadata':
      case 'metadata':
        if (lower !== 'none' && lower !== 'minimal' && lower !== 'full') return undefined
        metadata = lower
        break
      case 'ieee754compatible':
        if (lower !== 'true' && lower !== 'false') return undefined
        ieee754Compatible = lower === 'true'
        break
      case 'exponentialdecimals':
        if (lower !== 'true' && lower !== 'false') return undefined
        exponentialDecimals = lower === 'true'
        break
      case 'odata.streaming':
      case 'streaming':
        if (lower !== 'true' && lower !== 'false') return undefined
        streaming = lower === 'true'
        break
      case 'charset':
        if (lower !== 'utf-8' && lower !== 'utf8') return undefined
        break
      case 'odata':
        if (lower !== 'verbose') return undefined
        break
      default:
        return undefined
    }
  }
  return { metadata, ieee754Compatible, exponentialDecimals, streaming }
}

const accepted = new LruMap<string, JsonFormat | 'none'>(200)

/**
 * The JSON format a client asks for.
 * @param format the value of `$format`; it wins over Accept
 * @throws ODataError notAcceptable
 */
export function negotiateJson(headers: RequestHeaders, format: string | undefined): JsonFormat {
  checkCharset(headers)
  const wanted = format === undefined ? headers.accept : format === 'json' ? 'application/json' : format
  if (wanted === undefined || wanted === '' || wanted === '*/*') return defaultJson
  let result = accepted.get(wanted)
  if (result === undefined) {
    result = firstAcceptable(wanted) ?? 'none'
    accepted.set(wanted, result)
  }
  if (result === 'none') {
    const quoted = wanted.slice(0, 80)
    throw new ODataError(
      'notAcceptable',
      `'${quoted}' cannot be answered; this resource is offered as application/json with odata.metadata, IEEE754Compatible, ExponentialDecimals and odata.streaming.`,
      {
        target: format === undefined ? 'Accept' : '$format',
      },
    )
  }
  return result
}

function firstAcceptable(accept: string): JsonFormat | undefined {
  for (const range of parseAccept(accept)) {
    if (range.quality === 0) continue
    if (range.type === '*' && range.subtype === '*') return defaultJson
    if (range.type !== 'application') continue
    if (range.subtype !== '*' && range.subtype !== 'json') continue
    const json = jsonFormat(range)
    if (json) return json
  }
  return undefined
}

/**
 * Which form of `$metadata`: XML unless JSON is asked for before it. In Accept a JSON range with a metadata parameter does
 * not ask for it: that is how data is asked for, and clients that read XML only (Power BI, Excel) send it along, or alone.
 * @throws ODataError notAcceptable where nothing that it is offered in is named (Protocol 8.2.1, 9.3.8)
 */
export function negotiateMetadata(headers: RequestHeaders, format: string | undefined): 'xml' | 'json' {
  if (format === 'xml' || format === 'json') return format
  const wanted = format ?? headers.accept
  if (wanted === undefined || wanted === '') return 'xml'
  let data = false
  for (const range of parseAccept(wanted)) {
    if (range.quality === 0) continue
    if (range.type === '*' && range.subtype === '*') return 'xml'
    if (range.type !== 'application' && range.type !== 'text') continue
    if (range.subtype === '*' || (range.subtype === 'xml' && isPlainXml(range))) return 'xml'
    if (range.type === 'text' || range.subtype !== 'json' || jsonFormat(range) === undefined) continue
    if (format !== undefined || !asksForData(range)) return 'json'
    data = true
  }
  if (data) return 'xml'
  throw new ODataError(
    'notAcceptable',
    `'${wanted.slice(0, 80)}' cannot be answered; $metadata is offered as application/xml and application/json.`,
    { target: format === undefined ? 'Accept' : '$format' },
  )
}

/** Unknown parameters make a range unacceptable (Protocol 8.2.1). */
function isPlainXml({ parameters }: MediaType): boolean {
  return [...parameters].every(([name, value]) => name === 'charset' && /^utf-?8$/i.test(value))
}

function asksForData({ parameters }: MediaType): boolean {
  return parameters.has('odata.metadata') || parameters.has('metadata') || parameters.has('odata')
}

/**
 * The media type, of those that a resource (`$value`, `$count`) is offered in, that the client likes best: `*` ranges included.
 * @throws ODataError notAcceptable
 */
export function requireAcceptable(
  headers: RequestHeaders,
  format: string | undefined,
  ...types: readonly [string, ...string[]]
): string {
  const wanted = format ?? headers.accept
  if (wanted === undefined || wanted === '' || wanted === '*/*') return types[0]
  for (const range of parseAccept(wanted)) {
    if (range.quality === 0) continue
    const found = types.find((type) => isWithin(type, range))
    if (found !== undefined) return found
  }
  throw new ODataError(
    'notAcceptable',
    `'${wanted.slice(0, 80)}' cannot be answered; this resource is offered as ${types.join(' and ')}.`,
    {
      target: format === undefined ? 'Accept' : '$format',
    },
  )
}

function isWithin(type: string, range: MediaType): boolean {
  const slash = type.indexOf('/')
  const [sub] = type
    .slice(slash + 1)
    .toLowerCase()
    .split(';')
  if (range.type !== '*' && range.type !== type.slice(0, slash).toLowerCase()) return false
  return range.subtype === '*' || range.subtype === sub
}

function checkCharset(headers: RequestHeaders): void {
  const charset = headers['accept-charset']
  if (charset === undefined) return
  for (const part of charset.split(',')) {
    const [name = '', quality = 'q=1'] = part.split(';')
    const lower = name.trim().toLowerCase()
    if ((lower === 'utf-8' || lower === '*') && !/q\s*=\s*0(?:\.0*)?\s*$/.test(quality)) return
  }
  throw new ODataError('notAcceptable', 'Answers are written in utf-8.', { target: 'Accept-Charset' })
}

/**
 * Checks that a body is JSON (Protocol 8.1.1; JSON Format 3).
 * @throws ODataError unsupportedMediaType
 */
export function requireJsonBody(headers: RequestHeaders): void {
  const type = headers['content-type']
  refusePacked(headers)
  const refuse = (): never => {
    throw new ODataError(
      'unsupportedMediaType',
      `The body must be application/json${type === undefined ? '; there is no Content-Type' : `, not '${type.slice(0, 80)}'`}.`,
      { target: 'Content-Type' },
    )
  }
  if (type === 'application/json') return
  const media = type === undefined ? undefined : parseMediaType(type)
  if (media?.type !== 'application' || media.subtype !== 'json' || !jsonFormat(media)) refuse()
}

/**
 * Checks that a body is query options (URL Conventions 4.17); what HTML forms send is the same.
 * @throws ODataError unsupportedMediaType
 */
export function requireQueryBody(headers: RequestHeaders): void {
  refusePacked(headers)
  const type = headers['content-type']
  const media = type === undefined ? undefined : parseMediaType(type)
  const name = `${media?.type}/${media?.subtype}`
  const charset = media?.parameters.get('charset')?.toLowerCase() ?? 'utf-8'
  if ((name === 'text/plain' || name === 'application/x-www-form-urlencoded') && charset === 'utf-8') return
  throw new ODataError(
    'unsupportedMediaType',
    `The body of /$query must be text/plain${type === undefined ? '; there is no Content-Type' : `, not '${type.slice(0, 80)}'`}.`,
    { target: 'Content-Type' },
  )
}

function refusePacked(headers: RequestHeaders): void {
  const coding = headers['content-encoding']
  if (coding === undefined || coding.trim().toLowerCase() === 'identity') return
  throw new ODataError('unsupportedMediaType', 'Packed bodies are not read: leave out Content-Encoding.', {
    target: 'Content-Encoding',
  })
}

/** The value of Content-Type for a JSON answer, in the names of its version. */
export function jsonContentType(format: JsonFormat, version: ODataVersion): string {
  const prefix = version === '4.0' ? 'odata.' : ''
  let type = `application/json;${prefix}metadata=${format.metadata}`
  if (format.streaming) type += `;${prefix}streaming=true`
  if (format.ieee754Compatible) type += ';IEEE754Compatible=true'
  if (format.exponentialDecimals) type += ';ExponentialDecimals=true'
  return `${type};charset=utf-8`
}
