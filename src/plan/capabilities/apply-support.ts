import type { MemberStep } from '../../bind/tree.ts'
import { enumMembers, paths, pathText, texts } from '../../csdl/core.ts'
import { annotationOf, bool, isTagged, items, member } from '../../edm/annotations.ts'
import type {
  Annotatable,
  AnnotationExpression,
  NavigationProperty,
  Property,
  StructuredType,
} from '../../edm/model.ts'
import { isStructured } from '../../edm/types.ts'
import type {
  AggregateNode,
  ApplyNode,
  ExpressionNode,
  GroupingNode,
  PathNode,
  TransformationNode,
} from '../../url/ast.ts'
import { type Place, placeBehind } from './place.ts'
import { coveredBy } from './references.ts'
import { optionName, refuse } from './refuse.ts'

/**
 * Aggregation.ApplySupported of a collection, and what ApplySupportedDefaults of the container says where it says nothing
 * (Aggregation 5.1). A service without either supports everything.
 */

const vocabulary = 'Org.OData.Aggregation.V1.'
const option = optionName('$apply', false)

type Expression = AnnotationExpression | undefined

/** @throws ODataError queryOptionNotAllowed naming the term */
export function checkApplySupport(place: Place, apply: ApplyNode): void {
  // where nothing is said of the collection, something may be said of related ones
  new Check(place, supportOf(place) ?? (() => undefined)).sequence(apply, true)
}

/** A member of ApplySupported, else of the defaults. */
type Support = (name: string) => Expression

function supportOf(place: Place): Support | undefined {
  const own = place.ways.at(-1)
  const targets: (Annotatable | undefined)[] = [
    place.element,
    own?.path.length === 0 ? own.root : undefined,
    place.type,
  ]
  const records: Expression[] = targets.flatMap((target) => {
    const found = target && annotationOf(target, `${vocabulary}ApplySupported`)
    return found === undefined ? [] : [found.value]
  })
  const { container } = place.model
  const defaults = container && annotationOf(container, `${vocabulary}ApplySupportedDefaults`)
  if (defaults !== undefined) records.push(defaults.value)
  if (records.length === 0) return undefined
  return (name) => records.map((record) => member(record, name)).find((value) => value !== undefined)
}

class Check {
  readonly #place: Place
  readonly #transformations: ReadonlySet<string> | undefined
  readonly #rollup: string | undefined
  readonly #from: boolean | undefined
  readonly #groupable: readonly string[]
  readonly #aggregatable: readonly { readonly path: string; readonly methods: readonly string[] }[]
  readonly #tagged: boolean
  /** paths that `compute` makes its aliases of */
  readonly #computed = new Map<string, readonly string[]>()

