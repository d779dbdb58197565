import type { BoundTransformation } from '../../bind/apply/bind-query.ts'
import { customsIn } from '../../bind/apply/custom-aggregate.ts'
import { originOf } from '../../bind/apply/dynamic.ts'
import type { CalculatedParameter, RecursiveHierarchy, Sequence, Transformation } from '../../bind/apply/tree.ts'
import type { ExpandItem, Expression, MemberStep } from '../../bind/tree.ts'
import { isReadable } from '../../csdl/core.ts'
import type { Model, Type } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import { ODataError } from '../../errors/odata-error.ts'
import type { QueryOptions } from '../../url/ast.ts'
import { callsIn } from '../calls.ts'
import { accessRefusal, grantsOf, permissionsOf, type Requirements } from './access.ts'
import { checkApplySupport } from './apply-support.ts'
import { checkCall } from './calls.ts'
import { isSupported } from './capability.ts'
import { checkConditions } from './filter.ts'
import { navigationRefusal } from './navigation.ts'
import { placeOfRoot } from './place.ts'
import { checkReadable } from './readable.ts'
import { aggregated, type Position, positionAt, positionOf, type Variables, visit } from './references.ts'
import { optionName, refuse } from './refuse.ts'
import { checkSort } from './sort.ts'
import { checkTransforming } from './transforming.ts'

/** What a transformed request looks at, and where. */
export interface CheckedApply {
  readonly model: Model
  readonly position: Position
  readonly bound: BoundTransformation
  readonly options: QueryOptions
}

const option = optionName('$apply', false)

/**
 * Checks what transformations look at against the model's annotations: every property must be readable, every navigation property may be
 * followed, and the caller must hold what reading it takes, as if it stood in $filter or $expand.
 * @throws ODataError queryOptionNotAllowed
 */
export function checkApply({ model, position, bound, options }: CheckedApply, requirements: Requirements): void {
  const { place } = position
  if (options.compute !== undefined && isSupported(place, 'ComputeSupported') === false)
    refuse(optionName('$compute', false), `cannot be applied to '${place.name}'`, 'Capabilities.ComputeSupported')
  if (options.apply !== undefined) checkApplySupport(place, options.apply)
  const check = new Check(model, requirements)
  check.sequence(bound.sequence, position)
  check.calculated(bound.calculated, position)
  for (const { expression } of bound.orderby) check.expression(expression, variablesOf(position), true)
  if (writesStored(bound.sequence) && (bound.select === undefined || bound.select.all))
    requirements.everything(place, grantsOf(permissionsOf(position, 'read', false)))
  for (const item of bound.expand ?? []) check.expanded(item, position)
}

/** Whether a sequence may give stored entities, with all that they have. */
function writesStored({ steps }: Sequence): boolean {
  return steps.every((step) => {
    switch (step.kind) {
      case 'aggregate':
      case 'nest':
        return false
      case 'concat':
        return step.sequences.some(writesStored)
      case 'groupby':
        return step.each !== undefined && writesStored(step.each)
      case 'rolluprecursive':
        return step.each !== undefined && writesStored(step.each)
      default:
        return true
    }
  })
}

function variablesOf(position: Position): Variables {
  return new Map([
    ['$it', position],
    ['$this', position],
  ])
}

class Check {
  readonly #model: Model
  readonly #requirements: Requirements

  constructor(model: Model, requirements: Requirements) {
    this.#model = model
    this.#requirements = requirements
  }

  sequence({ steps }: Sequence, position: Position): void {
    for (const step of steps) this.#step(step, position)
  }

  calculated(parameters: readonly CalculatedParameter[], position: Position): void {
    for (const { from } of parameters) {
      if (from.kind === 'nodes') this.#hierarchy(from.hierarchy)
      else
        for (const expression of aggregated(from.aggregate, '$it')) this.expression(expression, variablesOf(position))
    }
  }

