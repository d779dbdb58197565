import { parseArgs } from 'node:util'

/** One flag of a command; each can also be given as an environment variable `ODATUM_NAME`. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  /** what it is called in the help: `URI`, `DIR`; flags without are switches */
  readonly argument?: string
  readonly multiple?: boolean
  /** true: the environment does not set it: what it asks for is too much to come about by the way */
  readonly explicit?: boolean
  readonly help: string
}

/** A fault of the person at the command line: shown without a stack. */
export class UsageError extends Error {}

export interface Arguments {
  readonly positionals: readonly string[]
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  on(name: string): boolean
  /** @throws UsageError where the value is no whole number in the range */
  number(name: string, minimum: number, maximum: number): number | undefined
}

/**
 * Reads a command's arguments; what is not on the command line is taken from the environment.
 * @throws UsageError for unknown flags
 */
export function readArguments(
  flags: Readonly<Record<string, Flag>>,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Arguments {
  let parsed: ReturnType<typeof parseArgs>
  try {
    const options = Object.fromEntries(
      Object.entries(flags).map(([name, { type, multiple }]) => [name, { type, multiple: multiple ?? false }]),
    )
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const fromEnvironment = (name: string): string | undefined =>
    flags[name]?.explicit ? undefined : environment[`ODATUM_${name.toUpperCase().replaceAll('-', '_')}`]
  const values = parsed.values as Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : fromEnvironment(name)
  }
  return {
    positionals: parsed.positionals,
    text,
    texts: (name) => {
      const value = values[name]
      const given = Array.isArray(value) ? value.map(String) : undefined
      return given ?? fromEnvironment(name)?.split(',') ?? []
    },
    on: (name) => {
      const value = values[name]
      if (typeof value === 'boolean') return value
      const text = fromEnvironment(name)
      return text !== undefined && text !== '' && text !== '0' && text !== 'false'
    },
    number: (name, minimum, maximum) => {
      const given = text(name)
      if (given === undefined) return undefined
      const number = Number(given)
      if (!/^\d+$/.test(given) || number < minimum || number > maximum)
        throw new UsageError(`--${name} takes a whole number from ${minimum} to ${maximum}, not '${given}'`)
      return number
    },
  }
}

/** The flags as lines of a help text. */
export function describeFlags(flags: Readonly<Record<string, Flag>>): string {
  return Object.entries(flags)
    .map(
      ([name, { argument, help }]) =>
        `  ${`--${name}${argument === undefined ? '' : ` ${argument}`}`.padEnd(26)} ${help}`,
    )
    .join('\n')
}
