import type { PrimitiveTypeName, TypeReference } from '../../edm/model.ts'
import { isNumeric, primitiveType } from '../../edm/primitives.ts'
import { primitiveReference, singlePrimitive } from '../type-references.ts'
import type { AggregationMethod } from './tree.ts'

/** The types of aggregated values (Aggregation 3.2.1.3): one for each property, wide enough for every sum. */

const decimal: TypeReference = Object.freeze({
  type: primitiveType('Edm.Decimal'),
  collection: false,
  nullable: true,
  facets: Object.freeze({ scale: 'variable' }),
})

const methods: ReadonlySet<string> = new Set(['sum', 'min', 'max', 'average', 'countdistinct', 'count'])

export function isAggregationMethod(name: string): name is AggregationMethod {
  return methods.has(name)
}

/** Of counts: Edm.Decimal with Scale 0. */
const whole: TypeReference = Object.freeze({ ...decimal, facets: Object.freeze({ scale: 0 }) })

const ordered: ReadonlySet<PrimitiveTypeName> = new Set([
  'Edm.Boolean',
  'Edm.Date',
  'Edm.DateTimeOffset',
  'Edm.Duration',
  'Edm.Guid',
  'Edm.String',
  'Edm.TimeOfDay',
])

/**
 * The type of what a method makes of values.
 * @returns undefined where the values cannot be aggregated with it
 */
export function aggregatedType(
  method: AggregationMethod,
  operand: TypeReference | undefined,
): TypeReference | undefined {
  if (method === 'count' || method === 'countdistinct') return whole
  if (operand === undefined) return undefined
  const type = singlePrimitive(operand)
  switch (method) {
    case 'min':
    case 'max':
      if (operand.type.kind === 'enum') return single(operand)
      return type !== undefined && (ordered.has(type) || isNumeric(type)) ? single(operand) : undefined
    case 'sum':
      if (type === undefined || !isNumeric(type)) return undefined
      if (type === 'Edm.Double' || type === 'Edm.Single') return primitiveReference('Edm.Double')
      return type === 'Edm.Decimal' || type === 'Edm.Int64' ? decimal : primitiveReference('Edm.Int64')
    case 'average':
      if (type === undefined || !isNumeric(type)) return undefined
      return type === 'Edm.Double' || type === 'Edm.Single' ? primitiveReference('Edm.Double') : decimal
  }
}

function single(type: TypeReference): TypeReference {
  return { ...type, collection: false, nullable: true }
}
