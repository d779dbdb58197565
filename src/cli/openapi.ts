import { createTurns } from '../base/turns.ts'
import { keyAsSegmentSupported } from '../csdl/capabilities.ts'
import { parseCsdl } from '../csdl/read-csdl.ts'
import { readModel } from '../csdl/read-model.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Planner } from '../service/planner.ts'
import type { Schema } from '../tools/openapi/schemas.ts'
import { type OpenApiOptions, openApiOf, openApiSteps } from '../tools/openapi/write-openapi.ts'
import { defaultUrlLimits } from '../url/ast.ts'
import { parseRequestUrl } from '../url/parse-url.ts'
import { type Arguments, UsageError } from './flags.ts'
import { writeOut } from './output.ts'
import type { Terminal } from './terminal.ts'

/** How the described service speaks. */
export interface DescribedService {
  readonly root: string
  readonly version: '4.0' | '4.01'
  readonly graph: boolean
  /** functions and actions too: default true; without handlers they answer 501 */
  readonly operations?: boolean
}

/** OpenAPI 3.0.3 of what odatum serves of a model: the planner that answers requests is asked what it takes. */
export function describeService(model: Model, service: DescribedService): Schema {
  return openApiOf(model, optionsOf(model, service))
}

/** As `describeService`, letting others have their turn every few milliseconds. */
export async function describeInTurns(model: Model, service: DescribedService): Promise<Schema> {
  const steps = openApiSteps(model, optionsOf(model, service))
  const turns = createTurns(10)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (turns.due()) await turns.pass()
  }
}

function optionsOf(model: Model, { root, version, graph, operations = true }: DescribedService): OpenApiOptions {
  const keyAsSegment = (model.container && keyAsSegmentSupported(model.container)) ?? true
  const planner = new Planner(model, { keyAsSegment })
  return {
    root,
    version,
    graph,
    keyAsSegment,
    operations,
    plan: (method, target) => {
      try {
        return planner.plan(method, parseRequestUrl(target, { version: '4.01', limits: defaultUrlLimits })).plan
      } catch (error) {
        if (error instanceof ODataError)
          return { kind: 'refused', method: error.code === 'methodNotAllowed', target: error.target }
        throw error
      }
    },
  }
}

/** `odatum openapi FILE|URL`. @returns the exit code */
export async function openapi(given: Arguments, terminal: Terminal): Promise<number> {
  const [source, ...more] = given.positionals
  if (source === undefined || more.length > 0)
    throw new UsageError('openapi takes one CSDL file, or the URL of a service')
  const version = given.text('default-version') ?? '4.0'
  if (version !== '4.0' && version !== '4.01')
    throw new UsageError(`--default-version is 4.0 or 4.01, not '${version}'`)
  const remote = /^https?:\/\//.test(source)
  const model = remote ? await fetchModel(source) : await readModel(source)
  const root = given.text('root') ?? (remote ? rootOf(source) : 'http://localhost:3000')
  const document = describeService(model, { root, version, graph: given.on('graph') })
  await writeOut(given, terminal, `${JSON.stringify(document, null, 2)}\n`)
  return 0
}

function rootOf(url: string): string {
  return url.replace(/[?#].*$/, '').replace(/\/(?:\$metadata)?$/, '')
}

/** The model of a running service, by its `$metadata`. */
async function fetchModel(url: string): Promise<Model> {
  const address = `${rootOf(url)}/$metadata`
  let response: Response
  try {
    response = await fetch(address, { headers: { Accept: 'application/xml' }, signal: AbortSignal.timeout(60_000) })
  } catch (cause) {
    throw new UsageError(`${address} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (!response.ok) throw new UsageError(`${address} answers ${response.status}`)
  return parseCsdl(await response.text(), { file: address })
}
