import type { AggregateItem, CalculatedParameter, Sequence } from '../bind/apply/tree.ts'
import type { Place } from '../bind/binding-targets.ts'
import type {
  BoundQuery,
  ExpandedStream,
  ExpandItem,
  Expression,
  InvocationExpression,
  KeyPredicate,
  MemberStep,
  OrderByItem,
  ParameterSlot,
  SearchExpression,
  Selection,
} from '../bind/tree.ts'
import type {
  Annotatable,
  ComplexType,
  EntitySet,
  EntityType,
  NavigationProperty,
  Operation,
  OperationImport,
  Property,
  Singleton,
  StructuredType,
  TypeReference,
} from '../edm/model.ts'
import type { BodyRule, PlanConditions } from './capabilities/verdict.ts'
import type { Linked } from './linking.ts'
import type { NestingPlace } from './nested.ts'

/**
 * Plans: what a request asks for, as frozen data without a principal and without a client's values (those are numbered
 * parameters). A plan is cacheable: equal path signatures and option shapes give the same one.
 */

/** What the caller must hold: of every entry, one alternative (Capabilities ReadRestrictions.Permissions and kin). */
export interface Requirement {
  /** for messages: the resource or path it protects */
  readonly path: string
  readonly anyOf: readonly { readonly scheme: string; readonly scope: string }[]
}

/**
 * The entities that a containment navigation property holds. One object for each property, whoever owns the entities;
 * `Source.owner` says whose are meant.
 */
export interface ContainedCollection extends Annotatable {
  readonly kind: 'contained'
  /** qualified name of the declaring type, slash, name of the property: row filters and controllers go by it */
  readonly name: string
  readonly type: EntityType
  readonly property: NavigationProperty
}

/**
 * What an operation gives, as rows: the entities of its result, or where it gives none one row whose property `value` holds it.
 * One object for each plan: the service calls the operation once a request, however often the rows are asked for.
 */
export interface OperationResult extends Annotatable {
  readonly kind: 'result'
  /** name of the operation */
  readonly name: string
  /** of the entities, else a type of its own */
  readonly type: EntityType
  /** `value` of that type; undefined: the result is entities */
  readonly value: Property | undefined
  /** where the entities stand, as EntitySet or EntitySetPath say */
  readonly set: EntitySet | Singleton | undefined
  readonly call: OperationCall
}

/** One call of an operation (Protocol 11.5). */
export interface OperationCall {
  readonly operation: Operation
  readonly import: OperationImport | undefined
  /** by parameter; those of an action stand in the body */
  readonly arguments: ReadonlyMap<string, Expression>
  /** what the operation is bound to */
  readonly binding: ReadPlan | undefined
  /** number of the request's own parameters: the call knows nothing of those that come behind them */
  readonly parameters: number
}

/** What rows stand in. */
export type SourceRoot = EntitySet | Singleton | ContainedCollection | OperationResult

/** Where rows come from: one collection, narrowed step by step. Navigation to it is behind it (`Hop`). */
export interface Source {
  readonly root: SourceRoot
  /**
   * Of a contained collection: index of the parameter that holds the owner's path (bson/layout.ts); a list of paths where a
   * store that is far away is asked for the rows of many owners, in no order (`Expansion.many`).
   */
  readonly owner?: number
  readonly steps: readonly SourceStep[]
  /** declared type of the rows after the last step */
  readonly type: EntityType
  /** whether it names at most one row */
  readonly single: boolean
}

export type SourceStep =
  | { readonly kind: 'key'; readonly predicate: KeyPredicate }
  | { readonly kind: 'cast'; readonly type: StructuredType }
  | { readonly kind: 'filter'; readonly predicate: Expression }
  /** those whose key, of several parts, is in a list: a parameter (bson/link-keys.ts) */
  | { readonly kind: 'keys'; readonly parameter: number }

/**
 * One step of navigation on the way to a plan's source: a row that must be there, and what of it becomes parameters, numbered
 * on from those before. The service takes the hops one after the other (service/hops.ts); stores see flat sources.
 */
export interface Hop {
  /**
   * Reads the row that has the navigation property, which must be there. Where its source is not single: finds the entity that
   * the property leads to, if any, by conditions.
   */
  readonly plan: ReadPlan
  /** undefined: no navigation, an alternate key; the row gives the entity's own */
  readonly property: NavigationProperty | undefined
  readonly values: readonly HopValue[]
}

