import { replaceMembers } from '../bind/rewrite.ts'
import type { BoundPath, BoundQuery, Expression, MemberExpression, OrderByItem, ParameterSlot } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import { crossJoinSupported } from '../csdl/capabilities.ts'
import type { ComplexType, EntitySet, Model, NavigationProperty } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { checkRequest } from './capabilities/check.ts'
import { demandsOfAll } from './capabilities/demands.ts'
import { refuseRequest } from './capabilities/refuse.ts'
import { conjunction, conjuncts } from './conjuncts.ts'
import { expansionsOf } from './expansion.ts'
import { totalOrder } from './order.ts'
import type { CrossjoinPlan, JoinedSet, ReadPlan, Requirement } from './plan.ts'
import { relatedQuery, relatedQueryAt } from './related.ts'

/** `$crossjoin` (U 4.15): each set is read with the conditions on it alone; the combinations are made and judged by the service. */

/** How many sets one request joins. */
const mostSets = 5

/**
 * @param type of the combinations (bind/crossjoin.ts)
 * @throws ODataError urlLimitExceeded, notImplemented ($search, $apply, $compute; navigation behind a set in a condition on several)
 */
export function crossjoinPlan(
  model: Model,
  type: ComplexType,
  sets: readonly EntitySet[],
  query: BoundQuery,
  slots: readonly ParameterSlot[],
): CrossjoinPlan {
  if (crossJoinSupported(model.container) === false)
    refuseRequest('notImplemented', '$crossjoin is not supported', 'Capabilities.CrossJoinSupported', '$crossjoin')
  if (sets.length > mostSets)
    throw new ODataError('urlLimitExceeded', `$crossjoin joins more than ${mostSets} sets (limit crossjoinSets).`)
  if (query.search !== undefined) throw notHere('$search')
  const selected = query.compute.find(({ alias }) => query.select?.properties.has(alias))
  if (selected !== undefined) throw notHere('$compute', `Selecting what $compute calculates (${selected.alias})`)
  const own = new Map<string, Expression[]>(sets.map(({ name }) => [name, []]))
  const mixed: Expression[] = []
  for (const part of conjuncts(query.filter)) {
    const [first, ...more] = setsOf(part, type)
    if (first !== undefined && more.length === 0) own.get(first.name)?.push(part)
    else mixed.push(part)
  }
  const keyOrders = sets.flatMap((set) => keyOrder(set, type))
  const orderby = [...query.orderby, ...keyOrders]
  for (const expression of [...mixed, ...query.orderby.map((item) => item.expression)]) refuseDeeper(expression, type)
  const membersIn = (expressions: readonly Expression[]) => expressions.flatMap((expression) => membersOf(expression))
  const looked = membersIn([...mixed, ...keyOrders.map((item) => item.expression)])
  const sorted = membersIn(query.orderby.map((item) => item.expression))
  const requires: Requirement[] = []
  const joined = sets.map((set): JoinedSet => {
    const filter = conjunction((own.get(set.name) ?? []).map(ofSet))
    const item = query.expand.find(({ property }) => property.name === set.name)
    const isHere = ({ steps }: MemberExpression): boolean => nameOf(steps[0]) === set.name
    const seen = looked.filter(isHere).map((member) => sameAsItself(ofSet(member)))
    const setPath: BoundPath = {
      resource: 'entityCollection',
      segments: [{ kind: 'entitySet', entitySet: set }],
      type: { type: set.type, collection: true, nullable: false, facets: {} },
      signature: set.name,
    }
    const {
      requires: needed,
      expand,
      conditions,
    } = checkRequest({
      model,
      method: 'GET',
      path: setPath,
      query: {
        ...(item?.query ?? { ...query, orderby: [], select: undefined, expand: [], compute: [] }),
        filter: conjunction([...(filter === undefined ? [] : [filter]), ...seen]),
        orderby: [
          ...(item?.query.orderby ?? []),
          ...sorted.filter(isHere).map((member) => ({ expression: ofSet(member), descending: false })),
        ],
        top: undefined,
        skip: undefined,
        count: query.count,
      },
    })
    requires.push(...needed)
    const plan: ReadPlan = {
      kind: 'read',
      requires: [],
      slots,
      source: { root: set, steps: [], type: set.type, single: false },
      member: [],
      memberType: undefined,
      raw: false,
      filter,
      search: undefined,
      compute: [],
      orderby: totalOrder([], set.type),
      select: item?.query.select,
      expand,
      top: undefined,
      skip: undefined,
      count: false,
      ...conditions,
    }
    const related = relatedQuery(model, setPath, plan, slots.length)
    const property = type.allNavigationProperties.get(set.name)
    if (property === undefined) throw new Error('invariant: a property for each set')
    return {
      property,
      expanded: item !== undefined,
      plan: Object.freeze({
        ...plan,
        ...(related === undefined ? {} : { related }),
        ...(expand.length === 0
          ? {}
          : { expansions: expansionsOf(model, setPath, plan.source, expand, slots.length, relatedQueryAt) }),
      }),
    }
  })
  const demands = demandsOfAll(joined.map(({ plan }) => plan.demands))
  return Object.freeze({
    kind: 'crossjoin',
    requires,
    ...(demands === undefined ? {} : { demands }),
    slots,
    type,
    sets: joined,
    joins: mixed.flatMap((part) => joinOf(part, sets)),
    filter: conjunction(mixed),
    orderby,
    sorted: query.orderby.length > 0,
    select: query.select,
    top: query.top,
    skip: query.skip,
    count: query.count,
  })
}

