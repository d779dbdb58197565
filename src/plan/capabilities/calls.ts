import type { Expression } from '../../bind/tree.ts'
import { operationAvailable } from '../../csdl/core.ts'
import type { Operation } from '../../edm/model.ts'
import type { Requirements } from './access.ts'
import { demandsOfAll, demandsOfOperation } from './demands.ts'
import { type OptionName, refuse } from './refuse.ts'

/**
 * A node of an expression, if it is a call of a function of the service: what the model says of the function holds as where a path calls it.
 * @throws ODataError queryOptionNotAllowed where it is never available
 */
export function checkCall(option: OptionName, node: Expression, requirements: Requirements): void {
  if (node.kind !== 'invocation') return
  const { operation } = node
  if (operationAvailable(operation) === false)
    refuse(option, `cannot call '${operation.name}'`, 'Core.OperationAvailable')
  requireCall(operation, requirements)
}

/** What a call needs of the caller and of the request. */
export function requireCall(operation: Operation, requirements: Requirements): void {
  requirements.operation(operation)
  requirements.demands = demandsOfAll([requirements.demands, demandsOfOperation(operation)])
}
