import type {
  ContainerChild,
  EntityContainer,
  Facets,
  Model,
  NamedType,
  NavigationProperty,
  Operation,
  Property,
  Reference,
  Schema,
  StructuredType,
  Term,
  TypeReference,
} from '../edm/model.ts'
import { typeName } from '../edm/types.ts'
import { localName } from './names.ts'
import { ExpressionWriter } from './write-xml-expression.ts'
import { type WriteOptions, WrittenModel } from './written.ts'
import { type XmlAttributes, XmlWriter } from './xml-writer.ts'

/**
 * Writes a model as CSDL XML. Names carry the namespace, never an alias, since some clients do not resolve aliases.
 * @returns the whole document
 */
export function writeXml(model: Model, options: WriteOptions): string {
  return [...xmlPieces(model, options)].join('')
}

/** As `writeXml`, piece by piece, so that others can have their turn in between: a type or so is written at each step. */
export function* xmlPieces(model: Model, options: WriteOptions): Generator<string> {
  yield* new CsdlXmlWriter(new WrittenModel(model, options)).write()
}

class CsdlXmlWriter {
  readonly #document: WrittenModel
  readonly #xml = new XmlWriter()
  readonly #expressions: ExpressionWriter

  constructor(document: WrittenModel) {
    this.#document = document
    this.#expressions = new ExpressionWriter(this.#xml, document)
  }

