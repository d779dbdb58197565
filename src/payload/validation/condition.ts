import type { AnnotationExpression, PrimitiveTypeName, Property, TypeReference } from '../../edm/model.ts'
import { convertNumber } from '../../edm/numbers.ts'
import { comparePrimitive, equalPrimitive, isNumeric, parsePrimitive, promotedType } from '../../edm/primitives.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import type { PrimitiveValue, StructuredValue, Value } from '../../edm/value.ts'
import { compilePattern } from '../../eval/pattern.ts'
import { constantText } from './constant.ts'

/**
 * Dynamic expressions of annotations (CSDL 14.4) over one value in memory: what Validation.Constraint needs. What cannot be told
 * (a property that the body does not have, a function that is not known) is undefined, and whoever asks decides.
 */

/** A value with its type; a constant has its text until it meets a type. */
type Term =
  | { readonly value: Value; readonly type: PrimitiveTypeName | undefined }
  | { readonly text: string }
  | undefined

/**
 * Whether a condition holds for a value.
 * @param whole properties that are absent are null; false: they are not known (a merge)
 * @returns undefined where it cannot be told
 */
export function holds(condition: AnnotationExpression, of: StructuredValue, whole: boolean): boolean | undefined {
  return new Evaluation(of, whole).truth(condition)
}

class Evaluation {
  readonly #of: StructuredValue
  readonly #whole: boolean

  constructor(of: StructuredValue, whole: boolean) {
    this.#of = of
    this.#whole = whole
  }

  /** Three-valued logic like that of $filter: null is not true; undefined is not known. */
  truth(expression: AnnotationExpression): boolean | undefined {
    const term = this.#term(expression)
    if (term === undefined) return undefined
    const value = 'text' in term ? parsePrimitive('Edm.Boolean', term.text) : term.value
    return value === null ? false : typeof value === 'boolean' ? value : undefined
  }

  #term(expression: AnnotationExpression): Term {
    switch (expression.kind) {
      case 'bool':
        return { value: expression.value, type: 'Edm.Boolean' }
      case 'null':
        return { value: null, type: undefined }
      case 'path':
      case 'propertyPath':
        return this.#path(expression.value)
      case 'and':
      case 'or': {
        const decisive = expression.kind === 'or'
        const sides = expression.operands.map((operand) => this.truth(operand))
        if (sides.includes(decisive)) return truth(decisive)
        return sides.includes(undefined) ? undefined : truth(!decisive)
      }
      case 'not': {
        const [operand] = expression.operands
        const inner = operand && this.truth(operand)
        return inner === undefined ? undefined : truth(!inner)
      }
      case 'eq':
      case 'ne':
      case 'lt':
      case 'le':
      case 'gt':
      case 'ge': {
        const [left, right] = expression.operands
        return left && right ? compared(expression.kind, this.#term(left), this.#term(right)) : undefined
      }
      case 'in': {
        const [left, ...rest] = expression.operands
        const list = rest.flatMap((item) => (item.kind === 'collection' ? item.items : [item]))
        if (left === undefined) return undefined
        const found = list.map((item) => compared('eq', this.#term(left), this.#term(item)))
        if (found.some((term) => term !== undefined && 'value' in term && term.value === true)) return truth(true)
        return found.includes(undefined) ? undefined : truth(false)
      }
      case 'if': {
        const [test, yes, no] = expression.operands
        const decided = test && this.truth(test)
        if (decided === undefined) return undefined
        const chosen = decided ? yes : no
        return chosen === undefined ? { value: null, type: undefined } : this.#term(chosen)
      }
      case 'apply':
        return this.#apply(expression.function, expression.operands)
      default: {
        const text = constantText(expression)
        return text === undefined ? undefined : { text }
      }
    }
  }

  #path(path: string): Term {
    let current: Value | undefined = this.#of
    let type: PrimitiveTypeName | undefined
    for (const step of path.split('/')) {
      if (current === null) return { value: null, type: undefined }
      if (step === '$count')
        return Array.isArray(current) ? { value: BigInt(current.length), type: 'Edm.Int64' } : undefined
      if (!isStructuredValue(current)) return undefined
      if (step.includes('.')) continue
      const property: Property | undefined = current.type.allProperties.get(step)
      if (property === undefined) return undefined
      const { members }: StructuredValue = current
      if (!members.has(step) && !this.#whole) return undefined
      const reference: TypeReference = property.type
      type = reference.collection || isStructured(reference.type) ? undefined : primitiveOf(reference.type)?.name
      current = members.get(step) ?? (reference.collection ? [] : null)
    }
    return { value: current ?? null, type }
  }

  #apply(name: string, operands: readonly AnnotationExpression[]): Term {
    const texts = operands.map((operand) => {
      const term = this.#term(operand)
      return term === undefined ? undefined : 'text' in term ? term.text : term.value
    })
    const [first, second] = texts
    if (name === 'odata.matchesPattern') {
      if (first === null) return { value: null, type: 'Edm.Boolean' }
      return typeof first === 'string' && typeof second === 'string' ? matches(first, second) : undefined
    }
    if (name === 'odata.concat' && texts.every((part) => typeof part === 'string'))
      return { value: texts.join(''), type: 'Edm.String' }
    return undefined
  }
}

function truth(value: boolean): Term {
  return { value, type: 'Edm.Boolean' }
}

function matches(text: string, pattern: string): Term {
  try {
    return truth(compilePattern(pattern, '')(text))
  } catch {
    return undefined
  }
}

type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'

function compared(operator: Comparison, left: Term, right: Term): Term {
  if (left === undefined || right === undefined) return undefined
  const [a, b] = [typed(left, right), typed(right, left)]
  if (a === undefined || b === undefined) return undefined
  if (a.value === null || b.value === null) {
    const equal = a.value === b.value
    return truth(operator === 'eq' ? equal : operator === 'ne' ? !equal : false)
  }
  if (a.type === undefined || b.type === undefined) return undefined
  const type = promotedType(a.type, b.type)
  if (type === undefined) return undefined
  const [x, y] = [promoted(type, a.value), promoted(type, b.value)]
  if (x === undefined || y === undefined) return undefined
  if (operator === 'eq') return truth(equalPrimitive(type, x, y))
  if (operator === 'ne') return truth(!equalPrimitive(type, x, y))
  // NaN compares with nothing
  if (Number.isNaN(x) || Number.isNaN(y)) return truth(false)
  const order = comparePrimitive(type, x, y)
  return truth(
    operator === 'lt' ? order < 0 : operator === 'le' ? order <= 0 : operator === 'gt' ? order > 0 : order >= 0,
  )
}

/** A constant takes the type of what it meets; two constants are not compared. */
function typed(term: Exclude<Term, undefined>, other: Exclude<Term, undefined>) {
  if (!('text' in term)) return term
  if ('text' in other) return undefined
  if (other.value === null && other.type === undefined) return { value: term.text, type: 'Edm.String' as const }
  if (other.type === undefined) return undefined
  const value = parsePrimitive(other.type, term.text)
  if (value !== undefined) return { value, type: other.type }
  // `Age gt 1.5`: the number is none of the property's type
  const decimal = isNumeric(other.type) ? parsePrimitive('Edm.Decimal', term.text) : undefined
  return decimal === undefined ? undefined : { value: decimal, type: 'Edm.Decimal' as const }
}

function promoted(type: PrimitiveTypeName, value: Value): PrimitiveValue | undefined {
  if (!isNumeric(type)) return value as PrimitiveValue
  return convertNumber(type, value as Parameters<typeof convertNumber>[1])
}

function isStructuredValue(value: Value | undefined): value is StructuredValue {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'structured'
}
