// Makes `npx odatum` work inside this repository: npm links the binaries of dependencies, never the package's own.
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const target = join(root, 'dist/cli/main.js')
const bin = join(root, 'node_modules/.bin')
mkdirSync(bin, { recursive: true })
chmodSync(target, 0o755)
if (process.platform === 'win32')
  writeFileSync(join(bin, 'odatum.cmd'), '@node "%~dp0\\..\\..\\dist\\cli\\main.js" %*\r\n')
else {
  rmSync(join(bin, 'odatum'), { force: true })
  symlinkSync('../../dist/cli/main.js', join(bin, 'odatum'))
}
