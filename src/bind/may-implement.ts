import { mayImplement } from '../csdl/core.ts'
import type { Model, StructuredType } from '../edm/model.ts'
import { isStructured, isSubtypeOf } from '../edm/types.ts'
import { unaliased } from './context.ts'

/**
 * Whether a value of a type might be one of a type outside of its hierarchy, as Core.MayImplement of the type, of a base type or of a derived
 * type says. Stored values are of one type each: what a value is is what the data say of it.
 */
export function mightBe(model: Model, from: StructuredType, to: StructuredType): boolean {
  const types: StructuredType[] = []
  for (let base: StructuredType | undefined = from; base !== undefined; base = base.baseType) types.push(base)
  const derived = (type: StructuredType): void => {
    for (const next of type.derivedTypes) {
      types.push(next)
      derived(next)
    }
  }
  derived(from)
  return types.flatMap(mayImplement).some((name) => {
    const named = model.types.get(unaliased(model, name))
    return named !== undefined && isStructured(named) && (isSubtypeOf(named, to) || isSubtypeOf(to, named))
  })
}
