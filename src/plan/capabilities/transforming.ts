import { operationAvailable } from '../../csdl/core.ts'
import type { Operation } from '../../edm/model.ts'
import type { Requirements } from './access.ts'
import { requireCall } from './calls.ts'
import { refuseRequest } from './refuse.ts'

/**
 * Checks a function that transforms a set: it must be available, and the caller must hold what it asks for beside what reading the set does.
 * @throws ODataError resourceNotFound
 */
export function checkTransforming(operation: Operation, requirements: Requirements): void {
  if (operationAvailable(operation) === false)
    refuseRequest('resourceNotFound', `'${operation.name}' is not available`, 'Core.OperationAvailable', operation.name)
  requireCall(operation, requirements)
}
