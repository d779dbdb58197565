import type { Parameters } from '../bind/tree.ts'
import type { CollectionValue, PrimitiveValue } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { prepareValue } from '../eval/compile.ts'
import type { ReadPlan, RootValue } from '../plan/plan.ts'
import { type Core, contextOf } from './core.ts'
import type { Exchange } from './exchange.ts'
import { followHops } from './hops.ts'
import { countByRelated, evalContext, readRelated } from './related.ts'
import { virtualSingleton } from './singleton.ts'

/** Reads the values of `$root`, all at once, and puts them where the plan has kept places for them. */
export async function withRoots(
  core: Core,
  exchange: Exchange,
  roots: readonly RootValue[],
  parameters: Parameters,
): Promise<Parameters> {
  const values = await Promise.all(roots.map((root) => readRoot(core, exchange, root, parameters)))
  const all = [...parameters]
  roots.forEach(({ parameter }, i) => {
    all[parameter] = values[i] ?? null
  })
  exchange.timings?.mark('root')
  return all
}

/** What is not there is null (URL Conventions 5.1.1.15). */
async function readRoot(
  core: Core,
  exchange: Exchange,
  root: RootValue,
  parameters: Parameters,
): Promise<PrimitiveValue | CollectionValue | null> {
  if (root.kind === 'count') {
    const { plan } = root
    if (plan.related) return BigInt(await countByRelated(core, exchange, plan, plan.related, parameters))
    const { controller, context } = contextOf(core, exchange, plan, parameters)
    return BigInt(await controller.count(context))
  }
  const { plan, expression } = root
  const known = await behindKey(core, exchange, plan, parameters)
  if (known === undefined) return null
  const { controller, context } = contextOf(core, exchange, plan, known)
  const read = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  if (read === undefined) return null
  const [row = read] = plan.related ? await readRelated(core, exchange, plan, plan.related, known, [read]) : []
  // structured values are refused when the request is bound (bind/root.ts)
  return prepareValue(expression, evalContext(core, plan))(known)(row) as PrimitiveValue | CollectionValue | null
}

/** With the key of the entity that an alternate key names. @returns undefined where there is none */
async function behindKey(
  core: Core,
  exchange: Exchange,
  { hops }: ReadPlan,
  parameters: Parameters,
): Promise<Parameters | undefined> {
  if (hops === undefined) return parameters
  try {
    return await followHops(core, exchange, hops, parameters)
  } catch (error) {
    if (error instanceof ODataError && error.code === 'entityNotFound') return undefined
    throw error
  }
}
