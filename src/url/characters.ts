/** Character classes of the URL grammar (ABNF appendix A to C, section 6), by char code. */

export const TAB = 0x09
export const BLANK = 0x20
export const DOUBLE_QUOTE = 0x22
export const HASH = 0x23
export const DOLLAR = 0x24
export const QUOTE = 0x27
export const OPEN = 0x28
export const CLOSE = 0x29
export const STAR = 0x2a
export const PLUS = 0x2b
export const COMMA = 0x2c
export const MINUS = 0x2d
export const DOT = 0x2e
export const SLASH = 0x2f
export const ZERO = 0x30
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d
export const AT = 0x40
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d

const LEADING = 1
const DIGIT = 2
const HEX = 4

const classes = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const upper = code & ~0x20
  let flags = 0
  if ((upper >= 0x41 && upper <= 0x5a) || code === 0x5f) flags |= LEADING
  if (code >= 0x30 && code <= 0x39) flags |= DIGIT | HEX
  if (upper >= 0x41 && upper <= 0x46) flags |= HEX
  classes[code] = flags
}

const unicodeLeading = /^[\p{L}\p{Nl}]/u
const unicodePart = /^[\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}\p{Cf}]/u

/** ABNF: DIGIT. */
export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** ABNF: HEXDIG, in either case. */
export function isHex(code: number): boolean {
  return code < 128 && ((classes[code] ?? 0) & HEX) !== 0
}

/** The value of a HEXDIG, -1 where it is none. */
export function hexDigit(code: number): number {
  if (isDigit(code)) return code - ZERO
  const upper = code & ~0x20
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1
}

/** Whether an ASCII character may start an identifier. */
export function isAsciiLeading(code: number): boolean {
  return code < 128 && ((classes[code] ?? 0) & LEADING) !== 0
}

/** Whether an ASCII character may continue an identifier. */
export function isAsciiPart(code: number): boolean {
  return code < 128 && ((classes[code] ?? 0) & (LEADING | DIGIT)) !== 0
}

/**
 * ABNF: identifierLeadingCharacter, identifierCharacter, with the Unicode categories their comments name.
 * @returns how many UTF-16 units of `text` at `at` belong to such a character; 0 when it is none.
 */
export function identifierUnits(text: string, at: number, leading: boolean): number {
  const code = text.codePointAt(at)
  if (code === undefined) return 0
  if (code < 128) return (leading ? isAsciiLeading(code) : isAsciiPart(code)) ? 1 : 0
  const pattern = leading ? unicodeLeading : unicodePart
  return pattern.test(String.fromCodePoint(code)) ? (code > 0xffff ? 2 : 1) : 0
}

/** ABNF: SP, HTAB (the units of BWS and RWS). */
export function isBlank(code: number): boolean {
  return code === BLANK || code === TAB
}
