import type { Placement } from '../condition.ts'
import type { QueryContext } from '../field.ts'

/**
 * Expressions of MongoDB's aggregation language (`$expr`, `$addFields`), for what match operators cannot say. They are made only
 * where they say exactly what `eval/` says; whatever stands in a row, they raise no error in the server.
 */

/** A piece of the language, once the parameters are known. What it cannot say it gives up by clearing `placement.exact`. */
export type Build = (placement: Placement) => unknown

/** How values of an expression behave. Kinds are compared with their like; numbers with numbers. */
export type TermKind =
  | 'integer'
  | 'double'
  | 'single'
  | 'decimal'
  | 'text'
  | 'boolean'
  | 'date'
  | 'time'
  | 'guid'
  | 'binary'
  | 'enum'
  /** a count of 100 nanoseconds */
  | 'duration'
  /** the literal null */
  | 'null'

/** A value that may be null. */
export interface Parts {
  /** variables that the others name, each may name those before it */
  readonly lets: readonly (readonly [name: string, value: unknown])[]
  /** whether there is a value; undefined: always */
  readonly test: unknown
  /** the value; it is looked at only where the test holds */
  readonly value: unknown
  /** whether the value may be NaN */
  readonly nan: boolean
}

export interface Term {
  readonly kind: TermKind
  readonly parts: (placement: Placement) => Parts
  /** of integers: no value is of greater magnitude */
  readonly bound: number
}

/** A DateTimeOffset: a date, picoseconds below its millisecond, and minutes of offset. */
export interface Instant {
  readonly test: unknown
  readonly date: unknown
  readonly sub: unknown
  readonly offset: unknown
}

/** What a variable of an expression is here. */
export interface TermVariable {
  /** undefined: the row; else a variable of the server, without `$$` */
  readonly name: string | undefined
}

export interface TermScope {
  readonly context: QueryContext
  readonly variables: ReadonlyMap<string, TermVariable>
  /** variables that were named so far */
  readonly names: { count: number }
  /** conditions under which a row has to be tested by `eval/` all the same; undefined: there is no place for such */
  readonly doubts: Build[] | undefined
}

export function freshName(scope: TermScope): string {
  return `v${scope.names.count++}`
}

/** A value that is always there. */
export function present(value: unknown, nan = false): Parts {
  return { lets: [], test: undefined, value, nan }
}

export const nullParts: Parts = { lets: [], test: false, value: null, nan: false }

/** The value or null. */
export function whole({ lets, test, value }: Parts): unknown {
  if (test === false) return null
  return within(lets, test === undefined ? value : { $cond: [test, value, null] })
}

/** An expression that sees variables. */
export function within(lets: Parts['lets'], inner: unknown): unknown {
  return lets.reduceRight<unknown>((body, [name, value]) => ({ $let: { vars: { [name]: value }, in: body } }), inner)
}

/** All must hold; undefined ones do. */
export function every(...tests: readonly unknown[]): unknown {
  const some = tests.filter((test) => test !== undefined && test !== true)
  if (some.includes(false)) return false
  const flat = some.flatMap((test) => (isAnd(test) ? test.$and : [test]))
  return flat.length === 0 ? undefined : flat.length === 1 ? flat[0] : { $and: flat }
}

function isAnd(test: unknown): test is { readonly $and: readonly unknown[] } {
  return typeof test === 'object' && test !== null && '$and' in test
}

export function not(test: unknown): unknown {
  return typeof test === 'boolean' ? !test : { $not: [test] }
}

/** A function of values that are there; null where one of them is null. */
export function applied(
  terms: readonly Term[],
  kind: TermKind,
  apply: (values: readonly unknown[], placement: Placement) => unknown,
  more: { readonly bound?: number; readonly nan?: boolean } = {},
): Term {
  return {
    kind,
    bound: more.bound ?? Number.POSITIVE_INFINITY,
    parts: (placement) => {
      const all = terms.map((term) => term.parts(placement))
      const test = every(...all.map((parts) => parts.test))
      if (test === false) return nullParts
      return {
        lets: all.flatMap((parts) => parts.lets),
        test,
        value: apply(
          all.map((parts) => parts.value),
          placement,
        ),
        nan: more.nan ?? all.some((parts) => parts.nan),
      }
    },
  }
}

/** The same value, null where a condition on it does not hold. */
export function guarded(term: Term, scope: TermScope, holds: (value: string) => unknown): Term {
  const name = freshName(scope)
  return {
    ...term,
    parts: (placement) => {
      const parts = term.parts(placement)
      if (parts.test === false) return parts
      return {
        lets: [
          ...parts.lets,
          [name, parts.test === undefined ? parts.value : { $cond: [parts.test, parts.value, null] }],
        ],
        test: every(parts.test === undefined ? undefined : { $ne: [`$$${name}`, null] }, holds(`$$${name}`)),
        value: `$$${name}`,
        nan: parts.nan,
      }
    },
  }
}

/** A value that is named more than once. */
export function named(term: Term, scope: TermScope): Term {
  const name = freshName(scope)
  return {
    ...term,
    parts: (placement) => {
      const parts = term.parts(placement)
      if (parts.test === false || typeof parts.value !== 'object' || parts.value === null) return parts
      return {
        lets: [...parts.lets, [name, whole({ ...parts, lets: [] })]],
        test: parts.test === undefined ? undefined : { $ne: [`$$${name}`, null] },
        value: `$$${name}`,
        nan: parts.nan,
      }
    },
  }
}

/** Gives up: the whole expression is left to `eval/`. */
export function inexact(placement: Placement): Parts {
  placement.exact = false
  return nullParts
}

export function isNumberKind(kind: TermKind): boolean {
  return kind === 'integer' || kind === 'double' || kind === 'single' || kind === 'decimal'
}
