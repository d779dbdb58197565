import type { Terminal } from './terminal.ts'

/** Milliseconds between two lines of progress. */
const interval = 200

/** Shows how far a long command has come, on one line that is written again and again; nothing where nobody looks on. */
export class Progress {
  readonly #terminal: Terminal
  readonly #total: number | undefined
  readonly #started = performance.now()
  #shown = 0
  #width = 0

  /** @param total entities in all, where it is known */
  constructor(terminal: Terminal, total?: number) {
    this.#terminal = terminal
    this.#total = total
  }

  show(entities: number): void {
    const now = performance.now()
    if (!this.#terminal.interactive || now - this.#shown < interval) return
    this.#shown = now
    const line = `${bar(entities, this.#total)}${grouped(entities)} entities, ${this.#rate(entities)}/s`
    this.#terminal.error(`\r${line.padEnd(this.#width)}`)
    this.#width = line.length
  }

  /** Ends the line. @returns what the final message says of the speed */
  end(entities: number): string {
    if (this.#width > 0) this.#terminal.error(`\r${' '.repeat(this.#width)}\r`)
    return `${((performance.now() - this.#started) / 1_000).toFixed(1)} s, ${this.#rate(entities)}/s`
  }

  #rate(entities: number): string {
    return grouped(Math.round((entities * 1_000) / Math.max(1, performance.now() - this.#started)))
  }
}

const cells = 20

function bar(done: number, total: number | undefined): string {
  if (total === undefined || total === 0) return ''
  const part = Math.min(1, done / total)
  const filled = Math.round(part * cells)
  return `[${'#'.repeat(filled)}${'.'.repeat(cells - filled)}] ${Math.floor(part * 100)} % `
}

/** 12345 as 12,345. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',')
}
