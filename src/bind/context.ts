import { nearestName } from '../base/text.ts'
import { isTagged } from '../edm/annotations.ts'
import type { EntitySet, EntityType, Model, NamedType, StructuredType, Type, TypeReference } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import type { ErrorCode } from '../errors/codes.ts'
import { ODataError } from '../errors/odata-error.ts'
import {
  type AggregateNode,
  type AliasNode,
  type ApplyNode,
  defaultUrlLimits,
  type ExpressionNode,
  type JsonNode,
  type LiteralNode,
  type LiteralToken,
  type PathNode,
  type SearchNode,
  type Span,
} from '../url/ast.ts'
import { parseExpression } from '../url/parse-options.ts'
import type { CalculatedParameter, Sequence, Shape } from './apply/tree.ts'
import type { RootReference } from './root.ts'
import type { Expression, ParameterExpression, ParameterSlot } from './tree.ts'
import { builtInTypes, stringReference } from './type-references.ts'

/** A name that stands for a value while an expression is evaluated. */
export interface Variable {
  /** as the client writes it */
  readonly name: string
  /** as the bound tree calls it: unique among those in scope, so that evaluators meet no shadowing */
  readonly id: string
  readonly type: TypeReference | undefined
  /** the lambda variable around this one */
  readonly outer: Variable | undefined
}

/** What names mean where an expression stands. */
export interface Scope {
  /** what paths without a prefix start from; `$this` */
  readonly implicit: Variable
  /** inside lambdas: where a name is looked for that `implicit` has not */
  readonly outerImplicit: Variable | undefined
  /** what `$it` names; undefined inside nested options, where it is a row of another query */
  readonly it: Variable | undefined
  /** lambda variables, innermost first */
  readonly lambdas: Variable | undefined
  /** expressions of `$compute`, by alias */
  readonly computed: ReadonlyMap<string, Expression> | undefined
  /** what `$these` names (Aggregation 3.6) */
  readonly these?: CurrentCollection | undefined
}

/** The collection that expressions are evaluated for, and what of it is calculated once for all its instances. */
export interface CurrentCollection {
  readonly shape: Shape
  readonly set: EntitySet | undefined
  readonly calculated: CalculatedParameter[]
}

/** Binds what Data Aggregation adds to expressions; given to the context like the binder of expressions. */
export interface AggregationBinder {
  /** `$these/aggregate(...)`, `$these/$count` */
  readonly these: (context: BindContext, node: PathNode, scope: Scope) => Expression
  /** `collection/aggregate(...)` */
  readonly aggregate: (
    context: BindContext,
    node: AggregateNode,
    collection: Expression,
    variable: Variable,
    scope: Scope,
  ) => Expression
  /** `$apply` of related entities */
  readonly sequence: (context: BindContext, nodes: ApplyNode, type: StructuredType) => Sequence
  /** `Aggregation.isdescendant(...)` and its kin, `Aggregation.rollupnode()`; undefined: another function */
  readonly hierarchy: (context: BindContext, node: PathNode, scope: Scope) => Expression | undefined
}

/** Binds one node; given to the context so that the files of this room need not import each other in a ring. */
export type ExpressionBinder = (context: BindContext, node: ExpressionNode, scope: Scope) => Expression

/**
 * Nodes bound for one request, aliases and computed expressions counted each time they are used: what keeps
 * `@a=@b and @b&@b=@c and @c&...` from growing without end.
 */
export const maxBoundNodes = 20_000
/** Aliases inside aliases. */
export const maxAliasDepth = 8

/** In place of the literal of a slot whose value is calculated. */
export const calculatedSlot = -2

const missingAlias: ExpressionNode = { kind: 'constant', value: null, offset: 0, length: 0 }

