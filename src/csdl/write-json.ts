import type {
  ContainerChild,
  EntityContainer,
  Facets,
  Model,
  NamedType,
  NavigationProperty,
  Operation,
  Reference,
  Schema,
  StructuredType,
  Term,
  Type,
  TypeReference,
} from '../edm/model.ts'
import { primitiveOf } from '../edm/types.ts'
import { emptyObject, type Json, type JsonObject, printPieces } from './json-printer.ts'
import { localName } from './names.ts'
import { JsonExpressions } from './write-json-expression.ts'
import { type WriteOptions, WrittenModel } from './written.ts'

/**
 * Writes a model as CSDL JSON. Where a schema has an alias, names carry the alias, as the representation demands (CSDL JSON 5.1).
 * @returns the whole document, without white space
 */
export function writeJson(model: Model, options: WriteOptions): string {
  return [...jsonPieces(model, options)].join('')
}

/** As `writeJson`, piece by piece, so that others can have their turn in between; a step may give nothing yet. */
export function* jsonPieces(model: Model, options: WriteOptions): Generator<string> {
  const writing = new CsdlJsonWriter(new WrittenModel(model, options)).write()
  let step = writing.next()
  for (; !step.done; step = writing.next()) yield ''
  yield* printPieces(step.value)
}

class CsdlJsonWriter {
  readonly #document: WrittenModel
  readonly #expressions: JsonExpressions

  constructor(document: WrittenModel) {
    this.#document = document
    this.#expressions = new JsonExpressions(document)
  }

  *write(): Generator<void, JsonObject> {
    const { version, model, references, schemas } = this.#document
    const root: JsonObject = Object.assign(emptyObject(), { $Version: version })
    if (model.container) root.$EntityContainer = model.container.name
    if (references.length > 0) root.$Reference = this.#references(references)
    for (const schema of schemas) root[schema.namespace] = yield* this.#schema(schema)
    return root
  }

