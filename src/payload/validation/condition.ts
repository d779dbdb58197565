import { canonicalFunctions as signatures } from '../../bind/functions.ts'
import type { CanonicalFunctionName } from '../../bind/tree.ts'
import { booleanReference, itemReference, primitiveReference, stringReference } from '../../bind/type-references.ts'
import type { AnnotationExpression, TypeReference } from '../../edm/model.ts'
import { isIntegral } from '../../edm/primitives.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import { type ArithmeticOperator, arithmetic, negation } from '../../eval/arithmetic.ts'
import { conversion, typeTest } from '../../eval/convert.ts'
import { canonicalFunctions } from '../../eval/functions.ts'
import { isCollectionValue } from '../../eval/values.ts'
import { compared, constantTerm, equalTo, type Known, known, shownType, type Term } from './condition-terms.ts'
import { valueAtPath } from './instance-path.ts'

/**
 * Dynamic expressions of annotations (CSDL 14.4) over one value in memory: conditions of Validation.Constraint and Core.OperationAvailable.
 * Operators and functions mean what they mean in $filter (URL Conventions 5.1.1), and are evaluated by the same functions. What cannot be told
 * (a property that the body does not have, a construct that `unknownIn` names) is undefined, and whoever asks decides.
 */

/**
 * Whether a condition holds for a value.
 * @param whole properties that are absent are null; false: they are not known (a merge)
 * @returns undefined where it cannot be told; null counts as false
 */
export function holds(condition: AnnotationExpression, of: StructuredValue, whole: boolean): boolean | undefined {
  const truth = new Evaluation(of, whole).truth(condition)
  return truth === null ? false : truth
}

const arithmeticOperators: Readonly<Record<string, ArithmeticOperator>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  div: 'div',
  divBy: 'divby',
  mod: 'mod',
}

class Evaluation {
  readonly #of: StructuredValue
  readonly #whole: boolean
  readonly #now = Date.now()

  constructor(of: StructuredValue, whole: boolean) {
    this.#of = of
    this.#whole = whole
  }

  /** Three-valued logic like that of $filter, and undefined: not known. */
  truth(expression: AnnotationExpression): boolean | null | undefined {
    const term = this.#term(expression)
    if (term === undefined) return undefined
    const { value } = known(term, booleanReference)
    return typeof value === 'boolean' || value === null ? value : undefined
  }

  #term(expression: AnnotationExpression): Term | undefined {
    switch (expression.kind) {
      case 'null':
        return { value: null, type: undefined }
      case 'path':
      case 'propertyPath':
        return valueAtPath(this.#of, expression.value, this.#whole)
      case 'and':
      case 'or': {
        const decisive = expression.kind === 'or'
        const sides = expression.operands.map((operand) => this.truth(operand))
        if (sides.includes(decisive)) return truth(decisive)
        if (sides.includes(undefined)) return undefined
        return truth(sides.includes(null) ? null : !decisive)
      }
      case 'not': {
        const [operand] = expression.operands
        const inner = operand && this.truth(operand)
        return inner === undefined ? undefined : truth(inner === null ? null : !inner)
      }
      case 'eq':
      case 'ne':
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge': {
        const [left, right] = this.#terms(expression.operands)
        return left && right && truthOf(compared(expression.kind, left, right))
      }
      case 'has': {
        const [left, right] = this.#terms(expression.operands)
        return left && right && truthOf(hasFlags(left, right))
      }
      case 'in':
        return this.#in(expression.operands)
      case 'if': {
        const [test, yes, no] = expression.operands
        const decided = test && this.truth(test)
        if (decided === undefined) return undefined
        const chosen = decided === true ? yes : no
        return chosen === undefined ? { value: null, type: undefined } : this.#term(chosen)
      }
      case 'neg': {
        const [operand] = this.#terms(expression.operands)
        if (operand === undefined) return undefined
        const { value, type } = known(operand)
        return { value: negation(type)(value), type }
      }
      case 'add':
      case 'sub':
      case 'mul':
      case 'div':
      case 'divBy':
      case 'mod': {
        const [left, right] = this.#terms(expression.operands)
        const operator = arithmeticOperators[expression.kind]
        return left && right && operator && calculated(operator, known(left), known(right))
      }
      case 'cast': {
        const operand = this.#term(expression.operand)
        if (operand === undefined) return undefined
        const { value, type } = known(operand)
        return { value: conversion(type, expression.type)(value), type: expression.type }
      }
      case 'isOf': {
        const operand = this.#term(expression.operand)
        if (operand === undefined) return undefined
        const { value, type } = known(operand)
        return { value: typeTest(type, expression.type)(value), type: booleanReference }
      }
      case 'collection': {
        const items = this.#terms(expression.items)
        return items.every((item) => item !== undefined) ? collected(items) : undefined
      }
      case 'labeledElement':
        return this.#term(expression.operand)
      case 'apply':
        return this.#apply(expression.function, expression.operands)
      default:
        return constantTerm(expression)
    }
  }

  #terms(expressions: readonly AnnotationExpression[]): readonly (Term | undefined)[] {
    return expressions.map((each) => this.#term(each))
  }

  /** `In` of a list of items, or of a collection that a path leads to. */
  #in([operand, ...rest]: readonly AnnotationExpression[]): Term | undefined {
    const left = operand && this.#term(operand)
    if (left === undefined) return undefined
    const found: (boolean | undefined)[] = []
    for (const each of rest) {
      const terms = this.#terms(each.kind === 'collection' ? each.items : [each])
      for (const term of terms)
        if (term !== undefined && !('constant' in term) && isCollectionValue(term.value)) {
          const type = term.type && itemReference(term.type)
          for (const value of term.value) found.push(equalTo(left, { value, type }))
        } else found.push(term && equalTo(left, term))
    }
    if (found.includes(true)) return truth(true)
    return found.includes(undefined) ? undefined : truth(false)
  }

  /** A canonical function, qualified with `odata` (CSDL 14.4.4.1). `concat` takes values of any primitive type, and more than two. */
  #apply(name: string, operands: readonly AnnotationExpression[]): Term | undefined {
    const canonical = canonicalName(name)
    if (canonical === undefined) return undefined
    if (canonical === 'now')
      return {
        value: { kind: 'dateTimeOffset', ms: this.#now, sub: 0, offset: 0, digits: 3 },
        type: primitiveReference('Edm.DateTimeOffset'),
      }
    const terms = this.#terms(operands)
    const given: Known[] = []
    for (const term of terms) {
      if (term === undefined) return undefined
      given.push(known(term))
    }
    if (given.some(({ value }) => value === null)) return { value: null, type: resultOf(canonical, given) }
    if (canonical === 'concat' && !given.some(({ value }) => isCollectionValue(value)))
      return { value: given.map((each) => text(each)).reduce(joined, ''), type: stringReference }
    const [a, b, c] = given
    return {
      value: canonicalFunctions[canonical](a?.value ?? null, b?.value, c?.value),
      type: resultOf(canonical, given),
    }
  }
}

