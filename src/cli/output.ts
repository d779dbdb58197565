import { writeFile } from 'node:fs/promises'
import type { Arguments, Flag } from './flags.ts'
import type { Terminal } from './terminal.ts'

/** The flag of commands that write one document. */
export const outFlag = {
  out: { type: 'string', argument: 'FILE', help: 'write to this file (default: standard output)' },
} as const satisfies Readonly<Record<string, Flag>>

/** Writes a command's document where `--out` says. */
export async function writeOut(given: Arguments, terminal: Terminal, text: string): Promise<void> {
  const file = given.text('out')
  if (file === undefined) terminal.out(text)
  else await writeFile(file, text)
}
