import { text } from '../../edm/annotations.ts'
import type { Annotation } from '../../edm/model.ts'
import { compileSchema, SchemaError, schemaTerm } from '../json-schema.ts'
import type { AppliedAnnotation, Rule } from './rule.ts'

type AnnotationsRule = Rule<readonly AppliedAnnotation[]>

/** What is wrong with the schema of an annotation, where it is JSON.Schema. */
function errorOf(annotation: Annotation): SchemaError | undefined {
  if (annotation.term !== schemaTerm) return undefined
  const source = text(annotation.value)
  if (source === undefined) return new SchemaError('invalid', 'is no constant with the text of a JSON Schema')
  try {
    compileSchema(source, native)
    return undefined
  } catch (error) {
    if (error instanceof SchemaError) return error
    throw error
  }
}

/** Only whether a pattern is one counts here: nothing is matched. */
function native(pattern: string): (text: string) => boolean {
  const expression = new RegExp(pattern, 'u')
  return (text) => expression.test(text)
}

const isSchema: AnnotationsRule = {
  name: 'json-schema',
  section: 'ConstantExpression',
  severity: 'error',
  check(applied, { report }) {
    for (const { annotation } of applied) {
      const error = errorOf(annotation)
      if (error?.kind === 'invalid') report(annotation, `the value of JSON.Schema ${error.message}.`)
    }
  },
}

const isKnown: AnnotationsRule = {
  name: 'json-schema-known',
  section: 'ConstantExpression',
  severity: 'warning',
  check(applied, { report }) {
    for (const { annotation } of applied) {
      const error = errorOf(annotation)
      if (error?.kind === 'unknown')
        report(annotation, `the value of JSON.Schema ${error.message}; values are not held to it.`)
    }
  },
}

export const jsonSchemaRules = { annotations: [isSchema, isKnown] } as const
