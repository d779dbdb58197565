import type { BinaryExpression } from '../bind/tree.ts'
import { addToDate, dateToDays, parseDate } from '../edm/date-and-time.ts'
import { addToInstant, instantDifference } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import type { TypeReference } from '../edm/model.ts'
import { fitsInt64, toDouble } from '../edm/numbers.ts'
import { primitiveOf } from '../edm/types.ts'
import type { DateTimeOffset, Duration, Value } from '../edm/value.ts'
import { isDuration, isInstant, isNumericValue, type NumericValue } from './values.ts'

export type ArithmeticOperator = Extract<BinaryExpression['operator'], 'add' | 'sub' | 'mul' | 'div' | 'divby' | 'mod'>

/** How numbers of a type are computed: in doubles, in exact decimals, in exact integers. */
type NumberSpace = 'double' | 'single' | 'decimal' | 'integer'

const psPerDay = 86_400_000_000_000_000n
/** Longer spans are no result (decimal128 holds 34 digits). */
const maxDurationPs = 10n ** 34n

/**
 * One arithmetic operator for operands of known types (URL Conventions 5.1.1.2). The result is null where an operand is
 * null or of no fitting kind, where the request would fail (a divisor of 0 that comes from the data: a constant one is
 * refused before any row is read), and where an integer leaves Int64 or a date its years.
 * @param left type of the left operand: Decimal with floating scale divides by zero, others fail
 * @param right type of the right operand
 * @param result type of the whole, as bind says it; undefined with a dynamic operand: the values decide
 */
export function arithmetic(
  operator: ArithmeticOperator,
  left: TypeReference | undefined,
  right: TypeReference | undefined,
  result: TypeReference | undefined,
): (a: Value, b: Value) => Value {
  const space = spaceOf(result) ?? commonSpace(spaceOf(left), spaceOf(right))
  const infinite = left?.facets.scale === 'floating' || (operator === 'divby' && (isInteger(left) || isInteger(right)))
  return (a, b) => {
    if (a === null || b === null) return null
    if (isNumericValue(a)) {
      if (isNumericValue(b)) return compute(operator, space ?? spaceOfValues(a, b, operator), a, b, infinite)
      return operator === 'mul' && isDuration(b) ? scaleDuration(b, a) : null
    }
    if (isDuration(a)) return durationArithmetic(operator, a, b)
    if (isInstant(a)) {
      if (isDuration(b)) {
        return operator === 'add' ? instant(a, b.ps) : operator === 'sub' ? instant(a, -b.ps) : null
      }
      return operator === 'sub' && isInstant(b) ? duration(instantDifference(a, b)) : null
    }
    return typeof a === 'string' ? dateArithmetic(operator, a, b) : null
  }
}

/** The unary minus for numbers and durations. */
export function negation(type: TypeReference | undefined): (a: Value) => Value {
  const integral = isInteger(type)
  return (a) => {
    if (typeof a === 'number') return integral ? 0 - a : -a
    if (typeof a === 'bigint') return int64(-a)
    if (a instanceof Decimal) return a.negate()
    return a !== null && isDuration(a) ? { kind: 'duration', ps: -a.ps } : null
  }
}

/** Whether a constant divisor makes the request fail (URL Conventions 5.1.1.2.5, 5.1.1.2.6). */
export function dividesByZero(
  operator: ArithmeticOperator,
  left: TypeReference | undefined,
  right: TypeReference | undefined,
  result: TypeReference | undefined,
  divisor: Value,
): boolean {
  if (operator !== 'div' && operator !== 'divby' && operator !== 'mod') return false
  if (!isNumericValue(divisor) || !isZero(divisor)) return false
  if (operator === 'mod') return true
  if (left?.facets.scale === 'floating' || (operator === 'divby' && (isInteger(left) || isInteger(right)))) return false
  const space = spaceOf(result)
  return space !== undefined && space !== 'double' && space !== 'single'
}

function isZero(value: NumericValue): boolean {
  return value instanceof Decimal ? value.isZero : value === 0 || value === 0n
}

function spaceOf(type: TypeReference | undefined): NumberSpace | undefined {
  switch (type === undefined || type.collection ? undefined : primitiveOf(type.type)?.name) {
    case 'Edm.Double':
      return 'double'
    case 'Edm.Single':
      return 'single'
    case 'Edm.Decimal':
      return 'decimal'
    case 'Edm.Int64':
    case 'Edm.Int32':
    case 'Edm.Int16':
    case 'Edm.Byte':
    case 'Edm.SByte':
      return 'integer'
    default:
      return undefined
  }
}

function isInteger(type: TypeReference | undefined): boolean {
  return spaceOf(type) === 'integer'
}

/** Numeric promotion where bind gave no type: both sides must be known. */
function commonSpace(a: NumberSpace | undefined, b: NumberSpace | undefined): NumberSpace | undefined {
  if (a === undefined || b === undefined) return undefined
  if (a === 'double' || b === 'double') return 'double'
  if (a === 'single' || b === 'single') return 'single'
  return a === 'decimal' || b === 'decimal' ? 'decimal' : 'integer'
}

/** Of dynamic values: a number without a fraction counts as an integer. */
function spaceOfValues(a: NumericValue, b: NumericValue, operator: ArithmeticOperator): NumberSpace {
  if (isFractional(a) || isFractional(b)) return 'double'
  if (a instanceof Decimal || b instanceof Decimal || operator === 'divby') return 'decimal'
  return 'integer'
}

