import { BareRecord } from '../base/bare-record.ts'
import { loadPackage } from '../base/load-package.ts'
import type { Declaration } from './declaration.ts'
import { Declaring, type Fatal, type Namespaces, noAttributes } from './declaring.ts'
import { CsdlError, type Problems, type Source } from './problems.ts'

/**
 * Reads a CSDL XML document into declarations. There is no DTD and no entity but XML's own five.
 * @returns the root element (`Edmx`)
 * @throws CsdlError where the text is no well-formed XML or no CSDL at all
 */
export function readXml(source: Source, problems: Problems): Declaration {
  const { SaxesParser } = loadPackage('saxes') as typeof import('saxes')
  const parser = new SaxesParser({ position: false, xmlns: false } as const)
  const fail = (rule: 'xml-well-formed' | 'no-doctype' | Fatal, message: string): never => {
    problems.report({ source, offset: Math.max(0, Math.min(parser.position, source.text.length) - 1) }, rule, message)
    throw new CsdlError(problems.all)
  }
  const declaring = new Declaring(source, problems, fail)
  let start = 0
  parser.on('error', (error) => fail('xml-well-formed', error.message.replace(/^[:\s]+/, '')))
  parser.on('doctype', () => fail('no-doctype', 'a document type declaration is not allowed.'))
  parser.on('opentagstart', (tag) => {
    start = parser.position - tag.name.length - 2
  })
  parser.on('opentag', (tag) => {
    const { attributes, namespaces } = splitAttributes(tag.attributes, declaring)
    declaring.open(tag.name, attributes, namespaces, start)
  })
  const takeText = (text: string): void => declaring.text(text, Math.max(0, parser.position - text.length - 1))
  parser.on('text', takeText)
  parser.on('cdata', takeText)
  parser.on('closetag', () => declaring.close())
  parser.write(source.text).close()
  return declaring.root ?? fail('document-root', 'the document is empty.')
}

/** Takes the namespace declarations out of an element's attributes and drops those of other namespaces. */
function splitAttributes(
  all: Readonly<Record<string, string>>,
  declaring: Declaring,
): { attributes: Readonly<Record<string, string>>; namespaces: Namespaces } {
  let namespaces = declaring.namespaces
  let own: Map<string, string> | undefined
  let attributes: BareRecord | undefined
  for (const name in all) {
    const value = all[name] ?? ''
    if (name === 'xmlns' || name.startsWith('xmlns:')) {
      own ??= new Map(namespaces)
      own.set(name === 'xmlns' ? '' : name.slice(6), value)
      namespaces = own
    } else if (!name.includes(':')) {
      attributes ??= new BareRecord()
      attributes[name] = declaring.value(name, value)
    }
  }
  return { attributes: attributes ?? noAttributes, namespaces }
}
