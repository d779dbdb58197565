import { computedDefaultValue, isComputed, isWritable } from '../../csdl/core.ts'
import { annotationOf, member, text } from '../../edm/annotations.ts'
import type { Annotatable, AnnotationExpression, Model, StructuredType } from '../../edm/model.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import type { Faults } from '../faults.ts'
import { holds } from './condition.ts'
import { checksOf, emptyFault, faultsOf, type PropertyChecks } from './property-checks.ts'
import { derivedTypesOf, isOneOf } from './type-constraints.ts'

/** What is asked of the values of one type, known before any body comes. */
interface TypeChecks {
  readonly properties: readonly {
    readonly name: string
    readonly checks: PropertyChecks | null
    /** whether clients give the value, not the service */
    readonly isGiven: boolean
    readonly types: readonly string[] | undefined
    readonly condition: Condition | undefined
  }[]
  /** of the type and its base types */
  readonly conditions: readonly Condition[]
}

/** Validation.Constraint. */
interface Condition {
  readonly expression: AnnotationExpression
  readonly message: string
  /** first steps of the paths in it */
  readonly looksAt: readonly string[]
}

const known = new WeakMap<StructuredType, TypeChecks | null>()

/** Where a value stands in the body, for positions of faults. */
interface Place {
  readonly offset: number
  readonly end: number
}

/**
 * Checks a structured value of a body against the Validation vocabulary, after its members have been read: nested values
 * have been checked before, each by its own call.
 * @param target path of the value in the body
 * @param whole all properties are there (create, replace); false: a merge, where conditions on absent ones are not judged
 */
export function checkConstraints(
  model: Model,
  value: StructuredValue,
  target: string,
  faults: Faults,
  place: Place,
  whole: boolean,
): void {
  const checks = checksOfType(value.type)
  if (checks === null) return
  for (const property of checks.properties) {
    const at = target === '' ? property.name : `${target}/${property.name}`
    if (property.condition !== undefined) checkCondition(property.condition, value, at, faults, place, whole)
    const found = value.members.get(property.name)
    if (found === undefined) {
      // a collection that is left out is empty
      const fault = whole && property.isGiven ? emptyFault(property.checks) : undefined
      if (fault !== undefined) faults.add('valueInvalid', `The value of ${at} ${fault}.`, at, place)
      continue
    }
    if (property.checks !== null)
      for (const { fault, item } of faultsOf(property.checks, found))
        faults.add('valueInvalid', `The value of ${at} ${fault}.`, item === undefined ? at : `${at}/${item}`, place)
    if (property.types !== undefined) checkTypes(model, found, property.types, at, faults, place)
  }
  for (const condition of checks.conditions) checkCondition(condition, value, target, faults, place, whole)
}

/**
 * Whether a merge changes what a condition looks at, and leaves out what else it looks at: then only the stored value can tell.
 */
export function isUnjudged(change: StructuredValue): boolean {
  for (const { condition } of conditionsOf(change.type)) if (isOpen(condition, change)) return true
  for (const member of change.members.values()) if (isStructuredValue(member) && isUnjudged(member)) return true
  return false
}

/**
 * Judges the conditions that a merge alone could not.
 * @param merged the value as it would be
 */
export function checkUnjudged(change: StructuredValue, merged: StructuredValue, target: string, faults: Faults): void {
  for (const { condition, name } of conditionsOf(change.type))
    if (isOpen(condition, change))
      checkCondition(condition, merged, [target, name].filter((step) => step !== '').join('/'), faults, undefined, true)
  for (const [name, member] of change.members) {
    const whole = merged.members.get(name)
    if (isStructuredValue(member) && isStructuredValue(whole))
      checkUnjudged(member, whole, target === '' ? name : `${target}/${name}`, faults)
  }
}

function conditionsOf(type: StructuredType): readonly { readonly condition: Condition; readonly name: string }[] {
  const checks = checksOfType(type)
  if (checks === null) return []
  return [
    ...checks.properties.flatMap(({ name, condition }) => (condition === undefined ? [] : [{ name, condition }])),
    ...checks.conditions.map((condition) => ({ name: '', condition })),
  ]
}

function isOpen({ expression, looksAt }: Condition, change: StructuredValue): boolean {
  return looksAt.some((name) => change.members.has(name)) && holds(expression, change, false) === undefined
}

function checksOfType(type: StructuredType): TypeChecks | null {
  let checks = known.get(type)
  if (checks === undefined) {
    checks = makeChecks(type)
    known.set(type, checks)
  }
  return checks
}

function makeChecks(type: StructuredType): TypeChecks | null {
  const properties = [...type.allProperties].flatMap(([name, property]) => {
    const entry = {
      name,
      checks: checksOf(property),
      isGiven: !isComputed(property) && isWritable(property) && !computedDefaultValue(property),
      types: derivedTypesOf(property),
      condition: conditionOf(property),
    }
    return entry.checks === null && entry.types === undefined && entry.condition === undefined ? [] : [entry]
  })
  for (const [name, property] of type.allNavigationProperties) {
    const condition = conditionOf(property)
    if (condition !== undefined) properties.push({ name, checks: null, isGiven: false, types: undefined, condition })
  }
  const conditions: Condition[] = []
  for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType) {
    const condition = conditionOf(current)
    if (condition !== undefined) conditions.push(condition)
  }
  return properties.length + conditions.length === 0 ? null : { properties, conditions }
}

/** Validation.Constraint of an element: its condition. */
export function constraintOf(element: Annotatable): AnnotationExpression | undefined {
  return conditionOf(element)?.expression
}

export function conditionOf(element: Annotatable): Condition | undefined {
  const record = annotationOf(element, 'Org.OData.Validation.V1.Constraint')?.value
  const expression = member(record, 'Condition')
  if (expression === undefined) return undefined
  return {
    expression,
    looksAt: [...new Set(pathsIn(expression).map((path) => path.split('/')[0] ?? ''))],
    message: text(member(record, 'FailureMessage')) ?? 'The value does not fulfil the condition of the model.',
  }
}

function pathsIn(expression: AnnotationExpression): readonly string[] {
  if (expression.kind === 'path' || expression.kind === 'propertyPath') return [expression.value]
  if (expression.kind === 'collection') return expression.items.flatMap(pathsIn)
  if ('operand' in expression) return pathsIn(expression.operand)
  return 'operands' in expression ? expression.operands.flatMap(pathsIn) : []
}

/** Adds a fault for each value whose type Validation.DerivedTypeConstraint does not name. */
export function checkTypes(
  model: Model,
  value: Value,
  types: readonly string[],
  target: string,
  faults: Faults,
  place: Place | undefined,
): void {
  const values: readonly Value[] = Array.isArray(value) ? value : [value]
  for (const entry of values)
    if (isStructuredValue(entry))
      if (!isOneOf(model, entry.type, types))
        faults.add(
          'typeNotAllowed',
          `The type of ${target} must be ${types.join(' or ')} (Validation.DerivedTypeConstraint).`,
          target,
          place,
        )
}

export function checkCondition(
  { expression, message }: Condition,
  value: StructuredValue,
  target: string,
  faults: Faults,
  place: Place | undefined,
  whole: boolean,
): void {
  if (holds(expression, value, whole) === false)
    faults.add('valueInvalid', `${message} (Validation.Constraint)`, target, place)
}
