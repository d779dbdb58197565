import type { ODataError } from '../errors/odata-error.ts'

/**
 * The syntax tree of a request URL (URL Conventions 4.01; ABNF in `odata-abnf-construction-rules`). It knows no names: what
 * an identifier means is for `bind/` to say. Offsets and lengths count UTF-16 units of the percent-decoded text of the
 * part they lie in (a path segment, an option's value).
 */

/** Where a node stands in its part of the URL. */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** What a literal looks like; which Edm type it takes is decided by what it meets (bind). */
export type LiteralKind =
  | 'string'
  | 'integer'
  | 'decimal'
  | 'double'
  | 'guid'
  | 'date'
  | 'dateTimeOffset'
  | 'timeOfDay'
  | 'duration'
  | 'binary'
  | 'enum'
  | 'geography'
  | 'geometry'
  | 'json'

/** A literal lifted out of its text: the same text without its literals is the same shape, and so the same plan. */
export interface LiteralToken extends Span {
  readonly literal: LiteralKind
  /** string, duration, binary, geo: what stands between the quotes, unescaped; enum: the member text; else as written */
  readonly text: string
  /** of an enum literal, its qualified type name */
  readonly typeName?: string
  /** its text says what a name of the model would: it is part of the shape (the qualifier of a hierarchy) */
  readonly pinned?: true
}

/** ABNF: primitiveLiteral; `slot` is its index in the `literals` of the part. `null`, `true`, `false` are constants, not lifted. */
export interface LiteralNode extends Span {
  readonly kind: 'literal'
  readonly slot: number
  readonly token: LiteralToken
}

export interface ConstantNode extends Span {
  readonly kind: 'constant'
  readonly value: null | boolean
}

/** ABNF: parameterAlias. */
export interface AliasNode extends Span {
  readonly kind: 'alias'
  readonly name: string
}

/** ABNF: `$it`, `$this`, `$root`, `$now`-like roots of paths; `$these`, the current collection (Aggregation 3.6). */
export type RootName = '$it' | '$this' | '$root' | '$these'

/**
 * ABNF: firstMemberExpr, memberExpr, rootExpr, and collectionPathExpr: names, casts, keys, calls, one after another. A first
 * step `annotation` without a dot may be a parameter alias (`@p/Name`): it is one where the options hold that alias (U 5.1.1.16).
 */
export interface PathNode extends Span {
  readonly kind: 'path'
  readonly root: RootName | undefined
  readonly steps: readonly PathStep[]
}

export type PathStep =
  /** a property, navigation property, lambda variable, or (dotted) a type cast or a bound function's name */
  | (Span & {
      readonly kind: 'name'
      readonly name: string
      readonly arguments: readonly ArgumentNode[] | undefined
      /** a key behind a function's parameters: `ByColor(color='red')(1)`; absent where there is none */
      readonly key?: readonly ArgumentNode[]
    })
  /** ABNF: annotationInFilter: `@Core.Description`, `@Core.Messages#q` */
  | (Span & { readonly kind: 'annotation'; readonly term: string; readonly qualifier: string | undefined })
  | (Span & {
      readonly kind: 'any' | 'all'
      readonly variable: string | undefined
      readonly predicate: ExpressionNode | undefined
    })
  | (Span & { readonly kind: '$count'; readonly options: QueryOptions | undefined })
  | (Span & { readonly kind: '$filter'; readonly predicate: ExpressionNode })
  /** ABNF: aggregateFunctionExpr, behind a collection (Aggregation 3.6.1) */
  | (Span & { readonly kind: 'aggregate'; readonly expression: AggregateNode })
  /** zero-based position in an ordered collection */
  | (Span & { readonly kind: 'ordinal'; readonly index: number })
  | (Span & { readonly kind: '$value' | '$ref' | '*' })

/** Inside the parentheses of a name: positional (`name` undefined) or named. Keys and function parameters look alike. */
export interface ArgumentNode extends Span {
  readonly name: string | undefined
  readonly value: ExpressionNode
}

export type BinaryOperator =
  | 'or'
  | 'and'
  | 'eq'
  | 'ne'
  | 'gt'
  | 'ge'
  | 'lt'
  | 'le'
  | 'has'
  | 'in'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'divby'
  | 'mod'

export interface BinaryNode extends Span {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly left: ExpressionNode
  readonly right: ExpressionNode
}

export interface UnaryNode extends Span {
  readonly kind: 'unary'
  readonly operator: 'not' | 'negate'
  readonly operand: ExpressionNode
}

/** ABNF: methodCallExpr: a canonical function (names without a dot, `geo.` ones, `cast`, `isof`, `case`). */
export interface CallNode extends Span {
  readonly kind: 'call'
  readonly name: string
  readonly arguments: readonly ExpressionNode[]
}

/** ABNF: listExpr, the right side of `in`; also an array in brackets that is not plain JSON: its items are expressions. */
export interface ListNode extends Span {
  readonly kind: 'list'
  readonly items: readonly ExpressionNode[]
}

