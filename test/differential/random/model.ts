import type { Choices } from './choices.ts'
import { propertyTypes } from './values.ts'

/** A random model, and its CSDL. */

export interface RandomProperty {
  readonly name: string
  /** `Edm.Int32`, `r.Complex0`, `r.Enum1` */
  readonly type: string
  readonly collection: boolean
  readonly nullable: boolean
}

export interface RandomNavigation {
  readonly name: string
  /** qualified name of the entity type */
  readonly target: string
  readonly collection: boolean
  readonly contained: boolean
  /** foreign key property of this type and key property of the target */
  readonly constraint: readonly [dependent: string, referenced: string] | undefined
  readonly partner: string | undefined
}

export interface RandomType {
  /** qualified */
  readonly name: string
  readonly kind: 'entity' | 'complex'
  readonly base: RandomType | undefined
  readonly open: boolean
  readonly key: readonly RandomProperty[]
  readonly properties: RandomProperty[]
  readonly navigations: RandomNavigation[]
  readonly derived: RandomType[]
}

export interface RandomEnum {
  readonly name: string
  readonly flags: boolean
  readonly members: readonly (readonly [name: string, value: string])[]
}

export interface RandomSet {
  readonly name: string
  readonly type: RandomType
  /** paths of indexes, each as items of an order */
  readonly indexes: readonly (readonly string[])[]
}

export interface RandomModel {
  readonly enums: ReadonlyMap<string, RandomEnum>
  readonly types: ReadonlyMap<string, RandomType>
  readonly sets: readonly RandomSet[]
}

/** Names that upset who takes them for functions, operators, options or members of JavaScript objects. */
const names = [
  'length',
  'year',
  'Value',
  'value',
  'count',
  'Name',
  'contains',
  'any',
  'div',
  'asc',
  'constructor',
  'toString',
  'filter',
  'Größe',
  '数',
  '_id2',
  'min',
  'A',
  'a',
  'now',
]

