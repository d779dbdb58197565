import { noQuery } from '../../bind/no-query.ts'
import { propertyNames } from '../../bind/print.ts'
import type { BoundQuery, ExpandItem, Expression, MemberStep, Selection } from '../../bind/tree.ts'
import { expandRestrictionsIn, type SelectSupport, selectSupportIn } from '../../csdl/capabilities.ts'
import { isReadable } from '../../csdl/core.ts'
import { member } from '../../edm/annotations.ts'
import type { AnnotationExpression, StructuredType } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { accessRefusal, grantsOf, permissionsOf, type Requirements } from './access.ts'
import { checkCall } from './calls.ts'
import { capabilityOf, containerCapability, isSupported, restrictionsOf, withoutCasts } from './capability.ts'
import { checkCount } from './count.ts'
import { checkFilter } from './filter.ts'
import { navigationRefusal } from './navigation.ts'
import { namesOf, type Place, placeOfMember } from './place.ts'
import { checkReadable } from './readable.ts'
import { type Position, positionBehind, type Variables, visit } from './references.ts'
import { optionName, refuse } from './refuse.ts'
import { checkSearch } from './search.ts'
import { checkSort } from './sort.ts'
import type { Grant } from './verdict.ts'

/** The options of one resource, the requested one or an expanded one. */
export interface CheckedQuery {
  readonly position: Position
  readonly query: BoundQuery
  readonly variables: Variables
  /** one row is named: what is about collections does not apply */
  readonly single: boolean
  /** conditions that do not stand in $filter: `/$filter(...)` segments */
  readonly conditions: readonly Expression[]
  /** inside $expand */
  readonly expanded: boolean
  /** only the number is asked for */
  readonly counting: boolean
}

/**
 * Checks the options of a resource, and of all that it expands, against the model's annotations.
 * @param requirements what the caller must hold for all that the options look at is added here
 * @returns the expansions, `$levels=max` replaced where the model limits it
 * @throws ODataError queryOptionNotAllowed
 */
export function checkQuery(checked: CheckedQuery, requirements: Requirements): readonly ExpandItem[] {
  const { position, query, variables, expanded, single } = checked
  const { place } = position
  const option = (name: string) => optionName(name, expanded)
  const conditions = query.filter === undefined ? checked.conditions : [...checked.conditions, query.filter]
  if (!single || conditions.length > 0) checkFilter(option('$filter'), place, conditions, variables)
  checkSort(option('$orderby'), place, query.orderby, variables)
  if (query.search !== undefined) checkSearch(option('$search'), place, query.search)
  if (query.count || checked.counting) checkCount(option(query.count ? '$count=true' : '$count'), position)
  if (query.top !== undefined && isSupported(place, 'TopSupported') === false)
    refuse(option('$top'), `cannot be applied to '${place.name}'`, 'Capabilities.TopSupported')
  if (query.skip !== undefined && isSupported(place, 'SkipSupported') === false)
    refuse(option('$skip'), `cannot be applied to '${place.name}'`, 'Capabilities.SkipSupported')
  if (query.compute.length > 0) {
    if (isSupported(place, 'ComputeSupported') === false)
      refuse(option('$compute'), `cannot be applied to '${place.name}'`, 'Capabilities.ComputeSupported')
    for (const { expression } of query.compute)
      visit(expression, variables, { reference: (found) => checkReadable(option('$compute'), found) })
  }
  if (query.select !== undefined) {
    checkSelect(checked, query.select)
    checkItems(checked, query.select, [], requirements)
  }
  require(checked, conditions, requirements)
  return checkExpand(checked, requirements)
}

function checkSelect({ position, expanded }: CheckedQuery, select: Selection): void {
  const { place } = position
  const option = optionName('$select', expanded)
  if (supportOf(place).supported === false)
    refuse(option, `cannot be applied to '${place.name}'`, 'Capabilities.SelectSupport/Supported')
  const type = rowType(position)
  if (type !== undefined)
    checkSelected(type, select, (path) =>
      refuse(option, `cannot look at '${path}' of '${place.name}'`, 'Core.Permissions'),
    )
}

