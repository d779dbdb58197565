import type { Expression, Parameters } from '../../bind/tree.ts'
import { decodeEntity } from '../../bson/decode.ts'
import { annotationOf } from '../../edm/annotations.ts'
import { madeType } from '../../edm/made-type.ts'
import type { EntityType, Operation } from '../../edm/model.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { prepareValue } from '../../eval/compile.ts'
import { encodePath, rowPath } from '../../payload/row-path.ts'
import { holds } from '../../payload/validation/condition.ts'
import type { ReadPlan, SourceRoot } from '../../plan/plan.ts'
import { readConditions } from '../../protocol/etag.ts'
import { notModified, preconditionFailed, versionOf } from '../conditions.ts'
import { type Core, collectionOf, contextOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { followHops } from '../hops.ts'
import { plainValue, toPlain } from '../plain.ts'
import { virtualSingleton } from '../singleton.ts'
import type { Bound } from './bound.ts'

/** Entities of a collection that a handler is given at the most. */
const mostBound = 10_000

/**
 * Finds what an operation is bound to. An entity must be there, in the state that If-Match asks for (Protocol 11.5.5.1), and the operation
 * available for it (Core.OperationAvailable).
 * @throws ODataError entityNotFound, preconditionFailed, conflict
 */
export async function boundTo(
  core: Core,
  exchange: Exchange,
  operation: Operation,
  plan: ReadPlan,
  given: Parameters,
): Promise<Bound> {
  const parameters = plan.hops ? await followHops(core, exchange, plan.hops, given) : given
  if (parameters === undefined) throw missing(operation)
  const { controller, context } = contextOf(core, exchange, plan, parameters, { limit: mostBound + 1 })
  const { layout } = core
  const { root } = plan.source
  const collection = collectionOf(layout, root)
  if (!plan.source.single)
    return {
      path: undefined,
      read: async () => {
        const entities: unknown[] = []
        for await (const batch of (await controller.list(context)).batches)
          for (const row of batch) {
            if (entities.length === mostBound)
              throw new ODataError('urlLimitExceeded', `${operation.name} is bound to more than ${mostBound} entities.`)
            entities.push(toPlain(decodeEntity(layout, collection, row), true))
          }
        return entities
      },
    }
  const row = (await controller.read(context)) ?? virtualSingleton(core, plan.source)
  if (row === undefined) throw missing(operation)
  const { ifMatch, ifNoneMatch } = readConditions(exchange.request.headers)
  // of a function it would be about its result (Protocol 8.2.5)
  const known = operation.kind === 'action' ? ifNoneMatch : undefined
  if (notModified({ ifMatch, ifNoneMatch: known }, versionOf(row))) throw preconditionFailed('If-None-Match')
  if (plan.member.length > 0) {
    const type = plan.memberType
    const value = prepareValue(
      { kind: 'member', variable: '$it', steps: plan.member, type },
      { layout, collection, type: plan.source.type },
    )(parameters)(row)
    return { path: undefined, read: async () => plainValue(type, value, true) }
  }
  const bound = boundEntity(core, operation, root, row)
  if (bound !== undefined) return bound
  throw new ODataError('conflict', `${operation.name} is not available for this entity (Core.OperationAvailable).`, {
    target: operation.name,
  })
}

/** A stored entity as what an operation is bound to; undefined where the operation is not available for it. */
export function boundEntity(core: Core, operation: Operation, root: SourceRoot, row: Uint8Array): Bound | undefined {
  const { layout } = core
  const collection = collectionOf(layout, root)
  const entity = decodeEntity(layout, collection, row)
  if (isAvailable(operation, entity) === false) return undefined
  const resource = root.kind === 'result' ? root.set?.name : root.name
  return {
    // links are seldom asked for
    get path() {
      return resource === undefined ? undefined : encodePath(rowPath(collection, resource, layout)(row))
    },
    read: async () => toPlain(entity, true),
  }
}

/** Stored entities as the collection that an operation is bound to. */
export function boundEntities(core: Core, root: SourceRoot, rows: readonly Uint8Array[]): Bound {
  const collection = collectionOf(core.layout, root)
  return {
    path: undefined,
    read: async () => rows.map((row) => toPlain(decodeEntity(core.layout, collection, row), true)),
  }
}

/** A value as what an operation is bound to; undefined where it is null and must not be. */
export function boundValue<Row>(
  { parameters: [parameter] }: Operation,
  { type }: Expression,
  valueFor: (row: Row) => Value,
): (row: Row) => Bound | undefined {
  return (row) => {
    const value = valueFor(row)
    if (value === null && (!parameter?.type.nullable || type?.type.kind === 'entity')) return undefined
    return { path: undefined, read: async () => plainValue(type, value, true) }
  }
}

function missing(operation: Operation): ODataError {
  return new ODataError('entityNotFound', `There is no entity here that ${operation.name} could be bound to.`)
}

/** Whether an operation is available for an entity, where that depends on it; undefined: it does not, or cannot be told. */
export function isAvailable(operation: Operation, entity: StructuredValue): boolean | undefined {
  const condition = annotationOf(operation, 'Org.OData.Core.V1.OperationAvailable')?.value
  if (condition === undefined) return undefined
  if (condition.kind === 'null') return true
  return holds(condition, withParameter(operation, entity), true)
}

const parameterTypes = new WeakMap<Operation, EntityType>()

/** Paths in annotations of operations start with the name of a parameter (CSDL 14.4.1.2). */
function withParameter(operation: Operation, entity: StructuredValue): StructuredValue {
  const [binding] = operation.parameters
  let type = parameterTypes.get(operation)
  if (type === undefined) {
    type = madeType(`${operation.name}()`, binding === undefined ? [] : [[binding.name, binding.type]])
    parameterTypes.set(operation, type)
  }
  return { kind: 'structured', type, members: new Map(binding === undefined ? [] : [[binding.name, entity]]) }
}