export function randomModel(choices: Choices): RandomModel {
  const enums = new Map<string, RandomEnum>()
  for (let i = choices.int(1, 2); i > 0; i--) {
    const flags = choices.chance(0.4)
    const values = flags ? ['1', '2', '3', '8'] : ['-5', '0', '7', '9007199254740993']
    enums.set(`r.Enum${i}`, {
      name: `r.Enum${i}`,
      flags,
      members: values.map((value, n) => [['One', 'Two', 'Three', 'Four'][n] ?? '', value]),
    })
  }
  const types = new Map<string, RandomType>()
  const complex: RandomType[] = []
  const add = (type: RandomType): RandomType => {
    types.set(type.name, type)
    type.base?.derived.push(type)
    return type
  }
  const scalar = (): string =>
    choices.chance(0.12) ? choices.pick([...enums.keys()]) : choices.weighted(propertyTypes)
  /** @param taken names of the type and of its base types */
  const properties = (count: number, taken: Set<string>): RandomProperty[] => {
    const found: RandomProperty[] = []
    for (let i = 0; i < count; i++) {
      const name = choices.chance(0.3) ? choices.pick(names) : `P${taken.size}`
      if (taken.has(name)) continue
      taken.add(name)
      const type = complex.length > 0 && choices.chance(0.2) ? choices.pick(complex).name : scalar()
      found.push({ name, type, collection: choices.chance(0.15), nullable: choices.chance(0.8) })
    }
    return found
  }

  for (let i = 0; i < choices.int(1, 3); i++) {
    const base = complex.length > 0 && choices.chance(0.4) ? complex[0] : undefined
    const taken = new Set(base === undefined ? [] : allProperties(base).map(({ name }) => name))
    const own = properties(choices.int(2, 4), taken).filter(({ type }) => type !== base?.name)
    complex.push(
      add({
        name: `r.Complex${i}`,
        kind: 'complex',
        base,
        open: base?.open === true || choices.chance(0.2),
        key: [],
        properties: own,
        navigations: [],
        derived: [],
      }),
    )
  }

  const keyed: RandomType[] = []
  for (let i = 0; i < choices.int(2, 3); i++) {
    const key: RandomProperty[] = []
    const parts = choices.chance(0.2) ? 2 : 1
    for (let k = 0; k < parts; k++) {
      const type = choices.weighted([
        [4, 'Edm.Int32'],
        [4, 'Edm.String'],
        [1, 'Edm.Int64'],
        [1, 'Edm.Guid'],
        [1, 'Edm.Date'],
        [1, 'Edm.Decimal'],
      ])
      key.push({ name: k === 0 ? choices.pick(['id', 'ID', 'Key']) : 'Part', type, collection: false, nullable: false })
    }
    const taken = new Set(key.map(({ name }) => name))
    const type = add({
      name: `r.Entity${i}`,
      kind: 'entity',
      base: undefined,
      open: choices.chance(0.25),
      key,
      properties: [...key, ...properties(choices.int(4, 9), taken)],
      navigations: [],
      derived: [],
    })
    keyed.push(type)
    for (let n = choices.int(0, 2); n > 0; n--) {
      const base = choices.chance(0.3) ? (type.derived[0] ?? type) : type
      const inherited = new Set(allProperties(base).map(({ name }) => name))
      add({
        name: `r.Entity${i}${'ABC'[n]}`,
        kind: 'entity',
        base,
        open: base.open,
        key,
        properties: properties(choices.int(1, 3), inherited),
        navigations: [],
        derived: [],
      })
    }
  }
  navigations(choices, keyed)
  const part: RandomType = add({
    name: 'r.Part',
    kind: 'entity',
    base: undefined,
    open: false,
    key: [{ name: 'no', type: 'Edm.Int32', collection: false, nullable: false }],
    properties: [
      { name: 'no', type: 'Edm.Int32', collection: false, nullable: false },
      ...properties(choices.int(2, 4), new Set(['no'])),
    ],
    navigations: [],
    derived: [],
  })
  keyed[0]?.navigations.push({
    name: 'Parts',
    target: part.name,
    collection: choices.chance(0.7),
    contained: true,
    constraint: undefined,
    partner: undefined,
  })

  const sets = keyed.map((type, i): RandomSet => {
    const indexable = type.properties.filter(
      (property) => !property.collection && property.type.startsWith('Edm.') && !property.type.startsWith('Edm.Geo'),
    )
    return {
      name: `Set${i}`,
      type,
      indexes: choices.some(indexable, 3).map((first) => [
        first.name + choices.pick(['', ' desc']),
        ...choices
          .some(
            indexable.filter((other) => other !== first),
            1,
          )
          .map(({ name }) => name),
      ]),
    }
  })
  return { enums, types, sets }
}

/** Relations of all kinds between the types, and of a type with itself. */
function navigations(choices: Choices, keyed: readonly RandomType[]): void {
  let number = 0
  for (const type of keyed) {
    for (let i = choices.int(1, 2); i > 0; i--) {
      const target = choices.pick(keyed)
      number++
      const referenced = target.key[0]
      if (target.key.length === 1 && referenced !== undefined && choices.chance(0.7)) {
        const dependent = { name: `Fk${number}`, type: referenced.type, collection: false, nullable: true }
        type.properties.push(dependent)
        const back = choices.chance(0.7)
        const one: RandomNavigation = {
          name: `One${number}`,
          target: target.name,
          collection: false,
          contained: false,
          constraint: [dependent.name, referenced.name],
          partner: back ? `Back${number}` : undefined,
        }
        type.navigations.push(one)
        if (back) {
          target.navigations.push({
            name: `Back${number}`,
            target: type.name,
            collection: true,
            contained: false,
            constraint: undefined,
            partner: one.name,
          })
        }
      } else if (target.key.length === 1 && type.key.length === 1) {
        type.navigations.push({
          name: `Many${number}`,
          target: target.name,
          collection: true,
          contained: false,
          constraint: undefined,
          partner: undefined,
        })
      }
    }
  }
}

/** Inherited ones first. */
export function allProperties(type: RandomType): readonly RandomProperty[] {
  return type.base === undefined ? type.properties : [...allProperties(type.base), ...type.properties]
}

export function allNavigations(type: RandomType): readonly RandomNavigation[] {
  return type.base === undefined ? type.navigations : [...allNavigations(type.base), ...type.navigations]
}

export function typeNamed(model: RandomModel, name: string): RandomType {
  const type = model.types.get(name)
  if (type === undefined) throw new Error(`no type ${name}`)
  return type
}

