#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { CsdlError } from '../csdl/problems.ts'
import { ODataError } from '../errors/odata-error.ts'
import { commands, helpText } from './commands.ts'
import { readArguments, UsageError } from './flags.ts'
import { terminal } from './terminal.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** What went wrong, in words for the person at the terminal; a stack only for what nobody foresaw. */
function explain(error: unknown): string {
  if (error instanceof CsdlError || error instanceof UsageError) return error.message
  if (error instanceof ODataError)
    return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
  if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

async function main(): Promise<number> {
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

// Whoever reads the output has seen enough (`odatum export ... | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

main().then(end, (error: unknown) => {
  terminal.error(`odatum: ${explain(error)}\n`)
  end(1)
})
