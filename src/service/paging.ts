import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { OrderByItem } from '../bind/tree.ts'
import type { PrimitiveTypeName } from '../edm/model.ts'
import { parsePrimitive, primitiveTypeOf, printPrimitive } from '../edm/primitives.ts'
import { primitiveOf } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { ReadPlan } from '../plan/plan.ts'
import type { Keyset } from '../store/port.ts'

/** Where a page ended: what a skip token carries (Protocol 11.2.6.7). */
export interface Continuation {
  readonly after: Keyset
  /** rows still wanted of the client's $top */
  readonly top: number | undefined
  /** where changes are tracked: the moment before the first page */
  readonly tracked?: DeltaState
  /** name of the state of the data that all pages are of (service/isolation.ts) */
  readonly snapshot?: string
}

/** What a delta token carries (Protocol 11.3.1). */
export interface DeltaState {
  /** position in the store's history of the rows */
  readonly since: string
  /** positions in the histories of other collections, of what is expanded, in the order of `trackedRoots` */
  readonly related?: readonly string[]
  /** of a further page of a delta: the collection whose changes are being told, 0 for that of the rows */
  readonly stage?: number
  /** of a further page of a delta: where the delta begins, if rows as they were are asked for */
  readonly from?: string
  /** of a further page of a delta: where the delta ends */
  readonly until?: string
  /** milliseconds since 1970 at which the client's knowledge began to be as old as `since` */
  readonly issued: number
}

/** Options that a next link carries itself; the token takes the place of these. */
const replaced = new Set(['skiptoken', 'skip', 'top'])
/** Options that decide which rows come in which order: a token is good only for the same ones. */
const deciding = new Set(['filter', 'search', 'orderby', 'compute', 'apply'])
/** A delta has no order and no page of its own, and its link asks for no count (Protocol 11.3.1). */
const notTracked = new Set(['skiptoken', 'deltatoken', 'skip', 'top', 'orderby', 'count'])

/**
 * Skip tokens: the typed sort values of the last row and the rest of $top, bound to the question they belong to and signed
 * (docs/architecture.md, "Paging").
 */
