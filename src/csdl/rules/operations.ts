import type { Operation } from '../../edm/model.ts'
import { typeName } from '../../edm/types.ts'
import { followPath, typeAfter } from './paths.ts'
import type { Overloads, Rule } from './rule.ts'

const boundHasParameter: Rule<Operation> = {
  name: 'bound-operation-has-parameter',
  section: 'Parameter',
  severity: 'error',
  check(operation, { report }) {
    if (operation.bound && operation.parameters.length === 0)
      report(operation, `'${operation.name}' is bound and must have a binding parameter.`)
  },
}

const parameterUnique: Rule<Operation> = {
  name: 'parameter-name-unique',
  section: 'Parameter',
  severity: 'error',
  check({ name, parameters }, { report }) {
    const seen = new Set<string>()
    for (const parameter of parameters) {
      if (seen.has(parameter.name)) report(parameter, `'${name}' has two parameters '${parameter.name}'.`)
      seen.add(parameter.name)
    }
  },
}

const returnNullable: Rule<Operation> = {
  name: 'returned-entity-collection-not-nullable',
  section: 'ReturnType',
  severity: 'warning',
  check({ name, returnType }, { report }) {
    if (returnType?.collection && returnType.type.kind === 'entity' && returnType.nullable)
      report(returnType, `'${name}' returns a collection of entities, for which 'Nullable' has no meaning.`)
  },
}

const pathOfBound: Rule<Operation> = {
  name: 'entity-set-path-of-bound-operation',
  section: 'EntitySetPath',
  severity: 'error',
  check(operation, { report }) {
    if (operation.entitySetPath !== undefined && !operation.bound)
      report(operation, `'${operation.name}' is not bound and must not have an 'EntitySetPath'.`)
  },
}

const pathStart: Rule<Operation> = {
  name: 'entity-set-path-starts-at-binding-parameter',
  section: 'EntitySetPath',
  severity: 'error',
  check({ entitySetPath, bound, parameters }, { report }) {
    const binding = parameters[0]
    if (entitySetPath === undefined || !bound || !binding) return
    const [first] = entitySetPath.split('/')
    if (first !== binding.name)
      report(binding, `the entity set path must start with '${binding.name}', not with '${first}'.`)
  },
}

const pathResolved: Rule<Operation> = {
  name: 'entity-set-path-resolved',
  section: 'EntitySetPath',
  severity: 'warning',
  check(operation, { model, report }) {
    const { entitySetPath, bound, parameters, returnType } = operation
    const type = parameters[0]?.type.type
    if (entitySetPath === undefined || !bound || (type?.kind !== 'entity' && type?.kind !== 'complex')) return
    const [first = '', ...rest] = entitySetPath.split('/')
    if (first !== parameters[0]?.name) return
    const { steps, fault } =
      rest.length === 0 ? { steps: [], fault: undefined } : followPath(model, type, rest.join('/'))
    if (fault !== undefined) {
      report(operation, `'${fault}' in the entity set path '${entitySetPath}' cannot be followed.`)
      return
    }
    const property = steps.find(({ kind }) => kind === 'property')
    if (property?.kind === 'property') {
      report(
        operation,
        `'${property.property.name}' in the entity set path '${entitySetPath}' is no navigation property.`,
      )
      return
    }
    const end = typeAfter(type, steps)
    const returned = returnType?.type
    const related =
      end.kind !== 'entity' ||
      returned?.kind !== 'entity' ||
      end === returned ||
      end.derivedTypes.includes(returned) ||
      returned.derivedTypes.includes(end)
    if (!related) report(operation, `the entity set path leads to '${end.name}', but '${returned?.name}' is returned.`)
  },
}

const pathReturnsEntity: Rule<Operation> = {
  name: 'entity-set-path-returns-entity',
  section: 'EntitySetPath',
  severity: 'warning',
  check(operation, { report }) {
    const returned = operation.returnType?.type
    if (operation.entitySetPath === undefined || returned?.kind === 'entity' || returned?.kind === 'abstract') return
    report(operation, `'${operation.name}' returns no entity, so that 'EntitySetPath' says nothing.`)
  },
}

/** The binding parameter's type as text; empty for an unbound overload. */
const bindingOf = ({ bound, parameters }: Operation): string =>
  bound && parameters[0] ? typeName(parameters[0].type) : ''

const ofKind = ({ operations }: Overloads, kind: 'action' | 'function', bound: boolean): readonly Operation[] =>
  operations.filter((operation) => operation.kind === kind && operation.bound === bound)

