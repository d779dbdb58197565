import { nearestName } from '../base/text.ts'
import { explicitOperationBindings, isOrdered } from '../csdl/core.ts'
import type { Annotatable, Model, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { isMedia, isStructured, isSubtypeOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { ArgumentNode, QueryOptions, Segment } from '../url/ast.ts'
import { follow, isContained, type Place, placeBehind, placeOf } from './binding-targets.ts'
import { BindContext, inDefaultNamespace, shown, unaliased } from './context.ts'
import { crossjoinType } from './crossjoin.ts'
import { bindExpression } from './expression.ts'
import { isKeyText, type KeyValues, readKeyPredicate, readKeySegment } from './keys.ts'
import { memberNotFound } from './member-path.ts'
import { bindBoundOperation, bindImport, type OperationCall } from './operations.ts'
import { bindBoolean } from './operators.ts'
import { readLiteral, type StructuredLiterals } from './parameters.ts'
import { printBound } from './print.ts'
import { described, valueResource } from './resource-kind.ts'
import { withoutResourcePath } from './resource-path.ts'
import type { BoundPath, BoundSegment, ParameterSlot, Parameters, ParameterValue, ResourceKind } from './tree.ts'
import { itemReference, navigationReference } from './type-references.ts'

/** A resource path, bound, with the values that stand in it. */
export interface BoundPathResult {
  readonly path: BoundPath
  /** parameters 0 to n - 1 of the request */
  readonly slots: readonly ParameterSlot[]
  readonly values: Parameters
}

/** Options that a path takes values from: parameter aliases, and implicit ones (Protocol 11.5.4.1.1). */
export type PathOptions = Pick<QueryOptions, 'aliases'> & Partial<Pick<QueryOptions, 'custom'>>

/** How paths are read. */
export interface PathSettings {
  /** `/set/key` beside `/set(key)` (URL Conventions 4.3.6) */
  readonly keyAsSegment: boolean
  /** what reads structured values from the JSON of their literals; undefined: they are not taken */
  readonly literals?: StructuredLiterals
}

/**
 * Resolves a resource path against the model (URL Conventions 4): container children, keys in both styles, properties,
 * navigation, casts, operations, `$value`, `$count`, `$ref`. Values in it are read at once.
 * @param options where parameter aliases get their values
 * @throws ODataError resourceNotFound (first segment), propertyNotFound, both with a near name; keyInvalid; literalInvalid
 */
export function bindPath(
  model: Model,
  segments: readonly Segment[],
  options: PathOptions,
  settings: PathSettings,
): BoundPathResult {
  return new PathBinder(model, options, settings).bind(segments)
}

class PathBinder {
  readonly #model: Model
  readonly #settings: PathSettings
  readonly #context: BindContext
  readonly #segments: BoundSegment[] = []
  readonly #values: ParameterValue[] = []
  #signature = ''
  #resource: ResourceKind = 'serviceDocument'
  #type: TypeReference | undefined
  #place: Place = { root: undefined, path: [] }

  constructor(model: Model, options: PathOptions, settings: PathSettings) {
    this.#model = model
    this.#settings = settings
    this.#context = new BindContext(model, options.aliases, 0, 'path', bindExpression)
    if (options.custom) this.#context.custom = options.custom
  }

  bind(written: readonly Segment[]): BoundPathResult {
    const segments = withoutResourcePath(this.#model, written)
    const [first] = segments
    if (first !== undefined) {
      this.#first(first)
      for (let i = 1; i < segments.length; i++) {
        const segment = segments[i]
        if (segment !== undefined) this.#next(segment)
      }
    }
    const path: BoundPath = {
      resource: this.#resource,
      segments: this.#segments,
      type: this.#type,
      signature: this.#signature,
    }
    return { path, slots: this.#context.slots, values: this.#values }
  }

  #first(segment: Segment): void {
    const { syntax } = segment
    this.#context.target = shown(segment.text)
    switch (syntax.kind) {
      case 'system': {
        const resource = roots.get(syntax.name)
        if (resource === undefined) this.#notFound(segment, [...roots.keys()])
        this.#resource = resource
        this.#signature = syntax.name
        return
      }
      case '$crossjoin': {
        const entitySets = syntax.entitySets.map((name) => {
          const child = this.#model.container?.children.get(name)
          if (child?.kind !== 'entitySet')
            return this.#notFound({ ...segment, text: name }, this.#childNames('entitySet'))
          return child
        })
        if (new Set(entitySets).size < entitySets.length)
          this.#context.fail('urlSyntax', '$crossjoin must not name an entity set twice.', segment)
        this.#segments.push({ kind: 'crossjoin', entitySets, type: crossjoinType(entitySets) })
        this.#resource = 'crossjoin'
        this.#signature = segment.text
        return
      }
      case 'name':
        this.#child(segment, syntax.name, syntax.arguments, syntax.key)
        return
      default:
        this.#notFound(segment, this.#childNames())
    }
  }

  #childNames(kind?: string): readonly string[] {
    const children = this.#model.container?.children.values() ?? []
    return [...children].filter((child) => kind === undefined || child.kind === kind).map(({ name }) => name)
  }

  #notFound(segment: Segment, candidates: readonly string[]): never {
    const near = nearestName(segment.text, candidates)
    throw new ODataError(
      'resourceNotFound',
      `The resource '${shown(segment.text)}' does not exist.${near === undefined ? '' : ` Did you mean '${near}'?`}`,
      { target: shown(segment.text), position: { offset: segment.offset, length: segment.length } },
    )
  }

  /** A segment that means nothing behind what is before it. */
  #misplaced(segment: Segment): never {
    throw new ODataError(
      'resourceNotFound',
      `'${shown(segment.text)}' does not exist behind ${described[this.#resource] ?? 'this'}.`,
      { target: shown(segment.text), position: { offset: segment.offset, length: segment.length } },
    )
  }

  #child(
    segment: Segment,
    name: string,
    args: readonly ArgumentNode[] | undefined,
    key: readonly ArgumentNode[] | undefined,
  ): void {
    const child = this.#model.container?.children.get(name)
    switch (child?.kind) {
      case 'entitySet':
        this.#signature = name
        this.#segments.push({ kind: 'entitySet', entitySet: child })
        this.#type = { type: child.type, collection: true, nullable: false, facets: {} }
        this.#resource = 'entityCollection'
        this.#place = placeOf(child)
        if (args !== undefined) this.#keyPredicate(segment, args)
        return
      case 'singleton':
        if (args !== undefined) this.#misplacedArguments(segment, name)
        this.#signature = name
        this.#segments.push({ kind: 'singleton', singleton: child })
        this.#type = { type: child.type, collection: false, nullable: child.nullable, facets: {} }
        this.#resource = 'singleton'
        this.#place = placeOf(child)
        return
      case 'actionImport':
      case 'functionImport': {
        const call = bindImport(this.#context, child, args, segment)
        const found = child.entitySet === undefined ? undefined : this.#model.container?.children.get(child.entitySet)
        const target = found?.kind === 'entitySet' || found?.kind === 'singleton' ? found : undefined
        this.#operation(call, { kind: 'operation', import: child, ...call, target }, name)
        this.#place = target === undefined ? nowhere : placeOf(target)
        if (key !== undefined) this.#resultKey(segment, key)
        return
      }
      default:
        this.#notFound({ ...segment, text: name }, this.#childNames())
    }
  }

  #misplacedArguments(segment: Segment, name: string): never {
    throw new ODataError('resourceNotFound', `'${shown(name)}' takes no key.`, {
      target: shown(name),
      position: { offset: segment.offset, length: segment.length },
    })
  }

  #next(segment: Segment): void {
    const { syntax } = segment
    this.#context.target = shown(segment.text)
    const last = this.#segments.at(-1)
    if (last?.kind === 'operation' && !last.operation.composable && last.operation.kind === 'function')
      throw new ODataError(
        'badRequest',
        `Nothing can follow the function '${last.operation.name}', which is not composable.`,
        { target: shown(segment.text), position: { offset: segment.offset, length: segment.length } },
      )
    if (syntax.kind === 'system') {
      this.#system(segment, syntax.name)
      return
    }
    if (syntax.kind === '$filter') {
      this.#filter(segment)
      return
    }
    switch (this.#resource) {
      case 'entityCollection':
        this.#inCollection(segment)
        return
      case 'entity':
      case 'singleton':
      case 'complex':
        this.#inStructure(segment)
        return
      case 'primitive':
      case 'primitiveCollection':
      case 'complexCollection':
      case 'stream':
      case 'untyped':
        this.#inValue(segment)
        return
      case 'eachEntity':
        this.#inEach(segment)
        return
      case 'eachItem':
        this.#context.notImplemented('A path behind /$each', segment)
        return
      case 'entityId':
      case 'all':
        this.#rootCast(segment)
        return
      default:
        this.#misplaced(segment)
    }
  }

  /** `$entity/Namespace.Type`, `$all/Namespace.Type`. */
  #rootCast(segment: Segment): void {
    const { syntax } = segment
    const type =
      syntax.kind === 'name' && syntax.arguments === undefined ? this.#context.namedType(syntax.name) : undefined
    if (type?.kind !== 'entity') this.#misplaced(segment)
    this.#segments.push({ kind: 'cast', type })
    this.#type = { type, collection: this.#resource === 'all', nullable: false, facets: {} }
    this.#signature += `/${type.name}`
  }

  /** `$count`, `$value`, `$ref`, `$each`, `$query` and what else starts with `$`. */
  #system(segment: Segment, name: string): void {
    const resource = this.#resource
    const type = this.#type
    if (resource === 'all') this.#misplaced(segment)
    const counted = type?.collection && resource !== 'referenceCollection' && resource !== 'actionCall'
    if (name === '$count' && (counted || resource === 'untyped')) {
      this.#resource = 'count'
      this.#type = undefined
    } else if (name === '$value' && (resource === 'primitive' || resource === 'stream' || resource === 'untyped'))
      this.#resource = resource === 'stream' ? 'mediaStream' : 'rawValue'
    else if (name === '$value' && (resource === 'entity' || resource === 'singleton')) {
      if (type?.type.kind !== 'entity' || !isMedia(type.type)) this.#misplaced(segment)
      this.#resource = 'mediaStream'
    } else if (
      name === '$ref' &&
      (resource === 'entity' || resource === 'singleton' || resource === 'entityCollection')
    )
      this.#resource = resource === 'entityCollection' ? 'referenceCollection' : 'reference'
    else if (name === '$each' && resource === 'entityCollection') this.#resource = 'eachEntity'
    else if (name === '$each' && (resource === 'primitiveCollection' || resource === 'complexCollection'))
      this.#resource = 'eachItem'
    else if (name === '$query') this.#context.notImplemented('/$query', segment)
    else this.#misplaced(segment)
    this.#segments.push({ kind: name })
    this.#signature += `/${name}`
  }

  /** ABNF: filterInPath. */
  #filter(segment: Segment): void {
    const { syntax } = segment
    const type = this.#type
    if (syntax.kind !== '$filter' || type === undefined || !type.collection || this.#resource === 'all')
      this.#misplaced(segment)
    const implicit = { name: '$it', id: '$it', type: itemReference(type), outer: undefined }
    const scope = { implicit, outerImplicit: undefined, it: implicit, lambdas: undefined, computed: undefined }
    const predicate = bindBoolean(this.#context, syntax.predicate, scope, '$filter')
    this.#readValues()
    this.#segments.push({ kind: '$filter', predicate })
    this.#signature += `/$filter(${printBound(predicate)})`
  }

  /** Behind a collection of entities: a cast, an operation, else a key. */
  #inCollection(segment: Segment): void {
    const { syntax, text } = segment
    const type = this.#type
    if (type === undefined) this.#misplaced(segment)
    if (syntax.kind === 'name') {
      const { name, arguments: args, key } = syntax
      if (this.#cast(segment, name, args)) return
      // `/set/name`: a short name without parentheses is a key wherever it can be one, unless its namespace is a default one
      const mayBeKey =
        this.#settings.keyAsSegment &&
        args === undefined &&
        !name.includes('.') &&
        !inDefaultNamespace(this.#model, name, (full) => this.#model.operations.has(full) || undefined)
      if (!(mayBeKey && isKeyText(type.type, text)) && this.#boundOperation(segment, name, type, args, key)) return
    }
    if (!this.#settings.keyAsSegment) {
      if (syntax.kind === 'raw') throw syntax.fault
      this.#misplaced(segment)
    }
    if (type.type.kind !== 'entity') this.#context.notImplemented('A key of entities of any type', segment)
    this.#key(readKeySegment(type.type, text, segment))
  }

  /** Behind `/$each`: an operation bound to the members (U 4.13). */
  #inEach(segment: Segment): void {
    const { syntax } = segment
    const type = this.#type
    if (syntax.kind === 'name' && type !== undefined) {
      const { name, arguments: args, key } = syntax
      if (this.#boundOperation(segment, name, itemReference(type), args, key)) return
    }
    this.#misplaced(segment)
  }

  #keyPredicate(segment: Segment, args: readonly ArgumentNode[]): void {
    // older clients write Products() for the collection itself
    if (args.length === 0) return
    const type = this.#type?.type
    if (type?.kind !== 'entity') this.#context.notImplemented('A key of entities of any type', segment)
    this.#key(readKeyPredicate(this.#context, type, this.#place.root, args, segment))
  }

  #key({ key, values, alternate }: KeyValues): void {
    const parameters: number[] = []
    const holes: string[] = []
    key.forEach((part, i) => {
      const value = values[i]
      if (value === undefined) throw new Error('invariant: a key part without a value')
      const index = this.#context.knownParameter(part.property.type, part.alias)
      parameters.push(index)
      this.#values.push(value)
      holes.push(alternate ? `${part.alias}=#${index}` : `#${index}`)
    })
    this.#segments.push({ kind: 'key', predicate: { key, parameters } })
    this.#signature += `(${holes.join(',')})`
    const type = this.#type
    if (type !== undefined) this.#type = itemReference(type)
    this.#resource = 'entity'
  }

  /** Behind an entity or a complex value: a property, a navigation property, a cast, an operation. */
  #inStructure(segment: Segment): void {
    const { syntax, text } = segment
    const type = this.#type
    const structured = type?.type
    if (type === undefined || structured === undefined || !isStructured(structured)) this.#misplaced(segment)
    if (syntax.kind === 'raw') throw syntax.fault
    if (syntax.kind !== 'name') this.#noProperty(segment, structured, text)
    const { name, arguments: args, key } = syntax
    if (this.#context.isCast(name, structured) && this.#cast(segment, name, args)) return
    const property = structured.allProperties.get(name)
    if (property !== undefined) {
      if (args !== undefined) this.#misplacedArguments(segment, name)
      this.#segments.push({ kind: 'property', property })
      this.#value(property.type, name)
      return
    }
    const navigation = structured.allNavigationProperties.get(name)
    if (navigation !== undefined) {
      this.#place = follow(this.#model, this.#place, navigation)
      const contained = isContained(this.#model, navigation)
      const target = contained ? undefined : this.#place.root
      this.#segments.push({ kind: 'navigation', property: navigation, target, contained })
      this.#type = navigationReference(navigation)
      this.#resource = navigation.collection ? 'entityCollection' : 'entity'
      this.#signature += `/${name}`
      if (args !== undefined) {
        if (!navigation.collection) this.#misplacedArguments(segment, name)
        this.#keyPredicate(segment, args)
      }
      return
    }
    if (this.#boundOperation(segment, name, type, args, key)) return
    if (!structured.open || args !== undefined || name.includes('.')) this.#noProperty(segment, structured, name)
    this.#dynamic(name)
  }

  #dynamic(name: string): void {
    this.#segments.push({ kind: 'dynamicProperty', name })
    this.#type = undefined
    this.#resource = 'untyped'
    this.#signature += `/?${name}`
  }

  #noProperty(segment: Segment, type: StructuredType, name: string): never {
    throw new ODataError('propertyNotFound', memberNotFound(type, name), {
      target: shown(name),
      position: { offset: segment.offset, length: segment.length },
    })
  }

  /** Behind a value or a collection of values: operations, casts of complex items, positions. */
  #inValue(segment: Segment): void {
    const { syntax, text } = segment
    const type = this.#type
    if (type?.collection && /^-?\d{1,9}$/.test(text)) {
      this.#ordinal(segment, type, Number(text))
      return
    }
    if (syntax.kind === 'raw') throw syntax.fault
    if (syntax.kind === 'name' && type !== undefined) {
      const { name, arguments: args, key } = syntax
      if (isStructured(type.type) && this.#cast(segment, name, args)) return
      if (this.#boundOperation(segment, name, type, args, key)) return
    }
    if (this.#resource === 'untyped') {
      if (syntax.kind !== 'name' || syntax.arguments !== undefined || syntax.name.includes('.'))
        this.#context.notImplemented('Such a path behind a value without a type', segment)
      // the members of an object without a type are dynamic properties, whatever it holds
      this.#dynamic(syntax.name)
      return
    }
    this.#misplaced(segment)
  }

  /** An item of an ordered collection by its position (U 4.11). */
  #ordinal(segment: Segment, type: TypeReference, index: number): void {
    const last = this.#segments.at(-1)
    if (last?.kind !== 'property') this.#context.notImplemented('A position behind this', segment)
    if (!isOrdered(last.property))
      throw new ODataError(
        'resourceNotFound',
        `'${last.property.name}' has no positions: it is not ordered (Core.Ordered).`,
        { target: shown(segment.text), position: { offset: segment.offset, length: segment.length } },
      )
    this.#segments.push({ kind: 'ordinal', index })
    this.#type = itemReference(type)
    this.#resource = valueResource(type.type, false)
    this.#signature += `/${index}`
  }

  /** A property's or result's value: which resource it is. */
  #value(type: TypeReference, name: string): void {
    this.#type = type
    this.#resource = valueResource(type.type, type.collection)
    this.#place = placeBehind(this.#place, name)
    this.#signature += `/${name}`
  }

  /** @returns false where the name is no type: it may be an operation's */
  #cast(segment: Segment, name: string, args: readonly ArgumentNode[] | undefined): boolean {
    const type = this.#context.namedType(name)
    if (type === undefined) return false
    const from = this.#type
    const declared = from?.type
    if (from === undefined || declared === undefined || !isStructured(type)) return this.#misplaced(segment)
    if (isStructured(declared) && !isSubtypeOf(type, declared))
      throw new ODataError('resourceNotFound', `'${type.name}' is not derived from '${declared.name}'.`, {
        target: shown(name),
        position: { offset: segment.offset, length: segment.length },
      })
    if (type !== declared) {
      this.#segments.push({ kind: 'cast', type })
      this.#type = { type, collection: from.collection, nullable: from.nullable, facets: {} }
      this.#place = placeBehind(this.#place, type.name)
      this.#signature += `/${type.name}`
    }
    if (args !== undefined) {
      if (this.#resource !== 'entityCollection') return this.#misplacedArguments(segment, name)
      this.#keyPredicate(segment, args)
    }
    return true
  }

  #boundOperation(
    segment: Segment,
    name: string,
    type: TypeReference,
    args: readonly ArgumentNode[] | undefined,
    key: readonly ArgumentNode[] | undefined,
  ): boolean {
    const call = bindBoundOperation(this.#context, name, type, args, segment, this.#explicitBindings())
    if (call === undefined) return false
    const place = this.#resultPlace(call, this.#place)
    const target = place.path.length === 0 ? place.root : undefined
    this.#operation(call, { kind: 'operation', import: undefined, ...call, target }, call.operation.name)
    this.#place = place
    if (key !== undefined) this.#resultKey(segment, key)
    return true
  }

  /** The operations that the resource so far, its type or a base type names itself (Core.ExplicitOperationBindings). */
  #explicitBindings(): readonly string[] {
    const last = this.#segments.findLast(
      ({ kind }) => kind === 'entitySet' || kind === 'singleton' || kind === 'navigation' || kind === 'property',
    )
    const targets: Annotatable[] = []
    if (last?.kind === 'entitySet') targets.push(last.entitySet)
    if (last?.kind === 'singleton') targets.push(last.singleton)
    if (last?.kind === 'navigation' || last?.kind === 'property') targets.push(last.property)
    const type = this.#type?.type
    for (let of = type !== undefined && isStructured(type) ? type : undefined; of !== undefined; of = of.baseType)
      targets.push(of)
    return targets.flatMap(explicitOperationBindings).map((name) => unaliased(this.#model, name))
  }

  /** Where the entities of a bound operation's result stand (EntitySetPath, CSDL 12.6). */
  #resultPlace({ operation }: OperationCall, place: Place): Place {
    const steps = operation.entitySetPath?.split('/')
    const binding = operation.parameters[0]
    if (steps === undefined || binding === undefined || binding.name !== steps[0]) return nowhere
    let result = place
    let type: Type | undefined = binding.type.type
    for (const step of steps.slice(1)) {
      if (type === undefined || !isStructured(type)) return nowhere
      const navigation = type.allNavigationProperties.get(step)
      if (navigation !== undefined) {
        result = follow(this.#model, result, navigation)
        type = navigation.type
        continue
      }
      result = placeBehind(result, step)
      type = step.includes('.') ? this.#context.namedType(step) : type.allProperties.get(step)?.type.type
    }
    return result
  }

  #operation(call: OperationCall, segment: BoundSegment, name: string): void {
    const { operation } = call
    this.#readValues()
    this.#segments.push(segment)
    const args = [...call.arguments].map(([parameter, value]) => `${parameter}=${printBound(value)}`)
    this.#signature += `${this.#signature === '' ? '' : '/'}${name}(${args.join(',')})`
    this.#type = operation.returnType
    if (operation.kind === 'action') this.#resource = operation.bound ? 'actionCall' : 'actionImport'
    else if (operation.returnType !== undefined)
      this.#resource = valueResource(operation.returnType.type, operation.returnType.collection)
  }

  #resultKey(segment: Segment, key: readonly ArgumentNode[]): void {
    if (this.#resource !== 'entityCollection') this.#misplaced(segment)
    this.#keyPredicate(segment, key)
  }

  /** Reads the literals of what was bound last, in the order of their parameters. */
  #readValues(): void {
    const { slots, tokens } = this.#context
    for (let i = this.#values.length; i < slots.length; i++) {
      const slot = slots[i]
      const token = tokens[i]
      if (slot === undefined || token === undefined) throw new Error('invariant: a slot without a literal')
      this.#values.push(readLiteral(slot, token, this.#settings.literals))
    }
  }
}

const nowhere: Place = { root: undefined, path: [] }

/** What can stand alone behind the service root. */
const roots: ReadonlyMap<string, ResourceKind> = new Map<string, ResourceKind>([
  ['$metadata', 'metadata'],
  ['$batch', 'batch'],
  ['$entity', 'entityId'],
  ['$all', 'all'],
])
