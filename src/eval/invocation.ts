import { printBound } from '../bind/print.ts'
import type { InvocationExpression } from '../bind/tree.ts'
import type { Value } from '../edm/value.ts'
import { ODataError } from '../errors/odata-error.ts'
import { compileSteps, memberOfValue } from './member.ts'
import { type CompileScope, cellAt, computed, type Node, rowCell } from './scope.ts'

/** What functions of the service gave for rows: called before the rows are looked at, their results stand beside them. */

/** A row as one reader sees it, or an instance of transformations. */
type Caller = object

const results = new WeakMap<Caller, Map<InvocationExpression, Value>>()

/** Notes what a call gave for a row. */
export function noteResult(caller: Caller, call: InvocationExpression, value: Value): void {
  let known = results.get(caller)
  if (known === undefined) {
    known = new Map()
    results.set(caller, known)
  }
  known.set(call, value)
}

/** Whether a call has been made for a row. */
export function hasResult(caller: Caller, call: InvocationExpression): boolean {
  return results.get(caller)?.has(call) ?? false
}

/** Lets another view of a row have what was given for it. */
export function takeResults(from: Caller, to: Caller): void {
  const known = results.get(from)
  if (known !== undefined) results.set(to, new Map(known))
}

/** @throws ODataError notImplemented where nobody calls functions for the rows */
export function compileInvocation(expression: InvocationExpression, scope: CompileScope): Node {
  const { context } = scope
  if (context.calls !== true) throw notHere(expression)
  const steps = compileSteps(expression.steps, undefined, context)
  return (binding) => {
    const cell = cellAt(binding.cells, rowCell)
    return computed(() => {
      const caller = cell.start < 0 ? cell.value : cell.row
      const known = typeof caller === 'object' && caller !== null ? results.get(caller) : undefined
      const value = known?.get(expression)
      if (value === undefined) throw notHere(expression)
      return memberOfValue(value, steps, 0)
    })
  }
}

function notHere(expression: InvocationExpression): ODataError {
  return new ODataError(
    'notImplemented',
    `Calling ${expression.operation.name} here (${printBound(expression)}) is not implemented by this service.`,
  )
}
