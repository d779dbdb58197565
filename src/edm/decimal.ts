/** Significant digits of decimal128, the widest decimal that is stored; arithmetic rounds to it, half to even. */
export const decimalPrecision = 34

/** Exponents of decimal128 (IEEE 754-2008): no value is read, and none computed, outside them. */
const maxAdjustedExponent = 6144
const maxScale = 6176
/** More digits than this are no number that anybody means (and BigInt's parser is not linear). */
const maxTextLength = 7000

const pattern = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,5}))?$/

/** `Edm.Decimal` with `Scale="floating"` also knows these (CSDL 4.4). */
type Special = 'NaN' | 'INF' | '-INF'

/**
 * An Edm.Decimal, exact and immutable: `coefficient * 10 ** -scale`. Trailing zeros are kept (`1.10` prints as `1.10`, and
 * equals `1.1`). There is no negative zero. A negative scale stands for trailing zeros left of the point (`12E+3`).
 */
export class Decimal {
  readonly coefficient: bigint
  readonly scale: number
  /** NaN and the infinities; the coefficient is then 0 */
  readonly special: Special | undefined

  private constructor(coefficient: bigint, scale: number, special?: Special) {
    this.coefficient = coefficient
    this.scale = scale
    this.special = special
  }

  static readonly zero = new Decimal(0n, 0)
  static readonly nan = new Decimal(0n, 0, 'NaN')
  static readonly infinity = new Decimal(0n, 0, 'INF')
  static readonly negativeInfinity = new Decimal(0n, 0, '-INF')

  /** `coefficient * 10 ** -scale`; the caller keeps the scale an integer within decimal128's exponents. */
  static of(coefficient: bigint, scale: number): Decimal {
    return new Decimal(coefficient, scale)
  }

  /**
   * ABNF decimalValue: `-12.50`, `1e5`, `INF`, `-INF`, `NaN`.
   * @returns undefined where the text is something else or lies outside decimal128's exponents.
   */
  static parse(text: string): Decimal | undefined {
    if (text.length > maxTextLength) return undefined
    const match = pattern.exec(text)
    if (match === null) return specialOf(text)
    const fraction = match[3] ?? ''
    const digits = BigInt((match[2] ?? '') + fraction)
    const scale = fraction.length - Number(match[4] ?? 0)
    return inRange(match[1] === '-' ? -digits : digits, scale)
  }

  static fromBigInt(value: bigint): Decimal {
    return new Decimal(value, 0)
  }

  /** The decimal that a double prints as (its shortest form); NaN and the infinities are kept. */
  static fromNumber(value: number): Decimal {
    if (Number.isNaN(value)) return Decimal.nan
    if (!Number.isFinite(value)) return value > 0 ? Decimal.infinity : Decimal.negativeInfinity
    return Decimal.parse(String(value)) ?? Decimal.zero
  }

  /** Whether it is a number: neither NaN nor infinite. */
  get isFinite(): boolean {
    return this.special === undefined
  }

  /** Digits of the coefficient (0 has one), trailing zeros counted. */
  get precision(): number {
    return digitCount(this.coefficient)
  }

  get isZero(): boolean {
    return this.coefficient === 0n && this.special === undefined
  }

  /**
   * Canonical text. `exponential` (JSON format parameter ExponentialDecimals) writes very large and very small numbers
   * with an exponent, otherwise the text has none.
   */
  toString(exponential = false): string {
    if (this.special !== undefined) return this.special
    const negative = this.coefficient < 0n
    const digits = (negative ? -this.coefficient : this.coefficient).toString()
    const sign = negative ? '-' : ''
    const adjusted = digits.length - 1 - this.scale
    if (exponential && (this.scale < 0 || adjusted < -6)) {
      const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
      return `${sign}${digits.slice(0, 1)}${fraction}E${adjusted < 0 ? '' : '+'}${adjusted}`
    }
    if (this.scale <= 0) return this.coefficient === 0n ? '0' : sign + digits + '0'.repeat(-this.scale)
    const padded = digits.padStart(this.scale + 1, '0')
    return `${sign}${padded.slice(0, -this.scale)}.${padded.slice(-this.scale)}`
  }

  /** The nearest double. */
  toNumber(): number {
    if (this.special !== undefined) return numberOf(this.special)
    if (this.scale === 0) return Number(this.coefficient)
    return Number(`${this.coefficient}e${-this.scale}`)
  }

  /** The integer part (towards zero); undefined for NaN and the infinities. */
  toBigInt(): bigint | undefined {
    if (this.special !== undefined) return undefined
    return this.scale <= 0 ? this.coefficient * power(-this.scale) : this.coefficient / power(this.scale)
  }