  *write(): Generator<string> {
    const root = { Version: this.#document.version, 'xmlns:edmx': 'http://docs.oasis-open.org/odata/ns/edmx' }
    for (const _ of this.#xml.steps('edmx:Edmx', root, this.#content()))
      if (this.#xml.length > 0) yield this.#xml.take()
    yield this.#xml.take()
  }

  *#content(): Generator<void> {
    for (const reference of this.#document.references) this.#reference(reference)
    yield* this.#xml.steps('edmx:DataServices', {}, this.#schemas())
  }

  *#schemas(): Generator<void> {
    for (const schema of this.#document.schemas) yield* this.#schema(schema)
  }

  #reference(reference: Reference): void {
    this.#xml.element('edmx:Reference', { Uri: reference.uri }, () => {
      for (const include of reference.includes)
        this.#xml.element('edmx:Include', { Namespace: include.namespace, Alias: include.alias }, () =>
          this.#expressions.annotations(include, edmPrefix),
        )
      for (const { termNamespace, qualifier, targetNamespace } of reference.includeAnnotations)
        this.#xml.element('edmx:IncludeAnnotations', {
          TermNamespace: termNamespace,
          Qualifier: qualifier,
          TargetNamespace: targetNamespace,
        })
      this.#expressions.annotations(reference, edmPrefix)
    })
  }

  *#schema(schema: Schema): Generator<void> {
    const attributes = {
      Namespace: schema.namespace,
      Alias: this.#document.alias(schema),
      xmlns: 'http://docs.oasis-open.org/odata/ns/edm',
    }
    yield* this.#xml.steps('Schema', attributes, this.#members(schema))
  }

  *#members(schema: Schema): Generator<void> {
    for (const type of schema.types) yield this.#type(type)
    for (const operation of schema.operations) yield this.#operation(operation)
    for (const term of schema.terms) yield this.#term(term)
    if (schema.container) yield this.#container(schema.container)
    for (const { target, annotations } of this.#document.externalAnnotations(schema))
      yield this.#xml.element('Annotations', { Target: target }, () => {
        for (const annotation of annotations) this.#expressions.annotation(annotation)
      })
    this.#expressions.annotations(schema)
  }

  #type(type: NamedType): void {
    switch (type.kind) {
      case 'entity':
      case 'complex':
        this.#structured(type)
        return
      case 'enum':
        this.#xml.element(
          'EnumType',
          {
            Name: localName(type.name),
            UnderlyingType: type.underlying.name === 'Edm.Int32' ? undefined : type.underlying.name,
            IsFlags: flag(type.flags, false),
          },
          () => {
            for (const member of type.members)
              this.#xml.element('Member', { Name: member.name, Value: String(member.value) }, () =>
                this.#expressions.annotations(member),
              )
            this.#expressions.annotations(type)
          },
        )
        return
      case 'typeDefinition':
        this.#xml.element(
          'TypeDefinition',
          { Name: localName(type.name), UnderlyingType: type.underlying.name, ...this.#facets(type.facets) },
          () => this.#expressions.annotations(type),
        )
    }
  }

  #structured(type: StructuredType): void {
    this.#xml.element(
      type.kind === 'entity' ? 'EntityType' : 'ComplexType',
      {
        Name: localName(type.name),
        BaseType: type.baseType?.name,
        Abstract: flag(type.abstract, false),
        OpenType: flag(type.open, false),
        HasStream: type.kind === 'entity' ? flag(type.hasStream, false) : undefined,
      },
      () => {
        if (type.kind === 'entity' && type.key.length > 0 && type.key !== type.baseType?.key)
          this.#xml.element('Key', {}, () => {
            for (const { path, alias } of type.key)
              this.#xml.element('PropertyRef', {
                Name: path.join('/'),
                Alias: path.length === 1 && alias === path[0] ? undefined : alias,
              })
          })
        for (const property of this.#document.properties(type)) this.#property(property)
        for (const property of type.navigationProperties) this.#navigation(property)
        this.#expressions.annotations(type)
      },
    )
  }

  #property(property: Property): void {
    const attributes = { Name: property.name, ...this.#typed(property.type), DefaultValue: property.defaultValue }
    this.#xml.element('Property', attributes, () => this.#expressions.annotations(property))
  }

  #navigation(property: NavigationProperty): void {
    this.#xml.element(
      'NavigationProperty',
      {
        Name: property.name,
        Type: property.collection ? `Collection(${property.type.name})` : property.type.name,
        Nullable: property.collection ? undefined : flag(property.nullable, true),
        Partner: property.partner,
        ContainsTarget: flag(property.containsTarget, false),
      },
      () => {
        for (const constraint of property.referentialConstraints)
          this.#xml.element(
            'ReferentialConstraint',
            { Property: constraint.property, ReferencedProperty: constraint.referencedProperty },
            () => this.#expressions.annotations(constraint),
          )
        if (property.onDelete)
          this.#xml.element('OnDelete', { Action: property.onDelete }, () =>
            this.#expressions.annotations({ annotations: property.onDeleteAnnotations }),
          )
        this.#expressions.annotations(property)
      },
    )
  }

  #operation(operation: Operation): void {
    this.#xml.element(
      operation.kind === 'action' ? 'Action' : 'Function',
      {
        Name: localName(operation.name),
        IsBound: flag(operation.bound, false),
        IsComposable: flag(operation.composable, false),
        EntitySetPath: operation.entitySetPath,
      },
      () => {
        for (const parameter of operation.parameters)
          this.#xml.element('Parameter', { Name: parameter.name, ...this.#typed(parameter.type) }, () =>
            this.#expressions.annotations(parameter),
          )
        const { returnType } = operation
        if (returnType)
          this.#xml.element('ReturnType', this.#typed(returnType), () => this.#expressions.annotations(returnType))
        this.#expressions.annotations(operation)
      },
    )
  }

  #term(term: Term): void {
    this.#xml.element(
      'Term',
      {
        Name: localName(term.name),
        ...this.#typed(term.type),
        BaseTerm: term.baseTerm,
        DefaultValue: term.defaultValue,
        AppliesTo: term.appliesTo.length === 0 ? undefined : term.appliesTo.join(' '),
      },
      () => this.#expressions.annotations(term),
    )
  }

  #container(container: EntityContainer): void {
    this.#xml.element('EntityContainer', { Name: localName(container.name), Extends: container.extends }, () => {
      for (const child of this.#document.ownChildren(container)) this.#containerChild(child)
      this.#expressions.annotations(container)
    })
  }

  #containerChild(child: ContainerChild): void {
    if ('operations' in child) {
      const isAction = child.kind === 'actionImport'
      this.#xml.element(
        isAction ? 'ActionImport' : 'FunctionImport',
        {
          Name: child.name,
          [isAction ? 'Action' : 'Function']: child.operationName,
          EntitySet: child.entitySet,
          IncludeInServiceDocument: flag(child.includeInServiceDocument, false),
        },
        () => this.#expressions.annotations(child),
      )
      return
    }
    const attributes: XmlAttributes =
      child.kind === 'entitySet'
        ? {
            Name: child.name,
            EntityType: child.type.name,
            IncludeInServiceDocument: flag(child.includeInServiceDocument, true),
          }
        : {
            Name: child.name,
            Type: child.type.name,
            Nullable: this.#document.version === '4.0' ? undefined : flag(child.nullable, false),
          }
    this.#xml.element(child.kind === 'entitySet' ? 'EntitySet' : 'Singleton', attributes, () => {
      for (const { path, target } of child.navigationPropertyBindings)
        this.#xml.element('NavigationPropertyBinding', { Path: path, Target: target })
      this.#expressions.annotations(child)
    })
  }

  /**
   * `Type`, `Nullable` and facets. 4.01 wants `Nullable` on every collection (CSDL XML 7.2); it has no meaning on one of entities.
   */
  #typed(reference: TypeReference): XmlAttributes {
    const { type, collection, nullable } = reference
    const ofEntities = collection && (type.kind === 'entity' || type.name === 'Edm.EntityType')
    const explicit = collection && this.#document.version === '4.01' ? String(nullable) : flag(nullable, true)
    return { Type: typeName(reference), Nullable: ofEntities ? undefined : explicit, ...this.#facets(reference.facets) }
  }

  #facets(facets: Facets): XmlAttributes {
    const { maxLength, unicode, precision, scale, srid } = this.#document.facets(facets)
    return { MaxLength: maxLength, Unicode: unicode?.toString(), Precision: precision, Scale: scale, SRID: srid }
  }
}

/** Inside edmx elements the edm namespace must be named. */
const edmPrefix = { xmlns: 'http://docs.oasis-open.org/odata/ns/edm' }

/** A Boolean attribute, left out where it has its default value. */
function flag(value: boolean, unless: boolean): string | undefined {
  return value === unless ? undefined : String(value)
}
