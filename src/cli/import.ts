import { createReadStream } from 'node:fs'
import { type ImportOutcome, importRows } from '../tools/transfer/import-rows.ts'
import { type JsonPiece, splitJson } from '../tools/transfer/split-json.ts'
import { type Arguments, UsageError } from './flags.ts'
import { grouped, Progress } from './progress.ts'
import { withStore } from './store.ts'
import type { Terminal } from './terminal.ts'

/** Failures that are told one by one. */
const toldFailures = 20

/** `odatum import MODEL FILE`: stores entities. @returns the exit code: 1 where one could not be stored */
export async function importEntities(given: Arguments, terminal: Terminal): Promise<number> {
  const [file, input, ...more] = given.positionals
  if (file === undefined || input === undefined || more.length > 0)
    throw new UsageError('import takes a CSDL file and a file of entities (- for standard input)')
  if (given.on('replace') && given.on('skip-existing')) throw new UsageError('--replace or --skip-existing, not both')
  return withStore(file, given, { write: true }, async ({ store, model, layout }) => {
    const bar = new Progress(terminal)
    const outcome: ImportOutcome = { created: 0, replaced: 0, existing: 0, failed: 0 }
    const source: AsyncIterable<Uint8Array> = input === '-' ? process.stdin : createReadStream(input)
    await importRows(
      store,
      model,
      layout,
      watched(splitJson(source), outcome, bar),
      { set: given.text('set'), replace: given.on('replace') },
      outcome,
      (line, reason) => {
        if (outcome.failed <= toldFailures) terminal.error(`${input}:${line}: ${reason}\n`)
      },
    )
    const { created, replaced, existing, failed } = outcome
    terminal.error(`${grouped(created)} entities imported (${bar.end(created + replaced)})\n`)
    if (replaced > 0) terminal.error(`${grouped(replaced)} were there already and were replaced\n`)
    if (existing > 0)
      terminal.error(
        `${grouped(existing)} were there already${given.on('skip-existing') ? '' : ': --skip-existing allows that, --replace replaces them'}\n`,
      )
    if (failed > 0) terminal.error(`${grouped(failed)} could not be stored\n`)
    return failed > 0 || (existing > 0 && !given.on('skip-existing')) ? 1 : 0
  })
}

async function* watched(
  pieces: AsyncIterable<JsonPiece>,
  outcome: ImportOutcome,
  bar: Progress,
): AsyncGenerator<JsonPiece> {
  for await (const piece of pieces) {
    yield piece
    bar.show(outcome.created + outcome.replaced)
  }
}
