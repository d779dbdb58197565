/** Where a command writes: results to `out`, all that is said about them to `error`. */
export interface Terminal {
  out(text: string): void
  error(text: string): void
}

/** The terminal of this process. */
export const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
}
