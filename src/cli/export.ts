import { open } from 'node:fs/promises'
import { type ExportProgress, exportRows } from '../tools/transfer/export-rows.ts'
import { type Place, readPlan, rootPlaces, wholeSession } from '../tools/transfer/places.ts'
import { walkRows } from '../tools/transfer/walk-rows.ts'
import { type Arguments, UsageError } from './flags.ts'
import { grouped, Progress } from './progress.ts'
import { type OpenedData, withStore } from './store.ts'
import type { Terminal } from './terminal.ts'

/** `odatum export MODEL`: writes entities as JSON. @returns the exit code: 1 where something could not be written */
export async function exportEntities(given: Arguments, terminal: Terminal): Promise<number> {
  const [file, ...more] = given.positionals
  if (file === undefined || more.length > 0) throw new UsageError('export takes one CSDL file')
  const format = given.text('format') ?? 'ndjson'
  if (format !== 'ndjson' && format !== 'json') throw new UsageError(`--format is ndjson or json, not '${format}'`)
  return withStore(file, given, { write: false }, async (opened) => {
    const places = chosen(opened, given.texts('set'))
    const result: ExportProgress = { entities: 0, unreadable: 0, unlinked: 0, streamed: 0 }
    const bar = new Progress(terminal, await countOf(opened, places))
    const { write, close } = await sinkOf(given.text('out'), terminal)
    try {
      const { store, model, layout } = opened
      const [before, separator, after] = format === 'json' ? ['[\n', ',\n', '\n]\n'] : ['', '\n', '\n']
      if (before !== '') await write(Buffer.from(before))
      const rows = walkRows(store, model, layout, places)
      for await (const chunk of exportRows(model, layout, rows, separator, result)) {
        await write(chunk)
        bar.show(result.entities)
      }
      if (format === 'json' || result.entities > 0) await write(Buffer.from(after))
    } finally {
      await close()
    }
    return report(result, bar, terminal)
  })
}

function chosen({ model, layout }: OpenedData, sets: readonly string[]): readonly Place[] {
  const places = rootPlaces(model, layout)
  const unknown = sets.find((name) => !places.some(({ root }) => root.name === name))
  if (unknown !== undefined) throw new UsageError(`the model has no entity set or singleton '${unknown}'`)
  return sets.length === 0 ? places : places.filter(({ root }) => sets.includes(root.name))
}

async function countOf({ store }: OpenedData, places: readonly Place[]): Promise<number> {
  let total = 0
  for (const place of places) total += await store.count(readPlan(place), wholeSession(place))
  return total
}

async function sinkOf(file: string | undefined, terminal: Terminal) {
  if (file === undefined) {
    const write = async (chunk: Uint8Array): Promise<void> => {
      if (terminal.bytes) await terminal.bytes(chunk)
      else terminal.out(Buffer.from(chunk).toString('utf8'))
    }
    return { write, close: async () => {} }
  }
  const handle = await open(file, 'w')
  const write = async (chunk: Uint8Array): Promise<void> => {
    await handle.appendFile(chunk)
  }
  return { write, close: () => handle.close() }
}

function report(
  { entities, unreadable, unlinked, streamed }: ExportProgress,
  bar: Progress,
  terminal: Terminal,
): number {
  terminal.error(`${grouped(entities)} entities exported (${bar.end(entities)})\n`)
  if (unreadable > 0)
    terminal.error(
      `${grouped(unreadable)} stored values do not fit the model and were written as null: odatum validate lists them\n`,
    )
  if (unlinked > 0)
    terminal.error(`${grouped(unlinked)} lists of related entities do not fit the model: those were not written\n`)
  if (streamed > 0) terminal.error(`${grouped(streamed)} entities have streams: those were not written\n`)
  return unreadable + unlinked + streamed === 0 ? 0 : 1
}
