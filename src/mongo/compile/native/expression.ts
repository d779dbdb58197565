import type {
  BinaryExpression,
  CaseExpression,
  CountExpression,
  Expression,
  InExpression,
  LambdaExpression,
} from '../../../bind/tree.ts'
import { type ComparisonOperator, comparand, isComparison } from '../../../eval/comparison.ts'
import { type Condition, type Placement, unsure } from '../condition.ts'
import type { QueryContext } from '../field.ts'
import { arithmeticTerm, convertTerm, negationTerm } from './arithmetic.ts'
import { compareInstants, compareTerms, comparison } from './compare.ts'
import { callTerm } from './functions.ts'
import { constantTerm, memberTerm, placeOf } from './member.ts'
import { type Build, every, freshName, named, not, type Term, type TermScope, whole, within } from './term.ts'

/**
 * The rows where an expression is true (`wanted`) or false, by `$expr`.
 * @returns `unsure` where that would not be exact
 */
export function exprCondition(expression: Expression, context: QueryContext, wanted: boolean): Condition {
  const doubts: Build[] = []
  const scope: TermScope = { context, variables: new Map([['$it', { name: undefined }]]), names: { count: 0 }, doubts }
  const build = truth(expression, wanted, scope)
  if (build === undefined) return unsure
  return (placement) => {
    const own: Placement = { parameters: placement.parameters, now: placement.now, exact: true }
    const test = build(own)
    if (!own.exact) return unsure(placement)
    if (doubts.length === 0) return typeof test === 'boolean' ? test : { $expr: test }
    placement.exact = false
    return { $expr: { $or: [test, ...doubts.map((doubt) => doubt(placement))] } }
  }
}

/** A value to sort by; undefined where it would not be exact. */
export function exprValue(expression: Expression, context: QueryContext): Term | undefined {
  const scope: TermScope = {
    context,
    variables: new Map([['$it', { name: undefined }]]),
    names: { count: 0 },
    doubts: undefined,
  }
  return termOf(expression, scope)
}

/** A condition: whether an expression is true, or whether it is false; null is neither. */
function truth(expression: Expression, wanted: boolean, scope: TermScope): Build | undefined {
  if (expression.kind === 'unary' && expression.operator === 'not') return truth(expression.operand, !wanted, scope)
  if (expression.kind === 'binary') {
    const { operator, left, right } = expression
    if (operator === 'and' || operator === 'or') {
      const a = truth(left, wanted, scope)
      const b = truth(right, wanted, scope)
      if (a === undefined || b === undefined) return undefined
      const all = (operator === 'and') === wanted
      return (placement) => (all ? (every(a(placement), b(placement)) ?? true) : either(a(placement), b(placement)))
    }
  }
  const term = termOf(expression, scope)
  if (term === undefined || (term.kind !== 'boolean' && term.kind !== 'null')) return undefined
  return (placement) => {
    const { lets, test, value } = term.parts(placement)
    return within(lets, every(test, wanted ? value : not(value)) ?? true)
  }
}

function either(a: unknown, b: unknown): unknown {
  if (a === true || b === true) return true
  return a === false ? b : b === false ? a : { $or: [a, b] }
}

/** A condition that is true or false and never null. */
function verdict(build: Build | undefined): Term | undefined {
  return (
    build && {
      kind: 'boolean',
      bound: 0,
      parts: (placement) => ({ lets: [], test: undefined, value: build(placement), nan: false }),
    }
  )
}

function termOf(expression: Expression, scope: TermScope): Term | undefined {
  const constant = constantTerm(expression, scope)
  if (constant !== undefined) return constant
  switch (expression.kind) {
    case 'member':
      return memberTerm(expression, scope)
    case 'unary': {
      if (expression.operator === 'not') return logicTerm(expression, scope)
      const operand = termOf(expression.operand, scope)
      return operand && negationTerm(operand, scope)
    }
    case 'binary':
      return binaryTerm(expression, scope)
    case 'in':
      return verdict(membership(expression, scope))
    case 'convert': {
      const operand = termOf(expression.operand, scope)
      return operand && convertTerm(expression, operand)
    }
    case 'call':
      return callTerm(expression, scope, (index) => {
        const argument = expression.arguments[index]
        return argument && termOf(argument, scope)
      })
    case 'lambda':
      return verdict(lambda(expression, scope))
    case 'count':
      return countTerm(expression, scope)
    case 'case':
      return caseTerm(expression, scope)
    default:
      return undefined
  }
}

function binaryTerm(expression: BinaryExpression, scope: TermScope): Term | undefined {
  const { operator } = expression
  if (isComparison(operator)) return verdict(compare(expression, operator, scope))
  if (operator === 'and' || operator === 'or') return logicTerm(expression, scope)
  if (operator === 'has') return undefined
  const left = termOf(expression.left, scope)
  const right = left && termOf(expression.right, scope)
  return right && arithmeticTerm(expression, operator, left, right, scope)
}

