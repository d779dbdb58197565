import { isTagged } from '../edm/annotations.ts'
import type { Operation, OperationImport, Type, TypeReference } from '../edm/model.ts'
import { isStructured, isSubtypeOf, typeName } from '../edm/types.ts'
import type { ArgumentNode, Span } from '../url/ast.ts'
import { type BindContext, inDefaultNamespace, notFound, shown, unaliased } from './context.ts'
import { describeLiteral, meetingType } from './literals.ts'
import type { Expression } from './tree.ts'
import { stringReference } from './type-references.ts'

/** Which overload a segment calls, and its arguments (URL Conventions 4.2, 4.5; CSDL 12). */

/** A resolved call. */
export interface OperationCall {
  readonly operation: Operation
  readonly arguments: ReadonlyMap<string, Expression>
}

/**
 * Binds an argument of a call in an expression (bind/invocation.ts). Calls in paths have none: their arguments are literals.
 * @param type of the parameter
 */
export type ArgumentBinder = (type: TypeReference, argument: ArgumentNode) => Expression

/** The overload of an import that takes the arguments. @throws ODataError resourceNotFound, functionNotFound, typeMismatch */
export function bindImport(
  context: BindContext,
  imported: OperationImport,
  args: readonly ArgumentNode[] | undefined,
  segment: Span,
  binder?: ArgumentBinder,
): OperationCall {
  return choose({ context, name: imported.name, segment, binder }, imported.operations, 0, args)
}

/**
 * The unbound function that an expression names: qualified, or by its short name where only one can be meant.
 * @returns undefined where there is none of that name
 * @throws ODataError functionNotFound, typeMismatch
 */
export function bindUnboundFunction(
  context: BindContext,
  name: string,
  args: readonly ArgumentNode[],
  segment: Span,
  binder: ArgumentBinder,
): OperationCall | undefined {
  const calling = { context, name, segment, binder }
  const overloads = onlyName(
    calling,
    named(context, name).filter(({ bound }) => !bound),
  )
  return overloads.length === 0 ? undefined : choose(calling, overloads, 0, args)
}

/** What is called, and where. */
interface Calling {
  readonly context: BindContext
  readonly name: string
  readonly segment: Span
  readonly binder: ArgumentBinder | undefined
}

/** In expressions a function that is not there is a fault of the text, in paths the resource is not there. */
function notThere({ binder }: Calling): 'functionNotFound' | 'resourceNotFound' {
  return binder === undefined ? 'resourceNotFound' : 'functionNotFound'
}

/** The operations that a name may mean. */
function named(context: BindContext, name: string): readonly Operation[] {
  if (name.includes('.')) return qualified(context, name)
  return (
    inDefaultNamespace(context.model, name, (full) => context.model.operations.get(full)) ?? unqualified(context, name)
  )
}

/** @throws ODataError where a short name means operations of several namespaces */
function onlyName(calling: Calling, operations: readonly Operation[]): readonly Operation[] {
  const { context, name, segment } = calling
  if (!name.includes('.') && new Set(operations.map((operation) => operation.name)).size > 1)
    context.fail(notThere(calling), `'${shown(name)}' may be several operations: write it with its namespace.`, segment)
  return operations
}

/**
 * The operation bound to a type that a segment names: qualified, or by its short name where only one can be meant.
 * @param explicit operations that what the segment follows names itself (Core.ExplicitOperationBindings)
 * @returns undefined where no operation of that name is bound to the type
 * @throws ODataError resourceNotFound where no overload takes the arguments
 */
export function bindBoundOperation(
  context: BindContext,
  name: string,
  binding: TypeReference,
  args: readonly ArgumentNode[] | undefined,
  segment: Span,
  explicit: readonly string[] = [],
  binder?: ArgumentBinder,
): OperationCall | undefined {
  const calling = { context, name, segment, binder }
  const bound = onlyName(
    calling,
    named(context, name).filter(
      (operation) =>
        operation.bound && bindsTo(operation, binding) && (!isExplicit(operation) || explicit.includes(operation.name)),
    ),
  )
  return bound.length === 0 ? undefined : choose(calling, nearest(bound), 1, args)
}

function qualified(context: BindContext, name: string): readonly Operation[] {
  return context.model.operations.get(name) ?? context.model.operations.get(unaliased(context.model, name)) ?? []
}

function unqualified(context: BindContext, name: string): readonly Operation[] {
  const found: Operation[] = []
  for (const [full, overloads] of context.model.operations)
    if (full.endsWith(name) && full.charCodeAt(full.length - name.length - 1) === dot) found.push(...overloads)
  return found
}

const dot = 46

/** Whether an operation is bound only to what names it (Core.RequiresExplicitBinding). */
function isExplicit(operation: Operation): boolean {
  return isTagged(operation, 'Org.OData.Core.V1.RequiresExplicitBinding')
}

function bindsTo(operation: Operation, binding: TypeReference): boolean {
  const parameter = operation.parameters[0]?.type
  if (parameter === undefined || parameter.collection !== binding.collection) return false
  return accepts(parameter.type, binding.type)
}

function accepts(parameter: Type, type: Type): boolean {
  if (parameter === type) return true
  if (isStructured(parameter) && isStructured(type)) return isSubtypeOf(type, parameter)
  return parameter.kind === 'abstract' && isStructured(type)
}

/** Of overloads bound to a type and to its base types, those of the type nearest to it. */
function nearest(operations: readonly Operation[]): readonly Operation[] {
  const isCovered = (operation: Operation): boolean =>
    operations.some((other) => other !== operation && isCloser(other, operation))
  return operations.filter((operation) => !isCovered(operation))
}

