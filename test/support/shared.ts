import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Data to test against that is not part of the repository, in a folder beside it; where it is absent the tests that need it are skipped. */
const folder = process.env.ODATUM_SHARED ?? join(import.meta.dirname, '../../../shared')

/** @param path below the folder: `csdl/trippin.xml` */
export function shared(path: string): string {
  return join(folder, path)
}

/** The OASIS vocabularies: files by the URI that references to them have; none where they are not there. */
export function sharedVocabularies(): Readonly<Record<string, string>> {
  const path = shared('vocabularies')
  const names = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('.xml')) : []
  return Object.fromEntries(
    names.map((name) => [`https://oasis-tcs.github.io/odata-vocabularies/vocabularies/${name}`, join(path, name)]),
  )
}
