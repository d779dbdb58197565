/** Attributes of an element; undefined ones are left out. */
export type XmlAttributes = Readonly<Record<string, string | number | undefined>>

/** Writes indented XML into a string, which can be taken piece by piece. */
export class XmlWriter {
  #text = '<?xml version="1.0" encoding="utf-8"?>\n'
  #depth = 0
  #taken = 0

  /** An element with what `content` writes inside it; empty where it writes nothing. */
  element(name: string, attributes: XmlAttributes, content?: () => void): void {
    const start = `${'  '.repeat(this.#depth)}<${name}${print(attributes)}`
    if (!content) {
      this.#text += `${start} />\n`
      return
    }
    const before = this.#text
    this.#text += `${start}>\n`
    const opened = this.#text
    this.#depth++
    content()
    this.#depth--
    this.#text =
      this.#text === opened ? `${before}${start} />\n` : `${this.#text}${'  '.repeat(this.#depth)}</${name}>\n`
  }

  /** Like `element`, for large ones: whoever runs it may take what is written between two steps of the content. */
  *steps(name: string, attributes: XmlAttributes, content: Iterable<void>): Generator<void> {
    this.#text += `${'  '.repeat(this.#depth)}<${name}${print(attributes)}>\n`
    const { length } = this.#text
    const taken = this.#taken
    this.#depth++
    yield* content
    this.#depth--
    if (this.#taken === taken && this.#text.length === length) this.#text = `${this.#text.slice(0, -2)} />\n`
    else this.#text += `${'  '.repeat(this.#depth)}</${name}>\n`
  }

  /** What has been written since it was last taken. */
  take(): string {
    const text = this.#text
    this.#text = ''
    this.#taken++
    return text
  }

  /** Characters that `take` would give. */
  get length(): number {
    return this.#text.length
  }

  /** An element that holds text only. */
  textElement(name: string, text: string): void {
    this.#text += `${'  '.repeat(this.#depth)}<${name}>${escapeText(text)}</${name}>\n`
  }
}

function print(attributes: XmlAttributes): string {
  let text = ''
  for (const name in attributes) {
    const value = attributes[name]
    if (value !== undefined) text += ` ${name}="${typeof value === 'number' ? value : escapeAttribute(value)}"`
  }
  return text
}

/** White space other than the blank would be normalised by the reader, so it goes as character references. */
function escapeAttribute(text: string): string {
  return /[&<>"\t\n\r]/.test(text) ? text.replace(/[&<>"\t\n\r]/g, (character) => references[character] ?? '') : text
}

function escapeText(text: string): string {
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, (character) => references[character] ?? '') : text
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}