/** Whether an overload is bound to a more special type and takes the same other parameters. */
function isCloser(a: Operation, b: Operation): boolean {
  const p = a.parameters[0]?.type.type
  const q = b.parameters[0]?.type.type
  if (p === undefined || q === undefined || p === q || !isStructured(p) || !isStructured(q)) return false
  return isSubtypeOf(p, q) && sameNames(a, b)
}

function sameNames(a: Operation, b: Operation): boolean {
  return (
    a.parameters.length === b.parameters.length &&
    a.parameters.slice(1).every((parameter, i) => parameter.name === b.parameters[i + 1]?.name)
  )
}

const optionalTerm = 'Org.OData.Core.V1.OptionalParameter'

/** Picks by the names of the arguments; optional parameters (Core.OptionalParameter) may be missing. */
function choose(
  calling: Calling,
  overloads: readonly Operation[],
  skip: number,
  args: readonly ArgumentNode[] | undefined,
): OperationCall {
  const { context, name, segment, binder } = calling
  const action = overloads.find((operation) => operation.kind === 'action')
  if (action !== undefined) {
    if (binder !== undefined)
      context.fail('typeMismatch', `'${shown(name)}' is an action: expressions call functions only.`, segment)
    if (args !== undefined && args.length > 0)
      context.fail('resourceNotFound', `'${shown(name)}' is an action: its parameters stand in the body.`, segment)
    return { operation: action, arguments: new Map() }
  }
  const given =
    args === undefined ? implicitArguments(context, overloads, skip, segment) : new Map<string, ArgumentNode>()
  for (const argument of args ?? []) {
    if (argument.name === undefined)
      context.fail('typeMismatch', `The parameters of '${shown(name)}' are given by name.`, argument)
    else if (given.has(argument.name))
      context.fail('typeMismatch', `The parameter '${shown(argument.name)}' must not be given twice.`, argument)
    else given.set(argument.name, argument)
  }
  const matching = overloads.filter((operation) => takes(operation, skip, given))
  const exact = matching.find((operation) => operation.parameters.length - skip === given.size)
  const operation = exact ?? matching[0]
  if (operation === undefined) return refuse(calling, overloads, skip, given)
  const values = new Map<string, Expression>()
  for (const parameter of operation.parameters.slice(skip)) {
    const argument = given.get(parameter.name)
    if (argument !== undefined)
      values.set(parameter.name, argumentExpression(context, parameter.type, argument, binder))
  }
  return { operation, arguments: values }
}

/**
 * Implicit parameter aliases (Protocol 11.5.4.1.1): without parentheses the parameters are query options of their names, with or
 * without an at sign.
 */
function implicitArguments(
  context: BindContext,
  overloads: readonly Operation[],
  skip: number,
  { offset, length }: Span,
): Map<string, ArgumentNode> {
  const named = new Map<string, ArgumentNode>()
  for (const { parameters } of overloads)
    for (const { name } of parameters.slice(skip)) {
      const alias = context.aliases.get(name) ?? context.optionValue(name)
      if (alias !== undefined) named.set(name, { name, value: alias, offset, length })
    }
  return named
}

function takes(operation: Operation, skip: number, named: ReadonlyMap<string, ArgumentNode>): boolean {
  let met = 0
  for (const parameter of operation.parameters.slice(skip)) {
    if (named.has(parameter.name)) met++
    else if (!parameter.annotations.some(({ term }) => term === optionalTerm)) return false
  }
  return met === named.size
}

function refuse(
  calling: Calling,
  overloads: readonly Operation[],
  skip: number,
  given: ReadonlyMap<string, ArgumentNode>,
): never {
  const { context, name, segment } = calling
  const forms = overloads.map(
    ({ parameters }) =>
      `${shown(name)}(${parameters
        .slice(skip)
        .map((parameter) => `${parameter.name}=...`)
        .join(',')})`,
  )
  const known = overloads.flatMap(({ parameters }) => parameters.slice(skip).map((parameter) => parameter.name))
  for (const parameter of given.keys())
    if (!known.includes(parameter))
      return context.fail(notThere(calling), notFound('parameter', parameter, known, `'${shown(name)}'`), segment)
  return context.fail(notThere(calling), `The function is ${forms.join(' or ')}.`, segment)
}

const noNames = { name: '', id: '', type: undefined, outer: undefined }

function argumentExpression(
  context: BindContext,
  type: TypeReference,
  argument: ArgumentNode,
  binder: ArgumentBinder | undefined,
): Expression {
  const literal = context.literalOf(argument.value)
  if (literal !== undefined) {
    if (literal.kind === 'json' && (isStructured(type.type) || type.type.kind === 'abstract'))
      return { ...context.parameter(literal, stringReference), json: true }
    const meeting = meetingType(context, literal, type)
    if (meeting === undefined)
      return context.fail(
        'typeMismatch',
        `The parameter '${shown(argument.name ?? '')}' is ${typeName(type)}, not ${describeLiteral(literal)}.`,
        argument,
      )
    return context.parameter(literal, type.type.kind === 'abstract' ? meeting : type)
  }
  if (binder !== undefined) return binder(type, argument)
  const value = argument.value.kind === 'alias' ? context.aliasValue(argument.value) : argument.value
  if (value.kind !== 'constant') return context.notImplemented('An expression as a parameter of a function', argument)
  return context.bind(context, value, {
    implicit: noNames,
    outerImplicit: undefined,
    it: undefined,
    lambdas: undefined,
    computed: undefined,
  })
}
