import { CsdlError, type Problems, type Source } from './problems.ts'

/** A JSON value with its place in the text; numbers keep their digits. */
export type JsonNode =
  | { readonly kind: 'object'; readonly members: readonly JsonMember[]; readonly offset: number }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[]; readonly offset: number }
  | { readonly kind: 'string'; readonly value: string; readonly offset: number }
  | { readonly kind: 'number'; readonly text: string; readonly offset: number }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly offset: number }
  | { readonly kind: 'null'; readonly offset: number }

export interface JsonMember {
  readonly name: string
  readonly value: JsonNode
  readonly offset: number
}

const maxDepth = 200

/**
 * Parses JSON (RFC 8259) with positions. A member that occurs twice is an error.
 * @throws CsdlError where the text is no JSON
 */
export function parseJson(source: Source, problems: Problems): JsonNode {
  return new JsonParser(source, problems).parse()
}

const space = /[ \t\r\n]*/y
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that JSON forbids in strings
const plain = /[^"\\\u0000-\u001f]*/y
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

class JsonParser {
  readonly #source: Source
  readonly #text: string
  readonly #problems: Problems
  #at = 0

  constructor(source: Source, problems: Problems) {
    this.#source = source
    this.#text = source.text
    this.#problems = problems
  }

  parse(): JsonNode {
    this.#skip(space)
    const value = this.#value(0)
    this.#skip(space)
    if (this.#at < this.#text.length) this.#fail('the document ends here; nothing may follow.')
    return value
  }

  #fail(message: string): never {
    this.#problems.report({ source: this.#source, offset: this.#at }, 'json-well-formed', message)
    throw new CsdlError(this.#problems.all)
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const matched = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += matched.length
    return matched
  }

  #take(character: string): boolean {
    this.#skip(space)
    if (this.#text[this.#at] !== character) return false
    this.#at++
    this.#skip(space)
    return true
  }

  #value(depth: number): JsonNode {
    if (depth > maxDepth) this.#fail(`values are nested more than ${maxDepth} deep.`)
    const offset = this.#at
    switch (this.#text[offset]) {
      case '{':
        return { kind: 'object', members: this.#members(depth), offset }
      case '[':
        return { kind: 'array', items: this.#items(depth), offset }
      case '"':
        return { kind: 'string', value: this.#string(), offset }
      default:
        return this.#literal(offset)
    }
  }

  #literal(offset: number): JsonNode {
    for (const [word, node] of [
      ['true', { kind: 'boolean', value: true, offset }],
      ['false', { kind: 'boolean', value: false, offset }],
      ['null', { kind: 'null', offset }],
    ] as const) {
      if (!this.#text.startsWith(word, offset)) continue
      this.#at += word.length
      return node
    }
    const text = this.#skip(number)
    if (text === '') this.#fail('a JSON value is expected.')
    return { kind: 'number', text, offset }
  }

  #members(depth: number): readonly JsonMember[] {
    const members: JsonMember[] = []
    const names = new Set<string>()
    this.#at++
    if (this.#take('}')) return members
    do {
      const offset = this.#at
      if (this.#text[offset] !== '"') this.#fail(`a member's name is expected.`)
      const name = this.#string()
      if (names.has(name)) {
        this.#at = offset
        this.#fail(`the member '${name}' occurs twice.`)
      }
      names.add(name)
      if (!this.#take(':')) this.#fail(`':' is expected.`)
      members.push({ name, value: this.#value(depth + 1), offset })
    } while (this.#take(','))
    if (!this.#take('}')) this.#fail(`',' or '}' is expected.`)
    return members
  }

  #items(depth: number): readonly JsonNode[] {
    const items: JsonNode[] = []
    this.#at++
    if (this.#take(']')) return items
    do items.push(this.#value(depth + 1))
    while (this.#take(','))
    if (!this.#take(']')) this.#fail(`',' or ']' is expected.`)
    return items
  }

  #string(): string {
    this.#at++
    let value = this.#skip(plain)
    while (this.#text[this.#at] !== '"') {
      if (this.#text[this.#at] !== '\\') this.#fail('the string does not end.')
      const escaped = this.#text[this.#at + 1] ?? ''
      const simple = Object.hasOwn(escapes, escaped) ? escapes[escaped] : undefined
      if (simple !== undefined) {
        value += simple
        this.#at += 2
      } else {
        const digits = this.#text.slice(this.#at + 2, this.#at + 6)
        if (escaped !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail('this escape is not known.')
        value += String.fromCharCode(Number.parseInt(digits, 16))
        this.#at += 6
      }
      value += this.#skip(plain)
    }
    this.#at++
    return value
  }
}

/** The text of a value, without spaces. */
export function printJson(node: JsonNode): string {
  switch (node.kind) {
    case 'object':
      return `{${node.members.map(({ name, value }) => `${JSON.stringify(name)}:${printJson(value)}`).join()}}`
    case 'array':
      return `[${node.items.map(printJson).join()}]`
    case 'number':
      return node.text
    case 'null':
      return 'null'
    default:
      return JSON.stringify(node.value)
  }
}
