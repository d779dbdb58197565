import { propertyNames, stepName } from '../bind/print.ts'
import type { ExpandItem } from '../bind/tree.ts'
import type { EntityType } from '../edm/model.ts'
import { isSubtypeOf } from '../edm/types.ts'
import type { Expansion, Source } from '../plan/plan.ts'
import { type ExpandNode, noAliases, type QueryOptions } from '../url/ast.ts'
import { printOptions } from '../url/print.ts'

/** Links to the rest of a nested collection: the request that would have given it on its own. */

/** The item of a request's $expand that names a navigation property itself; undefined: `*` does. */
export function nodeOf(nodes: readonly ExpandNode[], { property, path }: ExpandItem): ExpandNode | undefined {
  const through = propertyNames(path)
  return nodes.find((node) => {
    const names = node.path.flatMap((step) => (step.kind === 'name' ? [step.name] : []))
    const at = names.indexOf(property.name, through.length)
    // casts may stand between them
    const before = names.slice(0, at).filter((name) => !name.includes('.'))
    return at >= 0 && through.every((name) => before.includes(name)) && before.length <= path.length
  })
}

/** What is expanded below an expansion, as items of its own request: `$levels` becomes one level less. */
export function nestedNodes(nodes: readonly ExpandNode[], { item, expansions }: Expansion): readonly ExpandNode[] {
  const node = nodeOf(nodes, item)
  const own = (node?.options?.expand ?? []).map((inner) => assigned(inner, node?.options?.aliases ?? noAliases))
  if (node?.options === undefined || item.levels === 1) return own
  if (!expansions.some(({ item: inner }) => inner.property === item.property)) return own
  const levels = item.levels === 'max' ? 'max' : item.levels - 1
  return [...own, { ...node, options: { ...node.options, levels } }]
}

/** An item with the parameter aliases that the options around it assign: its own request has nothing around it. */
function assigned(node: ExpandNode, aliases: QueryOptions['aliases']): ExpandNode {
  if (node.options === undefined || aliases.size === 0) return node
  return { ...node, options: { ...node.options, aliases: new Map([...aliases, ...node.options.aliases]) } }
}

/**
 * Path and query of the request for a parent's related entities.
 * @param parent path of the parent below the service root
 */
export function nextTarget(
  parent: string,
  { root }: Source,
  expansion: Expansion,
  node: ExpandNode | undefined,
  nodes: readonly ExpandNode[],
): string {
  const { property, path: through, as } = expansion.item
  const declaring = property.declaringType
  const cast =
    declaring.kind === 'entity' && !isSubtypeOf(root.type, declaring as EntityType) ? `/${declaring.name}` : ''
  const complex = through.some(({ kind }) => kind === 'property')
  const way = complex ? through.map((step) => `/${stepName(step)}`).join('') : cast
  const path = `/${parent}${way}/${encodeURIComponent(property.name)}${as === 'references' ? '/$ref' : ''}`
  const query = node?.options === undefined ? '' : printOptions(alone(node.options, nestedNodes(nodes, expansion)))
  return query === '' ? path : `${path}?${query}`
}

/** Nested options as those of a request. */
function alone({ levels: _, expand: __, ...options }: QueryOptions, nested: readonly ExpandNode[]): QueryOptions {
  return nested.length === 0 ? options : { ...options, expand: nested }
}

/** A target with the parameter aliases of the request, which nested options may name, but for those it has of its own. */
export function withAliases(target: string, request: string): string {
  const mark = request.indexOf('?')
  if (mark < 0) return target
  const own = new Set(
    target
      .slice(target.indexOf('?') + 1)
      .split('&')
      .map(nameOf),
  )
  const aliases = request
    .slice(mark + 1)
    .split('&')
    .filter((raw) => /^(?:@|%40)/.test(raw) && !own.has(nameOf(raw)))
  return aliases.length === 0 ? target : `${target}${target.includes('?') ? '&' : '?'}${aliases.join('&')}`
}

/** The name of a query option as it came. */
function nameOf(raw: string): string {
  return (raw.split('=')[0] ?? '').replace(/^%40/, '@')
}