export class Paging {
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** The absolute link to the next page: the client's own options, $skip and $top taken over by the token. */
  nextLink(
    root: string,
    target: string,
    plan: Pick<ReadPlan, 'orderby'>,
    continuation: Continuation,
    dropCount: boolean,
  ): string {
    const { path, pairs } = splitTarget(target)
    const kept = pairs
      .filter(({ name }) => !replaced.has(name) && !(dropCount && name === 'count'))
      .map(({ raw }) => raw)
    const payload = Buffer.from(
      JSON.stringify([
        printKeyset(plan.orderby, continuation.after),
        continuation.top ?? null,
        ...(continuation.tracked === undefined && continuation.snapshot === undefined
          ? []
          : [continuation.tracked ?? null]),
        ...(continuation.snapshot === undefined ? [] : [continuation.snapshot]),
      ]),
      'utf8',
    )
    const token = Buffer.concat([this.#sign(target, payload, deciding), payload]).toString('base64url')
    return `${root}${path.replace(/^\//, '')}?${[...kept, `$skiptoken=${token}`].join('&')}`
  }

  /** The absolute link to what changes from now on, or to the next page of such changes. */
  deltaLink(root: string, target: string, state: DeltaState): string {
    const payload = Buffer.from(JSON.stringify({ delta: state }), 'utf8')
    const token = Buffer.concat([this.#sign(target, payload, tracking), payload]).toString('base64url')
    const query = definingQuery(root, target)
    return `${query}${query.includes('?') ? '&' : '?'}$deltatoken=${token}`
  }

  /**
   * Reads a delta token that this service has signed for this question.
   * @throws ODataError deltaTokenInvalid
   */
  readDelta(target: string, token: string): DeltaState {
    const payload = this.#verified(target, token, tracking)
    if (payload === undefined)
      throw new ODataError('deltaTokenInvalid', 'The $deltatoken was not made by this service for this request.', {
        target: '$deltatoken',
      })
    return (JSON.parse(payload.toString('utf8')) as { delta: DeltaState }).delta
  }

  /**
   * Reads a token that this service has signed for this question.
   * @throws ODataError skipTokenInvalid
   */
  read(target: string, plan: Pick<ReadPlan, 'orderby'>, token: string): Continuation {
    const payload = this.#verified(target, token, deciding)
    if (payload === undefined) throw invalidToken()
    const [texts, top, tracked] = JSON.parse(payload.toString('utf8')) as [
      readonly (string | null)[],
      number | null,
      (DeltaState | null)?,
    ]
    return {
      after: parseKeyset(plan.orderby, texts),
      top: top ?? undefined,
      ...(tracked ? { tracked } : {}),
    }
  }

  /** The state of the data that a token which this service has signed for this question is about; undefined: none, or no such token. */
  snapshotOf(target: string, token: string): string | undefined {
    const payload = this.#verified(target, token, deciding)
    const parts: unknown = payload && JSON.parse(payload.toString('utf8'))
    const name: unknown = Array.isArray(parts) ? parts[3] : undefined
    return typeof name === 'string' ? name : undefined
  }

  #verified(target: string, token: string, question: ReadonlySet<string>): Buffer | undefined {
    const bytes = Buffer.from(token, 'base64url')
    const payload = bytes.subarray(signatureLength)
    const signature = bytes.subarray(0, signatureLength)
    if (signature.length !== signatureLength) return undefined
    return timingSafeEqual(signature, this.#sign(target, payload, question)) ? payload : undefined
  }

  #sign(target: string, payload: Uint8Array, names: ReadonlySet<string>): Buffer {
    const { path, pairs } = splitTarget(target)
    const question = pairs
      .filter(({ name }) => names.has(name) || name.startsWith('@'))
      .map(({ name, value }) => [name, value])
    const fingerprint = createHash('sha256')
      // tokens of one kind are no tokens of the other
      .update(JSON.stringify([decode(path), question, ...(names === tracking ? ['delta'] : [])]))
      .digest()
    return createHmac('sha256', this.#secret).update(fingerprint).update(payload).digest().subarray(0, signatureLength)
  }
}

const signatureLength = 16
/** Options that decide which rows a delta is about. */
const tracking: ReadonlySet<string> = new Set(['filter', 'search', 'compute', 'apply', 'expand'])

/** The absolute URL of the rows whose changes are tracked. */
export function definingQuery(root: string, target: string): string {
  const { path, pairs } = splitTarget(target)
  const kept = pairs.filter(({ name }) => !notTracked.has(name)).map(({ raw }) => raw)
  return `${root}${path.replace(/^\//, '')}${kept.length === 0 ? '' : `?${kept.join('&')}`}`
}

function invalidToken(): ODataError {
  return new ODataError('skipTokenInvalid', 'The $skiptoken was not made by this service for this request.', {
    target: '$skiptoken',
  })
}

interface Pair {
  readonly raw: string
  /** lower case, without `$` */
  readonly name: string
  readonly value: string
}

function splitTarget(target: string): { path: string; pairs: readonly Pair[] } {
  const mark = target.indexOf('?')
  if (mark < 0) return { path: target, pairs: [] }
  const pairs = target
    .slice(mark + 1)
    .split('&')
    .filter((raw) => raw !== '')
    .map((raw) => {
      const equals = raw.indexOf('=')
      const name = decode(equals < 0 ? raw : raw.slice(0, equals))
      return {
        raw,
        name: name.startsWith('$') ? name.slice(1).toLowerCase() : name.toLowerCase(),
        value: equals < 0 ? '' : decode(raw.slice(equals + 1)),
      }
    })
  return { path: target.slice(0, mark), pairs }
}

/** The URL has been parsed before, so its percent-encoding is sound. */
function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

function typeOf(item: OrderByItem): PrimitiveTypeName | undefined {
  const type = item.expression.type?.type
  if (type === undefined) return undefined
  return type.kind === 'enum' ? 'Edm.Int64' : primitiveOf(type)?.name
}

/** `type:text` where the order item has no type: a dynamic property may hold another type in every row. */
function printKeyset(orderby: readonly OrderByItem[], keyset: Keyset): readonly (string | null)[] {
  return keyset.map((value, i) => {
    const item = orderby[i]
    if (value === null || item === undefined) return null
    const type = typeOf(item)
    if (type !== undefined) return printPrimitive(type, value)
    const actual = primitiveTypeOf(value)
    return `${actual}:${printPrimitive(actual, value)}`
  })
}

function parseKeyset(orderby: readonly OrderByItem[], texts: readonly (string | null)[]): Keyset {
  return texts.map((text, i): PrimitiveValue | null => {
    const item = orderby[i]
    if (text === null || item === undefined) return null
    const colon = text.indexOf(':')
    const type = typeOf(item)
    const value =
      type === undefined
        ? parsePrimitive(text.slice(0, colon) as PrimitiveTypeName, text.slice(colon + 1))
        : parsePrimitive(type, text)
    if (value === undefined) throw invalidToken()
    return value
  })
}
