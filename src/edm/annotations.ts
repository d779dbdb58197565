import type { Annotatable, Annotation, AnnotationExpression, PrimitiveTypeName } from './model.ts'

/**
 * The unqualified annotation of a term, if the element carries it.
 * @param target any model element
 * @param term qualified name of the term, e.g. `Org.OData.Core.V1.Computed`
 */
export function annotationOf(target: Annotatable, term: string): Annotation | undefined {
  for (const annotation of target.annotations)
    if (annotation.term === term && annotation.qualifier === undefined) return annotation
  return undefined
}

/** A tagging term (CSDL 14.1, type Core.Tag): true where it is applied and not said to be false. */
export function isTagged(target: Annotatable, term: string): boolean {
  const annotation = annotationOf(target, term)
  return annotation !== undefined && !(annotation.value.kind === 'bool' && annotation.value.value === false)
}

/** The value of a record's property, or undefined where the expression is no record or does not say it. */
export function member(
  expression: AnnotationExpression | undefined,
  property: string,
): AnnotationExpression | undefined {
  if (expression?.kind !== 'record') return undefined
  return expression.values.find((value) => value.property === property)?.value
}

/** The items of a collection expression; none where it is absent or something else. */
export function items(expression: AnnotationExpression | undefined): readonly AnnotationExpression[] {
  return expression?.kind === 'collection' ? expression.items : []
}

/** The text of a string constant. */
export function text(expression: AnnotationExpression | undefined): string | undefined {
  return expression?.kind === 'string' ? expression.value : undefined
}

/** The value of a Boolean constant. */
export function bool(expression: AnnotationExpression | undefined): boolean | undefined {
  return expression?.kind === 'bool' ? expression.value : undefined
}

/** The value of an integer constant. */
export function integer(expression: AnnotationExpression | undefined): bigint | undefined {
  return expression?.kind === 'int' ? expression.value : undefined
}

/** The type of a constant, by the kind of its expression (CSDL 14.3). */
export const constantTypes: Readonly<Partial<Record<AnnotationExpression['kind'], PrimitiveTypeName>>> = {
  binary: 'Edm.Binary',
  bool: 'Edm.Boolean',
  date: 'Edm.Date',
  dateTimeOffset: 'Edm.DateTimeOffset',
  decimal: 'Edm.Decimal',
  duration: 'Edm.Duration',
  float: 'Edm.Double',
  guid: 'Edm.Guid',
  int: 'Edm.Int64',
  string: 'Edm.String',
  timeOfDay: 'Edm.TimeOfDay',
}
