import { SaxesParser } from 'saxes'
import { type Declaration, type ElementGrammar, edmxNames, grammar } from './declaration.ts'
import { CsdlError, type Problems, type Source } from './problems.ts'

const edm = 'http://docs.oasis-open.org/odata/ns/edm'
const edmx = 'http://docs.oasis-open.org/odata/ns/edmx'

/** An object without inherited members that V8 keeps in fast mode, other than those of `Object.create(null)`. */
class Attributes {
  [name: string]: string
}
Object.setPrototypeOf(Attributes.prototype, null)
Reflect.deleteProperty(Attributes.prototype, 'constructor')

const noAttributes: Readonly<Record<string, string>> = Object.freeze(new Attributes())
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

interface OpenElement {
  readonly declaration: Declaration & { children: readonly Declaration[]; text: string }
  /** namespace by prefix where this element declares one, else the parent's */
  readonly namespaces: ReadonlyMap<string, string>
  readonly rules: ElementGrammar
}

/**
 * Reads a CSDL XML document into declarations. There is no DTD and no entity but XML's own five; elements and attributes of
 * other namespaces are passed over (CSDL XML 2.2), unknown ones of the edm namespaces give a warning.
 * @returns the root element (`Edmx`)
 * @throws CsdlError where the text is no well-formed XML or no CSDL at all
 */
export function readXml(source: Source, problems: Problems): Declaration {
  const parser = new SaxesParser({ position: false, xmlns: false } as const)
  const stack: OpenElement[] = []
  const texts = new Interner()
  let root: Declaration | undefined
  let start = 0
  let skipped = 0

  const fail = (rule: 'xml-well-formed' | 'no-doctype' | 'document-root' | 'nesting-depth', message: string): never => {
    problems.report({ source, offset: Math.max(0, Math.min(parser.position, source.text.length) - 1) }, rule, message)
    throw new CsdlError(problems.all)
  }

  parser.on('error', (error) => fail('xml-well-formed', error.message.replace(/^[:\s]+/, '')))
  parser.on('doctype', () => fail('no-doctype', 'a document type declaration is not allowed.'))
  parser.on('opentagstart', (tag) => {
    start = parser.position - tag.name.length - 2
  })
  parser.on('opentag', (tag) => {
    if (skipped > 0) {
      skipped++
      return
    }
    const parent = stack[stack.length - 1]
    const place = { source, offset: start }
    if (stack.length >= maxDepth) fail('nesting-depth', `elements are nested more than ${maxDepth} deep.`)
    const { attributes, namespaces } = splitAttributes(tag.attributes, parent?.namespaces ?? xmlOnly, texts)
    const colon = tag.name.indexOf(':')
    const namespace = namespaces.get(colon < 0 ? '' : tag.name.slice(0, colon)) ?? ''
    const local = colon < 0 ? tag.name : tag.name.slice(colon + 1)
    const known = knownElements.get(local)
    const name = known?.name ?? local
    if (parent === undefined && (namespace !== edmx || name !== 'Edmx'))
      fail('document-root', rootFault(namespace, name))
    if (namespace !== edm && namespace !== edmx) {
      skipped = 1
      return
    }
    const rules = known?.namespace === namespace ? known.rules : undefined
    if (!rules || (parent && !parent.rules.children.has(name))) {
      const where = parent ? ` in '${parent.declaration.name}'` : ''
      problems.report(place, 'unknown-element', `'${name}' is not known${where}; it is passed over.`)
      skipped = 1
      return
    }
    for (const attribute in attributes)
      if (!rules.attributes.has(attribute))
        problems.report(place, 'unknown-attribute', `'${name}' has no attribute '${attribute}'; it is passed over.`)
    for (const required of rules.required)
      if (attributes[required] === undefined)
        problems.report(place, 'attribute-required', `'${name}' must have the attribute '${required}'.`)
    const declaration = { name, attributes, children: noChildren, text: '', source, offset: start }
    if (parent) {
      if (parent.declaration.children === noChildren) parent.declaration.children = [declaration]
      else (parent.declaration.children as Declaration[]).push(declaration)
    } else root = declaration
    stack.push({ declaration, namespaces, rules })
  })
  const takeText = (text: string): void => {
    const open = stack[stack.length - 1]
    if (skipped > 0 || !open) return
    if (open.rules.text) open.declaration.text += text
    else if (/[^ \t\r\n]/.test(text))
      problems.report(
        { source, offset: Math.max(0, parser.position - text.length - 1) },
        'unexpected-text',
        `'${open.declaration.name}' takes no text; it is passed over.`,
      )
  }
  parser.on('text', takeText)
  parser.on('cdata', takeText)
  parser.on('closetag', () => {
    if (skipped > 0) {
      skipped--
      return
    }
    const closed = stack.pop()
    if (closed?.rules.text) closed.declaration.text = texts.intern(closed.declaration.text)
  })
  parser.write(source.text).close()
  return root ?? fail('document-root', 'the document is empty.')
}

const xmlOnly: ReadonlyMap<string, string> = new Map()

function rootFault(namespace: string, name: string): string {
  if (/^http:\/\/schemas\.microsoft\.com\/ado\//.test(namespace))
    return 'this is a CSDL document of OData 3.0 or earlier; 4.0 and 4.01 are read.'
  return `the root element must be 'Edmx' of the namespace ${edmx}, not '${name}' of '${namespace}'.`
}

/** Takes the namespace declarations out of an element's attributes and drops those of other namespaces. */
function splitAttributes(
  all: Readonly<Record<string, string>>,
  inherited: ReadonlyMap<string, string>,
  texts: Interner,
): { attributes: Readonly<Record<string, string>>; namespaces: ReadonlyMap<string, string> } {
  let namespaces = inherited
  let own: Map<string, string> | undefined
  let attributes: Attributes | undefined
  for (const name in all) {
    const value = all[name] ?? ''
    if (name.charCodeAt(0) === 120 && (name === 'xmlns' || name.startsWith('xmlns:'))) {
      own ??= new Map(inherited)
      own.set(name === 'xmlns' ? '' : name.slice(6), value)
      namespaces = own
    } else if (!name.includes(':')) {
      attributes ??= new Attributes()
      // targets and descriptions hardly repeat: not worth looking for
      attributes[name] = name === 'Target' || name === 'String' ? texts.copy(value) : texts.intern(value)
    }
  }
  return { attributes: attributes ?? noAttributes, namespaces }
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
