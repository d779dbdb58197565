import { replaceMembers } from '../../bind/rewrite.ts'
import type { Expression, LambdaExpression } from '../../bind/tree.ts'
import { fieldPathOf } from '../../bson/field-path.ts'
import { isStructured } from '../../edm/types.ts'
import { type Condition, disjunction, type Filter, type Placement, unsure } from './condition.ts'
import { constantOf } from './constant.ts'
import { itemPath, propertiesOf, type QueryContext } from './field.ts'

/** any and all over collections in the row (URL Conventions 5.1.1.13.1) as `$elemMatch`, which an index on the items serves. */

type CompileFilter = (expression: Expression, context: QueryContext, wanted?: boolean) => Condition

/** @param compile compiles the predicate for an item */
export function compileLambda(
  { collection, variable, operator, predicate }: LambdaExpression,
  context: QueryContext,
  wanted: boolean,
  compile: CompileFilter,
): Condition {
  if (collection.kind !== 'member' || collection.variable !== '$it' || context.item) return unsure
  const properties = propertiesOf(collection.steps, context.type)
  const type = properties?.at(-1)?.type
  if (properties === undefined || type?.collection !== true) return unsure
  const path = fieldPathOf(context.layout, context.collection, properties).join('.')
  const some: Filter = { [`${path}.0`]: { $exists: true } }
  if (predicate === undefined) return () => (wanted ? some : { $nor: [some] })
  const item = { ...context, item: { variable, type: { ...type, collection: false } } }
  const test = compile(predicate, item)
  if (test === unsure) return unsure
  const any = operator === 'any'
  if (!isStructured(type.type)) {
    return (placement) => {
      const own = exactly(test, placement)
      if (own === undefined) return unsure(placement)
      const tests = any ? itemTests(own) : itemTests(typeof own === 'boolean' ? !own : { $nor: [own] })
      if (tests === undefined) return unsure(placement)
      const found = disjunction(tests.map((one) => (one === true ? some : { [path]: { $elemMatch: one } })))
      return any === wanted ? found : complement(found)
    }
  }
  // an item that is null is no document for `$elemMatch`: all its members are null
  const ofNull = constantOf(withNull(predicate, variable), context)
  if (ofNull === undefined) return unsure
  return (placement) => {
    const own = exactly(test, placement)
    if (own === undefined) return unsure(placement)
    const sought = any ? own : typeof own === 'boolean' ? !own : { $nor: [own] }
    const nullCounts = (ofNull(placement) === true) === any
    const found = disjunction([
      sought === false ? false : { [path]: { $elemMatch: sought === true ? {} : sought } },
      nullCounts && { [path]: { $elemMatch: { $eq: null } } },
    ])
    return any === wanted ? found : complement(found)
  }
}

function exactly(condition: Condition, { parameters, now }: Placement): Filter | boolean | undefined {
  const own: Placement = { parameters, now, exact: true }
  const placed = condition(own)
  return own.exact ? placed : undefined
}

/** The complement; of `$elemMatch` by `$not`. */
function complement(found: Filter | boolean): Filter | boolean {
  if (typeof found === 'boolean') return !found
  const entries = Object.entries(found)
  const [path, condition] = entries[0] ?? ['', undefined]
  if (entries.length === 1 && !path.startsWith('$') && isOperators(condition)) return { [path]: { $not: condition } }
  return { $nor: [found] }
}

function isOperators(condition: unknown): condition is Filter {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) return false
  if (Object.getPrototypeOf(condition) !== Object.prototype) return false
  return Object.keys(condition).every((key) => key.startsWith('$'))
}

/**
 * A condition on a value that is no document, as operators: one of them must hold for one item.
 * @returns undefined where operators cannot say it
 */
function itemTests(filter: Filter | boolean): readonly (Filter | true)[] | undefined {
  if (filter === true) return [true]
  if (filter === false) return []
  const entries = Object.entries(filter)
  const [key, condition] = entries[0] ?? ['', undefined]
  if (entries.length !== 1) return undefined
  if (key === itemPath) return [isOperators(condition) ? condition : { $eq: condition }]
  const parts = condition as readonly Filter[]
  if (key === '$or') {
    const tests = parts.map(itemTests)
    return tests.every((test) => test !== undefined) ? tests.flat() : undefined
  }
  if (key === '$and') return merged(parts)
  const [negated] = key === '$nor' && parts.length === 1 ? parts : []
  if (negated === undefined) return undefined
  if ('$nor' in negated && (negated.$nor as Filter[]).length === 1) return itemTests((negated.$nor as [Filter])[0])
  if ('$and' in negated) return itemTests({ $or: (negated.$and as Filter[]).map((one) => ({ $nor: [one] })) })
  if ('$or' in negated) return merged((negated.$or as Filter[]).map((one) => ({ $nor: [one] })))
  const tests = itemTests(negated)
  const [test] = tests ?? []
  return tests?.length === 1 && test !== undefined && test !== true ? [{ $not: test }] : undefined
}

/** Several conditions on one item: operators that do not meet. */
function merged(parts: readonly Filter[]): readonly Filter[] | undefined {
  const all: Filter = {}
  for (const part of parts) {
    const tests = itemTests(part)
    const [test] = tests ?? []
    if (tests?.length !== 1 || test === undefined || test === true) return undefined
    for (const [operator, value] of Object.entries(test)) {
      if (operator in all) return undefined
      all[operator] = value
    }
  }
  return [all]
}

/** The predicate for an item that is null. */
function withNull(predicate: Expression, variable: string): Expression {
  return replaceMembers(predicate, (member) =>
    member.variable === variable ? { kind: 'constant', value: null, type: member.type } : member,
  )
}
