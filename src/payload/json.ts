import { Buffer, isUtf8 } from 'node:buffer'
import { ODataError } from '../errors/odata-error.ts'

/** Where a node stands: UTF-16 units of the decoded body. */
interface JsonSpan {
  readonly offset: number
  readonly end: number
}

/** A JSON text as a tree. Numbers keep their text: no digit is lost before the Edm type is known. */
export type JsonNode =
  | (JsonSpan & { readonly kind: 'null' })
  | (JsonSpan & { readonly kind: 'boolean'; readonly value: boolean })
  | (JsonSpan & { readonly kind: 'number'; readonly text: string })
  | (JsonSpan & { readonly kind: 'string'; readonly value: string })
  | (JsonSpan & { readonly kind: 'array'; readonly items: readonly JsonNode[] })
  | JsonObject

/** Members in the order of the text; of a name that comes more than once the first counts, the others are listed. */
export interface JsonObject extends JsonSpan {
  readonly kind: 'object'
  readonly members: ReadonlyMap<string, JsonNode>
  readonly duplicates: readonly JsonDuplicate[]
}

export interface JsonDuplicate extends JsonSpan {
  readonly name: string
}

/** Objects and arrays within each other; also what keeps the recursion of every reader of the tree within bounds. */
export const jsonDepth = 64

/** In error messages. */
export const jsonKinds: Readonly<Record<JsonNode['kind'], string>> = {
  null: 'null',
  boolean: 'a Boolean',
  number: 'a number',
  string: 'a string',
  array: 'an array',
  object: 'an object',
}

/**
 * Parses a request body strictly (RFC 8259): UTF-8 without byte order mark, nothing after the value, no lone surrogate.
 * Duplicate member names are reported in the tree, not refused here.
 * @throws ODataError bodySyntax with the position
 */