export type HopValue =
  /**
   * the row's path and what leads from it to the navigation property: the owner of contained entities; `within`: complex properties that the
   * row must have values of: without them nothing is there
   */
  | { readonly kind: 'owner'; readonly suffix: string; readonly within?: readonly Property[] }
  /** a value of the row; where it must be there and is null, nothing is related */
  | { readonly kind: 'member'; readonly expression: Expression; readonly required: boolean }
  | ListedKeys

/** Keys of related entities that the row lists (`@links`; bson/link-keys.ts). */
export interface ListedKeys {
  readonly kind: 'links'
  /** name of the list (suffix.ts) */
  readonly list: string
  /** complex properties that the row must have values of: without them nothing is related */
  readonly within: readonly Property[]
  /** whose keys they are */
  readonly type: EntityType
  /** a value of the first key, by the number of its key property; undefined: all keys, as a list */
  readonly part: number | undefined
  /** where the value must be there and is not, nothing is related */
  readonly required: boolean
}

/** One expanded navigation property: how its entities are read (plan/expansion.ts, service/expand.ts). */
export interface Expansion {
  readonly item: ExpandItem
  /** declared type of the entities */
  readonly type: EntityType
  /** what a parent gives as parameters, numbered on from those of the request */
  readonly values: readonly HopValue[]
  /** values of the outermost row (`$it`), numbered on from `values` */
  readonly outer: readonly Expression[]
  /** with the parameters of `one` where `outer` has values, else the request's */
  readonly computed?: ComputedValues
  /** whether `one` names its entity by key */
  readonly keyed: boolean
  /** the entities of one parent, in order; of a single-valued property the first one counts */
  readonly one: ReadPlan
  /** the entities of many parents, in no order: the first parameter takes a list; undefined: read by key, parent by parent */
  readonly many: { readonly plan: ReadPlan; readonly matching: Matching } | undefined
  /** the order in which a parent has its entities */
  readonly orderby: readonly OrderByItem[]
  readonly expansions: readonly Expansion[]
  /** each item of a collection of complex values in the parent has entities of its own: `values` are those of an item */
  readonly items?: ExpandedItems
}

/** The items of a collection of complex values that a navigation property is expanded of. */
export interface ExpandedItems {
  /** to the collection, from the row */
  readonly path: readonly MemberStep[]
  /** declared type of the items */
  readonly declared: StructuredType
  /** types that an item must be of */
  readonly casts: readonly StructuredType[]
}

/** How an entity says which parents it belongs to. */
export type Matching =
  /** by the owner's path in its key */
  | { readonly kind: 'owner' }
  /** its values of these expressions are the parent's; `each`: its value, or its key, is in the list that the parent gives */
  | { readonly kind: 'values'; readonly members: readonly Expression[]; readonly each: boolean }

/** A filter or order that follows navigation properties (plan/related.ts, service/related.ts). */
export interface RelatedQuery {
  /** what the store is asked for: the part of the filter that looks at the rows alone, the order unless it follows navigation */
  readonly base: ReadPlan
  /** the part of the filter that follows navigation properties or calls functions */
  readonly filter: Expression | undefined
  /** whether the order does */
  readonly sorted: boolean
  readonly nodes: readonly RelationNode[]
  readonly semiJoin?: SemiJoin
  /** the functions of the service that filter and order call, those that others take as arguments first */
  readonly calls: readonly RowCall[]
  /** where functions are called: the part of the filter that calls none, which is asked before */
  readonly before?: Expression
}

/** A call of a function for each row. */
export interface RowCall {
  readonly call: InvocationExpression
  /** where the entities stand that it is bound to; undefined: it is not bound to entities */
  readonly root: SourceRoot | undefined
}

/** A part of a filter that few related entities may fulfil: they are found first, and the rows by their keys (plan/semi-join.ts). */
export interface SemiJoin {
  readonly part: Expression
  /** the related entities that fulfil it */
  readonly target: ReadPlan
  /** what of them leads to the rows */
  readonly key: Property
  /** the base, and one of the keys: a list, as the parameter behind all others */
  readonly narrowed: ReadPlan
}

export interface RelationNode {
  /** complex properties between the row and the navigation property */
  readonly via: readonly MemberStep[]
  readonly expansion: Expansion
  readonly nodes: readonly RelationNode[]
}

