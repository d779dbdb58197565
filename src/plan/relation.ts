import type { Expression, MemberStep } from '../bind/tree.ts'
import { booleanReference } from '../bind/type-references.ts'
import type {
  EntitySet,
  EntityType,
  KeyProperty,
  NavigationProperty,
  Property,
  ReferentialConstraint,
  Singleton,
  StructuredType,
  TypeReference,
} from '../edm/model.ts'
import { isStructured, isSubtypeOf, primitiveOf } from '../edm/types.ts'
import { ODataError } from '../errors/odata-error.ts'
import type { FixedValue, HopValue, SourceStep } from './plan.ts'
import { listName, propertiesOf } from './suffix.ts'

/**
 * How the entities of a navigation property without containment are found: by its own referential constraint, by that of its
 * partner, or by the keys that the entity lists.
 */

/** A navigation property as values of the row before it and steps of a source behind it. */
export interface Relation {
  readonly kind: 'constraint' | 'links'
  readonly target: EntitySet | Singleton
  readonly type: EntityType
  /** what the row before gives, in the order of the parameters */
  readonly values: readonly HopValue[]
  readonly steps: readonly SourceStep[]
  readonly fixed: readonly FixedValue[]
  /** of one entity that no key names: conditions that find it among the target's, and its key as further values */
  readonly find: { readonly steps: readonly SourceStep[]; readonly values: readonly HopValue[] } | undefined
}

/** A pair of a constraint: where the value stands in the row that navigation leaves, and in the one it reaches. */
export interface Pair {
  readonly from: readonly Property[]
  readonly to: readonly Property[]
}

/** How a navigation property is stored (docs/architecture.md, "Relations"). */
export type Storage =
  | { readonly kind: 'constraint'; readonly pairs: readonly Pair[]; readonly dependent: boolean }
  | { readonly kind: 'links' }

/** Which properties relate the entities of a navigation property to the one that has it. */
export function storageOf(property: NavigationProperty): Storage {
  const { type, declaringType, referentialConstraints } = property
  if (type.kind !== 'entity') return { kind: 'links' }
  if (referentialConstraints.length > 0) {
    const pairs = pairsOf(referentialConstraints, declaringType, type)
    if (pairs) return { kind: 'constraint', pairs, dependent: true }
  }
  const partner = partnerPathOf(property)
  if (partner !== undefined && partner.property.referentialConstraints.length > 0) {
    const { via } = partner
    const pairs = pairsOf(partner.property.referentialConstraints, partner.property.declaringType, declaringType)
    if (pairs)
      return {
        kind: 'constraint',
        pairs: pairs.map(({ from, to }) => ({ from: to, to: [...via, ...from] })),
        dependent: false,
      }
  }
  return { kind: 'links' }
}

/** A navigation property that leads back, and the complex properties of the related entity before it. */
export interface Partner {
  readonly via: readonly Property[]
  readonly property: NavigationProperty
}

/** The navigation property that leads back (CSDL 8.4), where it is one of the entity itself. */
export function partnerOf(property: NavigationProperty): NavigationProperty | undefined {
  const partner = partnerPathOf(property)
  return partner?.via.length === 0 ? partner.property : undefined
}

/**
 * The navigation property that leads back (CSDL 8.4), which may lie in a complex property. Of a property that lies in one itself only
 * `linkingOf` knows it, as it depends on the way there.
 */
export function partnerPathOf(property: NavigationProperty): Partner | undefined {
  const { type, partner } = property
  if (type.kind !== 'entity') return undefined
  if (partner !== undefined) return partnerAt(type, partner)
  // one side may leave the other unsaid
  for (const candidate of type.allNavigationProperties.values())
    if (candidate.partner === property.name && candidate.type === property.declaringType)
      return { via: [], property: candidate }
  return undefined
}

/** What a Partner path leads to. */
export function partnerAt(type: EntityType, path: string): Partner | undefined {
  const names = path.split('/')
  const last = names.pop() ?? ''
  const via = propertiesAt(type, names.join('/'))
  if (via === undefined) return undefined
  const complex = via.at(-1)?.type.type
  const holder = via.length === 0 ? type : complex !== undefined && isStructured(complex) ? complex : undefined
  const property = holder && navigationNamed(holder, last)
  return property && { via, property }
}

