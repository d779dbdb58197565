import type { Model, TypeReference } from '../edm/model.ts'
import type { QueryOptions } from '../url/ast.ts'
import { bindOptions } from './bind-options.ts'
import { anyTypeHasNot, BindContext } from './context.ts'
import { bindExpression } from './expression.ts'
import type { RootReference } from './root.ts'
import type { BoundPath, BoundQuery, ParameterSlot } from './tree.ts'
import { itemReference, navigationReference } from './type-references.ts'

/** Query options, bound: equal shapes of equal paths give equal ones. */
export interface BoundQueryResult {
  readonly query: BoundQuery
  readonly slots: readonly ParameterSlot[]
  /** `slots[i]` takes the literal `options.literals[literalSlots[i]]` */
  readonly literalSlots: readonly number[]
  readonly roots: readonly RootReference[]
}

/**
 * Binds the query options of a resource (URL Conventions 5.1): names against its type, each literal as a parameter whose
 * type depends on the literal's kind and on what it meets, never on its value (see `literals.ts`).
 * @param firstSlot number of the first parameter: those of the path come before
 * @throws ODataError nameNotFound, functionNotFound, typeMismatch, queryOptionInvalid, queryOptionNotAllowed,
 * urlLimitExceeded, notImplemented, with the option as target and the position in its text
 */
export function bindQuery(model: Model, path: BoundPath, options: QueryOptions, firstSlot: number): BoundQueryResult {
  const context = new BindContext(model, options.aliases, firstSlot, '$filter', bindExpression)
  context.roots = []
  if (path.resource === 'all' && path.segments.length === 0) refuseNames(context, options)
  const query = bindOptions(context, options, { type: rowType(path), row: '$it', it: undefined })
  return { query, slots: context.slots, literalSlots: context.literalSlots, roots: context.roots }
}

/** Entities of any type have no properties to select or expand (URL Conventions 4.16). @throws ODataError nameNotFound, notImplemented */
function refuseNames(context: BindContext, { select, expand, compute }: QueryOptions): void {
  for (const [option, nodes] of [
    ['$select', select],
    ['$expand', expand],
  ] as const)
    for (const { path } of nodes ?? []) {
      const [step] = path
      if (step?.kind !== 'name') continue
      if (option === '$select' && path.length === 1 && compute?.some(({ alias }) => alias === step.name)) continue
      context.target = option
      if (!context.isCast(step.name, undefined)) context.fail('nameNotFound', anyTypeHasNot(step.name), step)
      context.notImplemented(`${option} of entities of any type`, step)
    }
}

/**
 * The type of the rows that the options of a path are about: of `/$count` and `/$ref` what stands before them.
 * @returns undefined for dynamic values and for documents
 */
export function rowType({ segments }: Pick<BoundPath, 'segments'>): TypeReference | undefined {
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]
    switch (segment?.kind) {
      case 'entitySet':
        return single(segment.entitySet.type)
      case 'crossjoin':
        return single(segment.type)
      case 'singleton':
        return single(segment.singleton.type)
      case 'cast':
        return single(segment.type)
      case 'property':
        return itemReference(segment.property.type)
      case 'navigation':
        return itemReference(navigationReference(segment.property))
      case 'operation': {
        const { returnType } = segment.operation
        return returnType === undefined ? undefined : itemReference(returnType)
      }
      case 'dynamicProperty':
        return undefined
      default:
        // $count, $value, $ref, $each, $filter, keys and positions leave the type as it is
        break
    }
  }
  return undefined
}

function single(type: TypeReference['type']): TypeReference {
  return { type, collection: false, nullable: false, facets: {} }
}