function isFractional(value: NumericValue): boolean {
  return typeof value === 'number' && !Number.isInteger(value)
}

function compute(
  operator: ArithmeticOperator,
  space: NumberSpace,
  a: NumericValue,
  b: NumericValue,
  infinite: boolean,
): Value {
  switch (space) {
    case 'double':
      return inDoubles(operator, toDouble(a), toDouble(b))
    case 'single': {
      const result = inDoubles(operator, Math.fround(toDouble(a)), Math.fround(toDouble(b)))
      return result === null ? null : Math.fround(result)
    }
    case 'decimal':
      return inDecimals(operator, toDecimal(a), toDecimal(b), infinite)
    case 'integer':
      return inIntegers(operator, a, b)
  }
}

export function toDecimal(value: NumericValue): Decimal {
  if (value instanceof Decimal) return value
  return typeof value === 'bigint' ? Decimal.fromBigInt(value) : Decimal.fromNumber(value)
}

function inDoubles(operator: ArithmeticOperator, a: number, b: number): number | null {
  switch (operator) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return a * b
    case 'div':
    case 'divby':
      return a / b
    case 'mod':
      return b === 0 ? null : a % b
  }
}

function inDecimals(operator: ArithmeticOperator, a: Decimal, b: Decimal, infinite: boolean): Value {
  switch (operator) {
    case 'add':
      return a.add(b)
    case 'sub':
      return a.subtract(b)
    case 'mul':
      return a.multiply(b)
    case 'div':
    case 'divby':
      return a.divide(b) ?? (infinite ? infinity(a) : null)
    case 'mod':
      return a.modulo(b) ?? null
  }
}

function infinity(a: Decimal): Decimal {
  if (a.isZero) return Decimal.nan
  return a.coefficient > 0n ? Decimal.infinity : Decimal.negativeInfinity
}

/** Exact, in Int64: a sum of two Int32 that is no Int32 is still right. */
function inIntegers(operator: ArithmeticOperator, a: NumericValue, b: NumericValue): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    if ((operator === 'div' || operator === 'divby' || operator === 'mod') && b === 0) return null
    const result = smallIntegers(operator, a, b)
    if (Number.isSafeInteger(result)) return result
  }
  const left = toInteger(a)
  const right = toInteger(b)
  if (left === undefined || right === undefined) return null
  switch (operator) {
    case 'add':
      return int64(left + right)
    case 'sub':
      return int64(left - right)
    case 'mul':
      return int64(left * right)
    case 'div':
    case 'divby':
      return right === 0n ? null : int64(left / right)
    case 'mod':
      return right === 0n ? null : left % right
  }
}

/** `+ 0` turns -0 into 0: integers have no negative zero. */
function smallIntegers(operator: ArithmeticOperator, a: number, b: number): number {
  switch (operator) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return a * b + 0
    case 'div':
    case 'divby':
      return Math.trunc(a / b) + 0
    case 'mod':
      return (a % b) + 0
  }
}

function toInteger(value: NumericValue): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (value instanceof Decimal) return value.toBigInt()
  return Number.isInteger(value) ? BigInt(value) : undefined
}

function int64(value: bigint): bigint | null {
  return fitsInt64(value) ? value : null
}

function duration(ps: bigint): Duration | null {
  return ps > maxDurationPs || ps < -maxDurationPs ? null : { kind: 'duration', ps }
}

function durationArithmetic(operator: ArithmeticOperator, a: Duration, b: Value): Value {
  if (isNumericValue(b)) {
    if (operator === 'mul') return scaleDuration(a, b)
    if (operator !== 'div' && operator !== 'divby') return null
    return rounded(Decimal.fromBigInt(a.ps).divide(toDecimal(b)))
  }
  if (!isDuration(b)) return null
  return operator === 'add' ? duration(a.ps + b.ps) : operator === 'sub' ? duration(a.ps - b.ps) : null
}

function scaleDuration(span: Duration, factor: NumericValue): Value {
  return rounded(Decimal.fromBigInt(span.ps).multiply(toDecimal(factor)))
}

function rounded(ps: Decimal | undefined): Value {
  if (ps === undefined || !ps.isFinite || ps.precision - ps.scale > 36) return null
  const whole = ps.round().toBigInt()
  return whole === undefined ? null : duration(whole)
}

function instant(value: DateTimeOffset, ps: bigint): Value {
  return addToInstant(value, ps) ?? null
}

/** Date add/sub Duration, Date sub Date: the date is midnight, what is left of a day is cut off (5.1.1.2.1). */
function dateArithmetic(operator: ArithmeticOperator, a: string, b: Value): Value {
  if ((operator !== 'add' && operator !== 'sub') || parseDate(a) === undefined) return null
  if (b !== null && isDuration(b)) {
    const ps = operator === 'add' ? b.ps : -b.ps
    const days = ps / psPerDay - (ps % psPerDay < 0n ? 1n : 0n)
    return addToDate(a, days * psPerDay) ?? null
  }
  if (operator !== 'sub' || typeof b !== 'string' || parseDate(b) === undefined) return null
  return duration(BigInt(dateToDays(a) - dateToDays(b)) * psPerDay)
}
