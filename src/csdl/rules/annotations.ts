import { constantTypes } from '../../edm/annotations.ts'
import type {
  Annotation,
  AnnotationExpression,
  EnumType,
  Model,
  StructuredType,
  Term,
  Type,
  TypeReference,
} from '../../edm/model.ts'
import { parsePrimitive } from '../../edm/primitives.ts'
import { primitiveOf } from '../../edm/types.ts'
import { namespaceOf } from '../names.ts'
import { forEachExpression, isLeaf } from './expressions.ts'
import { followPath } from './paths.ts'
import type { AppliedAnnotation, Rule, RuleContext } from './rule.ts'
import { defaultFault } from './types.ts'

type AnnotationsRule = Rule<readonly AppliedAnnotation[]>

const once: AnnotationsRule = {
  name: 'annotation-once',
  section: 'Annotations',
  severity: 'warning',
  check(applied, { report }) {
    if (applied.length < 2) return
    const seen = new Set<string>()
    for (const { annotation } of applied) {
      const name = annotation.qualifier === undefined ? annotation.term : `${annotation.term}#${annotation.qualifier}`
      if (seen.has(name)) report(annotation, `'${name}' is applied twice to the same element; the first one counts.`)
      seen.add(name)
    }
  },
}

const termResolved: AnnotationsRule = {
  name: 'annotation-term-resolved',
  section: 'Annotation',
  severity: 'warning',
  check(applied, { model, namespaces, report }) {
    for (const { annotation } of applied)
      if (!model.terms.has(annotation.term) && namespaces.has(namespaceOf(annotation.term)))
        report(annotation, `'${annotation.term}' is no term in scope.`)
  },
}

const appliesTo: AnnotationsRule = {
  name: 'annotation-applies-to',
  section: 'Applicability',
  severity: 'warning',
  check(applied, { model, report }) {
    for (const { annotation, kinds } of applied) {
      const term = model.terms.get(annotation.term)
      if (!term || term.appliesTo.length === 0 || kinds.some((kind) => term.appliesTo.includes(kind))) continue
      report(annotation, `'${annotation.term}' is meant for ${term.appliesTo.join(', ')}, not for ${kinds[0]}.`)
    }
  },
}

const baseTerm: AnnotationsRule = {
  name: 'annotation-base-term-applied',
  section: 'SpecializedTerm',
  severity: 'warning',
  check(applied, { model, report }) {
    for (const { annotation } of applied) {
      const base = model.terms.get(annotation.term)?.baseTerm
      if (base === undefined) continue
      const found = applied.some(
        ({ annotation: other }) => other.term === base && other.qualifier === annotation.qualifier,
      )
      if (!found) report(annotation, `'${annotation.term}' specializes '${base}', which must be applied too.`)
    }
  },
}

const constantForm: AnnotationsRule = {
  name: 'annotation-constant-form',
  section: 'ConstantExpression',
  severity: 'warning',
  check(applied, { report }) {
    for (const { annotation } of applied)
      if (!isLeaf(annotation.value))
        forEachExpression(annotation.value, (expression) => {
          const primitive = constantTypes[expression.kind]
          if (!primitive || !('value' in expression) || typeof expression.value !== 'string') return
          if (parsePrimitive(primitive, expression.value) === undefined)
            report(annotation, `'${expression.value}' is no value of ${primitive}.`)
        })
  },
}

const valueType: AnnotationsRule = {
  name: 'annotation-value-type',
  section: 'Annotation',
  severity: 'warning',
  check(applied, { model, report }) {
    for (const { annotation } of applied) {
      const term = model.terms.get(annotation.term)
      if (!term) continue
      checkValue(model, annotation.value, term.type, annotation.term, (message) => report(annotation, message))
    }
  },
}

/** Compares a value with the type it should have, as far as that can be said without evaluating it. */
function checkValue(
  model: Model,
  value: AnnotationExpression,
  reference: TypeReference,
  name: string,
  report: (message: string) => void,
): void {
  if (value.kind === 'default' || value.kind === 'null' || isDynamic(value)) return
  const { type } = reference
  if (type.name === 'Edm.Untyped') return
  if (reference.collection !== (value.kind === 'collection')) {
    report(`'${name}' must ${reference.collection ? '' : 'not '}be a collection.`)
    return
  }
  if (value.kind === 'collection') {
    for (const item of value.items) checkValue(model, item, { ...reference, collection: false }, name, report)
    return
  }
  if (value.kind === 'record') {
    const own = value.type === undefined ? type : model.types.get(value.type)
    if (own && (own.kind === 'complex' || own.kind === 'entity')) checkRecord(model, value, own, report)
    else if (own && own.name !== 'Edm.ComplexType' && own.name !== 'Edm.EntityType')
      report(`'${name}' must be of ${type.name}, not a record.`)
    return
  }
  const fault = constantFault(value, type)
  if (fault !== undefined) report(`'${name}' ${fault}`)
}

