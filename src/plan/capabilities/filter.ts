import type { Expression } from '../../bind/tree.ts'
import { filterRestrictionsIn } from '../../csdl/capabilities.ts'
import { texts } from '../../csdl/core.ts'
import { capabilityOf, containerCapability, restrictionsOf, withoutCasts } from './capability.ts'
import { checkCounted } from './count.ts'
import { conjunctsOf, isAllowed } from './filter-expressions.ts'
import type { Place } from './place.ts'
import { checkReadable } from './readable.ts'
import { coveredBy, type Reference, type Variables, type View, visit } from './references.ts'
import { type OptionName, refuse } from './refuse.ts'

/**
 * $filter against Capabilities.FilterRestrictions, FilterFunctions and Core.Permissions, of the resource itself and of every
 * one that the condition looks into.
 * @param conditions all conditions on the rows: the option's and those of `/$filter(...)` segments; none: nothing filters
 * @throws ODataError queryOptionNotAllowed
 */
export function checkFilter(
  option: OptionName,
  place: Place,
  conditions: readonly Expression[],
  variables: Variables,
): void {
  const own = restrictionsOf(place, 'FilterRestrictions', filterRestrictionsIn)
  if (conditions.length === 0) {
    if (own.requiresFilter === true) refuse(option, `is required for '${place.name}'`, `${term}/RequiresFilter`)
    if (own.requiredProperties.length > 0) missing(option, place, own.requiredProperties[0] ?? '')
    return
  }
  const seen = checkConditions(option, place, conditions, variables)
  for (const required of own.requiredProperties) if (!seen.has(withoutCasts(required))) missing(option, place, required)
}

/**
 * What conditions may look at, and how: all that is asked of $filter but that there is one. The filters of transformations are held
 * to it, wherever they stand.
 * @returns paths of the place's own properties that the conditions look at
 * @throws ODataError queryOptionNotAllowed
 */
export function checkConditions(
  option: OptionName,
  place: Place,
  conditions: readonly Expression[],
  variables: Variables,
): ReadonlySet<string> {
  const own = restrictionsOf(place, 'FilterRestrictions', filterRestrictionsIn)
  if (own.filterable === false) refuse(option, `cannot be applied to '${place.name}'`, `${term}/Filterable`)
  const functions = allowedFunctions(place)
  const seen = new Set<string>()
  const reference = (found: Reference): void => {
    checkReadable(option, found)
    const end = found.views.at(-1)?.place.levels ?? 0
    for (const view of found.views) {
      checkView(option, view, place, end - view.place.levels)
      if (view.place === place) seen.add(view.path)
    }
  }
  const node = (found: Expression): void => {
    const name = functions === undefined ? undefined : operatorOf(found)
    if (name !== undefined && !functions?.has(name.toLowerCase()))
      refuse(option, `cannot use '${name}' on '${place.name}'`, 'Capabilities.FilterFunctions')
  }
  for (const condition of conditions)
    visit(condition, variables, { reference, node, counted: (found) => checkCounted(option, found) })
  checkExpressions(option, place, own.expressionRestrictions, conditions, variables)
  return seen
}

const term = 'Capabilities.FilterRestrictions'

function missing(option: OptionName, place: Place, property: string): never {
  return refuse(option, `of '${place.name}' needs a condition on '${property}'`, `${term}/RequiredProperties`)
}

/** A property as one place sees it; behind a navigation property the place's own restrictions count too. */
function checkView(option: OptionName, { place, path }: View, of: Place, levels: number): void {
  const restrictions = restrictionsOf(place, 'FilterRestrictions', filterRestrictionsIn)
  if (coveredBy(path, restrictions.nonFilterableProperties) !== undefined)
    refuse(option, `cannot look at '${path}' of '${place.name}'`, `${term}/NonFilterableProperties`)
  // what was passed on the way to the resource says nothing of conditions on the resource
  if (place.levels < of.levels) return
  if (restrictions.filterable === false && path !== '')
    refuse(option, `cannot look at '${path}' of '${place.name}'`, `${term}/Filterable`)
  if (restrictions.maxLevels !== undefined && levels > restrictions.maxLevels)
    refuse(option, `follows more than ${restrictions.maxLevels} navigation properties`, `${term}/MaxLevels`)
}

/** The functions and operators that are allowed, in lower case; undefined: all. */
function allowedFunctions(place: Place): ReadonlySet<string> | undefined {
  const listed =
    texts(capabilityOf(place, 'FilterFunctions')) ?? texts(containerCapability(place.model, 'FilterFunctions'))
  return listed === undefined || listed.length === 0 ? undefined : new Set(listed.map((name) => name.toLowerCase()))
}

/** How the vocabulary and clients name what a node does; undefined for nodes that do nothing. */
function operatorOf(node: Expression): string | undefined {
  switch (node.kind) {
    case 'binary':
    case 'lambda':
      return node.operator
    case 'unary':
      return node.operator === 'not' ? 'not' : undefined
    case 'in':
    case 'case':
      return node.kind
    case 'convert':
      return node.explicit ? 'cast' : undefined
    case 'isOf':
      return 'isof'
    case 'call':
      return node.function
    default:
      return undefined
  }
}

/** FilterExpressionRestrictions: what is asked of a property must be of a simple form (`filter-expressions.ts`). */
function checkExpressions(
  option: OptionName,
  place: Place,
  restrictions: readonly { readonly property: string; readonly allowed: readonly string[] }[],
  conditions: readonly Expression[],
  variables: Variables,
): void {
  if (restrictions.length === 0) return
  const conjuncts = conditions
    .flatMap(conjunctsOf)
    .map((condition) => ({ condition, paths: pathsOf(condition, place, variables) }))
  const allowed = new Map<string, string[]>()
  for (const { property, allowed: names } of restrictions) {
    const path = withoutCasts(property)
    allowed.set(path, [...(allowed.get(path) ?? []), ...names])
  }
  for (const [property, names] of allowed) {
    const concerned = conjuncts.filter(({ paths }) => paths.has(property))
    if (concerned.length === 0) continue
    const alone = concerned.every(({ paths }) => paths.size === 1)
    const own = concerned.map(({ condition }) => condition)
    if (!alone || !names.some((name) => isAllowed(name, own)))
      refuse(
        option,
        `can ask of '${property}' of '${place.name}' only what ${names.join(' or ')} means`,
        `${term}/FilterExpressionRestrictions`,
      )
  }
}

function pathsOf(condition: Expression, place: Place, variables: Variables): ReadonlySet<string> {
  const paths = new Set<string>()
  visit(condition, variables, {
    reference: ({ views }) => paths.add(views.find((view) => view.place === place)?.path ?? ''),
  })
  return paths
}