/** ABNF: arrayOrObject: JSON in expressions and parameter values; lifted like a literal. */
export interface JsonNode extends Span {
  readonly kind: 'json'
  readonly slot: number
  readonly text: string
}

/** ABNF: object, where a member's value is not plain JSON. */
export interface ObjectNode extends Span {
  readonly kind: 'object'
  readonly members: readonly { readonly name: string; readonly value: ExpressionNode }[]
}

/** A bare type name as argument of `cast`, `isof`: qualified, or `Collection(...)`. */
export interface TypeNameNode extends Span {
  readonly kind: 'typeName'
  readonly name: string
  readonly collection: boolean
}

/** `case(condition:value, ...)` (URL Conventions 5.1.1.13.3). */
export interface CaseNode extends Span {
  readonly kind: 'case'
  readonly branches: readonly { readonly condition: ExpressionNode; readonly value: ExpressionNode }[]
}

export type ExpressionNode =
  | LiteralNode
  | ConstantNode
  | AliasNode
  | PathNode
  | BinaryNode
  | UnaryNode
  | CallNode
  | ListNode
  | JsonNode
  | ObjectNode
  | TypeNameNode
  | CaseNode

/** ABNF: orderbyItem. */
export interface OrderByNode extends Span {
  readonly expression: ExpressionNode
  readonly descending: boolean
}

/** ABNF: selectItem: a path (with nested options), `*`, or `namespace.*`. */
export interface SelectNode extends Span {
  readonly path: readonly PathStep[]
  /** the namespace of `Namespace.*` */
  readonly operationsOf: string | undefined
  readonly options: QueryOptions | undefined
}

/** ABNF: expandItem: a path, perhaps ending in `*`, `$ref`, `$count`, `$value`, with nested options and `$levels`. */
export interface ExpandNode extends Span {
  readonly path: readonly PathStep[]
  readonly options: QueryOptions | undefined
}

/** ABNF: computeItem. */
export interface ComputeNode extends Span {
  readonly expression: ExpressionNode
  readonly alias: string
}

/**
 * ABNF: aggregateExpr, aggregateFunctionExpr (Aggregation 3.2.1). A path that ends in `$count` counts; without a method the
 * last name of the path is a custom aggregate.
 */
export interface AggregateNode extends Span {
  readonly operand: ExpressionNode
  /** lower case: a standard method; dotted: a custom one as written; undefined: a count or a custom aggregate */
  readonly method: string | undefined
  readonly from: readonly FromNode[]
  /** undefined where the name of a custom aggregate is the alias, and in the function `aggregate` */
  readonly alias: string | undefined
}

/** ABNF: aggregateFrom, customFrom (Aggregation 3.2.1.5). */
export interface FromNode extends Span {
  readonly properties: readonly PathNode[]
  readonly method: string | undefined
}

/** ABNF: groupbyElement. */
export type GroupingNode =
  | (Span & { readonly kind: 'property'; readonly path: PathNode })
  /** `all`: `rollup($all,...)` of earlier drafts, whose coarsest level is everything; one path without it: a named hierarchy */
  | (Span & { readonly kind: 'rollup'; readonly all: boolean; readonly levels: readonly PathNode[] })
  | (Span & {
      readonly kind: 'rolluprecursive'
      readonly hierarchy: HierarchyNode
      readonly start: ApplyNode | undefined
    })

/** ABNF: recHierReference (Aggregation 6.1). */
export interface HierarchyNode extends Span {
  /** an expression that starts with `$root` */
  readonly nodes: ExpressionNode
  readonly qualifier: string
  /** from the input set to the node identifiers */
  readonly path: PathNode
}

/** ABNF: applyExpr asAlias. */
export interface NestedApplyNode extends Span {
  readonly sequence: ApplyNode
  readonly alias: string
}

/** ABNF: applyTrafo (Aggregation 3, 6). */
export type TransformationNode = Span &
  (
    | { readonly kind: 'aggregate'; readonly expressions: readonly AggregateNode[] }
    | { readonly kind: 'compute'; readonly items: readonly ComputeNode[] }
    | { readonly kind: 'concat'; readonly sequences: readonly ApplyNode[] }
    | { readonly kind: 'groupby'; readonly elements: readonly GroupingNode[]; readonly each: ApplyNode | undefined }
    | { readonly kind: 'filter'; readonly predicate: ExpressionNode }
    | { readonly kind: 'search'; readonly search: SearchNode }
    | { readonly kind: 'orderby'; readonly items: readonly OrderByNode[] }
    | { readonly kind: 'top' | 'skip'; readonly count: number }
    | { readonly kind: 'identity' }
    | {
        readonly kind: 'ranking'
        readonly end: 'top' | 'bottom'
        readonly by: 'count' | 'percent' | 'sum'
        readonly quantity: ExpressionNode
        readonly measure: ExpressionNode
      }
    | {
        readonly kind: 'join' | 'outerjoin'
        readonly path: PathNode
        readonly alias: string
        readonly each: ApplyNode | undefined
      }
    | { readonly kind: 'nest'; readonly nested: readonly NestedApplyNode[] }
    | { readonly kind: 'addnested'; readonly path: PathNode; readonly nested: readonly NestedApplyNode[] }
    | {
        readonly kind: 'ancestors' | 'descendants'
        readonly hierarchy: HierarchyNode
        readonly start: ApplyNode
        readonly distance: number | undefined
        readonly keepStart: boolean
      }
    | {
        readonly kind: 'traverse'
        readonly hierarchy: HierarchyNode
        readonly order: 'preorder' | 'postorder'
        readonly start: ApplyNode | undefined
        readonly orderby: readonly OrderByNode[]
      }
    /** ABNF: customFunction: a bound function of the model */
    | { readonly kind: 'function'; readonly name: string; readonly arguments: readonly ArgumentNode[] }
  )

