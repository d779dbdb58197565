import { invariant } from '../base/assert.ts'
import type { BoundPath, BoundSegment, Expression, KeyPredicate, MemberStep } from '../bind/tree.ts'
import { itemReference } from '../bind/type-references.ts'
import type { EntitySet, EntityType, NavigationProperty, Singleton } from '../edm/model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { alternateKey, isAlternate } from './alternate-key.ts'
import { containedCollection } from './contained.ts'
import { followsNavigation } from './navigation-tree.ts'
import type { FixedValue, Hop, OperationResult, ReadPlan, Source, SourceRoot, SourceStep } from './plan.ts'
import { relationOf } from './relation.ts'
import { isSingleResult, resultOf } from './result.ts'
import { ownerSuffix, propertiesOf } from './suffix.ts'

/** Where a path leads: the rows it names, the navigation before them, and the member of a row behind them. */
export interface PathSource {
  readonly source: Source
  readonly hops: readonly Hop[]
  readonly member: readonly MemberStep[]
  /** `/$filter(...)` behind the member */
  readonly memberFilters: readonly Expression[]
  /** `$value` */
  readonly raw: boolean
  /** `$ref` */
  readonly references: boolean
  /** what a new entity at this place gets from the entity before it */
  readonly fixed: readonly FixedValue[]
  /** how the rows are related to the entity before them; undefined: no navigation */
  readonly relation: 'contained' | 'constraint' | 'links' | undefined
}

/**
 * Resolves a bound path to a flat source and the hops that lead to it.
 * @param firstParameter number of the first parameter that a hop adds: behind those of path and query
 * @throws ODataError notImplemented for navigation that is neither contained nor leads to a known set
 */
export function sourceOf(path: BoundPath, firstParameter: number): PathSource {
  const { segments } = path
  const start = segments.findLastIndex(({ kind }) => kind === 'operation')
  const walk = new Walk(rootOf(path, Math.max(start, 0), firstParameter), firstParameter)
  for (const segment of segments.slice(Math.max(start, 0) + 1)) walk.take(segment)
  return walk.result()
}

/** What the segment at a place starts from: what stands before an operation is what it is bound to. */
function rootOf(path: BoundPath, at: number, firstParameter: number): EntitySet | Singleton | OperationResult {
  const segment = path.segments[at]
  switch (segment?.kind) {
    case 'entitySet':
      return segment.entitySet
    case 'singleton':
      return segment.singleton
    case 'operation': {
      const before = at === 0 ? undefined : sourceOf({ ...path, segments: path.segments.slice(0, at) }, firstParameter)
      return resultOf(segment, before && bindingPlan(before), firstParameter)
    }
    default:
      throw new ODataError('notImplemented', 'This resource is not implemented by this service.')
  }
}

function bindingPlan({ source, hops, member, memberFilters }: PathSource): ReadPlan {
  if (memberFilters.length > 0)
    throw new ODataError('notImplemented', 'An operation bound to filtered values is not implemented by this service.')
  const last = member.findLast(({ kind }) => kind === 'property')
  const item = member.at(-1)?.kind === 'ordinal'
  return Object.freeze({
    ...hopPlan(source),
    member,
    memberType: last?.kind === 'property' ? (item ? itemReference(last.property.type) : last.property.type) : undefined,
    ...(hops.length === 0 ? {} : { hops }),
  })
}

class Walk {
  #root: SourceRoot
  #owner: number | undefined
  #steps: SourceStep[] = []
  #type: EntityType
  #single: boolean
  #member: MemberStep[] = []
  readonly #memberFilters: Expression[] = []
  #raw = false
  #references = false
  #fixed: FixedValue[] = []
  #relation: PathSource['relation']
  readonly #hops: Hop[] = []
  #nextParameter: number

  constructor(root: EntitySet | Singleton | OperationResult, firstParameter: number) {
    this.#root = root
    this.#type = root.type
    this.#single = root.kind === 'result' ? isSingleResult(root) : root.kind === 'singleton'
    if (root.kind === 'result' && root.value) this.#member = [{ kind: 'property', property: root.value }]
    this.#nextParameter = firstParameter
  }

  take(segment: BoundSegment): void {
    const inMember = this.#member.length > 0
    switch (segment.kind) {
      case 'key':
        this.#key(segment.predicate)
        this.#single = true
        return
      case 'cast':
        if (inMember) this.#member.push({ kind: 'cast', type: segment.type })
        else {
          this.#steps.push({ kind: 'cast', type: segment.type })
          if (segment.type.kind === 'entity') this.#type = segment.type
        }
        return
      case '$filter':
        if (inMember) this.#memberFilters.push(segment.predicate)
        else this.#steps.push({ kind: 'filter', predicate: ofRowsAlone(segment.predicate) })
        return
      case 'property':
        this.#member.push({ kind: 'property', property: segment.property })
        return
      case 'dynamicProperty':
        this.#member.push({ kind: 'dynamic', name: segment.name })
        return
      case 'navigation':
        this.#navigate(segment)
        return
      case '$value':
        this.#raw = true
        return
      case '$ref':
        this.#references = true
        return
      case 'ordinal':
        this.#member.push({ kind: 'ordinal', index: segment.index })
        return
      case '$count':
      case '$each':
        return
      default:
        break
    }
    throw new ODataError('notImplemented', `The path segment ${segment.kind} is not implemented by this service.`)
  }