function compare({ left, right }: BinaryExpression, operator: ComparisonOperator, scope: TermScope): Build | undefined {
  const instants = compareInstants(operator, left, right, scope)
  if (instants !== undefined) return instants
  const a = termOf(comparand(left), scope)
  const b = a && termOf(comparand(right), scope)
  return b && compareTerms(operator, a, b)
}

/** The three values of `not`, `and`, `or`. */
function logicTerm(expression: Expression, scope: TermScope): Term | undefined {
  const yes = truth(expression, true, scope)
  const no = truth(expression, false, scope)
  if (yes === undefined || no === undefined) return undefined
  const plain: Term = {
    kind: 'boolean',
    bound: 0,
    parts: (placement) => {
      const [is, not] = [yes(placement), no(placement)]
      return { lets: [], test: { $or: [is, not] }, value: is, nan: false }
    },
  }
  return plain
}

function membership({ operand, items }: InExpression, scope: TermScope): Build | undefined {
  const [only] = items
  if (items.length === 1 && only?.type?.collection) return undefined
  const value = termOf(comparand(operand), scope)
  if (value === undefined) return undefined
  const several = named(value, scope)
  const candidates = items.map((item) => termOf(comparand(item), scope))
  if (candidates.some((candidate) => candidate === undefined || compareTerms('eq', value, candidate) === undefined))
    return undefined
  return (placement) => {
    const parts = several.parts(placement)
    const bare = { ...parts, lets: [] }
    return within(parts.lets, {
      $or: candidates.map((candidate) => candidate && comparison('eq', bare, candidate.parts(placement))),
    })
  }
}

/** The items of a collection that is stored in the row, each under a name; what is no array has none. */
function itemsOf(collection: Expression, variable: string, scope: TermScope) {
  if (collection.kind !== 'member') return undefined
  const place = placeOf(collection, scope)
  if (place?.type?.collection !== true || collection.steps.at(-1)?.kind !== 'property') return undefined
  const name = freshName(scope)
  const inner: TermScope = { ...scope, variables: new Map(scope.variables).set(variable, { name }), doubts: undefined }
  return { input: { $cond: [every(place.test, { $isArray: place.path }), place.path, []] }, name, inner }
}

/** any and all: never null; an item whose predicate is null does not count. */
function lambda({ collection, variable, operator, predicate }: LambdaExpression, scope: TermScope): Build | undefined {
  const items = itemsOf(collection, variable, scope)
  if (items === undefined) return undefined
  const { input, name, inner } = items
  if (predicate === undefined) return () => ({ $gt: [{ $size: input }, 0] })
  const test = truth(predicate, true, inner)
  if (test === undefined) return undefined
  return (placement) => ({
    [operator === 'any' ? '$anyElementTrue' : '$allElementsTrue']: [{ $map: { input, as: name, in: test(placement) } }],
  })
}

function countTerm({ collection, variable, filter }: CountExpression, scope: TermScope): Term | undefined {
  const items = itemsOf(collection, variable, scope)
  if (items === undefined) return undefined
  const { input, name, inner } = items
  const test = filter && truth(filter, true, inner)
  if (filter !== undefined && test === undefined) return undefined
  return {
    kind: 'integer',
    bound: 2 ** 31,
    parts: (placement) => ({
      lets: [],
      test: undefined,
      value: { $size: test ? { $filter: { input, as: name, cond: test(placement) } } : input },
      nan: false,
    }),
  }
}

/** The value of the first branch whose condition is true, else null. */
function caseTerm({ branches }: CaseExpression, scope: TermScope): Term | undefined {
  const compiled: { readonly condition: Build; readonly value: Term }[] = []
  for (const { condition, value } of branches) {
    const test = truth(condition, true, scope)
    const term = termOf(value, scope)
    if (test === undefined || term === undefined) return undefined
    compiled.push({ condition: test, value: term })
  }
  const kinds = new Set(compiled.flatMap(({ value }) => (value.kind === 'null' ? [] : [value.kind])))
  const [kind] = kinds
  if (kind === undefined || kinds.size > 1) return undefined
  const bound = Math.max(...compiled.map(({ value }) => value.bound))
  const switched: Term = {
    kind,
    bound,
    parts: (placement) => {
      const nan = compiled.some(({ value }) => value.parts(placement).nan)
      const value = compiled.reduceRight<unknown>(
        (rest, branch) => ({ $cond: [branch.condition(placement), whole(branch.value.parts(placement)), rest] }),
        null,
      )
      return { lets: [], test: undefined, value, nan }
    },
  }
  const name = freshName(scope)
  return {
    ...switched,
    parts: (placement) => {
      const { value, nan } = switched.parts(placement)
      return { lets: [[name, value]], test: { $ne: [`$$${name}`, null] }, value: `$$${name}`, nan }
    },
  }
}
