import { Buffer } from 'node:buffer'
import { LruMap } from '../base/lru.ts'
import { decodeBase64, encodeBase64, encodeBase64Url } from '../edm/binary.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { BatchPart, BatchUnit, PartAnswer, UnitAnswer } from '../protocol/batch.ts'
import { type MediaType, parseMediaType } from '../protocol/media-type.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { type JsonNode, type JsonObject, jsonKinds, parseJson } from './json.ts'

/** Batches as JSON (JSON Format 19). */

/**
 * Reads a JSON batch. Ids, groups and dependencies are its frame: what is wrong with them is wrong with the whole; what is wrong
 * with one request stands in its `fault`.
 * @param limit requests at the most
 * @param caseless whether ids that differ only in case count as the same (Microsoft Graph)
 * @throws ODataError bodySyntax, bodyInvalid, batchLimitExceeded
 */
export function readJsonBatch(body: Uint8Array, limit: number, caseless: boolean): readonly BatchUnit[] {
  const root = parseJson(body)
  const requests = root.kind === 'object' ? root.members.get('requests') : undefined
  if (requests?.kind !== 'array') throw invalid('A batch is an object with an array "requests".', 'requests')
  if (requests.items.length > limit)
    throw new ODataError('batchLimitExceeded', `A batch holds at most ${limit} requests (limit batchParts).`, {
      target: 'requests',
    })
  return new Reader(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'), caseless).read(
    requests.items,
  )
}

function invalid(message: string, target: string): ODataError {
  return new ODataError('bodyInvalid', message, { target })
}

class Reader {
  readonly #text: string
  readonly #caseless: boolean
  readonly #ids = new Map<string, { readonly id: string; readonly group: string | undefined }>()
  readonly #groups = new Set<string>()

  constructor(text: string, caseless: boolean) {
    this.#text = text
    this.#caseless = caseless
  }

  read(items: readonly JsonNode[]): readonly BatchUnit[] {
    const units: { group: string | undefined; parts: BatchPart[]; fault: undefined }[] = []
    for (const [i, item] of items.entries()) {
      const target = `requests/${i}`
      if (item.kind !== 'object') throw invalid('A request of a batch is an object.', target)
      const id = this.#id(item, target)
      const group = this.#optional(item, 'atomicityGroup', target)
      const last = units.at(-1)
      if (group !== undefined && group !== last?.group) {
        if (!/^[\w.~-]{1,128}$/.test(group) || this.#groups.has(group) || this.#ids.has(this.#key(group)))
          throw invalid(
            'Requests of an atomicity group stand together, and its name is no id.',
            `${target}/atomicityGroup`,
          )
        this.#groups.add(group)
      }
      if (this.#ids.has(this.#key(id)) || this.#groups.has(id)) throw invalid('The id stands twice.', `${target}/id`)
      const part = this.#part(item, id, group, target)
      this.#ids.set(this.#key(id), { id, group })
      if (group !== undefined && group === last?.group) last.parts.push(part)
      else units.push({ group, parts: [part], fault: undefined })
    }
    return units
  }

  #key(id: string): string {
    return this.#caseless ? id.toLowerCase() : id
  }

  #id(item: JsonObject, target: string): string {
    const id = item.members.get('id')
    if (id?.kind !== 'string' || !/^[\x20-\x7e]{1,128}$/.test(id.value))
      throw invalid('Every request needs an id: a string of 1 to 128 characters.', `${target}/id`)
    return id.value
  }

  #optional(item: JsonObject, name: string, target: string): string | undefined {
    const node = item.members.get(name)
    if (node === undefined || node.kind === 'null') return undefined
    if (node.kind !== 'string')
      throw invalid(`"${name}" is a string, not ${jsonKinds[node.kind]}.`, `${target}/${name}`)
    return node.value
  }

  /** @throws ODataError bodyInvalid for what does not stand before it */
  #dependsOn(item: JsonObject, group: string | undefined, target: string): readonly string[] {
    const node = item.members.get('dependsOn')
    if (node === undefined || node.kind === 'null') return []
    const wrong = (): ODataError =>
      invalid('dependsOn is an array of ids and atomicity groups that stand before the request.', `${target}/dependsOn`)
    if (node.kind !== 'array') throw wrong()
    return node.items.map((entry) => {
      if (entry.kind !== 'string') throw wrong()
      const request = this.#ids.get(this.#key(entry.value))
      // who depends on one request of another group depends on the group
      if (request !== undefined)
        return request.group === undefined || request.group === group ? request.id : request.group
      if (!this.#groups.has(entry.value) || entry.value === group) throw wrong()
      return entry.value
    })
  }

  #part(item: JsonObject, id: string, group: string | undefined, target: string): BatchPart {
    const dependsOn = this.#dependsOn(item, group, target)
    try {
      const [duplicate] = item.duplicates
      if (duplicate)
        throw new ODataError('propertyDuplicate', `'${duplicate.name.slice(0, 80)}' stands twice.`, { target })
      const method = this.#optional(item, 'method', target)
      const url = this.#optional(item, 'url', target)
      if (method === undefined || !/^[A-Za-z]{1,20}$/.test(method))
        throw invalid('Every request needs a method.', `${target}/method`)
      if (url === undefined) throw invalid('Every request needs a url.', `${target}/url`)
      const headers = this.#headers(item, target)
      const upper = method.toUpperCase()
      const body = this.#body(item, upper, headers, target)
      const condition = this.#optional(item, 'if', target)
      return { id, dependsOn, method: upper, url, headers, body, condition, fault: undefined }
    } catch (error) {
      if (!(error instanceof ODataError)) throw error
      const nothing = { method: '', url: '', headers: new Map<string, string>(), body: undefined, condition: undefined }
      return { id, dependsOn, ...nothing, fault: error }
    }
  }

  #headers(item: JsonObject, target: string): Map<string, string> {
    const headers = new Map<string, string>()
    const node = item.members.get('headers')
    if (node === undefined || node.kind === 'null') return headers
    const at = `${target}/headers`
    if (node.kind !== 'object' || node.duplicates.length > 0)
      throw invalid('"headers" is an object in which each name stands once.', at)
    for (const [name, value] of node.members) {
      const lower = name.toLowerCase()
      if (
        !/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/.test(lower) ||
        value.kind !== 'string' ||
        !/^[\t\x20-\x7e\x80-\xff]*$/.test(value.value)
      )
        throw new ODataError('headerInvalid', 'A header is a name with a string that a header can hold.', {
          target: at,
        })
      if (headers.has(lower)) throw new ODataError('headerInvalid', `The header ${lower} stands twice.`, { target: at })
      headers.set(lower, value.value.trim())
    }
    return headers
  }

  /** The bytes that the request would have had by itself: JSON as it was written, no digit lost. */
  #body(item: JsonObject, method: string, headers: Map<string, string>, target: string): Uint8Array | undefined {
    const node = item.members.get('body')
    if (node === undefined || node.kind === 'null') return undefined
    const at = `${target}/body`
    if (method === 'GET' || method === 'HEAD' || method === 'DELETE') throw invalid(`A ${method} has no body.`, at)
    const type = headers.get('content-type')
    if (type === undefined) headers.set('content-type', 'application/json')
    const media = parseMediaType(type ?? 'application/json')
    if (media === undefined) throw new ODataError('headerInvalid', 'The content-type is no media type.', { target: at })
    const kind = kindOf(media)
    if (kind === 'json') return Buffer.from(this.#text.slice(node.offset, node.end))
    if (node.kind !== 'string') throw invalid(`The body of a ${type} is a string.`, at)
    if (kind === 'text') return Buffer.from(node.value)
    const bytes = decodeBase64(node.value)
    if (bytes === undefined) throw invalid(`The body of a ${type} is a string of base64url.`, at)
    return bytes
  }
}

