import type { BoundTransformation } from '../bind/apply/bind-query.ts'
import type { Sequence, Transformation } from '../bind/apply/tree.ts'
import { choosesItems } from '../bind/select.ts'
import type {
  BoundPath,
  BoundQuery,
  ExpandItem,
  Expression,
  OrderByItem,
  ParameterSlot,
  SearchExpression,
} from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { Model } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { QueryOptions } from '../url/ast.ts'
import { checkApply } from './capabilities/apply.ts'
import { checkRequest } from './capabilities/check.ts'
import { placeOfPath } from './expansion.ts'
import { groupOf, isOfRow } from './grouping.ts'
import type { ApplyPlan, ReadPlan } from './plan.ts'
import { sourceOf } from './source.ts'

/**
 * Plans what a collection is transformed to (Aggregation 3). Filters and searches that come first go to the store; everything
 * else is eval/apply's, over the rows that the store finds.
 * @throws ODataError notImplemented for collections of other things than entities, and what the capabilities refuse
 */
export function applyPlan(
  model: Model,
  path: BoundPath,
  options: QueryOptions,
  pathSlots: readonly ParameterSlot[],
  bind: () => BoundTransformation | undefined,
): ApplyPlan {
  const counting = path.resource === 'count'
  const bound = path.resource === 'entityCollection' || counting ? bind() : undefined
  if (bound === undefined || path.segments.some(({ kind }) => kind === 'property' || kind === 'operation'))
    throw new ODataError(
      'notImplemented',
      '$apply of anything but a stored collection of entities is not implemented.',
      {
        target: '$apply',
      },
    )
  if (choosesItems(bound.select) || (bound.expand ?? []).some(choosesWithin))
    throw new ODataError(
      'notImplemented',
      'Options of collections inside $select, after $apply, are not implemented.',
      {
        target: '$select',
      },
    )
  const slots = [...pathSlots, ...bound.slots]
  const place = sourceOf(path, slots.length)
  if (place.source.single || place.references)
    throw new ODataError('queryOptionNotAllowed', '$apply cannot be applied to a single entity or to references.', {
      target: '$apply',
    })
  const { base, rest } = pushedDown(bound.sequence)
  const { orderby, keyed } = totalOrder(bound)
  const query: BoundQuery = {
    filter: filtersOf(bound.sequence),
    orderby: bound.orderby,
    select: bound.select,
    expand: bound.expand ?? [],
    compute: [],
    search: searchOf(bound.sequence.steps),
    top: options.top,
    skip: options.skip,
    count: options.count ?? false,
  }
  const { requires, conditions } = checkRequest({
    model,
    method: 'GET',
    path,
    query: { ...query, expand: [] },
    also: (position, requirements) => checkApply({ model, position, bound, options }, requirements),
  })
  const read: ReadPlan = Object.freeze({
    kind: 'read',
    requires: [],
    slots,
    source: place.source,
    member: [],
    memberType: undefined,
    raw: false,
    filter: base.filter,
    search: base.search,
    compute: [],
    orderby: storedOrder(bound),
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
  })
  return {
    kind: 'apply',
    requires,
    slots,
    ...conditions,
    ...(place.hops.length === 0 ? {} : { hops: place.hops }),
    base: read,
    group: groupOf(read, rest),
    source: place.source,
    place: placeOfPath(model, path),
    sequence: rest,
    orderby,
    keyed,
    calculated: bound.calculated,
    counting,
    select: bound.select,
    expand: bound.expand,
    top: options.top,
    skip: options.skip,
    count: options.count ?? false,
  }
}

function choosesWithin({ query }: ExpandItem): boolean {
  return choosesItems(query.select) || query.expand.some(choosesWithin)
}

/** Rows come in the order of their keys, so that whatever is made of them is the same again. */
function storedOrder({ sequence }: BoundTransformation): readonly OrderByItem[] {
  return (sequence.input.key ?? []).map((expression) => ({ expression, descending: false }))
}

/** Filters at the start of a sequence that look at the rows alone, and one search. */
function pushedDown(sequence: Sequence): {
  readonly base: { readonly filter: Expression | undefined; readonly search: SearchExpression | undefined }
  readonly rest: Sequence
} {
  let filter: Expression | undefined
  let search: SearchExpression | undefined
  let taken = 0
  for (const step of sequence.steps) {
    if (step.kind === 'search' && search === undefined) search = step.search
    else if (step.kind === 'filter' && step.calculated.length === 0 && isOfRow(step.predicate))
      filter = both(filter, step.predicate)
    else break
    taken++
  }
  return { base: { filter, search }, rest: { ...sequence, steps: sequence.steps.slice(taken) } }
}

function both(left: Expression | undefined, right: Expression): Expression {
  return left === undefined ? right : { kind: 'binary', operator: 'and', left, right, type: booleanReference }
}

/** All conditions of a sequence, nested ones left out. */
function filtersOf({ steps }: Sequence): Expression | undefined {
  let filter: Expression | undefined
  for (const step of steps) if (step.kind === 'filter') filter = both(filter, step.predicate)
  return filter
}

function searchOf(steps: readonly Transformation[]): SearchExpression | undefined {
  for (const step of steps) if (step.kind === 'search') return step.search
  return undefined
}

/**
 * The order of the outcome: $orderby, and behind it what tells the instances apart. Where transformations give an order that $orderby does not
 * replace, or nothing tells the instances apart, they keep the order that they have.
 */
function totalOrder({ sequence, orderby, calculated }: BoundTransformation): {
  orderby: readonly OrderByItem[]
  keyed: boolean
} {
  const { key, ordered } = sequence.output
  if (key === undefined || ordered || calculated.length > 0) return { orderby, keyed: false }
  const items = key.map((expression): OrderByItem => ({ expression, descending: false }))
  return { orderby: [...orderby, ...items], keyed: true }
}