/** ABNF: applyExpr: a transformation sequence. */
export type ApplyNode = readonly TransformationNode[]

/** ABNF: searchExpr. */
export type SearchNode =
  | (Span & { readonly kind: 'term'; readonly text: string; readonly phrase: boolean; readonly slot: number })
  | (Span & { readonly kind: 'and' | 'or'; readonly left: SearchNode; readonly right: SearchNode })
  | (Span & { readonly kind: 'not'; readonly operand: SearchNode })

/** Of options that assign none. */
export const noAliases: QueryOptions['aliases'] = new Map()

/** The parsed system query options of a URL, or of the parentheses of `$expand`, `$select`, `$count`. */
export interface QueryOptions {
  readonly filter?: ExpressionNode
  readonly orderby?: readonly OrderByNode[]
  readonly select?: readonly SelectNode[]
  readonly expand?: readonly ExpandNode[]
  readonly compute?: readonly ComputeNode[]
  readonly search?: SearchNode
  readonly apply?: ApplyNode
  readonly top?: number
  readonly skip?: number
  readonly count?: boolean
  readonly levels?: number | 'max'
  readonly index?: number
  readonly format?: string
  readonly schemaversion?: string
  readonly skiptoken?: string
  readonly deltatoken?: string
  readonly id?: string
  /** parameter aliases `@p` (U 5.3) */
  readonly aliases: ReadonlyMap<string, ExpressionNode>
  /** custom query options, ignored by the service (U 5.2), seen by hooks */
  readonly custom: ReadonlyMap<string, string>
  /** literals of all options, by slot; nested options share the list of the outermost ones */
  readonly literals: readonly LiteralToken[]
  /**
   * the options' text without their literals (each replaced by its kind): equal shapes bind to equal trees; $format, $skiptoken,
   * $deltatoken and custom options are left out. Empty for nested options: they are part of the outer shape
   */
  readonly shape: string
}

/** One segment of the resource path, percent-decoded once after splitting on `/`; its span counts in the raw path. */
export type Segment = Span & {
  /** the whole segment, decoded: what a key-as-segment or an unknown name is */
  readonly text: string
  readonly syntax: SegmentSyntax
}

export type SegmentSyntax =
  /** `name`, `name(...)`, dotted or not; a name that is no identifier leaves `{kind:'raw'}` */
  | {
      readonly kind: 'name'
      readonly name: string
      readonly arguments: readonly ArgumentNode[] | undefined
      /** a key behind a function's parameters: `ByColor(color='red')(1)`; absent where there is none */
      readonly key?: readonly ArgumentNode[]
      readonly literals: readonly LiteralToken[]
    }
  /** `$metadata`, `$batch`, `$entity`, `$all`, `$count`, `$value`, `$ref`, `$query`, `$each`, `$root` ... */
  | { readonly kind: 'system'; readonly name: string }
  | { readonly kind: '$crossjoin'; readonly entitySets: readonly string[] }
  | { readonly kind: '$filter'; readonly predicate: ExpressionNode; readonly literals: readonly LiteralToken[] }
  /** can only be a key (key-as-segment) or an ordinal; where neither is possible, `fault` says why it is no name */
  | { readonly kind: 'raw'; readonly fault: ODataError }

/** A request URL below the service root. */
export interface RequestUrl {
  readonly segments: readonly Segment[]
  readonly options: QueryOptions
}

/** Limits of the text, checked while it is read (docs/limits.md); each error names the limit. */
export interface UrlLimits {
  /** characters of path and query together */
  readonly urlLength: number
  /** tokens of all options together */
  readonly tokens: number
  /** nested parentheses, operators and calls of an expression */
  readonly expressionDepth: number
  /** items of one list (`in`, key, arguments) */
  readonly listItems: number
  /** items of $expand, $select, $orderby, $compute, transformations and aggregates of $apply, at all levels together */
  readonly optionItems: number
}

export const defaultUrlLimits: UrlLimits = {
  urlLength: 16_384,
  tokens: 2_000,
  expressionDepth: 64,
  listItems: 500,
  optionItems: 200,
}
