import type { Expression } from '../../../src/bind/tree.ts'
import { Decimal } from '../../../src/edm/decimal.ts'
import type { DateTimeOffset, Value } from '../../../src/edm/value.ts'
import { type Members, parameters } from './things.ts'

/**
 * The narrow language once more, as plainly as can be: a recursive walk over values, no bytes, nothing compiled. It shares no
 * code with src/eval. Decimals are those that doubles hold exactly.
 */
export function naive(e: Expression, row: Members): unknown {
  const of = (inner: Expression): unknown => naive(inner, row)
  switch (e.kind) {
    case 'parameter':
      return plain(parameters[e.index] as Value)
    case 'constant':
      return e.value
    case 'member':
      return plain(row[(e.steps[0] as { property: { name: string } }).property.name] ?? null)
    case 'unary': {
      const value = of(e.operand)
      if (value === null) return null
      return e.operator === 'not' ? !value : typeof value === 'bigint' ? -value : 0 - (value as number)
    }
    case 'in':
      return e.items.some((item) => compare('eq', of(e.operand), of(item)))
    case 'binary': {
      const [a, b] = [of(e.left), of(e.right)]
      if (e.operator === 'and') return a === false || b === false ? false : a === null || b === null ? null : true
      if (e.operator === 'or') return a === true || b === true ? true : a === null || b === null ? null : false
      if (['eq', 'ne', 'gt', 'ge', 'lt', 'le'].includes(e.operator)) return compare(e.operator, a, b)
      if (a === null || b === null) return null
      return e.type?.type.name === 'Edm.Double'
        ? doubles(e.operator, Number(a), Number(b))
        : integers(e.operator, BigInt(a as number), BigInt(b as number))
    }
    case 'call': {
      const [a, b, c] = e.arguments.map(of) as [string, string, unknown]
      if (a === null || b === null || c === null) return null
      return text(e.function, a, b)
    }
    default:
      throw new Error(`the naive interpreter knows no ${e.kind}`)
  }
}

/** Decimals as doubles, instants as picoseconds. */
function plain(value: Value): unknown {
  if (value instanceof Decimal) return Number(value.toString())
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'dateTimeOffset') {
    const instant = value as DateTimeOffset
    return BigInt(instant.ms) * 1_000_000_000n + BigInt(instant.sub)
  }
  return value
}

function compare(operator: string, a: unknown, b: unknown): boolean {
  const [x, y] = [sortable(a), sortable(b)]
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1, as OData has it
  const equal = x == y && (x === null) === (y === null)
  if (operator === 'eq') return equal
  if (operator === 'ne') return !equal
  if (x === null || y === null) return false
  if (operator === 'gt') return (x as number) > (y as number)
  if (operator === 'lt') return (x as number) < (y as number)
  return operator === 'ge' ? (x as number) >= (y as number) : (x as number) <= (y as number)
}

/** Strings by code point: each as a text of six hexadecimal digits. */
function sortable(value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value !== 'string') return value
  return `:${[...value].map((char) => (char.codePointAt(0) ?? 0).toString(16).padStart(6, '0')).join('')}`
}

function doubles(operator: string, a: number, b: number): unknown {
  if (operator === 'add') return a + b
  return operator === 'sub' ? a - b : operator === 'mul' ? a * b : a / b
}

function integers(operator: string, a: bigint, b: bigint): bigint | null {
  if ((operator === 'div' || operator === 'mod') && b === 0n) return null
  const results: Record<string, () => bigint> = {
    add: () => a + b,
    sub: () => a - b,
    mul: () => a * b,
    div: () => a / b,
    mod: () => a % b,
  }
  const result = results[operator]?.() ?? 0n
  return result === BigInt.asIntN(64, result) ? result : null
}

function text(name: string, a: string, b: unknown): unknown {
  const characters = [...a]
  if (name === 'length') return BigInt(characters.length)
  if (name === 'tolower') return a.toLowerCase()
  if (name === 'concat') return a + String(b)
  if (name === 'contains') return a.split(String(b)).length > 1 || b === ''
  if (name === 'startswith') return characters.slice(0, [...String(b)].length).join('') === b
  if (name === 'endswith') return a.slice(a.length - String(b).length) === b && a.length >= String(b).length
  if (name === 'substring') return characters.slice(Number(b)).join('')
  if (name !== 'indexof') throw new Error(name)
  for (let i = 0; i <= characters.length; i++) {
    if (characters.slice(i).join('').startsWith(String(b))) return BigInt(i)
  }
  return -1n
}
