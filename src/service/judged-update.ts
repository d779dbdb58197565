import { decodeEntity } from '../bson/decode.ts'
import type { StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { Faults } from '../payload/faults.ts'
import { checkUnjudged, isUnjudged } from '../payload/validation/constraints.ts'
import type { UpdatePlan } from '../plan/plan.ts'
import type { Precondition, UpdateOutcome } from '../store/port.ts'
import { sessionLike } from '../store/session.ts'
import { versionOf } from './conditions.ts'
import type { ODataController, RequestContext } from './controller.ts'
import { isPart, merging } from './property/edit.ts'

/** Attempts to change an entity in the state that was judged. */
const attempts = 5

/**
 * An update that asks what is stored, as its body leaves out what a condition of the model looks at (Validation.Constraint), or names
 * only some members of a complex value that may be null or of another type: the stored entity is read, what it would be is
 * judged, and the update holds for exactly that state.
 * @throws ODataError valueInvalid, propertyRequired, conflict where others change the entity again and again
 */
export async function updateJudged(
  controller: ODataController,
  context: RequestContext<UpdatePlan>,
  change: StructuredValue,
): Promise<UpdateOutcome> {
  if (context.plan.replace || !(isUnjudged(change) || asksStored(change))) return controller.update(context, change)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const row = await controller.read(context)
    if (row === undefined) return controller.update(context, change)
    const stored = decodeEntity(context.layout, context.collection, row)
    const settled = settledBy(stored, change)
    const faults = new Faults()
    checkUnjudged(change, merged(stored, settled), '', faults)
    faults.throwIfAny()
    const version = versionOf(row)
    // written by others: there is no state to hold it to
    if (version === undefined) return controller.update(context, settled)
    if (!meets(context.session.precondition, version)) return { kind: 'preconditionFailed' }
    const session = sessionLike(context.session, { precondition: { kind: 'versions', anyOf: [version] } })
    const outcome = await controller.update({ ...context, session }, settled)
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

/** Whether a merge into complex values depends on what is there: of another type, or null, it has to give a whole value. */
function asksStored({ type, members }: StructuredValue): boolean {
  for (const [name, value] of members) {
    const declared = declaredComplex(type, name)
    if (declared === undefined || !isStructuredValue(value) || value.whole) continue
    if (declared.derivedTypes.length > 0 || isPart(value) || asksStored(value)) return true
  }
  return false
}

/** A merge with the complex values in it that take the place of null, or of values of other types, as whole ones. */
function settledBy(stored: StructuredValue, change: StructuredValue): StructuredValue {
  const members = new Map(change.members)
  for (const [name, value] of change.members) {
    const declared = declaredComplex(change.type, name)
    if (declared === undefined || !isStructuredValue(value) || value.whole) continue
    const before = stored.members.get(name)
    const there = isStructuredValue(before) ? before : undefined
    // the declared type goes without saying: what is there stays what it is
    const stays = there !== undefined && (there.type === value.type || value.type === declared)
    members.set(name, stays ? settledBy(there, value) : { ...merging(there, value), whole: true })
  }
  return { ...change, members }
}

function declaredComplex(type: StructuredType, name: string): StructuredType | undefined {
  const reference = type.allProperties.get(name)?.type
  return reference && !reference.collection && isStructured(reference.type) ? reference.type : undefined
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
