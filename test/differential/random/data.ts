import { texts } from '../grammar.ts'
import type { Choices } from './choices.ts'
import {
  allNavigations,
  allProperties,
  type RandomModel,
  type RandomProperty,
  type RandomSet,
  type RandomType,
  typeNamed,
  typesOf,
} from './model.ts'
import { pools, propertyTypes } from './values.ts'

/** Random rows of a random model: requests that make them, in order, and the keys that there are then. */

export interface RandomData {
  readonly requests: readonly { readonly method: 'POST' | 'PUT'; readonly path: string; readonly body: unknown }[]
  /** key predicates as URL text, percent-encoded: `('a')`, `(id=1,Part='x')` */
  readonly keys: ReadonlyMap<RandomSet, readonly string[]>
}

type Row = Record<string, unknown>

export function randomData(choices: Choices, model: RandomModel, rows: number): RandomData {
  const requests: { method: 'POST' | 'PUT'; path: string; body: unknown }[] = []
  const keys = new Map<RandomSet, string[]>()
  const made = new Map<RandomSet, Row[]>()
  for (const set of model.sets) {
    const seen = new Set<string>()
    for (let i = 0; i < rows; i++) {
      const row = keyOf(choices, set.type, i)
      const predicate = predicateOf(set.type, row)
      if (seen.has(predicate)) continue
      seen.add(predicate)
      made.set(set, [...(made.get(set) ?? []), row])
    }
    keys.set(set, [...seen])
  }
  const links: typeof requests = []
  for (const set of model.sets)
    for (const [i, key] of (made.get(set) ?? []).entries()) {
      const type = choices.chance(0.4) ? choices.pick(typesOf(set.type)) : set.type
      const row = { ...typeTag(type, set.type), ...structuredValue(choices, model, type), ...key }
      for (const { constraint, target } of allNavigations(type)) {
        if (constraint === undefined) continue
        const others = made.get(model.sets.find((other) => other.type.name === target) as RandomSet) ?? []
        // some lead nowhere: what the pools hold
        if (choices.chance(0.75)) row[constraint[0]] = choices.pick(others)[constraint[1]]
      }
      requests.push({ method: 'POST', path: `/${set.name}`, body: row })
      const path = `/${set.name}${keys.get(set)?.[i]}`
      for (const { name, target, collection, contained, constraint, partner } of allNavigations(set.type)) {
        if (contained) {
          const part = typeNamed(model, target)
          if (!collection) {
            if (choices.chance(0.5))
              links.push({
                method: 'PUT',
                path: `${path}/${name}`,
                body: { no: 1, ...structuredValue(choices, model, part) },
              })
            continue
          }
          for (const no of choices.some([1, 2, 3, 4, 5], 4))
            links.push({
              method: 'POST',
              path: `${path}/${name}`,
              body: { ...structuredValue(choices, model, part), no },
            })
        } else if (collection && constraint === undefined && partner === undefined) {
          const other = model.sets.find(({ type: { name: found } }) => found === target) as RandomSet
          for (const one of choices.some(keys.get(other) ?? [], 3))
            links.push({ method: 'POST', path: `${path}/${name}/$ref`, body: { '@id': `${other.name}${one}` } })
        }
      }
    }
  return { requests: [...requests, ...links], keys }
}

const typeTag = (type: RandomType, declared: RandomType): Row => (type === declared ? {} : { '@type': `#${type.name}` })

/** Without key properties and, mostly, with null in two forms: said and left out. */
function structuredValue(choices: Choices, model: RandomModel, type: RandomType, depth = 0): Row {
  const row: Row = {}
  for (const property of allProperties(type)) {
    if (type.key.includes(property)) continue
    if (property.nullable || property.collection) {
      if (choices.chance(0.15)) continue
      if (!property.collection && choices.chance(0.15)) {
        row[property.name] = null
        continue
      }
    }
    row[property.name] = propertyValue(choices, model, property, depth)
  }
  if (type.open && choices.chance(0.6)) {
    for (const name of choices.some(['Dyn1', 'Dyn2', '__proto__x', 'dollar'], 3)) {
      if (choices.chance(0.1)) {
        row[name] = choices.pick([['a', 'b'], [], [1, 2]])
        continue
      }
      const scalar = choices.weighted(propertyTypes.filter(([, of]) => !of.startsWith('Edm.Geo')))
      const value = choices.pick(pools[scalar]?.json ?? [])
      // a number or text says its type by itself only in some forms
      row[`${name}@type`] = scalar.slice('Edm.'.length)
      row[name] = value
    }
  }
  return row
}

function propertyValue(choices: Choices, model: RandomModel, property: RandomProperty, depth: number): unknown {
  if (property.collection) {
    return Array.from({ length: choices.int(0, 3) }, () =>
      property.nullable && choices.chance(0.15) ? null : itemOf(choices, model, property.type, depth),
    )
  }
  return itemOf(choices, model, property.type, depth)
}

/** One value of a type, as JSON. @param depth of complex values around it: deep ones are plain */
export function itemOf(choices: Choices, model: RandomModel, type: string, depth: number): unknown {
  const pool = pools[type]
  if (pool !== undefined) return choices.pick(pool.json)
  const enumeration = model.enums.get(type)
  if (enumeration !== undefined) {
    return (enumeration.flags ? choices.some(enumeration.members, 2, 1) : [choices.pick(enumeration.members)])
      .map(([name]) => name)
      .join(',')
  }
  const declared = typeNamed(model, type)
  // types may nest in one another by way of derived ones
  const one = depth < 2 && choices.chance(0.3) ? choices.pick(typesOf(declared)) : declared
  return { ...typeTag(one, declared), ...structuredValue(choices, model, one, depth + 1) }
}

function keyOf(choices: Choices, type: RandomType, i: number): Row {
  return Object.fromEntries(
    type.key.map(({ name, type: scalar }, part) => {
      if (type.key.length > 1 && part === 0) return [name, choices.pick((pools[scalar]?.json ?? []).slice(0, 4))]
      switch (scalar) {
        case 'Edm.Int32':
        case 'Edm.Int64':
        case 'Edm.Decimal':
          return [name, scalar === 'Edm.Int32' ? (i * 7) % 23 : String(((i * 7) % 23) - 3)]
        case 'Edm.String':
          return [name, i < texts.length && !/[/\\\n]/.test(texts[i] ?? '') ? texts[i] : `k${i}`]
        default:
          return [name, choices.pick(pools[scalar]?.json ?? [])]
      }
    }),
  )
}

function predicateOf(type: RandomType, row: Row): string {
  const literal = (property: RandomProperty): string => {
    const value = row[property.name]
    return property.type === 'Edm.String'
      ? encodeURIComponent(`'${String(value).replaceAll("'", "''")}'`)
      : String(value)
  }
  const [first] = type.key
  return type.key.length === 1 && first !== undefined
    ? `(${literal(first)})`
    : `(${type.key.map((property) => `${property.name}=${literal(property)}`).join(',')})`
}
