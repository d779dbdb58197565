import type { Parameters } from '../../bind/tree.ts'
import { preparePredicate } from '../../eval/compile.ts'
import type { ReadPlan, SourceRoot } from '../../plan/plan.ts'
import type { ChangedRow, Sight } from '../../store/changes.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { ownerOf, parametersOfRow, plansOfRow } from '../links/entity.ts'
import { rowsOfPlan } from '../rows.ts'
import { relatedRows } from './related-rows.ts'
import { idOf, type Told } from './told.ts'
import { type Changed, expansionsTo, passes, type Telling, type TrackedExpansion } from './tracked.ts'

/** Point reads under way at once. */
const together = 200

/**
 * Adds what the changes of one collection do to a result: its rows are read as they are now, by key, which a far-away store joins, and `eval/` decides
 * which of them the plan asks for. Of related entities the rows are told that they are related to now. That they may have been related to
 * others before is told by their removal, which comes first.
 * @param sighted whether it is known which rows the caller may have seen: others are not told as removed
 */
export async function tellChanges(
  telling: Telling,
  root: SourceRoot,
  changed: readonly ChangedRow[],
  sighted: boolean,
  told: Told,
): Promise<void> {
  const { plan } = telling
  const all = await readChanged(telling, root, changed)
  // what the caller never had in sight has not changed for him
  const rows = all.filter(({ row, seen }) => row !== undefined || seen || !sighted)
  const tracked = expansionsTo(plan, root)
  const related = tracked.length === 0 ? undefined : await relatedRows(telling, tracked, rows)
  for (const each of rows)
    if (isUnrelated(telling, tracked, each) && (each.seen || !sighted))
      told.remove(root, each.id, each.row === undefined ? 'deleted' : 'changed')
  if (root === plan.source.root) tellOwn(telling, rows, sighted, told)
  // what was contained is gone with its owner, or told with it
  for (const { id, row } of related?.left ?? []) told.remove(root, id, row === undefined ? 'deleted' : 'changed')
  for (const row of related?.rows ?? []) told.tell(idOf(row), row)
}

/** The changes of the rows of the result themselves. */
function tellOwn({ core, plan, parameters }: Telling, rows: readonly Changed[], sighted: boolean, told: Told): void {
  const stored = rows.flatMap(({ row }) => (row === undefined ? [] : [row]))
  const session = { parameters, after: undefined, limit: undefined }
  const asked = new Set(rowsOfPlan(core.layout, collectionOf(core.layout, plan.source.root), plan, session, stored))
  const owner = plan.source.owner === undefined ? undefined : parameters[plan.source.owner]
  for (const { id, row, seen } of rows) {
    // of another owner, in the same stored collection: expanded of the rows at most
    if (owner !== undefined && ownerOf(id) !== owner) continue
    if (row !== undefined && asked.has(row)) told.tell(id, row)
    else if (seen || !sighted) told.remove(plan.source.root, id, row === undefined ? 'deleted' : 'changed')
  }
}

/**
 * Whether a related entity may have left rows that are not known: it is gone, or what relates it has changed. Where links are told one by one, also if it
 * no longer fulfils the options of $expand; else the rows that it is related to show that.
 */
function isUnrelated(
  { core, flat, parameters }: Telling,
  tracked: readonly TrackedExpansion[],
  { row, touched }: Changed,
): boolean {
  const free = tracked.filter(({ reverse }) => reverse.kind !== 'owner')
  if (free.length === 0) return false
  if (row === undefined || touched) return true
  return flat && free.some(({ expansion }) => !passes(core, expansion, parameters, row))
}

/** The rows as they are now. */
async function readChanged(
  { core, exchange }: Telling,
  root: SourceRoot,
  changed: readonly ChangedRow[],
): Promise<readonly Changed[]> {
  const found: Changed[] = []
  for (let at = 0; at < changed.length; at += together) {
    const some = changed.slice(at, at + together)
    const rows = await Promise.all(some.map(({ id }) => readOne(core, exchange, root, id)))
    for (const [i, each] of some.entries()) found.push({ ...each, row: rows[i] })
  }
  return found
}

function readOne(core: Core, exchange: Exchange, root: SourceRoot, id: Uint8Array): Promise<Uint8Array | undefined> {
  const { controller, context } = contextOf(
    core,
    exchange,
    plansOfRow(core, root).read,
    parametersOfRow(core, { root, row: id }),
  )
  return controller.read(context)
}

/**
 * Whether a row was in sight of the caller, by the row filter of its set; undefined: there is no row filter.
 * @param plan what the row had to be part of, too; undefined: nothing, its set has other roles in the result
 */
export function sightOf(
  core: Core,
  exchange: Exchange,
  root: SourceRoot,
  plan: ReadPlan | undefined,
  parameters: Parameters,
): Sight['test'] | undefined {
  const { session } = contextOf(core, exchange, plan ?? plansOfRow(core, root).read, parameters).context
  const filter = session.rowFilters.get(root.name)
  if (filter === undefined) return undefined
  const collection = collectionOf(core.layout, root)
  const visible = preparePredicate(filter, { layout: core.layout, collection, type: root.type })(session.parameters)
  if (plan === undefined) return visible
  const asked = { parameters: session.parameters, after: undefined, limit: undefined }
  return (before) => visible(before) && rowsOfPlan(core.layout, collection, plan, asked, [before]).length > 0
}
