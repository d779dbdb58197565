import type {
  AbstractType,
  ComplexType,
  EntitySet,
  EntityType,
  KeyProperty,
  NavigationProperty,
  Operation,
  OperationImport,
  Property,
  Singleton,
  StructuredType,
  TypeReference,
} from '../edm/model.ts'
import type { CollectionValue, PrimitiveValue, StructuredValue } from '../edm/value.ts'
import type { BinaryOperator } from '../url/ast.ts'
import type { Aggregate, Sequence } from './apply/tree.ts'

/**
 * The bound tree: names resolved against the model, every expression typed. It holds no value of a client: literals are
 * parameters, numbered, whose values travel beside the plan (`Bound.parameters`).
 */

/** Which value a numbered parameter takes: the Edm type its text is parsed as. */
export interface ParameterSlot {
  readonly type: TypeReference
  /** the option or key property it stands in, for messages: `$filter`, `id` */
  readonly target?: string
  /** the literal is an array of such values */
  readonly each?: true
  /** its value where that is no text of the client: a constant of the model */
  readonly constant?: PrimitiveValue
}

export interface ExpressionBase {
  /** undefined: the type of the literal null, or of a dynamic property of an open type */
  readonly type: TypeReference | undefined
}

/** A literal: `index` into the parameters of the request. */
export interface ParameterExpression extends ExpressionBase {
  readonly kind: 'parameter'
  readonly index: number
  /** as a parameter of an operation: a structured value, or one of any type; the value is the text of its JSON */
  readonly json?: true
}

/** null, true, false. */
export interface ConstantExpression extends ExpressionBase {
  readonly kind: 'constant'
  readonly value: null | boolean
}

/** One step from a structured value to a member. */
export type MemberStep =
  | { readonly kind: 'property'; readonly property: Property }
  /** a dynamic property of an open type */
  | { readonly kind: 'dynamic'; readonly name: string }
  /** single- or collection-valued */
  | { readonly kind: 'navigation'; readonly property: NavigationProperty }
  /** a cast: null where the value is of another type (collections: left out) */
  | { readonly kind: 'cast'; readonly type: StructuredType }
  /** the item of an ordered collection at a position, counted from the end where negative (U 4.11); null where there is none */
  | { readonly kind: 'ordinal'; readonly index: number }

/**
 * A path from a variable; no steps: the variable itself. Variables: `$it`, the row of the request; inside the nested options
 * of $expand the row is `$this` and `$it` stays the outermost one; those of lambdas and counts, whose names no other variable
 * in scope has (`x`, `x#2`, `$item`). A name that $compute defines is replaced by its expression.
 */
export interface MemberExpression extends ExpressionBase {
  readonly kind: 'member'
  readonly variable: string
  readonly steps: readonly MemberStep[]
}

export interface BinaryExpression extends ExpressionBase {
  readonly kind: 'binary'
  readonly operator: Exclude<BinaryOperator, 'in'>
  readonly left: Expression
  readonly right: Expression
}

export interface UnaryExpression extends ExpressionBase {
  readonly kind: 'unary'
  readonly operator: 'not' | 'negate'
  readonly operand: Expression
}

/** `operand in (items)`; a collection-valued right side is one item whose type is a collection. */
export interface InExpression extends ExpressionBase {
  readonly kind: 'in'
  readonly operand: Expression
  readonly items: readonly Expression[]
}

/** Implicit numeric promotion (U 5.1.1.15) and cast(). A value that does not fit is null. */
export interface ConvertExpression extends ExpressionBase {
  readonly kind: 'convert'
  readonly operand: Expression
  readonly target: TypeReference
  readonly explicit: boolean
}

export interface IsOfExpression extends ExpressionBase {
  readonly kind: 'isOf'
  readonly operand: Expression
  readonly target: TypeReference
}

/** A canonical function (U 5.1.1.5 to 5.1.1.13), by its entry in `functions.ts`. */
export interface CallExpression extends ExpressionBase {
  readonly kind: 'call'
  readonly function: CanonicalFunctionName
  readonly arguments: readonly Expression[]
}

/** any/all (U 5.1.1.13.1); without a predicate `any` asks whether there is an item. */
export interface LambdaExpression extends ExpressionBase {
  readonly kind: 'lambda'
  readonly operator: 'any' | 'all'
  readonly collection: Expression
  readonly variable: string
  readonly predicate: Expression | undefined
}

