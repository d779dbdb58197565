import type { TypeReference } from '../edm/model.ts'
import type { PrimitiveValue, Value } from '../edm/value.ts'
import { isCollectionValue } from '../eval/values.ts'
import { controlName, isTypeTold, typeText } from './control.ts'
import { valueText } from './value-text.ts'
import type { ComputedMember, JsonDialect } from './writer.ts'

/** `"name":value` of what $compute defines, its type before it where JSON does not tell it (JSON Format 4.5.3). */
export function computedText({ name, type, value }: ComputedMember, dialect: JsonDialect): string {
  const text = textOf(value, type, dialect)
  const label = `${JSON.stringify(name)}:${text}`
  if (type === undefined || value === null || dialect.metadata === 'none' || isTypeTold(type, text)) return label
  const control = JSON.stringify(name + controlName(dialect, 'type'))
  return `${control}:${JSON.stringify(typeText(type.type, type.collection, dialect))},${label}`
}

function textOf(value: Value, type: TypeReference | undefined, dialect: JsonDialect): string {
  if (value === null || type === undefined) return 'null'
  if (isCollectionValue(value)) return `[${value.map((item) => textOf(item, type, dialect)).join(',')}]`
  return valueText(type.type, value as PrimitiveValue, dialect)
}
