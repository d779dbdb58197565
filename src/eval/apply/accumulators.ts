import type { AggregationMethod } from '../../bind/apply/tree.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { TypeReference } from '../../edm/model.ts'
import { toDouble } from '../../edm/numbers.ts'
import type { Value } from '../../edm/value.ts'
import { toDecimal } from '../arithmetic.ts'
import { compareSortValues } from '../sort-values.ts'
import { isNumericValue } from '../values.ts'
import { spaceOf } from './methods.ts'
import { sameness } from './same.ts'

/**
 * The aggregation methods of `aggregateValues`, a value at a time: the same digits without a list of all values.
 */
export interface Accumulator {
  /** @param value not null */
  add(value: Value): void
  result(): Value
}

/** @param type of the values */
export function createAccumulator(method: AggregationMethod, type: TypeReference | undefined): Accumulator {
  switch (method) {
    case 'count':
      return new Count()
    case 'countdistinct':
      return new CountDistinct()
    case 'min':
      return new Extreme(-1)
    case 'max':
      return new Extreme(1)
    case 'sum': {
      const space = spaceOf(type)
      return space === 'double' ? new DoubleSum(false) : space === 'integer' ? new IntegerSum() : new DecimalSum(false)
    }
    case 'average':
      return spaceOf(type) === 'double' ? new DoubleSum(true) : new DecimalSum(true)
  }
}

class Count implements Accumulator {
  #count = 0

  add(): void {
    this.#count++
  }

  result(): Value {
    return Decimal.fromBigInt(BigInt(this.#count))
  }
}

/** Values of one primitive type JavaScript tells apart as `sameness` does; once others come, their texts are compared. */
class CountDistinct implements Accumulator {
  #met = new Set<Value>()
  /** of all values so far; 'texts': they are several */
  #type: string | undefined

  add(value: Value): void {
    const type = typeof value
    this.#type ??= type
    if (this.#type === type && type !== 'object') this.#met.add(value)
    else {
      if (this.#type !== 'texts') this.#met = new Set([...this.#met].map(sameness))
      this.#type = 'texts'
      this.#met.add(sameness(value))
    }
  }

  result(): Value {
    return Decimal.fromBigInt(BigInt(this.#met.size))
  }
}

/** The least or greatest value; of equal ones the first. */
class Extreme implements Accumulator {
  readonly #sign: -1 | 1
  #value: Value = null

  constructor(sign: -1 | 1) {
    this.#sign = sign
  }

  add(value: Value): void {
    if (this.#value === null || compareSortValues(value, this.#value) * this.#sign > 0) this.#value = value
  }

  result(): Value {
    return this.#value
  }
}

/** Below this a number and one more safe integer add up exactly. */
const exactly = 2 ** 52

/** Integers: small ones are added as numbers, as long as that is exact. */
class IntegerSum implements Accumulator {
  #any = false
  #part = 0
  #rest = 0n

  add(value: Value): void {
    if (!isNumericValue(value)) return
    this.#any = true
    if (typeof value !== 'number' || !isSmall(value)) this.#rest += toDecimal(value).toBigInt() ?? 0n
    else {
      this.#part += value
      if (!isSmall(this.#part)) {
        this.#rest += BigInt(this.#part)
        this.#part = 0
      }
    }
  }

  result(): Value {
    return this.#any ? this.#rest + BigInt(this.#part) : null
  }
}

function isSmall(value: number): boolean {
  return Number.isInteger(value) && value < exactly && value > -exactly
}

const int64 = 2n ** 63n

/** Decimals in the order in which they come; integers before the first of them, which no rounding reaches, are added up as such. */
class DecimalSum implements Accumulator {
  readonly #average: boolean
  #count = 0
  /** undefined: nothing but integers so far */
  #sum: Decimal | undefined
  #integers = 0n
  #part = 0

  constructor(average: boolean) {
    this.#average = average
  }

  add(value: Value): void {
    if (!isNumericValue(value)) return
    this.#count++
    if (this.#sum === undefined && typeof value === 'number' && isSmall(value)) {
      this.#part += value
      if (!isSmall(this.#part)) this.#gather()
    } else if (this.#sum === undefined && typeof value === 'bigint' && value < int64 && value >= -int64)
      this.#integers += value
    else this.#sum = this.#total().add(toDecimal(value))
  }

  result(): Value {
    if (this.#count === 0) return null
    const sum = this.#total()
    return this.#average ? (sum.divide(Decimal.fromBigInt(BigInt(this.#count))) ?? null) : sum
  }

  #total(): Decimal {
    if (this.#sum !== undefined) return this.#sum
    this.#gather()
    return Decimal.fromBigInt(this.#integers)
  }

  #gather(): void {
    this.#integers += BigInt(this.#part)
    this.#part = 0
  }
}

/** Neumaier's sum, as `doubleSum` has it. */
class DoubleSum implements Accumulator {
  readonly #average: boolean
  #count = 0
  #sum = 0
  #lost = 0

  constructor(average: boolean) {
    this.#average = average
  }

  add(value: Value): void {
    if (!isNumericValue(value)) return
    const sum = this.#sum
    const next = toDouble(value)
    const total = sum + next
    this.#lost += Math.abs(sum) >= Math.abs(next) ? sum - total + next : next - total + sum
    this.#sum = total
    this.#count++
  }

  result(): Value {
    if (this.#count === 0) return null
    const compensated = this.#sum + this.#lost
    const sum = Number.isNaN(compensated) ? this.#sum : compensated
    return this.#average ? sum / this.#count : sum
  }
}
