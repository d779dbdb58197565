import { decodeEntity } from '../../bson/decode.ts'
import type { CollectionLayout, ModelLayout } from '../../bson/layout.ts'
import { operationAvailable } from '../../csdl/core.ts'
import { annotationOf, isTagged } from '../../edm/annotations.ts'
import type { Operation, StructuredType } from '../../edm/model.ts'
import { isStructured, isSubtypeOf } from '../../edm/types.ts'
import type { AdvertisedOperation } from '../../payload/writer.ts'
import { isAvailable } from './binding.ts'

const core = 'Org.OData.Core.V1.'

/**
 * What full metadata tells of entities (Protocol 11.5.3): the operations that are bound to single ones of their type. Those that are
 * bound only to what names them, and those that are never available, are left out.
 * @param operations those with handlers
 */
export function advertiser(
  operations: readonly Operation[],
  layout: ModelLayout,
  collection: CollectionLayout,
): (type: StructuredType) => readonly AdvertisedOperation[] {
  const candidates = operations.filter(
    (operation) => operationAvailable(operation) !== false && !isTagged(operation, `${core}RequiresExplicitBinding`),
  )
  const known = new Map<StructuredType, readonly AdvertisedOperation[]>()
  return (type) => {
    let found = known.get(type)
    if (found === undefined) {
      const bound = nearest(candidates.filter((operation) => isBoundTo(operation, type)))
      found = bound.map((operation) => advertised(operation, bound, layout, collection))
      known.set(type, found)
    }
    return found
  }
}

function isBoundTo({ parameters }: Operation, type: StructuredType): boolean {
  const binding = parameters[0]?.type
  return binding !== undefined && !binding.collection && isStructured(binding.type) && isSubtypeOf(type, binding.type)
}

/** Of overloads for a type and its base types the one for the type nearest to it. */
function nearest(operations: readonly Operation[]): readonly Operation[] {
  return operations.filter(
    (operation) =>
      !operations.some(
        (other) => other !== operation && overloadName(other) === overloadName(operation) && isNearer(other, operation),
      ),
  )
}

function isNearer(a: Operation, b: Operation): boolean {
  const [p, q] = [a.parameters[0]?.type.type, b.parameters[0]?.type.type]
  return p !== undefined && q !== undefined && isStructured(p) && isStructured(q) && p !== q && isSubtypeOf(p, q)
}

function names({ kind, parameters }: Operation): readonly string[] {
  return kind === 'action' ? [] : parameters.slice(1).map(({ name }) => name)
}

function overloadName(operation: Operation): string {
  return `${operation.name}(${names(operation).join(',')})`
}

function advertised(
  operation: Operation,
  bound: readonly Operation[],
  layout: ModelLayout,
  collection: CollectionLayout,
): AdvertisedOperation {
  const { name, kind } = operation
  const overloaded = bound.some((other) => other !== operation && other.name === name)
  const values = names(operation).map((parameter) => `${parameter}=@${parameter}`)
  const dynamic = annotationOf(operation, `${core}OperationAvailable`) !== undefined
  return {
    name: `#${overloaded ? overloadName(operation) : name}`,
    title: name.slice(name.lastIndexOf('.') + 1),
    segment: kind === 'action' ? name : `${name}(${values.join(',')})`,
    available: dynamic ? (row) => isAvailable(operation, decodeEntity(layout, collection, row)) !== false : undefined,
  }
}