  /** By URI: what two references to one document include is one list (CSDL JSON 4.1). */
  #references(references: readonly Reference[]): JsonObject {
    const written: Record<string, JsonObject> = emptyObject() as Record<string, JsonObject>
    for (const reference of references) {
      const before = written[reference.uri]
      const more = this.#reference(reference)
      if (before !== undefined)
        for (const list of ['$Include', '$IncludeAnnotations'] as const)
          if (Array.isArray(before[list]) || Array.isArray(more[list]))
            more[list] = distinct([...listIn(before, list), ...listIn(more, list)])
      written[reference.uri] = { ...before, ...more }
    }
    return written
  }

  #reference(reference: Reference): JsonObject {
    const written: JsonObject = {}
    if (reference.includes.length > 0)
      written.$Include = reference.includes.map((include) => ({
        $Namespace: include.namespace,
        $Alias: include.alias,
        ...this.#expressions.annotations(include),
      }))
    if (reference.includeAnnotations.length > 0)
      written.$IncludeAnnotations = reference.includeAnnotations.map((include) => ({
        $TermNamespace: include.termNamespace,
        $Qualifier: include.qualifier,
        $TargetNamespace: include.targetNamespace,
      }))
    return { ...written, ...this.#expressions.annotations(reference) }
  }

  *#schema(schema: Schema): Generator<void, JsonObject> {
    const written: JsonObject = Object.assign(emptyObject(), { $Alias: this.#document.alias(schema) })
    for (const type of schema.types) {
      yield
      written[localName(type.name)] = this.#type(type)
    }
    for (const operation of schema.operations) {
      yield
      const name = localName(operation.name)
      const overloads = written[name]
      if (Array.isArray(overloads)) overloads.push(this.#operation(operation))
      // JSON has one member for both: an operation that shares its name with a type cannot be written.
      else if (overloads === undefined) written[name] = [this.#operation(operation)]
    }
    for (const term of schema.terms) written[localName(term.name)] = this.#term(term)
    if (schema.container) written[localName(schema.container.name)] = this.#container(schema.container)
    const external = this.#document.externalAnnotations(schema)
    if (external.length > 0) {
      const targets = emptyObject()
      for (const { target, annotations } of external) {
        const name = this.#document.aliasPath(target)
        targets[name] = { ...(targets[name] as JsonObject), ...this.#expressions.list(annotations) }
      }
      written.$Annotations = targets
    }
    return { ...written, ...this.#expressions.annotations(schema) }
  }

  #type(type: NamedType): JsonObject {
    switch (type.kind) {
      case 'entity':
      case 'complex':
        return this.#structured(type)
      case 'enum': {
        const written: JsonObject = Object.assign(emptyObject(), {
          $Kind: 'EnumType',
          $UnderlyingType: type.underlying.name === 'Edm.Int32' ? undefined : type.underlying.name,
          $IsFlags: type.flags || undefined,
        })
        for (const member of type.members) {
          written[member.name] = member.value
          Object.assign(written, this.#expressions.annotations(member, member.name))
        }
        return { ...written, ...this.#expressions.annotations(type) }
      }
      case 'typeDefinition':
        return {
          $Kind: 'TypeDefinition',
          $UnderlyingType: type.underlying.name,
          ...this.#facets(type.facets),
          ...this.#expressions.annotations(type),
        }
    }
  }

  #structured(type: StructuredType): JsonObject {
    const written: JsonObject = Object.assign(emptyObject(), {
      $Kind: type.kind === 'entity' ? 'EntityType' : 'ComplexType',
      $BaseType: type.baseType && this.#document.aliasName(type.baseType.name),
      $Abstract: type.abstract || undefined,
      $OpenType: type.open || undefined,
    })
    if (type.kind === 'entity') {
      written.$HasStream = type.hasStream || undefined
      if (type.key.length > 0 && type.key !== type.baseType?.key)
        written.$Key = type.key.map(({ path, alias }) =>
          path.length === 1 && alias === path[0] ? alias : { [alias]: path.join('/') },
        )
    }
    for (const property of this.#document.properties(type))
      written[property.name] = {
        ...this.#typed(property.type),
        $DefaultValue: defaultValue(property.defaultValue, property.type.type),
        ...this.#expressions.annotations(property),
      }
    for (const property of type.navigationProperties) written[property.name] = this.#navigation(property)
    return { ...written, ...this.#expressions.annotations(type) }
  }

  #navigation(property: NavigationProperty): JsonObject {
    const written: JsonObject = {
      $Kind: 'NavigationProperty',
      $Collection: property.collection || undefined,
      $Type: this.#document.aliasName(property.type.name),
      $Nullable: property.nullable || undefined,
      $Partner: property.partner && this.#document.aliasPath(property.partner),
      $ContainsTarget: property.containsTarget || undefined,
    }
    if (property.referentialConstraints.length > 0) {
      const constraints = emptyObject()
      for (const constraint of property.referentialConstraints) {
        const name = this.#document.aliasPath(constraint.property)
        constraints[name] = this.#document.aliasPath(constraint.referencedProperty)
        Object.assign(constraints, this.#expressions.annotations(constraint, name))
      }
      written.$ReferentialConstraint = constraints
    }
    if (property.onDelete) {
      written.$OnDelete = property.onDelete
      Object.assign(written, this.#expressions.annotations({ annotations: property.onDeleteAnnotations }, '$OnDelete'))
    }
    return { ...written, ...this.#expressions.annotations(property) }
  }

  #operation(operation: Operation): JsonObject {
    const { returnType } = operation
    return {
      $Kind: operation.kind === 'action' ? 'Action' : 'Function',
      $IsBound: operation.bound || undefined,
      $EntitySetPath: operation.entitySetPath && this.#document.aliasPath(operation.entitySetPath),
      $IsComposable: operation.composable || undefined,
      $Parameter:
        operation.parameters.length === 0
          ? undefined
          : operation.parameters.map((parameter) => ({
              $Name: parameter.name,
              ...this.#typed(parameter.type),
              ...this.#expressions.annotations(parameter),
            })),
      $ReturnType: returnType && { ...this.#typed(returnType), ...this.#expressions.annotations(returnType) },
      ...this.#expressions.annotations(operation),
    }
  }

  #term(term: Term): JsonObject {
    return {
      $Kind: 'Term',
      ...this.#typed(term.type),
      $BaseTerm: term.baseTerm && this.#document.aliasName(term.baseTerm),
      $DefaultValue: defaultValue(term.defaultValue, term.type.type),
      $AppliesTo: term.appliesTo.length === 0 ? undefined : [...term.appliesTo],
      ...this.#expressions.annotations(term),
    }
  }

  #container(container: EntityContainer): JsonObject {
    const written: JsonObject = Object.assign(emptyObject(), {
      $Kind: 'EntityContainer',
      $Extends: container.extends && this.#document.aliasName(container.extends),
    })
    for (const child of this.#document.ownChildren(container)) written[child.name] = this.#containerChild(child)
    return { ...written, ...this.#expressions.annotations(container) }
  }

  #containerChild(child: ContainerChild): JsonObject {
    if ('operations' in child)
      return {
        [child.kind === 'actionImport' ? '$Action' : '$Function']: this.#document.aliasName(child.operationName),
        $EntitySet: child.entitySet && this.#document.aliasPath(child.entitySet),
        $IncludeInServiceDocument: child.includeInServiceDocument || undefined,
        ...this.#expressions.annotations(child),
      }
    const written: JsonObject =
      child.kind === 'entitySet'
        ? {
            $Collection: true,
            $Type: this.#document.aliasName(child.type.name),
            $IncludeInServiceDocument: child.includeInServiceDocument ? undefined : false,
          }
        : {
            $Type: this.#document.aliasName(child.type.name),
            $Nullable: (this.#document.version === '4.01' && child.nullable) || undefined,
          }
    if (child.navigationPropertyBindings.length > 0)
      written.$NavigationPropertyBinding = Object.fromEntries(
        child.navigationPropertyBindings.map(({ path, target }) => [
          this.#document.aliasPath(path),
          this.#document.aliasPath(target),
        ]),
      )
    return { ...written, ...this.#expressions.annotations(child) }
  }

  /** `$Type` (unless Edm.String), `$Collection`, `$Nullable` (absent means false here) and facets (CSDL JSON 7.1, 7.2). */
  #typed({ type, collection, nullable, facets }: TypeReference): JsonObject {
    const ofEntities = collection && (type.kind === 'entity' || type.name === 'Edm.EntityType')
    return {
      $Type: type.name === 'Edm.String' ? undefined : this.#document.aliasName(type.name),
      $Collection: collection || undefined,
      $Nullable: (nullable && !ofEntities) || undefined,
      ...this.#facets(facets),
    }
  }

  #facets(facets: Facets): JsonObject {
    const { maxLength, unicode, precision, scale, srid } = this.#document.facets(facets)
    return {
      $MaxLength: maxLength,
      $Unicode: unicode,
      $Precision: precision,
      $Scale: scale,
      $SRID: srid === undefined ? undefined : String(srid),
    }
  }
}

const numberTypes: ReadonlySet<string> = new Set([
  'Edm.Byte',
  'Edm.SByte',
  'Edm.Int16',
  'Edm.Int32',
  'Edm.Int64',
  'Edm.Decimal',
  'Edm.Double',
  'Edm.Single',
])

/** A default value as JSON: Booleans and numbers as such, all else as text (CSDL JSON 7.3). */
function defaultValue(written: string | undefined, type: Type): Json | undefined {
  const primitive = primitiveOf(type)?.name
  if (primitive === 'Edm.Boolean' && (written === 'true' || written === 'false')) return written === 'true'
  if (
    primitive &&
    written &&
    numberTypes.has(primitive) &&
    String(Number(written)) === written &&
    Number.isFinite(Number(written))
  )
    return Number(written)
  return written
}

function listIn(object: JsonObject, name: string): readonly Json[] {
  const list = object[name]
  return Array.isArray(list) ? list : []
}

function distinct(items: readonly Json[]): Json[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}
