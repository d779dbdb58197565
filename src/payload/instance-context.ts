import { modelTypeOf } from '../bind/apply/dynamic.ts'
import type { Presence, PresentProperty, Shape } from '../bind/apply/tree.ts'
import type { ExpandItem, Selection } from '../bind/tree.ts'
import type { StructuredType } from '../edm/model.ts'

/** The select list of transformed instances in their context URL (Aggregation 3.1.1, Protocol 10.7 to 10.10). */

/** What is written of instances. */
export interface Written {
  readonly select: Selection | undefined
  /** undefined: what transformations expand by default */
  readonly expand: readonly ExpandItem[] | undefined
}

/** What all instances of a shape have, in parentheses; nothing where they are as they are stored. */
export function instanceList(shape: Pick<Shape, 'type' | 'presence'>, { select, expand }: Written): string {
  const names = structural(shape, select)
  if (expand === undefined) names.push(...navigation(shape.presence))
  else for (const item of expand) if (item.as === 'entities') names.push(expanded(item))
  if (names.length > 0) return `(${names.join(',')})`
  return shape.presence.all && select === undefined ? '' : '(@Core.AnyStructure)'
}

function structural({ type, presence }: Pick<Shape, 'type' | 'presence'>, select: Selection | undefined): string[] {
  if (select !== undefined && !select.all)
    return [...select.properties.keys()].filter((name) => isPresent(name, type, presence)).map((name) => name)
  const names: string[] = []
  for (const [name, property] of presence.properties) if (!property.navigation) names.push(...paths(name, property, ''))
  return presence.all && (names.length > 0 || select?.all) ? ['*', ...names] : names
}

function isPresent(name: string, type: StructuredType, presence: Presence): boolean {
  const property = presence.properties.get(name)
  if (property !== undefined) return !property.navigation
  return presence.all && modelTypeOf(type).allProperties.has(name)
}

/** `Name`, `Ns.Derived/Name`, `Address/City`. */
function paths(name: string, { inside, cast }: PresentProperty, before: string): readonly string[] {
  const path = `${before}${cast === undefined ? '' : `${cast.name}/`}${name}`
  if (inside === undefined || inside.all) return [path]
  return [...inside.properties].flatMap(([inner, property]) => paths(inner, property, `${path}/`))
}

function navigation(presence: Presence): string[] {
  const names: string[] = []
  for (const [name, { navigation: isNavigation, inside, cast }] of presence.properties) {
    if (!isNavigation) continue
    const path = cast === undefined ? name : `${cast.name}/${name}`
    names.push(`${path}(${inside === undefined ? '' : members(inside).join(',')})`)
  }
  return names
}

function members(presence: Presence): string[] {
  const names: string[] = []
  for (const [name, property] of presence.properties) if (!property.navigation) names.push(...paths(name, property, ''))
  return [...names, ...navigation(presence)]
}

function expanded({ property, query, apply }: ExpandItem): string {
  if (apply !== undefined) {
    const expand = query.expand.length === 0 ? undefined : query.expand
    return property.name + (instanceList(apply.output, { select: query.select, expand }) || '()')
  }
  const names = query.select === undefined || query.select.all ? [] : [...query.select.properties.keys()]
  for (const item of query.expand) if (item.as === 'entities') names.push(expanded(item))
  return `${property.name}(${names.join(',')})`
}
