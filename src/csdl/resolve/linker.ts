import { nearestName } from '../../base/text.ts'
import type {
  AbstractType,
  Annotation,
  AnnotationExpression,
  EntityContainer,
  ExternalAnnotations,
  Facets,
  NamedType,
  Operation,
  PrimitiveType,
  QualifiedName,
  Schema,
  Term,
  Type,
  TypeReference,
} from '../../edm/model.ts'
import { abstractTypes, primitiveTypes } from '../../edm/primitives.ts'
import type { Declaration } from '../declaration.ts'
import { localName, namespaceOf, type Scope } from '../names.ts'
import type { Problems } from '../problems.ts'

/** Model elements while they are put together; frozen at the end. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }

/** A schema in the making: its lists can still be added to. */
export type SchemaDraft = Omit<Draft<Schema>, 'unresolvedAnnotations'> & {
  unresolvedAnnotations: ExternalAnnotations[]
}

export const none: readonly never[] = Object.freeze([])
export const noFacets: Facets = Object.freeze({})

/** One document with the names it knows. */
export interface Document {
  readonly root: Declaration
  readonly version: '4.0' | '4.01'
  readonly scope: Scope
  readonly schemas: readonly SchemaDeclaration[]
  readonly references: readonly ReferenceDeclaration[]
  /** the document itself, or one that it references */
  readonly isMain: boolean
}

export interface SchemaDeclaration {
  readonly namespace: string
  readonly declaration: Declaration
}

export interface ReferenceDeclaration {
  readonly declaration: Declaration
  readonly uri: string
  /** undefined where the referenced document is not at hand */
  document: Document | undefined
}

/** What all steps of linking share. */
export class Linker {
  readonly problems: Problems
  readonly types = new Map<QualifiedName, NamedType>()
  readonly operations = new Map<QualifiedName, Operation[]>()
  readonly terms = new Map<QualifiedName, Term>()
  readonly containers = new Map<QualifiedName, EntityContainer>()
  readonly schemas = new Map<string, SchemaDraft>()
  /** where each element of the model was declared */
  readonly origins = new Map<object, Declaration>()
  /** annotations that came by the `Annotations` elements of other documents */
  readonly includedAnnotations = new Set<Annotation>()
  /** JSON only: strings whose kind the term's type decides */
  readonly untyped = new Set<AnnotationExpression>()
  /** every object that is frozen once all is linked */
  readonly drafts: object[] = []
  readonly #references = new Map<Type, Map<Facets, TypeReference[]>>()
  readonly #plain = new Map<
    Scope,
    readonly [Map<string, TypeReference>, Map<string, TypeReference>, Map<string, TypeReference>]
  >()
  readonly #facets = new Map<string, Facets>()
  readonly #documentOf = new Map<object, Document>()

  /** names of the main document */
  readonly mainScope: Scope

  constructor(problems: Problems, documents: readonly Document[]) {
    const main = documents[0]
    if (!main) throw new Error('no document')
    this.mainScope = main.scope
    this.problems = problems
    for (const document of documents) this.#documentOf.set(document.root.source, document)
  }

  documentOf(declaration: Declaration): Document {
    const document = this.#documentOf.get(declaration.source)
    if (!document) throw new Error(`no document for ${declaration.source.file}`)
    return document
  }

  scopeOf(declaration: Declaration): Scope {
    return this.documentOf(declaration).scope
  }

  /** Registers a new element of the model with the place it was declared at. */
  add<T extends object>(element: T, declaration: Declaration): T {
    this.origins.set(element, declaration)
    this.drafts.push(element)
    return element
  }

  /** A type by its name as written in a document: built in, or declared in a schema in scope. */
  findType(written: string, declaration: Declaration): Type | undefined {
    if (written.startsWith('Edm.')) return builtIn(written)
    return this.types.get(this.scopeOf(declaration).resolve(written))
  }

  /** The message for a name that cannot be resolved. */
  unresolved(written: string, what: string, declaration: Declaration): string {
    const name = this.scopeOf(declaration).resolve(written)
    if (!name.includes('.')) return `'${written}' must be a qualified name of ${what}.`
    const namespace = namespaceOf(name)
    for (const { uri, declaration: reference, document } of this.documentOf(declaration).references)
      if (!document && reference.children.some((include) => include.attributes.Namespace === namespace))
        return `'${written}' is of '${namespace}', which is included from ${uri} and not at hand: map it to a file.`
    const local = localName(name)
    const siblings = [...this.types.keys()].filter((other) => namespaceOf(other) === namespace).map(localName)
    const nearest = local.length > 2 ? nearestName(local, siblings) : undefined
    return `'${written}' is not the name of ${what} in scope.${nearest ? ` Is '${namespace}.${nearest}' meant?` : ''}`
  }

  /**
   * The type that the attributes `Type`, `Nullable` and the facets describe (CSDL XML 7.1, 7.2, 3.4). Equal ones are one
   * object.
   */
  typeReference(declaration: Declaration): TypeReference {
    const written = declaration.attributes.Type ?? ''
    const facets = this.facets(declaration)
    const nullable = this.flag(declaration, 'Nullable')
    if (facets !== noFacets) return this.#typeReference(declaration, facets, nullable)
    const plain = this.#plainOf(this.scopeOf(declaration), nullable)
    let reference = plain.get(written)
    if (reference === undefined) {
      reference = this.#typeReference(declaration, facets, nullable)
      // an unresolved name is reported at each of its uses
      if (Object.isFrozen(reference)) plain.set(written, reference)
    }
    return reference
  }

