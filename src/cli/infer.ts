import { databaseNamed, sampleCollections } from '../mongo/sample.ts'
import { nothingSeen, observe } from '../tools/infer/observe.ts'
import { inferCsdl, type SampledCollection } from '../tools/infer/write-inferred.ts'
import { type Arguments, UsageError } from './flags.ts'
import { writeOut } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `odatum infer URI`: CSDL of what a database holds. @returns the exit code */
export async function infer(given: Arguments, terminal: Terminal): Promise<number> {
  const [uri, ...more] = given.positionals
  if (uri === undefined || more.length > 0 || !/^mongodb(?:\+srv)?:\/\//.test(uri))
    throw new UsageError('infer takes one MongoDB URI, mongodb://HOST/DATABASE')
  const size = given.number('sample', 1, 1_000_000) ?? 1_000
  const collections: SampledCollection[] = []
  for await (const { collection, documents, rows } of sampleCollections(uri, size)) {
    const seen = nothingSeen()
    for await (const row of rows) observe(seen, row)
    terminal.error(`${collection}: ${seen.count} documents, ${seen.fields.size} fields\n`)
    collections.push({ name: collection, documents, seen })
  }
  const { csdl, left } = inferCsdl(databaseNamed(uri), collections)
  for (const reason of left) terminal.error(`${reason}\n`)
  await writeOut(given, terminal, csdl)
  return 0
}