/** The bytes of a stream instead of JSON (Protocol 11.2.4.1, 11.4.7, 11.4.8). */
export interface StreamTarget {
  /** path from the row to the stream property; empty: the media of the row, which is a media entity */
  readonly path: readonly MemberStep[]
  /** undefined: the media of the row */
  readonly property: Property | undefined
  /** the value is taken away */
  readonly removed?: true
}

/** One property of a row, or items of a collection in it, changed by themselves (Protocol 11.4.9 to 11.4.11, 11.4.13, 11.4.14). */
export interface PropertyTarget {
  /** from the row to what changes; casts and positions must meet what is stored */
  readonly path: readonly MemberStep[]
  /** of the value at the path; undefined: a dynamic property */
  readonly reference: TypeReference | undefined
  /** `set`: a value in place of the old one; `merge`: into a complex value; `clear`: null, or no items; `append`: one more item */
  readonly change: 'set' | 'merge' | 'clear' | 'append'
  /** it is these items of the collection at the path that change, each for itself (`/$each`) */
  readonly each?: ItemsQuery
  /** the body is the value alone (`$value`) */
  readonly raw: boolean
  /** the annotations that keep parts of the value as they are: paths from the value */
  readonly kept: readonly BodyRule[]
  /** reads what `return=representation` answers */
  readonly shown: ReadPlan
}

/** What $compute defines and $select names: evaluated for each row that is written (Protocol 11.2.5.3; service/computed.ts). */
export interface ComputedValues {
  readonly items: BoundQuery['compute']
  /** where they look at more than the rows: at related entities, or at what functions give */
  readonly related?: RelatedQuery
}

interface PlanBase extends PlanConditions {
  readonly computed?: ComputedValues
  /** what is read or written is a stream */
  readonly stream?: StreamTarget
  readonly requires: readonly Requirement[]
  /** types of the parameters, by index */
  readonly slots: readonly ParameterSlot[]
  /** values of `$root`; none: undefined */
  readonly roots?: readonly RootValue[]
  /** navigation before the source, in order; none: undefined */
  readonly hops?: readonly Hop[]
}

/** A value that is read before everything else, and the parameter that takes it (`$root`; service/roots.ts). */
export type RootValue =
  | { readonly kind: 'count'; readonly parameter: number; readonly plan: CountPlan }
  /** of the row that `plan` reads */
  | { readonly kind: 'value'; readonly parameter: number; readonly plan: ReadPlan; readonly expression: Expression }

/** A property of a new entity that its place in the URL decides: the foreign key to the entity before it. */
export interface FixedValue {
  readonly property: string
  readonly parameter: number
}

/** Which items of a collection-valued property are wanted (plan/items.ts). */
export interface ItemsQuery {
  /** of the items, after casts */
  readonly type: TypeReference
  /** as the property declares them */
  readonly declared: TypeReference
  /** only the value itself says whether it is a collection */
  readonly undeclared?: true
  readonly casts: readonly StructuredType[]
  readonly filters: readonly Expression[]
  readonly search: SearchExpression | undefined
  readonly orderby: readonly OrderByItem[]
  readonly skip: number
  readonly top: number | undefined
  readonly count: boolean
}

/** Rows of a source, or a member of one row. */
export interface ReadPlan extends PlanBase {
  readonly kind: 'read'
  readonly source: Source
  /** path from the row to the property asked for (`/set(key)/address/city`); empty: the row itself */
  readonly member: readonly MemberStep[]
  /** type of the member; undefined where the row itself is asked for */
  readonly memberType: TypeReference | undefined
  /** of a collection-valued member */
  readonly items?: ItemsQuery
  /** `$value`: the value alone, not its JSON; of `items` their number (`/$count`) */
  readonly raw: boolean
  /** `$ref`: entity references instead of entities */
  readonly references?: true
  /** why changes of the rows cannot be tracked (plan/tracking.ts); undefined: they can */
  readonly untracked?: string
  /** where filter or order follow navigation properties */
  readonly related?: RelatedQuery
  readonly filter: Expression | undefined
  readonly search: SearchExpression | undefined
  readonly compute: BoundQuery['compute']
  /** as the client wrote it, then the key properties not yet in it: a total order */
  readonly orderby: readonly OrderByItem[]
  readonly select: Selection | undefined
  readonly expand: readonly ExpandItem[]
  readonly expansions?: readonly Expansion[]
  /** streams whose values are given with the entities */
  readonly streams?: readonly ExpandedStream[]
  readonly top: number | undefined
  readonly skip: number | undefined
  readonly count: boolean
}

