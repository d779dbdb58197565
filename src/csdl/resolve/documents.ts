import type { Declaration } from '../declaration.ts'
import { Scope } from '../names.ts'
import type { Problems } from '../problems.ts'
import { childrenOf, type Document, type ReferenceDeclaration, type SchemaDeclaration } from './linker.ts'

/**
 * What a document declares at its top: version, references, schemas, and the aliases of both (CSDL XML 4, 5).
 * @param root its `Edmx` element
 */
export function openDocument(root: Declaration, isMain: boolean, problems: Problems): Document {
  const services = childrenOf(root, 'DataServices')
  if (services.length !== 1)
    problems.report(root, 'data-services-once', `'Edmx' must contain one 'DataServices', not ${services.length}.`)
  const schemas: SchemaDeclaration[] = []
  for (const service of services) {
    if (service.children.length === 0) problems.report(service, 'child-required', 'there must be at least one schema.')
    for (const declaration of service.children)
      schemas.push({ namespace: declaration.attributes.Namespace ?? '', declaration })
  }
  const references = childrenOf(root, 'Reference').map(
    (declaration): ReferenceDeclaration => ({
      declaration,
      uri: declaration.attributes.Uri ?? '',
      document: undefined,
    }),
  )
  const scope = new Scope()
  for (const { declaration } of references) {
    const includes = declaration.children.filter(({ name }) => name === 'Include' || name === 'IncludeAnnotations')
    if (includes.length === 0)
      problems.report(declaration, 'child-required', `'Reference' must contain 'Include' or 'IncludeAnnotations'.`)
    for (const include of includes) if (include.name === 'Include') addAlias(scope, include, problems)
  }
  for (const { declaration } of schemas) addAlias(scope, declaration, problems)
  return { root, version: versionOf(root, problems), scope, schemas, references, isMain }
}

function addAlias(scope: Scope, declaration: Declaration, problems: Problems): void {
  const { Alias, Namespace } = declaration.attributes
  if (Alias === undefined || Namespace === undefined) return
  const other = scope.aliases.get(Alias)
  if (other !== undefined && other !== Namespace)
    problems.report(declaration, 'alias-unique', `the alias '${Alias}' stands for '${other}' already.`)
  else scope.aliases.set(Alias, Namespace)
}

function versionOf(root: Declaration, problems: Problems): '4.0' | '4.01' {
  const written = root.attributes.Version
  if (written === '4.0' || written === '4.01') return written
  if (written === '4.02')
    problems.report(root, 'document-version-later', `version '4.02' is read as if it were '4.01'.`)
  else if (written !== undefined)
    problems.report(root, 'document-version', `'Version' must be '4.0' or '4.01', not '${written}'.`)
  return '4.01'
}
