import type { BoundQuery, Expression, MemberStep } from '../bind/tree.ts'
import { untypedReference } from '../bind/type-references.ts'
import type { StructuredType, TypeReference } from '../edm/model.ts'
import type { ItemsQuery } from './plan.ts'

/**
 * Which items of a collection-valued property are wanted (`/set(1)/tags?$filter=...`, `/set(1)/tags/$count`): the row is read
 * whole, its items are chosen by `eval/` (U 5.1; P 11.2.6).
 * @param member path to the property; casts behind it choose items (U 4.11)
 * @param filters of path segments `/$filter(...)`
 * @param counting `/$count`, which only a value itself can tell of where nothing declares it a collection
 * @returns the path without the casts, and the query; undefined where the member is no collection
 */
export function itemsOf(
  member: readonly MemberStep[],
  filters: readonly Expression[],
  query: BoundQuery,
  counting: boolean,
): { readonly member: readonly MemberStep[]; readonly items: ItemsQuery } | undefined {
  const at = member.findLastIndex((step) => step.kind !== 'cast')
  const last = member[at]
  if (counting && at === member.length - 1 && (last?.kind === 'dynamic' || isUndeclared(last))) {
    const { search } = query
    const filters = query.filter === undefined ? [] : [query.filter]
    const untyped = { type: untypedReference, declared: untypedReference, casts: [], undeclared: true as const }
    return { member, items: { ...untyped, filters, search, orderby: [], skip: 0, top: undefined, count: false } }
  }
  if (last?.kind !== 'property' || !last.property.type.collection) return undefined
  const casts = member.slice(at + 1).flatMap((step): StructuredType[] => (step.kind === 'cast' ? [step.type] : []))
  const { type } = last.property
  const item: TypeReference = { ...type, type: casts.at(-1) ?? type.type, collection: false }
  return {
    member: member.slice(0, at + 1),
    items: {
      type: item,
      declared: { ...type, collection: false },
      casts,
      filters: query.filter === undefined ? filters : [...filters, query.filter],
      search: query.search,
      orderby: query.orderby,
      skip: query.skip ?? 0,
      top: query.top,
      count: query.count,
    },
  }
}

/** Whether what a step leads to may be a collection, but is declared as none. */
function isUndeclared(step: MemberStep | undefined): boolean {
  return step?.kind === 'property' && !step.property.type.collection && step.property.type.type.name === 'Edm.Untyped'
}
