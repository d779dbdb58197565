import type { Aggregate } from '../bind/apply/tree.ts'
import type { AggregateExpression, Expression, MemberStep } from '../bind/tree.ts'
import type { NavigationProperty } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'

/** What expressions follow from some rows. */
export interface NavigationTree {
  /** by the path */
  readonly children: Map<string, NavigationBranch>
}

/** A navigation property, the complex properties before it, and what is followed from there. */
export interface NavigationBranch extends NavigationTree {
  readonly via: readonly MemberStep[]
  readonly property: NavigationProperty
}

/** Whether an expression follows navigation properties or calls functions; the properties are added to the tree. */
export function follows(expression: Expression, tree: NavigationTree): boolean {
  return new Walk(tree).of(expression)
}

/** Adds what an aggregate follows from some rows. */
export function followAggregate(aggregate: Aggregate, tree: NavigationTree): void {
  new Walk(tree).aggregate(aggregate, tree)
}

/** Adds what a path follows from some rows; segments may be collections. */
export function followPath(steps: readonly MemberStep[], tree: NavigationTree): void {
  new Walk(tree).path(tree, steps)
}

/** A tree that leads nowhere yet. */
export function navigationTree(): NavigationTree {
  return { children: new Map() }
}

/** Whether an expression over rows looks at more than them: at related entities, or at what functions of the service give. */
export function followsNavigation(expression: Expression): boolean {
  return follows(expression, { children: new Map() })
}

class Walk {
  /** where the paths of each variable start */
  readonly #variables: Map<string, NavigationTree>
  #found = false

  constructor(tree: NavigationTree) {
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
      case 'list':
        for (const item of expression.items) this.#visit(item)
        return
      case 'invocation':
        // the code of the service is asked for each row, as related entities are
        this.#found = true
        if (expression.binding !== undefined) this.#visit(expression.binding)
        for (const argument of expression.arguments.values()) this.#visit(argument)
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
      case 'aggregate':
        this.#aggregated(expression)
        return
      case 'defined':
        this.#path(expression.variable, expression.steps)
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

  #aggregated({ collection, variable, aggregate }: AggregateExpression): void {
    const place = collection.kind === 'member' ? this.#path(collection.variable, collection.steps) : undefined
    if (collection.kind !== 'member') this.#visit(collection)
    if (place === undefined) return
    this.#variables.set(variable, place)
    this.aggregate(aggregate, place)
  }

  aggregate(aggregate: Aggregate, place: NavigationTree): void {
    if (aggregate.kind === 'values') {
      const { operand } = aggregate
      if (operand?.kind === 'path') this.path(place, operand.path.steps)
      else if (operand !== undefined) this.#visit(operand.expression)
      return
    }
    if (aggregate.kind === 'custom') {
      if (aggregate.path !== undefined) this.path(place, aggregate.path.steps)
      return
    }
    for (const step of aggregate.sequence.steps) {
      if (step.kind === 'groupby') {
        for (const path of step.paths) this.path(place, path)
        for (const inner of step.each?.steps ?? [])
          if (inner.kind === 'aggregate') for (const item of inner.items) this.aggregate(item.aggregate, place)
      }
    }
  }

  #path(variable: string, steps: readonly MemberStep[]): NavigationTree | undefined {
    return this.path(this.#variables.get(variable), steps)
  }

  /** @returns the tree of the entities that the path ends at; undefined: it ends at another value */
  path(from: NavigationTree | undefined, steps: readonly MemberStep[]): NavigationTree | undefined {
    let place = from
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

function branchOf(place: NavigationTree, via: readonly MemberStep[], property: NavigationProperty): NavigationBranch {
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
