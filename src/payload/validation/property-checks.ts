import { annotationOf, integer, isTagged, items, member, text } from '../../edm/annotations.ts'
import { timeOfDayToPs } from '../../edm/date-and-time.ts'
import { Decimal } from '../../edm/decimal.ts'
import type { Annotatable, PrimitiveTypeName, Type, TypeReference } from '../../edm/model.ts'
import { convertNumber } from '../../edm/numbers.ts'
import { comparePrimitive, equalPrimitive, isNumeric } from '../../edm/primitives.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { Duration, PrimitiveValue, Value } from '../../edm/value.ts'
import { compilePattern } from '../../eval/pattern.ts'
import { constantOf } from './constant.ts'
import { type JsonCheck, jsonCheckOf } from './json-schema.ts'

/** What is wrong with a single value, for a person; undefined: nothing. */
export type ValueCheck = (value: PrimitiveValue) => string | undefined

/** The checks of a property's value, made once for the property. */
export interface PropertyChecks {
  /** of the value, or of each item of a collection */
  readonly single: readonly ValueCheck[]
  /** of a collection as a whole */
  readonly collection: readonly ((count: number) => string | undefined)[]
  /** JSON.Schema: of the value, or of each item, whatever it is */
  readonly json?: JsonCheck | undefined
  /** a list is one value, too */
  readonly untyped?: boolean
}

const validation = 'Org.OData.Validation.V1.'
const core = 'Org.OData.Core.V1.'

/** A property or a parameter. */
type Checked = Annotatable & { readonly type: TypeReference }

const known = new WeakMap<Checked, PropertyChecks | null>()

/**
 * What the terms of Org.OData.Validation.V1 (and Core.IsURL, Core.IsMediaType) ask of a property's values, its own and
 * those of its type definition.
 * @returns null where they ask nothing
 */
export function checksOf(property: Checked): PropertyChecks | null {
  let checks = known.get(property)
  if (checks === undefined) {
    checks = makeChecks(property)
    known.set(property, checks)
  }
  return checks
}

/** @returns what is wrong with a value that the property's type allows, and where in it: an item's index or undefined */
export function* faultsOf(
  { single, collection, json, untyped }: PropertyChecks,
  value: Value,
): Iterable<{ readonly fault: string; readonly item: number | undefined }> {
  if (value === null) return
  if (!Array.isArray(value) || untyped) {
    for (const check of single) {
      const fault = isPlain(value) ? check(value) : undefined
      if (fault !== undefined) yield { fault, item: undefined }
    }
    for (const fault of json?.(value) ?? []) yield { fault, item: undefined }
    return
  }
  for (const check of collection) {
    const fault = check(value.length)
    if (fault !== undefined) yield { fault, item: undefined }
  }
  for (const [item, entry] of value.entries())
    for (const check of single) {
      const fault = entry !== null && isPlain(entry) ? check(entry) : undefined
      if (fault !== undefined) yield { fault, item }
    }
  if (json !== undefined)
    for (const [item, entry] of value.entries())
      for (const fault of entry === null ? [] : json(entry)) yield { fault, item }
}

/** What is wrong with a collection of no items; undefined: nothing. */
export function emptyFault(checks: PropertyChecks | null): string | undefined {
  for (const check of checks?.collection ?? []) {
    const fault = check(0)
    if (fault !== undefined) return fault
  }
  return undefined
}

function isPlain(value: Value): value is PrimitiveValue {
  return (
    value !== null &&
    !Array.isArray(value) &&
    !(typeof value === 'object' && 'kind' in value && value.kind === 'structured')
  )
}

function makeChecks(property: Checked): PropertyChecks | null {
  const { type } = property.type
  const elements: Annotatable[] = type.kind === 'typeDefinition' ? [property, type] : [property]
  const single = elements.flatMap((element) => valueChecks(element, type))
  const collection = property.type.collection ? countChecks(property) : []
  const primitive = primitiveOf(type)?.name
  const untyped = type.name === 'Edm.Untyped'
  const json = primitive === 'Edm.String' || untyped ? jsonCheckOf(elements, !untyped) : undefined
  if (single.length + collection.length === 0 && json === undefined) return null
  return { single, collection, json, untyped: untyped && !property.type.collection }
}

function valueChecks(element: Annotatable, type: Type): readonly ValueCheck[] {
  const primitive = primitiveOf(type)?.name
  const checks = [allowedValues(element, type)]
  if (primitive !== undefined) {
    checks.push(bound(element, type, primitive, 'Minimum'), bound(element, type, primitive, 'Maximum'))
    checks.push(multipleOf(element, primitive))
    if (primitive === 'Edm.String') checks.push(pattern(element), url(element), mediaType(element))
  }
  return checks.filter((check) => check !== undefined)
}

function bound(
  element: Annotatable,
  type: Type,
  primitive: PrimitiveTypeName,
  term: 'Minimum' | 'Maximum',
): ValueCheck | undefined {
  const annotation = annotationOf(element, validation + term)
  const limit = constantOf(annotation?.value, type)
  if (annotation === undefined || limit === undefined) return undefined
  const exclusive = isTagged(annotation, `${validation}Exclusive`)
  const sign = term === 'Minimum' ? 1 : -1
  const shown = shownConstant(annotation.value)
  const words = exclusive ? (sign > 0 ? 'more than' : 'less than') : sign > 0 ? 'at least' : 'at most'
  return (value) => {
    const order = comparePrimitive(primitive, value, limit) * sign
    const fits = order > 0 || (order === 0 && !exclusive)
    // NaN lies nowhere
    if (fits && !Number.isNaN(value)) return undefined
    return `must be ${words} ${shown} (Validation.${term}${exclusive ? ', Exclusive' : ''})`
  }
}

