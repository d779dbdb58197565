import type { HierarchyReference, HierarchyTest, Transformation } from '../../bind/apply/tree.ts'
import { stepName } from '../../bind/print.ts'
import type { Expression, MemberStep } from '../../bind/tree.ts'
import type { ModelLayout } from '../../bson/layout.ts'
import type { StructuredType } from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import type { Value } from '../../edm/value.ts'
import { ODataError } from '../../errors/odata-error.ts'
import { isCollectionValue, isNumericValue } from '../values.ts'
import { inject } from './group.ts'
import { type Instance, isInstance, transient, withMembers, withoutMember } from './instance.ts'
import { reach } from './paths.ts'
import { sameness } from './same.ts'

/** Recursive hierarchies (Aggregation 5.5.2) and the transformations that follow them (6). */

/** A node, by the text of its identifier. */
interface Node {
  readonly key: string
  readonly identifier: Value
  readonly instance: Instance
  readonly parents: Set<string>
  readonly children: Set<string>
}

/** The nodes of one hierarchy. */
export class HierarchyNodes {
  readonly #nodes: ReadonlyMap<string, Node>
  readonly #byEntity: ReadonlyMap<string, Node>

  /**
   * @param entities in the order that siblings have
   * @param parentsOf the entities that are parents of one
   * @throws ODataError queryOptionInvalid where a node is an ancestor of itself, or two have the same identifier
   */
  constructor(
    entities: readonly Instance[],
    identifierOf: (instance: Instance) => Value,
    parentsOf: (instance: Instance) => readonly Value[],
    qualifier: string,
  ) {
    const nodes = new Map<string, Node>()
    for (const instance of entities) {
      const identifier = identifierOf(instance)
      if (identifier === null) continue
      const key = sameness(identifier)
      if (nodes.has(key)) throw refusal(qualifier, 'has two nodes with the same identifier')
      nodes.set(key, { key, identifier, instance, parents: new Set(), children: new Set() })
    }
    for (const node of nodes.values())
      for (const parent of parentsOf(node.instance)) {
        const identifier = isInstance(parent) ? identifierOf(parent) : null
        const found = identifier === null ? undefined : nodes.get(sameness(identifier))
        if (found === undefined) continue
        node.parents.add(found.key)
        found.children.add(node.key)
      }
    this.#nodes = nodes
    this.#byEntity = new Map([...nodes.values()].map((node) => [node.instance.entity?.id ?? '', node]))
    refuseCycles(nodes, qualifier)
  }