/** How a body of a media type stands in a JSON batch. */
function kindOf({ type, subtype }: MediaType): 'json' | 'text' | 'binary' {
  if (type === 'application' && (subtype === 'json' || subtype.endsWith('+json'))) return 'json'
  return type === 'text' ? 'text' : 'binary'
}

/** How a JSON batch response is written. */
export interface JsonBatchManners {
  /** Microsoft Graph: header names as HTTP writes them, plain base64 */
  readonly graph: boolean
}

/** Writes a JSON batch response, each unit once it is there (JSON Format 19.6). */
export async function* writeJsonBatch(
  units: AsyncIterable<UnitAnswer>,
  manners: JsonBatchManners,
): AsyncGenerator<Uint8Array> {
  let separator = '{"responses":['
  for await (const { group, answers } of units)
    for (const answer of answers) {
      const head = separator + printHead(answer, group, manners)
      separator = '},'
      const { body, headers } = answer.response
      if (body === undefined || (body instanceof Uint8Array && body.length === 0)) yield Buffer.from(head)
      else if (body instanceof Uint8Array && kindOfType(headers['Content-Type'] ?? '') === 'json')
        yield Buffer.concat([Buffer.from(`${head},"body":`), body])
      else yield* writeBody(`${head},"body":`, body, answer.response, manners)
    }
  yield Buffer.from(separator.startsWith('{') ? `${separator}]}` : '}]}')
}

/** The object of an answer up to its body, not closed. */
function printHead({ id, response }: PartAnswer, group: string | undefined, { graph }: JsonBatchManners): string {
  const names = id === undefined ? '' : `"id":${JSON.stringify(id)},`
  const groups = group === undefined ? '' : `"atomicityGroup":${JSON.stringify(group)},`
  let headers = ''
  for (const name in response.headers) {
    const value = response.headers[name] as string
    headers += `${headers === '' ? ',"headers":{"' : ',"'}${graph ? name : lowerCase(name)}":${plainText.test(value) ? `"${value}"` : JSON.stringify(value)}`
  }
  return `{${names}${groups}"status":${response.status}${headers === '' ? '' : `${headers}}`}`
}

/** What JSON writes as it is. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** Names of the service's own headers, tokens all of them, in lower case. */
const lowerNames = new Map<string, string>()

function lowerCase(name: string): string {
  let lower = lowerNames.get(name)
  if (lower === undefined) {
    lower = name.toLowerCase()
    if (lowerNames.size < 100) lowerNames.set(name, lower)
  }
  return lower
}

const kinds = new LruMap<string, ReturnType<typeof kindOf>>(100)

function kindOfType(contentType: string): ReturnType<typeof kindOf> {
  let kind = kinds.get(contentType)
  if (kind === undefined) {
    const media = parseMediaType(contentType)
    kind = media ? kindOf(media) : 'binary'
    kinds.set(contentType, kind)
  }
  return kind
}

async function* writeBody(
  head: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  { headers }: HttpResponse,
  { graph }: JsonBatchManners,
): AsyncGenerator<Uint8Array> {
  const kind = kindOfType(headers['Content-Type'] ?? '')
  if (kind === 'json') {
    yield Buffer.from(head)
    if (body instanceof Uint8Array) yield body
    else yield* body
    return
  }
  // a text or a base64 string is whole or nothing
  const chunks: Uint8Array[] = []
  if (body instanceof Uint8Array) chunks.push(body)
  else for await (const chunk of body) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const text = kind === 'text' ? bytes.toString('utf8') : graph ? encodeBase64(bytes) : encodeBase64Url(bytes)
  yield Buffer.from(head + JSON.stringify(text))
}
