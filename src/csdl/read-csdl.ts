import type { Model } from '../edm/model.ts'
import type { Declaration } from './declaration.ts'
import { type Problem, Problems, Source } from './problems.ts'
import { readJson } from './read-json.ts'
import { readXml } from './read-xml.ts'
import { openDocument } from './resolve/documents.ts'
import { freezeModel, link } from './resolve/link.ts'
import type { Document } from './resolve/linker.ts'
import { validate } from './validate.ts'

export { CsdlError, type Problem, printProblem, type Severity } from './problems.ts'

/** How a CSDL document is read. */
export interface ParseOptions {
  /** name of the document in messages, and what relative references are relative to */
  readonly file: string
  /**
   * Finds a referenced document (`edmx:Reference`).
   * @param uri as written
   * @param from file name of the document that refers to it
   * @returns its text (and the name for messages, else the URI), or undefined where it is not at hand: its names stay unresolved
   */
  readonly resolve?: (
    uri: string,
    from: string,
  ) => string | { readonly file: string; readonly text: string } | undefined
  /** is told each warning; the document loads all the same */
  readonly onWarning?: (problem: Problem) => void
}

/**
 * Reads a CSDL document, XML or JSON by its first character, with all that it references, and validates it.
 * @param text the document
 * @throws CsdlError with all problems found, if one of them is an error
 */
export function parseCsdl(text: string, options: ParseOptions): Model {
  const problems = new Problems()
  const documents = openAll(text, options, problems)
  const { model, linker } = link(documents, problems)
  validate(model, linker)
  problems.throwErrors()
  freezeModel(linker)
  if (options.onWarning) for (const problem of problems.sorted()) options.onWarning(problem)
  return model
}

/** Opens the document and, breadth first, every document it references; each file once. */
function openAll(text: string, options: ParseOptions, problems: Problems): readonly Document[] {
  const main = openDocument(readText(options.file, text, problems), true, problems)
  const byFile = new Map<string, Document>([[options.file, main]])
  const documents = [main]
  for (const document of documents) {
    const from = document.root.source.file
    for (const reference of document.references) {
      const found = options.resolve?.(reference.uri, from)
      if (found === undefined) continue
      const { file, text: referenced } = typeof found === 'string' ? { file: reference.uri, text: found } : found
      let opened = byFile.get(file)
      if (!opened) {
        opened = openDocument(readText(file, referenced, problems), false, problems)
        byFile.set(file, opened)
        documents.push(opened)
      }
      reference.document = opened
    }
  }
  return documents
}

function readText(file: string, text: string, problems: Problems): Declaration {
  const source = new Source(file, text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  return /^\s*\{/.test(source.text) ? readJson(source, problems) : readXml(source, problems)
}
