import { noQuery } from '../../bind/no-query.ts'
import { propertyNames } from '../../bind/print.ts'
import type { BoundQuery, ExpandedStream, ExpandItem, MemberStep, Selection } from '../../bind/tree.ts'
import { isAutoExpanded, isAutoExpandedAsReference, isReadable } from '../../csdl/core.ts'
import type { EntityType, NavigationProperty, StructuredType } from '../../edm/model.ts'
import { isMedia, isStream, isStructured } from '../../edm/types.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { Requirements } from './access.ts'
import { behindItem, type CheckedQuery, checkQuery } from './query.ts'

/** Up to how many properties are expanded, and how deep, with what the model adds: it must not break the limits of $expand. */
const most = { items: 20, depth: 4 }

/**
 * What is expanded: what the client asks for, streams and navigation properties with Core.AutoExpand or AutoExpandReferences, inside the entities
 * of other expansions too (there each property once on its way). One is left out where it is restricted, cannot be expanded, or asks more of
 * the caller than the rows themselves do: a request must not fail of what it does not name.
 * @param expand what the client asks for, as checked
 * @param requirements of the request without what is added
 * @param canExpand whether it is known where the entities are
 */
export function withAutoExpanded(
  checked: CheckedQuery,
  expand: readonly ExpandItem[],
  requirements: Requirements,
  canExpand: (item: ExpandItem) => boolean,
): Expanded {
  const budget = { items: countOf(expand) }
  return inside(checked, { expand, streams: checked.query.streams }, canExpand, [], 1)

  function inside(
    from: CheckedQuery,
    { expand: asked, streams: named }: Expanded,
    can: (item: ExpandItem) => boolean,
    way: readonly NavigationProperty[],
    // how often it is repeated by $levels of what it stands in
    times: number,
  ): Expanded {
    const streams = withStreams(from, named, requirements)
    if (way.length >= most.depth) return { expand: asked, streams }
    const all = [...asked]
    for (const property of from.position.place.type?.allNavigationProperties.values() ?? []) {
      if (budget.items + times > most.items) break
      const item =
        way.includes(property) || asked.some((other) => other.property === property) ? undefined : itemOf(property)
      if (item === undefined || !isAllowed(from, item, requirements) || !can(item)) continue
      budget.items += times
      all.push(item)
    }
    const nested = all.map((item) => {
      if (item.as !== 'entities' || item.apply !== undefined) return item
      const behind = behindItem(from, item)
      const canInside = (inner: ExpandItem) =>
        can({ ...item, query: { ...item.query, expand: [...item.query.expand, inner] } })
      const inner = inside(behind, item.query, canInside, [...way, item.property], times * levelsOf(item))
      const same = inner.expand === item.query.expand && inner.streams === item.query.streams
      return same ? item : { ...item, query: { ...item.query, ...inner } }
    })
    const same = nested.length === asked.length && nested.every((item, i) => item === asked[i])
    return { expand: same ? asked : nested, streams }
  }
}

/** What is expanded of rows, streams among it. */
export type Expanded = Pick<BoundQuery, 'expand' | 'streams'>

/** The streams that a client names, and those of rows with Core.AutoExpand: of properties, and of media entity types for their media. */
function withStreams(
  checked: CheckedQuery,
  named: BoundQuery['streams'],
  requirements: Requirements,
): BoundQuery['streams'] {
  const { type } = checked.position.place
  if (type === undefined) return named
  const added = autoExpandedStreams(type).filter(
    (stream) =>
      !named?.some((other) => other.property === stream.property && isSameWay(other.path, stream.path)) &&
      isWritten(checked.query.select, stream) &&
      isStreamAllowed(checked, stream, requirements),
  )
  return added.length === 0 ? named : [...(named ?? []), ...added]
}

function isSameWay(one: readonly MemberStep[], other: readonly MemberStep[]): boolean {
  return propertyNames(one).join('/') === propertyNames(other).join('/')
}

type PropertyStep = Extract<MemberStep, { kind: 'property' }>

/** By type: models do not change. */
const knownStreams = new WeakMap<StructuredType, readonly ExpandedStream[]>()

function autoExpandedStreams(type: StructuredType): readonly ExpandedStream[] {
  const known = knownStreams.get(type)
  if (known !== undefined) return known
  const own = streamsWithin(type, [])
  if (type.kind === 'entity' && isMedia(type) && isAutoExpandedType(type)) own.push({ path: [], property: undefined })
  knownStreams.set(type, own)
  return own
}

/** Those of a row, or complex value, and of the single complex values in it, each type once on its way. */
function streamsWithin(type: StructuredType, way: readonly PropertyStep[]): ExpandedStream[] {
  return [...type.allProperties.values()].flatMap((property): ExpandedStream[] => {
    if (!isReadable(property)) return []
    if (isStream(property)) return isAutoExpanded(property) ? [{ path: way, property }] : []
    const { type: inner, collection } = property.type
    if (collection || !isStructured(inner) || way.some((step) => step.property.type.type === inner)) return []
    return streamsWithin(inner, [...way, { kind: 'property', property }])
  })
}

/** Whether $select gives all of a complex value on the way to a stream, or the stream; of the row itself it need not. */
function isWritten(select: Selection | undefined, { path, property }: ExpandedStream): boolean {
  if (path.length === 0) return true
  let inner = select
  for (const name of [...propertyNames(path), property?.name ?? '']) {
    if (inner === undefined || inner.all) return true
    if (!inner.properties.has(name)) return false
    inner = inner.properties.get(name)
  }
  return true
}

/** Annotations of a type hold for those derived from it. */
function isAutoExpandedType(type: EntityType): boolean {
  return isAutoExpanded(type) || (type.baseType !== undefined && isAutoExpandedType(type.baseType))
}

function isStreamAllowed(checked: CheckedQuery, stream: ExpandedStream, requirements: Requirements): boolean {
  const { path, property } = stream
  const names = [...propertyNames(path), ...(property === undefined ? [] : [property.name])]
  const select = names.reduceRight<Selection | undefined>(
    (inner, name) => ({ all: false, properties: new Map([[name, inner]]) }),
    undefined,
  )
  const query = { ...noQuery, select: select ?? { all: false, properties: new Map() }, streams: [stream] }
  return isCovered({ ...checked, query }, requirements)
}

/** As plan/expansion.ts counts them: each level is one. */
function countOf(items: readonly ExpandItem[]): number {
  return items.reduce((sum, item) => sum + levelsOf(item) * (1 + countOf(item.query.expand)), 0)
}

function levelsOf({ levels }: ExpandItem): number {
  return levels === 'max' ? most.depth + 1 : levels
}

function itemOf(property: NavigationProperty): ExpandItem | undefined {
  const whole = isAutoExpanded(property)
  if (!whole && !isAutoExpandedAsReference(property)) return undefined
  return { path: [], property, as: whole ? 'entities' : 'references', levels: 1, query: noQuery }
}

function isAllowed(checked: CheckedQuery, item: ExpandItem, requirements: Requirements): boolean {
  return isCovered({ ...checked, query: { ...checked.query, expand: [item] } }, requirements)
}

/** Whether a query is allowed, and asks of the caller nothing more. */
function isCovered(checked: CheckedQuery, requirements: Requirements): boolean {
  const own = new Requirements()
  try {
    checkQuery(checked, own)
  } catch (error) {
    if (error instanceof ODataError) return false
    throw error
  }
  return requirements.cover(own)
}
