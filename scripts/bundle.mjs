// Puts the code of the command line into a few files, in place: `dist/cli/main.js` and `dist/cli/chunks/`. Finding, reading and
// compiling 500 modules one by one is a third of the start of a service. Packages stay where they are; what a command loads only
// when it needs it is a chunk of its own. Run after tsc, which writes dist/cli/main.js anew.
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'dist/cli')
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const external = new RegExp(`^(?:node:|(?:${Object.keys(dependencies).join('|')})(?:/|$))`)

const bundle = await rolldown({ input: join(folder, 'main.js'), platform: 'node', external })
const { output } = await bundle.write({
  dir: folder,
  format: 'esm',
  entryFileNames: 'main.js',
  chunkFileNames: 'chunks/[name]-[hash].js',
})
await bundle.close()

const written = new Set(output.map(({ fileName }) => fileName))
for (const name of readdirSync(join(folder, 'chunks')))
  if (!written.has(`chunks/${name}`)) rmSync(join(folder, 'chunks', name))
rmSync(join(folder, 'main.js.map'), { force: true })
chmodSync(join(folder, 'main.js'), 0o755)
