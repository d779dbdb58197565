import type { Expression, KeyPredicate, Parameters } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { CollectionLayout, ModelLayout } from '../bson/layout.ts'
import type { StructuredType } from '../edm/model.ts'
import { compileTypeTest, type EvalContext, preparePredicate, type RowTest } from '../eval/compile.ts'
import { prepareKeyList } from '../eval/key-list.ts'
import { type BoundOrder, prepareOrder } from '../eval/order.ts'
import { prepareSearch } from '../eval/search.ts'
import { selectRows } from '../eval/select.ts'
import type { CountPlan, ReadPlan, Source } from '../plan/plan.ts'
import type { Session } from '../store/port.ts'

/** Plans over rows that no store holds: results of operations, and what controllers make themselves. */

interface Prepared {
  readonly tests: readonly ((parameters: Parameters) => RowTest)[]
  readonly order: ((parameters: Parameters) => BoundOrder) | undefined
}

const named = new WeakMap<Source, Prepared['tests']>()
const prepared = new WeakMap<ReadPlan | CountPlan, Prepared>()

/**
 * What a plan asks for of all the rows of its root: key, casts, filters, search, order and page, by `eval/`.
 * @param all in the stored form of the collection
 */
export function rowsOfPlan(
  layout: ModelLayout,
  collection: CollectionLayout,
  plan: ReadPlan | CountPlan,
  { parameters, after, limit }: Pick<Session, 'parameters' | 'after' | 'limit'>,
  all: readonly Uint8Array[],
): readonly Uint8Array[] {
  const { tests, order } = preparedFor(layout, collection, plan)
  const page = plan.kind === 'read' ? plan : undefined
  const { rows } = selectRows(all, {
    tests: tests.map((test) => test(parameters)),
    order: order?.(parameters),
    after,
    // a position stands behind what was skipped
    skip: after ? 0 : (page?.skip ?? 0),
    limit: smaller(limit, page?.top),
    count: false,
  })
  return rows.map(({ row }) => row)
}

/** The row that a plan of a single source names. */
export function firstOfPlan(
  layout: ModelLayout,
  collection: CollectionLayout,
  { source }: Pick<ReadPlan, 'source'>,
  { parameters }: Pick<Session, 'parameters'>,
  all: readonly Uint8Array[],
): Uint8Array | undefined {
  let tests = named.get(source)
  if (tests === undefined) {
    tests = testsOfSource(layout, collection, source)
    named.set(source, tests)
  }
  const bound = tests.map((test) => test(parameters))
  return all.find((row) => bound.every((test) => test(row)))
}

/** How many of the rows a plan asks for, before paging. */
export function countOfPlan(
  layout: ModelLayout,
  collection: CollectionLayout,
  plan: ReadPlan | CountPlan,
  parameters: Parameters,
  all: readonly Uint8Array[],
): number {
  const tests = preparedFor(layout, collection, plan).tests.map((test) => test(parameters))
  let count = 0
  for (const row of all) if (tests.every((test) => test(row))) count++
  return count
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}

function preparedFor(layout: ModelLayout, collection: CollectionLayout, plan: ReadPlan | CountPlan): Prepared {
  let found = prepared.get(plan)
  if (found === undefined) {
    found = prepare(layout, collection, plan)
    prepared.set(plan, found)
  }
  return found
}

/** Key, casts and filters of a path. */
function testsOfSource(layout: ModelLayout, collection: CollectionLayout, { root, steps }: Source): Prepared['tests'] {
  const contextFor = (type: StructuredType): EvalContext => ({ layout, type, collection })
  const tests: ((parameters: Parameters) => RowTest)[] = []
  let type: StructuredType = root.type
  for (const step of steps) {
    const context = contextFor(type)
    if (step.kind === 'cast') {
      const test = compileTypeTest(step.type, context)
      tests.push(() => test)
      type = step.type
    } else if (step.kind === 'keys') tests.push(prepareKeyList(step.parameter, { layout, collection }))
    else if (step.kind === 'filter') tests.push(preparePredicate(step.predicate, context))
    else for (const part of keyConditions(step.predicate)) tests.push(preparePredicate(part, context))
  }
  return tests
}

function prepare(layout: ModelLayout, collection: CollectionLayout, plan: ReadPlan | CountPlan): Prepared {
  const tests = [...testsOfSource(layout, collection, plan.source)]
  const context: EvalContext = { layout, type: plan.source.type, collection }
  if (plan.filter) tests.push(preparePredicate(plan.filter, context))
  if (plan.search) tests.push(prepareSearch(plan.search, context))
  const sorted = plan.kind === 'read' && plan.orderby.length > 0
  return { tests, order: sorted ? prepareOrder(plan.orderby, context) : undefined }
}

/** A key as conditions on the properties that it is made of. */
function keyConditions({ key, parameters }: KeyPredicate): readonly Expression[] {
  return key.map(({ path, property }, i): Expression => {
    const { type } = property
    const left: Expression = { kind: 'member', variable: '$it', steps: [{ kind: 'property', property }], type }
    const right: Expression = { kind: 'parameter', index: parameters[i] ?? -1, type }
    const name = path.at(-1)
    if (path.length > 1 || name === undefined) throw new Error('invariant: a key of rows in memory is no path')
    return { kind: 'binary', operator: 'eq', left, right, type: booleanReference }
  })
}