function notHere(option: string, what = option): ODataError {
  return new ODataError('notImplemented', `${what} on $crossjoin is not implemented by this service.`, {
    target: option,
  })
}

/** `left eq right`, where each looks at one set: the combinations are found by its values. */
function joinOf(part: Expression, sets: readonly EntitySet[]): CrossjoinPlan['joins'] {
  if (part.kind !== 'binary' || part.operator !== 'eq') return []
  const sides = [part.left, part.right].map((side) => ({
    set: sets.findIndex(({ name }) => side.kind === 'member' && nameOf(side.steps[0]) === name),
    expression: ofSet(side),
  }))
  const [a, b] = sides
  if (a === undefined || b === undefined || a.set < 0 || b.set < 0 || a.set === b.set) return []
  return a.set < b.set ? [{ earlier: a, later: b }] : [{ earlier: b, later: a }]
}

function keyOrder({ name, type: entity }: EntitySet, type: ComplexType): readonly OrderByItem[] {
  const property = type.allNavigationProperties.get(name)
  if (property === undefined) return []
  return totalOrder([], entity).map((item) => ({
    ...item,
    expression: replaceMembers(item.expression, (member) => ({
      ...member,
      steps: [{ kind: 'navigation', property }, ...member.steps],
    })),
  }))
}

/** The paths of an expression that start at the combination. */
function membersOf(expression: Expression): readonly MemberExpression[] {
  const found: MemberExpression[] = []
  replaceMembers(expression, (member) => {
    if (member.variable === '$it') found.push(member)
    return member
  })
  return found
}

function setsOf(expression: Expression, type: ComplexType): readonly NavigationProperty[] {
  const found = new Set<NavigationProperty>()
  for (const { steps } of membersOf(expression)) {
    const property = type.allNavigationProperties.get(nameOf(steps[0]))
    if (property !== undefined) found.add(property)
  }
  return [...found]
}

function nameOf(step: MemberExpression['steps'][number] | undefined): string {
  return step?.kind === 'navigation' ? step.property.name : ''
}

/** An expression of the combination as one of the rows of its only set. */
function ofSet(expression: Expression): Expression {
  return replaceMembers(expression, (member) =>
    member.variable === '$it' ? { ...member, steps: member.steps.slice(1) } : member,
  )
}

/** What a condition on several sets looks at, as something that a set can be asked whether it may be looked at. */
function sameAsItself(expression: Expression): Expression {
  return { kind: 'binary', operator: 'eq', left: expression, right: expression, type: booleanReference }
}

function refuseDeeper(expression: Expression, type: ComplexType): void {
  replaceMembers(expression, (member) => {
    const deeper = member.steps.find(
      (step) => step.kind === 'navigation' && type.allNavigationProperties.get(step.property.name) !== step.property,
    )
    if (deeper?.kind === 'navigation')
      throw new ODataError(
        'notImplemented',
        `${deeper.property.name} behind a set of $crossjoin, in $orderby or in a condition on several sets, is not implemented.`,
        { target: '$crossjoin' },
      )
    return member
  })
}
