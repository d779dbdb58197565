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

/** The overload of an import that takes the arguments. @throws ODataError resourceNotFound, typeMismatch */
export function bindImport(
  context: BindContext,
  imported: OperationImport,
  args: readonly ArgumentNode[] | undefined,
  segment: Span,
): OperationCall {
  return choose(context, imported.name, imported.operations, 0, args, segment)
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
): OperationCall | undefined {
  const candidates = name.includes('.')
    ? qualified(context, name)
    : (inDefaultNamespace(context.model, name, (full) => context.model.operations.get(full)) ??
      unqualified(context, name))
  const bound = candidates.filter(
    (operation) =>
      operation.bound && bindsTo(operation, binding) && (!isExplicit(operation) || explicit.includes(operation.name)),
  )
  if (bound.length === 0) return undefined
  if (!name.includes('.') && new Set(bound.map((operation) => operation.name)).size > 1)
    context.fail(
      'resourceNotFound',
      `'${shown(name)}' may be several operations: write it with its namespace.`,
      segment,
    )
  return choose(context, name, nearest(bound), 1, args, segment)
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
  context: BindContext,
  name: string,
  overloads: readonly Operation[],
  skip: number,
  args: readonly ArgumentNode[] | undefined,
  segment: Span,
): OperationCall {
  const action = overloads.find((operation) => operation.kind === 'action')
  if (action !== undefined) {
    if (args !== undefined && args.length > 0)
      context.fail('resourceNotFound', `'${shown(name)}' is an action: its parameters stand in the body.`, segment)
    return { operation: action, arguments: new Map() }
  }
  const named =
    args === undefined ? implicitArguments(context, overloads, skip, segment) : new Map<string, ArgumentNode>()
  for (const argument of args ?? []) {
    if (argument.name === undefined)
      context.fail('typeMismatch', `The parameters of '${shown(name)}' are given by name.`, argument)
    else if (named.has(argument.name))
      context.fail('typeMismatch', `The parameter '${shown(argument.name)}' must not be given twice.`, argument)
    else named.set(argument.name, argument)
  }
  const matching = overloads.filter((operation) => takes(operation, skip, named))
  const exact = matching.find((operation) => operation.parameters.length - skip === named.size)
  const operation = exact ?? matching[0]
  if (operation === undefined) return refuse(context, name, overloads, skip, named, segment)
  const values = new Map<string, Expression>()
  for (const parameter of operation.parameters.slice(skip)) {
    const argument = named.get(parameter.name)
    if (argument !== undefined) values.set(parameter.name, argumentExpression(context, parameter.type, argument))
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
  context: BindContext,
  name: string,
  overloads: readonly Operation[],
  skip: number,
  named: ReadonlyMap<string, ArgumentNode>,
  node: Span,
): never {
  const forms = overloads.map(
    ({ parameters }) =>
      `${shown(name)}(${parameters
        .slice(skip)
        .map((parameter) => `${parameter.name}=...`)
        .join(',')})`,
  )
  const known = overloads.flatMap(({ parameters }) => parameters.slice(skip).map((parameter) => parameter.name))
  for (const parameter of named.keys())
    if (!known.includes(parameter))
      return context.fail('resourceNotFound', notFound('parameter', parameter, known, `'${shown(name)}'`), node)
  return context.fail('resourceNotFound', `The function is ${forms.join(' or ')}.`, node)
}

const noNames = { name: '', id: '', type: undefined, outer: undefined }

function argumentExpression(context: BindContext, type: TypeReference, argument: ArgumentNode): Expression {
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