  result(): PathSource {
    return {
      source: this.#source(),
      hops: this.#hops,
      member: this.#member,
      memberFilters: this.#memberFilters,
      raw: this.#raw,
      references: this.#references,
      fixed: this.#fixed,
      relation: this.#relation,
    }
  }

  #source(): Source {
    return {
      root: this.#root,
      ...(this.#owner === undefined ? {} : { owner: this.#owner }),
      steps: this.#steps,
      type: this.#type,
      single: this.#single,
    }
  }

  /** An alternate key finds the entity by conditions first: a hop gives its own key. */
  #key(predicate: KeyPredicate): void {
    if (!isAlternate(predicate, this.#type)) {
      this.#steps.push({ kind: 'key', predicate })
      return
    }
    const { steps, values } = alternateKey(predicate, this.#type)
    const source: Source = { ...this.#source(), steps: [...this.#steps, ...steps], single: false }
    this.#hops.push({ plan: hopPlan(source), property: undefined, values })
    const { key } = this.#type
    this.#steps.push({ kind: 'key', predicate: { key, parameters: key.map(() => this.#nextParameter++) } })
  }

  /** The rows so far become a hop; what the navigation property leads to is the source from here on. */
  #navigate({ property, target, contained }: Extract<BoundSegment, { kind: 'navigation' }>): void {
    invariant(this.#single, 'navigation starts from one entity')
    const via = this.#member
    const plan = hopPlan(this.#source())
    if (contained) this.#contained(property, plan, via)
    else this.#related(property, target, plan, via)
    this.#member = []
  }

  #contained(property: NavigationProperty, plan: ReadPlan, via: readonly MemberStep[]): void {
    const root = containedCollection(property)
    const suffix = ownerSuffix(plan.source.root.type, via, property)
    const within = propertiesOf(via)
    this.#hops.push({ plan, property, values: [{ kind: 'owner', suffix, ...(within.length > 0 ? { within } : {}) }] })
    this.#fixed = []
    this.#relation = 'contained'
    this.#enter(root, root.type, property, [])
    this.#owner = this.#nextParameter++
  }

  #related(
    property: NavigationProperty,
    bound: EntitySet | Singleton | undefined,
    plan: ReadPlan,
    via: readonly MemberStep[],
  ): void {
    const relation = relationOf(property, bound, via, this.#nextParameter)
    this.#nextParameter += relation.values.length
    this.#hops.push({ plan, property, values: relation.values })
    this.#fixed = [...relation.fixed]
    this.#relation = relation.kind
    if (relation.kind === 'links' && via.some(({ kind }) => kind === 'ordinal'))
      throw new ODataError(
        'notImplemented',
        `Navigation from an item of a collection to ${property.name}, which has no foreign key, is not implemented.`,
        { target: property.name },
      )
    const { target, type, find } = relation
    if (find !== undefined) {
      const source: Source = { root: target, steps: find.steps, type, single: false }
      this.#hops.push({ plan: hopPlan(source), property, values: find.values })
      this.#nextParameter += find.values.length
    }
    this.#enter(target, type, property, relation.steps)
    this.#owner = undefined
  }

  #enter(root: SourceRoot, type: EntityType, property: NavigationProperty, steps: readonly SourceStep[]): void {
    this.#root = root
    this.#type = type
    this.#steps = [...steps]
    this.#single = !property.collection
  }
}

/** Reads the one row of a source, or the first. */
export function hopPlan(source: Source): ReadPlan {
  return Object.freeze({
    kind: 'read',
    requires: [],
    slots: [],
    source,
    member: [],
    memberType: undefined,
    raw: false,
    filter: undefined,
    search: undefined,
    compute: [],
    orderby: [],
    select: undefined,
    expand: [],
    top: undefined,
    skip: undefined,
    count: false,
  })
}

/** The condition of a `/$filter(...)` segment. @throws ODataError notImplemented where it looks at related entities */
function ofRowsAlone(predicate: Expression): Expression {
  if (followsNavigation(predicate))
    throw new ODataError(
      'notImplemented',
      'A path segment /$filter that follows navigation properties or calls functions is not implemented by this service: $filter does.',
      { target: '$filter' },
    )
  return predicate
}
