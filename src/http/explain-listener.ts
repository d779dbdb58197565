import type { IncomingMessage, ServerResponse } from 'node:http'
import { ODataError } from '../errors/odata-error.ts'
import type { HttpResponse, RequestHeaders } from '../protocol/message.ts'
import type { ExplainRequest } from '../service/explain.ts'
import { readBody } from './body.ts'
import { isLoopback } from './loopback.ts'
import { sendAnswer } from './send.ts'

/** Bytes of a URL in a body; the service has its own limit. */
const urlBytes = 262_144

/** A page that had its own name lead here could read what this machine may. */
const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/** What a proxy on this machine says of those that it asks for. */
const proxied = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

/**
 * `GET /explain?url=...` and POST with the URL as the body, for developers at this machine: to be put beside the service, where
 * no public address leads to. Answers with what `Service.explain` gives, and in the form of its errors.
 */
export function explainListener(
  explain: (asked: ExplainRequest) => Promise<HttpResponse>,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(explain, request, response)
      .catch((error: unknown) => refusal(error))
      .then((answered) => sendAnswer(request, response, answered, false))
      .catch(() => response.destroy())
  }
}

async function answer(
  explain: (asked: ExplainRequest) => Promise<HttpResponse>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<HttpResponse> {
  const { headers, socket } = request
  const local = isLoopback(socket.remoteAddress) && loopbackHost.test(headers.host ?? '')
  if (!local || proxied.some((name) => headers[name] !== undefined))
    throw new ODataError('accessDenied', 'Requests are explained on this machine only, without a proxy.')
  const url = request.method === 'POST' ? await urlOfBody(request) : urlOfQuery(request)
  const gone = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  return explain({ url, headers: headers as RequestHeaders, loopback: true, signal: gone.signal })
}

function urlOfQuery({ method, url = '' }: IncomingMessage): string {
  if (method !== 'GET')
    throw new ODataError('methodNotAllowed', 'Ask with GET, or with POST and the URL in the body.', {
      headers: { Allow: 'GET, POST' },
    })
  const mark = url.indexOf('?')
  const given = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
  const target = given.get('url')
  if (target === null)
    throw new ODataError('badRequest', 'Say which request to explain: /explain?url=..., its URL percent-encoded.')
  // the rest of a URL that was not encoded would be lost without a word
  const [further] = [...given.keys()].filter((name, i) => name !== 'url' || i > 0)
  if (further !== undefined)
    throw new ODataError(
      'badRequest',
      `/explain takes nothing but url, not ${JSON.stringify(further)}: percent-encode the URL (curl -G --data-urlencode).`,
    )
  return target
}

async function urlOfBody(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, urlBytes)
  const text = Buffer.from(body ?? [])
    .toString('utf8')
    .trim()
  if (text === '') throw new ODataError('badRequest', 'The body is the URL of the request to explain.')
  return text
}

function refusal(thrown: unknown): HttpResponse {
  const error =
    thrown instanceof ODataError ? thrown : new ODataError('internal', 'The request could not be explained.')
  return {
    status: error.status,
    headers: { ...error.headers, 'Content-Type': 'application/json;charset=utf-8' },
    body: Buffer.from(JSON.stringify({ error: { code: error.code, message: error.message } }), 'utf8'),
  }
}
