import { readModel } from '../csdl/read-model.ts'
import { writeTypes } from '../tools/types/write-types.ts'
import { type Arguments, UsageError } from './flags.ts'
import { writeOut } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `odatum types FILE`: TypeScript types of a model. @returns the exit code */
export async function types(given: Arguments, terminal: Terminal): Promise<number> {
  const [file, ...more] = given.positionals
  if (file === undefined || more.length > 0) throw new UsageError('types takes one CSDL file')
  await writeOut(given, terminal, writeTypes(await readModel(file), file))
  return 0
}
