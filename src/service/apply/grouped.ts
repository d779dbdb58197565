import { modelTypeOf } from '../../bind/apply/dynamic.ts'
import type { Sequence } from '../../bind/apply/tree.ts'
import type { Parameters } from '../../bind/tree.ts'
import type { Value } from '../../edm/value.ts'
import { type Instance, transient } from '../../eval/apply/instance.ts'
import { limitExceeded } from '../../eval/apply/run.ts'
import type { GroupPlan } from '../../plan/plan.ts'
import { ODataController } from '../controller.ts'
import { type Core, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { applyLimits } from './limits.ts'

/**
 * The instances of a first groupby or aggregate that the store makes by itself (decision 13), as `eval/apply` would make them.
 * @returns undefined where it cannot, or where a controller gives the rows
 * @throws ODataError urlLimitExceeded
 */
export async function groupedByStore(
  core: Core,
  exchange: Exchange,
  group: GroupPlan,
  { input }: Sequence,
  parameters: Parameters,
): Promise<readonly Instance[] | undefined> {
  const { store } = core
  if (store.group === undefined) return undefined
  const { controller, context } = contextOf(core, exchange, group.base, parameters)
  if (controller.list !== ODataController.prototype.list || controller.entities !== undefined) return undefined
  const groups = await store.group(group, context.session, applyLimits.applyGroups)
  if (groups === undefined) return undefined
  if (groups.length > applyLimits.applyGroups)
    throw limitExceeded(`groupby makes more than ${applyLimits.applyGroups} groups (limit applyGroups).`)
  const type = modelTypeOf(input.type)
  return groups.map(({ properties, aggregates }) => {
    const own = new Map<string, Value>()
    for (const [i, { alias }] of group.items.entries()) own.set(alias, aggregates[i] ?? null)
    for (const [i, { name }] of (group.properties ?? []).entries()) own.set(name, properties[i] ?? null)
    return transient(type, own)
  })
}
