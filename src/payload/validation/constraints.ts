import { annotationOf, member, text } from '../../edm/annotations.ts'
import type { Annotatable, AnnotationExpression, Model, StructuredType } from '../../edm/model.ts'
import type { StructuredValue, Value } from '../../edm/value.ts'
import type { Faults } from '../faults.ts'
import { holds } from './condition.ts'
import { checksOf, faultsOf, type PropertyChecks } from './property-checks.ts'
import { derivedTypesOf, isOneOf } from './type-constraints.ts'

/** What is asked of the values of one type, known before any body comes. */
interface TypeChecks {
  readonly properties: readonly {
    readonly name: string
    readonly checks: PropertyChecks | null
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
  let checks = known.get(value.type)
  if (checks === undefined) {
    checks = makeChecks(value.type)
    known.set(value.type, checks)
  }
  if (checks === null) return
  for (const property of checks.properties) {
    const found = value.members.get(property.name)
    if (found === undefined) continue
    const at = target === '' ? property.name : `${target}/${property.name}`
    if (property.checks !== null)
      for (const { fault, item } of faultsOf(property.checks, found))
        faults.add('valueInvalid', `The value of ${at} ${fault}.`, item === undefined ? at : `${at}/${item}`, place)
    if (property.types !== undefined) checkTypes(model, found, property.types, at, faults, place)
    if (property.condition !== undefined) checkCondition(property.condition, value, at, faults, place, whole)
  }
  for (const condition of checks.conditions) checkCondition(condition, value, target, faults, place, whole)
}

function makeChecks(type: StructuredType): TypeChecks | null {
  const properties = [...type.allProperties].flatMap(([name, property]) => {
    const entry = {
      name,
      checks: checksOf(property),
      types: derivedTypesOf(property),
      condition: conditionOf(property),
    }
    return entry.checks === null && entry.types === undefined && entry.condition === undefined ? [] : [entry]
  })
  const conditions: Condition[] = []
  for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType) {
    const condition = conditionOf(current)
    if (condition !== undefined) conditions.push(condition)
  }
  return properties.length + conditions.length === 0 ? null : { properties, conditions }
}

function conditionOf(element: Annotatable): Condition | undefined {
  const record = annotationOf(element, 'Org.OData.Validation.V1.Constraint')?.value
  const expression = member(record, 'Condition')
  if (expression === undefined) return undefined
  return {
    expression,
    message: text(member(record, 'FailureMessage')) ?? 'The value does not fulfil the condition of the model.',
  }
}

function checkTypes(
  model: Model,
  value: Value,
  types: readonly string[],
  target: string,
  faults: Faults,
  place: Place,
): void {
  const values: readonly Value[] = Array.isArray(value) ? value : [value]
  for (const entry of values)
    if (typeof entry === 'object' && entry !== null && 'kind' in entry && entry.kind === 'structured')
      if (!isOneOf(model, entry.type, types))
        faults.add(
          'typeNotAllowed',
          `The type of ${target} must be ${types.join(' or ')} (Validation.DerivedTypeConstraint).`,
          target,
          place,
        )
}

function checkCondition(
  { expression, message }: Condition,
  value: StructuredValue,
  target: string,
  faults: Faults,
  place: Place,
  whole: boolean,
): void {
  if (holds(expression, value, whole) === false)
    faults.add('valueInvalid', `${message} (Validation.Constraint)`, target, place)
}
