import type { Annotatable, ContainerChild, Model, Schema, StructuredType, TypeReference } from '../edm/model.ts'
import { type Linker, noFacets } from './resolve/linker.ts'
import { originOf } from './resolve/types.ts'
import { isLeaf } from './rules/expressions.ts'
import type { AppliedAnnotation, Rule, RuleContext, TypeUse } from './rules/rule.ts'
import { modelRules } from './rules/table.ts'
import { ownChildren } from './walk.ts'

/**
 * Checks the linked model against all rules of `modelRules`, each element once. Problems go to the linker's list.
 */
export function validate(model: Model, linker: Linker): void {
  const validator = new Validator(model, linker)
  validator.model()
  for (const schema of model.schemas) validator.schema(schema)
  for (const schema of model.includedSchemas) validator.schema(schema)
}

class Validator {
  readonly #model: Model
  readonly #context: RuleContext
  /** the rule being checked, for the reports it makes */
  #rule: Rule<never> | undefined

  constructor(model: Model, linker: Linker) {
    this.#model = model
    this.#context = {
      model,
      namespaces: new Set([...model.schemas, ...model.includedSchemas].map(({ namespace }) => namespace)),
      version: (element) => linker.documentOf(originOf(linker, element)).version,
      written: (element, attribute) => originOf(linker, element).attributes[attribute],
      report: (element, message) => {
        const rule = this.#rule
        if (rule) linker.problems.add(originOf(linker, element), rule.name, rule.severity, message)
      },
    }
  }

  model(): void {
    this.#run(modelRules.model, this.#model)
    for (const [name, operations] of this.#model.operations) {
      const [first] = operations
      if (first) this.#run(modelRules.overloads, { name, operations })
    }
    for (const reference of this.#model.references) {
      this.#annotations(reference, ['Reference'], undefined)
      for (const include of reference.includes) this.#annotations(include, ['Include'], undefined)
    }
  }

  schema(schema: Schema): void {
    this.#run(modelRules.schema, schema)
    this.#annotations(schema, ['Schema'], undefined)
    for (const type of schema.types) {
      switch (type.kind) {
        case 'entity':
          this.#run(modelRules.entity, type)
          this.#structured(type)
          break
        case 'complex':
          this.#structured(type)
          break
        case 'enum':
          this.#run(modelRules.enum, type)
          this.#annotations(type, ['EnumType'], undefined)
          for (const member of type.members) this.#annotations(member, memberKind, undefined)
          break
        case 'typeDefinition':
          this.#run(modelRules.typeDefinition, type)
          this.#annotations(type, ['TypeDefinition'], undefined)
      }
    }
    this.#operations(schema)
    for (const term of schema.terms) {
      this.#run(modelRules.term, term)
      this.#use({ reference: term.type, element: term, name: term.name, role: 'term' })
      this.#annotations(term, ['Term'], undefined)
    }
    this.#container(schema)
  }

  #structured(type: StructuredType): void {
    this.#run(modelRules.structured, type)
    this.#annotations(type, [type.kind === 'entity' ? 'EntityType' : 'ComplexType'], type)
    for (const property of type.properties) {
      this.#run(modelRules.property, property)
      this.#use({ reference: property.type, element: property, name: property.name, role: 'property' })
      this.#annotations(property, valued('Property', property.type), type)
    }
    for (const property of type.navigationProperties) {
      this.#run(modelRules.navigation, property)
      this.#annotations(property, valued('NavigationProperty', property), type)
      for (const constraint of property.referentialConstraints)
        this.#annotations(constraint, ['ReferentialConstraint'], type)
      this.#annotations({ annotations: property.onDeleteAnnotations }, ['OnDelete'], type)
    }
  }

  #operations(schema: Schema): void {
    for (const operation of schema.operations) {
      this.#run(modelRules.operation, operation)
      this.#annotations(operation, [operation.kind === 'action' ? 'Action' : 'Function'], undefined)
      for (const parameter of operation.parameters) {
        this.#use({ reference: parameter.type, element: parameter, name: parameter.name, role: 'parameter' })
        this.#annotations(parameter, parameterKind, undefined)
      }
      const { returnType } = operation
      if (!returnType) continue
      this.#use({ reference: returnType, element: returnType, name: operation.name, role: 'returnType' })
      this.#annotations(returnType, ['ReturnType'], undefined)
    }
  }

  #container({ container }: Schema): void {
    if (!container) return
    this.#run(modelRules.container, container)
    this.#annotations(container, ['EntityContainer'], undefined)
    const schemas = [...this.#model.schemas, ...this.#model.includedSchemas]
    for (const child of ownChildren(container, schemas)) this.#containerChild(child)
  }

  #containerChild(child: ContainerChild): void {
    if ('operations' in child) {
      this.#run(modelRules.import, child)
      this.#annotations(child, [child.kind === 'actionImport' ? 'ActionImport' : 'FunctionImport'], undefined)
      return
    }
    this.#run(modelRules.source, child)
    this.#annotations(child, child.kind === 'entitySet' ? ['EntitySet', 'Collection'] : ['Singleton'], child.type)
  }

  #use(use: TypeUse): void {
    this.#run(modelRules.typeUse, use)
    if (use.reference.facets !== noFacets) this.#run(modelRules.facets, use)
  }

  #annotations(target: Annotatable, kinds: readonly string[], origin: StructuredType | undefined): void {
    if (target.annotations.length === 0) return
    const applied = target.annotations.map((annotation): AppliedAnnotation => ({ annotation, target, kinds, origin }))
    this.#run(modelRules.annotations, applied)
    if (!target.annotations.every(({ value }) => isLeaf(value))) this.#run(modelRules.expressions, applied)
    for (const annotation of target.annotations) this.#annotations(annotation, ['Annotation'], origin)
  }

  #run<E>(rules: readonly Rule<E>[], element: E): void {
    for (const rule of rules) {
      this.#rule = rule
      rule.check(element, this.#context)
    }
  }
}

/** A collection counts as `Collection` in AppliesTo, a single value as `Singleton` (CSDL XML 14.1.2). */
function valued(kind: 'Property' | 'NavigationProperty', { collection }: Pick<TypeReference, 'collection'>) {
  return collection ? kinds[kind].collection : kinds[kind].single
}

const kinds = {
  Property: { collection: ['Property', 'Collection'], single: ['Property', 'Singleton'] },
  NavigationProperty: {
    collection: ['NavigationProperty', 'Collection'],
    single: ['NavigationProperty', 'Singleton'],
  },
} as const

const memberKind = ['Member'] as const
const parameterKind = ['Parameter'] as const
