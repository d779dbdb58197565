import { layoutOf } from '../bson/layout-of-model.ts'
import { CsdlError, type Problem, printProblem } from '../csdl/problems.ts'
import { readModel } from '../csdl/read-model.ts'
import { ruleTable } from '../csdl/rules/table.ts'
import type { Model } from '../edm/model.ts'
import { type Finding, findMisfits } from '../tools/stored/findings.ts'
import { rootPlaces } from '../tools/transfer/places.ts'
import { walkRows } from '../tools/transfer/walk-rows.ts'
import { type Arguments, UsageError } from './flags.ts'
import { grouped, Progress } from './progress.ts'
import type { Terminal } from './terminal.ts'

/**
 * `odatum validate FILE...`: checks CSDL documents, and with `--mongodb` or `--data` what is stored by one. Errors go to `out` as `file:line:column: rule: message`, warnings and the
 * count to `error`; with `--json` all of it is one document on `out`.
 * @returns the exit code: 1 where a file has errors
 */
export async function validate(given: Arguments, terminal: Terminal): Promise<number> {
  const files = given.positionals
  const [file, ...others] = files
  if (file === undefined) throw new UsageError('validate takes CSDL files')
  const stored = given.text('mongodb') !== undefined || given.text('data') !== undefined
  if (stored && others.length > 0) throw new UsageError('validate takes one CSDL file with --mongodb or --data')
  const problems = await problemsOf(files)
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  const misfits = stored && errors === 0 ? await storedMisfits(file, given, terminal) : undefined
  if (given.on('json'))
    terminal.out(
      `${JSON.stringify({ files, errors, warnings, problems: problems.map(forMachines), ...(misfits ? { stored: misfits } : {}) })}\n`,
    )
  else {
    for (const problem of problems) {
      const line = `${printProblem(problem)}\n`
      if (problem.severity === 'error') terminal.out(line)
      else terminal.error(line)
    }
    terminal.error(`${counted(files.length, 'file')}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}\n`)
    for (const misfit of misfits ?? []) terminal.out(`${printFinding(misfit)}\n`)
    if (misfits) terminal.error(`${counted(misfits.length, 'kind')} of stored values that do not fit the model\n`)
  }
  return errors === 0 && (misfits ?? []).length === 0 ? 0 : 1
}

async function storedMisfits(file: string, given: Arguments, terminal: Terminal): Promise<readonly Finding[]> {
  // stores are loaded only where they are needed
  const { withStore } = await import('./store.ts')
  return withStore(file, given, { write: false }, async ({ store, model, layout }) => {
    const bar = new Progress(terminal)
    let checked = 0
    const findings = await findMisfits(
      layout,
      walkRows(store, model, layout, rootPlaces(model, layout)),
      (entities) => {
        checked = entities
        bar.show(entities)
      },
    )
    terminal.error(`${grouped(checked)} entities checked (${bar.end(checked)})\n`)
    return findings
  })
}

/** `Books/Title: 3 times: is int32, which Edm.String cannot hold (Books('1'), ...)` */
function printFinding({ resource, path, problem, count, entities }: Finding): string {
  const times = count === 1 ? 'once' : `${grouped(count)} times`
  const names = `${entities.join(', ')}${entities.length < count ? ', ...' : ''}`
  return `${resource}/${path}: ${times}: ${problem} (${names})`
}

/** What is wrong with the files, in their order; what several of them include is told once. */
async function problemsOf(files: readonly string[]): Promise<readonly Problem[]> {
  const found = new Map<string, Problem>()
  const add = (problem: Problem): void => void found.set(printProblem(problem), problem)
  for (const file of files) {
    try {
      checkStorage(await readModel(file, { onWarning: add }), file, add)
    } catch (error) {
      if (error instanceof CsdlError) error.problems.forEach(add)
      else if (isFileError(error))
        add({ ...wholeFile(file), rule: 'file-read', message: error.message, severity: 'error' })
      else throw error
    }
  }
  return [...found.values()]
}

/** A valid model that odatum could not store is told before somebody tries to serve it. */
function checkStorage(model: Model, file: string, add: (problem: Problem) => void): void {
  try {
    layoutOf(model)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    add({ ...wholeFile(file), rule: 'stored-form', message, severity: 'warning' })
  }
}

function wholeFile(file: string): Pick<Problem, 'file' | 'line' | 'column'> {
  return { file, line: 1, column: 1 }
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
}

const sections: ReadonlyMap<string, string> = new Map(ruleTable.map(({ name, section }) => [name, section]))
const specification = 'https://docs.oasis-open.org/odata/odata-csdl-xml/v4.01/odata-csdl-xml-v4.01.html'

/** A problem with the address of the section that its rule comes from. */
function forMachines(problem: Problem): Problem & { readonly specification?: string } {
  const section = sections.get(problem.rule)
  return section === undefined ? problem : { ...problem, specification: `${specification}#${section}` }
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
