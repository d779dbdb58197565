import { pathText } from '../../csdl/core.ts'
import { annotationOf, items, member, text } from '../../edm/annotations.ts'
import type {
  Annotatable,
  EntitySet,
  Model,
  PrimitiveType,
  Property,
  StructuredType,
  TypeReference,
} from '../../edm/model.ts'
import type { AggregateNode, PathStep } from '../../url/ast.ts'
import { type BindContext, shown } from '../context.ts'
import { builtInTypes, singlePrimitive } from '../type-references.ts'
import { modelTypeOf } from './dynamic.ts'
import { aggregatedType, isAggregationMethod } from './methods.ts'
import type { Aggregate, CustomAggregate, DataPath } from './tree.ts'

/** Custom aggregates (Aggregation 3.2.1.1, 5.2): known by their annotations, calculated by code of the service or as recommended. */

const vocabulary = 'Org.OData.Aggregation.V1.'

/** A model element that a custom aggregate may be annotated on. */
export type AggregateTarget = Annotatable & { readonly name: string }

/** The custom aggregates that an element declares: their types by name; undefined where that is no primitive type. */
export function customAggregatesOf({ annotations }: Annotatable): ReadonlyMap<string, TypeReference | undefined> {
  const found = new Map<string, TypeReference | undefined>()
  for (const { term, qualifier, value } of annotations) {
    if (term !== `${vocabulary}CustomAggregate` || qualifier === undefined) continue
    const type = builtInTypes.get(text(value) ?? '')
    found.set(qualifier, type?.kind === 'primitive' ? referenceTo(type) : undefined)
  }
  return found
}

/** As wide as the type is: an aggregate has no facets of its own. */
function referenceTo(type: PrimitiveType): TypeReference {
  return { type, collection: false, nullable: true, facets: type.name === 'Edm.Decimal' ? { scale: 'variable' } : {} }
}

/** All elements of a model that may declare custom aggregates. */
export function aggregateTargets({ container, types }: Model): readonly AggregateTarget[] {
  const structured = [...types.values()].filter((type) => type.kind === 'entity' || type.kind === 'complex')
  return [...(container === undefined ? [] : [container, ...container.children.values()]), ...structured]
}

/**
 * ABNF: aggregateCustom: the last name is the qualifier of a CustomAggregate annotation on what the path before it leads to.
 * @throws ODataError nameNotFound, notImplemented where its type is none
 */
export function customAggregate<Over extends { readonly type: StructuredType; readonly set: EntitySet | undefined }>(
  context: BindContext,
  node: AggregateNode,
  steps: readonly PathStep[],
  over: Over,
  dataPathOf: (context: BindContext, steps: readonly PathStep[], over: Over) => DataPath,
): Aggregate {
  const last = steps.at(-1)
  if (last?.kind !== 'name') return context.fail('typeMismatch', 'An aggregate expression needs a method.', node)
  const { name } = last
  const before = steps.slice(0, -1)
  const path = before.length === 0 ? undefined : dataPathOf(context, before, over)
  const type = path === undefined ? over.type : path.type?.type
  const structured = type?.kind === 'entity' || type?.kind === 'complex' ? modelTypeOf(type) : undefined
  const targets = targetsOf(context.model, structured, path === undefined ? over.set : undefined)
  for (const target of targets) {
    const declared = customAggregatesOf(target)
    if (!declared.has(name)) continue
    const reference = declared.get(name)
    if (reference === undefined)
      return context.notImplemented(`The custom aggregate '${shown(name)}', whose type is not primitive,`, node)
    const property = structured?.allProperties.get(name)
    const method = property && recommendedMethod(targets, name)
    const recommended = property && method ? recommendedAggregate(property, method, reference) : undefined
    return { kind: 'custom', name, target: target.name, type: reference, path, recommended }
  }
  return context.fail(
    'nameNotFound',
    `'${shown(name)}' is no custom aggregate: a property needs a method and a name ('${shown(name)} with sum as ...').`,
    node,
  )
}

/** The elements whose annotations count for a collection, the nearest first. */
function targetsOf(
  { container }: Model,
  type: StructuredType | undefined,
  set: EntitySet | undefined,
): readonly AggregateTarget[] {
  const targets: AggregateTarget[] = set === undefined ? [] : [set]
  for (let each = type; each !== undefined; each = each.baseType) targets.push(each)
  if (type !== undefined)
    for (const child of container?.children.values() ?? [])
      if (child.kind === 'entitySet' && child.type === type && child !== set) targets.push(child)
  return container === undefined ? targets : [...targets, container]
}

/** RecommendedAggregationMethod of the property that a custom aggregate is named like. */
function recommendedMethod(targets: readonly AggregateTarget[], name: string): string | undefined {
  for (const target of targets) {
    const support = annotationOf(target, `${vocabulary}ApplySupported`)?.value
    for (const entry of items(member(support, 'AggregatableProperties'))) {
      const method = text(member(entry, 'RecommendedAggregationMethod'))
      if (method !== undefined && pathText(member(entry, 'Property')) === name) return method
    }
  }
  return undefined
}

/** The property with the method that the model recommends; undefined where that does not give values of the declared type. */
function recommendedAggregate(property: Property, method: string, declared: TypeReference): Aggregate | undefined {
  if (!isAggregationMethod(method)) return undefined
  const operandType = property.type
  const type = aggregatedType(method, operandType)
  if (type === undefined || (singlePrimitive(type) !== singlePrimitive(declared) && !bothNumbers(type, declared)))
    return undefined
  const path: DataPath = { steps: [{ kind: 'property', property }], type: operandType }
  return { kind: 'values', method, operand: { kind: 'path', path }, operandType, type }
}

function bothNumbers(a: TypeReference, b: TypeReference): boolean {
  return aggregatedType('sum', a) !== undefined && aggregatedType('sum', b) !== undefined
}

/** The custom aggregates that an aggregate is calculated from. */
export function customsIn(aggregate: Aggregate): readonly CustomAggregate[] {
  if (aggregate.kind === 'custom') return [aggregate]
  if (aggregate.kind === 'values') return []
  return aggregate.sequence.steps.flatMap((step) => {
    const inner = step.kind === 'groupby' ? (step.each?.steps ?? []) : [step]
    return inner.flatMap((each) =>
      each.kind === 'aggregate' ? each.items.flatMap((item) => customsIn(item.aggregate)) : [],
    )
  })
}
