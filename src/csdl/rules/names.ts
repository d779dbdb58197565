import type { EntityContainer, EnumType, Model, Operation, Schema, StructuredType } from '../../edm/model.ts'
import { isNamespace, isSimpleIdentifier, localName, reservedNames } from '../names.ts'
import type { Rule, RuleContext } from './rule.ts'

const namespaceForm: Rule<Schema> = {
  name: 'namespace-form',
  section: 'Namespace',
  severity: 'error',
  check(schema, { report }) {
    if (!isNamespace(schema.namespace))
      report(schema, `'${schema.namespace}' is no namespace: identifiers joined by dots, at most 511 characters.`)
  },
}

const namespaceReserved: Rule<Schema> = {
  name: 'namespace-reserved',
  section: 'Schema',
  severity: 'error',
  check(schema, { report }) {
    if (reservedNames.has(schema.namespace)) report(schema, `the namespace '${schema.namespace}' is reserved.`)
  },
}

const aliasForm: Rule<Schema> = {
  name: 'alias-form',
  section: 'Alias',
  severity: 'error',
  check(schema, { report }) {
    const { alias } = schema
    if (alias === undefined) return
    if (!isSimpleIdentifier(alias)) report(schema, `the alias '${alias}' must be a simple identifier.`)
    if (reservedNames.has(alias)) report(schema, `the alias '${alias}' is reserved.`)
  },
}

const aliasIsNoNamespace: Rule<Model> = {
  name: 'alias-is-no-namespace',
  section: 'Alias',
  severity: 'error',
  check({ schemas, references }, { report }) {
    const includes = references.flatMap((reference) => reference.includes)
    const namespaces = new Set([...schemas, ...includes].map(({ namespace }) => namespace))
    for (const element of [...schemas, ...includes])
      if (element.alias !== undefined && namespaces.has(element.alias))
        report(element, `the alias '${element.alias}' is also the namespace of a schema.`)
  },
}

const includeAlias: Rule<Model> = {
  name: 'include-alias-form',
  section: 'IncludedSchema',
  severity: 'error',
  check({ references }, { report }) {
    for (const { includes } of references)
      for (const include of includes) {
        const { alias } = include
        if (alias === undefined) continue
        if (!isSimpleIdentifier(alias)) report(include, `the alias '${alias}' must be a simple identifier.`)
        if (reservedNames.has(alias)) report(include, `the alias '${alias}' is reserved.`)
      }
  },
}

const includedOnce: Rule<Model> = {
  name: 'namespace-included-once',
  section: 'IncludedSchema',
  severity: 'warning',
  check({ references, schemas }, { report }) {
    const seen = new Set(schemas.map(({ namespace }) => namespace))
    for (const { includes } of references)
      for (const include of includes) {
        if (seen.has(include.namespace)) report(include, `'${include.namespace}' is in scope already.`)
        seen.add(include.namespace)
      }
  },
}

const referenceOnce: Rule<Model> = {
  name: 'reference-uri-once',
  section: 'Reference',
  severity: 'warning',
  check({ references }, { report }) {
    const seen = new Set<string>()
    for (const reference of references) {
      if (seen.has(reference.uri)) report(reference, `'${reference.uri}' is referenced twice.`)
      seen.add(reference.uri)
    }
  },
}

const schemaChildNames: Rule<Schema> = {
  name: 'schema-child-name-form',
  section: 'SimpleIdentifier',
  severity: 'error',
  check(schema, { report, written }) {
    const { types, operations, terms, container } = schema
    for (const element of [...types, ...operations, ...terms, ...(container ? [container] : [])]) {
      // as it is written: behind its last dot it could be one
      const name = written(element, 'Name') ?? localName(element.name)
      if (!isSimpleIdentifier(name)) report(element, `'${name}' must be a simple identifier.`)
    }
  },
}

const propertyNames: Rule<StructuredType> = {
  name: 'property-name-form',
  section: 'SimpleIdentifier',
  severity: 'error',
  check(type, { report }) {
    for (const properties of [type.properties, type.navigationProperties])
      for (const property of properties)
        if (!isSimpleIdentifier(property.name)) report(property, `'${property.name}' must be a simple identifier.`)
  },
}

const memberNames: Rule<EnumType> = {
  name: 'enum-member-name-form',
  section: 'EnumerationTypeMember',
  severity: 'error',
  check(type, { report }) {
    for (const member of type.members)
      if (!isSimpleIdentifier(member.name)) report(member, `'${member.name}' must be a simple identifier.`)
  },
}

const parameterNames: Rule<Operation> = {
  name: 'parameter-name-form',
  section: 'Parameter',
  severity: 'error',
  check({ parameters }, { report }) {
    for (const parameter of parameters)
      if (!isSimpleIdentifier(parameter.name)) report(parameter, `'${parameter.name}' must be a simple identifier.`)
  },
}

const propertiesDifferInCase: Rule<StructuredType> = {
  name: 'property-names-differ-in-case-only',
  section: 'StructuralProperty',
  severity: 'warning',
  check(type, { report }) {
    if (type.properties.length + type.navigationProperties.length < 2) return
    const seen = new Map<string, string>()
    for (const property of [...type.properties, ...type.navigationProperties]) {
      const folded = property.name.toLowerCase()
      const other = seen.get(folded)
      if (other !== undefined && other !== property.name)
        report(property, `'${property.name}' and '${other}' differ in letter case only.`)
      seen.set(folded, property.name)
    }
  },
}

const membersDifferInCase: Rule<EnumType> = {
  name: 'enum-member-names-differ-in-case-only',
  section: 'EnumerationTypeMember',
  severity: 'warning',
  check(type, { report }) {
    const seen = new Map<string, string>()
    for (const member of type.members) {
      const other = seen.get(member.name.toLowerCase())
      if (other !== undefined) report(member, `'${member.name}' and '${other}' differ in letter case only.`)
      seen.set(member.name.toLowerCase(), member.name)
    }
  },
}

const schemaChildrenDifferInCase: Rule<Schema> = {
  name: 'schema-names-differ-in-case-only',
  section: 'Schema',
  severity: 'warning',
  check({ types, operations, terms }, { report }) {
    reportFolded([...types, ...operations, ...terms], report)
  },
}

const containerChildrenDifferInCase: Rule<EntityContainer> = {
  name: 'container-names-differ-in-case-only',
  section: 'EntityContainer',
  severity: 'warning',
  check({ children }, { report }) {
    reportFolded([...children.values()], report)
  },
}

function reportFolded(elements: readonly { readonly name: string }[], report: RuleContext['report']): void {
  const seen = new Map<string, string>()
  for (const element of elements) {
    const folded = element.name.toLowerCase()
    const other = seen.get(folded)
    if (other === undefined) seen.set(folded, element.name)
    else if (other !== element.name) report(element, `'${element.name}' and '${other}' differ in letter case only.`)
  }
}

export const nameRules = {
  model: [aliasIsNoNamespace, includeAlias, includedOnce, referenceOnce],
  schema: [namespaceForm, namespaceReserved, aliasForm, schemaChildNames, schemaChildrenDifferInCase],
  container: [containerChildrenDifferInCase],
  structured: [propertyNames, propertiesDifferInCase],
  enum: [memberNames, membersDifferInCase],
  operation: [parameterNames],
} as const
