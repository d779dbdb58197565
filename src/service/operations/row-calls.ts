import type { Expression, InvocationExpression, Parameters } from '../../bind/tree.ts'
import { decodeEntity } from '../../bson/decode.ts'
import type { Operation } from '../../edm/model.ts'
import type { Value } from '../../edm/value.ts'
import { hasResult, noteResult } from '../../eval/invocation.ts'
import { resultOf } from '../../plan/result.ts'
import { type Core, collectionOf } from '../core.ts'
import type { Exchange } from '../exchange.ts'
import { readArguments } from './arguments.ts'
import type { Bound } from './bound.ts'
import { rowsOfResult } from './result.ts'

/**
 * Functions of the service in expressions (Protocol 11.5.4.1): their handlers are called for the rows before these are looked at, as for a
 * request to `Set(key)/Namespace.Function(...)`; what they give stands beside the row (eval/invocation.ts).
 */

/** Calls of handlers at once, for one read. */
const mostAtOnce = 16

/** Rows of a request, or instances of transformations. */
export interface Callers<Caller extends object> {
  /** the value of an argument for one of them */
  valueFor(expression: Expression): (caller: Caller) => Value
  /** what a call is bound to; undefined: to nothing that is there, or the function is not available for it */
  boundOf(call: InvocationExpression): (caller: Caller) => Bound | undefined
}

/** Makes the calls for some rows; those that look at no row are made once. */
export type RowCalls<Caller extends object> = (callers: readonly Caller[]) => Promise<void>

/**
 * Prepares the calls of some expressions.
 * @param calls those that others take as arguments first
 * @throws ODataError notImplemented without a handler, and what reading the arguments throws
 */
export function prepareCalls<Caller extends object>(
  core: Core,
  exchange: Exchange,
  calls: readonly InvocationExpression[],
  parameters: Parameters,
  callers: Callers<Caller>,
): RowCalls<Caller> {
  const prepared = calls.map((call) => prepareCall(core, exchange, call, parameters, callers))
  return async (rows) => {
    for (const call of prepared) await atOnce(rows, call)
  }
}

function prepareCall<Caller extends object>(
  core: Core,
  exchange: Exchange,
  call: InvocationExpression,
  parameters: Parameters,
  callers: Callers<Caller>,
): (caller: Caller) => Promise<void> {
  const { operation, binding } = call
  core.operations.require(operation)
  const boundOf = binding && callers.boundOf(call)
  const argumentsOf = argumentReader(core, call, parameters, callers)
  const resultIn = resultReader(core, call)
  const invoke = async (bound: Bound | undefined, caller: Caller): Promise<Value> => {
    const values = argumentsOf(caller)
    if (values === undefined) return nothingOf(operation)
    return resultIn(await core.operations.invoke(core, exchange, operation, bound, values))
  }
  const shared = binding === undefined && [...call.arguments.values()].every(isGiven)
  let once: Promise<Value> | undefined
  return async (caller) => {
    if (hasResult(caller, call)) return
    const bound = boundOf?.(caller)
    if (boundOf !== undefined && bound === undefined) {
      noteResult(caller, call, nothingOf(operation))
      return
    }
    if (shared) once ??= invoke(undefined, caller)
    noteResult(caller, call, await (once ?? invoke(bound, caller)))
  }
}

function isGiven({ kind }: Expression): boolean {
  return kind === 'parameter' || kind === 'constant'
}

/**
 * The arguments of a call for each row.
 * @returns undefined where a row has no value for a parameter that needs one: the result is null, as that of canonical functions (URL Conventions 5.1.1.4)
 */
function argumentReader<Caller extends object>(
  { model }: Core,
  call: InvocationExpression,
  parameters: Parameters,
  callers: Callers<Caller>,
): (caller: Caller) => ReturnType<typeof readArguments> | undefined {
  const evaluators = new Map<Expression, (caller: Caller) => Value>()
  const needed = new Set<Expression>()
  for (const { name, type } of call.operation.parameters) {
    const argument = call.arguments.get(name)
    if (argument === undefined || isGiven(argument)) continue
    evaluators.set(argument, callers.valueFor(argument))
    if (!type.nullable) needed.add(argument)
  }
  if (evaluators.size === 0) {
    const values = readArguments(model, call, parameters)
    return () => values
  }
  return (caller) => {
    const found = new Map<Expression, Value>()
    for (const [argument, evaluate] of evaluators) found.set(argument, evaluate(caller))
    for (const argument of needed) if (found.get(argument) === null) return undefined
    return readArguments(model, call, parameters, (argument) => found.get(argument) ?? null)
  }
}

/** What handlers give, held to the result type and as a value of it. */
function resultReader(core: Core, { operation, arguments: args }: InvocationExpression): (given: unknown) => Value {
  const segment = { kind: 'operation', operation, import: undefined, arguments: args, target: undefined } as const
  const result = resultOf(segment, undefined, 0)
  const layout = collectionOf(core.layout, result)
  const nothing = nothingOf(operation)
  return (given) => {
    if (given === undefined || given === null) return nothing
    const values = rowsOfResult(core, result, given).map((row) => decodeEntity(core.layout, layout, row))
    if (result.value === undefined) return operation.returnType?.collection ? values : (values[0] ?? null)
    return values[0]?.members.get(result.value.name) ?? nothing
  }
}

function nothingOf({ returnType }: Operation): Value {
  return returnType?.collection ? [] : null
}

/** Does something for each item, for some of them at the same time. The first error ends it, once what has begun is done. */
async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const pending = items.values()
  let failed = false
  const worker = async (): Promise<void> => {
    for (const item of pending) {
      if (failed) return
      try {
        await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(mostAtOnce, items.length) }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
