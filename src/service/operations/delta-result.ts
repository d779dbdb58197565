import type { Parameters } from '../../bind/tree.ts'
import { findField, readString, valueOffset } from '../../bson/reader.ts'
import { isDelta } from '../../csdl/core.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { contextUrl, placeText } from '../../payload/context.ts'
import { compileRemovedWriter, withKeys } from '../../payload/delta.ts'
import { compileRowWriter } from '../../payload/fast-writer.ts'
import { createSink } from '../../payload/sink.ts'
import type { ReadPlan } from '../../plan/plan.ts'
import type { HttpResponse } from '../../protocol/message.ts'
import { jsonContentType, negotiateJson } from '../../protocol/negotiate.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { type Core, contextOf, controlPrefix, dialectOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { shapeOfSource } from '../expand.ts'
import { removedField } from './result.ts'

/** Whether a plan reads what an operation gives as a delta (Core.IsDelta). */
export function isDeltaResult({ source: { root } }: ReadPlan): boolean {
  const type = root.kind === 'result' ? root.call.operation.returnType : undefined
  return type !== undefined && isDelta(type, type)
}

/** @throws ODataError notImplemented for options but `$select` and `$format` */
export function checkDeltaOptions(options: QueryOptions): void {
  const asked = refused.find((name) => options[name] !== undefined)
  if (asked !== undefined)
    throw new ODataError('notImplemented', `$${asked} of a delta that an operation gives is not implemented.`, {
      target: `$${asked}`,
    })
}

/**
 * Writes the entities and removed entities that an operation gave as a delta, in its order (JSON Format 15; Protocol 10.14).
 * @throws ODataError as `checkDeltaOptions`
 */
export async function readDeltaResult(
  core: Core,
  exchange: Exchange,
  plan: ReadPlan,
  parameters: Parameters,
  options: QueryOptions,
): Promise<HttpResponse> {
  const format = negotiateJson(exchange.request.headers, options.format)
  checkDeltaOptions(options)
  const dialect = { ...dialectOf(core, exchange, format), omitValues: undefined }
  const { controller, context } = contextOf(core, exchange, plan, parameters)
  const rows = await controller.list(context)
  const shape = { ...shapeOfSource(core, plan.source, plan.source.type), select: plan.select }
  const entity = compileRowWriter(withKeys(shape), dialect, core.layout)
  const removed = compileRemovedWriter(shape, dialect, core.layout, core.protocol.graph)
  const place = placeText({ ...plan.source, steps: [] }, parameters)
  const sink = createSink()
  sink.byte(0x7b)
  if (dialect.metadata !== 'none') {
    sink.ascii(`"${controlPrefix(exchange.version)}context":`)
    sink.jsonString(`${contextUrl(plan, dialect, parameters)}/$delta`)
    sink.byte(0x2c)
  }
  sink.ascii('"value":[')
  let first = true
  for await (const batch of rows.batches)
    for (const row of batch) {
      if (!first) sink.byte(0x2c)
      first = false
      const at = findField(row, removedField)
      if (at < 0) entity(row, sink, undefined)
      else removed(row, readString(row, valueOffset(row, at)) === 'changed' ? 'changed' : 'deleted', place, sink)
    }
  sink.ascii(']}')
  return { status: 200, headers: { 'Content-Type': jsonContentType(format, exchange.version) }, body: sink.take() }
}

const refused = [
  'filter',
  'search',
  'orderby',
  'top',
  'skip',
  'count',
  'compute',
  'expand',
  'apply',
  'deltatoken',
  'skiptoken',
] as const satisfies readonly (keyof QueryOptions)[]
