import { replaceMembers } from '../bind/rewrite.ts'
import type { Expression, MemberExpression, MemberStep } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { NavigationProperty, TypeReference } from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { visit } from './capabilities/references.ts'
import { conjunction } from './conjuncts.ts'
import { isOfRow } from './grouping.ts'
import type { ReadPlan, RelationNode, SemiJoin } from './plan.ts'
import { memberOf, storageOf } from './relation.ts'

/**
 * A condition on one relation with a foreign key, turned round: `category/name eq 'x'`, `orders/any(o:o/total gt 9)`. The related entities
 * that fulfil it are found first, and the rows by a list of their keys, where these are few.
 * @param parts conditions that follow navigation properties, all of which must hold
 * @param parameter number of the list of keys, behind all parameters of the request
 * @returns undefined where no part is of that form
 */
export function semiJoinOf(
  base: ReadPlan,
  parts: readonly Expression[],
  nodes: readonly RelationNode[],
  parameter: number,
): SemiJoin | undefined {
  const turned = parts.flatMap((part) => turnedRound(part) ?? [])
  for (const first of turned) {
    const { property } = first
    // several conditions on the one related entity are about the same one
    const same = property.collection ? [first] : turned.filter((other) => other.property === property)
    const predicate = conjunction(same.map((one) => one.predicate))
    const part = conjunction(same.map((one) => one.part))
    if (part === undefined) continue
    const storage = storageOf(property)
    if (storage.kind !== 'constraint' || storage.pairs.length !== 1) continue
    const [pair] = storage.pairs
    const [from, ...furtherFrom] = pair?.from ?? []
    const [to, ...furtherTo] = pair?.to ?? []
    if (from === undefined || to === undefined || furtherFrom.length + furtherTo.length > 0) continue
    // equal instants may be written differently
    if (primitiveOf(from.type.type)?.name === 'Edm.DateTimeOffset') continue
    const node = nodes.find(({ via, expansion }) => via.length === 0 && expansion.item.property === property)
    if (node === undefined || base.source.type.allProperties.get(from.name) !== from) continue
    const { source } = node.expansion.one
    const steps = source.steps.filter(({ kind }) => kind === 'cast')
    const target: ReadPlan = Object.freeze({
      ...node.expansion.one,
      source: { ...source, steps, single: false },
      filter: predicate,
      orderby: [],
    })
    const list: TypeReference = { ...from.type, collection: true }
    const among: Expression = {
      kind: 'in',
      operand: memberOf([{ kind: 'property', property: from }], from.type),
      items: [{ kind: 'parameter', index: parameter, type: list }],
      type: booleanReference,
    }
    const filter = conjunction([...(base.filter === undefined ? [] : [base.filter]), among])
    return { part, target, key: to, narrowed: Object.freeze({ ...base, filter }) }
  }
  return undefined
}

/** The navigation property that a condition is about alone, and the condition on the entities behind it. */
function turnedRound(
  part: Expression,
): { readonly part: Expression; readonly property: NavigationProperty; readonly predicate: Expression } | undefined {
  if (part.kind === 'lambda' && part.operator === 'any' && part.predicate !== undefined) {
    const property = part.collection.kind === 'member' ? onlyStep(part.collection) : undefined
    if (property === undefined || variablesOf(part.predicate).has('$it')) return undefined
    const { variable } = part
    const predicate = replaceMembers(part.predicate, (member) =>
      member.variable === variable ? { ...member, variable: '$it' } : member,
    )
    return isOfRow(predicate) ? { part, property, predicate } : undefined
  }
  let property: NavigationProperty | undefined
  let alone = true
  const predicate = replaceMembers(part, (member) => {
    if (member.variable !== '$it') return member
    const [first, ...rest] = member.steps
    if (first?.kind !== 'navigation' || first.property.type.kind !== 'entity' || first.property.collection)
      alone = false
    else if (rest.length === 0 || (property !== undefined && property !== first.property)) alone = false
    else property = first.property
    return { ...member, steps: rest }
  })
  return alone && property !== undefined && isOfRow(predicate) ? { part, property, predicate } : undefined
}

function onlyStep({ variable, steps }: MemberExpression): NavigationProperty | undefined {
  const [step, ...rest]: readonly MemberStep[] = steps
  return variable === '$it' && step?.kind === 'navigation' && rest.length === 0 ? step.property : undefined
}

function variablesOf(expression: Expression): ReadonlySet<string> {
  const found = new Set<string>()
  visit(expression, new Map(), {
    reference: () => {},
    node: (one) => {
      if (one.kind === 'member' || one.kind === 'defined') found.add(one.variable)
    },
  })
  return found
}
