import type { Operation } from './model.ts'
import { typeName } from './types.ts'

/** `ns.Price(ns.Tool)`: of an action the binding type, of a function all parameter types (CSDL 14.2.1). */
export function signatureOf({ kind, name, bound, parameters }: Operation): string {
  const told = kind === 'function' ? parameters : bound ? parameters.slice(0, 1) : []
  return `${name}(${told.map(({ type }) => typeName(type)).join(',')})`
}
