import { pathText } from '../../csdl/core.ts'
import { annotationOf, bool, items, member } from '../../edm/annotations.ts'
import type { Annotation, AnnotationExpression, Model, RecordMember } from '../../edm/model.ts'
import type { Place, Way } from './place.ts'

/**
 * Where the value of a Capabilities term for a resource comes from. The most specific annotation counts, member by member
 * (the PATCH semantics of Capabilities.DefaultCapabilities):
 *
 * 1. an annotation whose target is the path (`Container/Set/Navigation`), or the entry of NavigationRestrictions or
 *    CollectionPropertyRestrictions with that path; of a longer path before a shorter one,
 * 2. the navigation or collection-valued property itself,
 * 3. the entity set or singleton that it leads to,
 * 4. DefaultCapabilities of the entity container.
 */

type Expression = AnnotationExpression | undefined

const vocabulary = 'Org.OData.Capabilities.V1.'

/** What has been read for a place, by term: as long as the place lives. */
const known = new WeakMap<Place, Map<string, unknown>>()
const values = new WeakMap<Place, Map<string, Expression>>()

/**
 * The restrictions of a term for a resource, read once.
 * @param read reads them from the value of the term; undefined: nothing is said
 */
export function restrictionsOf<T>(place: Place, term: string, read: (value: Expression) => T): T {
  let terms = known.get(place)
  if (terms === undefined) {
    terms = new Map()
    known.set(place, terms)
  }
  let value = terms.get(term)
  if (value === undefined) {
    value = read(capabilityOf(place, term))
    terms.set(term, value)
  }
  return value as T
}

/** The value of a term (without its namespace) for a resource, looked up once; undefined where nothing says it. */
export function capabilityOf(place: Place, term: string): Expression {
  let terms = values.get(place)
  if (terms === undefined) {
    terms = new Map()
    values.set(place, terms)
  }
  let value = terms.get(term)
  if (value === undefined && !terms.has(term)) {
    value = lookUp(place, term)
    terms.set(term, value)
  }
  return value
}

function lookUp(place: Place, term: string): Expression {
  const name = vocabulary + term
  const values: AnnotationExpression[] = []
  const add = (value: Expression): void => {
    if (value !== undefined) values.push(value)
  }
  for (const way of place.ways) {
    if (way.path.length === 0) continue
    add(pathAnnotation(place.model, way, name))
    add(member(restrictionEntry(way), term))
  }
  if (place.element !== undefined) add(annotationOf(place.element, name)?.value)
  const own = place.ways.at(-1)
  if (own?.path.length === 0) add(annotationOf(own.root, name)?.value)
  const { container } = place.model
  if (container !== undefined && place.collection)
    add(member(annotationOf(container, `${vocabulary}DefaultCapabilities`)?.value, term))
  return merged(values)
}

/** Whether a tag is applied; undefined where it is not said. */
export function isSupported(place: Place, tag: string): boolean | undefined {
  const value = capabilityOf(place, tag)
  return value?.kind === 'default' ? true : bool(value)
}

/** The value of a term on the entity container. */
export function containerCapability(model: Model, term: string): Expression {
  return model.container && annotationOf(model.container, vocabulary + term)?.value
}

/** What is said first counts; records are put together member by member. */
function merged(values: readonly AnnotationExpression[]): Expression {
  const [first, ...rest] = values
  if (first === undefined || rest.length === 0 || first.kind !== 'record') return first
  const members = new Map<string, AnnotationExpression[]>()
  for (const value of values) {
    if (value.kind !== 'record') continue
    for (const { property, value: inner } of value.values) {
      const known = members.get(property)
      if (known === undefined) members.set(property, [inner])
      else known.push(inner)
    }
  }
  const all: RecordMember[] = []
  for (const [property, inner] of members) {
    const value = merged(inner)
    if (value !== undefined) all.push({ property, value, annotations: [] })
  }
  return { ...first, values: all }
}

/** The entry of NavigationRestrictions or CollectionPropertyRestrictions that a set has for a path. */
function restrictionEntry({ root, path }: Way): Expression {
  const navigation = member(annotationOf(root, `${vocabulary}NavigationRestrictions`)?.value, 'RestrictedProperties')
  return (
    entryFor(navigation, 'NavigationProperty', path) ??
    entryFor(annotationOf(root, `${vocabulary}CollectionPropertyRestrictions`)?.value, 'CollectionProperty', path)
  )
}

/** The entries of CollectionPropertyRestrictions about a collection-valued property. */
export function propertyRestrictions({ ways }: Place): readonly AnnotationExpression[] {
  return ways.flatMap(({ root, path }) => {
    const entries = annotationOf(root, `${vocabulary}CollectionPropertyRestrictions`)?.value
    return entryFor(entries, 'CollectionProperty', path) ?? []
  })
}

function entryFor(entries: Expression, property: string, path: readonly string[]): Expression {
  return items(entries).find((entry) => samePath(pathText(member(entry, property)), path))
}

function samePath(text: string | undefined, path: readonly string[]): boolean {
  return text !== undefined && withoutCasts(text) === path.join('/')
}

/** A path of the model without its casts. */
export function withoutCasts(path: string): string {
  return path.includes('.')
    ? path
        .split('/')
        .filter((step) => !step.includes('.'))
        .join('/')
    : path
}

const byTarget = new WeakMap<Model, ReadonlyMap<string, readonly Annotation[]>>()

/** An annotation whose target is a path from the entity container: no element of the model carries it. */
function pathAnnotation(model: Model, { root, path }: Way, term: string): Expression {
  let targets = byTarget.get(model)
  if (targets === undefined) {
    targets = annotationsByTarget(model)
    byTarget.set(model, targets)
  }
  if (targets.size === 0 || model.container === undefined) return undefined
  return targets
    .get(`${model.container.name}/${root.name}/${path.join('/')}`)
    ?.find((annotation) => annotation.term === term && annotation.qualifier === undefined)?.value
}

function annotationsByTarget(model: Model): ReadonlyMap<string, readonly Annotation[]> {
  const targets = new Map<string, Annotation[]>()
  for (const schema of [...model.schemas, ...model.includedSchemas])
    for (const { target, annotations } of schema.unresolvedAnnotations) {
      const [container = '', ...path] = target.split('/')
      const key = `${container}/${withoutCasts(path.join('/'))}`
      const known = targets.get(key)
      if (known === undefined) targets.set(key, [...annotations])
      else known.push(...annotations)
    }
  return targets
}
