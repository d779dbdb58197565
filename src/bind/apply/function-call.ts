import { explicitOperationBindings } from '../../csdl/core.ts'
import type { Annotatable, EntitySet, StructuredType } from '../../edm/model.ts'
import type { TransformationNode } from '../../url/ast.ts'
import { type BindContext, shown, unaliased } from '../context.ts'
import { bindBoundOperation } from '../operations.ts'
import { requireAvailable } from './availability.ts'
import { modelTypeOf } from './dynamic.ts'
import type { Shape, Transformation } from './tree.ts'

/**
 * A function of the service as a set transformation (ABNF: customFunction; Aggregation 3): it is bound to a collection of the input type and
 * gives one of that type. Of aggregated instances it must say what it needs (5.6, Aggregation.AvailableOnAggregates).
 * @throws ODataError functionNotFound, typeMismatch, notImplemented for another result type
 */
export function bindFunction(
  context: BindContext,
  node: Extract<TransformationNode, { kind: 'function' }>,
  input: Shape,
  set: EntitySet | undefined,
): readonly [Transformation, Shape] {
  const type = modelTypeOf(input.type)
  const binding = { type, collection: true, nullable: false, facets: {} }
  const targets: Annotatable[] = set === undefined ? [] : [set]
  for (let each: StructuredType | undefined = type; each !== undefined; each = each.baseType) targets.push(each)
  const explicit = targets.flatMap(explicitOperationBindings).map((name) => unaliased(context.model, name))
  const call = bindBoundOperation(context, node.name, binding, node.arguments, node, explicit)
  if (call?.operation.kind !== 'function')
    return context.fail(
      'functionNotFound',
      `'${shown(node.name)}' is no function bound to Collection(${type.name}).`,
      node,
    )
  const { operation } = call
  const { returnType } = operation
  if (returnType?.collection !== true || returnType.type !== type)
    return context.notImplemented(
      `The function ${shown(node.name)}, which does not give Collection(${type.name}), as a transformation`,
      node,
    )
  requireAvailable(context, operation, input.presence, node.name, node)
  return [
    { kind: 'function', operation, arguments: call.arguments },
    { ...input, ordered: true, key: undefined },
  ]
}