function checkRecord(
  model: Model,
  record: Extract<AnnotationExpression, { readonly kind: 'record' }>,
  type: StructuredType,
  report: (message: string) => void,
): void {
  for (const { property, value } of record.values) {
    const declared = type.allProperties.get(property)
    if (declared) checkValue(model, value, declared.type, property, report)
    else if (!type.open && !type.allNavigationProperties.has(property))
      report(`'${type.name}' has no property '${property}'.`)
  }
}

/** Everything whose value is known only when it is evaluated. */
const isDynamic = (expression: AnnotationExpression): boolean =>
  expression.kind === 'path' ||
  expression.kind === 'labeledElementReference' ||
  'operands' in expression ||
  'operand' in expression

const kindsOfType: Readonly<Record<string, readonly string[]>> = {
  'Edm.AnnotationPath': ['annotationPath'],
  'Edm.AnyPropertyPath': ['anyPropertyPath', 'propertyPath', 'navigationPropertyPath'],
  'Edm.ModelElementPath': ['modelElementPath', 'annotationPath', 'navigationPropertyPath', 'propertyPath'],
  'Edm.NavigationPropertyPath': ['navigationPropertyPath'],
  'Edm.PropertyPath': ['propertyPath', 'navigationPropertyPath'],
  'Edm.Binary': ['binary'],
  'Edm.Boolean': ['bool'],
  'Edm.Byte': ['int'],
  'Edm.Date': ['date'],
  'Edm.DateTimeOffset': ['dateTimeOffset'],
  'Edm.Decimal': ['decimal', 'int', 'float'],
  'Edm.Double': ['float', 'decimal', 'int'],
  'Edm.Duration': ['duration'],
  'Edm.Guid': ['guid'],
  'Edm.Int16': ['int'],
  'Edm.Int32': ['int'],
  'Edm.Int64': ['int'],
  'Edm.SByte': ['int'],
  'Edm.Single': ['float', 'decimal', 'int'],
  'Edm.String': ['string'],
  'Edm.TimeOfDay': ['timeOfDay'],
}

function constantFault(value: AnnotationExpression, type: Type): string | undefined {
  if (type.kind === 'enum') return enumFault(value, type)
  if (type.kind === 'complex' || type.kind === 'entity') return `must be a record of ${type.name}.`
  const allowed = kindsOfType[primitiveOf(type)?.name ?? type.name]
  if (!allowed || allowed.includes(value.kind)) return undefined
  return `must be of ${type.name}, not ${value.kind}.`
}

function enumFault(value: AnnotationExpression, type: EnumType): string | undefined {
  if (value.kind !== 'enumMember') return `must be a member of ${type.name}, not ${value.kind}.`
  const paths = value.value.split(/\s+/)
  if (paths.length > 1 && !type.flags) return `has several members of ${type.name}, which is no enumeration of flags.`
  for (const path of paths) {
    const slash = path.lastIndexOf('/')
    if (path.slice(0, slash) !== type.name || !type.memberByName.has(path.slice(slash + 1)))
      return `'${path}' is no member of ${type.name}.`
  }
  return undefined
}

const pathResolved: AnnotationsRule = {
  name: 'annotation-path-resolved',
  section: 'PathExpressions',
  severity: 'warning',
  check(applied, context) {
    for (const { annotation, origin } of applied)
      if (origin && !isLeaf(annotation.value))
        forEachExpression(annotation.value, (expression) => {
          if (
            expression.kind === 'modelElementPath' ||
            expression.kind === 'propertyPath' ||
            expression.kind === 'navigationPropertyPath' ||
            expression.kind === 'path'
          )
            checkPath(context, annotation, origin, expression.value)
        })
  },
}

