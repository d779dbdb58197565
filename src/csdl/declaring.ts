import { BareRecord } from '../base/bare-record.ts'
import { type Declaration, type ElementGrammar, edmxNames, grammar } from './declaration.ts'
import type { Problems, Source } from './problems.ts'

const edm = 'http://docs.oasis-open.org/odata/ns/edm'
const edmx = 'http://docs.oasis-open.org/odata/ns/edmx'

export const noAttributes: Readonly<Record<string, string>> = Object.freeze(new BareRecord())
const noChildren: readonly Declaration[] = Object.freeze([])

/** Far above any sane document; keeps the recursion of later stages bounded. */
const maxDepth = 200

/** An element of the grammar with its name as one shared string and its namespace. */
interface KnownElement {
  readonly name: string
  readonly namespace: string
  readonly rules: ElementGrammar
}

const knownElements: ReadonlyMap<string, KnownElement> = new Map(
  [...grammar].map(([name, rules]) => [name, { name, rules, namespace: edmxNames.has(name) ? edmx : edm }]),
)

/** Namespace by prefix, the default one by the empty text. */
export type Namespaces = ReadonlyMap<string, string>

const xmlOnly: Namespaces = new Map()

interface OpenElement {
  readonly declaration: Declaration & { children: readonly Declaration[]; text: string }
  /** where this element declares one, else the parent's */
  readonly namespaces: Namespaces
  readonly rules: ElementGrammar
}

/** What keeps a document from being read at all. */
export type Fatal = 'document-root' | 'nesting-depth'

/**
 * Puts the declarations of a CSDL XML document together, element by element, as a reader of XML meets them. Elements and attributes
 * of other namespaces are passed over (CSDL XML 2.2), unknown ones of the edm namespaces give a warning.
 */
export class Declaring {
  /** the `Edmx` element, once it was opened */
  root: Declaration | undefined
  readonly #source: Source
  readonly #problems: Problems
  readonly #fail: (rule: Fatal, message: string) => never
  readonly #stack: OpenElement[] = []
  readonly #texts = new Interner()
  /** how many elements are open that are passed over, one in the other */
  #skipped = 0

  constructor(source: Source, problems: Problems, fail: (rule: Fatal, message: string) => never) {
    this.#source = source
    this.#problems = problems
    this.#fail = fail
  }

  /** What is declared where the next element stands. */
  get namespaces(): Namespaces {
    return this.#stack[this.#stack.length - 1]?.namespaces ?? xmlOnly
  }

  /** One copy of the value of an attribute, for as long as the model lives. */
  value(attribute: string, text: string): string {
    // targets and descriptions hardly repeat: not worth looking for
    return attribute === 'Target' || attribute === 'String' ? this.#texts.copy(text) : this.#texts.intern(text)
  }

  /**
   * An element begins.
   * @param tag its name as written
   * @param attributes those without namespace, values by `value`
   * @param namespaces what holds for the element, its own declarations included
   * @param offset of its `<`
   */
  open(tag: string, attributes: Readonly<Record<string, string>>, namespaces: Namespaces, offset: number): void {
    if (this.#skipped > 0) {
      this.#skipped++
      return
    }
    const stack = this.#stack
    const parent = stack[stack.length - 1]
    if (stack.length >= maxDepth) this.#fail('nesting-depth', `elements are nested more than ${maxDepth} deep.`)
    const colon = tag.indexOf(':')
    const namespace = namespaces.get(colon < 0 ? '' : tag.slice(0, colon)) ?? ''
    const local = colon < 0 ? tag : tag.slice(colon + 1)
    const known = knownElements.get(local)
    const name = known?.name ?? local
    if (parent === undefined && (namespace !== edmx || name !== 'Edmx'))
      this.#fail('document-root', rootFault(namespace, name))
    if (namespace !== edm && namespace !== edmx) {
      this.#skipped = 1
      return
    }
    const rules = known?.namespace === namespace ? known.rules : undefined
    const declaration = { name, attributes, children: noChildren, text: '', source: this.#source, offset }
    if (!rules || (parent && !parent.rules.children.has(name))) {
      const where = parent ? ` in '${parent.declaration.name}'` : ''
      this.#problems.report(declaration, 'unknown-element', `'${name}' is not known${where}; it is passed over.`)
      this.#skipped = 1
      return
    }
    for (const attribute in attributes)
      if (!rules.attributes.has(attribute))
        this.#problems.report(
          declaration,
          'unknown-attribute',
          `'${name}' has no attribute '${attribute}'; it is passed over.`,
        )
    for (const required of rules.required)
      if (attributes[required] === undefined)
        this.#problems.report(declaration, 'attribute-required', `'${name}' must have the attribute '${required}'.`)
    if (parent === undefined) this.root = declaration
    else if (parent.declaration.children === noChildren) parent.declaration.children = [declaration]
    else (parent.declaration.children as Declaration[]).push(declaration)
    stack.push({ declaration, namespaces, rules })
  }

  /** Text inside the element that was opened last. @param offset where it stands */
  text(text: string, offset: number): void {
    const open = this.#stack[this.#stack.length - 1]
    if (this.#skipped > 0 || !open) return
    if (open.rules.text) open.declaration.text += text
    else if (/[^ \t\r\n]/.test(text))
      this.#problems.report(
        { source: this.#source, offset },
        'unexpected-text',
        `'${open.declaration.name}' takes no text; it is passed over.`,
      )
  }

  /** The element that was opened last ends. */
  close(): void {
    if (this.#skipped > 0) {
      this.#skipped--
      return
    }
    const closed = this.#stack.pop()
    if (closed?.rules.text) closed.declaration.text = this.#texts.intern(closed.declaration.text)
  }
}

function rootFault(namespace: string, name: string): string {
  if (/^http:\/\/schemas\.microsoft\.com\/ado\//.test(namespace))
    return 'this is a CSDL document of OData 3.0 or earlier; 4.0 and 4.01 are read.'
  return `the root element must be 'Edmx' of the namespace ${edmx}, not '${name}' of '${namespace}'.`
}

const notLatin1 = /[^\0-\xff]/

/**
 * One copy of each string. Substrings of the document would keep its whole text alive in V8, so each is copied once.
 */
class Interner {
  readonly #known = new Map<string, string>()
  readonly #buffer = Buffer.allocUnsafe(4096)

  intern(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const copy = this.copy(text)
    this.#known.set(copy, copy)
    return copy
  }

  /** The text without what it was cut from; V8 copies what is shorter than 13 characters anyway. */
  copy(text: string): string {
    if (text.length < 13) return text
    if (text.length > this.#buffer.length || notLatin1.test(text)) return Buffer.from(text).toString()
    return this.#buffer.toString('latin1', 0, this.#buffer.write(text, 'latin1'))
  }
}
