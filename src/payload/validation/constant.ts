import type { AnnotationExpression, EnumType, Type } from '../../edm/model.ts'
import { parsePrimitive } from '../../edm/primitives.ts'
import { primitiveOf } from '../../edm/types.ts'
import type { PrimitiveValue } from '../../edm/value.ts'

/**
 * A constant of an annotation as a value of a type.
 * @returns undefined where it is no constant, or none of the type
 */
export function constantOf(expression: AnnotationExpression | undefined, type: Type): PrimitiveValue | undefined {
  const text = expression === undefined ? undefined : constantText(expression)
  if (text === undefined) return undefined
  if (type.kind === 'enum') return enumConstant(type, text)
  const primitive = primitiveOf(type)
  return primitive === undefined ? undefined : parsePrimitive(primitive.name, text)
}

/** The text of a constant expression; undefined for paths, records and dynamic expressions. */
export function constantText(expression: AnnotationExpression): string | undefined {
  switch (expression.kind) {
    case 'int':
    case 'bool':
      return String(expression.value)
    case 'binary':
    case 'date':
    case 'dateTimeOffset':
    case 'decimal':
    case 'duration':
    case 'enumMember':
    case 'float':
    case 'guid':
    case 'string':
    case 'timeOfDay':
      return expression.value
    default:
      return undefined
  }
}

/** `Namespace.Type/Member ...`, `Member,...`, or a number. */
function enumConstant(type: EnumType, text: string): bigint | undefined {
  let value = 0n
  for (const part of text.split(/[\s,]+/)) {
    if (part === '') continue
    const name = part.slice(part.lastIndexOf('/') + 1)
    const member = type.memberByName.get(name)?.value ?? (/^-?\d{1,19}$/.test(name) ? BigInt(name) : undefined)
    if (member === undefined) return undefined
    value |= member
  }
  return value
}
