/**
 * The entity model (CSDL 4.01) as frozen, indexed, readonly data. Names in it are resolved: a property holds its type, an
 * entity set its entity type. Qualified names always carry the namespace, never an alias.
 */

/** `namespace.Name` */
export type QualifiedName = string

/** One annotation (CSDL 14.2) on the element that holds it. */
export interface Annotation {
  /** qualified name of the term, alias resolved */
  readonly term: QualifiedName
  readonly qualifier: string | undefined
  readonly value: AnnotationExpression
  readonly annotations: readonly Annotation[]
  /** the text of the source's Target where the annotation came by an `Annotations` element (CSDL 14.2.2) */
  readonly externalTarget: string | undefined
}

/** Constant and dynamic expressions of annotations (CSDL 14.3, 14.4). */
export type AnnotationExpression =
  /** no expression was given: the default value of the term or of the record's property counts (CSDL 14.2) */
  | { readonly kind: 'default' }
  | { readonly kind: 'null'; readonly annotations: readonly Annotation[] }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: ConstantTextKind; readonly value: string }
  | { readonly kind: PathKind; readonly value: string }
  | {
      readonly kind: LogicalKind
      readonly operands: readonly AnnotationExpression[]
      readonly annotations: readonly Annotation[]
    }
  | {
      readonly kind: 'apply'
      readonly function: string
      readonly operands: readonly AnnotationExpression[]
      readonly annotations: readonly Annotation[]
    }
  | {
      readonly kind: 'cast' | 'isOf'
      readonly type: TypeReference
      readonly operand: AnnotationExpression
      readonly annotations: readonly Annotation[]
    }
  | { readonly kind: 'collection'; readonly items: readonly AnnotationExpression[] }
  | {
      readonly kind: 'if'
      readonly operands: readonly AnnotationExpression[]
      readonly annotations: readonly Annotation[]
    }
  | {
      readonly kind: 'labeledElement'
      readonly name: string
      readonly operand: AnnotationExpression
      readonly annotations: readonly Annotation[]
    }
  | { readonly kind: 'labeledElementReference'; readonly name: QualifiedName }
  | {
      readonly kind: 'record'
      readonly type: QualifiedName | undefined
      readonly values: readonly RecordMember[]
      readonly annotations: readonly Annotation[]
    }
  | { readonly kind: 'urlRef'; readonly operand: AnnotationExpression; readonly annotations: readonly Annotation[] }

/** Constants kept as the text of the source: binary, date, ..., and enumeration members (`Namespace.Type/Member ...`). */
export type ConstantTextKind =
  | 'binary'
  | 'date'
  | 'dateTimeOffset'
  | 'decimal'
  | 'duration'
  | 'enumMember'
  | 'float'
  | 'guid'
  | 'string'
  | 'timeOfDay'
export type PathKind =
  | 'path'
  | 'annotationPath'
  | 'modelElementPath'
  | 'navigationPropertyPath'
  | 'propertyPath'
  | 'anyPropertyPath'
export type LogicalKind =
  | 'and'
  | 'or'
  | 'not'
  | 'eq'
  | 'ne'
  | 'gt'
  | 'ge'
  | 'lt'
  | 'le'
  | 'has'
  | 'in'
  | 'add'
  | 'sub'
  | 'neg'
  | 'mul'
  | 'div'
  | 'divBy'
  | 'mod'

/** One property of a record expression (CSDL 14.4.12). */
export interface RecordMember {
  readonly property: string
  readonly value: AnnotationExpression
  readonly annotations: readonly Annotation[]
}

/** Whatever can carry annotations. */
export interface Annotatable {
  readonly annotations: readonly Annotation[]
}

/** CSDL 4.4; the numbers are odatum's own, in the order of the specification's table. */
export type PrimitiveTypeName =
  | 'Edm.Binary'
  | 'Edm.Boolean'
  | 'Edm.Byte'
  | 'Edm.Date'
  | 'Edm.DateTimeOffset'
  | 'Edm.Decimal'
  | 'Edm.Double'
  | 'Edm.Duration'
  | 'Edm.Guid'
  | 'Edm.Int16'
  | 'Edm.Int32'
  | 'Edm.Int64'
  | 'Edm.SByte'
  | 'Edm.Single'
  | 'Edm.Stream'
  | 'Edm.String'
  | 'Edm.TimeOfDay'
  | 'Edm.Geography'
  | 'Edm.GeographyPoint'
  | 'Edm.GeographyLineString'
  | 'Edm.GeographyPolygon'
  | 'Edm.GeographyMultiPoint'
  | 'Edm.GeographyMultiLineString'
  | 'Edm.GeographyMultiPolygon'
  | 'Edm.GeographyCollection'
  | 'Edm.Geometry'
  | 'Edm.GeometryPoint'
  | 'Edm.GeometryLineString'
  | 'Edm.GeometryPolygon'
  | 'Edm.GeometryMultiPoint'
  | 'Edm.GeometryMultiLineString'
  | 'Edm.GeometryMultiPolygon'
  | 'Edm.GeometryCollection'

