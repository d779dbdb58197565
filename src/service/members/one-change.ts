import { type HttpResponse, type RequestHeaders, requestLike } from '../../protocol/message.ts'
import type { Core } from '../core.ts'
import { type Exchange, inTransaction } from '../exchange.ts'

/** The way of every request from its URL on (handle.ts). */
export type Answer = (core: Core, exchange: Exchange) => Promise<HttpResponse>

/** One change of a request that makes several: a request of its own, with all that its URL asks for. */
export interface OneChange {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** path and query below the service root */
  readonly target: string
  readonly body?: Uint8Array
  readonly headers?: RequestHeaders
}

/** Headers of the request that are about the whole of it. */
const own: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'prefer',
  'content-length',
  'transfer-encoding',
  'repeatability-request-id',
  'repeatability-first-sent',
  'repeatability-client-id',
])

/**
 * Makes one change, in the transaction.
 * @param transaction undefined: by itself
 * @throws what is wrong with it
 */
export function makeChange(
  answer: Answer,
  core: Core,
  exchange: Exchange,
  transaction: unknown,
  { method, target, body, headers: more = {} }: OneChange,
): Promise<HttpResponse> {
  const { request } = exchange
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(request.headers)) if (!own.has(name)) headers[name] = value
  const inner = requestLike(request, {
    method,
    target,
    headers: { ...headers, ...more },
    body: () => Promise.resolve(body),
  })
  return answer(core, {
    ...inTransaction(exchange, transaction),
    request: inner,
    timings: undefined,
    repeatability: undefined,
    results: new Map(),
  })
}

/** What a GET of a URL answers to whoever sent the request, after its changes. @throws what is wrong with it */
export function readInstead(answer: Answer, core: Core, exchange: Exchange, target: string): Promise<HttpResponse> {
  const { prefer: _, ...headers } = exchange.request.headers
  return answer(core, {
    ...exchange,
    part: exchange.part ?? { transaction: undefined },
    timings: undefined,
    request: requestLike(exchange.request, { method: 'GET', target, headers }),
  })
}
