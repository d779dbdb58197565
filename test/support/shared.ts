import { join } from 'node:path'

/** Data to test against that is not part of the repository, in a folder beside it; where it is absent the tests that need it are skipped. */
const folder = process.env.ODATUM_SHARED ?? join(import.meta.dirname, '../../../shared')

/** @param path below the folder: `csdl/trippin.xml` */
export function shared(path: string): string {
  return join(folder, path)
}