function supportOf(place: Place): SelectSupport {
  return selectSupportIn(capabilityOf(place, 'SelectSupport') ?? containerCapability(place.model, 'SelectSupport'))
}

/** What SelectSupport says of options inside $select, where it says false. */
function checkInside({ position: { place }, expanded }: CheckedQuery, { items, computed = [] }: Selection): void {
  const support = supportOf(place)
  const asked: readonly (readonly [option: string, asked: boolean, member: string, allowed: boolean | undefined])[] = [
    ['$filter', items !== undefined && items.filters.length > 0, 'Filterable', support.filterable],
    ['$orderby', items !== undefined && items.orderby.length > 0, 'Sortable', support.sortable],
    ['$count', items?.count === true, 'Countable', support.countable],
    ['$top', items?.top !== undefined, 'TopSupported', support.topSupported],
    ['$skip', items?.skip !== undefined, 'SkipSupported', support.skipSupported],
    ['$compute', computed.length > 0, 'ComputeSupported', support.computeSupported],
  ]
  for (const [option, isAsked, name, allowed] of asked)
    if (isAsked && allowed === false)
      refuse(
        optionName(option, expanded),
        `cannot be applied inside $select of '${place.name}'`,
        `Capabilities.SelectSupport/${name}`,
      )
}

/** Options inside $select: those of items like the options of the collection on its own, what is calculated like $compute of the value. */
function checkItems(
  checked: CheckedQuery,
  select: Selection,
  before: readonly MemberStep[],
  requirements: Requirements,
): void {
  const { position } = checked
  const last = before.at(-1)
  const of = last?.kind === 'property' ? last.property.type.type : rowType(position)
  if (of === undefined || !isStructured(of)) return
  for (const type of [of, ...of.derivedTypes])
    for (const [name, inner] of select.properties) {
      const property = type.allProperties.get(name)
      if (property === undefined || inner === undefined) continue
      const path: readonly MemberStep[] = [...before, { kind: 'property', property }]
      const { items, computed = [] } = inner
      checkInside(checked, inner)
      const steps = [...position.steps, ...path]
      if (items === undefined)
        for (const { expression } of computed)
          visit(expression, new Map([['$this', { ...position, steps }]]), {
            reference: (found) => checkReadable(optionName('$compute', checked.expanded), found),
          })
      const place = items && placeOfMember(position.place, steps)
      if (items && place) {
        const names = namesOf(steps)
        const outer = [
          ...position.outer.map((view) => ({ place: view.place, names: [...view.names, ...names] })),
          { place: position.place, names },
        ]
        const itemPosition: Position = { place, steps: [], outer }
        const filter = items.filters[0]
        const { orderby, top, skip, count } = items
        checkQuery(
          {
            position: itemPosition,
            query: { ...noQuery, filter, orderby, top, skip, count, compute: computed },
            variables: new Map([['$this', itemPosition]]),
            single: false,
            conditions: [],
            expanded: checked.expanded,
            counting: false,
          },
          requirements,
        )
      }
      checkItems(checked, inner, path, requirements)
    }
}

/** The type of the rows, or of the complex value that the path ends in. */
function rowType({ place, steps }: Position): StructuredType | undefined {
  const last = steps.at(-1)
  if (last === undefined) return place.type
  if (last.kind === 'cast') return last.type
  return last.kind === 'property' && isStructured(last.property.type.type) ? last.property.type.type : undefined
}

/** Calls `found` for a property named in a selection that cannot be read, of the type or a derived one. */
function checkSelected(type: StructuredType, select: Selection, found: (path: string) => void, before = ''): void {
  for (const candidate of [type, ...type.derivedTypes])
    for (const [name, inner] of select.properties) {
      const property = candidate.allProperties.get(name)
      if (property === undefined) continue
      if (!isReadable(property)) found(before + name)
      if (inner !== undefined && isStructured(property.type.type))
        checkSelected(property.type.type, inner, found, `${before}${name}/`)
    }
}