  /** Whether it has no fraction. */
  get isInteger(): boolean {
    return this.special === undefined && (this.scale <= 0 || this.coefficient % power(this.scale) === 0n)
  }

  /** Total order: NaN (equal to itself) first, then the numbers. */
  compare(other: Decimal): number {
    if (this.special !== undefined || other.special !== undefined) {
      if (this.special === 'NaN') return other.special === 'NaN' ? 0 : -1
      if (other.special === 'NaN') return 1
      const left = this.special === undefined ? 0 : numberOf(this.special)
      const right = other.special === undefined ? 0 : numberOf(other.special)
      return left === right ? 0 : left < right ? -1 : 1
    }
    const a = this.coefficient
    const b = other.coefficient
    if (this.scale === other.scale) return compareBigInt(a, b)
    if (a > 0n !== b > 0n || a < 0n !== b < 0n) return compareBigInt(a, b)
    if (a === 0n) return 0
    const magnitude = this.precision - this.scale - (other.precision - other.scale)
    if (magnitude !== 0) return magnitude > 0 === a > 0n ? 1 : -1
    const scale = Math.max(this.scale, other.scale)
    return compareBigInt(a * power(scale - this.scale), b * power(scale - other.scale))
  }

  /** Same number, whatever the scale; NaN equals NaN here (OData's `eq` asks `equalPrimitive`). */
  equals(other: Decimal): boolean {
    return this.compare(other) === 0
  }

  negate(): Decimal {
    if (this.special === 'NaN') return this
    if (this.special !== undefined) return this.special === 'INF' ? Decimal.negativeInfinity : Decimal.infinity
    return new Decimal(-this.coefficient, this.scale)
  }

  add(other: Decimal): Decimal {
    if (this.special !== undefined || other.special !== undefined) return special(this, other, (a, b) => a + b)
    if (this.coefficient === 0n && other.coefficient === 0n) {
      return new Decimal(0n, Math.max(this.scale, other.scale))
    }
    const gap = this.precision - this.scale - (other.precision - other.scale)
    // too far apart to reach the 34 digits of the greater one: spares numbers of thousands of digits
    if (gap > 80 && this.precision <= decimalPrecision && this.coefficient !== 0n) return this
    if (gap < -80 && other.precision <= decimalPrecision && other.coefficient !== 0n) return other
    const scale = Math.max(this.scale, other.scale)
    return rounded(this.coefficient * power(scale - this.scale) + other.coefficient * power(scale - other.scale), scale)
  }

  subtract(other: Decimal): Decimal {
    return this.add(other.negate())
  }

  multiply(other: Decimal): Decimal {
    if (this.special !== undefined || other.special !== undefined) return special(this, other, (a, b) => a * b)
    return rounded(this.coefficient * other.coefficient, this.scale + other.scale)
  }

  /** Quotient to 34 digits, without trailing zeros beyond the operands' scales; undefined where the divisor is zero. */
  divide(other: Decimal): Decimal | undefined {
    if (this.special !== undefined || other.special !== undefined) return special(this, other, (a, b) => a / b)
    if (other.coefficient === 0n) return undefined
    const ideal = this.scale - other.scale
    if (this.coefficient === 0n) return inRange(0n, Math.max(ideal, 0)) ?? Decimal.zero
    // two digits more than kept, and a last one that says whether anything was cut off: rounds right
    const shift = Math.max(decimalPrecision + 2 + other.precision - this.precision, 0)
    const dividend = this.coefficient * power(shift)
    const quotient = dividend / other.coefficient
    const rest = dividend - quotient * other.coefficient
    if (rest === 0n) return rounded(...stripped(quotient, ideal + shift, ideal))
    const sticky = dividend < 0n !== other.coefficient < 0n ? -1n : 1n
    return rounded(quotient * 10n + sticky, ideal + shift + 1)
  }

  /** Remainder with the sign of the dividend; undefined where the divisor is zero. */
  modulo(other: Decimal): Decimal | undefined {
    if (this.special !== undefined || other.special !== undefined) {
      if (other.special !== undefined && other.special !== 'NaN' && this.special === undefined) return this
      return Decimal.nan
    }
    if (other.coefficient === 0n) return undefined
    if (this.compareMagnitude(other) < 0) return this
    const scale = Math.max(this.scale, other.scale)
    return rounded(
      (this.coefficient * power(scale - this.scale)) % (other.coefficient * power(scale - other.scale)),
      scale,
    )
  }