/** Abstract built-in types (CSDL 4.5, 4.6, 4.7) and the path types of terms (14.4.1). */
export type AbstractTypeName =
  | 'Edm.PrimitiveType'
  | 'Edm.ComplexType'
  | 'Edm.EntityType'
  | 'Edm.Untyped'
  | 'Edm.AnnotationPath'
  | 'Edm.AnyPropertyPath'
  | 'Edm.ModelElementPath'
  | 'Edm.NavigationPropertyPath'
  | 'Edm.PropertyPath'

export interface PrimitiveType {
  readonly kind: 'primitive'
  readonly name: PrimitiveTypeName
}

export interface AbstractType {
  readonly kind: 'abstract'
  readonly name: AbstractTypeName
}

/** CSDL 11. */
export interface TypeDefinition extends Annotatable {
  readonly kind: 'typeDefinition'
  readonly name: QualifiedName
  /** primitive; in 4.01 `Edm.PrimitiveType` too (CSDL 3.5) */
  readonly underlying: PrimitiveType | AbstractType
  readonly facets: Facets
}

/** CSDL 10. */
export interface EnumType extends Annotatable {
  readonly kind: 'enum'
  readonly name: QualifiedName
  readonly underlying: PrimitiveType
  readonly flags: boolean
  readonly members: readonly EnumMember[]
  readonly memberByName: ReadonlyMap<string, EnumMember>
}

export interface EnumMember extends Annotatable {
  readonly name: string
  readonly value: bigint
}

/** CSDL 9 (complex) and 6 (entity): what both have. Inherited members are in the `all...` maps, base type's first. */
export interface StructuredTypeBase extends Annotatable {
  readonly name: QualifiedName
  readonly abstract: boolean
  readonly open: boolean
  /** declared here, in document order */
  readonly properties: readonly Property[]
  readonly navigationProperties: readonly NavigationProperty[]
  /** own and inherited, by name, base type's first */
  readonly allProperties: ReadonlyMap<string, Property>
  readonly allNavigationProperties: ReadonlyMap<string, NavigationProperty>
}

export interface ComplexType extends StructuredTypeBase {
  readonly kind: 'complex'
  readonly baseType: ComplexType | undefined
  /** every type derived from this one, at any depth */
  readonly derivedTypes: readonly ComplexType[]
}

export interface EntityType extends StructuredTypeBase {
  readonly kind: 'entity'
  readonly baseType: EntityType | undefined
  readonly derivedTypes: readonly EntityType[]
  readonly hasStream: boolean
  /** own or inherited key in document order; empty for a key-less (abstract or singleton's) type (CSDL 6.5) */
  readonly key: readonly KeyProperty[]
}

/** One key property (CSDL 6.5); `alias` is its name in URLs where the path goes through a complex property. */
export interface KeyProperty {
  readonly path: readonly string[]
  readonly alias: string
  readonly property: Property
}

export type StructuredType = EntityType | ComplexType
export type NamedType = EntityType | ComplexType | EnumType | TypeDefinition
export type Type = NamedType | PrimitiveType | AbstractType

/** CSDL 7.2: undefined is not said; the effective default is the reader's of the facet to know. */
export interface Facets {
  readonly maxLength?: number | 'max'
  readonly precision?: number
  readonly scale?: number | 'variable' | 'floating'
  readonly srid?: number | 'variable'
  readonly unicode?: boolean
}

/** A type as it is used: by a property, a parameter, a term. */
export interface TypeReference {
  readonly type: Type
  readonly collection: boolean
  /** of a collection: whether its items may be null */
  readonly nullable: boolean
  readonly facets: Facets
}

/** CSDL 7. */
export interface Property extends Annotatable {
  readonly kind: 'property'
  readonly name: string
  readonly type: TypeReference
  /** the text of the source (CSDL 7.2.7); the typed value is made where it is used */
  readonly defaultValue: string | undefined
  readonly declaringType: StructuredType
}

/** CSDL 8. */
export interface NavigationProperty extends Annotatable {
  readonly kind: 'navigationProperty'
  readonly name: string
  readonly type: EntityType | AbstractType
  readonly collection: boolean
  /** false for a collection, which is never null (CSDL 8.2) */
  readonly nullable: boolean
  readonly containsTarget: boolean
  /** path of the partner, seen from the target type */
  readonly partner: string | undefined
  readonly referentialConstraints: readonly ReferentialConstraint[]
  readonly onDelete: 'Cascade' | 'None' | 'SetNull' | 'SetDefault' | undefined
  readonly onDeleteAnnotations: readonly Annotation[]
  readonly declaringType: StructuredType
}

