import type { StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'
import type { PathStep, QueryOptions, SelectNode } from '../url/ast.ts'
import { type BindContext, notFound, shown, unaliased } from './context.ts'
import { memberNotFound } from './member-path.ts'
import type { BoundQuery, Expression, Selection } from './tree.ts'
import { itemReference } from './type-references.ts'

/** Selection while it is put together: paths of one select may meet in a complex property. */
class SelectionBuilder {
  all = false
  /** options of a collection: nothing is added to them */
  given: Selection | undefined
  /** of a single complex value: nothing is added to it either */
  computed: BoundQuery['compute'] = []
  readonly properties = new Map<string, SelectionBuilder | undefined>()
  readonly operations: string[] = []

  /** Adds a property, whole; that wins over parts of it. */
  whole(name: string): void {
    this.properties.set(name, undefined)
  }

  /** The builder of what is selected inside a complex property; undefined where it is selected whole already. */
  inside(name: string): SelectionBuilder | undefined {
    if (this.properties.has(name)) return this.properties.get(name)
    const builder = new SelectionBuilder()
    this.properties.set(name, builder)
    return builder
  }

  build(): Selection {
    if (this.given !== undefined) return this.given
    const properties = new Map<string, Selection | undefined>()
    for (const [name, inner] of this.properties) properties.set(name, inner?.build())
    const operations = this.operations.length === 0 ? {} : { operations: [...new Set(this.operations)] }
    const computed = this.computed.length === 0 ? {} : { computed: this.computed }
    return { all: this.all, properties, ...operations, ...computed }
  }
}

/**
 * Binds $select (URL Conventions 5.1.4): property paths with casts, nested options, `*`. What names operations
 * (`Namespace.*`, a qualified name) is checked and noted for the context URL: operations are not advertised in answers.
 * @param computed aliases of $compute, which can be selected as if declared
 * @param bindItems binds the options of a collection-valued property
 * @throws ODataError nameNotFound, queryOptionInvalid, notImplemented
 */
export function bindSelect(
  context: BindContext,
  nodes: readonly SelectNode[],
  type: TypeReference | undefined,
  computed: ReadonlyMap<string, Expression> | undefined,
  bindItems: ItemsBinder,
): Selection {
  const builder = new SelectionBuilder()
  const structured = type !== undefined && isStructured(type.type) ? type.type : undefined
  for (const node of nodes) selectItem({ context, bindItems }, node, structured, computed, builder)
  return builder.build()
}

/** Whether a selection says which items of a collection are wanted, or what is calculated inside complex values, at any depth. */
export function choosesItems(select: Selection | undefined): boolean {
  if (select === undefined) return false
  if (select.items !== undefined || select.computed !== undefined) return true
  for (const inner of select.properties.values()) if (choosesItems(inner)) return true
  return false
}

/** Binds the options of the items of a collection. */
export type ItemsBinder = (options: QueryOptions, type: TypeReference) => BoundQuery

interface Binding {
  readonly context: BindContext
  readonly bindItems: ItemsBinder
}

function selectItem(
  binding: Binding,
  node: SelectNode,
  type: StructuredType | undefined,
  computed: ReadonlyMap<string, Expression> | undefined,
  into: SelectionBuilder,
): void {
  const context: BindContext = binding.context
  context.countNodes(1, node)
  if (node.operationsOf !== undefined) {
    const namespace = context.model.aliases.get(node.operationsOf) ?? node.operationsOf
    if (![...context.model.operations.keys()].some((name) => name.startsWith(`${namespace}.`)))
      context.fail('nameNotFound', `The namespace '${shown(node.operationsOf)}' has no operations.`, node)
    into.operations.push(`${namespace}.*`)
    return
  }
  let builder: SelectionBuilder | undefined = into
  let current: StructuredType | undefined = type
  // the cast before a name, until the name is checked
  let declared: StructuredType | undefined = type
  const last = node.path.length - 1
  for (let i = 0; i <= last; i++) {
    const step = node.path[i]
    if (step === undefined) break
    if (step.kind === '*') {
      if (i !== last) context.fail('queryOptionInvalid', "Nothing can follow '*' in $select.", step)
      if (declared !== current) context.notImplemented("'*' of a derived type in $select", step)
      if (builder !== undefined) builder.all = true
      return
    }
    if (step.kind === 'annotation') context.notImplemented('An annotation in $select', step)
    if (step.kind !== 'name') context.fail('queryOptionInvalid', `'${step.kind}' has no meaning in $select.`, step)
    const { name } = step
    const prefix = declared === current ? '' : `${current?.name}/`
    if (step.arguments !== undefined) {
      builder?.operations.push(prefix + selectedOperation(context, step))
      return
    }
    if (!(i === 0 && computed?.has(name)) && context.isCast(name, current)) {
      const cast = context.namedType(name)
      if (cast === undefined) {
        builder?.operations.push(prefix + selectedOperation(context, step))
        return
      }
      if (!isStructured(cast) || (current !== undefined && !isSubtypeOf(cast, current)))
        context.fail(
          'typeMismatch',
          `'${cast.name}' is not derived from '${current?.name ?? 'what is selected from'}'.`,
          step,
        )
      if (i === last) context.notImplemented('A type alone in $select', step)
      current = cast
      continue
    }
    if (i === 0 && computed?.has(name)) {
      into.whole(name)
      if (i !== last) context.notImplemented('A path behind a computed property in $select', step)
      return
    }
    refuseAmbiguity(context, declared, current, name, step)
    if (current?.allNavigationProperties.has(name)) {
      if (i !== last || node.options !== undefined)
        context.fail(
          'queryOptionInvalid',
          `'${shown(name)}' is a navigation property: what of it is wanted stands in $expand.`,
          step,
        )
      builder?.whole(name)
      return
    }
    const property = current?.allProperties.get(name)
    if (current !== undefined && property === undefined && !current.open)
      context.fail('nameNotFound', memberNotFound(current, name), step)
    const known = builder?.properties.get(name)
    if (known?.given !== undefined || (known?.computed.length ?? 0) > 0)
      context.fail('queryOptionInvalid', `'${shown(name)}' must not be selected twice where it has options.`, node)
    if (i === last && node.options === undefined) {
      builder?.whole(name)
      return
    }
    if (property?.type.collection && i === last && node.options !== undefined) {
      const into = builder?.inside(name)
      if (builder !== undefined && (into === undefined || into.all || into.properties.size > 0))
        context.fail('queryOptionInvalid', `'${shown(name)}' must not be selected twice where it has options.`, node)
      const given = itemsOf(context, node, node.options, property.type, binding.bindItems)
      if (into !== undefined) into.given = given
      return
    }
    // what it holds is written as a whole: no answer may give more than was asked
    if (property === undefined) context.notImplemented('A path behind a dynamic property in $select', step)
    const next = property.type.type
    if (!isStructured(next))
      context.fail(
        node.options === undefined ? 'nameNotFound' : 'queryOptionInvalid',
        `'${shown(name)}' is ${property.type.type.name}, which has no properties to select.`,
        step,
      )
    builder = builder?.inside(name)
    current = next
    declared = current
  }
  if (node.options !== undefined) selectOptions(binding, node, node.options, current, builder)
}

/** The nested options of a collection of primitive or complex values: `addresses($filter=...;$top=2;$select=city)`. */
function itemsOf(
  context: BindContext,
  node: SelectNode,
  options: QueryOptions,
  reference: TypeReference,
  bindItems: ItemsBinder,
): Selection {
  refuseOptions(context, node, options)
  const structured = isStructured(reference.type)
  if (!structured && options.select !== undefined)
    context.fail('queryOptionInvalid', `${reference.type.name} has no properties to select.`, node)
  const type = itemReference(reference)
  const { filter, search, orderby, skip, top, count, select, compute } = bindItems(options, type)
  const computed = selectedComputed(compute, select)
  return {
    all: select?.all ?? true,
    properties: select?.properties ?? new Map(),
    ...(computed.length === 0 ? {} : { computed }),
    items: { type, filters: filter === undefined ? [] : [filter], search, orderby, skip: skip ?? 0, top, count },
  }
}

/** What of $compute is written: what $select names, itself or by `*` (Protocol 11.2.5.3). */
export function selectedComputed(
  compute: BoundQuery['compute'],
  select: Pick<Selection, 'all' | 'properties'> | undefined,
): BoundQuery['compute'] {
  return select === undefined ? [] : compute.filter(({ alias }) => select.all || select.properties.has(alias))
}

/** The nested options of a complex property: `address($select=city)`, `address($compute=zip add 1 as next;$select=next)`. */
function selectOptions(
  binding: Binding,
  node: SelectNode,
  options: QueryOptions,
  type: StructuredType | undefined,
  into: SelectionBuilder | undefined,
): void {
  const context: BindContext = binding.context
  for (const name of collectionOptions)
    if (options[name] !== undefined)
      context.fail('queryOptionNotAllowed', `$${name} inside $select cannot be applied to a single value.`, node)
  refuseOptions(context, node, options)
  const compute = options.compute === undefined ? [] : computeOf(binding, node, options, type, into)
  if (options.select === undefined) {
    if (into !== undefined) into.all = true
    return
  }
  const builder = into ?? new SelectionBuilder()
  const computed = new Map(compute.map(({ alias, expression }) => [alias, expression]))
  const nodes = options.select
  context.within(options.aliases, () => {
    for (const inner of nodes) selectItem(binding, inner, type, computed, builder)
  })
  builder.computed = selectedComputed(compute, builder)
}

/** $compute of a single complex value, which is `$this`. */
function computeOf(
  binding: Binding,
  node: SelectNode,
  { select: _, ...options }: QueryOptions,
  type: StructuredType | undefined,
  into: SelectionBuilder | undefined,
): BoundQuery['compute'] {
  const context: BindContext = binding.context
  if (type === undefined) context.notImplemented('$compute of a dynamic value inside $select', node)
  if (into === undefined || into.all || into.properties.size > 0)
    context.fail('queryOptionInvalid', 'A property must not be selected twice where it has $compute.', node)
  return binding.bindItems(options, { type, collection: false, nullable: true, facets: {} }).compute
}

const collectionOptions = ['filter', 'search', 'orderby', 'top', 'skip', 'count'] as const
/** Of the options that $expand has, $select has not one (ABNF: selectOption); others the parser refuses. */
function refuseOptions(context: BindContext, node: SelectNode, options: QueryOptions): void {
  if (options.expand !== undefined)
    context.fail(
      'queryOptionNotAllowed',
      '$expand is no option of a property in $select: write $expand=property/navigation.',
      node,
    )
}

/**
 * An operation, or with names of parameters one overload of a function (Protocol 10.7).
 * @returns as the context URL names it
 */
function selectedOperation(context: BindContext, step: PathStep & { readonly kind: 'name' }): string {
  const { operations, types } = context.model
  const name = unaliased(context.model, step.name)
  const overloads = operations.get(name)
  if (overloads === undefined) {
    if (!name.includes('.'))
      context.fail('queryOptionInvalid', `'${shown(step.name)}(...)' has no meaning in $select.`, step)
    context.fail(
      'nameNotFound',
      notFound('type or operation', step.name, [...types.keys(), ...operations.keys()]),
      step,
    )
  }
  if (step.arguments === undefined) return name
  const names = step.arguments.map(({ name, value }) => {
    const first = name === undefined && value.kind === 'path' && value.steps.length === 1 ? value.steps[0] : undefined
    if (first?.kind !== 'name')
      context.fail('queryOptionInvalid', 'In $select a function has names of parameters.', step)
    return first.name
  })
  const wanted = [...names].sort().join()
  const known = overloads.some(
    ({ kind, bound, parameters }) =>
      kind === 'function' &&
      parameters
        .slice(bound ? 1 : 0)
        .map((parameter) => parameter.name)
        .sort()
        .join() === wanted,
  )
  if (!known) context.fail('nameNotFound', `'${name}' has no overload with the parameters (${shown(wanted)}).`, step)
  return `${name}(${names.join(',')})`
}

/**
 * A selection knows names only. Behind a cast a name is taken where no other derived type has a property of that name:
 * there it would be selected too.
 */
function refuseAmbiguity(
  context: BindContext,
  declared: StructuredType | undefined,
  cast: StructuredType | undefined,
  name: string,
  node: PathStep,
): void {
  if (declared === undefined || cast === undefined || declared === cast) return
  const derived: readonly StructuredType[] = [declared, ...declared.derivedTypes]
  for (const type of derived)
    if (!isSubtypeOf(type, cast) && (type.allProperties.has(name) || type.allNavigationProperties.has(name)))
      context.notImplemented(`'${cast.name}/${name}' in $select, where '${type.name}' has that name too,`, node)
}
