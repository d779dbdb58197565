import { annotationOf, bool, isTagged, items, member, text } from '../edm/annotations.ts'
import type {
  Annotatable,
  AnnotationExpression,
  EntityType,
  Model,
  NavigationProperty,
  Parameter,
  Property,
  TypeReference,
} from '../edm/model.ts'

/** Typed access to the terms of Org.OData.Core.V1 that the service acts on. */

const core = 'Org.OData.Core.V1.'

/** Core.Description of an element. */
export function description(target: Annotatable): string | undefined {
  return text(annotationOf(target, `${core}Description`)?.value)
}

/** Core.LongDescription of an element. */
export function longDescription(target: Annotatable): string | undefined {
  return text(annotationOf(target, `${core}LongDescription`)?.value)
}

/** Core.Computed: the service makes the value; one that a client sends is ignored (Protocol 11.4.2). */
export function isComputed(property: Annotatable): boolean {
  return isTagged(property, `${core}Computed`)
}

/** Core.Immutable: the value can be given on create and never changed. */
export function isImmutable(property: Annotatable): boolean {
  return isTagged(property, `${core}Immutable`)
}

/** Core.ComputedDefaultValue: the service makes the value where a client gives none on create. */
export function computedDefaultValue(property: Annotatable): boolean {
  return isTagged(property, `${core}ComputedDefaultValue`)
}

/** ABNF: odataIdentifier, perhaps dotted: what the grammar of a URL reads as a name. */
const piece = /^(?:(?:^|\.)[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}\p{Cf}]*)+$/u

/**
 * Core.ResourcePath of a container child: the segments of a path below the service root that its requests can have in place of its name.
 * @returns undefined without one, and for one that is no path of names below the root
 */
export function resourcePath(child: Annotatable): readonly string[] | undefined {
  const path = text(annotationOf(child, `${core}ResourcePath`)?.value)?.replace(/^\/|\/$/g, '')
  const pieces = path?.split('/')
  return pieces?.every((name) => piece.test(name)) ? pieces : undefined
}

/** Core.MayImplement of a type: names of types outside of its hierarchy that its instances may be addressed as. */
export function mayImplement(type: Annotatable): readonly string[] {
  return texts(annotationOf(type, `${core}MayImplement`)?.value) ?? []
}

/** Core.IsDelta of a parameter or return type: its entities are represented as a delta; of collections of entities only. */
export function isDelta(element: Annotatable, type: TypeReference): boolean {
  return type.collection && type.type.kind === 'entity' && isTagged(element, `${core}IsDelta`)
}

/** Core.Permissions of a property: the flags that are set, by name (`None`, `Read`, `Write`, `ReadWrite`, `Invoke`). */
export function permissions(target: Annotatable): readonly string[] | undefined {
  return enumMembers(annotationOf(target, `${core}Permissions`)?.value)
}

/** Core.OptimisticConcurrency: paths whose values make the ETag; an empty list says that there is one all the same. */
export function optimisticConcurrency(target: Annotatable): readonly string[] | undefined {
  const annotation = annotationOf(target, `${core}OptimisticConcurrency`)
  return annotation && paths(annotation.value)
}

/** One alternate key (Core.AlternateKeys): name in the key predicate and path of the property. */
export type AlternateKey = readonly { readonly alias: string; readonly path: string }[]

/** Core.AlternateKeys of an entity set or type, in document order. */
export function alternateKeys(target: Annotatable): readonly AlternateKey[] {
  return items(annotationOf(target, `${core}AlternateKeys`)?.value).flatMap((record) => {
    const key = items(member(record, 'Key')).flatMap((part) => {
      const path = pathText(member(part, 'Name'))
      return path === undefined ? [] : [{ path, alias: text(member(part, 'Alias')) ?? path }]
    })
    return key.length > 0 ? [key] : []
  })
}

/** Alternate keys that count for the members of a set: the set's own and those of its type and base types. */
export function alternateKeysOf(set: Annotatable, type: EntityType): readonly AlternateKey[] {
  const all = [...alternateKeys(set)]
  for (let current: EntityType | undefined = type; current !== undefined; current = current.baseType)
    all.push(...alternateKeys(current))
  return all
}

/** Core.AutoExpand of a navigation or stream property. */
export function isAutoExpanded(target: Annotatable): boolean {
  return isTagged(target, `${core}AutoExpand`)
}

/** Core.AutoExpandReferences of a navigation property. */
export function isAutoExpandedAsReference(target: Annotatable): boolean {
  return isTagged(target, `${core}AutoExpandReferences`)
}

/**
 * Core.OptionalParameter: the parameter may be left out.
 * @returns undefined where it is required; `defaultValue` where the annotation says one (the text of the literal)
 */
export function optionalParameter(parameter: Parameter): { readonly defaultValue: string | undefined } | undefined {
  const annotation = annotationOf(parameter, `${core}OptionalParameter`)
  return annotation && { defaultValue: text(member(annotation.value, 'DefaultValue')) }
}

/** Core.MediaType of a property or media entity type, where it is a constant. */
export function mediaType(target: Annotatable): string | undefined {
  return text(annotationOf(target, `${core}MediaType`)?.value)
}

/** Core.MediaType of a property where it is the path of another property that holds it. */
export function mediaTypePath(target: Annotatable): string | undefined {
  return pathText(annotationOf(target, `${core}MediaType`)?.value)
}

/** Core.AcceptableMediaTypes of a stream property or media entity type. */
export function acceptableMediaTypes(target: Annotatable): readonly string[] | undefined {
  const annotation = annotationOf(target, `${core}AcceptableMediaTypes`)
  return annotation && texts(annotation.value)
}

