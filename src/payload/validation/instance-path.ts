import { int64Reference, itemReference } from '../../bind/type-references.ts'
import type { Property, StructuredType, Type, TypeReference } from '../../edm/model.ts'
import { isStructured, primitiveOf } from '../../edm/types.ts'
import { isStructuredValue, type StructuredValue, type Value } from '../../edm/value.ts'
import { isCollectionValue } from '../../eval/values.ts'
import { type Known, shownType } from './condition-terms.ts'

/** Instance paths (CSDL 14.4.1) over a value in memory: properties, casts, `$count`; through collections they lead to all of the values. */

/**
 * @param whole properties that are absent are null, or empty
 * @returns undefined where the value is not known
 */
export function valueAtPath(of: StructuredValue, path: string, whole: boolean): Known | undefined {
  return follow({ value: of, type: undefined }, path === '' ? [] : path.split('/'), whole)
}

function follow(from: Known, [step, ...rest]: readonly string[], whole: boolean): Known | undefined {
  if (step === undefined) return from
  const { value } = from
  if (value === null) return { value: null, type: undefined }
  if (isCollectionValue(value)) {
    if (step === '$count') return { value: BigInt(value.length), type: int64Reference }
    const items: Value[] = []
    let type: TypeReference | undefined
    for (const item of value) {
      const found = follow({ value: item, type: from.type && itemReference(from.type) }, [step, ...rest], whole)
      if (found === undefined) return undefined
      type ??= found.type
      // values that are no instance of a cast are left out
      if (isCollectionValue(found.value)) items.push(...found.value)
      else if (found.value !== null || !step.includes('.')) items.push(found.value)
    }
    return { value: items as Value, type: type && { ...type, collection: true } }
  }
  if (!isStructuredValue(value)) return undefined
  if (step.includes('.'))
    return follow(isNamed(value.type, step) ? from : { value: null, type: undefined }, rest, whole)
  const next = memberOf(value, step, whole)
  return next && follow(next, rest, whole)
}

function memberOf({ type, members, dynamicTypes }: StructuredValue, name: string, whole: boolean): Known | undefined {
  const property: Property | undefined = type.allProperties.get(name)
  if (property === undefined && (!type.open || type.allNavigationProperties.has(name))) return undefined
  if (!members.has(name) && !whole) return undefined
  const value = members.get(name) ?? (property?.type.collection ? [] : null)
  const reference = property?.type ?? dynamicTypes?.get(name) ?? shownType(value)
  return { value, type: reference }
}

/** Whether a type has a name, or derives from one that has. An alias may stand for the namespace. */
function isNamed(type: StructuredType, name: string): boolean {
  const local = name.slice(name.lastIndexOf('.'))
  for (let current: StructuredType | undefined = type; current !== undefined; current = current.baseType)
    if (current.name === name || current.name.endsWith(local)) return true
  return false
}

/**
 * What of a path cannot be followed over a value of a type, whatever the value: annotations, navigation properties, unknown names.
 * @returns the step; undefined: all of it can
 */
export function unknownStep(type: StructuredType, path: string): string | undefined {
  let current: StructuredType | undefined = type
  const steps = path === '' ? [] : path.split('/')
  for (const [i, step] of steps.entries()) {
    if (step === '$count' && i === steps.length - 1) return undefined
    if (current === undefined || step.includes('@') || step.startsWith('$')) return step
    if (step.includes('.')) {
      const cast: StructuredType | undefined = [current, ...current.derivedTypes].find((each) => isNamed(each, step))
      if (cast === undefined) return step
      current = cast
      continue
    }
    const property: Property | undefined = current.allProperties.get(step)
    if (property === undefined && (!current.open || current.allNavigationProperties.has(step))) return step
    const next: Type | undefined = property?.type.type
    if (next !== undefined && primitiveOf(next)?.name === 'Edm.Stream') return step
    current = next !== undefined && isStructured(next) ? next : undefined
  }
  return undefined
}
