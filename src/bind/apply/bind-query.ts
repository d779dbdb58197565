import type { EntitySet, Model, StructuredType } from '../../edm/model.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { bindOptions, bindOrderBy } from '../bind-options.ts'
import { rowType } from '../bind-query.ts'
import { BindContext } from '../context.ts'
import { bindExpression } from '../expression.ts'
import type { RootReference } from '../root.ts'
import type { BoundPath, ExpandItem, Expression, MemberStep, OrderByItem, ParameterSlot, Selection } from '../tree.ts'
import { bindFollowing, bindSequence } from './bind-apply.ts'
import { aggregation } from './functions.ts'
import { scopeOf } from './scope.ts'
import { referenceOf, storedShape, structuredType } from './shape.ts'
import type { CalculatedParameter, Sequence } from './tree.ts'

/** The options of a request that transforms its collection, bound. */
export interface BoundTransformation {
  /** $apply, $compute, $search, $filter, in this order (Protocol 11.2.1) */
  readonly sequence: Sequence
  /** how many transformations are those of $apply */
  readonly applied: number
  readonly orderby: readonly OrderByItem[]
  /** what the order has calculated of all instances */
  readonly calculated: readonly CalculatedParameter[]
  readonly select: Selection | undefined
  /** undefined: what transformations expand by default */
  readonly expand: readonly ExpandItem[] | undefined
  readonly slots: readonly ParameterSlot[]
  readonly literalSlots: readonly number[]
  readonly roots: readonly RootReference[]
}

/**
 * Binds the options of a request with $apply, or with what is evaluated for a whole collection (`$these`, `aggregate`): the options behind
 * $apply see what it gives.
 * @returns undefined where the rows have no type with members
 */
export function bindTransformation(
  model: Model,
  path: BoundPath,
  options: QueryOptions,
  firstSlot: number,
): BoundTransformation | undefined {
  const type = structuredType(rowType(path))
  if (type === undefined) return undefined
  const context = new BindContext(model, options.aliases, firstSlot, '$apply', bindExpression)
  context.aggregation = aggregation
  context.roots = []
  const set = setOf(path)
  const stored = storedShape(type, keyOf(type))
  const applied =
    options.apply === undefined
      ? { steps: [], input: stored, output: stored }
      : bindSequence(context, options.apply, stored, set)
  const sequence = bindFollowing(context, options, applied, set)
  const { output } = sequence
  const calculated: CalculatedParameter[] = []
  context.target = '$orderby'
  const orderby =
    options.orderby === undefined ? [] : bindOrderBy(context, options.orderby, scopeOf(output, set, calculated))
  const { select, expand, streams } = bindOptions(
    context,
    {
      ...(options.select === undefined ? {} : { select: options.select }),
      ...(options.expand === undefined ? {} : { expand: options.expand }),
      aliases: options.aliases,
      custom: options.custom,
      literals: options.literals,
      shape: '',
    },
    { type: referenceOf(output), row: '$it', it: undefined },
  )
  const [expanded] = options.expand ?? []
  if (expanded !== undefined && (streams !== undefined || expand.some(expandsStreams)))
    return context.notImplemented('A stream in $expand behind $apply', expanded)
  return {
    sequence,
    applied: applied.steps.length,
    orderby,
    calculated,
    select,
    expand: options.expand === undefined ? undefined : expand,
    slots: context.slots,
    literalSlots: context.literalSlots,
    roots: context.roots,
  }
}

function expandsStreams({ query }: ExpandItem): boolean {
  return query.streams !== undefined || query.expand.some(expandsStreams)
}

/** The entity set whose entities a path names, if its last segment does. */
function setOf({ segments }: BoundPath): EntitySet | undefined {
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]
    if (segment?.kind === 'entitySet') return segment.entitySet
    if (segment?.kind === 'navigation') return segment.target?.kind === 'entitySet' ? segment.target : undefined
    if (segment?.kind === 'property' || segment?.kind === 'operation') return undefined
  }
  return undefined
}

/** The key properties as expressions; undefined where a key lies behind navigation. */
function keyOf(type: StructuredType): readonly Expression[] | undefined {
  if (type.kind !== 'entity' || type.key.length === 0) return undefined
  const key: Expression[] = []
  for (const part of type.key) {
    const steps: MemberStep[] = []
    let owner: StructuredType | undefined = type
    for (const name of part.path) {
      const property = owner?.allProperties.get(name)
      if (property === undefined) return undefined
      steps.push({ kind: 'property', property })
      owner = structuredType(property.type)
    }
    key.push({ kind: 'member', variable: '$it', steps, type: part.property.type })
  }
  return key
}