  /** Nearest integer, halves away from zero (URL Conventions 5.1.1.9.1). */
  round(): Decimal {
    return this.toInteger((quotient, rest, unit) => {
      const twice = (rest < 0n ? -rest : rest) * 2n
      return twice >= unit ? quotient + (rest < 0n ? -1n : 1n) : quotient
    })
  }

  floor(): Decimal {
    return this.toInteger((quotient, rest) => (rest < 0n ? quotient - 1n : quotient))
  }

  ceiling(): Decimal {
    return this.toInteger((quotient, rest) => (rest > 0n ? quotient + 1n : quotient))
  }

  /** The same number without trailing zeros right of the point, so that equal numbers have one form. */
  trimmed(): Decimal {
    if (this.special !== undefined || this.scale <= 0) return this
    const [coefficient, scale] = stripped(this.coefficient, this.scale, 0)
    return scale === this.scale ? this : new Decimal(coefficient, scale)
  }

  private compareMagnitude(other: Decimal): number {
    const left = this.coefficient < 0n ? this.negate() : this
    return left.compare(other.coefficient < 0n ? other.negate() : other)
  }

  private toInteger(choose: (quotient: bigint, rest: bigint, unit: bigint) => bigint): Decimal {
    if (this.special !== undefined || this.scale <= 0) return this
    const unit = power(this.scale)
    const quotient = this.coefficient / unit
    return new Decimal(choose(quotient, this.coefficient - quotient * unit, unit), 0)
  }
}

/** Powers of ten used most, made once. */
const powers: readonly bigint[] = Array.from({ length: 80 }, (_, i) => 10n ** BigInt(i))

function power(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent)
}

function digitCount(value: bigint): number {
  const magnitude = value < 0n ? -value : value
  if (magnitude <= 9_007_199_254_740_991n) {
    let count = 1
    for (let n = Number(magnitude); n >= 10; n = Math.floor(n / 10)) count++
    return count
  }
  return magnitude.toString().length
}

function compareBigInt(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function specialOf(text: string): Decimal | undefined {
  if (text === 'NaN') return Decimal.nan
  if (text === 'INF') return Decimal.infinity
  return text === '-INF' ? Decimal.negativeInfinity : undefined
}

function numberOf(value: Special): number {
  if (value === 'NaN') return Number.NaN
  return value === 'INF' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
}

/** Arithmetic with NaN or an infinity on one side: what doubles do. */
function special(a: Decimal, b: Decimal, operation: (a: number, b: number) => number): Decimal {
  return Decimal.fromNumber(operation(sample(a), sample(b)))
}

/** A double of the same sign and zeroness: a finite decimal must not turn into an infinity on the way. */
function sample(value: Decimal): number {
  if (value.special !== undefined) return numberOf(value.special)
  return value.coefficient === 0n ? 0 : value.coefficient < 0n ? -1 : 1
}

function inRange(coefficient: bigint, scale: number): Decimal | undefined {
  if (coefficient === 0n) return Decimal.of(0n, Math.min(Math.max(scale, 0), maxScale))
  if (scale > maxScale) return undefined
  return digitCount(coefficient) - 1 - scale > maxAdjustedExponent ? undefined : Decimal.of(coefficient, scale)
}

/** Zeros that are dropped at once: a quotient that comes out even has more than thirty. */
const zeroRuns = [16, 8, 4, 2, 1] as const

/** Drops trailing zeros down to a scale. */
function stripped(coefficient: bigint, scale: number, downTo: number): [bigint, number] {
  let digits = coefficient
  let places = scale
  for (const run of zeroRuns) {
    const unit = power(run)
    while (places - run >= downTo && digits !== 0n && digits % unit === 0n) {
      digits /= unit
      places -= run
    }
  }
  return digits === 0n ? [0n, downTo] : [digits, places]
}

/** An arithmetic result as decimal128 would hold it: 34 digits, half to even; too large is infinite, too small 0. */
function rounded(coefficient: bigint, scale: number): Decimal {
  let digits = coefficient
  let places = scale
  const excess = Math.max(digitCount(digits) - decimalPrecision, places - maxScale)
  if (excess > 0) {
    digits = dropDigits(digits, excess)
    places -= excess
    if (digitCount(digits) > decimalPrecision) {
      digits /= 10n
      places--
    }
  }
  const result = inRange(digits, places)
  return result ?? (coefficient > 0n ? Decimal.infinity : Decimal.negativeInfinity)
}

function dropDigits(value: bigint, count: number): bigint {
  const unit = power(count)
  const quotient = value / unit
  const rest = value - quotient * unit
  const twice = (rest < 0n ? -rest : rest) * 2n
  const up = twice > unit || (twice === unit && quotient % 2n !== 0n)
  return up ? quotient + (value < 0n ? -1n : 1n) : quotient
}
