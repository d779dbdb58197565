/**
 * The string functions of URL Conventions 5.1.1.5 and 5.1.1.7. Positions and lengths count characters (code points), not
 * UTF-16 units. Case mapping is Unicode's full, locale-free one, as JavaScript has it (`ß` in upper case is `SS`).
 */

/** Number of characters. */
export function lengthOf(text: string): number {
  let count = text.length
  for (let i = 0; i < text.length - 1; i++) {
    if (isPair(text, i)) {
      count--
      i++
    }
  }
  return count
}

/** Position of the first occurrence in characters, -1 where there is none. */
export function indexOf(text: string, part: string): number {
  const at = text.indexOf(part)
  return at <= 0 ? at : lengthOf(text.slice(0, at))
}

/**
 * Up to `count` characters from a zero-based position; a negative one counts from the end (at most the whole text).
 * @returns null where count is negative: a bad request where it is a constant
 */
export function substring(text: string, start: number, count: number | undefined): string | null {
  if (count !== undefined && count < 0) return null
  const from = start < 0 ? Math.max(lengthOf(text) + start, 0) : start
  const first = unitsOf(text, 0, from)
  return text.slice(first, count === undefined ? undefined : unitsOf(text, first, count))
}

/** The index in UTF-16 units that lies `characters` behind `from`, at most the end. */
function unitsOf(text: string, from: number, characters: number): number {
  let at = from
  for (let left = characters; left > 0 && at < text.length; left--) at += isPair(text, at) ? 2 : 1
  return at
}

function isPair(text: string, at: number): boolean {
  const high = text.charCodeAt(at)
  if (high < 0xd800 || high > 0xdbff) return false
  const low = text.charCodeAt(at + 1)
  return low >= 0xdc00 && low <= 0xdfff
}

/** Without white space (Unicode property White_Space) at both ends; `String.trim` differs in U+0085 and U+FEFF. */
export function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start++
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isWhiteSpace(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 9 && unit <= 13)
  if (unit === 0x85 || unit === 0xa0) return true
  if (unit < 0x1680) return false
  if (unit >= 0x2000 && unit <= 0x200a) return true
  return [0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000].includes(unit)
}

/** A result longer than this (UTF-16 units) would not fit a document: concat gives null. */
export const maxTextLength = 16_777_216
