import type { Model } from '../../edm/model.ts'
import type { StructuredValue } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { isGranted } from '../../plan/capabilities/access.ts'
import type { BodyRules, Grant } from '../../plan/capabilities/verdict.ts'
import type { Faults } from '../faults.ts'
import type { JsonNode, JsonObject } from '../json.ts'
import { isOneOf } from './type-constraints.ts'

/** What the plan says of the body of a create or an update. */
export interface BodyConditions {
  readonly rules?: BodyRules | undefined
  /** scopes that the caller holds, where they differ in the properties that they give access to */
  readonly grants?: readonly Grant[] | undefined
  readonly purpose: 'create' | 'update'
}

/**
 * Checks the members of a body against InsertRestrictions or UpdateRestrictions, and against what the caller's scopes give
 * access to (Capabilities.ScopeType.RestrictedProperties).
 * @param value what was read of it; undefined where its type could not be told
 * @throws ODataError accessDenied
 */
export function checkBody(
  { rules, grants, purpose }: BodyConditions,
  node: JsonObject,
  value: StructuredValue | undefined,
  model: Model,
  faults: Faults,
): void {
  if (grants !== undefined)
    for (const name of node.members.keys())
      if (!name.includes('@') && !grants.some((grant) => isGranted(grant, name)))
        throw new ODataError('accessDenied', `Your permissions do not let you write ${JSON.stringify(name)}.`, {
          target: name,
        })
  if (rules === undefined) return
  for (const { path, term } of rules.refused) {
    const found = memberAt(node, path)
    if (found !== undefined)
      faults.add('valueInvalid', `${path.join('/')} cannot be given on ${purpose} (${term}).`, path.join('/'), found)
  }
  for (const { path, term } of rules.required) {
    const found = memberAt(node, path)
    if (found === undefined || found.kind === 'null')
      faults.add('propertyRequired', `${path.join('/')} must be given on ${purpose} (${term}).`, path.join('/'), node)
  }
  if (rules.types !== undefined && value !== undefined && !isOneOf(model, value.type, rules.types))
    faults.add(
      'typeNotAllowed',
      `The type must be ${rules.types.join(' or ')} (Validation.DerivedTypeConstraint).`,
      '@odata.type',
      node,
    )
}

function memberAt(node: JsonObject, path: readonly string[]): JsonNode | undefined {
  let current: JsonNode | undefined = node
  for (const step of path) current = current?.kind === 'object' ? current.members.get(step) : undefined
  return current
}