/** `collection/$count`, with its own filter. */
export interface CountExpression extends ExpressionBase {
  readonly kind: 'count'
  readonly collection: Expression
  readonly filter: Expression | undefined
  readonly variable: string
}

export interface CaseExpression extends ExpressionBase {
  readonly kind: 'case'
  readonly branches: readonly { readonly condition: Expression; readonly value: Expression }[]
}

/** `collection/aggregate(...)` (Aggregation 3.6.1). */
export interface AggregateExpression extends ExpressionBase {
  readonly kind: 'aggregate'
  readonly collection: Expression
  readonly variable: string
  readonly aggregate: Aggregate
}

/** `isdefined(path)` (Aggregation 3.7): whether a property is there, be it null or not. */
export interface DefinedExpression extends ExpressionBase {
  readonly kind: 'defined'
  readonly variable: string
  readonly steps: readonly MemberStep[]
}

/** `[a,b]` with expressions among its items: an ordered collection of them (URL Conventions 5.1.1.14.3). */
export interface ListExpression extends ExpressionBase {
  readonly kind: 'list'
  readonly items: readonly Expression[]
}

/**
 * A call of one of the service's own functions (Protocol 11.5.4.1; ABNF: functionExpr). Its code is called for the rows before they are looked at,
 * so it depends on nothing but the row.
 */
export interface InvocationExpression extends ExpressionBase {
  readonly kind: 'invocation'
  readonly operation: Operation
  /** what it is bound to */
  readonly binding: Expression | undefined
  /** by parameter; those that were left out are missing */
  readonly arguments: ReadonlyMap<string, Expression>
  /** from the result to the value */
  readonly steps: readonly MemberStep[]
}

export type Expression =
  | ParameterExpression
  | ConstantExpression
  | MemberExpression
  | BinaryExpression
  | UnaryExpression
  | InExpression
  | ConvertExpression
  | IsOfExpression
  | CallExpression
  | LambdaExpression
  | CountExpression
  | CaseExpression
  | AggregateExpression
  | DefinedExpression
  | ListExpression
  | InvocationExpression

/** Names of the canonical functions; one table in `functions.ts` gives each its signatures and section. */
export type CanonicalFunctionName =
  | 'concat'
  | 'contains'
  | 'endswith'
  | 'indexof'
  | 'length'
  | 'startswith'
  | 'substring'
  | 'tolower'
  | 'toupper'
  | 'trim'
  | 'matchespattern'
  | 'hassubset'
  | 'hassubsequence'
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'second'
  | 'fractionalseconds'
  | 'date'
  | 'time'
  | 'totaloffsetminutes'
  | 'totalseconds'
  | 'now'
  | 'mindatetime'
  | 'maxdatetime'
  | 'ceiling'
  | 'floor'
  | 'round'
  | 'geo.distance'
  | 'geo.intersects'
  | 'geo.length'

export interface OrderByItem {
  readonly expression: Expression
  readonly descending: boolean
}

/** What of a structured value is written. */
export interface Selection {
  /** all structural properties, declared and dynamic (`*`, or no $select) */
  readonly all: boolean
  /** single properties, with what is selected inside a complex one (undefined: all of it) */
  readonly properties: ReadonlyMap<string, Selection | undefined>
  /** actions and functions, as the context URL names them: nothing else is written of them */
  readonly operations?: readonly string[]
  /** of what is selected inside a collection of primitive or complex values: which items (eval/chosen-items.ts) */
  readonly items?: ItemsSelection
  /** of what is selected inside complex values: what $compute defines there and is selected; the value is `$this` */
  readonly computed?: BoundQuery['compute']
  /** names that what $compute defines of the row itself takes: dynamic properties stored under them are not written */
  readonly taken?: ReadonlySet<string>
}

/** Which items of a collection-valued property are written, as options inside $select say; the item is `$this`. */
export interface ItemsSelection {
  /** of the items */
  readonly type: TypeReference
  readonly filters: readonly Expression[]
  readonly search: SearchExpression | undefined
  readonly orderby: readonly OrderByItem[]
  readonly skip: number
  readonly top: number | undefined
  readonly count: boolean
}

/** One expanded navigation property, with its own bound options. */
export interface ExpandItem {
  /** complex properties and casts before the navigation property */
  readonly path: readonly MemberStep[]
  readonly property: NavigationProperty
  /** `/$ref`, `/$count`, or whole entities */
  readonly as: 'entities' | 'references' | 'count'
  readonly levels: number | 'max'
  /** `$apply` of the related entities: the other options are about what it gives (Aggregation 3.8) */
  readonly apply?: Sequence
  readonly query: BoundQuery
}

