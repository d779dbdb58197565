import type { StructuredType, TypeReference } from '../edm/model.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'
import type { PathStep, QueryOptions, SelectNode } from '../url/ast.ts'
import { type BindContext, notFound, shown, unaliased } from './context.ts'
import { memberNotFound } from './member-path.ts'
import type { Expression, Selection } from './tree.ts'

/** Selection while it is put together: paths of one select may meet in a complex property. */
class SelectionBuilder {
  all = false
  readonly properties = new Map<string, SelectionBuilder | undefined>()

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
    const properties = new Map<string, Selection | undefined>()
    for (const [name, inner] of this.properties) properties.set(name, inner?.build())
    return { all: this.all, properties }
  }
}

/**
 * Binds $select (URL Conventions 5.1.4): property paths with casts, nested options, `*`. What names operations
 * (`Namespace.*`, a qualified name) is checked and selects nothing: operations are not advertised in answers.
 * @param computed aliases of $compute, which can be selected as if declared
 * @throws ODataError nameNotFound, queryOptionInvalid, notImplemented
 */
export function bindSelect(
  context: BindContext,
  nodes: readonly SelectNode[],
  type: TypeReference | undefined,
  computed: ReadonlyMap<string, Expression> | undefined,
): Selection {
  const builder = new SelectionBuilder()
  const structured = type !== undefined && isStructured(type.type) ? type.type : undefined
  for (const node of nodes) selectItem(context, node, structured, computed, builder)
  return builder.build()
}

function selectItem(
  context: BindContext,
  node: SelectNode,
  type: StructuredType | undefined,
  computed: ReadonlyMap<string, Expression> | undefined,
  into: SelectionBuilder,
): void {
  context.countNodes(1, node)
  if (node.operationsOf !== undefined) {
    const namespace = context.model.aliases.get(node.operationsOf) ?? node.operationsOf
    if (![...context.model.operations.keys()].some((name) => name.startsWith(`${namespace}.`)))
      context.fail('nameNotFound', `The namespace '${shown(node.operationsOf)}' has no operations.`, node)
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
    if (step.arguments !== undefined) {
      selectOperation(context, name, step)
      return
    }
    if (!(i === 0 && computed?.has(name)) && context.isCast(name, current)) {
      const cast = context.namedType(name)
      if (cast === undefined) {
        selectOperation(context, name, step)
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
    if (i === last && node.options === undefined) {
      builder?.whole(name)
      return
    }
    const next = property?.type.type
    if (property !== undefined && (next === undefined || !isStructured(next)))
      context.fail(
        node.options === undefined ? 'nameNotFound' : 'queryOptionInvalid',
        `'${shown(name)}' is ${property.type.type.name}, which has no properties to select.`,
        step,
      )
    builder = builder?.inside(name)
    current = next !== undefined && isStructured(next) ? next : undefined
    declared = current
  }
  if (node.options !== undefined) selectOptions(context, node, node.options, current, builder)
}

/** The nested options of a complex property: `address($select=city)`. */
function selectOptions(
  context: BindContext,
  node: SelectNode,
  options: QueryOptions,
  type: StructuredType | undefined,
  into: SelectionBuilder | undefined,
): void {
  for (const name of optionsRefused)
    if (options[name] !== undefined) context.notImplemented(`$${name} inside $select`, node)
  if (options.select === undefined) {
    if (into !== undefined) into.all = true
    return
  }
  for (const inner of options.select) selectItem(context, inner, type, undefined, into ?? new SelectionBuilder())
}

const optionsRefused = [
  'filter',
  'search',
  'orderby',
  'expand',
  'compute',
  'apply',
  'top',
  'skip',
  'count',
  'levels',
  'index',
  'skiptoken',
  'deltatoken',
] as const

function selectOperation(context: BindContext, name: string, node: PathStep): void {
  const { operations, types } = context.model
  if (operations.has(unaliased(context.model, name))) return
  if (!name.includes('.')) context.fail('queryOptionInvalid', `'${shown(name)}(...)' has no meaning in $select.`, node)
  context.fail('nameNotFound', notFound('type or operation', name, [...types.keys(), ...operations.keys()]), node)
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
