import { ODataError } from '../errors/odata-error.ts'
import type { RequestUrl } from './ast.ts'
import { parseQueryOptions, type UrlOptions } from './parse-options.ts'
import { parsePath } from './parse-path.ts'
import { Budget } from './scanner.ts'

/**
 * Reads a request URL below the service root (URL Conventions 2 to 5; ABNF: odataRelativeUri).
 * @param target raw `path?query`, not decoded; the path with or without a slash at its start
 * @throws ODataError uriTooLong, and whatever `parsePath` and `parseQueryOptions` throw
 */
export function parseRequestUrl(target: string, options: UrlOptions): RequestUrl {
  const { limits } = options
  if (target.length > limits.urlLength) {
    throw new ODataError(
      'uriTooLong',
      `The URL has ${target.length} characters; the limit "urlLength" is ${limits.urlLength}.`,
    )
  }
  const mark = target.indexOf('?')
  const budget = new Budget(limits)
  const segments = parsePath(mark === -1 ? target : target.slice(0, mark), limits, budget)
  return { segments, options: parseQueryOptions(mark === -1 ? '' : target.slice(mark + 1), options, budget) }
}
