import type { EntitySet, Operation, StructuredType, TypeReference } from '../../edm/model.ts'
import type { Expression, MemberStep, OrderByItem, SearchExpression } from '../tree.ts'

/**
 * The bound tree of `$apply` (Data Aggregation 4.0). Each transformation turns a collection of instances into another one; what an
 * instance may have is told by its shape. `rollup` and `from` are not in it: they are written out by the rules that define them.
 */

/** What the instances of an input or output set are like (Aggregation 3.1.1). */
export interface Shape {
  /** the input type; with the dynamic properties that transformations have added, as a type of its own (`dynamic.ts`) */
  readonly type: StructuredType
  /** what every instance has for certain, as far as it is written */
  readonly presence: Presence
  /** expressions that tell the instances apart; undefined: nothing that is known does, an empty list: there is one instance */
  readonly key: readonly Expression[] | undefined
  /** whether the order of the instances means something */
  readonly ordered: boolean
  /** aliases of navigation that are not expanded by default (Aggregation 3.5.1) */
  readonly hidden: ReadonlySet<string>
}

/** Properties that all instances have: of the context URL's select list. */
export interface Presence {
  /** all structural properties of the input type */
  readonly all: boolean
  /** further ones: dynamic, or of instances that have not all; of a structured one what it has inside */
  readonly properties: ReadonlyMap<string, PresentProperty>
}

export interface PresentProperty {
  /** undefined: all of it */
  readonly inside: Presence | undefined
  readonly navigation: boolean
  /** the derived type that declares it, where the input type does not */
  readonly cast: StructuredType | undefined
}

/** A data aggregation path (Aggregation 3.1.3): properties, single- or collection-valued, and casts. */
export interface DataPath {
  readonly steps: readonly MemberStep[]
  /** of one value that it reaches; undefined: dynamic */
  readonly type: TypeReference | undefined
}

export type AggregationMethod = 'sum' | 'min' | 'max' | 'average' | 'countdistinct' | 'count'

/** How one value is calculated from a collection (Aggregation 3.2.1.1). */
export type Aggregate = { readonly type: TypeReference } & (
  | {
      readonly kind: 'values'
      readonly method: AggregationMethod
      /** undefined: the instances themselves */
      readonly operand:
        | { readonly kind: 'path'; readonly path: DataPath }
        | { readonly kind: 'expression'; readonly expression: Expression }
        | undefined
      /** of the values */
      readonly operandType: TypeReference | undefined
    }
  /** the keyword `from`: a property of the one instance that a sequence gives */
  | { readonly kind: 'sequence'; readonly sequence: Sequence; readonly property: string }
  | CustomAggregate
)

/** A custom aggregate (Aggregation 3.2.1.1, 5.2): what it means is code of the service, else what the model recommends. */
export interface CustomAggregate {
  readonly kind: 'custom'
  /** qualifier of the annotation Aggregation.CustomAggregate */
  readonly name: string
  /** name of the annotated entity set, type or container */
  readonly target: string
  /** the type that the annotation says */
  readonly type: TypeReference
  /** to the instances that it is about; undefined: those of the collection itself */
  readonly path: DataPath | undefined
  /** of a property with a recommended aggregation method: that method of it, over what `path` leads to */
  readonly recommended: Aggregate | undefined
}

/** A parameter whose value is calculated when a transformation runs, for each of its input sets. */
export interface CalculatedParameter {
  /** index into the parameters of the request */
  readonly index: number
  readonly from: /** `$these/aggregate(...)`, `$these/$count` */
    | { readonly kind: 'these'; readonly aggregate: Aggregate }
    /** the node identifiers for which a hierarchy function is true (Aggregation 5.5.2.1) */
    | {
        readonly kind: 'nodes'
        readonly hierarchy: RecursiveHierarchy
        readonly test: HierarchyTest
      }
}

export type HierarchyTest =
  | { readonly kind: 'isnode' | 'isroot' | 'isleaf' }
  | { readonly kind: 'issibling'; readonly other: Expression }
  | {
      readonly kind: 'isancestor' | 'isdescendant'
      readonly other: Expression
      readonly distance: Expression | undefined
      readonly includeSelf: Expression | undefined
    }

