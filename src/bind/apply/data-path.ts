import type { StructuredType, TypeReference } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import type { PathNode } from '../../url/ast.ts'
import { type BindContext, notFound, shown } from '../context.ts'
import { castTo, memberNotFound } from '../member-path.ts'
import type { MemberStep } from '../tree.ts'
import { itemReference, navigationReference } from '../type-references.ts'
import type { DataPath } from './tree.ts'

/** Data aggregation paths (Aggregation 3.1.3): unlike paths in expressions they may go on behind collections. */

/**
 * Binds a path of names.
 * @param steps the names; `$count` and others are the caller's
 * @param collections whether segments may be collection-valued; else only single-valued ones may be (groupby)
 * @throws ODataError nameNotFound, typeMismatch with the place
 */
export function bindDataPath(
  context: BindContext,
  node: Pick<PathNode, 'steps'>,
  type: StructuredType,
  collections: boolean,
): DataPath {
  const steps: MemberStep[] = []
  let current: TypeReference | undefined = { type, collection: false, nullable: false, facets: {} }
  for (const step of node.steps) {
    if (step.kind !== 'name' || step.arguments !== undefined)
      return context.fail('typeMismatch', 'A path here consists of properties and types only.', step)
    context.countNodes(1, step)
    const { name } = step
    if (current !== undefined && context.isCast(name, current.type)) {
      const cast = context.namedType(name)
      if (cast === undefined) context.fail('nameNotFound', notFound('type', name, context.model.types.keys()), step)
      if (!isStructured(cast)) context.fail('typeMismatch', `'${shown(name)}' has no properties.`, step)
      current = castTo(context, current, cast, steps, step)
      continue
    }
    const owner: StructuredType | undefined = current === undefined ? undefined : structured(current)
    if (current !== undefined && owner === undefined)
      return context.fail(
        'nameNotFound',
        `'${shown(name)}' cannot follow ${current.type.name}, which has no properties.`,
        step,
      )
    const found = owner === undefined ? undefined : memberStep(owner, name)
    if (found === undefined) {
      if (owner !== undefined && !owner.open) context.fail('nameNotFound', memberNotFound(owner, name), step)
      steps.push({ kind: 'dynamic', name })
      current = undefined
      continue
    }
    const reference: TypeReference =
      found.kind === 'property' ? found.property.type : navigationReference(found.property)
    if (reference.collection && !collections)
      context.fail('typeMismatch', `'${shown(name)}' is a collection: only single values can be grouped by.`, step)
    steps.push(found)
    current = itemReference(reference)
  }
  return { steps, type: current }
}

function structured({ type }: TypeReference): StructuredType | undefined {
  return isStructured(type) ? type : undefined
}

type Named = Extract<MemberStep, { kind: 'property' | 'navigation' }>

function memberStep(type: StructuredType, name: string): Named | undefined {
  const property = type.allProperties.get(name)
  if (property !== undefined) return { kind: 'property', property }
  const navigation = type.allNavigationProperties.get(name)
  return navigation === undefined ? undefined : { kind: 'navigation', property: navigation }
}

/** Whether some segment of a path is collection-valued. */
export function hasCollection(steps: readonly MemberStep[]): boolean {
  return steps.some(
    (step) =>
      (step.kind === 'property' && step.property.type.collection) ||
      (step.kind === 'navigation' && step.property.collection),
  )
}
