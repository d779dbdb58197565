import type {
  Annotatable,
  Annotation,
  AnnotationExpression,
  Model,
  StructuredType,
  Term,
  TypeReference,
} from '../../edm/model.ts'
import { isStructured, isSubtypeOf } from '../../edm/types.ts'
import { localName, namespaceOf } from '../names.ts'
import { followPath } from './paths.ts'
import type { AppliedAnnotation, Rule, RuleContext } from './rule.ts'

/** Rules on the expressions of annotations; all are warnings: what is unknown or invalid is no error (CSDL XML 14). */

type AnnotationsRule = Rule<readonly AppliedAnnotation[]>
type RecordExpression = Extract<AnnotationExpression, { readonly kind: 'record' }>

/** Visits an expression and all within it. */
export function forEachExpression(
  expression: AnnotationExpression,
  visit: (expression: AnnotationExpression) => void,
): void {
  visit(expression)
  if (isLeaf(expression)) return
  if ('operands' in expression) for (const operand of expression.operands) forEachExpression(operand, visit)
  if ('operand' in expression) forEachExpression(expression.operand, visit)
  if (expression.kind === 'collection') for (const item of expression.items) forEachExpression(item, visit)
  if (expression.kind === 'record') for (const { value } of expression.values) forEachExpression(value, visit)
}

/** Most values: nothing is in them. */
export const isLeaf = ({ kind }: AnnotationExpression): boolean =>
  kind === 'string' || kind === 'bool' || kind === 'default'

/** A rule on every expression of an annotation. @param fault says what is wrong, or undefined */
export function expressionRule(
  name: string,
  section: string,
  fault: (expression: AnnotationExpression, context: RuleContext, applied: AppliedAnnotation) => string | undefined,
): AnnotationsRule {
  return {
    name,
    section,
    severity: 'warning',
    check(applied, context) {
      for (const one of applied)
        if (!isLeaf(one.annotation.value))
          forEachExpression(one.annotation.value, (expression) => {
            const found = fault(expression, context, one)
            if (found !== undefined) context.report(one.annotation, found)
          })
    },
  }
}

/**
 * A rule on every value whose type the term says.
 * @param fault says what is wrong, or undefined
 * @param kinds of values that are looked at beside nulls, records and collections, and what is in them
 */
export function typedRule(
  name: string,
  section: string,
  fault: (value: AnnotationExpression, reference: TypeReference, what: Described) => string | undefined,
  kinds?: ReadonlySet<string>,
): AnnotationsRule {
  return {
    name,
    section,
    severity: 'warning',
    check(applied, { model, report }) {
      for (const { annotation, origin } of applied) {
        const { kind } = annotation.value
        if (kind !== 'null' && kind !== 'default' && kind !== 'record' && kind !== 'collection' && !kinds?.has(kind))
          continue
        const term = model.terms.get(annotation.term)
        if (term === undefined) continue
        const visit = (value: AnnotationExpression, reference: TypeReference, what: Described): void => {
          const found = fault(value, reference, what)
          if (found !== undefined) report(annotation, found)
          if (value.kind === 'collection')
            for (const item of value.items)
              visit(item, { ...reference, collection: false }, { ...what, default: undefined, item: true })
          const type = value.kind === 'record' ? recordType(model, value, reference) : undefined
          if (value.kind === 'record' && type !== undefined)
            for (const member of value.values) {
              const property = type.allProperties.get(member.property)
              if (property === undefined) continue
              const said = {
                name: member.property,
                model,
                origin,
                default: property.defaultValue,
                item: false,
                term: undefined,
              }
              visit(member.value, property.type, said)
            }
        }
        const said = { name: annotation.term, model, origin, default: term.defaultValue, item: false, term }
        visit(annotation.value, term.type, said)
      }
    },
  }
}

/** What a value is of. */
interface Described {
  readonly name: string
  readonly model: Model
  /** where relative paths start */
  readonly origin: StructuredType | undefined
  readonly default: string | undefined
  /** one of a collection */
  readonly item: boolean
  /** the term, where it is the value of an annotation itself */
  readonly term: Term | undefined
}

function recordType(model: Model, record: RecordExpression, { type }: TypeReference): StructuredType | undefined {
  const said = record.type === undefined ? type : model.types.get(record.type)
  return said !== undefined && isStructured(said) ? said : undefined
}

const nullAllowed = typedRule('annotation-null-allowed', 'Null', (value, { type, nullable, collection }, what) => {
  if (value.kind === 'null' && collection) return `'${what.name}' is a collection, which is never null.`
  // a record without content is often left out
  const unsaid = value.kind === 'default' && what.default === undefined && !collection && !isStructured(type)
  const isNull = value.kind === 'null' || unsaid
  if (!isNull || nullable) return undefined
  return `${what.item ? `an item of '${what.name}'` : `'${what.name}'`} must not be null.`
})

const recordDerives = typedRule('annotation-record-type', 'Record', (value, { type }, { name, model }) => {
  if (value.kind !== 'record' || !isStructured(type)) return undefined
  const own = recordType(model, value, { type } as TypeReference)
  if (own === undefined) return undefined
  if (!isSubtypeOf(own, type)) return `'${own.name}' is not derived from '${type.name}', the type of '${name}'.`
  return own.abstract ? `the record of '${name}' must say its type: '${own.name}' is abstract.` : undefined
})

