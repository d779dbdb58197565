import { decodeEntity } from '../bson/decode.ts'
import type { StructuredValue, Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Faults } from '../payload/faults.ts'
import { checkUnjudged, isUnjudged } from '../payload/validation/constraints.ts'
import type { UpdatePlan } from '../plan/plan.ts'
import type { Precondition, UpdateOutcome } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import { versionOf } from './conditions.ts'
import type { ODataController, RequestContext } from './controller.ts'

/** Attempts to change an entity in the state that was judged. */
const attempts = 5

/**
 * An update whose body leaves out what a condition of the model looks at (Validation.Constraint): the stored entity is read, the
 * condition is judged on what the entity would be, and the update holds for exactly that state.
 * @throws ODataError valueInvalid, conflict where others change the entity again and again
 */
export async function updateJudged(
  controller: ODataController,
  context: RequestContext<UpdatePlan>,
  change: StructuredValue,
): Promise<UpdateOutcome> {
  if (context.plan.replace || !isUnjudged(change)) return controller.update(context, change)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const row = await controller.read(context)
    if (row === undefined) return controller.update(context, change)
    const faults = new Faults()
    checkUnjudged(change, merged(decodeEntity(context.layout, context.collection, row), change), '', faults)
    faults.throwIfAny()
    const version = versionOf(row)
    // written by others: there is no state to hold it to
    if (version === undefined) return controller.update(context, change)
    if (!meets(context.session.precondition, version)) return { kind: 'preconditionFailed' }
    const session = sessionLike(context.session, { precondition: { kind: 'versions', anyOf: [version] } })
    const outcome = await controller.update({ ...context, session }, change)
    if (outcome.kind !== 'preconditionFailed') return outcome
  }
  throw new ODataError('conflict', 'The entity is being changed by others. Try again.')
}

/** Whether the client's own precondition holds for a stored version; undefined: others wrote the entity. */
export function meets(precondition: Precondition | undefined, version: number | undefined): boolean {
  switch (precondition?.kind) {
    case undefined:
    case 'exists':
      return true
    case 'absent':
      return false
    case 'unversioned':
      return version === undefined
    case 'versions':
      return version !== undefined && precondition.anyOf.includes(version)
    case 'notVersions':
      return version === undefined || !precondition.noneOf.includes(version)
  }
}

/** What a merge makes of a stored value. */
function merged(stored: StructuredValue, change: StructuredValue): StructuredValue {
  const members = new Map<string, Value>(stored.members)
  for (const [name, value] of change.members) {
    const before = members.get(name)
    const merges = isStructuredValue(value) && !value.whole && isStructuredValue(before)
    members.set(name, merges ? merged(before, value) : value)
  }
  return { kind: 'structured', type: change.type, members }
}

function isStructuredValue(value: Value | undefined): value is StructuredValue {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'structured'
}
