import { follow, type Place, placeBehind } from '../bind/binding-targets.ts'
import type { BoundPath, Expression, MemberStep } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type { Model, NavigationProperty } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { navigationExpansion, placeOfPath } from './expansion.ts'
import type { CountPlan, ReadPlan, RelatedQuery, RelationNode, SourceRoot } from './plan.ts'

/**
 * Filters and orders that look at related entities (`manager/name eq 'x'`, `reports/any(r:r/level gt 1)`, `items/$count`): a store
 * is asked for what it can say of the rows themselves; the rest is evaluated over its rows and the related ones, which are
 * read like those of $expand (service/related.ts).
 */

/** What expressions follow from some rows. */
interface Tree {
  /** by the path */
  readonly children: Map<string, Branch>
}

/** A navigation property, the complex properties before it, and what is followed from there. */
interface Branch extends Tree {
  readonly via: readonly MemberStep[]
  readonly property: NavigationProperty
}

/**
 * Splits a plan whose filter or order follows navigation properties.
 * @returns undefined where they follow none
 * @throws ODataError notImplemented for navigation from inside collections, and to what cannot be found
 */
export function relatedQuery(
  model: Model,
  path: BoundPath,
  plan: ReadPlan | CountPlan,
  firstParameter: number,
): RelatedQuery | undefined {
  const tree: Tree = { children: new Map() }
  const orderby = plan.kind === 'read' ? plan.orderby : []
  const own: Expression[] = []
  const related: Expression[] = []
  for (const part of conjuncts(plan.filter)) (follows(part, tree) ? related : own).push(part)
  const sorted = orderby.map(({ expression }) => follows(expression, tree)).some(Boolean)
  if (tree.children.size === 0) return undefined
  const nodes = nodesOf({ model, firstParameter }, placeOfPath(model, path), plan.source.root, tree)
  const base: ReadPlan = Object.freeze({ ...readPlan(plan), filter: conjunction(own), orderby: sorted ? [] : orderby })
  return { base, filter: conjunction(related), sorted, nodes }
}

/** The plan of the rows alone, without a window. */
function readPlan(plan: ReadPlan | CountPlan): ReadPlan {
  return {
    kind: 'read',
    requires: [],
    slots: plan.slots,
    source: plan.source,
    member: [],
    memberType: undefined,
    raw: false,
    filter: undefined,
    search: plan.search,
    compute: plan.kind === 'read' ? plan.compute : [],
    orderby: [],
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
  }
}

function conjuncts(expression: Expression | undefined): readonly Expression[] {
  if (expression === undefined) return []
  if (expression.kind !== 'binary' || expression.operator !== 'and') return [expression]
  return [...conjuncts(expression.left), ...conjuncts(expression.right)]
}

function conjunction(parts: readonly Expression[]): Expression | undefined {
  return parts.reduce<Expression | undefined>(
    (left, right) =>
      left === undefined ? right : { kind: 'binary', operator: 'and', left, right, type: booleanReference },
    undefined,
  )
}

/** Whether an expression follows navigation properties; those that it does are added to the tree. */
function follows(expression: Expression, tree: Tree): boolean {
  return new Walk(tree).of(expression)
}

/** Whether an expression over rows looks at related entities. */
export function followsNavigation(expression: Expression): boolean {
  return follows(expression, { children: new Map() })
}

class Walk {
  /** where the paths of each variable start */
  readonly #variables: Map<string, Tree>
  #found = false

  constructor(tree: Tree) {
    this.#variables = new Map([
      ['$it', tree],
      ['$this', tree],
    ])
  }

  of(expression: Expression): boolean {
    this.#visit(expression)
    return this.#found
  }

  #visit(expression: Expression): void {
    switch (expression.kind) {
      case 'parameter':
      case 'constant':
        return
      case 'member':
        this.#path(expression.variable, expression.steps)
        return
      case 'binary':
        this.#visit(expression.left)
        this.#visit(expression.right)
        return
      case 'unary':
      case 'convert':
      case 'isOf':
        this.#visit(expression.operand)
        return
      case 'in':
        this.#visit(expression.operand)
        for (const item of expression.items) this.#visit(item)
        return
      case 'call':
        for (const argument of expression.arguments) this.#visit(argument)
        return
      case 'lambda':
        this.#items(expression.collection, expression.variable, expression.predicate)
        return
      case 'count':
        this.#items(expression.collection, expression.variable, expression.filter)
        return
      case 'case':
        for (const { condition, value } of expression.branches) {
          this.#visit(condition)
          this.#visit(value)
        }
    }
  }

  /** The items of a collection are where its path leads, if that is known. */
  #items(collection: Expression, variable: string, predicate: Expression | undefined): void {
    const place = collection.kind === 'member' ? this.#path(collection.variable, collection.steps) : undefined
    if (collection.kind !== 'member') this.#visit(collection)
    if (place !== undefined) this.#variables.set(variable, place)
    if (predicate !== undefined) this.#visit(predicate)
  }

  /** @returns the tree of the entities that the path ends at; undefined: it ends at another value */
  #path(variable: string, steps: readonly MemberStep[]): Tree | undefined {
    let place = this.#variables.get(variable)
    let via: MemberStep[] = []
    for (const step of steps) {
      if (step.kind !== 'navigation') {
        via.push(step)
        continue
      }
      if (place === undefined || via.some(leavesRow))
        throw new ODataError(
          'notImplemented',
          `Following ${step.property.name} from inside a collection or a dynamic value is not implemented by this service.`,
          { target: '$filter' },
        )
      this.#found = true
      place = branchOf(place, via, step.property)
      via = []
    }
    return via.every(({ kind }) => kind === 'cast') ? place : undefined
  }
}

/** Whether what follows a step is no part of the row any more that can be told without looking at its items. */
function leavesRow(step: MemberStep): boolean {
  return step.kind === 'dynamic' || (step.kind === 'property' && step.property.type.collection)
}

function branchOf(place: Tree, via: readonly MemberStep[], property: NavigationProperty): Branch {
  const complex = via.filter(({ kind }) => kind === 'property')
  const names = complex.map((step) => (step.kind === 'property' ? step.property.name : ''))
  const key = [...names, `${property.declaringType.name}/${property.name}`].join('/')
  let child = place.children.get(key)
  if (child === undefined) {
    child = { via: complex, property, children: new Map() }
    place.children.set(key, child)
  }
  return child
}

function nodesOf(
  building: { readonly model: Model; readonly firstParameter: number },
  place: Place,
  parent: SourceRoot,
  tree: Tree,
): readonly RelationNode[] {
  const { model, firstParameter } = building
  return [...tree.children.values()].map((branch): RelationNode => {
    const { via, property } = branch
    let from = place
    for (const step of via) if (step.kind === 'property') from = placeBehind(from, step.property.name)
    const declaring = property.declaringType
    if (declaring.kind === 'entity') from = placeBehind(from, declaring.name)
    const expansion = navigationExpansion(model, from, parent, via, property, firstParameter)
    const next = follow(model, from, property)
    return { via, expansion, nodes: nodesOf(building, next, expansion.one.source.root, branch) }
  })
}
