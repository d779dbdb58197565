import { isReadable } from '../csdl/core.ts'
import type { EntityType, NavigationProperty, Property, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { isMedia, isStream, isStructured, isSubtypeOf, primitiveOf, typeName } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type {
  ApplyNode,
  ComputeNode,
  ExpandNode,
  OrderByNode,
  PathStep,
  QueryOptions,
  SearchNode,
  Span,
} from '../url/ast.ts'
import type { Sequence } from './apply/tree.ts'
import { type BindContext, notFound, type Scope, shown, type Variable } from './context.ts'
import { memberNotFound, sizeOf } from './member-path.ts'
import { bindBoolean, isOrdered } from './operators.ts'
import { propertyNames, stepName } from './print.ts'
import { bindSelect, selectedComputed } from './select.ts'
import type {
  BoundQuery,
  ExpandedStream,
  ExpandItem,
  Expression,
  MemberStep,
  OrderByItem,
  SearchExpression,
  Selection,
} from './tree.ts'
import { booleanReference, itemReference, navigationReference } from './type-references.ts'

/** The system query options of one resource (URL Conventions 5.1), nested ones inside $expand included. */

/** What the options are bound for. */
export interface OptionsScope {
  /** type of the rows; undefined: a dynamic value */
  readonly type: TypeReference | undefined
  /** the variable the row is: `$it`, inside $expand `$this` */
  readonly row: '$it' | '$this'
  /** what `$it` names */
  readonly it: Variable | undefined
}

/**
 * Binds the options of a resource.
 * @throws ODataError with the option as target
 */
export function bindOptions(context: BindContext, options: QueryOptions, where: OptionsScope): BoundQuery {
  return context.within(options.aliases, () => bindEach(context, options, where))
}

function bindEach(context: BindContext, options: QueryOptions, where: OptionsScope): BoundQuery {
  const nested = where.row === '$this'
  const implicit: Variable = { name: where.row, id: where.row, type: where.type, outer: undefined }
  const target = (name: string): void => {
    if (!nested) context.target = name
  }
  let scope: Scope = {
    implicit,
    outerImplicit: undefined,
    it: nested ? where.it : implicit,
    lambdas: undefined,
    computed: undefined,
  }
  target('$compute')
  const compute = bindCompute(context, options.compute, scope)
  if (compute.length > 0)
    scope = { ...scope, computed: new Map(compute.map(({ alias, expression }) => [alias, expression])) }
  target('$filter')
  const filter = options.filter === undefined ? undefined : bindBoolean(context, options.filter, scope, '$filter')
  target('$search')
  const search = options.search === undefined ? undefined : bindSearch(context, options.search)
  target('$orderby')
  const orderby = options.orderby === undefined ? noOrder : bindOrderBy(context, options.orderby, scope)
  target('$select')
  let selected =
    options.select === undefined
      ? undefined
      : bindSelect(context, options.select, where.type, scope.computed, (inner, type) =>
          bindOptions(context, inner, { type, row: '$this', it: undefined }),
        )
  if (selected !== undefined) selected = withTaken(selected, compute)
  target('$expand')
  const expand = options.expand === undefined ? noExpand : bindExpand(context, options.expand, scope)
  const streams = options.expand?.flatMap((node) => expandedStream(context, node, scope) ?? []) ?? []
  const select = selected === undefined ? undefined : withExpanded(selected, expand, streams)
  return {
    filter,
    orderby,
    select,
    expand,
    ...(streams.length > 0 ? { streams } : {}),
    compute,
    search,
    top: options.top,
    skip: options.skip,
    count: options.count ?? false,
  }
}

/** What $compute defines stands in place of a dynamic property of that name, which a row may have or not (URL Conventions 5.1.8). */
function withTaken(select: Selection, compute: BoundQuery['compute']): Selection {
  const names = selectedComputed(compute, select).map(({ alias }) => alias)
  return names.length === 0 ? select : { ...select, taken: new Set(names) }
}

/** What is expanded inside a complex property is written, and nothing else of it where it is not selected (URL Conventions 5.1.4). */
function withExpanded(select: Selection, expand: readonly ExpandItem[], streams: readonly ExpandedStream[]): Selection {
  let found = select
  for (const { path, property } of [...streams, ...expand]) {
    if (property === undefined) continue
    const through = propertyNames(path)
    if (choosesWithin(found, through))
      throw new ODataError(
        'notImplemented',
        `Options of '${through.join('/')}' in $select beside $expand of '${property.name}' in it are not implemented by this service.`,
        { target: '$select' },
      )
    found = withPath(found, through, property.kind === 'property' ? property.name : undefined)
  }
  return found
}

/** Whether $select chooses items of a collection on a path. */
function choosesWithin(select: Selection | undefined, [name, ...rest]: readonly string[]): boolean {
  const inner = name === undefined ? undefined : select?.properties.get(name)
  return inner !== undefined && (inner.items !== undefined || choosesWithin(inner, rest))
}

/** @param stream that is wanted at the end of the path */
function withPath(select: Selection, [name, ...rest]: readonly string[], stream: string | undefined): Selection {
  if (select.all) return select
  if (name === undefined)
    return stream === undefined || select.properties.has(stream)
      ? select
      : { ...select, properties: new Map([...select.properties, [stream, undefined]]) }
  const known = select.properties.get(name)
  if (known === undefined && select.properties.has(name)) return select
  const inner = withPath(known ?? { all: false, properties: new Map() }, rest, stream)
  return { ...select, properties: new Map([...select.properties, [name, inner]]) }
}

const noOrder: readonly OrderByItem[] = Object.freeze([])
const noExpand: readonly ExpandItem[] = Object.freeze([])
const noCompute: BoundQuery['compute'] = Object.freeze([])

/** $compute (URL Conventions 5.1.8): each expression may use the aliases before it. */
function bindCompute(
  context: BindContext,
  nodes: readonly ComputeNode[] | undefined,
  scope: Scope,
): BoundQuery['compute'] {
  if (nodes === undefined) return noCompute
  const computed = new Map<string, Expression>()
  const inner: Scope = { ...scope, computed }
  const type = scope.implicit.type?.type
  return nodes.map((node) => {
    const { alias } = node
    const collides = computed.has(alias) || (type !== undefined && isStructured(type) && isDeclared(type, alias))
    if (collides) context.fail('queryOptionInvalid', `'${shown(alias)}' is the name of a property already.`, node)
    const expression = bindValue(context, node, inner)
    context.countNodes(sizeOf(expression), node)
    computed.set(alias, expression)
    return { alias, expression }
  })
}

/** Whether a property of a type, or of one derived from it that rows can be of, has a name. */
export function isDeclared(type: StructuredType, name: string): boolean {
  return [type, ...type.derivedTypes].some(
    (each: StructuredType) => each.allProperties.has(name) || each.allNavigationProperties.has(name),
  )
}

function bindValue(context: BindContext, node: ComputeNode, scope: Scope): Expression {
  return context.bind(context, node.expression, scope)
}

/** $orderby (URL Conventions 5.1.5): single values that have an order. */
export function bindOrderBy(context: BindContext, nodes: readonly OrderByNode[], scope: Scope): readonly OrderByItem[] {
  return nodes.map((node) => {
    const expression = context.bind(context, node.expression, scope)
    const { type } = expression
    if (type !== undefined && !isOrdered(type) && !isBinary(type))
      context.fail('typeMismatch', `$orderby cannot sort by ${typeName(type)}.`, node.expression)
    return { expression, descending: node.descending }
  })
}

/** Binary values can be sorted, if not compared by `lt` and its kin: only streams and geo values cannot (Protocol 11.2.6.2). */
function isBinary({ type, collection }: TypeReference): boolean {
  return !collection && primitiveOf(type)?.name === 'Edm.Binary'
}

/** $search (URL Conventions 5.1.7): the words are parameters. */
export function bindSearch(context: BindContext, node: SearchNode): SearchExpression {
  context.countNodes(1, node)
  switch (node.kind) {
    case 'term':
      return { kind: 'term', index: context.searchTerm(node), phrase: node.phrase }
    case 'not':
      return { kind: 'not', operand: bindSearch(context, node.operand) }
    default:
      return { kind: node.kind, left: bindSearch(context, node.left), right: bindSearch(context, node.right) }
  }
}

/** $expand (URL Conventions 5.1.3). */
function bindExpand(context: BindContext, nodes: readonly ExpandNode[], scope: Scope): readonly ExpandItem[] {
  const items: ExpandItem[] = []
  const named = new Set<string>()
  for (const node of nodes) {
    context.countNodes(1, node)
    const first = node.path[0]
    if (first?.kind === '*') continue
    const stream = expandedStream(context, node, scope)
    if (stream !== undefined) {
      const name = [...propertyNames(stream.path), stream.property?.name ?? '$value'].join('/')
      if (named.has(name)) context.fail('queryOptionInvalid', `$expand must not name '${name}' twice.`, node)
      named.add(name)
      continue
    }
    const item = expandItem(context, node, scope)
    const name = writtenAs(item)
    if (named.has(name))
      context.fail(
        'queryOptionInvalid',
        `$expand must not name '${[...item.path.map(stepName), item.property.name].join('/')}' twice.`,
        node,
      )
    named.add(name)
    items.push(item)
  }
  for (const node of nodes) if (node.path[0]?.kind === '*') expandAll(context, node, scope, named, items)
  return items
}

/** What an item is written as: casts before it do not show. */
function writtenAs({ path, property }: Pick<ExpandItem, 'path' | 'property'>): string {
  const through = path.flatMap((step) => (step.kind === 'cast' ? [] : [stepName(step)]))
  return [...through, `${property.declaringType.name}.${property.name}`].join('/')
}

/** `*`, perhaps with `/$ref` or `$levels`: all navigation properties that are not named themselves. */
function expandAll(context: BindContext, node: ExpandNode, scope: Scope, named: Set<string>, into: ExpandItem[]): void {
  const second = node.path[1]
  if (node.path.length > 2 || (second !== undefined && second.kind !== '$ref'))
    context.fail('queryOptionInvalid', "Only '/$ref' can follow '*' in $expand.", second ?? node)
  const type = scope.implicit.type?.type
  if (type === undefined || !isStructured(type)) context.notImplemented("'*' in $expand here", node)
  const { options } = node
  if (options !== undefined)
    for (const name of nestedOptions)
      if (options[name] !== undefined)
        context.fail('queryOptionInvalid', `'*' in $expand takes no option but $levels, not $${name}.`, node)
  for (const property of type.allNavigationProperties.values()) {
    const name = writtenAs({ path: [], property })
    if (named.has(name)) continue
    named.add(name)
    context.countNodes(1, node)
    into.push({
      path: [],
      property,
      as: second === undefined ? 'entities' : 'references',
      levels: options?.levels ?? 1,
      query: emptyQuery,
    })
  }
}

const nestedOptions = [
  'filter',
  'search',
  'orderby',
  'select',
  'expand',
  'compute',
  'apply',
  'top',
  'skip',
  'count',
  'index',
  'skiptoken',
  'deltatoken',
] as const

const emptyQuery: BoundQuery = Object.freeze({
  filter: undefined,
  orderby: noOrder,
  select: undefined,
  expand: noExpand,
  compute: noCompute,
  search: undefined,
  top: undefined,
  skip: undefined,
  count: false,
})

/**
 * A stream that $expand names: of the row itself, or of a complex value in it (Protocol 11.2.5.2).
 * @returns undefined: the item is something else, or a stream in a collection
 */
function expandedStream(context: BindContext, node: ExpandNode, scope: Scope): ExpandedStream | undefined {
  const path: MemberStep[] = []
  let type = scope.implicit.type?.type
  for (const step of node.path.slice(0, -1)) {
    if (step.kind !== 'name' || type === undefined || !isStructured(type)) return undefined
    const property: Property | undefined = type.allProperties.get(step.name)
    const cast: Type | undefined = property === undefined ? context.namedType(step.name) : undefined
    if (property !== undefined && !property.type.collection && isReadable(property)) {
      path.push({ kind: 'property', property })
      type = property.type.type
    } else if (path.length > 0 && cast !== undefined && isStructured(cast) && isSubtypeOf(cast, type)) {
      path.push({ kind: 'cast', type: cast })
      type = cast
    } else return undefined
  }
  const last = node.path.at(-1)
  if (last === undefined || type === undefined || !isStructured(type)) return undefined
  const stream = streamNamed(last, type, path)
  if (stream !== undefined && node.options !== undefined)
    context.fail('queryOptionInvalid', 'A stream in $expand has no options.', node)
  return stream
}

function streamNamed(
  step: ExpandNode['path'][number],
  type: StructuredType,
  path: readonly MemberStep[],
): ExpandedStream | undefined {
  if (step.kind === '$value') return type.kind === 'entity' && isMedia(type) ? { path, property: undefined } : undefined
  if (step.kind !== 'name' || step.arguments !== undefined) return undefined
  const property = type.allProperties.get(step.name)
  return property !== undefined && isStream(property) && isReadable(property) ? { path, property } : undefined
}

function expandItem(context: BindContext, node: ExpandNode, scope: Scope): ExpandItem {
  const path: MemberStep[] = []
  let type = scope.implicit.type?.type
  let i = 0
  let property: NavigationProperty | undefined
  for (; property === undefined; i++) {
    const step = node.path[i]
    if (step === undefined)
      return context.fail('queryOptionInvalid', '$expand needs a navigation property at the end of its path.', node)
    if (step.kind === 'annotation') return context.notImplemented('An annotation in $expand', step)
    if (step.kind === '$value') return context.notImplemented('A media stream in $expand', step)
    if (step.kind !== 'name' || step.arguments !== undefined)
      return context.fail('queryOptionInvalid', `'${stepText(step)}' has no meaning here in $expand.`, step)
    if (type === undefined || !isStructured(type)) return context.notImplemented('$expand of a dynamic value', step)
    const { name } = step
    if (context.isCast(name, type)) {
      const cast = context.namedType(name)
      if (cast === undefined)
        return context.fail('nameNotFound', notFound('type', name, context.model.types.keys()), step)
      if (!isStructured(cast) || !isSubtypeOf(cast, type))
        return context.fail('typeMismatch', `'${cast.name}' is not derived from '${type.name}'.`, step)
      if (cast !== type) path.push({ kind: 'cast', type: cast })
      type = cast
      continue
    }
    property = type.allNavigationProperties.get(name)
    if (property !== undefined) break
    const structural = type.allProperties.get(name)
    if (structural === undefined) {
      if (type.open) return context.notImplemented('$expand of a dynamic property', step)
      return context.fail('nameNotFound', memberNotFound(type, name), step)
    }
    if (structural.type.type.kind === 'primitive' && structural.type.type.name === 'Edm.Stream')
      return context.notImplemented('A stream property in $expand', step)
    if (!isStructured(structural.type.type))
      return context.fail('queryOptionInvalid', `'${shown(name)}' is not a navigation property.`, step)
    path.push({ kind: 'property', property: structural })
    type = structural.type.type
  }
  return expandNavigation(context, node, path, property, i + 1, scope)
}

/** What follows the navigation property: a cast, `$ref`, `$count`; and the nested options. */
function expandNavigation(
  context: BindContext,
  node: ExpandNode,
  path: readonly MemberStep[],
  property: NavigationProperty,
  next: number,
  scope: Scope,
): ExpandItem {
  let as: ExpandItem['as'] = 'entities'
  let options = node.options
  let cast: EntityType | undefined
  for (let i = next; i < node.path.length; i++) {
    const step = node.path[i]
    if (step === undefined) break
    if (as !== 'entities') return context.fail('queryOptionInvalid', `Nothing can follow '/$${as}' in $expand.`, step)
    if (step.kind === '$ref') as = 'references'
    else if (step.kind === '$count') {
      if (!property.collection)
        context.fail('typeMismatch', `'$count' needs a collection, and '${property.name}' is none.`, step)
      as = 'count'
      options = step.options ?? options
    } else if (step.kind === 'name' && cast === undefined && context.isCast(step.name, property.type))
      cast = targetCast(context, property, step.name, step)
    else
      return context.fail(
        'queryOptionInvalid',
        `'${stepText(step)}' cannot follow a navigation property in $expand: write ${property.name}($expand=...).`,
        step,
      )
  }
  const target = navigationReference(property)
  const type: TypeReference = itemReference(cast === undefined ? target : { ...target, type: cast })
  if (options === undefined) {
    const query = cast === undefined ? emptyQuery : { ...emptyQuery, filter: isOf(cast) }
    return { path, property, as, levels: 1, query }
  }
  refuseNested(context, node, options, property, as)
  const levels = options.levels ?? 1
  if (options.apply !== undefined) {
    const apply = appliedTo(context, node, options.apply, cast === undefined ? property.type : undefined)
    const output: TypeReference = { ...type, type: apply.output.type }
    const query = bindOptions(context, options, { type: output, row: '$this', it: scope.it })
    return { path, property, as, levels, apply, query }
  }
  const bound = bindOptions(context, options, { type, row: '$this', it: scope.it })
  const query = cast === undefined ? bound : { ...bound, filter: both(isOf(cast), bound.filter) }
  return { path, property, as, levels, query }
}

/** $apply of related entities, where the request is one that transforms them (plan/apply.ts). */
function appliedTo(context: BindContext, node: Span, apply: ApplyNode, type: Type | undefined): Sequence {
  if (context.aggregation === undefined || type === undefined || !isStructured(type))
    return context.notImplemented('$apply inside $expand', node)
  return context.aggregation.sequence(context, apply, type)
}

function stepText(step: PathStep): string {
  if (step.kind === 'name') return shown(step.name)
  return step.kind === 'ordinal' ? String(step.index) : step.kind
}

function targetCast(context: BindContext, property: NavigationProperty, name: string, node: Span): EntityType {
  const type = context.namedType(name)
  if (type === undefined) return context.fail('nameNotFound', notFound('type', name, context.model.types.keys()), node)
  const fits = type.kind === 'entity' && (property.type.kind !== 'entity' || isSubtypeOf(type, property.type))
  if (!fits || type.kind !== 'entity')
    return context.fail('typeMismatch', `'${type.name}' is not derived from '${property.type.name}'.`, node)
  return type
}

/** A cast of the target keeps the rows of that type only: a filter says so. */
function isOf(type: EntityType): Expression {
  const reference: TypeReference = { type, collection: false, nullable: true, facets: {} }
  const operand: Expression = { kind: 'member', variable: '$this', steps: [], type: reference }
  return { kind: 'isOf', operand, target: reference, type: booleanReference }
}

function both(left: Expression, right: Expression | undefined): Expression {
  return right === undefined ? left : { kind: 'binary', operator: 'and', left, right, type: booleanReference }
}

const singleRefused = ['apply', 'filter', 'search', 'orderby', 'top', 'skip', 'count'] as const
const countRefused = ['apply', 'orderby', 'select', 'expand', 'compute', 'top', 'skip', 'count', 'levels'] as const

/** Options that mean nothing at the place, and those odatum has not. */
function refuseNested(
  context: BindContext,
  node: ExpandNode,
  options: QueryOptions,
  property: NavigationProperty,
  as: ExpandItem['as'],
): void {
  for (const name of ['index', 'skiptoken', 'deltatoken'] as const)
    if (options[name] !== undefined) context.notImplemented(`$${name} inside $expand`, node)
  if (!property.collection)
    for (const name of singleRefused)
      if (options[name] !== undefined)
        context.fail(
          'queryOptionNotAllowed',
          `$${name} cannot be applied to '${property.name}', which is a single entity.`,
          node,
        )
  if (as === 'count')
    for (const name of countRefused)
      if (options[name] !== undefined)
        context.fail('queryOptionNotAllowed', `$${name} cannot be applied to '${property.name}/$count'.`, node)
  if (as === 'references')
    for (const name of ['apply', 'select', 'expand', 'compute'] as const)
      if (options[name] !== undefined)
        context.fail('queryOptionNotAllowed', `$${name} cannot be applied to '${property.name}/$ref'.`, node)
}
