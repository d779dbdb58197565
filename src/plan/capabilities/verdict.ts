import type { BoundQuery, ExpandItem } from '../../bind/tree.ts'
import type { Requirement } from '../plan.ts'

/** What the model's annotations make of a request that they allow. */
export interface Verdict {
  readonly requires: readonly Requirement[]
  /** `$expand`, limited where the model limits `$levels=max` */
  readonly expand: readonly ExpandItem[]
  /** streams that `$expand` names, or the model by Core.AutoExpand */
  readonly streams?: BoundQuery['streams']
  /** parts of the plan */
  readonly conditions: PlanConditions & { readonly upsert?: false }
}

/** What a plan carries of annotations that only the request's headers, its body or its caller can meet. */
export interface PlanConditions {
  /** scopes with the properties that each gives access to; undefined: each gives access to all */
  readonly grants?: readonly Grant[]
  readonly demands?: Demands
  /** the request must say If-Match or If-None-Match (Core.OptimisticConcurrency) */
  readonly preconditionRequired?: true
  /** of a create or an update */
  readonly body?: BodyRules
  /** of an update: what creating the entity needs where it is missing */
  readonly insert?: InsertConditions
  /** of an update: what reading the changed entity needs */
  readonly representation?: readonly Requirement[]
}

export interface InsertConditions {
  readonly requires: readonly Requirement[]
  readonly grants?: readonly Grant[]
  readonly body?: BodyRules
}

/** A scope and the properties that it gives access to (Capabilities.ScopeType). */
export interface Grant {
  readonly scheme: string
  readonly scope: string
  /** undefined: all */
  readonly properties:
    | { readonly all: boolean; readonly named: ReadonlySet<string>; readonly excluded: ReadonlySet<string> }
    | undefined
}

/** Headers (in lower case) and custom query options that the request must carry. */
export interface Demands {
  readonly headers: readonly string[]
  readonly queryOptions: readonly string[]
}

/** A property path and the annotation that says something of it. */
export interface BodyRule {
  readonly path: readonly string[]
  readonly term: string
}

/** Members that a body must not and must have. */
export interface BodyRules {
  readonly refused: readonly BodyRule[]
  readonly required: readonly BodyRule[]
  /** types that the entity may have (Validation.DerivedTypeConstraint); undefined: any that derives from the declared one */
  readonly types?: readonly string[]
}
