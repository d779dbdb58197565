#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { CsdlError } from '../csdl/problems.ts'
import { readModel } from '../csdl/read-model.ts'
import { ODataError } from '../errors/odata-error.ts'
import { describeFlags, readArguments, UsageError } from './flags.ts'
import { serve } from './serve.ts'
import { serveFlags, serveOptions } from './serve-options.ts'
import { token, tokenFlags } from './token.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const help = `odatum ${version}: an OData service from a CSDL document

odatum serve FILE.xml [flags]     serve what the CSDL document describes
${describeFlags(serveFlags)}

odatum token [flags]              a token signed with the local development key
${describeFlags(tokenFlags)}

odatum validate FILE...           check CSDL documents; exits 1 on errors

Every flag can also be given as an environment variable: --page-size as ODATUM_PAGE_SIZE.
`

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  serve: (args) => serve(serveOptions(readArguments(serveFlags, args, process.env)), version),
  token: async (args) => {
    process.stdout.write(`${await token(readArguments(tokenFlags, args, process.env))}\n`)
    return 0
  },
  validate: async (args) => {
    const { positionals } = readArguments({}, args, process.env)
    if (positionals.length === 0) throw new UsageError('validate takes CSDL files')
    for (const file of positionals) {
      await readModel(file, {
        onWarning: (problem) =>
          process.stderr.write(
            `${problem.file}:${problem.line}:${problem.column}: ${problem.rule}: ${problem.message}\n`,
          ),
      })
      process.stdout.write(`${file}: ok\n`)
    }
    return 0
  },
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
    process.stdout.write(`${version}\n`)
    return 0
  }
  if (name === 'help' || name === '--help' || name === '-h' || args.includes('--help')) {
    process.stdout.write(help)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) throw new UsageError(`there is no command '${name}'; odatum help lists them`)
  return command(args)
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`odatum: ${explain(error)}\n`)
    process.exit(1)
  },
)