function isEntity({ type }: Expression): boolean {
  return type?.type.kind === 'entity'
}

/** What the caller must hold: for the rows that conditions look into, and for single properties where scopes differ. */
function require(checked: CheckedQuery, conditions: readonly Expression[], requirements: Requirements): void {
  const { position, query, variables, single } = checked
  const own = grantsOf(permissionsOf(position, 'read', single))
  const known = new Map<Place, readonly Grant[]>()
  const expressions = [
    ...conditions,
    ...query.orderby.map(({ expression }) => expression),
    ...query.compute.map(({ expression }) => expression),
  ]
  // an entity that $compute gives is written whole
  const whole = new Set(query.compute.flatMap(({ expression: value }) => (isEntity(value) ? [value] : [])))
  for (const expression of expressions)
    visit(expression, variables, {
      node: (node) => checkCall(optionName('$filter', checked.expanded), node, requirements),
      reference: ({ views }) => {
        let outer: Position['outer'] = []
        for (const { place, path } of views) {
          const behind = place.levels > position.place.levels
          const name = path.split('/')[0] ?? ''
          if (place === position.place) {
            if (name !== '') requirements.property(place, name, own)
            else if (whole.has(expression)) requirements.everything(place, own)
          } else if (behind) {
            let grants = known.get(place)
            if (grants === undefined) {
              grants = grantsOf(permissionsOf({ place, steps: [], outer }, 'read', !place.collection))
              known.set(place, grants)
            }
            requirements.rows(place, grants)
            if (name !== '') requirements.property(place, name, grants)
            else if (whole.has(expression)) requirements.everything(place, grants)
          }
          outer = [...outer, { place, names: [] }]
        }
      },
    })
  if (query.search !== undefined) requirements.everything(position.place, own)
  if (query.select !== undefined && !query.select.all && position.steps.length === 0)
    for (const name of query.select.properties.keys())
      if (!query.compute.some(({ alias }) => alias === name)) requirements.property(position.place, name, own)
}

function checkExpand(checked: CheckedQuery, requirements: Requirements): readonly ExpandItem[] {
  const { position, query, single } = checked
  const { streams = [] } = query
  if (query.expand.length + streams.length === 0) return query.expand
  const option = optionName('$expand', false)
  const { place } = position
  const record = expandRecord(place, single)
  if (streams.length > 0 && record.streamsExpandable === false)
    refuse(option, `cannot give the streams of '${place.name}'`, `${expandTerm}/StreamsExpandable`)
  for (const { path, property } of streams) {
    const name = [...propertyNames(path), property?.name]
    if (property !== undefined && record.nonExpandableStreamProperties.includes(name.join('/')))
      refuse(
        option,
        `cannot give '${name.join('/')}' of '${place.name}'`,
        `${expandTerm}/NonExpandableStreamProperties`,
      )
  }
  if (record.expandable === false) refuse(option, `cannot be applied to '${place.name}'`, `${expandTerm}/Expandable`)
  return query.expand.map((item) => {
    const expand = checkItem(checked, position, item, requirements)
    const nested = expand === item.query.expand ? item : { ...item, query: { ...item.query, expand } }
    const bounded = record.maxLevels === undefined ? nested : limited(place, nested, record.maxLevels)
    // the same property again and again: each level is a place of its own
    let from = positionBehind(position, item.path, item.property)
    const levels = bounded.levels === 'max' ? checkedLevels : Math.min(bounded.levels, checkedLevels)
    for (let level = 2; level <= levels; level++) {
      if (from.place.type?.allNavigationProperties.get(item.property.name) !== item.property) break
      checkItem(checked, from, { ...bounded, path: [] }, requirements)
      from = positionBehind(from, [], item.property)
    }
    return bounded
  })
}

/** Levels of `$levels` that are looked at; deeper ones are not expanded (plan/expansion.ts). */
const checkedLevels = 5

