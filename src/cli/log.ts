import type { Logger } from 'pino'
import { loadPackage } from '../base/load-package.ts'
import type { ServiceLog } from '../service/options.ts'

/** Levels of pino, from what is told least; `silent` tells nothing. */
export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

export type LogLevel = (typeof logLevels)[number]

/** Lines of JSON by pino on standard output. Its code is loaded with the first line, or when the log is opened: not before a service answers. */
export class Log implements ServiceLog {
  readonly #level: LogLevel
  readonly #base: Readonly<Record<string, unknown>>
  #pino: Logger | undefined

  /** @param base what stands in every line */
  constructor(level: LogLevel, base: Readonly<Record<string, unknown>>) {
    this.#level = level
    this.#base = base
  }

  /** Whether lines of a level are written. */
  isEnabled(level: LogLevel): boolean {
    return logLevels.indexOf(level) <= logLevels.indexOf(this.#level)
  }

  /** Makes ready for the first line, unless there will be none. */
  open(): void {
    if (this.#level !== 'silent') this.#opened()
  }

  error(fields: object, message: string): void {
    if (this.isEnabled('error')) this.#opened().error(fields, message)
  }

  warn(fields: object, message: string): void {
    if (this.isEnabled('warn')) this.#opened().warn(fields, message)
  }

  info(fields: object, message: string): void {
    if (this.isEnabled('info')) this.#opened().info(fields, message)
  }

  #opened(): Logger {
    this.#pino ??= (loadPackage('pino') as typeof import('pino')).pino({ level: this.#level, base: { ...this.#base } })
    return this.#pino
  }
}