const recordComplete = typedRule('annotation-record-complete', 'Record', (value, reference, { name, model, term }) => {
  // what a specialized term leaves out, its base term says
  if (value.kind !== 'record' || term?.baseTerm !== undefined) return undefined
  const type = recordType(model, value, reference)
  for (const property of type?.allProperties.values() ?? []) {
    const { nullable, collection } = property.type
    if (nullable || collection || property.defaultValue !== undefined) continue
    if (!value.values.some((member) => member.property === property.name))
      return `the record of '${name}' must say '${property.name}', which is not nullable.`
  }
  return undefined
})

const recordOnce = expressionRule('annotation-record-property-once', 'Record', (expression) => {
  if (expression.kind !== 'record' || expression.values.length < 2) return undefined
  const names = expression.values.map(({ property }) => property)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return twice === undefined ? undefined : `the record says '${twice}' twice.`
})

/** Operands by function: at least, at most (CSDL XML 14.4.4). */
const functions: Readonly<Record<string, readonly [number, number]>> = {
  'odata.concat': [2, Number.POSITIVE_INFINITY],
  'odata.fillUriTemplate': [1, Number.POSITIVE_INFINITY],
  'odata.matchesPattern': [2, 2],
  'odata.uriEncode': [1, 1],
}

const functionKnown = expressionRule('annotation-function-known', 'FunctionApplication', (expression) => {
  if (expression.kind !== 'apply') return undefined
  const { function: name, operands } = expression
  const arity = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (arity === undefined) {
    if (name.startsWith('odata.')) return `'${name}' is no function of OData, which has the namespace 'odata'.`
    return name.includes('.') ? undefined : `the function '${name}' must be named with its namespace.`
  }
  const [least, most] = arity
  if (operands.length >= least && operands.length <= most) return undefined
  return `'${name}' takes ${least === most ? least : `at least ${least}`} operands, not ${operands.length}.`
})

const logical: ReadonlySet<string> = new Set(['and', 'or', 'not'])
const arithmetic: ReadonlySet<string> = new Set(['neg', 'mul', 'div', 'divBy', 'mod'])
/** Constants that are neither Boolean nor numbers. */
const texts: ReadonlySet<string> = new Set(['string', 'binary', 'guid', 'enumMember', 'record', 'collection'])
const numbers: ReadonlySet<string> = new Set(['int', 'decimal', 'float'])

const operandType = expressionRule('annotation-operand-type', 'LogicalExpressions', (expression) => {
  const isBoolean = logical.has(expression.kind) || expression.kind === 'if'
  if (!('operands' in expression) || !(isBoolean || arithmetic.has(expression.kind))) return undefined
  const checked = expression.kind === 'if' ? expression.operands.slice(0, 1) : expression.operands
  for (const { kind } of checked) {
    if (isBoolean && (texts.has(kind) || numbers.has(kind))) return `'${expression.kind}' takes Booleans, not ${kind}.`
    if (!isBoolean && (texts.has(kind) || kind === 'bool')) return `'${expression.kind}' takes numbers, not ${kind}.`
  }
  return undefined
})

const pathKind = expressionRule('annotation-path-kind', 'PathExpressions', (expression, { model }, { origin }) => {
  if (expression.kind === 'annotationPath')
    return /@[^/]+$/.test(expression.value) ? undefined : `'${expression.value}' must end at an annotation.`
  if (expression.kind !== 'navigationPropertyPath' || origin === undefined || /[@$({*]|^\//.test(expression.value))
    return undefined
  const { steps, fault } = followPath(model, origin, expression.value)
  // a cast may come behind it
  const last = steps.filter(({ kind }) => kind !== 'cast').at(-1)
  if (fault !== undefined || last === undefined || last.kind === 'navigation') return undefined
  return `'${expression.value}' must end at a navigation property.`
})

const labelResolved = expressionRule('labeled-element-resolved', 'LabeledElementReference', (expression, { model }) => {
  if (expression.kind !== 'labeledElementReference') return undefined
  const schema = [...model.schemas, ...model.includedSchemas].find(
    ({ namespace }) => namespace === namespaceOf(expression.name),
  )
  if (schema === undefined || labelsOf(schema).has(localName(expression.name))) return undefined
  return `'${expression.name}' is no labeled element.`
})

const labels = new WeakMap<object, ReadonlySet<string>>()

/** Names of the labeled elements of a schema. */
function labelsOf(schema: Model['schemas'][number]): ReadonlySet<string> {
  let known = labels.get(schema)
  if (known === undefined) {
    const found = new Set<string>()
    collectLabels(schema, found, new Set())
    known = found
    labels.set(schema, known)
  }
  return known
}

/** Looks through everything that a schema holds: annotations can stand at any of it. */
function collectLabels(schema: Model['schemas'][number], found: Set<string>, seen: Set<Annotation>): void {
  const look = ({ annotations }: Annotatable): void => {
    for (const annotation of annotations) {
      if (seen.has(annotation)) continue
      seen.add(annotation)
      forEachExpression(annotation.value, (expression) => {
        if (expression.kind === 'labeledElement') found.add(expression.name)
      })
      look(annotation)
    }
  }
  look(schema)
  for (const type of schema.types) {
    look(type)
    if (isStructured(type)) for (const property of [...type.properties, ...type.navigationProperties]) look(property)
    if (type.kind === 'enum') type.members.forEach(look)
  }
  for (const operation of schema.operations) {
    look(operation)
    operation.parameters.forEach(look)
    if (operation.returnType) look(operation.returnType)
  }
  schema.terms.forEach(look)
  if (schema.container) look(schema.container)
  for (const child of schema.container?.children.values() ?? []) look(child)
}

export const expressionRules = {
  annotations: [nullAllowed],
  expressions: [recordDerives, recordComplete, recordOnce, functionKnown, operandType, pathKind, labelResolved],
} as const