function unique(
  operations: readonly Operation[],
  keyOf: (operation: Operation) => string,
  report: (operation: Operation) => void,
): void {
  const seen = new Set<string>()
  for (const operation of operations) {
    const key = keyOf(operation)
    if (seen.has(key)) report(operation)
    seen.add(key)
  }
}

const actionOverloads: Rule<Overloads> = {
  name: 'action-overload-unique',
  section: 'ActionOverloads',
  severity: 'error',
  check(overloads, { report }) {
    unique(ofKind(overloads, 'action', true), bindingOf, (action) =>
      report(action, `two overloads of '${action.name}' are bound to ${bindingOf(action)}.`),
    )
    unique(
      ofKind(overloads, 'action', false),
      () => '',
      (action) => report(action, `the unbound action '${action.name}' must not have overloads.`),
    )
  },
}

const functionNames: Rule<Overloads> = {
  name: 'function-overload-parameter-names-unique',
  section: 'FunctionOverloads',
  severity: 'error',
  check(overloads, { report }) {
    for (const bound of [true, false])
      unique(
        ofKind(overloads, 'function', bound),
        (overload) =>
          `${bindingOf(overload)}|${overload.parameters
            .slice(bound ? 1 : 0)
            .map(({ name }) => name)
            .sort()
            .join(',')}`,
        (overload) => report(overload, `two overloads of '${overload.name}' have the same parameter names.`),
      )
  },
}

const functionTypes: Rule<Overloads> = {
  name: 'function-overload-parameter-types-unique',
  section: 'FunctionOverloads',
  severity: 'warning',
  check(overloads, { report }) {
    for (const bound of [true, false])
      unique(
        ofKind(overloads, 'function', bound),
        (overload) => overload.parameters.map(({ type }) => typeName(type)).join(','),
        (overload) => report(overload, `two overloads of '${overload.name}' have the same parameter types in order.`),
      )
  },
}

const functionReturns: Rule<Overloads> = {
  name: 'function-overloads-return-same-type',
  section: 'FunctionOverloads',
  severity: 'warning',
  check(overloads, { report }) {
    for (const bound of [true, false]) {
      const returned = new Map<string, string>()
      for (const overload of ofKind(overloads, 'function', bound)) {
        const type = overload.returnType ? typeName(overload.returnType) : ''
        const other = returned.get(bindingOf(overload))
        if (other !== undefined && other !== type)
          report(overload, `'${overload.name}' returns ${type}, another overload of it ${other}.`)
        returned.set(bindingOf(overload), other ?? type)
      }
    }
  },
}

const actionAndFunction: Rule<Overloads> = {
  name: 'action-and-function-of-one-name',
  section: 'Schema',
  severity: 'warning',
  check(overloads, { report }) {
    const bindings = new Set(ofKind(overloads, 'function', true).map(bindingOf))
    for (const action of ofKind(overloads, 'action', true))
      if (bindings.has(bindingOf(action)))
        report(action, `an action and a function '${action.name}' are both bound to ${bindingOf(action)}.`)
  },
}

const oneKind: Rule<Overloads> = {
  name: 'operation-name-one-kind',
  section: 'Schema',
  severity: 'warning',
  check({ operations, name }, { report }) {
    const [first] = operations
    const other = operations.find(({ kind }) => kind !== first?.kind)
    if (other !== undefined) report(other, `'${name}' should not name both actions and functions.`)
  },
}

const optionalLast: Rule<Operation> = {
  name: 'optional-parameters-last',
  section: 'Parameter',
  severity: 'warning',
  check({ kind, parameters }, { report }) {
    if (kind !== 'function') return
    let optional: string | undefined
    for (const parameter of parameters) {
      const isOptional = parameter.annotations.some(({ term }) => term === 'Org.OData.Core.V1.OptionalParameter')
      if (isOptional) optional = parameter.name
      else if (optional !== undefined)
        report(parameter, `'${parameter.name}' is required and comes after the optional '${optional}'.`)
    }
  },
}

export const operationRules = {
  operation: [
    boundHasParameter,
    parameterUnique,
    returnNullable,
    pathOfBound,
    pathStart,
    pathResolved,
    pathReturnsEntity,
    optionalLast,
  ],
  overloads: [actionOverloads, functionNames, functionTypes, functionReturns, actionAndFunction, oneKind],
} as const
