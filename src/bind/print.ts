import { typeName } from '../edm/types.ts'
import type { BoundQuery, Expression, MemberStep, SearchExpression, Selection } from './tree.ts'

/**
 * A bound expression on one line, for tests, logs and path signatures: `(Edm.Int64(status) eq #0:Edm.Int64)`. A path from
 * `$it` is its names with slashes; other variables stand before it; `#n` is parameter n.
 */
export function printBound(expression: Expression): string {
  switch (expression.kind) {
    case 'parameter':
      return `#${expression.index}:${expression.json ? 'json' : expression.type === undefined ? '?' : typeName(expression.type)}`
    case 'constant':
      return String(expression.value)
    case 'member': {
      const names = expression.steps.map(printStep)
      if (expression.variable !== '$it' || names.length === 0) names.unshift(expression.variable)
      return names.join('/')
    }
    case 'binary':
      return `(${printBound(expression.left)} ${expression.operator} ${printBound(expression.right)})`
    case 'unary':
      return `${expression.operator}(${printBound(expression.operand)})`
    case 'in':
      return `(${printBound(expression.operand)} in (${expression.items.map(printBound).join(',')}))`
    case 'convert':
      return `${expression.explicit ? 'cast:' : ''}${typeName(expression.target)}(${printBound(expression.operand)})`
    case 'isOf':
      return `isof(${printBound(expression.operand)},${typeName(expression.target)})`
    case 'call':
      return `${expression.function}(${expression.arguments.map(printBound).join(',')})`
    case 'invocation': {
      const { operation, binding, steps } = expression
      const args = [...expression.arguments].map(([name, value]) => `${name}=${printBound(value)}`)
      const names = [`${operation.name}(${args.join(',')})`, ...steps.map(printStep)]
      return [...(binding === undefined ? [] : [printBound(binding)]), ...names].join('/')
    }
    case 'list':
      return `[${expression.items.map(printBound).join(',')}]`
    case 'lambda': {
      const { operator, variable, predicate } = expression
      const inner = predicate === undefined ? '' : `${variable}:${printBound(predicate)}`
      return `${printBound(expression.collection)}/${operator}(${inner})`
    }
    case 'count': {
      const { variable, filter } = expression
      const inner = filter === undefined ? '' : `(${variable}:${printBound(filter)})`
      return `${printBound(expression.collection)}/$count${inner}`
    }
    case 'aggregate':
      return `${printBound(expression.collection)}/aggregate(${expression.variable})`
    case 'defined':
      return `isdefined(${[expression.variable, ...expression.steps.map(printStep)].join('/')})`
    case 'case':
      return `case(${expression.branches.map(({ condition, value }) => `${printBound(condition)}:${printBound(value)}`).join(',')})`
  }
}

function printStep(step: MemberStep): string {
  return step.kind === 'dynamic' ? `?${step.name}` : stepName(step)
}

/** The names of the properties on a path, without casts. */
export function propertyNames(path: readonly MemberStep[]): readonly string[] {
  return path.flatMap((step) => (step.kind === 'property' ? [step.property.name] : []))
}

/** A step as a path names it. */
export function stepName(step: MemberStep): string {
  switch (step.kind) {
    case 'dynamic':
      return step.name
    case 'cast':
      return step.type.name
    case 'ordinal':
      return String(step.index)
    default:
      return step.property.name
  }
}

/** All options of a bound query on one line; those that are not there are left out. */
export function printQuery(query: BoundQuery): string {
  const parts: string[] = []
  if (query.compute.length > 0)
    parts.push(
      `compute=${query.compute.map(({ alias, expression }) => `${printBound(expression)} as ${alias}`).join(',')}`,
    )
  if (query.filter !== undefined) parts.push(`filter=${printBound(query.filter)}`)
  if (query.search !== undefined) parts.push(`search=${printSearch(query.search)}`)
  if (query.orderby.length > 0)
    parts.push(
      `orderby=${query.orderby.map(({ expression, descending }) => `${printBound(expression)}${descending ? ' desc' : ''}`).join(',')}`,
    )
  if (query.select !== undefined) parts.push(`select=${printSelection(query.select)}`)
  if (query.expand.length > 0)
    parts.push(
      `expand=${query.expand
        .map(({ path, property, as, levels, query: inner }) => {
          const name = [...path.map(printStep), property.name, ...(as === 'entities' ? [] : [as])].join('/')
          const nested = [
            ...(levels === 1 ? [] : [`levels=${levels}`]),
            ...[printQuery(inner)].filter((text) => text !== ''),
          ]
          return nested.length === 0 ? name : `${name}(${nested.join(';')})`
        })
        .join(',')}`,
    )
  if (query.top !== undefined) parts.push(`top=${query.top}`)
  if (query.skip !== undefined) parts.push(`skip=${query.skip}`)
  if (query.count) parts.push('count')
  return parts.join('&')
}

function printSelection({ all, properties }: Selection): string {
  const names = [...properties].map(([name, inner]) =>
    inner === undefined ? name : `${name}(${printSelection(inner)})`,
  )
  return [...(all ? ['*'] : []), ...names].join(',')
}

function printSearch(search: SearchExpression): string {
  switch (search.kind) {
    case 'term':
      return `${search.phrase ? 'phrase' : 'word'} #${search.index}`
    case 'not':
      return `not(${printSearch(search.operand)})`
    default:
      return `(${printSearch(search.left)} ${search.kind} ${printSearch(search.right)})`
  }
}
