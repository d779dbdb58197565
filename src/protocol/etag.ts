import { ODataError } from '../errors/odata-error.ts'
import type { RequestHeaders } from './message.ts'

/** The entity tag of a stored version: weak, since representations of one version differ by format (Protocol 8.3.1). */
export function printETag(version: number): string {
  return `W/"${version}"`
}

/** One condition header: any (`*`), or entity tags, their opaque part and all. */
export type ETagCondition = { readonly any: true } | { readonly any: false; readonly tags: readonly string[] }

export interface Conditions {
  readonly ifMatch: ETagCondition | undefined
  readonly ifNoneMatch: ETagCondition | undefined
}

/** If-Match and If-None-Match (Protocol 8.2.4, 8.2.5). @throws ODataError headerInvalid */
export function readConditions(headers: RequestHeaders): Conditions {
  return {
    ifMatch: condition(headers['if-match'], 'If-Match'),
    ifNoneMatch: condition(headers['if-none-match'], 'If-None-Match'),
  }
}

function condition(header: string | undefined, name: string): ETagCondition | undefined {
  if (header === undefined) return undefined
  const trimmed = header.trim()
  if (trimmed === '*') return { any: true }
  const tags: string[] = []
  let rest = trimmed
  while (rest !== '') {
    const match = /^(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,\s*|$)/.exec(rest)
    if (!match || tags.length >= 100)
      throw new ODataError('headerInvalid', `${name} holds no list of entity tags.`, { target: name })
    tags.push(match[1] ?? '')
    rest = rest.slice(match[0].length)
  }
  if (tags.length === 0) throw new ODataError('headerInvalid', `${name} is empty.`, { target: name })
  return { any: false, tags }
}

/** The stored versions that tags stand for; foreign tags stand for none. */
export function versionsOf(tags: readonly string[]): readonly number[] {
  return tags.filter((tag) => /^[1-9]\d{0,14}$/.test(tag)).map(Number)
}
