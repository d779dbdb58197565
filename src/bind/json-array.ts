/** A JSON value that is no structure; numbers keep their text, whatever their size. */
export interface JsonScalar {
  readonly kind: 'string' | 'number' | 'boolean' | 'null'
  /** string: its value; otherwise as written */
  readonly text: string
}

const blank = /[ \t\n\r]*/y
const stringToken = /"(?:[^"\\]|\\.)*"/y
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const wordToken = /true|false|null/y

/**
 * Reads a JSON array of scalars: a collection literal of a URL (URL Conventions 5.1.1.14.2).
 * @returns undefined where the text is none, or holds arrays or objects
 */
export function readJsonArray(text: string): readonly JsonScalar[] | undefined {
  let at = skip(text, 0)
  if (text[at] !== '[') return undefined
  at = skip(text, at + 1)
  const items: JsonScalar[] = []
  if (text[at] === ']') return skip(text, at + 1) === text.length ? items : undefined
  for (;;) {
    const token = tokenAt(text, at)
    if (token === undefined) return undefined
    const [item, end] = token
    items.push(item)
    at = skip(text, end)
    if (text[at] === ']') return skip(text, at + 1) === text.length ? items : undefined
    if (text[at] !== ',') return undefined
    at = skip(text, at + 1)
  }
}

function skip(text: string, at: number): number {
  blank.lastIndex = at
  blank.test(text)
  return blank.lastIndex
}

function tokenAt(text: string, at: number): readonly [JsonScalar, number] | undefined {
  const string = match(stringToken, text, at)
  if (string !== undefined) {
    const value = stringValue(string)
    return value === undefined ? undefined : [{ kind: 'string', text: value }, at + string.length]
  }
  const number = match(numberToken, text, at)
  if (number !== undefined) return [{ kind: 'number', text: number }, at + number.length]
  const word = match(wordToken, text, at)
  if (word === undefined) return undefined
  return [{ kind: word === 'null' ? 'null' : 'boolean', text: word }, at + word.length]
}

function match(token: RegExp, text: string, at: number): string | undefined {
  token.lastIndex = at
  return token.exec(text)?.[0]
}

function stringValue(token: string): string | undefined {
  try {
    const value: unknown = JSON.parse(token)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
