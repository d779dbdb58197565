import { operationRestrictions } from '../../csdl/capabilities.ts'
import { operationAvailable } from '../../csdl/core.ts'
import type { Operation } from '../../edm/model.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { grantsOf, type Requirements } from './access.ts'
import { requiredNames } from './demands.ts'
import { refuseRequest } from './refuse.ts'

/**
 * Checks a function that transforms a set: it must be available, and the caller must hold what it asks for beside what reading the set does.
 * @throws ODataError resourceNotFound, notImplemented where it needs headers or query options of its own
 */
export function checkTransforming(operation: Operation, requirements: Requirements): void {
  const { name } = operation
  if (operationAvailable(operation) === false)
    refuseRequest('resourceNotFound', `'${name}' is not available`, 'Core.OperationAvailable', name)
  const restrictions = operationRestrictions(operation)
  if (restrictions === undefined) return
  if (requiredNames(restrictions.customHeaders).length + requiredNames(restrictions.customQueryOptions).length > 0)
    throw new ODataError('notImplemented', `${name}, which needs headers or options, is not implemented in $apply.`, {
      target: '$apply',
    })
  requirements.operation(name, grantsOf(restrictions.permissions ?? []))
}
