import { computedFrom, originOf } from '../../bind/apply/dynamic.ts'
import type { Aggregate } from '../../bind/apply/tree.ts'
import type { BoundPath, Expression, MemberExpression, MemberStep } from '../../bind/tree.ts'
import type { Model, NavigationProperty, Property } from '../../edm/model.ts'
import { namesOf, type Place, placeBehind, placeOfResult, placeOfRoot } from './place.ts'

/** The names of a property as one place that the path passes sees it: `Author/Name` of Books is `Name` of Authors. */
export interface View {
  readonly place: Place
  readonly path: string
}

/** A property, or the rows behind a navigation property, that an expression looks at. */
export interface Reference {
  /** of every place that the path passes, the outermost first; the last is where the property belongs */
  readonly views: readonly View[]
  /** structural properties from the rows of the last place; none: the rows themselves */
  readonly steps: readonly MemberStep[]
}

/** Where rows stand, and how a request came there. */
export interface Position {
  readonly place: Place
  /** structural steps from the rows of the place */
  readonly steps: readonly MemberStep[]
  /** the places before, with the names from each to `place` */
  readonly outer: readonly { readonly place: Place; readonly names: readonly string[] }[]
}

/** What the variables of an expression are. */
export type Variables = ReadonlyMap<string, Position>

/** The rows of a set or singleton. */
export function positionAt(place: Place): Position {
  return { place, steps: [], outer: [] }
}

/** The rows behind a navigation property. @param path structural steps before it */
export function positionBehind(
  { place, steps, outer }: Position,
  path: readonly MemberStep[],
  property: NavigationProperty,
): Position {
  const all = [...steps, ...path]
  const names = [...namesOf(all), property.name]
  return {
    place: placeBehind(place, all, property),
    steps: [],
    outer: [...outer.map((view) => ({ place: view.place, names: [...view.names, ...names] })), { place, names }],
  }
}

/** A position that a path passes, with what the path says of its rows. */
export interface PathPosition extends Position {
  /** the rows have been picked by key */
  readonly keyed: boolean
  /** the properties of that key, the primary one or an alternate one */
  readonly key: readonly Property[]
  /** type casts, then complex and other properties, behind the rows */
  readonly tail: readonly MemberStep[]
  /** of `/$filter(...)` segments */
  readonly conditions: readonly Expression[]
}

/**
 * The resources that a path passes: the set or singleton it starts with, then one for each navigation property.
 * Behind an operation it begins anew, with what the operation gives.
 * @returns none for documents
 */
export function positionsOf(model: Model, { segments }: BoundPath): readonly PathPosition[] {
  const [first, ...rest] = segments
  const start =
    first?.kind === 'entitySet'
      ? placeOfRoot(model, first.entitySet)
      : first?.kind === 'singleton'
        ? placeOfRoot(model, first.singleton)
        : first?.kind === 'operation'
          ? placeOfResult(model, first.operation, first.target)
          : undefined
  if (start === undefined) return []
  let current = startOf(positionAt(start))
  let positions = [current]
  const next = (from: PathPosition, changed: Partial<Omit<PathPosition, keyof Position>>): PathPosition => ({
    place: from.place,
    steps: from.steps,
    outer: from.outer,
    keyed: changed.keyed ?? from.keyed,
    key: changed.key ?? from.key,
    tail: changed.tail ?? from.tail,
    conditions: changed.conditions ?? from.conditions,
  })
  const behind = (step: MemberStep): PathPosition => next(current, { tail: [...current.tail, step] })
  for (const segment of rest) {
    switch (segment.kind) {
      case 'navigation':
        current = startOf(positionBehind(current, current.tail, segment.property))
        positions.push(current)
        continue
      case 'key':
        current = next(current, { keyed: true, key: segment.predicate.key.map(({ property }) => property) })
        break
      case 'cast':
        current = behind({ kind: 'cast', type: segment.type })
        break
      case 'property':
        current = behind({ kind: 'property', property: segment.property })
        break
      case 'dynamicProperty':
        current = behind({ kind: 'dynamic', name: segment.name })
        break
      case '$filter':
        current = next(current, { conditions: [...current.conditions, segment.predicate] })
        break
      case 'operation':
        current = startOf(positionAt(placeOfResult(model, segment.operation, segment.target)))
        positions = [current]
        continue
      default:
        continue
    }
    positions[positions.length - 1] = current
  }
  return positions
}

/** Rows of which the path says nothing yet. */
function startOf({ place, steps, outer }: Position): PathPosition {
  return { place, steps, outer, keyed: false, key: [], tail: [], conditions: [] }
}

/** Told of every node of an expression and of every property it looks at. */
export interface Visitor {
  readonly reference: (reference: Reference) => void
  readonly node?: (node: Expression) => void
  /** a collection that is counted */
  readonly counted?: (reference: Reference) => void
}

