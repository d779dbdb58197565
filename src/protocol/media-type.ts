/** Media types and lists of them (RFC 9110 8.3.1, 12.5.1). */

export interface MediaType {
  /** lower case: `application`, `*` */
  readonly type: string
  readonly subtype: string
  /** names in lower case; values as written, unquoted */
  readonly parameters: ReadonlyMap<string, string>
  /** weight of an Accept range, 0 to 1; 1 where not said */
  readonly quality: number
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * One media type or media range.
 * @returns undefined where the text is none
 */
export function parseMediaType(text: string): MediaType | undefined {
  const [range = '', ...rest] = splitOutsideQuotes(text, ';')
  const slash = range.indexOf('/')
  const type = range.slice(0, slash).trim().toLowerCase()
  const subtype = range
    .slice(slash + 1)
    .trim()
    .toLowerCase()
  if (slash < 0 || !token.test(type) || !token.test(subtype)) return undefined
  const parameters = new Map<string, string>()
  let quality = 1
  for (const part of rest) {
    if (part.trim() === '') continue
    const equals = part.indexOf('=')
    const name = part.slice(0, equals).trim().toLowerCase()
    const value = unquote(part.slice(equals + 1).trim())
    if (equals < 0 || !token.test(name) || value === undefined) return undefined
    if (name === 'q') {
      if (!/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value)) return undefined
      quality = Number(value)
    } else parameters.set(name, value)
  }
  return { type, subtype, parameters, quality }
}

/** Longest media type that is kept. */
const longestType = 200

/** A media type as one can be sent; undefined: the text is none, or a range. */
export function exactMediaType(text: string): MediaType | undefined {
  const media = text.length <= longestType && /^[\x20-\x7e]*$/.test(text) ? parseMediaType(text) : undefined
  return media?.type === '*' || media?.subtype === '*' ? undefined : media
}

/** Whether a media type is in one of the ranges; undefined: all are. */
export function isInRanges({ type, subtype }: MediaType, ranges: readonly string[] | undefined): boolean {
  if (ranges === undefined) return true
  return ranges.some((text) => {
    const range = parseMediaType(text)
    if (range === undefined) return false
    return (range.type === '*' || range.type === type) && (range.subtype === '*' || range.subtype === subtype)
  })
}

/** The ranges of an Accept header, best first (quality, then the more specific, then as written); unreadable ones left out. */
export function parseAccept(header: string): readonly MediaType[] {
  const ranges: MediaType[] = []
  for (const part of splitOutsideQuotes(header, ',')) {
    const range = parseMediaType(part)
    if (range) ranges.push(range)
  }
  return ranges.sort((a, b) => b.quality - a.quality || specificity(b) - specificity(a))
}

function specificity(range: MediaType): number {
  if (range.type === '*') return 0
  if (range.subtype === '*') return 1
  return 2 + range.parameters.size
}

/** Splits a header's value at a separator that is not inside a quoted string. */
export function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i++
    else if (char === '"') quoted = !quoted
    else if (!quoted && char === separator) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** The text of a token or of a quoted string; undefined where it is neither. */
export function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return value === '' || token.test(value) ? value : undefined
  if (value.length < 2 || !value.endsWith('"')) return undefined
  return value.slice(1, -1).replace(/\\(.)/g, '$1')
}
