import { annotationOf, items, member, text } from '../../edm/annotations.ts'
import type { AnnotationExpression, Operation, StructuredType } from '../../edm/model.ts'
import { isStructured, isSubtypeOf } from '../../edm/types.ts'
import { followPath, typeAfter } from './paths.ts'
import type { AppliedAnnotation, Rule, RuleContext } from './rule.ts'

/** What the OASIS vocabularies ask of those who apply their terms (their texts say MUST); all are warnings. */

type AnnotationsRule = Rule<readonly AppliedAnnotation[]>

const aggregation = 'Org.OData.Aggregation.V1'

/** @param fault says what is wrong with an annotation of the term */
function termRule(
  name: string,
  term: string,
  fault: (applied: AppliedAnnotation, context: RuleContext) => string | undefined,
): AnnotationsRule {
  return {
    name,
    section: 'Annotation',
    severity: 'warning',
    check(all, context) {
      for (const applied of all) {
        if (applied.annotation.term !== term) continue
        const found = fault(applied, context)
        if (found !== undefined) context.report(applied.annotation, found)
      }
    },
  }
}

const aliasUnique = termRule(
  'alternate-key-alias-unique',
  'Org.OData.Core.V1.AlternateKeys',
  ({ annotation, origin }) => {
    for (const key of items(annotation.value)) {
      const seen = new Set<string>()
      for (const part of items(member(key, 'Key'))) {
        const path = pathText(member(part, 'Name')) ?? ''
        const alias = text(member(part, 'Alias')) ?? path
        const named = origin?.allProperties.has(alias) || origin?.allNavigationProperties.has(alias)
        // a property may go by its own name
        if (seen.has(alias) || (named && alias !== path))
          return `the alias '${alias}' of an alternate key stands for something else, too.`
        seen.add(alias)
      }
    }
    return undefined
  },
)

const itemsOfOnce = termRule('items-of-path-once', 'Org.OData.Validation.V1.ItemsOf', ({ annotation }) => {
  const paths = items(annotation.value).map((item) => pathText(member(item, 'path')))
  const twice = paths.find((path, i) => path !== undefined && paths.indexOf(path) !== i)
  return twice && `'Validation.ItemsOf' names the path '${twice}' twice.`
})

const multipleOfPositive = termRule(
  'multiple-of-positive',
  'Org.OData.Validation.V1.MultipleOf',
  ({ annotation: { value } }) =>
    'value' in value && Number(value.value) <= 0
      ? `'Validation.MultipleOf' must be positive, not ${value.value}.`
      : undefined,
)

const bindingNotOptional: Rule<Operation> = {
  name: 'binding-parameter-not-optional',
  section: 'Parameter',
  severity: 'warning',
  check({ bound, name, parameters: [binding] }, { report }) {
    if (bound && binding !== undefined && annotationOf(binding, 'Org.OData.Core.V1.OptionalParameter') !== undefined)
      report(binding, `'${name}' is bound to a parameter that must not be optional.`)
  },
}

const customAggregate = termRule(
  'custom-aggregate-form',
  `${aggregation}.CustomAggregate`,
  ({ annotation }, { model }) => {
    if (annotation.qualifier === undefined) return `'Aggregation.CustomAggregate' needs a qualifier: its name.`
    const type = text(annotation.value)
    if (type === undefined || type.startsWith('Edm.')) return undefined
    const found = model.types.get(type)
    const primitive = found?.kind === 'typeDefinition' || found?.kind === 'enum'
    return primitive ? undefined : `'${type}', the type of '${annotation.qualifier}', is no primitive type.`
  },
)

const methodQualified = termRule(
  'aggregation-method-qualified',
  `${aggregation}.ApplySupported`,
  ({ annotation: { value } }) => {
    for (const item of items(member(value, 'CustomAggregationMethods'))) {
      const name = text(item)
      if (name !== undefined && !name.includes('.'))
        return `the custom aggregation method '${name}' must be named with its namespace.`
    }
    return undefined
  },
)

const hierarchyParent = termRule(
  'recursive-hierarchy-parent',
  `${aggregation}.RecursiveHierarchy`,
  ({ annotation, origin }, { model }) => {
    const path = pathText(member(annotation.value, 'ParentNavigationProperty'))
    if (path === undefined || origin === undefined) return undefined
    const { steps, fault } = followPath(model, origin, path)
    const last = steps.at(-1)
    if (fault !== undefined || last === undefined) return undefined
    if (last.kind !== 'navigation') return `'${path}' is no navigation property.`
    const parent = typeAfter(origin, steps)
    if (!isStructured(parent) || !related(parent, origin))
      return `'${path}' leads to ${parent.name}, not to parents of ${origin.name}.`
    const single = steps.every((step) => step.kind !== 'navigation' || !step.property.collection)
    return single && !last.property.nullable ? `'${path}' must be nullable: roots have no parent.` : undefined
  },
)

function related(a: StructuredType, b: StructuredType): boolean {
  return isSubtypeOf(a, b) || isSubtypeOf(b, a)
}

function pathText(expression: AnnotationExpression | undefined): string | undefined {
  return expression !== undefined && 'value' in expression && typeof expression.value === 'string'
    ? expression.value
    : undefined
}

export const vocabularyRules = {
  operation: [bindingNotOptional],
  annotations: [aliasUnique, itemsOfOnce, multipleOfPositive, customAggregate, methodQualified, hierarchyParent],
} as const
