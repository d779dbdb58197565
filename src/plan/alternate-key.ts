import type { Expression, KeyPredicate, MemberStep } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { EntityType, KeyProperty, Property, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { HopValue, SourceStep } from './plan.ts'

/** Whether a key predicate names another key than the type's own (Core.AlternateKeys; URL Conventions 4.3.4). */
export function isAlternate({ key }: KeyPredicate, type: EntityType): boolean {
  return key.length !== type.key.length || key.some((part, i) => part.property !== type.key[i]?.property)
}

/**
 * An alternate key as conditions that find the entity, and its own key as what the row found gives.
 * @throws ODataError notImplemented where the type has no key of its own
 */
export function alternateKey(
  { key, parameters }: KeyPredicate,
  type: EntityType,
): { readonly steps: readonly SourceStep[]; readonly values: readonly HopValue[] } {
  if (type.key.length === 0)
    throw new ODataError('notImplemented', `Alternate keys of ${type.name}, which has no key, are not implemented.`)
  return {
    steps: key.map((part, i) => ({ kind: 'filter', predicate: equals(memberOf(part, type), parameters[i] ?? -1) })),
    values: type.key.map((part) => ({ kind: 'member', expression: memberOf(part, type), required: true })),
  }
}

function memberOf({ path, property }: KeyProperty, type: EntityType): Expression {
  const steps: MemberStep[] = []
  let owner: StructuredType | undefined = type
  for (const name of path) {
    const step: Property | undefined = owner?.allProperties.get(name)
    if (step === undefined)
      throw new ODataError('notImplemented', 'Keys over navigation properties are not implemented by this service.')
    steps.push({ kind: 'property', property: step })
    owner = isStructured(step.type.type) ? step.type.type : undefined
  }
  return { kind: 'member', variable: '$it', steps, type: property.type }
}

function equals(left: Expression, parameter: number): Expression {
  const right: Expression = { kind: 'parameter', index: parameter, type: left.type }
  return { kind: 'binary', operator: 'eq', left, right, type: booleanReference }
}
