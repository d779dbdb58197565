import { type Arguments, describeFlags, type Flag } from './flags.ts'
import { inferFlags } from './infer-flags.ts'
import { openapiFlags } from './openapi-flags.ts'
import { outFlag } from './output.ts'
import { serveFlags, serveOptions } from './serve-options.ts'
import { exportFlags, importFlags } from './store-flags.ts'
import type { Terminal } from './terminal.ts'
import { tokenFlags } from './token-flags.ts'
import { validateFlags } from './validate-flags.ts'

/** One command of `odatum`. What it needs is loaded when it runs, so that a quick one does not wait for the store's code. */
export interface Command {
  /** what stands behind its name besides flags */
  readonly operands: string
  readonly summary: string
  readonly flags: Readonly<Record<string, Flag>>
  /** @returns the exit code */
  run(given: Arguments, terminal: Terminal, version: string): Promise<number>
}

/** Every command, in the order of the help. docs/cli.md shows the same; a test holds both together. */
export const commands: Readonly<Record<string, Command>> = {
  serve: {
    operands: 'FILE',
    summary: 'Serve what the CSDL document describes.',
    flags: serveFlags,
    run: async (given, _, version) => (await import('./serve.ts')).serve(serveOptions(given), version),
  },
  token: {
    operands: '',
    summary: 'Write a token signed with the local development key.',
    flags: tokenFlags,
    run: async (given, { out }) => {
      out(`${await (await import('./token.ts')).token(given)}\n`)
      return 0
    },
  },
  validate: {
    operands: 'FILE...',
    summary: 'Check CSDL documents; the exit code is 1 where one has errors.',
    flags: validateFlags,
    run: async (given, terminal) => (await import('./validate.ts')).validate(given, terminal),
  },
  types: {
    operands: 'FILE',
    summary: 'Write TypeScript types of the model: entities, bodies, enumerations, operations, controllers.',
    flags: outFlag,
    run: async (given, terminal) => (await import('./types.ts')).types(given, terminal),
  },
  openapi: {
    operands: 'FILE|URL',
    summary: 'Write an OpenAPI 3.0 document of what odatum serves of the model, or of a running service.',
    flags: openapiFlags,
    run: async (given, terminal) => (await import('./openapi.ts')).openapi(given, terminal),
  },
  infer: {
    operands: 'URI',
    summary: 'Write CSDL that serves the collections of a MongoDB database as they are.',
    flags: inferFlags,
    run: async (given, terminal) => (await import('./infer.ts')).infer(given, terminal),
  },
  export: {
    operands: 'FILE',
    summary: 'Write the entities of a store as JSON, each with its @context; contained ones behind their owners.',
    flags: exportFlags,
    run: async (given, terminal) => (await import('./export.ts')).exportEntities(given, terminal),
  },
  import: {
    operands: 'FILE ENTITIES|-',
    summary: 'Store entities from JSON (an array, or one a line), keys and computed values as they are.',
    flags: importFlags,
    run: async (given, terminal) => (await import('./import.ts')).importEntities(given, terminal),
  },
}

/** The help text of all commands. */
export function helpText(version: string): string {
  const parts = Object.entries(commands).map(([name, command]) => `${usageOf(name, command)}\n${commandHelp(command)}`)
  return `odatum ${version}: an OData service from a CSDL document

${parts.join('\n')}
Flags can also be given as environment variables: --page-size as ODATUM_PAGE_SIZE.
`
}

/** `odatum serve FILE [flags]` */
export function usageOf(name: string, { operands, flags }: Command): string {
  const parts = ['odatum', name, operands, Object.keys(flags).length > 0 ? '[flags]' : '']
  return parts.filter((part) => part !== '').join(' ')
}

function commandHelp({ summary, flags }: Command): string {
  const lines = describeFlags(flags)
  return `  ${summary}\n${lines === '' ? '' : `${lines}\n`}`
}
