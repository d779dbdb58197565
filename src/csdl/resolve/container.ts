import type {
  ContainerChild,
  EntityContainer,
  EntitySet,
  EntityType,
  NavigationPropertyBinding,
  OperationImport,
  Singleton,
} from '../../edm/model.ts'
import type { Declaration } from '../declaration.ts'
import { annotationsOf } from './expressions.ts'
import { childrenOf, type Draft, type Linker, none, type SchemaDeclaration } from './linker.ts'

/** The entity container of a schema with its own children (CSDL XML 13); inherited ones come by `extendContainers`. */
export function linkContainer(linker: Linker, schema: SchemaDeclaration): EntityContainer | undefined {
  const declarations = childrenOf(schema.declaration, 'EntityContainer')
  const declaration = declarations[0]
  if (!declaration) return undefined
  for (const other of declarations.slice(1))
    linker.problems.report(other, 'container-once', 'a schema has one entity container at the most.')
  const children = new Map<string, ContainerChild>()
  for (const child of declaration.children) {
    const linked = childOf(linker, child)
    if (!linked) continue
    if (children.has(linked.name))
      linker.problems.report(child, 'container-child-unique', `the container has two children '${linked.name}'.`)
    else children.set(linked.name, linked)
  }
  const { Extends, Name } = declaration.attributes
  const container: EntityContainer = linker.add(
    {
      name: `${schema.namespace}.${Name ?? ''}`,
      extends: Extends === undefined ? undefined : linker.scopeOf(declaration).resolve(Extends),
      children,
      annotations: annotationsOf(linker, declaration),
    },
    declaration,
  )
  if (linker.types.has(container.name) || linker.operations.has(container.name) || linker.terms.has(container.name))
    linker.problems.report(declaration, 'name-unique-in-schema', `'${container.name}' names something else already.`)
  linker.containers.set(container.name, container)
  return container
}

function childOf(linker: Linker, declaration: Declaration): ContainerChild | undefined {
  switch (declaration.name) {
    case 'EntitySet':
      return entitySetOf(linker, declaration)
    case 'Singleton':
      return singletonOf(linker, declaration)
    case 'ActionImport':
    case 'FunctionImport':
      return importOf(linker, declaration)
    default:
      return undefined
  }
}

function entitySetOf(linker: Linker, declaration: Declaration): EntitySet | undefined {
  const type = entityTypeOf(linker, declaration, 'EntityType', 'set-type')
  if (!type) return undefined
  return linker.add<EntitySet>(
    {
      kind: 'entitySet',
      name: declaration.attributes.Name ?? '',
      type,
      includeInServiceDocument: linker.flag(declaration, 'IncludeInServiceDocument') ?? true,
      navigationPropertyBindings: bindingsOf(linker, declaration),
      annotations: annotationsOf(linker, declaration),
    },
    declaration,
  )
}

function singletonOf(linker: Linker, declaration: Declaration): Singleton | undefined {
  const type = entityTypeOf(linker, declaration, 'Type', 'singleton-type')
  if (!type) return undefined
  return linker.add<Singleton>(
    {
      kind: 'singleton',
      name: declaration.attributes.Name ?? '',
      type,
      nullable: linker.flag(declaration, 'Nullable') ?? false,
      navigationPropertyBindings: bindingsOf(linker, declaration),
      annotations: annotationsOf(linker, declaration),
    },
    declaration,
  )
}

function entityTypeOf(
  linker: Linker,
  declaration: Declaration,
  attribute: 'EntityType' | 'Type',
  rule: 'set-type' | 'singleton-type',
): EntityType | undefined {
  const written = declaration.attributes[attribute]
  if (written === undefined) return undefined
  const type = linker.findType(written, declaration)
  if (type?.kind === 'entity') return type
  const message =
    type === undefined
      ? linker.unresolved(written, 'an entity type', declaration)
      : `'${written}' is no entity type of a schema.`
  linker.problems.report(declaration, rule, message)
  return undefined
}

function bindingsOf(linker: Linker, declaration: Declaration): readonly NavigationPropertyBinding[] {
  const scope = linker.scopeOf(declaration)
  const bindings = childrenOf(declaration, 'NavigationPropertyBinding').map(
    (child): NavigationPropertyBinding =>
      linker.add(
        {
          path: scope.resolvePath(child.attributes.Path ?? ''),
          target: scope.resolvePath(child.attributes.Target ?? ''),
        },
        child,
      ),
  )
  return bindings.length === 0 ? none : bindings
}

function importOf(linker: Linker, declaration: Declaration): OperationImport {
  const isAction = declaration.name === 'ActionImport'
  const written = declaration.attributes[isAction ? 'Action' : 'Function'] ?? ''
  const scope = linker.scopeOf(declaration)
  const operationName = scope.resolve(written)
  const kind = isAction ? 'action' : 'function'
  const overloads = linker.operations.get(operationName) ?? none
  const operations = overloads.filter((operation) => operation.kind === kind && !operation.bound)
  if (operations.length === 0 && written !== '') {
    const message = overloads.length === 0 ? 'is not in scope' : `has no unbound ${kind} overload`
    linker.problems.report(declaration, 'import-operation-resolved', `'${written}' ${message}.`)
  }
  const set = declaration.attributes.EntitySet
  return linker.add<OperationImport>(
    {
      kind: isAction ? 'actionImport' : 'functionImport',
      name: declaration.attributes.Name ?? '',
      operations: operations.length === 0 ? none : operations,
      operationName,
      entitySet: set === undefined ? undefined : scope.resolvePath(set),
      includeInServiceDocument: linker.flag(declaration, 'IncludeInServiceDocument') ?? false,
      annotations: annotationsOf(linker, declaration),
    },
    declaration,
  )
}

/** Adds to each container the children of the one it extends (CSDL XML 13.1); own children replace inherited ones. */
export function extendContainers(linker: Linker): void {
  const done = new Set<EntityContainer>()
  const extend = (container: EntityContainer): void => {
    if (done.has(container)) return
    done.add(container)
    if (container.extends === undefined) return
    const base = linker.containers.get(container.extends)
    if (!base) {
      const declaration = linker.origins.get(container)
      if (declaration)
        linker.problems.report(
          declaration,
          'container-extends-resolved',
          `'${container.extends}' is no entity container in scope.`,
        )
      return
    }
    extend(base)
    ;(container as Draft<EntityContainer>).children = new Map([...base.children, ...container.children])
  }
  for (const container of linker.containers.values()) extend(container)
}
