import type { Operation, Parameter, Term } from '../../edm/model.ts'
import type { Declaration } from '../declaration.ts'
import { annotationsOf } from './expressions.ts'
import { childrenOf, type Linker, none, type SchemaDeclaration } from './linker.ts'

/**
 * The actions and functions of a schema (CSDL XML 12), entered under their qualified names.
 * @returns the overloads in document order
 */
export function linkOperations(linker: Linker, schema: SchemaDeclaration): Operation[] {
  const operations: Operation[] = []
  for (const declaration of schema.declaration.children) {
    if (declaration.name !== 'Action' && declaration.name !== 'Function') continue
    const operation = operationOf(linker, declaration, schema.namespace)
    operations.push(operation)
    if (linker.types.has(operation.name) || linker.terms.has(operation.name))
      linker.problems.report(declaration, 'operation-name-unique', `'${operation.name}' names something else already.`)
    const overloads = linker.operations.get(operation.name)
    if (overloads) overloads.push(operation)
    else linker.operations.set(operation.name, [operation])
  }
  return operations
}

function operationOf(linker: Linker, declaration: Declaration, namespace: string): Operation {
  const { attributes } = declaration
  const parameters = childrenOf(declaration, 'Parameter').map(
    (child): Parameter =>
      linker.add(
        {
          name: child.attributes.Name ?? '',
          type: linker.typeReference(child),
          annotations: annotationsOf(linker, child),
        },
        child,
      ),
  )
  const returns = childrenOf(declaration, 'ReturnType')
  if (returns.length > 1)
    linker.problems.report(declaration, 'child-once', `'${declaration.name}' may contain one 'ReturnType' only.`)
  if (returns.length === 0 && declaration.name === 'Function')
    linker.problems.report(declaration, 'child-required', `the function '${attributes.Name}' must have a 'ReturnType'.`)
  const returned = returns[0]
  const path = attributes.EntitySetPath
  return linker.add(
    {
      kind: declaration.name === 'Action' ? 'action' : 'function',
      name: `${namespace}.${attributes.Name ?? ''}`,
      bound: linker.flag(declaration, 'IsBound') ?? false,
      composable: linker.flag(declaration, 'IsComposable') ?? false,
      entitySetPath: path === undefined ? undefined : linker.scopeOf(declaration).resolvePath(path),
      parameters: parameters.length === 0 ? none : parameters,
      returnType:
        returned &&
        linker.add({ ...linker.typeReference(returned), annotations: annotationsOf(linker, returned) }, returned),
      annotations: annotationsOf(linker, declaration),
    },
    declaration,
  )
}

/** The terms of a schema (CSDL XML 14.1), entered under their qualified names. */
export function linkTerms(linker: Linker, schema: SchemaDeclaration): Term[] {
  const terms: Term[] = []
  for (const declaration of childrenOf(schema.declaration, 'Term')) {
    const { attributes } = declaration
    const scope = linker.scopeOf(declaration)
    const term: Term = linker.add(
      {
        name: `${schema.namespace}.${attributes.Name ?? ''}`,
        type: linker.typeReference(declaration),
        baseTerm: attributes.BaseTerm === undefined ? undefined : scope.resolve(attributes.BaseTerm),
        defaultValue: attributes.DefaultValue,
        appliesTo: attributes.AppliesTo?.split(/\s+/).filter((target) => target !== '') ?? none,
        annotations: annotationsOf(linker, declaration),
      },
      declaration,
    )
    if (linker.terms.has(term.name) || linker.types.has(term.name)) {
      linker.problems.report(declaration, 'name-unique-in-schema', `'${term.name}' is declared twice.`)
      continue
    }
    linker.terms.set(term.name, term)
    terms.push(term)
  }
  return terms
}