/** The canonical function that a client-side function is; undefined: it is none, or no one can tell what it does. */
export function canonicalName(name: string): CanonicalFunctionName | undefined {
  return name.startsWith('odata.') ? signatures.get(name.slice('odata.'.length).toLowerCase())?.name : undefined
}

function resultOf(name: CanonicalFunctionName, given: readonly Known[]): TypeReference | undefined {
  const first = given[0]
  const collection = first !== undefined && isCollectionValue(first.value)
  const found = signatures
    .get(name)
    ?.signatures.filter(({ parameters }) => parameters.length === given.length)
    .find(({ parameters: [parameter] }) => parameter === undefined || (parameter === 'Collection') === collection)
  const rounds = name === 'ceiling' || name === 'floor' || name === 'round'
  if (found === undefined || found.result === 'first' || rounds) return first?.type
  return primitiveReference(found.result)
}

function text({ value, type }: Known): string | null {
  const converted = conversion(type, stringReference)(value)
  return typeof converted === 'string' ? converted : null
}

function joined(a: Value, b: Value): Value {
  return canonicalFunctions.concat(a, b, undefined)
}

function calculated(operator: ArithmeticOperator, left: Known, right: Known): Term {
  // a fraction of whole numbers is a decimal (URL Conventions 5.1.1.2.5)
  const result = operator === 'divby' && isWhole(left) && isWhole(right) ? primitiveReference('Edm.Decimal') : undefined
  const value = arithmetic(operator, left.type, right.type, result)(left.value, right.value)
  return { value, type: shownType(value) }
}

function isWhole({ type }: Known): boolean {
  const name = type && primitiveOf(type.type)?.name
  return name !== undefined && isIntegral(name)
}

function collected(items: readonly Term[]): Term {
  const all = items.map((item) => known(item))
  const type = all.find(({ type }) => type !== undefined)?.type
  return {
    value: all.map(({ value }) => value) as Value,
    type: type === undefined ? undefined : { ...type, collection: true },
  }
}

function hasFlags(left: Term, right: Term): boolean | null | undefined {
  if ('constant' in left) return undefined
  const { value: flags } = known(right, left.type)
  if (left.value === null || flags === null) return null
  if (typeof left.value !== 'bigint' || typeof flags !== 'bigint') return undefined
  return (left.value & flags) === flags
}

function truth(value: boolean | null): Term {
  return { value, type: booleanReference }
}

function truthOf(value: boolean | null | undefined): Term | undefined {
  return value === undefined ? undefined : truth(value)
}