function navigationNamed(type: StructuredType, name: string): NavigationProperty | undefined {
  const own = type.allNavigationProperties.get(name)
  if (own !== undefined) return own
  const derivedTypes: readonly StructuredType[] = type.derivedTypes
  for (const derived of derivedTypes) {
    const found = derived.allNavigationProperties.get(name)
    if (found !== undefined) return found
  }
  return undefined
}

function pairsOf(
  constraints: readonly ReferentialConstraint[],
  dependent: StructuredType,
  principal: StructuredType,
): readonly Pair[] | undefined {
  const pairs: Pair[] = []
  for (const constraint of constraints) {
    const from = propertiesAt(dependent, constraint.property)
    const to = propertiesAt(principal, constraint.referencedProperty)
    if (from === undefined || to === undefined) return undefined
    pairs.push({ from, to })
  }
  return pairs
}

function propertiesAt(type: StructuredType, path: string): readonly Property[] | undefined {
  const properties: Property[] = []
  let current: StructuredType | undefined = type
  for (const name of path === '' ? [] : path.split('/')) {
    if (name.includes('.')) continue
    const property: Property | undefined = current?.allProperties.get(name) ?? derivedProperty(current, name)
    if (property === undefined || property.type.collection) return undefined
    properties.push(property)
    current = isStructured(property.type.type) ? property.type.type : undefined
  }
  return properties
}

function derivedProperty(type: StructuredType | undefined, name: string): Property | undefined {
  const derived: readonly StructuredType[] = type?.derivedTypes ?? []
  return derived.find((candidate) => candidate.allProperties.has(name))?.allProperties.get(name)
}

/**
 * Resolves a navigation property.
 * @param bound the set or singleton that it is bound to
 * @param via complex properties and casts between the row and the navigation property
 * @param firstParameter number of the first value
 * @throws ODataError notImplemented where nothing says which entities are meant
 */
export function relationOf(
  property: NavigationProperty,
  bound: EntitySet | Singleton | undefined,
  via: readonly MemberStep[],
  firstParameter: number,
): Relation {
  const { name, declaringType, type: declared } = property
  const full = `${declaringType.name}/${name}`
  if (bound === undefined)
    throw new ODataError(
      'notImplemented',
      `The navigation property ${full} is neither contained nor bound to an entity set, so its entities cannot be found.`,
      { target: name },
    )
  const storage = storageOf(property)
  const { type, casts } = typeIn(bound, declared.kind === 'entity' ? declared : bound.type, full)
  if (storage.kind === 'links') {
    const common = { kind: 'links', target: bound, type, fixed: [], find: undefined } as const
    if (bound.kind === 'singleton') return { ...common, values: [], steps: casts }
    return { ...common, ...linked(bound, property, via, casts, firstParameter, full) }
  }
  const values: HopValue[] = []
  const conditions: Expression[] = []
  const fixed: FixedValue[] = []
  for (const { from, to } of storage.pairs) {
    const parameter = firstParameter + values.length
    const source = lastOf(from)
    const target = lastOf(to)
    if (primitiveOf(source.type.type) !== primitiveOf(target.type.type))
      throw new ODataError(
        'notImplemented',
        `The referential constraint of ${full} relates properties of different types, which is not implemented.`,
        { target: name },
      )
    values.push({ kind: 'member', expression: memberOf([...via, ...stepsOf(from)], source.type), required: true })
    conditions.push(equals(memberOf(stepsOf(to), target.type), parameter))
    if (!storage.dependent && to.length === 1) fixed.push({ property: target.name, parameter })
  }
  const common = { kind: 'constraint', target: bound, type, values, fixed } as const
  const filters = conditions.map((predicate): SourceStep => ({ kind: 'filter', predicate }))
  if (property.collection) return { ...common, steps: [...casts, ...filters], find: undefined }
  if (bound.kind === 'singleton') return { ...common, steps: [], find: { steps: [...casts, ...filters], values: [] } }
  if (storage.dependent && coversKey(bound, storage.pairs)) {
    const predicate = keyPredicateOf(bound, storage.pairs, firstParameter)
    return { ...common, steps: [{ kind: 'key', predicate }, ...casts], find: undefined }
  }
  const { key } = bound.type
  const found = key.map(({ property: part, path }): HopValue => {
    if (path.length > 1)
      throw new ODataError('notImplemented', 'Keys over complex properties are not implemented by this service.')
    return { kind: 'member', expression: memberOf(stepsOf([part]), part.type), required: true }
  })
  const predicate = { key, parameters: key.map((_, i) => firstParameter + values.length + i) }
  return {
    ...common,
    steps: [{ kind: 'key', predicate }, ...casts],
    find: { steps: [...casts, ...filters], values: found },
  }
}

