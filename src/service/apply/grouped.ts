import { createTurns } from '../../base/turns.ts'
import { modelTypeOf } from '../../bind/apply/dynamic.ts'
import type { Sequence } from '../../bind/apply/tree.ts'
import type { Parameters } from '../../bind/tree.ts'
import type { DateTimeOffset, Value } from '../../edm/value.ts'
import { type Instance, transient } from '../../eval/apply/instance.ts'
import { prepareRowGroups } from '../../eval/apply/row-groups.ts'
import { limitExceeded } from '../../eval/apply/run.ts'
import { sortedBy } from '../../eval/sort-values.ts'
import type { GroupPlan } from '../../plan/plan.ts'
import type { GroupedValues } from '../../store/port.ts'
import { ODataController } from '../controller.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { applyLimits, tooManyRows } from './limits.ts'

/** So many rows are read between two looks at the clock. */
const rowsBetween = 128

/**
 * The instances of a first groupby or aggregate, as `runSequence` would make them of the rows: by the store itself where it can (decision 13),
 * else in one pass over the bytes of its rows.
 * @param now the instant of the request
 * @returns undefined where a controller gives the rows, or the bytes do not say enough
 * @throws ODataError urlLimitExceeded, and what reading throws
 */
export async function groupedRows(
  core: Core,
  exchange: Exchange,
  group: GroupPlan,
  sequence: Sequence,
  parameters: Parameters,
  now: DateTimeOffset,
): Promise<readonly Instance[] | undefined> {
  const { controller, context } = contextOf(core, exchange, group.base, parameters)
  if (controller.list !== ODataController.prototype.list || controller.entities !== undefined) return undefined
  const groups = await core.store.group?.(group, context.session, applyLimits.applyGroups)
  if (groups !== undefined) {
    checkGroups(groups.length)
    return sortedBy(groups, ({ properties }) => properties).map(instanceOf(group, sequence))
  }
  const made = passOf(core, group, sequence)?.(parameters, now)
  if (made === undefined) return undefined
  const turns = createTurns()
  const rows = await controller.list(context)
  let count = 0
  try {
    for await (const batch of rows.batches) {
      if (count + batch.length > applyLimits.applyRows) throw tooManyRows()
      for (const row of batch) {
        made.add(row)
        if (++count % rowsBetween === 0 && turns.due()) await turns.pass()
      }
      checkGroups(made.size)
    }
  } finally {
    if (!rows.complete) await rows.close()
  }
  return made.finish()
}

/** @throws ODataError urlLimitExceeded */
function checkGroups(count: number): void {
  if (count > applyLimits.applyGroups)
    throw limitExceeded(`groupby makes more than ${applyLimits.applyGroups} groups (limit applyGroups).`)
}

function instanceOf({ properties, items }: GroupPlan, { input }: Sequence): (values: GroupedValues) => Instance {
  const type = modelTypeOf(input.type)
  return (values) => {
    const own = new Map<string, Value>()
    for (const [i, { alias }] of items.entries()) own.set(alias, values.aggregates[i] ?? null)
    for (const [i, { name }] of (properties ?? []).entries()) own.set(name, values.properties[i] ?? null)
    return transient(type, own)
  }
}

/** Passes over rows, compiled once for a plan. */
const passes = new WeakMap<GroupPlan, ReturnType<typeof prepareRowGroups> | 'none'>()

function passOf({ layout }: Core, group: GroupPlan, sequence: Sequence): ReturnType<typeof prepareRowGroups> {
  let pass = passes.get(group)
  if (pass === undefined) {
    pass = prepareRowGroups(group, sequence, layout, collectionOf(layout, group.base.source.root)) ?? 'none'
    passes.set(group, pass)
  }
  return pass === 'none' ? undefined : pass
}
