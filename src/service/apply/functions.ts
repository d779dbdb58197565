import type { Parameters } from '../../bind/tree.ts'
import type { TypeReference } from '../../edm/model.ts'
import type { Value } from '../../edm/value.ts'
import { type Instance, transient } from '../../eval/apply/instance.ts'
import type { FunctionStep, InstanceSet } from '../../eval/apply/run.ts'
import type { Core } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { readArguments } from '../operations/arguments.ts'
import { fromPlain, toPlain } from '../plain.ts'

/**
 * A function as a transformation (Aggregation 3): its handler is bound to the instances as plain objects. Those that it gives back are the
 * instances that they were, with their identity; others are transient.
 * @throws ODataError notImplemented without a handler, and what reading its arguments throws
 */
export function transformation(
  core: Core,
  exchange: Exchange,
  step: FunctionStep,
  parameters: Parameters,
): (set: InstanceSet) => Promise<InstanceSet> {
  const { operation } = step
  core.operations.require(operation)
  const values = readArguments(core.model, step, parameters)
  const what = `the handler of ${operation.name}`
  const { returnType } = operation
  if (returnType === undefined) throw new Error('invariant: a transformation gives a collection')
  const item = { ...returnType, collection: false, nullable: false }
  return async (set) => {
    const known = new Map<unknown, Instance>()
    // a change would be lost with those that come back as they were
    for (const instance of set) known.set(Object.freeze(toPlain(instance, instance.entity !== undefined)), instance)
    const bound = { path: undefined, read: async () => [...known.keys()] }
    const given = await core.operations.invoke(core, exchange, operation, bound, values)
    if (typeof given !== 'object' || given === null || !(Symbol.iterator in given))
      throw new Error(`${what} gave back something else than a collection`)
    return Array.from(given as Iterable<unknown>, (each) => known.get(each) ?? made(core, item, each, what))
  }
}

/** What is new has all declared properties: null is what the handler did not say. */
function made(core: Core, type: TypeReference, given: unknown, what: string): Instance {
  const value = fromPlain(core.model, type, given, what)
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'structured')
    throw new Error(`${what} gave back something else than an instance`)
  const own = new Map<string, Value>()
  for (const [name, property] of value.type.allProperties)
    own.set(name, value.members.get(name) ?? (property.type.collection ? [] : null))
  for (const [name, member] of value.members) if (!own.has(name)) own.set(name, member)
  return transient(value.type, own)
}
