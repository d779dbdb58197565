import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** `src/` as JavaScript, for tests that start processes of their own. */
export interface Compiled {
  readonly folder: string
  remove(): void
}

/** Compiles `src/` into a fresh folder from which its packages are found; about a second. */
export function compileSource(): Compiled {
  const root = resolve(import.meta.dirname, '../..')
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'odatum-compiled-'))
  const options = ['--outDir', folder, '--declaration', 'false', '--sourceMap', 'false', '--inlineSources', 'false']
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const result = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', ...options], {
    cwd: root,
    encoding: 'utf8',
  })
  if (!existsSync(join(folder, 'index.js'))) throw new Error(`src/ did not compile: ${result.stdout}${result.stderr}`)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
