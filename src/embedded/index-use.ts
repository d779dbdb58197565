import type { Session } from '../store/port.ts'
import type { QueryPlan } from './access.ts'
import { readCounters } from './counters.ts'
import { readIndexes } from './index-catalog.ts'
import { baseOfChoice, type IndexChoice, type IndexOrder, isUsable, rangesOfChoice } from './index-choice.ts'
import type { KeyRange } from './key.ts'
import type { ReadingContext } from './reading.ts'

/** An index that a request goes by. */
export interface IndexUse {
  readonly choice: IndexChoice
  /** the entries, in their order */
  readonly ranges: readonly KeyRange[]
  /** what all of them begin with */
  readonly base: Uint8Array
  /** how they stand to the order that is wanted; undefined: they do not */
  readonly order: IndexOrder | undefined
}

/** Entries that are read without a thought for other ways. */
const few = 100

/**
 * The index that a request goes by; undefined: rows are met in the order of their keys. Where filter and order want
 * different ways, the number of entries that the filter leaves decides, as far as counting them is cheap.
 * @param wanted rows that are asked for and whether their order is that of keys; undefined: all, in any order
 */
export function chooseUse(
  { tables, accesses }: ReadingContext,
  plan: QueryPlan,
  session: Session,
  wanted: { readonly rows: number; readonly byKey: boolean } | undefined,
): IndexUse | undefined {
  const choices = accesses.indexes(plan, session)
  if (choices.length === 0) return undefined
  const { number } = accesses.access(plan.source).collection
  const stored = readIndexes(tables, number)
  const use = (choice: IndexChoice): IndexUse[] => {
    const index = stored.find((each) => isUsable(choice, each))
    if (!index) return []
    const { parameters } = session
    const ranges = rangesOfChoice(choice, index, parameters)
    return [{ choice, ranges, base: baseOfChoice(choice, index, parameters), order: wanted && choice.order }]
  }
  const [filtering] = choices.filter(({ bounds }) => bounds.length > 0).flatMap(use)
  if (filtering?.order || (filtering && isOne(filtering.choice))) return filtering
  const [ordering] = wanted ? choices.filter(({ order }) => order).flatMap(use) : []
  if (!filtering) return ordering
  const { rows } = readCounters(tables, number)
  const inOrder = wanted && (ordering || wanted.byKey) && Number.isFinite(wanted.rows)
  // Of rows met in order every (rows / entries)th is one of those asked for.
  const most = Math.max(few, inOrder ? Math.sqrt(wanted.rows * rows) : rows / 3)
  let entries = 0
  for (const range of filtering.ranges) {
    entries += tables.indexes.getKeysCount({ ...range, limit: Math.ceil(most) + 1 - entries })
    if (entries > most) return ordering
  }
  return filtering
}

function isOne({ index, fields, equal }: IndexChoice): boolean {
  return index.unique && equal === fields.length
}