export interface ReferentialConstraint extends Annotatable {
  /** path in the dependent (declaring) type */
  readonly property: string
  /** path in the principal (target) type */
  readonly referencedProperty: string
}

/** CSDL 12.9. */
export interface Parameter extends Annotatable {
  readonly name: string
  readonly type: TypeReference
}

/** One action or function overload (CSDL 12). */
export interface Operation extends Annotatable {
  readonly kind: 'action' | 'function'
  readonly name: QualifiedName
  readonly bound: boolean
  readonly composable: boolean
  readonly entitySetPath: string | undefined
  /** in document order; of a bound operation the first is the binding parameter */
  readonly parameters: readonly Parameter[]
  readonly returnType: (TypeReference & Annotatable) | undefined
}

/** CSDL 14.1. */
export interface Term extends Annotatable {
  readonly name: QualifiedName
  readonly type: TypeReference
  readonly baseTerm: QualifiedName | undefined
  readonly defaultValue: string | undefined
  readonly appliesTo: readonly string[]
}

/** CSDL 13.4. */
export interface NavigationPropertyBinding {
  readonly path: string
  readonly target: string
}

/** CSDL 13.2. */
export interface EntitySet extends Annotatable {
  readonly kind: 'entitySet'
  readonly name: string
  readonly type: EntityType
  readonly includeInServiceDocument: boolean
  readonly navigationPropertyBindings: readonly NavigationPropertyBinding[]
}

/** CSDL 13.3. */
export interface Singleton extends Annotatable {
  readonly kind: 'singleton'
  readonly name: string
  readonly type: EntityType
  readonly nullable: boolean
  readonly navigationPropertyBindings: readonly NavigationPropertyBinding[]
}

/** CSDL 13.5 and 13.6. */
export interface OperationImport extends Annotatable {
  readonly kind: 'actionImport' | 'functionImport'
  readonly name: string
  /** every unbound overload of the operation */
  readonly operations: readonly Operation[]
  readonly operationName: QualifiedName
  readonly entitySet: string | undefined
  readonly includeInServiceDocument: boolean
}

export type ContainerChild = EntitySet | Singleton | OperationImport

/** CSDL 13. */
export interface EntityContainer extends Annotatable {
  readonly name: QualifiedName
  readonly extends: QualifiedName | undefined
  /** own and (by Extends) inherited, by name, in document order */
  readonly children: ReadonlyMap<string, ContainerChild>
}

/** CSDL 5. */
export interface Schema extends Annotatable {
  readonly namespace: string
  readonly alias: string | undefined
  readonly types: readonly NamedType[]
  readonly operations: readonly Operation[]
  readonly terms: readonly Term[]
  readonly container: EntityContainer | undefined
  /** `Annotations` whose target could not be found, kept so that they are served again */
  readonly unresolvedAnnotations: readonly ExternalAnnotations[]
}

export interface ExternalAnnotations {
  readonly target: string
  /** always undefined: each annotation carries it */
  readonly qualifier: string | undefined
  readonly annotations: readonly Annotation[]
}

/** CSDL 4.1: edmx:Reference. */
export interface Reference extends Annotatable {
  readonly uri: string
  readonly includes: readonly (Annotatable & { readonly namespace: string; readonly alias: string | undefined })[]
  readonly includeAnnotations: readonly {
    readonly termNamespace: string
    readonly qualifier: string | undefined
    readonly targetNamespace: string | undefined
  }[]
}

/** A whole CSDL document with all that it includes. */
export interface Model {
  readonly version: '4.0' | '4.01'
  readonly references: readonly Reference[]
  /** the schemas of the document itself, in document order; included ones are in `includedSchemas` */
  readonly schemas: readonly Schema[]
  readonly includedSchemas: readonly Schema[]
  readonly container: EntityContainer | undefined
  /** by qualified name; own and included */
  readonly types: ReadonlyMap<QualifiedName, NamedType>
  /** overloads by qualified name, in document order */
  readonly operations: ReadonlyMap<QualifiedName, readonly Operation[]>
  readonly terms: ReadonlyMap<QualifiedName, Term>
  /** alias to namespace, of schemas and includes */
  readonly aliases: ReadonlyMap<string, string>
  /** annotations that came by the `Annotations` elements of referenced documents (CSDL 4.3): not written with this one */
  readonly includedAnnotations?: ReadonlySet<Annotation>
}
