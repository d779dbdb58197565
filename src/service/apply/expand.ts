import type { Sequence } from '../../bind/apply/tree.ts'
import type { ExpandItem, Expression } from '../../bind/tree.ts'
import type { TypeReference } from '../../edm/model.ts'
import type { Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { type Instance, isInstance, withMembers } from '../../eval/apply/instance.ts'
import { evaluateFor, runSequence, stableSort } from '../../eval/apply/run.ts'
import { textsOf } from '../../eval/apply/texts.ts'
import { prepareTextSearch } from '../../eval/search.ts'
import { isCollectionValue } from '../../eval/values.ts'
import { callsIn } from '../../plan/calls.ts'
import { visit } from '../../plan/capabilities/references.ts'
import { follows, navigationTree } from '../../plan/navigation-tree.ts'
import type { Entities } from './entities.ts'

/** $expand behind transformations: what the instances hold, or what their navigation properties lead to. */

/**
 * Puts expanded entities into instances, nested options applied.
 * @throws ODataError notImplemented for options that look at the outermost row
 */
export async function expandInstances(
  entities: Entities,
  instances: readonly Instance[],
  items: readonly ExpandItem[],
): Promise<readonly Instance[]> {
  let current = instances
  for (const item of items) current = await expandItem(entities, current, item)
  return current
}

async function expandItem(
  entities: Entities,
  instances: readonly Instance[],
  item: ExpandItem,
): Promise<readonly Instance[]> {
  const { property, path, query, levels } = item
  if (path.some(({ kind }) => kind !== 'cast'))
    throw new ODataError(
      'notImplemented',
      `$expand of ${property.name} inside a complex property is not implemented here.`,
      {
        target: '$expand',
      },
    )
  if (levels !== 1)
    throw new ODataError('notImplemented', '$levels behind $apply is not implemented by this service.', {
      target: '$expand',
    })
  const tree = navigationTree()
  tree.children.set(property.name, { via: [], property, children: new Map() })
  await entities.load(instances, tree)
  const lists = instances.map((instance) => instance.members.get(property.name))
  const { apply } = item
  const found = lists.map((value) => (isCollectionValue(value ?? null) ? (value as readonly Value[]) : undefined))
  const nested = apply === undefined ? found : await transformed(entities, apply, found)
  const shown = await Promise.all(nested.map((list) => list && selected(entities, list, query, item)))
  // all nested instances together: one read for each level
  const flat = lists.flatMap((value, i) => (shown[i] ?? [value ?? null]).filter(isInstance))
  const inner = query.expand.length === 0 ? flat : await expandInstances(entities, flat, query.expand)
  let next = 0
  const replaced = (value: Value): Value => (isInstance(value) ? (inner[next++] ?? null) : value)
  return instances.map((instance, i) => {
    const value = lists[i]
    const list = shown[i]
    if (value === undefined) return instance
    return withMembers(entities.layout, instance, [[property.name, list ? list.map(replaced) : replaced(value)]])
  })
}

/** $apply of the related entities of all instances together. */
async function transformed(
  entities: Entities,
  apply: Sequence,
  lists: readonly (readonly Value[] | undefined)[],
): Promise<readonly (readonly Value[] | undefined)[]> {
  const sets = await runSequence(
    entities,
    apply,
    lists.map((list) => (list ?? []).filter(isInstance)),
  )
  return lists.map((list, i) => list && sets[i])
}

/** The nested options that choose: $search, $filter, $orderby, $skip, $top. */
async function selected(
  entities: Entities,
  list: readonly Value[],
  query: ExpandItem['query'],
  { property, apply }: ExpandItem,
): Promise<readonly Value[]> {
  const type: TypeReference = {
    type: apply?.output.type ?? property.type,
    collection: false,
    nullable: false,
    facets: {},
  }
  const expressions = [...(query.filter ? [query.filter] : []), ...query.orderby.map(({ expression }) => expression)]
  refuseOuter(expressions)
  const tree = navigationTree()
  for (const expression of expressions) follows(expression, tree)
  await entities.load(list, tree)
  const valueFor = (expression: Expression) => evaluateFor(entities, expression, type, entities.parameters)
  const calls = callsIn(expressions)
  if (calls.length > 0) await entities.call(calls, list, valueFor)
  let found = list
  if (query.search) {
    const matches = prepareTextSearch(query.search)(entities.parameters)
    found = found.filter((value) => matches(textsOf(value)))
  }
  if (query.filter) {
    const test = valueFor(query.filter)
    found = found.filter((value) => test(value) === true)
  }
  if (query.orderby.length > 0) found = stableSort(found, query.orderby, ({ expression }) => valueFor(expression))
  const skip = query.skip ?? 0
  return query.top === undefined ? found.slice(skip) : found.slice(skip, skip + query.top)
}

function refuseOuter(expressions: readonly Expression[]): void {
  for (const expression of expressions)
    visit(expression, new Map(), {
      reference: () => {},
      node: (node) => {
        if (node.kind === 'member' && node.variable === '$it')
          throw new ODataError('notImplemented', '$it inside $expand is not implemented by this service.', {
            target: '$expand',
          })
      },
    })
}