/** The entities of a type in a set of that type, of a base type, or of a derived one. */
function typeIn(
  bound: EntitySet | Singleton,
  declared: EntityType,
  full: string,
): { type: EntityType; casts: readonly SourceStep[] } {
  if (isSubtypeOf(bound.type, declared)) return { type: bound.type, casts: [] }
  if (isSubtypeOf(declared, bound.type)) return { type: declared, casts: [{ kind: 'cast', type: declared }] }
  throw new ODataError('notImplemented', `${full} is bound to ${bound.name}, which has entities of another type.`)
}

function linked(
  target: EntitySet,
  property: NavigationProperty,
  via: readonly MemberStep[],
  casts: readonly SourceStep[],
  parameter: number,
  full: string,
): Pick<Relation, 'values' | 'steps'> {
  const { key } = target.type
  if (key.length === 0 || key.some(({ path: { length } }) => length > 1))
    throw new ODataError(
      'notImplemented',
      `${full} lists entities whose key lies in a complex property, which is not implemented.`,
      { target: property.name },
    )
  const listed = { kind: 'links', list: listName(via, property), within: propertiesOf(via), type: target.type } as const
  if (!property.collection) {
    const predicate = { key, parameters: key.map((_, i) => parameter + i) }
    return {
      values: key.map((_, part) => ({ ...listed, part, required: true })),
      steps: [{ kind: 'key', predicate }, ...casts],
    }
  }
  return { values: [{ ...listed, part: undefined, required: false }], steps: [...casts, among(key, parameter)] }
}

/** Those whose key is in a list. */
function among(key: readonly KeyProperty[], parameter: number): SourceStep {
  const [first, ...more] = key
  if (first === undefined || more.length > 0) return { kind: 'keys', parameter }
  const { property } = first
  const list: TypeReference = { ...property.type, collection: true }
  const predicate: Expression = {
    kind: 'in',
    operand: memberOf([{ kind: 'property', property }], property.type),
    items: [{ kind: 'parameter', index: parameter, type: list }],
    type: booleanReference,
  }
  return { kind: 'filter', predicate }
}

function lastOf(properties: readonly Property[]): Property {
  const last = properties.at(-1)
  if (last === undefined) throw new Error('invariant: a constraint names a property')
  return last
}

function stepsOf(properties: readonly Property[]): readonly MemberStep[] {
  return properties.map((property) => ({ kind: 'property', property }))
}

/** A path from the row. */
export function memberOf(steps: readonly MemberStep[], type: TypeReference): Expression {
  return { kind: 'member', variable: '$it', steps, type }
}

function equals(left: Expression, parameter: number): Expression {
  const right: Expression = { kind: 'parameter', index: parameter, type: left.type }
  return { kind: 'binary', operator: 'eq', left, right, type: booleanReference }
}

/** Whether the referenced properties are the key of the target set, each once. */
function coversKey({ type }: EntitySet, pairs: readonly Pair[]): boolean {
  return (
    type.key.length === pairs.length &&
    type.key.every(({ path, property }) => path.length === 1 && pairs.some(({ to }) => lastOf(to) === property))
  )
}

function keyPredicateOf({ type }: EntitySet, pairs: readonly Pair[], first: number) {
  const parameters = type.key.map(({ property }) => first + pairs.findIndex(({ to }) => lastOf(to) === property))
  return { key: type.key, parameters }
}
