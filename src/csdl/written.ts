import type {
  Annotatable,
  Annotation,
  AnnotationExpression,
  ExternalAnnotations,
  Facets,
  Model,
  Property,
  Reference,
  Schema,
  StructuredType,
} from '../edm/model.ts'
import { localName, namespaceOf } from './names.ts'
import { forEachElement, ownChildren } from './walk.ts'

/** The version of the protocol a document is written for. */
export type CsdlVersion = '4.0' | '4.01'

/** How a model is written. */
export interface WriteOptions {
  readonly version: CsdlVersion
  /**
   * true: schemas of referenced documents that were at hand become schemas of this one, and the references to them go. For
   * clients that cannot reach the other documents. Default false: references are written as they were.
   */
  readonly inline?: boolean
}

/**
 * What a document of one version holds of a model: the decisions that XML and JSON share. A 4.0 document leaves out what
 * 4.0 does not know: untyped properties, redefined properties, annotations with 4.01 expressions.
 */
export class WrittenModel {
  readonly model: Model
  readonly version: CsdlVersion
  readonly schemas: readonly Schema[]
  readonly references: readonly Reference[]
  readonly #included: ReadonlySet<Annotation>
  readonly #namespaces = new Map<string, string>()
  readonly #aliases = new Map<string, string>()
  readonly #external = new Map<Schema, ExternalAnnotations[]>()

  constructor(model: Model, { version, inline = false }: WriteOptions) {
    this.model = model
    this.version = version
    this.schemas = inline ? [...model.schemas, ...model.includedSchemas] : model.schemas
    this.#included = (inline ? undefined : model.includedAnnotations) ?? new Set()
    this.references = inline ? withoutIncluded(model) : model.references
    for (const { includes } of this.references)
      for (const { alias, namespace } of includes) if (alias !== undefined) this.#addAlias(alias, namespace)
    for (const { alias, namespace } of this.schemas) if (alias !== undefined) this.#addAlias(alias, namespace)
    this.#collectExternal(inline)
  }

  #addAlias(alias: string, namespace: string): void {
    if (this.#namespaces.has(alias) || this.#aliases.has(namespace)) return
    this.#namespaces.set(alias, namespace)
    this.#aliases.set(namespace, alias)
  }

  /** The alias of a schema, unless another one has it already (which schemas of other documents may bring about). */
  alias({ alias, namespace }: Schema): string | undefined {
    return alias !== undefined && this.#namespaces.get(alias) === namespace ? alias : undefined
  }

  /** A qualified name with the alias in place of the namespace, where there is one. */
  aliasName(name: string): string {
    const alias = this.#aliases.get(namespaceOf(name))
    return alias === undefined ? name : `${alias}.${localName(name)}`
  }

  /** A path or target with the aliases of all names in it. */
  aliasPath(path: string): string {
    return path.includes('.') ? path.replace(/[^/@#(),\s]+/g, (name) => this.aliasName(name)) : path
  }

  /** The annotations that stand inside the element. */
  annotations(target: Annotatable): readonly Annotation[] {
    if (target.annotations.length === 0) return target.annotations
    return target.annotations.filter(
      (annotation) => annotation.externalTarget === undefined && this.#isWritten(annotation),
    )
  }

  /** The annotations that stand apart from their elements, in the schema that they are written in. */
  externalAnnotations(schema: Schema): readonly ExternalAnnotations[] {
    return this.#external.get(schema) ?? []
  }

  properties(type: StructuredType): readonly Property[] {
    if (this.version !== '4.0') return type.properties
    return type.properties.filter(
      (property) => property.type.type.name !== 'Edm.Untyped' && !type.baseType?.allProperties.has(property.name),
    )
  }

  /** Facets as the version has them: `floating` is 4.01, `max` is 4.0 (CSDL XML 3.4). */
  facets(facets: Facets): Facets {
    const { maxLength, scale } = facets
    if (this.version === '4.0' && scale === 'floating') return { ...facets, scale: 'variable' }
    if (this.version === '4.01' && maxLength === 'max') {
      const { maxLength: _, ...others } = facets
      return others
    }
    return facets
  }

  ownChildren(container: Parameters<typeof ownChildren>[0]): ReturnType<typeof ownChildren> {
    return ownChildren(container, [...this.model.schemas, ...this.model.includedSchemas])
  }

  #isWritten(annotation: Annotation): boolean {
    return this.version !== '4.0' || isOf40(annotation.value)
  }

  #collectExternal(inline: boolean): void {
    const written = new Set<Annotation>()
    const collect = (element: Annotatable, schema: Schema): void => {
      for (const annotation of element.annotations) {
        if (annotation.externalTarget !== undefined && !this.#included.has(annotation) && !written.has(annotation)) {
          written.add(annotation)
          if (this.#isWritten(annotation)) this.#addExternal(schema, annotation.externalTarget, [annotation])
        }
        if (annotation.annotations.length > 0) collect(annotation, schema)
      }
    }
    for (const schema of this.schemas) {
      forEachElement(schema, (element) => collect(element, schema))
      for (const { target, annotations } of schema.unresolvedAnnotations)
        this.#addExternal(
          schema,
          target,
          annotations.filter((annotation) => this.#isWritten(annotation)),
        )
    }
    const first = this.schemas[0]
    if (inline || !first) return
    for (const schema of this.model.includedSchemas) forEachElement(schema, (element) => collect(element, first))
  }

  #addExternal(schema: Schema, target: string, annotations: readonly Annotation[]): void {
    if (annotations.length === 0) return
    let groups = this.#external.get(schema)
    if (!groups) {
      groups = []
      this.#external.set(schema, groups)
    }
    const last = groups[groups.length - 1]
    if (last?.target === target)
      groups[groups.length - 1] = { ...last, annotations: [...last.annotations, ...annotations] }
    else groups.push({ target, qualifier: undefined, annotations })
  }
}

function withoutIncluded({ references, includedSchemas }: Model): readonly Reference[] {
  const inlined = new Set(includedSchemas.map(({ namespace }) => namespace))
  return references
    .filter(({ includes }) => includes.length === 0 || includes.some(({ namespace }) => !inlined.has(namespace)))
    .map((reference) => ({
      ...reference,
      includes: reference.includes.filter(({ namespace }) => !inlined.has(namespace)),
    }))
    .filter(({ includes, includeAnnotations }) => includes.length + includeAnnotations.length > 0)
}

const kindsOf401: ReadonlySet<AnnotationExpression['kind']> = new Set([
  'has',
  'in',
  'add',
  'sub',
  'neg',
  'mul',
  'div',
  'divBy',
  'mod',
  'anyPropertyPath',
  'modelElementPath',
] as const)

/** Whether OData 4.0 knows all kinds of expressions in a value (CSDL XML 14.4.2, 14.4.3, 3.6). */
function isOf40(expression: AnnotationExpression): boolean {
  if (kindsOf401.has(expression.kind)) return false
  if ('operands' in expression) return expression.operands.every(isOf40)
  if ('operand' in expression) return isOf40(expression.operand)
  if (expression.kind === 'collection') return expression.items.every(isOf40)
  if (expression.kind === 'record') return expression.values.every(({ value }) => isOf40(value))
  return true
}