/** The set of a type or of one of its base types. */
export function setOf(model: RandomModel, type: RandomType): RandomSet | undefined {
  for (let one: RandomType | undefined = type; one !== undefined; one = one.base) {
    const found = model.sets.find((set) => set.type === one)
    if (found !== undefined) return found
  }
  return undefined
}

const facets: Readonly<Record<string, string>> = {
  'Edm.Decimal': ' Scale="variable"',
  'Edm.DateTimeOffset': ' Precision="12"',
  'Edm.TimeOfDay': ' Precision="12"',
  'Edm.Duration': ' Precision="12"',
  'Edm.GeographyPoint': ' SRID="4326"',
  'Edm.GeometryPoint': ' SRID="0"',
}

/** The model as CSDL 4.01 XML. */
export function csdlOf({ enums, types, sets }: RandomModel): string {
  const bare = (name: string): string => name.slice('r.'.length)
  const property = ({ name, type, collection, nullable }: RandomProperty): string =>
    `<Property Name="${name}" Type="${collection ? `Collection(${type})` : type}"${facets[type] ?? ''} Nullable="${nullable}"/>`
  const navigation = (one: RandomNavigation): string =>
    `<NavigationProperty Name="${one.name}" Type="${one.collection ? `Collection(${one.target})` : one.target}"` +
    `${one.contained ? ' ContainsTarget="true"' : ''}${one.partner === undefined ? '' : ` Partner="${one.partner}"`}>` +
    (one.constraint === undefined
      ? ''
      : `<ReferentialConstraint Property="${one.constraint[0]}" ReferencedProperty="${one.constraint[1]}"/>`) +
    '</NavigationProperty>'
  const structured = (type: RandomType): string => {
    const element = type.kind === 'entity' ? 'EntityType' : 'ComplexType'
    return (
      `<${element} Name="${bare(type.name)}"${type.base === undefined ? '' : ` BaseType="${type.base.name}"`}` +
      `${type.open ? ' OpenType="true"' : ''}>` +
      (type.base === undefined && type.kind === 'entity'
        ? `<Key>${type.key.map(({ name }) => `<PropertyRef Name="${name}"/>`).join('')}</Key>`
        : '') +
      type.properties.map(property).join('') +
      type.navigations.map(navigation).join('') +
      `</${element}>`
    )
  }
  const bound = (set: RandomSet): string =>
    typesOf(set.type)
      .flatMap((type) => type.navigations.map((one) => [type, one] as const))
      .filter(([, one]) => !one.contained)
      .map(([type, one]) => {
        const target = sets.find(({ type: { name } }) => name === one.target)
        const path = type === set.type ? one.name : `${type.name}/${one.name}`
        return `<NavigationPropertyBinding Path="${path}" Target="${target?.name}"/>`
      })
      .join('')
  const indexes = (set: RandomSet): string =>
    set.indexes.length === 0
      ? ''
      : `<Annotation Term="Odatum.V1.Index"><Collection>${set.indexes
          .map(
            (items) =>
              `<Record><PropertyValue Property="Fields"><Collection>${items
                .map((item) => `<String>${item}</String>`)
                .join('')}</Collection></PropertyValue></Record>`,
          )
          .join('')}</Collection></Annotation>`
  return (
    '<?xml version="1.0" encoding="utf-8"?>\n' +
    '<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>' +
    '<Schema Namespace="r" xmlns="http://docs.oasis-open.org/odata/ns/edm">' +
    [...enums.values()]
      .map(
        ({ name, flags, members }) =>
          `<EnumType Name="${bare(name)}" UnderlyingType="Edm.Int64"${flags ? ' IsFlags="true"' : ''}>` +
          members.map(([member, value]) => `<Member Name="${member}" Value="${value}"/>`).join('') +
          '</EnumType>',
      )
      .join('\n') +
    [...types.values()].map(structured).join('\n') +
    '<EntityContainer Name="Container">' +
    sets
      .map(
        (set) => `<EntitySet Name="${set.name}" EntityType="${set.type.name}">${bound(set)}${indexes(set)}</EntitySet>`,
      )
      .join('\n') +
    '</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>\n'
  )
}

/** A type and all that are derived from it. */
export function typesOf(type: RandomType): readonly RandomType[] {
  return [type, ...type.derived.flatMap(typesOf)]
}
