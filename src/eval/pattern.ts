import { loadPackage } from '../base/load-package.ts'
import { LruMap } from '../base/lru.ts'
import { ODataError } from '../errors/odata-error.ts'

/**
 * matchespattern (URL Conventions 5.1.1.7.1): ECMAScript regular expressions, read as with the `u` flag (a character is
 * a code point), run in linear time by RE2. What RE2 cannot do (look-around, back-references) is a 501 that names it; with
 * the `m` flag only `\n` ends a line.
 */

/** Longest pattern, in UTF-16 units (docs/limits.md). */
export const maxPatternLength = 1000

/** A compiled pattern: whether it is found anywhere in a text. */
export type Pattern = (text: string) => boolean

const cache = new LruMap<string, Pattern | ODataError>(200)

/**
 * Compiles a pattern; the last 200 are kept.
 * @param flags ECMAScript flags: `i`, `m`, `s` count; `u`, `g`, `y`, `d` change nothing
 * @throws ODataError literalInvalid for a pattern that is none, notImplemented for what RE2 cannot do.
 */
export function compilePattern(source: string, flags: string): Pattern {
  const key = `${flags}/${source}`
  let pattern = cache.get(key)
  if (pattern === undefined) {
    pattern = tryCompile(source, flags)
    if (source.length <= maxPatternLength) cache.set(key, pattern)
  }
  if (pattern instanceof ODataError) throw pattern
  return pattern
}

function tryCompile(source: string, flags: string): Pattern | ODataError {
  try {
    const { RE2JS } = re2js()
    if (source.length > maxPatternLength) {
      throw invalid(`is longer than the ${maxPatternLength} characters that are allowed`)
    }
    const re = RE2JS.compile(translate(source, flags.includes('s')), flagBits(flags))
    return (text) => re.matcher(text).find()
  } catch (error) {
    if (error instanceof ODataError) return error
    const said = error instanceof Error ? `: ${error.message.replace(/^error parsing regexp: /, '')}` : ''
    return invalid(`cannot be read${said}`)
  }
}

const re2js = () => loadPackage('re2js') as typeof import('re2js')

function flagBits(flags: string): number {
  const { RE2JS } = re2js()
  let bits = 0
  for (const flag of flags) {
    if (!'imsugyd'.includes(flag)) throw invalid(`has the unknown flag '${flag}'`)
    if (flag === 'i') bits |= RE2JS.CASE_INSENSITIVE
    if (flag === 'm') bits |= RE2JS.MULTILINE
  }
  return bits
}

function invalid(what: string): ODataError {
  return new ODataError('literalInvalid', `The pattern of matchesPattern ${what}.`)
}

function unsupported(what: string): ODataError {
  return new ODataError('notImplemented', `matchespattern does not know ${what}: patterns run in linear time.`)
}

const space =
  '\\t\\n\\x0b\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}'
const lineEnds = '\\n\\r\\x{2028}\\x{2029}'

/** One step over the pattern: where it stands and what came out. */
interface Translation {
  readonly source: string
  at: number
  readonly dotAll: boolean
}

/** ECMAScript syntax to RE2's: the same language, other spellings. */
function translate(source: string, dotAll: boolean): string {
  const state: Translation = { source, at: 0, dotAll }
  let out = ''
  while (state.at < source.length) out += translateAtom(state)
  return out
}

function translateAtom(state: Translation): string {
  const { source } = state
  const char = source[state.at] ?? ''
  if (char === '\\') return translateEscape(state, false)
  if (char === '[') return translateClass(state)
  if (char === '(') return translateGroup(state)
  state.at++
  if (char === '.') return state.dotAll ? '[\\x{0}-\\x{10ffff}]' : `[^${lineEnds}]`
  if (char === '{' && !/^\{\d{1,9}(?:,\d{0,9})?\}/.test(source.slice(state.at - 1, state.at + 24))) return '\\{'
  return char === ']' ? '\\]' : char
}

function translateGroup(state: Translation): string {
  const rest = state.source.slice(state.at, state.at + 4)
  state.at++
  if (!rest.startsWith('(?')) return '('
  if (rest.startsWith('(?:')) {
    state.at += 2
    return '(?:'
  }
  if (rest.startsWith('(?=') || rest.startsWith('(?!')) throw unsupported('look-ahead')
  if (rest.startsWith('(?<=') || rest.startsWith('(?<!')) throw unsupported('look-behind')
  if (!rest.startsWith('(?<')) throw invalid(`has an unknown group '${rest}'`)
  const end = state.source.indexOf('>', state.at)
  if (end < 0) throw invalid('has an unfinished group name')
  state.at = end + 1
  // the name serves back-references only, which there are none of
  return '('
}