export function parseJson(body: Uint8Array): JsonNode {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf)
    throw new ODataError('bodySyntax', 'The body starts with a byte order mark, which JSON must not have.')
  if (!isUtf8(body)) throw new ODataError('bodySyntax', 'The body is not UTF-8.')
  const parser = new Parser(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  return parser.document()
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const noDuplicates: readonly JsonDuplicate[] = []

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonNode {
    this.#space()
    if (this.#at === this.#text.length) this.#fail('The body is empty.')
    const node = this.#value()
    this.#space()
    if (this.#at < this.#text.length) this.#unexpected('the end of the body')
    return node
  }

  #value(): JsonNode {
    const offset = this.#at
    switch (this.#text.charCodeAt(offset)) {
      case 0x22: {
        const value = this.#string()
        return { kind: 'string', value, offset, end: this.#at }
      }
      case 0x7b:
        return this.#object()
      case 0x5b:
        return this.#array()
      case 0x6e:
        this.#word('null')
        return { kind: 'null', offset, end: this.#at }
      case 0x74:
        this.#word('true')
        return { kind: 'boolean', value: true, offset, end: this.#at }
      case 0x66:
        this.#word('false')
        return { kind: 'boolean', value: false, offset, end: this.#at }
      default:
        return this.#number()
    }
  }

  #object(): JsonObject {
    const offset = this.#open()
    const members = new Map<string, JsonNode>()
    let duplicates: JsonDuplicate[] | undefined
    if (!this.#closes(0x7d)) {
      for (;;) {
        this.#space()
        const nameAt = this.#at
        if (this.#text.charCodeAt(nameAt) !== 0x22) this.#unexpected('a member name in double quotes')
        const name = this.#string()
        const nameEnd = this.#at
        this.#space()
        if (this.#text.charCodeAt(this.#at) !== 0x3a) this.#unexpected('":"')
        this.#at++
        this.#space()
        const node = this.#value()
        if (members.has(name)) {
          duplicates ??= []
          duplicates.push({ name, offset: nameAt, end: nameEnd })
        } else members.set(name, node)
        if (this.#closes(0x7d)) break
        if (this.#text.charCodeAt(this.#at) !== 0x2c) this.#unexpected('"," or "}"')
        this.#at++
      }
    }
    this.#depth--
    return { kind: 'object', members, duplicates: duplicates ?? noDuplicates, offset, end: this.#at }
  }

  #array(): JsonNode {
    const offset = this.#open()
    const items: JsonNode[] = []
    if (!this.#closes(0x5d)) {
      for (;;) {
        this.#space()
        items.push(this.#value())
        if (this.#closes(0x5d)) break
        if (this.#text.charCodeAt(this.#at) !== 0x2c) this.#unexpected('"," or "]"')
        this.#at++
      }
    }
    this.#depth--
    return { kind: 'array', items, offset, end: this.#at }
  }

  #open(): number {
    if (++this.#depth > jsonDepth)
      this.#fail(`Objects and arrays lie more than ${jsonDepth} deep within each other (limit jsonDepth).`)
    return this.#at++
  }

  /** Skips space; whether the bracket stands there (it is then read). */
  #closes(bracket: number): boolean {
    this.#space()
    if (this.#text.charCodeAt(this.#at) !== bracket) return false
    this.#at++
    return true
  }

  #string(): string {
    const text = this.#text
    const start = this.#at + 1
    let at = start
    for (;;) {
      const unit = text.charCodeAt(at)
      if (unit === 0x22) {
        this.#at = at + 1
        return text.slice(start, at)
      }
      if (unit === 0x5c) return this.#escapedString(start, at)
      // the comparison is also false for NaN, past the end
      if (!(unit >= 0x20)) this.#stringEnds(at)
      at++
    }
  }

  #escapedString(start: number, firstEscape: number): string {
    const text = this.#text
    let value = text.slice(start, firstEscape)
    let at = firstEscape
    let surrogates = false
    for (;;) {
      const unit = text.charCodeAt(at)
      if (unit === 0x22) break
      if (unit !== 0x5c) {
        if (!(unit >= 0x20)) this.#stringEnds(at)
        let end = at + 1
        while (text.charCodeAt(end) >= 0x20 && text.charCodeAt(end) !== 0x22 && text.charCodeAt(end) !== 0x5c) end++
        value += text.slice(at, end)
        at = end
        continue
      }
      const letter = text.charAt(at + 1)
      const simple = simpleEscapes.get(letter)
      if (simple !== undefined) {
        value += simple
        at += 2
        continue
      }
      const hex = text.slice(at + 2, at + 6)
      if (letter !== 'u' || !/^[0-9A-Fa-f]{4}$/.test(hex)) {
        this.#at = at
        this.#unexpected('an escape of JSON')
      }
      const code = Number.parseInt(hex, 16)
      if (code >= 0xd800 && code <= 0xdfff) surrogates = true
      value += String.fromCharCode(code)
      at += 6
    }
    if (surrogates && hasLoneSurrogate(value)) {
      this.#at = start - 1
      this.#fail('A string holds half of a surrogate pair')
    }
    this.#at = at + 1
    return value
  }

  #stringEnds(at: number): never {
    const ended = at >= this.#text.length
    this.#at = at
    return this.#fail(
      ended ? 'A string is not closed' : 'A string holds a control character that must be written as an escape',
    )
  }

  #number(): JsonNode {
    const offset = this.#at
    numberPattern.lastIndex = offset
    const match = numberPattern.exec(this.#text)
    if (match === null) return this.#unexpected('a JSON value')
    this.#at = offset + match[0].length
    return { kind: 'number', text: match[0], offset, end: this.#at }
  }

  #word(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) this.#unexpected('a JSON value')
    this.#at += word.length
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at++
    }
  }

  #unexpected(expected: string): never {
    const code = this.#text.codePointAt(this.#at)
    const met = code === undefined ? 'the end of the body' : JSON.stringify(String.fromCodePoint(code))
    return this.#fail(`Expected ${expected} but met ${met}`)
  }

  #fail(message: string): never {
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    const column = this.#at - before.lastIndexOf('\n')
    throw new ODataError('bodySyntax', `${message.replace(/\.$/, '')} (line ${line}, column ${column} of the body).`, {
      position: { offset: this.#at, length: this.#at < this.#text.length ? 1 : 0 },
    })
  }
}

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

function hasLoneSurrogate(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return true
    i++
  }
  return false
}