  /** References without facets, as nearly all are, by the text of `Type`. */
  #plainOf(scope: Scope, nullable: boolean | undefined): Map<string, TypeReference> {
    let maps = this.#plain.get(scope)
    if (maps === undefined) {
      maps = [new Map(), new Map(), new Map()]
      this.#plain.set(scope, maps)
    }
    return maps[nullable === undefined ? 0 : nullable ? 1 : 2]
  }

  #typeReference(declaration: Declaration, facets: Facets, nullable: boolean | undefined): TypeReference {
    const written = declaration.attributes.Type ?? ''
    const collection = written.startsWith('Collection(') && written.endsWith(')')
    const itemName = collection ? written.slice(11, -1) : written
    let type = this.findType(itemName, declaration)
    if (!type) {
      if (written !== '')
        this.problems.report(declaration, 'type-resolved', this.unresolved(itemName, 'a type', declaration))
      type = builtIn('Edm.Untyped') as AbstractType
      return { type, collection, nullable: nullable ?? true, facets }
    }
    const ofEntities = type.kind === 'entity' || type.name === 'Edm.EntityType'
    const effective = nullable ?? !(collection && ofEntities)
    return this.#canonical(type, collection, effective, facets)
  }

  /** Equal references are one object. */
  #canonical(type: Type, collection: boolean, nullable: boolean, facets: Facets): TypeReference {
    let byFacets = this.#references.get(type)
    if (byFacets === undefined) {
      byFacets = new Map()
      this.#references.set(type, byFacets)
    }
    let variants = byFacets.get(facets)
    if (variants === undefined) {
      variants = []
      byFacets.set(facets, variants)
    }
    let reference = variants.find((known) => known.collection === collection && known.nullable === nullable)
    if (reference === undefined) {
      reference = Object.freeze({ type, collection, nullable, facets })
      variants.push(reference)
    }
    return reference
  }

  /** The facets among the attributes of a declaration; equal ones are one object. */
  facets(declaration: Declaration): Facets {
    const { MaxLength, Precision, Scale, SRID, Unicode } = declaration.attributes
    if (
      MaxLength === undefined &&
      Precision === undefined &&
      Scale === undefined &&
      SRID === undefined &&
      Unicode === undefined
    )
      return noFacets
    const facets: Draft<Facets> = {}
    const maxLength = this.#number(declaration, 'MaxLength', ['max'])
    if (maxLength !== undefined) facets.maxLength = maxLength as number | 'max'
    const precision = this.#number(declaration, 'Precision', [])
    if (precision !== undefined) facets.precision = precision as number
    const scale = this.#number(declaration, 'Scale', ['variable', 'floating'])
    if (scale !== undefined) facets.scale = scale as number | 'variable' | 'floating'
    const srid = this.#number(declaration, 'SRID', ['variable'])
    if (srid !== undefined) facets.srid = srid as number | 'variable'
    const unicode = this.flag(declaration, 'Unicode')
    if (unicode !== undefined) facets.unicode = unicode
    const key = facetKey(facets)
    if (key === '') return noFacets
    const known = this.#facets.get(key)
    if (known) return known
    Object.freeze(facets)
    this.#facets.set(key, facets)
    return facets
  }

  /** A Boolean attribute; undefined where it is absent or no Boolean (which is reported). */
  flag(declaration: Declaration, name: string): boolean | undefined {
    const written = declaration.attributes[name]
    if (written === undefined) return undefined
    if (written === 'true') return true
    if (written === 'false') return false
    this.problems.report(declaration, 'attribute-value', `'${name}' must be 'true' or 'false', not '${written}'.`)
    return undefined
  }

  #number(declaration: Declaration, name: string, symbols: readonly string[]): number | string | undefined {
    const written = declaration.attributes[name]
    if (written === undefined) return undefined
    if (/^\d{1,15}$/.test(written)) return Number(written)
    const symbol = symbols.find((candidate) => candidate === written.toLowerCase())
    if (symbol !== undefined) return symbol
    const or = symbols.length > 0 ? ` or ${symbols.map((text) => `'${text}'`).join(', ')}` : ''
    this.problems.report(declaration, 'attribute-value', `'${name}' must be a number${or}, not '${written}'.`)
    return undefined
  }
}

function facetKey({ maxLength, precision, scale, srid, unicode }: Facets): string {
  if (
    maxLength === undefined &&
    precision === undefined &&
    scale === undefined &&
    srid === undefined &&
    unicode === undefined
  )
    return ''
  return `${maxLength}|${precision}|${scale}|${srid}|${unicode}`
}

/** A built-in type by name: primitive or abstract. */
export function builtIn(name: string): PrimitiveType | AbstractType | undefined {
  return (
    (primitiveTypes as ReadonlyMap<string, PrimitiveType>).get(name) ??
    (abstractTypes as ReadonlyMap<string, AbstractType>).get(name)
  )
}

/** The children of a declaration with a given name. */
export function childrenOf(declaration: Declaration, name: string): readonly Declaration[] {
  const { children } = declaration
  return children.length === 0 ? none : children.filter((child) => child.name === name)
}
