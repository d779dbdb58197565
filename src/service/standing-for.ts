import { querySegmentSupported } from '../csdl/capabilities.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { Plan } from '../plan/plan.ts'
import { resolvePartUrl } from '../protocol/batch-url.ts'
import { type HttpRequest, requestLike } from '../protocol/message.ts'
import { requireQueryBody } from '../protocol/negotiate.ts'
import type { UrlLimits } from '../url/ast.ts'
import { optionKey } from '../url/names.ts'
import type { Exchange } from './exchange.ts'

/** Requests that stand for others: `POST path/$query` for a GET, `$entity?$id=...` for a GET of the entity's own URL. */

/** Bytes of query options in a body. */
const mostQueryBytes = 32_768

const querySegment = /\/(?:\$|%24)query\/?$/i
const entitySegment = /^\/?(?:\$|%24)entity(\/[^/]*)?\/?$/i

/** Whether the path ends in `/$query`. */
export function hasQueryInBody({ target }: HttpRequest): boolean {
  return querySegment.test(split(target).path)
}

/**
 * The GET that a POST to `/$query` stands for: the options of its body are those of its URL (U 4.17).
 * @param model whose Capabilities.QuerySegmentSupported may say that there is none: 501
 * @param request one that `hasQueryInBody`
 * @param bodyBytes limit of all bodies
 * @throws ODataError methodNotAllowed, unsupportedMediaType, payloadTooLarge
 */
export async function withQueryOfBody(model: Model, request: HttpRequest, bodyBytes: number): Promise<HttpRequest> {
  if (querySegmentSupported(model.container) === false)
    throw new ODataError('notImplemented', '/$query is not supported (Capabilities.QuerySegmentSupported).', {
      target: '$query',
    })
  const { path, query } = split(request.target)
  if (request.method !== 'POST')
    throw new ODataError('methodNotAllowed', '/$query takes its query options in the body of a POST.', {
      headers: { Allow: 'POST' },
      target: '$query',
    })
  requireQueryBody(request.headers)
  const body = Buffer.from((await request.body(bodyBytes)) ?? new Uint8Array(0))
  if (body.length > mostQueryBytes)
    throw new ODataError('payloadTooLarge', `The body is larger than ${mostQueryBytes} bytes (limit queryBytes).`)
  const text = body.toString('utf8').replace(/[\r\n]+$/, '')
  const options = [query, text].filter((part) => part !== '').join('&')
  return requestLike(request, {
    method: 'GET',
    target: path.replace(querySegment, '') + (options === '' ? '' : `?${options}`),
  })
}

/**
 * The entity's own URL that `$entity?$id=...` stands for, a cast segment behind it (ABNF: odataRelativeUri, entityIdOption).
 * @returns undefined where the request asks for something else
 * @throws ODataError queryOptionInvalid, urlSyntax for an id outside of the service
 */
export function targetOfEntityId({ request, root }: Exchange): string | undefined {
  const { path, query } = split(request.target)
  const cast = entitySegment.exec(path)
  if (!cast) return undefined
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new ODataError('methodNotAllowed', '$entity is read; an entity is changed under its own URL.', {
      headers: { Allow: 'GET, HEAD' },
    })
  let id: string | undefined
  const others: string[] = []
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=')
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals))
    const key = optionKey(name.startsWith('$') ? name.slice(1) : name)
    if (key !== 'id' || equals < 0) others.push(pair)
    else if (id !== undefined)
      throw new ODataError('queryOptionDuplicate', "The query option '$id' must not appear twice.", { target: '$id' })
    else id = decoded(pair.slice(equals + 1))
  }
  if (id === undefined || id === '')
    throw new ODataError('queryOptionInvalid', '$entity needs $id, the id of an entity.', { target: '$id' })
  const entity = resolvePartUrl(id, {
    root: new URL(root),
    host: request.headers.host,
    slashFromRoot: false,
    reference: () => undefined,
  })
  if (entity.includes('?') || systemSegment.test(entity)) throw noEntity(id)
  const rest = others.filter((pair) => pair !== '').join('&')
  return `${entity.replace(/\/$/, '')}${cast[1] ?? ''}${rest === '' ? '' : `?${rest}`}`
}

const systemSegment = /^\/(?:\$|%24)/

/** An id names an entity, nothing else. @throws ODataError queryOptionInvalid */
export function requireEntity(plan: Plan, id: string): void {
  const isEntity =
    plan.kind === 'read' && plan.source.single && plan.member.length === 0 && !plan.raw && !plan.references
  if (!isEntity) throw noEntity(id)
}

/** Whether a request is for a page behind the first: the link that the service made may be as long as the body it was made from. */
export function isContinued({ target }: HttpRequest): boolean {
  return /[?&](?:\$|%24)skiptoken=/i.test(target)
}

/** The limits of a URL that holds the options of a body. */
export function withQueryBytes(limits: UrlLimits): UrlLimits {
  return { ...limits, urlLength: limits.urlLength + mostQueryBytes }
}

function noEntity(id: string): ODataError {
  return new ODataError('queryOptionInvalid', `'${id.slice(0, 100)}' is the id of no entity.`, { target: '$id' })
}

function split(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf('?')
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

/** Form-encoded, as the options of every query (url/decode.ts). */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new ODataError('urlSyntax', 'Malformed percent-encoding in the query.')
  }
}
