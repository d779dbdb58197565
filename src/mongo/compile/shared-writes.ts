import { Long, ObjectId } from 'bson'
import type { Expression, Parameters } from '../../bind/tree.ts'
import { isObjectIdText } from '../../bson/object-id.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { Value } from '../../edm/value.ts'
import { type Condition, conjunction, type Filter } from './condition.ts'
import { fieldOf, type QueryContext } from './field.ts'

/**
 * Conditions on collections that others write, too: anything may be stored there, and `eval/` reads it leniently (bson/decode.ts). Of equalities with a text, a
 * whole number or a Boolean it is known in which forms an equal value can be stored: that is a wider filter, which indexes serve;
 * every row is tested again. All else is no filter at all.
 */
export function sharedFilter(predicate: Expression, context: QueryContext): Condition {
  const equalities = equalitiesOf(predicate, context)
  return (placement) => {
    placement.exact = false
    return conjunction(equalities.map(({ path, kind, value }) => equalForms(path, kind, value(placement.parameters))))
  }
}

type Kind = 'text' | 'integer' | 'boolean'

interface Equality {
  readonly path: string
  readonly kind: Kind
  readonly value: (parameters: Parameters) => unknown
}

/** The parts that must all hold and compare a field with a value. */
function equalitiesOf(predicate: Expression, context: QueryContext): readonly Equality[] {
  if (predicate.kind !== 'binary') return []
  const { operator, left, right } = predicate
  if (operator === 'and') return [...equalitiesOf(left, context), ...equalitiesOf(right, context)]
  if (operator !== 'eq') return []
  const [member, other] = left.kind === 'member' ? [left, right] : [right, left]
  const field = fieldOf(member, context)
  const value = operandOf(other)
  if (field === undefined || value === undefined || field.key) return []
  const kind = kindOf(field.kind, primitiveOf(field.type.type)?.name)
  return kind === undefined ? [] : [{ path: field.path, kind, value }]
}

function kindOf(kind: string, primitive: string | undefined): Kind | undefined {
  if (kind === 'boolean' || kind === 'integer') return kind
  return kind === 'string' && primitive === 'Edm.String' ? 'text' : undefined
}

function operandOf(expression: Expression): ((parameters: Parameters) => unknown) | undefined {
  if (expression.kind === 'parameter') return (parameters) => parameters[expression.index]
  if (expression.kind === 'constant') return () => expression.value satisfies Value
  return undefined
}

/** @returns true where an equal value may be stored in other forms than these */
function equalForms(path: string, kind: Kind, value: unknown): Filter | true {
  switch (kind) {
    case 'boolean':
      return typeof value === 'boolean' ? { [path]: value } : true
    case 'integer': {
      // the server compares numbers by value, whatever their type
      if (typeof value === 'number') return Number.isSafeInteger(value) ? { [path]: value } : true
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? { [path]: Long.fromBigInt(value) } : true
    }
    case 'text':
      if (typeof value !== 'string') return true
      return isObjectIdText(value) ? { [path]: { $in: [value, new ObjectId(value)] } } : { [path]: value }
  }
}
