import type {
  Annotatable,
  Annotation,
  EntityContainer,
  EntitySet,
  EntityType,
  EnumType,
  Model,
  NavigationProperty,
  Operation,
  OperationImport,
  Property,
  Schema,
  Singleton,
  StructuredType,
  Term,
  TypeDefinition,
  TypeReference,
} from '../../edm/model.ts'
import type { Severity } from '../problems.ts'

/** One rule of the specification, checked on each element of one kind once the model is linked. */
export interface Rule<E> {
  /** its name in problems, kebab-case */
  readonly name: string
  /** anchor of the section in OData CSDL XML 4.01 */
  readonly section: string
  /** error: the document does not load; warning: merely suspicious */
  readonly severity: Severity
  readonly check: (element: E, context: RuleContext) => void
}

/** What a rule may look at and how it reports. */
export interface RuleContext {
  readonly model: Model
  /** namespaces of all schemas at hand */
  readonly namespaces: ReadonlySet<string>
  /** the version of the document that declares the element */
  version(element: object): '4.0' | '4.01'
  /** the text of an attribute as written in the declaration of the element, for what the model does not keep */
  written(element: object, attribute: string): string | undefined
  /**
   * Notes that the rule is broken.
   * @param element that the problem lies at
   */
  report(element: object, message: string): void
}

/** A type in use, with the element that uses it and the element's name for messages. */
export interface TypeUse {
  readonly reference: TypeReference
  readonly element: Annotatable
  readonly name: string
  readonly role: 'property' | 'parameter' | 'returnType' | 'term'
}

/** An annotation with what it is applied to: the element and its symbolic name in `AppliesTo` (CSDL XML 14.1.2). */
export interface AppliedAnnotation {
  readonly annotation: Annotation
  readonly target: Annotatable
  readonly kinds: readonly string[]
  /** the type that relative paths start at (CSDL XML 14.4.1.2); undefined where they cannot be followed */
  readonly origin: StructuredType | undefined
}

/** All overloads of one name. */
export interface Overloads {
  readonly name: string
  readonly operations: readonly Operation[]
}

/** The rules by the kind of element they are checked on. */
export interface RuleTable {
  readonly model: readonly Rule<Model>[]
  readonly schema: readonly Rule<Schema>[]
  readonly structured: readonly Rule<StructuredType>[]
  readonly entity: readonly Rule<EntityType>[]
  readonly enum: readonly Rule<EnumType>[]
  readonly typeDefinition: readonly Rule<TypeDefinition>[]
  readonly property: readonly Rule<Property>[]
  readonly navigation: readonly Rule<NavigationProperty>[]
  readonly typeUse: readonly Rule<TypeUse>[]
  /** on uses of a type that have facets */
  readonly facets: readonly Rule<TypeUse>[]
  readonly operation: readonly Rule<Operation>[]
  readonly overloads: readonly Rule<Overloads>[]
  readonly term: readonly Rule<Term>[]
  readonly container: readonly Rule<EntityContainer>[]
  readonly source: readonly Rule<EntitySet | Singleton>[]
  readonly import: readonly Rule<OperationImport>[]
  readonly annotations: readonly Rule<readonly AppliedAnnotation[]>[]
  /** on the annotations of an element where one has more than a plain text or Boolean, as few have */
  readonly expressions: readonly Rule<readonly AppliedAnnotation[]>[]
}
