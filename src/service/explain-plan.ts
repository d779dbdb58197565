import { noQuery } from '../bind/no-query.ts'
import { printBound, printQuery } from '../bind/print.ts'
import type { BoundQuery } from '../bind/tree.ts'
import { primitiveOf, typeName } from '../edm/types.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'
import { valueText } from '../payload/value-text.ts'
import type { JsonDialect } from '../payload/writer.ts'
import type { AllPlan, ApplyPlan, CountPlan, CrossjoinPlan, Expansion, Plan, ReadPlan, Source } from '../plan/plan.ts'
import type { Planned } from './planner.ts'

/** JSON for people to read: expressions are text in which `#n` is parameter n. */
export type Told = Readonly<Record<string, unknown>>

/**
 * A plan, without its values.
 * @param grouping whether the store can group rows by itself
 */
export function tellPlan(plan: Plan, grouping: boolean): Told {
  return { kind: plan.kind, ...tellKind(plan, grouping), requires: plan.requires, ...tellBefore(plan) }
}

/** The values of a request, by the number that the plan gives them. */
export function tellParameters({ plan, parameters }: Planned): readonly Told[] {
  return plan.slots.map(({ type, target }, i) => ({
    parameter: `#${i}`,
    type: typeName(type),
    ...(target === undefined ? {} : { target }),
    value: tellValue(plan, i, parameters[i] ?? null),
  }))
}

function tellValue({ slots }: Plan, i: number, value: Planned['parameters'][number]): unknown {
  const type = slots[i]?.type.type
  if (type === undefined) return String(value)
  // structured values are the text of their JSON
  const one = (item: Value): unknown =>
    item === null || (primitiveOf(type) === undefined && type.kind !== 'enum')
      ? item
      : JSON.parse(valueText(type, item as PrimitiveValue, dialect))
  return Array.isArray(value) ? value.map(one) : one(value as PrimitiveValue | null)
}

const dialect: JsonDialect = {
  version: '4.01',
  metadata: 'minimal',
  // no digit is lost where JSON.parse reads it
  ieee754Compatible: true,
  exponentialDecimals: false,
  alwaysType: false,
  root: '',
}

function tellKind(plan: Plan, grouping: boolean): Told {
  switch (plan.kind) {
    case 'read':
    case 'count':
      return tellRead(plan)
    case 'apply':
      return tellApply(plan, grouping)
    case 'all':
      return tellAll(plan)
    case 'crossjoin':
      return tellCrossjoin(plan)
    default:
      return {}
  }
}

/** What is read before the plan's own rows. */
function tellBefore({ hops, roots }: Plan): Told {
  return {
    ...(hops
      ? { navigation: hops.map(({ plan, property }) => ({ of: tellRead(plan), to: property?.name ?? 'key' })) }
      : {}),
    ...(roots
      ? { roots: roots.map(({ parameter, plan }) => ({ parameter: `#${parameter}`, ...tellRead(plan) })) }
      : {}),
  }
}

function tellRead(plan: ReadPlan | CountPlan): Told {
  const { source, related } = plan
  return {
    source: tellSource(source),
    single: source.single,
    ...tellOptions(plan),
    ...(plan.kind === 'read' && plan.stream ? { stream: true } : {}),
    ...(related
      ? {
          followsNavigation: {
            base: tellRead(related.base),
            ...(related.filter ? { filter: printBound(related.filter) } : {}),
            sorted: related.sorted,
            ...(related.calls.length === 0 ? {} : { calls: related.calls.map(({ call }) => printBound(call)) }),
            ...(related.semiJoin
              ? {
                  relatedFirst: tellRead(related.semiJoin.target),
                  key: related.semiJoin.key.name,
                  rowsByKey: tellRead(related.semiJoin.narrowed),
                }
              : {}),
          },
        }
      : {}),
    ...(plan.kind === 'read' && plan.expansions?.length ? { expansions: plan.expansions.map(tellExpansion) } : {}),
  }
}

function tellExpansion({ item, one, many, expansions }: Expansion): Told {
  return {
    property: item.property.name,
    ofOneParent: tellRead(one),
    ...(many ? { ofManyParents: tellRead(many.plan) } : {}),
    ...(expansions.length > 0 ? { expansions: expansions.map(tellExpansion) } : {}),
  }
}

/** A source as a path. */
function tellSource({ root, owner, steps }: Source): string {
  const path = [owner === undefined ? root.name : `${root.name}(of #${owner})`]
  for (const step of steps)
    if (step.kind === 'key') path[path.length - 1] += `(${step.predicate.parameters.map((i) => `#${i}`).join(',')})`
    else if (step.kind === 'cast') path.push(step.type.name)
    else if (step.kind === 'keys') path.push(`$filter(key in #${step.parameter})`)
    else path.push(`$filter(${printBound(step.predicate)})`)
  return path.join('/')
}

/** Each option that is there, as text. */
function tellOptions(plan: Partial<BoundQuery>): Told {
  return Object.fromEntries(
    Object.keys(noQuery).flatMap((name) => {
      const value = plan[name as keyof BoundQuery]
      if (value === undefined) return []
      const text = printQuery({ ...noQuery, [name]: value })
      return text === '' ? [] : [[name, text.slice(text.indexOf('=') + 1)]]
    }),
  )
}

function tellApply(plan: ApplyPlan, grouping: boolean): Told {
  const { base, group, sequence, orderby, select, expand, top, skip, count, counting } = plan
  return {
    rows: tellRead(base),
    // the store is asked for it first; where it cannot, the rows are transformed here
    ...(group && grouping
      ? {
          groupedByStore: {
            rows: tellRead(group.base),
            properties: group.properties?.map(({ name }) => name) ?? [],
            aggregates: group.items.length,
          },
        }
      : {}),
    transformations: sequence.steps.map(({ kind }) => kind),
    ...tellOptions({ orderby, top, skip, count, ...(select ? { select } : {}), ...(expand ? { expand } : {}) }),
    ...(counting ? { counting } : {}),
  }
}

function tellAll({ parts, type, select, expand, top, skip, count }: AllPlan): Told {
  return {
    ...(type ? { type: type.name } : {}),
    parts: parts.map(({ plan, condition }) => ({
      ...tellRead(plan),
      ...(condition ? { condition: tellRead(condition) } : {}),
      requires: plan.requires,
    })),
    ...tellOptions({ select, expand, top, skip, count }),
  }
}

function tellCrossjoin({ sets, joins, filter, orderby, select, top, skip, count }: CrossjoinPlan): Told {
  const side = ({ set, expression }: CrossjoinPlan['joins'][number]['earlier']): string =>
    `${sets[set]?.property.name}: ${printBound(expression)}`
  return {
    sets: sets.map(({ property, plan }) => ({ set: property.name, ...tellRead(plan) })),
    joins: joins.map(({ earlier, later }) => `${side(earlier)} = ${side(later)}`),
    ...tellOptions({ filter, orderby, select, top, skip, count }),
  }
}