/** Core.ContentDisposition of a stream property or media entity type: the file name a constant, or the path of a property. */
export function contentDisposition(
  target: Annotatable,
):
  | { readonly type: string; readonly filename: string | undefined; readonly filenamePath: string | undefined }
  | undefined {
  const annotation = annotationOf(target, `${core}ContentDisposition`)
  if (annotation === undefined) return undefined
  const name = member(annotation.value, 'Filename')
  return {
    type: text(member(annotation.value, 'Type')) ?? 'attachment',
    filename: text(name),
    filenamePath: name?.kind === 'path' ? name.value : undefined,
  }
}

/** Core.SchemaVersion of a schema, container or reference. */
export function schemaVersion(target: Annotatable): string | undefined {
  return text(annotationOf(target, `${core}SchemaVersion`)?.value)
}

/** The version that `$schemaversion` names: of the container, else of the schema that holds it, else of the first that has one. */
export function modelVersion({ container, schemas }: Model): string | undefined {
  const own = container && schemas.find((schema) => schema.container === container)
  for (const target of [container, own, ...schemas]) {
    const version = target && schemaVersion(target)
    if (version !== undefined) return version
  }
  return undefined
}

/** Core.DefaultNamespace: members of the schema can be named without their namespace in URLs. */
export function isDefaultNamespace(target: Annotatable): boolean {
  return isTagged(target, `${core}DefaultNamespace`)
}

/** Core.RequiresExplicitBinding of an action or function. */
export function requiresExplicitBinding(target: Annotatable): boolean {
  return isTagged(target, `${core}RequiresExplicitBinding`)
}

/** Core.ExplicitOperationBindings: names of operations that are bound to the element. */
export function explicitOperationBindings(target: Annotatable): readonly string[] {
  return items(annotationOf(target, `${core}ExplicitOperationBindings`)?.value).flatMap((item) => text(item) ?? [])
}

/** Core.OperationAvailable where it is a constant; undefined where it is absent, dynamic or null. */
export function operationAvailable(target: Annotatable): boolean | undefined {
  return bool(annotationOf(target, `${core}OperationAvailable`)?.value)
}

/** Core.Ordered of a collection. */
export function isOrdered(target: Annotatable): boolean {
  return isTagged(target, `${core}Ordered`)
}

/** Core.PositionalInsert of a collection. */
export function isPositionalInsert(target: Annotatable): boolean {
  return isTagged(target, `${core}PositionalInsert`)
}

/** Whether entities that a navigation property contains are kept in an order of their own (docs/decisions/0017-order-of-entities.md). */
export function keepsOrder(property: NavigationProperty | undefined): boolean {
  return property?.collection === true && (isOrdered(property) || isPositionalInsert(property))
}

/** Whether a client may give the value when an entity is created: neither computed nor read-only. */
export function isInsertable(property: Property): boolean {
  if (isComputed(property)) return false
  const allowed = permissions(property)
  return allowed === undefined || allowed.includes('Write') || allowed.includes('ReadWrite')
}

/**
 * Whether clients may read a property, by its own Core.Permissions or those of its type; true where nothing is said.
 */
export function isReadable(property: Annotatable): boolean {
  const allowed = permissionsOf(property)
  return allowed === undefined || allowed.includes('Read') || allowed.includes('ReadWrite')
}

/** Whether clients may write a property, by its own Core.Permissions or those of its type; true where nothing is said. */
export function isWritable(property: Annotatable): boolean {
  const allowed = permissionsOf(property)
  return allowed === undefined || allowed.includes('Write') || allowed.includes('ReadWrite')
}

/** Core.Permissions of an element; of a property that has none itself those of its declared type. */
function permissionsOf(
  target: Annotatable & { readonly kind?: string; readonly type?: unknown },
): readonly string[] | undefined {
  const own = permissions(target)
  if (own !== undefined || target.kind !== 'property') return own
  const { type } = (target as Property).type
  return 'annotations' in type ? permissions(type) : undefined
}

/** The member names of an enumeration constant: `NS.Type/A NS.Type/B` or (CSDL JSON) `A,B`. */
export function enumMembers(expression: AnnotationExpression | undefined): readonly string[] | undefined {
  if (expression?.kind !== 'enumMember' && expression?.kind !== 'string') return undefined
  return expression.value
    .split(/[\s,]+/)
    .filter((name) => name !== '')
    .map((name) => name.slice(name.lastIndexOf('/') + 1))
}

/** The text of a path expression of any kind; of a string too, which is what CSDL JSON writes for most paths. */
export function pathText(expression: AnnotationExpression | undefined): string | undefined {
  switch (expression?.kind) {
    case 'path':
    case 'annotationPath':
    case 'anyPropertyPath':
    case 'modelElementPath':
    case 'navigationPropertyPath':
    case 'propertyPath':
    case 'string':
      return expression.value
    default:
      return undefined
  }
}

/** The texts of a collection of paths; undefined where the expression is no collection. */
export function paths(expression: AnnotationExpression | undefined): readonly string[] | undefined {
  if (expression?.kind !== 'collection') return undefined
  return expression.items.flatMap((item) => pathText(item) ?? [])
}

/** The texts of a collection of strings; undefined where the expression is no collection. */
export function texts(expression: AnnotationExpression | undefined): readonly string[] | undefined {
  if (expression?.kind !== 'collection') return undefined
  return expression.items.flatMap((item) => text(item) ?? [])
}
