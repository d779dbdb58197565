import type { EntitySet } from '../../edm/model.ts'
import type { CurrentCollection, Scope, Variable } from '../context.ts'
import { referenceOf } from './shape.ts'
import type { CalculatedParameter, Shape } from './tree.ts'

/** The scope of expressions over the instances of a shape. */
export function scopeOf(shape: Shape, set: EntitySet | undefined, calculated: CalculatedParameter[]): Scope {
  const it: Variable = { name: '$it', id: '$it', type: referenceOf(shape), outer: undefined }
  const these: CurrentCollection = { shape, set, calculated }
  return { implicit: it, outerImplicit: undefined, it, lambdas: undefined, computed: undefined, these }
}