/** One expanded navigation property of the rows at a position. @returns what is expanded inside */
function checkItem(
  { variables, single }: CheckedQuery,
  from: Position,
  item: ExpandItem,
  requirements: Requirements,
): readonly ExpandItem[] {
  const option = optionName('$expand', false)
  const behind = positionBehind(from, item.path, item.property)
  for (const view of behind.outer) {
    const path = view.names.join('/')
    const { nonExpandableProperties } = expandRecord(view.place, single && view.place === from.place)
    if (nonExpandableProperties.some((name) => withoutCasts(name) === path))
      refuse(option, `cannot follow '${path}' of '${view.place.name}'`, `${expandTerm}/NonExpandableProperties`)
  }
  checkReadable(option, { views: [{ place: behind.place, path: '' }], steps: item.path })
  const refusal = navigationRefusal(from.place, behind.place)
  if (refusal !== undefined) refuse(option, `is not allowed: ${refusal}`, 'Capabilities.NavigationRestrictions')
  const inaccessible = accessRefusal(behind.place, 'read', !item.property.collection)
  if (inaccessible !== undefined) refuse(option, `cannot follow '${behind.place.name}'`, inaccessible)
  requireExpanded(behind, item, requirements)
  return checkQuery(behindItem({ position: from, variables }, item), requirements)
}

/** The options of an expanded navigation property. */
export function behindItem(
  { position, variables }: Pick<CheckedQuery, 'position' | 'variables'>,
  item: ExpandItem,
): CheckedQuery {
  const behind = positionBehind(position, item.path, item.property)
  return {
    position: behind,
    query: item.query,
    variables: new Map([...variables, ['$this', behind]]),
    single: !item.property.collection,
    conditions: [],
    expanded: true,
    counting: item.as === 'count',
  }
}

/** Expanded rows cannot be narrowed to the caller's properties: without a list all of them are asked for. */
function requireExpanded(behind: Position, { as, query, property }: ExpandItem, requirements: Requirements): void {
  const grants = grantsOf(permissionsOf(behind, 'read', !property.collection))
  requirements.rows(behind.place, grants)
  if (as === 'entities' && (query.select === undefined || query.select.all))
    requirements.everything(behind.place, grants)
}

const expandTerm = 'Capabilities.ExpandRestrictions'

/** ExpandRestrictions; of a row named by its key what ExpandByKeyRestrictions says instead. */
function expandRecord(place: Place, byKey: boolean) {
  const record: AnnotationExpression | undefined = capabilityOf(place, 'ExpandRestrictions')
  const general = restrictionsOf(place, 'ExpandRestrictions', expandRestrictionsIn)
  const special = byKey ? member(record, 'ExpandByKeyRestrictions') : undefined
  if (special?.kind !== 'record') return general
  const own = expandRestrictionsIn(special)
  return {
    expandable: own.expandable,
    streamsExpandable: own.streamsExpandable ?? general.streamsExpandable,
    nonExpandableStreamProperties: member(special, 'NonExpandableStreamProperties')
      ? own.nonExpandableStreamProperties
      : general.nonExpandableStreamProperties,
    maxLevels: own.maxLevels,
    nonExpandableProperties: member(special, 'NonExpandableProperties')
      ? own.nonExpandableProperties
      : general.nonExpandableProperties,
  }
}

/** @throws ODataError queryOptionNotAllowed where more levels are asked for than are allowed */
function limited(place: Place, item: ExpandItem, maxLevels: number): ExpandItem {
  const inside = Math.max(0, ...item.query.expand.map(levelsOf))
  const levels = item.levels === 'max' ? Math.max(1, maxLevels - inside) : item.levels
  if (levels + inside > maxLevels)
    refuse(
      optionName('$expand', false),
      `follows more than ${maxLevels} levels from '${place.name}'`,
      `${expandTerm}/MaxLevels`,
    )
  return levels === item.levels ? item : { ...item, levels }
}

function levelsOf({ levels, query }: ExpandItem): number {
  return (levels === 'max' ? 1 : levels) + Math.max(0, ...query.expand.map(levelsOf))
}