  get instances(): readonly Instance[] {
    return [...this.#nodes.values()].map(({ instance }) => instance)
  }

  get(key: string): Node | undefined {
    return this.#nodes.get(key)
  }

  all(): Iterable<Node> {
    return this.#nodes.values()
  }

  /** The node that an entity is. */
  of(instance: Instance): Node | undefined {
    const id = instance.entity?.id
    return id === undefined ? undefined : this.#byEntity.get(id)
  }

  /** Keys of the nodes at most `distance` steps from some nodes, these themselves only where steps lead to them. */
  relatives(from: Iterable<string>, direction: 'ancestors' | 'descendants', distance: number): Set<string> {
    const found = new Set<string>()
    let frontier = new Set(from)
    for (let step = 0; step < distance && frontier.size > 0; step++) {
      const next = new Set<string>()
      for (const key of frontier) {
        const node = this.#nodes.get(key)
        for (const other of (direction === 'ancestors' ? node?.parents : node?.children) ?? [])
          if (!found.has(other)) {
            found.add(other)
            next.add(other)
          }
      }
      frontier = next
    }
    return found
  }

  /** The identifiers that a hierarchy function is true for (Aggregation 5.5.2.1). */
  passing(test: HierarchyTest, valueFor: (expression: Expression | undefined) => Value): readonly Value[] {
    return [...this.#passing(test, valueFor)].flatMap((key) => this.#nodes.get(key)?.identifier ?? [])
  }

  *#passing(test: HierarchyTest, valueFor: (expression: Expression | undefined) => Value): Iterable<string> {
    switch (test.kind) {
      case 'isnode':
        yield* this.#nodes.keys()
        return
      case 'isroot':
        for (const { key, parents } of this.#nodes.values()) if (parents.size === 0) yield key
        return
      case 'isleaf':
        for (const { key, children } of this.#nodes.values()) if (children.size === 0) yield key
        return
      case 'issibling': {
        const other = this.#nodes.get(sameness(valueFor(test.other)))
        if (other === undefined) return
        for (const node of this.#nodes.values()) {
          if (node === other) continue
          const roots = node.parents.size === 0 && other.parents.size === 0
          if (roots || [...node.parents].some((parent) => other.parents.has(parent))) yield node.key
        }
        return
      }
      default: {
        const other = sameness(valueFor(test.other))
        if (!this.#nodes.has(other)) return
        const found = this.relatives(
          [other],
          test.kind === 'isancestor' ? 'ancestors' : 'descendants',
          distanceOf(valueFor(test.distance)),
        )
        if (valueFor(test.includeSelf) === true) found.add(other)
        yield* found
      }
    }
  }
}

function distanceOf(value: Value): number {
  if (value === null) return Number.POSITIVE_INFINITY
  const distance = isNumericValue(value) ? Number(value.toString()) : Number.NaN
  if (distance >= 1) return distance
  throw new ODataError('queryOptionInvalid', 'MaxDistance must be a number from 1 on.', { target: '$filter' })
}

function refusal(qualifier: string, what: string): ODataError {
  return new ODataError('queryOptionInvalid', `The hierarchy '${qualifier}' ${what}: it cannot be followed.`, {
    target: '$apply',
  })
}

/** Takes leaves away until none is left: what stays goes in a ring. */
function refuseCycles(nodes: ReadonlyMap<string, Node>, qualifier: string): void {
  const waiting = new Map([...nodes].map(([key, { children }]) => [key, children.size]))
  const leaves = [...waiting].filter(([, count]) => count === 0).map(([key]) => key)
  let taken = 0
  for (let key = leaves.pop(); key !== undefined; key = leaves.pop()) {
    taken++
    for (const parent of nodes.get(key)?.parents ?? []) {
      const left = (waiting.get(parent) ?? 0) - 1
      waiting.set(parent, left)
      if (left === 0) leaves.push(parent)
    }
  }
  if (taken < nodes.size) throw refusal(qualifier, 'has a node that is an ancestor of itself')
}

/** Keys of the nodes that an instance is related to. */
function keysOf(instance: Value, { path }: HierarchyReference): readonly string[] {
  return reach([instance], path.steps).map(sameness)
}

/** ancestors and descendants (Aggregation 6.2.1). */
export function relativesOf(
  step: Extract<Transformation, { kind: 'relatives' }>,
  nodes: HierarchyNodes,
  set: readonly Instance[],
  starts: readonly Instance[],
): readonly Instance[] {
  const { reference, direction, distance = Number.POSITIVE_INFINITY, keepStart } = step
  const from = new Set(
    starts.flatMap((start) => keysOf(start, reference)).filter((key) => nodes.get(key) !== undefined),
  )
  const wanted = nodes.relatives(from, direction, distance)
  if (keepStart) for (const key of from) wanted.add(key)
  const seen = new Set<string>()
  return set.filter((instance) => {
    if (!keysOf(instance, reference).some((key) => wanted.has(key))) return false
    // the output is a union: no instance is in it twice
    const identity = `${sameness(instance)}${instance.entity === undefined ? '' : sameness(transient(instance.type, instance.own))}`
    if (seen.has(identity)) return false
    seen.add(identity)
    return true
  })
}

/** A visit of a node on a way through the tree: its key, and the identifiers above it. */
interface Visit {
  readonly node: Node
  readonly upPath: readonly Value[]
}

/** More visits than this are a tree with too many ways through it. */
const mostVisits = 100_000
/** Levels of a tree that is traversed. */
const mostLevels = 1_000
/** Instances in all portions of a rollup together. */
const mostRolledUp = 1_000_000

/** traverse (Aggregation 6.2.2). @param sort brings nodes into the order of the siblings */
export function traversed(
  layout: ModelLayout,
  step: Extract<Transformation, { kind: 'traverse' }>,
  nodes: HierarchyNodes,
  set: readonly Instance[],
  start: readonly Instance[] | undefined,
  sort: (list: readonly Instance[]) => readonly Instance[],
): readonly Instance[] {
  const { reference, order } = step
  const { hierarchy } = reference
  const rank = new Map<string, number>()
  for (const [i, instance] of sort(nodes.instances).entries()) {
    const node = nodes.of(instance)
    if (node !== undefined) rank.set(node.key, i)
  }
  const sorted = (keys: Iterable<string>): readonly Node[] =>
    [...keys].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)).flatMap((key) => nodes.get(key) ?? [])
  const roots = [...nodes.all()].filter(({ parents }) => parents.size === 0)
  const starts = start === undefined ? sorted(roots.map(({ key }) => key)) : nodesOf(nodes, sort(start))
  const annotated = hierarchy.multiple || starts.some(({ parents }) => parents.size > 0)
  const related = new Map<string, Instance[]>()
  for (const instance of set)
    for (const key of new Set(keysOf(instance, reference))) {
      const found = related.get(key)
      if (found === undefined) related.set(key, [instance])
      else found.push(instance)
    }
  const output: Instance[] = []
  let visits = 0
  const emit = ({ node, upPath }: Visit): void => {
    for (const instance of related.get(node.key) ?? [])
      output.push(withNode(layout, instance, node, reference, annotated ? upPath : undefined))
  }
  const walk = (visit: Visit): void => {
    if (visit.upPath.length > mostLevels) throw refusal(hierarchy.qualifier, `is deeper than ${mostLevels} levels`)
    if (++visits > mostVisits) throw refusal(hierarchy.qualifier, `has more than ${mostVisits} ways through it`)
    if (order === 'preorder') emit(visit)
    const upPath = [visit.node.identifier, ...visit.upPath]
    for (const node of sorted(visit.node.children)) walk({ node, upPath })
    if (order === 'postorder') emit(visit)
  }
  for (const node of starts) walk({ node, upPath: [] })
  return output
}

function nodesOf(nodes: HierarchyNodes, instances: readonly Instance[]): readonly Node[] {
  return instances.flatMap((instance) => nodes.of(instance) ?? [])
}

/** One portion of the input set of a rolluprecursive. */
export interface Portion {
  readonly instances: readonly Instance[]
  /** puts the node into what was made of the portion */
  readonly finish: (instance: Instance) => Instance
}

/** The portions of the input set, one for each node: what is related to it or to a node below (Aggregation 6.3). */
export function rollups(
  layout: ModelLayout,
  step: Extract<Transformation, { kind: 'rolluprecursive' }>,
  nodes: HierarchyNodes,
  set: readonly Instance[],
  start: readonly Instance[] | undefined,
): readonly Portion[] {
  const { reference, nodeName } = step
  const chosen =
    start === undefined
      ? [...nodes.all()].map((node) => ({ node, upPath: undefined }))
      : start.flatMap((instance) => {
          const node = nodes.of(instance)
          return node === undefined ? [] : [{ node, upPath: upPathOf(instance) }]
        })
  const related = relatedToTree(nodes, set, reference)
  let total = 0
  return chosen.map(({ node, upPath }) => {
    const found = related.get(node.key) ?? []
    total += found.length
    if (total > mostRolledUp) throw tooManyPortions()
    return {
      instances: found.map((instance) => withMembers(layout, instance, [[nodeName, node.instance]])),
      finish: (instance) => withNode(layout, withoutMember(layout, instance, nodeName), node, reference, upPath),
    }
  })
}

/** For each node the instances that are related to it or to a node below, in their order. */
function relatedToTree(
  nodes: HierarchyNodes,
  set: readonly Instance[],
  reference: HierarchyReference,
): ReadonlyMap<string, readonly Instance[]> {
  const related = new Map<string, Instance[]>()
  const above = new Map<string, ReadonlySet<string>>()
  let total = 0
  for (const instance of set) {
    const wanted = new Set<string>()
    for (const key of keysOf(instance, reference)) {
      if (nodes.get(key) === undefined) continue
      let ancestors = above.get(key)
      if (ancestors === undefined) {
        ancestors = nodes.relatives([key], 'ancestors', Number.POSITIVE_INFINITY).add(key)
        above.set(key, ancestors)
      }
      for (const ancestor of ancestors) wanted.add(ancestor)
    }
    total += wanted.size
    if (total > mostRolledUp) throw tooManyPortions()
    for (const key of wanted) {
      const found = related.get(key)
      if (found === undefined) related.set(key, [instance])
      else found.push(instance)
    }
  }
  return related
}

function tooManyPortions(): ODataError {
  return new ODataError(
    'urlLimitExceeded',
    `rolluprecursive makes portions of more than ${mostRolledUp} instances (limit applyRows).`,
    { target: '$apply' },
  )
}

/** The annotation that a traversal has left on a node. */
function upPathOf({ own }: Instance): readonly Value[] | undefined {
  for (const [name, value] of own) if (name.startsWith(upPathTerm) && isCollectionValue(value)) return value
  return undefined
}

const upPathTerm = '@Org.OData.Aggregation.V1.UpPath#'

/** Puts a node into an instance: the node itself, or what of it the path to its identifier holds (sigma, Aggregation 6.2.2). */
function withNode(
  layout: ModelLayout,
  instance: Instance,
  node: Node,
  { case: how, path, hierarchy }: HierarchyReference,
  upPath: readonly Value[] | undefined,
): Instance {
  const annotation: readonly (readonly [string, Value])[] =
    upPath === undefined
      ? []
      : [
          [
            `${upPathTerm}${hierarchy.qualifier}`,
            upPath.map((value) => (typeof value === 'string' ? value : String(value))),
          ],
        ]
  if (how === 'itself') {
    const { entity } = node.instance
    const same = entity !== undefined && instance.entity?.id === entity.id
    return withMembers(layout, same ? instance : withMembers(layout, node.instance, instance.own), annotation)
  }
  const annotated = annotation.length === 0 ? node.instance : withMembers(layout, node.instance, annotation)
  if (how === 'identifier') return inject(layout, instance, at(instance.type, path.steps, node.identifier))
  const last = path.steps.findLastIndex(({ kind }) => kind === 'navigation')
  return inject(layout, instance, at(instance.type, path.steps.slice(0, last + 1), annotated))
}

/** An instance in which only a path has a value; behind a collection-valued segment it is the only item. */
function at(type: StructuredType, steps: readonly MemberStep[], value: Value): Instance {
  const first = steps.findIndex(({ kind }) => kind !== 'cast')
  const step = steps[first]
  if (step === undefined || step.kind === 'cast') throw new Error('invariant: the path to a node has a property')
  const rest = steps.slice(first + 1)
  const target =
    step.kind === 'navigation' ? step.property.type : step.kind === 'property' ? step.property.type.type : type
  const deeper = rest.some(({ kind }) => kind !== 'cast')
  const inner = deeper && isStructured(target) ? at(target, rest, value) : value
  const collection =
    step.kind === 'navigation' ? step.property.collection : step.kind === 'property' && step.property.type.collection
  return transient(type, new Map([[stepName(step), collection ? [inner] : inner]]))
}