/** Walks a bound expression; names that $compute defines have been replaced by their expressions already (bind). */
export function visit(expression: Expression, variables: Variables, visitor: Visitor): void {
  visitor.node?.(expression)
  const inner = (child: Expression): void => visit(child, variables, visitor)
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
      return
    case 'member': {
      const position = resolve(expression, variables)
      if (position !== undefined) visitor.reference(referenceTo(position))
      visitComputed(expression, variables, visitor)
      return
    }
    case 'binary':
      inner(expression.left)
      inner(expression.right)
      return
    case 'unary':
    case 'convert':
    case 'isOf':
      inner(expression.operand)
      return
    case 'in':
      inner(expression.operand)
      for (const item of expression.items) inner(item)
      return
    case 'list':
      for (const item of expression.items) inner(item)
      return
    case 'invocation':
      if (expression.binding !== undefined) inner(expression.binding)
      for (const argument of expression.arguments.values()) inner(argument)
      return
    case 'call':
      for (const argument of expression.arguments) inner(argument)
      return
    case 'lambda':
    case 'count': {
      inner(expression.collection)
      const position = expression.collection.kind === 'member' ? resolve(expression.collection, variables) : undefined
      if (position !== undefined && expression.kind === 'count') visitor.counted?.(referenceTo(position))
      const condition = expression.kind === 'count' ? expression.filter : expression.predicate
      if (condition !== undefined)
        visit(condition, position ? new Map([...variables, [expression.variable, position]]) : variables, visitor)
      return
    }
    case 'defined':
      visit({ ...expression, kind: 'member' }, variables, visitor)
      return
    case 'aggregate': {
      const { collection, variable, aggregate } = expression
      inner(collection)
      const position = collection.kind === 'member' ? resolve(collection, variables) : undefined
      if (position === undefined) return
      const within = new Map([...variables, [variable, position] as const])
      for (const operand of aggregated(aggregate, variable)) visit(operand, within, visitor)
      return
    }
    case 'case':
      for (const { condition, value } of expression.branches) {
        inner(condition)
        inner(value)
      }
  }
}

/** Of each visitor the calculated properties that it was told of: one can be made of another many times over. */
const told = new WeakMap<Visitor, Set<Property>>()

/** What the transformation `compute` makes the properties of a path of is looked at where they are: a new name hides nothing. */
function visitComputed(expression: MemberExpression, variables: Variables, visitor: Visitor): void {
  for (const [i, step] of expression.steps.entries()) {
    if (step.kind !== 'property') continue
    const sources = computedFrom(step.property)
    if (sources.length === 0) continue
    const known = told.get(visitor) ?? new Set()
    if (known.has(step.property)) continue
    told.set(visitor, known.add(step.property))
    const at = resolve({ ...expression, steps: expression.steps.slice(0, i) }, variables)
    if (at === undefined) continue
    const instances: Variables = new Map([...variables, ['$it', at] as const, ['$this', at] as const])
    for (const source of sources) visit(source, instances, visitor)
  }
}

/**
 * What an aggregate looks at, as expressions.
 * @param variable the instances
 */
export function aggregated(aggregate: Aggregate, variable: string): readonly Expression[] {
  const member = (steps: readonly MemberStep[]): Expression => ({ kind: 'member', variable, steps, type: undefined })
  if (aggregate.kind === 'values') {
    const { operand } = aggregate
    if (operand === undefined) return []
    return [operand.kind === 'path' ? member(operand.path.steps) : operand.expression]
  }
  if (aggregate.kind === 'custom') {
    const steps = aggregate.path?.steps ?? []
    const { recommended } = aggregate
    const operand =
      recommended?.kind === 'values' && recommended.operand?.kind === 'path' ? recommended.operand : undefined
    const all = [...steps, ...(operand?.path.steps ?? [])]
    return all.length === 0 ? [] : [member(all)]
  }
  return aggregate.sequence.steps.flatMap((step) => {
    if (step.kind !== 'groupby') return []
    const inner = step.each?.steps.flatMap((each) => (each.kind === 'aggregate' ? each.items : [])) ?? []
    return [...step.paths.map(member), ...inner.flatMap((item) => aggregated(item.aggregate, variable))]
  })
}

/** A path of the model: aliases of navigation (Aggregation 3.5.1) lead where their origin does. */
function modelPath(steps: readonly MemberStep[]): readonly MemberStep[] {
  if (!steps.some(isAlias)) return steps
  return steps.flatMap((step) => (step.kind === 'navigation' ? (originOf(step.property) ?? [step]) : [step]))
}

function isAlias(step: MemberStep): boolean {
  return step.kind === 'navigation' && originOf(step.property) !== undefined
}

/** Where a path from a position leads. */
export function positionOf(position: Position, steps: readonly MemberStep[]): Position {
  const member: MemberExpression = { kind: 'member', variable: '$it', steps, type: undefined }
  return resolve(member, new Map([['$it', position]])) ?? position
}

function resolve({ variable, steps }: MemberExpression, variables: Variables): Position | undefined {
  let position = variables.get(variable)
  if (position === undefined) return undefined
  const all = modelPath(steps)
  let start = 0
  for (const [i, step] of all.entries()) {
    if (step.kind !== 'navigation') continue
    position = positionBehind(position, all.slice(start, i), step.property)
    start = i + 1
  }
  if (start === all.length) return position
  const rest = start === 0 ? all : all.slice(start)
  const { place, outer } = position
  return { place, outer, steps: position.steps.length === 0 ? rest : [...position.steps, ...rest] }
}

function referenceTo({ place, steps, outer }: Position): Reference {
  const names = namesOf(steps)
  const own: View = { place, path: names.join('/') }
  if (outer.length === 0) return { views: [own], steps }
  const views = outer.map((view): View => ({ place: view.place, path: [...view.names, ...names].join('/') }))
  return { views: [...views, own], steps }
}

/** The first of some paths of the model that a property's path is, or lies inside of. */
export function coveredBy(path: string, restricted: readonly string[]): string | undefined {
  if (path === '') return undefined
  return restricted.find((candidate) => {
    const plain = candidate.includes('.')
      ? candidate
          .split('/')
          .filter((step) => !step.includes('.'))
          .join('/')
      : candidate
    return plain !== '' && (path === plain || path.startsWith(`${plain}/`))
  })
}
