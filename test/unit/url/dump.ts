import type { ApplyNode, ExpressionNode, PathStep, SearchNode } from '../../../src/url/ast.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseExpression, parseQueryOptions } from '../../../src/url/parse-options.ts'
import { parseRequestUrl } from '../../../src/url/parse-url.ts'

/** A tree as an S-expression without spans: what a test compares. */
export function dump(node: ExpressionNode): string {
  switch (node.kind) {
    case 'literal': {
      const type = node.token.typeName === undefined ? '' : `:${node.token.typeName}`
      return `${node.token.literal}${type}<${node.token.text}>`
    }
    case 'constant':
      return String(node.value)
    case 'alias':
      return `@${node.name}`
    case 'path':
      return [...(node.root === undefined ? [] : [node.root]), ...node.steps.map(dumpStep)].join('/')
    case 'binary':
      return `(${node.operator} ${dump(node.left)} ${dump(node.right)})`
    case 'unary':
      return `(${node.operator} ${dump(node.operand)})`
    case 'call':
      return `(${[node.name, ...node.arguments.map(dump)].join(' ')})`
    case 'list':
      return `[${node.items.map(dump).join(' ')}]`
    case 'json':
      return `json<${node.text}>`
    case 'object':
      return `{${node.members.map(({ name, value }) => `${name}: ${dump(value)}`).join(' ')}}`
    case 'typeName':
      return node.collection ? `type<Collection(${node.name})>` : `type<${node.name}>`
    case 'case':
      return `(case ${node.branches.map((b) => `${dump(b.condition)}:${dump(b.value)}`).join(' ')})`
  }
}

export function dumpStep(step: PathStep): string {
  switch (step.kind) {
    case 'name': {
      const args = (list: typeof step.arguments): string =>
        list === undefined
          ? ''
          : `(${list.map(({ name, value }) => `${name === undefined ? '' : `${name}=`}${dump(value)}`).join(' ')})`
      return step.name + args(step.arguments) + args(step.key)
    }
    case 'annotation':
      return `@${step.term}${step.qualifier === undefined ? '' : `#${step.qualifier}`}`
    case 'any':
    case 'all':
      return `${step.kind}(${step.variable ?? ''}${step.predicate === undefined ? '' : `: ${dump(step.predicate)}`})`
    case '$count':
      return `$count${step.options?.filter === undefined ? '' : `(${dump(step.options.filter)})`}`
    case '$filter':
      return `$filter(${dump(step.predicate)})`
    case 'ordinal':
      return `#${step.index}`
    default:
      return step.kind
  }
}

export function dumpSearch(node: SearchNode): string {
  if (node.kind === 'term') return node.phrase ? `"${node.text}"` : node.text
  if (node.kind === 'not') return `(NOT ${dumpSearch(node.operand)})`
  return `(${node.kind.toUpperCase()} ${dumpSearch(node.left)} ${dumpSearch(node.right)})`
}

/** The tree of `$apply` without places and slots. */
export function bare(node: ApplyNode | undefined): unknown {
  if (node === undefined) return undefined
  const places = new Set(['offset', 'length', 'slot'])
  return JSON.parse(JSON.stringify(node, (key, value) => (places.has(key) ? undefined : value)))
}

/** Shorthands with the default limits. */
export const expression = (text: string): string => dump(parseExpression(text, defaultUrlLimits).expression)
export const options = (query: string, version: '4.0' | '4.01' = '4.01') =>
  parseQueryOptions(query, { version, limits: defaultUrlLimits })
export const url = (target: string, version: '4.0' | '4.01' = '4.01') =>
  parseRequestUrl(target, { version, limits: defaultUrlLimits })
