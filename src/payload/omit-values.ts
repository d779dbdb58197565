import type { PrimitiveValue } from '../edm/value.ts'
import type { MemberPlan } from './members.ts'
import { defaultOf } from './read-structured.ts'
import { valueText } from './value-text.ts'
import type { JsonDialect } from './writer.ts'

/** What an answer leaves out of a property (Preference omit-values, Protocol 8.2.8.6); collections are never left out, nor are keys. */
export interface Omission {
  readonly null: boolean
  /** JSON text of the value that is left out, its default; undefined: none is */
  readonly text: string | undefined
}

const nothing: Omission = { null: false, text: undefined }

/** What is left out of a property: nulls, or its default, which is null unless the model says another. */
export function omissionOf({ property, reference, isKey }: MemberPlan, dialect: JsonDialect): Omission {
  const { omitValues } = dialect
  if (omitValues === undefined || reference.collection || isKey) return nothing
  if (omitValues === 'nulls') return { null: true, text: undefined }
  const value = defaultOf(property)
  if (value === undefined || value === null) return { null: true, text: undefined }
  return { null: false, text: valueText(reference.type, value as PrimitiveValue, dialect) }
}