/** The number of rows (`/$count`), after filter and search. */
export interface CountPlan extends PlanBase {
  readonly kind: 'count'
  readonly source: Source
  /** where filter or order follow navigation properties */
  readonly related?: RelatedQuery
  readonly filter: Expression | undefined
  readonly search: SearchExpression | undefined
}

/**
 * A collection transformed (`$apply`, Data Aggregation 4.0) or looked at as a whole (`$these`): the rows that the store finds, what
 * becomes of them in memory (eval/apply), and which of the outcome is written.
 */
export interface ApplyPlan extends PlanBase {
  readonly kind: 'apply'
  /** the rows, without a window; what comes first of the sequence and the store can say is said here */
  readonly base: ReadPlan
  /** the first step of the sequence where a store may group and aggregate the rows by itself */
  readonly group: GroupPlan | undefined
  readonly source: Source
  /** where the rows stand, for bindings */
  readonly place: Place
  readonly sequence: Sequence
  /** $orderby, then what tells the instances apart where that is known */
  readonly orderby: readonly OrderByItem[]
  readonly calculated: readonly CalculatedParameter[]
  /** whether `orderby` tells all instances apart: pages go by its values, else by position */
  readonly keyed: boolean
  /** `/$count`: only how many there are */
  readonly counting: boolean
  readonly select: Selection | undefined
  /** undefined: what transformations expand by default */
  readonly expand: readonly ExpandItem[] | undefined
  readonly top: number | undefined
  readonly skip: number | undefined
  readonly count: boolean
}

/** A groupby, or an aggregate of everything, over the rows of a read: properties and values of the rows alone. */
export interface GroupPlan {
  readonly base: ReadPlan
  /** grouping properties of the rows' type; undefined: all rows are one group, even where there are none */
  readonly properties: readonly Property[] | undefined
  readonly items: readonly AggregateItem[]
}

/** A new entity in a collection. */
export interface CreatePlan extends PlanBase {
  readonly kind: 'create'
  readonly source: Source
  /** for what its body nests or refers to */
  readonly nesting?: NestingPlace
  /** the entity that it is linked to, as the URL says */
  readonly linked?: LinkedTo
  readonly fixed?: readonly FixedValue[]
  readonly select: Selection | undefined
  readonly expand: readonly ExpandItem[]
  readonly expansions?: readonly Expansion[]
  /** streams whose values are given with the entities */
  readonly streams?: readonly ExpandedStream[]
}

/** PATCH (merge) or PUT (replace) of one entity. */
export interface UpdatePlan extends PlanBase {
  readonly kind: 'update'
  readonly source: Source
  readonly replace: boolean
  /** undefined: the entity changes, not one property of it */
  readonly property?: PropertyTarget
  /** for what its body nests or refers to */
  readonly nesting?: NestingPlace
  /** whether a missing entity is created (P 11.4.4); false where the service makes the key */
  readonly upsert: boolean
  readonly fixed?: readonly FixedValue[]
  readonly select: Selection | undefined
  readonly expand: readonly ExpandItem[]
  readonly expansions?: readonly Expansion[]
  /** streams whose values are given with the entities */
  readonly streams?: readonly ExpandedStream[]
}

/** Changes of the entities of a collection: of each (`/$each`), or of those that the body says (Protocol 11.4.12 to 11.4.14). */
export interface MembersPlan extends PlanBase {
  readonly kind: 'members'
  /** `delta`: what the body says of each; `replace`: the body is all there will be */
  readonly change: 'updateEach' | 'deleteEach' | 'callEach' | 'delta' | 'replace'
  /** of `updateEach`: what of the updated members is shown; undefined: nobody says */
  readonly shown?: Pick<ReadPlan, 'select' | 'expand'>
  /** of `callEach`: the operation, and where the entities of its results stand */
  readonly call?: { readonly operation: Operation; readonly target: EntitySet | Singleton | undefined }
  /** the entities, in the order of their keys */
  readonly rows: ReadPlan
  /** the collection is what this navigation property relates, without containing it: it is changed with the entity that has it */
  readonly relatedBy?: NavigationProperty
  /** none of them is changed without its ETag (Core.OptimisticConcurrency) */
  readonly guarded?: true
}