function shownConstant(expression: { readonly kind: string; readonly value?: unknown }): string {
  return String(expression.value)
}

function allowedValues(element: Annotatable, type: Type): ValueCheck | undefined {
  const annotation = annotationOf(element, `${validation}AllowedValues`)
  if (annotation === undefined) return undefined
  const allowed = items(annotation.value).flatMap((entry) => constantOf(member(entry, 'Value'), type) ?? [])
  // a value of another kind than the type's cannot be met: with one of them missing nothing is refused
  if (allowed.length === 0 || allowed.length < items(annotation.value).length) return undefined
  const primitive = primitiveOf(type)?.name
  return (value) =>
    allowed.some((entry) => (primitive === undefined ? entry === value : equalPrimitive(primitive, entry, value)))
      ? undefined
      : 'is none of the allowed values (Validation.AllowedValues)'
}

function multipleOf(element: Annotatable, primitive: PrimitiveTypeName): ValueCheck | undefined {
  const value = annotationOf(element, `${validation}MultipleOf`)?.value
  const unit = value === undefined || !('value' in value) ? undefined : Decimal.parse(String(value.value))
  if (unit === undefined || !unit.isFinite || unit.isZero) return undefined
  const amount = amountOf(primitive)
  if (amount === undefined) return undefined
  return (given) => {
    const rest = amount(given)?.modulo(unit)
    return rest?.isZero ? undefined : `must be a multiple of ${unit.toString()} (Validation.MultipleOf)`
  }
}

const picoseconds = 12

/** A value as a number; of temporal types in seconds. */
function amountOf(primitive: PrimitiveTypeName): ((value: PrimitiveValue) => Decimal | undefined) | undefined {
  if (isNumeric(primitive))
    return (value) => {
      const decimal = convertNumber('Edm.Decimal', value as number | bigint | Decimal)
      return decimal instanceof Decimal ? decimal : undefined
    }
  if (primitive === 'Edm.Duration') return (value) => Decimal.of((value as Duration).ps, picoseconds)
  if (primitive === 'Edm.TimeOfDay') return (value) => Decimal.of(timeOfDayToPs(String(value)), picoseconds)
  return undefined
}

function pattern(element: Annotatable): ValueCheck | undefined {
  const source = text(annotationOf(element, `${validation}Pattern`)?.value)
  const matches = source === undefined ? undefined : patternOf(source)
  if (matches === undefined) return undefined
  return (value) =>
    typeof value !== 'string' || matches(value) ? undefined : 'does not match the pattern (Validation.Pattern)'
}

/** A pattern of the model; undefined where it cannot be run in linear time (`unenforcedPatterns` says which). */
function patternOf(source: string): ((text: string) => boolean) | undefined {
  try {
    return compilePattern(source, '')
  } catch {
    return undefined
  }
}

/** RFC 3986: characters that an URL or a relative reference can have. */
const urlText = /^(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$/
/** RFC 9110 8.3.1: type, subtype, parameters. */
const mediaTypeText = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:[ \t]*;[ \t]*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[^"\\]*"))*$/

function url(element: Annotatable): ValueCheck | undefined {
  return textCheck(element, 'IsURL', isUrl, 'is no URL')
}

function mediaType(element: Annotatable): ValueCheck | undefined {
  return textCheck(element, 'IsMediaType', (text) => mediaTypeText.test(text), 'is no media type')
}

/** An URL, or a reference relative to one. */
function isUrl(text: string): boolean {
  return urlText.test(text) && URL.canParse(text, 'http://localhost/')
}

function textCheck(
  element: Annotatable,
  term: string,
  holds: (text: string) => boolean,
  fault: string,
): ValueCheck | undefined {
  if (!isTagged(element, core + term)) return undefined
  return (value) => (typeof value === 'string' && holds(value) ? undefined : `${fault} (Core.${term})`)
}

/**
 * MinItems and MaxItems of a collection-valued navigation property.
 * @param all whether these are all related entities; else others may be related already
 * @returns what is wrong; undefined: nothing
 */
export function countFault(property: Annotatable, count: number, all: boolean): string | undefined {
  if (!all && count === 0) return undefined
  const checks = countChecks(property, all)
  for (const check of checks) {
    const fault = check(count)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** As many items as have to be counted to judge a collection by MinItems and MaxItems. */
export function countedAtMost(property: Annotatable): number {
  const smallest = integer(annotationOf(property, `${validation}MinItems`)?.value) ?? 0n
  const largest = integer(annotationOf(property, `${validation}MaxItems`)?.value) ?? -1n
  return Number(largest + 1n > smallest ? largest + 1n : smallest)
}

/** Whether MinItems or MaxItems say something of a collection. */
export function hasCountRules(property: Annotatable): boolean {
  return countChecks(property).length > 0
}

function countChecks(property: Annotatable, least = true): PropertyChecks['collection'] {
  const smallest = integer(annotationOf(property, `${validation}MinItems`)?.value)
  const largest = integer(annotationOf(property, `${validation}MaxItems`)?.value)
  const checks: ((count: number) => string | undefined)[] = []
  if (smallest !== undefined && least)
    checks.push((count) =>
      count >= smallest ? undefined : `must have at least ${smallest} items (Validation.MinItems)`,
    )
  if (largest !== undefined)
    checks.push((count) => (count <= largest ? undefined : `must have at most ${largest} items (Validation.MaxItems)`))
  return checks
}
