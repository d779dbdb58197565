import { pathText } from '../../csdl/core.ts'
import { annotationOf, items, member } from '../../edm/annotations.ts'
import type { Operation } from '../../edm/model.ts'
import type { Span } from '../../url/ast.ts'
import { type BindContext, shown } from '../context.ts'
import { stepName } from '../print.ts'
import type { MemberStep } from '../tree.ts'
import type { Presence } from './tree.ts'

const term = 'Org.OData.Aggregation.V1.AvailableOnAggregates'

/**
 * Refuses to bind a function to aggregated instances, unless it says that it can be and what it needs (Aggregation 5.6).
 * @param presence what the instances have
 * @param name the function, as the client wrote it
 * @throws ODataError typeMismatch
 */
export function requireAvailable(
  context: BindContext,
  operation: Operation,
  presence: Presence | undefined,
  name: string,
  node: Span,
): void {
  if (presence === undefined || presence.all) return
  const missing = requiredProperties(operation)?.find((path) => !isPresent(presence, path.split('/')))
  if (!annotationOf(operation, term) || missing !== undefined)
    context.fail(
      'typeMismatch',
      `'${shown(name)}' cannot be applied to these aggregated instances${
        missing === undefined ? '' : `: they have no '${missing}'`
      } (Aggregation.AvailableOnAggregates).`,
      node,
    )
}

/** What instances have at the end of a path; undefined: all there is. */
export function presenceAt(presence: Presence | undefined, steps: readonly MemberStep[]): Presence | undefined {
  let found = presence
  for (const step of steps) if (step.kind !== 'cast') found = found?.properties.get(stepName(step))?.inside
  return found
}

function requiredProperties(operation: Operation): readonly string[] | undefined {
  const required = member(annotationOf(operation, term)?.value, 'RequiredProperties')
  // a path may start with the binding parameter (CSDL 14.4.1.2)
  const prefix = `${operation.parameters[0]?.name}/`
  return items(required).flatMap((item) => {
    const path = pathText(item)
    return path === undefined ? [] : [path.startsWith(prefix) ? path.slice(prefix.length) : path]
  })
}

function isPresent(presence: Presence, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined || presence.all) return true
  const property = presence.properties.get(name)
  return property !== undefined && (property.inside === undefined || isPresent(property.inside, rest))
}
