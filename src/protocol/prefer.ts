import { splitOutsideQuotes, unquote } from './media-type.ts'

/** The preferences odatum knows (Protocol 8.2.8; RFC 7240), read leniently: what it does not know is ignored. */
export interface Preferences {
  readonly return: 'representation' | 'minimal' | undefined
  /** at least 1; nonsense and zero are ignored, the service clamps from above */
  readonly maxPageSize: number | undefined
  readonly handling: 'strict' | 'lenient' | undefined
  /** undefined where not said: the batch formats differ in what that means (Protocol 11.7.7.4, JSON Format 19.5) */
  readonly continueOnError: boolean | undefined
  readonly respondAsync: boolean
  /** seconds that the client would wait for an answer */
  readonly wait: number | undefined
  /** URL to be told at when an asynchronous request is done (Protocol 8.2.8.2) */
  readonly callback: string | undefined
  readonly trackChanges: boolean
  readonly omitValues: 'nulls' | 'defaults' | undefined
  readonly includeAnnotations: string | undefined
}

const none: Preferences = {
  return: undefined,
  maxPageSize: undefined,
  handling: undefined,
  continueOnError: undefined,
  respondAsync: false,
  wait: undefined,
  callback: undefined,
  trackChanges: false,
  omitValues: undefined,
  includeAnnotations: undefined,
}

/** Preferences that OData 4.0 has under the prefix `odata.` (Protocol 8.2.8.1 to 8.2.8.9); no other one has a name with it. */
const prefixed: ReadonlySet<string> = new Set([
  'allow-entityreferences',
  'callback',
  'continue-on-error',
  'include-annotations',
  'maxpagesize',
  'track-changes',
])

/**
 * Reads a Prefer header. Of each preference the first occurrence counts (RFC 7240 2); where the client says it both with and without
 * `odata.`, the one without (Protocol 8.2.8).
 */
export function parsePrefer(header: string | undefined): Preferences {
  if (header === undefined || header === '') return none
  const seen = new Map<string, string>()
  /** those that were met with the prefix only, so far */
  const renamed = new Set<string>()
  let callbackUrl: string | undefined
  for (const part of splitOutsideQuotes(header, ',')) {
    const [first = '', ...parameters] = splitOutsideQuotes(part, ';')
    const equals = first.indexOf('=')
    const name = (equals < 0 ? first : first.slice(0, equals)).trim().toLowerCase()
    const value = equals < 0 ? '' : unquote(first.slice(equals + 1).trim())
    const old = name.startsWith('odata.') && prefixed.has(name.slice(6))
    const plain = old ? name.slice(6) : name
    if (value === undefined || (seen.has(plain) && (old || !renamed.delete(plain)))) continue
    seen.set(plain, value)
    if (old) renamed.add(plain)
    if (plain === 'callback') callbackUrl = urlOf(parameters)
  }
  const oneOf = <T extends string>(name: string, ...values: readonly T[]): T | undefined =>
    values.find((value) => value === seen.get(name)?.toLowerCase())
  const flag = (name: string): boolean => seen.has(name) && seen.get(name) !== 'false'
  const size = seen.get('maxpagesize')
  const wait = seen.get('wait')
  return {
    return: oneOf('return', 'representation', 'minimal'),
    maxPageSize: size !== undefined && /^[1-9]\d{0,8}$/.test(size) ? Number(size) : undefined,
    handling: oneOf('handling', 'strict', 'lenient'),
    continueOnError: seen.has('continue-on-error') ? flag('continue-on-error') : undefined,
    respondAsync: flag('respond-async'),
    wait: wait !== undefined && /^\d{1,6}$/.test(wait) ? Number(wait) : undefined,
    callback: callbackUrl,
    trackChanges: flag('track-changes'),
    omitValues: oneOf('omit-values', 'nulls', 'defaults'),
    includeAnnotations: seen.get('include-annotations'),
  }
}

/** The parameter `url` of the preference callback. */
function urlOf(parameters: readonly string[]): string | undefined {
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    if (parameter.slice(0, equals).trim().toLowerCase() === 'url') return unquote(parameter.slice(equals + 1).trim())
  }
  return undefined
}
