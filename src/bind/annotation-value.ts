import type { Annotatable, Annotation, AnnotationExpression, PrimitiveTypeName, StructuredType } from '../edm/model.ts'
import { parsePrimitive } from '../edm/primitives.ts'
import { isStructured } from '../edm/types.ts'
import type { PrimitiveValue } from '../edm/value.ts'
import type { PathStep } from '../url/ast.ts'
import { type BindContext, shown, unaliased, type Variable } from './context.ts'
import type { Expression, MemberStep } from './tree.ts'
import { booleanReference, primitiveReference } from './type-references.ts'

/**
 * Annotation values in expressions (URL Conventions 5.1.1.17): constants that the model says of a type (`@Ns.Term`) or of a property
 * (`name/@Ns.Term#qualifier`). Instance annotations are not stored, so that what the model does not say is null.
 * @param steps the path to what is annotated; none: the row itself
 * @throws ODataError notImplemented for values that are no constants of a primitive type
 */
export function annotationValue(
  context: BindContext,
  step: PathStep & { kind: 'annotation' },
  variable: Variable,
  steps: readonly MemberStep[],
): Expression {
  // what is not of the type has no such annotation: that differs from row to row
  if (steps.some(({ kind }) => kind === 'cast'))
    return context.notImplemented('An annotation value behind a type cast', step)
  const term = unaliased(context.model, step.term)
  for (const target of targets(variable, steps)) {
    const found = target.annotations.find(
      (annotation) => annotation.term === term && annotation.qualifier === step.qualifier,
    )
    if (found !== undefined) return constant(context, step, found)
  }
  return { kind: 'constant', value: null, type: undefined }
}

/** What may carry the annotation: the property, or the type and those that it is derived from. */
function targets({ type }: Variable, steps: readonly MemberStep[]): readonly Annotatable[] {
  const last = steps.at(-1)
  if (last === undefined) return type !== undefined && isStructured(type.type) ? withBases(type.type) : []
  if (last.kind === 'property' || last.kind === 'navigation') return [last.property]
  return []
}

function withBases(type: StructuredType): readonly Annotatable[] {
  const all: StructuredType[] = []
  for (let each: StructuredType | undefined = type; each !== undefined; each = each.baseType) all.push(each)
  return all
}

const primitives: Readonly<Partial<Record<AnnotationExpression['kind'], PrimitiveTypeName>>> = {
  string: 'Edm.String',
  int: 'Edm.Int64',
  float: 'Edm.Double',
  decimal: 'Edm.Decimal',
  date: 'Edm.Date',
  dateTimeOffset: 'Edm.DateTimeOffset',
  timeOfDay: 'Edm.TimeOfDay',
  duration: 'Edm.Duration',
  guid: 'Edm.Guid',
  binary: 'Edm.Binary',
}

function constant(context: BindContext, step: PathStep & { kind: 'annotation' }, { value }: Annotation): Expression {
  if (value.kind === 'null') return { kind: 'constant', value: null, type: undefined }
  if (value.kind === 'bool') return { kind: 'constant', value: value.value, type: booleanReference }
  const name = primitives[value.kind]
  const found = name === undefined ? undefined : constantOf(name, value)
  if (name === undefined || found === undefined)
    return context.notImplemented(`The value of @${shown(step.term)}, which is no constant, in an expression`, step)
  return context.constantParameter(primitiveReference(name), found)
}

function constantOf(name: PrimitiveTypeName, expression: AnnotationExpression): PrimitiveValue | undefined {
  if (expression.kind === 'int') return expression.value
  return 'value' in expression && typeof expression.value === 'string'
    ? parsePrimitive(name, expression.value)
    : undefined
}
