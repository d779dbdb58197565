import type { EntitySet, StructuredType } from '../../edm/model.ts'
import type { PathNode, Span } from '../../url/ast.ts'
import { type BindContext, shown } from '../context.ts'

/** Leveled hierarchies of the model (Aggregation 5.5.1). */

const leveledTerm = 'Org.OData.Aggregation.V1.LeveledHierarchy'

/**
 * The levels of a named hierarchy, the coarsest first, as grouping properties.
 * @param node its qualifier, as the client writes it
 * @throws ODataError nameNotFound where no annotation of the type, of its set, or of what it leads to has the qualifier
 */
export function leveledPaths(
  context: BindContext,
  node: PathNode,
  type: StructuredType,
  set: EntitySet | undefined,
): readonly PathNode[] {
  const [step] = node.steps
  const name = step?.kind === 'name' && node.steps.length === 1 ? step.name : ''
  for (const { prefix, target } of hierarchyTargets(type, set)) {
    const annotation = target.annotations.find(({ term, qualifier }) => term === leveledTerm && qualifier === name)
    if (annotation?.value.kind !== 'collection') continue
    const paths = annotation.value.items.flatMap((item) =>
      'value' in item && typeof item.value === 'string' ? [item.value] : [],
    )
    if (paths.length < 2) break
    return paths.map((path) => pathNode(prefix === '' ? path : `${prefix}/${path}`, node))
  }
  return context.fail(
    'nameNotFound',
    `'${shown(name)}' is no leveled hierarchy of ${type.name} (Aggregation.LeveledHierarchy).`,
    node,
  )
}

function* hierarchyTargets(
  type: StructuredType,
  set: EntitySet | undefined,
): Generator<{ readonly prefix: string; readonly target: StructuredType | EntitySet }> {
  if (set !== undefined) yield { prefix: '', target: set }
  for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType)
    yield { prefix: '', target: current }
  // a hierarchy of what a single-valued property leads to is one of the instances, too
  for (const property of type.allNavigationProperties.values())
    if (!property.collection && property.type.kind === 'entity') yield { prefix: property.name, target: property.type }
}

function pathNode(path: string, { offset, length }: Span): PathNode {
  const steps = path.split('/').map((name) => ({ kind: 'name', name, arguments: undefined, offset, length }) as const)
  return { kind: 'path', root: undefined, steps, offset, length }
}
