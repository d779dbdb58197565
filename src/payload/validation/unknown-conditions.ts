import type { AnnotationExpression, StructuredType } from '../../edm/model.ts'
import { compilePattern } from '../../eval/pattern.ts'
import { canonicalName } from './condition.ts'
import { constantText } from './constant.ts'
import { unknownStep } from './instance-path.ts'

/**
 * The part of a condition that cannot be evaluated over a value of a type, so that the condition may not be enforced: for the log.
 * @returns in words; undefined: all of it can
 */
export function unknownIn(condition: AnnotationExpression, type: StructuredType): string | undefined {
  switch (condition.kind) {
    case 'path':
    case 'propertyPath': {
      const step = unknownStep(type, condition.value)
      return step === undefined ? undefined : `'${step}' in the path '${condition.value}'`
    }
    case 'apply': {
      const name = canonicalName(condition.function)
      if (name === undefined) return condition.function
      const [, pattern] = condition.operands
      if (name === 'matchespattern' && pattern?.kind === 'string' && !runs(pattern.value))
        return `the pattern '${pattern.value}'`
      return first(condition.operands, type)
    }
    case 'collection':
      return first(condition.items, type)
    case 'cast':
    case 'isOf':
    case 'labeledElement':
      return unknownIn(condition.operand, type)
    case 'null':
      return undefined
    case 'default':
      return 'nothing'
    default:
      if ('operands' in condition) return first(condition.operands, type)
      return constantText(condition) === undefined ? condition.kind : undefined
  }
}

function first(parts: readonly AnnotationExpression[], type: StructuredType): string | undefined {
  for (const part of parts) {
    const unknown = unknownIn(part, type)
    if (unknown !== undefined) return unknown
  }
  return undefined
}

function runs(pattern: string): boolean {
  try {
    compilePattern(pattern, '')
    return true
  } catch {
    return false
  }
}
