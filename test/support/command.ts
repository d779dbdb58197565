import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The command line as a user runs it: `dist/cli/main.js`, which `npm test` builds before any test. */

const root = resolve(import.meta.dirname, '../..')
export const commandFile = join(root, 'dist/cli/main.js')

function newest(folder: string): number {
  return Math.max(
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  )
}

/** Why the command cannot be tested; empty where it can. */
export const commandMissing = !existsSync(commandFile)
  ? 'dist is missing: npm run build'
  : statSync(commandFile).mtimeMs < newest(join(root, 'src'))
    ? 'dist is older than src: npm run build'
    : ''

export interface CommandSettings {
  /** whether it leads a process group, so that it can be killed with its workers */
  readonly group?: boolean
  /** a program that runs it: `strace` and its arguments */
  readonly under?: readonly string[]
}

export interface RunningCommand {
  readonly process: ChildProcess
  readonly out: string
  readonly error: string
  /** resolves with the exit code, or the signal that ended it */
  readonly ended: Promise<number | string>
  /** waits until standard output holds the pattern */
  shows(pattern: RegExp): Promise<RegExpExecArray>
  /** waits until standard output has held what was asked, or throws */
  until(condition: (run: RunningCommand) => boolean, what: string): Promise<void>
}

/**
 * Starts `odatum` with these arguments; no environment variable of the caller's odatum gets through.
 */
export function startCommand(
  args: readonly string[],
  environment: Record<string, string> = {},
  { group = false, under = [] }: CommandSettings = {},
): RunningCommand {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:ODATUM|NODE_|VITEST)/.test(name)),
  )
  const [program = '', ...before] = [...under, process.execPath]
  const child = spawn(program, [...before, commandFile, ...args], {
    cwd: root,
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: group,
  })
  let out = ''
  let error = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error += text
  })
  let over = false
  const ended = new Promise<number | string>((done) => {
    child.once('close', (code, signal) => {
      over = true
      done(code ?? signal ?? 'unknown')
    })
  })
  const run: RunningCommand = {
    process: child,
    get out() {
      return out
    },
    get error() {
      return error
    },
    ended,
    shows: async (pattern) => {
      await run.until(() => pattern.test(out), String(pattern))
      const found = new RegExp(pattern.source, pattern.flags).exec(out)
      if (!found) throw new Error(`no ${pattern}`)
      return found
    },
    until: async (condition, what) => {
      for (let waited = 0; !condition(run); waited += 20) {
        if (over || waited > 30_000) throw new Error(`waited in vain for ${what}: ${out}${error}`)
        await new Promise((done) => setTimeout(done, 20))
      }
    },
  }
  return run
}

export interface ServingCommand extends RunningCommand {
  /** absolute service root as the banner names it */
  readonly root: string
  stop(): Promise<number | string>
}

/** Starts `odatum serve` on a free port and waits for its banner. */
export async function serveCommand(
  args: readonly string[],
  environment: Record<string, string> = {},
  settings: CommandSettings = {},
): Promise<ServingCommand> {
  const run = startCommand(['serve', ...args, '--port', '0'], environment, settings)
  let root: string
  try {
    root = (await run.shows(/^ {2}service {2}(http:\S+)$/m))[1] ?? ''
    await run.shows(/^ {2}try .*$/m)
  } catch (error) {
    run.process.kill('SIGKILL')
    throw error
  }
  return Object.assign(Object.create(run) as RunningCommand, {
    root,
    stop: () => {
      // a program that it runs under may keep the signal to itself
      if (settings.group && run.process.pid !== undefined) process.kill(-run.process.pid, 'SIGTERM')
      else run.process.kill('SIGTERM')
      return run.ended
    },
  })
}

/** A folder for a test's data. */
export function dataFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'odatum-command-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
