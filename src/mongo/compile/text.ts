/** Patterns are cut behind so many characters: the server refuses long ones. */
const longestPattern = 4_000

/** A regular expression of the server (PCRE), for texts that contain, start or end with a literal. */
export interface TextPattern {
  readonly source: string
  readonly options: string
  /** false: the literal was cut */
  readonly exact: boolean
}

/** The pattern of `contains`, `startswith` or `endswith`; every character of the literal stands for itself. */
export function textPattern(name: 'contains' | 'startswith' | 'endswith', literal: string): TextPattern {
  const exact = literal.length <= longestPattern
  const source = escapeText(exact ? literal : cut(literal, name === 'endswith'))
  // \z and not $, which also matches before a line feed at the end; ^ is what an index serves
  const anchored = name === 'startswith' ? `^${source}` : name === 'endswith' ? `${source}\\z` : source
  return { source: anchored, options: '', exact }
}

/** The first or last characters, never half a surrogate pair. */
function cut(literal: string, fromEnd: boolean): string {
  if (fromEnd) return literal.slice(-longestPattern).replace(/^[\udc00-\udfff]/, '')
  return literal.slice(0, longestPattern).replace(/[\ud800-\udbff]$/, '')
}

/** A NUL would end the pattern (a BSON regular expression is a C string). */
function escapeText(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/#\s-]/g, escapeCharacter).replaceAll('\0', '\\x00')
}

function escapeCharacter(char: string): string {
  const code = char.charCodeAt(0)
  return code > 0x20 && code < 0x7f ? `\\${char}` : `\\x{${code.toString(16)}}`
}
