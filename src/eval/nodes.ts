import { assertNever } from '../base/assert.ts'
import { stepName } from '../bind/print.ts'
import type {
  AggregateExpression,
  BinaryExpression,
  CallExpression,
  CaseExpression,
  CountExpression,
  DefinedExpression,
  Expression,
  InExpression,
  IsOfExpression,
  LambdaExpression,
  ListExpression,
  MemberExpression,
} from '../bind/tree.ts'
import type { TypeReference } from '../edm/model.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'
import { isStructuredValue, type Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { aggregateOf, evaluatesExpressions } from './apply/aggregate.ts'
import { type ArithmeticOperator, arithmetic, dividesByZero, negation } from './arithmetic.ts'
import { type Comparison, comparand, comparison, isComparison, membership } from './comparison.ts'
import { conversion, typeTest } from './convert.ts'
import { fastComparison, fastMembership, fastTextTest } from './fast.ts'
import { canonicalFunctions } from './functions.ts'
import { compileInvocation } from './invocation.ts'
import { compileMember, locate, readLocated, someItem, someValue, typeOfLocated } from './member.ts'
import { compilePattern } from './pattern.ts'
import {
  type Binding,
  type CompileScope,
  cellAt,
  computed,
  constant,
  type Evaluator,
  evaluator,
  type Node,
  type Operand,
  type Variable,
} from './scope.ts'
import { isCollectionValue, ValueBag } from './values.ts'

/**
 * The tree to closures, node by node: the first stage of `compile.ts`. Each function resolves what the plan alone tells and
 * gives a `Node`, which a request's parameters turn into a constant or a closure.
 */

/** The first stage for one node of the tree. */
export function compileNode(expression: Expression, scope: CompileScope): Node {
  switch (expression.kind) {
    case 'parameter': {
      const { index } = expression
      return (binding) => constant(binding.parameters[index] ?? null)
    }
    case 'constant': {
      const operand = constant(expression.value)
      return () => operand
    }
    case 'member':
      return compileMemberValue(expression, scope)
    case 'binary':
      return compileBinary(expression, scope)
    case 'unary':
      return mapped(
        compileNode(expression.operand, scope),
        expression.operator === 'not' ? negated : negation(expression.operand.type ?? expression.type),
      )
    case 'in':
      return compileIn(expression, scope)
    case 'convert':
      return mapped(compileNode(expression.operand, scope), conversion(expression.operand.type, expression.target))
    case 'isOf':
      return compileIsOf(expression, scope)
    case 'list':
      return compileList(expression, scope)
    case 'call':
      return compileCall(expression, scope)
    case 'lambda':
      return compileLambda(expression, scope)
    case 'count':
      return compileCount(expression, scope)
    case 'case':
      return compileCase(expression, scope)
    case 'aggregate':
      return compileAggregate(expression, scope)
    case 'defined':
      return compileDefined(expression, scope)
    case 'invocation':
      return compileInvocation(expression, scope)
    default:
      return assertNever(expression, 'expression')
  }
}

const negated = (value: Value): Value => (typeof value === 'boolean' ? !value : null)

/** A function of one operand, applied at once to a constant. */
function mapped(node: Node, apply: (value: Value) => Value): Node {
  return (binding) => {
    const operand = node(binding)
    if (operand.constant) return constant(apply(operand.value))
    const { evaluate } = operand
    return computed(() => apply(evaluate()))
  }
}

function combined(a: Operand, b: Operand, apply: (a: Value, b: Value) => Value): Operand {
  if (a.constant && b.constant) return constant(apply(a.value, b.value))
  const left = evaluator(a)
  const right = evaluator(b)
  return computed(() => apply(left(), right()))
}

function compileMemberValue(expression: MemberExpression, scope: CompileScope): Node {
  const member = compileMember(expression, scope)
  const { context } = scope
  return (binding) => {
    const cell = cellAt(binding.cells, member.variable.cell)
    return computed(() => readLocated(locate(member, cell), context))
  }
}

function compileBinary(expression: BinaryExpression, scope: CompileScope): Node {
  const { operator } = expression
  if (isComparison(operator)) {
    const fast = fastComparison(operator, comparand(expression.left), comparand(expression.right), scope)
    const left = compileNode(comparand(expression.left), scope)
    const right = compileNode(comparand(expression.right), scope)
    const compare = comparison(operator, expression.left, expression.right)
    return (binding) => {
      const slow = combined(left(binding), right(binding), compare)
      return slow.constant || fast === undefined ? slow : fast(binding, slow)
    }
  }
  const left = compileNode(expression.left, scope)
  const right = compileNode(expression.right, scope)
  switch (operator) {
    case 'and':
      return (binding) => conjunction(left(binding), right(binding), false)
    case 'or':
      return (binding) => conjunction(left(binding), right(binding), true)
    case 'has':
      return (binding) => combined(left(binding), right(binding), hasFlags)
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'divby':
    case 'mod':
      return compileArithmetic(operator, expression, left, right)
    default:
      return assertNever(operator, 'operator')
  }
}

/** `and` ends at false, `or` at true; otherwise null where one operand is null (URL Conventions 5.1.1.1.7). */
function conjunction(a: Operand, b: Operand, ending: boolean): Operand {
  if (a.constant && b.constant) return constant(joined(a.value, b.value, ending))
  if ((a.constant && a.value === ending) || (b.constant && b.value === ending)) return constant(ending)
  const left = evaluator(a)
  const right = evaluator(b)
  return computed(() => {
    const first = left()
    if (first === ending) return ending
    const second = right()
    if (second === ending) return ending
    return typeof first === 'boolean' && typeof second === 'boolean' ? !ending : null
  })
}

function joined(a: Value, b: Value, ending: boolean): boolean | null {
  if (a === ending || b === ending) return ending
  return typeof a === 'boolean' && typeof b === 'boolean' ? !ending : null
}

/** The type of a structured member is read from the bytes; other values are cast to see. */
function compileIsOf(expression: IsOfExpression, scope: CompileScope): Node {
  const { operand, target } = expression
  const { type } = target
  const slow = mapped(compileNode(operand, scope), typeTest(operand.type, target))
  if (operand.kind !== 'member' || target.collection || !isStructured(type)) return slow
  const member = compileMember(operand, scope)
  const { context } = scope
  return (binding) => {
    const cell = cellAt(binding.cells, member.variable.cell)
    const plain = evaluator(slow(binding))
    return computed(() => {
      const actual = typeOfLocated(locate(member, cell), context)
      return actual === undefined ? plain() : isSubtypeOf(actual, type)
    })
  }
}

/** `has`: all flags of the right operand are set in the left; null where one is null. */
function hasFlags(a: Value, b: Value): boolean | null {
  if (typeof a !== 'bigint' && typeof a !== 'number') return null
  if (typeof b !== 'bigint' && typeof b !== 'number') return null
  if (!Number.isInteger(Number(a)) || !Number.isInteger(Number(b))) return null
  const flags = BigInt(b)
  return (BigInt(a) & flags) === flags
}

function compileArithmetic(operator: ArithmeticOperator, expression: BinaryExpression, left: Node, right: Node): Node {
  const [leftType, rightType] = [originalType(expression.left), originalType(expression.right)]
  const apply = arithmetic(operator, leftType, rightType, expression.type)
  return (binding) => {
    const divisor = right(binding)
    if (divisor.constant && dividesByZero(operator, leftType, rightType, expression.type, divisor.value)) {
      throw new ODataError('literalInvalid', `The right operand of '${operator}' must not be 0.`)
    }
    return combined(left(binding), divisor, apply)
  }
}

/** The type before an implicit promotion: `divby` and zero divisors ask what the operands were. */
function originalType(expression: Expression): TypeReference | undefined {
  return expression.kind === 'convert' && !expression.explicit ? expression.operand.type : expression.type
}

function compileIn(original: InExpression, scope: CompileScope): Node {
  const expression = { ...original, operand: comparand(original.operand), items: original.items.map(comparand) }
  const operand = compileNode(expression.operand, scope)
  const [only] = expression.items
  if (expression.items.length === 1 && only?.type?.collection === true) {
    return compileInCollection(operand, only, membership(expression.operand, expression.operand), scope)
  }
  const fast = fastMembership(expression, scope)
  const items = expression.items.map((item) => compileNode(item, scope))
  const equal = membership(expression.operand, only ?? expression.operand)
  return (binding) => {
    const wanted = operand(binding)
    const operands = items.map((item) => item(binding))
    const values: Value[] = []
    for (const item of operands) if (item.constant) values.push(item.value)
    if (values.length < operands.length || wanted.constant) {
      const candidates = operands.map(evaluator)
      return computedIn(wanted, (value) => candidates.some((candidate) => equal(value, candidate())))
    }
    const bag = values.length > 8 ? new ValueBag(values) : undefined
    const has = bag === undefined ? (value: Value) => values.some((item) => equal(value, item)) : bag.has.bind(bag)
    const slow = computedIn(wanted, has)
    return slow.constant || fast === undefined ? slow : fast(binding, values, slow)
  }
}

function computedIn(wanted: Operand, has: (value: Value) => boolean): Operand {
  const evaluate = evaluator(wanted)
  return computed(() => has(evaluate()))
}

function compileInCollection(operand: Node, collection: Expression, equal: Comparison, scope: CompileScope): Node {
  const items = compileNode(collection, scope)
  return (binding) =>
    combined(operand(binding), items(binding), (value, list) =>
      list !== null && isCollectionValue(list) ? list.some((item) => equal(value, item)) : false,
    )
}

/** The values of a list's items, in their order. */
function compileList({ items }: ListExpression, scope: CompileScope): Node {
  const nodes = items.map((item) => compileNode(item, scope))
  return (binding) => {
    const operands = nodes.map((node) => node(binding))
    if (operands.every((operand) => operand.constant)) return constant(operands.map((operand) => operand.value))
    const values = operands.map(evaluator)
    return computed(() => values.map((value) => value()))
  }
}

function compileCall(expression: CallExpression, scope: CompileScope): Node {
  const name = expression.function
  if (name === 'now') return (binding) => constant(binding.now)
  const apply = canonicalFunctions[name]
  const nodes = expression.arguments.map((argument) => compileNode(argument, scope))
  const fast = fastTextTest(expression, scope)
  return (binding) => {
    const operands = nodes.map((node) => node(binding))
    checkConstants(name, operands)
    if (operands.every((operand) => operand.constant)) {
      const [a, b, c] = operands.map((operand) => operand.value)
      return constant(applied(apply, a, b, c))
    }
    const [a, b, c] = operands.map(evaluator)
    const slow = computed(() => applied(apply, a?.(), b?.(), c?.()))
    return fast === undefined ? slow : fast(binding, operands, slow)
  }
}

/** A function of a null argument is null (URL Conventions 5.1.1.4). */
function applied(
  apply: (a: Value, b: Value | undefined, c: Value | undefined) => Value,
  a: Value | undefined,
  b: Value | undefined,
  c: Value | undefined,
): Value {
  return a === null || b === null || c === null ? null : apply(a ?? null, b, c)
}

/** Constant arguments that make the request fail, before a row is read. @throws ODataError */
function checkConstants(name: string, operands: readonly Operand[]): void {
  if (name === 'matchespattern') {
    const [, pattern, flags] = operands
    if (pattern?.constant && typeof pattern.value === 'string' && (flags === undefined || flags.constant)) {
      compilePattern(pattern.value, typeof flags?.value === 'string' ? flags.value : '')
    }
  }
  const length = name === 'substring' ? operands[2] : undefined
  if (length?.constant && length.value !== null && Number(length.value) < 0) {
    throw new ODataError('literalInvalid', 'The length of substring must not be negative.')
  }
}

/** The first stage of a walk over the items of a collection; the second gives `some(visit)`. */
type ItemWalk = (binding: Binding) => (visit: () => boolean) => boolean

function compileWalk(
  collection: Expression,
  name: string,
  scope: CompileScope,
): { readonly walk: ItemWalk; readonly inner: CompileScope } {
  const cell = scope.cells.count++
  const type = collection.type
  const itemType: TypeReference | undefined = type === undefined ? undefined : { ...type, collection: false }
  const { context } = scope
  if (collection.kind === 'member') {
    const member = compileMember(collection, scope)
    const last = member.steps.at(-1)
    const layout = last?.kind === 'navigation' ? last.collection : undefined
    const walk: ItemWalk = (binding) => {
      const from = cellAt(binding.cells, member.variable.cell)
      const to = cellAt(binding.cells, cell)
      return (visit) => someItem(locate(member, from), to, context, visit)
    }
    return { walk, inner: withVariable(scope, name, { cell, type: itemType, collection: layout }) }
  }
  const node = compileNode(collection, scope)
  const walk: ItemWalk = (binding) => {
    const items = evaluator(node(binding))
    const to = cellAt(binding.cells, cell)
    return (visit) => {
      const values = items()
      return values !== null && isCollectionValue(values) && someValue(values, to, visit)
    }
  }
  return { walk, inner: withVariable(scope, name, { cell, type: itemType, collection: undefined }) }
}

function withVariable(scope: CompileScope, name: string, variable: Variable): CompileScope {
  return { ...scope, variables: new Map(scope.variables).set(name, variable) }
}

/** any: true for some item; all: true for each. Never null; a missing collection is empty. */
function compileLambda(expression: LambdaExpression, scope: CompileScope): Node {
  const { walk, inner } = compileWalk(expression.collection, expression.variable, scope)
  if (expression.predicate === undefined) {
    return (binding) => {
      const some = walk(binding)
      return computed(() => some(always))
    }
  }
  const predicate = compileNode(expression.predicate, inner)
  const any = expression.operator === 'any'
  return (binding) => {
    const some = walk(binding)
    const test = evaluator(predicate(binding))
    const visit = any ? () => test() === true : () => test() !== true
    return computed(any ? () => some(visit) : () => !some(visit))
  }
}

const always = (): boolean => true

function compileCount(expression: CountExpression, scope: CompileScope): Node {
  const { walk, inner } = compileWalk(expression.collection, expression.variable, scope)
  const filter = expression.filter === undefined ? undefined : compileNode(expression.filter, inner)
  return (binding) => {
    const some = walk(binding)
    const test: Evaluator = filter === undefined ? always : evaluator(filter(binding))
    // Int64; small numbers stay numbers, which compare alike
    return computed(() => {
      let count = 0
      some(() => {
        if (test() === true) count++
        return false
      })
      return BigInt(count)
    })
  }
}

/** `collection/aggregate(...)`, over the instances of $apply; stored rows come to it as instances, too (service/apply). */
function compileAggregate({ collection, variable, aggregate }: AggregateExpression, scope: CompileScope): Node {
  if (aggregate.kind === 'sequence' && evaluatesExpressions(aggregate))
    throw new ODataError('notImplemented', "Calculations before 'from' in the function aggregate are not implemented.")
  const { walk, inner } = compileWalk(collection, variable, scope)
  const operand =
    aggregate.kind === 'values' && aggregate.operand?.kind === 'expression' ? aggregate.operand : undefined
  const each = operand && compileNode(operand.expression, inner)
  const item = inner.variables.get(variable)
  return (binding) => {
    const some = walk(binding)
    const cell = cellAt(binding.cells, item?.cell ?? -1)
    const evaluate = each && evaluator(each(binding))
    return computed(() => {
      const items: Value[] = []
      const values: Value[] = []
      some(() => {
        items.push(cell.value)
        if (evaluate !== undefined) values.push(evaluate())
        return false
      })
      return aggregateOf(aggregate, items, () => values)
    })
  }
}

/** isdefined: every property before the last leads to an instance, and that has the last one. */
function compileDefined({ variable, steps }: DefinedExpression, scope: CompileScope): Node {
  const before = steps.slice(0, -1)
  const last = steps.at(-1)
  const owner = compileMember({ kind: 'member', variable, steps: before, type: undefined }, scope)
  const name = last === undefined ? '' : stepName(last)
  const { context } = scope
  return (binding) => {
    const cell = cellAt(binding.cells, owner.variable.cell)
    return computed(() => {
      const located = locate(owner, cell)
      if (located.kind === 'document') return true
      const value = readLocated(located, context)
      return value !== null && isStructuredValue(value) && value.members.has(name)
    })
  }
}

/** The value of the first branch whose condition is true, else null. */
function compileCase(expression: CaseExpression, scope: CompileScope): Node {
  const branches = expression.branches.map(({ condition, value }) => ({
    condition: compileNode(condition, scope),
    value: compileNode(value, scope),
  }))
  return (binding) => {
    const bound = branches.map(({ condition, value }) => ({
      condition: evaluator(condition(binding)),
      value: evaluator(value(binding)),
    }))
    return computed(() => {
      for (const { condition, value } of bound) if (condition() === true) return value()
      return null
    })
  }
}
