import { allNavigations, allProperties, type RandomModel, type RandomType, typeNamed, typesOf } from './model.ts'
import { type Group, pools } from './values.ts'

/** What the expressions of a request can name. */

export interface SingleValue {
  readonly path: string
  /** group of a primitive or enumeration type; undefined: a complex or entity type */
  readonly group: Group | undefined
  readonly type: string
}

export interface ManyValues {
  readonly path: string
  /** name of the item type */
  readonly type: string
}

export interface Scope {
  readonly singles: readonly SingleValue[]
  readonly many: readonly ManyValues[]
  readonly open: boolean
  /** qualified names of the type and those derived, for isof */
  readonly types: readonly string[]
  /** before every path: empty, or a variable and a slash */
  readonly prefix: string
}

/** @param depth of complex values and single navigation that paths go through */
export function scopeOf(model: RandomModel, type: RandomType, depth = 2, prefix = ''): Scope {
  const singles: SingleValue[] = []
  const many: ManyValues[] = []
  const walk = (one: RandomType, path: string, left: number): void => {
    const members = (of: RandomType, to: string, own: boolean): void => {
      for (const property of own ? of.properties : allProperties(of)) {
        const here = to + property.name
        if (property.collection) {
          many.push({ path: here, type: property.type })
          continue
        }
        singles.push({ path: here, group: groupOf(model, property.type), type: property.type })
        const nested = model.types.get(property.type)
        if (nested !== undefined && left > 0) walk(nested, `${here}/`, left - 1)
      }
      for (const navigation of own ? of.navigations : allNavigations(of)) {
        const here = to + navigation.name
        if (navigation.collection) {
          many.push({ path: here, type: navigation.target })
          continue
        }
        singles.push({ path: here, group: undefined, type: navigation.target })
        if (left > 1) walk(typeNamed(model, navigation.target), `${here}/`, left - 2)
      }
    }
    members(one, path, false)
    for (const derived of typesOf(one).slice(1)) members(derived, `${path}${derived.name}/`, true)
  }
  walk(type, prefix, depth)
  return { singles, many, open: type.open, types: typesOf(type).map(({ name }) => name), prefix }
}

export function groupOf(model: RandomModel, type: string): Group | undefined {
  const pool = pools[type]
  if (pool !== undefined) return pool.group
  return model.enums.has(type) ? `enum ${type}` : undefined
}

/** A scope with further names: what `$compute` defines, the variables of lambdas. */
export function widened(scope: Scope, singles: readonly SingleValue[], many: readonly ManyValues[] = []): Scope {
  return { ...scope, singles: [...scope.singles, ...singles], many: [...scope.many, ...many] }
}
