import { BareRecord } from '../base/bare-record.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { RequestHeaders } from './message.ts'
import { parsePrefer } from './prefer.ts'

/** Where the URL of a request in a batch may lead. */
export interface BatchPlace {
  /** the absolute service root */
  readonly root: URL
  /** Host header of the batch request: absolute URLs may name it instead of the root's host */
  readonly host: string | undefined
  /** a path with a slash that is not below the service root counts from the root (Microsoft Graph) */
  readonly slashFromRoot: boolean
  /**
   * Path below the root, with a slash, of the entity that the request with this id gave; undefined: there is no such request.
   * @throws ODataError failedDependency
   */
  readonly reference: (id: string) => string | undefined
}

/** First segments with `$` that are resources of the service, whatever the ids of requests are (Protocol 11.7.4). */
const systemResources: ReadonlySet<string> = new Set([
  '$batch',
  '$crossjoin',
  '$all',
  '$entity',
  '$root',
  '$id',
  '$metadata',
])

/** A relative URL of one segment: nothing in it is encoded, refers to another request, or leads anywhere else. */
const plainUrl = /^[A-Za-z]\w*(?:\([\w'=,-]*\))?$/

/**
 * Path and query below the service root of a request in a batch (Protocol 11.7.7.1, 11.7.4): from an absolute URL, an absolute
 * path or a relative one, a reference to an earlier request put in its place.
 * @throws ODataError urlSyntax for a URL that leads out of the service; failedDependency
 */
export function resolvePartUrl(url: string, place: BatchPlace): string {
  if (plainUrl.test(url)) return `/${url}`
  // what no URL holds unencoded: blanks and letters beyond ASCII; control characters are nobody's mistake
  if (/\p{Cc}/u.test(url) || url.includes('#') || url.includes('\\')) throw outside(url)
  const target = belowRoot(url.replace(/[^\x21-\x7e]+/g, encode), place)
  const end = target.search(/[/?]/)
  const first = end < 0 ? target : target.slice(0, end)
  const rest = end < 0 ? '' : target.slice(end)
  const referenced =
    first.startsWith('$') && !systemResources.has(first) ? place.reference(decodeId(first.slice(1))) : undefined
  const resolved = referenced === undefined ? `/${target}` : referenced + rest
  for (const segment of resolved.split('?', 1)[0]?.split('/') ?? [])
    if (/^(?:\.|%2e){1,2}$/i.test(segment)) throw outside(url)
  return resolved
}

/** Without a slash at its start. */
function belowRoot(url: string, { root, host, slashFromRoot }: BatchPlace): string {
  const absolute = /^(https?):\/\/([^/?]*)(.*)$/i.exec(url)
  const base = root.pathname.replace(/\/$/, '')
  if (absolute) {
    const asked = absolute[2]?.toLowerCase()
    if (asked !== root.host && asked !== host?.toLowerCase()) throw outside(url)
    return stripBase(absolute[3] ?? '', base) ?? refuse(url)
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url) || url.startsWith('//')) throw outside(url)
  if (!url.startsWith('/')) return url
  return stripBase(url, base) ?? (slashFromRoot ? url.slice(1) : refuse(url))
}

function stripBase(path: string, base: string): string | undefined {
  if (!path.startsWith(base)) return undefined
  const rest = path.slice(base.length)
  if (rest === '' || rest.startsWith('?')) return rest
  return rest.startsWith('/') && !rest.startsWith('//') ? rest.slice(1) : undefined
}

function refuse(url: string): never {
  throw outside(url)
}

function outside(url: string): ODataError {
  const shown = url.replace(/[^\x20-\x7e]/g, '?').slice(0, 80)
  return new ODataError('urlSyntax', `'${shown}' is no URL below the root of this service.`)
}

function encode(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    throw outside(text)
  }
}

function decodeId(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * Headers that a request in a batch may have of its own, beside those that the model names. Whatever else stands there (Host, Authorization,
 * Cookie, X-Forwarded-*, headers of gateways) never reaches the service: who asks, and where, the batch request says.
 */
const own: readonly string[] = [
  'accept',
  'accept-charset',
  'accept-language',
  'client-request-id',
  'consistencylevel',
  'content-language',
  'content-type',
  'if-match',
  'if-none-match',
  'isolation',
  'odata-isolation',
  'odata-maxversion',
  'odata-version',
  'prefer',
]

/** Headers of the batch request that are about its own message, or about its own resource. */
const outerOnly: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'connection',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'isolation',
  'odata-isolation',
  'prefer',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Who asks, where, and how is never said by a request in a batch, whatever the model names. */
const barred = /^(?:authorization|cookie|forwarded|host|proxy-.*|x-forwarded-.*|x-http-method.*|x-method-override)$/

/** The headers of a batch request that hold for each request in it. */
export function inheritedHeaders(outer: RequestHeaders): RequestHeaders {
  const headers: Record<string, string> = new BareRecord()
  for (const [name, value] of Object.entries(outer))
    if (value !== undefined && !outerOnly.has(name)) headers[name] = value
  // of the preferences one is handed on (Protocol 8.2.8.4); the others are about the batch, or not to be said of it
  const { includeAnnotations } = parsePrefer(outer.prefer)
  if (includeAnnotations !== undefined) headers.prefer = `include-annotations="${includeAnnotations}"`
  return headers
}

/**
 * The headers of a request in a batch: those it inherits, and a few that it may say for itself.
 * @param custom lower case names of headers that the model names; those that the batch request has are its to say (a gateway may have set them)
 */
export function partHeaders(
  part: ReadonlyMap<string, string>,
  inherited: RequestHeaders,
  custom: () => ReadonlySet<string>,
): Record<string, string> {
  const headers: Record<string, string> = Object.assign(new BareRecord(), inherited)
  if (part.size > 0)
    for (const name of own) {
      const value = part.get(name)
      if (value === undefined) continue
      const more =
        name === 'prefer' && inherited.prefer !== undefined && parsePrefer(value).includeAnnotations === undefined
      headers[name] = more ? `${value}, ${inherited.prefer}` : value
    }
  for (const [name, value] of part)
    if (headers[name] === undefined && !outerOnly.has(name) && !barred.test(name) && custom().has(name))
      headers[name] = value
  return headers
}
