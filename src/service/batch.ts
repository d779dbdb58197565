import { Buffer } from 'node:buffer'
import { ODataError } from '../errors/odata-error.ts'
import { readJsonBatch, writeJsonBatch } from '../payload/json-batch.ts'
import type { BatchUnit, UnitAnswer } from '../protocol/batch.ts'
import { type MediaType, parseAccept, parseMediaType } from '../protocol/media-type.ts'
import type { HttpResponse } from '../protocol/message.ts'
import { newBoundary, readMultipartBatch, writeMultipartBatch } from '../protocol/multipart.ts'
import { requestVersion } from '../protocol/negotiate.ts'
import { parsePrefer } from '../protocol/prefer.ts'
import type { Snapshot } from '../store/snapshots.ts'
import { BatchRun, type Stages } from './batch-run.ts'
import { checkBatchFormat, mayContinue, withoutUnsupported } from './batch-support.ts'
import type { Core } from './core.ts'
import type { Exchange } from './exchange.ts'
import { snapshotOfBatch } from './isolation.ts'

type BatchFormat = 'multipart' | 'json'

/** Bytes of a batch response that are made before its status line is written; a longer one is streamed. */
const gatheredBytes = 262_144

/**
 * POST to `$batch` (Protocol 11.7): reads the requests, runs them, and writes their answers in the same order.
 * @throws ODataError for a batch that cannot be read; whatever is wrong with one of its requests is that one's answer
 */
export async function batch(core: Core, exchange: Exchange, stages: Stages): Promise<HttpResponse> {
  if (exchange.part) throw new ODataError('badRequest', 'A batch cannot hold another batch.')
  const { headers } = exchange.request
  const media = parseMediaType(headers['content-type'] ?? '')
  const format = media && formatOf(media)
  const type = headers['content-type']
  const given = type === undefined ? '; there is no Content-Type' : `, not '${type.slice(0, 80)}'`
  if (!media || !format)
    throw new ODataError('unsupportedMediaType', `A batch is multipart/mixed or application/json${given}.`, {
      target: 'Content-Type',
    })
  const { container } = core.model
  checkBatchFormat(container, format)
  requestVersion(headers)
  // it is about each request, not about the batch (Protocol 8.2.8.7)
  if (parsePrefer(headers.prefer).return !== undefined)
    throw new ODataError('badRequest', 'A batch has nothing to return but its answers: prefer that in its requests.', {
      target: 'Prefer',
    })
  const answerFormat = negotiate(headers.accept, format)
  const units = withoutUnsupported(container, await readUnits(core, exchange, media, format))

  const said = mayContinue(container) ? parsePrefer(headers.prefer).continueOnError : undefined
  const snapshot = await snapshotOfBatch(core, exchange, units)
  const run = new BatchRun(core, exchange, stages, said ?? format === 'json', snapshot)
  const answers = snapshot ? released(run.run(units), snapshot) : run.run(units)
  const answer: Record<string, string> = {}
  if (said !== undefined)
    answer['Preference-Applied'] = `${exchange.version === '4.0' ? 'odata.' : ''}continue-on-error=${said}`
  if (answerFormat === 'json') {
    answer['Content-Type'] = 'application/json;charset=utf-8'
    return { status: 200, headers: answer, body: await gathered(writeJsonBatch(answers, core.protocol)) }
  }
  const boundary = newBoundary('batch')
  answer['Content-Type'] = `multipart/mixed;boundary=${boundary}`
  return { status: 200, headers: answer, body: await gathered(writeMultipartBatch(answers, boundary)) }
}

/** The answers; the state that they were made from is let go behind the last one. */
async function* released(answers: AsyncGenerator<UnitAnswer>, snapshot: Snapshot): AsyncGenerator<UnitAnswer> {
  try {
    yield* answers
  } finally {
    snapshot.release()
  }
}

function formatOf({ type, subtype }: MediaType): BatchFormat | undefined {
  if (type === 'multipart' && subtype === 'mixed') return 'multipart'
  return type === 'application' && subtype === 'json' ? 'json' : undefined
}

/** The format of the request wherever the client takes it at all: many send an Accept that is not about batches. */
function negotiate(accept: string | undefined, own: BatchFormat): BatchFormat {
  if (accept === undefined || accept === '') return own
  let other: BatchFormat | undefined
  for (const { type, subtype, quality } of parseAccept(accept)) {
    if (quality === 0) continue
    const takes = (format: BatchFormat): boolean => {
      const [main, sub] = format === 'json' ? ['application', 'json'] : ['multipart', 'mixed']
      return (type === '*' || type === main) && (subtype === '*' || subtype === sub)
    }
    if (takes(own)) return own
    const second = own === 'json' ? 'multipart' : 'json'
    if (takes(second)) other = second
  }
  if (other) return other
  throw new ODataError('notAcceptable', 'A batch is answered as multipart/mixed or application/json.', {
    target: 'Accept',
  })
}

async function readUnits(
  core: Core,
  { request }: Exchange,
  media: MediaType,
  format: BatchFormat,
): Promise<readonly BatchUnit[]> {
  const { batchBytes, batchParts } = core.limits
  const body = await request.body(batchBytes).catch((error: unknown) => {
    if (error instanceof ODataError && error.code === 'payloadTooLarge')
      throw new ODataError('payloadTooLarge', `The batch is larger than ${batchBytes} bytes (limit batchBytes).`)
    throw error
  })
  if (body === undefined || body.length === 0) throw new ODataError('bodySyntax', 'The batch has no body.')
  return format === 'json'
    ? readJsonBatch(body, batchParts, core.protocol.graph)
    : readMultipartBatch(body, media, batchParts)
}

/** A body in one piece where it is small; else the rest is made while it is sent. */
async function gathered(chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const first: Uint8Array[] = []
  let length = 0
  while (length < gatheredBytes) {
    const next = await chunks.next()
    if (next.done) return Buffer.concat(first)
    first.push(next.value)
    length += next.value.length
  }
  return (async function* () {
    try {
      yield Buffer.concat(first)
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  })()
}