  constructor(place: Place, support: Support) {
    this.#place = place
    const transformations = texts(support('Transformations'))
    this.#transformations = transformations && new Set(transformations)
    this.#rollup = enumMembers(support('Rollup'))?.[0]
    this.#from = bool(support('From'))
    this.#groupable = paths(support('GroupableProperties')) ?? []
    this.#aggregatable = items(support('AggregatableProperties')).flatMap((entry) => {
      const path = pathText(member(entry, 'Property'))
      return path === undefined ? [] : [{ path, methods: texts(member(entry, 'SupportedAggregationMethods')) ?? [] }]
    })
    this.#tagged = bool(support('PropertyRestrictions')) === true
  }

  /** @param own whether the instances are those of the annotated collection, not related ones */
  sequence(nodes: ApplyNode, own: boolean): void {
    for (const node of nodes) this.#transformation(node, own)
  }

  #transformation(node: TransformationNode, own: boolean): void {
    // functions of the service are no transformations that could be listed: their bindings say what they can be applied to
    if (node.kind === 'function') return
    const name = node.kind === 'ranking' ? node.end + node.by : node.kind
    if (this.#transformations !== undefined && !this.#transformations.has(name))
      this.#refuse(`cannot use ${name} on '${this.#place.name}'`, 'Transformations')
    switch (node.kind) {
      case 'aggregate':
        for (const expression of node.expressions) this.#aggregate(expression, own)
        return
      case 'groupby':
        this.#rollups(node.elements)
        if (own) for (const element of node.elements) this.#grouping(element)
        if (node.each) this.sequence(node.each, own)
        return
      case 'compute':
        if (own)
          for (const { alias, expression } of node.items) {
            const paths = pathsIn(expression).flatMap((path) => this.#sources(path))
            this.#computed.set(alias, [...new Set([...(this.#computed.get(alias) ?? []), ...paths])])
          }
        return
      case 'concat':
        for (const sequence of node.sequences) this.sequence(sequence, own)
        return
      case 'nest':
        for (const { sequence } of node.nested) this.sequence(sequence, own)
        return
      case 'addnested':
        for (const { sequence } of node.nested) {
          this.sequence(sequence, false)
          this.#related(node.path, sequence, own)
        }
        return
      case 'join':
      case 'outerjoin':
        if (node.each) {
          this.sequence(node.each, false)
          this.#related(node.path, node.each, own)
        }
        return
      case 'ancestors':
      case 'descendants':
        this.sequence(node.start, own)
        return
      default:
        return
    }
  }

  /** What is applied to related entities is up to their collection, too. */
  #related(path: PathNode, sequence: ApplyNode, own: boolean): void {
    const place = own ? relatedPlace(this.#place, path) : undefined
    if (place) checkApplySupport(place, sequence)
  }

  #rollups(elements: readonly GroupingNode[]): void {
    const count = elements.filter(({ kind }) => kind !== 'property').length
    if (count > 0 && this.#rollup === 'None') this.#refuse(`cannot roll up '${this.#place.name}'`, 'Rollup')
    if (count > 1 && this.#rollup === 'SingleHierarchy')
      this.#refuse(`cannot roll up '${this.#place.name}' by more than one hierarchy`, 'Rollup')
  }

  #grouping(element: GroupingNode): void {
    if (element.kind === 'property') this.#groupBy(element.path)
    // one level without $all is the name of a hierarchy
    if (element.kind === 'rollup' && (element.all || element.levels.length > 1))
      for (const path of element.levels) this.#groupBy(path)
  }

  /** What a path means, by the names of the collection's own properties: an alias is what it is made of. */
  #sources(path: PathNode): readonly string[] {
    const name = nameOf(path)
    return this.#computed.get(name.split('/')[0] ?? '') ?? [name]
  }

  #groupBy(path: PathNode): void {
    for (const name of this.#sources(path)) this.#groupByProperty(name)
  }

  #groupByProperty(name: string): void {
    const found = this.#property(name)
    if (found === undefined) return
    if (this.#groupable.length > 0 && coveredBy(name, this.#groupable) === undefined)
      this.#refuse(`cannot group by '${name}' of '${this.#place.name}'`, 'GroupableProperties')
    if (this.#tagged && !isTagged(found, `${vocabulary}Groupable`))
      this.#refuse(`cannot group by '${name}' of '${this.#place.name}'`, 'PropertyRestrictions')
  }

  #aggregate({ operand, method, from }: AggregateNode, own: boolean): void {
    if (from.length > 0 && this.#from === false) this.#refuse(`cannot use 'from' on '${this.#place.name}'`, 'From')
    if (!own) return
    for (const { properties } of from) for (const path of properties) this.#groupBy(path)
    // a count, or a custom aggregate: declared by itself, though it may have the name of a property
    if (method === undefined) return
    for (const name of pathsIn(operand).flatMap((path) => this.#sources(path))) {
      const found = this.#property(name)
      if (found === undefined) continue
      const entry = this.#aggregatable.find((candidate) => coveredBy(name, [candidate.path]) !== undefined)
      const allowed = entry !== undefined && (entry.methods.length === 0 || entry.methods.includes(method))
      if (this.#aggregatable.length > 0 && !allowed)
        this.#refuse(`cannot aggregate '${name}' of '${this.#place.name}'`, 'AggregatableProperties')
      if (this.#tagged && !isTagged(found, `${vocabulary}Aggregatable`))
        this.#refuse(`cannot aggregate '${name}' of '${this.#place.name}'`, 'PropertyRestrictions')
    }
  }

  /** The declared property that a path of the annotated collection ends at; undefined for dynamic ones. */
  #property(path: string): Property | NavigationProperty | undefined {
    let type: StructuredType | undefined = this.#place.type
    let found: Property | NavigationProperty | undefined
    for (const name of path.split('/')) {
      found = type?.allProperties.get(name) ?? type?.allNavigationProperties.get(name)
      if (found === undefined) return undefined
      const next = found.kind === 'property' ? found.type.type : found.type
      type = isStructured(next) ? next : undefined
    }
    return found
  }

  #refuse(what: string, name: string): never {
    return refuse(option, what, `Aggregation.ApplySupported/${name}`)
  }
}

/** The place that a path of navigation and complex properties leads to; undefined where it is none of the model. */
function relatedPlace(from: Place, { steps }: PathNode): Place | undefined {
  let place = from
  let type = from.type
  let tail: MemberStep[] = []
  for (const step of steps) {
    if (step.kind !== 'name') return undefined
    if (step.name.includes('.')) {
      type = type?.derivedTypes.find(({ name }) => name === step.name) ?? type
      continue
    }
    const navigation = type?.allNavigationProperties.get(step.name)
    const property = type?.allProperties.get(step.name)
    if (navigation !== undefined) {
      place = placeBehind(place, tail, navigation)
      type = place.type
      tail = []
    } else if (property !== undefined && isStructured(property.type.type)) {
      tail = [...tail, { kind: 'property', property }]
      type = property.type.type
    } else return undefined
  }
  return tail.length > 0 || place === from ? undefined : place
}

/** The names of a path, casts and counts left out. */
function nameOf({ steps }: PathNode): string {
  return steps.flatMap((step) => (step.kind === 'name' && !step.name.includes('.') ? [step.name] : [])).join('/')
}

/** The paths in an operand that start from the instance. */
function pathsIn(node: ExpressionNode): readonly PathNode[] {
  switch (node.kind) {
    case 'path':
      return node.steps.some(({ kind }) => kind === '$count') || node.root === '$these' ? [] : [node]
    case 'binary':
      return [...pathsIn(node.left), ...pathsIn(node.right)]
    case 'unary':
      return pathsIn(node.operand)
    case 'call':
      return node.arguments.flatMap(pathsIn)
    case 'list':
      return node.items.flatMap(pathsIn)
    case 'case':
      return node.branches.flatMap(({ condition, value }) => [...pathsIn(condition), ...pathsIn(value)])
    default:
      return []
  }
}
