import type { SearchExpression } from '../../bind/tree.ts'
import { searchedPaths, wordsOf } from '../../eval/search.ts'
import {
  allOf,
  anyOf,
  type Condition,
  complementOf,
  disjunction,
  everything,
  type Filter,
  type Placement,
} from './condition.ts'
import type { QueryContext } from './field.ts'

/** Regular expressions in one query; past it the rows are searched here alone. */
const mostPatterns = 500
/** The server refuses long patterns. */
const longestPattern = 4_000

/**
 * `$search` (Protocol 11.2.6.6) as a condition that no row is missed by: words of ASCII letters and digits stand in one of the strings that
 * are searched, in any case. What a word is beyond ASCII only `eval/search.ts` knows, which tests the rows again.
 */
export function compileSearch(search: SearchExpression, context: QueryContext): Condition {
  const paths = searchedPaths(context).map((path) => path.join('.'))
  return paths.length * termsOf(search) > mostPatterns ? wider(everything) : conditionOf(search, paths)
}

function termsOf(search: SearchExpression): number {
  if (search.kind === 'term') return 1
  return search.kind === 'not' ? termsOf(search.operand) : termsOf(search.left) + termsOf(search.right)
}

function conditionOf(search: SearchExpression, paths: readonly string[]): Condition {
  switch (search.kind) {
    case 'term':
      return termCondition(search.index, paths)
    case 'not':
      return complementOf(conditionOf(search.operand, paths))
    case 'and':
      return allOf([conditionOf(search.left, paths), conditionOf(search.right, paths)])
    case 'or':
      return anyOf([conditionOf(search.left, paths), conditionOf(search.right, paths)])
  }
}

function termCondition(index: number, paths: readonly string[]): Condition {
  const containing = wider(({ parameters }) => {
    const pattern = patternOf(wordsAt(parameters[index]))
    if (pattern === undefined) return true
    return disjunction(paths.map((path): Filter => ({ [path]: { $regex: pattern, $options: 'i' } })))
  })
  // a term without a word is found nowhere
  return (placement) => wordsAt(placement.parameters[index]).length > 0 && containing(placement)
}

function wordsAt(value: Placement['parameters'][number] | undefined): readonly string[] {
  return typeof value === 'string' ? wordsOf(value) : []
}

/** A condition that lets too many rows pass. */
function wider(condition: Condition): Condition {
  return (placement) => {
    placement.exact = false
    return condition(placement)
  }
}

/**
 * Words side by side: no letter or digit of ASCII before, behind, or more between them. Each step of a match is determined by the next
 * character, so it takes linear time; nothing of a word has a meaning in a pattern.
 * @param words in lower case
 * @returns undefined where a word has other characters
 */
function patternOf(words: readonly string[]): string | undefined {
  if (!words.every((word) => /^[a-z0-9]+$/.test(word))) return undefined
  // of all other characters, only the Kelvin sign has a letter of ASCII as its lower case
  const source = words.map((word) => word.replaceAll('k', '[k\\x{212a}]')).join('[^0-9A-Za-z]+')
  return source.length > longestPattern ? undefined : `(?<![0-9A-Za-z])${source}(?![0-9A-Za-z])`
}
