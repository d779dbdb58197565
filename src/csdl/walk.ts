import type { Annotatable, ContainerChild, EntityContainer, Schema } from '../edm/model.ts'

/**
 * Calls a function for every element of a schema that can carry annotations, the schema itself first, in document order;
 * annotations themselves are not visited.
 */
export function forEachElement(schema: Schema, visit: (element: Annotatable) => void): void {
  visit(schema)
  for (const type of schema.types) {
    visit(type)
    if (type.kind === 'enum') for (const member of type.members) visit(member)
    if (type.kind !== 'entity' && type.kind !== 'complex') continue
    for (const property of type.properties) visit(property)
    for (const property of type.navigationProperties) {
      visit(property)
      for (const constraint of property.referentialConstraints) visit(constraint)
    }
  }
  for (const operation of schema.operations) {
    visit(operation)
    for (const parameter of operation.parameters) visit(parameter)
    if (operation.returnType) visit(operation.returnType)
  }
  for (const term of schema.terms) visit(term)
  if (schema.container) {
    visit(schema.container)
    for (const child of schema.container.children.values()) visit(child)
  }
}

/** The children that a container declares itself; inherited ones belong to the container it extends (CSDL XML 13.1). */
export function ownChildren(container: EntityContainer, schemas: Iterable<Schema>): readonly ContainerChild[] {
  const children = [...container.children.values()]
  if (container.extends === undefined) return children
  for (const { container: base } of schemas)
    if (base?.name === container.extends) return children.filter((child) => base.children.get(child.name) !== child)
  return children
}
