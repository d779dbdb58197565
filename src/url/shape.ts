import type { LiteralToken } from './ast.ts'

/** The shape of an option: its text with each literal replaced by its kind. Equal shapes bind to equal trees. */

/**
 * @param text the decoded value of one option
 * @param literals all literals of the URL's options
 * @param from index of the first literal of this option; all from there on are its own, in the order of the text
 */
export function shapeOf(text: string, literals: readonly LiteralToken[], from: number): string {
  if (from === literals.length) return text
  let shape = ''
  let at = 0
  for (let i = from; i < literals.length; i++) {
    const token = literals[i]
    if (token === undefined) break
    shape += text.slice(at, token.offset) + placeholder(token, text)
    at = token.offset + token.length
  }
  return shape + text.slice(at)
}

/** What stands for a literal: all that the tree may depend on, nothing of its value. */
function placeholder(token: LiteralToken, text: string): string {
  if (token.pinned) return `{${token.literal}:${text.slice(token.offset, token.offset + token.length)}}`
  switch (token.literal) {
    case 'string': {
      const first = text.charCodeAt(token.offset)
      return first === 0x27 ? '{string}' : first === 0x22 ? '{phrase}' : '{word}'
    }
    case 'integer':
      return isInt32(token.text) ? '{integer}' : '{integer64}'
    case 'enum':
      return `{enum:${token.typeName ?? ''}}`
    case 'json':
      return `{json:${outline(token.text)}}`
    default:
      return `{${token.literal}}`
  }
}

/** Whether the text of an integer literal fits Int32: the shape tells it, so a tree may depend on it. */
export function isInt32(text: string): boolean {
  if (text.length < 10) return true
  const value = Number(text)
  return value >= -0x80000000 && value <= 0x7fffffff
}

const jsonScalar = /"(?:[^"\\]|\\.)*"\s*:?|-?\d[\d.eE+-]*|true|false|null|[[\]{},]/g

/** The structure of a JSON text: member names and kinds of values; equal neighbours in an array count once. */
function outline(json: string): string {
  const parts: string[] = []
  for (const [part] of json.matchAll(jsonScalar)) {
    let kind = part
    if (part.startsWith('"')) kind = part.endsWith(':') ? part : '"'
    else if (part.startsWith('-') || (part >= '0' && part <= '9~')) kind = /[.eE]/.test(part) ? '0.' : '0'
    else if (part === 'true' || part === 'false') kind = 't'
    if (parts.at(-1) === ',' && parts.at(-2) === kind) parts.pop()
    else parts.push(kind)
  }
  return parts.join('')
}
