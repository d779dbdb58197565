/** Where a command writes: results to `out`, all that is said about them to `error`. */
export interface Terminal {
  out(text: string): void
  error(text: string): void
  /** writes bytes to `out`; resolves once more can be taken */
  bytes?(chunk: Uint8Array): Promise<void>
  /** whether a person looks at `error` */
  readonly interactive?: boolean
}

/** The terminal of this process. */
export const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  bytes: (chunk) =>
    new Promise((resolve, reject) => process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()))),
  interactive: process.stderr.isTTY === true,
}