/** A stream whose value is wanted: of a property, or (undefined) the media of the entity. */
export interface ExpandedStream {
  /** complex properties and casts between the row and the property */
  readonly path: readonly MemberStep[]
  readonly property: Property | undefined
}

/** The bound query options of one resource. */
export interface BoundQuery {
  readonly filter: Expression | undefined
  readonly orderby: readonly OrderByItem[]
  readonly select: Selection | undefined
  readonly expand: readonly ExpandItem[]
  /** streams that $expand names (JSON Format 9, 10); undefined: none */
  readonly streams?: readonly ExpandedStream[] | undefined
  readonly compute: readonly { readonly alias: string; readonly expression: Expression }[]
  readonly search: SearchExpression | undefined
  readonly top: number | undefined
  readonly skip: number | undefined
  readonly count: boolean
}

export type SearchExpression =
  | { readonly kind: 'term'; readonly index: number; readonly phrase: boolean }
  | { readonly kind: 'and' | 'or'; readonly left: SearchExpression; readonly right: SearchExpression }
  | { readonly kind: 'not'; readonly operand: SearchExpression }

/** A key predicate: one parameter for each key property, in key order. `parameters[i]` is an index into the parameters. */
export interface KeyPredicate {
  readonly key: readonly KeyProperty[]
  readonly parameters: readonly number[]
}

/** One resolved segment of the resource path. */
export type BoundSegment =
  | { readonly kind: 'entitySet'; readonly entitySet: EntitySet }
  /** `type`: of the combinations (crossjoin.ts) */
  | { readonly kind: 'crossjoin'; readonly entitySets: readonly EntitySet[]; readonly type: ComplexType }
  | { readonly kind: 'singleton'; readonly singleton: Singleton }
  | { readonly kind: 'key'; readonly predicate: KeyPredicate }
  | { readonly kind: 'cast'; readonly type: StructuredType }
  | { readonly kind: 'property'; readonly property: Property }
  | { readonly kind: 'dynamicProperty'; readonly name: string }
  | {
      readonly kind: 'navigation'
      readonly property: NavigationProperty
      readonly target: EntitySet | Singleton | undefined
      /** its entities belong to the one that has the property: by ContainsTarget, or because there is no other place for them */
      readonly contained: boolean
    }
  | {
      readonly kind: 'operation'
      readonly operation: Operation
      readonly import: OperationImport | undefined
      readonly arguments: ReadonlyMap<string, Expression>
      /** where the entities of its result stand, as EntitySet or EntitySetPath say */
      readonly target: EntitySet | Singleton | undefined
    }
  | { readonly kind: '$count' | '$value' | '$ref' | '$each' }
  | { readonly kind: '$filter'; readonly predicate: Expression }
  | { readonly kind: 'ordinal'; readonly index: number }

/** What kind of resource the path names (the rows of the option table in `plan/options.ts`). */
export type ResourceKind =
  | 'serviceDocument'
  | 'metadata'
  | 'batch'
  | 'entityId'
  | 'all'
  | 'crossjoin'
  | 'entityCollection'
  | 'entity'
  | 'singleton'
  | 'primitive'
  | 'primitiveCollection'
  | 'complex'
  | 'complexCollection'
  | 'stream'
  | 'untyped'
  /** `/$each`: the entities, or the items, of a collection one by one */
  | 'eachEntity'
  | 'eachItem'
  | 'rawValue'
  | 'mediaStream'
  | 'count'
  | 'reference'
  | 'referenceCollection'
  | 'actionCall'
  | 'actionImport'

/** A resource path, bound. */
export interface BoundPath {
  readonly resource: ResourceKind
  readonly segments: readonly BoundSegment[]
  /** the type of what it names, undefined for documents, counts and actions without result */
  readonly type:
    | TypeReference
    | { readonly type: EntityType | AbstractType; readonly collection: boolean; readonly nullable: boolean }
    | undefined
  /** equal signatures mean equal plans: the path with its keys and arguments as numbered holes */
  readonly signature: string
}

/** A bound request: names resolved, client values apart. */
export interface Bound {
  readonly path: BoundPath
  readonly query: BoundQuery
  /** Edm type of each parameter, by index: the path's first, the query's after */
  readonly slots: readonly ParameterSlot[]
}

/** The values of one request, by parameter index. */
export type Parameters = readonly ParameterValue[]

export type ParameterValue = PrimitiveValue | StructuredValue | CollectionValue | null