function checkPath({ model, report }: RuleContext, annotation: Annotation, origin: StructuredType, path: string): void {
  // Absolute paths, term casts, control information and $count are not followed; open types can have any property.
  if (path === '' || /[@$({]|^\//.test(path) || path.split('/').some((segment) => segment === '*')) return
  const { steps, fault } = followPath(model, origin, path)
  const openAt = [origin, ...steps.map((step) => (step.kind === 'cast' ? step.type : undefined))].some(
    (type) => type?.open,
  )
  if (fault !== undefined && !openAt)
    report(annotation, `'${fault}' in the path '${path}' cannot be followed from '${origin.name}'.`)
}

const namespaceInScope: Rule<Model> = {
  name: 'annotation-namespace-in-scope',
  section: 'Annotation',
  severity: 'warning',
  check({ schemas, references, includedAnnotations }, { report }) {
    const known = new Set([
      ...schemas.map(({ namespace }) => namespace),
      ...references.flatMap(({ includes }) => includes.map(({ namespace }) => namespace)),
    ])
    for (const schema of schemas) {
      const reported = new Set<string>()
      const judged = new Set<string>()
      const check = (annotation: Annotation): void => {
        if (judged.has(annotation.term) || includedAnnotations?.has(annotation)) return
        judged.add(annotation.term)
        const namespace = namespaceOf(annotation.term)
        if (known.has(namespace) || reported.has(namespace)) return
        reported.add(namespace)
        report(annotation, `'${namespace}' is not in scope: no 'edmx:Include' names it (said once).`)
      }
      for (const type of schema.types) {
        type.annotations.forEach(check)
        if (type.kind !== 'entity' && type.kind !== 'complex') continue
        for (const property of [...type.properties, ...type.navigationProperties]) property.annotations.forEach(check)
      }
      schema.annotations.forEach(check)
      for (const element of [...schema.operations, ...schema.terms]) element.annotations.forEach(check)
      schema.container?.annotations.forEach(check)
      for (const child of schema.container?.children.values() ?? []) child.annotations.forEach(check)
    }
  },
}

const labelUnique: Rule<Model> = {
  name: 'labeled-element-unique',
  section: 'LabeledElement',
  severity: 'warning',
  check({ schemas }, { report }) {
    for (const schema of schemas) {
      const seen = new Set<string>()
      for (const type of schema.types)
        for (const annotation of type.annotations)
          forEachExpression(annotation.value, (expression) => {
            if (expression.kind !== 'labeledElement') return
            if (seen.has(expression.name)) report(annotation, `two labeled elements are named '${expression.name}'.`)
            seen.add(expression.name)
          })
    }
  },
}

const ifOutsideCollection: AnnotationsRule = {
  name: 'annotation-if-has-else',
  section: 'IfThenElse',
  severity: 'warning',
  check(applied, { report }) {
    for (const { annotation } of applied) {
      if (isLeaf(annotation.value)) continue
      const inCollections = new Set<AnnotationExpression>()
      forEachExpression(annotation.value, (expression) => {
        if (expression.kind === 'collection') for (const item of expression.items) inCollections.add(item)
        if (expression.kind === 'if' && expression.operands.length === 2 && !inCollections.has(expression))
          report(annotation, `'If' may lack its third operand in a collection only.`)
      })
    }
  },
}

const termDefault: Rule<Term> = {
  name: 'term-default-value',
  section: 'Term',
  severity: 'warning',
  check(term, { report }) {
    const fault = defaultFault(term.defaultValue, term.type)
    if (fault !== undefined) report(term, `the default value of '${term.name}' ${fault}`)
  },
}

const baseTermResolved: Rule<Term> = {
  name: 'base-term-resolved',
  section: 'SpecializedTerm',
  severity: 'warning',
  check(term, { model, report }) {
    if (term.baseTerm !== undefined && !model.terms.has(term.baseTerm))
      report(term, `the base term '${term.baseTerm}' is not in scope.`)
  },
}

const baseTermCycle: Rule<Term> = {
  name: 'base-term-cycle',
  section: 'SpecializedTerm',
  severity: 'warning',
  check(term, { model, report }) {
    const seen = new Set<string>()
    for (let base = term.baseTerm; base !== undefined; base = model.terms.get(base)?.baseTerm) {
      if (base === term.name) report(term, `'${term.name}' specializes itself.`)
      if (seen.has(base)) return
      seen.add(base)
    }
  },
}

/** Model elements that terms apply to (CSDL XML 14.1.2). */
const applicable: ReadonlySet<string> = new Set(
  `Action ActionImport Annotation Apply Cast Collection ComplexType EntityContainer EntitySet EntityType EnumType Function FunctionImport If
  Include IsOf LabeledElement Member NavigationProperty Null OnDelete Parameter Property PropertyValue Record Reference
  ReferentialConstraint ReturnType Schema Singleton Term TypeDefinition UrlRef`.split(/\s+/),
)

const appliesToKnown: Rule<Term> = {
  name: 'term-applies-to-known',
  section: 'Applicability',
  severity: 'warning',
  check(term, { report }) {
    for (const target of term.appliesTo)
      if (!applicable.has(target)) report(term, `'${term.name}' applies to '${target}', which is no model element.`)
  },
}

const collectionNullable: Rule<Term> = {
  name: 'term-collection-says-nullable',
  section: 'Term',
  severity: 'warning',
  check(term, { report, version, written }) {
    if (term.type.collection && version(term) === '4.01' && written(term, 'Nullable') === undefined)
      report(term, `the collection '${term.name}' must say whether its items are nullable.`)
  },
}

export const annotationRules = {
  model: [namespaceInScope, labelUnique],
  term: [termDefault, baseTermResolved, baseTermCycle, appliesToKnown, collectionNullable],
  annotations: [once, termResolved, appliesTo, baseTerm, valueType],
  expressions: [constantForm, pathResolved, ifOutsideCollection],
} as const