/** State of binding one request: the parameters met so far, and where faults are reported. */
export class BindContext {
  readonly model: Model
  aliases: ReadonlyMap<string, ExpressionNode>
  readonly firstSlot: number
  readonly bind: ExpressionBinder
  readonly slots: ParameterSlot[] = []
  /** which literal of the options each slot takes; -1: none, its value is known already */
  readonly literalSlots: number[] = []
  /** the literal itself */
  readonly tokens: (LiteralToken | undefined)[] = []
  /** the option or segment that faults are about */
  target: string
  /** custom query options, where they may be parameters of a function */
  custom: ReadonlyMap<string, string> = new Map()
  aliasDepth = 0
  /** what of `$root` the parameters stand for; undefined: `$root` has no meaning here */
  roots: RootReference[] | undefined
  aggregation: AggregationBinder | undefined
  /** nodes that the rolluprecursive operators around the place hold, the outermost first */
  rollupNodes: readonly { readonly name: string; readonly type: EntityType }[] = []
  #nodes = 0

  constructor(
    model: Model,
    aliases: ReadonlyMap<string, ExpressionNode>,
    firstSlot: number,
    target: string,
    bind: ExpressionBinder,
  ) {
    this.model = model
    this.aliases = aliases
    this.firstSlot = firstSlot
    this.target = target
    this.bind = bind
  }

  /**
   * A refusal of the text that `node` came from.
   * @throws ODataError always
   */
  fail(code: ErrorCode, message: string, node: Span): never {
    throw new ODataError(code, message, {
      target: this.target,
      position: { offset: node.offset, length: node.length },
    })
  }

  /** Refuses what the standard has and odatum has not. */
  notImplemented(construct: string, node: Span): never {
    return this.fail('notImplemented', `${construct} is not implemented by this service.`, node)
  }

