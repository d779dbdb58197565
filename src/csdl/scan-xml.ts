import { type Declaration, grammar } from './declaration.ts'
import { Attributes, Declaring, noAttributes } from './declaring.ts'
import { Problems, type Source } from './problems.ts'

/**
 * Reads a plain CSDL XML document several times as fast as a reader of all XML: one that is well-formed, with names of ASCII, and without what
 * hardly any CSDL has (sections of CDATA, processing instructions, line breaks in values, characters of two UTF-16 units). The result is what `readAnyXml` gives.
 * @returns the root element; undefined for every other document: nothing has been reported then
 */
export function scanXml(source: Source, problems: Problems): Declaration | undefined {
  if (unusual.test(source.text)) return undefined
  const found = new Problems()
  try {
    const root = scan(source, found)
    problems.take(found)
    return root
  } catch (error) {
    if (error !== notPlain) throw error
    return undefined
  }
}

/** No XML character (XML 1.0, 2.2), or half of one. */
const unusual = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/

const notPlain = new Error('no plain document')

function giveUp(): never {
  throw notPlain
}

const exclamation = 33
const quote = 34
const apostrophe = 39
const slash = 47
const equals = 61
const greater = 62

/** By ASCII code: 2 for what a name can begin with, 1 for what else it can hold. */
const nameCodes = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code)
  nameCodes[code] = /[A-Za-z_:]/.test(character) ? 2 : /[0-9.-]/.test(character) ? 1 : 0
}

/** Names of attributes as strings that V8 knows by identity already. */
const attributeNames: ReadonlyMap<string, string> = new Map(
  [...grammar.values()].flatMap(({ attributes }) => [...attributes].map((name) => [name, name] as const)),
)

function scan(source: Source, problems: Problems): Declaration {
  const { text } = source
  const declaring = new Declaring(source, problems, giveUp)
  const references = new Next(text, '&')
  const breaks = [new Next(text, '\n'), new Next(text, '\t'), new Next(text, '\r')] as const
  /** tags of the elements that are open */
  const open: string[] = []
  let at = skipMisc(text, prolog.exec(text)?.[0].length ?? 0)
  if (text[at] !== '<') giveUp()

  /** @returns the end of the start tag at `at` @param limit the next `<` */
  const startTag = (limit: number): number => {
    let i = at + 1
    let code = text.charCodeAt(i)
    if (nameCodes[code] !== 2) giveUp()
    while (code < 128 && nameCodes[code] !== 0) code = text.charCodeAt(++i)
    const tag = text.slice(at + 1, i)
    let attributes: Attributes | undefined
    let others: Set<string> | undefined
    let namespaces = declaring.namespaces
    let empty = false
    for (;;) {
      const before = i
      while (isBlank(code)) code = text.charCodeAt(++i)
      if (code === slash) {
        empty = true
        code = text.charCodeAt(++i)
        if (code !== greater) giveUp()
      }
      if (code === greater) break
      if (i === before || nameCodes[code] !== 2) giveUp()
      const nameAt = i
      while (code < 128 && nameCodes[code] !== 0) code = text.charCodeAt(++i)
      if (code !== equals) giveUp()
      const written = text.slice(nameAt, i)
      const mark = text.charCodeAt(i + 1)
      if (mark !== quote && mark !== apostrophe) giveUp()
      const valueAt = i + 2
      i = text.indexOf(mark === quote ? '"' : "'", valueAt)
      if (i < 0 || i > limit) giveUp()
      let value = text.slice(valueAt, i)
      if (references.isWithin(valueAt, i)) value = withoutReferences(value)
      code = text.charCodeAt(++i)
      const name = attributeNames.get(written)
      if (name === undefined && (written === 'xmlns' || written.includes(':'))) {
        others ??= new Set()
        if (others.has(written)) giveUp()
        others.add(written)
        if (written === 'xmlns' || written.startsWith('xmlns:'))
          namespaces = new Map(namespaces).set(written === 'xmlns' ? '' : written.slice(6), value)
        continue
      }
      attributes ??= new Attributes()
      const known = name ?? declaring.value('', written)
      if (attributes[known] !== undefined) giveUp()
      attributes[known] = declaring.value(known, value)
    }
    i++
    for (const each of breaks) if (each.isWithin(at, i) && brokenValue.test(text.slice(at, i))) giveUp()
    declaring.open(tag, attributes ?? noAttributes, namespaces, at)
    if (empty) declaring.close()
    else open.push(tag)
    return i
  }

  for (;;) {
    const code = text.charCodeAt(at + 1)
    if (code === slash) {
      const tag = open.pop() ?? giveUp()
      if (!text.startsWith(tag, at + 2)) giveUp()
      at += tag.length + 2
      if (text.charCodeAt(at++) !== greater) giveUp()
      declaring.close()
    } else if (code === exclamation) at = commentEnd(text, at)
    else {
      const next = text.indexOf('<', at + 1)
      at = startTag(next < 0 ? text.length : next)
    }
    if (open.length === 0) break
    const next = text.indexOf('<', at)
    if (next < 0) giveUp()
    if (declaring.takesText) declaring.text(plainText(text.slice(at, next)), at)
    else while (at < next) if (!isBlank(text.charCodeAt(at++))) giveUp()
    at = next
  }
  if (skipMisc(text, at) < text.length) giveUp()
  return declaring.root ?? giveUp()
}

const prolog = /^<\?xml version="1\.0"(?: encoding="[A-Za-z][A-Za-z0-9._-]*")?(?: standalone="(?:yes|no)")? ?\?>/

const brokenValue = /=(?:"[^"]*[\t\n\r]|'[^']*[\t\n\r])/

const isBlank = (code: number): boolean => code === 32 || code === 10 || code === 9 || code === 13

/** Passes over blanks and comments. */
function skipMisc(text: string, from: number): number {
  let at = from
  for (;;) {
    while (isBlank(text.charCodeAt(at))) at++
    if (!text.startsWith('<!', at)) return at
    at = commentEnd(text, at)
  }
}

function commentEnd(text: string, at: number): number {
  if (!text.startsWith('<!--', at)) giveUp()
  const end = text.indexOf('--', at + 4)
  if (end < 0 || text.charCodeAt(end + 2) !== greater) giveUp()
  return end + 3
}

function plainText(text: string): string {
  if (/\r|]]>/.test(text)) giveUp()
  return text.includes('&') ? withoutReferences(text) : text
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function withoutReferences(text: string): string {
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,5})|#x([\dA-Fa-f]{1,4}));|&/g,
    (_, name, decimal, hexadecimal) => {
      if (name !== undefined) return entities[name] ?? giveUp()
      const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal)
      const character = code > 0xffff ? '' : String.fromCharCode(code)
      return character === '' || Number.isNaN(code) || unusual.test(character) ? giveUp() : character
    },
  )
}

/** Looks forward for a character, once for each place where it stands. */
class Next {
  readonly #text: string
  readonly #character: string
  #at = -1

  constructor(text: string, character: string) {
    this.#text = text
    this.#character = character
  }

  /** Whether the character stands between two offsets; the first never gets smaller from call to call. */
  isWithin(start: number, end: number): boolean {
    if (this.#at < start) {
      const found = this.#text.indexOf(this.#character, start)
      this.#at = found < 0 ? Number.POSITIVE_INFINITY : found
    }
    return this.#at < end
  }
}
