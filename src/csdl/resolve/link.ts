import type { Annotation, AnnotationExpression, EntityContainer, Model, Reference } from '../../edm/model.ts'
import type { Problems } from '../problems.ts'
import { extendContainers, linkContainer } from './container.ts'
import { annotationsOf } from './expressions.ts'
import { type Document, Linker, none, type SchemaDeclaration, type SchemaDraft } from './linker.ts'
import { linkOperations, linkTerms } from './operations.ts'
import { linkExternalAnnotations } from './targets.ts'
import { declareTypes, fillTypes, resolveBaseTypes } from './types.ts'
import { typeConstants } from './typing.ts'

/**
 * Resolves all names of the documents and builds the model. Whatever cannot be resolved is reported and replaced by something
 * harmless, so that one run finds all problems.
 * @param documents the document itself first, then those it references
 * @returns the model (not yet frozen, see `freezeModel`) and the linker, which knows where each element was declared
 */
export function link(documents: readonly Document[], problems: Problems): { model: Model; linker: Linker } {
  const main = documents[0]
  if (!main) throw new Error('no document')
  const linker = new Linker(problems, documents)
  const declared: { readonly document: Document; readonly schema: SchemaDeclaration; readonly draft: SchemaDraft }[] =
    []
  for (const document of documents) {
    for (const schema of document.schemas) {
      if (linker.schemas.has(schema.namespace)) {
        problems.report(schema.declaration, 'namespace-unique', `'${schema.namespace}' is declared twice.`)
        continue
      }
      const draft = schemaDraft(linker, schema)
      linker.schemas.set(schema.namespace, draft)
      declared.push({ document, schema, draft })
    }
  }
  checkIncludes(linker, documents)
  for (const { schema, draft } of declared) draft.types = declareTypes(linker, schema)
  resolveBaseTypes(linker)
  fillTypes(linker)
  for (const { schema, draft } of declared) {
    draft.terms = linkTerms(linker, schema)
    draft.operations = linkOperations(linker, schema)
  }
  for (const { schema, draft } of declared) {
    draft.container = linkContainer(linker, schema)
    draft.annotations = annotationsOf(linker, schema.declaration)
  }
  extendContainers(linker)
  linkExternalAnnotations(linker, documents)
  const schemas = declared.filter(({ document }) => document === main).map(({ draft }) => draft)
  const includedSchemas = declared.filter(({ document }) => document !== main).map(({ draft }) => draft)
  const model: Model = {
    version: main.version,
    references: main.references.map(({ declaration }) => referenceOf(linker, main, declaration)),
    schemas,
    includedSchemas,
    container: containerOf(linker, schemas),
    types: linker.types,
    operations: linker.operations,
    terms: linker.terms,
    aliases: main.scope.aliases,
    ...(linker.includedAnnotations.size > 0 ? { includedAnnotations: linker.includedAnnotations } : {}),
  }
  linker.drafts.push(model)
  typeConstants(linker, model)
  return { model, linker }
}

function schemaDraft(linker: Linker, { namespace, declaration }: SchemaDeclaration): SchemaDraft {
  return linker.add(
    {
      namespace,
      alias: declaration.attributes.Alias,
      types: none,
      operations: none,
      terms: none,
      container: undefined,
      unresolvedAnnotations: [],
      annotations: none,
    },
    declaration,
  )
}

function checkIncludes(linker: Linker, documents: readonly Document[]): void {
  for (const document of documents) {
    for (const { declaration, document: referenced } of document.references) {
      if (!referenced) continue
      const namespaces = new Set(referenced.schemas.map(({ namespace }) => namespace))
      for (const include of declaration.children) {
        const { Namespace } = include.attributes
        if (include.name === 'Include' && Namespace !== undefined && !namespaces.has(Namespace))
          linker.problems.report(
            include,
            'included-schema-found',
            `there is no schema '${Namespace}' in that document.`,
          )
      }
    }
  }
}

function containerOf(linker: Linker, schemas: readonly SchemaDraft[]): EntityContainer | undefined {
  const containers = schemas.flatMap(({ container }) => (container ? [container] : []))
  for (const other of containers.slice(1)) {
    // A container that another one extends may stand beside it (CSDL XML 13.1).
    if (containers.some((container) => container.extends === other.name)) continue
    if (containers.some((container) => other.extends === container.name)) continue
    const declaration = linker.origins.get(other)
    if (declaration)
      linker.problems.report(declaration, 'container-once', 'a service has exactly one entity container.')
  }
  const extended = new Set(containers.map((container) => container.extends))
  return containers.find((container) => !extended.has(container.name)) ?? containers[0]
}

function referenceOf(linker: Linker, document: Document, declaration: Document['root']): Reference {
  return linker.add(
    {
      uri: declaration.attributes.Uri ?? '',
      includes: declaration.children
        .filter(({ name }) => name === 'Include')
        .map((include) =>
          linker.add(
            {
              namespace: include.attributes.Namespace ?? '',
              alias: include.attributes.Alias,
              annotations: annotationsOf(linker, include),
            },
            include,
          ),
        ),
      includeAnnotations: declaration.children
        .filter(({ name }) => name === 'IncludeAnnotations')
        .map(({ attributes }) =>
          Object.freeze({
            termNamespace: document.scope.aliases.get(attributes.TermNamespace ?? '') ?? attributes.TermNamespace ?? '',
            qualifier: attributes.Qualifier,
            targetNamespace:
              attributes.TargetNamespace === undefined
                ? undefined
                : (document.scope.aliases.get(attributes.TargetNamespace) ?? attributes.TargetNamespace),
          }),
        ),
      annotations: annotationsOf(linker, declaration),
    },
    declaration,
  )
}

/** Freezes the model through and through (maps excepted, which JavaScript cannot freeze; their type is read-only). */
export function freezeModel(linker: Linker): void {
  for (const draft of linker.drafts as Readonly<Record<string, unknown>>[]) {
    for (const name in draft) {
      const value = draft[name]
      if (typeof value === 'object' && Array.isArray(value)) Object.freeze(value)
    }
    Object.freeze(draft)
    const { value } = draft as Partial<Annotation>
    if (typeof value === 'object') freezeExpression(value)
  }
  for (const overloads of linker.operations.values()) Object.freeze(overloads)
}

function freezeExpression(expression: AnnotationExpression): void {
  Object.freeze(expression)
  if ('operands' in expression) for (const operand of Object.freeze(expression.operands)) freezeExpression(operand)
  if ('operand' in expression) freezeExpression(expression.operand)
  if (expression.kind === 'collection') for (const item of Object.freeze(expression.items)) freezeExpression(item)
  if (expression.kind === 'record')
    for (const value of Object.freeze(expression.values)) {
      Object.freeze(value)
      freezeExpression(value.value)
    }
}
