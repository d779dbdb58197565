import type { BoundSegment, Expression, OrderByItem } from '../bind/tree.ts'
import { int32Reference } from '../bind/type-references.ts'
import { madeType } from '../edm/made-type.ts'
import type { EntityType, Operation } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { OperationResult, ReadPlan } from './plan.ts'

/** Results of operations as rows that plans read. */

/** Name of the property that holds a result which is no entity, and of the member in its JSON (JSON Format 11). */
const valueName = 'value'

/** Field of a row that says its place in the result: the order of whoever made the rows. No property can have this name. */
export const positionField = '@position'

/**
 * The result of a call.
 * @param binding reads what the operation is bound to
 * @param parameters how many parameters the request itself has
 * @throws ODataError notImplemented for streams, and entities of any type
 */
export function resultOf(
  segment: Extract<BoundSegment, { kind: 'operation' }>,
  binding: ReadPlan | undefined,
  parameters: number,
): OperationResult {
  const { operation, import: imported, arguments: args, target } = segment
  const type = operation.returnType?.type
  if (type?.name === 'Edm.EntityType')
    throw new ODataError('notImplemented', `${operation.name} gives entities of any type, which is not implemented.`)
  if (type?.name === 'Edm.Stream')
    throw new ODataError('notImplemented', `${operation.name} gives a stream, which is not implemented.`)
  const entity = type?.kind === 'entity' ? type : undefined
  const made = entity === undefined ? wrapperOf(operation) : undefined
  const call = { operation, import: imported, arguments: args, binding, parameters }
  return Object.freeze({
    kind: 'result',
    name: operation.name,
    type: entity ?? made ?? wrapperOf(operation),
    value: made?.properties[0],
    set: target,
    call,
    annotations: [],
  })
}

/** Whether the rows of a result are one row: all but collections of entities. */
export function isSingleResult({ value, call }: OperationResult): boolean {
  return value !== undefined || call.operation.returnType?.collection !== true
}

/** The order in which an operation gives its entities, behind the one that the client asks for. */
export function resultOrder(orderby: readonly OrderByItem[]): readonly OrderByItem[] {
  return [...orderby, { expression: position, descending: false }]
}

const wrappers = new WeakMap<Operation, EntityType>()

/** A type with the one property that holds the result. It is no type of the model, and its name can be none. */
function wrapperOf(operation: Operation): EntityType {
  let type = wrappers.get(operation)
  if (type === undefined) {
    type = makeWrapper(operation)
    wrappers.set(operation, type)
  }
  return type
}

function makeWrapper({ name, returnType }: Operation): EntityType {
  return madeType(`${name}()`, returnType === undefined ? [] : [[valueName, returnType]])
}

const positionType = madeType('@row', [[positionField, int32Reference]])

const position: Expression = {
  kind: 'member',
  variable: '$it',
  steps: positionType.properties.map((property) => ({ kind: 'property', property })),
  type: int32Reference,
}
