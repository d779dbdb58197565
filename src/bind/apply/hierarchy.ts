import { member } from '../../edm/annotations.ts'
import type { AnnotationExpression, EntitySet } from '../../edm/model.ts'
import type { ExpressionNode, HierarchyNode, PathNode, Span } from '../../url/ast.ts'
import { type BindContext, shown } from '../context.ts'
import { stepName } from '../print.ts'
import type { Expression, MemberStep } from '../tree.ts'
import { singlePrimitive } from '../type-references.ts'
import { bindDataPath, hasCollection } from './data-path.ts'
import { modelTypeOf } from './dynamic.ts'
import { presenceOfPath, withPresent } from './shape.ts'
import type { HierarchyReference, RecursiveHierarchy, Shape } from './tree.ts'

/** Recursive hierarchies of the model (Aggregation 5.5.2) and references to them (6.1). */

const recursiveTerm = 'Org.OData.Aggregation.V1.RecursiveHierarchy'

/**
 * Binds the first three parameters of the hierarchical transformations.
 * @throws ODataError nameNotFound, typeMismatch; notImplemented for nodes that are no whole entity set
 */
export function bindHierarchyReference(
  context: BindContext,
  { nodes, qualifier, path: node, ...place }: HierarchyNode,
  input: Shape,
  inputSet: EntitySet | undefined,
): HierarchyReference {
  const hierarchy = recursiveHierarchy(context, nodes, qualifier, place)
  const path = bindDataPath(context, node, input.type, true)
  if (path.type === undefined || singlePrimitive(path.type) === undefined)
    context.fail('typeMismatch', 'The path to the node identifiers must end in a primitive property.', node)
  return { hierarchy, path, case: caseOf(hierarchy, path.steps, inputSet) }
}

/** The hierarchy that an annotation with the qualifier describes on the entities of a set. */
export function recursiveHierarchy(
  context: BindContext,
  nodes: ExpressionNode,
  qualifier: string,
  place: Span,
): RecursiveHierarchy {
  const set = entitySetOf(context, nodes)
  const type = set.type
  const annotation = [type, ...basesOf(type)]
    .flatMap(({ annotations }) => annotations)
    .find((found) => found.term === recursiveTerm && found.qualifier === qualifier)
  if (annotation === undefined)
    return context.fail(
      'nameNotFound',
      `'${shown(qualifier)}' is no recursive hierarchy of ${type.name} (Aggregation.RecursiveHierarchy).`,
      place,
    )
  const nodePath = pathOf(member(annotation.value, 'NodeProperty'))
  const parentPath = pathOf(member(annotation.value, 'ParentNavigationProperty'))
  if (nodePath === undefined || parentPath === undefined)
    return context.fail('notImplemented', `The hierarchy '${shown(qualifier)}' names no node or no parent.`, place)
  const node = bindDataPath(context, namesOf(nodePath, place), type, false)
  const parents = bindDataPath(context, namesOf(parentPath, place), type, true)
  const expression: Expression = { kind: 'member', variable: '$it', steps: node.steps, type: node.type }
  return {
    set,
    qualifier,
    node: expression,
    nodePath: node.steps,
    parents,
    multiple: hasCollection(parents.steps),
  }
}

function* basesOf(type: EntitySet['type']): Generator<EntitySet['type']> {
  for (let base = type.baseType; base !== undefined; base = base.baseType) yield base
}

function pathOf(expression: AnnotationExpression | undefined): string | undefined {
  switch (expression?.kind) {
    case 'propertyPath':
    case 'navigationPropertyPath':
    case 'path':
    case 'anyPropertyPath':
    case 'modelElementPath':
    case 'string':
      return expression.value
    default:
      return undefined
  }
}

function namesOf(path: string, { offset, length }: Span): Pick<PathNode, 'steps'> {
  return { steps: path.split('/').map((name) => ({ kind: 'name', name, arguments: undefined, offset, length })) }
}

function entitySetOf(context: BindContext, node: ExpressionNode): EntitySet {
  const first = node.kind === 'path' && node.root === '$root' ? node.steps[0] : undefined
  if (node.kind !== 'path' || first?.kind !== 'name' || first.arguments !== undefined)
    return context.fail('typeMismatch', "The nodes of a hierarchy start with '$root' and an entity set.", node)
  const child = context.model.container?.children.get(first.name)
  if (child === undefined) return context.fail('nameNotFound', `There is no entity set '${shown(first.name)}'.`, first)
  if (child.kind !== 'entitySet' || node.steps.length > 1)
    return context.notImplemented('A hierarchy of nodes that are not a whole entity set', node)
  return child
}

/** How a node gets into the instances (the three cases of Aggregation 6.2.2). */
function caseOf(
  { set, nodePath }: RecursiveHierarchy,
  steps: readonly MemberStep[],
  inputSet: EntitySet | undefined,
): HierarchyReference['case'] {
  if (isSamePath(steps, nodePath)) return inputSet === set ? 'itself' : 'identifier'
  if (hasCollection(steps)) return 'identifier'
  const last = steps.findLastIndex(({ kind }) => kind === 'navigation')
  const navigation = steps[last]
  if (navigation?.kind !== 'navigation') return 'identifier'
  const rest = steps.slice(last + 1)
  const target = navigation.property.type
  const leads = target.kind === 'entity' && modelTypeOf(target).name === set.type.name
  return leads && isSamePath(rest, nodePath) ? 'related' : 'identifier'
}

function isSamePath(a: readonly MemberStep[], b: readonly MemberStep[]): boolean {
  const names = (steps: readonly MemberStep[]): string =>
    steps.flatMap((step) => (step.kind === 'cast' ? [] : [stepName(step)])).join('/')
  return names(a) === names(b)
}

/** What the node that is injected gives to every instance (Aggregation 6.2.2). */
export function withNode(shape: Shape, { case: how, path }: HierarchyReference): Shape {
  if (how === 'itself') return { ...shape, presence: { ...shape.presence, all: true } }
  const steps =
    how === 'related'
      ? path.steps.slice(0, path.steps.findLastIndex(({ kind }) => kind === 'navigation') + 1)
      : path.steps
  return { ...shape, presence: withPresent(shape.presence, presenceOfPath(steps).properties) }
}
