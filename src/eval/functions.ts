import type { CanonicalFunctionName } from '../bind/tree.ts'
import { civilFromDays, fourDigits, twoDigits } from '../edm/calendar.ts'
import { dateToDays, parseDate, parseTimeOfDay, timeOfDayOf, timeOfDayToPs } from '../edm/date-and-time.ts'
import { type LocalParts, localParts, maxDateTimeOffset, minDateTimeOffset } from '../edm/datetimeoffset.ts'
import { Decimal } from '../edm/decimal.ts'
import type { Value } from '../edm/value.ts'
import { hasSequenceAt, hasSubsequence, hasSubset, indexOfSequence, sliceItems } from './collections.ts'
import { geoDistance, geoIntersects, geoLength } from './geo.ts'
import { compilePattern } from './pattern.ts'
import { indexOf, lengthOf, maxTextLength, substring, trim } from './text.ts'
import { isCollectionValue, isDuration, isInstant, isNumericValue } from './values.ts'

/** A canonical function over values. Arguments that are not given are undefined; null arguments do not come here. */
type ValueFunction = (a: Value, b: Value | undefined, c: Value | undefined) => Value

/**
 * The canonical functions (URL Conventions 5.1.1.5 to 5.1.1.11) but `now`, which is one instant for a whole execution.
 * They never throw, whatever kinds of values they get: an argument of no fitting kind gives null.
 */
export const canonicalFunctions: Readonly<Record<Exclude<CanonicalFunctionName, 'now'>, ValueFunction>> = {
  concat: (a, b) => {
    if (typeof a === 'string' && typeof b === 'string') return a.length + b.length > maxTextLength ? null : a + b
    return isItems(a) && isItems(b) ? [...a, ...b] : null
  },
  contains: (a, b) => {
    if (typeof a === 'string' && typeof b === 'string') return a.includes(b)
    return isItems(a) && isItems(b) ? indexOfSequence(a, b) >= 0 : null
  },
  startswith: (a, b) => {
    if (typeof a === 'string' && typeof b === 'string') return a.startsWith(b)
    return isItems(a) && isItems(b) ? hasSequenceAt(a, b, 0) : null
  },
  endswith: (a, b) => {
    if (typeof a === 'string' && typeof b === 'string') return a.endsWith(b)
    return isItems(a) && isItems(b) ? hasSequenceAt(a, b, a.length - b.length) : null
  },
  indexof: (a, b) => {
    if (typeof a === 'string' && typeof b === 'string') return indexOf(a, b)
    return isItems(a) && isItems(b) ? indexOfSequence(a, b) : null
  },
  length: (a) => (typeof a === 'string' ? lengthOf(a) : isItems(a) ? a.length : null),
  substring: (a, b, c) => {
    const start = position(b)
    const count = c === undefined ? undefined : position(c)
    if (start === undefined || (c !== undefined && count === undefined)) return null
    if (typeof a === 'string') return substring(a, start, count)
    return isItems(a) ? sliceItems(a, start, count) : null
  },
  tolower: (a) => (typeof a === 'string' ? a.toLowerCase() : null),
  toupper: (a) => (typeof a === 'string' ? a.toUpperCase() : null),
  trim: (a) => (typeof a === 'string' ? trim(a) : null),
  matchespattern: (a, b, c) => {
    if (typeof a !== 'string' || typeof b !== 'string' || (c !== undefined && typeof c !== 'string')) return null
    // a pattern that stands in the data and is none matches nothing; a constant one is refused before
    try {
      return compilePattern(b, c ?? '')(a)
    } catch {
      return null
    }
  },
  hassubset: (a, b) => (isItems(a) && isItems(b) ? hasSubset(a, b) : null),
  hassubsequence: (a, b) => (isItems(a) && isItems(b) ? hasSubsequence(a, b) : null),
  year: (a) => dateParts(a)?.year ?? null,
  month: (a) => dateParts(a)?.month ?? null,
  day: (a) => dateParts(a)?.day ?? null,
  hour: (a) => clock(a)?.hour ?? null,
  minute: (a) => clock(a)?.minute ?? null,
  second: (a) => clock(a)?.second ?? null,
  fractionalseconds: (a) => {
    const fraction = clock(a)?.fraction
    return fraction === undefined ? null : Decimal.of(BigInt(fraction), 12).trimmed()
  },
  date: (a) => {
    if (!isInstantValue(a)) return null
    const parts = localParts(a)
    return `${fourDigits(parts.year)}-${twoDigits(parts.month)}-${twoDigits(parts.day)}`
  },
  time: (a) => {
    if (!isInstantValue(a)) return null
    const parts = localParts(a)
    return timeOfDayOf(parts.hour, parts.minute, parts.second, parts.fraction)
  },
  totaloffsetminutes: (a) => (isInstantValue(a) ? a.offset : null),
  totalseconds: (a) => (a !== null && isDuration(a) ? Decimal.of(a.ps, 12).trimmed() : null),
  mindatetime: () => minDateTimeOffset,
  maxdatetime: () => maxDateTimeOffset,
  ceiling: (a) => rounding(a, Math.ceil, (value) => value.ceiling()),
  floor: (a) => rounding(a, Math.floor, (value) => value.floor()),
  round: (a) => rounding(a, roundHalfAway, (value) => value.round()),
  'geo.distance': (a, b) => geoDistance(a, b ?? null),
  'geo.intersects': (a, b) => geoIntersects(a, b ?? null),
  'geo.length': (a) => geoLength(a),
}

function isItems(value: Value | undefined): value is readonly Value[] {
  return value !== undefined && isCollectionValue(value)
}

function isInstantValue(value: Value): value is Parameters<typeof localParts>[0] {
  return value !== null && isInstant(value)
}

/** A position or a length: a whole number of any type, cut to what no text reaches. */
function position(value: Value | undefined): number | undefined {
  if (value === undefined || !isNumericValue(value)) return undefined
  const number = value instanceof Decimal ? value.toNumber() : Number(value)
  return Number.isNaN(number) ? undefined : Math.max(Math.min(Math.trunc(number), 2 ** 31), -(2 ** 31))
}

/** Year, month, day of a Date or of a DateTimeOffset in its own offset. */
function dateParts(value: Value): Pick<LocalParts, 'year' | 'month' | 'day'> | undefined {
  if (typeof value === 'string') return parseDate(value) === undefined ? undefined : civilFromDays(dateToDays(value))
  return isInstantValue(value) ? localParts(value) : undefined
}

/** The clock of a TimeOfDay or of a DateTimeOffset in its own offset. */
function clock(value: Value): Pick<LocalParts, 'hour' | 'minute' | 'second' | 'fraction'> | undefined {
  if (isInstantValue(value)) return localParts(value)
  const time = typeof value === 'string' ? parseTimeOfDay(value) : undefined
  if (time === undefined) return undefined
  return {
    hour: Number(time.slice(0, 2)),
    minute: Number(time.slice(3, 5)),
    second: Number(time.slice(6, 8)),
    fraction: Number(timeOfDayToPs(time) % 1_000_000_000_000n),
  }
}

function rounding(value: Value, double: (n: number) => number, decimal: (n: Decimal) => Decimal): Value {
  if (typeof value === 'number') return double(value)
  if (typeof value === 'bigint') return value
  return value instanceof Decimal ? decimal(value) : null
}

/** 0.5 gives 1, -0.5 gives -1; `Math.round` and MongoDB's `$round` differ. */
function roundHalfAway(value: number): number {
  const whole = Math.trunc(value)
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole
}