  /**
   * Every property and navigation property of an expression, every function that it calls.
   * @param calling functions are called for the instances before it is evaluated
   */
  expression(expression: Expression, variables: Variables, calling = false): void {
    // not those that made what it looks at
    const [call] = calling ? [] : callsIn([expression])
    if (call !== undefined)
      throw new ODataError(
        'notImplemented',
        `Calling '${call.operation.name}' here is not implemented by this service: filter, compute, orderby and the ranking transformations call functions.`,
        { target: '$apply' },
      )
    visit(expression, variables, {
      node: (node) => checkCall(option, node, this.#requirements),
      reference: (reference) => {
        checkReadable(option, reference)
        for (const { place, path } of reference.views) {
          const grants = grantsOf(permissionsOf(positionAt(place), 'read', !place.collection))
          const refusal = place.levels === 0 ? undefined : accessRefusal(place, 'read', !place.collection)
          if (refusal !== undefined) refuse(option, `cannot follow '${place.name}'`, refusal)
          if (place.levels > 0) this.#requirements.rows(place, grants)
          const name = path.split('/')[0] ?? ''
          if (name !== '') this.#requirements.property(place, name, grants)
        }
      },
    })
  }

  #step(step: Transformation, position: Position): void {
    const all = (expressions: readonly Expression[]): void => {
      for (const expression of expressions) this.expression(expression, variablesOf(position), true)
    }
    switch (step.kind) {
      case 'filter':
        all([step.predicate])
        checkConditions(option, position.place, [step.predicate], variablesOf(position))
        break
      case 'search':
        this.#requirements.everything(position.place, grantsOf(permissionsOf(position, 'read', false)))
        break
      case 'orderby':
        all(step.items.map(({ expression }) => expression))
        checkSort(option, position.place, step.items, variablesOf(position))
        break
      case 'compute':
        all(step.items.map(({ expression }) => expression))
        break
      case 'aggregate':
        for (const custom of step.items.flatMap(({ aggregate }) => customsIn(aggregate)))
          this.#whole(custom.path === undefined ? position : positionOf(position, custom.path.steps))
        for (const expression of step.items.flatMap(({ aggregate }) => aggregated(aggregate, '$it'))) {
          this.expression(expression, variablesOf(position))
          if (expression.kind === 'member') refuseHidden(expression.steps, position)
        }
        break
      case 'ranking': {
        all([step.measure])
        // which instances come first tells their order
        const items = [{ expression: step.measure, descending: step.end === 'top' }]
        checkSort(option, position.place, items, variablesOf(position))
        break
      }
      case 'concat':
        for (const sequence of step.sequences) this.sequence(sequence, position)
        break
      case 'groupby':
        for (const path of step.paths) this.#path(path, position)
        if (step.each) this.sequence(step.each, position)
        break
      case 'join':
        this.#path(step.path.steps, position)
        if (step.each) this.sequence(step.each, positionOf(position, step.path.steps))
        break
      case 'function':
        this.#whole(position)
        checkTransforming(step.operation, this.#requirements)
        break
      case 'nest':
        for (const { sequence } of step.nested) {
          this.sequence(sequence, position)
          if (writesStored(sequence)) this.#whole(position)
        }
        break
      case 'addnested': {
        const steps = [...step.via, ...step.path.steps]
        this.#path(steps, position)
        for (const { sequence } of step.nested) this.sequence(sequence, positionOf(position, steps))
        break
      }
      case 'relatives':
      case 'traverse':
      case 'rolluprecursive':
        this.#hierarchical(step, position)
        break
      default:
        break
    }
    if ('calculated' in step) this.calculated(step.calculated, position)
  }

  /** A path whose values are kept: a related entity at its end is written whole. */
  #path(steps: readonly MemberStep[], position: Position): void {
    this.expression({ kind: 'member', variable: '$it', steps, type: undefined }, variablesOf(position))
    refuseHidden(steps, position)
    const last = steps.findLast(({ kind }) => kind !== 'cast')
    if (last?.kind === 'navigation') this.#whole(positionOf(position, steps))
  }

