import { type ReaderRule, readerRules } from './reader-rules.ts'

/** How bad a problem is: an error keeps the document from loading, a warning does not. */
export type Severity = 'error' | 'warning'

/** One finding about a CSDL document; line and column count from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** name of the rule that is broken, see `ruleTable` */
  readonly rule: string
  readonly message: string
  readonly severity: Severity
}

/** `file:line:column: rule: message` */
export function printProblem({ file, line, column, rule, message }: Problem): string {
  return `${file}:${line}:${column}: ${rule}: ${message}`
}

/** A CSDL document that cannot be loaded; `problems` holds all that is wrong with it, warnings included. */
export class CsdlError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter((problem) => problem.severity === 'error')
    super(errors.map(printProblem).join('\n'))
    this.name = 'CsdlError'
    this.problems = problems
  }
}

/** One source text. Positions are kept as offsets and turned into lines only when a problem is told. */
export class Source {
  readonly file: string
  readonly text: string
  #lineStarts: readonly number[] | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
  }

  /** Line and column, from 1, of an offset in UTF-16 units. */
  place(offset: number): { readonly line: number; readonly column: number } {
    this.#lineStarts ??= lineStartsOf(this.text)
    const starts = this.#lineStarts
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** Where a problem lies: a declaration, or any other place in a source. */
export interface Place {
  readonly source: Source
  readonly offset: number
}

/** Collects problems while a document is read. */
export class Problems {
  readonly #found: (Omit<Problem, 'file' | 'line' | 'column'> & Place)[] = []
  hasErrors = false

  /** As they were found. Lines are looked for only here: many a start tells no warnings. */
  get all(): readonly Problem[] {
    return this.#found.map(({ source, offset, ...problem }) => ({
      file: source.file,
      ...source.place(offset),
      ...problem,
    }))
  }

  /** Notes that one of the reader's own rules is broken. */
  report(place: Place, rule: ReaderRule, message: string): void {
    this.add(place, rule, readerRules[rule].severity, message)
  }

  /** Notes that a rule of any kind is broken. */
  add({ source, offset }: Place, rule: string, severity: Severity, message: string): void {
    if (severity === 'error') this.hasErrors = true
    this.#found.push({ source, offset, rule, message, severity })
  }

  /** All problems by file (the main one first) and place. */
  sorted(): readonly Problem[] {
    const { all } = this
    const files = new Map<string, number>()
    for (const { file } of all) if (!files.has(file)) files.set(file, files.size)
    return all.toSorted(
      (a, b) => (files.get(a.file) ?? 0) - (files.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
    )
  }

  /** @throws CsdlError if there is an error among the problems */
  throwErrors(): void {
    if (this.hasErrors) throw new CsdlError(this.sorted())
  }
}
