import { checkFacets } from '../../edm/facets.ts'
import type { AnnotationExpression, Type } from '../../edm/model.ts'
import { isNumeric, parsePrimitive } from '../../edm/primitives.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import { namespaceOf } from '../names.ts'
import { expressionRule, typedRule } from './expressions.ts'
import { followPath, type Step, typeAfter } from './paths.ts'
import type { RuleContext } from './rule.ts'

/** Rules on values of annotations, against the type that their term says, and on where absolute paths lead; all are warnings. */

const constants: ReadonlySet<string> = new Set(
  'binary date dateTimeOffset decimal duration float guid int string timeOfDay'.split(' '),
)

const constantFacets = typedRule(
  'annotation-value-within-facets',
  'TypeFacets',
  (value, reference, { name }) => {
    const type = primitiveOf(reference.type)?.name
    if (type === undefined || reference.collection || !constants.has(value.kind) || !('value' in value))
      return undefined
    // of another kind than the type: annotation-value-type
    const own = ownType(value)
    if (own !== type && !(isNumeric(own) && isNumeric(type))) return undefined
    const text = String(value.value)
    const parsed = parsePrimitive(type, text)
    // what is no value of its own kind: annotation-constant-form
    if (parsed === undefined)
      return parsePrimitive(own, text) === undefined
        ? undefined
        : `'${name}' must be of ${type}, which '${text}' is not.`
    const fault = checkFacets(reference, parsed)
    return fault && `'${name}' keeps to no facet of its type: ${fault}.`
  },
  constants,
)

function ownType({ kind }: AnnotationExpression) {
  return kind === 'float'
    ? 'Edm.Double'
    : kind === 'int'
      ? 'Edm.Int64'
      : (`Edm.${kind[0]?.toUpperCase()}${kind.slice(1)}` as 'Edm.String')
}

const pathType = typedRule(
  'annotation-path-type',
  'ValuePath',
  (value, reference, { name, model, origin, item }) => {
    if (value.kind !== 'path' || origin === undefined || /[@$({*]|^\/|^$/.test(value.value)) return undefined
    const { steps, fault } = followPath(model, origin, value.value)
    const wanted = kindOf(reference.type)
    const found = kindOf(typeAfter(origin, steps))
    if (fault !== undefined || wanted === undefined || found === undefined) return undefined
    if (wanted !== found) return `'${name}' must be ${wanted}, and the path '${value.value}' leads to ${found}.`
    const collection = steps.some(isCollection)
    if (item || collection === reference.collection) return undefined
    return `'${name}' must ${collection ? 'not ' : ''}be a collection, and the path '${value.value}' leads to ${collection ? 'one' : 'none'}.`
  },
  new Set(['path']),
)

function isCollection(step: Step): boolean {
  if (step.kind === 'cast') return false
  return step.kind === 'property' ? step.property.type.collection : step.property.collection
}

/** What values of a type are, as far as another type can stand for it; undefined: anything. */
function kindOf(type: Type): string | undefined {
  if (type.kind === 'enum') return type.name
  if (isStructured(type)) return 'a record'
  const name = primitiveOf(type)?.name
  if (name === undefined) return undefined
  return isNumeric(name) ? 'a number' : `of ${name}`
}

const absolutePath = expressionRule('annotation-absolute-path-resolved', 'PathExpressions', (expression, context) => {
  switch (expression.kind) {
    case 'annotationPath':
    case 'anyPropertyPath':
    case 'modelElementPath':
    case 'navigationPropertyPath':
    case 'path':
    case 'propertyPath': {
      if (!expression.value.startsWith('/')) return undefined
      const fault = lostStep(context, expression.value)
      return fault === undefined ? undefined : `'${fault}' in the path '${expression.value}' does not exist.`
    }
    default:
      return undefined
  }
})

/** The first segment of an absolute path that names nothing (CSDL XML 14.4.1.1); keys, annotations and what is not at hand are not followed. */
function lostStep({ model, namespaces }: Pick<RuleContext, 'model' | 'namespaces'>, path: string): string | undefined {
  const [first = '', ...rest] = segmentsOf(path.slice(1))
  if (!namespaces.has(namespaceOf(first))) return undefined
  const schema = [...model.schemas, ...model.includedSchemas].find(({ container }) => container?.name === first)
  if (schema?.container !== undefined) {
    const [child, ...behind] = rest
    if (child === undefined) return undefined
    const found = schema.container.children.get(child)
    if (found === undefined) return child
    return 'type' in found ? lostBehind(model, found.type, behind) : behind[0]
  }
  const operations = model.operations.get(first)
  if (operations !== undefined) {
    const [part] = rest
    const known =
      part === undefined ||
      part === '$ReturnType' ||
      operations.some(({ parameters }) => parameters.some(({ name }) => name === part))
    return known ? undefined : part
  }
  const type = model.types.get(first)
  if (type !== undefined) return lostBehind(model, type, rest)
  return model.terms.has(first) ? undefined : first
}

function lostBehind(model: RuleContext['model'], type: Type, rest: readonly string[]): string | undefined {
  const [next] = rest
  if (next === undefined) return undefined
  if (type.kind === 'enum') return type.memberByName.has(next) ? undefined : next
  if (!isStructured(type)) return isAbstract(type) ? undefined : next
  const { fault, steps } = followPath(model, type, rest.join('/'))
  return isAnyOpen(type, steps) ? undefined : fault
}

/** Any structured type. */
function isAbstract({ name }: Type): boolean {
  return name === 'Edm.EntityType' || name === 'Edm.ComplexType' || name === 'Edm.Untyped'
}

function isAnyOpen(type: Type, steps: readonly Step[]): boolean {
  const last = typeAfter(type, steps)
  return isAbstract(last) || [type, last].some((each) => isStructured(each) && each.open)
}

/** Segments up to the first that is, or has, an annotation, a key or an index; the types of an overload are left out. */
function segmentsOf(path: string): readonly string[] {
  const [first = '', ...rest] = path.replace(/\([^)]*\)/, '').split('/')
  const end = rest.findIndex((segment) => /[@(*]|^-?\d/.test(segment) || segment === '$count' || segment === '')
  return first.includes('@') ? [''] : [first, ...(end < 0 ? rest : rest.slice(0, end))]
}

export const valueRules = { annotations: [constantFacets, pathType, absolutePath] } as const