  #whole(position: Position): void {
    this.#requirements.everything(position.place, grantsOf(permissionsOf(position, 'read', !position.place.collection)))
  }

  #hierarchical(
    { reference, ...step }: Extract<Transformation, { kind: 'relatives' | 'traverse' | 'rolluprecursive' }>,
    position: Position,
  ): void {
    this.#hierarchy(reference.hierarchy)
    const { steps } = reference.path
    this.expression({ kind: 'member', variable: '$it', steps, type: undefined }, variablesOf(position))
    const nodes = positionAt(placeOfRoot(this.#model, reference.hierarchy.set))
    if (reference.case === 'related')
      this.#whole(positionOf(position, steps.slice(0, steps.findLastIndex(({ kind }) => kind === 'navigation') + 1)))
    if (reference.case === 'itself') this.#whole(nodes)
    if (step.kind === 'relatives') this.sequence(step.start, position)
    else if (step.start) this.sequence(step.start, nodes)
    if (step.kind === 'traverse') {
      for (const { expression } of step.orderby) this.expression(expression, variablesOf(nodes))
      checkSort(option, nodes.place, step.orderby, variablesOf(nodes))
    }
    if (step.kind === 'rolluprecursive' && step.each) this.sequence(step.each, position)
  }

  /** The nodes are read with their identifiers and parents. */
  #hierarchy({ set, nodePath, parents }: RecursiveHierarchy): void {
    const place = placeOfRoot(this.#model, set)
    const nodes = positionAt(place)
    const refusal = accessRefusal(place, 'read', false)
    if (refusal !== undefined) refuse(option, `cannot read the nodes in '${place.name}'`, refusal)
    this.#requirements.rows(place, grantsOf(permissionsOf(nodes, 'read', false)))
    for (const steps of [nodePath, parents.steps])
      this.expression({ kind: 'member', variable: '$it', steps, type: undefined }, variablesOf(nodes))
  }

  /** An item of $expand behind transformations. */
  expanded(item: ExpandItem, position: Position): void {
    const { property, path, query } = item
    const steps: readonly MemberStep[] = originOf(property) ?? [...path, { kind: 'navigation', property }]
    const behind = positionOf(position, steps)
    if (steps.length > 0) {
      this.expression({ kind: 'member', variable: '$it', steps, type: undefined }, variablesOf(position))
      const refusal = navigationRefusal(position.place, behind.place)
      if (refusal !== undefined)
        refuse(optionName('$expand', false), `is not allowed: ${refusal}`, 'Capabilities.NavigationRestrictions')
      if (item.apply !== undefined) this.sequence(item.apply, behind)
      const stored = item.as === 'entities' && (item.apply === undefined || writesStored(item.apply))
      if (stored && (query.select === undefined || query.select.all)) this.#whole(behind)
      else
        for (const name of query.select?.properties.keys() ?? [])
          this.#requirements.property(
            behind.place,
            name,
            grantsOf(permissionsOf(behind, 'read', !behind.place.collection)),
          )
    }
    if (query.compute.length > 0)
      throw new ODataError('notImplemented', '$compute inside $expand is not implemented by this service.', {
        target: '$expand',
      })
    const variables = new Map([...variablesOf(behind), ['$it', position] as const])
    for (const expression of [
      ...(query.filter === undefined ? [] : [query.filter]),
      ...query.orderby.map(({ expression: inner }) => inner),
    ])
      this.expression(expression, variables, true)
    const ofExpand = optionName('$expand', false)
    if (query.filter !== undefined) checkConditions(ofExpand, behind.place, [query.filter], variablesOf(behind))
    checkSort(ofExpand, behind.place, query.orderby, variablesOf(behind))
    for (const inner of query.expand) this.expanded(inner, behind)
  }
}

/** Whole complex values are compared: one with a member that cannot be read would tell of it. */
function refuseHidden(steps: readonly MemberStep[], { place }: Position): void {
  const last = steps.findLast(({ kind }) => kind !== 'cast')
  if (last?.kind === 'property' && hidesSomething(last.property.type.type, 0))
    refuse(option, `cannot compare '${last.property.name}' of '${place.name}' as a whole`, 'Core.Permissions')
}

const mostDepth = 20

function hidesSomething(type: Type, depth: number): boolean {
  if (!isStructured(type) || depth > mostDepth) return false
  return [...type.allProperties.values()].some(
    (property) => !isReadable(property) || hidesSomething(property.type.type, depth + 1),
  )
}
