import { isDelta } from '../../csdl/core.ts'
import { madeType } from '../../edm/made-type.ts'
import type { EntityType, Operation, Parameter } from '../../edm/model.ts'
import type { Value } from '../../edm/value.ts'
import type { Faults } from '../faults.ts'
import { checkCondition, conditionOf } from './constraints.ts'

/** Validation.Constraint of the parameters of operations: paths in it start with the name of a parameter (CSDL 14.4.1.2). */

const types = new WeakMap<Operation, EntityType>()

/**
 * The parameters that conditions can look at, as properties: not what the operation is bound to, which its handler reads, nor entities and
 * deltas, of which a caller may give as little as it likes.
 */
export function parametersType(operation: Operation): EntityType {
  let type = types.get(operation)
  if (type === undefined) {
    const shown = given(operation).filter(
      (parameter) => parameter.type.type.kind !== 'entity' && !isDelta(parameter, parameter.type),
    )
    type = madeType(
      `${operation.name}()`,
      shown.map(({ name, type: reference }) => [name, reference]),
    )
    types.set(operation, type)
  }
  return type
}

/** @param values of the parameters; those that are left out are null */
export function checkParameters(operation: Operation, values: ReadonlyMap<string, Value>, faults: Faults): void {
  for (const parameter of given(operation)) {
    const condition = conditionOf(parameter)
    if (condition === undefined) continue
    const value = { kind: 'structured', type: parametersType(operation), members: values } as const
    checkCondition(condition, value, parameter.name, faults, undefined, true)
  }
}

function given({ bound, parameters }: Operation): readonly Parameter[] {
  return bound ? parameters.slice(1) : parameters
}