export interface DeletePlan extends PlanBase {
  readonly kind: 'delete'
  readonly source: Source
  /** where its entity stands, for bindings */
  readonly place?: Place
}

/** An entity, and a navigation property of it that leads to others. */
export interface LinkedTo {
  readonly entity: ReadPlan
  /** where it stands, for bindings */
  readonly place: Place
  readonly linking: Linked
}

/** A change of the relations of one entity (`$ref`; Protocol 11.4.6). */
export interface ReferencePlan extends PlanBase, LinkedTo {
  readonly kind: 'reference'
  /** `add` and `set` take one reference, `replace` a collection of them, `remove` the one that `$id` names, `clear` all */
  readonly change: 'add' | 'set' | 'replace' | 'remove' | 'clear'
  /** the term that keeps what is related: nothing may be parted */
  readonly kept?: string
  /** of `remove`: the related entity that the path names by key, and the navigation to it; undefined: `$id` does */
  readonly related?: { readonly plan: ReadPlan; readonly hops: readonly Hop[] }
}

/** POST to an action (Protocol 11.5.5). A function is no plan of its own: its result is what a plan reads. */
export interface InvokePlan extends PlanBase {
  readonly kind: 'invoke'
  readonly call: OperationCall
  /** reads the result; undefined where the action gives none */
  readonly read: ReadPlan | undefined
}

export interface MetadataPlan extends PlanBase {
  readonly kind: 'metadata'
}

export interface ServiceDocumentPlan extends PlanBase {
  readonly kind: 'serviceDocument'
}

/** The requests of a batch have plans of their own (Protocol 11.7). */
export interface BatchPlan extends PlanBase {
  readonly kind: 'batch'
}

/** One entity set or singleton of `$all`. */
export interface AllPart {
  /** reads its entities; of a singleton without conditions */
  readonly plan: ReadPlan
  /** of a singleton: the plan with the conditions that it is to meet */
  readonly condition: ReadPlan | undefined
  /** the client's order, of its entities: how they stand among those of other parts */
  readonly order: readonly OrderByItem[]
}

/** All entities of the service (U 4.16), part after part (service/all.ts). What the caller must hold stands in the parts. */
export interface AllPlan extends PlanBase {
  readonly kind: 'all'
  /** the type of a cast; undefined: entities of any type */
  readonly type: EntityType | undefined
  readonly parts: readonly AllPart[]
  /** whether the order goes over several parts; else one stands behind the other */
  readonly sorted: boolean
  readonly select: Selection | undefined
  readonly expand: readonly ExpandItem[]
  readonly top: number | undefined
  readonly skip: number | undefined
  readonly count: boolean
}

/** One entity set of a `$crossjoin`. */
export interface JoinedSet {
  /** of the combination's type; named like the set */
  readonly property: NavigationProperty
  /** its rows, with the conditions on it alone */
  readonly plan: ReadPlan
  /** its entity is written, not a link to it */
  readonly expanded: boolean
}

/** The combinations of the entities of some sets (U 4.15), made by the service (service/crossjoin.ts). */
export interface CrossjoinPlan extends PlanBase {
  readonly kind: 'crossjoin'
  readonly type: ComplexType
  readonly sets: readonly JoinedSet[]
  /** values that must be equal: each an expression of the rows of one set, by its index */
  readonly joins: readonly {
    readonly earlier: { readonly set: number; readonly expression: Expression }
    readonly later: { readonly set: number; readonly expression: Expression }
  }[]
  /** conditions on several sets */
  readonly filter: Expression | undefined
  /** the client's, then all keys */
  readonly orderby: readonly OrderByItem[]
  /** whether the client asks for an order */
  readonly sorted: boolean
  readonly select: Selection | undefined
  readonly top: number | undefined
  readonly skip: number | undefined
  readonly count: boolean
}

/** Plans a store executes. */
export type StorePlan = ReadPlan | CountPlan | CreatePlan | UpdatePlan | DeletePlan
export type Plan =
  | StorePlan
  | ApplyPlan
  | CrossjoinPlan
  | AllPlan
  | MembersPlan
  | ReferencePlan
  | InvokePlan
  | MetadataPlan
  | ServiceDocumentPlan
  | BatchPlan