/** A class in brackets; ECMAScript allows an empty one, and `[` inside without an escape. */
function translateClass(state: Translation): string {
  const { source } = state
  state.at++
  const negated = source[state.at] === '^'
  if (negated) state.at++
  let out = ''
  while (source[state.at] !== ']') {
    const char = source[state.at]
    if (char === undefined) throw invalid('has an unfinished class')
    if (char === '\\') {
      out += translateEscape(state, true)
      continue
    }
    const point = source.codePointAt(state.at) ?? 0
    state.at += point > 0xffff ? 2 : 1
    out += char === '-' ? '-' : codePoint(point)
  }
  state.at++
  if (out === '') return negated ? '[\\x{0}-\\x{10ffff}]' : '[^\\x{0}-\\x{10ffff}]'
  return `[${negated ? '^' : ''}${out.replace(/^-|-$/g, '\\-')}]`
}

function codePoint(point: number): string {
  return `\\x{${point.toString(16)}}`
}

const controls: Readonly<Record<string, string>> = { t: '\\t', n: '\\n', v: '\\x0b', f: '\\f', r: '\\r' }

function translateEscape(state: Translation, inClass: boolean): string {
  const { source } = state
  const point = source.codePointAt(state.at + 1)
  if (point === undefined) throw invalid('ends in a backslash')
  const char = String.fromCodePoint(point)
  state.at += 1 + char.length
  const control = controls[char]
  if (control !== undefined) return control
  switch (char) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
      return `\\${char}`
    case 'b':
      return inClass ? '\\x{8}' : '\\b'
    case 'B':
      if (inClass) throw invalid("has '\\B' in a class")
      return '\\B'
    case 's':
      return inClass ? space : `[${space}]`
    case 'S':
      if (inClass) throw unsupported("'\\S' in a class")
      return `[^${space}]`
    case 'p':
    case 'P':
      return translateProperty(state, char)
    case 'x':
      return codePoint(hexadecimal(state, 2))
    case 'u':
      return codePoint(unicodeEscape(state))
    case 'c':
      return controlLetter(state)
    case 'k':
      throw unsupported('back-references')
    case '0':
      return '\\x{0}'
  }
  if (char >= '1' && char <= '9') throw unsupported('back-references')
  if (/[A-Za-z]/.test(char)) throw invalid(`has the unknown escape '\\${char}'`)
  return codePoint(point)
}

function translateProperty(state: Translation, char: string): string {
  const match = /^\{(?:(?:General_Category|gc|Script|sc)=)?([A-Za-z_]{1,40})\}/.exec(
    state.source.slice(state.at, state.at + 70),
  )
  if (match === null) throw invalid(`has an unfinished '\\${char}'`)
  state.at += match[0].length
  return `\\${char}{${match[1]}}`
}

function hexadecimal(state: Translation, digits: number): number {
  const text = state.source.slice(state.at, state.at + digits)
  if (text.length < digits || !/^[0-9A-Fa-f]+$/.test(text)) throw invalid('has an unfinished hexadecimal escape')
  state.at += digits
  return Number.parseInt(text, 16)
}

/** `\uhhhh`, a pair of them, or `\u{h...}`. */
function unicodeEscape(state: Translation): number {
  if (state.source[state.at] === '{') {
    const match = /^\{([0-9A-Fa-f]{1,6})\}/.exec(state.source.slice(state.at, state.at + 8))
    const point = Number.parseInt(match?.[1] ?? '', 16)
    if (match === null || point > 0x10ffff) throw invalid('has an unfinished unicode escape')
    state.at += match[0].length
    return point
  }
  const high = hexadecimal(state, 4)
  if (high < 0xd800 || high > 0xdbff || state.source.slice(state.at, state.at + 2) !== '\\u') return high
  const before = state.at
  state.at += 2
  const low = hexadecimal(state, 4)
  if (low >= 0xdc00 && low <= 0xdfff) return (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000
  state.at = before
  return high
}

function controlLetter(state: Translation): string {
  const letter = state.source[state.at] ?? ''
  if (!/[A-Za-z]/.test(letter)) throw invalid("has an unfinished '\\c'")
  state.at++
  return codePoint(letter.charCodeAt(0) % 32)
}
