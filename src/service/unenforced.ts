import { schemaTerm } from '../csdl/json-schema.ts'
import { forEachElement } from '../csdl/walk.ts'
import { text } from '../edm/annotations.ts'
import type { Annotation, AnnotationExpression, Model, StructuredType } from '../edm/model.ts'
import { isStructured } from '../edm/types.ts'
import { compilePattern } from '../eval/pattern.ts'
import { constraintOf } from '../payload/validation/constraints.ts'
import { isEnforceable } from '../payload/validation/json-schema.ts'
import { parametersType } from '../payload/validation/parameter-conditions.ts'
import { isItemsOfEnforced } from '../payload/validation/relation-rules.ts'
import { unknownIn } from '../payload/validation/unknown-conditions.ts'
import { termRegistry } from '../plan/capabilities/registry.ts'

/** Annotations of a model that have no effect though they should have one. */
export interface Unenforced {
  /** how often each term occurs that has no effect, yet or by nature (docs/csdl.md) */
  readonly terms: Readonly<Record<string, number>>
  /** patterns of Validation.Pattern that cannot be run in linear time */
  readonly patterns: readonly string[]
  /** schemas of JSON.Schema that cannot be used: other drafts, references to other documents, patterns as above */
  readonly schemas?: readonly string[]
  /** types whose ItemsOf has paths that are not one navigation property of an entity type */
  readonly itemsOf?: readonly string[]
  /** what conditions of Validation.Constraint look at that cannot be evaluated: they may not be enforced */
  readonly conditions?: readonly string[]
  /** Capabilities terms with values that depend on the data: they count as not said */
  readonly dynamic: readonly string[]
}

/**
 * Finds the annotations of a model that are not enforced: a service says so when it starts, so that nobody relies on them.
 * @returns undefined where there are none
 */
export function unenforcedIn(model: Model): Unenforced | undefined {
  const terms: Record<string, number> = {}
  const patterns = new Set<string>()
  const schemas = new Set<string>()
  const itemsOf = new Set<string>()
  const conditions = new Set<string>()
  const dynamic = new Set<string>()
  const look = ({ term, value }: Annotation): void => {
    const status = termRegistry.get(term)?.status
    if (status === 'not yet' || status === 'not applicable') terms[term] = (terms[term] ?? 0) + 1
    if (term === 'Org.OData.Validation.V1.Pattern' && !runs(text(value))) patterns.add(text(value) ?? '')
    if (term === schemaTerm && !isEnforceable(text(value) ?? '')) schemas.add((text(value) ?? '').slice(0, 200))
    if (term.startsWith('Org.OData.Capabilities.V1.') && isDynamic(value)) dynamic.add(term)
  }
  for (const schema of [...model.schemas, ...model.includedSchemas]) {
    forEachElement(schema, (element) => {
      // nearly all elements of a big model: a service waits for this walk
      if (element.annotations.length === 0) return
      element.annotations.forEach(look)
      if (!isItemsOfEnforced(element)) itemsOf.add('name' in element ? String(element.name) : '')
    })
    for (const { annotations } of schema.unresolvedAnnotations) annotations.forEach(look)
  }
  for (const type of model.types.values())
    if (isStructured(type)) for (const each of unknownConditions(type)) conditions.add(each)
  for (const overloads of model.operations.values())
    for (const operation of overloads)
      for (const parameter of operation.parameters) {
        const condition = constraintOf(parameter)
        const unknown = condition && unknownIn(condition, parametersType(operation))
        if (unknown !== undefined) conditions.add(`${operation.name}(${parameter.name}): ${unknown}`)
      }
  if (Object.keys(terms).length + patterns.size + schemas.size + itemsOf.size + conditions.size + dynamic.size === 0)
    return undefined
  return {
    terms,
    patterns: [...patterns],
    ...(schemas.size > 0 ? { schemas: [...schemas] } : {}),
    ...(itemsOf.size > 0 ? { itemsOf: [...itemsOf] } : {}),
    ...(conditions.size > 0 ? { conditions: [...conditions] } : {}),
    dynamic: [...dynamic],
  }
}

/** What the conditions of a type and of its own properties look at that cannot be evaluated. */
function* unknownConditions(type: StructuredType): Iterable<string> {
  const own = [type, ...type.properties, ...type.navigationProperties]
  for (const element of own) {
    const condition = constraintOf(element)
    const unknown = condition && unknownIn(condition, type)
    if (unknown !== undefined) yield `${element === type ? type.name : `${type.name}/${element.name}`}: ${unknown}`
  }
}

function runs(pattern: string | undefined): boolean {
  if (pattern === undefined) return true
  try {
    compilePattern(pattern, '')
    return true
  } catch {
    return false
  }
}

/** Whether a value has parts that only the data could tell. */
function isDynamic(expression: AnnotationExpression): boolean {
  switch (expression.kind) {
    case 'record':
      return expression.values.some(({ value }) => isDynamic(value))
    case 'collection':
      return expression.items.some(isDynamic)
    case 'path':
    case 'apply':
    case 'if':
      return true
    default:
      return 'operands' in expression
  }
}