/** A recursive hierarchy on the entities of a set (Aggregation 5.5.2). */
export interface RecursiveHierarchy {
  readonly set: EntitySet
  readonly qualifier: string
  /** the value that identifies a node */
  readonly node: Expression
  readonly nodePath: readonly MemberStep[]
  /** leads to the parents */
  readonly parents: DataPath
  /** whether a node can have several parents */
  readonly multiple: boolean
}

/** Where the instances of a set and the nodes of a hierarchy meet (Aggregation 6.1, 6.2.2). */
export interface HierarchyReference {
  readonly hierarchy: RecursiveHierarchy
  /** from an instance to its node identifiers */
  readonly path: DataPath
  /** how a node gets into an instance: as the instance, as a related entity, or by its identifier */
  readonly case: 'itself' | 'related' | 'identifier'
}

export interface AggregateItem {
  readonly alias: string
  readonly aggregate: Aggregate
}

export interface ComputeItem {
  readonly alias: string
  readonly expression: Expression
}

/** A transformation sequence: its shapes are those before the first and after the last transformation. */
export interface Sequence {
  readonly steps: readonly Transformation[]
  readonly input: Shape
  readonly output: Shape
}

interface Calculating {
  readonly calculated: readonly CalculatedParameter[]
}

export type Transformation =
  | ({ readonly kind: 'filter'; readonly predicate: Expression } & Calculating)
  | { readonly kind: 'search'; readonly search: SearchExpression }
  | ({ readonly kind: 'orderby'; readonly items: readonly OrderByItem[] } & Calculating)
  | { readonly kind: 'top' | 'skip'; readonly count: number }
  | ({ readonly kind: 'compute'; readonly items: readonly ComputeItem[] } & Calculating)
  | ({ readonly kind: 'aggregate'; readonly items: readonly AggregateItem[] } & Calculating)
  | { readonly kind: 'concat'; readonly sequences: readonly Sequence[] }
  | {
      readonly kind: 'groupby'
      readonly paths: readonly (readonly MemberStep[])[]
      /** undefined: one instance with the grouping properties */
      readonly each: Sequence | undefined
    }
  | ({
      readonly kind: 'ranking'
      readonly end: 'top' | 'bottom'
      readonly by: 'count' | 'percent' | 'sum'
      readonly quantity: Expression
      readonly measure: Expression
    } & Calculating)
  | {
      readonly kind: 'join'
      readonly outer: boolean
      readonly path: DataPath
      readonly alias: string
      readonly each: Sequence | undefined
    }
  | { readonly kind: 'nest'; readonly nested: readonly NestedSequence[] }
  | {
      readonly kind: 'addnested'
      /** complex properties before the last one */
      readonly via: readonly MemberStep[]
      /** the last property, and a cast behind it */
      readonly path: DataPath
      readonly collection: boolean
      readonly nested: readonly NestedSequence[]
    }
  | {
      readonly kind: 'relatives'
      readonly direction: 'ancestors' | 'descendants'
      readonly reference: HierarchyReference
      readonly start: Sequence
      readonly distance: number | undefined
      readonly keepStart: boolean
    }
  | {
      readonly kind: 'traverse'
      readonly reference: HierarchyReference
      readonly order: 'preorder' | 'postorder'
      readonly start: Sequence | undefined
      readonly orderby: readonly OrderByItem[]
    }
  | {
      readonly kind: 'rolluprecursive'
      readonly reference: HierarchyReference
      readonly start: Sequence | undefined
      /** dynamic property that holds the node while `then` runs (Aggregation 6.3) */
      readonly nodeName: string
      /** the rest of the grouping and the transformations of each portion; undefined: one instance without properties */
      readonly each: Sequence | undefined
    }
  /** a function of the service, bound to the instances (Aggregation 3, 5.6) */
  | {
      readonly kind: 'function'
      readonly operation: Operation
      readonly arguments: ReadonlyMap<string, Expression>
    }

export interface NestedSequence {
  readonly alias: string
  readonly sequence: Sequence
}