  /** Counts bound nodes. @throws ODataError urlLimitExceeded past `maxBoundNodes` */
  countNodes(count: number, node: Span): void {
    this.#nodes += count
    if (this.#nodes > maxBoundNodes)
      this.fail('urlLimitExceeded', `The request has more than ${maxBoundNodes} expression nodes.`, node)
  }

  /**
   * A parameter for a literal, whose text is read as `type`.
   * @param each it is an array of such values, collections themselves
   */
  parameter(node: LiteralNode | JsonNode, type: TypeReference, each = false): ParameterExpression {
    const index = this.firstSlot + this.slots.length
    this.slots.push({ type, target: this.target, ...(each ? { each } : {}) })
    this.literalSlots.push(node.slot)
    this.tokens.push(
      node.kind === 'literal'
        ? node.token
        : { literal: 'json', text: node.text, offset: node.offset, length: node.length },
    )
    return { kind: 'parameter', index, type }
  }

  /** A parameter for a term of `$search`. */
  searchTerm(node: SearchNode & { kind: 'term' }): number {
    const index = this.firstSlot + this.slots.length
    this.slots.push({ type: stringReference, target: this.target })
    this.literalSlots.push(node.slot)
    this.tokens.push({ literal: 'string', text: node.text, offset: node.offset, length: node.length })
    return index
  }

  /** A parameter whose value the caller knows. */
  knownParameter(type: TypeReference, target: string): number {
    const index = this.firstSlot + this.slots.length
    this.slots.push({ type, target })
    this.literalSlots.push(-1)
    this.tokens.push(undefined)
    return index
  }

  /** A parameter for a constant that the model says. */
  constantParameter(type: TypeReference, constant: PrimitiveValue): ParameterExpression {
    const index = this.firstSlot + this.slots.length
    this.slots.push({ type, target: this.target, constant })
    this.literalSlots.push(calculatedSlot)
    this.tokens.push(undefined)
    return { kind: 'parameter', index, type }
  }

  /** A parameter whose value is calculated while the request runs. */
  calculatedParameter(type: TypeReference): ParameterExpression {
    const index = this.firstSlot + this.slots.length
    this.slots.push({ type, target: this.target })
    this.literalSlots.push(calculatedSlot)
    this.tokens.push(undefined)
    return { kind: 'parameter', index, type }
  }

  /**
   * What a parameter alias stands for (URL Conventions 5.3); one without a value is null.
   * @throws ODataError urlSyntax where aliases go in a ring
   */
  aliasValue(node: AliasNode): ExpressionNode {
    let value: ExpressionNode = node
    for (let i = 0; value.kind === 'alias'; i++) {
      if (i >= maxAliasDepth) this.fail('urlSyntax', `The parameter alias '@${node.name}' has no end.`, node)
      value = this.aliases.get(value.name) ?? missingAlias
    }
    return value
  }

  /** Binds nested options: the aliases that they assign hold inside them only, those around them too (Protocol 13.1.2; ABNF: expandOption). */
  within<T>(aliases: ReadonlyMap<string, ExpressionNode>, bind: () => T): T {
    const outer = this.aliases
    if (aliases.size === 0 || aliases === outer) return bind()
    this.aliases = new Map([...outer, ...aliases])
    try {
      return bind()
    } finally {
      this.aliases = outer
    }
  }

  /** A custom query option, read as the value of an implicit parameter alias. @throws ODataError urlSyntax */
  optionValue(name: string): ExpressionNode | undefined {
    const text = this.custom.get(name)
    return text === undefined ? undefined : parseExpression(text, defaultUrlLimits, name).expression
  }

  /** The literal that a node is, directly or by an alias. */
  literalOf(node: ExpressionNode): LiteralNode | JsonNode | undefined {
    if (node.kind === 'literal' || node.kind === 'json') return node
    if (node.kind !== 'alias') return undefined
    const value = this.aliasValue(node)
    return value.kind === 'literal' || value.kind === 'json' ? value : undefined
  }

  /**
   * The type of a qualified name, whose namespace may be an alias, or of a short name in a default namespace; undefined
   * where the model has none.
   */
  namedType(name: string): NamedType | undefined {
    if (!name.includes('.')) return inDefaultNamespace(this.model, name, (full) => this.model.types.get(full))
    return this.model.types.get(name) ?? this.model.types.get(unaliased(this.model, name))
  }

  /** Whether a name behind a structured value is a cast: qualified, or no member and a type of a default namespace. */
  isCast(name: string, type: Type | undefined): boolean {
    if (name.includes('.')) return true
    if (type !== undefined && isStructured(type) && hasMember(type, name)) return false
    return this.namedType(name) !== undefined
  }

  /** Any type of a qualified name, built-in ones too. @throws ODataError nameNotFound */
  typeOf(name: string, node: Span): Type {
    return (
      builtInTypes.get(name) ??
      this.namedType(name) ??
      this.fail('nameNotFound', notFound('type', name, [...this.model.types.keys(), ...builtInTypes.keys()]), node)
    )
  }
}

/** Whether a structured type declares a property or navigation property. */
export function hasMember(type: StructuredType, name: string): boolean {
  return type.allProperties.has(name) || type.allNavigationProperties.has(name)
}

const defaultNamespaceTerm = 'Org.OData.Core.V1.DefaultNamespace'
const defaultNamespaces = new WeakMap<Model, readonly string[]>()

/** What a short name means in the namespaces whose names need no prefix (Core.DefaultNamespace). */
export function inDefaultNamespace<T>(
  model: Model,
  name: string,
  find: (qualifiedName: string) => T | undefined,
): T | undefined {
  let namespaces = defaultNamespaces.get(model)
  if (namespaces === undefined) {
    namespaces = [...model.schemas, ...model.includedSchemas]
      .filter((schema) => isTagged(schema, defaultNamespaceTerm))
      .map(({ namespace }) => namespace)
    defaultNamespaces.set(model, namespaces)
  }
  for (const namespace of namespaces) {
    const found = find(`${namespace}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** A qualified name with its alias replaced by the namespace it stands for (CSDL 4.2, 5.2). */
export function unaliased(model: Model, name: string): string {
  const dot = name.lastIndexOf('.')
  const namespace = dot < 0 ? undefined : model.aliases.get(name.slice(0, dot))
  return namespace === undefined ? name : namespace + name.slice(dot)
}

/** `The type 'x' does not exist. Did you mean 'y'?` */
export function notFound(what: string, name: string, candidates: Iterable<string>, of?: string): string {
  const near = nearestName(name, candidates)
  const place = of === undefined ? '' : ` on ${of}`
  return `The ${what} '${shown(name)}' does not exist${place}.${near === undefined ? '' : ` Did you mean '${near}'?`}`
}

/** What Edm.EntityType, the type of entities of any type, has no property for. */
export function anyTypeHasNot(name: string): string {
  return `Entities of any type have no property '${shown(name)}': write Namespace.Type/property, or $all/Namespace.Type.`
}

/** Text of a client as it is quoted in messages: not endless. */
export function shown(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 97)}...`
}
