import { CsdlError } from '../csdl/problems.ts'
import { ODataError } from '../errors/odata-error.ts'
import { commands, helpText } from './commands.ts'
import { readArguments, UsageError } from './flags.ts'
import { terminal } from './terminal.ts'

/** What went wrong, in words for the person at the terminal; a stack only for what nobody foresaw. */
function explain(error: unknown): string {
  if (error instanceof CsdlError || error instanceof UsageError) return error.message
  if (error instanceof ODataError)
    return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
  if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

async function run(version: string): Promise<number> {
  const [name = 'help', ...args] = process.argv.slice(2)
  if (name === '--version' || name === '-v') {
    terminal.out(`${version}\n`)
    return 0
  }
  if (name === 'help' || name === '--help' || name === '-h' || args.includes('--help')) {
    terminal.out(helpText(version))
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) throw new UsageError(`there is no command '${name}'; odatum help lists them`)
  return command.run(readArguments(command.flags, args, process.env), terminal, version)
}

/** Ends once what was written has gone out: a pipe may still hold some of it. */
function end(code: number): void {
  process.stdout.write('', () => process.exit(code))
}

/** Runs the command that the arguments of the process name, and ends the process with its exit code. */
export function runCommandLine(version: string): void {
  // Whoever reads the output has seen enough (`odatum export ... | head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  run(version).then(end, (error: unknown) => {
    terminal.error(`odatum: ${explain(error)}\n`)
    end(1)
  })
}
