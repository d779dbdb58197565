import type { Expression } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { Property } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { conjunction } from './conjuncts.ts'
import type { Expansion, ListedKeys, ReadPlan } from './plan.ts'
import { storageOf } from './relation.ts'

/** $expand turned round: from entities that a navigation property leads to, to the rows that have it. */
export type Reverse =
  /** the rows' paths, and what follows them, are the owners of the entities */
  | { readonly kind: 'owner'; readonly suffix: string }
  /** what the rows have in `from` the entities have in `to`; `ofRow`: it is the row that refers to the entity */
  | {
      readonly kind: 'values'
      readonly from: Expression
      readonly to: readonly Property[]
      readonly ofRow: boolean
    }
  /** the rows list the keys of the entities */
  | ListedKeys

/** How an expansion is turned round; undefined: it leads to the same entity from every row. */
export function reverseOf({ item, values }: Expansion): Reverse | undefined {
  const [first] = values
  if (first === undefined) return undefined
  if (first.kind === 'owner') return { kind: 'owner', suffix: first.suffix }
  if (first.kind === 'links') return first
  const storage = storageOf(item.property)
  const pair = storage.kind === 'constraint' ? storage.pairs[0] : undefined
  if (storage.kind !== 'constraint' || pair === undefined) return undefined
  // equal instants may be written differently
  if (primitiveOf(pair.from.at(-1)?.type.type ?? booleanReference.type)?.name === 'Edm.DateTimeOffset') return undefined
  return { kind: 'values', from: first.expression, to: pair.to, ofRow: storage.dependent }
}

/** The rows of a plan whose value of an expression is in a list: the parameter behind all others. */
export function rowsAmong(plan: ReadPlan, from: Expression, parameter: number): ReadPlan {
  const { type } = from
  if (type === undefined) return plan
  const among: Expression = {
    kind: 'in',
    operand: from,
    items: [{ kind: 'parameter', index: parameter, type: { ...type, collection: true } }],
    type: booleanReference,
  }
  const { hops: _, expansions: __, ...rest } = plan
  return Object.freeze({
    ...rest,
    filter: conjunction([...(plan.filter === undefined ? [] : [plan.filter]), among]),
    orderby: [],
    expand: [],
    select: undefined,
    count: false,
  })
}
